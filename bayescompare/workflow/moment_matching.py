"""Observations that importance sampling cannot leave out: their posterior is reached by moving the draws.

Moment matching (Paananen, Piironen, Bürkner and Vehtari 2021, doi:10.1007/s11222-020-09982-2): affine maps give the
draws the mean, then the variances, then the covariance that the weights say the posterior without the observation has;
each is kept where it lowers the k-hat of the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..metrics import psis
from ..metrics.loo import Mended, good_k
from ..model.backends import Array
from ..model.predictive import Predictive
from ..model.problem import Problem

#: Most observations that are mended, the worst first, and rounds of moving the draws of each.
BUDGET, ROUNDS = 10, 10

#: A map is kept if it lowers k-hat by this much.
GAIN = 1e-2


@dataclass(frozen=True)
class Mending:
    """What was mended of one likelihood term.

    Attributes
    ----------
    mended : Mended
        By observation; NaN where nothing was.
    draws : dict of int to ndarray of shape (S,)
        Predictive draws of the mended observations, made without them.
    """

    mended: Mended
    draws: dict[int, Array]


def mend(
    problem: Problem, predictive: Predictive, name: str, draws: Array, *, k_hat: Array, r_eff: float, seed: int
) -> Mending:
    """Mend the observations of a term whose k-hat is too high, as far as the budget goes.

    Parameters
    ----------
    name : str
        Of the term.
    draws : ndarray of shape (S, d)
        Of the posterior, unconstrained.
    k_hat : ndarray of shape (n,)
        Of the weights that leave each observation out.
    r_eff : float
        Relative efficiency of the draws.
    """
    limit = good_k(len(draws))
    bad = np.flatnonzero(~(k_hat <= limit))
    bad = bad[np.argsort(-np.nan_to_num(k_hat[bad], nan=np.inf), kind="stable")][:BUDGET]
    elpd, mcse = np.full(len(k_hat), np.nan), np.full(len(k_hat), np.nan)
    predicted: dict[int, Array] = {}
    if not len(bad):
        return Mending(Mended(elpd, mcse), predicted)
    weights = (1.0, 1.0, 1.0)
    before = problem.density.values(draws, weights)
    rng = np.random.default_rng(seed)
    for i in bad.tolist():

        def heights(u: Array, i: int = i) -> tuple[Array, Array]:
            """Log density of the posterior without the observation, and the observation's log likelihood."""
            own = predictive.log_likelihood(u)[name][:, i]
            return problem.density.values(u, weights) - own, own

        moved, log_weights, own, k = _matched(draws, before, heights, r_eff)
        if not k <= limit:
            continue
        w = np.exp(log_weights)
        peak = float(own.max())
        density = w * np.exp(own - peak)
        elpd[i] = math.log(float(density.sum())) + peak
        error = math.sqrt(float(((density - w * density.sum()) ** 2).sum()) / r_eff)
        mcse[i] = error / float(density.sum())
        chosen = moved[rng.choice(len(moved), len(moved), p=w / w.sum())]
        found = predictive.draws(chosen, seed=seed).get(name)
        if found is not None and found.shape[-1] == len(k_hat):
            predicted[i] = found[:, 0, i]
    return Mending(Mended(elpd, mcse), predicted)


def _matched(
    draws: Array, before: Array, heights: Callable[[Array], tuple[Array, Array]], r_eff: float
) -> tuple[Array, Array, Array, float]:
    """Moved draws, their log weights, log likelihoods of the observation, and k-hat."""
    u, volume = draws, 0.0
    target, own = heights(u)
    log_weights, k = _weights(target - before, r_eff)
    maps = [_to_mean, _to_variances, _to_covariance]
    for _ in range(ROUNDS):
        better = False
        for move in maps:
            new, log_det = move(u, np.exp(log_weights))
            if not np.isfinite(new).all():
                continue
            target, own_new = heights(new)
            lighter, k_new = _weights(target - before + volume + log_det, r_eff)
            if k_new < k - GAIN:
                u, volume, log_weights, own, k, better = new, volume + log_det, lighter, own_new, k_new, True
                break
        if not better or k <= 0.5:
            break
    return u, log_weights, own, k


def _weights(log_ratios: Array, r_eff: float) -> tuple[Array, float]:
    log_ratios = np.where(np.isnan(log_ratios), -np.inf, log_ratios)
    rows, k_hat = psis.smooth(log_ratios[None], r_eff)
    return rows[0], float(k_hat[0]) if math.isfinite(k_hat[0]) else math.inf


def _to_mean(u: Array, w: Array) -> tuple[Array, float]:
    return u + (w @ u - u.mean(axis=0)), 0.0


def _to_variances(u: Array, w: Array) -> tuple[Array, float]:
    mean, target = u.mean(axis=0), w @ u
    scale = np.sqrt((w @ (u - target) ** 2) / u.var(axis=0))
    return target + (u - mean) * scale, float(np.log(scale).sum())


def _to_covariance(u: Array, w: Array) -> tuple[Array, float]:
    mean, target = u.mean(axis=0), w @ u
    centred, weighted = u - mean, u - target
    try:
        old = np.linalg.cholesky(centred.T @ centred / len(u))
        new = np.linalg.cholesky((weighted * w[:, None]).T @ weighted)
    except np.linalg.LinAlgError:
        return np.full_like(u, np.nan), 0.0
    log_det = float(np.log(np.diag(new)).sum() - np.log(np.diag(old)).sum())
    return target + np.linalg.solve(old, centred.T).T @ new.T, log_det
