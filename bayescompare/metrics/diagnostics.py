"""Effective sample size, R-hat and Monte-Carlo errors of many scalars at once.

The estimators are those of Vehtari et al. (2021, doi:10.1214/20-BA1221) as ArviZ has them; a test holds them equal to
``arviz_stats`` to 1e-8. ArviZ loops over scalars; here each step serves a block of them.

Every function takes draws of shape (k, chains, draws) and returns arrays of shape (k,).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.fft import irfft, rfft
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.special import betaincinv, ndtr, ndtri

from . import pareto

Array = NDArray[np.float64]

#: Lags that are tried before all of them: most sums over lags end there.
LAGS = (8, 16)

#: Sample kurtosis below which no tail can lack a variance.
LIGHT_TAIL = 6.0

#: Sample kurtosis per draw that a law without variance, or without mean, has: single draws carry that share of the sum
#: of squares. Of samples from t and Pareto laws, 400 to 20,000 draws long, that k-hat finds to have no variance 1 % had
#: less than 0.02, and of those without a mean less than 0.37.
NO_VARIANCE, NO_MEAN = 0.01, 0.1


def split(x: Array) -> Array:
    """Each chain cut in two; of an odd number of draws the middle one is left out."""
    *rows, chains, draws = x.shape
    half = draws // 2
    if draws % 2:
        x = np.concatenate([x[..., :half], x[..., half + 1 :]], axis=-1)
    return x.reshape(*rows, 2 * chains, half)


def z_scale(x: Array, order: NDArray[np.intp] | None = None, ordered: Array | None = None) -> Array:
    """Normal scores of the ranks over chains and draws (ties share their mean rank).

    Parameters
    ----------
    order, ordered : ndarray of shape (k, chains · draws), optional
        What sorts each row, and the sorted rows, where they are known.
    """
    k, chains, draws = x.shape
    n = chains * draws
    flat = x.reshape(k, n)
    if order is None:
        order = np.argsort(flat, axis=1)
    if ordered is None:
        ordered = take(flat, order)
    scores = _scores(n)
    ranked = np.tile(scores[::2], (k, 1))
    row, place = np.nonzero(ordered[:, 1:] == ordered[:, :-1])
    if row.size:  # each a tie of this place and the next
        begins = np.append(True, (row[1:] != row[:-1]) | (place[1:] != place[:-1] + 1))
        run = np.cumsum(begins) - 1
        shared = scores[2 * place[begins] + np.bincount(run)][run]
        ranked[row, place] = ranked[row, place + 1] = shared
    out = np.empty(k * n)
    out[_places(order)] = ranked
    return out.reshape(x.shape)


def take(flat: Array, order: NDArray[np.intp]) -> Array:
    """Each row in an order of its own: ``numpy.take_along_axis`` in a quarter of its time."""
    return np.ascontiguousarray(flat).ravel().take(_places(order))


def _places(order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Positions in the flattened rows."""
    return np.asarray(order + np.arange(len(order))[:, None] * order.shape[1])


@lru_cache(maxsize=4)
def _scores(n: int) -> Array:
    """Normal scores of the ranks 1, 1½, 2, … n."""
    return np.asarray(ndtri((np.arange(2 * n - 1) / 2 + 1 - 3 / 8) / (n + 1 / 4)))


def ess(x: Array) -> Array:
    """Effective sample size of the mean of ``x`` as it is (split the chains first); a constant counts fully."""
    k, chains, n = x.shape
    if n < 2:
        return np.full(k, np.nan)
    means = x.mean(axis=-1, keepdims=True)
    between, result, rest = _between(means), np.full(k, np.nan), np.arange(k)
    for lags in (*(few for few in LAGS if few < n // 4), n):
        chosen = (x, means) if len(rest) == k else (x[rest], means[rest])
        size, ended = _size(_autocovariance(*chosen, lags), between[rest], chains, n)
        ended |= lags == n
        result[rest[ended]] = size[ended]
        rest = rest[~ended]
        if not rest.size:
            break
    constant = x.max(axis=(1, 2)) == x.min(axis=(1, 2))
    return np.where(constant, float(chains * n), result)


def ess_jointly(x: Array) -> float:
    """Effective sample size of the mean vector of k coordinates: k over the sum of the squared errors of their means.

    The coordinates have variance 1 and no correlation; autocovariances are summed over them, so that any rotation of
    them has the same figure. Chains are split here.
    """
    x = split(x)
    _, chains, n = x.shape
    covariance, between = np.zeros((1, n)), np.zeros(1)
    for start in range(0, len(x), 256):  # bounds the memory
        part = x[start : start + 256]
        means = part.mean(axis=-1, keepdims=True)
        covariance += _autocovariance(part, means, n).sum(axis=0)
        between += _between(means).sum()
    return float(_size(covariance, between, chains, n)[0][0])


def _autocovariance(x: Array, means: Array, lags: int) -> Array:
    """Of lags 0 to ``lags`` − 1, mean over chains: (k, lags). A few by products, all by a Fourier transform."""
    k, chains, n = x.shape
    if lags < n:
        padded = np.empty((k, chains, n + lags))  # products reach from no chain into the next
        np.subtract(x, means, out=padded[..., :n])
        padded[..., n:] = 0
        flat = padded.reshape(k, -1)
        length = flat.shape[1]
        products = [np.vecdot(flat[:, : length - t], flat[:, t:]) for t in range(lags)]
        return np.asarray(np.stack(products, axis=1) / (n * chains))
    size = next_fast_len(2 * n, real=True)
    centred = np.ascontiguousarray(x - means)
    parts = rfft(centred, n=size, axis=-1).view(np.float64)  # real and imaginary ones in turn
    squares = np.einsum("kcf,kcf->kf", parts, parts)
    return np.asarray(irfft(squares[:, ::2] + squares[:, 1::2], n=size, axis=-1)[:, :n] / (n * chains))


def _between(means: Array) -> Array:
    """Variance of the chains' means, (k, chains, 1)."""
    return np.asarray(means.var(axis=(1, 2), ddof=1)) if means.shape[1] > 1 else np.zeros(len(means))


def _size(covariance: Array, between: Array, chains: int, n: int) -> tuple[Array, NDArray[np.bool_]]:
    """ESS from autocovariances of all lags of n draws, or of the first; and where these were enough."""
    within = covariance[:, 0] * n / (n - 1)
    total = covariance[:, 0] + between
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = 1 - (within[:, None] - covariance) / total[:, None]
        rho[:, 0] = 1
        tau, ended = _integrated_time(rho)
        return np.asarray(chains * n / np.maximum(tau, 1 / np.log10(chains * n))), ended


def _integrated_time(rho: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Geyer's initial monotone sequence: pairs of autocorrelations until one is negative, never rising; and whether
    one was."""
    k, n = rho.shape
    last = max((n - 3) // 2, 0)
    pairs = rho[:, 0 : 2 * last + 2 : 2] + rho[:, 1 : 2 * last + 2 : 2]
    negative = pairs <= 0
    any_negative = negative.any(axis=1)
    stop = np.where(any_negative, negative.argmax(axis=1), last)
    kept = np.arange(last + 1) < stop[:, None]
    monotone = np.minimum.accumulate(pairs, axis=1)
    even = rho[np.arange(k), 2 * stop]
    extra = np.where(any_negative, np.maximum(even, 0.0), even)
    return np.asarray(-1 + 2 * np.where(kept, monotone, 0.0).sum(axis=1) + extra), any_negative


def ess_mean(x: Array) -> Array:
    """Effective sample size of the mean."""
    return ess(split(x))


def ess_bulk(x: Array) -> Array:
    """Of the mean of normal scores."""
    return ess(z_scale(split(x)))


def ess_tail(x: Array, lower: Array, upper: Array) -> Array:
    """The smaller of those of two tail quantiles, ``lower`` and ``upper`` of shape (k,)."""
    below = ess(split((x <= lower[:, None, None]).astype(float)))
    above = ess(split((x <= upper[:, None, None]).astype(float)))
    return np.minimum(below, above)


def r_hat(x: Array) -> Array:
    """Rank-normalised split R-hat, of bulk and folded draws the larger."""
    return convergence(x)[1]


def convergence(x: Array, order: NDArray[np.intp] | None = None, ordered: Array | None = None) -> tuple[Array, Array]:
    """Bulk ESS and R-hat, which share their ranks; ``order`` sorts the rows of all draws, where that is known."""
    even = x.shape[-1] % 2 == 0
    whole = x if even else split(x)  # an odd draw in the middle belongs to neither half
    flat = whole.reshape(len(x), -1)
    if order is None or ordered is None or not even:
        order = np.argsort(flat, axis=1)
        ordered = take(flat, order)
    ranks = z_scale(whole, order, ordered)
    bulk = ess(split(ranks) if even else ranks)
    if x.shape[-1] < 4 or x.shape[-2] < 2:
        return bulk, np.full(len(x), np.nan)
    n = flat.shape[1]
    median = ordered[:, [(n - 1) // 2, n // 2]].mean(axis=1)
    folded = z_scale(np.abs(whole - median[:, None, None]))
    return bulk, np.fmax(*(_r_hat(split(z) if even else z) for z in (ranks, folded)))


def _r_hat(x: Array) -> Array:
    n = x.shape[-1]
    between = n * x.mean(axis=-1).var(axis=1, ddof=1)
    within = x.var(axis=-1, ddof=1).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt((between / within + n - 1) / n))


def mcse_of_mean(x: Array) -> Array:
    """Monte-Carlo standard error of the mean of ``x``."""
    return np.sqrt(variance(x) / ess_mean(x))


def variance(x: Array) -> Array:
    """Of each row, n − 1 in the denominator."""
    flat = x.reshape(len(x), x[0].size if len(x) else 0)
    deviation = flat - flat.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.vecdot(deviation, deviation) / (flat.shape[1] - 1))


def quantiles(ordered: Array, probabilities: Array) -> Array:
    """Of sorted rows, by linear interpolation (NumPy's default), shape (len(probabilities), k)."""
    position = probabilities * (ordered.shape[1] - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    share = position - below
    result: Array = (ordered[:, below] * (1 - share) + ordered[:, above] * share).T
    return result


def mcse_of_quantile(ordered: Array, probability: float, ess: Array) -> Array:
    """Half the distance of the order statistics that hold one standard error of a quantile (Vehtari et al. 2021)."""
    size = np.where(np.isfinite(ess), ess, 1.0)
    inside = ndtr(np.array([-1.0, 1.0]))[:, None]
    levels = betaincinv(size * probability + 1, size * (1 - probability) + 1, inside)
    n = ordered.shape[1]
    below = np.clip(np.floor(n * levels[0]).astype(int) - 1, 0, n - 1)
    above = np.clip(np.ceil(n * levels[1]).astype(int) - 1, 0, n - 1)
    rows = np.arange(len(ordered))
    return np.where(np.isfinite(ess), (ordered[rows, above] - ordered[rows, below]) / 2, np.nan)


def e_bfmi(energy: Array) -> Array:
    """Energy Bayesian fraction of missing information of each chain; ``energy`` has shape (chains, draws)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((np.diff(energy, axis=1) ** 2).mean(axis=1) / energy.var(axis=1, ddof=1))


def jackknife_error(left_out: Array) -> Array:
    """Standard error from leave-one-block-out estimates, blocks along the last axis."""
    blocks = left_out.shape[-1]
    spread = left_out - left_out.mean(axis=-1, keepdims=True)
    return np.asarray(np.sqrt((blocks - 1) / blocks * (spread**2).sum(axis=-1)))


def tail_index(x: Array, kurtosis: Array) -> Array:
    """Pareto index of the heavier tail of each row, as low as it may be: k-hat less two of its standard errors, or
    k-hat of the outer half of the tail if that is less, as it is where a kink and not the law bends the tail.

    −∞ where the tails are plainly light, have one value, or are cut from fewer than 25 draws.
    """
    result = np.full(len(x), -np.inf)
    n = x.shape[1]
    tail = pareto.tail_size(n)
    if tail < 5:
        return result
    for i in np.flatnonzero(kurtosis > max(LIGHT_TAIL, NO_VARIANCE * n)):
        ordered = np.sort(x[i])
        lower, upper = ordered[tail - 1] - ordered[0], ordered[-1] - ordered[-tail]
        for side, width in (("left", lower), ("right", upper)):
            if width > 0:
                k_hat, outer = _k_hat(ordered, side, 1.0), _k_hat(ordered, side, 4.0)
                result[i] = np.fmax(result[i], min(k_hat - 2 * (1 + max(k_hat, 0.0)) / np.sqrt(tail), outer))
    return np.where(kurtosis > NO_MEAN * n, result, np.minimum(result, 0.99))


def _k_hat(x: Array, side: str, r_eff: float) -> float:
    """k-hat of a tail of sorted draws; −∞ where it cannot be fitted (many ties)."""
    tail = pareto.tail_size(len(x), r_eff)
    ordered = -x[::-1] if side == "left" else x
    excess = ordered[-tail:] - ordered[-tail - 1]
    if np.ptp(excess) < np.finfo(float).tiny:
        return -np.inf  # a tail of one value is cut off: it has no index
    with np.errstate(all="ignore"):
        found = float(pareto.fitted(excess[None])[0][0, 0])
    return found if np.isfinite(found) else -np.inf
