"""Many modes at once, each of the density without one observation, from a mode that all observations have.

The density without an observation differs little from the density with it, so a Newton step and a few quasi-Newton
steps, all rows together, lead to the top. There an observation takes away a curvature of low rank: a few products tell
how much of the curvature of all is left in every direction, and so bound the Newton decrement. Where little may be
left, a row gets its own curvature whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from ...model.backends import CHUNK, LOOPED, Array
from ...model.density import Density
from . import boundaries, endings, newton
from .curvature import cholesky, hessian, own_scale, spectrum
from .krylov import spaces
from .options import ModeOptions
from .surface import Index, Mask

#: Evaluations up to which they are done one by one: compiling their batched form takes as long.
FEW = 8000

#: Most bytes of observation weights at once.
WEIGHT_BYTES = 1 << 26

#: Quasi-Newton steps after the first one; the audit's own Newton steps after those.
STEPS, LAST_STEPS = 12, 4

#: Estimated decrement, in nats, at which the quasi-Newton steps end.
SETTLED = 1e-13

#: Products that tell how much of the curvature is left without an observation, and the least share that is enough.
PRODUCTS, LEAST = 5, 0.01

#: Length of a difference of slopes, in Laplace sds by the curvature of all.
REACH = 1e-3

#: Loss of height over it, or over 1, that may be rounding; and over the rounding that is seen.
NOISE, SEEN = 1e-11, 4.0

#: Places at which rounding is looked for, and how far from the mode they are, in conditional sds: the density is a
#: plane there.
PLACES, BESIDE = 8, 1e-6

#: Longest first step, in steps by the curvature that all observations have.
LONGEST = 50.0


def evaluations_each(d: int) -> int:
    """About how many evaluations of the density a refit takes."""
    return 10 + 2 * min(d, PRODUCTS)


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

    def local(self, u: Array, steps: Array, rows: Index, least: Array) -> tuple[Array, Array, Array]:
        """Of rows without the observations ``rows``, as any surface has it (:mod:`.surface`)."""
        d = u.shape[1]
        values, gradients, curvatures = np.empty(len(u)), np.empty_like(u), np.empty((len(u), d, d))
        for own in _blocks(len(u), max(self._block // (2 * d + 1), 1)):
            shifts = steps[own, :, None] * np.eye(d)
            points = np.concatenate([u[own, None], u[own, None] + shifts, u[own, None] - shifts], axis=1)
            found, slopes = self(points.reshape(-1, d), np.repeat(rows[own], 2 * d + 1))
            slopes = np.where(np.isfinite(found)[:, None], slopes, np.nan).reshape(-1, 2 * d + 1, d)
            h = (slopes[:, 1 + d :] - slopes[:, 1 : 1 + d]) / (2 * steps[own, :, None])
            values[own], gradients[own] = found[:: 2 * d + 1], slopes[:, 0]
            curvatures[own] = (h + h.transpose(0, 2, 1)) / 2
        return values, gradients, curvatures


def _blocks(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


@dataclass(frozen=True)
class Step:
    """First steps: row j goes ``length[j]`` times along ``direction[j]``, where the slope is ``slope[j]``, of the
    gradient ``gradient[j]``.

    The direction is the Newton step by the curvature that all observations have, over the free coordinates; its length
    is right for the curvature along it without the observation. Where the likelihood depends on one linear predictor an
    observation, as in a regression, that is the whole Newton step.
    """

    points: Array
    gradient: Array
    direction: Array
    slope: Array
    length: Array


@dataclass(frozen=True)
class Tops:
    """Where the rows ended: points (n, d), values (n,), and whether each is a mode by its own curvature."""

    points: Array
    values: Array
    sound: Mask

    def put(self, rows: Index, others: Tops) -> None:
        """Others in place of these rows."""
        self.points[rows], self.values[rows], self.sound[rows] = others.points, others.values, others.sound


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
        self._enough, self._rounding = math.inf, 0.0
        if len(u) <= options.dense:
            rough = own_scale(hessian(density, u, weights))
            h = hessian(density, u, weights, rough)[np.ix_(self._free, self._free)]
            self._factor = cholesky(h)
        if self._factor is not None:
            self._scale = np.ones(len(u))
            self._scale[self._free] = own_scale(h)
            self._rounding = SEEN * self._seen_rounding()
            if len(h) > 2 * PRODUCTS:
                self._enough = self._share(h)

    @property
    def usable(self) -> bool:
        """False where the curvature is not positive definite, or too large to be made."""
        return self._factor is not None

    def first(self, which: Index) -> Step:
        """One Newton step for each observation left out."""
        start = np.repeat(self._u[None], len(which), axis=0)
        if not len(self._free):
            none = np.ones(len(which))
            return Step(start, np.zeros((len(which), 0)), np.zeros((len(which), 0)), 0 * none, none)
        _, gradients = self._without(start, which)
        slopes = gradients[:, self._free]
        direction = self._solve(slopes)
        slope = (direction * slopes).sum(axis=1)
        reach = REACH / np.sqrt(np.maximum(slope, 1e-300))
        step = self._spread(reach[:, None] * direction)
        after, before = (self._without(start + side * step, which)[1][:, self._free] for side in (1.0, -1.0))
        curvature = ((before - after) * direction).sum(axis=1) / (2 * reach)
        with np.errstate(divide="ignore", invalid="ignore"):
            length = np.where(slope > 1e-200, slope / curvature, 1.0)
        length = np.where(np.isfinite(length), length, -1.0)
        points = start + self._spread(np.maximum(length, 0.0)[:, None] * direction)
        return Step(points, slopes, direction, slope, length)

    def modes(self, which: Index) -> Tops:
        """Climb to each row's own mode and audit it; a row that does not pass is back at the start."""
        if not math.isfinite(self._enough):
            return self._audited(which)
        tops = self._near(which)
        rest = np.flatnonzero(~tops.sound)
        if len(rest):
            tops.put(rest, self._audited(which[rest]))
        return tops

    def _audited(self, which: Index) -> Tops:
        """The same, each by its curvature made whole."""
        tops = self._climb(which)
        points, values, sound = tops.points, tops.values, tops.sound
        rows = np.flatnonzero(sound) if len(self._free) else np.array([], dtype=int)
        held = np.ones(points.shape, dtype=bool)
        held[:, self._free] = False
        for _ in range(LAST_STEPS):
            if not len(rows):
                break
            scale = np.tile(self._scale, (len(rows), 1))
            top = newton.newton(self._without, points[rows], held[rows], scale, which[rows])
            curved = (top.smallest > endings.DOUBT) & (np.diagonal(top.h, axis1=1, axis2=2) > 0).all(axis=1)
            sound[rows] = np.isfinite(top.decrement) & curved & ~self._running(top)
            top, rows = top.take(sound[rows]), rows[sound[rows]]
            values[rows] = top.value
            # The step is taken in any case: an observation that weighs much feels what is left of the way.
            points[rows] = top.u + top.step
            rows = rows[top.decrement > self._options.decrement]
        sound[rows] = False
        return self._returned(points, values, sound, which)

    def heights(self, which: Index) -> Tops:
        """Climb without an audit: none is called sound."""
        tops = self._climb(which)
        back = self._returned(tops.points, tops.values, tops.sound, which)
        return Tops(back.points, back.values, np.zeros(len(which), dtype=bool))

    # -- helpers -----------------------------------------------------------------------------

    def _climb(self, which: Index) -> Tops:
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
            sound[rows] &= np.abs(move[rows] * self._far).max(axis=1, initial=0.0) < newton.STRIDE
            tried = points[rows] + self._spread(move[rows])
            higher, gradients = self._without(tried, which[rows])
            sound[rows] &= higher >= values[rows] - self._noise(values[rows])
            points[rows], values[rows], slopes[rows] = tried, higher, gradients[:, self._free]
        return Tops(points, values, sound)

    def _near(self, which: Index) -> Tops:
        """Climb to modes without a whole curvature: by that of all, and what is left of it in a few directions.

        A row of which too little is left, or that does not arrive, is not sound.
        """
        step = self.first(which)
        start = step.points

        def slopes(points: Array, which: Index) -> tuple[Array, Array]:
            values, gradients = self._without(points, which)
            return values, self._whitened(gradients[:, self._free])

        def product(directions: Array) -> Array:
            shift = REACH * self._along(directions)
            found: Array = (slopes(start - shift, which)[1] - slopes(start + shift, which)[1]) / (2 * REACH)
            return found

        own = self._whitened(step.gradient)
        chance = np.random.default_rng(0).standard_normal(own.shape[1])
        own += 0.1 * np.linalg.norm(own, axis=1, keepdims=True) * chance / np.linalg.norm(chance)
        share, basis, within = spaces(product, own, PRODUCTS)
        points, values, sound = start.copy(), np.full(len(which), -math.inf), np.zeros(len(which), dtype=bool)
        rows = np.flatnonzero((share > self._enough) & (step.length > 0) & (step.length < LONGEST))
        for _ in range(STEPS):
            if not len(rows):
                break
            found, slope = slopes(points[rows], which[rows])
            rising = found >= values[rows] - self._noise(found)
            inside = basis[rows] @ slope[:, :, None]
            beyond = (np.linalg.solve(within[rows], inside) - inside) * basis[rows]
            move = self._along(slope + beyond.sum(axis=1))
            rising &= np.abs(move * self._without.density.transformed).max(axis=1) < newton.STRIDE
            rows, found, slope, move = rows[rising], found[rising], slope[rising], move[rising]
            values[rows], points[rows] = found, points[rows] + move
            sound[rows] = 0.5 * (slope**2).sum(axis=1) / share[rows] <= SETTLED
            rows = rows[~sound[rows]]
        return Tops(points, values, sound)

    def _seen_rounding(self) -> float:
        """What heights beside the mode differ by from its tangent plane: terms of 10¹⁰ that cancel leave 10⁻⁵."""
        density, weights = self._without.density, self._without.weights
        chance = np.random.default_rng(0).standard_normal((PLACES, len(self._free)))
        shifts = BESIDE * self._scale * self._spread(chance)
        height, gradient = density(self._u, weights)
        off = np.abs(density.batch(self._u + shifts, weights)[0] - height - shifts @ gradient)
        return float(off.max()) if np.isfinite(off).all() else 0.0

    def _noise(self, heights: Array) -> Array:
        """What such heights may lose by rounding."""
        noise: Array = np.maximum(self._rounding, NOISE * np.maximum(1.0, np.abs(heights)))
        return noise

    def _share(self, h: Array) -> float:
        """The least share of this curvature that is still that of a mode, none of whose coordinates runs to a bound."""
        width = float((boundaries.widths(h) * self._far).max())
        return float(max(LEAST, endings.DOUBT / spectrum(h)[0][0], (width / boundaries.BOUNDARY_SD) ** 2))

    def _running(self, top: newton.Tops) -> Mask:
        """Rows of which a coordinate runs to a bound."""
        running = boundaries.wide(top.h) & ~boundaries.settled(top.gradient, top.h) & ~top.held
        return np.asarray((running & self._without.density.transformed).any(axis=1))

    def _returned(self, points: Array, values: Array, sound: Mask, which: Index) -> Tops:
        lost = np.flatnonzero(~sound)
        if len(lost):
            points[lost] = self._u
            values[lost], _ = self._without(points[lost], which[lost])
        return Tops(points, values, sound)

    def _solve(self, slopes: Array) -> Array:
        if self._factor is None or not slopes.size:
            return np.zeros_like(slopes)
        solved: Array = cho_solve((self._factor, True), slopes.T).T
        return solved

    def _whitened(self, slopes: Array) -> Array:
        """Slopes in coordinates where the curvature of all is the identity."""
        found: Array = solve_triangular(self._factor, slopes.T, lower=True).T
        return found

    def _along(self, directions: Array) -> Array:
        """Moves of all coordinates, of such directions."""
        return self._spread(solve_triangular(self._factor, directions.T, lower=True, trans=1).T)

    def _spread(self, moves: Array) -> Array:
        """Moves of the free coordinates as moves of all."""
        whole = np.zeros((len(moves), len(self._u)))
        whole[:, self._free] = moves
        return whole
