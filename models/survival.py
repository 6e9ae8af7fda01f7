"""Survival: what is read off the fitted curve is not what the posterior says of it.

Of 21 children with leukaemia on 6-MP, 12 were still in remission when the study ended: their times are censored, and
most of what one wants to know (the median, the share in remission after a year) lies beyond the longest time seen. MAP
gives the shape and the effect of the drug well, within 0.2 posterior sd. Read the curve at a year, though, and it says
17 % in remission where the posterior mean is 21 %: such a share is a curved function of the parameters, and the average
of a curve is not the curve at the average (Jensen). The posterior mean is what to tell the next patient; the plug-in is
too pessimistic here, and it says nothing of its 94 % interval, from 4 to 45 %.

Question
--------
How much longer does 6-mercaptopurine (6-MP) keep children with acute leukaemia in remission?

Data
----
42 children, 21 on 6-MP and 21 on placebo: ``weeks`` in remission, ``relapse`` (1 relapsed, 0 censored: still in
remission at that time) and ``mp6`` (1 on 6-MP). Freireich et al. (1963), as in Gehan (1965) and R's ``MASS::gehan``.
The pairing of the children is left out, as it is in Cox (1972).

Model
-----
::

    intercept ~ Normal(log of the mean time, prior_scale)    log of the scale (weeks) without the drug
    beta_k    ~ Normal(0, prior_scale)                       log of the factor by which the drug stretches time
    shape     ~ LogNormal(0, 1)                              above 1: the risk of relapse grows with time
    weeks_i   ~ Weibull(shape, exp(intercept + x_i · beta)), censored
    year_mp6   = exp(-(52 / scale with the drug)**shape)      share in remission after a year
    median_mp6 = scale with the drug * log(2)**(1 / shape)    weeks

The two derived values are those of a patient whose predictors are all 1.

What MAP does, and why
----------------------
With wide priors it is the usual maximum-likelihood fit (R's ``survreg``, lifelines' ``WeibullAFTFitter``). It is a
sound fit: censoring does it no harm. What differs is each statement about time, because those are non-linear, most of
all beyond the data. The more is censored, the more they differ.

Options
-------
prior_scale : sd of the prior of intercept and coefficients, on the log scale (2.5)

References
----------
Freireich, E. J., et al. (1963). The effect of 6-mercaptopurine on the duration of steroid-induced remissions in acute
leukemia. Blood 21, 699-716.
Gehan, E. A. (1965). A generalized Wilcoxon test for comparing arbitrarily singly-censored samples. Biometrika 52,
203-223.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import positive
from bayescompare.templates.predictors import predictors


@template(
    title="Leukaemia in remission",
    question="How much longer does 6-MP keep children with leukaemia in remission?",
    finding="MAP's curve puts fewer patients in remission than the posterior mean, and hides its wide interval.",
    tags=("survival", "censored", "derived-quantity", "real-data"),
    parameters=3,
    observations=42,
    focus=("beta", "median_mp6"),
)
def survival(data: Any = None, *, prior_scale: float = 2.5) -> pm.Model:
    """Weibull regression of times, some of them right-censored.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``weeks`` (above 0) and ``relapse`` (1 seen, 0 censored); every other column is a predictor.
    prior_scale : float
        Sd of the prior of intercept and coefficients, on the log scale.
    """
    tau = positive("survival", "prior_scale", prior_scale)
    table = load("leukemia") if data is None else data
    names, raw, weeks = predictors("survival", table, "weeks", "positive", other=("relapse",))
    seen = columns("survival", table, {"weeks": "positive", "relapse": "binary"})["relapse"] == 1

    with pm.Model(coords={"predictor": names, "patient": range(1, len(raw) + 1)}) as model:
        X = pm.Data("X", raw, dims=("patient", "predictor"))
        # A time at the bound counts as "longer than this"; who relapsed was never close to a bound.
        bound = pm.Data("bound", np.where(seen, np.inf, weeks), dims="patient")
        observed = pm.Data("weeks_data", weeks, dims="patient")

        intercept = pm.Normal("intercept", np.log(weeks.mean()), tau)
        beta = pm.Normal("beta", 0.0, tau, dims="predictor")
        shape = pm.LogNormal("shape", 0.0, 1.0)
        scale = pm.math.exp(intercept + (X * beta).sum(-1))
        law = pm.Weibull.dist(shape, scale)
        pm.Censored("weeks", law, lower=None, upper=bound, observed=observed, dims="patient")

        treated = pm.math.exp(intercept + beta.sum())
        pm.Deterministic("median_mp6", treated * np.log(2.0) ** (1 / shape))
        pm.Deterministic("year_mp6", pm.math.exp(-((52.0 / treated) ** shape)))
    return model
