"""The search for modes: many starts, a first-order search from each, Newton steps to the top, and the distinct modes
that were found.

The recipe reached every mode of 45 posteriors that have one (three seeds each): jitter alone misses modes that prior
draws find, and the reverse; L-BFGS-B alone stops short on raw columns, where Newton needs four to six steps more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import NoFiniteStartError
from ...model.angles import nearest
from ...model.backends import Array
from ...model.density import Density
from ...model.problem import Problem
from . import kinks, vertices
from .curvature import curvature_along, hessian, spectrum
from .end import End
from .folds import folds
from .krylov import conjugate_gradients, lowest
from .options import ModeOptions
from .scales import scales
from .ways import Ways

#: A transformed coordinate this far out has left every support that a search can end in; the search stops there.
RUNAWAY = 150.0

#: Longest Newton step of a transformed coordinate: it may run to a bound, where the density levels off and a step by
#: its curvature would land where rounding is all that is left.
STRIDE = 5.0

#: Curvature (scaled to unit diagonal) this far below zero is a saddle that can be left, not rounding.
SADDLE = 1e-6

#: Ends lower than the best by more than this, in nats, are not looked at for modes of their own: their mass is nothing.
DEPTH = 30.0

#: Most ends that are polished only to tell which mode they belong to.
STRAYS = 8


# -- starts ----------------------------------------------------------------------------------------


def starts(
    problem: Problem, count: int, seed: int, weights: tuple[float, ...] = (1.0, 1.0, 1.0)
) -> list[tuple[str, Array]]:
    """Initial point, near and far jitter in the coordinates' units, prior draws."""
    unit = scales(problem.density, weights)
    rng = np.random.default_rng(seed)
    origin = problem.density.start
    share = max((count - 1) // 3, 1)
    prior = problem.prior_points(count - 1 - 2 * share, seed) if count > 1 + 2 * share else None
    points = [("initial", origin)]
    points += [("jitter", origin + unit * rng.uniform(-1, 1, origin.shape)) for _ in range(share)]
    points += [("wide jitter", origin + 3 * unit * rng.standard_normal(origin.shape)) for _ in range(share)]
    points += [("prior", p) for p in prior] if prior is not None else []
    while len(points) < count:
        points.append(("wide jitter", origin + 3 * unit * rng.standard_normal(origin.shape)))
    return points[:count]


def first_order(
    density: Density, points: list[tuple[str, Array]], weights: tuple[float, ...], ways: Ways | None = None
) -> list[End]:
    """L-BFGS-B from every point with a finite density and gradient; ends by descending height.

    Where the density rises without limit on the way that a start took, the others are not followed far along it.

    Raises
    ------
    NoFiniteStartError
        If there is no such point.
    """
    from scipy.optimize import minimize

    far, unit = density.transformed, scales(density, weights)
    ends = []

    def stop_runaway(intermediate_result: Any) -> None:
        u = intermediate_result.x * unit
        if np.any(np.abs(u[far]) > RUNAWAY) or (ways is not None and ways.lost(u)):
            raise StopIteration

    for order, (kind, u0) in enumerate(points):
        if not np.all(np.isfinite(u0)) or not np.isfinite(density(u0, weights)[0]):
            continue
        result = minimize(
            _negated(density, weights, unit),
            u0 / unit,
            jac=True,
            method="L-BFGS-B",
            callback=stop_runaway,
            options={"maxcor": 20, "ftol": 1e-9, "gtol": 1e-6, "maxiter": 2000, "maxfun": 4000},
        )
        ends.append(End(kind, result.x * unit, -float(result.fun), order, ways=ways))
        if ways is not None:
            ways.follow(result.x * unit)
    if not ends:
        raise no_finite_start(density, len(points))
    return sorted(ends, key=lambda end: -end.value)


def no_finite_start(density: Density, starts: int) -> NoFiniteStartError:
    """What is said where no start is of use; an operation of the user's own that raises is named."""
    if density.raised is not None:
        return NoFiniteStartError(
            f"The density has no value at any of {starts} starts (the initial point, jitter, prior draws): "
            f"{', '.join(density.graphs.own)} raises {density.raised}. Let it return minus infinity where it has no "
            "value, or give the model an initval where it has one."
        )
    return NoFiniteStartError(
        f"The density is zero or NaN at all of {starts} starts (the initial point, jitter, prior draws), "
        "or its gradient is not finite. Check that the data lie in the likelihood's support under the prior; "
        "model.debug() names the term."
    )


def _negated(density: Density, weights: tuple[float, ...], unit: Array) -> Callable[[Array], tuple[float, Array]]:
    """The density to be made least, over coordinates in their units."""

    def objective(v: Array) -> tuple[float, Array]:
        value, gradient = density(v * unit, weights)
        gradient = gradient * unit
        # The line search needs a number to step back from; infinity would end it.
        return (-value, -gradient) if np.isfinite(value) else (1e100, -gradient)

    return objective


# -- to the top ------------------------------------------------------------------------------------


def polish(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> None:
    """Climb to the top by Newton steps: off saddles, and along kinks where the density has them."""
    found = folds(density, options.dense)
    end.creased = ()
    if found.across and not end.lost and vertices.climb(density, found, end, weights, options):
        return
    end.kinks |= kinks.touched(end)  # beside a kink that it is on, an end has no curvature
    _climb(density, end, weights, options)
    if (end.lines or (end.decrement > options.decrement and len(found.along))) and not end.lost:
        kinks.settle(density, end, weights, found.along, lambda: _climb(density, end, weights, options))


def _climb(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> None:
    end.polished, end.decrement = True, math.inf
    if end.lost:
        return
    for _ in range(10):  # saddles one after the other: rare
        if len(end.u) <= options.dense:
            direction = _newton(density, end, weights, options)
        else:
            direction = _newton_by_products(density, end, weights, options)
        if direction is None or not _leave_saddle(density, end, direction, weights, options):
            return


def _newton(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> Array | None:
    """Saddle-free Newton steps until the decrement is small and has stopped falling.

    Returns
    -------
    ndarray of shape (d,) or None
        Where the end is a saddle: the direction in which the density rises on both sides.
    """
    scale: Array | None = None
    far = density.transformed
    for _ in range(options.newton_steps):
        free = end.free
        value, gradient = density(end.u, weights)
        if not len(free):
            end.value, end.decrement, end.hessian, end.smallest = value, 0.0, np.empty((0, 0)), math.inf
            return None
        h = hessian(density, end.u, weights, scale, reach=kinks.reach(end))[np.ix_(free, free)]
        if not np.all(np.isfinite(h)):
            return None
        eigenvalues, vectors, sd = spectrum(h)
        slopes = vectors.T @ (gradient[free] * sd)
        curvature = np.maximum(np.abs(eigenvalues), 1e-12)
        with np.errstate(over="ignore"):
            decrement = float(0.5 * np.sum(slopes**2 / curvature))
        stopped = decrement <= options.decrement and decrement >= 0.1 * end.decrement
        end.value, end.decrement, end.hessian, end.smallest = value, decrement, h, float(eigenvalues[0])
        step = np.zeros(len(end.u))
        step[free] = sd * (vectors @ (slopes / curvature))
        step *= min(1.0, STRIDE / max(np.abs(step[far]).max(initial=0.0), 1e-300))
        end.step = step
        if stopped or decrement < 1e-20:
            break
        scale = np.ones(len(end.u))
        scale[free] = sd
        moved = _line_search(density, end, value, step, weights)
        end.steps += 1
        if moved is None:
            break
        end.u = moved
        if end.lost:
            end.decrement = math.inf
            return None
        touched = kinks.touched(end)
        if touched:  # it stays there until the density is seen to rise off the kink
            end.kinks.update(touched)
            end.decrement = math.inf
    if end.decrement > options.decrement or end.smallest > -SADDLE:
        return None
    uphill = np.zeros(len(end.u))
    uphill[free] = sd * vectors[:, 0]
    return uphill


def _newton_by_products(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> Array | None:
    """The same where a dense Hessian is too large: steps by conjugate gradients on products of it with vectors."""
    free = end.free

    def product(v: Array) -> Array:
        whole = np.zeros(len(end.u))
        whole[free] = v
        along: Array = curvature_along(density, end.u, whole, weights)[free]
        return along

    for _ in range(options.newton_steps):
        value, gradient = density(end.u, weights)
        g = gradient[free]
        step = conjugate_gradients(product, g, min(0.1, math.sqrt(float(np.linalg.norm(g)))))
        if step is None:
            return None
        decrement = 0.5 * abs(float(g @ step))
        stopped = decrement <= options.decrement and decrement >= 0.1 * end.decrement
        whole = np.zeros(len(end.u))
        whole[free] = step
        end.value, end.decrement, end.step = value, decrement, whole
        if stopped or decrement < 1e-20:
            break
        moved = _line_search(density, end, value, whole, weights)
        end.steps += 1
        if moved is None:
            break
        end.u = moved
        if end.lost:
            end.decrement = math.inf
            return None
    if end.decrement > options.decrement:
        return None
    end.smallest, direction = lowest(product, len(free))
    end.flattest = np.zeros(len(end.u))
    end.flattest[free] = direction
    return end.flattest if end.smallest < -SADDLE else None


def _line_search(density: Density, end: End, value: float, step: Array, weights: tuple[float, ...]) -> Array | None:
    """The longest of halved steps that does not lose height, stopped at kinks; None where none does."""
    length = 1.0
    for _ in range(40):
        candidate = kinks.stop_at(end, end.u + length * step)
        higher, _ = density(candidate, weights)
        # Near the top the gain drowns in rounding; the step still improves the decrement.
        if higher >= value - 1e-13 * max(1.0, abs(value)):
            return candidate
        length /= 2
    return None


def _leave_saddle(
    density: Density, end: End, direction: Array, weights: tuple[float, ...], options: ModeOptions
) -> bool:
    """Step off a saddle, to the higher side; False where no step gains height (a plateau has convex edges too)."""
    lengths = np.array([1.0, 0.3, 0.1, 0.03, 0.01, 1e-3])
    points = np.concatenate([end.u + lengths[:, None] * direction, end.u - lengths[:, None] * direction])
    values, _ = density.batch(points, weights)
    best = int(np.argmax(values))
    if not values[best] > end.value + options.agreement:
        return False
    end.u, end.value = points[best], float(values[best])
    return True


# -- the distinct modes ----------------------------------------------------------------------------


def climb_to_modes(
    density: Density, weights: tuple[float, ...], ends: list[End], options: ModeOptions
) -> tuple[list[End], list[End]]:
    """Polish from the top until two ends agree on the highest mode, then tell which modes the other ends belong to.

    Returns
    -------
    modes, ends
        Distinct converged ends by descending height (empty where none converged), and all ends, the best first; each
        end's ``mode`` is its place among the modes, or −1.
    """
    lines: dict[int, float] = {}  # kinks are the density's: what one end found serves the others
    for i, end in enumerate(ends):
        polish_along(lines, density, end, weights, options)
        if end.ways is not None and not end.converged(options):
            end.ways.follow(end.u)
        done = [e for e in ends[: i + 1] if e.converged(options)]
        top = max((e.value for e in done), default=-math.inf)
        rest = max((e.value for e in ends[i + 1 :]), default=-math.inf)
        if sum(top - e.value <= options.agreement for e in done) >= 2 and rest <= top + options.agreement:
            break
    _sort(ends, options)
    modes: list[End] = []
    strays = 0
    for end in ends:
        if not modes and not end.converged(options):
            break
        end.mode = place(end, modes, density)
        if end.mode < 0 and not end.polished and strays < STRAYS and end.value > modes[0].value - DEPTH:
            strays += 1
            polish_along(lines, density, end, weights, options)
            end.mode = place(end, modes, density)
        if end.mode < 0 and end.converged(options) and (end.hessian is None or end.smallest > 0):
            end.mode = len(modes)
            modes.append(end)
    best = modes[0] if modes else None
    _sort(ends, options)
    modes.sort(key=lambda e: (-e.value, e.order))
    if best is not None:
        ranks = {id(mode): i for i, mode in enumerate(modes)}
        old = sorted(modes, key=lambda e: e.mode)
        for end in ends:
            end.mode = ranks[id(old[end.mode])] if end.mode >= 0 else -1
    return modes, ends


def polish_along(
    lines: dict[int, float], density: Density, end: End, weights: tuple[float, ...], options: ModeOptions
) -> None:
    end.lines.update(lines)
    polish(density, end, weights, options)
    lines.update(kinks.alike(density, lines | end.lines))


def _sort(ends: list[End], options: ModeOptions) -> None:
    """Converged ones first, the highest first; of equal heights the earliest start: rounding decides nothing."""
    top = max((e.value for e in ends if e.converged(options)), default=0.0)
    digits = 1e-9 * max(1.0, abs(top))

    def height(end: End) -> float:
        return float(np.round((end.value - top) / digits)) if np.isfinite(end.value) else -math.inf

    ends.sort(key=lambda e: (not e.converged(options), -height(e), e.order))


def place(end: End, modes: list[End], density: Density) -> int:
    """Which of the modes this end belongs to, by the height that the mode's curvature says it should have; or −1."""
    for i, mode in enumerate(modes):
        apart = end.u - mode.u
        apart[density.circular] = nearest(apart[density.circular], 0.0)
        if mode.hessian is None:
            near = float(np.linalg.norm(apart)) <= 1e-3 * max(1.0, float(np.linalg.norm(mode.u)))
            if near or abs(end.value - mode.value) <= 1e-9 * max(1.0, abs(mode.value)):
                return i
            continue
        away = apart[mode.free]
        expected = 0.5 * float(away @ mode.hessian @ away)
        if abs(expected - (mode.value - end.value)) <= 1e-3 + 0.1 * abs(mode.value - end.value):
            return i
    return -1
