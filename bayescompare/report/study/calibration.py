"""A study's further figures: coverage against nominal, verdicts, ranks of the truth, time against accuracy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ...formatting import NO_BREAK, plain, powers
from ...metrics.thresholds import LOST_MAX
from ..figures import Axis, Panels, Plot, Series
from ..words import Words, name, visible
from . import findings as w
from .curves import (
    FEW,
    HEIGHT,
    LINES,
    MARKS,
    PANELS,
    Drawn,
    Line,
    Pair,
    axis_name,
    css,
    horizontal,
    keys,
    known,
    line_of,
    series,
    through,
    vertical,
)
from .rows import ALL, NOTHING, Ecdf, Focus, Rows, Value, key, said, value_text


def nominal(rows: Rows) -> Panels | None:
    """Coverage against the level, over all parameters, at the ends of the grid."""
    if len(rows.levels) < 2:
        return None
    ends: list[tuple[str, Any]] = []
    for facet in rows.facets:
        chosen = [facet.cells[0]] if rows.axis is None or len(facet.cells) == 1 else [facet.cells[0], facet.cells[-1]]
        ends += [(said({k: c[k] for k in c if any(v.name == k for v in rows.varied)}), c) for c in chosen]
    x = tuple(100 * level for _, level in rows.levels)
    methods, panels = set(), []
    drawn = Drawn("coverage_", "", "")
    for label, cell in ends[:PANELS]:
        lines = []
        for m in rows.methods:
            values = [rows.pooled([cell], m, Focus(f"coverage_{text}", m)) for text, _ in rows.levels]
            if any(v.known for v in values):
                methods.add(m)
                text = f"{w.method(m)}: {', '.join(str(w.written('coverage_', v)) for v in values)}."
                lines.append(through(x, values, drawn, css(m), text))
        marks = tuple((v, plain(v, 3)) for v in x)
        y = Axis(min(vertical(lines, drawn).lower, x[0] - 5), 102.0)
        panels.append(
            (
                (label or "the whole grid",),
                "",
                Plot(
                    f"Coverage against nominal, {label}",
                    " ".join(line.text for line in lines),
                    Axis(x[0] - 6, x[-1] + 6, f"nominal,{NO_BREAK}%", marks),
                    y,
                    (Series("line", "ref thin", (x[0], x[-1]), (x[0], x[-1])), *series(lines, y)),
                    (),
                    height=HEIGHT,
                ),
            )
        )
    if not methods:
        return None
    caption = (
        "Share of intervals that hold the truth, in per cent, against their nominal level, as a mean over the recorded "
        "parameters. On the dashed line they are one."
    )
    ordered = tuple(m for m in rows.methods if m in methods)
    return Panels("Coverage against nominal", tuple(panels), keys(ordered), (caption,), wide=len(panels) == 1)


STATES = ("same", "differs", "undecided")


def verdicts(rows: Rows, methods: Sequence[str]) -> Panels | None:
    """Shares of the verdict's states along the axis, a small figure for each layer, method and part of the grid."""
    if rows.axis is None:
        return None
    panels: list[tuple[Words, str, Plot]] = []
    for method in methods:
        for facet in rows.facets:
            for layer in ("location", "spread"):
                if len(panels) == PANELS:
                    break
                pair = Pair(facet, ALL)
                if not known(rows, pair, method, Drawn(f"{layer}_same", "", "")):
                    continue
                lines = []
                for state in STATES:
                    one = line_of(rows, Drawn(f"{layer}_{state}", "", ""), pair, method)
                    lines.append(
                        Line(state, one.x, one.y, one.lower, one.upper, one.text.replace(w.method(method), state))
                    )
                y = Axis(-2.0, 102.0)
                what = f"{layer}, {w.method(method)}" + (f", {pair.beside}" if pair.beside else "")
                beside = w.method(method) + (f", {pair.beside}" if pair.beside else "")
                plot = Plot(
                    f"Verdicts on {what} over {axis_name(rows)}",
                    " ".join(line.text for line in lines),
                    horizontal(rows, FEW),
                    y,
                    tuple(series(lines, y)),
                    (),
                    height=HEIGHT,
                )
                panels.append(((layer,), beside, plot))
    if not panels:
        return None
    caption = (
        "Share of data sets, in per cent, in which the layer of the verdict is same, differs or is undecided; over the "
        "recorded parameters, against NUTS on the same data."
    )
    return Panels("Verdicts over the grid", tuple(panels), tuple((s, s) for s in STATES), (caption,))


def ecdfs(curves: Sequence[Ecdf], varied: Iterable[str]) -> Panels | None:
    """ECDF of the truth's ranks minus the uniform one's, the ones that leave their band farthest first."""
    if not curves:
        return None
    names = set(varied)
    found: dict[tuple[str, str], list[Ecdf]] = {}
    for one in curves:
        found.setdefault((key(one.cell), one.parameter), []).append(one)

    def out(group: list[Ecdf]) -> float:
        return -max(
            max(max(lo - e, e - up) for e, lo, up in zip(c.ecdf, c.lower, c.upper, strict=True)) for c in group if c.z
        )

    panels = []
    for group in sorted(found.values(), key=out)[:PANELS]:
        first = group[0]
        lines, reach = [], 0.02
        for one in group:
            off = tuple(e - z for e, z in zip(one.ecdf, one.z, strict=True))
            lines.append(Series("line", LINES[css(one.method)], (0.0, *one.z, 1.0), (0.0, *off, 0.0)))
            reach = max(reach, *map(abs, off))
        low, high = (tuple(e - z for e, z in zip(ends, first.z, strict=True)) for ends in (first.lower, first.upper))
        reach = 1.05 * max(reach, *map(abs, low), *map(abs, high))
        band = Series("area", "zone", first.z, high, low)
        beside = ", ".join(f"{visible(k)} = {value_text(v)}" for k, v in first.cell.items() if k in names)
        worst = max((abs(v), m.css) for m in lines for v in m.y)[0]
        plot = Plot(
            f"ECDF of ranks minus uniform, {visible(first.parameter)}, {beside}",
            f"Largest difference {plain(worst, 2)}.",
            Axis(0.0, 1.0, "rank of the truth", ((0.0, "0"), (0.5, "0.5"), (1.0, "1"))),
            Axis(-reach, reach),
            (band, Series("line", "ref thin", (0.0, 1.0), (0.0, 0.0)), *lines),
            (),
            height=HEIGHT,
        )
        panels.append(((name(first.parameter),), beside, plot))
    methods = dict.fromkeys(c.method for c in curves)
    caption = (
        "ECDF of the truth’s rank in each method’s distribution, minus the uniform one’s. In the green band, all of it "
        "at once, 95 % of uniform samples stay. A hill says that the estimates lie above the truth, a dale "
        "below; a hill and then a dale, that the intervals are too narrow, and the other way round, too wide."
    )
    return Panels(
        "Ranks of the truth", tuple(panels), (*keys(methods), ("margin", "simultaneous 95 % band")), (caption,)
    )


def cost(rows: Rows) -> Plot | None:
    """Seconds per fit against the error of its estimates, each grid point a mark."""
    points: dict[str, list[tuple[float, float]]] = {}
    for cell in rows.cells:
        for m in rows.methods:
            seconds = rows.get(cell, m, ALL, "seconds").value
            ratio = accuracy(rows, cell, m)
            if seconds > 0 and math.isfinite(ratio.value):
                points.setdefault(m, []).append((math.log10(seconds), math.log10(ratio.value)))
    if len(points) < 2:
        return None
    points = {m: each[:: 1 + len(each) // (5 * MARKS)] for m, each in points.items()}
    every = [p for each in points.values() for p in each]
    x_low, x_high = min(p[0] for p in every) - 0.2, max(p[0] for p in every) + 0.2
    lines = [
        Line(css(m), tuple(x for x, _ in each), tuple(y for _, y in each), (), (), "") for m, each in points.items()
    ]
    drawn = Drawn("rmse", "", "", line=1.0, log=True)
    y = vertical(lines, drawn)
    caption = (
        "Median wall time of a fit against the RMSE of its estimates over that of NUTS, a geometric mean over "
        "parameters. Both axes are logarithmic; each mark is a grid point. The cheap methods share their "
        f"work and have one time. Left out: where more than {plain(100 * LOST_MAX)} % of the fits failed, as the rest "
        "are the easy data sets."
    )
    return Plot(
        "Time against accuracy",
        " ".join(f"{w.method(m)}: {len(each)} grid points." for m, each in points.items()),
        Axis(x_low, x_high, "seconds per fit", tuple(powers(x_low, x_high))),
        y,
        (
            Series("line", "ref thin", (x_low, x_high), (0.0, 0.0)),
            *(Series("marks", line.css, line.x, line.y) for line in lines),
        ),
        (caption,),
        keys(points),
        height=300,
    )


def accuracy(rows: Rows, cell: Any, method: str) -> Value:
    """RMSE over that of NUTS: the geometric mean over parameters; 1 for NUTS itself.

    None where more than :data:`LOST_MAX` of the fits have no estimate: those that are left are the easy data sets.
    """
    logs = []
    for parameter in rows.at(cell):
        own, other = (rows.row(cell, m, parameter, "rmse") for m in (method, "nuts"))
        if own is None or other is None or any(r.failed > LOST_MAX * (r.n + r.failed) for r in (own, other)):
            continue
        if own.value > 0 and other.value > 0:
            logs.append(math.log(own.value / other.value))
    return Value(math.exp(math.fsum(logs) / len(logs))) if logs else NOTHING
