"""Modes on the boundary of the support: a coordinate that runs to its bound is put there, the others at their best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from ...model.backends import Array
from ...model.density import Density
from ...model.graphs import Block
from ...model.problem import Problem
from .audits import Audit, Heights, Polish, Scalars
from .curvature import curvature_along, spectrum
from .end import End
from .options import ModeOptions
from .surface import Mask

#: A Laplace sd above this, of a transformed coordinate, means that the mode lies on the boundary: near a bound the
#: density is c·exp(u), whose decrement is half its curvature (interior modes had at most 3.1, boundary ones 700).
BOUNDARY_SD = 10.0

#: Curvature of such a coordinate above which it is no rounding.
SETTLED = 1e-9

#: Where a coordinate that runs to a boundary is put: far enough that its transform has reached the bound in float64.
LIMIT = 40.0

#: Nearer places, for a density that is not finite there: on the bound itself its terms may be 0 · ∞ or ∞ − ∞.
PLACES = (LIMIT, 34.0, 28.0, 22.0, 16.0)

#: How far out the others are led along with it, where the density stays high only if they follow, as the effects of a
#: scale that goes to 0 do: so far that the density is at its limit, and no further, as what they tend to is rounded.
FOLLOWED = 20.0

#: Length of a step on that way: Newton's steps from one place lead to the best of the next.
PACE = 2.0

#: How far out a simplex's coordinate must be, where no dense curvature tells.
FAR = 15.0

#: Places from the bound to beyond the middle where the density is looked at, the other coordinates at their best.
INWARD = (10.0, 6.0, 3.0, 1.0, 0.0, -1.0, -2.0, -3.0)

#: A simplex's scalar below this, where the density no longer changes, lies on the boundary.
EDGE = 1e-6

#: What is put in its place, as a share of it, to see whether the density falls towards the boundary.
THINNED = 1e-6


def hold(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> Audit[tuple[End, End | None]]:
    """Where a transformed coordinate runs to its bound, put it there and polish the others.

    Returns
    -------
    end, higher : End, End or None
        The end there, and a higher point inside, where the density rises off the bound after all: the search is to go
        on from that.
    """
    end = replace(end, edges=(yield from _simplex_edges(density, end, options)))
    held = replace(end, held={})
    for i in _running(density, end):
        bounds = yield from _straight(held, i, options)
        if end.hessian is None and bounds and _settled_along(density, end, i, weights):
            continue
        if len(bounds) == 1:  # both: the density does not depend on it
            held = put(held, {i: bounds[0]})
        elif not bounds and end.hessian is not None and (yield from _stays_high(held, i, options)):
            held = put(held, {i: held.u[i]})  # here the density is at its limit to within the decrement
    if not held.held:
        return end, None
    held = yield Polish(held, options)
    return held, (yield from _inside(held, options))


def put(end: End, places: Mapping[int, float]) -> End:
    """The end with these coordinates put at their places, and held there."""
    u = end.u.copy()
    u[list(places)] = list(places.values())
    return replace(end, u=u, held={**end.held, **{i: float(place) for i, place in places.items()}})


def wide(h: Array) -> Mask:
    """Coordinates of so large a Laplace sd that they run to their bound, (..., d), unless they are :func:`settled`."""
    return np.asarray(widths(h) > BOUNDARY_SD)


def widths(h: Array) -> Array:
    """Laplace sd of each coordinate, (..., d), whatever the signs of the curvature."""
    eigenvalues, vectors, sd = spectrum(h)
    found: Array = sd * np.sqrt((vectors**2 / np.maximum(np.abs(eigenvalues), 1e-300)[..., None, :]).sum(axis=-1))
    return found


def settled(gradient: Array, h: Array) -> Mask:
    """Coordinates at a top of their own, however wide, (..., d): near a bound, where the density is c·exp(u), the slope
    is as large as the curvature."""
    curvature = np.diagonal(h, axis1=-2, axis2=-1)
    return np.asarray((curvature > SETTLED) & (np.abs(gradient) < 1e-3 * curvature))


def _running(density: Density, end: End) -> list[int]:
    """Transformed coordinates that may run to a bound.

    Not a simplex's: they mix its scalars, so that no single one can be put on its bound.
    """
    running = density.transformed & ~mixed(density)
    if end.hessian is not None and end.gradient is not None:  # without a dense curvature all are tried
        running &= ~end.fixed
        running[end.free] &= ~settled(end.gradient[end.free], end.hessian)
        if running.any():
            running[end.free] &= wide(end.hessian)
    return [int(i) for i in np.flatnonzero(running)]


def mixed(density: Density) -> np.ndarray:
    """Coordinates that share several scalars, a simplex's of three parts or more: boolean, shape (d,)."""
    return np.concatenate([np.full(b.size, b.transform == "simplex" and b.shape[-1] > 1) for b in density.blocks])


def _straight(held: End, i: int, options: ModeOptions) -> Audit[list[float]]:
    """The bounds towards which the density, the others where they are, does not fall: as far out as it is known."""
    points = np.repeat(held.u[None], 2 * len(PLACES), axis=0)
    points[:, i] = np.outer((-1.0, 1.0), PLACES).ravel()
    values = (yield Heights(points)).reshape(2, -1)
    furthest = np.isfinite(values).argmax(axis=1)
    ends = values[[0, 1], furthest]
    level = ends >= held.value - options.agreement
    if level.all() and abs(ends[1] - ends[0]) > options.agreement:  # no plateau: higher at the other bound
        level &= np.array([-1.0, 1.0]) == np.sign(held.u[i])
    return [side * PLACES[place] for side, place, high in zip((-1.0, 1.0), furthest, level, strict=True) if high]


def _stays_high(held: End, i: int, options: ModeOptions) -> Audit[bool]:
    """Whether the density comes to a limit as a coordinate is led on to the bound to which it rises, the others
    following: it does not fall, and far out it does not rise."""
    led = yield Polish(put(held, {i: held.u[i]}), options)
    # Only beside the best of the others does the slope tell where it rises.
    slope = float(led.gradient[i])
    out = math.copysign(1.0, slope if slope else led.u[i])
    distance = out * led.u[i]
    before = led.value
    if distance >= FOLLOWED:  # it is there already: as high a little nearer, or still rising
        led = yield Polish(put(led, {i: out * (distance - PACE)}), options)
        return bool(before <= led.value + options.agreement)
    while distance < FOLLOWED:
        before, distance = led.value, min(distance + PACE, FOLLOWED)
        led = yield Polish(put(led, {i: out * distance}), options)
        if not led.value >= held.value - options.agreement:
            return False
    return bool(led.value <= before + options.agreement)


def _settled_along(density: Density, end: End, i: int, weights: tuple[float, ...]) -> bool:
    """Whether a coordinate is at a top of its own, where there is no Hessian (:func:`settled`)."""
    unit = np.zeros(len(end.u))
    unit[i] = 1.0
    curvature = float(curvature_along(density, end.u, unit, weights)[i])
    return curvature > SETTLED and abs(float(density(end.u, weights)[1][i])) < 1e-3 * curvature


def _inside(held: End, options: ModeOptions) -> Audit[End | None]:
    """The highest point off the bound, if one is higher, the others at their best: so slope and second order count.

    In u every point near a bound is stationary, a mode or not.
    """
    best = held
    for i, bound in held.held.items():
        trial = replace(held, kind="inward", kinks={})
        for depth in INWARD:
            trial = yield Polish(put(trial, {i: depth * math.copysign(1.0, bound)}), options)
            best = trial if trial.value > best.value + options.agreement else best
    return None if best is held else best


def _simplex_edges(density: Density, end: End, options: ModeOptions) -> Audit[tuple[int, ...]]:
    """Scalars of a simplex that vanish: the density does not fall as they become smaller still."""
    if not any(block.transform == "simplex" for block in density.blocks):
        return ()
    values = (yield Scalars(end.u[None]))[0]
    free = sum(math.prod(shape) for shape in density.shapes)
    found: list[int] = []
    for block, (start, stop) in simplexes(density):
        for k in start + np.flatnonzero(values[start:stop] < EDGE):
            thinner = values[None, :free].copy()
            thinner[0, k] *= THINNED
            trial = end.u.copy()
            trial[block.start : block.stop] = density.pull(thinner)[0, block.start : block.stop]
            if (yield Heights(trial[None]))[0] >= end.value - options.agreement:
                found.append(int(k))
    return tuple(found)


def simplexes(density: Density) -> Iterator[tuple[Block, tuple[int, int]]]:
    """Blocks of simplexes, and where the scalars of each are."""
    start = 0
    for block, shape in zip(density.blocks, density.shapes, strict=True):
        stop = start + math.prod(shape)
        if block.transform == "simplex":
            yield block, (start, stop)
        start = stop


def names(problem: Problem, best: End) -> list[str]:
    """Free scalars that lie on a bound of their range."""
    of_simplexes = [range(block.start, block.stop) for block, _ in simplexes(problem.density)]
    held = {i: 0.0 for i in [*best.held, *best.walls] if not any(i in own for own in of_simplexes)}
    return [problem.scalars.names[i] for i in best.edges] + names_of(problem, held)


def names_of(problem: Problem, coordinates: Mapping[int, float]) -> list[str]:
    """Free scalars of these coordinates; all of a variable's where its transform mixes them."""
    found: list[str] = []
    for block in problem.density.blocks:
        own = [i - block.start for i in sorted(coordinates) if block.start <= i < block.stop]
        start, stop, shape, _ = problem.scalars.variables[block.name]
        if own:
            same = math.prod(shape) == block.size
            found += [problem.scalars.names[start + i] for i in own] if same else problem.scalars.names[start:stop]
    return found


def limits(end: End) -> Array:
    """The end's ``u`` with ±∞ where it lies on a bound."""
    u = end.u.copy()
    for i, bound in end.held.items():
        u[i] = math.copysign(math.inf, bound)
    return u


def placed(density: Density, u: Array, weights: tuple[float, ...]) -> Array:
    """The reverse: infinite coordinates put as far out as the density is at its limit, and finite."""
    bounds = np.flatnonzero(np.isinf(u))
    if not len(bounds):
        return u.copy()
    points = np.repeat(u[None], len(PLACES), axis=0)
    points[:, bounds] = np.sign(u[bounds]) * np.array(PLACES)[:, None]
    values = density.batch(points, weights)[0]
    best = np.flatnonzero(values >= values.max() - ModeOptions().agreement)
    found: Array = points[best[0]]
    return found


def values_at(density: Density, end: End) -> Audit[Array]:
    """The end in the model's coordinates: the bound itself where it lies on one."""
    inside, exact = yield Scalars(np.stack([end.u, limits(end)]))
    scalars: Array = np.where(np.isfinite(exact), exact, inside) if end.held else inside.copy()
    if end.edges:
        scalars[list(end.edges)] = 0.0
        for block, (start, stop) in simplexes(density):
            rows = scalars[start:stop].reshape(-1, block.shape[-1] + 1)
            scalars[start:stop] = (rows / rows.sum(axis=1, keepdims=True)).ravel()
    return scalars
