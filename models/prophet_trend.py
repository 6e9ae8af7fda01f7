"""Prophet's forecast is a MAP estimate, and its interval leaves out the trend that it was not sure of.

Prophet draws a trend that may bend at 25 places, with a Laplace prior on each bend, and by default it finds the mode.
That is a lasso: MAP sets 21 of the 25 bends of this series to exactly 0, and puts the whole turn around the oil crisis
into a few, most of it into November 1972 (-0.67). The posterior spreads that turn over two years, each bend of it
uncertain (-0.16 ± 0.15 there), and no draw has a 0 in it.

It matters for the forecast. Prophet's interval lets the future bend as much as the past did: by the mean of the sizes
of its bends. Of a sparse mode that mean is small: 0.040, where the posterior says 0.077 ± 0.011, more in nearly every
draw. Nor does it hold any doubt about today's slope, level and season. Two years ahead Prophet's 80 % interval is 327
drivers wide, and the posterior's 412.

Question
--------
How will the number of drivers killed or seriously injured in Great Britain go on for two years?

Data
----
Drivers of cars killed or seriously injured, monthly from 1969 to 1984: Harvey and Durbin (1986); by way of posteriordb
(BSD-3-Clause). The model learns from the first ``n`` months, to the end of 1980 by default. (Seat belts became
compulsory in February 1983, and no trend foresees that.)

Model
-----
Prophet's (Taylor and Letham 2018), with time from 0 to 1 and the series divided by its maximum::

    slope, level  ~ Normal(0, 5)
    delta_j       ~ Laplace(0, changepoint_scale)           change of slope at place j, even over the first 80 %
    season_k      ~ Normal(0, 10)                           sines and cosines of the year
    sigma         ~ HalfNormal(0.5)
    y_t           ~ Normal(level + slope t + Σ_j delta_j max(t - s_j, 0) + season_t, sigma)

``last_slope`` is the slope at the end, ``mean_bend`` the mean of abs(delta), ``forecast`` the mean of the months ahead
if the trend bends no more, in drivers.

What MAP does, and why
----------------------
With sigma as it is at the mode, the bends are scikit-learn's lasso on hinges, the other coefficients projected out,
which a test holds. A bend at the wrong place can be mended by its neighbours at no great cost in likelihood, and the
mode picks the few that are cheapest in absolute size. In the intervals above the future bends as Prophet makes it: a
Poisson number of places, at the past's rate, and Laplace sizes of scale ``mean_bend``. At MAP these bends add 9
drivers to the width. (Prophet's ``mcmc_samples`` samples instead; the model is the same.)

Is the wider interval the better? Of the 24 months that followed, Prophet's 80 % held 18, and the posterior's 22. One
series cannot tell more.

Options
-------
n : how many of the shipped months to learn from, 48 to 192 (144). Your own data are always used whole.
horizon : months to forecast (24)
changepoints : places where the trend may bend (25)
changepoint_scale : scale of the bends' prior, Prophet's changepoint_prior_scale (0.05)
harmonics : pairs of sine and cosine in the season, 1 to 5 (5)

References
----------
Taylor, S. J., and Letham, B. (2018). Forecasting at scale. The American Statistician 72, 37-45.
Harvey, A. C., and Durbin, J. (1986). The effects of seat belt legislation on British road casualties. JRSS A 149,
187-227.
Kim, S.-J., Koh, K., Boyd, S., and Gorinevsky, D. (2009). l1 trend filtering. SIAM Review 51, 339-360.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import Array, columns, labels, load
from bayescompare.templates.options import positive, whole

PERIOD = 12
"""Rows in a season."""


@template(
    title="Prophet's trend",
    question="How will the number of drivers killed or seriously injured in Great Britain go on for two years?",
    finding="MAP drops most of the 25 bends, and its forecast lets the future bend too little.",
    tags=("time-series", "forecast", "sparsity", "real-data"),
    parameters=38,
    observations=144,
    focus=("forecast",),
    sampler={"target_accept": 0.9},
)
def prophet_trend(
    data: Any = None,
    *,
    n: int = 144,
    horizon: int = 24,
    changepoints: int = 25,
    changepoint_scale: float = 0.05,
    harmonics: int = 5,
) -> pm.Model:
    """A piecewise linear trend with a season, as Prophet fits it.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``drivers`` (any monthly series above 0) and, if you like, ``month`` (names of the rows).
    n : int
        How many of the shipped months to learn from; your own data are used whole.
    horizon : int
        Months to forecast.
    changepoints : int
        Places where the trend may bend, even over the first 80 % of the months.
    changepoint_scale : float
        Scale of the bends' prior (Prophet's changepoint_prior_scale).
    harmonics : int
        Pairs of sine and cosine in the season of twelve months.
    """
    owner = "prophet_trend"
    table = load("uk_drivers_monthly") if data is None else data
    series = columns(owner, table, {"drivers": "positive"})["drivers"]
    months = labels(owner, table, "month", len(series))
    rows = len(series) if data is not None else whole(owner, "n", n, 48, len(series))
    ahead = whole(owner, "horizon", horizon, 1, 120)
    bends = whole(owner, "changepoints", changepoints, 1, 100)
    pairs = whole(owner, "harmonics", harmonics, 1, 5)
    scale = positive(owner, "changepoint_scale", changepoint_scale)
    if rows * 0.8 < bends + 1:
        raise DataError(f"{owner}: {rows} rows are too few for {bends} changepoints. Give more, or set changepoints.")
    y = series[:rows]
    last = rows - 1
    time = np.arange(rows + ahead) / last  # 0 at the first month, 1 at the last that is known
    at = np.linspace(0, np.floor(0.8 * rows) - 1, bends + 1).round()[1:] / last

    coords = {
        "month": months[:rows],
        "future": [months[i] if i < len(months) else f"+{i - last}" for i in range(rows, rows + ahead)],
        "changepoint": [months[round(s * last)] for s in at],
        "harmonic": [f"{kind}{k}" for k in range(1, pairs + 1) for kind in ("sin", "cos")],
    }
    with pm.Model(coords=coords) as model:
        hinge, hinge_ahead = np.split(np.maximum(time[:, None] - at, 0.0), [rows])
        season, season_ahead = np.split(_season(rows + ahead, pairs), [rows])
        bend = pm.Data("bend", hinge, dims=("month", "changepoint"))
        wave = pm.Data("wave", season, dims=("month", "harmonic"))
        observed = pm.Data("drivers_data", y / y.max(), dims="month")

        slope = pm.Normal("slope", 0.0, 5.0)
        level = pm.Normal("level", 0.0, 5.0)
        delta = pm.Laplace("delta", 0.0, scale, dims="changepoint")
        gamma = pm.Normal("season", 0.0, 10.0, dims="harmonic")
        sigma = pm.HalfNormal("sigma", 0.5)

        # Not bend @ delta: PyTensor compiles its matrix product for 40 s, once on each machine; a sum compiles at once.
        def mean(t: Array, bends: Any, waves: Any) -> Any:
            return level + slope * t + (bends * delta).sum(-1) + (waves * gamma).sum(-1)

        pm.Deterministic("last_slope", slope + delta.sum())
        pm.Deterministic("mean_bend", abs(delta).mean())
        pm.Deterministic("forecast", mean(time[rows:], hinge_ahead, season_ahead) * y.max(), dims="future")
        pm.Normal("drivers", mean(time[:rows], bend, wave), sigma, observed=observed, dims="month")
    return model


def _season(rows: int, pairs: int) -> Array:
    """Sines and cosines of the month, of shape (rows, 2 pairs)."""
    angle = 2 * np.pi * np.arange(rows)[:, None] / PERIOD
    waves = [wave(k * angle) for k in range(1, pairs + 1) for wave in (np.sin, np.cos)]
    return np.concatenate(waves, axis=1)
