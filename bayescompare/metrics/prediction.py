"""What a plug-in prediction throws away: expected log predictive density, predictive variance, coverage and PIT.

For each likelihood term, and in total. Plain arrays in, figures out; nothing is sampled or refitted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..reasons import Code, Reason
from . import diagnostics as mc
from .coverage import Arm, Coverage, arm, coverage
from .figure import Figure
from .loo import Elpd, Loo, Mended, PlugIn, elpd, held_out, psis_loo, with_mended

Array = NDArray[np.float64]

#: Numerator and denominator of each observation at each draw, and whether its variance does not exist.
Parts = Callable[[Array, Array], tuple[Array, Array, NDArray[np.bool_]]]

#: Observations worked on at once: bounds the memory, not the result.
BLOCK = 256


@dataclass(frozen=True)
class Discarded:
    """Share of the predictive variance that is parameter uncertainty: Var(E[ỹ_i | θ])/Var(ỹ_i).

    Attributes
    ----------
    share : Figure
        Mean over the observations, 0 to 1.
    pointwise, pointwise_mcse : ndarray of shape (n,)
        Of each observation; NaN where its predictive variance does not exist.
    influence : ndarray of shape (chains, draws)
        What each draw adds to the sum over observations, to first order, times the number of draws.
    """

    share: Figure
    pointwise: Array
    pointwise_mcse: Array
    influence: Array


NOT_ASKED = Reason(Code.NOT_ASKED_FOR)


@dataclass(frozen=True)
class Inputs:
    """One likelihood term: what was computed of it, and why the rest was not.

    Attributes
    ----------
    name : str
    y : ndarray of shape (n,)
        Observations.
    log_lik : ndarray of shape (chains, draws, n) or None
        Pointwise log likelihood of the posterior's draws; None where it does not factorise.
    plugin : PlugIn or None
    means, variances : ndarray of shape (chains, draws, n) or None
        E[ỹ_i | θ_s] and Var(ỹ_i | θ_s).
    pairs : (ndarray, ndarray) or None
        Two independent predictive draws for each θ_s, (chains, draws, n) each, where the means are not known.
    draws : ndarray of shape (chains, draws, n) or None
        One predictive draw for each θ_s.
    plugin_draws : ndarray of shape (m, n) or None
        Predictive draws of observation i given the MAP found without it.
    plugin_arm : Arm or None
        The same by the distribution function, where there is one: without the noise of draws.
    loo : Loo or None
        Of ``log_lik``, where it is known, nothing mended.
    mended, mended_draws : optional
        Densities of observations whose k-hat is too high; and, by their index, predictive draws without them, (m,).
    r_eff : float
        Relative efficiency of the draws, as ``arviz.loo`` takes it.
    bounded : bool
        Observations lie in an interval, so that every moment exists whatever the draws' tails look like.
    held_out : bool
        The data were not seen: nothing need be left out, and ``plugin.exact`` is the MAP's own density.
    why_no_elpd, why_no_variance, why_no_coverage : Reason
    """

    name: str
    y: Array
    log_lik: Array | None = None
    plugin: PlugIn | None = None
    means: Array | None = None
    variances: Array | None = None
    pairs: tuple[Array, Array] | None = None
    draws: Array | None = None
    plugin_draws: Array | None = None
    plugin_arm: Arm | None = None
    loo: Loo | None = None
    mended: Mended | None = None
    mended_draws: dict[int, Array] | None = None
    r_eff: float = 1.0
    bounded: bool = False
    held_out: bool = False
    why_no_elpd: Reason = NOT_ASKED
    why_no_variance: Reason = NOT_ASKED
    why_no_coverage: Reason = NOT_ASKED


@dataclass(frozen=True)
class Prediction:
    """The figures of one likelihood term, or of all.

    Attributes
    ----------
    name : str
        Of the term; ``total`` for all.
    elpd : Elpd
    variance_discarded : Discarded
    coverage : Coverage
    pit, plugin_pit : Arm or None
        Posterior and plug-in.
    loo : Loo or None
    plugin : PlugIn or None
        What a term's elpd was computed from; None for the total.
    """

    name: str
    elpd: Elpd
    variance_discarded: Discarded
    coverage: Coverage
    pit: Arm | None
    plugin_pit: Arm | None
    loo: Loo | None
    plugin: PlugIn | None


def term(of: Inputs) -> Prediction:
    """The figures of one likelihood term."""
    loo, plugin, pit, unsure = None, of.plugin, None, None
    if of.log_lik is not None:
        loo = held_out(of.log_lik) if of.held_out else of.loo or psis_loo(of.log_lik, of.r_eff)
        if of.mended is not None:
            loo = with_mended(loo, of.log_lik, of.mended)
        pit = None if of.draws is None else _posterior_arm(of, of.draws, loo)
        unsure = _unsure(of, loo)
    sums = elpd([loo], [plugin]) if loo and plugin else Elpd.missing(of.why_no_elpd, len(of.y))
    if of.means is not None and of.variances is not None:
        discarded = variance_discarded(of.means, of.variances, bounded=of.bounded)
    elif of.pairs is not None:
        discarded = variance_discarded_by_pairs(*of.pairs, bounded=of.bounded)
    else:
        discarded = no_variance(of.why_no_variance, len(of.y))
    plugin_pit = of.plugin_arm
    if plugin_pit is None and of.plugin_draws is not None:
        plugin_pit = arm(of.plugin_draws, of.y)
    held = _coverage(pit, plugin_pit, of.why_no_coverage, unsure)
    return Prediction(of.name, sums, discarded, held, pit, plugin_pit, loo, plugin)


def total(terms: Sequence[Prediction]) -> Prediction:
    """Over all terms, each observation counted once; what one term lacks the total lacks, with that reason."""
    n = sum(t.elpd.observations for t in terms)
    lacking = next((t for t in terms if t.loo is None or t.plugin is None), None)
    if lacking is None:
        sums = elpd([t.loo for t in terms if t.loo], [t.plugin for t in terms if t.plugin])
    else:
        sums = Elpd.missing(_named(lacking, lacking.elpd.elpd_loo.reason), n)
    uncovered = next((t for t in terms if t.pit is None or t.plugin_pit is None), None)
    pit: Arm | None = None
    plugin_pit: Arm | None = None
    if uncovered is None:
        pit, plugin_pit = _join([t.pit for t in terms]), _join([t.plugin_pit for t in terms])
        unsure = next((_named(t, t.coverage.largest.reason) for t in terms if t.coverage.largest.reason), None)
        held = _coverage(pit, plugin_pit, None, unsure)
    else:
        held = Coverage.missing(_named(uncovered, uncovered.coverage.largest.reason))
    return Prediction("total", sums, _join_variance(terms), held, pit, plugin_pit, None, None)


# -- variance --------------------------------------------------------------------------------------


def variance_discarded(means: Array, variances: Array, *, bounded: bool = False) -> Discarded:
    """From conditional means and variances of each observation, (chains, draws, n): Var(mean)/(Var(mean) + E variance).

    Missing where a conditional variance is infinite, or where the draws' tails say that Var(mean) or E variance is;
    the tails are not asked where the observations are ``bounded``. Missing too where no mean moves: the share is then 0
    whatever a plug-in loses.
    """

    def parts(m: Array, v: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        deviation = m - m.mean(axis=(1, 2), keepdims=True)
        explained = deviation**2
        lacks = ~np.isfinite(m + v).all(axis=(1, 2))
        if not bounded:
            lacks |= (_tail(m) >= 0.5) | (_tail(v) >= 1)
        return explained, explained + v, lacks

    found = _discarded(means, variances, parts)
    fixed = found.share.known and means.shape[0] * means.shape[1] > 1 and not np.ptp(means, axis=(0, 1)).any()
    return no_variance(Reason(Code.MEAN_FIXED), means.shape[-1]) if fixed else found


def variance_discarded_by_pairs(first: Array, second: Array, *, bounded: bool = False) -> Discarded:
    """From two independent predictive draws for each posterior draw, (chains, draws, n): Cov(ỹ, ỹ′)/Var(ỹ).

    Noisier than conditional means, and of a single observation possibly below 0. Missing where the draws' tails say
    that ỹ has no variance, which are not asked where it is ``bounded``.
    """

    def parts(a: Array, b: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        centre = (a + b).mean(axis=(1, 2), keepdims=True) / 2
        lacks = ~np.isfinite(a + b).all(axis=(1, 2))
        if not bounded:
            lacks |= _tail(a) >= 0.5
        return (a - centre) * (b - centre), ((a - centre) ** 2 + (b - centre) ** 2) / 2, lacks

    return _discarded(first, second, parts)


def _discarded(one: Array, two: Array, parts: Parts) -> Discarded:
    chains, draws, n = one.shape
    pointwise, errors, influence = np.full(n, np.nan), np.full(n, np.nan), np.zeros((chains, draws))
    infinite = zero = 0
    with np.errstate(all="ignore"):
        for start in range(0, n, BLOCK):
            part = slice(start, start + BLOCK)
            above, under, lacks = parts(_rows(one[..., part]), _rows(two[..., part]))
            variance = under.mean(axis=(1, 2))
            ratio = above.mean(axis=(1, 2)) / variance
            terms = (above - ratio[:, None, None] * under) / variance[:, None, None]
            infinite, zero = infinite + int(lacks.sum()), zero + int((variance == 0).sum())
            good = ~lacks & (variance > 0)
            pointwise[part] = np.where(good, ratio, np.nan)
            errors[part] = np.where(good, mc.mcse_of_mean(terms), np.nan)
            influence += terms[good].sum(axis=0)
    if infinite:
        share = Figure.missing(Reason(Code.INFINITE_VARIANCE, figures={"count": infinite, "of": n}))
    elif zero:
        share = Figure.missing(Reason(Code.ZERO_VARIANCE, figures={"count": zero, "of": n}))
    else:
        share = Figure(float(pointwise.mean()), float(mc.mcse_of_mean(influence[None])[0]) / n)
    return Discarded(share, pointwise, errors, influence)


def _rows(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, -1, 0), dtype=float)


def _tail(x: Array) -> Array:
    """Pareto index of each row's heavier tail, less two of its errors."""
    flat = x.reshape(len(x), -1)
    deviation = flat - flat.mean(axis=1, keepdims=True)
    kurtosis = (deviation**4).mean(axis=1) / (deviation**2).mean(axis=1) ** 2
    return mc.tail_index(flat, np.where(np.isfinite(flat).all(axis=1), kurtosis, 0.0))


def no_variance(reason: Reason, n: int) -> Discarded:
    """What stands for a share of variance that says nothing, or cannot be had."""
    none = np.full(n, np.nan)
    return Discarded(Figure.missing(reason), none, none, np.empty((0, 0)))


def _join_variance(terms: Sequence[Prediction]) -> Discarded:
    pointwise = np.concatenate([t.variance_discarded.pointwise for t in terms])
    errors = np.concatenate([t.variance_discarded.pointwise_mcse for t in terms])
    lacking = next((t for t in terms if not t.variance_discarded.share.known), None)
    if lacking is not None:
        reason = _named(lacking, lacking.variance_discarded.share.reason)
        return Discarded(Figure.missing(reason), pointwise, errors, np.empty((0, 0)))
    influence = np.sum([t.variance_discarded.influence for t in terms], axis=0)
    mcse = float(mc.mcse_of_mean(influence[None])[0]) / len(pointwise)
    return Discarded(Figure(float(pointwise.mean()), mcse), pointwise, errors, influence)


# -- coverage --------------------------------------------------------------------------------------


def _posterior_arm(of: Inputs, draws: Array, loo: Loo) -> Arm:
    found = arm(draws, of.y, loo.log_weights)
    for i, without in (of.mended_draws or {}).items():
        found = found.replace(np.array([i]), arm(without[:, None], of.y[[i]]))
    return found


def _coverage(pit: Arm | None, plugin_pit: Arm | None, why: Reason | None, unsure: Reason | None) -> Coverage:
    if pit is None or plugin_pit is None:
        return Coverage.missing(why)
    found = coverage(pit, plugin_pit)
    if unsure is None:
        return found
    difference = tuple(Figure(f.value, None, unsure) for f in found.difference)
    return replace(found, difference=difference, largest=Figure(found.largest.value, None, unsure))


def _unsure(of: Inputs, loo: Loo) -> Reason | None:
    """Why the leave-one-out draws of some observations are not to be relied on."""
    bad = ~(loo.k_hat <= loo.limit)
    bad[list(of.mended_draws or {})] = False
    figures = {"count": int(bad.sum()), "of": len(bad), "limit": loo.limit}
    return Reason(Code.K_HAT_BAD, figures=figures) if bad.any() else None


def _join(arms: Sequence[Arm | None]) -> Arm:
    known = [a for a in arms if a is not None]
    return Arm(np.concatenate([a.below for a in known]), np.concatenate([a.upto for a in known]))


def _named(of: Prediction, reason: Reason | None) -> Reason:
    return Reason(Code.OF_TERM, (of.name,), causes=() if reason is None else (reason,))
