"""The figure of two coordinates at once: draws, modes and Laplace ellipses, in the coordinates in which NUTS moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...formatting import NO_BREAK, Number, fixed, plain
from ..parts import Axis, Details, Heading, Part, Plot, Row, Series, Table
from ..words import Name, Words, name
from .phrases import columns, evenly
from .scalars import Scalar, Scalars

if TYPE_CHECKING:
    from ...results.comparison import Comparison

Array = np.ndarray

#: Draws in the figure, scalars that the second one is sought among, and points of an ellipse.
DRAWS, AMONG, POINTS = 400, 100, 72

#: The ellipses hold so much of the Laplace approximation.
MASSES = (0.5, 0.94)

#: The axes hold this share of the draws, and a mode that lies no further out than so many of their widths.
HELD, NEAR = 0.995, 3.0


@dataclass(frozen=True)
class _Side:
    """One of the two: its scalar, its coordinate's name, its draws, its modes, its Laplace draws (NaN where none)."""

    scalar: Scalar
    label: str
    draws: Array
    mode: float
    unconstrained: float
    laplace: Array


def pair(comparison: Comparison, scalars: Scalars) -> list[Part]:
    """Draw the free scalar most off against the one with which the Laplace approximation ties it most wrongly.

    Nothing where there are not two free scalars, or where coordinates and scalars are not one to one.
    """
    nuts = comparison.fits.get("nuts")
    d = comparison.model.parameters
    free = [s for s in scalars.rows if s.kind == "free"]
    if nuts is None or nuts.unconstrained_draws is None or len(free) != d or d < 2:
        return []
    place = {s.name: i for i, s in enumerate(free)}
    first, *others = sorted(free, key=lambda s: -s.severity)[:AMONG]
    mine = _sides(comparison, [first], place)[0]
    theirs = _sides(comparison, others, place)
    if not np.ptp(mine.draws) > 0:
        return []
    other = max(theirs, key=lambda side: _wrong(mine, side))
    return _drawn(mine, other)


def _sides(comparison: Comparison, chosen: list[Scalar], place: dict[str, int]) -> list[_Side]:
    fits = comparison.fits
    laplace = fits["laplace"].unconstrained_draws if "laplace" in fits else None
    found = []
    for s in chosen:
        i = place[s.name]
        moved = np.asarray(fits["nuts"].unconstrained_draws)[..., i].ravel()
        own = moved if fits["nuts"].draws is None else np.asarray(fits["nuts"].draws)[..., i].ravel()
        found.append(
            _Side(
                scalar=s,
                label=_label(s.shown, moved, own),
                draws=moved,
                mode=_coordinate(comparison, "map", i),
                unconstrained=_coordinate(comparison, "unconstrained_map", i),
                laplace=np.full(1, math.nan) if laplace is None else np.asarray(laplace)[..., i].ravel(),
            )
        )
    return found


def _coordinate(comparison: Comparison, fit: str, i: int) -> float:
    """A mode's coordinate; NaN where there is no mode."""
    at = comparison.fits[fit].unconstrained if fit in comparison.fits else None
    return math.nan if at is None else float(at[i])


def _label(shown: Name, moved: Array, own: Array) -> str:
    """What the coordinate is: the scalar itself, its logarithm, its logit, or another function of it."""
    some = slice(0, 50)
    if np.allclose(moved[some], own[some], rtol=1e-6, atol=0.0):
        return shown.text
    if (own[some] > 0).all() and np.allclose(moved[some], np.log(own[some]), rtol=1e-6, atol=1e-9):
        return f"log {shown.text}"
    if ((own[some] > 0) & (own[some] < 1)).all():
        odds = own[some] / (1 - own[some])
        if np.allclose(moved[some], np.log(odds), rtol=1e-6, atol=1e-9):
            return f"logit {shown.text}"
    return f"{shown.text}, unconstrained"


def _wrong(one: _Side, other: _Side) -> float:
    """How far the correlation of the Laplace approximation is from the draws'; their own where there is none."""
    drawn = _correlation(one.draws, other.draws)
    approximate = _correlation(one.laplace, other.laplace)
    gap = abs(drawn) if math.isnan(approximate) else abs(drawn - approximate)
    return -1.0 if math.isnan(gap) else gap


def _correlation(x: Array, y: Array) -> float:
    dx, dy = x - x.mean(), y - y.mean()
    size = math.sqrt(float((dx**2).sum() * (dy**2).sum()))
    return float((dx * dy).sum()) / size if size > 0 else math.nan


def _drawn(one: _Side, other: _Side) -> list[Part]:
    kept = evenly(len(one.draws), DRAWS)
    x, y = _axis(one), _axis(other)
    sides = ((one, x), (other, y))
    series = [Series("dots", "draws", _floats(one.draws[kept]), _floats(other.draws[kept]))]
    ellipses = _ellipses(one, other)
    series += ellipses
    key = [("draws", f"{len(kept)} of {len(one.draws):,} draws")]
    if not (math.isnan(one.mode) or math.isnan(other.mode)):
        series.append(Series("triangle", "map", (one.mode,), (other.mode,)))
        key.append(("map", "MAP"))
    if ellipses:
        kind = "triangle" if _off("unconstrained", sides) else "diamond"
        series.append(Series(kind, "lap", (one.unconstrained,), (other.unconstrained,)))
        key.append(("laplace_mode", f"Laplace, {' and '.join(plain(100 * m) for m in MASSES)}{NO_BREAK}% inside"))
    names = one.scalar.shown, other.scalar.shown
    caption: Words = ("Vertical: ", name(other.label), ". In these coordinates Laplace is a Gaussian, its level lines ")
    caption = (*caption, "ellipses. The draws are thinned evenly.")
    off = [what for what, side in (("MAP", "mode"), ("Laplace approximation", "unconstrained")) if _off(side, sides)]
    if off:
        caption = (*caption, f" The {' and the '.join(off)} {'lies' if len(off) == 1 else 'lie'} off the axes, where ")
        caption = (*caption, "the triangle points." if len(off) == 1 else "the triangles point.")
    plot = Plot(
        f"{names[0]} against {names[1]}",
        f"{_described(one)}; {_described(other)}.",
        x,
        y,
        tuple(series),
        caption,
        tuple(key),
        height=320,
    )
    heading = Heading(("Two coordinates at once: ", names[0], " and ", names[1]))
    return [heading, plot, Details(("The pair as a table",), (_table(one, other),))]


def _axis(side: _Side) -> Axis:
    """Nearly all draws, and a mode that is not far from them."""
    lower, upper = (float(q) for q in np.quantile(side.draws, [1 - HELD, HELD]))
    room = NEAR * (upper - lower)
    near = [m for m in (side.mode, side.unconstrained) if lower - room <= m <= upper + room]
    lower, upper = min([lower, *near]), max([upper, *near])
    edge = 0.06 * (upper - lower) or 0.5
    return Axis(lower - edge, upper + edge, side.label)


def _ellipses(one: _Side, other: _Side) -> list[Series]:
    """Level lines of the Laplace approximation, around its mode."""
    spread = np.cov(one.laplace, other.laplace, ddof=0) if one.laplace.size > 1 else np.full((2, 2), math.nan)
    if not np.isfinite(spread).all() or not math.isfinite(one.unconstrained + other.unconstrained):
        return []
    if not np.linalg.eigvalsh(spread)[0] > 0:
        return []
    around = np.linspace(0.0, 2 * math.pi, POINTS + 1)
    circle = np.linalg.cholesky(spread) @ np.stack([np.cos(around), np.sin(around)])
    found = []
    for mass in MASSES:
        x, y = math.sqrt(-2 * math.log1p(-mass)) * circle
        found.append(Series("contour", "lap", _floats(one.unconstrained + x), _floats(other.unconstrained + y)))
    return found


def _table(one: _Side, other: _Side) -> Table:
    """The draws and the approximation by their moments, and the modes."""
    header = columns("", one.label, "sd", other.label, "sd", "correlation")
    rows = [
        Row(("posterior, mean",), (*_moments(one.draws), *_moments(other.draws), _two(one.draws, other.draws))),
        Row(("MAP",), (plain(one.mode, 4), "", plain(other.mode, 4), "", "")),
    ]
    if one.laplace.size > 1:
        cells = [cell for side in (one, other) for cell in (plain(side.unconstrained, 4), _moments(side.laplace)[1])]
        rows.append(Row(("Laplace, mode",), (*cells, _two(one.laplace, other.laplace))))
    return Table("The pair as a table", header, tuple(rows))


def _moments(values: Array) -> tuple[str, str]:
    return plain(float(values.mean()), 3), plain(float(values.std()), 3)


def _two(x: Array, y: Array) -> str:
    correlation = _correlation(x, y)
    return str(Number("–")) if math.isnan(correlation) else fixed(correlation, 2)


def _described(side: _Side) -> str:
    middle = np.quantile(side.draws, [0.25, 0.5, 0.75])
    return f"{side.label}: middle half of the draws {plain(float(middle[0]), 3)} to {plain(float(middle[2]), 3)}"


def _off(mode: str, sides: tuple[tuple[_Side, Axis], ...]) -> bool:
    """True if a mode lies off one of the axes."""
    return any(not _inside(getattr(side, mode), axis) for side, axis in sides)


def _inside(value: float, axis: Axis) -> bool:
    return math.isnan(value) or axis.lower <= value <= axis.upper


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
