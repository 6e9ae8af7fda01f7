"""Radon in 85 counties: where MAP pools hardly at all, the opposite of eight schools.

A hierarchical model is there to pool: counties with few houses should lean on the others. MAP undoes that. It puts
the counties' spread ``sigma_alpha`` at 2.09 where the posterior mean is 0.32, and ``sigma_beta`` at 2.28 where it
is 0.25: above every draw of the posterior. County estimates are then nearly the raw county means, noise included,
and the noise ``sigma_y`` comes out too small.

Why: in the non-centred form ``alpha = mu_alpha + sigma_alpha * alpha_t``, any given ``alpha`` needs a smaller
``alpha_t`` when ``sigma_alpha`` is larger, and small ``alpha_t`` are the likeliest. So the joint mode always wants
the larger scale, and only the scale's own prior, HalfNormal(1), stops it. The posterior integrates over ``alpha_t``,
and the volume of good ``alpha_t`` shrinks as the scale grows: that is what the mode cannot see.

Question
--------
How much radon is in a house, by county and by the floor it was measured on?

Data
----
919 houses in 85 counties of Minnesota: ``log_radon`` (log of pCi/L), ``floor_measure`` (0 basement, 1 first floor),
``county_idx`` (1 to 85; the source has no names). Gelman and Hill (2007), chapter 12, from the State Residential
Radon Survey of the US Environmental Protection Agency; by way of posteriordb (BSD-3-Clause). A county has from 1 to
116 houses; 39 have four or fewer, and in 25 all houses were measured on the same floor.

Model
-----
::

    mu_alpha, mu_beta          ~ Normal(0, 10)
    sigma_alpha, sigma_beta    ~ HalfNormal(1)                     how much counties differ
    sigma_y                    ~ HalfNormal(1)                     how much houses differ within one
    alpha_c                    ~ Normal(mu_alpha, sigma_alpha)     log radon in county c's basements
    beta_c                     ~ Normal(mu_beta, sigma_beta)       what the first floor adds, in county c
    log_radon_i                ~ Normal(alpha_c(i) + beta_c(i) * floor_i, sigma_y)

with ``alpha`` and ``beta`` written non-centred, by ``alpha_t`` and ``beta_t`` ~ Normal(0, 1). The priors are those of
posteriordb's ``radon_variable_intercept_slope_noncentered``.

What MAP does, and why
----------------------
As above. Compare ``alpha`` of a county with two houses with its posterior mean: the pooling that is missing shows in
the estimates themselves, not only in their widths.

Options
-------
None.

References
----------
Gelman, A., and Hill, J. (2007). Data Analysis Using Regression and Multilevel/Hierarchical Models, chapter 12.
Price, P. N., Nero, A. V., and Gelman, A. (1996). Bayesian prediction of mean indoor radon concentrations for
Minnesota counties. Health Physics 71, 922-936.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, equally_long, groups, load


@template(
    title="Radon in Minnesota",
    question="How much radon is in a house, by county and by floor?",
    finding="MAP puts the counties' spread above every draw of the posterior, so it hardly pools.",
    tags=("hierarchical", "regression", "real-data"),
    parameters=175,
    observations=919,
    focus=("alpha", "beta"),
    sampler={"draws": 2000},  # sigma_beta moves slowly: 4 x 1000 draws leave it at an ESS of 500 to 700
)
def radon(data: Any = None) -> pm.Model:
    """County intercepts and county floor slopes, non-centred.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``log_radon``, ``floor_measure`` (0 or 1) and ``county_idx`` (names or whole numbers).
    """
    table = load("radon") if data is None else data
    houses = columns("radon", table, {"log_radon": "real", "floor_measure": "binary"})
    counties, county = groups("radon", table, "county_idx")
    equally_long("radon", {"log_radon": len(houses["log_radon"]), "county_idx": len(county)})

    with pm.Model(coords={"county": counties, "house": range(1, len(county) + 1)}) as model:
        observed = pm.Data("log_radon_data", houses["log_radon"], dims="house")
        floor = pm.Data("floor_measure", houses["floor_measure"], dims="house")
        c = pm.Data("county_idx", county, dims="house")

        mu_alpha = pm.Normal("mu_alpha", 0.0, 10.0)
        mu_beta = pm.Normal("mu_beta", 0.0, 10.0)
        sigma_alpha = pm.HalfNormal("sigma_alpha", 1.0)
        sigma_beta = pm.HalfNormal("sigma_beta", 1.0)
        sigma_y = pm.HalfNormal("sigma_y", 1.0)
        alpha_t = pm.Normal("alpha_t", 0.0, 1.0, dims="county")
        beta_t = pm.Normal("beta_t", 0.0, 1.0, dims="county")
        alpha = pm.Deterministic("alpha", mu_alpha + sigma_alpha * alpha_t, dims="county")
        beta = pm.Deterministic("beta", mu_beta + sigma_beta * beta_t, dims="county")
        pm.Normal("log_radon", alpha[c] + beta[c] * floor, sigma_y, observed=observed, dims="house")
    return model
