"""Weight decay is MAP, and it shrinks the weights together further than anything that the data allow.

Adding ``weight_decay / 2`` times the squared length of the weights to the loss is maximising the posterior under
weights ~ Normal(0, 1/√weight_decay). scikit-learn's default, C = 1, is such a prior, with sd 1. It is what makes the
fit exist at all: these tumours can be separated without error, so the likelihood alone rises for ever.

Take the weights one by one, and MAP looks harmless: each of the 30 lies within 0.41 posterior sd of its mean. Take
them together, and it is not a plausible answer: MAP's weight vector has length 3.1, the posterior's 5.9 ± 0.7, and of
8,000 draws none is shorter than 3.5. A mode is the one point where all 30 are shrunk at once; the posterior's mass is
where some are and some are not. One marginal at a time cannot show it.

Question
--------
Is a breast tumour malignant? 30 measurements of its cell nuclei should tell.

Data
----
569 tumours, 212 of them ``malignant``: mean, standard error and worst value of ten measurements of the nuclei in a
fine needle aspirate. Street, Wolberg and Mangasarian (1993), the Wisconsin Diagnostic Breast Cancer data, as
scikit-learn ships them, in an order shuffled once. The model learns from the first ``n``; predictors are standardised
by those. The others are there to predict.

Model
-----
::

    intercept    ~ Normal(0, intercept_scale)
    beta_k       ~ Normal(0, 1/√weight_decay)                    log odds per sd of the predictor
    malignant_i  ~ Bernoulli(logit⁻¹(intercept + x_i · beta))
    norm         = √(beta · beta)

What MAP does, and why
----------------------
It equals scikit-learn's ``LogisticRegression(C=1/weight_decay)``, which a test holds to 1e-5 (theirs leaves the
intercept free; here it has a wide prior). Where the loss is a mean over n rows, as in most deep learning code, the
same prior is a decay of ``weight_decay / n``.

Does the posterior predict better? Not here. On the 369 tumours that were left out, MAP's log score is -32.2 and the
posterior's -33.9 (difference -1.7 ± 0.8 nats), with 11 and 10 wrong. What MAP lacks is a warning: for the 43 of them
that it gives between 10 and 90 %, the posterior's 94 % interval of that probability is 0.74 wide on average.

Options
-------
n : how many of the shipped tumours to learn from, 40 to 569 (200). Your own data are always used whole.
weight_decay : the penalty's factor, for a loss that is a sum over rows (1)
intercept_scale : sd of the intercept's prior, on the logit scale (5)

References
----------
Street, W. N., Wolberg, W. H., and Mangasarian, O. L. (1993). Nuclear feature extraction for breast tumor diagnosis.
IS&T/SPIE Symposium on Electronic Imaging 1905, 861-870.
MacKay, D. J. C. (1992). The evidence framework applied to classification networks. Neural Computation 4, 720-736.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import load
from bayescompare.templates.options import positive, whole
from bayescompare.templates.predictors import predictors, standardised


@template(
    title="Logistic regression with weight decay",
    question="Is a breast tumour malignant, from 30 measurements of its cell nuclei?",
    finding="Each weight is near its mean, yet MAP's weight vector is shorter than in any draw.",
    tags=("classification", "regression", "weight-decay", "real-data"),
    parameters=31,
    observations=200,
    focus=("intercept", "beta"),
)
def logistic_weight_decay(
    data: Any = None, *, n: int = 200, weight_decay: float = 1.0, intercept_scale: float = 5.0
) -> pm.Model:
    """Logistic regression with a normal prior on standardised coefficients.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``malignant`` (0 or 1); every other column is a predictor, standardised by its own mean and sd.
    n : int
        How many of the shipped tumours to learn from; your own data are used whole.
    weight_decay : float
        The penalty's factor: ``weight_decay / 2`` times the sum of squared weights, added to the summed loss.
    intercept_scale : float
        Sd of the intercept's prior, on the logit scale.
    """
    tau = 1 / np.sqrt(positive("logistic_weight_decay", "weight_decay", weight_decay))
    spread = positive("logistic_weight_decay", "intercept_scale", intercept_scale)
    if data is None:
        shipped = load("breast_cancer")
        rows = whole("logistic_weight_decay", "n", n, 40, len(shipped["malignant"]))
        data = {name: column[:rows] for name, column in shipped.items()}
    names, raw, y = predictors("logistic_weight_decay", data, "malignant", "binary")

    with pm.Model(coords={"predictor": names, "tumour": range(1, len(y) + 1)}) as model:
        X = pm.Data("X", standardised(raw), dims=("tumour", "predictor"))
        observed = pm.Data("malignant_data", y.astype(int), dims="tumour")
        intercept = pm.Normal("intercept", 0.0, spread)
        beta = pm.Normal("beta", 0.0, tau, dims="predictor")
        pm.Deterministic("norm", pm.math.sqrt((beta**2).sum()))
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine; a sum compiles at once,
        # and is as fast while X is small.
        pm.Bernoulli("malignant", logit_p=intercept + (X * beta).sum(-1), observed=observed, dims="tumour")
    return model
