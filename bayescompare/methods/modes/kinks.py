"""Kinks: places where the density is continuous and its gradient jumps, such as a Laplace prior's location.

A mode may lie exactly on one (the lasso's zeros). There no gradient vanishes and no curvature exists along that
coordinate; what must hold is that the density falls on both sides. The kinks treated here are those along single
coordinates that the graph says may have one (:mod:`.folds`); numbers tell where. Those that run across coordinates (a
quantile regression's, the fused lasso's ``|x − y|``) are climbed along by :mod:`.vertices`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ...metrics.thresholds import DECREMENT_MAX
from ...model.backends import Array
from ...model.density import Density
from .end import End

#: Half-widths of the intervals in which a kink is looked for, in units of max(1, |u|).
WIDTHS = 10.0 ** -np.arange(0, 8)

#: Rounds of climbing, finding kinks, and letting go of those that the density rises off.
ROUNDS = 12

#: How near an edge of the support is looked for, in units of max(1, |u|): a search stops right before it.
WALL = 1e-4

#: Gain in nats, off a kink, that is no rounding.
GAIN = 1e-9


def settle(
    density: Density, end: End, weights: tuple[float, ...], along: np.ndarray, climb: Callable[[End], End]
) -> End:
    """Find the kinks that keep an end from converging, put it on them, climb along them, and let go where it rises.

    They are looked for in the coordinates ``along`` which the graph says there may be any.
    """
    for _ in range(ROUNDS):
        found = _find(density, end, weights, along) | _regained(density, end, weights)
        off = _released(density, end, weights)
        if not found and not off:
            return end
        u = end.u.copy()
        for i, place in (off | found).items():
            u[i] = place
        kinks = {i: place for i, place in end.kinks.items() if i not in off}
        end = climb(replace(end, u=u, kinks=kinks | found, lines={**end.lines, **found}))
    return end


def _find(density: Density, end: End, weights: tuple[float, ...], along: np.ndarray) -> dict[int, float]:
    """Coordinates, not known yet, whose gradient jumps from above to below 0 near the end, and where."""
    looked = np.setdiff1d(np.intersect1d(end.free, along), list(end.lines)).astype(int)
    if not len(looked) or end.decrement <= DECREMENT_MAX:
        return {}
    lower, upper = _brackets(density, end.u, looked, weights)
    inside = np.isfinite(lower)
    looked, lower, upper = looked[inside], lower[inside], upper[inside]
    if not len(looked):
        return {}
    for _ in range(60):
        middle = (lower + upper) / 2
        slope = _slopes(density, end.u, looked, middle, weights)
        lower, upper = np.where(slope > 0, middle, lower), np.where(slope > 0, upper, middle)
    place = (lower + upper) / 2
    place = np.where(np.abs(place) < 1e-12, 0.0, place)
    window = 1e-9 * np.maximum(1.0, np.abs(place))
    jumps = [
        _slopes(density, end.u, looked, place - w, weights) - _slopes(density, end.u, looked, place + w, weights)
        for w in (window, 1000 * window)
    ]
    # A smooth density's slope changes a thousand times as much over a thousand times the distance.
    kink = (jumps[0] > 0.5 * jumps[1]) & (jumps[0] > 1e-6)
    looked, place, window, jump = looked[kink], place[kink], window[kink], jumps[0][kink]
    if not len(looked):
        return {}
    # One that moves with the other coordinates, as that of |x − y|, runs across them: nothing could be held there.
    others = end.u + 1e-3 * np.maximum(1.0, np.abs(end.u)) * np.cos(np.arange(len(end.u)))
    left, right = (_slopes(density, others, looked, place + side, weights) for side in (-window, window))
    still = left - right > 0.5 * jump
    return {int(i): float(c) for i, c in zip(looked[still], place[still], strict=True)}


def _regained(density: Density, end: End, weights: tuple[float, ...]) -> dict[int, float]:
    """Kinks that are known, and towards which the density rises from both sides: other starts may stop away from them,
    where with more coefficients than observations it has no curvature to go by."""
    looked = np.array([i for i in sorted(end.lines) if i not in end.kinks and i not in end.held], dtype=int)
    if not len(looked) or end.decrement <= DECREMENT_MAX:
        return {}
    place = np.array([end.lines[int(i)] for i in looked])
    window = 1e-9 * np.maximum(1.0, np.abs(place))
    left, right = (_slopes(density, end.u, looked, place + side, weights) for side in (-window, window))
    inwards = (left > 0) & (right < 0)
    return {int(i): float(c) for i, c in zip(looked[inwards], place[inwards], strict=True)}


def _brackets(density: Density, u: Array, looked: np.ndarray, weights: tuple[float, ...]) -> tuple[Array, Array]:
    """The narrowest interval about each coordinate at whose ends the slopes point inwards; NaN where none does."""
    lower, upper = np.full(len(looked), np.nan), np.full(len(looked), np.nan)
    size = np.maximum(1.0, np.abs(u[looked]))
    for width in WIDTHS:  # the widest first, so that the narrowest is what stays
        left, right = u[looked] - width * size, u[looked] + width * size
        inwards = (_slopes(density, u, looked, left, weights) > 0) & (_slopes(density, u, looked, right, weights) < 0)
        lower, upper = np.where(inwards, left, lower), np.where(inwards, right, upper)
    return lower, upper


def _slopes(density: Density, u: Array, looked: np.ndarray, at: Array, weights: tuple[float, ...]) -> Array:
    """Each coordinate's derivative with that coordinate put ``at`` its place and the others left."""
    points = np.repeat(u[None], len(looked), axis=0)
    rows = np.arange(len(looked))
    points[rows, looked] = at
    _, gradients = density.batch(points, weights)
    slopes: Array = gradients[rows, looked]
    return slopes


def _released(density: Density, end: End, weights: tuple[float, ...]) -> dict[int, float]:
    """Where to go off the kinks off which the density rises; its first and second order decide alike, by trial."""
    if not end.kinks:
        return {}
    value, _ = density(end.u, weights)
    held = np.array(sorted(end.kinks))
    lengths = 10.0 ** -np.arange(0, 9)
    shifts = np.concatenate([lengths, -lengths])
    points = np.repeat(end.u[None], len(held) * len(shifts), axis=0)
    points[np.arange(len(points)), np.repeat(held, len(shifts))] += np.tile(shifts, len(held))
    gains = density.batch(points, weights)[0].reshape(len(held), len(shifts)) - value
    rising = gains.max(axis=1) > GAIN * max(1.0, abs(value) * 1e-3)
    return {
        int(i): float(end.u[i] + shifts[np.argmax(row)]) for i, row in zip(held[rising], gains[rising], strict=True)
    }


def walls(density: Density, end: End, weights: tuple[float, ...]) -> dict[int, float]:
    """Coordinates in which the density rises up to a place, near, from which on it is 0, and that place.

    An edge of the support that no transform knows: data under ``Uniform(0, theta)``, a shift below the least datum.
    """
    if not len(end.free):
        return {}
    looked, size = end.free, np.maximum(1.0, np.abs(end.u[end.free]))
    # Asked anew: an end on the edge itself has no curvature, and so no slope of its own.
    side = np.sign(density(end.u, weights)[1][looked])

    def inside(at: Array) -> np.ndarray:
        points = np.repeat(end.u[None], len(looked), axis=0)
        points[np.arange(len(looked)), looked] = at
        return np.isfinite(density.batch(points, weights)[0])

    near, far = end.u[looked], end.u[looked] + side * WALL * size
    met = (side != 0) & ~inside(far) & inside(near - side * WALL * size)
    for _ in range(60 if met.any() else 0):
        middle = (near + far) / 2
        within = inside(middle)
        near, far = np.where(within, middle, near), np.where(within, far, middle)
    return {int(i): float(place) for i, place in zip(looked[met], near[met], strict=True)}


def alike(density: Density, lines: Mapping[int, float]) -> dict[int, float]:
    """Kinks that are known, and those of the same variables' other coordinates where all known ones are at one place.

    A search that knows some kinks and comes close to another would take its Hessian across that one, which is no
    curvature, and end there. A place that is no kink after all costs it a step.
    """
    found = dict(lines)
    for block in density.blocks:
        places = {place for i, place in lines.items() if block.start <= i < block.stop}
        if len(places) == 1:
            found |= dict.fromkeys(range(block.start, block.stop), places.pop())
    return found


def unsettled(density: Density, end: End, weights: tuple[float, ...]) -> np.ndarray:
    """Coordinates whose slope jumps where a search got stuck: a kink that cannot be held, as it runs across them."""
    at = end.u[end.free]
    widths = [w * np.maximum(1.0, np.abs(at)) for w in (1e-5, 1e-3)]
    slopes = [_slopes(density, end.u, end.free, at + side * w, weights) for w in widths for side in (-1.0, 1.0)]
    near, far = slopes[0] - slopes[1], slopes[2] - slopes[3]
    # A smooth density's slope changes a hundred times as much over a hundred times the distance. A slope of exactly 0
    # stands for a density of 0: an edge.
    inside = np.all(np.array(slopes) != 0, axis=0)
    stuck: np.ndarray = end.free[inside & (near > np.maximum(0.5 * far, 1e-6))]
    return stuck
