"""The rows of the comparison's table as the report reads them, and their order of severity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import figure, interval, plain, point
from ...metrics.thresholds import INTERVAL
from ...metrics.verdict import Margins
from ..figures import Curve
from ..words import Name, name

if TYPE_CHECKING:
    import pandas as pd

    from ...results.comparison import Comparison

NAN = math.nan
#: Beyond every decadic logarithm of a number.
LARGEST = 1e3
#: How exactly a grid is even.
EVEN = 1e-9
COLUMNS = {"z": "z", "rank": "rank", "sd_ratio": "sd ratio"}


@dataclass(frozen=True)
class Scalar:
    """One row of the table. A column that is not there reads NaN."""

    name: str
    kind: str
    boundary: bool
    reason: str
    values: Mapping[str, float]
    severity: float

    def __getitem__(self, column: str) -> float:
        return self.values.get(column, NAN)

    @property
    def shown(self) -> Name:
        """The name, marked as such."""
        return name(self.name)

    @property
    def mode(self) -> str:
        """The MAP as it is written."""
        return point(self["map"], self["mcse_mean"], exact=self.boundary or self["map"] == 0, width=self.width)

    @property
    def unconstrained(self) -> str:
        """The unconstrained MAP as it is written."""
        return point(self["map_unconstrained"], self["mcse_mean"], width=self.width)

    @property
    def mean(self) -> str:
        """The posterior mean as it is written, without its error."""
        return figure(self["mean"], self["mcse_mean"]).alone

    @property
    def eti(self) -> str:
        """The equal-tailed interval as it is written."""
        errors = (self["eti_lb_mcse"], self["eti_ub_mcse"])
        return interval(self["eti_lb"], self["eti_ub"], self["mcse_mean"], errors)

    @property
    def width(self) -> float:
        """The posterior's sd, or where it has none a quarter of its interval."""
        sd = self["sd"]
        return sd if sd > 0 else (self["eti_ub"] - self["eti_lb"]) / 4

    def in_sd(self, column: str) -> float:
        """Where a column's value lies, in posterior sd from the posterior mean."""
        sd = self["sd"]
        return (self[column] - self["mean"]) / sd if sd > 0 else NAN


@dataclass(frozen=True)
class Scalars:
    """All rows, in the model's order and by severity."""

    rows: tuple[Scalar, ...]
    margins: Mapping[str, float]
    probability: float
    curves: Mapping[str, int]
    states: Mapping[str, Mapping[str, str]]

    @property
    def by_severity(self) -> list[Scalar]:
        """The rows, the worst first; among equals the model's order."""
        return sorted(self.rows, key=lambda s: -s.severity)

    def by_gap(self, column: str) -> list[Scalar]:
        """The rows by the size of one column, the largest first, those without last."""
        return sorted(self.rows, key=lambda s: _missing_last(abs(s[column])))

    def worst(self, column: str) -> Scalar | None:
        """The row in which a column is largest in size, None where it is missing everywhere."""
        rows = self.by_gap(column)
        return rows[0] if rows and math.isfinite(rows[0][column]) else None

    def logarithmic(self, comparison: Comparison, scalar: Scalar) -> bool:
        """True of a scalar whose curve is over its logarithm: its grid is even in it."""
        i = self.curves.get(scalar.name)
        if i is None:
            return False
        x = comparison.curves.x[i]
        return bool(x[0] > 0 and x[-1] > x[0]) and math.isclose(x[1] * x[1], x[0] * x[2], rel_tol=EVEN)

    @property
    def percent(self) -> str:
        """The intervals' probability: ``94 %``."""
        return f"{plain(100 * self.probability, 4)}\N{NO-BREAK SPACE}%"


def read(comparison: Comparison) -> Scalars:
    """Read the table once; after this nothing touches a data frame."""
    return of_table(comparison.table, comparison.settings, comparison.curves.names, comparison.display)


def of_table(
    table: pd.DataFrame,
    settings: Mapping[str, Any],
    curves: Sequence[str] = (),
    display: Mapping[str, Any] | None = None,
) -> Scalars:
    """Read a table; ``curves`` are the names of the scalars whose densities are known."""
    display = display or {}
    severity = display.get("severity", {})
    columns: dict[str, np.ndarray] = {}
    for column in table.columns:
        if column not in ("kind", "boundary", "kink", "reason"):
            columns[str(column)] = np.asarray(table[column], dtype=float)
    kinds = _strings(table, "kind", "free")
    reasons = _strings(table, "reason", "")
    boundary = np.asarray(table["boundary"], dtype=bool) if "boundary" in table else np.zeros(len(table), dtype=bool)
    rows = []
    for i, label in enumerate(map(str, table.index)):
        values = {column: float(x[i]) for column, x in columns.items()}
        rows.append(Scalar(label, kinds[i], bool(boundary[i]), reasons[i], values, severity.get(label, 0.0)))
    return Scalars(
        tuple(rows),
        asdict(Margins()) | {key: float(x) for key, x in dict(settings.get("margins", {})).items() if _is_number(x)},
        float(settings.get("interval", INTERVAL)),
        {str(label): i for i, label in enumerate(curves)},
        display.get("states", {"location": {}, "spread": {}}),
    )


def has_curve(comparison: Comparison, scalars: Scalars, scalar: Scalar) -> bool:
    """True if the posterior density of a scalar is known."""
    i = scalars.curves.get(scalar.name)
    return i is not None and bool(np.isfinite(comparison.curves.posterior[i]).any())


def curve(comparison: Comparison, scalars: Scalars, scalar: Scalar, by: str = "z") -> Curve | None:
    """The curves of one scalar, None where it has none; ``by`` is the column that stands beside its name."""
    if not has_curve(comparison, scalars, scalar):
        return None
    curves, i = comparison.curves, scalars.curves[scalar.name]
    modes = [f"MAP {scalar.mode}"] if math.isfinite(scalar["map"]) else []
    if math.isfinite(scalar["map_unconstrained"]):
        modes.append(f"unconstrained MAP {scalar.unconstrained}")
    description = [f"Posterior mean {scalar.mean}, {scalars.percent} interval {scalar.eti}", *modes]
    x = np.asarray(curves.x[i], dtype=float)
    log = scalars.logarithmic(comparison, scalar)
    of = tenfold if log else float
    densities = (np.asarray(one[i], dtype=float) for one in (curves.posterior, curves.laplace, curves.prior))
    posterior, laplace, prior = (y * x * math.log(10) if log else y for y in densities)
    return Curve(
        name=scalar.shown,
        label=_label(scalar, by),
        x=np.log10(x) if log else x,
        posterior=posterior,
        laplace=laplace,
        prior=prior,
        mode=of(scalar["map"]),
        mode_text=scalar.mode,
        unconstrained=of(scalar["map_unconstrained"]),
        unconstrained_text=scalar.unconstrained,
        mean=of(scalar["mean"]),
        mean_text=scalar.mean,
        title=f"Marginal of {scalar.shown}",
        description="; ".join(description) + ".",
        id=f"marginal-{i}",
        log=log,
    )


def tenfold(x: float) -> float:
    """Decadic logarithm; of what is not above 0 one that lies off every axis."""
    return math.log10(x) if x > 0 else (x if math.isnan(x) else -LARGEST)


def _label(scalar: Scalar, column: str) -> str:
    shown = figure(scalar[column], scalar[f"{column}_mcse"])
    return "" if shown.missing else f"{COLUMNS[column]}\N{NO-BREAK SPACE}{shown.alone}"


def _missing_last(size: float) -> float:
    return math.inf if math.isnan(size) else -size


def _strings(table: Any, column: str, default: str) -> Sequence[str]:
    if column not in table:
        return [default] * len(table)
    return [x if isinstance(x, str) else default for x in table[column]]


def _is_number(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)
