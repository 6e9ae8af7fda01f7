"""Figures, labels and columns as the sections beyond the marginals write them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import coordinates
from ...formatting import NONE, figure, fixed, percent
from ...reasons import Reason
from ..parts import Cell, Column, Row, Table
from ..words import Name, name, visible
from .scalars import NAN

if TYPE_CHECKING:
    from ...results.comparison import Comparison


#: What predicts better, by what a comparison says of it.
BETTER = {"posterior": "posterior", "plugin": "plug-in"}


def real(x: Any) -> float:
    """Read a number; NaN where there is none."""
    return float(x) if isinstance(x, int | float) and not isinstance(x, bool) else NAN


def value(of: Mapping[str, Any] | None) -> float:
    """Read the value of a figure ``{value, mcse, reason}``; NaN where there is none."""
    return real((of or {}).get("value"))


def error(of: Mapping[str, Any] | None) -> float:
    """Read the Monte-Carlo error of a figure; NaN where there is none."""
    return real((of or {}).get("mcse"))


def shown(of: Mapping[str, Any] | None, share: bool = False) -> Cell:
    """Write a figure with its error, as a percentage if it is a share; – where there is none."""
    if math.isnan(value(of)):
        return NONE
    return percent(value(of), error(of)) if share else figure(value(of), error(of))


def decimals(x: float, places: int) -> str:
    """Write a number with so many decimals; – where there is none."""
    return fixed(x, places) if math.isfinite(x) else NONE


def why(of: Mapping[str, Any] | None) -> str:
    """Why a figure is missing, or what it must be read with."""
    reason = (of or {}).get("reason")
    return visible(Reason.from_json(reason).text) if reason else ""


def columns(first: str, *others: str) -> tuple[Column, ...]:
    """Headers: words to the left, figures to the right."""
    return (Column((first,)), *(Column((text,), number=True) for text in others))


def with_figures(label: str, header: tuple[Column, ...], rows: tuple[Row, ...]) -> Table | None:
    """A table without the columns that hold no figure, None where none does."""
    kept = [j for j in range(len(header) - 1) if any(row.cells[j] != NONE for row in rows)]
    if not kept:
        return None
    body = tuple(Row(row.header, tuple(row.cells[j] for j in kept), row.dagger) for row in rows)
    return Table(label, (header[0], *(header[j + 1] for j in kept)), body)


def labels(comparison: Comparison, term: str, n: int) -> list[Name]:
    """What the observations of a likelihood term are called: their coordinate, else their number."""
    data = comparison.data
    if term in data and data[term].ndim == 1 and data[term].dims[0] in data.coords and data[term].size == n:
        return [name(label) for label in coordinates.labels(data.coords[data[term].dims[0]].values)]
    return [name(i + 1) for i in range(n)]


def worst_decision(comparison: Comparison) -> Mapping[str, Any] | None:
    """The decision whose relative regret is largest; None where none has one."""
    known = [one for one in comparison.decisions if math.isfinite(value(one["relative_regret"]))]
    return max(known, key=lambda one: value(one["relative_regret"])) if known else None


def most_discarded(comparison: Comparison) -> tuple[Name, float] | None:
    """The observation of which a plug-in leaves out most variance, and how much; None of fewer than two."""
    best: tuple[Name, float] | None = None
    for term, arrays in comparison.pointwise.items():
        shares = arrays.get("variance_discarded")
        if shares is None or shares.size < 2 or not np.isfinite(shares).any():
            continue
        i = int(np.nanargmax(shares))
        if best is None or shares[i] > best[1]:
            label = labels(comparison, term, shares.size)[i]
            named = label.text != str(i + 1)
            best = (label if named else name(f"{term}[{i + 1}]"), float(shares[i]))
    return best


def evenly(n: int, most: int) -> list[int]:
    """At most so many of n positions, the first and the last among them."""
    if n <= most:
        return list(range(n))
    return sorted({round(i * (n - 1) / (most - 1)) for i in range(most)})


def spread(values: Sequence[float], share: float = 0.04) -> tuple[float, float]:
    """Smallest and largest finite value, with a little room; (0, 1) where there is none."""
    finite = [x for x in values if math.isfinite(x)]
    if not finite:
        return 0.0, 1.0
    lower, upper = min(finite), max(finite)
    room = share * (upper - lower) or 0.5 * abs(upper) or 0.5
    return lower - room, upper + room
