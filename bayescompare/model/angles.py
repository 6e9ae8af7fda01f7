"""Angles: numbers that mean the same a whole circle on, brought to one branch so that they can be averaged."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CIRCLE = 2 * math.pi

#: Draws this near to the point opposite of their centre, in radians: an eighth of the circle in all.
OPPOSITE = math.pi / 8

#: Share of the draws there from which they wind round the circle: an even spread has 0.125, a von Mises law with
#: kappa = 1.8 has this.
WINDING = 0.01


def nearest(x: Array, about: Array | float) -> Array:
    """The same angles within half a circle of ``about``, (−π, π] of it."""
    return np.asarray(about - np.remainder(about - x + math.pi, CIRCLE) + math.pi)


def circular_mean(x: Array) -> Array:
    """Mean direction of each column of ``x`` (n, k), within (−π, π]."""
    return np.asarray(np.arctan2(np.sin(x).mean(axis=0), np.cos(x).mean(axis=0)))


def on_one_branch(draws: Array) -> Array:
    """Draws (..., k) of k angles within half a circle of their mean direction."""
    flat = draws.reshape(math.prod(draws.shape[:-1]), draws.shape[-1])
    return nearest(draws, circular_mean(flat))


def winds(draws: Array) -> NDArray[np.bool_]:
    """Whether the draws (..., k) of each angle go all round the circle, so that it has no mean and no interval."""
    flat = draws.reshape(math.prod(draws.shape[:-1]), draws.shape[-1])
    opposite = np.abs(nearest(flat - circular_mean(flat), 0.0)) > math.pi - OPPOSITE
    return np.asarray(opposite.mean(axis=0) > WINDING)
