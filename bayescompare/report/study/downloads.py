"""A study's figures as data inside its page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .rows import ALL, Rows, Study

#: Figures that a page holds; of more, those of the parameters that are farthest off.
MOST = 60_000

#: Columns of text.
TEXTS = ("method", "parameter", "measure", "reason")

#: Digits of a figure and of its error, which is known to fewer.
DIGITS, ERROR_DIGITS = 6, 3

COLUMNS = ("method", "parameter", "measure", "value", "mcse", "n", "failed", "reason")


def held(rows: Rows, parameters: Iterable[str]) -> Rows:
    """The figures that the page holds; the parameters that come first, if it cannot hold all."""
    if len(rows.rows) <= MOST:
        return rows
    rank = {name: i for i, name in enumerate(dict.fromkeys((ALL, *parameters)))}
    return Rows(sorted(rows.rows, key=lambda row: rank.get(row.parameter, len(rank)))[:MOST])


def document(study: Study, rows: Rows, title: str, finding: str) -> dict[str, Any]:
    """Every figure as data, a list for each column; grid points and texts by their index among ``cells`` and ``names``.

    Figures have :data:`DIGITS`: their Monte-Carlo errors are larger by far. A study's file has them unrounded.
    """
    place = {rows.key(c): i for i, c in enumerate(rows.cells)}
    names = {column: list(dict.fromkeys(getattr(row, column) for row in rows.rows)) for column in TEXTS}
    index = {column: {text: i for i, text in enumerate(found)} for column, found in names.items()}
    columns: dict[str, list[Any]] = {"cell": [place[rows.key(row.cell)] for row in rows.rows]}
    for column in COLUMNS:
        values = (getattr(row, column) for row in rows.rows)
        digits = ERROR_DIGITS if column == "mcse" else DIGITS
        columns[column] = [index[column][v] if column in index else _rounded(v, digits) for v in values]
    return {
        "schema": "bayescompare-study/2",
        "title": title,
        "finding": finding,
        "detail": study.detail,
        "plans": [plan.toml for plan in study.plans],
        "cells": [dict(cell) for cell in rows.cells],
        "names": names,
        "columns": columns,
        "rows_left_out": len(study.rows) - len(rows.rows),
    }


def _rounded(value: Any, digits: int) -> Any:
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
