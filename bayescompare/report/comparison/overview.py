"""What a report holds beyond the marginals: its sections in order, the vectors, the cost, warnings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...formatting import NONE, count, percent, plain
from ..parts import Column, Heading, Part, Prose, Row, Section, Table
from ..words import name, visible
from .coordinates import coordinates
from .decisions import decisions, sensitivity
from .joint_picture import jointly
from .phrases import columns, decimals, real
from .predictions import prediction
from .scalars import Scalars

if TYPE_CHECKING:
    from ...results.comparison import Comparison

FOR_DIAGNOSIS = "For diagnosis only: NUTS failed its checks, so nothing here is a result."
NO_MAP = "There is no MAP to set beside the posterior."
POSTERIOR_ONLY = "There is no MAP to predict with: these are the posterior’s predictions."
#: The sections that say nothing without a MAP.
OF_THE_MAP = ("decisions", "joint", "coordinates")


def sections(comparison: Comparison, scalars: Scalars) -> tuple[Section, ...]:
    """Those that have something to show, in the order in which the layers decide."""
    made = (
        decisions(comparison),
        prediction(comparison),
        jointly(comparison),
        coordinates(comparison, scalars),
        sensitivity(comparison),
    )
    found = tuple(section for section in made if section is not None)
    if comparison.verdict.overall.compares:
        return found
    sampler = comparison.verdict.layers.get("sampler")
    if sampler is None or str(sampler.state) == "failed":
        return tuple(replace(section, finding=(FOR_DIAGNOSIS,)) for section in found)
    return tuple(_of_posterior(section) for section in found)


def _of_posterior(section: Section) -> Section:
    """What a section says where the posterior stands and there is no MAP."""
    if section.id in OF_THE_MAP:
        return replace(section, finding=(NO_MAP,), parts=(), how=())
    return replace(section, finding=(POSTERIOR_ONLY,)) if section.id == "prediction" and section.parts else section


def groups(comparison: Comparison) -> list[Part]:
    """A line for each vector variable, for the section on every scalar."""
    if not comparison.groups:
        return []
    rows = tuple(
        Row(
            (name(one["name"]),),
            (
                count(one["count"]),
                percent(real(one["beyond"])).alone,
                plain(real(one["median"]), 2),
                plain(real(one["rms"]), 2),
                NONE if one["worst"] is None else name(one["worst"]),
                plain(real(one["worst_z"]), 3),
            ),
        )
        for one in comparison.groups
    )
    header = (
        *columns("variable", "scalars", "beyond the margin, %", "median |z|", "root mean square of z"),
        Column(("its most shifted",)),
        Column(("z, sd",), number=True),
    )
    return [Heading(("Vectors, a line each",)), Table("Vectors", header, rows)]


def cost(comparison: Comparison) -> list[Part]:
    """What each arm cost, for the section on diagnostics."""
    found = comparison.provenance.get("cost")
    if not found:
        return []
    rows = tuple(
        Row(
            (visible(str(arm)).replace("_", " "),),
            (
                decimals(real(one["compile_seconds"]), 2),
                decimals(real(one["seconds"]), 2),
                NONE if one["evaluations"] is None else count(one["evaluations"]),
            ),
        )
        for arm, one in found["arms"].items()
    )
    header = columns("arm", "compiling, s", "running, s", "density evaluations")
    parts: list[Part] = [Heading(("What it cost",)), Table("Cost by arm", header, rows)]
    nat = real(found.get("seconds_per_nat"))
    if nat == nat:
        parts.append(Prose((f"Each nat of elpd gained took {plain(nat, 3)} s of sampling.",), small=True))
    return parts


def findings(comparison: Comparison) -> list[Part]:
    """What the audit of the model and of the layers said, for the section on what was asked."""
    rows = tuple(
        Row((name(one["variable"]),), (visible(one["severity"]), visible(one["what"]), visible(one["instead"])))
        for one in comparison.findings
    )
    if not rows:
        return []
    header = tuple(Column((text,)) for text in ("variable", "", "found", "what to do"))
    return [Heading(("Warnings and notes",)), Table("Warnings and notes", header, rows)]
