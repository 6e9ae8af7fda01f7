"""The inner problem: the mode of the latent block for given hyperparameters, for many of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...model.backends import Array
from .factor import NotPositiveError
from .joint import Joint

#: Newton decrement at which x is at its mode to rounding, nats: log det H, which is not flat there, errs by its root.
SETTLED = 1e-20

#: Newton decrement of a mode of the latent block, nats, where rounding allows no better.
DECREMENT = 1e-9

#: Most Newton steps.
STEPS = 60

#: First damping, over the diagonal, where the Hessian is not positive definite, and the last that is tried.
DAMPING, MOST_DAMPING = 1e-3, 1e10

#: Shares of the Newton step tried.
HALVINGS = 30

#: Relative rounding error of a density.
NOISE = 1e-13


@dataclass(frozen=True)
class Inner:
    """Modes of the latent block at B hyperparameters.

    Attributes
    ----------
    points : ndarray of shape (B, d)
        u with x at its mode.
    value : ndarray of shape (B,)
        log p_w there; −∞ where no mode was found.
    gradient : ndarray of shape (B, d)
    entries : ndarray of shape (B, entries)
        Of H, the negative Hessian in x.
    decrement : ndarray of shape (B,)
    found : ndarray of bool of shape (B,)
    steps : int
        Evaluations, by the row.
    """

    points: Array
    value: Array
    gradient: Array
    entries: Array
    decrement: Array
    found: np.ndarray
    steps: int


def inner_modes(joint: Joint, points: Array, weights: Array) -> Inner:
    """Climb in x from each of the points (B, d), by damped Newton steps with a line search."""
    state = _Climb(joint, np.array(points, dtype=float), weights)
    state.run()
    found = np.isfinite(state.value) & (state.decrement <= DECREMENT) & state.positive
    return Inner(
        state.points,
        np.where(found, state.value, -np.inf),
        state.gradient,
        state.entries,
        state.decrement,
        found,
        state.steps,
    )


class _Climb:
    """B climbs side by side; a row that has arrived stays where it is."""

    def __init__(self, joint: Joint, points: Array, weights: Array) -> None:
        self.joint, self.points, self.weights = joint, points, weights
        self.steps = 0
        self.value, self.gradient, self.entries = self._at(points)
        self.decrement = np.full(len(points), np.inf)
        self.positive = np.zeros(len(points), dtype=bool)

    def _at(self, points: Array) -> tuple[Array, Array, Array]:
        value, gradient, entries = self.joint.local(points, self.weights)
        self.steps += len(points)
        finite = np.isfinite(value) & np.isfinite(gradient).all(axis=1) & np.isfinite(entries).all(axis=1)
        return np.where(finite, value, -np.inf), gradient, entries

    def run(self) -> None:
        x = self.joint.latent
        active = np.isfinite(self.value)
        for _ in range(STEPS):
            rows = np.flatnonzero(active)
            if not len(rows):
                return
            step, undamped = self._newton(rows)
            decrement = 0.5 * np.einsum("bi,bi->b", step, self.gradient[rows][:, x])
            stalled = (decrement <= DECREMENT) & (decrement >= 0.1 * self.decrement[rows])
            self.decrement[rows], self.positive[rows] = np.where(np.isfinite(decrement), decrement, np.inf), undamped
            arrived = undamped & ((decrement <= SETTLED) | stalled)
            moving = ~arrived & np.isfinite(decrement)
            active[rows[~moving]] = False
            self._line_search(rows[moving], step[moving], active)

    def _newton(self, rows: np.ndarray) -> tuple[Array, np.ndarray]:
        """Newton steps in x, and in which rows the Hessian is positive definite as it is."""
        right = self.gradient[rows][:, self.joint.latent]
        try:
            return self.joint.layout.factor(self.entries[rows]).solve(right), np.ones(len(rows), dtype=bool)
        except NotPositiveError:
            if len(rows) == 1:
                return self._damped(int(rows[0]), right), np.zeros(1, dtype=bool)
        single = [self._newton(rows[i : i + 1]) for i in range(len(rows))]
        return np.concatenate([step for step, _ in single]), np.concatenate([positive for _, positive in single])

    def _damped(self, row: int, right: Array) -> Array:
        diagonal = self.joint.pattern.diagonal
        scale = np.maximum(np.abs(self.entries[row, diagonal]), 1e-8 * np.abs(self.entries[row]).max(initial=1e-8))
        damping = DAMPING
        while damping <= MOST_DAMPING:
            entries = self.entries[row : row + 1].copy()
            entries[0, diagonal] += damping * scale
            try:
                return self.joint.layout.factor(entries).solve(right)
            except NotPositiveError:
                damping *= 10
        return np.full_like(right, np.nan)

    def _line_search(self, rows: np.ndarray, step: Array, active: np.ndarray) -> None:
        """The longest of halved steps that loses no height; rows where none does stop."""
        x = self.joint.latent
        length = 1.0
        for _ in range(HALVINGS):
            if not len(rows):
                return
            trial = self.points[rows]
            trial[:, x] += length * step
            value, gradient, entries = self._at(trial)
            better = value >= self.value[rows] - NOISE * np.maximum(1.0, np.abs(self.value[rows]))
            taken = rows[better]
            self.points[taken], self.value[taken] = trial[better], value[better]
            self.gradient[taken], self.entries[taken] = gradient[better], entries[better]
            rows, step = rows[~better], step[~better]
            length /= 2
        active[rows] = False
