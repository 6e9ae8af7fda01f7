"""Calibrating a classifier's confidence: two numbers, of which sixty labelled answers leave a good deal open.

A small network answers "98 % sure" and is right 6 times in 10. The cure, for it as for a language model, is to divide
the logit of its confidence by a temperature and to add a bias. From 60 labelled answers MAP says temperature 2.5, and
that "98 % sure" means 63 % right. What is shown to users is then that 63 %, as if it were known.

The posterior says 47 to 79 % (94 %), and a temperature from 1.7 to 5.0. Whoever lets the network answer alone where it
is right in 60 % of cases or more cannot tell yet whether "98 % sure" will do: the odds are 2 to 1. (All 500 labels say
53 to 64 %.) Nor does MAP say which temperature: it is 2.5 in its own coordinate, 2.7 in its logarithm, and the mean is
2.9, for the scale is skewed.

The score does not show it. On the other 440 answers the raw confidences lose 415 nats, MAP 180.3, the posterior's mean
probabilities 179.6: a difference of 0.7 ± 1.4. For a single answer its mean probability is all that counts, and MAP is
close to it. The width counts for what is decided about many answers at once: a threshold, a promise, a comparison.

Question
--------
A classifier says that it is 98 % sure of an answer. How often is it right?

Data
----
Of 500 images of handwritten digits (Alpaydin and Kaynak 1998; as shipped by scikit-learn) a network of 32 hidden units
said which digit they are. It had learned from 50 others until it made no error on them, with no weight decay, so it is
94 % sure on average and right in 75 % of cases. ``logit`` is that of its confidence in the digit it says, ``correct``
whether it is right. The model learns from the first ``n``.

A language model's answers to multiple-choice questions come in the same way, by ``--data``: ``logit`` is
log(p / (1 - p)), p the probability of the option that it chose, among all options.

Model
-----
::

    temperature  ~ LogNormal(0, prior_scale)               1: as it is; above 1: overconfident
    bias         ~ Normal(0, bias_scale)                   on the logit scale
    correct_i    ~ Bernoulli(logit⁻¹(logit_i / temperature + bias))

``calibrated`` is logit⁻¹(...) at raw confidences of 50, 70, 90, 98 and 99.9 %.

What MAP does, and why
----------------------
Without the priors it is logistic regression on the logit: scikit-learn's ``LogisticRegression(C=inf)`` has the slope
1 / temperature and the intercept ``bias``, which a test holds to 1e-6; with ``bias=False`` that is temperature scaling.
scikit-learn's ``CalibratedClassifierCV(method="sigmoid")`` is Platt's scaling, which pulls by a prior of its own: of N
right answers each counts as (N + 1) / (N + 2) right, of M wrong ones each as 1 / (M + 2). With its answers weighted so,
the template's maximum of the likelihood is scikit-learn's, and a test holds the calibrated probabilities to 1e-5. The
likelihood is nearly normal in the slope, and a reciprocal of that is skewed.

Options
-------
n : how many of the shipped answers to learn from, 40 to 500 (60). Your own data are always used whole.
prior_scale : sd of the log temperature's prior (1)
bias_scale : sd of the bias's prior, on the logit scale (1.5)
bias : False leaves it out, as temperature scaling does (True)

References
----------
Platt, J. (1999). Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods.
Advances in Large Margin Classifiers, 61-74.
Guo, C., Pleiss, G., Sun, Y., and Weinberger, K. Q. (2017). On calibration of modern neural networks. ICML.
Kadavath, S., et al. (2022). Language models (mostly) know what they know. arXiv:2207.05221.
Alpaydin, E., and Kaynak, C. (1998). Optical recognition of handwritten digits. UCI Machine Learning Repository.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import positive, whole

CONFIDENCES = (0.5, 0.7, 0.9, 0.98, 0.999)
"""Raw confidences at which the calibrated probability is given."""


@template(
    title="Calibration of a classifier's confidence",
    question="A classifier says that it is 98 % sure of an answer: how often is it right?",
    finding="MAP gives one calibration curve; the posterior leaves wide room around it, though it scores the same.",
    tags=("classification", "calibration", "language-models", "real-data"),
    parameters=2,
    observations=60,
    focus=("calibrated[0.98]",),
)
def llm_calibration(
    data: Any = None, *, n: int = 60, prior_scale: float = 1.0, bias_scale: float = 1.5, bias: bool = True
) -> pm.Model:
    """Logits divided by a temperature, moved by a bias.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``logit`` (of the classifier's confidence in the answer it gave) and ``correct`` (0 or 1).
    n : int
        How many of the shipped answers to learn from; your own data are used whole.
    prior_scale : float
        Sd of the log temperature's prior.
    bias_scale : float
        Sd of the bias's prior, on the logit scale.
    bias : bool
        False: temperature alone.
    """
    owner = "llm_calibration"
    spread = positive(owner, "prior_scale", prior_scale)
    shift = positive(owner, "bias_scale", bias_scale)
    if data is None:
        shipped = load("llm_calibration")
        rows = whole(owner, "n", n, 40, len(shipped["logit"]))
        data = {name: column[:rows] for name, column in shipped.items()}
    answers = columns(owner, data, {"logit": "real", "correct": "binary"})

    coords = {"answer": range(1, len(answers["logit"]) + 1), "confidence": CONFIDENCES}
    with pm.Model(coords=coords) as model:
        x = pm.Data("logit", answers["logit"], dims="answer")
        observed = pm.Data("correct_data", answers["correct"].astype(int), dims="answer")
        temperature = pm.LogNormal("temperature", 0.0, spread)
        b = pm.Normal("bias", 0.0, shift) if bias else np.float64(0.0)
        at = np.log(CONFIDENCES) - np.log1p(-np.array(CONFIDENCES))
        pm.Deterministic("calibrated", pm.math.sigmoid(at / temperature + b), dims="confidence")
        pm.Bernoulli("correct", logit_p=x / temperature + b, observed=observed, dims="answer")
    return model
