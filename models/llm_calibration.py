"""Calibrating a language model's confidence: MAP gives one temperature where the data allow from 4 to 20.

Llama 3 (8B) answers TruthfulQA with 85 % confidence on average and is right 42 % of the time. The cure is two numbers:
divide the logit of its confidence by a temperature, and add a bias. From 100 labelled answers MAP says temperature
6.2, and that "99.9 % sure" means 57 %.

The posterior says 42 to 67 % (94 %), and a temperature of 4.1 to 19.8, with mean 8.9. MAP of a skewed scale lies below
the mean, and in which coordinates it was taken matters: the mode of log temperature is at 7.0. The calibrated
probabilities feel little of that, for they are nearly symmetric. What is lost is their width: whoever answers only
where the calibrated probability is above 60 % cannot tell yet whether this model may answer at all. (All 500 labels:
temperature 4.8 ± 0.8, and 53 to 66 %.)

Question
--------
A language model says that it is 99.9 % sure of an answer. How often is it right?

Data
----
500 questions of TruthfulQA (Lin, Hilton and Evans 2022) answered by Llama 3 8B, as published by Plaut, Nguyen and
Trinh (2024): the probability of the chosen option, and whether it was right. Here they are counted in ten classes of
confidence, each with its mean ``logit``, how many were ``asked`` and how many ``correct``. Every fifth question is in
the calibration set of 100; ``questions=500`` adds the others.

Model
-----
::

    temperature  ~ LogNormal(0, temperature_spread)        1: calibrated; above 1: overconfident
    bias         ~ Normal(0, bias_scale)                   on the logit scale
    correct_r    ~ Binomial(asked_r, logit⁻¹(logit_r / temperature + bias))

``calibrated`` is logit⁻¹(...) at raw confidences of 50, 70, 90, 99 and 99.9 %.

What MAP does, and why
----------------------
Without the priors this is Platt scaling (scikit-learn's "sigmoid", which adds a prior of its own, one answer of each
kind), and with ``bias=False`` temperature scaling ("temperature"). Tests hold the maximum of the likelihood to both,
to 1e-5. (Temperature alone has no maximum on the 100 labels: the likelihood rises without end as it grows.) The
likelihood is nearly normal in 1 / temperature, the slope, and a reciprocal of that is skewed.

Options
-------
questions : how many of the shipped questions to learn from, 100 (default) or 500. Your own data are always used whole.
bias : False leaves it out (True)
temperature_spread : sd of the log temperature's prior (1)
bias_scale : sd of the bias's prior, on the logit scale (1.5)

References
----------
Plaut, B., Nguyen, X. K., and Trinh, T. (2024). Probabilities of chat LLMs are miscalibrated but still predict
correctness on multiple-choice Q&A. arXiv:2402.13213.
Lin, S., Hilton, J., and Evans, O. (2022). TruthfulQA: measuring how models mimic human falsehoods. ACL.
Platt, J. (1999). Probabilistic outputs for support vector machines. Advances in Large Margin Classifiers, 61-74.
Guo, C., Pleiss, G., Sun, Y., and Weinberger, K. Q. (2017). On calibration of modern neural networks. ICML.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray

from bayescompare.errors import DataError, UsageError
from bayescompare.templates import template
from models._data import Array, Kind, columns, labels, load, names
from models._options import positive

CONFIDENCES = (0.5, 0.7, 0.9, 0.99, 0.999)
"""Raw confidences at which the calibrated probability is given."""


@template(
    title="Calibration of a language model's confidence",
    question="A language model says it is 99.9 % sure: how often is it right?",
    finding="MAP says that 99.9 % sure means 57 % right; the posterior says 42 to 67 %, and a temperature of 4 to 20.",
    tags=("classification", "calibration", "language-models", "real-data"),
    parameters=2,
    observations=10,
)
def llm_calibration(
    data: Any = None,
    *,
    questions: int = 100,
    bias: bool = True,
    temperature_spread: float = 1.0,
    bias_scale: float = 1.5,
) -> pm.Model:
    """Logits divided by a temperature, moved by a bias.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``logit`` (of the classifier's confidence), ``correct`` (0 or 1, or a count) and, if counted, ``asked``
        (of how many); also, if you like, ``confidence`` (names of the rows).
    questions : {100, 500}
        How many of the shipped questions to learn from; your own data are used whole.
    bias : bool
        False: temperature alone, as in temperature scaling.
    temperature_spread : float
        Sd of the log temperature's prior.
    bias_scale : float
        Sd of the bias's prior, on the logit scale.
    """
    owner = "llm_calibration"
    if questions not in (100, 500):
        raise UsageError(f"{owner}: questions is {questions!r}, but only 100 or 500 can be chosen.")
    spread = positive(owner, "temperature_spread", temperature_spread)
    scale = positive(owner, "bias_scale", bias_scale)
    table = _shipped(questions) if data is None else data
    logits, asked, correct = _read(owner, table)
    confidences = np.array(CONFIDENCES)

    rows = labels(owner, table, "confidence", len(logits))
    with pm.Model(coords={"row": rows, "confidence": CONFIDENCES}) as model:
        x = pm.Data("logit", logits, dims="row")
        trials = pm.Data("asked", asked, dims="row")
        observed = pm.Data("correct_data", correct, dims="row")
        temperature = pm.LogNormal("temperature", 0.0, spread)
        b = pm.Normal("bias", 0.0, scale) if bias else np.float64(0.0)
        at = np.log(confidences) - np.log1p(-confidences)
        pm.Deterministic("calibrated", pm.math.sigmoid(at / temperature + b), dims="confidence")
        # The cast: JAX would take the binomial coefficient of 32-bit integers in single precision.
        pm.Binomial("correct", n=trials.astype("int64"), logit_p=x / temperature + b, observed=observed, dims="row")
    return model


def _shipped(questions: int) -> dict[str, list[Any]]:
    """The reliability table of the first 100 questions, or that and the table of the other 400."""
    shipped = load("llm_calibration")
    first = shipped.pop("first")
    chosen = [i for i, f in enumerate(first) if f or questions == 500]
    table = {name: [column[i] for i in chosen] for name, column in shipped.items()}
    if questions == 500:
        later = ["" if first[i] else ", later" for i in chosen]
        table["confidence"] = [name + end for name, end in zip(table["confidence"], later, strict=True)]
    return table


def _read(owner: str, data: Any) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Logits, trials and successes; one trial a row where no column counts them."""
    counted = "asked" in names(owner, data)
    kinds: dict[str, Kind] = {"logit": "real", "correct": "nonnegative"}
    table = columns(owner, data, {**kinds, "asked": "positive"} if counted else kinds)
    correct, asked = table["correct"], table.get("asked", np.ones_like(table["correct"]))
    for wrong, what in (
        ((correct % 1 != 0) | (asked % 1 != 0), "are not whole numbers"),
        (correct > asked, "are above 'asked'" if counted else "are not 0 or 1"),
    ):
        if wrong.any():
            raise DataError(
                f"{owner}: {wrong.sum()} of the {len(correct)} rows have counts that {what}; the first is row "
                f"{int(wrong.argmax())}, counted from 0. Give in 'correct' how many of 'asked' answers were right."
            )
    return table["logit"], asked.astype(int), correct.astype(int)
