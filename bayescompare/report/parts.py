"""The parts that a report's tree is made of: plain data, frozen, with no markup in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..formatting import Number
from .figures import (
    Axis,
    Density,
    Forest,
    Graph,
    Multiples,
    Panels,
    Plot,
    Ranks,
    Sketch,
    Strip,
)
from .words import Link, Name, Words

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


@dataclass(frozen=True)
class Page:
    """A page of sections beneath an answer, beside the reports of a gallery."""

    title: str
    question: str
    answer: str
    notes: tuple[Words, ...]
    sections: tuple[Section, ...]
    footer: str
