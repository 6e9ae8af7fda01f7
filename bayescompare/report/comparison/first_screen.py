"""The first screen: the verdict, four figures, the forest and the layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ...formatting import NO_BREAK, Number, count, counted, figure, plain, point
from ...reasons import Reason
from ..figures import Forest, ForestRow
from ..parts import First, ForestPart, Headline, LayerRow, Section, State
from ..words import Link, Words, mark, name, plain_text, visible
from . import focal, gates, rungs
from .scalars import NAN, Scalar, Scalars

if TYPE_CHECKING:
    from ...metrics.verdict import Layer
    from ...results.comparison import Comparison

QUESTION = "Can the MAP stand in for the posterior?"
FOREST_ROWS = 9
#: Posterior sd that the forest shows to each side.
REACH = Forest.reach
THUMBNAIL_ROWS = 5
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
WARNINGS = 3

#: States whose layers have a line of their own, and what those of the others are called.
TOLD = ("failed", "unchecked", "differs", "undecided")
QUIET = {"sound": "Sound", "same": "Same", "not_computed": "Not computed"}


def first_screen(comparison: Comparison, scalars: Scalars, *, reproducible: bool = False) -> First:
    """Build the first screen; ``reproducible`` leaves out times."""
    overall = comparison.verdict.overall
    layers = comparison.verdict.layers
    alone = not overall.compares  # there is nothing to set beside the posterior
    no_verdict = str(overall.state) == "no_verdict"
    known = _names(layers.values())
    shown = [_layer(layer) for layer in layers.values()]
    told = [row for row in shown if row.state.kind in TOLD]
    return First(
        title=name(comparison.model.title or comparison.model.name),
        size=size(comparison),
        question=visible(comparison.model.question) or QUESTION,
        state="failed" if no_verdict else str(overall.state),
        opening=visible(overall.opening),
        sentence=mark(overall.sentence, known),
        cause=_cause(comparison),
        advice=rungs.advice(comparison, known, reproducible=reproducible),
        code=rungs.code(comparison, reproducible=reproducible),
        heads=tuple(_failed(comparison)) if alone else (),
        focal=() if alone else focal.bars(comparison, scalars, reproducible=reproducible),
        forest=_grey_forest(comparison, scalars) if alone else _forest(scalars, layers),
        rungs=() if no_verdict else rungs.strip(comparison, reproducible=reproducible),
        layers=tuple(told),
        rest=tuple(row for row in shown if row not in told),
        rest_line=_rest(shown),
        warnings=_warnings(comparison),
        plain=_in_plain_words(comparison, scalars),
    )


def location(comparison: Comparison, first: First) -> Section | None:
    """Build the section with the forest; where a gate failed it stands on the first screen."""
    if first.forest.grey:
        return None
    found = (_location(len(comparison.table), comparison.verdict.layers.get("location")),)
    how = (
        "Inside the shaded margin the MAP matches the posterior mean; where it lies beyond the axis, its z is given.",
    )
    return Section(
        "location", plain_text(first.forest.heading), how, found, (ForestPart(first.forest),), link="Location"
    )


#: What is said to readers who are not statisticians, by the state of the verdict.
PLAIN = (
    "A model has many settings that could have produced the data. The MAP is the one most probable combination. "
    "The posterior is all of them, each weighed by how well it fits. "
)
TELLS = {
    "same": "Here both tell the same story, so the MAP with its interval can be reported.",
    "point": "Here the MAP is a good single number, but the uncertainty reported with it is wrong.",
    "undecided": "Here they may differ, but by too little to be sure of it with the draws at hand.",
    "failed": "Here the computation of the posterior failed its own checks, so neither answer should be used yet.",
    "none": "Here no such combination was found, so only the posterior can be reported.",
}


def _in_plain_words(comparison: Comparison, scalars: Scalars) -> Words:
    """The verdict for readers who are not statisticians."""
    overall, sampler = comparison.verdict.overall, comparison.verdict.layers.get("sampler")
    if sampler is None or str(sampler.state) == "failed":
        return (PLAIN + TELLS["failed"],)
    if not overall.compares:
        return (PLAIN + TELLS["none"],)
    if overall.as_point or str(overall.state) != "differs":
        return (PLAIN + TELLS["point" if overall.as_point else str(overall.state)],)
    said: Words = (PLAIN, "Here they tell different stories")
    for s in focal.chosen(comparison, scalars)[:1]:
        if math.isfinite(s["map"]) and math.isfinite(s["mean"]):
            at = f" the MAP says {s.mode}; the posterior says {s.mean} on average, and {s.eti} with {scalars.percent} "
            said = (*said, ": for ", s.shown, at, "probability")
    return (*said, ". The posterior is the one to trust.")


def _cause(comparison: Comparison) -> Words:
    """Why the verdict is what it is, from its typed reason; nothing where none is known."""
    found = comparison.display.get("cause")
    if not found:
        return ()
    reason = Reason.from_json(found)
    return mark(f"Because {reason.text}.", reason.variables)


def _rest(rows: list[LayerRow]) -> Words:
    """The layers that need no line of their own, by state: ``Sound: optimiser, sampler. Same: spread.``"""
    said = []
    for kind, word in QUIET.items():
        named = [row.name for row in rows if row.state.kind == kind]
        if named:
            said.append(f"{word}: {', '.join(named)}.")
    return (" ".join(said),)


def _warnings(comparison: Comparison) -> tuple[Words, ...]:
    """What the audit of the model itself warns of, the first of many."""
    found = [one for one in comparison.findings if one.get("severity") in ("warning", "error")]
    said: list[Words] = [(*mark(one["what"], [one["variable"]]),) for one in found[:WARNINGS]]
    if len(found) > WARNINGS:
        said.append((f"and {counted(len(found) - WARNINGS, 'more warning')}",))
    return tuple(said)


def size(comparison: Comparison) -> str:
    """How large the model and the sample are: ``8 observations, 10 free parameters, 4 × 1,000 draws``."""
    model = comparison.model
    parts = [counted(model.observations, "observation"), counted(model.parameters, "free parameter")]
    nuts = comparison.fits.get("nuts")
    if nuts is not None:
        chains, draws = gates.number(nuts.diagnostics, "chains"), gates.number(nuts.diagnostics, "draws")
        if not math.isnan(chains + draws):
            parts.append(f"{count(chains)}{NO_BREAK}×{NO_BREAK}{count(draws)}{NO_BREAK}draws")
    return ", ".join(parts)


def _failed(comparison: Comparison) -> list[Headline]:
    """What failed and what is required, then what held, as far as there is room; a missing mode has its place."""
    link = Link("Diagnostics", "diagnostics")
    checks = gates.sampler_checks(comparison)
    mode: list[Headline] = []
    optimiser = comparison.verdict.layers.get("optimiser")
    if optimiser is not None and str(optimiser.state) == "failed":
        fit = comparison.fits.get("map")
        word = "none" if fit is None or str(fit.status) == "failed" else visible(str(fit.status))
        reason = mark(optimiser.reason.text, _names(comparison.verdict.layers.values()))
        mode.append(Headline("The MAP", Number(word), "", (*reason, ". ", link)))
    else:
        checks += gates.optimiser_checks(comparison)
    heads = []
    for check in sorted(checks, key=lambda c: c.held)[: 4 - len(mode)]:
        text: Words = (f"required: {check.required}", "; held. " if check.held else ". ", link)
        heads.append(Headline(check.label, Number(check.shown), check.unit, text))
    # What failed comes first: where the sampler is sound, that is the mode.
    return heads + mode if any(not c.held for c in checks) else mode + heads


def _forest(scalars: Scalars, layers: Mapping[str, Layer]) -> Forest:
    rows = tuple(_row(s, scalars, compared=True) for s in scalars.by_gap("z")[:FOREST_ROWS])
    total = len(scalars.rows)
    if total > FOREST_ROWS:
        heading: Words = ("Where the MAP sits: the nine scalars it moves most",)
    else:
        heading = (f"Where the MAP sits: {_all(total)}",)
    sub: list[str] = []
    laplace = any(math.isfinite(x) for row in rows for x in row.laplace)
    forest = Forest(heading, (), rows, scalars.margins["location"], scalars.percent, laplace)
    if any(_leaves(row, forest.reach) for row in rows):
        sub.append("Arrowhead: goes on beyond the axis.")
    if not any(math.isfinite(s["laplace_sd"]) for s in scalars.rows):
        sub.append("There is no Laplace approximation here.")
    return Forest(heading, (" ".join(filter(None, sub)),), rows, forest.margin, forest.interval, laplace)


def _grey_forest(comparison: Comparison, scalars: Scalars) -> Forest:
    rows = tuple(_row(s, scalars, compared=False) for s in scalars.rows[:FOREST_ROWS])
    sampler = comparison.verdict.layers.get("sampler")
    if sampler is not None and str(sampler.state) == "failed":
        heading, sub = "What the chains hold so far", "For diagnosis only: these intervals are not to be reported."
    else:
        heading, sub = "The posterior", "The chains converged; there is no mode to set beside them."
    if len(scalars.rows) > FOREST_ROWS:
        sub += f" The first nine of {counted(len(scalars.rows), 'scalar')}."
    return Forest((heading,), (sub,), rows, 0.0, scalars.percent, laplace=False, grey=True)


def _row(s: Scalar, scalars: Scalars, *, compared: bool) -> ForestRow:
    title = [f"posterior {scalars.percent} interval {s.eti}, mean {s.mean}"]
    if compared and math.isfinite(s["map"]):
        z = figure(s["z"], s["z_mcse"])
        title.append(f"MAP {s.mode}" + ("" if z.missing else f", {z} posterior sd from the mean"))
    if compared and math.isfinite(s["laplace_lb"]):
        ends = f"{plain(s['laplace_lb'], 3)} to {plain(s['laplace_ub'], 3)}"
        title.append(f"Laplace interval {ends} around the unconstrained MAP {s.unconstrained}")
    if compared and math.isfinite(s["marginal_map"]):
        title.append(f"marginal MAP {point(s['marginal_map'], s['mcse_mean'], width=s.width)}")
    note = "" if math.isfinite(s.in_sd("eti_lb")) else visible(s.reason) or "not computed"
    return ForestRow(
        name=s.shown,
        title=f"{s.shown}: {'; '.join(title)}",
        thin=(s.in_sd("eti_lb"), s.in_sd("eti_ub")),
        thick=(s.in_sd("eti50_lb"), s.in_sd("eti50_ub")),
        mean=s.in_sd("mean"),
        mode=s.in_sd("map") if compared else NAN,
        laplace=(s.in_sd("laplace_lb"), s.in_sd("laplace_ub")) if compared else (NAN, NAN),
        laplace_mode=s.in_sd("map_unconstrained") if compared and math.isfinite(s["laplace_lb"]) else NAN,
        mode_text=(s.mode if math.isfinite(s["map"]) else "none") + _beyond(s, compared=compared),
        mean_text=s.mean,
        interval_text=s.eti,
        note=note,
        marginal=s.in_sd("marginal_map") if compared else NAN,
    )


def _beyond(s: Scalar, *, compared: bool) -> str:
    """The z of a MAP that lies beyond the axis, where all arrowheads look alike."""
    at = s.in_sd("map")
    return f" (z{NO_BREAK}{plain(s['z'], 2)})" if compared and math.isfinite(at) and abs(at) > REACH else ""


def thumbnail(scalars: Scalars, *, compared: bool) -> Forest:
    """Build a forest of a few scalars, the most shifted first, for where there is room for no more."""
    known = [s for s in scalars.by_gap("z") if math.isfinite(s.in_sd("eti_lb"))]
    rows = tuple(_row(s, scalars, compared=compared) for s in known[:THUMBNAIL_ROWS])
    laplace = any(math.isfinite(x) for row in rows for x in row.laplace)
    return Forest((), (), rows, scalars.margins["location"], scalars.percent, laplace, not compared, reach=2.75)


def _leaves(row: ForestRow, reach: float) -> bool:
    ends = (*row.thin, *row.laplace, row.mode)
    return any(abs(x) > reach for x in ends if not math.isnan(x))


def _all(total: int) -> str:
    if total == 1:
        return "the one scalar"
    return f"all {NUMBERS[total]} scalars"


def _location(total: int, layer: Layer | None) -> str:
    """What the layer of location says of all scalars."""
    if layer is None or not layer.scalars:
        return f"Of {counted(total, 'scalar')}, none could be judged in location."
    if not layer.differing and not layer.undecided:
        if layer.scalars == 1:
            return "The MAP matches the posterior mean."
        return f"For all {counted(layer.scalars, 'scalar')} the MAP matches the posterior mean."
    parts = []
    if layer.differing:
        parts.append(f"{count(layer.differing)} differ{'s' if layer.differing == 1 else ''} in location")
    if layer.undecided:
        where = "" if layer.differing else " in location"
        parts.append(f"{count(layer.undecided)} {'is' if layer.undecided == 1 else 'are'} undecided{where}")
    return f"Of {counted(layer.scalars, 'scalar')}, {' and '.join(parts)}."


def _layer(layer: Layer) -> LayerRow:
    state = str(layer.state)
    margin = layer.margin
    gauge = margin is not None and layer.figure is not None and margin > 0 and state in ("same", "differs", "undecided")
    gap, error = NAN, NAN
    if gauge and margin is not None and layer.figure is not None:
        gap, error = layer.figure / margin, (layer.mcse or 0.0) / margin
    why = mark(layer.reason.text, [layer.scalar or ""])
    return LayerRow(visible(layer.name), State(state), why, gap, error, _margin(layer) if gauge else "")


def _margin(layer: Layer) -> str:
    """The margin in the unit that people think in."""
    margin = layer.margin or 0.0
    if layer.name in ("location", "coordinates"):
        return f"≤{NO_BREAK}{plain(margin, 3)}{NO_BREAK}sd"
    if layer.name == "spread":
        return f"≤{NO_BREAK}{plain(100 * math.expm1(margin), 3)}{NO_BREAK}%"
    if layer.criterion == "elpd":
        return f"≤{NO_BREAK}{plain(margin, 2)}{NO_BREAK}nats"
    if layer.name == "decision" or layer.criterion in ("variance_discarded", "coverage", "basins"):
        return f"≤{NO_BREAK}{plain(100 * margin, 3)}{NO_BREAK}%"
    return f"≤{NO_BREAK}{plain(margin, 3)}"


def _names(layers: Iterable[Layer]) -> list[str]:
    return [layer.scalar for layer in layers if layer.scalar]
