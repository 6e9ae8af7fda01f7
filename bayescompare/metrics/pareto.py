"""The generalised Pareto law of a tail: Zhang and Stephens' estimate (2009, Technometrics 51), with the prior for its
shape of Vehtari et al. (2024)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def grid_size(n: int) -> int:
    """Points of the estimate's quadrature for a tail of n."""
    return 30 + int(math.sqrt(n))


def tail_size(n: int, r_eff: float = 1.0) -> int:
    """How many of n draws make a tail, as ArviZ takes it."""
    return math.floor(3 * math.sqrt(n / r_eff)) if n * r_eff > 225 else n // 5


def fitted(x: Array) -> tuple[Array, Array]:
    """Shape k-hat and scale of the law of each row's excesses over its cutoff, (rows, n), ascending: (rows, 1) each.

    The shape is NaN where a tail is mostly one value, which is none of the law's.
    """
    n = x.shape[1]
    m = grid_size(n)
    quartile = x[:, [int(n / 4 + 0.5) - 1]]
    b = (1 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3 * quartile) + 1 / x[:, -1:]
    k = np.log1p(-b[:, :, None] * x[:, None]).mean(axis=2)
    profile = n * (np.log(-b / k) - k - 1)
    share = np.exp(profile - profile.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    share[share < 10 * np.finfo(float).eps] = 0.0
    b_mean = (np.where(share > 0, b, 0.0) * share).sum(axis=1, keepdims=True) / share.sum(axis=1, keepdims=True)
    k = np.log1p(-b_mean * x).mean(axis=1, keepdims=True)
    scale = -k / b_mean
    k = (n * k + 5) / (n + 10)  # a prior worth ten draws with k = ½
    return np.where(quartile > x[:, :1], k, np.nan), scale
