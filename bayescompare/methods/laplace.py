"""The Laplace approximation: a Gaussian at the mode of the unconstrained density, pushed back through the transforms.

Beside it stands what corrects it: importance weights of its draws (PSIS), which give the posterior's moments and the
evidence without NUTS where their k-hat is below 0.7.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from ..errors import UsageError
from ..metrics import psis
from ..metrics.figure import Figure, as_json
from ..model.backends import Array
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from . import mode
from .modes.curvature import cholesky, hessian, jacobian, over_its_width, own_scale
from .modes.folds import folds


@dataclass(frozen=True)
class LaplaceOptions:
    """Options of the Laplace approximation.

    Attributes
    ----------
    draws : int
        Draws pushed back to the model's coordinates.
    mode : ModeOptions
        Of the search for the mode. Above ``mode.dense`` parameters there is no Laplace approximation: it needs the
        dense Hessian. Ask for that with ``ModeOptions(dense=...)``.
    """

    draws: int = 4000
    mode: mode.ModeOptions = field(default_factory=mode.ModeOptions)

    def __post_init__(self) -> None:
        if self.draws < 2:
            raise UsageError(f"Laplace needs at least 2 draws, not {self.draws}.")


def fit(problem: Problem, *, seed: int = 0, options: LaplaceOptions | None = None, at: Fit | None = None) -> Fit:
    """Approximate the posterior by a Gaussian in u at the unconstrained MAP (Jacobian included).

    Parameters
    ----------
    problem : Problem
    seed : int
    options : LaplaceOptions, optional
    at : Fit, optional
        The unconstrained MAP where it is known; found here otherwise.

    Returns
    -------
    Fit
        ``estimate`` is the mean of the draws, in the model's coordinates; draws have shape (1, draws, k), and the
        statistic ``log_ratio`` is log p(y, u) − log q(u) of each. Diagnostics, by scalar in the model's coordinates:
        ``sd`` (of the draws), ``sd_delta`` (delta method), ``shift_predicted`` (unconstrained MAP − MAP to first order,
        J Σ ∇log|J|, Σ the covariance in u); ``unconstrained_sd`` (per coordinate of u); ``log_evidence`` (nats);
        ``k_hat`` with ``k_hat_mcse`` and ``k_hat_says``; ``psis``: ``mean``, ``mean_mcse``, ``sd``, ``sd_mcse`` by
        scalar and ``log_evidence`` with its error, or the ``reason`` why not; ``weights_ess`` (draws).
        Failed, with NaN for every number, where the mode is not sound, lies on a boundary or kink, or the curvature is
        singular.
    """
    options = options or LaplaceOptions()
    density = problem.density
    at = at or mode.fit(problem, "unconstrained_map", seed=seed, options=options.mode)
    compiling, evaluations, began = density.compile_seconds, density.evaluations, time.perf_counter()
    names = problem.scalars.names
    reason = _unfit(at, problem.dimension, options)
    u = at.unconstrained
    factor, doubt = None, None
    if reason is None and u is not None:
        weights = mode.WEIGHTS["unconstrained_map"]
        precision = hessian(density, u, weights)
        precision = hessian(density, u, weights, own_scale(precision))
        if not folds(density, options.mode.dense).smooth:
            wide = over_its_width(density, u, precision, weights)
            doubt = None if wide is None else Reason(Code.CREASED)
            precision = precision if wide is None else wide
        factor = cholesky(precision)
        reason = Reason(Code.NOT_POSITIVE_DEFINITE)
    if factor is None or u is None:
        nothing = np.full(len(names), np.nan)
        seconds = time.perf_counter() - began
        return Fit("laplace", Status.FAILED, () if reason is None else (reason,), names, nothing, seconds=seconds)

    z = standard_normal(options.draws, len(u), np.random.default_rng(seed))
    points = u + solve_triangular(factor, z.T, lower=True, trans=1).T
    draws = density.push(points)
    # log q(u) = −½ zᵀz + ½ log det H − d/2 log 2π
    log_volume = len(u) / 2 * math.log(2 * math.pi) - float(np.log(np.diag(factor)).sum())
    ratios = density.values(points, weights) + 0.5 * (z**2).sum(axis=1) + log_volume
    # Of a density that repeats itself with each circle, the posterior is one.
    ratios[(np.abs(points - u)[:, density.circular] > math.pi).any(axis=1)] = -math.inf
    root = solve_triangular(factor, np.eye(len(u)), lower=True)  # Σ = rootᵀ root
    compile_seconds = density.compile_seconds - compiling
    reasons: tuple[Reason, ...] = () if doubt is None else (doubt,)
    if at.status is not Status.OK:
        reasons += (Reason(Code.MODE_NOT_OK, figures={"status": str(at.status)}, causes=at.reasons),)
    return Fit(
        method="laplace",
        status=at.status if doubt is None else Status.SUSPECT,
        reasons=reasons,
        names=names,
        estimate=draws.mean(axis=0),
        unconstrained=u,
        log_density=at.log_density,
        draws=draws[None],
        unconstrained_draws=points[None],
        statistics={"log_ratio": ratios[None]},
        diagnostics={
            "sd": named(names, draws.std(axis=0, ddof=1)),
            **_first_order(problem, u, root),
            "unconstrained_sd": np.sqrt((root**2).sum(axis=0)).tolist(),
            "log_evidence": at.log_density + log_volume,
            **importance(names, draws, ratios),
            "draws": options.draws,
        },
        seconds=time.perf_counter() - began - compile_seconds,
        compile_seconds=compile_seconds,
        evaluations=density.evaluations - evaluations,
    )


def _unfit(at: Fit, dimension: int, options: LaplaceOptions) -> Reason | None:
    """Why no Gaussian can be put at this mode, or None."""
    if at.status is Status.FAILED or at.unconstrained is None:
        return Reason(Code.NO_UNCONSTRAINED_MODE, causes=at.reasons[:1])
    for place in ("boundary", "kink"):
        if at.diagnostics.get(place):
            figures = {"mode": "unconstrained", "place": place}
            return Reason(Code.NO_WIDTH, tuple(at.diagnostics[place]), figures)
    if dimension > options.mode.dense:
        return Reason(Code.TOO_LARGE, figures={"parameters": dimension})
    return None


def _first_order(problem: Problem, u: Array, root: Array) -> dict[str, Any]:
    """Standard errors by the delta method, and where the Jacobian moves the mode, both to first order."""
    j = jacobian(problem.density, u, np.sqrt((root**2).sum(axis=0)))
    _, slope = problem.density(u, (0.0, 0.0, 1.0))
    names = problem.scalars.names
    return {
        "sd_delta": named(names, np.sqrt(((j @ root.T) ** 2).sum(axis=1))),
        "shift_predicted": named(names, j @ (root.T @ (root @ slope))),
    }


def importance(names: tuple[str, ...], draws: Array, ratios: Array) -> dict[str, Any]:
    """k-hat of the draws' importance weights and what these correct, as diagnostics of a fit."""
    weights = psis.importance(ratios)
    moments = psis.moments(draws, weights, draws.mean(axis=0))
    corrected: dict[str, Any] = {"reason": as_json(moments.reason)}
    if moments.reason is None:
        corrected |= {key: named(names, getattr(moments, key)) for key in ("mean", "mean_mcse", "sd", "sd_mcse")}
        corrected |= {"log_evidence": weights.log_evidence.value, "log_evidence_mcse": weights.log_evidence.mcse}
    return {
        "k_hat": weights.k_hat.value,
        "k_hat_mcse": weights.k_hat.mcse,
        "k_hat_says": as_json(weights.k_hat.reason or psis.covers(weights.k_hat.value)),
        "weights_ess": weights.ess.value,
        "psis": corrected,
    }


def k_hat(fit: Fit) -> Figure:
    """k-hat of a fit that has one."""
    d = fit.diagnostics
    return Figure(d["k_hat"], d["k_hat_mcse"], Reason.from_json(d["k_hat_says"]))


def named(names: tuple[str, ...], values: Array) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def standard_normal(draws: int, dimension: int, rng: np.random.Generator) -> Array:
    """Standard normal draws whose mean is exactly 0 and, where there are draws enough, covariance exactly 1.

    So a Gaussian posterior's Laplace moments are exact, and others lose the part of their noise that is linear.
    """
    half = rng.standard_normal(((draws + 1) // 2, dimension))
    z = np.concatenate([half, -half])[:draws]
    z -= z.mean(axis=0)
    if draws < 10 * dimension:
        return z
    root = np.linalg.cholesky(z.T @ z / (draws - 1))
    return np.linalg.solve(root, z.T).T


def run(problem: Problem, *, seed: int = 0, options: LaplaceOptions | None = None, progress: bool = False) -> Fit:
    """The registry's entry: search for the mode, then :func:`fit`."""
    return fit(problem, seed=seed, options=options)
