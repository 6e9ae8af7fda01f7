"""Kernel densities of many marginals at once, with reflection at the ends of the grid.

Draws are binned once and smoothed by a cosine transform, which reflects at the ends: a density that is highest at the
edge of its support (a scale at 0) keeps its height there, where a plain kernel would halve it. The bandwidth is ArviZ's.
"""

from __future__ import annotations

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray
from scipy.fft import dct, idct

Array = NDArray[np.float64]

GRID = 512


def bandwidths(x: Array) -> Array:
    """ArviZ's default bandwidth (mean of Silverman's and improved Sheather–Jones) of each row of ``x``, shape (k, n)."""
    return np.array([array_stats.get_bw(row, "experimental") if row[0] != row[-1] else 0.0 for row in x])


def bins(x: Array, lower: Array, upper: Array, size: int = GRID) -> NDArray[np.intp]:
    """Index of the grid cell of each draw."""
    width = np.where(upper > lower, upper - lower, 1.0)
    return np.clip(((x - lower[:, None]) / width[:, None] * size).astype(np.intp), 0, size - 1)


def counts(index: NDArray[np.intp], size: int = GRID, blocks: int = 1) -> Array:
    """Draws per cell: (k, blocks, size), where the draws of a row come in ``blocks`` equal runs."""
    k, n = index.shape
    block = np.arange(n) * blocks // n
    code = (np.arange(k)[:, None] * blocks + block) * size + index
    return np.bincount(code.ravel(), minlength=k * blocks * size).reshape(k, blocks, size).astype(float)


def smooth(cells: Array, bandwidth: Array) -> Array:
    """Probability of each cell after smoothing; ``bandwidth`` in cells, of the shape of ``cells`` without its last axis."""
    size = cells.shape[-1]
    probability = cells / cells.sum(axis=-1, keepdims=True)
    frequency = np.pi * np.arange(size) / size
    kernel = np.exp(-0.5 * (frequency * bandwidth[..., None]) ** 2)
    smoothed: Array = np.maximum(idct(dct(probability, axis=-1) * kernel, axis=-1), 0.0)
    return smoothed / smoothed.sum(axis=-1, keepdims=True)


def curve(x: Array, grid: Array) -> Array:
    """Densities of the rows of ``x`` (k, n) on the rows of ``grid`` (k, points), evenly spaced; draws outside are left out.

    Returns
    -------
    ndarray of shape (k, points)
        In 1/unit; it integrates to the share of draws inside.
    """
    lower, upper = grid[:, 0], grid[:, -1]
    inside = (x >= lower[:, None]) & (x <= upper[:, None])
    width = np.where(upper > lower, upper - lower, 1.0)
    code = np.arange(len(x))[:, None] * GRID + bins(x, lower, upper)
    cells = np.bincount(code.ravel(), weights=inside.ravel().astype(float), minlength=len(x) * GRID)
    cells = cells.reshape(len(x), GRID)
    share = inside.mean(axis=1)
    cells[share == 0] = 1.0
    height = smooth(cells, bandwidths(np.sort(x, axis=1)) / width * GRID) * share[:, None] * GRID / width[:, None]
    centres = (np.arange(GRID) + 0.5) / GRID
    at = (grid - lower[:, None]) / width[:, None]
    return np.stack([np.interp(a, centres, h) for a, h in zip(at, height, strict=True)]) if len(x) else grid.copy()
