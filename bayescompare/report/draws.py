"""The page on two sets of draws, as data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..formatting import NONE, count, counted, figure, fixed, plain
from ..reasons import joined
from .comparison.phrases import columns, spread
from .figures import Axis, Mark, Strip
from .parts import Cell, Column, Details, Part, Prose, Row, State, Strips, Table
from .words import Name, Words, mark, name

if TYPE_CHECKING:
    from ..results.draws import DrawsComparison

#: Scalars in the figure, the furthest apart first, and in the table; sd that the figure's axis may span.
DRAWN, ROWS, FAR = 12, 200, 6.0

WORDS = {"location": "Location", "spread": "Spread", "joint": "Jointly"}


@dataclass(frozen=True)
class Page:
    """The page on two sets of draws."""

    names: tuple[Name, Name]
    state: str
    opening: str
    sentence: Words
    notes: tuple[Words, ...]
    layers: Table
    parts: tuple[Part, ...]


def page(found: DrawsComparison, names: tuple[str, str]) -> Page:
    """Build it."""
    shown = (name(names[0]), name(names[1]))
    ordered = severest(found)
    left = len(ordered) - ROWS
    said = f"{counted(left, 'scalar')} less apart are in the JSON."
    more: tuple[Part, ...] = (Prose((said,), small=True),) if left > 0 else ()
    return Page(
        shown,
        str(found.state),
        found.opening,
        mark(found.sentence, found.table.index),
        tuple(notes(found, names)),
        _layers(found),
        (_drawn(found, ordered[:DRAWN], shown), Details(("Every figure",), (_table(found, ordered[:ROWS]), *more))),
    )


def severest(found: DrawsComparison) -> list[str]:
    """Names of the scalars, the furthest apart first."""
    margins = found.margins
    shift, ratio = found.table["shift"].abs() / margins.location, found.table["log_sd_ratio"].abs() / margins.spread
    rank = (found.table["rank"] - 0.5).abs() / margins.rank
    apart = shift.fillna(0).combine(ratio.fillna(0), max).combine(rank.fillna(0), max)
    return [str(each) for each in apart.sort_values(ascending=False, kind="stable").index]


def notes(found: DrawsComparison, names: tuple[str, str]) -> list[Words]:
    """What is to be known before the figures are read."""
    said: list[Words] = []
    for side, called in zip(("a", "b"), names, strict=True):
        if found.faults[side]:
            said.append((name(called), ": ", *mark(joined(found.faults[side]), found.table.index), "."))
    for only, called in ((found.only_a, names[0]), (found.only_b, names[1])):
        if only:
            said.append(("In ", name(called), " alone: ", *_listed(only), "."))
    if found.not_finite:
        said.append(("Not finite in both, and left out: ", *_listed(found.not_finite), "."))
    return said


def _listed(names: tuple[str, ...]) -> Words:
    shown: list[Any] = []
    for i, each in enumerate(names[:6]):
        shown += [", "] * bool(i) + [name(each)]
    return (*shown, f" and {counted(len(names) - 6, 'other')}") if len(names) > 6 else tuple(shown)


def _layers(found: DrawsComparison) -> Table:
    rows = tuple(
        Row(
            (WORDS[key],),
            (
                State(str(layer.state)),
                mark(layer.reason.text, found.table.index),
                NONE if layer.margin is None else plain(math.exp(layer.margin) if key == "spread" else layer.margin, 3),
            ),
        )
        for key, layer in found.layers.items()
    )
    header = (Column(("layer",)), Column(("",)), Column(("worst figure",)), Column(("margin",), number=True))
    return Table("Layers", header, rows)


def _drawn(found: DrawsComparison, chosen: list[str], names: tuple[Name, Name]) -> Strips:
    """Both intervals of a scalar on one axis, in the first's sd from its median."""
    rows, ends = [], []
    for each in chosen:
        of = found.table.loc[each]
        unit = of["sd_a"] if of["sd_a"] > 0 else (of["eti50_ub_a"] - of["eti50_lb_a"]) / 1.349
        at = {
            f"{key}_{side}": float((of[f"{key}_{side}"] - of["median_a"]) / unit) if unit > 0 else math.nan
            for side in ("a", "b")
            for key in ("eti_lb", "eti_ub", "eti50_lb", "eti50_ub", "median")
        }
        ends += [x for x in at.values() if math.isfinite(x)]
        rows.append((each, of, at))
    lower, upper = spread([max(-FAR, min(FAR, x)) for x in ends])
    axis = Axis(lower, upper, "sd from the first’s median")
    drawn = tuple(Row((name(each),), (_strip(each, at, axis), *_cells(of))) for each, of, at in rows)
    header = columns("scalar", "50 and 94 % intervals", "shift, sd", "sd ratio", "R-hat of both")
    key = (("interval", names[0].text), ("plugin", names[1].text))
    caption = "Shift: the second’s mean less the first’s. ± is one Monte-Carlo standard error, of both sets."
    return Strips("Both posteriors", header, drawn, (axis, None, None, None), key, (caption,))


def _strip(each: str, at: dict[str, float], axis: Axis) -> Strip:
    marks = []
    for side, css, y in (("a", "post", 7), ("b", "map", 19)):
        marks.append(Mark("thin", css, at[f"eti_lb_{side}"], at[f"eti_ub_{side}"], y))
        marks.append(Mark("thick", css, at[f"eti50_lb_{side}"], at[f"eti50_ub_{side}"], y))
    said = f"{name(each)}: the second’s median is {plain(at['median_b'], 2)} sd from the first’s"
    return Strip(said, axis, tuple(marks), 28)


def _cells(of: Any) -> tuple[Cell, ...]:
    ratio = math.exp(of["log_sd_ratio"])
    return (
        figure(of["shift"], of["shift_mcse"]),
        figure(ratio, ratio * of["log_sd_ratio_mcse"]),
        NONE if math.isnan(of["r_hat"]) else fixed(of["r_hat"], 3),
    )


def _table(found: DrawsComparison, chosen: list[str]) -> Table:
    rows = []
    for each in chosen:
        of = found.table.loc[each]
        sides = [figure(of[f"{key}_{side}"], of[f"mcse_{key}_{side}"]) for key in ("mean", "sd") for side in ("a", "b")]
        sizes = [count(of[f"ess_bulk_{side}"]) for side in ("a", "b")]
        apart = [figure(of["greater"], of["greater_mcse"]), figure(of["w1"]), figure(of["w1_null"])]
        rows.append(Row((name(each),), (*sides, *_cells(of), *apart, *sizes)))
    header = columns(
        *("scalar", "mean, first", "mean, second", "sd, first", "sd, second", "shift, sd", "sd ratio", "R-hat of both"),
        *("P(second > first)", "W₁, sd", "W₁ of one law", "ESS, first", "ESS, second"),
    )
    return Table("Every figure", header, tuple(rows))
