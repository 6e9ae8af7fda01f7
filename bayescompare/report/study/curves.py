"""A study's figures: measures over the grid, with bands of two Monte-Carlo errors.

Along a numeric axis a measure is a line for each method, one small figure for each parameter and for what else varies;
without one it is a strip of marks. The worst come first, the rest is in the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...formatting import plain, powers
from ..figures import Axis, Mark, Panels, Plot, Series, Strip
from ..parts import Cell, Column, Row, Strips
from ..words import Words, name, plain_text, visible
from . import findings as w
from .rows import ALL, NOTHING, Facet, Focus, Rows, Value, is_share, key, value_text

#: Small figures, and strips, of one measure that are drawn.
PANELS, STRIPS = 4, 18

#: Multiples of the middle line's reach beyond which a value leaves the axis.
FAR = 30.0

#: Labels under a small figure, and under a wide one.
FEW, MANY = 4, 9

#: Points of a line, or marks of a colour, up to which each is drawn.
MARKS = 60

CSS = {
    "nuts": "post",
    "map_laplace": "map",
    "psis_laplace": "lap",
    "mle_wald": "mle",
    "marginal_map": "mam",
    "marginal_laplace": "mar",
    "pathfinder": "pth",
    "advi": "adv",
    "fullrank_advi": "fra",
}
LINES = {key: key for key in CSS.values()} | {"map": "map path"}
HEIGHT = 176


@dataclass(frozen=True)
class Pair:
    """A parameter and the part of the grid in which it is looked at."""

    facet: Facet
    parameter: str

    @property
    def heading(self) -> Words:
        """Its name; of all parameters, what its part of the grid is."""
        if self.parameter != ALL:
            return (name(self.parameter),)
        return (name(_shared(self.facet)),) if self.facet.shared else ("all parameters",)

    @property
    def beside(self) -> str:
        """What its part of the grid is, if the heading does not say it."""
        return _shared(self.facet) if self.parameter != ALL else ""


def _shared(facet: Facet) -> str:
    return ", ".join(value_text(value) for value in facet.shared.values())


@dataclass(frozen=True)
class Drawn:
    """How a measure is drawn.

    ``line`` is a reference across, in the measure's own unit; ``shared`` gives all small figures one vertical axis;
    ``log`` draws in logarithms; ``small`` leaves the numbers beside strips out; ``over`` is the measure of NUTS that
    it is divided by, ``called`` what it is called then.
    """

    measure: str
    heading: str
    caption: str
    line: float = math.nan
    shared: bool = False
    log: bool = False
    small: bool = False
    methods: tuple[str, ...] = ()
    over: str = ""
    called: str = ""

    @property
    def label(self) -> str:
        """What is drawn."""
        return self.called or w.label(self.measure)


def css(method: str) -> str:
    """The class of a method's colour."""
    return CSS.get(method, "mle")


def keys(methods: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """What the marks of a figure stand for."""
    return tuple((m if m in CSS else "mle_wald", w.method(m)) for m in methods)


def pairs(rows: Rows) -> list[Pair]:
    """Every parameter in every part of the grid, the one whose intervals or points are worst first.

    Worst is the largest gap that is left when two of its Monte-Carlo errors are taken off, over the methods other than
    NUTS; by coverage, else by the shift from NUTS.
    """
    found = [
        Pair(facet, parameter)
        for facet in rows.facets
        for parameter in dict.fromkeys(name for cell in facet.cells for name in rows.at(cell))
    ]
    cheap = [m for m in rows.methods if m != "nuts"] or list(rows.methods)
    level = float(rows.level) / 100 if rows.level else 0.0
    gaps = [(f"coverage_{rows.level}", level)] if rows.level else []
    gaps.append(("shift", 0.0))

    def gap(pair: Pair) -> tuple[float, ...]:
        sizes = []
        for measure, target in gaps:
            values = [rows.get(c, m, pair.parameter, measure) for c in pair.facet.cells for m in cheap]
            left = [abs(v.value - target) - 2 * (v.error if v.error == v.error else 0) for v in values if v.known]
            sizes.append(-max(left, default=-1.0))
        return tuple(sizes)

    return sorted(found, key=gap)


def figure(rows: Rows, drawn: Drawn, chosen: Sequence[Pair]) -> Panels | Strips | None:
    """A measure over the grid, for some parameters; None where none of them has it."""
    methods = tuple(m for m in drawn.methods or rows.methods if any(known(rows, p, m, drawn) for p in chosen))
    having = [p for p in chosen if any(known(rows, p, m, drawn) for m in methods)]
    if not having:
        return None
    if rows.axis is None:
        return _strips(rows, drawn, _in_order(rows, having[:STRIPS]), methods)
    return _panels(rows, drawn, _in_order(rows, having[:PANELS]), methods)


def _in_order(rows: Rows, chosen: Sequence[Pair]) -> list[Pair]:
    """As the grid has them, parameter by parameter within each of its parts."""
    facets = {key(facet.shared): i for i, facet in enumerate(rows.facets)}
    names = {name: i for i, name in enumerate(rows.parameters)}
    return sorted(chosen, key=lambda p: (facets[key(p.facet.shared)], names.get(p.parameter, -1)))


def known(rows: Rows, pair: Pair, method: str, drawn: Drawn) -> bool:
    return any(_value(rows, pair, cell, method, drawn).known for cell in pair.facet.cells)


def _value(rows: Rows, pair: Pair, cell: Any, method: str, drawn: Drawn) -> Value:
    """A figure of a parameter; of all parameters, the figure of the fit as a whole or their mean."""
    if pair.parameter == ALL:
        return rows.pooled([cell], method, Focus(drawn.measure, method))
    found = rows.get(cell, method, pair.parameter, drawn.measure)
    if not drawn.over:
        return found
    base = rows.get(cell, "nuts", pair.parameter, drawn.over)
    return over(found, base, ratio=drawn.log)


def over(found: Value, base: Value, *, ratio: bool) -> Value:
    """A figure divided by another; both errors count in a ratio of two like figures, the larger error there can be."""
    if not base.value > 0:
        return NOTHING
    value = found.value / base.value
    error = found.error / base.value
    return Value(value, error + abs(value) * base.error / base.value if ratio else error)


# -- along a numeric axis ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A method's values along the axis, in the figure's positions."""

    css: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    text: str = ""


def _panels(rows: Rows, drawn: Drawn, chosen: Sequence[Pair], methods: Sequence[str]) -> Panels:
    wide = len(chosen) == 1
    lines = [[line_of(rows, drawn, pair, m) for m in methods] for pair in chosen]
    every = [line for each in lines for line in each]
    common = vertical(every, drawn)
    panels = []
    for pair, own in zip(chosen, lines, strict=True):
        y = common if drawn.shared else vertical(own, drawn)
        what = plain_text(pair.heading) + (f", {pair.beside}" if pair.beside else "")
        panels.append(
            (
                pair.heading,
                pair.beside,
                Plot(
                    title=f"{drawn.label} of {what} over {axis_name(rows)}",
                    description=" ".join(line.text for line in own),
                    x=horizontal(rows, MANY if wide else FEW),
                    y=y,
                    series=(*_reference(drawn, rows), *series(own, y)),
                    caption=(),
                    height=260 if wide else HEIGHT,
                ),
            )
        )
    return Panels(drawn.heading, tuple(panels), keys(methods), (drawn.caption,), wide=wide)


def axis_name(rows: Rows) -> str:
    return visible(rows.axis.name) if rows.axis else "the grid"


def across(rows: Rows, value: Any) -> float:
    """Position of a value of the horizontal axis."""
    return math.log10(value) if rows.axis is not None and rows.axis.geometric else float(value)


def horizontal(rows: Rows, most: int) -> Axis:
    """The horizontal axis: labels stand at the grid's own values, as many as have room."""
    if rows.axis is None:
        return Axis(0.0, 1.0)
    values = sorted(rows.axis.values)
    places = [across(rows, v) for v in values]
    room = 0.05 * (places[-1] - places[0])
    step = (places[-1] - places[0]) / most
    marks: list[tuple[float, str]] = [(places[-1], plain(float(values[-1]), 4))]
    for place, value in zip(places[-2::-1], values[-2::-1], strict=True):
        if marks[-1][0] - place >= step:
            marks.append((place, plain(float(value), 4)))
    return Axis(places[0] - room, places[-1] + room, visible(rows.axis.name), tuple(marks[::-1]))


def line_of(rows: Rows, drawn: Drawn, pair: Pair, method: str) -> Line:
    """A method's line; cells without a figure leave a gap."""
    cells = [c for c in pair.facet.cells if rows.axis is not None and rows.axis.name in c]
    values = [_value(rows, pair, cell, method, drawn) for cell in cells]
    at = [cell[rows.axis.name] for cell in cells if rows.axis is not None]
    told = [f"{w.written(drawn.measure, v)} at {value_text(x)}" for v, x in zip(values, at, strict=True) if v.known]
    text = f"{w.method(method)}: {', '.join([told[0], told[-1]] if len(told) > 1 else told)}." if told else ""
    return through([across(rows, x) for x in at], values, drawn, css(method), text)


def through(x: Sequence[float], values: Sequence[Value], drawn: Drawn, colour: str, text: str = "") -> Line:
    """The line through some values."""
    ends = [v.span for v in values]
    return Line(
        colour,
        tuple(x),
        tuple(upwards(v.value, drawn) for v in values),
        tuple(upwards(low, drawn) for low, _ in ends),
        tuple(upwards(high, drawn) for _, high in ends),
        text,
    )


def upwards(value: float, drawn: Drawn) -> float:
    """Position of a value of a measure: shares in per cent, logarithms where they are asked for."""
    scaled = 100 * value if is_share(drawn.measure) else value
    if not drawn.log:
        return scaled
    return math.log10(scaled) if scaled > 0 else math.nan


def vertical(lines: Iterable[Line], drawn: Drawn) -> Axis:
    """A vertical axis for some lines: it holds their values, but does not stretch for one that is far off."""
    lines = list(lines)
    values = np.array([v for line in lines for v in line.y if math.isfinite(v)])
    share = is_share(drawn.measure)
    across_at = upwards(drawn.line, drawn) if math.isfinite(drawn.line) else math.nan
    if not share and len(values):
        middle = across_at if math.isfinite(across_at) else float(np.median(values)) if drawn.log else 0.0
        reaches = sorted(max((abs(v - middle) for v in line.y if math.isfinite(v)), default=0.0) for line in lines)
        usual = reaches[len(reaches) // 2]  # of two lines the longer: half of them are no exceptions
        limit = usual + 1.0 if drawn.log else FAR * usual  # a decade more, on an axis in logarithms
        near = values[np.abs(values - middle) <= limit] if limit > 0 else values
        values = near if len(near) else values
    held = [*map(float, values), *([across_at] if math.isfinite(across_at) else [])] or [0.0, 1.0]
    low, high = min(held), max(held)
    room = (1.0 if share else 0.35) * (high - low)
    ends = [v for line in lines for v in (*line.lower, *line.upper) if math.isfinite(v)]
    low, high = max(min([low, *ends]), low - room), min(max([high, *ends]), high + room)
    if not high > low:
        step = 0.5 * abs(high) or 1.0
        low, high = low - step, high + step
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)
    if share:
        low, high = max(low, -2.0), min(high, 102.0)
    return Axis(low, high, "", tuple(powers(low, high)) if drawn.log else ())


def series(lines: Iterable[Line], y: Axis) -> list[Series]:
    """Bands, then lines, then marks; a line is broken where it leaves the axis, and an arrowhead says so."""
    lines = list(lines)
    drawn: list[Series] = []
    for line in lines:
        lower, upper = (tuple(_held(v, y) for v in ends) for ends in (line.lower, line.upper))
        drawn.append(Series("area", f"bd-{line.css}", line.x, upper, lower))
    for line in lines:
        inside = tuple(v if y.lower <= v <= y.upper else math.nan for v in line.y)
        drawn.append(Series("line", LINES.get(line.css, f"l{line.css}"), line.x, inside))
    drawn += [Series("marks", line.css, line.x, line.y) for line in lines if len(line.x) <= MARKS]
    return drawn


def _held(value: float, y: Axis) -> float:
    return value if math.isnan(value) else min(max(value, y.lower), y.upper)


def _reference(drawn: Drawn, rows: Rows) -> list[Series]:
    if not math.isfinite(drawn.line):
        return []
    axis, at = horizontal(rows, FEW), upwards(drawn.line, drawn)
    return [Series("line", "ref thin", (axis.lower, axis.upper), (at, at))]


# -- without a numeric axis --------------------------------------------------------------------------


def _strips(rows: Rows, drawn: Drawn, chosen: Sequence[Pair], methods: Sequence[str]) -> Strips:
    found = {
        (i, m): _value(rows, pair, pair.facet.cells[0], m, drawn) for i, pair in enumerate(chosen) for m in methods
    }
    lines = [through([0.0], [v], drawn, css(m)) for (_, m), v in found.items()]
    y = vertical(lines, drawn)
    axis = Axis(y.lower, y.upper, drawn.label, y.marks)
    shown = () if drawn.small else methods
    table = []
    for i, pair in enumerate(chosen):
        marks: list[Mark] = []
        for j, m in enumerate(methods):
            one = found[i, m]
            if one.known:
                low, high = (upwards(end, drawn) for end in one.span)
                at = 10 + 11 * j
                marks += [Mark("thin", css(m), low, high, y=at)] if math.isfinite(low + high) else []
                marks.append(Mark("own", css(m), upwards(one.value, drawn), y=at))
        text = f"{plain_text(pair.heading)}{f' ({pair.beside})' if pair.beside else ''}: {drawn.label}"
        strip = Strip(text, axis, tuple(marks), 9 + 11 * len(methods), upwards(drawn.line, drawn))
        header: Words = (name(pair.beside), ": ", *pair.heading) if pair.beside else pair.heading
        cells: list[Cell] = [strip, *(w.written(drawn.measure, found[i, m]) for m in shown)]
        table.append(Row(header, tuple(cells)))
    columns = (Column(("of",)), Column(("",)), *(Column((w.method(m),), number=True) for m in shown))
    return Strips(drawn.heading, columns, tuple(table), (axis, *(None for _ in shown)), keys(methods), (drawn.caption,))
