"""Modes on the boundary of the support: a coordinate that runs to its bound is put there, the others at their best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ...model.backends import Array
from ...model.density import Density
from ...model.graphs import Block
from ...model.problem import Problem
from .curvature import curvature_along, marginal_sd
from .end import End
from .options import ModeOptions
from .search import polish

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

#: Places between the bound and the middle where the density is looked at, the other coordinates at their best.
INWARD = (10.0, 6.0, 3.0, 1.0, 0.0)

#: A simplex's scalar below this, where the density no longer changes, lies on the boundary.
EDGE = 1e-6

#: What is put in its place, as a share of it, to see whether the density falls towards the boundary.
THINNED = 1e-6


def hold(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> End | None:
    """Where a transformed coordinate runs to its bound, put it there and polish the others.

    Returns
    -------
    End or None
        A higher point inside, where the density rises off the bound after all: the search is to go on from there.
    """
    end.edges = _simplex_edges(density, end, weights, options)
    held = End(end.kind, end.u.copy(), end.value, end.order, kinks=dict(end.kinks), lines=dict(end.lines))
    for i in _running(density, end, weights):
        bounds = _straight(density, held, i, weights, options)
        if end.hessian is None and bounds and _settled_along(density, end, i, weights):
            continue
        if len(bounds) == 1:  # both: the density does not depend on it
            held.u[i] = held.held[i] = bounds[0]
        elif not bounds and end.hessian is not None and _stays_high(density, held, i, weights, options):
            held.held[i] = float(held.u[i])  # here the density is at its limit to within the decrement
    if not held.held:
        return None
    polish(density, held, weights, options)
    end.u, end.value, end.decrement, end.hessian, end.smallest = (
        held.u,
        held.value,
        held.decrement,
        held.hessian,
        held.smallest,
    )
    end.step, end.flattest = held.step, held.flattest
    end.held, end.kinks, end.creased, end.steps = held.held, held.kinks, held.creased, end.steps + held.steps
    return _inside(density, held, weights, options)


def _running(density: Density, end: End, weights: tuple[float, ...]) -> list[int]:
    """Transformed coordinates that may run to a bound: wide, and at no top of their own.

    Not a simplex's: they mix its scalars, so that no single one can be put on its bound.
    """
    far = density.transformed & ~mixed(density)
    if end.hessian is None:  # without a dense curvature all are tried
        return [int(i) for i in np.flatnonzero(far)]
    sd = np.zeros(len(end.u))
    sd[end.free] = marginal_sd(end.hessian) if end.hessian.size else 0.0
    return [int(i) for i in np.flatnonzero((sd > BOUNDARY_SD) & far & ~_settled(density, end, weights))]


def mixed(density: Density) -> np.ndarray:
    """Coordinates that share several scalars, a simplex's of three parts or more: boolean, shape (d,)."""
    return np.concatenate([np.full(b.size, b.transform == "simplex" and b.shape[-1] > 1) for b in density.blocks])


def _straight(density: Density, held: End, i: int, weights: tuple[float, ...], options: ModeOptions) -> list[float]:
    """The bounds towards which the density, the others where they are, does not fall: as far out as it is known."""
    bounds = []
    trial = held.u.copy()
    for side in (-1.0, 1.0):
        for distance in PLACES:
            trial[i] = side * distance
            value = density(trial, weights)[0]
            if math.isfinite(value):
                break
        if value >= held.value - options.agreement:
            bounds.append(side * distance)
    return bounds


def _stays_high(density: Density, held: End, i: int, weights: tuple[float, ...], options: ModeOptions) -> bool:
    """Whether the density comes to a limit as a coordinate is led on to the bound to which it rises, the others
    following: it does not fall, and far out it does not rise."""
    led = End(held.kind, held.u.copy(), held.value, kinks=dict(held.kinks), lines=dict(held.lines))
    led.held = {**held.held, i: float(held.u[i])}
    polish(density, led, weights, options)  # only beside the best of the others does the slope tell where it rises
    slope = float(density(led.u, weights)[1][i])
    out = math.copysign(1.0, slope if slope else led.u[i])
    distance = out * led.u[i]
    before = led.value
    if distance >= FOLLOWED:  # it is there already: as high a little nearer, or still rising
        led.u[i] = led.held[i] = out * (distance - PACE)
        polish(density, led, weights, options)
        return before <= led.value + options.agreement
    while distance < FOLLOWED:
        before, distance = led.value, min(distance + PACE, FOLLOWED)
        led.u[i] = led.held[i] = out * distance
        polish(density, led, weights, options)
        if not led.value >= held.value - options.agreement:
            return False
    return led.value <= before + options.agreement


def _settled(density: Density, end: End, weights: tuple[float, ...]) -> np.ndarray:
    """Coordinates at a top of their own, however wide: near a bound, where the density is c·exp(u), the slope is as
    large as the curvature."""
    settled = np.zeros(len(end.u), dtype=bool)
    if end.hessian is not None and end.hessian.size:
        curvature, slope = np.diag(end.hessian), density(end.u, weights)[1][end.free]
        settled[end.free] = (curvature > SETTLED) & (np.abs(slope) < 1e-3 * curvature)
    return settled


def _settled_along(density: Density, end: End, i: int, weights: tuple[float, ...]) -> bool:
    """The same for one coordinate, where there is no Hessian."""
    unit = np.zeros(len(end.u))
    unit[i] = 1.0
    curvature = float(curvature_along(density, end.u, unit, weights)[i])
    return curvature > SETTLED and abs(float(density(end.u, weights)[1][i])) < 1e-3 * curvature


def _inside(density: Density, held: End, weights: tuple[float, ...], options: ModeOptions) -> End | None:
    """A point off the bound that is higher, the others at their best: so one-sided slope and second order both count.

    In u every point near a bound is stationary, a mode or not.
    """
    for i, bound in held.held.items():
        trial = End("inward", held.u.copy(), held.value, held.order, held=dict(held.held), lines=dict(held.lines))
        for depth in INWARD:
            trial.u[i] = trial.held[i] = math.copysign(depth, bound)
            polish(density, trial, weights, options)
            if trial.value > held.value + options.agreement:
                return trial
    return None


def _simplex_edges(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> list[int]:
    """Scalars of a simplex that vanish: the density does not fall as they become smaller still."""
    if not any(block.transform == "simplex" for block in density.blocks):
        return []
    values = density.push(end.u[None])[0]
    free = sum(math.prod(shape) for shape in density.shapes)
    found: list[int] = []
    for block, (start, stop) in simplexes(density):
        for k in start + np.flatnonzero(values[start:stop] < EDGE):
            thinner = values[None, :free].copy()
            thinner[0, k] *= THINNED
            trial = end.u.copy()
            trial[block.start : block.stop] = density.pull(thinner)[0, block.start : block.stop]
            if density(trial, weights)[0] >= end.value - options.agreement:
                found.append(int(k))
    return found


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
    held = {i: place for i, place in best.held.items() if not any(i in own for own in of_simplexes)}
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


def values_at(problem: Problem, end: End) -> Array:
    """The end in the model's coordinates: the bound itself where it lies on one."""
    scalars: Array = problem.density.push(end.u[None, :])[0].copy()
    if end.held:
        exact = problem.density.push(limits(end)[None, :])[0]
        scalars = np.where(np.isfinite(exact), exact, scalars)
    if end.edges:
        scalars[end.edges] = 0.0
        for block, (start, stop) in simplexes(problem.density):
            rows = scalars[start:stop].reshape(-1, block.shape[-1] + 1)
            scalars[start:stop] = (rows / rows.sum(axis=1, keepdims=True)).ravel()
    return scalars
