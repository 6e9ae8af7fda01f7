"""The parts that a report's tree is made of: plain data, frozen, with no markup in it."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..formatting import Number
from .words import Link, Name, Words

if TYPE_CHECKING:
    import numpy as np

type Cell = str | Name | Number | Link | Words | State | Sketch | Strip


@dataclass(frozen=True)
class State:
    """A state as it is shown: a shape, a colour and a word.

    ``kind`` is ``same``, ``differs``, ``undecided``, ``not_computed``, ``sound``, ``unchecked`` or ``failed``;
    ``after`` follows the word, or is the figure that the state is of (``quiet``: then the word is for those who do not
    see the shape).
    """

    kind: str
    after: Words = ()
    quiet: bool = False


@dataclass(frozen=True)
class Headline:
    """One of the four figures of the first screen."""

    label: str
    number: Number
    unit: str
    text: Words


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
class LayerRow:
    """One gate or layer of the verdict; gap and error in margins, NaN where it has no gauge."""

    name: str
    state: State
    why: Words
    gap: float = math.nan
    error: float = math.nan
    margin: str = ""


@dataclass(frozen=True)
class Focal:
    """A focal quantity: its name, how far off the MAP is, and its intervals."""

    name: Name
    gap: str
    strips: Strips


@dataclass(frozen=True)
class Rung:
    """A method of the ladder: what it is called, its state, and what stands under it."""

    name: str
    css: str
    state: State
    under: str


@dataclass(frozen=True)
class First:
    """The first screen: ``heads`` only where a gate failed, ``focal`` and ``rungs`` only where none did.

    ``layers`` have a line each, ``rest`` is folded behind ``rest_line``.
    """

    title: Name
    size: str
    question: str
    state: str
    opening: str
    sentence: Words
    cause: Words
    advice: Words
    code: str
    heads: tuple[Headline, ...]
    focal: tuple[Focal, ...]
    forest: Forest
    rungs: tuple[Rung, ...]
    layers: tuple[LayerRow, ...]
    rest: tuple[LayerRow, ...]
    rest_line: Words
    warnings: tuple[Words, ...] = ()
    plain: Words = ()


@dataclass(frozen=True)
class Column:
    """Header of a column: its words, and whether numbers stand in it."""

    text: Words
    number: bool = False
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its header, its cells, and whether a † follows the header (a deterministic)."""

    header: Words
    cells: tuple[Cell, ...]
    dagger: bool = False


@dataclass(frozen=True)
class Table:
    """A table; ``groups`` are (text, columns spanned), the first over the row header, or empty."""

    label: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    groups: tuple[tuple[str, int], ...] = ()
    big: bool = False
    kind: str = "table"


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
class Strips:
    """A table some columns of which are strips; ``axes`` holds the axis under each column, None under the others."""

    label: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    axes: tuple[Axis | None, ...]
    key: tuple[tuple[str, str], ...]
    caption: Words
    kind: str = "strips"


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
class Download:
    """A file that is inside the page."""

    text: str
    file: str
    content: str
    kind: str = "download"

    @property
    def address(self) -> str:
        """The file as an address."""
        return (
            "data:text/csv;charset=utf-8;base64,"
            + base64.b64encode(self.content.encode(errors="backslashreplace")).decode()
        )


@dataclass(frozen=True)
class Prose:
    """A paragraph, in the text's own size or in small."""

    words: Words
    small: bool = False
    kind: str = "prose"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    words: Words
    kind: str = "heading"


@dataclass(frozen=True)
class Code:
    """Text in which every character counts."""

    label: str
    text: str
    kind: str = "code"


@dataclass(frozen=True)
class Formulas:
    """The model as formulas: (left side, ``~`` or ``=``, right side, what it is)."""

    rows: tuple[tuple[str, str, str, str], ...]
    left_out: str = ""
    kind: str = "formulas"


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


@dataclass(frozen=True)
class Details:
    """Parts behind a summary."""

    summary: Words
    parts: tuple[Part, ...]
    kind: str = "details"


@dataclass(frozen=True)
class Definitions:
    """Terms and what they mean, in two columns (``glossary``) or as a list of facts."""

    rows: tuple[tuple[str, Words], ...]
    glossary: bool = False
    kind: str = "definitions"


@dataclass(frozen=True)
class ForestPart:
    """The forest, as a section's figure."""

    forest: Forest
    kind: str = "forest"


type Part = (
    Table
    | ForestPart
    | Density
    | Multiples
    | Ranks
    | Strips
    | Plot
    | Panels
    | Download
    | Prose
    | Heading
    | Code
    | Formulas
    | Graph
    | Details
    | Definitions
)


@dataclass(frozen=True)
class Section:
    """A section: its name, how to read it, what was found, and the parts that show it.

    ``depth`` is ``evidence`` or ``audit``; ``state`` is that of its layer, for the rail.
    """

    id: str
    title: str
    how: tuple[str, ...]
    finding: Words
    parts: tuple[Part, ...]
    full: bool = False
    link: str = ""
    key: tuple[str, ...] = ()
    depth: str = ""
    state: str = ""


@dataclass(frozen=True)
class Report:
    """The whole report as data."""

    title: str
    first: First
    sections: tuple[Section, ...]
    footer: str
