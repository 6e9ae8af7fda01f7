"""Pareto-smoothed importance sampling: from draws of the Laplace approximation to the posterior, without NUTS.

Vehtari et al. (2024, JMLR 25(72)). Draws may come in antithetic pairs, draw i with draw
i + ⌈n/2⌉, as those of the Laplace approximation do: errors are those of pairs, which independent draws are as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..reasons import Code, Reason
from . import diagnostics as mc
from . import pareto
from .figure import Figure
from .thresholds import K_HAT_MAX

Array = NDArray[np.float64]

#: Fewest draws with a tail of five.
FEWEST = 25

#: Blocks of a jackknife of k-hat.
BLOCKS = 20

#: Scalars whose moments are computed at once: bounds the memory, not the result.
COLUMNS = 256

#: Bytes of what is worked on at a time.
BYTES = 1 << 21

#: Share of a sum from which a single term may decide it.
DECIDES = 0.01

#: Log ratios that differ by no more than this are rounding: the weights are equal and have no tail.
EQUAL = 1e-8


@dataclass(frozen=True)
class Importance:
    """Importance weights of draws from an approximation.

    Attributes
    ----------
    k_hat : Figure
        Pareto k-hat of the weights' upper tail, error by block jackknife; 0 where all weights are equal.
    ess : Figure
        1/Σw², in draws.
    log_evidence : Figure
        log of the ratios' mean, nats: the evidence where ratios are p(y, u)/q(u). Missing where k-hat is not below 0.7.
    log_weights : ndarray of shape (n,)
        Smoothed and normalised: their exponentials sum to 1.
    """

    k_hat: Figure
    ess: Figure
    log_evidence: Figure
    log_weights: Array

    @property
    def usable(self) -> bool:
        """True if k-hat is below 0.7."""
        return self.k_hat.value < K_HAT_MAX


@dataclass(frozen=True)
class Moments:
    """Posterior moments by importance sampling, arrays of shape (k,); all NaN where k-hat is not below 0.7.

    A scalar's mean is NaN where k-hat of its own weighted deviations is not below 0.7, and sd and z where that of their
    squares is not: weights can be usable, and the scalar's tails too heavy for them.

    Attributes
    ----------
    mean, mean_mcse, sd, sd_mcse : ndarray
        In the scalars' units.
    z, z_mcse : ndarray
        (point − mean)/sd, posterior sd; the covariance of mean and sd is in its error.
    reason : Reason or None
        Why there are none.
    """

    mean: Array
    mean_mcse: Array
    sd: Array
    sd_mcse: Array
    z: Array
    z_mcse: Array
    reason: Reason | None = None


def smooth(log_ratios: Array, r_eff: float = 1.0) -> tuple[Array, Array]:
    """Smoothed, normalised log weights of each row, and its k-hat.

    What ``arviz_stats``' ``psislw`` gives, for all rows at once: of a thousand draws most of its time is overhead.

    Parameters
    ----------
    log_ratios : ndarray of shape (rows, n)
        Of target to proposal; −∞ is a weight of 0. At least 25 a row.
    r_eff : float
        Effective draws per draw.

    Returns
    -------
    log_weights : ndarray of shape (rows, n)
    k_hat : ndarray of shape (rows,)
        0 where the weights are equal, NaN where the tail cannot be fitted (weights are then unsmoothed).
    """
    n = log_ratios.shape[1]
    size = pareto.tail_size(n, r_eff)
    equal = np.ptp(log_ratios, axis=1) <= EQUAL
    weights, k_hat = np.zeros_like(log_ratios), np.zeros(len(log_ratios))
    at_once = max(BYTES // (8 * size * pareto.grid_size(size)), 1)
    with np.errstate(all="ignore"):
        for start in range(0, len(log_ratios), at_once):
            rows = np.arange(start, min(start + at_once, len(log_ratios)))
            rows = rows[~equal[rows]]
            own = log_ratios[rows] - log_ratios[rows].max(axis=1, keepdims=True)
            order = np.argpartition(own, (n - size - 1, n - size), axis=1)[:, n - size - 1 :]
            order = np.take_along_axis(order, np.take_along_axis(own, order, axis=1).argsort(axis=1), axis=1)
            top = np.take_along_axis(own, order, axis=1)
            smoothed, k_hat[rows] = _fitted_tails(top[:, 1:], top[:, :1])
            np.put_along_axis(own, order[:, 1:], smoothed, axis=1)
            weights[rows] = own
        weights -= np.log(np.exp(weights).sum(axis=1, keepdims=True))
    return weights, k_hat


def _fitted_tails(tails: Array, cutoffs: Array) -> tuple[Array, Array]:
    """Quantiles of the generalised Pareto law fitted to each row's tail, and its shape, k-hat.

    Parameters
    ----------
    tails : ndarray of shape (rows, n)
        Log weights, ascending, the largest of all of them 0.
    cutoffs : ndarray of shape (rows, 1)
        The largest log weight below.
    """
    n = tails.shape[1]
    floor = np.exp(cutoffs)
    x = np.exp(tails) - floor
    k, scale = pareto.fitted(x)
    survival = np.log1p(-np.arange(0.5, n) / n)
    quantiles = np.where(k == 0, -scale * survival, scale * np.expm1(-k * survival) / k)
    smoothed = np.minimum(np.log(floor + quantiles), tails[:, -1:])
    fits = np.isfinite(k) & np.isfinite(smoothed).all(axis=1, keepdims=True)
    return np.where(fits, smoothed, tails), np.where(fits, k, np.nan)[:, 0]


def importance(log_ratios: Array) -> Importance:
    """Weights, k-hat and evidence from n log ratios, log p(y, u) − log q(u), at draws of q; NaN counts as density 0.

    The error of the evidence is first-order, √Var(weights)/mean; that of k-hat leaves out a twentieth of the draws at
    a time.
    """
    n = len(log_ratios)
    log_ratios = np.where(np.isnan(log_ratios), -np.inf, log_ratios)
    reason = None
    if n < FEWEST:
        reason = Reason(Code.FEW_FOR_TAIL, figures={"draws": n, "limit": FEWEST})
    elif np.isposinf(log_ratios).any():
        reason = Reason(Code.DENSITY_INFINITE)
    elif np.isfinite(log_ratios).sum() < n / 2:
        reason = Reason(Code.DRAWS_OUTSIDE)
    if reason:
        nothing = Figure.missing(reason)
        return Importance(nothing, nothing, nothing, np.full(n, np.nan))
    rows, k_hat = smooth(log_ratios[None])
    log_weights, k = rows[0], float(k_hat[0])
    block = blocks(n)
    left_out = np.array([smooth(log_ratios[block != b][None])[1][0] for b in range(BLOCKS)])
    weights = np.exp(log_weights)
    ess = Figure(float(1 / (weights**2).sum()))
    # Below the tail weights are not smoothed: there the ratio tells the constant they were divided by.
    middle = int(np.argsort(log_ratios)[n // 2])
    evidence = Figure(
        float(log_ratios[middle] - log_weights[middle] - math.log(n)), _pair_error(weights[:, None] - 1 / n)[0]
    )
    if not k < K_HAT_MAX:
        evidence = Figure.missing(_unusable(k))
    if math.isnan(k):
        return Importance(Figure.missing(_unusable(k)), ess, evidence, log_weights)
    return Importance(Figure(k, float(mc.jackknife_error(left_out))), ess, evidence, log_weights)


def moments(x: Array, weights: Importance, at: Array) -> Moments:
    """Mean and sd of each scalar under the weights, and where a point lies.

    Parameters
    ----------
    x : ndarray of shape (n, k)
        The weighted draws, pushed to the model's coordinates.
    weights : Importance
    at : ndarray of shape (k,)
        The MAP.
    """
    if not weights.usable:
        reason = weights.k_hat.reason or _unusable(weights.k_hat.value)
        none = np.full(x.shape[1], np.nan)
        return Moments(none, none, none, none, none, none, reason)
    w = np.exp(weights.log_weights)[:, None]
    parts = (slice(start, start + COLUMNS) for start in range(0, x.shape[1], COLUMNS))
    found = zip(*(_moments(x[:, part], w, at[part]) for part in parts), strict=True)
    mean, mean_mcse, sd, sd_mcse, z, z_mcse = map(np.concatenate, found)
    return Moments(mean, mean_mcse, sd, sd_mcse, z, z_mcse)


def _moments(x: Array, w: Array, at: Array) -> tuple[Array, ...]:
    """Of some scalars, with the weights (n, 1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(w > 0, x, 0.0)  # a point of no density need not be finite
        mean = (w * x).sum(axis=0)
        deviation = x - mean
        first, second = _tail_of_terms(w * np.abs(deviation)), _tail_of_terms(w * deviation**2)
        sd = np.sqrt((w * deviation**2).sum(axis=0))
        v = deviation / sd
        z = (at - mean) / sd
        mean_mcse = _pair_error(w * deviation) * slower(first, len(x))
        sd_mcse = _pair_error(w * sd * (v**2 - 1) / 2) * slower(second, len(x))
        z_mcse = _pair_error(w * (v + z * (v**2 - 1) / 2)) * slower(np.fmax(first, second), len(x))
    no_mean, no_sd = first >= K_HAT_MAX, np.fmax(first, second) >= K_HAT_MAX
    of_mean = [np.where(no_mean, np.nan, each) for each in (mean, mean_mcse)]
    of_sd = [np.where(no_sd, np.nan, each) for each in (sd, sd_mcse, z, z_mcse)]
    return (*of_mean, *of_sd)


def _tail_of_terms(terms: Array) -> Array:
    """k-hat of the terms (n, k) of each sum; −∞ where no term has a hundredth of it, as then none decides."""
    found = np.full(terms.shape[1], -np.inf)
    heavy = np.flatnonzero(terms.max(axis=0) > DECIDES * terms.sum(axis=0))
    if len(heavy):
        k_hat = smooth(np.log(np.ascontiguousarray(terms[:, heavy].T)))[1]
        found[heavy] = np.where(np.isnan(k_hat), -np.inf, k_hat)
    return found


def slower(k_hat: Array, n: int) -> Array:
    """Factor by which the error of a mean of n terms exceeds its first-order estimate, which from k-hat = ½ on has no
    variance behind it: n^((1 − c)/2), c the convergence rate of Vehtari et al. (2024), section 3.2.4."""
    k = np.clip(k_hat, 0.5 + 1e-6, 1.0)
    power = float(n) ** (2 * k)
    rate = (2 * (k - 1) * n * power + (1 - 2 * k) * power + float(n) ** 2) / ((n - 1) * (n - power))
    return np.where(k_hat < 0.5, 1.0, float(n) ** ((1 - np.clip(rate, 0.0, 1.0)) / 2))


def blocks(n: int) -> NDArray[np.intp]:
    """Block of each of n draws in a jackknife; antithetic pairs stay together."""
    half = (n + 1) // 2
    return (np.arange(n) % half) * BLOCKS // half


def _pair_error(terms: Array) -> Array:
    """Standard error of the column sums of ``terms`` (n, k), draw i and draw i + ⌈n/2⌉ taken together."""
    half = (len(terms) + 1) // 2
    pairs = terms[:half].copy()
    pairs[: len(terms) - half] += terms[half:]
    return np.asarray(np.sqrt((pairs**2).sum(axis=0)))


def _unusable(k: float) -> Reason:
    if math.isnan(k):
        return Reason(Code.NO_TAIL)
    return Reason(Code.K_HAT, figures={"k_hat": k, "limit": K_HAT_MAX})


def covers(k: float) -> Reason:
    """What a k-hat says of where the approximation puts draws: modes that it never reaches, it cannot see."""
    return Reason(Code.K_HAT_SAYS, figures={"k_hat": k, "limit": K_HAT_MAX})
