"""Pilots on a simulator: where the spread comes from, MAP cannot say.

Does it matter how a pilot was trained, or at which airport control was lost? A crossed model gives each of five
treatments and eight airports an effect, and each set a spread of its own. By MAP the spread between treatments is
0.31, on a scale from 0 to 1: a difference worth an inquiry. The posterior has 0.06 ± 0.07: no sign that treatments
differ. The spread between airports is 0.94 by MAP, more than shares between 0 and 1 can have, against 0.38 ± 0.13.

What a crossed model is for is the division of the variance. Treatments have 9 % of it by MAP and 3 % in the posterior,
noise 3 % by MAP and 28 % in the posterior.

Question
--------
How much of the variation in pilots' success is due to treatments, to airports, and to neither?

Data
----
``recovered``: share of pilots who regained control, for each of five groups of pilots (``treatment``) in each of
eight scenarios (``airport``) on a flight simulator. Gelman and Hill (2007), section 13.5; by way of posteriordb
(BSD-3-Clause).

Model
-----
::

    mu                 ~ Normal(0.5, 0.5)
    sigma_treatment    ~ HalfNormal(prior_scale)
    sigma_airport      ~ HalfNormal(prior_scale)
    sigma_y            ~ HalfNormal(prior_scale)
    treatment_j        ~ Normal(0, sigma_treatment)
    airport_k          ~ Normal(0, sigma_airport)
    recovered_jk       ~ Normal(mu + treatment_j + airport_k, sigma_y)

    share = each variance over the sum of the three

with both sets of effects written non-centred. Shares are not normal, and a few are 0 or 1; the model is the book's.

What MAP does, and why
----------------------
Both scales are pulled up, for the reason told in ``radon``, and the less is known of one the further: the spread of
treatments, of which the data say only that it is small, fivefold. In the coordinates of NUTS (``unconstrained_map``),
where the Jacobian favours large scales, it is even 1.0.

Options
-------
prior_scale : of the half-normal priors of the three scales (1)

References
----------
Gelman, A., and Hill, J. (2007). Data Analysis Using Regression and Multilevel/Hierarchical Models, section 13.5.
"""

from __future__ import annotations

from typing import Any

import pymc as pm
import pytensor.tensor as pt

from bayescompare.templates import template
from bayescompare.templates.data import columns, equally_long, groups, load
from bayescompare.templates.options import positive


@template(
    title="Pilots on a simulator",
    question="How much of the variation in pilots' success is due to treatments, to airports, and to neither?",
    finding="MAP sees a spread between treatments where the posterior has next to none.",
    tags=("hierarchical", "crossed", "quadrature", "real-data"),
    parameters=17,
    observations=40,
    focus=("share",),
    sampler={"target_accept": 0.98},  # the funnel below sigma_treatment = 0.02 needs short steps
)
def pilots(data: Any = None, *, prior_scale: float = 1.0) -> pm.Model:
    """Two crossed sets of effects, each with its own spread.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``recovered`` (a share), ``treatment`` and ``airport`` (names or whole numbers).
    prior_scale : float
        Of the half-normal priors of the three scales.
    """
    scale = positive("pilots", "prior_scale", prior_scale)
    table = load("pilots") if data is None else data
    recovered = columns("pilots", table, {"recovered": "nonnegative"})["recovered"]
    treatments, treatment = groups("pilots", table, "treatment")
    airports, airport = groups("pilots", table, "airport")
    equally_long("pilots", {"recovered": len(recovered), "treatment": len(treatment), "airport": len(airport)})

    coords = {
        "treatment": treatments,
        "airport": airports,
        "trial": range(1, len(recovered) + 1),
        "source": ["treatment", "airport", "noise"],
    }
    with pm.Model(coords=coords) as model:
        observed = pm.Data("recovered_data", recovered, dims="trial")
        j = pm.Data("treatment_idx", treatment, dims="trial")
        k = pm.Data("airport_idx", airport, dims="trial")
        mu = pm.Normal("mu", 0.5, 0.5)
        sigma_treatment = pm.HalfNormal("sigma_treatment", scale)
        sigma_airport = pm.HalfNormal("sigma_airport", scale)
        sigma_y = pm.HalfNormal("sigma_y", scale)
        treatment_t = pm.Normal("treatment_t", 0.0, 1.0, dims="treatment")
        airport_t = pm.Normal("airport_t", 0.0, 1.0, dims="airport")
        effect = sigma_treatment * treatment_t[j] + sigma_airport * airport_t[k]
        pm.Normal("recovered", mu + effect, sigma_y, observed=observed, dims="trial")
        variances = pt.stack([sigma_treatment**2, sigma_airport**2, sigma_y**2])
        pm.Deterministic("share", variances / variances.sum(), dims="source")
    return model
