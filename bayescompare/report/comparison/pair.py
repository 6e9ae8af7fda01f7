"""The figure of two coordinates at once: draws, modes and Laplace ellipses, in the coordinates in which NUTS moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import NO_BREAK, NONE, fixed, plain
from ..figures import Axis, Plot, Series
from ..parts import Details, Heading, Part, Row, Table
from ..words import Words, name
from .phrases import columns

if TYPE_CHECKING:
    from ...results.comparison import Comparison

#: Points of an ellipse, and how much of the Laplace approximation each holds.
POINTS, MASSES = 72, (0.5, 0.94)

#: The axes hold a mode that lies no further out than so many widths of the draws.
NEAR = 3.0

type Side = Mapping[str, Any]


def pair(comparison: Comparison) -> list[Part]:
    """Draw the free scalar most off against the one with which the Laplace approximation ties it most wrongly."""
    found = comparison.display.get("pair")
    if not found:
        return []
    one, other = found["sides"]
    labels, axes = (_label(one), _label(other)), (_axis(one), _axis(other))
    ellipses = _ellipses(found)
    series = [Series("dots", "draws", tuple(one["draws"]), tuple(other["draws"])), *ellipses]
    key = [("draws", f"{len(one['draws'])} of {found['total']:,} draws")]
    if not (math.isnan(one["map"]) or math.isnan(other["map"])):
        series.append(Series("triangle", "map", (one["map"],), (other["map"],)))
        key.append(("map", "MAP"))
    modes = {"MAP": "map", "Laplace approximation": "unconstrained_map"}
    off = [what for what, mode in modes.items() if _off(mode, found["sides"], axes)]
    if ellipses:
        kind = "triangle" if "Laplace approximation" in off else "diamond"
        series.append(Series(kind, "lap", (one["unconstrained_map"],), (other["unconstrained_map"],)))
        key.append(("laplace_mode", f"Laplace, {' and '.join(plain(100 * m) for m in MASSES)}{NO_BREAK}% inside"))
    plot = Plot(
        f"{name(one['name'])} against {name(other['name'])}",
        f"{_described(one)}; {_described(other)}.",
        *axes,
        tuple(series),
        _caption(labels[1], off),
        tuple(key),
        height=320,
    )
    heading = Heading(("Two coordinates at once: ", name(one["name"]), " and ", name(other["name"])))
    return [heading, plot, Details(("The pair as a table",), (_table(found, labels),))]


def _caption(vertical: str, off: Sequence[str]) -> Words:
    caption: Words = (
        "Vertical: ",
        name(vertical),
        ". In these coordinates Laplace is a Gaussian, its level lines ",
        "ellipses. The draws are thinned evenly.",
    )
    if not off:
        return caption
    return (
        *caption,
        f" The {' and the '.join(off)} {'lies' if len(off) == 1 else 'lie'} off the axes, where ",
        "the triangle points." if len(off) == 1 else "the triangles point.",
    )


def _label(side: Side) -> str:
    """What the coordinate is of its scalar."""
    shown = name(side["name"]).text
    return {"itself": shown, "unconstrained": f"{shown}, unconstrained"}.get(side["kind"]) or f"{side['kind']} {shown}"


def _axis(side: Side) -> Axis:
    """Nearly all draws, and a mode that is not far from them."""
    lower, upper = side["bulk"]
    room = NEAR * (upper - lower)
    near = [m for m in (side["map"], side["unconstrained_map"]) if lower - room <= m <= upper + room]
    lower, upper = min([lower, *near]), max([upper, *near])
    edge = 0.06 * (upper - lower) or 0.5
    return Axis(lower - edge, upper + edge, _label(side))


def _ellipses(found: Mapping[str, Any]) -> list[Series]:
    """Level lines of the Laplace approximation, around its mode."""
    if found["factor"] is None:
        return []
    around = np.linspace(0.0, 2 * math.pi, POINTS + 1)
    circle = np.array(found["factor"]) @ np.stack([np.cos(around), np.sin(around)])
    middle = np.array([[side["unconstrained_map"]] for side in found["sides"]])
    lines = [(middle + math.sqrt(-2 * math.log1p(-mass)) * circle).tolist() for mass in MASSES]
    return [Series("contour", "lap", tuple(x), tuple(y)) for x, y in lines]


def _table(found: Mapping[str, Any], labels: tuple[str, str]) -> Table:
    """The draws and the approximation by their moments, and the modes."""
    sides = found["sides"]
    header = columns("", labels[0], "sd", labels[1], "sd", "correlation")
    drawn = [plain(side[key], 3) for side in sides for key in ("mean", "sd")]
    rows = [
        Row(("posterior, mean",), (*drawn, _correlation(found["correlation"]))),
        Row(("MAP",), (plain(sides[0]["map"], 4), "", plain(sides[1]["map"], 4), "", "")),
    ]
    if not math.isnan(sides[0]["laplace_sd"]):
        cells = [text for s in sides for text in (plain(s["unconstrained_map"], 4), plain(s["laplace_sd"], 3))]
        rows.append(Row(("Laplace, mode",), (*cells, _correlation(found["laplace_correlation"]))))
    return Table("The pair as a table", header, tuple(rows))


def _correlation(x: float) -> str:
    return NONE if math.isnan(x) else fixed(x, 2)


def _described(side: Side) -> str:
    lower, upper = side["quartiles"]
    return f"{_label(side)}: middle half of the draws {plain(lower, 3)} to {plain(upper, 3)}"


def _off(mode: str, sides: Sequence[Side], axes: Sequence[Axis]) -> bool:
    """True if a mode lies off one of the axes."""
    return any(s[mode] < axis.lower or s[mode] > axis.upper for s, axis in zip(sides, axes, strict=True))
