"""The section with the table of every scalar."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ...formatting import NONE, Number, count, counted, figure, fixed, interval, percent
from ..figures import Sketch
from ..parts import Cell, Column, Details, Part, Prose, Row, Section, State, Table
from ..words import Link, Words, visible
from . import overview
from .marginals import figured
from .scalars import NAN, Scalar, Scalars, curve

if TYPE_CHECKING:
    from ...results.comparison import Comparison

MOST_ROWS = 100
UNCONSTRAINED = "uncon\N{SOFT HYPHEN}strained"

type Maker = Callable[[Scalar], Cell]


def every_scalar(comparison: Comparison, scalars: Scalars) -> Section:
    """Build the section with the table of every scalar: one of what is asked most, one of the rest."""
    rows = most_severe(scalars)
    parts: list[Part] = [_main(comparison, scalars, rows)]
    if len(rows) < len(scalars.rows):
        parts.append(Prose((_left_out(len(rows), len(scalars.rows)),), small=True))
    further = _further(scalars, rows)
    if further is not None:
        parts.append(Details((f"{len(further.columns) - 1} further columns",), (further,)))
    parts += overview.groups(comparison)
    how = [
        "Digits stop where the Monte-Carlo error begins; ± is one such error. ESS is the smaller of bulk and tail.",
        *(["† a deterministic: the modes’ columns hold its plug-in value."] if _has_derived(rows) else []),
        *_reasons(scalars),
    ]
    key = ("same", "differs", "undecided")
    return Section("table", "Every scalar", tuple(how), _finding(comparison, scalars), tuple(parts), full=True, key=key)


def most_severe(scalars: Scalars) -> tuple[Scalar, ...]:
    """The rows that a page has room for, in the model's order."""
    if len(scalars.rows) <= MOST_ROWS:
        return scalars.rows
    kept = {s.name for s in scalars.by_severity[:MOST_ROWS]}
    return tuple(s for s in scalars.rows if s.name in kept)


def _finding(comparison: Comparison, scalars: Scalars) -> tuple[str, ...]:
    said = []
    for layer in comparison.verdict.layers.values():
        if layer.name in ("location", "spread") and layer.scalars:
            verb = "differs" if layer.differing == 1 else "differ"
            text = f"{count(layer.differing) if layer.differing else 'none'} {verb} in {layer.name}"
            if layer.undecided:
                text += f" and {count(layer.undecided)} {'is' if layer.undecided == 1 else 'are'} undecided"
            said.append(text)
    total = counted(len(scalars.rows), "scalar")
    return (f"Of {total}, {'; '.join(said)}.",) if said else (f"{total}; none was compared.",)


def _main(comparison: Comparison, scalars: Scalars, rows: tuple[Scalar, ...]) -> Table:
    drawn = {s.name: c for s in rows if (c := curve(comparison, scalars, s)) is not None}

    def sketch(s: Scalar) -> Cell:
        found = drawn.get(s.name)
        if found is None:
            return NONE
        sd = s["sd"]
        if not sd > 0 or found.log:
            return Sketch(found, float(found.x[0]), float(found.x[-1]))
        return Sketch(found, s["mean"] - 3.5 * sd, s["mean"] + 3.5 * sd)

    def location(s: Scalar) -> Cell:
        return _judged(figure(s["z"], s["z_mcse"]), scalars.states["location"].get(s.name))

    def spread(s: Scalar) -> Cell:
        return _judged(figure(s["sd_ratio"], s["sd_ratio_mcse"]), scalars.states["spread"].get(s.name))

    groups: list[tuple[str, list[tuple[str, Maker, bool]]]] = [
        ("the modes", [("MAP", lambda s: s.mode, True), (UNCONSTRAINED, lambda s: s.unconstrained, True)]),
        (
            "the posterior",
            [
                ("mean", lambda s: s.mean, True),
                ("sd", lambda s: _value(s, "sd", "mcse_sd"), True),
                (f"{scalars.percent} ETI", lambda s: s.eti, True),
                ("ESS", _ess, True),
            ],
        ),
        (
            "where the MAP sits",
            [("z, sd", location, True), ("rank, %", _rank, True), ("HDI level, %", _level, True)],
        ),
        ("Laplace", [("sd ratio", spread, True), ("W₁, sd", lambda s: figure(s["w1"], s["w1_mcse"], 3), True)]),
    ]
    if drawn:
        groups.insert(0, ("", [("density, MAP", sketch, False)]))
    spans = [("", 1 + (len(groups[0][1]) if drawn else 0)), *((g, len(c)) for g, c in groups if g)]
    flat = [column for _, columns in groups for column in columns]
    columns = (Column(("scalar",)), *(Column((text,), number=right) for text, _, right in flat))
    figures = {s.name for s in figured(comparison, scalars)}

    def header(s: Scalar) -> Words:
        return (Link(s.shown, drawn[s.name].id) if s.name in figures and s.name in drawn else s.shown,)

    body = tuple(Row(header(s), tuple(make(s) for _, make, _ in flat), s.kind == "derived") for s in rows)
    return Table("Table of every scalar", columns, body, tuple(spans), big=True)


def _further(scalars: Scalars, rows: tuple[Scalar, ...]) -> Table | None:
    """The columns that the main table has no room for, without those that are empty."""
    wanted: list[tuple[str, str, Maker]] = [
        ("MLE", "mle", lambda s: _point(s, "mle")),
        ("median", "median", lambda s: _point(s, "median")),
        (f"{scalars.percent} HDI", "hdi_lb", lambda s: interval(s["hdi_lb"], s["hdi_ub"], s["mcse_mean"])),
        ("R-hat", "r_hat", lambda s: _three(s["r_hat"])),
        ("skewness", "skewness", lambda s: figure(s["skewness"])),
        ("entropy, nats", "entropy", lambda s: figure(s["entropy"])),
        ("width", "width", lambda s: figure(s["width"])),
        ("contraction", "contraction", lambda s: figure(s["contraction"], s["contraction_mcse"])),
        ("P(sign of the MAP), %", "sign_probability", _sign),
        ("quadratic regret", "quadratic_regret", lambda s: figure(s["quadratic_regret"], s["quadratic_regret_mcse"])),
        ("absolute regret, %", "absolute_regret", lambda s: percent(s["absolute_regret"], s["absolute_regret_mcse"])),
        ("shift by coordinates, sd", "shift_coordinates", lambda s: _value(s, "shift_coordinates", "z_mcse")),
        ("by push-forward, sd", "shift_pushforward", lambda s: _value(s, "shift_pushforward", "z_mcse")),
        ("by shape, sd", "shift_shape", lambda s: figure(s["shift_shape"], s["shift_shape_mcse"], 3)),
        ("Laplace mean", "laplace_mean", lambda s: _point(s, "laplace_mean")),
        ("Laplace sd", "laplace_sd", lambda s: figure(s["laplace_sd"])),
        ("marginal MAP", "marginal_map", lambda s: _point(s, "marginal_map")),
        ("marginal Laplace mean", "marginal_mean", lambda s: _point(s, "marginal_mean")),
        ("marginal Laplace sd", "marginal_sd", lambda s: figure(s["marginal_sd"])),
    ]
    kept = [(text, make) for text, column, make in wanted if any(not math.isnan(s[column]) for s in rows)]
    if not kept:
        return None
    columns = (Column(("scalar",)), *(Column((text,), number=True) for text, _ in kept))
    body = tuple(Row((s.shown,), tuple(make(s) for _, make in kept), s.kind == "derived") for s in rows)
    return Table("Further columns of every scalar", columns, body)


def _left_out(shown: int, total: int) -> str:
    return (
        f"{counted(total - shown, 'scalar')} of {count(total)} left out to keep this page small: those least off in "
        "location and spread. All are in what --json and --save write; this file holds what it shows."
    )


def _reasons(scalars: Scalars) -> list[str]:
    """What an en dash means, as far as the rows say."""
    found = Counter(s.reason for s in scalars.rows if s.reason)
    said = [f"{visible(reason)} ({counted(n, 'scalar')})" for reason, n in found.most_common(4)]
    if len(found) > 4:
        said.append(f"{counted(len(found) - 4, 'further reason')} in the data inside this file")
    return [f"{NONE} not computed: {'; '.join(said)}."] if said else []


def _judged(number: Number, state: str | None) -> Cell:
    return State(state, (number,), quiet=True) if state and not number.missing else number


def _rank(s: Scalar) -> Cell:
    """The percentile of the MAP; at the very edge of the draws the bound itself."""
    number = percent(s["rank"], s["rank_mcse"])
    return replace(number, value=f"{round(100 * s['rank'])}") if s["rank"] in (0.0, 1.0) else number


def _level(s: Scalar) -> Cell:
    return percent(s["hdi_level"], s["hdi_level_mcse"])


def _ess(s: Scalar) -> Cell:
    ess = min((x for x in (s["ess_bulk"], s["ess_tail"]) if not math.isnan(x)), default=NAN)
    return count(ess)


def _value(s: Scalar, column: str, error: str) -> str:
    return figure(s[column], s[error]).alone


def _point(s: Scalar, column: str) -> str:
    return _value(s, column, "mcse_mean")


def _sign(s: Scalar) -> Cell:
    return percent(s["sign_probability"], s["sign_probability_mcse"])


def _three(x: float) -> str:
    return fixed(x, 3)


def _has_derived(rows: tuple[Scalar, ...]) -> bool:
    return any(s.kind == "derived" for s in rows)
