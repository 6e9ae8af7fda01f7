"""Capture-recapture: MAP and posterior agree perfectly, and both exclude the truth.

In this experiment the answer is known: 135 rabbits lived in the enclosure, and 76 of them were caught, some often. If
all are equally easy to catch, MAP says 97, the posterior mean is 97.5 and its 94 % run from 90 to 108. MAP, Laplace and
NUTS agree to a tenth of a posterior sd, and all of them are wrong (``heterogeneity="none"``). That the mode agrees with
the posterior says nothing about the model.

Let rabbits differ (the default), by a beta law of capture probabilities, and the number can hardly be told: rabbits
that are almost never caught leave no trace, and any number of them might be there. MAP says 321, in the unconstrained
coordinates 224; the posterior's median is 288, its 94 % run from 128 to over 4,000, and it has no variance. One number
from this model is a choice, not a result.

Question
--------
How many rabbits live in the enclosure, if 76 were caught over 18 nights?

Data
----
``captures`` of each of 76 cottontail rabbits that were caught at least once, in 18 nights of trapping in an enclosure
of 4 acres into which 135 had been put: 43 were caught once, 16 twice, 8 three times, 6 four times, 2 six times, 1 seven
times. Edwards and Eberhardt (1967); used by Burnham and Overton (1978) and since.

Model
-----
::

    p           ~ Uniform(0, 1)                 mean probability of a capture, per night
    rho         ~ Uniform(0, 1)                 how much rabbits differ: 0 not at all
    p_i         ~ Beta with mean p and variance p (1 - p) rho
    captures_i  ~ Binomial(occasions, p_i), given that it is at least 1
    population   = number caught / P(caught at least once)

Each rabbit's ``p_i`` is integrated out (a beta-binomial). The size of the population is, too: with the usual prior 1/N
the sum over N leaves the law of the captures given that there is one. ``population`` is N's mean for given ``p`` and
``rho``; N itself spreads a little more.

What MAP does, and why
----------------------
``population`` is one over the probability of being seen, which is small and ill determined: it moves with ``p`` and
``rho`` along a ridge on which the data hardly change. The mode is somewhere on it, and where depends on the
coordinates.

Options
-------
occasions : how often traps were set (18)
heterogeneity : "beta" (default) or "none": all animals alike

References
----------
Edwards, W. R., and Eberhardt, L. (1967). Estimating cottontail abundance from livetrapping data. Journal of Wildlife
Management 31, 87-96.
Burnham, K. P., and Overton, W. S. (1978). Estimation of the size of a closed population when capture probabilities vary
among animals. Biometrika 65, 625-633.
Link, W. A. (2003). Nonidentifiability of population size from capture-recapture data with heterogeneous detection
probabilities. Biometrics 59, 1123-1130.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import scipy.special

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import columns, load, whole_numbers
from bayescompare.templates.options import choice, whole


@template(
    title="Cottontail rabbits",
    question="How many rabbits live in the enclosure, if 76 were caught over 18 nights?",
    finding="MAP counts too many rabbits and hides that the data put almost no upper bound on them.",
    tags=("ecology", "derived-quantity", "heavy-tail", "real-data"),
    parameters=2,
    observations=76,
    focus=("population",),
    sampler={"target_accept": 0.95, "draws": 2000},  # p and rho lie on a ridge
)
def capture_recapture(data: Any = None, *, occasions: int = 18, heterogeneity: str = "beta") -> pm.Model:
    """Captures of those animals that were caught, with or without differences between animals.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``captures``: of each animal that was caught, how often (whole numbers from 1 to ``occasions``).
    occasions : int
        How often traps were set, 2 to 1,000.
    heterogeneity : {"beta", "none"}
    """
    nights = whole("capture_recapture", "occasions", occasions, 2, 1000)
    animals = choice("capture_recapture", "heterogeneity", heterogeneity, ("beta", "none"))
    table = columns("capture_recapture", load("cottontails") if data is None else data, {"captures": "positive"})
    captures = whole_numbers("capture_recapture", "captures", table["captures"])
    if captures.max() > nights:
        raise DataError(
            f"capture_recapture: an animal was caught {captures.max()} times in {nights} occasions. "
            f"Correct column 'captures', or say how many occasions there were (occasions=)."
        )

    times = np.arange(nights + 1.0)
    log_factorial = scipy.special.gammaln(times + 1)
    ways = log_factorial[-1] - log_factorial - log_factorial[::-1]
    with pm.Model(coords={"animal": range(1, len(captures) + 1)}) as model:
        # A categorical counts from 0, and an animal that was caught 0 times is not among the data.
        observed = pm.Data("recaptures_data", captures - 1, dims="animal")

        p = pm.Uniform("p", 0.0, 1.0)
        if animals == "beta":
            rho = pm.Uniform("rho", 0.0, 1.0)
            a, b = p * (1 / rho - 1), (1 - p) * (1 / rho - 1)
            top = pt.gammaln(times + a) + pt.gammaln(nights - times + b) - pt.gammaln(nights + a + b)
            log_law = ways + top - pt.gammaln(a) - pt.gammaln(b) + pt.gammaln(a + b)
        else:
            log_law = ways + times * pt.log(p) + (nights - times) * pt.log1p(-p)
        law = pt.exp(log_law)
        seen = law[1:].sum()
        pm.Deterministic("population", len(captures) / seen)
        pm.Categorical("recaptures", law[1:] / seen, observed=observed, dims="animal")
    return model
