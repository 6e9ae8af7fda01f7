"""The report as data: a comparison becomes a headline, figures, rows and sections.

Nothing is rendered and no statistic is computed here: rows are ordered, figures written, positions on axes found.
What comes out depends on the comparison alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..gallery import index
from ..parts import Report
from ..words import visible
from . import depths, new_inputs, scalars
from . import first_screen as first
from . import full_table as everything
from . import gates as engines
from . import marginals as sections
from . import methods_text as prose
from . import overview as beyond

if TYPE_CHECKING:
    from ...results.comparison import Comparison
    from ..gallery.index import Origin


def build(comparison: Comparison, *, reproducible: bool = False, origin: Origin | None = None) -> Report:
    """Build the tree of a report.

    Parameters
    ----------
    comparison : Comparison
    reproducible : bool
        Leave out times, platform and command, so that two runs with one seed give the same bytes.
    origin : Origin, optional
        The template it was made from, whose source the report then shows.

    Returns
    -------
    Report
    """
    rows = scalars.read(comparison)
    answer = first.first_screen(comparison, rows, reproducible=reproducible)
    evidence = (
        first.location(comparison, answer),
        sections.marginals(comparison, rows),
        *beyond.sections(comparison, rows),
        new_inputs.section(comparison),
        sections.asked(comparison),
    )
    audit = (
        everything.every_scalar(comparison, rows),
        engines.section(comparison, reproducible=reproducible),
        prose.methods(comparison, rows),
        prose.glossary(),
        *(() if origin is None else (index.source(origin),)),
        prose.provenance(comparison, reproducible=reproducible),
    )
    title = visible(comparison.model.title or comparison.model.name) or "A model"
    return Report(
        title=f"{title}: MAP against posterior",
        first=answer,
        sections=(
            *(depths.evidence(one, comparison) for one in evidence if one is not None),
            *(depths.audit(one, comparison) for one in audit),
        ),
        footer="One file, no network. The numbers shown, unrounded, are inside it as JSON (schema bayescompare/2).",
    )
