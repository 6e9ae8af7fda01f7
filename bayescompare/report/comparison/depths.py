"""The two depths below the answer: evidence, a sentence and a figure a section, and the audit, which is folded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..figures import Multiples, Panels
from ..parts import Details, Formulas, Heading, Part, Prose, Section
from ..words import Words, plain_text

if TYPE_CHECKING:
    from ...results.comparison import Comparison

#: The layer, or the gates, whose state a section has in the rail.
LAYERS = {
    "location": ("location",),
    "marginals": ("spread",),
    "decisions": ("decision",),
    "prediction": ("prediction",),
    "joint": ("joint",),
    "coordinates": ("coordinates",),
    "diagnostics": ("optimiser", "sampler"),
}
#: What is no figure.
WORDS = (Prose, Heading, Details, Formulas)
WORST = ("failed", "differs", "undecided", "unchecked", "sound", "same")


def evidence(section: Section, comparison: Comparison) -> Section:
    """Keep the first figure, with what it shows; fold the rest."""
    parts = list(section.parts)
    figure = next((i for i, part in enumerate(parts) if not isinstance(part, WORDS)), -1)
    shown: list[Part] = [part for part in parts[: figure + 1] if not isinstance(part, Details)]
    folded: list[Part] = [part for part in parts[: figure + 1] if isinstance(part, Details)]
    rest = folded + parts[figure + 1 :]
    if section.how:
        shown.append(Prose((" ".join(section.how),), small=True))
    if rest:
        shown.append(Details(_summary(rest), tuple(rest)))
    return replace(section, how=(), parts=tuple(shown), depth="evidence", state=_state(section, comparison))


def audit(section: Section, comparison: Comparison) -> Section:
    """Fold all of it."""
    parts = section.parts if not section.how else (Prose((" ".join(section.how),), small=True), *section.parts)
    folded = (Details(("Show",), parts),)
    return replace(section, how=(), parts=folded, depth="audit", state=_state(section, comparison), full=False)


def _summary(parts: list[Part]) -> Words:
    """What is folded, as far as headings tell."""
    named = [
        plain_text(part.words) if isinstance(part, Heading) else part.heading
        for part in parts
        if isinstance(part, Heading | Multiples | Panels)
    ]
    if any(isinstance(part, Formulas) for part in parts):
        return ("The model as formulas and code, and its data",)
    return (f"More: {'; '.join(named)}" if named else "The figures as tables",)


def _state(section: Section, comparison: Comparison) -> str:
    """The worst state of its layers; nothing for a section that has none, or whose layer was not computed."""
    layers = comparison.verdict.layers
    found = {str(layers[one].state) for one in LAYERS.get(section.id, ()) if one in layers}
    return next((state for state in WORST if state in found), "")
