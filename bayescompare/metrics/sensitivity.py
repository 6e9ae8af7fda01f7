"""How posterior and mode move with the power α of the prior, or of the likelihood.

The density is log L + α·log π (or α·log L + log π) with α = 1 the model's own. Plain arrays in, plain arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from ..reasons import Code, Reason
from . import diagnostics as mc
from .psis import smooth

Array = NDArray[np.float64]

#: Powers between which the distance is differentiated: ArviZ's.
POWERS = (0.99, 1.01)

#: Blocks of a jackknife of the distance.
BLOCKS = 20

#: Scalars worked on at once: bounds the memory, not the result.
BLOCK = 64


@dataclass(frozen=True)
class Derivative:
    """What one unit of α moves, for each scalar.

    Attributes
    ----------
    value, mcse : ndarray of shape (k,)
        NaN where it does not exist.
    reason : Reason or None
        Why there is none at all.
    """

    value: Array
    mcse: Array
    reason: Reason | None = None


def power_scaling(x: Array, log_density: Array) -> Derivative:
    """Power-scaling sensitivity of each marginal: the rate at which its cumulative Jensen–Shannon distance grows.

    Per doubling of α; ≥ 0, without unit. Above 0.05 the component is called informative (Kallioinen et al. 2024,
    doi:10.1007/s11222-023-10366-5). Equal to ``arviz_stats.psense``; its error is a block jackknife's. It is biased
    upwards where the truth is 0.

    Parameters
    ----------
    x : ndarray of shape (chains, draws, k)
    log_density : ndarray of shape (chains, draws)
        Of the component that is scaled, at the draws: log prior or log likelihood, summed.
    """
    k = x.shape[-1]
    if not np.isfinite(log_density).all():
        return _none(k, Reason(Code.COMPONENT_ZERO))
    if np.ptp(log_density) == 0:
        return Derivative(np.zeros(k), np.zeros(k))
    value, mcse = np.full(k, np.nan), np.full(k, np.nan)
    weights = [_weights(log_density, power) for power in POWERS]
    for start in range(0, k, BLOCK):
        part = slice(start, start + BLOCK)
        rows = x[..., part].reshape(-1, min(BLOCK, k - start)).T
        order = np.argsort(rows, axis=1)
        ordered = np.take_along_axis(rows, order, axis=1)
        with np.errstate(all="ignore"):
            gained = [_distance(ordered, w[order]) / np.log2(power) for w, power in zip(weights, POWERS, strict=True)]
            known = np.isfinite(ordered).all(axis=1) & (ordered[:, -1] > ordered[:, 0])
            value[part] = np.where(known, (gained[1] - gained[0]) / 2, np.nan)
        mcse[part] = _jackknife(ordered, order, log_density.ravel())
    return Derivative(value, np.where(np.isnan(value), np.nan, mcse))


def mean_derivative(x: Array, log_density: Array) -> Derivative:
    """Derivative of each posterior mean with respect to α, Cov(x, log density), in posterior sd.

    Its error is first-order, that of the sd included. NaN where x is constant, not finite, or has no variance.

    Parameters
    ----------
    x : ndarray of shape (chains, draws, k)
    log_density : ndarray of shape (chains, draws)
        Of the component that is scaled.
    """
    k = x.shape[-1]
    if not np.isfinite(log_density).all():
        return _none(k, Reason(Code.COMPONENT_ZERO))
    deviation = log_density - log_density.mean()
    value, mcse = np.full(k, np.nan), np.full(k, np.nan)
    for start in range(0, k, BLOCK):
        part = slice(start, start + BLOCK)
        rows = np.ascontiguousarray(np.moveaxis(x[..., part], -1, 0), dtype=float)
        with np.errstate(all="ignore"):
            v = rows - rows.mean(axis=(1, 2), keepdims=True)
            v /= v.std(axis=(1, 2), keepdims=True)
            covariance = (v * deviation).mean(axis=(1, 2))
            error = mc.mcse_of_mean(v * deviation - covariance[:, None, None] * (v**2 - 1) / 2)
            lacks = mc.tail_index(rows.reshape(len(rows), -1), np.nan_to_num((v**4).mean(axis=(1, 2)))) >= 0.5
        good = np.isfinite(covariance) & ~lacks & (np.ptp(rows, axis=(1, 2)) > 0)
        value[part], mcse[part] = np.where(good, covariance, np.nan), np.where(good, error, np.nan)
    return Derivative(value, mcse)


def mode_derivative(
    precision: Array, gradient: Array, jacobian: Array, *, sd: Array, mcse_sd: Array, free: NDArray[np.bool_]
) -> Derivative:
    """Derivative of a mode with respect to α, in posterior sd: J H⁻¹ ∇log density.

    Parameters
    ----------
    precision : ndarray of shape (d, d)
        H = −∇² of the density that the mode maximises, in u, at the mode.
    gradient : ndarray of shape (d,)
        Of the component that is scaled, in u, at the mode.
    jacobian : ndarray of shape (k, d)
        Of the scalars with respect to u.
    sd, mcse_sd : ndarray of shape (k,)
        Posterior sd of the scalars, and its error: the only Monte Carlo in the result.
    free : ndarray of bool of shape (d,)
        Coordinates that may move: not those at a boundary or a kink, which a small change of α leaves there.
    """
    inner = precision[np.ix_(free, free)]
    try:
        factor = np.linalg.cholesky(inner)
    except np.linalg.LinAlgError:
        return _none(len(sd), Reason(Code.NOT_POSITIVE_DEFINITE))
    step = np.zeros(len(gradient))
    step[free] = np.linalg.solve(factor.T, np.linalg.solve(factor, gradient[free]))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(sd > 0, np.where(step != 0, jacobian, 0.0) @ step / sd, np.nan)
        return Derivative(value, np.abs(value) * mcse_sd / sd)


# -- helpers ---------------------------------------------------------------------------------------


def _none(k: int, reason: Reason) -> Derivative:
    return Derivative(np.full(k, np.nan), np.full(k, np.nan), reason)


def _weights(log_density: Array, power: float) -> Array:
    """Importance weights, (n,), of draws for the component to that power, smoothed as ArviZ does."""
    ordered = np.sort(log_density, axis=None)[None]
    n = ordered.size
    r_eff = float(mc.ess_tail(log_density.reshape(1, 1, -1), *mc.quantiles(ordered, np.array([0.05, 0.95])))[0]) / n
    # A tail is at most half of the draws.
    weights: Array = np.exp(smooth((power - 1) * log_density.reshape(1, -1), max(r_eff, 36 / n))[0][0])
    return weights


def _distance(ordered: Array, weights: Array) -> Array:
    """Cumulative Jensen–Shannon distance of sorted rows (k, n) from their weighted selves; of x and −x the larger."""
    n = ordered.shape[1]
    width = np.diff(ordered, axis=1)
    p, q = np.arange(1, n) / n, np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    found = [_root_divergence(width, *pair) for pair in ((p, q), (1 - p, np.maximum(1 - q, 0.0)))]
    return np.maximum(*found)


def _root_divergence(width: Array, p: Array, q: Array) -> Array:
    def above(one: Array, other: Array) -> Array:
        terms = xlogy(one, 2 * one / (p + q)) + (other - one) / 2
        return np.asarray(np.maximum(np.vecdot(width, terms), 0.0) / np.log(2))

    return np.asarray(np.sqrt((above(p, q) + above(q, p)) / np.vecdot(width, p + q)))


def _jackknife(ordered: Array, order: NDArray[np.intp], log_density: Array) -> Array:
    """Error of the sensitivities of sorted rows (k, n), from their limit for powers near 1: one sort serves all
    blocks.

    Near α = 1 the distribution function F moves by G = E[(ℓ − E ℓ)·1(X ≤ x)] for each unit of α, ℓ the log density,
    and the distance is √(ln 2/8 · ∫G²/F dx / ∫F dx) for each doubling; of F and 1 − F the larger.
    """
    k, n = ordered.shape
    score = log_density[order]
    block = (np.arange(n) * BLOCKS // n)[order]
    left_out = np.empty((k, BLOCKS))
    for b in range(BLOCKS):
        keep = block != b
        left_out[:, b] = _limit(ordered[keep].reshape(k, -1), score[keep].reshape(k, -1))
    return mc.jackknife_error(left_out)


def _limit(ordered: Array, score: Array) -> Array:
    n = ordered.shape[1]
    width = np.diff(ordered, axis=1)
    p = np.arange(1, n) / n
    moved = width * (np.cumsum(score - score.mean(axis=1, keepdims=True), axis=1)[:, :-1] / n) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.fmax((moved @ (1 / p)) / (width @ p), (moved @ (1 / (1 - p))) / (width @ (1 - p)))
        return np.asarray(np.sqrt(np.log(2) / 8 * ratio))
