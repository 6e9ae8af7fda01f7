"""Modes: MLE, MAP and the mode of the unconstrained density, found from several starts and audited.

All three maximise the one weighted density (:mod:`bayescompare.model.density`); only the weights differ.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np

from ..model.backends import Array
from ..model.density import Density
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from .modes import boundaries, derivative_free, endings, unbounded
from .modes.basins import log_mass
from .modes.confounded import confounded
from .modes.curvature import marginal_sd, over_its_width, spectrum, standard_errors
from .modes.end import End
from .modes.folds import folds
from .modes.options import ModeOptions
from .modes.search import alone, climb_to_modes, first_order, starts
from .modes.ways import Ways

__all__ = ["WEIGHTS", "ModeOptions", "fit", "run_map", "run_mle", "run_unconstrained_map"]

#: Weights of likelihood, prior and Jacobian, by estimand.
WEIGHTS: dict[str, tuple[float, float, float]] = {
    "mle": (1.0, 0.0, 0.0),
    "map": (1.0, 1.0, 0.0),
    "unconstrained_map": (1.0, 1.0, 1.0),
}

#: Relative gap of two computations of the density up to which they agree.
ROUTES_AGREE = 1e-8

#: Times the search begins anew from a higher point that its audit found.
RENEWALS = 3


def fit(
    problem: Problem, method: str, *, seed: int = 0, options: ModeOptions | None = None, above: Array | None = None
) -> Fit:
    """Find the mode of the density that ``method`` names.

    Parameters
    ----------
    problem : Problem
    method : {"mle", "map", "unconstrained_map"}
    seed : int
        Of the starts; the same seed gives the same mode.
    options : ModeOptions, optional
    above : ndarray of shape (m, d), optional
        More points to start from: draws of the posterior that lie above a mode found before.

    Returns
    -------
    Fit
        With diagnostics ``newton_decrement`` (nats), ``eigenvalue_min`` and ``condition`` (of −∇² log p in u, scaled to
        unit diagonal), ``starts`` (what each found), ``starts_agree``, ``starts_unusable``, ``modes`` (the distinct
        ones, the highest first, with ``log_density``, ``starts``, and ``log_mass`` of their Laplace approximation),
        ``boundary`` and ``kink`` (free scalars on one), ``standard_errors`` (by scalar, in the model's coordinates, by
        the delta method from the curvature of this density; NaN where ``standard_errors_missing`` says why),
        ``second_opinion_gap`` (relative), ``optimiser``, ``newton_steps``, ``backend``. Where the MLE may be ambiguous
        (``allow_unidentified``), scalars that the data do not identify are NaN.

    Raises
    ------
    NoFiniteStartError
        If the density is zero or NaN at every start.
    """
    options = options or ModeOptions()
    weights = WEIGHTS[method]
    density = problem.density
    density.begin_search()
    compiling, evaluations, began = density.compile_seconds, density.evaluations, time.perf_counter()
    why = refusal(problem) if method == "mle" and not options.allow_unidentified else None
    if why:
        compiled, spent = density.compile_seconds - compiling, time.perf_counter() - began
        evaluated = density.evaluations - evaluations
        refused = _refused(problem, method, why)
        return replace(refused, seconds=spent - compiled, compile_seconds=compiled, evaluations=evaluated)
    density.begin_search()
    evaluations = density.evaluations

    lacking = density.no_gradient
    options = derivative_free.settings(options) if lacking else options
    points = starts(problem, options.starts, seed, weights)
    points += [("draw", u) for u in above] if above is not None else []
    ways = Ways(
        density.start, density.transformed, lambda u: alone(density, weights, unbounded.way_out(problem, u, options))
    )
    ends = derivative_free.search(density, points, weights) if lacking else first_order(density, points, weights, ways)
    settled = _settled(density, ends, weights, options)
    modes, ends = ([end.turned(density.circular) for end in each] for each in settled)
    best = ends[0]
    agreeing = sum(abs(best.value - e.value) <= options.agreement for e in ends)
    gap = _second_opinion(density, best, weights)
    status, reasons = _judged(problem, ends, modes, agreeing, gap, weights, options)
    if lacking:
        reasons.append(Reason(Code.WITHOUT_DERIVATIVES, tuple(lacking)))

    names = problem.scalars.names
    failed = status is Status.FAILED
    estimate = np.full(len(names), np.nan) if failed else alone(density, weights, boundaries.values_at(density, best))
    if options.allow_unidentified and not failed:
        estimate = np.where(endings.known(problem, best), estimate, np.nan)
    errors, missing = _errors(problem, best, failed, weights)
    compile_seconds = density.compile_seconds - compiling
    return Fit(
        method=method,
        status=status,
        reasons=tuple(reasons),
        names=names,
        estimate=estimate,
        unconstrained=None if failed else boundaries.limits(best),
        log_density=math.nan if failed else best.value,
        diagnostics={
            **_of_the_search(problem, ends, modes, failed, options),
            "starts_agree": agreeing,
            "starts_unusable": max(len(points) - len(ends), 0) if not lacking else 0,
            "standard_errors": dict(zip(names, errors.tolist(), strict=True)),
            "standard_errors_missing": missing,
            "second_opinion_gap": gap,
            "optimiser": f"{'Nelder-Mead, Powell' if lacking else 'L-BFGS-B'}, then saddle-free Newton",
        },
        seconds=time.perf_counter() - began - compile_seconds,
        compile_seconds=compile_seconds,
        evaluations=density.evaluations - evaluations,
    )


def _of_the_search(
    problem: Problem, ends: list[End], modes: list[End], failed: bool, options: ModeOptions
) -> dict[str, Any]:
    """What a fit's diagnostics tell of the ends of its search, the best of them first."""
    best = ends[0]
    return {
        "newton_decrement": best.decrement,
        **_spectrum(best),
        "starts": [
            {
                "kind": e.kind,
                "log_density": e.value,
                "converged": e.converged(options),
                "same_mode": abs(e.value - best.value) <= options.agreement,
                "mode": e.mode if e.mode >= 0 else None,
            }
            for e in ends
        ],
        "modes": [] if failed else [_described(i, mode, ends) for i, mode in enumerate(modes)],
        "boundary": [] if failed else boundaries.names(problem, best),
        "kink": [] if failed else endings.kink_names(problem, best),
        "newton_steps": best.steps,
        "backend": problem.density.backend,
    }


def _judged(
    problem: Problem,
    ends: list[End],
    modes: list[End],
    agreeing: int,
    gap: float,
    weights: tuple[float, ...],
    options: ModeOptions,
) -> tuple[Status, list[Reason]]:
    """Status and reasons of the best end, by itself, beside the others, and by the second opinion."""
    audit = endings.judge(problem, ends[0], modes, agreeing, weights, options)
    status, reasons = alone(problem.density, weights, audit)
    if status is not Status.FAILED:
        beside = endings.elsewhere(problem, ends[0], ends, agreeing, options)
        other, higher = alone(problem.density, weights, beside)
        status = other if other is not Status.OK else status
        reasons = higher if status is Status.FAILED else higher + reasons
    if gap > ROUTES_AGREE and status is Status.OK:
        status = Status.SUSPECT
        reasons.append(Reason(Code.ROUTES_DIFFER, figures={"gap": gap}))
    return status, reasons


def _settled(
    density: Density, ends: list[End], weights: tuple[float, ...], options: ModeOptions
) -> tuple[list[End], list[End]]:
    """The distinct modes and all ends, the best put on its boundary; begun anew where the density rises off that."""
    for _ in range(RENEWALS):
        modes, ends = climb_to_modes(density, weights, ends, options)
        if not ends[0].converged(options):
            break
        best, inside = alone(density, weights, boundaries.hold(density, ends[0], weights, options))
        modes, ends = _with_best(best, modes, ends)
        if inside is None:
            break
        ends = sorted(ends + first_order(density, [("inward", inside.u)], weights), key=lambda e: -e.value)
    return _with_best(alone(density, weights, endings.refined(ends[0], options)), modes, ends)


def _with_best(best: End, modes: list[End], ends: list[End]) -> tuple[list[End], list[End]]:
    """More being known of the best of the ends, which is the first of them, and a mode."""
    known = [best if i == best.mode else mode for i, mode in enumerate(modes)]
    return known, [best, *ends[1:]]


def refusal(problem: Problem) -> Reason | None:
    """Why no MLE exists, where that is certain before any search, as of hierarchical models; the same for all data."""
    only_in_priors = endings.unreached(problem)
    if only_in_priors:
        return Reason(Code.ONLY_IN_PRIORS, only_in_priors)
    together = confounded(problem.density)
    return Reason(Code.NOT_IDENTIFIED, together) if together else None


def _refused(problem: Problem, method: str, why: Reason) -> Fit:
    """An MLE that does not exist, whose search would be for nothing."""
    names = problem.scalars.names
    reasons = (why, Reason(Code.ADVICE_ALLOW_UNIDENTIFIED))
    diagnostics: dict[str, Any] = {
        "newton_decrement": math.nan,
        "eigenvalue_min": math.nan,
        "condition": math.nan,
        "starts": [],
        "starts_agree": 0,
        "modes": [],
        "boundary": [],
        "kink": [],
        "standard_errors": dict.fromkeys(names, math.nan),
        "standard_errors_missing": "there is no mode",
        "backend": problem.density.backend,
    }
    return Fit(method, Status.FAILED, reasons, names, np.full(len(names), np.nan), diagnostics=diagnostics)


def _errors(problem: Problem, best: End, failed: bool, weights: tuple[float, ...]) -> tuple[Array, str | None]:
    """Standard errors in the model's coordinates, or NaN and why."""
    nothing = np.full(len(problem.scalars), np.nan)
    if failed:
        return nothing, "there is no mode"
    kinked = len(best.kinks) > len(best.walls) or best.creased
    if best.held or best.edges or best.kinks or kinked:
        return nothing, f"the mode lies on a {'kink' if kinked else 'boundary'}, where no curvature tells the width"
    if best.hessian is None:
        return nothing, f"{len(best.u):,} parameters are too many for a dense Hessian (ModeOptions.dense)"
    creased = not folds(problem.density, len(best.u)).smooth
    if creased and over_its_width(problem.density, best.u, best.hessian, weights) is not None:
        return nothing, "the curvature at the mode is that between two kinks of the density, which tells no width"
    found = standard_errors(problem.density, best.u, best.hessian)
    return found, None if np.isfinite(found).all() else "the curvature is singular"


def _described(place: int, mode: End, ends: list[End]) -> dict[str, Any]:
    """One of the distinct modes: its height, the starts that led to it, its Laplace approximation's mass, in nats."""
    return {
        "log_density": mode.value,
        "starts": sum(e.mode == place for e in ends),
        "log_mass": log_mass(mode),
        "u": mode.u.tolist(),
        "held": sorted(mode.held),
    }


def _spectrum(end: End) -> dict[str, float]:
    """Smallest eigenvalue and condition number of the curvature scaled to unit diagonal."""
    if end.hessian is None:
        return {"eigenvalue_min": end.smallest, "condition": math.nan}
    if not end.hessian.size:
        return {"eigenvalue_min": math.inf, "condition": 1.0}
    eigenvalues = spectrum(end.hessian)[0]
    condition = float(eigenvalues[-1] / eigenvalues[0]) if eigenvalues[0] > 0 else math.inf
    return {"eigenvalue_min": float(eigenvalues[0]), "condition": condition}


def _second_opinion(density: Density, end: End, weights: tuple[float, ...]) -> float:
    """Relative disagreement of the two compiled routes at the mode: values, and gradients on the Laplace scale.

    Beyond what rounding makes of the density there: terms of 10¹⁰ that cancel leave 10⁻⁶.
    """
    if not math.isfinite(end.value):
        return math.inf
    value, gradient = density.second_opinion(end.u, weights)
    near = end.u * (1 + np.finfo(float).eps * np.arange(-4, 5)[:, None])
    values, gradients = density.batch(near, weights)
    middle = len(near) // 2
    if not np.isfinite(values).all():  # at the edge of the support nothing is said of rounding
        values, gradients = values[middle : middle + 1], gradients[middle : middle + 1]
        middle = 0
    size = max(1.0, abs(end.value))
    gap = max(0.0, abs(value - end.value) - np.ptp(values)) / size
    free = end.free
    if end.hessian is not None and len(free):
        sd = marginal_sd(end.hessian)
        difference = np.maximum(0.0, np.abs(gradient - gradients[middle]) - np.ptp(gradients, axis=0))[free]
        gap = max(gap, float(np.max(difference * np.where(np.isfinite(sd), sd, 0.0), initial=0.0)) / size)
    return gap if math.isfinite(gap) else math.inf


def run_map(problem: Problem, *, seed: int = 0, options: ModeOptions | None = None, progress: bool = False) -> Fit:
    """The MAP: the mode in the model's own coordinates (no Jacobian), as ``pymc.find_MAP`` means it."""
    return fit(problem, "map", seed=seed, options=options)


def run_mle(problem: Problem, *, seed: int = 0, options: ModeOptions | None = None, progress: bool = False) -> Fit:
    """The maximum of the likelihood alone; refused where the data do not identify every parameter."""
    return fit(problem, "mle", seed=seed, options=options)


def run_unconstrained_map(
    problem: Problem, *, seed: int = 0, options: ModeOptions | None = None, progress: bool = False
) -> Fit:
    """The mode of the unconstrained density (Jacobian included), where Laplace and NUTS live."""
    return fit(problem, "unconstrained_map", seed=seed, options=options)
