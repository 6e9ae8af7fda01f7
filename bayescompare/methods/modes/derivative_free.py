"""The search for a mode of a density without a gradient: simplex steps from several starts, then lines.

What they end at is polished and audited as every other end is, with differences of the density in the gradient's place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...model.backends import Array
from ...model.density import Density
from .end import End
from .options import ModeOptions
from .search import RUNAWAY, no_finite_start

#: Of the starts every third is used, of each kind some.
EVERY = 3

#: Most evaluations of one start's search by each method, for each coordinate.
EVALUATIONS = 200

#: What differences of a density can tell at most: the distance to the top, and equal heights, in nats.
DECREMENT, AGREEMENT = 1e-5, 1e-2


def settings(options: ModeOptions) -> ModeOptions:
    """The search's options with tolerances that differences can meet."""
    return replace(options, decrement=max(options.decrement, DECREMENT), agreement=max(options.agreement, AGREEMENT))


def search(density: Density, points: list[tuple[str, Array]], weights: tuple[float, ...]) -> list[End]:
    """Nelder and Mead's method, then Powell's, from every third point with a finite density; by descending height.

    Raises
    ------
    NoFiniteStartError
        If there is no such point.
    """
    from scipy.optimize import minimize

    usable = [
        (order, kind, u)
        for order, (kind, u) in enumerate(points)
        if np.all(np.isfinite(u)) and np.isfinite(density.values(u[None], weights)[0])
    ]
    if not usable:
        raise no_finite_start(density, len(points))
    ends = []
    for order, kind, u0 in usable[::EVERY]:
        most = EVALUATIONS * len(u0)
        objective = _negated(density, weights)
        simplex = minimize(
            objective, u0, method="Nelder-Mead", options={"maxfev": most, "adaptive": len(u0) > 2, "fatol": 1e-6}
        )
        lines = minimize(objective, simplex.x, method="Powell", options={"maxfev": most, "ftol": 1e-10})
        best = min((simplex, lines), key=lambda found: float(found.fun))
        ends.append(End(kind, np.asarray(best.x, dtype=float), -float(best.fun), order))
    return sorted(ends, key=lambda end: -end.value)


def _negated(density: Density, weights: tuple[float, ...]) -> Callable[[Array], float]:
    far = density.transformed

    def objective(u: Array) -> float:
        if np.any(np.abs(u[far]) > RUNAWAY):
            return 1e100
        value = float(density.values(u[None], weights)[0])
        return -value if np.isfinite(value) else 1e100

    return objective
