"""The Laplace approximation: a Gaussian at the mode of the unconstrained density, pushed back through the
transforms."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np

from ..density import Array
from ..errors import UsageError
from ..problem import Problem
from . import mode
from .curvature import cholesky, hessian
from .result import Fit, Status


@dataclass(frozen=True)
class LaplaceOptions:
    """Options of the Laplace approximation.

    Attributes
    ----------
    draws : int
        Draws pushed back to the model's coordinates.
    mode : ModeOptions
        Of the search for the mode.
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
        ``estimate`` is the mean of the draws, in the model's coordinates; draws have shape (1, draws, k).
        Diagnostics: ``sd`` (per scalar), ``log_evidence`` (nats), ``unconstrained_sd`` (per coordinate of u).
        Failed, with NaN for every number, where the mode is not sound, lies on a boundary, or the curvature is
        singular.
    """
    options = options or LaplaceOptions()
    density = problem.density
    at = at or mode.fit(problem, "unconstrained_map", seed=seed, options=options.mode)
    compiling, evaluations, began = density.compile_seconds, density.evaluations, time.perf_counter()
    names = problem.scalars.names

    def failed(reason: str) -> Fit:
        return Fit(
            "laplace", Status.FAILED, (reason,), names, np.full(len(names), np.nan), seconds=time.perf_counter() - began
        )

    if at.status is Status.FAILED or at.unconstrained is None:
        return failed(
            f"no unconstrained mode to approximate at: {at.reasons[0] if at.reasons else 'the search failed'}"
        )
    if at.diagnostics.get("boundary"):
        return failed(f"the unconstrained mode lies on a boundary ({', '.join(at.diagnostics['boundary'])})")

    u = at.unconstrained
    weights = mode.WEIGHTS["unconstrained_map"]
    precision = hessian(density, u, weights)
    precision = hessian(density, u, weights, 1 / np.sqrt(np.maximum(np.diag(precision), 1e-12)))
    factor = cholesky(precision)
    if factor is None:
        return failed(
            "the curvature at the mode is not positive definite, so no Gaussian approximates the density there"
        )

    z = standard_normal(options.draws, len(u), np.random.default_rng(seed))
    points = u + np.linalg.solve(factor.T, z.T).T
    draws = density.push(points)
    covariance_root = np.linalg.inv(factor)
    compile_seconds = density.compile_seconds - compiling
    reasons = () if at.status is Status.OK else (f"the mode is {at.status}: {'; '.join(at.reasons)}",)
    return Fit(
        method="laplace",
        status=at.status,
        reasons=reasons,
        names=names,
        estimate=draws.mean(axis=0),
        unconstrained=u,
        log_density=at.log_density,
        draws=draws[None],
        unconstrained_draws=points[None],
        diagnostics={
            "sd": dict(zip(names, draws.std(axis=0, ddof=1).tolist(), strict=True)),
            "unconstrained_sd": np.sqrt((covariance_root**2).sum(axis=0)).tolist(),
            "log_evidence": at.log_density + len(u) / 2 * math.log(2 * math.pi) - float(np.log(np.diag(factor)).sum()),
            "draws": options.draws,
        },
        seconds=time.perf_counter() - began - compile_seconds,
        compile_seconds=compile_seconds,
        evaluations=density.evaluations - evaluations,
    )


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
