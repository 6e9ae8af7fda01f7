"""Pareto-smoothed importance sampling: from draws of the Laplace approximation to the posterior, without NUTS.

Vehtari et al. (2024, JMLR 25(72)); the smoothing is ArviZ's. Draws may come in antithetic pairs, draw i with draw
i + ⌈n/2⌉, as those of the Laplace approximation do: errors are those of pairs, which independent draws are as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import diagnostics as mc
from .figure import Figure

Array = NDArray[np.float64]

#: k-hat from which on importance sampling is not to be trusted.
LIMIT = 0.7

#: Fewest draws with a tail of five.
FEWEST = 25

#: Blocks of a jackknife of k-hat.
BLOCKS = 20

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
        return self.k_hat.value < LIMIT


@dataclass(frozen=True)
class Moments:
    """Posterior moments by importance sampling, arrays of shape (k,); all NaN where k-hat is not below 0.7.

    Attributes
    ----------
    mean, mean_mcse, sd, sd_mcse : ndarray
        In the scalars' units.
    z, z_mcse : ndarray
        (point − mean)/sd, posterior sd; the covariance of mean and sd is in its error.
    reason : str or None
        Why there are none.
    """

    mean: Array
    mean_mcse: Array
    sd: Array
    sd_mcse: Array
    z: Array
    z_mcse: Array
    reason: str | None = None


def smooth(log_ratios: Array, r_eff: float = 1.0) -> tuple[Array, Array]:
    """Smoothed, normalised log weights of each row, and its k-hat.

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
    from arviz_stats.base import array_stats

    weights, k_hat = np.empty_like(log_ratios), np.zeros(len(log_ratios))
    with np.errstate(all="ignore"):
        for i, row in enumerate(log_ratios):
            if np.ptp(row) <= EQUAL:
                weights[i] = -math.log(len(row))
            else:
                # ArviZ takes log likelihoods, whose negatives are the log ratios of leaving one out.
                weights[i], k_hat[i] = array_stats.psislw(-row, r_eff=r_eff)
    return weights, k_hat


def importance(log_ratios: Array) -> Importance:
    """Weights, k-hat and evidence from n log ratios, log p(y, u) − log q(u), at draws of q; NaN counts as density 0.

    The error of the evidence is first-order, √Var(weights)/mean; that of k-hat leaves out a twentieth of the draws at
    a time.
    """
    n = len(log_ratios)
    log_ratios = np.where(np.isnan(log_ratios), -np.inf, log_ratios)
    reason = None
    if n < FEWEST:
        reason = f"{n} draws are too few for a Pareto tail (at least {FEWEST})"
    elif np.isposinf(log_ratios).any():
        reason = "the posterior's density is infinite at a draw of the approximation"
    elif np.isfinite(log_ratios).sum() < n / 2:
        reason = "the posterior's density is 0 at most draws of the approximation"
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
    if not k < LIMIT:
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
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(w > 0, x, 0.0)  # a point of no density need not be finite
        mean = (w * x).sum(axis=0)
        deviation = x - mean
        sd = np.sqrt((w * deviation**2).sum(axis=0))
        v = deviation / sd
        z = (at - mean) / sd
        return Moments(
            mean,
            _pair_error(w * deviation),
            sd,
            _pair_error(w * sd * (v**2 - 1) / 2),
            z,
            _pair_error(w * (v + z * (v**2 - 1) / 2)),
        )


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


def _unusable(k: float) -> str:
    if math.isnan(k):
        return "the weights' tail cannot be fitted"
    return f"k-hat is {k:.2f}, not below {LIMIT}"


def covers(k: float) -> str:
    """What a k-hat says, in words. It speaks of where the approximation puts draws: modes that it never reaches, it
    cannot see."""
    if k < 0.5:
        return "the approximation's tails cover the posterior's: weights have a finite variance"
    if k < LIMIT:
        return "the approximation's tails are lighter than the posterior's: weights can still correct it"
    if k < 1:
        return "the approximation's tails miss a part of the posterior that too few draws would have to carry"
    return "the approximation misses the posterior's tails: weights have no mean that draws could find"
