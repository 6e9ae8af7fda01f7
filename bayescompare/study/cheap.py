"""The cheap arms of a study: MLE + Wald, MAP + Laplace and PSIS-Laplace of many data sets at once.

One compiled density, R replicates of its data: the searches, the audit of every mode, the Laplace draws and their
importance weights are batches over the replicates. A failure is a failure: its row is NaN, with a status and a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..density import Array
from ..errors import UsageError
from ..problem import Problem

#: The methods, in the order of their results.
METHODS = ("mle_wald", "map_laplace", "psis_laplace")


@dataclass(frozen=True)
class CheapOptions:
    """Options of the cheap arms.

    Attributes
    ----------
    methods : tuple of {"mle_wald", "map_laplace", "psis_laplace"}
    draws : int
        Laplace draws of each replicate; they are those of ``bc.fit(model, "laplace")`` with the replicate's seed.
    levels : tuple of float
        Probabilities of the central intervals.
    starts : int
        Starts of each search: initial point, jitter, prior draws; the same ones for every replicate.
    """

    methods: tuple[str, ...] = METHODS
    draws: int = 1000
    levels: tuple[float, ...] = (0.5, 0.9)
    starts: int = 4

    def __post_init__(self) -> None:
        unknown = [name for name in self.methods if name not in METHODS]
        if unknown or not self.methods:
            raise UsageError(f"Unknown methods {unknown} of {self.methods}. There are: {', '.join(METHODS)}.")
        if not all(0 < level < 1 for level in self.levels):
            raise UsageError(f"levels must lie between 0 and 1, not {self.levels}.")
        for name, least in (("draws", 25), ("starts", 2)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, not {getattr(self, name)}.")


@dataclass(frozen=True, eq=False)
class Estimates:
    """What one method found in each of R replicates, over the problem's k scalars, in the model's coordinates.

    Attributes
    ----------
    point : ndarray of shape (R, k)
        The MLE; the MAP, as ``pm.find_MAP`` means it; the posterior mean by importance sampling. NaN where failed.
    sd : ndarray of shape (R, k)
        Of the Wald normal (delta method); of the Laplace draws; of the importance-weighted draws. NaN where failed, and
        for an MLE on the boundary of its range.
    lower, upper : ndarray of shape (R, L, k)
        Central intervals at each of L levels: point ± z·sd for the MLE, quantiles of the draws for the others.
    rank : ndarray of shape (R, k)
        Share of the method's distribution below the truth (PIT; ties count half). NaN where there is no truth.
    status : tuple of str, R of them
        ``"ok"``, ``"suspect"`` or ``"failed"``.
    reasons : tuple of tuple of str, R of them
        Why; also what is to be known of one that is ok, such as a MAP on the boundary.
    k_hat : ndarray of shape (R,)
        Pareto k-hat of the Laplace draws' importance weights; NaN for ``mle_wald`` and where there are no draws.
    log_density : ndarray of shape (R,)
        In nats: the likelihood at the MLE, likelihood and prior at the MAP, and for ``psis_laplace`` the density with
        likelihood, prior and Jacobian at its mode. NaN where failed.
    """

    point: Array
    sd: Array
    lower: Array
    upper: Array
    rank: Array
    status: tuple[str, ...]
    reasons: tuple[tuple[str, ...], ...]
    k_hat: Array
    log_density: Array


def fit_batch(
    problem: Problem,
    data: Mapping[str, NDArray[Any]],
    *,
    seeds: NDArray[np.uint64],
    truth: Array | None = None,
    options: CheapOptions | None = None,
) -> dict[str, Estimates]:
    """Fit every method to every replicate.

    Parameters
    ----------
    problem : Problem
        Its graph, its shapes, and the data that are not swapped.
    data : Mapping of str to ndarray of shape (R, ...)
        Swapped data by the names of ``pm.Data``, one row a replicate, each of the container's own shape.
    seeds : ndarray of uint64 of shape (R,)
        Of each replicate's Laplace draws. A row depends on its own data and seed alone, bit by bit: neither on the
        other rows nor on their number.
    truth : ndarray of shape (R, k), optional
        True scalars, for ranks; NaN where there is none.
    options : CheapOptions, optional

    Returns
    -------
    dict of str to Estimates
        By method, in the order of ``options.methods``.

    Raises
    ------
    DataError
        If a container is unknown, or rows are not of its shape. NaN in a row is no error: that row fails.
    """
    raise NotImplementedError
