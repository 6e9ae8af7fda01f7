"""A level that may wander: MAP finds the variance of its steps to be zero, and with it that the future is known.

Since the dam at Aswan of 1899 the Nile's flow has looked like noise around a constant. Does the level below it move?
MAP says no: ``sigma_level`` is exactly 0, the edge. Then the level of 1970 is the mean of 72 years, known to ±15. The
posterior does not exclude a constant level, but does not insist on it either: sigma_level has mean 12 and 94 % between
0.4 and 44, and by all of it the level of 1970 is known to ±42 only. A forecast from MAP is as sure of itself as MAP is
of the edge.

A variance at zero is common in models of time (level, trend, season: each has one), and "the pile-up problem" is its
name when maximum likelihood does it: even if the level moves, the estimate is often exactly 0.

The model is written here with the level integrated out. With the levels as parameters there is no mode at all: in both
ways to write it (``parametrisation``) the density grows without bound as a scale goes to 0.

Question
--------
Has the level of the Nile's flow moved since the dam of 1899, and where was it in 1970?

Data
----
``year`` and ``volume``: annual flow of the Nile at Aswan, 1871 to 1970, in 10⁸ m³. Cobb (1978), as in Durbin and
Koopman (2012); shipped with R and statsmodels. From 1899 on by default.

Model
-----
::

    sigma_year   ~ HalfNormal(300)                 noise of a year
    sigma_level  ~ HalfNormal(300)                 steps of the level from year to year
    level_1      ~ Normal(1000, 1000)
    level_t      ~ Normal(level_{t-1}, sigma_level)
    volume_t     ~ Normal(level_t, sigma_year)
    today, today_sd = mean and sd of the last level, given both scales

What MAP does, and why
----------------------
Given the scales all is normal, so the levels integrate out exactly (as in a Kalman filter), and the mode of the two
scales is the usual fit with a little prior: over all 100 years 122.7 and 38.4, where the published maximum-likelihood
variances are 15,099 and 1,469, scales of 122.9 and 38.3 (Durbin and Koopman 2012, section 2.10).

Options
-------
since : first year of the shipped data to use, 1871 to 1960 (1899). Your own data are always used whole.
parametrisation : "marginal" (default: levels integrated out), "noncentered" or "centered" (levels are parameters)

References
----------
Cobb, G. W. (1978). The problem of the Nile: conditional solution to a changepoint problem. Biometrika 65, 243-251.
Durbin, J., and Koopman, S. J. (2012). Time Series Analysis by State Space Methods, second edition. Oxford.
Shephard, N., and Harvey, A. C. (1990). On the probability of estimating a deterministic component in the local level
model. Journal of Time Series Analysis 11, 339-347.
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

#: The first level's prior, in 10⁸ m³.
_START = 1000.0


@template(
    title="The level of the Nile",
    question="Has the level of the Nile's flow moved since the dam of 1899?",
    finding="MAP sets the level's steps to 0, so the last level looks far better known than it is.",
    tags=("time-series", "state-space", "boundary", "real-data"),
    parameters=2,
    observations=72,
    focus=("sigma_level", "today"),
)
def local_level(data: Any = None, *, since: int = 1899, parametrisation: str = "marginal") -> pm.Model:
    """A random walk seen through noise.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``year`` (rising by 1) and ``volume`` (of the order of 1,000).
    since : int
        First year of the shipped data to use; your own data are used whole.
    parametrisation : {"marginal", "noncentered", "centered"}
    """
    chosen = choice("local_level", "parametrisation", parametrisation, ("marginal", "noncentered", "centered"))
    start = whole("local_level", "since", since, 1871, 1960)
    table = load("nile") if data is None else data
    series = columns("local_level", table, {"year": "real", "volume": "real"})
    kept = series["year"] >= start if data is None else slice(None)
    year, volume = series["year"][kept].astype(int), series["volume"][kept]
    if len(year) < 3 or (np.diff(year) != 1).any():
        raise DataError(
            "local_level: column 'year' must rise by 1 from row to row, over three rows or more, for the level takes "
            "one step from each row to the next. Sort the rows, and fill in what is missing."
        )

    with pm.Model(coords={"year": year, "step": year[1:]}) as model:
        observed = pm.Data("volume_data", volume, dims="year")
        sigma_year = pm.HalfNormal("sigma_year", 300.0)
        sigma_level = pm.HalfNormal("sigma_level", 300.0)
        if chosen == "marginal":
            _marginal(observed, sigma_year, sigma_level, len(year))
            return model
        first = pm.Normal.dist(_START, _START)
        if chosen == "centered":
            level = pm.GaussianRandomWalk("level", mu=0.0, sigma=sigma_level, init_dist=first, dims="year")
        else:
            start_level = pm.Normal("first", _START, _START)
            z = pm.Normal("z", 0.0, 1.0, dims="step")
            walk = pt.concatenate([np.zeros(1), pt.cumsum(z)])
            level = pm.Deterministic("level", start_level + sigma_level * walk, dims="year")
        pm.Normal("volume", level, sigma_year, observed=observed, dims="year")
    return model


def _marginal(observed: Any, sigma_year: Any, sigma_level: Any, length: int) -> None:
    """The series with its levels integrated out, and the last level given the scales."""
    steps = np.arange(float(length))
    # Two levels share the steps up to the earlier one.
    levels = _START**2 + sigma_level**2 * np.minimum(steps[:, None], steps)
    covariance = levels + sigma_year**2 * np.eye(length)
    weights = pt.linalg.solve(covariance, levels[-1], assume_a="pos")
    pm.Deterministic("today", _START + (weights * (observed - _START)).sum())
    pm.Deterministic("today_sd", pt.sqrt(levels[-1, -1] - (weights * levels[-1]).sum()))
    pm.MvNormal("volume", np.full(length, _START), cov=covariance, observed=observed, dims="year")
