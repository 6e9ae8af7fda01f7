"""Variational inference made deterministic: a Gaussian in u that is nearest to the posterior over fixed draws.

Giordano, Ingram and Broderick (2024, JMLR 25(18)): with the draws of the objective held fixed it is an ordinary
function, minimised to a known accuracy, and its curvature gives covariances that the mean field has not (linear
response).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from ..errors import UsageError
from ..metrics.thresholds import K_HAT_MAX
from ..model.backends import Array
from ..model.density import Density
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from . import mode
from .laplace import importance, named, standard_normal
from .modes.curvature import cholesky, hessian, own_scale

WEIGHTS = mode.WEIGHTS["unconstrained_map"]

#: Fixed draws: at least, and at most of the mean field; the dimension's own correlations are exact up to half of them.
FEWEST, MOST = 64, 256

#: Largest dimension of a full covariance, and of the mean field's curvature (Newton steps, linear response).
FULL, CURVED = 150, 150

#: Largest decrement of an answer, nats: 1e-6 is 1.4e-3 of its sd.
DECREMENT = 1e-6

#: Rounds of the first-order search, steps of each, and Newton steps; log scale at which it has run away.
ROUNDS, STEPS, NEWTON, RUNAWAY = 6, 500, 12, 30.0

#: Objective where the density is zero: a number, for SciPy's line search.
NEVER = 1e300


@dataclass(frozen=True)
class VariationalOptions:
    """Options of ``advi`` and ``fullrank_advi``.

    Attributes
    ----------
    draws : int
        Draws of the answer.
    fixed : int, optional
        Draws that the objective is a mean over; None: by the dimension.
    mode : ModeOptions
        Of the search for the mode that it begins at.
    """

    draws: int = 4000
    fixed: int | None = None
    mode: mode.ModeOptions = field(default_factory=mode.ModeOptions)

    def __post_init__(self) -> None:
        for name, value in (("draws", self.draws), ("fixed", self.fixed)):
            if value is not None and value < 2:
                raise UsageError(f"{name} must be at least 2, not {value}.")


@dataclass(frozen=True)
class Family:
    """Gaussians u = centre + root (a + L z), L diagonal (mean field) or lower triangular.

    ``root`` is (d, d), or (d,) for a diagonal one. Parameters are a, the logarithms of L's diagonal, and for a full
    L what lies below it.
    """

    density: Density
    centre: Array
    root: Array
    z: Array
    full: bool

    @property
    def start(self) -> Array:
        """The Gaussian at the centre with the root's own covariance."""
        d = len(self.centre)
        return np.zeros(2 * d + (d * (d - 1) // 2 if self.full else 0))

    def factor(self, p: Array) -> tuple[Array, Array]:
        """a, and L: (d,) for the mean field."""
        d = len(self.centre)
        a, diagonal = p[:d], np.exp(p[d : 2 * d])
        if not self.full:
            return a, diagonal
        lower = np.diag(diagonal)
        lower[np.tril_indices(d, -1)] = p[2 * d :]
        return a, lower

    def points(self, p: Array, z: Array) -> Array:
        """u at rows of z."""
        a, lower = self.factor(p)
        v = a + (z @ lower.T if self.full else z * lower)
        return np.asarray(self.centre + (v @ self.root.T if self.full else v * self.root))

    def log_volume(self, p: Array) -> float:
        """log det of what z is multiplied by."""
        d = len(self.centre)
        own = np.linalg.slogdet(self.root)[1] if self.full else np.log(self.root).sum()
        return float(own + p[d : 2 * d].sum())

    def objective(self, p: Array) -> tuple[float, Array]:
        """Kullback–Leibler divergence over the fixed draws, up to a constant, and its gradient."""
        d = len(self.centre)
        if not np.isfinite(p).all() or np.abs(p[d : 2 * d]).max() > RUNAWAY:
            return NEVER, np.zeros_like(p)
        values, gradients = self.density.batch(self.points(p, self.z), WEIGHTS)
        if not np.isfinite(values).all():
            return NEVER, np.zeros_like(p)
        slopes = gradients @ self.root if self.full else gradients * self.root
        _, lower = self.factor(p)
        if self.full:
            by_lower = slopes.T @ self.z / len(self.z)
            of_scale = np.diag(by_lower) * np.diag(lower)
            rest = by_lower[np.tril_indices(d, -1)]
        else:
            of_scale, rest = (slopes * self.z).mean(axis=0) * lower, np.empty(0)
        gradient = np.concatenate([slopes.mean(axis=0), of_scale + 1, rest])
        return -(float(values.mean()) + self.log_volume(p)), -gradient

    def moved(self, p: Array) -> Family:
        """The same family in coordinates whose start is p."""
        a, lower = self.factor(p)
        centre = self.centre + (self.root @ a if self.full else self.root * a)
        return replace(self, centre=centre, root=self.root @ lower if self.full else self.root * lower)

    def curvature(self) -> Array:
        """Hessian of the mean field's objective at its start, (2d, 2d), by differences of the draws' gradients."""
        d, m = self.z.shape[1], len(self.z)
        points = self.points(self.start, self.z)
        _, gradients = self.density.batch(points, WEIGHTS)
        found = np.empty((2 * d, 2 * d))
        for j in range(d):
            step = np.zeros(d)
            step[j] = 1e-4 * self.root[j]
            _, slopes = self.density.batch(np.concatenate([points + step, points - step]), WEIGHTS)
            column = -(slopes[:m] - slopes[m:]) * self.root / 2e-4
            across = column * self.z[:, j : j + 1]
            found[:d, j], found[:d, d + j] = column.mean(axis=0), across.mean(axis=0)
            found[d:, j], found[d:, d + j] = (self.z * column).mean(axis=0), (self.z * across).mean(axis=0)
        found[d:, d:] -= np.diag((gradients * self.root * self.z).mean(axis=0))
        return np.asarray((found + found.T) / 2)


@dataclass(frozen=True)
class Found:
    """Where the search ended: a family whose start is the answer; the curvature there, where it was made."""

    family: Family
    decrement: float
    steps: int
    value: float
    curvature: Array | None = None


def fit(
    problem: Problem,
    name: str = "advi",
    *,
    seed: int = 0,
    options: VariationalOptions | None = None,
    at: Fit | None = None,
) -> Fit:
    """Approximate the posterior by the Gaussian in u that is nearest to it in Kullback–Leibler divergence.

    Parameters
    ----------
    problem : Problem
    name : {"advi", "fullrank_advi"}
        Independent coordinates (mean field), or a full covariance.
    seed : int
    options : VariationalOptions, optional
    at : Fit, optional
        The unconstrained MAP where it is known; found here otherwise.

    Returns
    -------
    Fit
        As of the Laplace approximation: draws of shape (1, draws, k) with the statistic ``log_ratio``; ``estimate`` is
        their mean. Diagnostics: ``sd``, ``k_hat``, ``psis``, ... as there; ``decrement`` (nats from the optimum over
        the fixed draws), ``steps``, ``fixed`` and ``elbo`` (nats). Of the mean field ``linear_response``: the same
        figures of the Gaussian with the covariance that its optimum's response to small changes tells, or None.
        Suspect where k-hat is not below 0.7; failed, with NaN for every number, where the search did not converge.
    """
    options = options or VariationalOptions()
    density, full = problem.density, name == "fullrank_advi"
    compiling, evaluations, began = density.compile_seconds, density.evaluations, time.perf_counter()

    def spent() -> dict[str, Any]:
        compile_seconds = density.compile_seconds - compiling
        seconds = time.perf_counter() - began - compile_seconds
        return {
            "seconds": seconds,
            "compile_seconds": compile_seconds,
            "evaluations": density.evaluations - evaluations,
        }

    names, d = problem.scalars.names, problem.dimension
    nothing = np.full(len(names), np.nan)
    if full and d > FULL:
        reason = Reason(Code.TOO_MANY, figures={"parameters": d, "limit": FULL})
        return Fit(name, Status.FAILED, (reason,), names, nothing)
    at = at or mode.fit(problem, "unconstrained_map", seed=seed, options=options.mode)
    found = _search(_begin(problem, at, full, options.fixed, seed))
    if not found.decrement <= DECREMENT:
        figures = {"decrement": found.decrement, "steps": found.steps}
        code = Code.NO_USABLE_START if found.value >= NEVER else Code.NOT_CONVERGED
        figures = {"starts": 1} if code is Code.NO_USABLE_START else figures
        return Fit(name, Status.FAILED, (Reason(code, figures=figures),), names, nothing, **spent())
    family = found.family
    root = family.root if full else np.diag(family.root)
    drawn = _drawn(problem, family.centre, root, options.draws, seed)
    told = importance(names, drawn.scalars, drawn.ratios)
    response = None if full else _linear_response(problem, found, options.draws, seed)
    usable = told["k_hat"] < K_HAT_MAX
    doubt = Reason(Code.K_HAT, figures={"k_hat": told["k_hat"], "limit": K_HAT_MAX})
    return Fit(
        method=name,
        status=Status.OK if usable else Status.SUSPECT,
        reasons=() if usable else (doubt,),
        names=names,
        estimate=drawn.scalars.mean(axis=0),
        unconstrained=family.centre,
        draws=drawn.scalars[None],
        unconstrained_draws=drawn.points[None],
        statistics={"log_ratio": drawn.ratios[None]},
        diagnostics={
            "sd": named(names, drawn.scalars.std(axis=0, ddof=1)),
            **told,
            "decrement": found.decrement,
            "steps": found.steps,
            "fixed": len(family.z),
            "elbo": d / 2 * (1 + math.log(2 * math.pi)) - found.value,
            **({} if full else {"linear_response": response}),
            "draws": options.draws,
        },
        **spent(),
    )


def _begin(problem: Problem, at: Fit, full: bool, fixed: int | None, seed: int) -> Family:
    """The family at the mode, with its curvature's scales; at the initial point where there is no mode."""
    density, d = problem.density, problem.dimension
    centre, root = density.start, np.full(d, 0.1)
    size = fixed or int(np.clip(2 * math.ceil(1.5 * d), FEWEST, 4 * FULL if full else MOST))
    z = _fixed(size, d, np.random.default_rng(seed))
    if at.status is not Status.FAILED and at.unconstrained is not None and np.isfinite(at.unconstrained).all():
        centre = at.unconstrained
        if d <= CURVED:
            curved = hessian(density, centre, WEIGHTS)
            root = np.clip(own_scale(curved), 1e-10, 1e10)
            factor = cholesky(curved) if full else None
            if factor is not None:
                return Family(density, centre, np.linalg.inv(factor).T, z, full)
    return Family(density, centre, np.diag(root) if full else root, z, full)


def _fixed(size: int, dimension: int, rng: np.random.Generator) -> Array:
    """Draws in antithetic pairs, with variance 1 and, up to half as many dimensions, no correlation: exactly."""
    half = (size + 1) // 2
    z = rng.standard_normal((half, dimension))
    z = np.linalg.qr(z)[0] if half >= dimension else z / np.linalg.norm(z, axis=0)
    return np.concatenate([z, -z]) * math.sqrt(half)


def _search(family: Family) -> Found:
    """First-order rounds, each in the units that the last one found; then Newton steps where they can be afforded."""
    steps, value = 0, NEVER
    for _ in range(4):  # a Gaussian that reaches beyond where the density is defined is made narrower
        if family.objective(family.start)[0] < NEVER:
            break
        family = replace(family, root=family.root / 10)
    decrement = math.inf
    for _ in range(ROUNDS):
        end = minimize(
            family.objective,
            family.start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": STEPS, "maxcor": 20, "ftol": 1e-14, "gtol": 1e-7},
        )
        steps += int(end.nit)
        family = family.moved(np.asarray(end.x))
        value, gradient = family.objective(family.start)
        decrement = 0.5 * float(gradient @ gradient) if value < NEVER else math.inf
        if decrement <= DECREMENT / 100 or not math.isfinite(decrement) or end.nit == 0:
            break
    found = Found(family, decrement, steps, value)
    return _newton(found) if not family.full and len(family.centre) <= CURVED and value < NEVER else found


def _newton(found: Found) -> Found:
    """The mean field's answer by Newton steps, each halved until it descends."""
    for _ in range(NEWTON):
        family = found.family
        value, gradient = family.objective(family.start)
        curved = family.curvature()
        try:
            step = cho_solve(cho_factor(curved), gradient)
        except (np.linalg.LinAlgError, ValueError):
            return replace(found, decrement=math.inf)
        decrement = 0.5 * float(gradient @ step)
        found = replace(found, decrement=decrement, value=value, curvature=curved)
        if decrement <= DECREMENT / 100:
            break
        share = next((s for s in 0.5 ** np.arange(12) if family.objective(-s * step)[0] < value), None)
        if share is None:  # rounding
            break
        found = replace(found, family=family.moved(-share * step), steps=found.steps + 1)
    return found


@dataclass(frozen=True)
class _Drawn:
    points: Array
    scalars: Array
    ratios: Array


def _drawn(problem: Problem, centre: Array, root: Array, draws: int, seed: int) -> _Drawn:
    """Draws of a Gaussian in u, pushed back, with log p(y, u) − log q(u) of each."""
    density, d = problem.density, len(centre)
    z = standard_normal(draws, d, np.random.default_rng(seed))
    points = centre + z @ root.T
    log_volume = d / 2 * math.log(2 * math.pi) + float(np.linalg.slogdet(root)[1])
    ratios = density.values(points, WEIGHTS) + 0.5 * (z**2).sum(axis=1) + log_volume
    return _Drawn(points, density.push(points), ratios)


def _linear_response(problem: Problem, found: Found, draws: int, seed: int) -> dict[str, Any] | None:
    """Moments with the covariance of u that is the upper block of the objective's inverse curvature."""
    if found.curvature is None:
        return None
    d, family = len(found.family.centre), found.family
    inverse = np.linalg.inv(found.curvature)[:d, :d]
    covariance = inverse * np.outer(family.root, family.root)
    drawn = _drawn(problem, family.centre, np.linalg.cholesky(covariance), draws, seed)
    names = problem.scalars.names
    return {
        "mean": named(names, drawn.scalars.mean(axis=0)),
        "sd": named(names, drawn.scalars.std(axis=0, ddof=1)),
        **importance(names, drawn.scalars, drawn.ratios),
    }


def _runner(name: str) -> Callable[..., Fit]:
    def run(
        problem: Problem, *, seed: int = 0, options: VariationalOptions | None = None, progress: bool = False
    ) -> Fit:
        return fit(problem, name, seed=seed, options=options)

    run.__doc__ = f"The registry's entry of ``{name}``."
    return run


run_advi, run_fullrank = _runner("advi"), _runner("fullrank_advi")
