"""Modes: MLE, MAP and the mode of the unconstrained density, found from several starts and audited.

All three maximise the one weighted density (:mod:`bayescompare.density`); only the weights differ.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..density import Array, Density
from ..errors import NoFiniteStartError
from ..problem import Problem
from .result import Fit, Status

#: Weights of likelihood, prior and Jacobian, by estimand.
WEIGHTS: dict[str, tuple[float, float, float]] = {
    "mle": (1.0, 0.0, 0.0),
    "map": (1.0, 1.0, 0.0),
    "unconstrained_map": (1.0, 1.0, 1.0),
}

#: A Laplace sd above this, of a transformed coordinate, means that the mode lies on the boundary: near a bound the
#: density is c·exp(u), whose decrement is half its curvature (interior modes had at most 3.1, boundary ones 700).
BOUNDARY_SD = 10.0

#: Where a coordinate that runs to a boundary is put: far enough that its transform has reached the bound in float64.
LIMIT = 40.0

#: A transformed coordinate this far out has left every support that a search can end in; the search stops there.
RUNAWAY = 150.0

#: A simplex's scalar below this, where the density no longer changes, lies on the boundary.
EDGE = 1e-6

#: Curvature (scaled to unit diagonal) below this is rounding: differences of the gradient carry about 1e-11.
RIDGE = 1e-10


@dataclass(frozen=True)
class ModeOptions:
    """Options of the search.

    Attributes
    ----------
    starts : int
        Initial point, jittered points and prior draws, in all.
    decrement : float
        Largest Newton decrement of a mode, in nats: the estimated distance to the top.
    agreement : float
        Two ends are the same height if they differ by no more than this, in nats.
    newton_steps : int
        Most polishing steps from one end.
    """

    starts: int = 16
    decrement: float = 1e-8
    agreement: float = 1e-3
    newton_steps: int = 60


@dataclass
class End:
    """Where one start ended."""

    kind: str
    u: Array
    value: float
    decrement: float = math.inf
    polished: bool = False
    hessian: Array | None = None
    steps: int = 0
    held: dict[int, float] = field(default_factory=dict)
    edges: list[int] = field(default_factory=list)

    def converged(self, options: ModeOptions) -> bool:
        return self.polished and self.decrement <= options.decrement


def fit(problem: Problem, method: str, *, seed: int = 0, options: ModeOptions | None = None) -> Fit:
    """Find the mode of the density that ``method`` names.

    Parameters
    ----------
    problem : Problem
    method : {"mle", "map", "unconstrained_map"}
    seed : int
        Of the starts; the same seed gives the same mode.
    options : ModeOptions, optional

    Returns
    -------
    Fit
        With diagnostics ``newton_decrement`` (nats), ``eigenvalue_min`` and ``condition`` (of −∇² log p in u, scaled to
        unit diagonal), ``starts``, ``starts_agree``, ``boundary``, ``second_opinion_gap`` (nats), ``optimiser``,
        ``backend``.

    Raises
    ------
    NoFiniteStartError
        If the density is zero or NaN at every start.
    """
    options = options or ModeOptions()
    weights = WEIGHTS[method]
    density = problem.density
    compiling, evaluations, began = density.compile_seconds, density.evaluations, time.perf_counter()

    ends = _search(problem, weights, seed, options)
    best, agreeing = _settle(density, weights, ends, options)
    status, reasons, boundary = _judge(problem, best, agreeing, weights, options)
    if status is Status.OK:
        status, above = _elsewhere(problem, best, ends, weights, options)
        reasons += above
    gap = _second_opinion(density, best, weights)
    if gap > 1e-8 and status is Status.OK:
        status = Status.SUSPECT
        reasons.append(f"PyTensor's own evaluation of density and gradient differs by {gap:.1e}, relative")

    names = problem.scalars.names
    failed = status is Status.FAILED
    estimate = np.full(len(names), np.nan) if failed else _at(problem, best)
    compile_seconds = density.compile_seconds - compiling
    return Fit(
        method=method,
        status=status,
        reasons=tuple(reasons),
        names=names,
        estimate=estimate,
        unconstrained=None if failed else _limits(best),
        log_density=math.nan if failed else best.value,
        diagnostics={
            "newton_decrement": best.decrement,
            **_spectrum(best),
            "starts": [
                {
                    "kind": e.kind,
                    "log_density": e.value,
                    "converged": e.converged(options),
                    "same_mode": abs(e.value - best.value) <= options.agreement,
                }
                for e in ends
            ],
            "starts_agree": agreeing,
            "boundary": boundary,
            "second_opinion_gap": gap,
            "optimiser": "L-BFGS-B, then saddle-free Newton",
            "newton_steps": best.steps,
            "backend": density.backend,
        },
        seconds=time.perf_counter() - began - compile_seconds,
        compile_seconds=compile_seconds,
        evaluations=density.evaluations - evaluations,
    )


def hessian(density: Density, u: Array, weights: tuple[float, ...], scale: Array | None = None) -> Array:
    """−∇² log p_w at ``u`` by central differences of the exact gradient.

    Differences need no graph of their own, cover every model, and lose nothing that a mode needs.

    Parameters
    ----------
    scale : ndarray of shape (d,), optional
        Laplace sd of each coordinate where known; the step is 1e-3 of it.

    Returns
    -------
    ndarray of shape (d, d)
        Symmetric, per unit of u squared.
    """
    d = len(u)
    steps = 1e-3 * (np.ones(d) if scale is None else np.clip(scale, 1e-8, 1e3))
    shifts = np.diag(steps)
    values, gradients = density.batch(np.concatenate([u + shifts, u - shifts]), weights)
    for _ in range(3):  # a raw column overflows at a step that is common elsewhere
        outside = ~np.isfinite(values).reshape(2, d).all(axis=0)
        if not outside.any():
            break
        steps = np.where(outside, 1e-3 * steps, steps)
        shifts = np.diag(steps)
        values, gradients = density.batch(np.concatenate([u + shifts, u - shifts]), weights)
    if not np.all(np.isfinite(values)):
        return np.full((d, d), np.nan)
    h = -(gradients[:d] - gradients[d:]) / (2 * steps[:, None])
    return (h + h.T) / 2


# -- search --------------------------------------------------------------------------------------


def starts(problem: Problem, count: int, seed: int) -> list[tuple[str, Array]]:
    """Initial point, near and far jitter, prior draws: jitter alone misses modes that prior draws find, and the
    reverse."""
    rng = np.random.default_rng(seed)
    origin = problem.density.start
    share = max((count - 1) // 3, 1)
    prior = problem.prior_points(count - 1 - 2 * share, seed) if count > 1 + 2 * share else None
    points = [("initial", origin)]
    points += [("jitter", origin + rng.uniform(-1, 1, origin.shape)) for _ in range(share)]
    points += [("wide jitter", origin + 3 * rng.standard_normal(origin.shape)) for _ in range(share)]
    points += [("prior", p) for p in prior] if prior is not None else []
    while len(points) < count:
        points.append(("wide jitter", origin + 3 * rng.standard_normal(origin.shape)))
    return points[:count]


def _search(problem: Problem, weights: tuple[float, ...], seed: int, options: ModeOptions) -> list[End]:
    """First-order search from every start with a finite density; ends by descending height."""
    from scipy.optimize import minimize

    density = problem.density
    transformed = _transformed(density)
    ends = []

    def stop_runaway(intermediate_result: Any) -> None:
        if np.any(np.abs(intermediate_result.x[transformed]) > RUNAWAY):
            raise StopIteration

    for kind, u0 in starts(problem, options.starts, seed):
        if not np.all(np.isfinite(u0)) or not np.isfinite(density(u0, weights)[0]):
            continue
        result = minimize(
            _negated(density, weights),
            u0,
            jac=True,
            method="L-BFGS-B",
            callback=stop_runaway,
            options={"maxcor": 20, "ftol": 1e-9, "gtol": 1e-6, "maxiter": 2000, "maxfun": 4000},
        )
        value, _ = density(result.x, weights)
        ends.append(End(kind, result.x, value))
    if not ends:
        raise NoFiniteStartError(
            f"The density is zero or NaN at all of {options.starts} starts (the initial point, jitter, prior draws). "
            "Check that the data lie in the likelihood's support under the prior; model.debug() names the term."
        )
    return sorted(ends, key=lambda end: -end.value)


def _negated(density: Density, weights: tuple[float, ...]) -> Callable[[Array], tuple[float, Array]]:
    def objective(u: Array) -> tuple[float, Array]:
        value, gradient = density(u, weights)
        # The line search needs a number to step back from; infinity would end it.
        return (-value, -gradient) if np.isfinite(value) else (1e100, -gradient)

    return objective


def _settle(density: Density, weights: tuple[float, ...], ends: list[End], options: ModeOptions) -> tuple[End, int]:
    """Polish from the top until two ends agree on the highest mode; how many do."""
    for i, end in enumerate(ends):
        _polish(density, end, weights, options)
        done = [e for e in ends[: i + 1] if e.converged(options)]
        top = max((e.value for e in done), default=-math.inf)
        rest = max((e.value for e in ends[i + 1 :]), default=-math.inf)
        if sum(top - e.value <= options.agreement for e in done) >= 2 and rest <= top + options.agreement:
            break
    ends.sort(key=lambda e: (-e.converged(options), -e.value))
    best = ends[0]
    agreeing = sum(abs(best.value - e.value) <= options.agreement for e in ends)
    if best.converged(options):
        _hold_boundary(density, best, weights, options)
    return best, agreeing


def _polish(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> None:
    """Saddle-free Newton steps until the decrement is small and has stopped falling."""
    free = np.array([i for i in range(len(end.u)) if i not in end.held], dtype=int)
    scale: Array | None = None
    end.polished = True
    for _ in range(options.newton_steps):
        value, gradient = density(end.u, weights)
        h = hessian(density, end.u, weights, scale)[np.ix_(free, free)]
        if not np.all(np.isfinite(h)):
            return
        g = gradient[free]
        # Unit diagonal first: raw columns differ by orders of magnitude.
        diagonal = np.abs(np.diag(h))
        sd = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        eigenvalues, vectors = np.linalg.eigh(h * sd[:, None] * sd)
        slopes = vectors.T @ (g * sd)
        curvature = np.maximum(np.abs(eigenvalues), 1e-12)
        with np.errstate(over="ignore"):
            decrement = float(0.5 * np.sum(slopes**2 / curvature))
        scale = np.ones(len(end.u))
        scale[free] = sd
        stopped = decrement <= options.decrement and decrement >= 0.1 * end.decrement
        end.value, end.decrement, end.hessian = value, decrement, h
        if stopped or decrement < 1e-20:
            return
        step = np.zeros(len(end.u))
        step[free] = sd * (vectors @ (slopes / curvature))
        moved = _line_search(density, end.u, value, step, weights)
        end.steps += 1
        if moved is None:
            return
        end.u = moved


def _line_search(density: Density, u: Array, value: float, step: Array, weights: tuple[float, ...]) -> Array | None:
    """The longest of halved steps that does not lose height; None where none does."""
    length = 1.0
    for _ in range(40):
        candidate = u + length * step
        higher, _ = density(candidate, weights)
        # Near the top the gain drowns in rounding; the step still improves the decrement.
        if higher >= value - 1e-13 * max(1.0, abs(value)):
            return candidate
        length /= 2
    return None


def _hold_boundary(density: Density, end: End, weights: tuple[float, ...], options: ModeOptions) -> None:
    """Where a transformed coordinate runs to its bound, put it there and polish the others."""
    if end.hessian is None:
        return
    flat = _laplace_sd(end.hessian) > BOUNDARY_SD
    running = np.flatnonzero(flat & _transformed(density))
    if not len(running):
        return
    held = End(end.kind, end.u.copy(), end.value)
    for i in running:
        bounds = []
        for bound in (-LIMIT, LIMIT):
            trial = held.u.copy()
            trial[i] = bound
            if density(trial, weights)[0] >= end.value - options.agreement:
                bounds.append(bound)
        if len(bounds) == 1:  # both: the density does not depend on it
            held.u[i] = held.held[int(i)] = bounds[0]
    end.edges = _simplex_edges(density, end, set(running.tolist()))
    if not held.held:
        return
    _polish(density, held, weights, options)
    end.u, end.value, end.decrement = held.u, held.value, held.decrement
    end.hessian, end.held, end.steps = held.hessian, held.held, end.steps + held.steps


def _simplex_edges(density: Density, end: End, running: set[int]) -> list[int]:
    """Scalars of a simplex that vanish: its coordinates mix them, so no single one can be put on its bound."""
    edges: list[int] = []
    scalar = 0
    for block, out in zip(density.blocks, density.graphs.outputs, strict=False):
        size = math.prod(out.type.shape)
        if block.transform == "simplex" and running & set(range(block.start, block.stop)):
            values = density.push(end.u[None])[0][scalar : scalar + size]
            edges += [scalar + int(i) for i in np.flatnonzero(values < EDGE)]
        scalar += size
    return edges


def _transformed(density: Density) -> Any:
    """Which coordinates of u belong to a transformed variable: boolean, shape (d,)."""
    return np.concatenate([np.full(b.size, b.transform is not None) for b in density.blocks])


def _laplace_sd(h: Array) -> Array:
    """Marginal sd of the Gaussian with precision ``h``; infinite where it has none."""
    try:
        return np.sqrt(np.abs(np.diag(np.linalg.inv(h))))
    except np.linalg.LinAlgError:
        return np.full(len(h), np.inf)


# -- audit ---------------------------------------------------------------------------------------


def _judge(
    problem: Problem, best: End, agreeing: int, weights: tuple[float, ...], options: ModeOptions
) -> tuple[Status, list[str], list[str]]:
    """Status, reasons, and the names of the free scalars on a boundary."""
    names = problem.scalars.names[: problem.scalars.free]
    if not best.converged(options):
        return Status.FAILED, [_why_no_mode(problem, best, weights, options)], []
    endless = _endless(problem, best, names)
    if endless:
        return (
            Status.FAILED,
            [f"no mode exists: the density is highest as {', '.join(endless)} grows without limit"],
            [],
        )
    boundary = _boundary_names(problem, best, names)
    smallest = _spectrum(best)["eigenvalue_min"]
    if smallest <= RIDGE and not best.edges:
        kind = "flat" if smallest > -RIDGE else "not concave"
        reason = f"the density is {kind} at the end of the search, along {_direction(best, problem.density)}"
        return Status.FAILED, [f"{reason}: {'a ridge' if kind == 'flat' else 'a saddle'}, not a mode"], []
    reasons = [f"{name} lies on the boundary of its range" for name in boundary]
    if agreeing < 2:
        return Status.SUSPECT, [f"only one of {options.starts} starts ended here", *reasons], boundary
    return Status.OK, reasons, boundary


def _elsewhere(
    problem: Problem, best: End, ends: list[End], weights: tuple[float, ...], options: ModeOptions
) -> tuple[Status, list[str]]:
    """What is said of a mode while other ends, not modes themselves, lie higher."""
    higher = [e for e in ends if not e.converged(options) and e.value > best.value + options.agreement]
    if not higher:
        return Status.OK, []
    top = max(higher, key=lambda e: e.value)
    runaway = _runaway(problem, top, weights, options)
    if runaway:
        return Status.OK, [f"the density has no maximum, for it {runaway}: this is the highest of its interior modes"]
    gain = top.value - best.value
    return Status.SUSPECT, [f"a start reached {gain:.3g} nats more than this mode and did not converge"]


def _endless(problem: Problem, best: End, names: tuple[str, ...]) -> list[str]:
    """Scalars whose bound is infinity: the density is highest there, and no value attains it."""
    if not best.held:
        return []
    exact = problem.density.push(_limits(best)[None, :])[0]
    return [name for name in _boundary_names(problem, best, names) if np.isinf(exact[names.index(name)])]


def _why_no_mode(problem: Problem, best: End, weights: tuple[float, ...], options: ModeOptions) -> str:
    """Name the coordinate that runs away with the density still rising, or say how far the search was from a top."""
    runaway = _runaway(problem, best, weights, options)
    if runaway:
        return f"no mode exists: the density {runaway}"
    return (
        f"the search did not end at a mode: the Newton decrement is {best.decrement:.1e} nats "
        f"after {best.steps} polishing steps"
    )


def _runaway(problem: Problem, end: End, weights: tuple[float, ...], options: ModeOptions) -> str | None:
    """Along which transformed variable the density rises without limit, the others following, if along any."""
    density = problem.density
    transformed = _transformed(density)
    furthest = np.argsort(-np.abs(end.u) * transformed, kind="stable")[:3]
    for i in furthest[transformed[furthest]]:
        # Led further out, with the others at their best: a bounded density levels off, an endless one does not.
        trial = End(end.kind, end.u.copy(), end.value)
        heights = []
        for depth in min(abs(end.u[i]), 20.0) + np.arange(7.0):
            trial.u[i] = trial.held[int(i)] = math.copysign(depth, end.u[i])
            trial.decrement = math.inf
            _polish(density, trial, weights, options)
            heights.append(trial.value)
        first, second = heights[3] - heights[0], heights[6] - heights[3]
        if first > options.agreement and second > 0.5 * first:
            block = next(b for b in density.blocks if b.start <= i < b.stop)
            return _grows(block.name, str(block.transform), float(end.u[i]))
    return None


def _grows(name: str, transform: str, u: float) -> str:
    where = "the edge of its range"
    if "log" in transform and "odds" not in transform:
        where = "0" if u < 0 else "infinity"
    return f"grows without limit as {name} goes to {where}"


def _direction(best: End, density: Density) -> str:
    """The free variables that carry the flattest or most convex direction."""
    if best.hessian is None:
        return "a direction that could not be computed"
    _, vectors = np.linalg.eigh(best.hessian)
    share = np.zeros(len(best.u))
    share[[i for i in range(len(best.u)) if i not in best.held]] = vectors[:, 0] ** 2
    return ", ".join(b.name for b in density.blocks if share[b.start : b.stop].sum() > 0.1)


def _boundary_names(problem: Problem, best: End, names: tuple[str, ...]) -> list[str]:
    found = [names[i] for i in best.edges]
    for block in problem.density.blocks:
        held = [i - block.start for i in best.held if block.start <= i < block.stop]
        start, stop, shape, _ = problem.scalars.variables[block.name]
        if not held:
            continue
        # A transform that changes the size (a simplex) mixes its coordinates: name them all.
        same = math.prod(shape) == block.size
        found += [names[start + i] for i in held] if same else list(names[start:stop])
    return found


def _spectrum(end: End) -> dict[str, float]:
    """Smallest eigenvalue and condition number of the curvature scaled to unit diagonal."""
    if end.hessian is None or not end.hessian.size:
        return {"eigenvalue_min": math.inf if end.hessian is not None else math.nan, "condition": 1.0}
    diagonal = np.abs(np.diag(end.hessian))
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    eigenvalues = np.linalg.eigvalsh(end.hessian * scale[:, None] * scale)
    condition = float(eigenvalues[-1] / eigenvalues[0]) if eigenvalues[0] > 0 else math.inf
    return {"eigenvalue_min": float(eigenvalues[0]), "condition": condition}


def _second_opinion(density: Density, end: End, weights: tuple[float, ...]) -> float:
    """Relative disagreement of the two compiled routes at the mode: values, and gradients on the Laplace scale."""
    value, gradient = density.second_opinion(end.u, weights)
    _, mine = density(end.u, weights)
    gap = abs(value - end.value) / max(1.0, abs(end.value))
    free = [i for i in range(len(end.u)) if i not in end.held]
    if end.hessian is not None and len(free):
        sd = _laplace_sd(end.hessian)
        difference = (gradient - mine)[free] * np.where(np.isfinite(sd), sd, 0.0)
        gap = max(gap, float(np.max(np.abs(difference), initial=0.0)) / max(1.0, abs(end.value)))
    return gap if math.isfinite(gap) else math.inf


def _limits(end: End) -> Array:
    u = end.u.copy()
    for i, bound in end.held.items():
        u[i] = math.copysign(math.inf, bound)
    return u


def _at(problem: Problem, end: End) -> Array:
    """The mode in the model's coordinates: the bound itself where it lies on one."""
    scalars: Array = problem.density.push(end.u[None, :])[0].copy()
    if end.held:
        exact = problem.density.push(_limits(end)[None, :])[0]
        scalars = np.where(np.isfinite(exact), exact, scalars)
    scalars[end.edges] = 0.0
    return scalars


def run_map(problem: Problem, *, seed: int = 0, options: ModeOptions | None = None, progress: bool = False) -> Fit:
    """The MAP: the mode in the model's own coordinates (no Jacobian), as ``pymc.find_MAP`` means it."""
    return fit(problem, "map", seed=seed, options=options)


def run_mle(problem: Problem, *, seed: int = 0, options: ModeOptions | None = None, progress: bool = False) -> Fit:
    """The maximum of the likelihood alone."""
    return fit(problem, "mle", seed=seed, options=options)


def run_unconstrained_map(
    problem: Problem, *, seed: int = 0, options: ModeOptions | None = None, progress: bool = False
) -> Fit:
    """The mode of the unconstrained density (Jacobian included), where Laplace and NUTS live."""
    return fit(problem, "unconstrained_map", seed=seed, options=options)
