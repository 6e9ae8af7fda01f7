"""Leave-one-out expected log predictive density: of the posterior by PSIS, of the plug-in by refits, and their
difference.

PSIS-LOO is ArviZ's (Vehtari et al. 2017, doi:10.1007/s11222-016-9696-4). All in nats; larger predicts better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..reasons import Code, Reason
from . import diagnostics as mc
from . import psis
from .figure import Figure
from .thresholds import K_HAT_MAX

Array = NDArray[np.float64]

#: Observations worked on at once: bounds the memory, not the result.
BLOCK = 256


@dataclass(frozen=True)
class Mended:
    """Observations whose PSIS weights were replaced, by moment matching or by sampling without them.

    Attributes
    ----------
    elpd, mcse : ndarray of shape (n,)
        Nats; NaN where nothing was replaced.
    """

    elpd: Array
    mcse: Array


@dataclass(frozen=True)
class Loo:
    """The posterior's leave-one-out densities of n observations.

    Attributes
    ----------
    elpd : ndarray of shape (n,)
        log p(y_i | y without y_i), nats; NaN where a draw gives the observation no density and nothing mended it.
    k_hat : ndarray of shape (n,)
        Of the weights that leave the observation out; −∞ for held-out data, which need none.
    mended : ndarray of bool of shape (n,)
    mended_variance : float
        Sum of the squared errors of the mended ones.
    influence : ndarray of shape (chains, draws)
        What each draw adds to the sum of those not mended, to first order, times the number of draws.
    log_weights : ndarray of shape (n, chains · draws)
        Smoothed and normalised.
    """

    elpd: Array
    k_hat: Array
    mended: NDArray[np.bool_]
    mended_variance: float
    influence: Array
    log_weights: Array

    @property
    def limit(self) -> float:
        """Largest k-hat that is relied on: ArviZ's min(1 − 1/log₁₀ S, 0.7), which is 0.7 from 2,155 draws on."""
        return good_k(self.influence.size)

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Observations whose k-hat is too high and that nothing mended."""
        return ~(self.k_hat <= self.limit) & ~self.mended


@dataclass(frozen=True)
class PlugIn:
    """The plug-in's log densities of n observations.

    Attributes
    ----------
    exact : ndarray of shape (n,)
        log p(y_i | the MAP found without y_i), nats; NaN where that was not searched for.
    in_sample : ndarray of shape (n,)
        log p(y_i | the MAP).
    approximate : ndarray of shape (n,) or None
        The same as ``exact`` by one Newton step from the MAP, for every i; where given, ``exact`` need only hold a
        random subsample.
    sampled : ndarray of bool of shape (n,) or None
        Which observations that subsample consists of.
    """

    exact: Array
    in_sample: Array
    approximate: Array | None = None
    sampled: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Elpd:
    """Sums over observations, nats.

    Attributes
    ----------
    elpd_loo, elpd_plugin, elpd_plugin_in_sample : Figure
        The plug-in's error is that of subsampled refits, and none where all were made.
    elpd_diff : Figure
        elpd_loo − elpd_plugin: what keeping the posterior is worth; its error is Monte Carlo's and subsampling's.
    elpd_loo_se, elpd_plugin_se, elpd_diff_se : Figure
        Standard errors over observations, √(n·Var); of the difference that of the paired differences.
    k_hat_max : Figure
    bad : int
        Observations with a k-hat too high; with any, errors of elpd_loo and elpd_diff are not known.
    observations, refits : int
    """

    elpd_loo: Figure
    elpd_loo_se: Figure
    elpd_plugin: Figure
    elpd_plugin_se: Figure
    elpd_plugin_in_sample: Figure
    elpd_diff: Figure
    elpd_diff_se: Figure
    k_hat_max: Figure
    bad: int
    observations: int
    refits: int

    @classmethod
    def missing(cls, reason: Reason | None, observations: int = 0) -> Elpd:
        """No figure, and why."""
        none = Figure.missing(reason)
        return cls(none, none, none, none, none, none, none, none, 0, observations, 0)


def good_k(draws: int) -> float:
    """ArviZ's limit of k-hat for so many draws."""
    return min(1 - 1 / math.log10(draws), K_HAT_MAX)


def psis_loo(log_lik: Array, r_eff: float = 1.0) -> Loo:
    """Leave each observation out by importance weights.

    Parameters
    ----------
    log_lik : ndarray of shape (chains, draws, n)
        Pointwise log likelihood of the posterior's draws.
    r_eff : float
        Relative efficiency; ``arviz.loo`` takes the mean over the posterior's scalars of ESS of the mean/draws.
    """
    chains, draws, n = log_lik.shape
    log_weights, k_hat, elpd = np.full((n, chains * draws), np.nan), np.full(n, np.inf), np.empty(n)
    influence = np.zeros(chains * draws)
    for part in (slice(start, start + BLOCK) for start in range(0, n, BLOCK)):
        rows = np.ascontiguousarray(log_lik[..., part].reshape(chains * draws, -1).T)
        usable = np.isfinite(rows).all(axis=1)
        log_weights[part][usable], k_hat[part][usable] = psis.smooth(-rows[usable], r_eff)
        elpd[part] = _log_mean(log_weights[part], rows)
        influence += _influence(log_weights[part], rows, elpd[part], usable)
    return Loo(elpd, k_hat, np.zeros(n, dtype=bool), 0.0, influence.reshape(chains, draws), log_weights)


def with_mended(loo: Loo, log_lik: Array, mended: Mended) -> Loo:
    """The same with some observations' densities replaced; ``log_lik`` is what ``loo`` was computed from."""
    fixed = np.isfinite(mended.elpd)
    rows = log_lik[..., fixed].reshape(loo.influence.size, -1).T
    usable = np.isfinite(rows).all(axis=1)
    replaced = _influence(loo.log_weights[fixed], rows, loo.elpd[fixed], usable)
    return replace(
        loo,
        elpd=np.where(fixed, mended.elpd, loo.elpd),
        mended=fixed,
        mended_variance=float((mended.mcse[fixed] ** 2).sum()),
        influence=loo.influence - replaced.reshape(loo.influence.shape),
    )


def held_out(log_lik: Array) -> Loo:
    """The posterior's densities of data that it has not seen: log-likelihood (chains, draws, n), all draws alike."""
    chains, draws, n = log_lik.shape
    rows = np.ascontiguousarray(log_lik.reshape(-1, n).T)
    weights = np.full(rows.shape, -math.log(chains * draws))
    elpd = _log_mean(weights, rows)
    influence = _influence(weights, rows, elpd, np.isfinite(elpd)).reshape(chains, draws)
    return Loo(elpd, np.full(n, -np.inf), np.zeros(n, dtype=bool), 0.0, influence, weights)


def elpd(loo: Sequence[Loo], plugin: Sequence[PlugIn]) -> Elpd:
    """Sums and differences over the observations of one likelihood term, or of several.

    Parameters
    ----------
    loo, plugin : sequences, one entry a term
        Of the same posterior draws.
    """
    posterior = np.concatenate([each.elpd for each in loo])
    bad = np.concatenate([each.bad for each in loo])
    k_hat = np.concatenate([each.k_hat for each in loo])
    unmended = k_hat[~np.concatenate([each.mended for each in loo])]
    sums = [_plugin_sum(each) for each in plugin]
    best = np.concatenate([_best(each) for each in plugin])
    total = Figure(float(posterior.sum()), _error(loo) if not bad.any() else None, _bad(bad, k_hat, loo[0].limit))
    if not np.isfinite(total.value):
        total = Figure.missing(total.reason or Reason(Code.NO_DENSITY))
    out = next((each for each in sums if not each.known), None)
    point = out or Figure(sum(each.value for each in sums), _quadrature([each.mcse for each in sums]))
    return Elpd(
        total,
        _standard_error(posterior, total),
        point,
        _standard_error(best, point),
        Figure(float(sum(each.in_sample.sum() for each in plugin))),
        _difference(total, point),
        _standard_error(posterior - best, _difference(total, point)),
        Figure(float(unmended.max())) if unmended.size else Figure.missing(Reason(Code.ALL_MENDED)),
        int(bad.sum()),
        len(posterior),
        int(sum(np.isfinite(each.exact).sum() for each in plugin)),
    )


# -- parts -----------------------------------------------------------------------------------------


def _log_mean(log_weights: Array, rows: Array) -> Array:
    """log Σ exp(weight + value) of each row; NaN where weights are."""
    terms = log_weights + rows
    top = terms.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(top[:, 0] + np.log(np.exp(terms - top).sum(axis=1)))


def _influence(log_weights: Array, rows: Array, elpd: Array, counted: NDArray[np.bool_]) -> Array:
    """Derivative of the sum of log Σwp/Σw with respect to each draw's share, (S,): Σ_i S·w_is(p_is/p_i − 1)."""
    total: Array = np.zeros(rows.shape[1])
    for i in np.flatnonzero(counted):
        total += np.exp(log_weights[i] + rows[i] - elpd[i]) - np.exp(log_weights[i])
    return np.asarray(total * rows.shape[1])


def _error(loo: Sequence[Loo]) -> float:
    influence = sum(each.influence for each in loo)
    first = float(mc.mcse_of_mean(np.asarray(influence)[None])[0])
    return math.sqrt(first**2 + sum(each.mended_variance for each in loo))


def _bad(bad: NDArray[np.bool_], k_hat: Array, limit: float) -> Reason | None:
    if not bad.any():
        return None
    worst = float(np.nanmax(np.where(bad, k_hat, -np.inf))) if np.isfinite(k_hat[bad]).any() else math.inf
    figures = {"count": int(bad.sum()), "of": len(bad), "limit": limit, "worst": worst}
    return Reason(Code.K_HAT_BAD, figures=figures)


def _plugin_sum(p: PlugIn) -> Figure:
    """Sum over observations; by the difference estimator (Magnusson et al. 2020) where refits are a subsample."""
    wanted = np.ones(len(p.exact), dtype=bool) if p.approximate is None or p.sampled is None else p.sampled
    failed = int((~np.isfinite(p.exact[wanted])).sum())
    if failed:
        return Figure.missing(Reason(Code.REFITS_FAILED, figures={"count": failed, "of": int(wanted.sum())}))
    if p.approximate is None:
        return Figure(float(p.exact.sum()))
    if not np.isfinite(p.approximate).all():
        return Figure.missing(Reason(Code.ONE_STEP_FAILED))
    n, off = len(p.approximate), p.exact[wanted] - p.approximate[wanted]
    variance = (1 - len(off) / n) * off.var(ddof=1) / len(off)
    return Figure(float(p.approximate.sum() + n * off.mean()), n * math.sqrt(variance))


def _best(p: PlugIn) -> Array:
    if p.approximate is None:
        return p.exact
    return np.asarray(np.where(np.isfinite(p.exact), p.exact, p.approximate))


def _quadrature(errors: Sequence[float | None]) -> float | None:
    known = [e for e in errors if e is not None]
    return math.hypot(*known) if known else None


def _difference(posterior: Figure, point: Figure) -> Figure:
    if not (posterior.known and point.known):
        return Figure.missing((posterior if not posterior.known else point).reason)
    mcse = None if posterior.mcse is None else _quadrature([posterior.mcse, point.mcse])
    return Figure(posterior.value - point.value, mcse, posterior.reason)


def _standard_error(pointwise: Array, of: Figure) -> Figure:
    if not of.known:
        return Figure.missing(of.reason)
    n = len(pointwise)
    if n < 2:
        return Figure.missing(Reason(Code.ONE_OBSERVATION))
    return Figure(math.sqrt(n * float(pointwise.var(ddof=1))))
