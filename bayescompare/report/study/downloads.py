"""A study's figures as files inside its page: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv as writer
import io
import math
import re
from collections.abc import Iterable
from typing import Any

from .rows import ALL, Rows, Study

#: Figures that a page holds; of more, those of the parameters that are farthest off.
MOST = 60_000

COLUMNS = ("method", "parameter", "measure", "value", "mcse", "n", "failed", "reason")


def held(rows: Rows, parameters: Iterable[str]) -> Rows:
    """The figures that the page holds; the parameters that come first, if it cannot hold all."""
    if len(rows.rows) <= MOST:
        return rows
    rank = {name: i for i, name in enumerate(dict.fromkeys((ALL, *parameters)))}
    return Rows(sorted(rows.rows, key=lambda row: rank.get(row.parameter, len(rank)))[:MOST])


def csv(rows: Rows) -> str:
    """Every figure, unrounded; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    names = list(dict.fromkeys(name for cell in rows.cells for name in cell))
    out = io.StringIO()
    write = writer.writer(out, lineterminator="\n")
    write.writerow([*map(_safe, names), *COLUMNS])
    for row in rows.rows:
        write.writerow([*(_safe(row.cell.get(name, "")) for name in names), *(_safe(v) for v in _values(row))])
    return out.getvalue()


def document(study: Study, rows: Rows, title: str, finding: str) -> dict[str, Any]:
    """Every figure as data, a list for each column, grid points by their index."""
    place = {rows.key(c): i for i, c in enumerate(rows.cells)}
    columns: dict[str, list[Any]] = {name: [] for name in ("cell", *COLUMNS)}
    for row in rows.rows:
        columns["cell"].append(place[rows.key(row.cell)])
        for name, value in zip(COLUMNS, _values(row), strict=True):
            columns[name].append(value if not isinstance(value, float) or math.isfinite(value) else None)
    return {
        "schema": "bayescompare-study/1",
        "title": title,
        "finding": finding,
        "plans": [plan.toml for plan in study.plans],
        "cells": [dict(cell) for cell in rows.cells],
        "columns": columns,
        "rows_left_out": len(study.rows) - len(rows.rows),
    }


def stem(title: str) -> str:
    """A file's name made of a title."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:60] or "study"


def _values(row: Any) -> list[Any]:
    return [getattr(row, name) for name in COLUMNS]


def _safe(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return value
