"""The path from the MLE to the MAP: where the mode goes as the prior is turned on.

The mode of log L + λ log π for λ from 0 (the data alone) to 1 (the MAP): for a normal prior, ridge's regularisation
path.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ...model.backends import Array
from ...model.problem import Problem
from ...reasons import Code, Reason
from ...results.fit import Fit, Status
from . import boundaries, endings, kinks
from .end import End
from .options import ModeOptions
from .search import alone, polish

#: Powers of the prior, evenly spaced.
POINTS = 21


@dataclass(frozen=True)
class Path:
    """Modes of log L + λ log π.

    Attributes
    ----------
    powers : ndarray of shape (m,)
        λ, ascending from 0 to 1.
    values : ndarray of shape (m, k)
        The mode in the model's coordinates; NaN where there is none, with its reason.
    log_likelihood, log_prior : ndarray of shape (m,)
        At each mode, nats.
    reasons : tuple of Reason or None
        Why there is no mode at a power; None where there is one.
    names : tuple of str
        The k scalars.
    """

    powers: Array
    values: Array
    log_likelihood: Array
    log_prior: Array
    reasons: tuple[Reason | None, ...]
    names: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Its fields, the reasons JSON-ready: None where there is a mode."""
        return {**asdict(self), "reasons": [None if one is None else one.to_json() for one in self.reasons]}


def path(
    problem: Problem, at: Fit, *, mle: Fit | None = None, options: ModeOptions | None = None, points: int = POINTS
) -> Path:
    """Follow the mode from the MAP, where the prior has its full weight, down to the MLE.

    Each mode starts the search of the next, so a path follows one mode; its end at λ = 0 is the MLE only where ``mle``
    says so.

    Parameters
    ----------
    problem : Problem
    at : Fit
        The MAP.
    mle : Fit, optional
        The MLE, where it was looked for: it stands at λ = 0, or its reason does.
    options : ModeOptions, optional
    points : int
        Values of λ.
    """
    options = options or ModeOptions()
    density, names = problem.density, problem.scalars.names
    powers = np.linspace(0.0, 1.0, points)
    values = np.full((points, len(names)), np.nan)
    parts = np.full((points, 2), np.nan)
    reasons: list[Reason | None] = [None] * points
    u = None
    if at.status is Status.FAILED or at.unconstrained is None:
        reasons = [Reason(Code.NO_MAP, causes=at.reasons[:1])] * points
    else:
        u = boundaries.placed(density, at.unconstrained, (1.0, 1.0, 0.0))
    lines: dict[int, float] = {}  # kinks are the density's: what one search found serves the next
    for i in reversed(range(points)) if u is not None else ():
        weights = (1.0, float(powers[i]), 0.0)
        end = polish(density, End("path", np.array(u), -np.inf, lines=lines), weights, options)
        if end.converged(options):
            end, inside = alone(density, weights, boundaries.hold(density, end, weights, options))
            if inside is not None:  # with less of the prior the mode leaves the boundary
                end = polish(density, replace(inside, held={}), weights, options)
        lines = kinks.alike(density, {**lines, **end.lines})
        end = alone(density, weights, endings.refined(end, options))
        status, why = alone(density, weights, endings.judge(problem, end, [end], 2, weights, options))
        if status is Status.FAILED:
            reasons[i] = why[0]
            continue
        u = end.u
        values[i] = alone(density, weights, boundaries.values_at(density, end))
        parts[i] = density(end.u, (1.0, 0.0, 0.0))[0], density(end.u, (0.0, 1.0, 0.0))[0]
    if mle is not None:
        failed = mle.status is Status.FAILED or mle.unconstrained is None
        reasons[0] = mle.reasons[0] if failed and mle.reasons else reasons[0]
        values[0] = np.nan if failed else mle.estimate
    return Path(powers, values, parts[:, 0], parts[:, 1], tuple(reasons), names)
