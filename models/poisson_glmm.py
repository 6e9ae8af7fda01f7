"""A Poisson mixed model: the spread of patients is 2.2 or 0.41 by MAP, by how it is written; the posterior says 0.55.

Counts per patient, a random intercept for each, one scale ``sigma`` for how much they differ: the model that ``lme4``
fits as ``glmer(y ~ x + (1 | patient), family = poisson)``. Asked for the joint mode, it gives an answer for each way to
write it. Centred (``u ~ Normal(0, sigma)``) MAP makes sigma 0.41, below 99 % of the posterior. Non-centred
(``u = sigma * z``, ``z ~ Normal(0, 1)``) MAP makes it 2.2, above every draw. Same model, same posterior: mean 0.55.

That is why software for mixed models does not take the joint mode. It integrates the patients out first and maximises
what is left; the figures of ``lme4`` are such marginal modes. MAP of a hierarchical model in PyMC is the joint mode.

Question
--------
Does progabide reduce the number of epileptic seizures?

Data
----
59 patients at four visits each: ``seizures`` in the two weeks before the visit, ``treated`` (1 progabide, 0 placebo),
``baseline`` (seizures in the eight weeks before treatment), ``age`` in years, ``visit`` (1 to 4) and ``patient``. Thall
and Vail (1990), as in R's ``MASS::epil``.

Model
-----
::

    intercept   ~ Normal(0, 5)
    beta_k      ~ Normal(0, 2.5)
    sigma       ~ HalfNormal(1)                         how much patients differ, on the log scale
    u_j         ~ Normal(0, sigma)                      patient j
    seizures_i  ~ Poisson(exp(intercept + x_i · beta + u_j(i)))

with x as in model II of Breslow and Clayton (1993): ``treated``, log(baseline / 4), their product, log(age), and an
indicator of the fourth visit; logs are centred at their mean.

What MAP does, and why
----------------------
Centred, 59 normal densities contribute ``sigma**-59`` and pull the scale down; the likelihood alone holds it. Non-
centred, a larger sigma lets every ``z`` be smaller, which is always likelier, and only sigma's own prior stops it: at a
sigma of 2.2 there is no pooling left. The posterior accounts for volume and does not depend on the writing.

Options
-------
parametrisation : "noncentered" (default) or "centered"

References
----------
Thall, P. F., and Vail, S. C. (1990). Some covariance models for longitudinal count data with overdispersion. Biometrics
46, 657-671.
Breslow, N. E., and Clayton, D. G. (1993). Approximate inference in generalized linear mixed models. Journal of the
American Statistical Association 88, 9-25.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import Array, Kind, columns, equally_long, groups, load, whole_numbers
from bayescompare.templates.options import choice

_COLUMNS: dict[str, Kind] = {
    "seizures": "nonnegative",
    "treated": "binary",
    "baseline": "positive",
    "age": "positive",
    "visit": "positive",
}


@template(
    title="Epileptic seizures",
    question="Does progabide reduce the number of epileptic seizures?",
    finding="MAP puts the patients' spread far too high or too low, by parametrisation; the posterior is one.",
    tags=("hierarchical", "counts", "regression", "coordinates", "real-data"),
    parameters=66,
    observations=236,
    focus=("beta[treated]", "beta[treated_x_log_baseline]"),
    sampler={"draws": 3000},  # the patients' effects and the treatment's move together
)
def poisson_glmm(data: Any = None, *, parametrisation: str = "noncentered") -> pm.Model:
    """Poisson regression with an intercept for each patient.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``seizures`` (whole numbers), ``treated`` (0 or 1), ``baseline`` and ``age`` (above 0), ``visit`` (1 to
        4) and ``patient`` (names or whole numbers).
    parametrisation : {"noncentered", "centered"}
    """
    chosen = choice("poisson_glmm", "parametrisation", parametrisation, ("noncentered", "centered"))
    table = load("epilepsy") if data is None else data
    visits = columns("poisson_glmm", table, _COLUMNS)
    seizures = whole_numbers("poisson_glmm", "seizures", visits["seizures"])
    patients, patient = groups("poisson_glmm", table, "patient")
    equally_long("poisson_glmm", {"seizures": len(seizures), "patient": len(patient)})
    design = _design(visits)

    coords = {"patient": patients, "predictor": list(design), "visit": range(1, len(seizures) + 1)}
    with pm.Model(coords=coords) as model:
        X = pm.Data("X", np.column_stack(list(design.values())), dims=("visit", "predictor"))
        j = pm.Data("patient_idx", patient, dims="visit")
        observed = pm.Data("seizures_data", seizures, dims="visit")

        intercept = pm.Normal("intercept", 0.0, 5.0)
        beta = pm.Normal("beta", 0.0, 2.5, dims="predictor")
        sigma = pm.HalfNormal("sigma", 1.0)
        if chosen == "centered":
            u = pm.Normal("u", 0.0, sigma, dims="patient")
        else:
            z = pm.Normal("z", 0.0, 1.0, dims="patient")
            u = pm.Deterministic("u", sigma * z, dims="patient")
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine.
        rate = pm.math.exp(intercept + (X * beta).sum(-1) + u[j])
        pm.Poisson("seizures", rate, observed=observed, dims="visit")
    return model


def _design(visits: dict[str, Array]) -> dict[str, Array]:
    baseline, age = np.log(visits["baseline"] / 4), np.log(visits["age"])
    baseline = baseline - baseline.mean()
    return {
        "treated": visits["treated"],
        "log_baseline": baseline,
        "treated_x_log_baseline": visits["treated"] * baseline,
        "log_age": age - age.mean(),
        "visit4": (visits["visit"] == 4).astype(float),
    }
