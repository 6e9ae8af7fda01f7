"""The cheap arms of a study: MLE + Wald, MAP + Laplace and PSIS-Laplace of many data sets at once.

One compiled density, R replicates of its data: the searches, the audit of every mode, the Laplace draws and their
importance weights are batches over the replicates. A failure is a failure: its row is NaN, with a status and a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..errors import DataError, UsageError
from ..methods import mode
from ..methods.modes.surface import Index
from ..model.backends import Array
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Status
from . import batch_density
from .batch_arms import Arms, Batched, OneByOne
from .batch_density import Chunk
from .batch_draws import Summary, draws_at_once, importance, summaries, wald
from .batch_modes import Modes

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
        Starts of each search: initial point, jitter, prior draws; the same ones for every replicate. Where no two of
        them end at one height there are as many more.
    """

    methods: tuple[str, ...] = METHODS
    draws: int = 1000
    levels: tuple[float, ...] = (0.5, 0.9)
    starts: int = 8

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
    reasons : tuple of tuple of Reason, R of them
        Why; also what is to be known of one that is ok, such as a MAP on the boundary.
    k_hat : ndarray of shape (R,)
        Pareto k-hat of the Laplace draws' importance weights; NaN for ``mle_wald`` and where there are no draws.
    log_density : ndarray of shape (R,)
        In nats: the likelihood at the MLE, likelihood and prior at the MAP, and for ``psis_laplace`` the density with
        likelihood, prior and Jacobian at its mode. NaN where failed.
    elpd : ndarray of shape (R,)
        Log predictive density of the fresh data, Σ_i log(mean of p(y_i | θ) over the method's draws), in nats per data
        set; larger predicts better. NaN where failed, for ``mle_wald``, and without fresh data.
    elpd_plugin : ndarray of shape (R,)
        The same at the method's point, Σ_i log p(y_i | MLE or MAP); −∞ where it gives an observation no density. NaN
        where failed, for ``psis_laplace``, and without fresh data.
    """

    point: Array
    sd: Array
    lower: Array
    upper: Array
    rank: Array
    status: tuple[str, ...]
    reasons: tuple[tuple[Reason, ...], ...]
    k_hat: Array
    log_density: Array
    elpd: Array
    elpd_plugin: Array


def fit_batch(
    problem: Problem,
    data: Mapping[str, NDArray[Any]],
    *,
    seeds: NDArray[np.uint64],
    truth: Array | None = None,
    fresh: Mapping[str, NDArray[Any]] | None = None,
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
    fresh : Mapping of str to ndarray of shape (R, ...), optional
        Data that were not fitted, in rows as ``data``, which stand for what is not among them: for elpd. The likelihood
        must factorise over observations.
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
    options = options or CheapOptions()
    rows = checked(problem, data)
    others = None if fresh is None else rows | checked(problem, fresh)
    count, k = len(seeds), len(problem.scalars)
    truth = np.full((count, k), np.nan) if truth is None else np.asarray(truth, dtype=float)
    every = [*rows.items(), *(others or {}).items()]
    if truth.shape != (count, k) or any(len(array) != count for _, array in every):
        lengths = ", ".join(f"{name} {len(array)}" for name, array in every)
        raise DataError(
            f"{count} seeds want so many rows of data ({lengths}) and truth ({count}, {k}), not {truth.shape}."
        )
    compiled = batch_density.functions(problem.density, tuple(rows), predictive=others is not None)
    size = batch_density.chunk_size(problem.density)
    numbers = [int(seed) for seed in seeds]
    parts = [{name: _Rows.nothing(0, k, options) for name in options.methods}]
    with threadpool_limits(limits=1, user_api="blas"):  # the same bits whatever a worker's threads
        for start in range(0, count, size):
            wanted = min(size, count - start)
            places = np.minimum(np.arange(start, start + size), count - 1)
            arms: Arms
            if compiled is None:
                places = places[:wanted]
                own, new = _rows_of(rows, places), None if others is None else _rows_of(others, places)
                arms = OneByOne(problem, own, [numbers[i] for i in places], options.draws, new)
            else:
                chunk = Chunk(problem.density, compiled, _rows_of(rows, places), size)
                other = None if others is None else Chunk(problem.density, compiled, _rows_of(others, places), size)
                own_seeds = [numbers[i] for i in places]
                arms = Batched(chunk, problem, own_seeds, wanted, options.draws, options.starts, other)
            parts.append(_fitted(arms, problem, truth[places], wanted, options))
    return {name: _joined([part[name] for part in parts]) for name in options.methods}


def _rows_of(data: Mapping[str, NDArray[Any]], places: Index) -> dict[str, NDArray[Any]]:
    return {name: array[places] for name, array in data.items()}


def checked(problem: Problem, data: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Rows of the swapped data in the containers' order and types.

    Raises
    ------
    DataError
    """
    known = problem.density.data
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise DataError(
            f"The model has no data container {unknown[0]!r} (it has: {', '.join(sorted(known)) or 'none'})."
        )
    rows = {name: np.asarray(data[name], dtype=old.dtype) for name, old in known.items() if name in data}
    for name, array in rows.items():
        if array.shape[1:] != known[name].shape:
            raise DataError(
                f"Rows of {name!r} have the shape {array.shape[1:]}, but the problem's is {known[name].shape}. "
                "A batch is over one shape: swap one row in by Problem.with_data first."
            )
    return rows


# -- results ---------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Rows:
    """The arrays of :class:`Estimates` while they are filled."""

    point: Array
    sd: Array
    lower: Array
    upper: Array
    rank: Array
    status: list[str]
    reasons: list[tuple[Reason, ...]]
    k_hat: Array
    log_density: Array
    elpd: Array
    elpd_plugin: Array

    @classmethod
    def nothing(cls, rows: int, k: int, options: CheapOptions) -> _Rows:
        scalars, ends = (rows, k), (rows, len(options.levels), k)
        point, sd, lower, upper, rank = (np.full(s, np.nan) for s in (scalars, scalars, ends, ends, scalars))
        of_fits = (np.full(rows, np.nan) for _ in range(4))
        return cls(point, sd, lower, upper, rank, ["failed"] * rows, [()] * rows, *of_fits)

    def put(self, row: int, status: Status, reasons: tuple[Reason, ...]) -> None:
        self.status[row], self.reasons[row] = str(status), reasons

    def fill(self, rows: Index, summary: Summary, of: Index) -> None:
        """Rows of a summary, all but its mean."""
        for name in ("sd", "lower", "upper", "rank"):
            getattr(self, name)[rows] = getattr(summary, name)[of]

    def blank(self) -> None:
        """What failed has no number, so that it cannot be read as one; k-hat may be the reason."""
        failed = np.array([status == "failed" for status in self.status], dtype=bool)
        for name in ("point", "sd", "lower", "upper", "rank", "log_density", "elpd", "elpd_plugin"):
            getattr(self, name)[failed] = np.nan


def _joined(parts: list[_Rows]) -> Estimates:
    def whole(name: str) -> Any:
        values = [getattr(part, name) for part in parts]
        if isinstance(values[0], list):
            return tuple(each for value in values for each in value)
        return np.concatenate(values)

    return Estimates(**{each.name: whole(each.name) for each in fields(Estimates)})


def _fitted(arms: Arms, problem: Problem, truth: Array, wanted: int, options: CheapOptions) -> dict[str, _Rows]:
    """Every method on the replicates of one chunk, the first ``wanted`` of its rows."""
    found = {}
    if "mle_wald" in options.methods:
        found["mle_wald"] = _mle(arms, problem, truth, wanted, options)
    if {"map_laplace", "psis_laplace"} & set(options.methods):
        found |= _laplace(arms, problem, truth, wanted, options)
    for rows in found.values():
        rows.blank()
    return found


def _mle(arms: Arms, problem: Problem, truth: Array, wanted: int, options: CheapOptions) -> _Rows:
    rows = _Rows.nothing(wanted, truth.shape[1], options)
    if mode.refusal(problem):  # the same for all data
        refused = mode.fit(problem, "mle")
        for row in range(wanted):
            rows.put(row, refused.status, refused.reasons)
        return rows
    modes = arms.modes("mle")
    all_of_them = np.arange(wanted)
    rows.point[:], rows.log_density[:] = modes.estimate[:wanted], modes.value[:wanted]
    rows.elpd_plugin[:] = _plugin(arms, modes, wanted)
    rows.fill(all_of_them, wald(modes.estimate, arms.errors(modes), truth, options.levels), all_of_them)
    for row in range(wanted):
        rows.put(row, modes.status[row] or Status.FAILED, modes.reasons[row])
    return rows


def _laplace(arms: Arms, problem: Problem, truth: Array, wanted: int, options: CheapOptions) -> dict[str, _Rows]:
    """MAP + Laplace and PSIS-Laplace: both are of the same draws."""
    k = truth.shape[1]
    top = arms.modes("unconstrained_map")
    modes = arms.modes("map") if problem.density.transformed.any() else top
    plain, weighted = _Rows.nothing(wanted, k, options), _Rows.nothing(wanted, k, options)
    plain.point[:], plain.log_density[:] = modes.estimate[:wanted], modes.value[:wanted]
    weighted.log_density[:] = top.value[:wanted]
    plain.elpd_plugin[:] = _plugin(arms, modes, wanted)
    why_not: list[Reason | None] = [None] * wanted
    size = draws_at_once(options.draws, problem.dimension, k, len(truth))
    for start in range(0, wanted, size):
        rows = np.arange(start, min(start + size, len(truth)))
        points, draws, ratios = arms.draws(top, rows)
        weights = importance(ratios)
        of_draws, of_weights = summaries(draws, weights.log_weights, truth[rows], options.levels)
        own = rows[rows < wanted]
        plain.fill(own, of_draws, own - start)
        weighted.fill(own, of_weights, own - start)
        weighted.point[own] = of_weights.mean[own - start]
        shares = np.stack([np.full(ratios.shape, -np.log(options.draws)), weights.log_weights], axis=1)
        plain.elpd[own], weighted.elpd[own] = arms.elpd(points, shares, rows)[own - start].T
        plain.k_hat[own] = weighted.k_hat[own] = np.where(top.interior[own], weights.k_hat[own - start], np.nan)
        for row in own:
            why_not[row] = weights.reasons[row - start]
    for row in range(wanted):
        _judge(row, plain, weighted, modes, top, why_not[row])
    return {
        name: rows for name, rows in (("map_laplace", plain), ("psis_laplace", weighted)) if name in options.methods
    }


def _plugin(arms: Arms, modes: Modes, wanted: int) -> Array:
    """Log density of the fresh data at each mode."""
    count = len(modes.u)
    return arms.elpd(modes.u[:, None], np.zeros((count, 1, 1)), np.arange(count))[:wanted, 0]


def _judge(row: int, plain: _Rows, weighted: _Rows, modes: Modes, top: Modes, why_not: Reason | None) -> None:
    """Status and reasons of both methods: what fails the Laplace approximation fails them both."""
    status, reasons = top.status[row] or Status.FAILED, top.reasons[row]
    if status is Status.FAILED:
        reasons = (Reason(Code.NO_UNCONSTRAINED_MODE, causes=reasons[:1]), *reasons[1:])
    elif not top.interior[row]:
        status, reasons = Status.FAILED, (Reason(Code.NO_LAPLACE), *reasons)
    if modes is top:
        plain.put(row, status, reasons)
    else:
        own = modes.status[row] or Status.FAILED
        worst = max(own, status, key=list(Status).index)
        plain.put(
            row, worst, (*modes.reasons[row], *(reason for reason in reasons if reason not in modes.reasons[row]))
        )
    if why_not is not None and status is not Status.FAILED:
        status, reasons = Status.FAILED, (why_not, *reasons)
    weighted.put(row, status, reasons)
