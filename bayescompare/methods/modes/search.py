"""The search for modes: many starts, a first-order search from each, Newton steps to the top, and the distinct modes
that were found.

The recipe reached every mode of 45 posteriors that have one (three seeds each): jitter alone misses modes that prior
draws find, and the reverse; L-BFGS-B alone stops short on raw columns, where Newton needs four to six steps more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import NoFiniteStartError
from ...model.angles import nearest
from ...model.backends import Array
from ...model.density import Density
from ...model.problem import Problem
from . import kinks, newton, vertices
from .audits import Audit, Curvature, Heights, Polish, Question, Scalars, together
from .curvature import hessian, spectrum
from .end import End
from .folds import folds
from .krylov import lowest
from .newton import Climb
from .options import ModeOptions
from .scales import scales
from .surface import Alone
from .ways import Ways

#: A transformed coordinate this far out has left every support that a search can end in; the search stops there.
RUNAWAY = 150.0

#: Curvature (scaled to unit diagonal) this far below zero is a saddle that can be left, not rounding.
SADDLE = 1e-6

#: Saddles that are left one after the other, at most: there are rarely two.
SADDLES = 10

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


def polish(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> End:
    """Climb to the top by Newton steps: off saddles, and along kinks where the density has them."""
    found = folds(density, options.dense)
    end = replace(end, creased=())
    if found.across and not end.lost:
        top = vertices.climb(density, found, end, weights, options)
        if top is not None:
            return top
    end = _climb(density, end, weights, options)
    if (end.lines or (end.decrement > options.decrement and len(found.along))) and not end.lost:
        end = kinks.settle(density, end, weights, found.along, lambda e: _climb(density, e, weights, options))
    return end if end.converged(options) or end.lost else _at_walls(density, end, weights, options)


def _at_walls(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> End:
    """Put on the edges of the support that it stopped at, and climbed along them; as it was where that is no top.

    Along one edge the climb may stop at the next, as the second bound of a uniform does.
    """
    top, on = end, dict[int, float]()
    while found := kinks.walls(density, top, weights):
        on |= found
        u = top.u.copy()
        u[list(found)] = list(found.values())
        top = _climb(density, replace(top, u=u, kinks={**top.kinks, **on}, walls=(*end.walls, *on)), weights, options)
        if top.converged(options):
            break
    again = kinks.walls(density, replace(top, kinks={}), weights) if on else {}
    still = all(i in again and abs(again[i] - place) <= 1e-9 * max(1.0, abs(place)) for i, place in on.items())
    return top if on and top.converged(options) and still else end


def _climb(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> End:
    end = replace(end, polished=True, decrement=math.inf)
    for _ in range(SADDLES):
        if end.lost:
            return end
        end = _newton(density, end, weights, options)
        if end.decrement > options.decrement or not end.smallest <= -SADDLE:
            return end
        higher = _off_saddle(density, end, weights, options)
        if higher is None:
            return end
        end = higher
    return end


def _newton(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> End:
    """Newton's steps of one search."""
    d, lines = len(end.u), None
    if end.lines:
        lines = np.full(d, np.nan)
        lines[list(end.lines)] = list(end.lines.values())
    surface = Alone(density, weights)
    lost = end.ways.lost if end.ways else None
    climb = Climb(options.newton_steps, options.decrement, lines, lost, d <= options.dense)
    end = end.at(newton.polish(surface, end.u[None], end.fixed[None], np.zeros(1, dtype=int), climb), 0)
    if end.lost:
        return replace(end, decrement=math.inf)
    if d <= options.dense or not end.decrement <= options.decrement:
        return end
    smallest, direction = lowest(newton.products(surface, end.u, end.free), len(end.free))
    flattest = np.zeros(d)
    flattest[end.free] = direction
    return replace(end, smallest=smallest, flattest=flattest)


def _off_saddle(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> End | None:
    """A step off a saddle, to the higher side; None where no step gains height (a plateau has convex edges too)."""
    uphill = np.zeros(len(end.u))
    if end.hessian is not None:
        _, vectors, sd = spectrum(end.hessian)
        uphill[end.free] = sd * vectors[:, 0]
    elif end.flattest is not None:
        uphill = end.flattest
    lengths = np.array([1.0, 0.3, 0.1, 0.03, 0.01, 1e-3])
    points = end.u + np.concatenate([lengths, -lengths])[:, None] * uphill
    values, _ = density.batch(points, weights)
    best = int(np.argmax(values))
    if not values[best] > end.value + options.agreement:
        return None
    return replace(end, u=points[best], value=float(values[best]), decrement=math.inf)


def alone[T](density: Density, weights: tuple[float, ...], audit: Audit[T]) -> T:
    """What an audit of a single search comes to."""

    def answer(question: Question) -> Any:
        match question:
            case Polish(end, options):
                return polish(density, end, weights, options)
            case Heights(points):
                return density.batch(points, weights)[0]
            case Scalars(points):
                return density.push(points)
            case Curvature(end, scale):
                return hessian(density, end.u, weights, scale)[np.ix_(end.free, end.free)]

    return together({0: audit}, lambda _, questions: [answer(question) for question in questions])[0]


# -- the distinct modes ----------------------------------------------------------------------------


def climb_to_modes(
    density: Density, weights: tuple[float, ...], ends: Sequence[End], options: ModeOptions
) -> tuple[list[End], list[End]]:
    """Polish from the top until two ends agree on the highest mode, then tell which modes the other ends belong to.

    Returns
    -------
    modes, ends
        Distinct converged ends by descending height (empty where none converged), and all ends, the best first; each
        end's ``mode`` is its place among the modes, or −1.
    """
    ends = list(ends)
    lines: dict[int, float] = {}  # kinks are the density's: what one end found serves the others
    for i, end in enumerate(ends):
        ends[i] = end = polish_along(lines, density, end, weights, options)
        if end.ways is not None and not end.converged(options):
            end.ways.follow(end.u)
        done = [e for e in ends[: i + 1] if e.converged(options)]
        top = max((e.value for e in done), default=-math.inf)
        rest = max((e.value for e in ends[i + 1 :]), default=-math.inf)
        if sum(top - e.value <= options.agreement for e in done) >= 2 and rest <= top + options.agreement:
            break
    ends = _sorted(ends, options)
    modes: list[End] = []
    strays = 0
    for i, end in enumerate(ends):
        if not modes and not end.converged(options):
            break
        at = place(end, modes, density)
        if at < 0 and not end.polished and strays < STRAYS and end.value > modes[0].value - DEPTH:
            strays += 1
            end = polish_along(lines, density, end, weights, options)
            at = place(end, modes, density)
        if at < 0 and end.converged(options) and (end.hessian is None or end.smallest > 0):
            at = len(modes)
            modes.append(end)
        ends[i] = replace(end, mode=at)
    order = sorted(range(len(modes)), key=lambda i: (-modes[i].value, modes[i].order))
    rank = {old: new for new, old in enumerate(order)} | {-1: -1}
    return [modes[i] for i in order], _sorted([replace(end, mode=rank[end.mode]) for end in ends], options)


def polish_along(
    lines: dict[int, float], density: Density, end: End, weights: tuple[float, ...], options: ModeOptions
) -> End:
    """Polish with the kinks that are known, ``lines``, and enter those that are found."""
    end = polish(density, replace(end, lines={**end.lines, **lines}), weights, options)
    lines.update(kinks.alike(density, {**lines, **end.lines}))
    return end


def _sorted(ends: list[End], options: ModeOptions) -> list[End]:
    """Converged ones first, the highest first; of equal heights the earliest start: rounding decides nothing."""
    top = max((e.value for e in ends if e.converged(options)), default=0.0)
    digits = 1e-9 * max(1.0, abs(top))

    def height(end: End) -> float:
        return float(np.round((end.value - top) / digits)) if np.isfinite(end.value) else -math.inf

    return sorted(ends, key=lambda e: (not e.converged(options), -height(e), e.order))


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
