"""What a study's report is made of: measures as plain rows, what was asked, and the grid that the rows span."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from ...formatting import plain
from ...metrics.calibration import wilson
from ..words import visible

#: Methods in the order in which they are shown.
METHODS = (
    *("mle_wald", "map_laplace", "psis_laplace", "marginal_map", "marginal_laplace"),
    *("pathfinder", "advi", "fullrank_advi", "nuts"),
)

#: The parameter of what is about a fit as a whole.
ALL = ""

#: How measures begin that are shares of replicates, and written in per cent.
SHARES = ("coverage_", "location_", "spread_", "failed", "suspect", "k_hat_bad", "at_")

#: Largest value of an axis over its smallest from which it may be drawn in logarithms.
WIDE = 8.0


class Measured(Protocol):
    """One figure of a study, as :class:`bayescompare.studies.summary.Measure` is."""

    @property
    def cell(self) -> Mapping[str, Any]: ...
    @property
    def method(self) -> str: ...
    @property
    def parameter(self) -> str: ...
    @property
    def measure(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def mcse(self) -> float | None: ...
    @property
    def n(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True)
class Asked:
    """What one plan asked for, and how far it is.

    Attributes
    ----------
    target : str
    replicates, seed, draws : int
    methods : tuple of str
    truth : "prior", "posterior" or Mapping of str to value
    levels : tuple of float
    options, sampler, identity : Mapping
        Options that do not vary, the sampler's, and versions of what computed the rows.
    fits, done, failed : int
        Asked for, in the rows, and failed among those.
    reasons : tuple of (str, int)
        Why fits failed, the most frequent first.
    toml : str
        The plan itself.
    """

    target: str
    replicates: int
    methods: tuple[str, ...]
    truth: str | Mapping[str, Any]
    levels: tuple[float, ...]
    seed: int
    fits: int
    done: int
    failed: int
    toml: str
    draws: int = 1000
    options: Mapping[str, Any] = field(default_factory=dict)
    sampler: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Ecdf:
    """The ECDF of the truth's ranks, and the band that uniform ranks stay within, all of it at once."""

    cell: Mapping[str, Any]
    method: str
    parameter: str
    z: tuple[float, ...]
    ecdf: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]


@dataclass(frozen=True)
class Focus:
    """Which measure a study is about: of which method and parameter, and in which part of the grid.

    Without a parameter a measure that is by parameter is averaged over all of them; without ``where``, values of the
    grid's names, over the whole grid.
    """

    measure: str
    method: str = "map_laplace"
    parameter: str = ALL
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A study as its report needs it: pure data.

    Attributes
    ----------
    rows : Sequence of Measured
        Every figure; where there are several plans, their cells say which by a name of their own.
    plans : tuple of Asked
    title, question, finding : str
        Made up from the plan and the rows where they are empty.
    detail : str
        What is told below the finding.
    focus : Focus, optional
        By default coverage of the 90 % interval of the cheapest method that has one.
    ecdfs : tuple of Ecdf
    """

    rows: Sequence[Measured]
    plans: tuple[Asked, ...]
    title: str = ""
    question: str = ""
    finding: str = ""
    detail: str = ""
    focus: Focus | None = None
    ecdfs: tuple[Ecdf, ...] = ()


@dataclass(frozen=True)
class Value:
    """A figure and its Monte-Carlo error; NaN where there is none. Of a share, Wilson's 95 % interval beside it."""

    value: float
    error: float = math.nan
    wilson: tuple[float, float] | None = None

    @property
    def known(self) -> bool:
        """True if there is a finite figure."""
        return math.isfinite(self.value)

    @property
    def span(self) -> tuple[float, float]:
        """Its interval; without one, two errors to either side."""
        if self.wilson is not None:
            return self.wilson
        e = self.error if math.isfinite(self.error) else 0.0
        return self.value - 2 * e, self.value + 2 * e


NOTHING = Value(math.nan)


@dataclass(frozen=True)
class Varied:
    """A name of the grid and its values, in order."""

    name: str
    values: tuple[Any, ...]

    @cached_property
    def numeric(self) -> bool:
        """True if it is an axis of numbers."""
        return all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in self.values)

    @cached_property
    def geometric(self) -> bool:
        """True if logarithms space its values more evenly than the values themselves."""
        if not self.numeric or min(self.values) <= 0 or max(self.values) < WIDE * min(self.values):
            return False
        values = sorted(float(v) for v in self.values)
        return len(values) > 2 and _unevenness([math.log(v) for v in values]) < _unevenness(values)


def _unevenness(x: Sequence[float]) -> float:
    steps = [b - a for a, b in itertools.pairwise(x)]
    return max(steps) / max(min(steps), 1e-300)


def key(cell: Mapping[str, Any]) -> str:
    """A grid point as a key, whatever its values."""
    return json.dumps(dict(cell), sort_keys=True, default=str)


def said(cell: Mapping[str, Any]) -> str:
    """A grid point for people: ``n = 10, prior = wide``."""
    return ", ".join(f"{visible(str(name))} = {value_text(value)}" for name, value in cell.items())


def value_text(value: Any) -> str:
    """A value of the grid for people."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return plain(float(value))
    return visible(str(value))


@dataclass(frozen=True)
class Facet:
    """Grid points that differ in the horizontal axis alone: what they share, and the points in the axis's order."""

    shared: Mapping[str, Any]
    cells: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Rows:
    """A study's rows by what they are of."""

    rows: Sequence[Measured]

    @cached_property
    def _keys(self) -> dict[int, str]:
        """Keys of the grid points that the rows hold: rows of one grid point share it, as a rule."""
        held = {id(r.cell): r.cell for r in self.rows}
        return {at: key(cell) for at, cell in held.items()}

    def key(self, cell: Mapping[str, Any]) -> str:
        """A grid point as a key."""
        return self._keys.get(id(cell)) or key(cell)

    @cached_property
    def _by(self) -> dict[tuple[str, str, str, str], Measured]:
        return {(self.key(r.cell), r.method, r.parameter, r.measure): r for r in self.rows}

    @cached_property
    def cells(self) -> tuple[Mapping[str, Any], ...]:
        """The grid points, in their order."""
        return tuple({self.key(r.cell): r.cell for r in self.rows}.values())

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """Those that have rows, the reference last."""
        found = dict.fromkeys(r.method for r in self.rows)
        return tuple(m for m in METHODS if m in found) + tuple(m for m in found if m not in METHODS)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """All of them, that of the fits as a whole left out."""
        return tuple(dict.fromkeys(r.parameter for r in self.rows if r.parameter != ALL))

    @cached_property
    def measures(self) -> frozenset[str]:
        """All that have a figure."""
        return frozenset(r.measure for r in self.rows if math.isfinite(r.value))

    @cached_property
    def _by_parameter(self) -> frozenset[str]:
        return frozenset(r.measure for r in self.rows if r.parameter != ALL)

    def by_parameter(self, measure: str) -> bool:
        """True if it is a measure of parameters, not of fits as a whole."""
        return measure in self._by_parameter

    @cached_property
    def levels(self) -> tuple[tuple[str, float], ...]:
        """Levels of the intervals: as they end the measures' names, and as probabilities."""
        found = dict.fromkeys(
            r.measure.removeprefix("coverage_") for r in self.rows if r.measure.startswith("coverage_")
        )
        return tuple(sorted(((text, float(text) / 100) for text in found), key=lambda pair: pair[1]))

    @cached_property
    def level(self) -> str:
        """The level that is looked at first: the one nearest to 90 %; empty where there is none."""
        return min(self.levels, key=lambda pair: abs(pair[1] - 0.9), default=("", 0.0))[0]

    @cached_property
    def varied(self) -> tuple[Varied, ...]:
        """Names of the grid that have more than one value."""
        values: dict[str, dict[str, Any]] = {}
        for cell in self.cells:
            for name, value in cell.items():
                values.setdefault(name, {})[json.dumps(value, default=str)] = value
        return tuple(Varied(name, tuple(v.values())) for name, v in values.items() if len(v) > 1)

    @cached_property
    def axis(self) -> Varied | None:
        """The horizontal axis: the numbers with the most values; None where nothing numeric varies."""
        return max((v for v in self.varied if v.numeric), key=lambda v: len(v.values), default=None)

    @cached_property
    def facets(self) -> tuple[Facet, ...]:
        """The grid without its horizontal axis."""
        across = self.axis.name if self.axis else None
        names = [v.name for v in self.varied if v.name != across]
        found: dict[str, tuple[dict[str, Any], list[Mapping[str, Any]]]] = {}
        for cell in self.cells:
            shared = {name: cell[name] for name in names if name in cell}
            found.setdefault(key(shared), (shared, []))[1].append(cell)
        if across is None:
            return tuple(Facet(shared, tuple(cells)) for shared, cells in found.values())
        order = {json.dumps(v): i for i, v in enumerate(sorted(self.axis.values if self.axis else ()))}
        return tuple(
            Facet(shared, tuple(sorted(cells, key=lambda c: order.get(json.dumps(c.get(across)), -1))))
            for shared, cells in found.values()
        )

    def row(self, cell: Mapping[str, Any], method: str, parameter: str, measure: str) -> Measured | None:
        """One row, or None."""
        return self._by.get((self.key(cell), method, parameter, measure))

    def get(self, cell: Mapping[str, Any], method: str, parameter: str, measure: str) -> Value:
        """One figure."""
        row = self.row(cell, method, parameter, measure)
        return NOTHING if row is None else of(row)

    def at(self, cell: Mapping[str, Any]) -> tuple[str, ...]:
        """Parameters of a grid point."""
        return self._parameters.get(self.key(cell), ())

    @cached_property
    def _parameters(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for r in self.rows:
            if r.parameter != ALL:
                found.setdefault(self.key(r.cell), {})[r.parameter] = None
        return {cell: tuple(names) for cell, names in found.items()}

    def pooled(self, cells: Iterable[Mapping[str, Any]], method: str, focus: Focus) -> Value:
        """A measure's mean over grid points, and over parameters where none is named.

        Parameters of one replicate are not independent: the error of their mean is at most the mean of their errors,
        which is what is given. Grid points are.
        """
        means, squares = [], []
        for cell in cells:
            direct = self.get(cell, method, focus.parameter, focus.measure)
            found = [direct] if direct.known else []
            if not found and focus.parameter == ALL:
                found = [self.get(cell, method, name, focus.measure) for name in self.at(cell)]
            found = [f for f in found if f.known]
            if found:
                means.append(math.fsum(f.value for f in found) / len(found))
                squares.append((math.fsum(f.error for f in found) / len(found)) ** 2)
        if not means:
            return NOTHING
        return Value(math.fsum(means) / len(means), math.sqrt(math.fsum(squares)) / len(means))

    def averages(self, focus: Focus) -> bool:
        """True if a focus' figure is a mean over parameters."""
        return focus.parameter == ALL and len(self.parameters) > 1 and self.by_parameter(focus.measure)

    def within(self, focus: Focus) -> tuple[Mapping[str, Any], ...]:
        """Grid points in the part that a focus names."""
        return tuple(c for c in self.cells if all(c.get(name) == value for name, value in focus.where.items()))

    def lost(self, method: str) -> tuple[int, int]:
        """How many of a method's fits failed, and of how many."""
        found = [self.row(cell, method, ALL, "failed") for cell in self.cells]
        known = [row for row in found if row is not None and math.isfinite(row.value)]
        return sum(round(row.value * row.n) for row in known), sum(row.n for row in known)


def of(row: Measured) -> Value:
    """A row's figure."""
    value, error = float(row.value), math.nan if row.mcse is None else float(row.mcse)
    if is_share(row.measure) and row.n and math.isfinite(value):
        return Value(value, error, wilson(value, row.n))
    return Value(value, error)


def is_share(measure: str) -> bool:
    """True if a measure is a share of replicates."""
    return measure.startswith(SHARES)
