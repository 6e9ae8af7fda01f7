"""Thirty rats: MAP gets the average rat right, and everything about the other rats wrong.

Weights of 30 young rats over five weeks, a growth line for each. MAP's average line is the posterior's: 242.7 g at
day 22 and 43.0 g a week (posterior 242.7 ± 2.8 and 43.3 ± 0.8). But how much rats differ, MAP puts at 62 g and 21 g a
week, where the posterior has 14.9 ± 2.1 and 3.7 ± 0.7: more than twenty posterior sd away. Anyone who looks at the
averages alone finds MAP in order.

The damage shows as soon as a rat is predicted that was not weighed. For its weight at day 36 MAP's sd is 75 g; the
posterior's is 17.8 ± 1.9. And the rats that were weighed are not pooled at all, so the measurement noise is taken for
growth: MAP's ``sigma_y`` is 4.7 g against 6.1 ± 0.5.

Question
--------
How do young rats grow, and how much do they differ?

Data
----
``weight`` (g) of 30 rats at ``day`` 8, 15, 22, 29 and 36: Gelfand et al. (1990), as in the BUGS examples (Rats), by
way of posteriordb (BSD-3-Clause).

Model
-----
::

    mu_alpha       ~ Normal(250, 100)               g, at the middle of the days (22)
    mu_beta        ~ Normal(0, 50)                  g a week
    sigma_alpha    ~ HalfNormal(50 prior_scale)
    sigma_beta     ~ HalfNormal(20 prior_scale)
    sigma_y        ~ HalfNormal(20)
    alpha_r        ~ Normal(mu_alpha, sigma_alpha)
    beta_r         ~ Normal(mu_beta, sigma_beta)
    weight_i       ~ Normal(alpha_r(i) + beta_r(i) * week_i, sigma_y)

    birth_weight = mu_alpha - 22 / 7 mu_beta, of the average rat by its line; new_rat_sd, of a new rat at the last day

What MAP does, and why
----------------------
Non-centred, the prior of ``alpha_t`` and ``beta_t`` (60 numbers) is highest where they are all small, which a large
scale makes them, and the joint mode gives in to that until the scales' own priors stop it: with priors twice as wide
its scales are 1.4 times as large, while the posterior hardly moves. Centred, there is no mode: where all rats share
one slope the density grows without bound as ``sigma_beta`` goes to 0, though 150 observations say plainly that it is
not 0.

Options
-------
parametrisation : "noncentered" (default) or "centered"
prior_scale : what the priors of sigma_alpha and sigma_beta are multiplied by (1)

References
----------
Gelfand, A. E., Hills, S. E., Racine-Poon, A., and Smith, A. F. M. (1990). Illustration of Bayesian inference in normal
data models using Gibbs sampling. Journal of the American Statistical Association 85, 972-985.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, equally_long, groups, load
from bayescompare.templates.options import choice, positive


@template(
    title="Rats",
    question="How do thirty young rats grow, and how much do they differ?",
    finding="MAP's average rat is right; its spread of growth rates is several times the posterior's.",
    tags=("hierarchical", "growth", "quadrature", "real-data"),
    parameters=65,
    observations=150,
    focus=("mu_beta", "sigma_alpha", "sigma_beta", "beta"),
    sampler={"draws": 4000, "tune": 2000},  # mu_alpha moves slowly, non-centred: an ESS of 1 in 15
)
def rats(data: Any = None, *, parametrisation: str = "noncentered", prior_scale: float = 1.0) -> pm.Model:
    """A growth line for each rat, around the average rat's.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``weight`` (g), ``day`` and ``rat`` (names or whole numbers).
    parametrisation : {"noncentered", "centered"}
    prior_scale : float
        What the scales of the priors of ``sigma_alpha`` and ``sigma_beta`` are multiplied by.
    """
    chosen = choice("rats", "parametrisation", parametrisation, ("noncentered", "centered"))
    scale = positive("rats", "prior_scale", prior_scale)
    table = load("rats") if data is None else data
    weighing = columns("rats", table, {"weight": "positive", "day": "real"})
    names, rat = groups("rats", table, "rat")
    equally_long("rats", {"weight": len(weighing["weight"]), "rat": len(rat)})
    day = weighing["day"]
    middle = (day.min() + day.max()) / 2

    with pm.Model(coords={"rat": names, "weighing": range(1, len(day) + 1)}) as model:
        observed = pm.Data("weight_data", weighing["weight"], dims="weighing")
        week = pm.Data("week", (day - middle) / 7, dims="weighing")
        r = pm.Data("rat_idx", rat, dims="weighing")

        mu_alpha = pm.Normal("mu_alpha", 250.0, 100.0)
        mu_beta = pm.Normal("mu_beta", 0.0, 50.0)
        sigma_alpha = pm.HalfNormal("sigma_alpha", 50.0 * scale)
        sigma_beta = pm.HalfNormal("sigma_beta", 20.0 * scale)
        sigma_y = pm.HalfNormal("sigma_y", 20.0)
        if chosen == "centered":
            alpha = pm.Normal("alpha", mu_alpha, sigma_alpha, dims="rat")
            beta = pm.Normal("beta", mu_beta, sigma_beta, dims="rat")
        else:
            alpha_t = pm.Normal("alpha_t", 0.0, 1.0, dims="rat")
            beta_t = pm.Normal("beta_t", 0.0, 1.0, dims="rat")
            alpha = pm.Deterministic("alpha", mu_alpha + sigma_alpha * alpha_t, dims="rat")
            beta = pm.Deterministic("beta", mu_beta + sigma_beta * beta_t, dims="rat")
        pm.Normal("weight", alpha[r] + beta[r] * week, sigma_y, observed=observed, dims="weighing")
        pm.Deterministic("birth_weight", mu_alpha - middle / 7 * mu_beta)
        variance = sigma_alpha**2 + (week.max() * sigma_beta) ** 2 + sigma_y**2
        pm.Deterministic("new_rat_sd", pm.math.sqrt(variance))
    return model
