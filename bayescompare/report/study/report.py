"""A study's report as data: a finding, figures over the grid, and every number.

Nothing is computed here but means over parameters and grid points: the measures come as rows, with their errors. What
comes out depends on the study's rows and plan alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...formatting import NO_BREAK, NONE, fixed, percent, plain
from ..parts import Cell, Headline, Part, Prose, Row, Section, Table
from ..words import Name, Words, name, plain_text, visible
from . import curves as f
from . import downloads as study_data
from . import findings as w
from . import fresh_data as study_prediction
from . import methods_prose as study_prose
from . import sections as study_sections
from .rows import ALL, Focus, Rows, Study, Value, is_share

#: Share of failed fits up to which a method's figure does not mention them.
MENTIONED = 0.01


@dataclass(frozen=True)
class StudyPage:
    """The page on a study; ``held`` are the rows that it holds as data."""

    title: Name
    size: str
    question: str
    sentence: Words
    detail: Words
    asked: Words
    failures: Words
    heads_heading: str
    heads_sub: str
    heads: tuple[Headline, ...]
    left: tuple[Part, ...]
    right: tuple[Part, ...]
    sections: tuple[Section, ...]
    footer: str
    held: Rows


def build(study: Study) -> StudyPage:
    """Build the tree of a study's report.

    Parameters
    ----------
    study : Study

    Returns
    -------
    StudyPage
    """
    rows = Rows(study.rows)
    chosen = f.pairs(rows)
    held = study_data.held(rows, (pair.parameter for pair in chosen))
    focus = w.focus_of(study, rows)
    sections = (
        study_prose.asked(study, rows),
        study_sections.coverage(rows, chosen),
        study_sections.error(rows, chosen),
        study_sections.posterior(rows, chosen),
        study_prediction.prediction(rows),
        study_sections.verdicts(rows, focus),
        study_sections.ranks(study, rows),
        study_sections.cost(rows),
        study_sections.table(rows, held, chosen),
        study_prose.methods(study, rows),
        study_prose.glossary(rows),
        study_prose.provenance(study),
    )
    return StudyPage(
        title=name(w.title(study)),
        size=w.size(study, rows),
        question=visible(study.question) or _question(rows),
        sentence=w.finding(study, rows),
        detail=(visible(study.detail),) if study.detail else () if study.finding else w.averaged(rows, focus),
        asked=study_prose.summary(study, rows),
        failures=w.failures(study, rows),
        heads_heading="Method by method",
        heads_sub=_heads_sub(rows, focus),
        heads=_heads(rows, focus),
        left=_main(rows, focus, chosen),
        right=(_fits(rows),),
        sections=tuple(section for section in sections if section is not None),
        footer=(
            "One file, no network. The figures, to six digits, are inside it as JSON (schema bayescompare-study/2)."
        ),
        held=held,
    )


def _question(rows: Rows) -> str:
    who = "cheap methods" if len(rows.methods) > 1 else w.method(rows.methods[0]) if rows.methods else "a method"
    return f"How good are the estimates and intervals of {who}, over many simulated data sets?"


# -- the first screen ------------------------------------------------------------------------------


def _heads(rows: Rows, focus: Focus) -> tuple[Headline, ...]:
    """The measure that the study is about, of each method: where it is farthest off, and its mean."""
    heads = []
    for m in rows.methods:
        mean = rows.pooled(rows.within(focus), m, focus)
        if mean.known:
            unit = "%" if is_share(focus.measure) else ""
            found, said = _extreme(rows, focus, m, mean)
            heads.append(Headline(w.method(m), w.written(focus.measure, found), unit, (*said, *_lost(rows, m))))
    return tuple(heads)


def _lost(rows: Rows, method: str) -> Words:
    """How many fits are not in a method's figure, where they are worth a mention."""
    failed, total = rows.lost(method)
    if failed <= MENTIONED * total:
        return ()
    return (f" Without the {fixed(100 * failed / total, 0)}{NO_BREAK}% of its fits that failed.",)


def _heads_sub(rows: Rows, focus: Focus) -> str:
    what = w.label(focus.measure).removesuffix(", %")
    of = f", {visible(focus.parameter)}" if focus.parameter != ALL else ""
    over = " and the recorded parameters" if rows.averages(focus) else ""
    where = f" where {plain_text(w.placed(focus.where))}" if focus.where else ""
    grid = f"the grid{where}" if len(rows.cells) > 1 else "the replicates"
    return (
        f"{what[:1].upper() + what[1:]}{of}: where it is farthest off, and its mean over {grid}{over}. ± is one "
        "Monte-Carlo standard error."
    )


def _extreme(rows: Rows, focus: Focus, method: str, mean: Value) -> tuple[Value, Words]:
    """The figure farthest from what it should be, where that is, and the mean."""
    target = {"sd_ratio": 1.0, "location_same": 1.0, "spread_same": 1.0}.get(focus.measure, 0.0)
    if focus.measure.startswith("coverage_"):
        target = float(focus.measure.removeprefix("coverage_")) / 100
    every = focus.parameter == ALL and rows.by_parameter(focus.measure)
    found = []
    for cell in rows.within(focus):
        for parameter in rows.at(cell) if every else (focus.parameter,):
            one = rows.get(cell, method, parameter, focus.measure)
            if one.known:
                found.append((abs(one.value - target), parameter, cell, one))
    if len(found) < 2:
        return mean, ("over all replicates.",)
    _, parameter, cell, worst = max(found, key=lambda entry: entry[0])
    varied = {v.name for v in rows.varied}
    where = w.at({k: v for k, v in cell.items() if k in varied})
    said: list[Any] = ["for ", name(parameter)] if rows.averages(focus) else []
    said += [" " if said else "", *where] if where else []
    share = f"{NO_BREAK}%" if is_share(focus.measure) else ""
    return worst, (*said, "; mean ", w.written(focus.measure, mean), share, ".")


def _main(rows: Rows, focus: Focus, chosen: list[f.Pair]) -> tuple[Part, ...]:
    """The figure of the first screen: the measure that the study is about, over the grid, by parameter."""
    having = chosen if rows.averages(focus) else [f.Pair(facet, focus.parameter) for facet in rows.facets]
    level = float(focus.measure.removeprefix("coverage_")) / 100 if focus.measure.startswith("coverage_") else math.nan
    line = {"sd_ratio": 1.0, "shift": 0.0, "bias": 0.0}.get(focus.measure, level)
    of = visible(focus.parameter) if focus.parameter != ALL else ""
    what = w.label(focus.measure)
    heading = f"{what[:1].upper() + what[1:]}" + (f", {of}" if of else "")
    band = "Wilson’s 95 % interval" if is_share(focus.measure) else "± 2 Monte-Carlo errors"
    caption = f"{band} around each mark." + (" Line across: nominal." if math.isfinite(level) else "")
    drawn = f.Drawn(
        focus.measure, heading, caption, line=line, shared=True, log=focus.measure == "sd_ratio", small=True
    )
    found = f.figure(rows, drawn, having)
    if found is None:
        return (Prose(("There is no figure to draw.",)),)
    return tuple(study_sections.parts_of(found))


def _fits(rows: Rows) -> Table:
    """What became of the fits, method by method."""
    body = []
    for m in rows.methods:
        _, total = rows.lost(m)
        lost = rows.pooled(rows.cells, m, Focus("failed", m))
        suspect = rows.pooled(rows.cells, m, Focus("suspect", m))
        seconds = rows.pooled(rows.cells, m, Focus("seconds", m))
        cells: tuple[Cell, ...] = (
            f"{total:,}",
            percent(lost.value, lost.error) if lost.known else NONE,
            percent(suspect.value, suspect.error) if suspect.known else NONE,
            plain(seconds.value, 2),  # with its error the column is wider than the page; that is under Cost
        )
        body.append(Row((w.method(m),), cells))
    header = study_sections.columns("method", "fits", "failed, %", "suspect, %", "seconds per fit")
    return Table("Fits, method by method", header, tuple(body))
