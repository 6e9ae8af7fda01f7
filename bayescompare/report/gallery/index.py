"""A gallery: what it adds to the report of a template, and its index, which is made of the reports alone."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...errors import ResultFileError
from ...formatting import counted
from ...metrics.verdict import Overall
from ...results import report_numbers
from ..comparison import first_screen
from ..comparison.scalars import of_table
from ..parts import Code, Forest, Prose, Section
from ..words import Name, Words, mark, name, visible

INDEX = "index.html"
STUDY = "study_*.html"

_RECORD = re.compile(r'<script type="application/json" id="template">(.*?)</script>', re.DOTALL)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)

#: The answers that an index counts, each with its state and how it is called where its reports are counted.
ANSWERS = (
    ("yes", "same", "yes"),
    ("point", "differs", "as a point only"),
    ("no", "differs", "no"),
    ("open", "undecided", "cannot tell yet"),
    ("none", "failed", "no verdict"),
)


@dataclass(frozen=True)
class Origin:
    """The template that a report was made from.

    Attributes
    ----------
    file : str
        Its file, as it is shown: ``models/eight_schools.py``.
    source : str
        Text of that file.
    question, finding : str
        What it asks, and what its author says of the MAP.
    tags : tuple of str
    made_of : Mapping
        What decides on the result, JSON-ready: a report that was made of the same is not made again.
    """

    file: str
    source: str
    question: str
    finding: str
    tags: tuple[str, ...]
    made_of: Mapping[str, Any]

    @property
    def record(self) -> dict[str, Any]:
        """What the page keeps of it, beside the source that it shows."""
        return {
            "question": self.question,
            "finding": self.finding,
            "tags": list(self.tags),
            "made_of": dict(self.made_of),
        }


@dataclass(frozen=True)
class Entry:
    """One report of the index; ``answer`` is one of those in :data:`ANSWERS`."""

    href: str
    title: Name
    size: str
    answer: str
    state: str
    opening: str
    sentence: Words
    finding: str
    tags: tuple[str, ...]
    forest: Forest
    searched: str


@dataclass(frozen=True)
class Index:
    """The index as data: reports by title, further pages as (address, title), and the tags that there are."""

    headline: str
    entries: tuple[Entry, ...]
    counts: tuple[tuple[str, str, str, int], ...]
    tags: tuple[str, ...]
    studies: tuple[tuple[str, Name], ...]
    left_out: tuple[str, ...] = ()


def source(origin: Origin) -> Section:
    """Build the section with the file that a template is."""
    code = Code(f"Source of {visible(origin.file)}", visible(origin.source.strip("\n"), keep="\n\t"))
    said = (name(origin.file), ": the question, the data, the model and its options, in one file.")
    how = ("What this report was made from.",)
    # As wide as the page: lines of code are long.
    return Section("source", "The template’s source", how, (), (Prose(said), code), full=True, link="Source")


def made_of(report: Path) -> Mapping[str, Any] | None:
    """What a report was made of; None where there is no report, or no gallery made it."""
    try:
        report_numbers.read(report)  # a damaged report is none
        record = _record(report.read_text(encoding="utf-8"))
    except (OSError, ValueError, ResultFileError):
        return None
    found = record.get("made_of")
    return found if isinstance(found, dict) else None


def read(folder: Path) -> Index:
    """Make the index of a folder: a function of the reports in it, and of nothing else.

    Pages that are not reports are named in ``left_out``; those called ``study_*.html`` are linked by their title.
    """
    studies = sorted(folder.glob(STUDY))
    entries, left_out = [], []
    for path in sorted(folder.glob("*.html")):
        if path.name == INDEX or path in studies:
            continue
        try:
            entries.append(_entry(path))
        except ResultFileError:
            left_out.append(path.name)
    entries.sort(key=lambda entry: (entry.title.text.casefold(), entry.href))
    found = Counter(entry.answer for entry in entries)
    counts = tuple((key, state, word, found[key]) for key, state, word in ANSWERS if found[key])
    tags = tuple(sorted({tag for entry in entries for tag in entry.tags}))
    linked = tuple((_address(path), _title(path)) for path in studies)
    return Index(_headline(len(entries), counts), tuple(entries), counts, tags, linked, tuple(left_out))


def _entry(path: Path) -> Entry:
    """Read one report."""
    numbers = report_numbers.read(path)
    try:
        record = _record(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ResultFileError(f"{path}: its record of the template is damaged ({error}).") from error
    overall = numbers.verdict.overall
    scalars = of_table(numbers.table, numbers.settings)
    title = name(numbers.model.get("title") or numbers.model["name"])
    words = [visible(str(record.get(key, ""))) for key in ("question", "finding")]
    tags = tuple(visible(str(tag)) for tag in record.get("tags", ()))
    names = [*numbers.table.index, *(layer.scalar for layer in numbers.verdict.layers.values() if layer.scalar)]
    answer = _answer(overall)
    return Entry(
        href=_address(path),
        title=title,
        size=_size(numbers.model),
        answer=answer,
        state={key: state for key, state, _ in ANSWERS}[answer],
        opening=visible(overall.opening),
        sentence=mark(overall.sentence, names),
        finding=words[1],
        tags=tags,
        forest=first_screen.thumbnail(scalars, compared=answer != "none"),
        searched=" ".join((title.text, visible(path.stem), *words, *tags)).casefold(),
    )


def _record(text: str) -> dict[str, Any]:
    """What a gallery keeps in a report; nothing in a report that no gallery made."""
    found = _RECORD.search(text)
    record = json.loads(found.group(1)) if found else {}
    if not isinstance(record, dict) or not isinstance(record.get("tags", []), list):
        raise ValueError("its record of the template is of another kind than it should be")
    return record


def _answer(overall: Overall) -> str:
    if overall.as_point:
        return "point"
    return {"same": "yes", "differs": "no", "undecided": "open"}.get(str(overall.state), "none")


def _size(model: Mapping[str, Any]) -> str:
    parameters, observations = (int(model.get(key) or 0) for key in ("parameters", "observations"))
    return f"{counted(parameters, 'parameter')}, {counted(observations, 'observation')}"


def _headline(total: int, counts: Sequence[tuple[str, str, str, int]]) -> str:
    """How often the MAP can stand in, as a sentence."""
    if not total:
        return "There is no report in this folder."
    found = {key: n for key, _, _, n in counts}
    known = total - found.get("none", 0)
    said = f"Of {counted(total, 'model')}, the MAP stands in for the posterior in {found.get('yes', 0)}"
    if found.get("point"):
        said += f", as a point only in {found['point']}"
    if known == total:
        return f"{said}."
    return f"{said}; {total - known} {'has' if total - known == 1 else 'have'} no verdict."


def _address(path: Path) -> str:
    """Address of a page beside the index; never one with a scheme."""
    return f"./{quote(path.name)}"


def _title(path: Path) -> Name:
    found = _TITLE.search(path.read_text(encoding="utf-8", errors="replace"))
    return name(" ".join(unescape(found.group(1)).split()) if found else path.stem)
