"""Choosing a prompt by MAP: it names a winner, and says that there is nothing to lose.

Ten prompts were tried on 12 to 40 problems each. MAP's favourite, "work this out" (11 of 12 solved), leads by 0.2
points of accuracy, and at the mode its regret is 0: no other prompt is better. The posterior says that it is the best
with probability 0.37, and that choosing it costs 4.9 points on average, with a 3 % chance of 19 or more.

Which prompt is MAP's favourite is a matter of coordinates: on the log-odds scale, where samplers work, the mode's is
"step by step" (31 of 40). And the race looks closer than it is. The density of ten accuracies around a common mean
rises as they huddle together, so the joint mode says that they lie between 65 and 73 %; their posterior means go from
58 to 76 %.

Question
--------
Which of ten prompts makes a language model solve the most problems, after a few trials of each?

Data
----
The prompts and their ``published`` accuracies on MultiArith, with text-davinci-002: nine from Kojima et al. (2022,
table 4: those that ask for reasoning), one from Zhou et al. (2023). The trials are illustrative: how many of ``tried``
problems would have been ``solved``, drawn once from a binomial with the published accuracy. No model was called.

Model
-----
::

    mean            ~ Beta(2, 2)
    concentration   ~ Exponential, mean 20                  how alike the prompts are: as after so many trials
    accuracy_k      ~ Beta(mean * concentration, (1 - mean) * concentration)
    solved_k        ~ Binomial(tried_k, accuracy_k)

``best`` is 1 for the prompt with the highest accuracy: its posterior mean is the probability of being the best, and
Thompson sampling tries a prompt next with just that probability. ``regret`` is what choosing a prompt loses.

What MAP does, and why
----------------------
Given mean and concentration each accuracy is a Beta, whose mode is (solved + a - 1) / (tried + a + b - 2). Over the
two the joint mode is drawn to a concentration of 78 (posterior mean 28, and MAP lies at the 97th percentile), because
ten densities grow together as it does; the prior alone keeps it finite. ``parametrisation="marginal"`` integrates the
accuracies out first: its mode (empirical Bayes) has a concentration of 16.

Options
-------
parametrisation : "joint" (default) or "marginal"
concentration : the prior mean of the concentration (20)

References
----------
Kojima, T., et al. (2022). Large language models are zero-shot reasoners. NeurIPS. arXiv:2205.11916.
Zhou, Y., et al. (2023). Large language models are human-level prompt engineers. ICLR. arXiv:2211.01910.
Thompson, W. R. (1933). On the likelihood that one unknown probability exceeds another in view of the evidence of two
samples. Biometrika 25, 285-294.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import columns, labels, load
from bayescompare.templates.options import choice, positive


@template(
    title="Choosing a prompt",
    question="Which of ten prompts makes a language model solve the most problems, from a few trials of each?",
    finding="MAP gives its favourite no regret; it may well not be the best, and falls short on average.",
    tags=("hierarchical", "decision", "language-models"),
    parameters=12,
    observations=10,
    focus=("accuracy",),
    losses=("best of accuracy",),
)
def prompt_selection(data: Any = None, *, parametrisation: str = "joint", concentration: float = 20.0) -> pm.Model:
    """Success rates of many prompts around a common mean.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``solved`` and ``tried`` (counts) and, if you like, ``prompt`` (names).
    parametrisation : {"joint", "marginal"}
        "marginal": the prompts' accuracies are integrated out, in closed form.
    concentration : float
        The prior mean of the concentration, which is how alike the prompts are, in trials.
    """
    owner = "prompt_selection"
    form = choice(owner, "parametrisation", parametrisation, ("joint", "marginal"))
    expected = positive(owner, "concentration", concentration)
    table = load("prompts") if data is None else data
    solved, tried = _counts(owner, table)

    with pm.Model(coords={"prompt": labels(owner, table, "prompt", len(tried))}) as model:
        # The cast: JAX would take the binomial coefficient of 32-bit integers in single precision.
        trials = pm.Data("tried", tried, dims="prompt").astype("int64")
        observed = pm.Data("solved_data", solved, dims="prompt")
        mean = pm.Beta("mean", 2.0, 2.0)
        alike = pm.Exponential("concentration", 1 / expected)
        a, b = mean * alike, (1.0 - mean) * alike
        if form == "marginal":
            pm.BetaBinomial("solved", alpha=a, beta=b, n=trials, observed=observed, dims="prompt")
            return model
        accuracy = pm.Beta("accuracy", a, b, dims="prompt")
        top = accuracy.max()
        pm.Deterministic("best", pm.math.eq(accuracy, top).astype("float64"), dims="prompt")
        pm.Deterministic("regret", top - accuracy, dims="prompt")
        pm.Binomial("solved", n=trials, p=accuracy, observed=observed, dims="prompt")
    return model


def _counts(owner: str, data: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Problems solved and tried: whole numbers, no more solved than tried."""
    table = columns(owner, data, {"solved": "nonnegative", "tried": "positive"})
    solved, tried = table["solved"], table["tried"]
    for wrong, what in (((solved % 1 != 0) | (tried % 1 != 0), "are not whole"), (solved > tried, "are above 'tried'")):
        if wrong.any():
            raise DataError(
                f"{owner}: {wrong.sum()} of the {len(solved)} rows have counts that {what}; the first is row "
                f"{int(wrong.argmax())}, counted from 0. Give in 'solved' how many of 'tried' problems were solved."
            )
    return solved.astype(int), tried.astype(int)
