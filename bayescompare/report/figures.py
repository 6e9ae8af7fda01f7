"""The figures of a report: plain data, frozen, that :mod:`.svg` draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .words import Name, Words

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class ForestRow:
    """One scalar of the forest; positions in posterior sd from the posterior mean, NaN where there is none."""

    name: Name
    title: str
    thin: tuple[float, float]
    thick: tuple[float, float]
    mean: float
    mode: float
    laplace: tuple[float, float]
    laplace_mode: float
    mode_text: str
    mean_text: str
    interval_text: str
    note: str = ""
    marginal: float = math.nan


@dataclass(frozen=True)
class Forest:
    """The forest: at most nine scalars, and what the marks stand for."""

    heading: Words
    sub: Words
    rows: tuple[ForestRow, ...]
    margin: float
    interval: str
    laplace: bool
    grey: bool = False
    reach: float = 3.5

    @property
    def marginal(self) -> bool:
        """True if a row has a marginal MAP."""
        return any(math.isfinite(row.marginal) for row in self.rows)


@dataclass(frozen=True)
class Curve:
    """Marginal densities of one scalar on one grid, with its modes. Where a curve or a mode is missing it is NaN.

    ``log``: grid, modes and mean are decadic logarithms, and densities are per decade.
    """

    name: Name
    label: str
    x: np.ndarray
    posterior: np.ndarray
    laplace: np.ndarray
    prior: np.ndarray
    mode: float
    mode_text: str
    unconstrained: float
    unconstrained_text: str
    mean: float
    mean_text: str
    title: str
    description: str
    id: str = ""
    log: bool = False


@dataclass(frozen=True)
class Sketch:
    """A density in a cell of the table, with the MAP; positions in posterior sd."""

    curve: Curve
    lower: float
    upper: float


@dataclass(frozen=True)
class Density:
    """A large figure of one marginal."""

    curve: Curve
    caption: Words
    kind: str = "density"


@dataclass(frozen=True)
class Multiples:
    """Small figures of further marginals; ``key`` are the marks they hold and what those stand for."""

    heading: str
    curves: tuple[Curve, ...]
    key: tuple[tuple[str, str], ...]
    caption: Words
    kind: str = "multiples"


@dataclass(frozen=True)
class Ranks:
    """Rank histograms of one scalar, a chain each, above its trace: ``counts`` has shape (chains, bins)."""

    name: Name
    counts: np.ndarray
    traces: np.ndarray
    expected: float
    band: tuple[float, float]
    caption: Words
    kind: str = "ranks"


@dataclass(frozen=True)
class Axis:
    """A linear axis and what it measures; ``marks`` are (position, label), round numbers where there are none.

    An axis in logarithms is one whose positions are logarithms and whose marks say of what.
    """

    lower: float
    upper: float
    label: str = ""
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Mark:
    """One mark of a strip, in the unit of its axis; NaN where there is none.

    ``kind`` is ``thin``, ``thick`` or ``bar`` (from ``start`` to ``end``), ``dot``, ``tick`` or ``diamond`` (at
    ``start``); ``css`` says whose it is: ``post``, ``map``, ``lap`` or ``obs``.
    """

    kind: str
    css: str
    start: float
    end: float = math.nan
    y: int = 12


@dataclass(frozen=True)
class Strip:
    """Marks on an axis, in a cell of a table; ``line`` is a reference drawn across."""

    title: str
    axis: Axis
    marks: tuple[Mark, ...]
    height: int = 24
    line: float = math.nan


@dataclass(frozen=True)
class Series:
    """What a plot draws: ``line``, ``area`` (down to ``base``), ``bars`` (so too; edges in ``x``, one more than ``y``),
    ``points``, ``dots`` (many, small), ``diamond``, ``triangle``, ``contour`` or ``marks`` (each estimand's own shape;
    an arrowhead at the edge for what lies beyond it); ``label`` stands at ``at``, or after the last point where that is
    not given.
    """

    kind: str
    css: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    base: tuple[float, ...] = ()
    label: str = ""
    at: tuple[float, float] | None = None


@dataclass(frozen=True)
class Plot:
    """A figure with two axes; the vertical one is shown only where a value is to be read off."""

    title: str
    description: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    caption: Words
    key: tuple[tuple[str, str], ...] = ()
    read: bool = True
    ends: bool = False
    off: tuple[str, str, str] | None = None
    height: int = 250
    kind: str = "plot"


@dataclass(frozen=True)
class Panels:
    """Small figures side by side, each with its heading: (heading, what is beside it, the figure)."""

    heading: str
    panels: tuple[tuple[Words, str, Plot], ...]
    key: tuple[tuple[str, str], ...]
    caption: Words
    wide: bool = False
    kind: str = "panels"


@dataclass(frozen=True)
class Node:
    """A variable of the model: its kind, plate, parents, and the state that its mark has (or none)."""

    name: Name
    kind: str
    plate: str
    parents: tuple[str, ...]
    state: str


@dataclass(frozen=True)
class Graph:
    """The model's variables, each an arrow from what it is made of."""

    nodes: tuple[Node, ...]
    caption: Words
    kind: str = "graph"
