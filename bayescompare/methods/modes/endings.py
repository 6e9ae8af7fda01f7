"""The audit of a mode: endings that look alike are told apart, and what cannot be trusted is named.

An interior mode, a mode on the boundary of the support, one on a kink, a ridge, a saddle, and a density without a
maximum: a search stops at all of them.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ...metrics.thresholds import STARTS_MIN
from ...model.backends import Array
from ...model.density import Density
from ...model.problem import Problem
from ...reasons import Code, Reason
from ...results.fit import Status
from . import boundaries, kinks
from .audits import Audit, Curvature, Heights, Polish, Scalars
from .curvature import RIDGE, identified, own_scale, spectrum
from .end import End
from .folds import folds
from .options import ModeOptions
from .unbounded import runaway

#: Part of the decrement that the density must gain far out on a ray, if it creeps towards a limit. An exponential tail
#: gains all that is left of it, some two decrements; a parabola loses 3 of them 3 Newton steps on, and 80 at 10.
CREEP = 0.1

#: Most that it then gains further out, as a multiple of the gain before: at a saddle it is 8.
LEVELLING = 3.0

#: How far a scale under a flat prior is led out, in its logarithm; most of them that are.
LED_OUT, LOOKED = (2.0, 4.0), 3

#: Relative rounding error of a density.
NOISE = 1e-14

#: Curvature (scaled to unit diagonal) below which the Hessian is looked at again before a mode is believed.
DOUBT = 1e-5


def judge(
    problem: Problem, best: End, modes: list[End], agreeing: int, weights: tuple[float, ...], options: ModeOptions
) -> Audit[tuple[Status, list[Reason]]]:
    """Status and reasons of the best end, its curvature :func:`refined`."""
    if not best.converged(options):
        return Status.FAILED, (yield from why_no_mode(problem, best, weights, options))
    endless = yield from _endless(problem, best)
    if endless:
        return Status.FAILED, [Reason(Code.HIGHEST_AT_INFINITY, tuple(endless))]
    if not best.edges and (yield from _creeps(problem.density, best)):
        rises = Reason(Code.RISES_TOWARDS_A_LIMIT, _ahead(best, problem.density))
        return Status.FAILED, [rises, towards_a_limit(problem, weights)]
    if best.smallest <= best.flatness and not best.edges:
        return (yield from _ridge_or_saddle(problem, best, weights, options))
    free = _free_at_the_bound(problem.density, best)
    if free.any():
        return Status.FAILED, [Reason(Code.RIDGE, _carriers(problem.density, free / free.sum()))]
    level = yield from _levels_off(problem, best, options)
    if level:
        return Status.FAILED, [Reason(Code.RISES_TOWARDS_A_LIMIT, level), towards_a_limit(problem, weights)]
    reasons = [Reason(Code.ON_BOUNDARY, (name,)) for name in boundaries.names(problem, best)]
    kinked = kink_names(problem, best)
    if kinked:
        reasons.append(Reason(Code.ON_KINK, tuple(kinked)))
    if agreeing < STARTS_MIN:
        return Status.SUSPECT, [Reason(Code.ONE_START, figures={"starts": options.starts}), *reasons]
    if math.isnan(best.smallest):
        return Status.SUSPECT, [Reason(Code.CURVATURE_UNKNOWN), *reasons]
    twins = sum(best.value - mode.value <= options.agreement for mode in modes)
    if twins > 1:
        reasons.append(Reason(Code.EQUAL_MODES, figures={"modes": twins}))
    return Status.OK, reasons


def towards_a_limit(problem: Problem, weights: tuple[float, ...]) -> Reason:
    """What to do where the density rises for ever towards a limit."""
    if not weights[1]:
        return Reason(Code.ADVICE_PRIOR)
    if problem.improper:
        return Reason(Code.ADVICE_PROPER_PRIOR, tuple(problem.improper))
    return Reason(Code.ADVICE_POSTERIOR)


def refined(best: End, options: ModeOptions) -> Audit[End]:
    """The end of a search with its Hessian made better, where a direction could be flat, so that judging can tell.

    Differences err by their step squared where the density is no parabola, so that a curved ridge can look like a mode:
    Richardson's extrapolation from two steps takes that away, and what it changes is what it may still be wrong by.
    """
    if best.hessian is None or not best.converged(options) or not abs(best.smallest) < DOUBT:
        return best
    scale = np.ones(len(best.u))
    scale[best.free] = own_scale(best.hessian)
    coarse = yield Curvature(best, scale)
    fine = yield Curvature(best, 0.5 * scale)
    better = (4 * fine - coarse) / 3
    if not np.isfinite(better).all():
        return best
    smallest = float(spectrum(better)[0][0])
    flatness = max(RIDGE, abs(smallest - float(spectrum(fine)[0][0])))
    return replace(best, hessian=better, smallest=smallest, flatness=flatness)


def _ridge_or_saddle(
    problem: Problem, best: End, weights: tuple[float, ...], options: ModeOptions
) -> Audit[tuple[Status, list[Reason]]]:
    """A ridge or a saddle, along the parameters that carry it."""
    flat = best.smallest > -best.flatness
    rises = (yield from runaway(problem, best, options)) if weights[1] or not flat else None
    if rises:
        return Status.FAILED, rises.reasons
    along = _direction(best, problem.density)
    if weights[1:] != (0.0, 0.0) or not flat:
        return Status.FAILED, [Reason(Code.RIDGE if flat else Code.SADDLE, along)]
    if options.allow_unidentified:
        return Status.SUSPECT, [Reason(Code.PARTLY_IDENTIFIED, along)]
    return Status.FAILED, [Reason(Code.NOT_IDENTIFIED, along), Reason(Code.ADVICE_ALLOW_UNIDENTIFIED)]


def unreached(problem: Problem) -> tuple[str, ...]:
    """Free variables on which no likelihood and no Potential depends: only other parameters' priors do."""
    return tuple(b.name for b in problem.density.blocks if b.name not in problem.density.graphs.reached)


def known(problem: Problem, best: End) -> np.ndarray:
    """Scalars that the likelihood identifies at this end: boolean, shape (k,)."""
    if best.hessian is None or best.smallest > DOUBT:
        return np.full(len(problem.scalars), not best.smallest <= RIDGE)
    return identified(problem.density, best.u, best.hessian, best.free)


def elsewhere(
    problem: Problem, best: End, ends: list[End], agreeing: int, options: ModeOptions
) -> Audit[tuple[Status, list[Reason]]]:
    """What is said of a mode while other ends, not modes themselves, lie higher."""
    higher = [e for e in ends if not e.converged(options) and e.value > best.value + options.agreement]
    if not higher:
        return Status.OK, []
    top = max(higher, key=lambda e: e.value)
    rises = yield from runaway(problem, top, options)
    if rises and agreeing < 2:  # one end that no other start confirms is rounding far out, more often than a mode
        return Status.FAILED, rises.reasons
    if rises:
        return Status.OK, [Reason(Code.HIGHEST_INTERIOR, (rises.name,), {"to": rises.to})]
    return Status.SUSPECT, [Reason(Code.HIGHER_END, figures={"gain": float(top.value - best.value)})]


def kink_names(problem: Problem, best: End) -> list[str]:
    """Free scalars that lie on a kink of the density."""
    kinked = {i: place for i, place in best.kinks.items() if i not in best.walls}
    return boundaries.names_of(problem, {**kinked, **dict.fromkeys(best.creased, 0.0)})


# -- no mode ---------------------------------------------------------------------------------------


def why_no_mode(problem: Problem, best: End, weights: tuple[float, ...], options: ModeOptions) -> Audit[list[Reason]]:
    """Name the coordinate that runs away with the density still rising, or say how far the search was from a top."""
    rises = yield from runaway(problem, best, options)
    if rises:
        return rises.reasons
    level = yield from _levels_off(problem, best, options)
    if level:
        return [Reason(Code.RISES_TOWARDS_A_LIMIT, level), towards_a_limit(problem, weights)]
    smooth = folds(problem.density, options.dense).smooth
    jumping = [] if smooth else kinks.unsettled(problem.density, best, weights).tolist()
    stuck = boundaries.names_of(problem, dict.fromkeys(jumping, 0.0))
    figures = {"decrement": float(best.decrement), "steps": best.steps}
    return [Reason(Code.NOT_CONVERGED, tuple(stuck), figures)]


def _creeps(density: Density, best: End) -> Audit[bool]:
    """Whether the density still rises many Newton steps on: towards a limit (separated data), where a top falls off.

    In an exponential tail the decrement falls e-fold with every step, as if a mode were near, and is never 0. Where it
    is so small that the step is rounding, the way from the start to the end leads further out.
    """
    rounding = NOISE * max(1.0, abs(best.value))
    if best.step is None or best.decrement <= rounding:
        return False
    out = best.u - density.start
    rays = np.stack([3 * best.step, 10 * best.step, out, 3 * out])
    near, far = (yield Heights(best.u + rays)).reshape(2, 2).T - best.value
    least = max(CREEP * best.decrement, rounding)
    with np.errstate(invalid="ignore"):
        return bool(((near > least) & (far > least) & (far < LEVELLING * near)).any())


def _levels_off(problem: Problem, best: End, options: ModeOptions) -> Audit[tuple[str, ...]]:
    """A variable under a flat prior along which the density is level as far as it is led out, the others following:
    the scale of effects that are a product with it, which their own prior pulls to 0."""
    density = problem.density
    flat = [range(b.start, b.stop) for b in density.blocks if b.name in problem.improper and b.transform is not None]
    out = best.u - density.start
    looked = sorted((i for own in flat for i in own if not best.fixed[i]), key=lambda i: -abs(out[i]))
    for i in looked[:LOOKED]:
        trial, level = best, np.isfinite(best.value)
        for step in LED_OUT:
            if level:
                place = float(best.u[i]) + math.copysign(step, out[i])
                trial = yield Polish(boundaries.put(trial, {i: place}), options)
                level = abs(trial.value - best.value) <= options.agreement
        if level:
            return tuple(boundaries.names_of(problem, {i: 0.0}))
    return ()


def _endless(problem: Problem, best: End) -> Audit[list[str]]:
    """Scalars whose bound is infinity: the density is highest there, and no value attains it."""
    if not best.held:
        return []
    exact = (yield Scalars(boundaries.limits(best)[None]))[0]
    names = problem.scalars.names
    return [name for name in boundaries.names(problem, best) if np.isinf(exact[names.index(name)])]


def _free_at_the_bound(density: Density, best: End) -> Array:
    """Coordinates (d,) on which the density no longer depends where others are at their bounds: 1, else 0.

    Its curvature there is what rounding leaves of it, however small, and unit diagonal hides that.
    """
    found = np.zeros(len(best.u))
    if best.held and best.hessian is not None:
        flat = density.transformed & ~boundaries.mixed(density)
        found[best.free] = flat[best.free] & (np.abs(np.diag(best.hessian)) < boundaries.SETTLED)
    return found


def _direction(best: End, density: Density) -> tuple[str, ...]:
    """The free variables that carry the flattest or most convex direction."""
    share = np.zeros(len(best.u))
    if best.hessian is not None:
        share[best.free] = spectrum(best.hessian)[1][:, 0] ** 2
    elif best.flattest is not None:
        share = best.flattest**2
    return _carriers(density, share)


def _ahead(best: End, density: Density) -> tuple[str, ...]:
    """The free variables that carry the next Newton step."""
    share = np.zeros_like(best.u) if best.step is None else best.step**2
    if best.hessian is not None:
        share[best.free] *= np.abs(np.diag(best.hessian))
    return _carriers(density, share / share.sum())


def _carriers(density: Density, share: Array) -> tuple[str, ...]:
    """The free variables with more than a tenth of what adds up to 1 over the coordinates."""
    return tuple(b.name for b in density.blocks if share[b.start : b.stop].sum() > 0.1)
