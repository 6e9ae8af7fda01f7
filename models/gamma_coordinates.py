"""Ten pumps: the mode moves when the coordinates do, and nothing else changes.

A pump failed once in 1,050 hours. Its failure rate, under an Exponential(1) prior, has a Gamma(2, 2.05) posterior: mean
0.98 failures per 1,000 hours. MAP says 0.49, half of that. Write the *same* posterior in the logarithm of the rate and
MAP says 0.98; write it in the time between failures and MAP says 1.46. Three answers from one posterior, by a factor
of three, and no datum has changed.

A mode is the highest point of a *density*, and a density is probability per unit: per failure rate, per log of a rate,
per hour. Changing the unit multiplies the density by a Jacobian and tilts it, so its top moves. Probabilities, medians
and quantiles do not move: the posterior's median is 0.82 in all three.

How far it moves depends on what the data say: with ``k`` failures the mode is ``k / (k + 1)`` of the mean, so that the
pump with 22 failures loses 4 % and is 0.2 posterior sd off, while the pump with one is 0.7 sd off.

Question
--------
How often does each of ten pumps of a nuclear power plant fail?

Data
----
Number of ``failures`` and ``hours`` of operation, in thousands, of ten pumps of a nuclear power plant: Gaver and
O'Muircheartaigh (1987), as in George, Makov and Smith (1993) and in the BUGS examples (Pumps).

Model
-----
::

    rate_i      ~ Exponential(prior_rate)         failures per 1,000 hours
    failures_i  ~ Poisson(rate_i * hours_i)

In the other coordinates the same prior is a Gumbel distribution (``log_time = -log(rate)``) or an inverse gamma
(``time = 1 / rate``): the exponential law, transformed. All three are densities of one and the same posterior,
``rate_i ~ Gamma(1 + failures_i, prior_rate + hours_i)``.

What MAP does, and why
----------------------
With ``a = 1 + failures`` and ``b = prior_rate + hours`` (:func:`closed_form`): ``(a - 1) / b`` in the rate, ``a / b``
in its logarithm, ``(a + 1) / b`` in the time. Software that samples or optimises a positive parameter usually works
with its logarithm. Whether it adds the Jacobian decides which of these is called the MAP.

Options
-------
coordinates : "rate" (default), "log_time" or "time"
prior_rate : of the exponential prior, in 1,000 hours (1): its mean is 1 / prior_rate

References
----------
Gaver, D. P., and O'Muircheartaigh, I. G. (1987). Robust empirical Bayes analyses of event rates. Technometrics 29,
1-15.
George, E. I., Makov, U. E., and Smith, A. F. M. (1993). Conjugate likelihood distributions. Scandinavian Journal of
Statistics 20, 147-156.
Druilhet, P., and Marin, J.-M. (2007). Invariant HPD credible sets and MAP estimators. Bayesian Analysis 2(4).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
from numpy.typing import ArrayLike, NDArray

from bayescompare.templates import template
from bayescompare.templates.data import columns, labels, load, whole_numbers
from bayescompare.templates.options import choice, positive

COORDINATES = ("rate", "log_time", "time")


@template(
    title="Pumps in three coordinates",
    question="How often does each of ten pumps of a nuclear power plant fail?",
    finding="One posterior, three modes: for a pump with one failure MAP depends on the coordinates.",
    tags=("geometry", "coordinates", "conjugate", "closed-form", "real-data"),
    parameters=10,
    observations=10,
    focus=("rate",),
)
def gamma_coordinates(data: Any = None, *, coordinates: str = "rate", prior_rate: float = 1.0) -> pm.Model:
    """Failure rates with an exponential prior, each from one count.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``failures`` (0, 1, 2, ...), ``hours`` (in thousands, above 0) and, if you like, ``pump`` (names).
    coordinates : {"rate", "log_time", "time"}
        What the free variable is; the posterior is the same.
    prior_rate : float
        Of the exponential prior on the failure rate, in 1,000 hours.
    """
    chosen = choice("gamma_coordinates", "coordinates", coordinates, COORDINATES)
    lam = positive("gamma_coordinates", "prior_rate", prior_rate)
    table = load("pumps") if data is None else data
    pumps = columns("gamma_coordinates", table, {"failures": "nonnegative", "hours": "positive"})
    counts = whole_numbers("gamma_coordinates", "failures", pumps["failures"])
    names = labels("gamma_coordinates", table, "pump", len(counts))

    with pm.Model(coords={"pump": names}) as model:
        failures = pm.Data("failures_data", counts, dims="pump")
        hours = pm.Data("hours", pumps["hours"], dims="pump")
        if chosen == "rate":
            rate = pm.Exponential("rate", lam, dims="pump")
        elif chosen == "log_time":
            # Minus the log of a standard exponential variable is a standard Gumbel variable.
            log_time = pm.Gumbel("log_time", np.log(lam), 1.0, dims="pump")
            rate = pm.Deterministic("rate", pm.math.exp(-log_time), dims="pump")
        else:
            time = pm.InverseGamma("time", alpha=1.0, beta=lam, dims="pump")
            rate = pm.Deterministic("rate", 1.0 / time, dims="pump")
        pm.Poisson("failures", rate * hours, observed=failures, dims="pump")
    return model


class ClosedForm(NamedTuple):
    """What is known exactly of each pump's rate, in failures per 1,000 hours; each of shape (n,).

    ``rate``, ``log_time`` and ``time`` are the MAPs in those coordinates, said as rates.
    """

    rate: NDArray[np.float64]
    log_time: NDArray[np.float64]
    time: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]


def closed_form(failures: ArrayLike, hours: ArrayLike, prior_rate: float = 1.0) -> ClosedForm:
    """The three modes, mean and sd of the posterior Gamma(1 + failures, prior_rate + hours)."""
    a = 1.0 + np.asarray(failures, dtype=float)
    b = float(positive("gamma_coordinates", "prior_rate", prior_rate)) + np.asarray(hours, dtype=float)
    return ClosedForm((a - 1) / b, a / b, (a + 1) / b, a / b, np.sqrt(a) / b)
