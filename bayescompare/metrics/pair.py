"""Two unconstrained coordinates at once: how draws and the Laplace approximation tie them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Draws that are kept of a pair.
DRAWS = 400

#: Share of the draws below the upper end of what an axis must hold, and above its lower end.
HELD = 0.995


@dataclass(frozen=True)
class Coordinate:
    """One of two coordinates.

    Attributes
    ----------
    name : str
        Of its scalar.
    kind : str
        What it is of the scalar: ``itself``, ``log``, ``logit`` or ``unconstrained`` (another function of it).
    draws : tuple of float
        Evenly thinned.
    map, unconstrained_map : float
        The modes; NaN where there is none, infinite on a boundary.
    mean, sd, laplace_sd : float
        NaN where there is no Laplace approximation.
    bulk, quartiles : (float, float)
        Between which nearly all draws lie, and their middle half.
    """

    name: str
    kind: str
    draws: tuple[float, ...]
    map: float
    unconstrained_map: float
    mean: float
    sd: float
    laplace_sd: float
    bulk: tuple[float, float]
    quartiles: tuple[float, float]


@dataclass(frozen=True)
class Pair:
    """Two coordinates, and how they go together.

    Attributes
    ----------
    sides : (Coordinate, Coordinate)
    total : int
        Draws in all.
    correlation, laplace_correlation : float
        NaN where one of the two does not move.
    factor : ((float, float), (float, float)) or None
        Lower Cholesky factor of the Laplace approximation's covariance; None where there is no ellipse.
    """

    sides: tuple[Coordinate, Coordinate]
    total: int
    correlation: float
    laplace_correlation: float
    factor: tuple[tuple[float, float], ...] | None


@dataclass(frozen=True)
class Coordinates:
    """All of them, one for each free scalar: arrays of shape (n, d), Laplace's (m, d), modes (d,)."""

    names: Sequence[str]
    draws: Array
    scalars: Array
    laplace: Array | None
    map: Array
    unconstrained_map: Array


def pair(of: Coordinates, first: int, others: Sequence[int]) -> Pair | None:
    """The first coordinate and, of the others, the one with which Laplace ties it most wrongly.

    Where there is no Laplace approximation, the one that is tied most. None where the first does not move.
    """
    if not others or not np.ptp(of.draws[:, first]) > 0:
        return None
    other = max(others, key=lambda i: _wrong(of, first, i))
    return Pair(
        sides=(_coordinate(of, first), _coordinate(of, other)),
        total=len(of.draws),
        correlation=_correlation(of.draws, first, other),
        laplace_correlation=_correlation(of.laplace, first, other),
        factor=_factor(of, [first, other]),
    )


def kind(moved: Array, own: Array) -> str:
    """What a coordinate ``moved`` is of the scalar ``own``, by some draws of both."""
    moved, own = moved[:50], own[:50]
    if np.allclose(moved, own, rtol=1e-6, atol=0.0):
        return "itself"
    if (own > 0).all() and np.allclose(moved, np.log(own), rtol=1e-6, atol=1e-9):
        return "log"
    if ((own > 0) & (own < 1)).all() and np.allclose(moved, np.log(own / (1 - own)), rtol=1e-6, atol=1e-9):
        return "logit"
    return "unconstrained"


def _coordinate(of: Coordinates, i: int) -> Coordinate:
    x = of.draws[:, i]
    lower, first, third, upper = (float(q) for q in np.quantile(x, [1 - HELD, 0.25, 0.75, HELD]))
    kept = sorted({round(j * (len(x) - 1) / (DRAWS - 1)) for j in range(DRAWS)}) if len(x) > DRAWS else range(len(x))
    return Coordinate(
        name=of.names[i],
        kind=kind(x, of.scalars[:, i]),
        draws=tuple(float(v) for v in x[list(kept)]),
        map=float(of.map[i]),
        unconstrained_map=float(of.unconstrained_map[i]),
        mean=float(x.mean()),
        sd=float(x.std()),
        laplace_sd=math.nan if of.laplace is None else float(of.laplace[:, i].std()),
        bulk=(lower, upper),
        quartiles=(first, third),
    )


def _wrong(of: Coordinates, i: int, j: int) -> float:
    """How far the correlation of the Laplace approximation is from the draws'; their own where there is none."""
    drawn, approximate = _correlation(of.draws, i, j), _correlation(of.laplace, i, j)
    gap = abs(drawn) if math.isnan(approximate) else abs(drawn - approximate)
    return -1.0 if math.isnan(gap) else gap


def _correlation(rows: Array | None, i: int, j: int) -> float:
    if rows is None:
        return math.nan
    dx, dy = rows[:, i] - rows[:, i].mean(), rows[:, j] - rows[:, j].mean()
    size = math.sqrt(float((dx**2).sum() * (dy**2).sum()))
    return float((dx * dy).sum()) / size if size > 0 else math.nan


def _factor(of: Coordinates, at: list[int]) -> tuple[tuple[float, float], ...] | None:
    if of.laplace is None or len(of.laplace) < 2 or not np.isfinite(of.unconstrained_map[at]).all():
        return None
    spread = np.cov(of.laplace[:, at], rowvar=False, ddof=0)
    if not np.isfinite(spread).all() or not np.linalg.eigvalsh(spread)[0] > 0:
        return None
    (a, b), (c, d) = np.linalg.cholesky(spread).tolist()
    return (a, b), (c, d)
