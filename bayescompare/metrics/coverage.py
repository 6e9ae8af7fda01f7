"""Do predictive intervals hold the observations they were made without? Coverage and PIT of posterior and plug-in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..reasons import Reason
from .estimates import proportion
from .figure import Figure

Array = NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.95)

#: Observations worked on at once: bounds the memory, not the result.
BLOCK = 256


@dataclass(frozen=True)
class Arm:
    """Where each observation lies in its predictive distribution, made without it.

    Attributes
    ----------
    below, upto : ndarray of shape (n,)
        P(ỹ_i < y_i) and P(ỹ_i ≤ y_i); equal where no prediction ties with the observation.
    """

    below: Array
    upto: Array

    @property
    def pit(self) -> Array:
        """The mid-PIT P(ỹ < y) + ½P(ỹ = y): the PIT itself for a continuous observation; nothing is randomised."""
        return (self.below + self.upto) / 2

    @property
    def discrete(self) -> bool:
        """True if predictions tie with an observation."""
        return bool(np.any(self.upto > self.below))

    def replace(self, index: NDArray[np.intp], other: Arm) -> Arm:
        """With some observations taken from another, such as those whose weights were mended."""
        below, upto = self.below.copy(), self.upto.copy()
        below[index], upto[index] = other.below, other.upto
        return Arm(below, upto)

    def inside(self, level: float) -> NDArray[np.bool_]:
        """Whether the central interval of this probability, from quantile to quantile, holds each observation."""
        tail = (1 - level) / 2
        return np.asarray((self.upto >= tail) & (self.below <= 1 - tail))

    def histogram(self, bins: int = 10) -> Array:
        """Share of the PIT in each of so many equal bins, 1/bins each if calibrated.

        An observation that predictions tie with is spread evenly from ``below`` to ``upto`` (Czado et al. 2009,
        doi:10.1111/j.1541-0420.2009.01191.x).
        """
        edges = np.linspace(0, 1, bins + 1)
        width = self.upto - self.below
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.clip((edges[:, None] - self.below) / width, 0, 1)
        step = (edges[:, None] > self.below) | (edges[:, None] == 1)
        return np.diff(np.where(width > 0, spread, step).mean(axis=1))


@dataclass(frozen=True)
class Coverage:
    """Share of observations within central predictive intervals, each made without its observation.

    Attributes
    ----------
    levels : tuple of float
        Probabilities of the intervals.
    posterior, plugin : tuple of Figure
        Shares at each level; errors over observations, by Jeffreys.
    difference : tuple of Figure
        posterior − plug-in; errors of the paired difference over observations, which contain Monte Carlo's.
    largest : Figure
        The difference of largest size, as it is above 0.
    """

    levels: tuple[float, ...]
    posterior: tuple[Figure, ...]
    plugin: tuple[Figure, ...]
    difference: tuple[Figure, ...]
    largest: Figure

    @classmethod
    def missing(cls, reason: Reason | None) -> Coverage:
        """No figure, and why."""
        none = (Figure.missing(reason),) * len(LEVELS)
        return cls(LEVELS, none, none, none, none[0])


def arm(draws: Array, y: Array, log_weights: Array | None = None) -> Arm:
    """Where observations lie among predictive draws.

    Parameters
    ----------
    draws : ndarray of shape (S, n) or (chains, draws, n)
    y : ndarray of shape (n,)
    log_weights : ndarray of shape (n, S), optional
        Normalised; of leave-one-out. Without them all draws count alike.
    """
    n = len(y)
    flat = draws.reshape(-1, n)
    below, upto = np.empty(n), np.empty(n)
    for start in range(0, n, BLOCK):
        part = slice(start, start + BLOCK)
        x, at = flat[:, part].T, y[part, None]
        weights = 1 / len(flat) if log_weights is None else np.exp(log_weights[part])
        below[part] = (weights * (x < at)).sum(axis=1)
        upto[part] = below[part] + (weights * (x == at)).sum(axis=1)
    # A sum of weights may pass 1 by rounding.
    return Arm(np.minimum(below, 1.0), np.minimum(upto, 1.0))


def coverage(posterior: Arm, plugin: Arm) -> Coverage:
    """Coverage of 50, 80 and 95 % intervals under both, and their paired difference."""
    n = len(posterior.below)
    shares: tuple[list[Figure], list[Figure], list[Figure]] = ([], [], [])
    for level in LEVELS:
        first, second = posterior.inside(level), plugin.inside(level)
        shares[0].append(proportion(int(first.sum()), n))
        shares[1].append(proportion(int(second.sum()), n))
        shares[2].append(paired_difference(int((first & ~second).sum()), int((second & ~first).sum()), n))
    largest = max(shares[2], key=lambda f: abs(f.value))
    return Coverage(
        LEVELS, tuple(shares[0]), tuple(shares[1]), tuple(shares[2]), Figure(abs(largest.value), largest.mcse)
    )


def paired_difference(only_first: int, only_second: int, n: int) -> Figure:
    """(b − c)/n of paired yes-and-no answers; its error is never 0: half an answer is added to each of the four cells
    (Agresti and Min 2005, doi:10.1002/sim.1781)."""
    b, c, m = only_first + 0.5, only_second + 0.5, n + 2
    return Figure((only_first - only_second) / n, math.sqrt((b + c - (b - c) ** 2 / m) / m**2))
