"""NUTS as an arm of a study: one data set in a compiled model, one core, and the figures that are kept of its draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from ..methods.nuts import prepare, run
from ..methods.sampler_options import SamplerOptions
from ..metrics import diagnostics as mc
from ..metrics.gates import SamplerFigures, sampler_gate
from ..metrics.verdict import is_open
from ..results.fit import Fit
from .fresh_elpd import log_predictive

if TYPE_CHECKING:
    from ..model.problem import Problem
    from ..templates.loading import Target

Array = NDArray[np.float64]

#: Draws that a rank is taken among, spread evenly over the chains: ranks want draws that do not lean on each other.
RANKED = 250

__all__ = ["Found", "fit", "options", "prepare"]


@dataclass(frozen=True)
class Kept:
    """What is kept of a fit: k scalars and L levels of intervals; and how many draws are made for it.

    Attributes
    ----------
    chosen : ndarray of int of shape (k,)
    levels : sequence of float
    draws : int
        Of the methods that make their own; NUTS has options for that.
    """

    chosen: NDArray[np.intp]
    levels: Sequence[float]
    draws: int = 1000


@dataclass(frozen=True, eq=False)
class Found:
    """One data set's fit in k recorded scalars.

    Attributes
    ----------
    status : {"ok", "suspect", "failed"}
        Of NUTS suspect where R-hat, ESS, divergences or E-BFMI miss what a comparison requires, over the free scalars.
    reason : str
    arrays : Mapping of str to ndarray
        ``estimate`` (posterior mean), ``sd``, ``rank``, ``mcse_mean``, ``mcse_sd`` of shape (k,); ``lower``, ``upper``
        (equal tails) of shape (L, k); ``r_hat`` (largest), ``ess`` (smallest of bulk and tail), ``divergences``,
        ``log_density`` (mean of the draws', nats), ``seconds``; with fresh data ``elpd``, the log predictive density of
        these by the draws, Σ_i log(mean of p(y_i | θ)), nats per data set.
    """

    status: str
    reason: str
    arrays: Mapping[str, Any]


def options(asked: SamplerOptions, target: Target) -> SamplerOptions:
    """What was asked for, with the template's own target acceptance where none was."""
    if asked.target_accept is None and "target_accept" in target.sampler:
        return replace(asked, target_accept=target.sampler["target_accept"])
    return asked


def fit(
    problem: Problem,
    truth: Array,
    kept: Kept,
    *,
    seed: int,
    options: SamplerOptions,
    fresh: Problem | None = None,
) -> Found:
    """Sample, and keep what a study needs of the draws.

    Parameters
    ----------
    problem : Problem
        With the replicate's data.
    truth : ndarray of shape (k_all,)
        NaN where there is none.
    kept : Kept
    seed : int
    options : SamplerOptions
    fresh : Problem, optional
        With data that were not fitted.

    Raises
    ------
    FitError
        If the engine fails.
    """
    sampled = run(problem, seed=seed, options=options, cores=1)
    if sampled.draws is None or not np.isfinite(sampled.draws).all():
        raise FitError("some draws are not finite", sampled)
    figures = _convergence(sampled.draws[..., : problem.scalars.free], sampled)
    doubt = _doubt(figures)
    chosen = kept.chosen
    arrays = {
        **summarised(sampled.draws[..., chosen], truth[chosen], kept.levels, np.random.default_rng(seed)),
        "r_hat": figures.r_hat_max,
        "ess": figures.ess_min,
        "divergences": np.nan if figures.divergences is None else figures.divergences,
        "log_density": float(np.mean(sampled.statistics["lp"])) if "lp" in sampled.statistics else np.nan,
        "seconds": sampled.seconds,
    }
    if fresh is not None and sampled.unconstrained_draws is not None:
        arrays["elpd"] = log_predictive(fresh, sampled.unconstrained_draws.reshape(-1, fresh.dimension))
    return Found("suspect" if doubt else "ok", doubt, arrays)


def doubts(sampled: Fit, problem: Problem) -> str:
    """Why draws of NUTS are not to be trusted; empty where they are."""
    if sampled.draws is None or not np.isfinite(sampled.draws).all():
        return "some draws are not finite"
    return _doubt(_convergence(sampled.draws[..., : problem.scalars.free], sampled))


def _doubt(figures: SamplerFigures) -> str:
    gate = sampler_gate(figures)
    return "" if is_open(gate) else gate.reason.text


def summarised(draws: Array, truth: Array, levels: Sequence[float], rng: np.random.Generator) -> dict[str, Array]:
    """Point, sd, central intervals and the truth's rank.

    Parameters
    ----------
    draws : ndarray of shape (chains, draws, k)
    truth : ndarray of shape (k,)
    levels : sequence of float, L of them
    rng : numpy.random.Generator
        Places the truth within the gap between two draws, so that the rank of a truth that was drawn as the draws were
        is uniform on (0, 1), not on fractions.

    Returns
    -------
    dict of str to ndarray
        ``rank``: (b + v)/(m + 1) with b of m thinned draws below the truth (half of those equal to it), v uniform.
    """
    chains, length, k = draws.shape
    x = np.ascontiguousarray(draws.reshape(-1, k).T)
    ordered = np.sort(x, axis=1)
    tails = np.array([(1 - level) / 2 for level in levels])
    by_scalar = x.reshape(k, chains, length)
    mean, sd = x.mean(axis=1), np.sqrt(mc.variance(x))
    squares = (by_scalar - mean[:, None, None]) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        # As ArviZ has it: of the variance by its own ESS, of the sd by the delta method.
        spread = squares.reshape(k, -1).var(axis=1) / mc.ess_mean(squares)
        mcse_sd = np.sqrt(spread) / (2 * sd)
    few = x[:, _thinned(chains, length)]
    below = (few < truth[:, None]).sum(axis=1) + 0.5 * (few == truth[:, None]).sum(axis=1)
    rank = (below + rng.uniform(size=k)) / (few.shape[1] + 1)
    return {
        "estimate": mean,
        "sd": sd,
        "lower": mc.quantiles(ordered, tails),
        "upper": mc.quantiles(ordered, 1 - tails),
        "rank": np.where(np.isnan(truth), np.nan, rank),
        "mcse_mean": mc.mcse_of_mean(by_scalar),
        "mcse_sd": mcse_sd,
    }


def _thinned(chains: int, length: int) -> NDArray[np.intp]:
    """Places of at most :data:`RANKED` draws among all, as many from each chain, evenly apart."""
    step = max(-(-chains * length // RANKED), 1)
    within = np.arange(step - 1, length, step)
    return np.concatenate([chain * length + within for chain in range(chains)])


def _convergence(draws: Array, sampled: Fit) -> SamplerFigures:
    """R-hat, ESS, divergences and E-BFMI over the free variables' scalars, (chains, draws, k_free)."""
    x = np.ascontiguousarray(np.moveaxis(draws, -1, 0))
    flat = x.reshape(len(x), -1)
    finite = np.isfinite(flat).all(axis=1)
    constant = flat.min(axis=1) == flat.max(axis=1)
    bulk, r_hat = mc.convergence(x)
    lower, upper = np.quantile(flat, [0.05, 0.95], axis=1)
    ess = np.fmin(bulk, mc.ess_tail(x, lower, upper))
    names = sampled.names[: len(x)]
    energy = sampled.statistics.get("energy")
    return SamplerFigures(
        r_hat_max=float(np.max(r_hat)),
        ess_min=float(np.min(ess)),
        worst_r_hat=names[int(np.argmax(np.nan_to_num(r_hat, nan=-np.inf)))],
        worst_ess=names[int(np.argmin(np.nan_to_num(ess, nan=np.inf)))],
        draws=flat.shape[1],
        divergences=sampled.diagnostics["divergences"],
        e_bfmi_min=None if energy is None else float(mc.e_bfmi(energy).min()),
        not_finite=tuple(name for name, known in zip(names, finite, strict=True) if not known),
        constant=tuple(name for name, same in zip(names, constant, strict=True) if same),
    )
