"""A comparison in some fifteen lines: the verdict, its layers, and the scalars that the MAP gets most wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..compare.verdict import Layer, State
from ..numbers import count, counted, figure, interval, point
from .terminal import Line

if TYPE_CHECKING:
    from ..compare.comparison import Comparison

SCALARS = 9
"""At most so many scalars are shown."""

COLUMNS = ("map", "mean", "mcse_mean", "eti_lb", "eti_ub", "z", "z_mcse", "rank")

MARKS = {
    State.SAME: ("●", "green"),
    State.SOUND: ("●", "green"),
    State.DIFFERS: ("◆", "bold red"),
    State.UNDECIDED: ("◐", "bold yellow"),
    State.FAILED: ("✕", "bold red"),
    State.NO_VERDICT: ("✕", "bold red"),
    State.NOT_COMPUTED: ("◌", "dim"),
}

MARK_OF_FIT = {
    "ok": ("●", "green"),
    "suspect": ("◐", "bold yellow"),
    "failed": ("✕", "bold red"),
    "not_run": ("◌", "dim"),
}

EMPTY: Line = (("", ""),)


def summary(result: Comparison) -> list[Line]:
    """Lines to print."""
    overall = result.verdict.overall
    model = result.model
    size = f"{counted(model.parameters, 'parameter')}, {counted(model.observations, 'observation')}"
    lines: list[Line] = [
        ((model.name, "bold"), (f": {size}", "dim")),
        ((overall.opening, MARKS[overall.state][1]), (f" {overall.sentence}", "")),
    ]
    if overall.advice:
        lines.append(((overall.advice, ""),))
    lines += [EMPTY, *_layers(result.verdict.layers)]
    rows = _table(result)
    return [*lines, EMPTY, *rows] if rows else lines


def _layers(layers: dict[str, Layer]) -> list[Line]:
    """A line per layer; those that were not computed share the last one."""
    wide = max(map(len, layers), default=0)
    lines: list[Line] = []
    absent = [name for name, layer in layers.items() if layer.state is State.NOT_COMPUTED]
    for name, layer in layers.items():
        if name not in absent:
            mark, style = MARKS[layer.state]
            reason = f"  {layer.reason}" if layer.reason else ""
            lines.append(((f"{mark} ", style), (f"{name:<{wide}}  ", ""), (f"{layer.state:<9}", style), (reason, "")))
    if absent:
        mark, style = MARKS[State.NOT_COMPUTED]
        lines.append(((f"{mark} not computed: {', '.join(absent)}", style),))
    return lines


def _table(result: Comparison) -> list[Line]:
    """The scalars with the largest gaps. Where a gate failed nothing is compared: at most the posterior is shown."""
    table = result.table
    names = [str(name) for name in table.index]
    columns = {key: _column(table, key) for key in COLUMNS}
    compared = result.verdict.overall.state is not State.NO_VERDICT
    sampler = result.verdict.layers.get("sampler")
    if sampler is not None and sampler.state is State.FAILED:
        return []
    order = list(range(len(names)))
    if compared:
        order.sort(key=lambda i: -_severity(columns["z"][i], columns["rank"][i]))
    mode = result.fits.get("map")
    bounds = set(mode.diagnostics.get("boundary", ())) if mode else set()
    share = 100 * result.settings.get("interval", 0.94)
    header = ["scalar", "mean", f"{share:g} % interval"]
    rows = [[*header[:1], "MAP", *header[1:], "z"] if compared else header]
    for i in order[:SCALARS]:
        row = {key: values[i] for key, values in columns.items()}
        error = row["mcse_mean"]
        posterior = [figure(row["mean"], error).value, interval(row["eti_lb"], row["eti_ub"], error)]
        map_ = point(row["map"], error, exact=names[i] in bounds)
        gap = str(figure(row["z"], row["z_mcse"]))
        rows.append([names[i], map_, *posterior, gap] if compared else [names[i], *posterior])
    more = len(names) - SCALARS
    rest: list[Line] = [((f"and {count(more)} more{' with smaller gaps' if compared else ''}", "dim"),)]
    return [*align(rows), *(rest if more > 0 else [])]


def align(rows: Sequence[Sequence[str]]) -> list[Line]:
    """Rows as lines, names to the left and figures to the right; the first row is the header."""
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines: list[Line] = []
    for row in rows:
        cells = [row[0].ljust(wide[0]), *(text.rjust(width) for text, width in zip(row[1:], wide[1:], strict=True))]
        lines.append((("  ".join(cells), "" if lines else "dim"),))
    return lines


def _column(table: Any, name: str) -> list[float]:
    return [float(x) for x in table[name]] if name in table.columns else [math.nan] * len(table.index)


def _severity(z: float, rank: float) -> float:
    """Gaps in posterior sd first, by size; scalars without an sd by rank; those without either last."""
    if math.isfinite(z):
        return 1.0 + abs(z)
    return abs(rank - 0.5) if math.isfinite(rank) else -1.0
