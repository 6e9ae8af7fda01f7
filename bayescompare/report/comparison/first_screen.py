"""The first screen: the verdict, four figures, the forest and the layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ...formatting import NO_BREAK, Number, count, counted, figure, percent, plain, point
from ..parts import First, Forest, ForestRow, Headline, LayerRow, State
from ..words import Link, Words, mark, name, visible
from . import gates
from .phrases import BETTER, most_discarded, real, shown, worst_decision
from .scalars import NAN, Scalar, Scalars

if TYPE_CHECKING:
    from ...metrics.verdict import Layer
    from ...results.comparison import Comparison

QUESTION = "Can the MAP stand in for the posterior?"
FOREST_ROWS = 9
THUMBNAIL_ROWS = 5
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TABLE = Link("Every scalar", "table")
PREDICTION = Link("Prediction", "prediction")
WARNINGS = 3


def first_screen(comparison: Comparison, scalars: Scalars) -> First:
    """Build the first screen."""
    overall = comparison.verdict.overall
    layers = comparison.verdict.layers
    alone = not overall.compares  # there is nothing to set beside the posterior
    no_verdict = str(overall.state) == "no_verdict"
    known = _names(layers.values())
    return First(
        title=name(comparison.model.title or comparison.model.name),
        size=size(comparison),
        question=QUESTION,
        state="failed" if no_verdict else str(overall.state),
        opening=visible(overall.opening),
        sentence=mark(overall.sentence, known),
        advice=mark(overall.advice, known),
        heads_heading=f"Why there is no {'verdict' if no_verdict else 'MAP'}" if alone else "What the MAP throws away",
        heads_sub="What each engine showed, and what is required."
        if alone
        else "± is one Monte-Carlo standard error of the figure before it, unless something else is said.",
        heads=tuple(_failed(comparison) if alone else headlines(comparison, scalars)),
        forest=_grey_forest(comparison, scalars) if alone else _forest(scalars, layers),
        layers_sub="Both engines must be sound before any layer is judged."
        if alone
        else "Shaded: within the margin. A layer is the same when the gap and two standard errors lie inside.",
        layers=tuple(_layer(layer) for layer in layers.values()),
        warnings=_warnings(comparison),
    )


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


def headlines(comparison: Comparison, scalars: Scalars) -> list[Headline]:
    """The four figures that tell most, of those that there are, the first first."""
    found = [
        _discarded(comparison),
        _shift(scalars),
        _laplace_sd(scalars),
        _regret(comparison) or _gain(comparison),
        *(make(scalars) for make in (_absolute_regret, _distance, _level, _quadratic_regret, _percentile)),
    ]
    return [headline for headline in found if headline is not None][:4]


def _discarded(comparison: Comparison) -> Headline | None:
    found = comparison.prediction.get("variance_discarded")
    number = shown(found, share=True)
    if not isinstance(number, Number):
        return None
    most = most_discarded(comparison)
    text: Words = (PREDICTION,)
    if most is not None and most[1] > 0:
        text = ("Most for ", most[0], f", {percent(most[1]).alone}{NO_BREAK}%. ", PREDICTION)
    return Headline("Predictive variance discarded", number, "%", text)


def _regret(comparison: Comparison) -> Headline | None:
    worst = worst_decision(comparison)
    if worst is None:
        return None
    number = shown(worst["relative_regret"], share=True)
    if not isinstance(number, Number):
        return None
    text = (name(worst["loss"]), ": acting on the MAP, not on the posterior. ", Link("Decisions", "decisions"))
    return Headline("Largest extra expected loss", number, "%", text)


def _gain(comparison: Comparison) -> Headline | None:
    """What keeping the posterior is worth; its error is that over the observations."""
    found = comparison.prediction
    value, se = (real(found.get(key, {}).get("value")) for key in ("elpd_diff", "elpd_diff_se"))
    if math.isnan(value) or math.isnan(se):
        return None
    n = counted(int(found["observations"]), "observation")
    better = comparison.display.get("elpd")
    if better in BETTER:
        said = f"The {BETTER[better]} predicts better; ± is the SE over {n}. "
    else:
        said = f"No detectable gain over {n}; ± is the SE over them. "
    return Headline("Gain in leave-one-out elpd", figure(value, se), "nats", (said, PREDICTION))


def _shift(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("z")
    if worst is None:
        return None
    text = (worst.shown, f": MAP {worst.mode}, posterior mean {worst.mean}. ", Link("Marginals", "marginals"))
    return Headline("Largest shift of a parameter", figure(worst["z"], worst["z_mcse"]), "sd", text)


def _laplace_sd(scalars: Scalars) -> Headline | None:
    rows = [s for s in scalars.rows if s["sd_ratio"] > 0 and math.isfinite(s["sd_ratio"])]
    if not rows:
        return None
    worst = max(rows, key=lambda s: abs(math.log(s["sd_ratio"])))
    against = f": Laplace sd {plain(worst['laplace_sd'], 3)}, posterior sd {plain(worst['sd'], 3)}. "
    text = (worst.shown, against, TABLE)
    return Headline("Laplace sd farthest off", figure(worst["sd_ratio"], worst["sd_ratio_mcse"]), "×", text)


def _absolute_regret(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("absolute_regret")
    if worst is None:
        return None
    number = percent(worst["absolute_regret"], worst["absolute_regret_mcse"])
    text = (worst.shown, ": reporting the MAP, not the median. ", TABLE)
    return Headline("Largest extra absolute error", number, "%", text)


def _distance(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("w1")
    if worst is None:
        return None
    null = worst["w1_null"]
    aside = f": the same law would give about {plain(null, 1)}. " if math.isfinite(null) else ": Wasserstein distance. "
    number = figure(worst["w1"], worst["w1_mcse"])
    return Headline("Largest distance of a Laplace marginal", number, "sd", (worst.shown, aside, TABLE))


def _level(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("hdi_level")
    if worst is None:
        return None
    number = percent(worst["hdi_level"], worst["hdi_level_mcse"])
    return Headline("Widest HDI needed to reach a MAP", number, "%", (worst.shown, f": MAP {worst.mode}. ", TABLE))


def _quadratic_regret(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("quadratic_regret")
    if worst is None:
        return None
    number = figure(worst["quadratic_regret"], worst["quadratic_regret_mcse"])
    text = (worst.shown, ": in posterior variances, reporting the MAP, not the mean. ", TABLE)
    return Headline("Largest extra squared error", number, "×", text)


def _percentile(scalars: Scalars) -> Headline | None:
    rows = [s for s in scalars.rows if math.isfinite(s["rank"])]
    if not rows:
        return None
    worst = max(rows, key=lambda s: abs(s["rank"] - 0.5))
    number = percent(worst["rank"], worst["rank_mcse"])
    return Headline("Percentile of the MAP farthest out", number, "%", (worst.shown, f": MAP {worst.mode}. ", TABLE))


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
    sub = [_location(total, layers.get("location"))]
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
    if math.isfinite(s["marginal_map"]):
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
        mode_text=s.mode if math.isfinite(s["map"]) else "none",
        mean_text=s.mean,
        interval_text=s.eti,
        note=note,
        marginal=s.in_sd("marginal_map"),
    )


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
    return f"Of {counted(layer.scalars, 'scalar')}, {', '.join(parts)}."


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
