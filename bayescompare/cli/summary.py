"""A comparison in fifteen lines, the report's first screen in short: verdict, what is thrown away, layers, scalars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..formatting import count, counted, figure, interval, plain, point
from ..metrics.thresholds import INTERVAL
from ..metrics.verdict import Layer, State
from ..report.comparison.headlines import headlines
from ..report.comparison.scalars import read
from ..report.words import Name
from ..results.ladder import sentence
from ..results.remedy import remedy
from .terminal import Line

if TYPE_CHECKING:
    from ..results.comparison import Comparison

LINES, FEWEST = 14, 2
"""Lines at most, fifteen with the one that says where the report is; and scalars that are always shown."""

SAID = {
    "Predictive variance discarded": "predictive variance",
    "Largest shift of a parameter": "largest shift",
    "Laplace sd farthest off": "Laplace sd farthest off",
    "Largest extra expected loss": "largest extra expected loss",
    "Gain in leave-one-out elpd": "elpd that the posterior gains",
}
"""The report's headline figures that are told here too, in fewer words."""

STATES = (State.FAILED, State.UNCHECKED, State.DIFFERS, State.UNDECIDED, State.SAME, State.SOUND)
EXPLAINED = (State.FAILED, State.UNCHECKED, State.UNDECIDED)
"""Layers share a line with those of their state; these say why."""

COLUMNS = ("map", "mean", "sd", "mcse_mean", "eti_lb", "eti_ub", "eti_lb_mcse", "eti_ub_mcse", "z", "z_mcse", "rank")

MARKS = {
    State.SAME: ("●", "green"),
    State.SOUND: ("●", "green"),
    State.UNCHECKED: ("◌", "bold yellow"),
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

MARGINAL = {
    "marginal_map": ("Marginal MAP", "map", "joint MAP"),
    "marginal_laplace": ("Marginal Laplace", "laplace", "joint Laplace"),
}
"""Methods with the latent block integrated out: what they are called, and which without that stands beside each."""

EMPTY: Line = (("", ""),)


def summary(result: Comparison) -> list[Line]:
    """Lines to print: the verdict, what is thrown away, the layers, the scalars most off, what else is to be known."""
    overall = result.verdict.overall
    model = result.model
    size = f"{counted(model.parameters, 'parameter')}, {counted(model.observations, 'observation')}"
    lines: list[Line] = [
        ((model.name, "bold"), (f": {size}", "dim")),
        ((overall.opening, MARKS[overall.state][1]), (f" {overall.sentence}", "")),
    ]
    if result.settings.get("focus"):
        lines.append(((f"The verdict is about {', '.join(result.settings['focus'])} alone.", "dim"),))
    found = remedy(result)
    more = f"{found.text} In Python: {found.code}" if found else ""
    if overall.advice or more:
        lines.append(((f"{overall.advice} {more}".strip(), ""),))
    lines += [*_thrown_away(result), *_layers(result.verdict.layers), *_cheapest(result), *_marginal(result)]
    lines += _warnings(result)
    absent = [name for name, layer in result.verdict.layers.items() if layer.state is State.NOT_COMPUTED]
    room = LINES - len(lines) - 3  # an empty line, the table's header, and what follows it
    rows, more = _table(result, max(room, FEWEST))
    rest = [f"and {more}"] if more else []
    if absent:
        rest.append(f"not computed: {', '.join(absent)}")
    after: list[Line] = [(("; ".join(rest), "dim"),)] if rest else []
    return [*lines, EMPTY, *rows, *after] if rows else [*lines, *after]


def _thrown_away(result: Comparison) -> list[Line]:
    """The report's headline figures, on one line; nothing where there is no verdict."""
    if not result.verdict.overall.compares:
        return []
    told = []
    for head in headlines(result, read(result)):
        if head.label in SAID and not head.number.missing:
            of = f" ({head.text[0]})" if isinstance(head.text[0], Name) else ""
            told.append(f"{SAID[head.label]} {head.number} {head.unit}{of}")
    return [(("Thrown away: ", "bold"), ("; ".join(told), ""))] if told else []


def _layers(layers: dict[str, Layer]) -> list[Line]:
    """A line for each state that there is, with its layers; why, where that is not in the figures above."""
    lines: list[Line] = []
    for state in STATES:
        mark, style = MARKS[state]
        named = [
            f"{name} ({layer.reason})" if layer.reason.text and state in EXPLAINED else name
            for name, layer in layers.items()
            if layer.state is state
        ]
        if named:
            lines.append(((f"{mark} {state}: ", style), (", ".join(named), "")))
    return lines


def _cheapest(result: Comparison) -> list[Line]:
    """What would have been enough, and at what cost."""
    told = sentence(result.rungs)
    return [(("Cheapest that is enough: ", "bold"), (told, ""))] if told else []


def _marginal(result: Comparison) -> list[Line]:
    """How the modes and Laplace with the latent block integrated out do, beside those without; a line each."""
    rows = {row["method"]: row for row in result.rungs}
    lines: list[Line] = []
    for name, (label, joint, beside) in MARGINAL.items():
        found = rows.get(name)
        if found is None:
            continue
        location, spread = (_differing(found, rows[joint], layer, beside) for layer in ("location", "spread"))
        if not location:
            status = [] if found["status"] == "not_run" else [found["status"]]
            told = "; ".join([*status, *(reason["text"] for reason in found["reasons"][:1])])
        else:
            told = f"of {found['location']['scalars']} scalars {location} differ in location"
            told += f" and {spread} in spread" if spread else ""
        seconds = plain(found["seconds"] + found["compile_seconds"], 2)
        suspect = " (suspect)" if location and found["status"] == "suspect" else ""
        lines.append(((f"{label}{suspect}: ", "bold"), (f"{told}; {seconds} s", "")))
    return lines


def _differing(row: Any, joint: Any, layer: str, beside: str) -> str:
    """``0 (joint Laplace: 7)``; nothing where there is no such layer."""
    if row[layer] is None or not row[layer]["scalars"]:
        return ""
    known = joint[layer] and joint[layer]["scalars"]
    return f"{row[layer]['differing']} ({beside}: {joint[layer]['differing'] if known else 'none'})"


def _warnings(result: Comparison) -> list[Line]:
    """The first warning of the model's own audit, and how many there are beside it; apart, what was not computed."""
    found = [one for one in result.findings if one.get("severity") in ("warning", "error")]
    lines: list[Line] = []
    for about, part in (
        ("the model itself", [one for one in found if one.get("code") != "not_computed"]),
        ("not computed", [one for one in found if one.get("code") == "not_computed"]),
    ):
        if part:
            more = f" And {counted(len(part) - 1, 'more warning')}." if len(part) > 1 else ""
            lines.append(((f"◐ {about}: ", "bold yellow"), (f"{part[0]['variable']}: {part[0]['what']}{more}", "")))
    return lines


def _table(result: Comparison, most: int) -> tuple[list[Line], str]:
    """The scalars with the largest gaps, and how many there are beside them.

    Where a gate failed nothing is compared: at most the posterior is shown.
    """
    table = result.table
    names = [str(name) for name in table.index]
    columns = {key: _column(table, key) for key in COLUMNS}
    compared = result.verdict.overall.compares
    sampler = result.verdict.layers.get("sampler")
    if sampler is not None and sampler.state is State.FAILED:
        return [], ""
    order = list(range(len(names)))
    if compared:
        order.sort(key=lambda i: -_severity(columns["z"][i], columns["rank"][i]))
    mode = result.fits.get("map")
    bounds = set(mode.diagnostics.get("boundary", ())) if mode else set()
    share = 100 * result.settings.get("interval", INTERVAL)
    header = ["scalar", "mean", f"{plain(share, 4)} % interval"]
    rows = [[*header[:1], "MAP", *header[1:], "z"] if compared else header]
    for i in order[:most]:
        row = {key: values[i] for key, values in columns.items()}
        error = row["mcse_mean"]
        ends = (row["eti_lb_mcse"], row["eti_ub_mcse"])
        posterior = [figure(row["mean"], error).alone, interval(row["eti_lb"], row["eti_ub"], error, ends)]
        map_ = point(row["map"], error, exact=names[i] in bounds, width=row["sd"])
        gap = str(figure(row["z"], row["z_mcse"]))
        rows.append([names[i], map_, *posterior, gap] if compared else [names[i], *posterior])
    more = len(names) - most
    rest = f"{count(more)} more{' with smaller gaps' if compared else ''}" if more > 0 else ""
    return align(rows), rest


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
