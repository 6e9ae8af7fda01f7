"""Many modes at once, each of the density without one observation, from a mode that all observations have.

The density without an observation differs little from the density with it, so a Newton step and a few quasi-Newton
steps, all rows together, lead to the top; there each row has its own curvature, and its own Newton decrement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.backends import CHUNK, LOOPED, Array
from ...model.density import Density
from . import boundaries, endings
from .curvature import WIDEST, cholesky, hessian, own_scale
from .options import ModeOptions
from .search import STRIDE

Index = NDArray[np.intp]

#: Evaluations up to which they are done one by one: compiling their batched form takes as long.
FEW = 8000

#: Most bytes of observation weights at once.
WEIGHT_BYTES = 1 << 26

#: Quasi-Newton steps after the first one; the audit's own Newton steps after those.
STEPS, LAST_STEPS = 12, 4

#: Estimated decrement, in nats, at which the quasi-Newton steps end.
SETTLED = 1e-13

#: Longest first step, in steps by the curvature that all observations have.
LONGEST = 50.0


class Without:
    """A weighted density without one observation, a different one in each row.

    Parameters
    ----------
    density : Density
    weights : tuple of float
        Of likelihood, prior and Jacobian.
    expected : int
        About how many evaluations are to come: few are done one by one, as the batched form must be compiled.
    """

    def __init__(self, density: Density, weights: tuple[float, ...], expected: int) -> None:
        self.density = density
        self.weights = weights
        fitting = WEIGHT_BYTES // (8 * max(density.observations, 1) * CHUNK)
        self._block = LOOPED if expected < FEW else CHUNK * max(fitting, 1)

    def __call__(self, points: Array, which: Index) -> tuple[Array, Array]:
        """Values (n,) and gradients (n, d) at ``points`` (n, d), row j without observation ``which[j]``."""
        values, gradients = np.empty(len(points)), np.empty_like(points)
        for rows in _blocks(len(points), self._block):
            one_out = self.observation_weights(which[rows])
            values[rows], gradients[rows] = self.density.batch(points[rows], self.weights, one_out)
        return values, gradients

    def observation_weights(self, which: Index) -> Array:
        """Ones, and a 0 in each row where its observation is."""
        ones = np.ones((len(which), self.density.observations))
        ones[np.arange(len(which)), which] = 0.0
        return ones

    def curvatures(self, points: Array, which: Index, free: Index, steps: Array) -> Array:
        """−∇² over the ``free`` coordinates by central differences of the gradient: (n, f, f)."""
        f = len(free)
        found = np.empty((len(points), f, f))
        shifts = np.zeros((2 * f, points.shape[1]))
        shifts[np.arange(f), free], shifts[f + np.arange(f), free] = steps, -steps
        for rows in _blocks(len(points), max(self._block // max(2 * f, 1), 1)):
            around = (points[rows][:, None] + shifts).reshape(-1, points.shape[1])
            values, gradients = self(around, np.repeat(which[rows], 2 * f))
            gradients = np.where(np.isfinite(values)[:, None], gradients, np.nan)
            slopes = gradients[:, free].reshape(-1, 2, f, f)
            h = (slopes[:, 1] - slopes[:, 0]) / (2 * steps[:, None])
            found[rows] = (h + h.transpose(0, 2, 1)) / 2
        return found


def _blocks(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


@dataclass(frozen=True)
class Step:
    """First steps: row j goes ``length[j]`` times along ``direction[j]``, where the slope is ``slope[j]``.

    The direction is the Newton step by the curvature that all observations have, over the free coordinates; its length
    is right for the curvature along it without the observation. Where the likelihood depends on one linear predictor an
    observation, as in a regression, that is the whole Newton step.
    """

    points: Array
    direction: Array
    slope: Array
    length: Array


@dataclass(frozen=True)
class Tops:
    """Where the rows ended: points (n, d), values (n,), and whether each is a mode by its own curvature."""

    points: Array
    values: Array
    sound: NDArray[np.bool_]


class Warm:
    """Modes without an observation, near one that all observations have.

    Parameters
    ----------
    without : Without
    u : ndarray of shape (d,)
    fixed : iterable of int
        Coordinates that stay where they are: on a bound, on a kink, or held.
    options : ModeOptions
    """

    def __init__(self, without: Without, u: Array, fixed: Index, options: ModeOptions) -> None:
        density, weights = without.density, without.weights
        self._without, self._options, self._u = without, options, u
        self._free = np.setdiff1d(np.arange(len(u)), fixed)
        self._far = density.transformed[self._free]
        self._factor: Array | None = None
        if len(u) <= options.dense:
            rough = own_scale(hessian(density, u, weights))
            h = hessian(density, u, weights, rough)[np.ix_(self._free, self._free)]
            self._factor = cholesky(h)
        if self._factor is not None:
            sd = 1 / np.sqrt(np.diag(h))
            self._steps = 1e-3 * np.where(self._far, np.clip(sd, 1e-8, WIDEST), sd)

    @property
    def usable(self) -> bool:
        """False where the curvature is not positive definite, or too large to be made."""
        return self._factor is not None

    def first(self, which: Index) -> Step:
        """One Newton step for each observation left out."""
        start = np.repeat(self._u[None], len(which), axis=0)
        if not len(self._free):
            none = np.ones(len(which))
            return Step(start, np.zeros((len(which), 0)), 0 * none, none)
        _, gradients = self._without(start, which)
        slopes = gradients[:, self._free]
        direction = self._solve(slopes)
        slope = (direction * slopes).sum(axis=1)
        # A thousandth of a Laplace sd along it.
        reach = 1e-3 / np.sqrt(np.maximum(slope, 1e-300))
        step = self._spread(reach[:, None] * direction)
        after, before = (self._without(start + side * step, which)[1][:, self._free] for side in (1.0, -1.0))
        curvature = ((before - after) * direction).sum(axis=1) / (2 * reach)
        with np.errstate(divide="ignore", invalid="ignore"):
            length = np.where(slope > 1e-200, slope / curvature, 1.0)
        length = np.where(np.isfinite(length), length, -1.0)
        return Step(start + self._spread(np.maximum(length, 0.0)[:, None] * direction), direction, slope, length)

    def modes(self, which: Index) -> Tops:
        """Climb to each row's own mode and audit it; a row that does not pass is back at the start."""
        tops, slopes = self._climb(which)
        points, values, sound = tops.points, tops.values, tops.sound
        rows = np.flatnonzero(sound) if len(self._free) else np.array([], dtype=int)
        for _ in range(LAST_STEPS):
            if not len(rows):
                break
            step, decrement, sound[rows] = self._newton(points[rows], slopes[rows], which[rows])
            rows, step, decrement = (each[sound[rows]] for each in (rows, step, decrement))
            # The step is taken in any case: an observation that weighs much feels what is left of the way.
            points[rows] += self._spread(step)
            rows = rows[decrement > self._options.decrement]
            values[rows], gradients = self._without(points[rows], which[rows])
            slopes[rows] = gradients[:, self._free]
        sound[rows] = False
        return self._returned(points, values, sound, which)

    def heights(self, which: Index) -> Tops:
        """Climb without an audit: none is called sound."""
        tops, _ = self._climb(which)
        back = self._returned(tops.points, tops.values, tops.sound, which)
        return Tops(back.points, back.values, np.zeros(len(which), dtype=bool))

    # -- helpers -----------------------------------------------------------------------------

    def _climb(self, which: Index) -> tuple[Tops, Array]:
        """Quasi-Newton steps from the first one: by the curvature of all, corrected along that step by its own."""
        step = self.first(which)
        sound = (step.length > 0) & (step.length < LONGEST)
        with np.errstate(divide="ignore", invalid="ignore"):
            correction = np.where(step.slope > 1e-200, (step.length - 1) / step.slope, 0.0)
        points = step.points.copy()
        values, gradients = self._without(points, which)
        slopes = gradients[:, self._free]
        sound &= np.isfinite(values)
        for _ in range(STEPS):
            move = self._solve(slopes)
            with np.errstate(over="ignore", invalid="ignore"):  # a row that was lost may be anywhere
                along = (step.direction * slopes).sum(axis=1)
                move += (correction * along)[:, None] * step.direction
                rows = np.flatnonzero(sound & ((move * slopes).sum(axis=1) > 2 * SETTLED))
            if not len(rows):
                break
            sound[rows] &= np.abs(move[rows] * self._far).max(axis=1, initial=0.0) < STRIDE
            tried = points[rows] + self._spread(move[rows])
            higher, gradients = self._without(tried, which[rows])
            sound[rows] &= higher >= values[rows] - 1e-11 * np.maximum(1.0, np.abs(values[rows]))
            points[rows], values[rows], slopes[rows] = tried, higher, gradients[:, self._free]
        return Tops(points, values, sound), slopes

    def _newton(self, points: Array, slopes: Array, which: Index) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Each row's Newton step and decrement by its own curvature, and whether that is a mode's."""
        h = self._without.curvatures(points, which, self._free, self._steps)
        good = np.isfinite(h).all(axis=(1, 2)) & (np.diagonal(h, axis1=1, axis2=2) > 0).all(axis=1)
        h = np.where(good[:, None, None], h, np.eye(len(self._free)))
        sd = 1 / np.sqrt(np.diagonal(h, axis1=1, axis2=2))
        eigenvalues, vectors = np.linalg.eigh(h * sd[:, :, None] * sd[:, None, :])
        good &= eigenvalues[:, 0] > endings.DOUBT
        curvature = np.maximum(eigenvalues, endings.DOUBT)
        rotated = np.einsum("nij,ni->nj", vectors, slopes * sd)
        step = sd * np.einsum("nij,nj->ni", vectors, rotated / curvature)
        width = sd * np.sqrt((vectors**2 / curvature[:, None, :]).sum(axis=2))
        # A wide one runs to a bound unless it is at a top of its own: near a bound slope and curvature are alike.
        settled = (sd**-2 > boundaries.SETTLED) & (np.abs(slopes) < 1e-3 * sd**-2)
        good &= ~((width > boundaries.BOUNDARY_SD) & self._far & ~settled).any(axis=1)
        return step, 0.5 * (rotated**2 / curvature).sum(axis=1), good

    def _returned(self, points: Array, values: Array, sound: NDArray[np.bool_], which: Index) -> Tops:
        lost = np.flatnonzero(~sound)
        if len(lost):
            points[lost] = self._u
            values[lost], _ = self._without(points[lost], which[lost])
        return Tops(points, values, sound)

    def _solve(self, slopes: Array) -> Array:
        from scipy.linalg import cho_solve

        if self._factor is None or not slopes.size:
            return np.zeros_like(slopes)
        solved: Array = cho_solve((self._factor, True), slopes.T).T
        return solved

    def _spread(self, moves: Array) -> Array:
        """Moves of the free coordinates as moves of all."""
        whole = np.zeros((len(moves), len(self._u)))
        whole[:, self._free] = moves
        return whole
