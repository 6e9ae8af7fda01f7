"""A study's figures as files inside its page: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv as writer
import io
import json
import math
import re
from typing import Any

from .study_rows import Rows, Study

COLUMNS = ("method", "parameter", "measure", "value", "mcse", "n", "failed", "reason")


def csv(rows: Rows) -> str:
    """Every figure, unrounded; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    names = list(dict.fromkeys(name for cell in rows.cells for name in cell))
    out = io.StringIO()
    write = writer.writer(out, lineterminator="\n")
    write.writerow([*map(_safe, names), *COLUMNS])
    for row in rows.rows:
        write.writerow([*(_safe(row.cell.get(name, "")) for name in names), *(_safe(v) for v in _values(row))])
    return out.getvalue()


def document(study: Study, title: str, finding: str) -> dict[str, Any]:
    """Every figure as data, a list for each column, grid points by their index."""
    rows = Rows(study.rows)
    place = {json.dumps(dict(c), sort_keys=True, default=str): i for i, c in enumerate(rows.cells)}
    columns: dict[str, list[Any]] = {name: [] for name in ("cell", *COLUMNS)}
    for row in study.rows:
        columns["cell"].append(place[json.dumps(dict(row.cell), sort_keys=True, default=str)])
        for name, value in zip(COLUMNS, _values(row), strict=True):
            columns[name].append(value if not isinstance(value, float) or math.isfinite(value) else None)
    return {
        "schema": "bayescompare-study/1",
        "title": title,
        "finding": finding,
        "plans": [plan.toml for plan in study.plans],
        "cells": [dict(cell) for cell in rows.cells],
        "columns": columns,
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
