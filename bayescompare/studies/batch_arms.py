"""Modes, standard errors and Laplace draws of some replicates: all at once, or one by one where there is no batch.

Where a batch cannot tell what its search ended at, the search for a single mode (``methods.mode``) decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, NoFiniteStartError
from ..methods import laplace, mode
from ..methods.modes.curvature import RIDGE, own_scale
from ..methods.modes.newton import newton, polish
from ..methods.modes.options import ModeOptions
from ..methods.modes.search import starts
from ..methods.modes.surface import Index, Mask
from ..model.backends import Array
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from . import batch_draws, batch_modes
from .batch_density import Chunk
from .batch_modes import Modes
from .fresh_elpd import log_predictive


class Arms(Protocol):
    """What both ways give, for replicates that are counted from 0."""

    def modes(self, method: str) -> Modes:
        """The modes that ``method`` names: ``mle``, ``map`` or ``unconstrained_map``."""
        ...

    def errors(self, modes: Modes) -> Array:
        """Standard errors in the model's coordinates by the delta method, (n, k); NaN where a mode is not interior."""
        ...

    def draws(self, modes: Modes, rows: Index) -> tuple[Array, Array, Array]:
        """Laplace draws at these modes: in u (rows, D, d), in the model's coordinates (rows, D, k), and
        log p(y, u) − log q(u), (rows, D)."""
        ...

    def elpd(self, points: Array, log_shares: Array, rows: Index) -> Array:
        """Log predictive density of the fresh data, nats, (rows, W): by points (rows, P, d) with shares in W ways,
        whose logarithms are (rows, W, P). NaN where there are no fresh data or a point is NaN."""
        ...


@dataclass(frozen=True)
class Batched:
    """All replicates of a chunk at once.

    Attributes
    ----------
    chunk : Chunk
    problem : Problem
    seeds : sequence of int, B of them
    wanted : int
        How many of the chunk's rows are replicates; the others are copies that fill it.
    size : int
        Draws.
    starts : int
        Of a round of starts.
    fresh : Chunk or None
        The same density over fresh data.
    """

    chunk: Chunk
    problem: Problem
    seeds: Sequence[int]
    wanted: int
    size: int
    starts: int
    fresh: Chunk | None = None

    def modes(self, method: str) -> Modes:
        chunk = self.chunk.under(mode.WEIGHTS[method])
        found = searched(chunk, self.problem, self.starts, self.wanted)
        unclear = found.open
        for row in np.flatnonzero(unclear).tolist():
            data = {name: array[row] for name, array in chunk.swapped.items()}
            put(found, row, alone(self.problem, data, method, self.seeds[row], ModeOptions(starts=self.starts)))
        again = unclear & found.interior
        nothing = np.zeros(found.u.shape, dtype=bool)
        own = np.flatnonzero(again)
        if len(own):
            top = polish(chunk, found.u[own], nothing[own], own, batch_modes.CLIMB)
            found.h[own], found.interior[own] = top.h, top.smallest > RIDGE
        refine(chunk, found, found.interior if method == "unconstrained_map" else found.interior & again)
        return found

    def errors(self, modes: Modes) -> Array:
        found = np.full(modes.estimate.shape, np.nan)
        rows = np.flatnonzero(modes.interior)
        if len(rows):
            found[rows] = batch_draws.standard_errors(self.chunk, modes.u[rows], modes.h[rows], rows)
        return found

    def draws(self, modes: Modes, rows: Index) -> tuple[Array, Array, Array]:
        points, draws, ratios = _no_draws(modes, rows, self.size)
        own = np.flatnonzero(modes.interior[rows])
        if len(own):
            u, h, seeds = modes.u[rows[own]], modes.h[rows[own]], [self.seeds[row] for row in rows[own]]
            found = batch_draws.laplace(self.chunk.part(rows), u, h, own, seeds, self.size)
            points[own], draws[own], ratios[own] = found
        return points, draws, ratios

    def elpd(self, points: Array, log_shares: Array, rows: Index) -> Array:
        found = np.full(log_shares.shape[:2], np.nan)
        own = np.flatnonzero(~np.isnan(points).any(axis=(1, 2)))
        if self.fresh is not None and len(own):
            found[own] = self.fresh.part(rows).predictive(points[own], log_shares[own], own)
        return found


def searched(chunk: Chunk, problem: Problem, count: int, wanted: int) -> Modes:
    """Modes of the first ``wanted`` rows of a chunk, from so many starts; open where a batch cannot tell."""
    rounds = batch_modes.ROUNDS
    points = np.stack([u for _, u in starts(problem, count * rounds, 0, chunk.weights)])
    in_rounds = np.stack([points[i::rounds] for i in range(rounds)])  # some of each kind in every round
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # rows without a density go along
        return batch_modes.find(chunk, problem, in_rounds, np.arange(chunk.size) < wanted)


def refine(chunk: Chunk, modes: Modes, which: Mask) -> None:
    """The curvature at modes as good as it can be, as draws and weights want it."""
    rows = np.flatnonzero(which)
    if len(rows):
        last = newton(
            chunk, modes.u[rows], np.zeros((len(rows), modes.u.shape[1]), bool), own_scale(modes.h[rows]), rows
        )
        inside = np.isfinite(last.decrement)
        modes.h[rows[inside]] = last.h[inside]


@dataclass(frozen=True)
class OneByOne:
    """Each replicate by itself, for a model that PyTensor cannot translate to JAX."""

    problem: Problem
    data: Mapping[str, NDArray[Any]]
    seeds: Sequence[int]
    size: int
    fresh: Mapping[str, NDArray[Any]] | None = None

    def modes(self, method: str) -> Modes:
        n, d, k = len(self.seeds), self.problem.dimension, len(self.problem.scalars)
        found = Modes.unknown(n, d, k)
        for row, seed in enumerate(self.seeds):
            put(found, row, alone(self.problem, self._row(row), method, seed, ModeOptions()))
        return found

    def errors(self, modes: Modes) -> Array:
        found = np.full(modes.estimate.shape, np.nan)
        for row, fit in modes.fits.items():
            if fit.status is not Status.FAILED:
                found[row] = list(fit.diagnostics["standard_errors"].values())
        return found

    def draws(self, modes: Modes, rows: Index) -> tuple[Array, Array, Array]:
        options = laplace.LaplaceOptions(draws=self.size)
        points, draws, ratios = _no_draws(modes, rows, self.size)
        for i, row in enumerate(rows):
            if modes.interior[row]:
                problem = self.problem.with_data(**self._row(int(row)))
                fit = laplace.fit(problem, seed=self.seeds[row], options=options, at=modes.fits[int(row)])
                if fit.draws is not None and fit.unconstrained_draws is not None:
                    points[i], draws[i] = fit.unconstrained_draws[0], fit.draws[0]
                    ratios[i] = fit.statistics["log_ratio"][0]
        return points, draws, ratios

    def elpd(self, points: Array, log_shares: Array, rows: Index) -> Array:
        found = np.full(log_shares.shape[:2], np.nan)
        for i, row in enumerate(rows):
            if self.fresh is not None and not np.isnan(points[i]).any():
                problem = self.problem.with_data(**{name: array[row] for name, array in self.fresh.items()})
                found[i] = [log_predictive(problem, points[i], shares) for shares in log_shares[i]]
        return found

    def _row(self, row: int) -> dict[str, NDArray[Any]]:
        return {name: array[row] for name, array in self.data.items()}


def _no_draws(modes: Modes, rows: Index, size: int) -> tuple[Array, Array, Array]:
    """Room for draws; what stays of it is of a replicate that has none."""
    points = np.full((len(rows), size, modes.u.shape[1]), np.nan)
    return points, np.zeros((len(rows), size, modes.estimate.shape[1])), np.full((len(rows), size), -np.inf)


def alone(problem: Problem, data: Mapping[str, NDArray[Any]], method: str, seed: int, options: ModeOptions) -> Fit:
    """The single search; data that cannot be fitted are a failure of that replicate."""
    try:
        return mode.fit(problem.with_data(**data), method, seed=seed, options=options)
    except (DataError, NoFiniteStartError) as error:
        names = problem.scalars.names
        return Fit(
            method,
            Status.FAILED,
            (Reason(Code.ERROR, figures={"message": str(error)}),),
            names,
            np.full(len(names), np.nan),
        )


def put(modes: Modes, row: int, fit: Fit) -> None:
    """A single fit as a row of modes."""
    modes.status[row], modes.reasons[row] = fit.status, fit.reasons
    modes.fits[row] = fit
    if fit.unconstrained is not None:
        modes.u[row], modes.estimate[row], modes.value[row] = fit.unconstrained, fit.estimate, fit.log_density
        modes.interior[row] = not fit.diagnostics["boundary"] and not fit.diagnostics["kink"]
