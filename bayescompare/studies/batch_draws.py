"""Laplace draws of many replicates, their importance weights, and what is said of them: moments, intervals, ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ..methods.laplace import standard_normal
from ..methods.modes.surface import Index
from ..metrics import psis
from ..metrics.thresholds import K_HAT_MAX
from ..model.backends import Array
from ..reasons import Code, Reason
from .batch_density import Chunk

#: Bytes of the draws that are made at a time.
BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Summary:
    """Of one distribution in each of n replicates: mean, sd and rank (n, k), and ends of intervals (n, L, k)."""

    mean: Array
    sd: Array
    lower: Array
    upper: Array
    rank: Array


@dataclass(frozen=True, eq=False)
class Weights:
    """Importance weights of n replicates' D draws: ``log_weights`` (n, D), ``k_hat`` (n,), and why there are none."""

    log_weights: Array
    k_hat: Array
    reasons: tuple[Reason | None, ...]


def draws_at_once(draws: int, dimension: int, scalars: int, most: int) -> int:
    """Replicates whose draws are made together: a power of two."""
    fitting = max(BYTES // (8 * draws * (dimension + scalars)), 1)
    return int(min(most, 1 << (fitting.bit_length() - 1)))


def laplace(
    chunk: Chunk, u: Array, h: Array, rows: Index, seeds: Sequence[int], draws: int
) -> tuple[Array, Array, Array]:
    """Draws of the Gaussian at each mode: in u (n, D, d), in the model's coordinates (n, D, k), and
    log p(y, u) − log q(u), (n, D).

    They are those of :func:`bayescompare.methods.laplace.fit` with the same seed.
    """
    d = u.shape[1]
    z = np.stack([standard_normal(draws, d, np.random.default_rng(seed)) for seed in seeds])
    factor = np.linalg.cholesky(h)
    points = u[:, None] + z @ np.linalg.inv(factor)
    log_volume = d / 2 * math.log(2 * math.pi) - np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    ratios = chunk.values(points, rows) + 0.5 * (z**2).sum(axis=2) + log_volume[:, None]
    # Of a density that repeats itself with each circle, the posterior is one.
    ratios[(np.abs(points - u[:, None])[..., chunk.density.circular] > math.pi).any(axis=2)] = -math.inf
    return points, chunk.push(points, rows), ratios


def importance(log_ratios: Array) -> Weights:
    """Pareto-smoothed weights of each row; a ratio of −∞ is a draw where the posterior's density is 0."""
    nowhere = np.isfinite(log_ratios).sum(axis=1) < log_ratios.shape[1] / 2
    log_weights, k_hat = psis.smooth(np.where(nowhere[:, None], 0.0, log_ratios))
    k_hat[nowhere] = np.nan
    reasons: list[Reason | None] = []
    for empty, k in zip(nowhere, k_hat, strict=True):
        if empty:
            reasons.append(Reason(Code.DRAWS_OUTSIDE))
        elif math.isnan(k):
            reasons.append(Reason(Code.NO_TAIL))
        else:
            high = Reason(Code.K_HAT, figures={"k_hat": float(k), "limit": K_HAT_MAX})
            reasons.append(None if k < K_HAT_MAX else high)
    return Weights(log_weights, k_hat, tuple(reasons))


def standard_errors(chunk: Chunk, u: Array, h: Array, rows: Index) -> Array:
    """Delta method: √diag(J H⁻¹ Jᵀ) of n replicates, in the model's coordinates, (n, k)."""
    d = u.shape[1]
    covariance = np.linalg.inv(h)
    shortest, longest = (np.where(chunk.density.transformed, *ends) for ends in ((1e-8, 1e-18), (1e1, 1e18)))
    steps = 1e-3 * np.clip(np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)), shortest, longest)
    steps = np.maximum(steps, 1e-9 * np.abs(u))
    shifts = steps[:, :, None] * np.eye(d)
    scalars = chunk.push(np.concatenate([u[:, None] + shifts, u[:, None] - shifts], axis=1), rows)
    slopes = (scalars[:, :d] - scalars[:, d:]) / (2 * steps[:, :, None])
    return np.asarray(np.sqrt((slopes * (covariance @ slopes)).sum(axis=1)))


def wald(estimate: Array, sd: Array, truth: Array, levels: Sequence[float]) -> Summary:
    """Normal distributions with these means and sd, (n, k) each."""
    half = ndtri((1 + np.array(levels)) / 2)[:, None] * sd[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        rank = ndtr((truth - estimate) / sd)
    return Summary(estimate, sd, estimate[:, None] - half, estimate[:, None] + half, rank)


def summaries(draws: Array, log_weights: Array, truth: Array, levels: Sequence[float]) -> tuple[Summary, Summary]:
    """Of draws (n, D, k) with equal weights, and with importance weights (n, D)."""
    n, size, k = draws.shape
    shares = np.exp(log_weights)[:, None]
    x = np.ascontiguousarray(draws.transpose(0, 2, 1))
    order = _order(x)
    x = x.ravel().take(order + size * np.arange(n * k).reshape(n, k, 1))
    w = shares.ravel().take(order + size * np.arange(n)[:, None, None])
    cumulative = np.cumsum(w, axis=2)
    at = truth[:, :, None]
    with np.errstate(invalid="ignore", over="ignore"):
        below = np.stack([np.count_nonzero(x < at, axis=2), np.count_nonzero(x <= at, axis=2)])
        counted, weighed = below.mean(axis=0) / size, _at(cumulative, below - 1).mean(axis=0)
        rank, weighted_rank = (np.where(np.isnan(truth), np.nan, share) for share in (counted, weighed))
        mean = draws.mean(axis=1)
        sd = np.sqrt(((draws - mean[:, None]) ** 2).sum(axis=1) / (size - 1))
        plain = Summary(mean, sd, *_ends(lambda p: _between(x, np.full(mean.shape, p * size - 0.5)), levels), rank)
        if not np.isfinite(draws).all():  # a point of no density need not be finite
            draws = np.where((shares[:, 0, :, None] > 0) | np.isfinite(draws), draws, 0.0)
            x = np.where((w > 0) | np.isfinite(x), x, 0.0)
        mean = (shares @ draws)[:, 0]
        sd = np.sqrt((shares @ (draws - mean[:, None]) ** 2)[:, 0])
        middles = cumulative - w / 2
        return plain, Summary(mean, sd, *_ends(lambda p: _weighted_quantile(x, middles, p), levels), weighted_rank)


def _order(x: Array) -> NDArray[np.int64]:
    """Indices that sort the last axis, to twelve digits: a sort of the numbers with their places as their last bits.

    NumPy sorts numbers four times as fast as it finds their order.
    """
    places = np.arange(x.shape[-1])
    mask = (1 << int(places[-1]).bit_length()) - 1
    marked = (x.view(np.int64) & ~mask) | places
    ordered: NDArray[np.int64] = np.sort(marked.view(np.float64), axis=-1).view(np.int64) & mask
    return ordered


def _ends(quantile: Callable[[float], Array], levels: Sequence[float]) -> tuple[Array, Array]:
    """Lower and upper ends (n, L, k) of the central intervals."""
    lower = np.stack([quantile((1 - level) / 2) for level in levels], axis=1)
    upper = np.stack([quantile((1 + level) / 2) for level in levels], axis=1)
    return lower, upper


def _at(values: Array, places: NDArray[np.int64]) -> Array:
    """Values (n, k, D) at places (..., n, k) of the last axis; 0 before its beginning."""
    n, k, _ = values.shape
    found = values[np.arange(n)[:, None], np.arange(k), np.maximum(places, 0)]
    return np.asarray(np.where(places < 0, 0.0, found))


def _between(x: Array, place: Array) -> Array:
    """Sorted draws (n, k, D) at a fractional place (n, k), linearly."""
    place = np.clip(place, 0, x.shape[2] - 1)
    left = np.floor(place).astype(np.int64)
    low = _at(x, left)
    share = place - left
    high = _at(x, np.minimum(left + 1, x.shape[2] - 1))
    return np.asarray(np.where(share > 0, low + share * (high - low), low))


def _weighted_quantile(x: Array, middles: Array, probability: float) -> Array:
    """Between the two draws whose middles enclose the probability, linearly (Hazen's rule); (n, k)."""
    above = np.count_nonzero(middles < probability, axis=2)
    left, right = np.maximum(above - 1, 0), np.minimum(above, x.shape[2] - 1)
    p_left, width = _at(middles, left), _at(middles, right) - _at(middles, left)
    share = np.where(width > 0, (probability - p_left) / np.where(width > 0, width, 1.0), 0.0)
    return _between(x, left + share * (right - left))
