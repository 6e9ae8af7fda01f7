"""Scales of the coordinates: columns of 1e12 or 1e-12 make slopes of 1e-12 or 1e12, in which a step of 1 is no step.

Where one of them is far from 1, the untransformed coordinates' units are their conditional standard deviations where
the search begins, times the length of a Newton step along one coordinate over its own, in the median: a unit is as long
as the way to go. A search in these units does as it would on standardised columns.
"""

from __future__ import annotations

import numpy as np

from ...model.backends import Array
from ...model.density import Density

#: Dimension up to which scales are looked for.
MOST = 1000

#: Units that are taken to be 1 where all are within.
COMMON = (1e-3, 1e3)

#: Rounds in which steps are found over which the gradient changes and is finite.
ROUNDS = 16

#: Least change of the gradient over a step, relative to it, that is no rounding.
SEEN = 1e-6

#: Shortest and longest steps.
SHORTEST, LONGEST = 1e-18, 1e18


def scales(density: Density, weights: tuple[float, ...]) -> Array:
    """The unit of each coordinate under these weights: a power of 2, and 1 where that will do. Shape (d,)."""
    found = density.scales.get(tuple(weights))
    if found is None:
        found = np.ones(density.dimension)
        looked = np.flatnonzero(~density.transformed & ~density.circular)
        if len(looked) and density.dimension <= MOST and not density.no_gradient:
            sd = _spread(density, looked, weights)
            steps = np.abs(density(density.start, weights)[1][looked]) * sd  # of Newton's, over sd
            unit = sd * np.median(np.clip(steps, 1.0, LONGEST))
            if unit.min() < COMMON[0] or unit.max() > COMMON[1]:
                found[looked] = np.exp2(np.round(np.log2(unit)))
        density.scales[tuple(weights)] = found
    return found


def _spread(density: Density, looked: np.ndarray, weights: tuple[float, ...]) -> Array:
    """Conditional standard deviations at the start, by differences over steps no longer than they are.

    Far out on a steep slope so short a step is rounding: then by the shortest one that is not. 1 if unknown.
    """
    u = density.start
    count = len(looked)
    sd, step, shortest = np.ones(count), np.ones(count), np.full(count, np.inf)
    shorter, longer = np.full(count, SHORTEST), np.full(count, LONGEST)  # the steps known to be too short, too long
    pending = np.arange(count) if np.isfinite(density(u, weights)[0]) else np.arange(0)
    for _ in range(ROUNDS):
        if not len(pending):
            break
        shifts = np.zeros((len(pending), len(u)))
        shifts[np.arange(len(pending)), looked[pending]] = step[pending]
        values, gradients = density.batch(np.concatenate([u + shifts, u - shifts]), weights)
        own = gradients[np.arange(2 * len(pending)), np.tile(looked[pending], 2)].reshape(2, -1)
        with np.errstate(all="ignore"):
            change, size = np.abs(own[1] - own[0]), np.abs(own).sum(axis=0)
            width = np.sqrt(2 * step[pending] / change)
            seen = change > SEEN * size
        outside = ~np.isfinite(values).reshape(2, -1).all(axis=0)
        long = outside | (seen & (width < step[pending]))
        good = ~outside & seen & ~long
        better = ~outside & seen & (step[pending] < shortest[pending])
        sd[pending[better]], shortest[pending[better]] = width[better], step[pending[better]]
        longer[pending[long]] = step[pending[long]]
        shorter[pending[~long & ~good]] = step[pending[~long & ~good]]
        step[pending] = _next(step[pending], np.where(outside, 0.0, width), long, shorter[pending], longer[pending])
        pending = pending[~good & (longer[pending] > 1.5 * shorter[pending])]
    return sd


def _next(step: Array, width: Array, long: Array, shorter: Array, longer: Array) -> Array:
    """The next step to try: by the width that was seen, by a thousand, or between what is too short and too long."""
    middle = np.sqrt(shorter * longer)
    guess = np.where(long, np.where(width > 0, width / 10, step / 1e3), step * 1e3)
    bounded = np.where(long, shorter > SHORTEST, longer < LONGEST)
    inside = (guess > shorter) & (guess < longer)
    return np.where(bounded & ~inside, middle, np.clip(guess, SHORTEST, LONGEST))
