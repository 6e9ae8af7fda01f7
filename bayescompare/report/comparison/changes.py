"""How two comparisons differ, as data for a page and in lines for a terminal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...formatting import NO_BREAK, count, counted, figure, percent, plain
from ...results.difference import MODES
from ..parts import Cell, Column, Part, Prose, Row, State, Table
from ..words import Name, Words, mark, name, visible

if TYPE_CHECKING:
    from ...results.difference import Change, Difference, Moved

#: Changed figures, and settings, that are shown; scalars that are named.
ROWS, SETTINGS, NAMED = 60, 20, 6

#: Figures that are shares of one.
SHARES = (
    "rank",
    "hdi_level",
    "absolute_regret",
    "sign_probability",
    "joint_level",
    "outside",
    "variance_discarded",
    "coverage_difference",
    "relative_regret",
    "flips",
)
WORDS = {
    "map": "MAP",
    "map_unconstrained": "unconstrained MAP",
    "mle": "MLE",
    "sd_ratio": "Laplace sd ratio",
    "w1": "W₁",
    "hdi_level": "HDI level",
    "k_hat": "Pareto k-hat",
    "log_evidence_psis": "log evidence",
    "outside": "draws outside of the MAP’s basin",
    "elpd_diff": "elpd gain",
    "mahalanobis": "distance of the MAP from the mean",
}


@dataclass(frozen=True)
class Changed:
    """The page on a difference."""

    names: tuple[Name, Name]
    state: str
    opening: str
    sentence: str
    verdicts: tuple[Words, Words]
    notes: tuple[Words, ...]
    layers: Table | None
    rungs: Table | None
    figures: Table | None
    asked: Table | None
    left_out: tuple[Part, ...]


def headline(found: Difference) -> tuple[str, str, str]:
    """State, opening and sentence of a difference."""
    beyond, total = len(found.beyond), len(found.changes)
    if found.verdict_changed or found.moved:
        opening, state = "The verdict changed.", "differs"
    elif found.rungs:
        opening, state = "The verdict stands, the ladder changed.", "undecided"
    elif beyond:
        opening, state = "The verdict stands, figures moved.", "undecided"
    else:
        opening, state = "Nothing changed.", "same"
    if not total:
        return state, opening, "No figure is in both."
    moved = "None" if not beyond else count(beyond)
    verb = "moved" if beyond != 1 else "has moved"
    sentence = f"{moved} of {counted(total, 'figure')} {verb} by more than Monte-Carlo error."
    return state, opening, sentence


def label(change: Change) -> str:
    """What a changed figure is called."""
    text = WORDS.get(change.what, change.what.replace("_", " "))
    return f"{text}, %" if change.what in SHARES else text


def sides(change: Change) -> tuple[str, str]:
    """Both figures with their errors; modes with the digits that tell them apart."""
    if change.mcse_before == change.mcse_after == 0:
        return plain(change.before, 5), plain(change.after, 5)
    write = percent if change.what in SHARES else figure
    return str(write(change.before, change.mcse_before)), str(write(change.after, change.mcse_after))


def size(change: Change) -> str:
    """The change in joint Monte-Carlo errors, or why it is not told in them."""
    if math.isinf(change.errors):
        return "a mode" if change.what in MODES else "no error"
    return plain(change.errors, 2)


def notes(found: Difference) -> list[Words]:
    """What is to be known before the figures are read."""
    said: list[Words] = []
    if not found.same_model:
        said.append(("Model, data or coordinates are not the same in the two.",))
    for names, which in ((found.only_before, "first"), (found.only_after, "second")):
        if names:
            more = f" and {counted(len(names) - NAMED, 'other')}" if len(names) > NAMED else ""
            shown: list[str | Name] = []
            for i, n in enumerate(names[:NAMED]):
                shown += [", "] * bool(i) + [name(n)]
            said.append((f"In the {which} alone: ", *shown, f"{more}."))
    return said


def changed(found: Difference, names: tuple[str, str]) -> Changed:
    """Build the page on a difference."""
    state, opening, sentence = headline(found)
    known = sorted({change.of for change in found.changes})
    before, after = (mark(text, known) for text in (found.before, found.after))
    beyond = found.beyond
    left: list[Part] = []
    if len(beyond) > ROWS:
        more = counted(len(beyond) - ROWS, "figure")
        left.append(Prose((f"{more} more moved, by less; bayescompare diff --json holds all.",), small=True))
    return Changed(
        names=(name(names[0]), name(names[1])),
        state=state,
        opening=opening,
        sentence=sentence,
        verdicts=(before, after),
        notes=tuple(notes(found)),
        layers=_moved("Layers that changed", "layer", found.moved),
        rungs=_moved("Methods of the ladder that changed", "method", found.rungs),
        figures=_figures(beyond[:ROWS]),
        asked=_asked(found),
        left_out=(*left, Prose((rule(found),), small=True)),
    )


def rule(found: Difference) -> str:
    """What counts as more than Monte-Carlo error."""
    return (
        f"A figure has moved where the change is more than {plain(found.multiple, 3)} joint Monte-Carlo errors: 2 for "
        f"one figure, more for the largest of {count(max(len(found.changes), 1))}. A mode has moved where it is "
        "another point, by 0.001 posterior sd."
    )


def _moved(title: str, of: str, moved: tuple[Moved, ...]) -> Table | None:
    if not moved:
        return None
    known = {"same", "differs", "undecided", "not_computed", "sound", "unchecked", "failed"}

    def state(kind: str, reason: str) -> Cell:
        return State(kind, (f": {visible(reason)}",) if reason else ()) if kind in known else visible(kind)

    rows = tuple(
        Row((name(one.layer),), (state(one.before, one.reason_before), state(one.after, one.reason_after)))
        for one in moved
    )
    return Table(title, (Column((of,)), Column(("before",)), Column(("after",))), rows)


def _figures(beyond: tuple[Change, ...]) -> Table | None:
    if not beyond:
        return None
    rows = tuple(Row((name(c.of),), (visible(label(c)), *sides(c), size(c))) for c in beyond)
    header = (
        Column(("of",)),
        Column(("figure",)),
        *(Column((text,), number=True) for text in ("before", "after", f"change, joint{NO_BREAK}errors")),
    )
    return Table("Figures that moved", header, rows)


def _asked(found: Difference) -> Table | None:
    if not found.asked:
        return None
    rows = tuple(Row((visible(key),), (visible(one), visible(other))) for key, one, other in found.asked[:SETTINGS])
    return Table("Settings that differ", (Column(("setting",)), Column(("before",)), Column(("after",))), rows)
