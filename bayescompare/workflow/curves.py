"""Density curves of the marginals, on grids that show where their mass is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..metrics import kde
from ..model.prior_density import prior_densities
from ..model.problem import Problem
from ..results.comparison import Curves
from .gather import Array, Gathered

if TYPE_CHECKING:
    import pandas as pd

#: Scalars that get density curves: all of a model's, or the most severe of many.
CURVES = 200

#: Points of a curve.
CURVE_POINTS = 128

#: Of a 94 % interval the part above the median over that below (exponential law: 4; half-Cauchy: 21) from which a
#: positive scalar's curve is over its logarithm.
LONG_TAIL = 8.0


def curves(g: Gathered, table: pd.DataFrame) -> Curves:
    """Densities on a grid that holds the posterior's bulk and the MAP where it is near.

    Of a positive scalar with a tail far longer above its median than below, the grid is even in its logarithm.
    """
    flat = g.draws.reshape(-1, g.draws.shape[-1])
    severity = np.abs(np.nan_to_num(table["z"].to_numpy(), nan=0.0))
    usable = np.flatnonzero(np.isfinite(flat).all(axis=0) & (flat.min(axis=0) < flat.max(axis=0)))
    chosen = np.sort(usable[np.argsort(-severity[usable], kind="stable")[:CURVES]])
    x = flat[:, chosen].T
    inner, logs = np.empty((2, 0)), np.zeros(0, dtype=bool)
    if len(chosen):
        *outer, low, middle, high = np.quantile(x, [0.001, 0.999, 0.03, 0.5, 0.97], axis=1)
        inner = np.clip(outer, 2 * low - high, 2 * high - low)  # of a heavy tail, no more than is seen
        logs = (x.min(axis=1) > 0) & (high - middle > LONG_TAIL * (middle - low))
    reach = inner[1] - inner[0]
    lower, upper = np.maximum(x.min(axis=1, initial=np.inf), inner[0] - 0.1 * reach), inner[1] + 0.1 * reach
    upper = np.minimum(x.max(axis=1, initial=-np.inf), upper)
    at = table["map"].to_numpy()[chosen]
    near = np.isfinite(at) & (at > lower - reach) & (at < upper + reach)
    lower, upper = np.where(near, np.fmin(lower, at), lower), np.where(near, np.fmax(upper, at), upper)
    grid = np.linspace(lower, upper, CURVE_POINTS, axis=1)
    ends = np.quantile(x[logs], [0.001, 0.999], axis=1) if logs.any() else np.empty((2, 0))
    grid[logs] = np.geomspace(ends[0], ends[1], CURVE_POINTS, axis=1)

    def of(samples: Array | None) -> Array:
        if samples is None or not len(chosen):
            return np.full((len(chosen), CURVE_POINTS), np.nan)
        rows = np.ascontiguousarray(samples[:, chosen].T)
        found = np.empty(grid.shape)
        found[~logs] = kde.curve(rows[~logs], grid[~logs])
        found[logs] = kde.curve(np.log(np.maximum(rows[logs], 1e-300)), np.log(grid[logs])) / grid[logs]
        return found

    return Curves(tuple(table.index[chosen]), grid, of(flat), of(g.laplace), of(g.prior))


def drawn(problem: Problem, g: Gathered, table: pd.DataFrame) -> Curves:
    """The curves, with prior densities in closed form where there is one: draws are noisy, and miss a peak."""
    found = curves(g, table)
    known = prior_densities(problem, found.names, found.x)
    return replace(found, prior=np.where(np.isfinite(known), known, found.prior))


def no_curves(_: str) -> Curves:
    """What stands for curves that could not be computed."""
    return Curves((), *(np.empty((0, CURVE_POINTS)) for _ in range(4)))
