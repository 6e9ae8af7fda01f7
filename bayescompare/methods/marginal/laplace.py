"""Marginal Laplace: hyperparameters drawn from ℓ, the latent block from its conditional Gaussian, and what that misses.

What INLA and TMB approximate by. Each draw has the log ratio of the exact joint density to the density it was drawn
from, so that importance weights make the approximation exact or say that they cannot.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FitError
from ...metrics import diagnostics as chains
from ...metrics import psis
from ...metrics.thresholds import K_HAT_MAX, R_HAT_MAX
from ...model.backends import Array
from ...model.problem import Problem
from ...reasons import Code, Reason
from ...results.fit import Fit, Status
from .. import mode as outer_mode
from .. import nuts
from ..laplace import importance, named
from ..sampler_options import SamplerOptions
from .inner import inner_modes
from .mode import Found, diagnostics, outer_covariance, search
from .options import MarginalOptions
from .outer import Marginal

#: Degrees of freedom of the t from which each direction is drawn: where a scale may be 0, the tail of its logarithm is
#: exponential and begins near the mode.
FREEDOM = 4

#: Least effective draws of hyperparameters; with fewer NUTS draws them.
EFFECTIVE = 400

#: How far from the mode, in sd of the parabola, the width of ℓ is taken, and the least and most that the t is given.
PROBES, WIDTHS = (2.0, 5.0), (0.6, 4.0)

#: Chains of NUTS on ℓ, draws for adaptation of each, and most draws of all of them.
CHAINS, TUNE, MOST_SAMPLED = 2, 300, 1000

#: Most scalars of all draws together.
CELLS = 20_000_000

#: Most entries of Hessian-vector products of all draws together: a dense block of 250 has 62,500 at each draw.
PRODUCTS = 60_000_000

#: Fewest draws, however many scalars and products they have.
FEWEST = 200

#: Rows that are worked on at a time hold at most so many entries.
AT_ONCE = 4_000_000

WEIGHTS = outer_mode.WEIGHTS["unconstrained_map"]


@dataclass(frozen=True)
class Outer:
    """Draws of the hyperparameters from ℓ.

    Attributes
    ----------
    points : ndarray of shape (S, d)
        u, with x at (or near) its mode.
    log_evidence : float
        log ∫ exp ℓ, nats; NaN where NUTS drew them.
    by : str
        ``"importance sampling"`` or ``"NUTS"``.
    k_hat, ess : float
        Of the importance weights.
    doubts : tuple of Reason
        Why the draws are not to be trusted.
    """

    points: Array
    log_evidence: float
    by: str
    k_hat: float
    ess: float
    doubts: tuple[Reason, ...] = ()


def fit(problem: Problem, *, seed: int = 0, options: MarginalOptions | None = None) -> Fit:
    """Approximate the posterior with the latent block integrated out by Laplace's approximation.

    Parameters
    ----------
    problem : Problem
    seed : int
    options : MarginalOptions, optional

    Returns
    -------
    Fit
        As of the Laplace approximation (``methods.laplace``): ``estimate`` is the mean of the draws,
        of shape (1, draws, k); the statistic ``log_ratio`` is of the exact joint density to the approximation.
        Diagnostics: ``sd``, ``k_hat`` with ``k_hat_mcse`` and ``k_hat_says``, ``weights_ess``, ``psis`` (corrected
        ``mean``, ``sd`` and ``log_evidence`` with their errors, or the ``reason`` why not), ``log_evidence`` of the
        approximation, ``outer_by``, ``outer_k_hat``, ``outer_ess``, ``to_blame`` (scalars of the latent block whose
        conditional is furthest from Gaussian, where k-hat is not below 0.7), and those of the marginal mode.
        Suspect where k-hat is not below 0.7; failed where the marginal mode is, or lies on a boundary.

    Raises
    ------
    UnsupportedModelError
        If no latent block is found, or the density has no translation to JAX.
    """
    options = options or MarginalOptions()
    density = problem.density
    compiling, began = density.compile_seconds, time.perf_counter()
    found = search(problem, "unconstrained_map", seed, options)
    reason = _unfit(found)
    covariance = outer_covariance(found, WEIGHTS) if reason is None else None
    names = problem.scalars.names
    if covariance is None:
        return Fit(
            method="marginal_laplace",
            status=Status.FAILED,
            reasons=(reason or Reason(Code.MARGINAL_SINGULAR),),
            names=names,
            estimate=np.full(len(names), np.nan),
            diagnostics=diagnostics(found),
            seconds=time.perf_counter() - began,
        )
    rng = np.random.default_rng(seed)
    outer = _outer_draws(found, covariance, _count(found, len(names), options.draws), rng, seed, options)
    points, ratios, z = _latent_draws(found.outer.marginal, outer, rng)
    draws = density.push(points)
    told = importance(names, draws, ratios)
    blamed = _to_blame(problem, found.outer.marginal, z, ratios) if not told["k_hat"] < K_HAT_MAX else []
    status, reasons = _judged(found, outer, told, blamed)
    compile_seconds = density.compile_seconds - compiling
    return Fit(
        method="marginal_laplace",
        status=status,
        reasons=reasons,
        names=names,
        estimate=draws.mean(axis=0),
        unconstrained=None if found.at is None else found.at.point,
        log_density=math.nan if found.at is None else found.at.value,
        draws=draws[None],
        unconstrained_draws=points[None],
        statistics={"log_ratio": ratios[None]},
        diagnostics={
            **diagnostics(found),
            "sd": named(names, draws.std(axis=0, ddof=1)),
            "log_evidence": _known(outer.log_evidence),
            **told,
            "outer_by": outer.by,
            "outer_k_hat": _known(outer.k_hat),
            "outer_ess": _known(outer.ess),
            "to_blame": blamed,
            "draws": len(draws),
        },
        seconds=time.perf_counter() - began - compile_seconds,
        compile_seconds=compile_seconds,
        evaluations=found.outer.marginal.inner_steps,
    )


def _count(found: Found, scalars: int, asked: int) -> int:
    """How many draws: fewer than asked for where they would not fit, or would take minutes."""
    marginal = found.outer.marginal
    products = marginal.joint.pattern.count * len(marginal.latent.coordinates)
    return max(min(asked, CELLS // max(scalars, 1), PRODUCTS // products), min(FEWEST, asked))


def _known(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _unfit(found: Found) -> Reason | None:
    """Why nothing can be put at this mode, or None."""
    if found.status is Status.FAILED or found.at is None:
        return Reason(Code.NO_MARGINAL_MODE, causes=found.reasons[:1])
    for place in ("boundary", "kink"):
        if found.fit.diagnostics[place]:
            figures = {"mode": "marginal", "place": place}
            return Reason(Code.NO_WIDTH, tuple(found.fit.diagnostics[place]), figures)
    return None


# -- hyperparameters -------------------------------------------------------------------------------


def _outer_draws(
    found: Found, covariance: Array, count: int, rng: np.random.Generator, seed: int, options: MarginalOptions
) -> Outer:
    """By importance sampling from skewed t's at the mode where their weights carry that, else by NUTS on ℓ."""
    tried = None
    few = found.outer.marginal.dimension <= options.sampled_above
    if (few or not options.sampled) and found.phi is not None:
        tried = _by_importance(found, found.phi, covariance, count, rng)
        if tried.k_hat < K_HAT_MAX and tried.ess >= min(EFFECTIVE, count / 10):
            return tried
        if not options.sampled:
            figures = {"k_hat": tried.k_hat, "ess": tried.ess}
            return replace(tried, doubts=(Reason(Code.HYPERPARAMETERS_WEIGHTS, figures=figures),))
    return _by_nuts(found, count, seed, tried)


@dataclass(frozen=True, eq=False)
class Proposed:
    """Draws from a proposal, chosen by their weights: which, and the log evidence, k-hat and effective draws."""

    chosen: NDArray[np.intp]
    log_evidence: float
    k_hat: float
    ess: float


def _by_importance(found: Found, centre: Array, covariance: Array, count: int, rng: np.random.Generator) -> Outer:
    """Draws from a t, and of them, by their weights, ``count`` again."""
    marginal = found.outer.marginal
    root = symmetric_root(covariance)
    _, heights = _marginal_heights(marginal, _near(found, probes(centre, root)))
    phi, log_t = student(centre, root, widths(heights), count, rng)
    points, heights = _marginal_heights(marginal, _near(found, phi))
    told = proposed(heights - log_t, count, rng)
    return Outer(points[told.chosen], told.log_evidence, "importance sampling", told.k_hat, told.ess)


def proposed(log_ratios: Array, count: int, rng: np.random.Generator) -> Proposed:
    """Systematic resampling by importance weights; all draws as they are where there are no weights."""
    weights = psis.importance(log_ratios)
    if not weights.ess.value > 0:
        return Proposed(np.arange(len(log_ratios)), math.nan, math.nan, 0.0)
    cumulated = np.cumsum(np.exp(weights.log_weights))
    chosen = np.searchsorted(cumulated / cumulated[-1], (rng.random() + np.arange(count)) / count)
    evidence = float(np.logaddexp.reduce(log_ratios) - math.log(len(log_ratios)))
    return Proposed(chosen, evidence, weights.k_hat.value, weights.ess.value)


def symmetric_root(covariance: Array) -> Array:
    """A root whose columns lie as near to the coordinates as can be."""
    sd = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    return np.asarray(sd[:, None] * (vectors * np.sqrt(values)) @ vectors.T)


def probes(centre: Array, root: Array) -> Array:
    """The mode, and points on both sides of it along each column of the root."""
    units = np.concatenate([-root.T, root.T])
    return np.concatenate([centre[None], *(centre + probe * units for probe in PROBES)])


def widths(heights: Array) -> Array:
    """How much wider ℓ is than its parabola on both sides along each column, (2, m), by its heights at the probes."""
    fall = np.maximum(heights[0] - heights[1:], 0.0).reshape(len(PROBES), 2, -1)
    with np.errstate(divide="ignore"):
        width = np.array(PROBES)[:, None, None] / np.sqrt(2 * fall)
    return np.asarray(np.clip(width.max(axis=0), *WIDTHS))


def student(centre: Array, root: Array, width: Array, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """At least ``count`` points of skewed t's, evenly spread (scrambled Sobol), and their log density."""
    from scipy.stats import qmc, t

    uniform = qmc.Sobol(len(centre), rng=rng).random_base2(max(count - 1, 1).bit_length())
    z = t.ppf(np.clip(uniform, 1e-12, 1 - 1e-12), FREEDOM)
    scale = np.where(z < 0, width[0], width[1])
    log_t = (t.logpdf(z, FREEDOM) - np.log(scale)).sum(axis=1) - float(np.linalg.slogdet(root)[1])
    return centre + (scale * z) @ root.T, log_t


def _near(found: Found, phi: Array) -> Array:
    """Points at rows of φ, x where its mode is to first order."""
    marginal = found.outer.marginal
    if found.phi is None or found.at is None:
        return marginal.joined(phi, marginal.whole.start[marginal.latent.coordinates])
    moved = (phi - found.phi) @ marginal.response(found.at, WEIGHTS).T
    return marginal.joined(phi, found.at.point[marginal.latent.coordinates] + moved)


def _marginal_heights(marginal: Marginal, points: Array) -> tuple[Array, Array]:
    """Points with x at its mode, and ℓ there, −∞ where there is none; some rows at a time."""
    moved, heights = np.array(points), np.full(len(points), -np.inf)
    weights = np.asarray(WEIGHTS)
    for rows in _pieces(marginal, len(points)):
        marginal.in_time()
        inner = inner_modes(marginal.joint, points[rows], weights)
        marginal.inner_steps += inner.steps
        found = np.flatnonzero(inner.found)
        if len(found):
            factor = marginal.joint.layout.factor(inner.entries[found])
            heights[rows[found]] = inner.value[found] + marginal.volume(factor)
            moved[rows[found]] = inner.points[found]
    return moved, heights


def _pieces(marginal: Marginal, count: int) -> list[np.ndarray]:
    size = max(AT_ONCE // max(len(marginal.joint.pattern.rows), 1), 1)
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


def _by_nuts(found: Found, count: int, seed: int, tried: Outer | None) -> Outer:
    """Draws of the hyperparameters by NUTS on ℓ, x at its mode for each."""
    draws = max(min(count, MOST_SAMPLED) // CHAINS, 50)
    options = SamplerOptions(draws=draws, tune=TUNE, chains=CHAINS, backend="jax")
    sampled = nuts.run(found.outer, seed=seed, options=options, cores=1)
    if sampled.unconstrained_draws is None:
        raise FitError("NUTS on the marginal density drew nothing", sampled)
    r_hat = float(np.max(chains.r_hat(sampled.unconstrained_draws)))
    divergences = int(sampled.diagnostics["divergences"])
    doubts = []
    if r_hat > R_HAT_MAX:
        doubts.append(Reason(Code.HYPERPARAMETERS_NOT_MIXED, figures={"r_hat": r_hat}))
    if divergences:
        doubts.append(Reason(Code.HYPERPARAMETERS_DIVERGE, figures={"divergences": divergences}))
    phi = sampled.unconstrained_draws.reshape(-1, found.outer.marginal.dimension)
    points, heights = _marginal_heights(found.outer.marginal, _near(found, phi))
    kept = np.isfinite(heights)
    k_hat, ess = (math.nan, math.nan) if tried is None else (tried.k_hat, tried.ess)
    return Outer(points[kept], math.nan, "NUTS", k_hat, ess, tuple(doubts))


# -- the latent block ------------------------------------------------------------------------------


def _latent_draws(marginal: Marginal, outer: Outer, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Draws of u, log p(u) − log q(u), and the draws of x as standard normal numbers about their modes, (S, n).

    With q(φ, x) = exp(ℓ(φ) − log ∫ exp ℓ) · N(x; x*, H⁻¹) the ratio is how far log p falls from x* to x beyond what its
    parabola there does, plus log ∫ exp ℓ.
    """
    weights = np.asarray(WEIGHTS)
    x = marginal.latent.coordinates
    points, ratios = outer.points.copy(), np.empty(len(outer.points))
    standard = np.empty((len(points), len(x)))
    for rows in _pieces(marginal, len(points)):
        marginal.in_time()
        at = inner_modes(marginal.joint, outer.points[rows], weights)
        factor = marginal.joint.layout.factor(at.entries)
        z = rng.standard_normal((len(rows), len(x)))
        points[rows] = at.points
        points[np.ix_(rows, x)] += factor.draw(z)
        value, _, _ = marginal.joint.local(points[rows], weights)
        value = np.where(np.isfinite(value), value, -np.inf)
        ratios[rows] = value - at.value + 0.5 * (z**2).sum(axis=1)
        variance = factor.inverse()[:, marginal.joint.pattern.diagonal]
        standard[rows] = (points[np.ix_(rows, x)] - at.points[:, x]) / np.sqrt(variance)
    constant = outer.log_evidence if math.isfinite(outer.log_evidence) else 0.0
    return points, ratios + constant, standard


def _to_blame(problem: Problem, marginal: Marginal, z: Array, ratios: Array) -> list[str]:
    """Up to five scalars of the latent block of which the log ratio depends most: its correlation with z and z²."""
    finite = np.isfinite(ratios)
    if finite.sum() < len(ratios) / 2:
        return []
    own, z = ratios[finite] - ratios[finite].mean(), z[finite]
    share = np.zeros(z.shape[1])
    for feature in (z, z**2 - 1, z**3 - 3 * z):
        feature = feature - feature.mean(axis=0)
        norm = np.sqrt((feature**2).sum(axis=0) * (own**2).sum())
        share += ((own @ feature) / np.where(norm > 0, norm, np.inf)) ** 2
    names = np.concatenate(
        [np.array(_names(problem, block.name, block.size), dtype=object) for block in marginal.latent.blocks]
    )
    order = np.argsort(-share, kind="stable")[:5]
    return [str(names[i]) for i in order]


def _names(problem: Problem, name: str, size: int) -> list[str]:
    """Names of a variable's coordinates; its own where a transform changes their number."""
    start, stop, _, _ = problem.scalars.variables[name]
    return list(problem.scalars.names[start:stop]) if stop - start == size else [name] * size


def _judged(found: Found, outer: Outer, told: dict[str, Any], blamed: list[str]) -> tuple[Status, tuple[Reason, ...]]:
    reasons = list(outer.doubts)
    if not told["k_hat"] < K_HAT_MAX:
        figures = {"k_hat": float(told["k_hat"]), "limit": K_HAT_MAX}
        reasons.append(Reason(Code.LATENT_NOT_GAUSSIAN, tuple(dict.fromkeys(blamed)), figures))
    status = Status.SUSPECT if reasons else found.status
    return status, (*reasons, *found.reasons)
