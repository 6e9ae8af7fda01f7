"""The modes of one chunk of replicates, each audited as a single one is (:mod:`bayescompare.methods.modes.endings`).

What a batch can tell is told here: interior modes, modes on the boundary, ridges, densities that rise for ever, data
without a density. Every other ending (a kink, a saddle, two modes of one height, a search that did not end), and every
one of a density with kinks across coordinates, is left to the search for a single mode, which looks harder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..methods.modes import boundaries, endings, unbounded
from ..methods.modes.curvature import RIDGE
from ..methods.modes.end import End
from ..methods.modes.folds import folds
from ..methods.modes.options import ModeOptions
from ..model.angles import nearest
from ..model.backends import Array
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from . import batch_bounds
from .batch_density import Chunk, Weights
from .batch_newton import CONVERGED, PATIENT, STEPS, Mask, Tops, conditional_sd, newton, polish, spectra

#: Rounds of starts while no two agree: the first is everyone's, the others are for those that need them.
ROUNDS = 2

#: Most evaluations from a start, and two more for each coordinate; and where a search has to go on.
EVALUATIONS, LONG = 60, 1500

#: Times that a search goes on from where it ended without a mode.
RENEWALS = 3

#: Ends that are polished after each round, at most, until two are of one height.
CLIMBS = 2

#: Difference of heights, in nats, up to which they are one height.
AGREEMENT = ModeOptions().agreement


@dataclass
class Modes:
    """The modes of B replicates under one choice of weights.

    Attributes
    ----------
    u : ndarray of shape (B, d)
        NaN where failed; infinite where the mode lies on a bound.
    estimate : ndarray of shape (B, k)
        The scalars there.
    value : ndarray of shape (B,)
        Height, nats.
    h : ndarray of shape (B, d, d)
        −∇² there.
    interior : ndarray of bool of shape (B,)
        True where curvature tells the width: on no bound, on no kink.
    status, reasons : lists of length B
        None where only the search for a single mode can tell.
    fits : dict of int to Fit
        By row, what that search said.
    """

    u: Array
    estimate: Array
    value: Array
    h: Array
    interior: Mask
    status: list[Status | None]
    reasons: list[tuple[Reason, ...]]
    fits: dict[int, Fit]

    @classmethod
    def unknown(cls, rows: int, d: int, k: int) -> Modes:
        """None is known yet."""
        nothing = np.full(rows, np.nan)
        u, estimate, h = np.full((rows, d), np.nan), np.full((rows, k), np.nan), np.full((rows, d, d), np.nan)
        return cls(u, estimate, nothing, h, np.zeros(rows, dtype=bool), [None] * rows, [()] * rows, {})

    @property
    def open(self) -> Mask:
        """Rows that are not decided yet."""
        return np.array([status is None for status in self.status])

    def fail(self, row: int | np.integer[Any], *reasons: Reason) -> None:
        self.status[int(row)], self.reasons[int(row)] = Status.FAILED, reasons


# -- search and audit ------------------------------------------------------------------------------


def find(chunk: Chunk, problem: Problem, starts: Array, weights: Weights, asked: Mask) -> Modes:
    """Search for each replicate's mode and audit it.

    Parameters
    ----------
    chunk : Chunk
    problem : Problem
        For names.
    starts : ndarray of shape (rounds, S, d)
    weights : tuple of float
        Of likelihood, prior and Jacobian.
    asked : ndarray of bool of shape (B,)
        The rows that are replicates; others fail.
    """
    if folds(chunk.density, ModeOptions().dense).across:
        modes = Modes.unknown(chunk.size, problem.dimension, len(problem.scalars))
        for row in np.flatnonzero(~asked):
            modes.fail(row, Reason(Code.NOT_ASKED_FOR))
        return modes
    ends = _searched(chunk, starts, weights, asked)
    top, usable = ends.top, ends.usable
    count = starts.shape[0] * starts.shape[1]
    modes = Modes.unknown(chunk.size, problem.dimension, len(problem.scalars))
    for row in np.flatnonzero(~usable):
        modes.fail(row, Reason(Code.NO_USABLE_START, figures={"starts": count}))
    converged = usable & (top.decrement <= CONVERGED)
    _runaways(chunk, problem, modes, top, usable & ~converged, weights)
    running = batch_bounds.runs(chunk, top) & converged[:, None]
    if running.any():
        rows = running.any(axis=1)
        top.put(rows, batch_bounds.on_bounds(chunk, top, running, weights).take(rows))
        converged &= top.decrement <= CONVERGED
    converged &= ~batch_bounds.thins(chunk, top, converged)
    _creeps(chunk, problem, modes, top, converged, weights)
    identified = _refined(chunk, problem, modes, top, converged & (np.abs(top.smallest) < endings.DOUBT), weights)
    _accept(chunk, problem, modes, top, converged & modes.open & identified & ~ends.twins.any(axis=1))
    for row in np.flatnonzero((ends.same.sum(axis=1) < 2) & [status is Status.OK for status in modes.status]):
        modes.status[row] = Status.SUSPECT
        modes.reasons[row] = (Reason(Code.ONE_START, figures={"starts": count}), *modes.reasons[row])
    return modes


class _Ends:
    """Where m searches ended, each polished in its turn: ``u`` (B, m, d), ``value`` (B, m), and the best, ``top``."""

    def __init__(self, chunk: Chunk, weights: Weights) -> None:
        b, d = chunk.size, chunk.density.dimension
        self._chunk, self._weights = chunk, weights
        self.u, self.value, self.decrement = np.empty((b, 0, d)), np.empty((b, 0)), np.empty((b, 0))
        self.top = Tops.nothing(np.zeros((b, d)), np.zeros((b, d), dtype=bool))

    def add(self, starts: Array, rows: Mask, most: int) -> None:
        """Search from more starts (B, S, d); a row that did not want them does not get to know of them."""
        u, value = np.zeros(starts.shape), np.full(starts.shape[:2], -np.inf)
        u[rows], value[rows] = self._chunk.search(starts[rows], most, self._weights, np.flatnonzero(rows))
        self.u, self.value = np.concatenate([self.u, u], axis=1), np.concatenate([self.value, value], axis=1)
        self.decrement = np.concatenate([self.decrement, np.full(value.shape, np.nan)], axis=1)

    def climb(self, rows: Mask, most: int = STEPS, among: Mask | None = None) -> Mask:
        """Polish the highest of each row's ends ``among`` these (B, m), or not polished yet; says which it took."""
        left = np.where(np.isnan(self.decrement) if among is None else among, self.value, -np.inf)
        place = left.argmax(axis=1)
        every = np.arange(len(rows))
        rows = rows & np.isfinite(left[every, place])
        polished = polish(self._chunk, self.u[every, place], np.zeros_like(self.top.held), self._weights, rows, most)
        self.decrement[every[rows], place[rows]] = polished.decrement[rows]
        took = np.zeros(self.value.shape, dtype=bool)
        took[every[rows], place[rows]] = True
        rows = rows & np.isfinite(polished.value)
        self.u[every[rows], place[rows]] = polished.u[rows]
        self.value[every[rows], place[rows]] = polished.value[rows]
        higher = polished.value > self.top.value + AGREEMENT
        higher |= (polished.value >= self.top.value) & (polished.decrement <= CONVERGED) & ~self.converged
        self.top.put(rows & higher, polished.take(rows & higher))
        return took

    def highest(self, count: int) -> Array:
        """The highest ends so far, (B, count, d)."""
        places = np.argsort(-self.value, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(self.u, places[:, :, None], axis=1)

    @property
    def converged(self) -> Mask:
        """Rows whose top is one."""
        return np.asarray(self.top.decrement <= CONVERGED)

    @property
    def usable(self) -> Mask:
        """Rows with any density at all."""
        return np.isfinite(self.value).any(axis=1)

    @property
    def same(self) -> Mask:
        """Ends as high as the top."""
        return np.isfinite(self.value) & (self.value >= self.top.value[:, None] - AGREEMENT)

    @property
    def twins(self) -> Mask:
        """Ends as high as the top, in another place than the curvature there says of that height.

        Not where the top lies on a bound: near one the density is flat, and ends are anywhere.
        """
        same = self.same & ~self.top.held.any(axis=1)[:, None]
        away = np.where(same[:, :, None], self.u - self.top.u[:, None], 0.0)
        away = np.where(self._chunk.density.circular, nearest(away, 0.0), away)
        expected = 0.5 * ((away @ self.top.h) * away).sum(axis=2)
        gap = np.where(same, self.top.value[:, None] - self.value, 0.0)
        apart: Mask = np.abs(expected - gap) > 1e-3 + 0.1 * np.abs(gap)
        return apart


def _searched(chunk: Chunk, starts: Array, weights: Weights, asked: Mask) -> _Ends:
    """Search in rounds, and climb from the highest ends, until two of each row are of the top's height.

    Where the top is none yet, as in a long curved valley, the search goes on from the highest ends. Ends that look like
    modes of the top's height are polished, too.
    """
    ends = _Ends(chunk, weights)
    wanted = asked
    _, count, d = starts.shape
    for points in starts:
        ends.add(np.repeat(points[None], chunk.size, axis=0), wanted, EVALUATIONS + 2 * d)
        for _ in range(CLIMBS):
            ends.climb(wanted)
            wanted = asked & (ends.same.sum(axis=1) < 2)
        if not wanted.any():
            break
    for again in range(RENEWALS):
        unfinished = ends.usable & ~ends.converged
        if again:  # what runs away has no mode to be found by patience
            unfinished &= (np.abs(ends.top.u) * chunk.density.transformed <= boundaries.FAR).all(axis=1)
        if not unfinished.any():
            break
        ends.add(ends.highest(count), unfinished, LONG)
        for _ in range(CLIMBS):
            ends.climb(unfinished, PATIENT)
            unfinished &= ~ends.converged
    final = ends.decrement <= CONVERGED
    while True:  # in a curved valley an end that is not quite there looks like a mode of its own
        twins = ends.twins & ends.converged[:, None]
        rows = twins.any(axis=1) & ~(twins & final).any(axis=1)
        if not rows.any():
            return ends
        final |= ends.climb(rows, PATIENT, twins)


def _accept(chunk: Chunk, problem: Problem, modes: Modes, top: Tops, clean: Mask) -> None:
    """Modes that are sound, in the model's coordinates: the bound itself where one lies on it."""
    rows = np.flatnonzero(clean)
    if not len(rows):
        return
    top.u = np.where(chunk.density.circular, nearest(top.u, 0.0), top.u)
    limits = np.where(top.held, np.copysign(np.inf, top.u), top.u)[rows]
    inside, exact = np.moveaxis(chunk.push(np.stack([top.u[rows], limits], axis=1), rows), 1, 0)
    names = problem.scalars.names
    for i, row in enumerate(rows):
        end = _end(top, row)
        bounds = boundaries.names(problem, end) if end.held else []
        endless = [name for name in bounds if np.isinf(exact[i, names.index(name)])]
        if endless:
            modes.fail(row, Reason(Code.HIGHEST_AT_INFINITY, tuple(endless)))
            continue
        modes.status[row] = Status.OK
        modes.reasons[row] = tuple(Reason(Code.ON_BOUNDARY, (name,)) for name in bounds)
        modes.estimate[row] = np.where(np.isfinite(exact[i]), exact[i], inside[i]) if end.held else inside[i]
        modes.u[row], modes.value[row], modes.h[row] = limits[i], top.value[row], top.h[row]
        modes.interior[row] = not end.held


def _end(top: Tops, row: np.integer[Any]) -> End:
    """One row, as the audit of a single mode has it."""
    held = {int(i): float(top.u[row, i]) for i in np.flatnonzero(top.held[row])}
    end = End("batch", top.u[row], float(top.value[row]), smallest=float(top.smallest[row]), held=held)
    end.hessian = top.h[row][np.ix_(end.free, end.free)]
    return end


# -- ridges ----------------------------------------------------------------------------------------


def _refined(chunk: Chunk, problem: Problem, modes: Modes, top: Tops, doubtful: Mask, weights: Weights) -> Mask:
    """Fail the ridges among the doubtful rows, whose flattest direction could be one; True where there is curvature.

    Differences err by their step squared, so that a curved ridge can look like a mode: Richardson's extrapolation from
    two steps takes that away, and what it changes is what it may still be wrong by.
    """
    flatness = np.full(len(top.u), RIDGE)
    rows = np.flatnonzero(doubtful)
    if len(rows):
        u, held = top.u[rows], top.held[rows]
        scale = np.where(held, 1.0, conditional_sd(top.h[rows]))
        coarse, fine = (newton(chunk, u, held, factor * scale, weights, rows).h for factor in (1.0, 0.5))
        better = (4 * fine - coarse) / 3
        lowest, other = (spectra(h)[0][:, 0] for h in (better, fine))
        top.h[rows], top.smallest[rows] = better, lowest
        flatness[rows] = np.maximum(RIDGE, np.abs(lowest - other))
    for row in rows[modes.open[rows] & (np.abs(top.smallest[rows]) <= flatness[rows])]:
        _, reasons = endings.ridge_or_saddle(problem, _end(top, row), float(flatness[row]), weights, ModeOptions())
        modes.fail(row, *reasons)
    return np.asarray(top.smallest > flatness)


# -- no mode ---------------------------------------------------------------------------------------


def _runaways(chunk: Chunk, problem: Problem, modes: Modes, top: Tops, rows: Mask, weights: Weights) -> None:
    """Fail the rows whose density rises without limit along a transformed coordinate, the others following."""
    far = chunk.density.transformed
    b = len(top.u)
    furthest = np.argsort(-np.abs(top.u) * far, axis=1, kind="stable")[:, :3]
    for i in furthest.T:
        led = rows & modes.open & far[i]
        if not led.any():
            continue
        held = np.zeros_like(top.held)
        held[np.arange(b), i] = True
        trial, heights = top.u.copy(), []
        first = np.minimum(np.abs(top.u[np.arange(b), i]), 20.0)
        for further in range(7):  # a bounded density levels off, an endless one does not
            trial[np.arange(b), i] = np.copysign(first + further, top.u[np.arange(b), i])
            polished = polish(chunk, trial, held, weights, led)
            trial = polished.u
            heights.append(polished.value)
        with np.errstate(invalid="ignore"):
            early, late = heights[3] - heights[0], heights[6] - heights[3]
        for row in np.flatnonzero(led & (early > AGREEMENT) & (late > 0.5 * early)):
            path = np.copysign(first[row] + np.arange(7.0), top.u[row, i[row]])
            modes.fail(row, *unbounded.along(problem, int(i[row]), path).reasons)


def _creeps(chunk: Chunk, problem: Problem, modes: Modes, top: Tops, converged: Mask, weights: Weights) -> None:
    """Fail the rows whose density still rises many Newton steps on, towards a limit: separated data."""
    rows = np.flatnonzero(converged & modes.open & (top.decrement > endings.rounding(top.value)))
    if not len(rows):
        return
    u, value = top.u[rows], top.value[rows]
    rays = endings.creeping_rays(u, top.step[rows], chunk.density.start)
    values = chunk.values((u[:, None, None] + rays).reshape(len(rows), -1, u.shape[1]), weights, rows)
    rising = endings.creeps(values.reshape(rays.shape[:-1]), value, top.decrement[rows])
    share = top.step**2 * np.abs(np.diagonal(top.h, axis1=1, axis2=2))
    for row in rows[rising]:
        carriers = endings.carriers_of(chunk.density, share[row] / share[row].sum())
        modes.fail(row, Reason(Code.RISES_TOWARDS_A_LIMIT, carriers), endings.towards_a_limit(problem, weights))
