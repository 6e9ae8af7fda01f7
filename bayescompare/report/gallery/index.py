"""A gallery: what it adds to the report of a template, and its index, which is made of the reports alone."""

from __future__ import annotations

import json
import math
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
from ..comparison.scalars import Scalars, of_table
from ..figures import Forest
from ..parts import Code, Prose, Section
from ..svg.atlas import Point
from ..words import Name, Words, mark, name, visible

INDEX = "index.html"
ATLAS = "atlas.html"
STUDY = "study_*.html"

_RECORD = re.compile(r'<script type="application/json" id="template">(.*?)</script>', re.DOTALL)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)

_FINDING = re.compile(r'<h1 class="say">(.*?)</h1>', re.DOTALL)

#: Decadic logarithm of the smallest z that the map shows.
LEAST = -3.0

#: The groups of an index: heading, the answers of its reports, and their causes (any, where there are none).
GROUPS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("The joint mode ignores a volume", ("no", "point", "open"), ("latent_volume",)),
    ("The mode sits at an edge", ("no", "point", "open"), ("at_edge",)),
    ("The posterior has several modes", ("no", "point", "open"), ("several_modes",)),
    ("The data say little", ("no", "point", "open"), ("weakly_identified",)),
    ("The posterior is skewed", ("no", "point", "open"), ("skewed",)),
    ("The curvature at the mode misleads", ("no", "point", "open"), ("curvature",)),
    ("The MAP differs for another reason", ("no", "point"), ()),
    ("No verdict: an answer to compare is missing", ("none",), ()),
    ("Cannot tell yet", ("open",), ()),
    ("The MAP stands in for the posterior", ("yes",), ()),
)

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
            "words": _words(self.source),
            "made_of": dict(self.made_of),
        }


@dataclass(frozen=True)
class Entry:
    """One report of the index; ``answer`` is one of :data:`ANSWERS`, ``severity`` its largest gap in margins."""

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
    severity: float
    point: Point | None


@dataclass(frozen=True)
class Group:
    """Reports that fail, or hold, for one reason, the worst first."""

    heading: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Index:
    """The index as data: reports in groups, studies and the atlas as (address, title, finding), the tags that there
    are."""

    headline: str
    groups: tuple[Group, ...]
    counts: tuple[tuple[str, str, str, int], ...]
    tags: tuple[str, ...]
    studies: tuple[tuple[str, Name, str], ...]
    left_out: tuple[str, ...] = ()
    atlas: tuple[tuple[str, Name, str], ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them."""
        return tuple(entry for group in self.groups for entry in group.entries)

    @property
    def points(self) -> tuple[Point, ...]:
        """Those that have a place on the map, the worst first: their labels have the room."""
        return tuple(e.point for e in sorted(self.entries, key=lambda e: -e.severity) if e.point is not None)


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

    Pages that are not reports are named in ``left_out``; ``study_*.html`` and the atlas are linked by their title.
    """
    studies = sorted(folder.glob(STUDY))
    found: dict[str, list[Entry]] = {heading: [] for heading, _, _ in GROUPS}
    left_out = []
    for path in sorted(folder.glob("*.html")):
        if path.name in (INDEX, ATLAS) or path in studies:
            continue
        try:
            heading, entry = _entry(path)
            found[heading].append(entry)
        except ResultFileError:
            left_out.append(path.name)
    groups = tuple(
        Group(heading, tuple(sorted(of, key=lambda e: (-e.severity, e.title.text.casefold(), e.href))))
        for heading, of in found.items()
        if of
    )
    entries = [entry for group in groups for entry in group.entries]
    of_answer = Counter(entry.answer for entry in entries)
    counts = tuple((key, state, word, of_answer[key]) for key, state, word in ANSWERS if of_answer[key])
    tags = tuple(sorted({tag for entry in entries for tag in entry.tags}))
    linked, atlas = (
        tuple((_address(path), *_study(path)) for path in pages) for pages in (studies, folder.glob(ATLAS))
    )
    return Index(_headline(len(entries), counts), groups, counts, tags, linked, tuple(left_out), atlas)


def _entry(path: Path) -> tuple[str, Entry]:
    """Read one report: the heading of its group, and it."""
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
    state = {key: state for key, state, _ in ANSWERS}[answer]
    heading = next(h for h, answers, causes in GROUPS if answer in answers and (not causes or numbers.cause in causes))
    searched = (title.text, visible(path.stem), *words, *tags, *map(str, record.get("words", ())))
    return heading, Entry(
        href=_address(path),
        title=title,
        size=_size(numbers.model),
        answer=answer,
        state=state,
        opening=visible(overall.opening),
        sentence=mark(overall.sentence, names),
        finding=words[1],
        tags=tags,
        forest=first_screen.thumbnail(scalars, compared=answer != "none"),
        searched=visible(" ".join(searched)).casefold(),
        severity=_severity(scalars),
        point=None if answer == "none" else _point(visible(path.stem), state, scalars),
    )


def _severity(scalars: Scalars) -> float:
    """The largest gap of a scalar, in location or spread, in margins."""
    gaps = [abs(s["z"]) / scalars.margins["location"] for s in scalars.rows]
    gaps += [abs(math.log(s["sd_ratio"])) / scalars.margins["spread"] for s in scalars.rows if s["sd_ratio"] > 0]
    return max((gap for gap in gaps if math.isfinite(gap)), default=0.0)


def _point(label: str, state: str, scalars: Scalars) -> Point | None:
    """Where a report stands on the map; None where it has no MAP or no Laplace approximation."""
    z = max((abs(s["z"]) for s in scalars.rows if math.isfinite(s["z"])), default=0.0)
    ratios = [math.log10(s["sd_ratio"]) for s in scalars.rows if s["sd_ratio"] > 0 and math.isfinite(s["sd_ratio"])]
    if not ratios or not z > 0:
        return None
    return Point(label, state, max(math.log10(z), LEAST), max(ratios, key=abs))


def _words(source: str) -> list[str]:
    """The words of a template's docstring, once each, for the search."""
    parts = source.split('"""')
    return sorted(set(re.findall(r"[a-zà-ÿ][\w’'-]{3,}", parts[1].casefold()))) if len(parts) > 2 else []


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


def _study(path: Path) -> tuple[Name, str]:
    """Title and finding of a study's page."""
    text = path.read_text(encoding="utf-8", errors="replace")
    title, finding = _TITLE.search(text), _FINDING.search(text)
    said = re.sub(r"<[^>]*>", "", finding.group(1)) if finding else ""
    shown = " ".join(unescape(title.group(1)).split()) if title else path.stem
    return name(shown), visible(" ".join(unescape(said).split()))
