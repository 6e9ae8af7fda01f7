"""The HDI level of a point: the mass of the smallest highest-density region of its marginal that reaches it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct

from . import diagnostics as mc
from . import kde

Array = NDArray[np.float64]

#: Interquartile ranges beyond the quartiles where the grid of a density ends; only heavy tails reach so far.
REACH = 8.0


def hdi_level(x: Array, ordered: Array, at: Array, blocks: int) -> tuple[Array, Array]:
    """Posterior mass denser than the point, and its block-jackknife error, the density made anew in each.

    Parameters
    ----------
    x : ndarray of shape (k, n)
        Draws, chain after chain.
    ordered : ndarray of shape (k, n)
        The same, sorted.
    at : ndarray of shape (k,)
        The points; NaN gives NaN.
    blocks : int
        Of the jackknife: equal runs of ``x``.
    """
    # A grid over outliers would leave the bulk of a heavy-tailed marginal in one cell.
    quartiles = mc.quantiles(ordered, np.array([0.25, 0.75]))
    spread = np.where(quartiles[1] > quartiles[0], quartiles[1] - quartiles[0], np.inf)
    first, last = quartiles[0] - REACH * spread, quartiles[1] + REACH * spread
    lower = np.fmin(np.fmax(ordered[:, 0], first), at)
    upper = np.fmax(np.fmin(ordered[:, -1], last), at)
    level, error = np.full(len(x), np.nan), np.full(len(x), np.nan)
    rows = np.flatnonzero(np.isfinite(lower) & np.isfinite(upper) & (upper > lower) & np.isfinite(at))
    if not rows.size:
        return level, error
    low, high, point = lower[rows], upper[rows], at[rows]
    cells, inside = _cells(x[rows], low, high, blocks)
    # Nor may outliers widen the kernel: the widest that any density of this quartile range needs (Terrell 1990).
    widest = 1.144 * spread[rows] / 1.349 * x.shape[1] ** -0.2
    bandwidth = np.minimum(kde.bandwidths(ordered[rows]), widest) / (high - low) * kde.GRID
    heights = _smooth_all_and_without_each(cells, bandwidth)
    masses = _mass_above(heights, (point - low) / (high - low) * kde.GRID - 0.5)
    beyond = (point < first[rows]) | (point > last[rows])  # the other tail is denser than the point
    level[rows] = masses[:, 0] * inside + beyond * (1 - inside)
    error[rows] = mc.jackknife_error(masses[:, 1:]) * inside
    return level, error


def _cells(x: Array, low: Array, high: Array, blocks: int) -> tuple[Array, Array]:
    """Draws in each cell of the grid by block, (k, blocks, cells), and the share of them that it holds."""
    index = kde.bins(x, low, high)
    outside = (x < low[:, None]) | (x > high[:, None])
    index[outside] = kde.GRID
    return kde.counts(index, kde.GRID + 1, blocks)[..., :-1], 1 - outside.mean(axis=1)


def _smooth_all_and_without_each(cells: Array, bandwidth: Array) -> Array:
    """Unnormalised densities of all blocks together, and of all but each: (k, 1 + blocks, cells)."""
    k, blocks, size = cells.shape
    waves = np.empty((k, 1 + blocks, size))
    dropped = dct(cells, axis=-1)
    waves[:, 0] = dropped.sum(axis=1)
    np.subtract(waves[:, :1], dropped, out=waves[:, 1:])
    waves *= kde.kernel(bandwidth, size)[:, None]
    heights: Array = idct(waves, axis=-1, overwrite_x=True)
    return np.maximum(heights, 0, out=heights)


def _mass_above(heights: Array, at: Array) -> Array:
    """Share of the mass in cells denser than the density at position ``at`` (in cells, from the first one's centre)."""
    at = np.clip(at, 0, heights.shape[-1] - 1)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, heights.shape[-1] - 1)
    share, rows = (at - below)[:, None], np.arange(len(at))
    height = heights[rows, :, below] * (1 - share) + heights[rows, :, above] * share
    denser = np.where(heights > height[..., None], heights, 0.0)
    return np.asarray(denser.sum(axis=-1) / heights.sum(axis=-1))
