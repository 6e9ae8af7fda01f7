"""Eight schools: the smallest hierarchical model, where MAP says that all schools are the same.

MAP sets the schools' spread ``tau`` to exactly 0, the edge of what is possible, and with it gives every school
the same effect (4.62 points). That is not what the data say: the posterior mean of tau is 3.6, and its 95th
percentile 9.8. The mode of a scale often sits in a corner that holds no mass: at ``tau = 0`` the density is
highest in the non-centred coordinates, but the volume near it is tiny, and probability is density times volume.

Written in centred coordinates, the same model has no mode at all: as ``tau`` goes to 0 with all ``theta`` equal
to ``mu``, the density grows without bound. One model, one posterior, two ways to write it, two answers from MAP.

Question
--------
Eight schools each tried a coaching programme for the SAT. By how many points did it raise the scores in each?

Data
----
Estimated effects ``y`` and their standard errors ``sigma``, in SAT points: Rubin (1981), as in Gelman et al. (2013),
section 5.5, where the schools are A to H; their names are those of ArviZ's example. From posteriordb (BSD-3-Clause).

Model
-----
::

    mu       ~ Normal(0, 5)                the programme's mean effect
    tau      ~ HalfCauchy(5)               how much schools differ
    theta_j  ~ Normal(mu, tau)             school j's effect
    y_j      ~ Normal(theta_j, sigma_j)    sigma_j known

What MAP does, and why
----------------------
Non-centred (``theta = mu + tau * theta_t``, ``theta_t ~ Normal(0, 1)``), the data do not differ enough between
schools to pay for a ``tau`` above 0 at the mode. Each school's estimate is then the precision-weighted mean, and its
uncertainty is lost entirely. Centred, the prior of eight ``theta`` contributes ``tau**-8``, which nothing stops.

Options
-------
parametrisation : "noncentered" (default) or "centered"

References
----------
Rubin, D. B. (1981). Estimation in parallel randomized experiments. Journal of Educational Statistics 6, 377-401.
Gelman, A., et al. (2013). Bayesian Data Analysis, third edition, section 5.5. CRC Press.
Betancourt, M., and Girolami, M. (2015). Hamiltonian Monte Carlo for hierarchical models. arXiv:1312.0906.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, labels, load
from bayescompare.templates.options import choice


@template(
    title="Eight schools",
    question="By how many points did coaching raise SAT scores in each of eight schools?",
    finding="MAP sets tau to 0, the edge, so all schools get one effect; the posterior lets them differ.",
    tags=("hierarchical", "classic", "real-data"),
    parameters=10,
    observations=8,
    focus=("theta", "tau"),
    sampler={"target_accept": 0.95},  # the funnel below tau = 1 needs short steps
)
def eight_schools(data: Any = None, *, parametrisation: str = "noncentered") -> pm.Model:
    """Schools' effects around a common mean.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``y`` (effects), ``sigma`` (standard errors, above 0) and, if you like, ``school`` (names).
    parametrisation : {"noncentered", "centered"}
    """
    chosen = choice("eight_schools", "parametrisation", parametrisation, ("noncentered", "centered"))
    table = load("eight_schools") if data is None else data
    schools = columns("eight_schools", table, {"y": "real", "sigma": "positive"})
    names = labels("eight_schools", table, "school", len(schools["y"]))

    with pm.Model(coords={"school": names}) as model:
        y = pm.Data("y_data", schools["y"], dims="school")
        sigma = pm.Data("sigma", schools["sigma"], dims="school")

        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.HalfCauchy("tau", 5.0)
        if chosen == "centered":
            theta = pm.Normal("theta", mu, tau, dims="school")
        else:
            theta_t = pm.Normal("theta_t", 0.0, 1.0, dims="school")
            theta = pm.Deterministic("theta", mu + tau * theta_t, dims="school")
        pm.Normal("y", theta, sigma, observed=y, dims="school")
    return model
