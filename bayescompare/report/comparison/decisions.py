"""The sections on what depends on the answer, and on what the answer depends on: decisions and sensitivity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...formatting import NO_BREAK, NONE, Number, count, plain
from ...metrics.thresholds import INFORMATIVE
from ..figures import Axis, Mark, Strip
from ..parts import Cell, Details, Part, Prose, Row, Section, Strips, Table
from ..words import Words, name, visible
from .phrases import columns, error, shown, value, why, worst_decision

if TYPE_CHECKING:
    from ...results.comparison import Comparison

ROWS = 9

#: What the sensitivities of a scalar say of prior and data, by what a comparison says of them.
READINGS = {
    "data": "the data decide",
    "conflict": "prior and data may conflict",
    "prior": "strong prior or weak data",
}


def decisions(comparison: Comparison) -> Section | None:
    """Build the section on the decisions that were named."""
    if not comparison.decisions:
        return None
    how = ("The plug-in acts as if the MAP were true; the Bayes action has the least expected loss over the draws.",)
    rows = tuple(
        Row(
            (name(one["loss"]),),
            (
                _action(one["plugin_action"]),
                _action(one["bayes_action"]),
                shown(one["regret"]),
                shown(one["relative_regret"], share=True),
                shown(one["flips"], share=True),
            ),
        )
        for one in comparison.decisions
    )
    header = columns("loss", "plug-in acts", "Bayes acts", "regret", "of the Bayes loss, %", "best action differs, %")
    parts: list[Part] = [Table("Decisions", header, rows)]
    lacking = [(one["loss"], why(one["regret"])) for one in comparison.decisions if math.isnan(value(one["regret"]))]
    parts += [Prose((name(loss), f": {reason or 'not computed'}."), small=True) for loss, reason in lacking]
    parts += [_options(one) for one in comparison.decisions if one["options"]]
    return Section("decisions", "Decisions", how, _cost(comparison), tuple(parts))


def _cost(comparison: Comparison) -> Words:
    worst = worst_decision(comparison)
    cost = shown(worst["relative_regret"], share=True) if worst is not None else NONE
    if worst is None or not isinstance(cost, Number):
        return ("No loss that was named could be judged.",)
    if value(worst["relative_regret"]) < error(worst["relative_regret"]):
        return ("Acting on the MAP costs no detectable extra loss: ", name(worst["loss"]), ".")
    return ("Acting on the MAP costs ", cost, f"{NO_BREAK}% more expected loss: ", name(worst["loss"]), ".")


def _options(one: Mapping[str, Any]) -> Details:
    """How probable it is that each choice is the best."""
    axis = Axis(0.0, 1.0, "probability that it is the best")
    rows = tuple(
        Row(
            (name(option["name"]),),
            (
                Strip(
                    f"{visible(str(option['name']))} is the best with probability {plain(value(option['best']), 2)}",
                    axis,
                    (Mark("bar", "post", 0.0, value(option["best"])),),
                ),
                shown(option["best"], share=True),
            ),
        )
        for option in one["options"]
    )
    strips = Strips("Choices", columns("choice", "", "is the best, %"), rows, (axis, None), (), ())
    return Details((name(one["loss"]), ": each choice"), (strips,))


def _action(action: Any) -> Cell:
    if isinstance(action, int | float):
        return plain(float(action), 4)
    return NONE if action is None else name(action)


# -- sensitivity -----------------------------------------------------------------------------------


def sensitivity(comparison: Comparison) -> Section | None:
    """Build the section on what the power of prior and likelihood moves."""
    found = comparison.sensitivity
    if not found:
        return None
    how = (
        "How far a change of the power of the prior, or of the likelihood, moves the posterior mean and the MAP, in "
        "posterior sd. Power scaling is how far it moves the whole marginal; "
        f"from {INFORMATIVE} on it is called informative (Kallioinen et al. 2024).",
    )
    prior, readings = found["prior"], comparison.display.get("readings", {})
    order = sorted(prior, key=lambda n: -_missing_last(prior[n]["power_scaling"]))[:ROWS]
    if not order:
        return None
    parts: list[Part] = [_strips(found, order, readings), _table(found, order)]
    if len(prior) > len(order):
        said = f"The {len(order)} most sensitive to the prior, of {count(len(prior))}."
        parts.append(Prose((said,), small=True))
    if found.get("note"):
        parts.append(Prose((f"{visible(str(found['note']))}.",), small=True))
    return Section("sensitivity", "Sensitivity", how, _tells(prior, order[0], readings), tuple(parts))


def _tells(prior: Mapping[str, Any], first: str, readings: Mapping[str, str]) -> Words:
    moved = shown(prior[first]["power_scaling"])
    if not isinstance(moved, Number):
        return ("Sensitivity to the prior could not be computed.",)
    if readings.get(first) == "data":
        return (
            "No scalar is sensitive to the prior: the largest power-scaling sensitivity, of ",
            name(first),
            ", is ",
            moved,
            ".",
        )
    return ("The prior matters most for ", name(first), ": its power-scaling sensitivity is ", moved, ".")


def _strips(found: Mapping[str, Any], order: list[str], readings: Mapping[str, str]) -> Strips:
    """Two columns of dots with errors: to the prior, to the likelihood."""
    reach = 0.0
    for part in ("prior", "likelihood"):
        for n in order:
            one = found[part][n]
            for key in ("mean", "mode"):
                if math.isfinite(value(one[key])):
                    e = error(one[key])
                    reach = max(reach, abs(value(one[key])) + (2 * e if math.isfinite(e) else 0.0))
    reach = 1.05 * reach or 1.0
    axes = {part: Axis(-reach, reach, "posterior sd") for part in ("prior", "likelihood")}
    rows = []
    for n in order:
        cells: list[Cell] = [_dots(n, part, found[part][n], axes[part]) for part in ("prior", "likelihood")]
        cells.append(READINGS.get(readings.get(n, ""), NONE))
        rows.append(Row((name(n),), tuple(cells)))
    modes = any(math.isfinite(value(found[p][n]["mode"])) for p in ("prior", "likelihood") for n in order)
    caption = "Dot: how far the posterior mean moves, with two Monte-Carlo errors to each side."
    caption += " Tick: how far the MAP moves." if modes else f" {_why_no_mode(found, order)}"
    return Strips(
        "Sensitivity of means and modes",
        (*columns("scalar")[:1], *columns("to the prior", "to the likelihood")[:2], *columns("reading")[:1]),
        tuple(rows),
        (axes["prior"], axes["likelihood"], None),
        (("dot", "posterior mean"), *((("map", "MAP"),) if modes else ())),
        (caption,),
    )


def _why_no_mode(found: Mapping[str, Any], order: list[str]) -> str:
    reason = why(found["prior"][order[0]]["mode"])
    return f"For the MAP there is none: {reason}." if reason else "For the MAP there is none."


def _dots(scalar: str, part: str, one: Mapping[str, Any], axis: Axis) -> Strip:
    mean, e, mode = value(one["mean"]), error(one["mean"]), value(one["mode"])
    said = [f"{visible(scalar)} to the {part}: posterior mean {plain(mean, 2)} sd"]
    if math.isfinite(mode):
        said.append(f"MAP {plain(mode, 2)} sd")
    marks = (
        Mark("thin", "post", mean - 2 * e, mean + 2 * e),
        Mark("dot", "post", mean),
        Mark("tick", "map", mode),
    )
    return Strip(", ".join(said), axis, marks, 24, line=0.0)


def _table(found: Mapping[str, Any], order: list[str]) -> Details:
    keys = ("power_scaling", "mean", "mode")
    rows = tuple(
        Row((name(n),), tuple(shown(found[part][n][key]) for part in ("prior", "likelihood") for key in keys))
        for n in order
    )
    header = columns("scalar", "power scaling", "mean, sd", "MAP, sd", "power scaling", "mean, sd", "MAP, sd")
    groups = (("", 1), ("to the prior", 3), ("to the likelihood", 3))
    return Details(("Sensitivity as a table",), (Table("Sensitivity", header, rows, groups),))


def _missing_last(of: Mapping[str, Any]) -> float:
    return value(of) if math.isfinite(value(of)) else -1.0
