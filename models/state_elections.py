"""State elections: MAP says that a surprise in Ohio tells little of Florida.

Election results in 50 states move together: a national swing each year, a swing of each region, and the rest a
state's own. How much together decides what a surprise in one state says of the others, and how likely a landslide is.
By MAP the swings of two states in different regions have a correlation of 0.18; in the posterior it is 0.46 ± 0.13.

The sd of a state's swing is 1.03 on the logit scale, says MAP: from 50 % to 74 %, or as far the other way, is nothing
unusual. The posterior says 0.28 ± 0.04, to 57 %. Of five scales MAP makes four too large, the regions' swings most:
0.93 against 0.16 ± 0.01.

Question
--------
How much of a state's swing does it share with its region and with the nation?

Data
----
Simulated, says posteriordb (``state_wide_presidential_votes``, BSD-3-Clause; the data of a Gaussian-process forecast of
US elections, Trangucci, 2017), without the seed: one party's ``share`` of the vote in 50 states of 10 regions at 11
elections. States, regions and years are numbered as there; they have no names.

Model
-----
::

    mu                     ~ Normal(0, 1)
    each sigma             ~ HalfNormal(prior_scale)
    state_s                ~ Normal(0, sigma_state)                a state's own average
    region_r               ~ Normal(0, sigma_region)
    year_t                 ~ Normal(0, sigma_year)                 national swing
    region_year_rt         ~ Normal(0, sigma_region_year)          regional swing
    logit(share_st)        ~ Normal(mu + state_s + region_r(s) + year_t + region_year_r(s)t, sigma_y)

    swing_sd         = sd of a state's result in a new election, its average known
    correlation      = of two states' swings, in one region and in two

with all effects written non-centred.

What MAP does, and why
----------------------
The 110 regional swings have a prior that is highest where all ``region_year_t`` are small, so the joint mode takes
``sigma_region_year`` as far up as its own prior allows (see ``radon``). The more effects share a scale, the stronger
the pull: the scales are not inflated alike, and so the correlations, ratios of their squares, come out wrong as well.

Options
-------
prior_scale : of the half-normal priors of all five scales, on the logit scale (0.5)

References
----------
Trangucci, R. (2017). Hierarchical Gaussian processes in Stan. StanCon 2017.
Gelman, A., and Hill, J. (2007). Data Analysis Using Regression and Multilevel/Hierarchical Models, chapter 14.
Linzer, D. A. (2013). Dynamic Bayesian forecasting of presidential elections in the states. Journal of the American
Statistical Association 108, 124-134.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import columns, equally_long, groups, load
from bayescompare.templates.options import positive


@template(
    title="State elections",
    question="How much of a state's swing does it share with its region and with the nation?",
    finding="MAP takes the swings of states in two regions for nearly unrelated; the posterior does not.",
    tags=("hierarchical", "crossed", "forecast", "simulated-data"),
    parameters=187,
    observations=550,
    focus=("correlation",),
    sampler={"draws": 4000},  # mu and the national swings move slowly: an ESS of 1 in 10
)
def state_elections(data: Any = None, *, prior_scale: float = 0.5) -> pm.Model:
    """Vote shares by state, region and year, each with its own spread.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``share`` (above 0, below 1), ``state``, ``region`` and ``year`` (names or whole numbers).
    prior_scale : float
        Of the half-normal priors of the five scales, on the logit scale.
    """
    scale = positive("state_elections", "prior_scale", prior_scale)
    table = load("state_elections") if data is None else data
    share = columns("state_elections", table, {"share": "positive"})["share"]
    if share.max() >= 1:
        raise DataError("state_elections: some of column 'share' are 1 or above, but each must lie between 0 and 1.")
    (states, s), (regions, r), (years, t) = (groups("state_elections", table, c) for c in ("state", "region", "year"))
    equally_long("state_elections", {"share": len(share), "state": len(s), "region": len(r), "year": len(t)})

    coords = {"state": states, "region": regions, "year": years, "result": range(1, len(share) + 1)}
    with pm.Model(coords={**coords, "pair": ["one region", "two regions"]}) as model:
        observed = pm.Data("logit_share", np.log(share / (1 - share)), dims="result")
        state = pm.Data("state_idx", s, dims="result")
        region = pm.Data("region_idx", r, dims="result")
        year = pm.Data("year_idx", t, dims="result")

        mu = pm.Normal("mu", 0.0, 1.0)
        names = ("state", "region", "year", "region_year", "y")
        sigma = {name: pm.HalfNormal(f"sigma_{name}", scale) for name in names}
        state_t = pm.Normal("state_t", 0.0, 1.0, dims="state")
        region_t = pm.Normal("region_t", 0.0, 1.0, dims="region")
        year_t = pm.Normal("year_t", 0.0, 1.0, dims="year")
        region_year_t = pm.Normal("region_year_t", 0.0, 1.0, dims=("region", "year"))
        average = mu + sigma["state"] * state_t[state] + sigma["region"] * region_t[region]
        swing = sigma["year"] * year_t[year] + sigma["region_year"] * region_year_t[region, year]
        pm.Normal("vote", average + swing, sigma["y"], observed=observed, dims="result")

        national, regional = sigma["year"] ** 2, sigma["year"] ** 2 + sigma["region_year"] ** 2
        variance = regional + sigma["y"] ** 2
        pm.Deterministic("swing_sd", pm.math.sqrt(variance))
        pm.Deterministic("correlation", pt.stack([regional, national]) / variance, dims="pair")
    return model
