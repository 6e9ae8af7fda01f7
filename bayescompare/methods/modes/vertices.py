"""Modes on kinks that lie across coordinates: the vertices of quantile regression, the fused lasso's |x − y|.

An ascent over smooth pieces. At every point those kinks are active whose argument is 0 there. The piece's gradient is
then a set, g + Σ σ_j b_j with −1 ≤ σ_j ≤ 1; its shortest element, in the metric of the curvature, is 0 at a mode, and
else the way up: by Newton's step along the kinks whose |σ_j| < 1, off the others. The step ends at the highest point of
its ray, which for a piecewise linear density is a kink; so it is the simplex method there, and Newton's on one piece.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...model.backends import Array
from ...model.density import Density
from .curvature import spectrum
from .end import End
from .folds import Folds
from .newton import NOISE, STRIDE
from .options import ModeOptions

#: Most steps of one climb.
STEPS = 300

#: An argument so close to 0, over what a coordinate's unit changes it by, is on the kink; and what of it is rounding.
ON, ROUNDING = 1e-9, 1e-13

#: Curvature over that of a fall by one nat over one unit, below which a direction is taken to have none.
LEVEL = 1e-8

#: Multipliers so close to ±1 do not hold their kink.
LOOSE = 1e-7

#: Points of a ray that are looked at together, and how often between the best.
RAY, ROUNDS = 60, 4


@dataclass(eq=False)
class _Point:
    """A point, and what its active kinks make of the density there; over the free coordinates, in their units.

    ``multipliers`` and ``normals`` (f, a) are the active kinks' σ and b; ``step`` is the way up.
    """

    u: Array
    value: float
    active: np.ndarray
    multipliers: Array
    normals: Array
    curvature: Array
    step: Array
    decrement: float

    @property
    def holding(self) -> np.ndarray:
        """The active kinks that the step stays on."""
        return self.active[np.abs(self.multipliers) < 1 - LOOSE]


class _Surface:
    """The density over the free coordinates, in units over which it falls by about a nat."""

    def __init__(self, density: Density, folds: Folds, weights: tuple[float, ...], free: np.ndarray) -> None:
        self.density, self.folds, self.weights, self.free = density, folds, weights, free
        self.unit = np.ones(len(free))

    def moved(self, u: Array, steps: Array) -> Array:
        """Points (n, d) that lie ``steps`` (n, f), in units, from ``u``."""
        points = np.repeat(u[None], len(steps), axis=0)
        points[:, self.free] += steps * self.unit
        return points

    def heights(self, points: Array) -> Array:
        """Heights of points (n, d)."""
        parts = [self.density.batch(points[i : i + RAY], self.weights)[0] for i in range(0, len(points), RAY)]
        return np.concatenate(parts)

    def measure(self, u: Array) -> None:
        """The units: the longest power of ten of each coordinate over which the height falls by a nat at most."""
        powers = 10.0 ** np.arange(-12, 13)
        f = len(self.free)
        self.unit = np.ones(f)
        steps = np.concatenate([np.kron(np.eye(f), powers[:, None]), -np.kron(np.eye(f), powers[:, None])])
        values = self.heights(self.moved(u, steps)).reshape(2, f, len(powers)).min(axis=0)
        within = values >= self.heights(u[None])[0] - 1.0
        last = np.array([int(np.flatnonzero(row)[-1]) if row.any() else 0 for row in within])
        self.unit = np.where(within.all(axis=1), 1.0, powers[last])

    def slopes(self, points: Array, signs: Array) -> Array:
        """Gradients (n, f), in units, of the pieces with these signs (n, m)."""
        with np.errstate(all="ignore"):
            _, gradients = self.density.pieces(points, self.weights, self.folds.split(signs))
        return np.asarray(gradients[:, self.free] * self.unit)

    def arguments(self, u: Array) -> tuple[Array, Array]:
        """The creases' arguments (m,) and their slopes (m, f), in units."""
        steps = 1e-4 * np.eye(len(self.free))
        found = self.density.creases_at(np.concatenate([u[None], self.moved(u, steps), self.moved(u, -steps)]))
        f = len(self.free)
        return found[0], ((found[1 : 1 + f] - found[1 + f :]) / 2e-4).T

    def active(self, u: Array, arguments: Array, slopes: Array) -> np.ndarray:
        """The kinks that a point is on."""
        reach = np.abs(slopes)
        rounding = ROUNDING * reach @ np.abs(u[self.free] / self.unit)
        near = np.abs(arguments) <= ON * reach.sum(axis=1) + rounding
        return np.flatnonzero(near & self.folds.kinked & (reach.sum(axis=1) > 0))


def climb(density: Density, folds: Folds, end: End, weights: tuple[float, ...], options: ModeOptions) -> End | None:
    """Climb to a mode over pieces and along kinks, or to where it is lost; None where that came to nothing."""
    free = np.array([i for i in range(len(end.u)) if i not in end.held], dtype=int)
    if not len(free) or not np.isfinite(density(end.u, weights)[0]):
        return None
    surface = _Surface(density, folds, weights, free)
    surface.measure(end.u)
    u, before = end.u.copy(), math.inf
    known: dict[int, float] = {}
    at: _Point | None = None
    steps = 0
    for _ in range(STEPS):
        at = _looked_at(surface, u, known)
        if at is None:
            return None
        steps += 1
        stopped = at.decrement <= options.decrement and at.decrement >= 0.1 * before
        moved = None if stopped or at.decrement < 1e-20 else _onwards(surface, at)
        if moved is None:
            break
        before = at.decrement
        known = dict(zip(at.active.tolist(), at.multipliers.tolist(), strict=True))
        u = moved
        if end.ways is not None and end.ways.lost(u):
            return replace(end, u=u, polished=True, decrement=math.inf)
    if at is None or not at.decrement <= options.decrement:
        return None
    return _settled(surface, replace(end, steps=end.steps + steps), at)


def _looked_at(surface: _Surface, u: Array, known: dict[int, float]) -> _Point | None:
    """The active kinks at a point, their multipliers, and the way up."""
    arguments, slopes = surface.arguments(u)
    value = float(surface.heights(u[None])[0])
    if not (np.isfinite(value) and np.isfinite(arguments).all() and np.isfinite(slopes).all()):
        return None
    active = surface.active(u, arguments, slopes)
    signs = np.where(arguments < 0, -1.0, 1.0)
    gradient, normals = _subgradient(surface, u[None], signs, active)
    if not (np.isfinite(gradient).all() and np.isfinite(normals).all()):
        return None
    # A peak's gradient falls as the argument grows; a valley's is left to whichever side.
    peaked = -(normals[0] * slopes[active]).sum(axis=1) > 0.5 * _lengths(normals[0]) * _lengths(slopes[active])
    peaked &= _lengths(normals[0]) > ON * max(1.0, float(np.abs(gradient).max()))
    active, normals = active[peaked], normals[0][peaked].T
    base = gradient[0] - normals @ signs[active]
    multipliers = np.array([known.get(int(k), 0.0) for k in active])
    curvature = _curvature(surface, u, signs, active, multipliers)
    if curvature is None:
        return None
    root = _root(curvature)
    multipliers = _shortest(root @ normals, root @ base)
    rest = root @ (base + normals @ multipliers)
    return _Point(u, value, active, multipliers, normals, curvature, root.T @ rest, 0.5 * float(rest @ rest))


def _lengths(rows: Array) -> Array:
    return np.asarray(np.linalg.norm(rows, axis=-1))


def _subgradient(surface: _Surface, points: Array, signs: Array, active: np.ndarray) -> tuple[Array, Array]:
    """Gradients (n, f) with these signs, and half of each active kink's jump, (n, a, f)."""
    n, a = len(points), len(active)
    rows = np.repeat(signs[None], 1 + a, axis=0)
    rows[1 + np.arange(a), active] *= -1
    found = surface.slopes(np.repeat(points, 1 + a, axis=0), np.tile(rows, (n, 1))).reshape(n, 1 + a, -1)
    return found[:, 0], signs[active][:, None] * (found[:, :1] - found[:, 1:]) / 2


def _curvature(
    surface: _Surface, u: Array, signs: Array, active: np.ndarray, multipliers: Array
) -> NDArray[np.float64] | None:
    """−∇² of the density with the active kinks' multipliers in place of their signs, (f, f)."""
    f = len(surface.free)
    for size in (1e-3, 1e-6):
        steps = size * np.eye(f)
        points = np.concatenate([surface.moved(u, steps), surface.moved(u, -steps)])
        gradients, normals = _subgradient(surface, points, signs, active)
        gradients = gradients + np.einsum("naf,a->nf", normals, multipliers - signs[active])
        h = -(gradients[:f] - gradients[f:]) / (2 * size)
        if np.isfinite(h).all():
            return np.asarray((h + h.T) / 2)
    return None


def _root(curvature: Array) -> Array:
    """R with RᵀR the inverse of the curvature's absolute value, directions without one taken to be nearly level."""
    eigenvalues, vectors = np.linalg.eigh(curvature)
    floor = LEVEL * max(1.0, float(np.abs(eigenvalues).max()))
    return np.asarray((vectors / np.sqrt(np.maximum(np.abs(eigenvalues), floor))).T)


def _shortest(normals: Array, base: Array) -> Array:
    """Multipliers within ±1 of the shortest element of the subgradient."""
    from scipy.optimize import lsq_linear

    if not normals.shape[1]:
        return np.zeros(0)
    sizes = np.linalg.norm(normals, axis=0)
    found = lsq_linear(
        normals / sizes, -base, (-sizes, sizes), method="bvls", tol=1e-14, max_iter=100 + 10 * len(sizes)
    )
    return np.asarray(np.clip(found.x / sizes, -1.0, 1.0))


def _onwards(surface: _Surface, at: _Point) -> Array | None:
    """The highest point of the ray, put on the kinks that it stays on and those it comes to; None where none is
    higher."""
    step = at.step
    far = surface.density.transformed[surface.free]
    longest = STRIDE / max(np.abs((step * surface.unit)[far]).max(initial=0.0), 1e-300)
    places = _breaks(surface, at, longest)
    t = _highest(surface, at, places, min(1.0, longest))
    if t is None:
        return None
    u = surface.moved(at.u, t * step[None])[0]
    return _put_on(surface, u, at.holding)


def _breaks(surface: _Surface, at: _Point, longest: float) -> Array:
    """Multiples of the step at which it crosses a kink."""
    size = 1e-3 / max(float(np.abs(at.step).max()), 1e-300)
    ahead, behind = surface.density.creases_at(surface.moved(at.u, size * np.stack([at.step, -at.step])))
    here = surface.density.creases_at(at.u[None])[0]
    with np.errstate(all="ignore"):
        places = -here / ((ahead - behind) / (2 * size))
    others = surface.folds.kinked & ~np.isin(np.arange(len(here)), at.active)
    found: Array = np.unique(places[others & np.isfinite(places) & (places > 0) & (places <= longest)])
    return found


def _highest(surface: _Surface, at: _Point, breaks: Array, longest: float) -> float | None:
    """The place of the greatest height among the kinks on a ray and halves of its length."""
    places = np.unique(np.concatenate([breaks, longest * 0.5 ** np.arange(31)]))
    low, high = 0, len(places) - 1
    best, top = None, -math.inf
    for _ in range(ROUNDS):
        looked = np.unique(np.linspace(low, high, RAY).astype(int))
        values = surface.heights(surface.moved(at.u, places[looked][:, None] * at.step))
        i = int(np.argmax(values))
        if values[i] > top:
            best, top = float(places[looked[i]]), float(values[i])
        low, high = looked[max(i - 1, 0)], looked[min(i + 1, len(looked) - 1)]
        if high - low <= 2:
            break
    noise = NOISE * max(1.0, abs(at.value))
    if top > at.value + noise:
        return best
    # Near the top the gain drowns in rounding; the step still improves the decrement.
    whole = min(longest, float(breaks[0]) if len(breaks) else longest)
    return whole if surface.heights(surface.moved(at.u, whole * at.step[None]))[0] >= at.value - noise else None


def _put_on(surface: _Surface, u: Array, holding: np.ndarray) -> Array:
    """The nearest point on the kinks that are held, and those that the point is all but on."""
    for _ in range(3):
        arguments, slopes = surface.arguments(u)
        near = np.flatnonzero(surface.folds.kinked & (np.abs(arguments) <= 1e-6 * np.abs(slopes).sum(axis=1)))
        on = np.union1d(holding, near).astype(int)
        if not len(on) or not np.isfinite(slopes[on]).all():
            return u
        moved = surface.moved(u, np.linalg.lstsq(slopes[on], -arguments[on])[0][None])[0]
        if not np.abs(surface.density.creases_at(moved[None])[0][on]).max() < np.abs(arguments[on]).max():
            return u
        u = moved
    return u


def _settled(surface: _Surface, end: End, at: _Point) -> End:
    """The end at its top: its kinks, and the curvature along them."""
    holding = np.abs(at.multipliers) < 1 - LOOSE
    step, gradient = np.zeros(len(at.u)), np.zeros(len(at.u))
    step[surface.free] = at.step * surface.unit
    gradient[surface.free] = at.curvature @ at.step / surface.unit
    top = replace(end, u=at.u, value=at.value, decrement=at.decrement, polished=True, kinks={}, lines={}, step=step)
    if not holding.any():
        h = at.curvature / surface.unit / surface.unit[:, None]
        return replace(top, gradient=gradient, hessian=h, smallest=float(spectrum(at.curvature)[0][0]))
    _, slopes = surface.arguments(at.u)
    touched = np.abs(slopes[at.active[holding]]) > ON * np.abs(slopes[at.active[holding]]).max(axis=1)[:, None]
    creased = tuple(int(i) for i in surface.free[touched.any(axis=0)])
    flattest = np.zeros(len(at.u))
    smallest, flattest[surface.free] = _flattest(surface, at, at.normals[:, holding])
    return replace(top, creased=creased, hessian=None, smallest=smallest, flattest=flattest)


def _flattest(surface: _Surface, at: _Point, normals: Array) -> tuple[float, Array]:
    """The least curvature along the kinks that are held, by trial where the pieces have none, and its direction."""
    across, sizes, _ = np.linalg.svd(normals, full_matrices=True)
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    along = across[:, rank:]
    if not along.shape[1]:
        return math.inf, np.zeros(len(across))
    eigenvalues, vectors = np.linalg.eigh(along.T @ at.curvature @ along)
    least, direction = math.inf, np.zeros(len(across))
    for value, vector in zip(eigenvalues, (along @ vectors).T, strict=True):
        if value < 1e-6:  # more kinks than dimensions meet in a vertex without one of them being needed
            trial = np.stack([vector, -vector]) * 0.1
            drop = at.value - float(surface.heights(surface.moved(at.u, trial)).max())
            value = drop if drop > 1e-9 * max(1.0, abs(at.value)) else min(float(value), 0.0)
        if value < least:
            least, direction = float(value), vector
    return least, direction
