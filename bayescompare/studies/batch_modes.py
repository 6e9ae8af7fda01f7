"""The modes of one chunk of replicates, each audited as a single one is (:mod:`bayescompare.methods.modes.endings`).

What a batch can tell is told here: interior modes, modes on the boundary, ridges, densities that rise for ever, data
without a density. Every other ending (a kink, a saddle, two modes of one height, a search that did not end), and every
one of a density with kinks across coordinates, is left to the search for a single mode, which looks harder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..methods.modes import boundaries, endings, unbounded
from ..methods.modes.audits import Audit, Heights, Polish, Scalars, together
from ..methods.modes.end import End
from ..methods.modes.folds import folds
from ..methods.modes.newton import Climb, Tops, newton, polish
from ..methods.modes.options import ModeOptions
from ..methods.modes.surface import Mask
from ..model.angles import nearest
from ..model.backends import Array
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from .batch_density import Chunk, Weights

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

#: Options of the audit, of which a climb's steps.
OPTIONS = ModeOptions(newton_steps=25)

#: Largest decrement of a mode in nats.
CONVERGED = OPTIONS.decrement

#: Climbs, and where they lead along a curved valley.
CLIMB, PATIENT = (Climb(most, CONVERGED, done=1e-16, shortest=1e-6) for most in (OPTIONS.newton_steps, 150))


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

    def put(self, row: int, found: _Audited) -> None:
        """What an audit says of a row."""
        self.status[row], self.reasons[row] = found.status, tuple(found.reasons)
        if found.estimate is not None:
            end = found.end
            self.u[row], self.estimate[row], self.value[row] = boundaries.limits(end), found.estimate, end.value
            self.interior[row] = not (end.held or end.edges)
            if end.hessian is not None and not end.held:
                self.h[row] = end.hessian

    def fail(self, row: int | np.integer[Any], *reasons: Reason) -> None:
        self.status[int(row)], self.reasons[int(row)] = Status.FAILED, reasons


# -- search and audit ------------------------------------------------------------------------------


def find(chunk: Chunk, problem: Problem, starts: Array, asked: Mask) -> Modes:
    """Search for each replicate's mode and audit it.

    Parameters
    ----------
    chunk : Chunk
    problem : Problem
        For names.
    starts : ndarray of shape (rounds, S, d)
    asked : ndarray of bool of shape (B,)
        The rows that are replicates; others fail.
    """
    modes = Modes.unknown(chunk.size, problem.dimension, len(problem.scalars))
    if folds(chunk.density, OPTIONS.dense).across:
        for row in np.flatnonzero(~asked).tolist():
            modes.fail(row, Reason(Code.NOT_ASKED_FOR))
        return modes
    ends = _searched(chunk, starts, asked)
    count = starts.shape[0] * starts.shape[1]
    for row in np.flatnonzero(~ends.usable).tolist():
        modes.fail(row, Reason(Code.NO_USABLE_START, figures={"starts": count}))
    options, twins = replace(OPTIONS, starts=count), ends.twins.any(axis=1)
    audits = {}
    for row in np.flatnonzero(ends.usable).tolist():
        end = End("batch", ends.top.u[row], -np.inf).at(ends.top, row)
        audits[row] = _audited(problem, end, ends.value[row], bool(twins[row]), (chunk.weights, options))
    for row, found in together(audits, partial(_answers, chunk)).items():
        if found is not None:
            modes.put(row, found)
    return modes


@dataclass(frozen=True, eq=False)
class _Audited:
    """What is said of one row: its end and scalars where there is a mode."""

    status: Status
    reasons: Sequence[Reason]
    end: End
    estimate: Array | None = None


def _audited(
    problem: Problem, end: End, heights: Array, twins: bool, asked: tuple[Weights, ModeOptions]
) -> Audit[_Audited | None]:
    """The audit of one row's best end; None where the search for a single mode has to tell.

    Parameters
    ----------
    heights : ndarray of shape (m,)
        Of all the row's ends.
    twins : bool
        Whether another of them is as high, in another place.
    asked : tuple
        The weights, and options.
    """
    density, (weights, options) = problem.density, asked
    if not end.converged(options):
        rises = yield from unbounded.runaway(problem, end, options)
        return _Audited(Status.FAILED, rises.reasons, end) if rises else None
    end, inside = yield from boundaries.hold(density, end, weights, options)
    if inside is not None:
        end = yield Polish(replace(inside, held={}), options)
        end, inside = yield from boundaries.hold(density, end, weights, options)
    if not end.converged(options) or inside is not None:
        return None
    end = yield from endings.refined(end, options)
    same = int((heights >= end.value - AGREEMENT).sum())
    status, reasons = yield from endings.judge(problem, end, [end], same, weights, options)
    if status is Status.FAILED:
        return None if reasons[0].code is Code.SADDLE else _Audited(status, reasons, end)
    if twins and not end.held:
        return None
    end = end.turned(density.circular)
    return _Audited(status, reasons, end, (yield from boundaries.values_at(density, end)))


def _answers(chunk: Chunk, rows: list[int], questions: list[Any]) -> Sequence[Any]:
    """Answers to questions of one kind (:mod:`..methods.modes.audits`), all in one call."""
    own = np.array(rows)
    match questions[0]:
        case Heights():
            return list(chunk.values(np.stack([each.points for each in questions]), own))
        case Scalars():
            return list(chunk.push(np.stack([each.points for each in questions]), own))
    ends = [each.end for each in questions]
    u, fixed = np.stack([end.u for end in ends]), np.stack([end.fixed for end in ends])
    match questions[0]:
        case Polish(_, options):
            top = polish(chunk, u, fixed, own, replace(CLIMB, most=options.newton_steps))
            return [end.at(top, i) for i, end in enumerate(ends)]
        case _:
            h = newton(chunk, u, fixed, np.stack([each.scale for each in questions]), own).h
            return [each[np.ix_(end.free, end.free)] for each, end in zip(h, ends, strict=True)]


class _Ends:
    """Where m searches ended, each polished in its turn: ``u`` (B, m, d), ``value`` (B, m), and the best, ``top``."""

    def __init__(self, chunk: Chunk) -> None:
        b, d = chunk.size, chunk.density.dimension
        self._chunk = chunk
        self.u, self.value, self.decrement = np.empty((b, 0, d)), np.empty((b, 0)), np.empty((b, 0))
        self.top = Tops.nothing(np.zeros((b, d)), np.zeros((b, d), dtype=bool))

    def add(self, starts: Array, rows: Mask, most: int) -> None:
        """Search from more starts (B, S, d); a row that did not want them does not get to know of them."""
        u, value = np.zeros(starts.shape), np.full(starts.shape[:2], -np.inf)
        u[rows], value[rows] = self._chunk.search(starts[rows], most, np.flatnonzero(rows))
        self.u, self.value = np.concatenate([self.u, u], axis=1), np.concatenate([self.value, value], axis=1)
        self.decrement = np.concatenate([self.decrement, np.full(value.shape, np.nan)], axis=1)

    def climb(self, rows: Mask, how: Climb = CLIMB, among: Mask | None = None) -> Mask:
        """Polish the highest of each row's ends ``among`` these (B, m), or not polished yet; says which it took."""
        left = np.where(np.isnan(self.decrement) if among is None else among, self.value, -np.inf)
        place = left.argmax(axis=1)
        own = np.flatnonzero(rows & np.isfinite(left.max(axis=1)))
        at = own, place[own]
        took = np.zeros(self.value.shape, dtype=bool)
        took[at] = True
        polished = polish(self._chunk, self.u[at], np.zeros_like(self.top.held[own]), own, how)
        self.decrement[at] = polished.decrement
        known = np.isfinite(polished.value)
        self.u[at] = np.where(known[:, None], polished.u, self.u[at])
        self.value[at] = np.where(known, polished.value, self.value[at])
        top = self.top.take(own)
        higher = polished.value > top.value + AGREEMENT
        higher |= (polished.value >= top.value) & (polished.decrement <= CONVERGED) & (top.decrement > CONVERGED)
        self.top.put(own[known & higher], polished.take(known & higher))
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


def _searched(chunk: Chunk, starts: Array, asked: Mask) -> _Ends:
    """Search in rounds, and climb from the highest ends, until two of each row are of the top's height.

    Where the top is none yet, as in a long curved valley, the search goes on from the highest ends. Ends that look like
    modes of the top's height are polished, too.
    """
    ends = _Ends(chunk)
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
