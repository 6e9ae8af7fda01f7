"""Stochastic volatility: MAP says that markets never change their mood, or that each day is a mood of its own.

How variable a return is changes from day to day, slowly. The model gives each day its own log variance ``h``, an AR(1)
with steps of sd ``sigma``, and the joint mode over days and parameters is no description of it. With the days as
standard normals (non-centred) MAP makes sigma 18: each day's variance is fitted to the one return it saw. With the days
themselves as parameters (centred) MAP makes it 0.014, a constant volatility, and only the prior keeps it from 0. The
posterior mean is 0.11, and 94 % lie between 0.07 and 0.20: above the one, far below the other.

There are as many unknown volatilities as returns, so no amount of data mends a joint mode. Fits that maximise do so
after the days are integrated out (a particle filter, or an approximation of it); NUTS integrates them out by sampling.

Question
--------
How much, and how lastingly, does the volatility of the pound change?

Data
----
``dollars``: the price of a pound, each trading day (``date``) from 1 October 1981 to 28 June 1985, 946 days; from the
first 251, 250 returns, by default. The series of Harvey, Ruiz and Shephard (1994); from R's ``Ecdat::Garch``. Returns
are 100 times the differences of the logarithm, less their mean.

Model
-----
::

    mu          ~ Normal(0, 1)                   level of the log variance
    persistence ~ Beta(20, 1.5)                  phi = 2 persistence - 1
    variance    ~ InverseGamma(2.5, 0.025)       of the steps: sigma = sqrt(variance)
    h_1         ~ Normal(mu, sigma / sqrt(1 - phi²))
    h_t         ~ Normal(mu + phi (h_{t-1} - mu), sigma)
    returns_t   ~ Normal(0, exp(h_t / 2))

with the priors of ``phi`` and ``sigma`` of Kim, Shephard and Chib (1998).

What MAP does, and why
----------------------
Centred, the days' density contributes ``sigma**-250``, a reward for a small sigma that the likelihood cannot outweigh.
Non-centred, a larger sigma lets every ``z`` be smaller at the same ``h``, which is likelier; the returns do not object,
for the best variance of a day with one return is that return squared.

Options
-------
days : how many of the shipped returns to use, 50 to 945 (250). Your own data are always used whole.
parametrisation : "noncentered" (default) or "centered"

References
----------
Harvey, A. C., Ruiz, E., and Shephard, N. (1994). Multivariate stochastic variance models. Review of Economic Studies
61, 247-264.
Kim, S., Shephard, N., and Chib, S. (1998). Stochastic volatility: likelihood inference and comparison with ARCH models.
Review of Economic Studies 65, 361-393.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import choice, whole


@template(
    title="Stochastic volatility",
    question="How much, and how lastingly, does the volatility of the pound change?",
    finding="MAP's step of the log volatility is far too large or too small, by parametrisation.",
    tags=("time-series", "state-space", "hierarchical", "coordinates", "real-data"),
    parameters=253,
    observations=250,
    focus=("phi", "sigma"),
    sampler={"target_accept": 0.98, "draws": 2000},  # the level is hardly known where phi nears 1
)
def stochastic_volatility(data: Any = None, *, days: int = 250, parametrisation: str = "noncentered") -> pm.Model:
    """Returns with a variance that is an AR(1) on the log scale.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``dollars`` (prices, above 0), in order of time.
    days : int
        How many of the shipped returns to use, from the first on, 50 to 945; your own data are used whole.
    parametrisation : {"noncentered", "centered"}
    """
    number = whole("stochastic_volatility", "days", days, 50, 945)
    chosen = choice("stochastic_volatility", "parametrisation", parametrisation, ("noncentered", "centered"))
    table = columns("stochastic_volatility", load("pound") if data is None else data, {"dollars": "positive"})
    prices = table["dollars"][: number + 1] if data is None else table["dollars"]
    returns = 100 * np.diff(np.log(prices))
    if len(returns) < 3 or returns.min() == returns.max():
        raise DataError("stochastic_volatility: column 'dollars' needs four prices or more, whose returns differ.")

    with pm.Model(coords={"day": range(1, len(returns) + 1)}) as model:
        observed = pm.Data("returns_data", returns - returns.mean(), dims="day")

        mu = pm.Normal("mu", 0.0, 1.0)
        phi = pm.Deterministic("phi", 2 * pm.Beta("persistence", 20.0, 1.5) - 1)
        sigma = pm.Deterministic("sigma", pt.sqrt(pm.InverseGamma("variance", 2.5, 0.025)))
        if chosen == "centered":
            stationary = pm.Normal.dist(mu, sigma / pt.sqrt(1 - phi**2))
            step = pt.stack([mu * (1 - phi), phi])
            h = pm.AR("h", step, sigma=sigma, constant=True, init_dist=stationary, dims="day")
        else:
            z = pm.Normal("z", 0.0, 1.0, dims="day")
            h = pm.Deterministic("h", mu + sigma * _autoregression(z, phi, len(returns)), dims="day")
        pm.Normal("returns", 0.0, pt.exp(h / 2), observed=observed, dims="day")
    return model


def _autoregression(z: Any, phi: Any, length: int) -> Any:
    """Stationary x with x_t = phi x_{t-1} + z_t, by doubling: ten sums of vectors in place of a loop over time."""
    x = pt.concatenate([z[:1] / pt.sqrt(1 - phi**2), z[1:]])
    lag = 1
    while lag < length:
        x = x + phi**lag * pt.concatenate([np.zeros(lag), x[:-lag]])
        lag *= 2
    return x
