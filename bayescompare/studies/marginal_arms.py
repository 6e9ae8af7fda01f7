"""The marginal methods over many data sets at once: the latent block integrated out within one function of JAX.

Where a batch cannot tell what its search ended at, the method for one data set decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedModelError
from ..methods import mode
from ..methods.marginal.laplace import EFFECTIVE
from ..methods.marginal.traced import Traced, hyperparameters, traced
from ..methods.modes.boundaries import LIMIT
from ..metrics import psis
from ..metrics.thresholds import K_HAT_MAX
from ..model.problem import Problem
from ..reasons import Code, Reason, joined
from ..results.fit import Status
from . import batch_density
from .batch_arms import refine, searched
from .batch_density import Chunk, Functions
from .batch_modes import Modes
from .cheap_arms import checked
from .nuts_arm import Found, Kept
from .replicates import Replicate
from .single_arm import of_draws, of_point

Array = NDArray[np.float64]

#: The methods, each with the mode that it starts from.
MODES = {"marginal_map": "map", "marginal_laplace": "unconstrained_map"}

#: Starts of a search in each of its rounds.
STARTS = 4


def by_place(problem: Problem, method: str, replicates: Sequence[Replicate], kept: Kept) -> dict[int, Found | None]:
    """What a batch can tell of a block's data sets, by place; nothing of other methods, or where it raises."""
    if method not in MODES or not replicates:
        return {}
    data, truth = [r.data for r in replicates], np.stack([r.truth for r in replicates])
    seeds = [r.seeds.single for r in replicates]
    try:
        found = fit_batch(problem, data, truth, method, seeds=seeds, kept=kept)
    except Exception:  # a user's model may raise anything; each data set by itself says why
        return {}
    return dict(zip((r.place for r in replicates), found, strict=True))


def fit_batch(
    problem: Problem,
    data: Sequence[Mapping[str, NDArray[Any]]],
    truth: Array,
    method: str,
    *,
    seeds: Sequence[int],
    kept: Kept,
) -> list[Found | None]:
    """Fit R data sets.

    Parameters
    ----------
    problem : Problem
    data : sequence of Mapping of str to ndarray, R of them
        Swapped data.
    truth : ndarray of shape (R, k_all)
    method : {"marginal_map", "marginal_laplace"}
    seeds : sequence of int, R of them
    kept : Kept

    Returns
    -------
    list of Found or None
        None where the fit of that data set alone must decide; all None where the model has no function in JAX.
    """
    size = batch_density.GROUP
    rows = checked(problem, {name: np.stack([each[name] for each in data]) for name in data[0]})
    try:
        one = problem.density.once("traced marginal", lambda: traced(problem))
    except UnsupportedModelError:
        return [None] * len(data)
    found: list[Found | None] = []
    for start in range(0, len(data), size):
        places = np.minimum(np.arange(start, start + size), len(data) - 1)
        batch = _Batch(problem, one, {name: array[places] for name, array in rows.items()}, size)
        wanted = min(size, len(data) - start)
        began = time.perf_counter()
        own = batch.fitted(method, wanted, [seeds[i] for i in places], truth[places], kept)
        seconds = (time.perf_counter() - began) / wanted
        found += [each and Found(each.status, each.reason, {**each.arrays, "seconds": seconds}) for each in own]
    return found


@dataclass(frozen=True)
class _Compiled:
    """Functions of JAX over replicates.

    Attributes
    ----------
    heights : of the marginal density
    at : φ, weights, data -> all scalars, the latent block at its mode
    errors : φ, covariance of φ, weights, data -> standard errors of all scalars
    draws : φ (B, D, m), z (B, D, n), weights, data -> scalars (B, D, k), log ratios (B, D)
    """

    heights: Functions
    at: Callable[..., Any]
    errors: Callable[..., Any]
    draws: Callable[..., Any]


class _Batch:
    """A group of data sets in the marginal density of one model."""

    def __init__(self, problem: Problem, one: Traced, rows: Mapping[str, NDArray[Any]], size: int) -> None:
        self._problem, self._one, self._rows = problem, one, rows
        density, swapped = one.problem.density, tuple(rows)
        key = f"marginal batch {swapped} {[array.shape for array in density.data.values()]}"
        self._compiled: _Compiled = density.once(key, lambda: _compiled(one, problem, swapped))
        self._chunk = Chunk(density, self._compiled.heights, rows, size)
        self._data = [rows.get(name, old) for name, old in density.data.items()]

    def fitted(self, method: str, wanted: int, seeds: Sequence[int], truth: Array, kept: Kept) -> list[Found | None]:
        """The first ``wanted`` data sets."""
        chunk = self._chunk.under(mode.WEIGHTS[MODES[method]])
        modes = searched(chunk, self._one.problem, STARTS, wanted)
        told = [_without(modes, row, method) for row in range(wanted)]
        decided = np.array([each is None for each in told]) & ~modes.open[:wanted]
        rows = np.flatnonzero(decided & (modes.interior[:wanted] | (method == "marginal_map")))
        if not len(rows):
            return told
        refine(chunk, modes, modes.interior & ~modes.open)
        full = np.array([row if row in rows else rows[0] for row in range(len(modes.u))])
        phi = np.where(np.isfinite(modes.u[full]), modes.u[full], np.copysign(LIMIT, modes.u[full]))
        h = np.where(modes.interior[full, None, None], modes.h[full], np.eye(phi.shape[1]))
        if method == "marginal_laplace":
            return self._drawn(told, rows, (phi, h), seeds, truth, kept)
        weights = np.array(mode.WEIGHTS["map"])
        scalars = np.array(self._compiled.at(phi, weights, *self._data))
        errors = np.array(self._compiled.errors(phi, np.linalg.inv(h), weights, *self._data))
        names = self._problem.scalars.names
        own = [names.index(name) for name in self._one.problem.scalars.names]
        for row in rows:
            scalars[row, own] = modes.estimate[row]
            edges = {n for r in modes.reasons[row] if r.code is Code.ON_BOUNDARY for n in r.variables}
            sds = errors[row] if modes.interior[row] else np.full(len(names), np.nan)
            arrays: dict[str, Any] = {
                **of_point(scalars[row], sds, truth[row], kept),
                "at_bound": [names[i] in edges for i in kept.chosen],
                "log_density": modes.value[row],
            }
            told[row] = Found(str(modes.status[row]), joined(modes.reasons[row]), arrays)
        return told

    def _drawn(
        self,
        told: list[Found | None],
        rows: NDArray[np.intp],
        modes: tuple[Array, Array],
        seeds: Sequence[int],
        truth: Array,
        kept: Kept,
    ) -> list[Found | None]:
        """Marginal Laplace: hyperparameters by importance sampling, the block from its Gaussian given them."""
        every = np.arange(len(modes[0]))
        chunk = self._chunk.under(mode.WEIGHTS["unconstrained_map"])
        phi, outer = hyperparameters(lambda points: chunk.values(points, every), modes, seeds, kept.draws)
        z = np.stack([np.random.default_rng([seed, 1]).standard_normal((kept.draws, self._latent)) for seed in seeds])
        scalars, ratios = (np.asarray(each) for each in self._compiled.draws(phi, z, np.ones(3), *self._data))
        for row in rows:
            k_hat = float(psis.importance(ratios[row]).k_hat.value)
            reasons = []
            if not (outer[row].k_hat < K_HAT_MAX and outer[row].ess >= min(EFFECTIVE, kept.draws / 10)):
                figures = {"k_hat": outer[row].k_hat, "ess": outer[row].ess}
                reasons.append(Reason(Code.HYPERPARAMETERS_WEIGHTS, figures=figures))
            if not k_hat < K_HAT_MAX:
                reasons.append(Reason(Code.LATENT_NOT_GAUSSIAN, figures={"k_hat": k_hat, "limit": K_HAT_MAX}))
            arrays = of_draws(scalars[row][None], truth[row], kept, seeds[row]) | {"k_hat": np.array(k_hat)}
            told[row] = Found("suspect" if reasons else "ok", joined(tuple(reasons)), arrays)
        return told

    @property
    def _latent(self) -> int:
        return self._problem.dimension - self._one.problem.dimension


def _without(modes: Modes, row: int, method: str) -> Found | None:
    """A data set that the search itself has told to be without an answer."""
    reasons = modes.reasons[row]
    if modes.status[row] is Status.FAILED:
        wrapped = (Reason(Code.NO_MARGINAL_MODE, causes=reasons[:1]),)
        return Found("failed", joined(reasons if method == "marginal_map" else wrapped), {})
    edges = tuple(n for r in reasons if r.code is Code.ON_BOUNDARY for n in r.variables)
    if method == "marginal_laplace" and edges:
        return Found("failed", joined((Reason(Code.NO_WIDTH, edges, {"mode": "marginal", "place": "boundary"}),)), {})
    return None


def _compiled(one: Traced, problem: Problem, swapped: tuple[str, ...]) -> _Compiled:
    import jax

    density, whole = one.problem.density, problem.density
    height = (one.height, lambda *args: one.height(*args)[0], one.push)
    compiled: Any = whole.once("batch push", lambda: whole.translated([whole.graphs.scalars()], whole.start))
    push = compiled.packed()
    axes = [0 if name in swapped else None for name in density.data]

    def at(phi: Any, weights: Any, *data: Any) -> Any:
        return push(one.at(phi, weights, *data)[0], *data)

    def draws(phi: Any, z: Any, weights: Any, *data: Any) -> tuple[Any, Any]:
        def of_draw(pair: tuple[Any, Any]) -> tuple[Any, Any]:
            u, ratio = one.draw(*pair, weights, *data)
            return push(u, *data), ratio

        found: tuple[Any, Any] = jax.lax.map(of_draw, (phi, z), batch_size=64)
        return found

    return _Compiled(
        batch_density.over_replicates(density, height, swapped),
        jax.jit(jax.vmap(at, in_axes=(0, None, *axes))),
        jax.jit(jax.vmap(one.errors, in_axes=(0, 0, None, *axes))),
        jax.jit(jax.vmap(draws, in_axes=(0, 0, None, *axes))),
    )
