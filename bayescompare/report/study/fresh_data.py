"""The section of a study's report on predictions of fresh data; studies that did not ask for elpd have none."""

from __future__ import annotations

from typing import Any

from ..parts import Details, Section
from ..words import Words
from . import curves as f
from . import findings as w
from .rows import ALL, Focus, Rows
from .sections import at_each_point, parts_of

#: What the method's distribution loses, and what its point does, each with how the method is then called.
LOST = (("elpd_diff", ""), ("elpd_plugin_diff", "’s point"))


def prediction(rows: Rows) -> Section | None:
    """Build the section on what each method's predictions of fresh data lose."""
    measures = [m for m in ("elpd", "elpd_diff", "elpd_plugin", "elpd_plugin_diff") if m in rows.measures]
    if not measures:
        return None
    whole = [f.Pair(facet, ALL) for facet in rows.facets]
    distribution = f.Drawn(
        "elpd_diff",
        "elpd lost by the method’s distribution",
        "elpd of NUTS minus that of the method’s draws on the same data, in nats per data set. Above 0 is a loss.",
        line=0.0,
    )
    point = f.Drawn(
        "elpd_plugin_diff",
        "elpd lost by the method’s point",
        "elpd of NUTS minus the log density that the MLE or the MAP alone gives the same fresh data, in nats per data "
        "set. Above 0 is a loss.",
        line=0.0,
    )
    parts = [
        *parts_of(*(f.figure(rows, drawn, whole) for drawn in (distribution, point))),
        Details(("elpd at each grid point",), at_each_point(rows, "elpd at each grid point", measures)),
    ]
    how = (
        "For each data set a second one of its size is drawn at the same true parameters; elpd is the log density that "
        "a method fitted to the first gives the second.",
    )
    return Section("prediction", "Predicting fresh data", how, _said(rows), tuple(parts), link="Prediction")


def _said(rows: Rows) -> Words:
    """What each method loses, as a mean over the grid."""
    parts: list[Any] = []
    for measure, what in LOST:
        for m in rows.methods:
            found = rows.pooled(rows.cells, m, Focus(measure, m))
            if found.known:
                parts += ["; " if parts else "", f"{w.method(m)}{what} ", w.written(measure, found)]
    return ("Nats per data set lost against NUTS, as a mean over the grid: ", *parts, ".") if parts else ()
