"""Hospital ranking: MAP puts twelve hospitals in an order, and is sure of it.

In which hospital do fewest infants die after heart surgery? MAP gives each of twelve a place from 1 to 12. It says that
J has place 9; the posterior says anything from 2 to 11 (90 %). MAP's last is H; that is so with probability 0.64. An
order has no error bars, so reading one off point estimates hides more than the estimates do.

MAP is also wrong about the estimates. It puts the spread between hospitals, ``sigma``, at 1.42 on the logit scale,
where the posterior has 0.45 ± 0.16. With so wide a spread there is next to nothing to be learned from other
hospitals: the mortality of A, with no death in 47 operations, is 1.6 % by MAP and 5.1 ± 2.0 % in the posterior.

Question
--------
Which hospital has the lowest mortality, and how sure is the order?

Data
----
Cardiac surgery on infants in twelve hospitals: number of ``operations`` and ``deaths``. From the BUGS examples
(Surgical), by way of posteriordb (BSD-3-Clause).

Model
-----
::

    mu           ~ Normal(-2.5, 1)               the average hospital, on the logit scale: about 8 %
    sigma        ~ HalfNormal(prior_scale)       how much hospitals differ
    b_h          ~ Normal(mu, sigma)
    deaths_h     ~ Binomial(operations_h, logit⁻¹(b_h))

    mortality_h = logit⁻¹(b_h)
    place_h     = 1 + number of hospitals with a lower mortality

with ``b`` written non-centred, by ``b_t ~ Normal(0, 1)``.

What MAP does, and why
----------------------
In the non-centred form a larger ``sigma`` lets each ``b_h`` go where its own data want it at little cost in ``b_t``,
and only the prior of sigma stops that (see ``radon``, where it is told at length). With ``prior_scale = 0.2`` MAP's
sigma is 0.48. The places at the MAP are those of the raw rates; in the posterior they are drawn with everything else.

Options
-------
prior_scale : of the half-normal prior of sigma, on the logit scale (1)

References
----------
Spiegelhalter, D., Thomas, A., Best, N., and Gilks, W. (1996). BUGS Examples, volume 1: Surgical. MRC Biostatistics
Unit.
Goldstein, H., and Spiegelhalter, D. J. (1996). League tables and their limitations. Journal of the Royal Statistical
Society A 159, 385-443.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import events_in_trials, labels, load
from bayescompare.templates.options import positive


@template(
    title="Hospital ranking",
    question="Which of twelve hospitals has the lowest mortality, and how sure is the order?",
    finding="MAP ranks 12 hospitals 1 to 12 with no doubt; the posterior leaves most places open.",
    tags=("hierarchical", "ranking", "quadrature", "real-data"),
    parameters=14,
    observations=12,
    focus=("mortality",),
    losses=("least of mortality",),
    sampler={"target_accept": 0.9},
)
def surgical(data: Any = None, *, prior_scale: float = 1.0) -> pm.Model:
    """Mortality in several hospitals, partially pooled, and their places.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``deaths``, ``operations`` and, if you like, ``hospital`` (names).
    prior_scale : float
        Of the half-normal prior of the hospitals' spread, on the logit scale.
    """
    scale = positive("surgical", "prior_scale", prior_scale)
    table = load("surgical") if data is None else data
    deaths, operations = events_in_trials("surgical", table, "deaths", "operations")
    names = labels("surgical", table, "hospital", len(deaths))

    with pm.Model(coords={"hospital": names}) as model:
        observed = pm.Data("deaths_data", deaths, dims="hospital")
        n = pm.Data("operations", operations, dims="hospital").astype("int64")  # 32 bits lose digits in JAX
        mu = pm.Normal("mu", -2.5, 1.0)
        sigma = pm.HalfNormal("sigma", scale)
        b_t = pm.Normal("b_t", 0.0, 1.0, dims="hospital")
        b = pm.Deterministic("b", mu + sigma * b_t, dims="hospital")
        pm.Binomial("deaths", n=n, logit_p=b, observed=observed, dims="hospital")
        pm.Deterministic("mortality", pm.math.invlogit(b), dims="hospital")
        # Hospitals level with one another, h itself among them, do not count.
        pm.Deterministic("place", 1.0 + (b[None, :] < b[:, None]).sum(axis=1).astype("float64"), dims="hospital")
    return model
