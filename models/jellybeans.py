"""Jellybeans in a jar: where MAP is exactly right, and only the width is lost.

With a normal prior and normal noise the posterior is normal. Its mode, mean and median are one number, so nothing is
lost by reporting MAP as *the* estimate. What is lost is how sure we are: ten guesses leave a posterior sd of 23
jellybeans, and MAP says nothing about it.

MAP differs from the maximum-likelihood estimate, the mean of the guesses, by the prior's pull:

    MAP = (1 - pull) * mean of the guesses + pull * prior mean,      pull = (s²/n) / (s²/n + t²)

with s the guesses' sd, t the prior's, n the number of guesses. One guess: pull 0.71. Ten: 0.20. A hundred: 0.02. The
prior matters most where the data are few, and its weight fades about as 1/n.

Question
--------
A jar of jellybeans stands on the counter. From n people's guesses, how many are in it?

Data
----
Illustrative, made up: 100 guesses drawn once from Normal(370, 80) and rounded. They are shipped as a fixed list, of
which ``n`` takes the first n. No real jar was counted.

Model
-----
::

    count    ~ Normal(mean, t)         95 % between 200 and 400 jellybeans: mean 300, t = 51.02
    guess_i  ~ Normal(count, s)        s = 80, taken as known; people err alone, and to both sides alike

A count is a positive whole number, and the normal is an approximation to that, a close one here (0 lies 5.9 prior sd
away). That crowds err to both sides alike is an assumption of the model; real crowds often guess too low.

What MAP does, and why
----------------------
A normal density is symmetric, so its top is its middle. :func:`closed_form` gives MLE, MAP, pull and posterior sd
without any fitting, to check every method against.

Options
-------
n : how many of the shipped guesses to use, 1 to 100 (10). Your own data are always used whole.
guess_sd : sd of a guess around the count, known (80)
low, high : the prior's central 95 % (200, 400)

References
----------
Galton, F. (1907). Vox populi. Nature 75, 450-451.
Gelman, A., et al. (2013). Bayesian Data Analysis, third edition, section 2.5. CRC Press.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
from numpy.typing import ArrayLike

from bayescompare.errors import UsageError
from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import number, positive, whole


@template(
    title="Jellybeans in a jar",
    question="How many jellybeans are in the jar, from n people's guesses and a prior opinion?",
    finding="MAP is the posterior mean exactly; only the width is lost. The prior's pull fades as 1/n.",
    tags=("conjugate", "closed-form", "illustrative"),
    parameters=1,
    observations=10,
    focus=("count",),
    losses=("absolute on count",),
)
def jellybeans(
    data: Any = None, *, n: int = 10, guess_sd: float = 80.0, low: float = 200.0, high: float = 400.0
) -> pm.Model:
    """A count with a normal prior and normal guesses of known sd.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``guess`` (above 0).
    n : int
        How many of the shipped guesses to use; your own data are used whole.
    guess_sd : float
        Sd of a guess around the count, in jellybeans.
    low, high : float
        The prior's central 95 %, in jellybeans.
    """
    if data is None:
        shipped = load("jellybeans")["guess"]
        data = {"guess": shipped[: whole("jellybeans", "n", n, 1, len(shipped))]}
    guesses = columns("jellybeans", data, {"guess": "positive"})["guess"]
    noise = positive("jellybeans", "guess_sd", guess_sd)
    mean, sd = _prior(low, high)

    with pm.Model(coords={"guess": range(1, len(guesses) + 1)}) as model:
        observed = pm.Data("guess_data", guesses, dims="guess")
        count = pm.Normal("count", mean, sd)
        pm.Normal("guesses", count, noise, observed=observed, dims="guess")
    return model


class ClosedForm(NamedTuple):
    """What is known exactly, in jellybeans; ``pull`` is the prior's weight in MAP, 0 to 1."""

    mle: float
    map: float
    sd: float
    pull: float


def closed_form(guesses: ArrayLike, guess_sd: float = 80.0, low: float = 200.0, high: float = 400.0) -> ClosedForm:
    """MLE, MAP (which is also the posterior's mean and median), posterior sd, and the prior's pull."""
    values = np.asarray(guesses, dtype=float)
    mean, sd = _prior(low, high)
    variance_of_mean = positive("jellybeans", "guess_sd", guess_sd) ** 2 / len(values)
    pull = float(variance_of_mean / (variance_of_mean + sd**2))
    mle = float(values.mean())
    return ClosedForm(mle, float((1 - pull) * mle + pull * mean), float(np.sqrt(pull) * sd), pull)


def _prior(low: float, high: float) -> tuple[float, float]:
    """Mean and sd of the normal with its central 95 % from ``low`` to ``high``."""
    low, high = number("jellybeans", "low", low), number("jellybeans", "high", high)
    if not low < high:
        raise UsageError(f"jellybeans: low ({low:g}) must be below high ({high:g}).")
    return low + (high - low) / 2, (high - low) / (2 * NormalDist().inv_cdf(0.975))
