"""Marginal MAP: the mode of the hyperparameters with the latent block integrated out, and that block's mode there.

What lme4, glmmTMB and TMB fit, and what empirical Bayes and type-II maximum likelihood mean.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...model.backends import Array
from ...model.problem import Problem
from ...reasons import Code, Reason
from ...results.fit import Fit, Status
from .. import mode as outer_mode
from ..laplace import named
from ..modes.boundaries import placed
from ..modes.curvature import cholesky, hessian, jacobian
from .inner import inner_modes
from .latent import Latent, latent_block
from .options import MarginalOptions
from .outer import At, OuterProblem

#: Jittered starts of the inner problem at the marginal mode, from which it must end at one mode.
INNER_STARTS = 4

#: Latent coordinates above which there are no more starts of the outer search than so many.
MANY, STARTS_OF_MANY = 10_000, 2

#: Dimension up to which standard errors of all scalars are computed, by differences of the map back.
DIFFERENCES = 1000


@dataclass(frozen=True)
class Found:
    """A marginal mode, with what was made on the way.

    Attributes
    ----------
    outer : OuterProblem
    fit : Fit
        Of the hyperparameters alone.
    phi : ndarray of shape (m,) or None
        The mode; where it lies on a bound, as far out as ℓ is at its limit.
    at : At or None
        The inner mode there.
    status : Status
    reasons : tuple of Reason
    """

    outer: OuterProblem
    fit: Fit
    phi: Array | None
    at: At | None
    status: Status
    reasons: tuple[Reason, ...]


def search(problem: Problem, method: str, seed: int, options: MarginalOptions) -> Found:
    """The mode of ℓ under the weights of ``method`` (of the outer density: "map" or "unconstrained_map"), audited."""
    deadline = time.perf_counter() - problem.density.compile_seconds + options.seconds
    latent = latent_block(problem, options.latent)
    outer = OuterProblem.of(problem, latent, deadline)
    many = len(latent.coordinates) > MANY
    mode = replace(options.mode, starts=min(options.mode.starts, STARTS_OF_MANY)) if many else options.mode
    fit = outer_mode.fit(outer, method, seed=seed, options=mode)
    if fit.unconstrained is None:
        return Found(outer, fit, None, None, fit.status, fit.reasons)
    weights = outer_mode.WEIGHTS[method]
    phi = placed(outer.density, fit.unconstrained, weights)
    at = outer.marginal.at(phi, weights)
    if at is None:
        return Found(outer, fit, None, None, Status.FAILED, (Reason(Code.LATENT_WITHOUT_MODE),))
    status, reasons = _audited(outer, phi, at, weights, seed)
    status = fit.status if status is Status.OK else status
    return Found(outer, fit, phi, at, status, (*reasons, *fit.reasons))


def _audited(
    outer: OuterProblem, phi: Array, at: At, weights: tuple[float, ...], seed: int
) -> tuple[Status, tuple[Reason, ...]]:
    """Whether the inner problem has one mode, from several starts, and the block holds no scale."""
    marginal = outer.marginal
    scales = [b.name for b in marginal.latent.blocks if b.transform == "log" and not b.shape]
    if scales:
        return Status.SUSPECT, (Reason(Code.LATENT_SCALE, tuple(scales)),)
    rng = np.random.default_rng(seed)
    shape = (INNER_STARTS, len(marginal.latent.coordinates))
    origin = marginal.whole.start[marginal.latent.coordinates]
    starts = marginal.joined(np.repeat(phi[None], INNER_STARTS, axis=0), origin + 2 * rng.standard_normal(shape))
    ends = inner_modes(marginal.joint, starts, np.asarray(weights, dtype=float))
    gap = ends.value[ends.found] - float(at.inner.value[0])
    block = tuple(marginal.latent.names)
    if np.any(gap > 1e-3):
        return Status.FAILED, (Reason(Code.LATENT_HIGHER_MODE, block, {"gain": float(gap.max())}),)
    if np.any(gap < -1e-3):
        figures = {"ends": int((gap < -1e-3).sum()), "starts": INNER_STARTS, "gain": float(-gap.min())}
        return Status.SUSPECT, (Reason(Code.LATENT_SEVERAL_MODES, block, figures),)
    return Status.OK, ()


def diagnostics(found: Found) -> dict[str, Any]:
    """What is told of the search, of the latent block and of the inner problem."""
    marginal = found.outer.marginal
    latent: Latent = marginal.latent
    outer = {key: value for key, value in found.fit.diagnostics.items() if not key.startswith("standard_errors")}
    return {
        **outer,
        "latent": list(latent.names),
        "latent_named": latent.named,
        "latent_why": latent.why,
        "latent_size": len(latent.coordinates),
        "hyperparameters": list(found.outer.scalars.names),
        "factorisation": marginal.joint.layout.kind,
        "hessian_products": marginal.joint.pattern.count,
        "hessian_entries": len(marginal.joint.pattern.rows),
        "outer_evaluations": marginal.evaluations,
        "inner_steps": marginal.inner_steps,
        "inner_decrement": math.nan if found.at is None else float(found.at.inner.decrement[0]),
    }


def values_at(problem: Problem, found: Found) -> Array:
    """All scalars at the marginal mode, those of φ as its own fit has them: the bound itself where it lies on one."""
    if found.at is None:
        return np.full(len(problem.scalars), np.nan)
    values: Array = problem.density.push(found.at.point[None])[0].copy()
    for name, value in found.fit.values.items():
        values[problem.scalars.names.index(name)] = value
    return values


def standard_errors(problem: Problem, found: Found, weights: tuple[float, ...]) -> tuple[Array, str | None]:
    """Of all scalars in the model's coordinates: φ's by the outer curvature, x's by H⁻¹ and what φ's adds to it."""
    nothing = np.full(len(problem.scalars), np.nan)
    if found.at is None or found.phi is None:
        return nothing, "there is no mode"
    missing = found.fit.diagnostics["standard_errors_missing"]
    if missing:
        return nothing, missing
    marginal, at = found.outer.marginal, found.at
    covariance = outer_covariance(found, weights)
    if covariance is None:
        return nothing, "the curvature is singular"
    response = np.zeros((problem.dimension, marginal.dimension))
    response[marginal.latent.others] = np.eye(marginal.dimension)
    response[marginal.latent.coordinates] = marginal.response(at, weights)
    conditional = np.zeros(problem.dimension)
    conditional[marginal.latent.coordinates] = at.factor.inverse()[0][marginal.joint.pattern.diagonal]
    spread = np.sqrt(np.einsum("im,mk,ik->i", response, covariance, response) + conditional)
    if problem.dimension <= DIFFERENCES:
        j = jacobian(problem.density, at.point, spread)
        of_phi = np.einsum("im,mk,ik->i", j @ response, covariance, j @ response)
        of_x = j[:, marginal.latent.coordinates]
        return np.sqrt(of_phi + (of_x * at.factor.solve(of_x)).sum(axis=1)), None
    return _of_free(problem, found, spread), "of Deterministics: too many parameters for differences of the map back"


def _of_free(problem: Problem, found: Found, spread: Array) -> Array:
    """Standard errors of free scalars alone: those of φ from its own fit, those of x where it is untransformed."""
    errors = np.full(len(problem.scalars), np.nan)
    own = found.fit.diagnostics["standard_errors"]
    for block in problem.density.blocks:
        start, stop, _, _ = problem.scalars.variables[block.name]
        if block.name in found.outer.scalars.variables:
            errors[start:stop] = [own[name] for name in problem.scalars.names[start:stop]]
        elif block.transform is None:
            errors[start:stop] = spread[block.start : block.stop]
    return errors


def outer_covariance(found: Found, weights: tuple[float, ...]) -> Array | None:
    """Inverse curvature of ℓ at its mode, (m, m); None where that is not positive definite."""
    if found.phi is None:
        return None
    marginal = found.outer.marginal
    rough = hessian(marginal, found.phi, weights)
    precision = hessian(marginal, found.phi, weights, 1 / np.sqrt(np.maximum(np.abs(np.diag(rough)), 1e-12)))
    if cholesky(precision) is None:
        return None
    return np.linalg.inv(precision)


def fit(problem: Problem, *, seed: int = 0, options: MarginalOptions | None = None) -> Fit:
    """Find the marginal mode.

    Parameters
    ----------
    problem : Problem
    seed : int
        Of the starts; the same seed gives the same mode.
    options : MarginalOptions, optional

    Returns
    -------
    Fit
        ``estimate`` is of all scalars, the hyperparameters at the mode of ℓ (without their Jacobian) and the latent
        block at its mode there; ``log_density`` is ℓ, which is the log likelihood where priors are flat. Diagnostics as
        of a mode, of the outer search, and ``latent``, ``latent_why`` (what each free variable was taken for),
        ``latent_size``, ``hyperparameters``, ``factorisation``, ``hessian_products`` (colours), ``inner_decrement``,
        ``inner_steps``, ``standard_errors`` with ``standard_errors_missing``.

    Raises
    ------
    UnsupportedModelError
        If no latent block is found, or the density has no translation to JAX.
    NoFiniteStartError
    """
    options = options or MarginalOptions()
    density = problem.density
    compiling, began = density.compile_seconds, time.perf_counter()
    weights = outer_mode.WEIGHTS["map"]
    found = search(problem, "map", seed, options)
    errors, missing = standard_errors(problem, found, weights)
    failed = found.status is Status.FAILED
    compile_seconds = density.compile_seconds - compiling
    names = problem.scalars.names
    return Fit(
        method="marginal_map",
        status=found.status,
        reasons=found.reasons,
        names=names,
        estimate=np.full(len(names), np.nan) if failed else values_at(problem, found),
        unconstrained=None if failed or found.at is None else found.at.point,
        log_density=math.nan if failed or found.at is None else found.at.value,
        diagnostics={
            **diagnostics(found),
            "standard_errors": named(names, errors),
            "standard_errors_missing": missing,
        },
        seconds=time.perf_counter() - began - compile_seconds,
        compile_seconds=compile_seconds,
        evaluations=found.outer.marginal.inner_steps,
    )
