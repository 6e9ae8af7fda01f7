"""Basins of attraction: the distinct modes, and which of them a draw of the posterior climbs to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...model.backends import Array
from ...model.problem import Problem
from ...results.fit import Fit, Status
from .curvature import hessian, own_scale
from .end import End
from .options import ModeOptions
from .search import first_order, place, polish_along

#: Draws that are followed uphill.
SAMPLE = 64

#: Where a MAP on the boundary starts its climb, so that its basin can be named.
INWARD = 3.0


@dataclass(frozen=True)
class Climbs:
    """Where a sample of draws climbs to.

    Attributes
    ----------
    modes : list of dict
        ``log_density`` and ``log_mass`` (nats) and ``u`` of each distinct mode of the unconstrained density, the MAP's
        first; those that only draws led to are ``found_by`` ``"draws"``, the others ``"starts"``.
    assigned : ndarray of int of shape (chains, m)
        Place among the modes of each draw's, or −1 where its climb did not end at a mode.
    """

    modes: list[dict[str, Any]]
    assigned: np.ndarray


def climbs(
    problem: Problem, top: Fit, draws: Array, *, start: Array | None = None, seed: int = 0, sample: int = SAMPLE
) -> Climbs | None:
    """Follow a seeded sample of draws uphill on the density with likelihood, prior and Jacobian.

    Parameters
    ----------
    problem : Problem
    top : Fit
        The unconstrained MAP, with its ``modes``.
    draws : ndarray of shape (chains, draws, d)
        In u.
    start : ndarray of shape (d,), optional
        The MAP in u: its basin is the first.
    seed : int
    sample : int
        Draws in all, the same number from each chain.

    Returns
    -------
    Climbs or None
        None where there is no unconstrained mode.
    """
    if top.status is Status.FAILED or not top.diagnostics.get("modes"):
        return None
    weights = (1.0, 1.0, 1.0)
    options = ModeOptions()
    density = problem.density
    modes = [_known(problem, np.array(mode["u"])) for mode in top.diagnostics["modes"]]
    found_by = ["starts"] * len(modes)
    chains, length = draws.shape[:2]
    rng = np.random.default_rng(seed)
    each = min(max(sample // chains, 1), length)
    points = [row[i] for row in draws for i in np.sort(rng.choice(length, each, replace=False))]
    if start is not None:
        origin = np.where(np.isfinite(start), start, np.copysign(INWARD, start))
        points.append(origin)
    ends = sorted(first_order(density, [("draw", u) for u in points], weights), key=lambda end: end.order)
    where = np.full(len(points), -1)
    lines: dict[int, float] = {}  # kinks are the density's: what one climb found serves the others
    for end in ends:
        i = place(end, modes, density)
        if i < 0:
            end = polish_along(lines, density, end, weights, options)
            i = place(end, modes, density)
        if i < 0 and end.converged(options) and end.smallest > 0:
            i = len(modes)
            modes.append(end)
            found_by.append("draws")
        where[end.order] = i
    own = int(where[-1]) if start is not None and where[-1] >= 0 else 0
    order = [own, *(i for i in range(len(modes)) if i != own)]
    rank = {old: new for new, old in enumerate(order)} | {-1: -1}
    assigned = np.array([rank[int(i)] for i in where[: chains * each]]).reshape(chains, each)
    described = [
        {
            "log_density": modes[i].value,
            "log_mass": log_mass(modes[i]),
            "u": modes[i].u.tolist(),
            "found_by": found_by[i],
        }
        for i in order
    ]
    return Climbs(described, assigned)


def log_mass(mode: End) -> float:
    """log of the Laplace approximation's mass at a mode, nats: log density + d/2 log 2π − ½ log det H; NaN on a bound,
    on a kink and where the curvature is not positive."""
    if mode.hessian is None or not mode.smallest > 0 or mode.held or mode.kinks:
        return math.nan
    return mode.value + len(mode.u) / 2 * math.log(2 * math.pi) - 0.5 * float(np.linalg.slogdet(mode.hessian)[1])


def _known(problem: Problem, u: Array) -> End:
    weights = (1.0, 1.0, 1.0)
    end = End("mode", u, problem.density(u, weights)[0], decrement=0.0, polished=True)
    if len(u) > ModeOptions().dense:
        return end
    h = hessian(problem.density, u, weights)
    h = hessian(problem.density, u, weights, own_scale(h))
    smallest = float(np.linalg.eigvalsh(h)[0]) if np.isfinite(h).all() else math.nan
    return replace(end, hessian=h, smallest=smallest)
