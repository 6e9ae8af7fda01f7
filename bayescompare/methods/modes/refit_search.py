"""The mode without one observation: warm from that of all, then polished alone, then searched for anew."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...model.backends import Array
from ...model.problem import Problem
from ...reasons import Reason
from ...results.fit import Fit, Status
from .. import mode
from . import boundaries, endings, kinks
from .audits import Audit, Polish
from .end import End
from .folds import folds
from .options import ModeOptions
from .search import alone, polish
from .surface import Index, Mask
from .warm import Tops, Warm, Without

#: A first Newton step longer than this many times the one by the full data's curvature: the observation carries three
#: quarters of the curvature along it, and one step is not to be relied on.
LONG = 4.0

#: Other modes of all observations that are followed too: those within so many nats, and at most so many.
NEAR, MOST = 10.0, 8

#: Slope off a kink, in nats a unit, that is no rounding.
RISING = 1e-6


@dataclass(frozen=True)
class One:
    """The mode without one observation: ``u`` is infinite on bounds, NaN where there is no mode."""

    u: Array
    status: Status
    reason: Reason | None = None
    evaluations: int = 0
    searched: bool = False


class Search:
    """Modes without an observation, from that of all: warm, then alone, then by a search from the beginning."""

    def __init__(self, problem: Problem, mode_fit: Fit, seed: int, options: ModeOptions, expected: int) -> None:
        self._problem, self._fit, self._seed, self._options = problem, mode_fit, seed, options
        self._weights = mode.WEIGHTS[mode_fit.method]
        limits = np.asarray(mode_fit.unconstrained)
        self._u = boundaries.placed(problem.density, limits, self._weights)
        self._held = np.flatnonzero(np.isinf(limits))
        # Kinks across coordinates are others without an observation: each of those modes is climbed to by itself.
        self._across = folds(problem.density, options.dense).across
        self._kinks = np.array([], dtype=int) if self._across else _kink_coordinates(problem, mode_fit)
        known = {int(k): float(self._u[k]) for k in self._kinks}
        self._lines = kinks.alike(problem.density, known)  # what one refit finds serves the others
        self._without = Without(problem.density, self._weights, expected)
        self._warm = self._around(self._u, np.union1d(self._held, self._kinks))

    @property
    def usable(self) -> bool:
        """True if the curvature at the mode of all observations gives Newton steps."""
        return self._warm.usable and not self._across

    def _around(self, u: Array, fixed: Index) -> Warm:
        return Warm(self._without, u, fixed.astype(int), self._options)

    def first(self, which: Index) -> tuple[Array, Mask]:
        """One Newton step for each observation, and whether it may be relied on."""
        step = self._warm.first(which)
        return self._limits(step.points), (step.length > 0) & (step.length < LONG)

    def modes(self, which: Index) -> list[One]:
        """The mode without each observation, audited."""
        if not len(which):
            return []
        tops = self._warm_modes(which)
        return [
            One(self._limits(u), Status.OK) if sound else self._alone(i, u)
            for i, u, sound in zip(which.tolist(), tops.points, tops.sound, strict=True)
        ]

    def _warm_modes(self, which: Index) -> Tops:
        """All rows from the mode of all observations; where another beginning leads higher, that."""
        edges = self._fit.diagnostics.get("boundary") and not len(self._held)
        if not self.usable or edges:
            start = np.repeat(self._u[None], len(which), axis=0)
            return Tops(start, np.full(len(which), -math.inf), np.zeros(len(which), dtype=bool))
        best = self._warm.modes(which)
        best.sound[self._leaves_kink(best, which)] = False
        for other in [*self._inside(which), *self._other_modes(which)]:
            higher = other.values > best.values + self._options.agreement
            best.points[higher], best.values[higher] = other.points[higher], other.values[higher]
            best.sound[higher] = other.sound[higher]
        return best

    def _inside(self, which: Index) -> Iterator[Tops]:
        """With a coordinate put off its bound, the others at their best: slope and second order both count."""
        for k in self._held.tolist():
            end = End("inward", self._u, -math.inf, held={int(i): float(self._u[i]) for i in self._held})
            for depth in boundaries.INWARD:
                end = boundaries.put(end, {k: depth * math.copysign(1.0, self._u[k])})
                end = polish(self._problem.density, end, self._weights, self._options)
                there = self._around(end.u, np.union1d(self._held, self._kinks))
                if there.usable:
                    yield there.heights(which)

    def _other_modes(self, which: Index) -> Iterator[Tops]:
        """The other modes of all observations, which may be the highest without one."""
        lowest = self._fit.log_density - NEAR
        others = [m for m in self._fit.diagnostics.get("modes", ())[1:] if m["log_density"] > lowest]
        for other in others[:MOST]:
            u, bound = np.array(other["u"]), np.array(other["held"], dtype=int)
            there = self._around(u, bound)
            if there.usable:
                yield there.heights(which) if len(bound) else there.modes(which)

    def _leaves_kink(self, tops: Tops, which: Index) -> Mask:
        """Rows whose density rises off a kink that the mode of all observations lies on."""
        rises = np.zeros(len(which), dtype=bool)
        for k in self._kinks.tolist():
            for side in (1.0, -1.0):
                beside = tops.points.copy()
                beside[:, k] += side * 1e-9 * max(1.0, abs(self._u[k]))
                rises |= side * self._without(beside, which)[1][:, k] > RISING
        return rises

    def _alone(self, i: int, start: Array) -> One:
        """Polished by itself and audited as a mode is; where that fails, searched for from the beginning."""
        problem = self._problem.weighted(self._without.observation_weights(np.array([i]))[0])
        end, status, reasons = alone(problem.density, self._weights, self._audited(problem, start))
        self._lines = kinks.alike(problem.density, {**self._lines, **end.lines})
        reason = reasons[0] if reasons else None
        if status is Status.OK:
            return One(boundaries.limits(end), status, reason, problem.density.evaluations)
        found = mode.fit(problem, self._fit.method, seed=self._seed, options=self._options)
        u = np.full(len(start), np.nan) if found.unconstrained is None else found.unconstrained
        reason = found.reasons[0] if found.reasons else None
        return One(u, found.status, reason, problem.density.evaluations, True)

    def _audited(self, problem: Problem, start: Array) -> Audit[tuple[End, Status, list[Reason]]]:
        end = End("refit", start, -math.inf, lines=self._lines)
        for _ in range(mode.RENEWALS):
            end = yield Polish(end, self._options)
            end, inside = yield from boundaries.hold(problem.density, end, self._weights, self._options)
            if not end.converged(self._options) or inside is None:
                break
            end = End("inward", inside.u, inside.value, lines=end.lines)
        end = yield from endings.refined(end, self._options)
        status, reasons = yield from endings.judge(problem, end, [end], 2, self._weights, self._options)
        return end, status, reasons

    def _limits(self, points: Array) -> Array:
        """With the bounds themselves where the mode of all observations lies on them."""
        there = points.copy()
        there[..., self._held] = np.sign(self._u[self._held]) * math.inf
        return there


def _kink_coordinates(problem: Problem, fit: Fit) -> Index:
    """Coordinates of the scalars that lie on a kink: those are of variables without a transform."""
    found = []
    for name in fit.diagnostics.get("kink", ()):
        place = problem.scalars.names.index(name)
        for block in problem.density.blocks:
            start, stop, *_ = problem.scalars.variables[block.name]
            if start <= place < stop:
                found.append(block.start + place - start)
    return np.array(found, dtype=int)
