"""A study's findings in words, computed from its rows by one rule for each measure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...formatting import NO_BREAK, NOTHING, Number, counted, figure, percent
from ...metrics.thresholds import K_HAT_MAX
from ..words import Name, Words, listed, name, visible
from .rows import ALL, Asked, Facet, Focus, Rows, Study, Value, is_share, value_text

NAMES = {
    "mle_wald": f"MLE{NO_BREAK}+{NO_BREAK}Wald",
    "map_laplace": f"MAP{NO_BREAK}+{NO_BREAK}Laplace",
    "psis_laplace": "PSIS-Laplace",
    "marginal_map": "marginal MAP",
    "marginal_laplace": "marginal Laplace",
    "pathfinder": "Pathfinder",
    "advi": "ADVI",
    "fullrank_advi": "full-rank ADVI",
    "nuts": "NUTS",
}

POINTS = {
    "mle_wald": "MLE",
    "map_laplace": "MAP",
    "psis_laplace": "PSIS-Laplace mean",
    "nuts": "posterior mean",
    "marginal_map": "marginal MAP",
    "marginal_laplace": "marginal Laplace mean",
    "pathfinder": "Pathfinder mean",
    "advi": "ADVI mean",
    "fullrank_advi": "full-rank ADVI mean",
}
"""What the methods' points are called."""

STATES = {"same": "the same", "differs": "differs", "undecided": "undecided"}

LABELS = {
    "bias": "bias",
    "rmse": "RMSE",
    "sd": "sd stated",
    "shift": "shift, posterior sd",
    "sd_ratio": "sd ratio",
    "risk_absolute": "mean absolute error",
    "risk_squared": "mean squared error",
    "regret_absolute": "absolute regret",
    "regret_squared": "squared regret",
    "sbc_distance": "ECDF distance",
    "sbc_p": "p of uniform ranks",
    "sbc_chi2": "χ² of ranks over df",
    "sbc_chi2_p": "p of that χ²",
    "sbc_bias": "½ − mean rank",
    "sbc_asymmetry_p": "p of symmetric ranks",
    "seconds": "seconds per fit",
    "k_hat": "Pareto k-hat",
    "k_hat_bad": f"k-hat above{NO_BREAK}{K_HAT_MAX}, %",
    "failed": "failed, %",
    "suspect": "suspect, %",
    "at_bound": "at the edge, %",
    "elpd": "elpd, nats",
    "elpd_plugin": "plug-in elpd, nats",
    "elpd_diff": "elpd lost, nats",
    "elpd_plugin_diff": "elpd lost by the plug-in, nats",
    **{f"{layer}_{state}": f"{layer} {word}, %" for layer in ("location", "spread") for state, word in STATES.items()},
}


TEMPLATE = "template"
"""The grid's name that tells studies on one page apart: its values speak for themselves."""


def method(key: str) -> str:
    """A method's name."""
    return NAMES.get(key, visible(key))


def label(measure: str) -> str:
    """A measure's name."""
    if measure in LABELS:
        return LABELS[measure]
    for beginning, word in (("coverage_", "coverage"), ("width_", "width")):
        if measure.startswith(beginning):
            unit = ", %" if beginning == "coverage_" else ""
            return f"{measure.removeprefix(beginning)}{NO_BREAK}% {word}{unit}"
    text = visible(measure.replace("_", " "))
    return f"{text}, %" if is_share(measure) else text


def written(measure: str, found: Value) -> Number:
    """A figure of a measure, shares in per cent."""
    if math.isnan(found.value):
        return NOTHING
    return (percent if is_share(measure) else figure)(found.value, found.error)


def placed(cell: Mapping[str, Any]) -> Words:
    """A grid point in running text: ``n = 10 and prior = wide``."""
    parts: list[str | Name | Number | Any] = []
    for i, (key, value) in enumerate(cell.items()):
        parts += [" and "] * bool(i)
        parts += [] if key == TEMPLATE else [name(key), f"{NO_BREAK}={NO_BREAK}"]
        parts.append(name(value_text(value)))
    return tuple(parts)


def at(cell: Mapping[str, Any]) -> Words:
    """Where a figure is: ``at n = 10``; nothing where nothing varies."""
    return ("for " if TEMPLATE in cell else "at ", *placed(cell)) if cell else ()


# -- the finding -----------------------------------------------------------------------------------


def focus_of(study: Study, rows: Rows) -> Focus:
    """What the study is about: as it was asked, or coverage by the first method that is an approximation."""
    if study.focus is not None:
        return study.focus
    subject = next((m for m in ("map_laplace", "mle_wald", "psis_laplace", "nuts") if m in rows.methods), "nuts")
    if rows.level and any(m.startswith("coverage_") for m in rows.measures):
        return Focus(f"coverage_{rows.level}", subject)
    return Focus("shift" if "shift" in rows.measures else "rmse", subject)


def finding(study: Study, rows: Rows) -> Words:
    """The study's finding: one sentence with its deciding figures."""
    if study.finding:
        return (visible(study.finding),)
    focus = focus_of(study, rows)
    ends = _ends(rows, focus)
    if not ends:
        return ("No figure could be computed of ", name(method(focus.method)), f": {_why(study.plans)}.")
    share = "%" if is_share(focus.measure) else ""
    opening, again, after, other = _frame(rows, focus)
    parts: list[Any] = [*opening]
    for i, (where, found) in enumerate(ends):
        number = written(focus.measure, found)
        parts += [f" and {again}" if i else "", number, f"{NO_BREAK}%" if share else "", after if not i else ""]
        parts += [" ", *where] if where else []
    parts += [*other, *_part(focus), "."]
    return tuple(part for part in parts if part != "")


def _ends(rows: Rows, focus: Focus) -> list[tuple[Words, Value]]:
    """The figure at both ends of the grid; of categories, the lowest and the highest."""
    if rows.axis is not None:
        values = sorted(rows.axis.values)
        ends = []
        for value in (values[0], values[-1]):
            cells = [c for c in rows.within(focus) if c.get(rows.axis.name) == value]
            where = at({rows.axis.name: value})
            ends.append((where, rows.pooled(cells, focus.method, focus)))
        return [(where, found) for where, found in ends if found.known]
    kept = [facet for facet in rows.facets if all(facet.shared.get(k) == v for k, v in focus.where.items())]
    found = [(facet, rows.pooled(facet.cells, focus.method, focus)) for facet in kept]
    known = sorted(((facet, value) for facet, value in found if value.known), key=lambda pair: pair[1].value)
    if not known:
        return []
    chosen = [known[0]] if len(known) == 1 else [known[0], known[-1]]
    return [(_where(facet), value) for facet, value in chosen]


def _where(facet: Facet) -> Words:
    if not facet.shared:
        return ()
    return ("for " if TEMPLATE in facet.shared else "where ", *placed(facet.shared))


def _frame(rows: Rows, focus: Focus) -> tuple[Words, str, str, Words]:
    """How the sentence begins, what is said again before its second figure, what stands behind its first one, and what
    is said of NUTS beside it.
    """
    who, point = method(focus.method), POINTS.get(focus.method, method(focus.method))
    named = focus.parameter != ALL
    of: Words = (" of ", name(focus.parameter)) if named else ()
    measure = focus.measure
    if measure.startswith("coverage_"):
        level = measure.removeprefix("coverage_")
        opening: Words = (f"The {level}{NO_BREAK}% interval of {who}", *((" for ", *of[1:]) if named else ()))
        return (*opening, " covers the truth in "), "in ", "", _beside(rows, focus, "; that of NUTS in ")
    if measure == "shift":
        return (f"The {point}", *of, " lies "), "", " posterior sd from the posterior mean", ()
    if measure == "sd_ratio":
        average = "" if named or len(rows.parameters) < 2 else " on average"
        return (
            (f"The sd that {who} states", *((" for ", *of[1:]) if named else ()), f" is{average} "),
            "",
            " times that of NUTS",
            (),
        )
    if measure == "bias":
        return (f"The {point}", *of, " is off by "), "by ", " on average", ()
    if measure == "rmse":
        return (f"The {point}", *of, " has an RMSE of "), "of ", "", ()
    if measure == "at_bound":
        return (f"The {point}", *of, " lies at the edge of its range in "), "in ", " of data sets", ()
    if measure in ("location_same", "spread_same"):
        what = "location" if measure.startswith("location") else "spread"
        return (f"{who} says of {what} what NUTS says in ",), "in ", " of data sets", ()
    return (f"{who}, ", label(measure).removesuffix(", %"), *of, ": "), "", "", ()


def _part(focus: Focus) -> Words:
    """Which part of the grid it is about, where that was asked for."""
    return (" (", *placed(focus.where), ")") if focus.where else ()


def averaged(rows: Rows, focus: Focus) -> Words:
    """What the figures of a finding that is made of the rows are means over; empty where over nothing."""
    across = rows.axis.name if rows.axis else None
    over: list[Any] = [name(v.name) for v in rows.varied if across and v.name not in {across, *focus.where}]
    over += ["the recorded parameters"] if rows.averages(focus) else []
    return ("Each figure is a mean over ", *listed(over), ".") if over else ()


def _beside(rows: Rows, focus: Focus, words: str) -> Words:
    """The same figure of NUTS over the whole grid."""
    if focus.method == "nuts" or "nuts" not in rows.methods or focus.measure in ("rmse", "bias"):
        return ()
    found = rows.pooled(rows.within(focus), "nuts", focus)
    if not found.known:
        return ()
    return (words, written(focus.measure, found), f"{NO_BREAK}%" if is_share(focus.measure) else "")


def _why(plans: Sequence[Asked]) -> str:
    done, failed = sum(p.done for p in plans), sum(p.failed for p in plans)
    if done and done == failed:
        return f"all {counted(done, 'fit')} failed"
    return "there are no rows of it" if not done else "too few fits are done"


def title(study: Study) -> str:
    """What the study is called."""
    if study.title:
        return study.title
    targets = dict.fromkeys(plan.target.rpartition(":")[2] or plan.target for plan in study.plans)
    return f"Study of {', '.join(targets)}"


# -- what was asked, and what failed ---------------------------------------------------------------


def size(study: Study, rows: Rows) -> str:
    """How large the study is."""
    replicates = sorted({plan.replicates for plan in study.plans})
    each = f" × {counted(replicates[0], 'replicate')}" if len(replicates) == 1 else ""
    fits = sum(plan.done for plan in study.plans)
    methods = counted(len(rows.methods), "method")
    return f"{counted(len(rows.cells), 'grid point')}{each}, {methods}: {counted(fits, 'fit')}"


def truth(plan: Asked) -> str:
    """Where the truth comes from."""
    if plan.truth == "posterior":
        return (
            "drawn from the posterior given the model’s own data, anew for each replicate, and each fit is to these "
            "data and the simulated ones together"
        )
    if not isinstance(plan.truth, Mapping):
        return "drawn from the prior, anew for each replicate"
    fixed = ", ".join(f"{visible(str(k))} = {value_text(v)}" for k, v in plan.truth.items())
    return f"{fixed}; what else there is, drawn from the prior given that"


def failures(study: Study, rows: Rows) -> Words:
    """What failed, plainly."""
    done, failed = sum(p.done for p in study.plans), sum(p.failed for p in study.plans)
    asked = sum(p.fits for p in study.plans)
    unfinished = (
        "" if done >= asked else f" Of {counted(asked, 'fit')} that were asked for, {asked - done:,} are not done."
    )
    if not failed:
        return (f"None of {counted(done, 'fit')} failed.{unfinished}",)
    by = []
    for key in rows.methods:
        lost, total = rows.lost(key)
        if lost:
            by.append(f"{lost:,} of {total:,} by {method(key)}")
    most = max((r for p in study.plans for r in p.reasons), key=lambda pair: pair[1], default=("", 0))
    why = f" Most often: {visible(most[0].partition(';')[0])}." if most[0] else ""  # what to do comes after
    share = percent(failed / done if done else math.nan)
    return (
        f"{failed:,} of {counted(done, 'fit')} failed (",
        share,
        f"{NO_BREAK}%): {', '.join(by)}. They are counted as failed and are in no other figure.{why}{unfinished}",
    )
