"""Kernel densities of many marginals at once, with reflection at the ends of the grid.

Draws are binned once and smoothed by a cosine transform, which reflects at the ends: a density that is highest at the
edge of its support (a scale at 0) keeps its height there, where a plain kernel would halve it. The bandwidth is
ArviZ's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct

from .diagnostics import quantiles

Array = NDArray[np.float64]

GRID = 512


def bandwidths(ordered: Array) -> Array:
    """ArviZ's default bandwidth of each sorted row of ``ordered`` (k, n): the mean of Silverman's and improved
    Sheather–Jones.

    ArviZ solves for one row at a time (6 ms); here bisection solves for all of them, and a test holds the two together.
    """
    n = ordered.shape[1]
    sd = ordered.std(axis=1)
    quartiles = quantiles(ordered, np.array([0.25, 0.75]))
    silverman = 0.9 * np.minimum(sd, (quartiles[1] - quartiles[0]) / 1.34) * n**-0.2
    lower, upper = ordered[:, 0] - 0.5 * sd, ordered[:, -1] + 0.5 * sd
    width = np.where(upper > lower, upper - lower, 1.0)
    cells = counts(bins(ordered, lower, upper, _COARSE), _COARSE)[:, 0] / n
    root = _fixed_point_root(dct(cells, axis=1)[:, 1:] ** 2, n, (silverman / width) ** 2)
    isj = np.where(np.isnan(root), silverman, np.sqrt(root) * width)
    return np.asarray((silverman + isj) / 2)


#: Cells on which the bandwidth is chosen (ArviZ's number).
_COARSE = 256

#: Most steps of its search, and the last one's relative size: the next would be far smaller.
STEPS, CLOSE = 8, 1e-3


def _fixed_point_root(power: Array, n: int, guess: Array) -> Array:
    """Root of t − ξγ⁽⁵⁾(t) in (1e-9, 0.01) next to a guess, for each row; NaN where there is none (Botev et al. 2010).

    In log t the function log t − log ξγ⁽⁵⁾ is all but straight, so the secant needs few steps. Of many ties there are
    several roots, or none.
    """
    ends = np.log(np.array([1e-9, 0.01]))
    with np.errstate(all="ignore"):
        one = np.clip(np.log(guess), *ends)
        at_one = _fixed_point(one, power, n)
        two = one - at_one  # a step of the fixed-point iteration
        for _ in range(STEPS):
            moving = np.abs(two - one) >= CLOSE  # what has arrived stays: a row's root is none of the others' business
            if not moving.any():
                break
            at_two = _fixed_point(two, power, n)
            three = two - at_two * (two - one) / (at_two - at_one)
            one, at_one, two = (np.where(moving, new, old) for new, old in ((two, one), (at_two, at_one), (three, two)))
        found = (np.abs(two - one) < CLOSE) & (two > ends[0]) & (two < ends[1])
        return np.where(found, np.exp(two), np.nan)


def _fixed_point(log_t: Array, power: Array, n: int) -> Array:
    """log t − log ξγ⁽⁵⁾(t)."""
    square = np.arange(1.0, power.shape[1] + 1) ** 2
    decay = -(np.pi**2) * square

    def roughness(order: int, time: Array) -> Array:
        weight = square**order
        return np.asarray(0.5 * np.pi ** (2 * order) * np.vecdot(np.exp(decay * time[:, None]) * power, weight))

    with np.errstate(all="ignore"):
        f = roughness(7, np.exp(log_t))
        for order in range(6, 1, -1):
            odd = np.prod(np.arange(1.0, 2 * order, 2)) / np.sqrt(np.pi / 2)
            f = roughness(order, ((1 + 0.5 ** (order + 0.5)) / 3 * odd / (n * f)) ** (2 / (3 + 2 * order)))
        return np.asarray(log_t + 0.4 * np.log(2 * n * np.sqrt(np.pi) * f))


def bins(x: Array, lower: Array, upper: Array, size: int = GRID) -> NDArray[np.intp]:
    """Index of the grid cell of each draw."""
    with np.errstate(all="ignore"):  # a scalar with draws that are not finite: its density is not used
        width = np.where(upper > lower, upper - lower, 1.0)
        cell = np.clip((x - lower[:, None]) / width[:, None] * size, 0, size - 1)
    return np.nan_to_num(cell).astype(np.intp)


def counts(index: NDArray[np.intp], size: int = GRID, blocks: int = 1) -> Array:
    """Draws per cell: (k, blocks, size), where the draws of a row come in ``blocks`` equal runs."""
    k, n = index.shape
    block = np.arange(n) * blocks // n
    code = (np.arange(k)[:, None] * blocks + block) * size + index
    return np.bincount(code.ravel(), minlength=k * blocks * size).reshape(k, blocks, size).astype(float)


def smooth(cells: Array, bandwidth: Array) -> Array:
    """Probability of each cell after smoothing; ``bandwidth`` in cells, of the shape of ``cells`` without its last
    axis."""
    probability = cells / cells.sum(axis=-1, keepdims=True)
    waves = dct(probability, axis=-1) * kernel(bandwidth, cells.shape[-1])
    smoothed: Array = np.maximum(idct(waves, axis=-1), 0.0)
    return smoothed / smoothed.sum(axis=-1, keepdims=True)


def kernel(bandwidth: Array, size: int) -> Array:
    """Factors of a normal kernel for the cosine transform of ``size`` cells; ``bandwidth`` in cells."""
    frequency = np.pi * np.arange(size) / size
    return np.asarray(np.exp(-0.5 * (frequency * bandwidth[..., None]) ** 2))


def curve(x: Array, grid: Array) -> Array:
    """Densities of the rows of ``x`` (k, n) on the rows of ``grid`` (k, points), evenly spaced; draws outside are
    left out.

    Returns
    -------
    ndarray of shape (k, points)
        In 1/unit; it integrates to the share of draws inside.
    """
    lower, upper = grid[:, 0], grid[:, -1]
    inside = (x >= lower[:, None]) & (x <= upper[:, None])
    width = np.where(upper > lower, upper - lower, 1.0)
    code = np.arange(len(x))[:, None] * GRID + bins(x, lower, upper)
    binned = np.bincount(code.ravel(), weights=inside.ravel().astype(float), minlength=len(x) * GRID)
    cells = binned.reshape(len(x), GRID)
    share = inside.mean(axis=1)
    cells[share == 0] = 1.0
    height = smooth(cells, bandwidths(np.sort(x, axis=1)) / width * GRID) * share[:, None] * GRID / width[:, None]
    centres = (np.arange(GRID) + 0.5) / GRID
    at = (grid - lower[:, None]) / width[:, None]
    return np.stack([np.interp(a, centres, h) for a, h in zip(at, height, strict=True)]) if len(x) else grid.copy()
