"""An autoregression of Lake Huron's level: where the plug-in of a derived time is far from its posterior.

How long does a high lake stay high? The AR(1) coefficient ``phi`` has its mode at 0.838 and its posterior mean at
0.857: 0.3 posterior sd apart, which nobody would notice. The half-life of a deviation, log ½ / log phi, is what one
wants to know, and there the same gap grows: 3.9 years by plugging in the MAP, a posterior median of 4.5, and 94 % of
the posterior between 2.4 and 18 years, because ``1 / log phi`` explodes as phi nears 1. A plug-in has no such tail.

The Laplace approximation does not save it. Its interval for the half-life ends near 7 years: it is symmetric about
the mode of logit(phi), and the posterior is not.

Question
--------
After a wet decade, how many years does Lake Huron need to lose half of what it stood above its mean?

Data
----
Mean annual level of Lake Huron, 1875 to 1972, in feet: ``year`` and ``level``. Brockwell and Davis (1991), series A of
the appendix; as shipped with R (``datasets::LakeHuron``).

Model
-----
::

    mean     ~ Normal(average of the series, 5 sd of the series)
    phi      ~ Uniform(0, 1)
    sigma    ~ HalfNormal(5 sd of the series)
    level_1  ~ Normal(mean, sigma / sqrt(1 - phi²))                  the stationary law
    level_t  ~ Normal(mean + phi * (level_{t-1} - mean), sigma)
    half_life = log(1/2) / log(phi)                                  in steps of the series

The priors of ``mean`` and ``sigma`` take their scale from the data and hardly matter. ``phi`` is held between 0 and 1:
a negative one has no half-life, and one above 1 no mean.

What MAP does, and why
----------------------
The likelihood of ``phi`` leans towards 1, for a series that wanders slowly looks alike under phi = 0.9 and 0.97, while
the mode takes only the top. Near phi = 1 the mean is hardly known either, and the posterior adds up all those lines;
the mode takes the one best line. With flat priors the MAP is the exact maximum-likelihood fit (statsmodels' ``ARIMA``).

The posterior of the half-life has a mean but no variance: its tail falls like the power -2.5. Report its quantiles.

Options
-------
None.

References
----------
Brockwell, P. J., and Davis, R. A. (1991). Time Series: Theory and Methods, second edition. Springer.
Andrews, D. W. K. (1993). Exactly median-unbiased estimation of first order autoregressive/unit root models.
Econometrica 61, 139-165.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import Array, columns, load


@template(
    title="Lake Huron's memory",
    question="How many years until half of a deviation of Lake Huron's level is gone?",
    finding="Plugging in MAP gives shocks too short a half-life; the posterior's long tail is lost.",
    tags=("time-series", "derived-quantity", "real-data"),
    parameters=3,
    observations=98,
    focus=("half_life",),
    sampler={"draws": 2000},  # the tail of the half-life needs many
)
def ar(data: Any = None) -> pm.Model:
    """A stationary AR(1) with its half-life.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``year`` (whole numbers, one apart, rising) and ``level``.
    """
    series = columns("ar", load("lake_huron") if data is None else data, {"year": "real", "level": "real"})
    year, level = series["year"], series["level"]
    _check(year, level)
    scale = 5 * level.std()

    with pm.Model(coords={"year": year.astype(int)}) as model:
        observed = pm.Data("level_data", level, dims="year")

        mean = pm.Normal("mean", level.mean(), scale)
        phi = pm.Uniform("phi", 0.0, 1.0)
        sigma = pm.HalfNormal("sigma", scale)
        pm.Deterministic("half_life", np.log(0.5) / pm.math.log(phi))
        stationary = pm.Normal.dist(mean, sigma / pm.math.sqrt(1 - phi**2))
        step = pm.math.stack([mean * (1 - phi), phi])
        pm.AR("level", step, sigma=sigma, constant=True, init_dist=stationary, observed=observed, dims="year")
    return model


def _check(year: Array, level: Array) -> None:
    if len(year) < 3 or (np.diff(year) != 1).any():
        raise DataError(
            "ar: column 'year' must rise by 1 from row to row, over three rows or more, for the model takes each row "
            "for the successor of the one before. Sort the rows, and fill in what is missing."
        )
    if level.min() == level.max():
        raise DataError("ar: column 'level' has the same value in every row, so there is nothing to model.")
