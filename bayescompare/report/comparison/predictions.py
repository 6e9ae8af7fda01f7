"""The section on prediction: what a plug-in throws away, observation by observation and in all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import NO_BREAK, NONE, Number, count, counted, figure, plain
from ..parts import Cell, Details, Heading, Part, Prose, Row, Section, Table
from ..words import Words, listed, name, plain_text
from .phrases import BETTER, columns, decimals, error, labels, real, shown, value, why
from .predicted_figures import figures, gains_of

if TYPE_CHECKING:
    from ...results.comparison import Comparison

#: Observations in a table, and likelihood terms that have figures.
ROWS, TERMS = 9, 3

#: Entries of an observation that is a vector, as a table shows them.
ENTRIES = 4

HOW = (
    "Each observation is predicted without itself: by the posterior with PSIS-LOO, by the plug-in with the mode found "
    "again without it.",
    "Variance left out: the share of a predictive variance that comes from not knowing the parameters.",
)


UNCOMPARED = "The figure shows what is predicted; the two arms cannot be compared observation by observation."
NOTHING = "There is nothing to predict."


def prediction(comparison: Comparison) -> Section | None:
    """Build the section on what a plug-in prediction throws away."""
    found = comparison.prediction
    if not found:
        return None
    parts: list[Part] = []
    terms = list(comparison.pointwise.items())
    for term, arrays in terms[:TERMS]:
        drawn = figures(comparison, term, arrays)
        if len(terms) > 1 and drawn:
            parts.append(Heading((name(term),)))
        parts += drawn
    if len(terms) > TERMS:
        parts.append(Prose((f"{counted(len(terms) - TERMS, 'more likelihood')} without a figure here.",), small=True))
    total = [part for part in (_total(found), *_coverage(found)) if part is not None]
    if total:
        parts += [Heading(("In total",)), *total, *_by_term(found["terms"])]
    for term, arrays in terms:
        parts += _observations(comparison, term, arrays)
    finding, notes = _finding(found, comparison.display.get("elpd")), _notes(found)
    if not parts:  # one line says it
        return Section("prediction", "Prediction", (), finding or (notes or NOTHING,), ())
    if notes:
        parts.append(Prose((notes,), small=True))
    return Section("prediction", "Prediction", HOW if total else (), finding or (UNCOMPARED,), tuple(parts))


def _finding(found: Mapping[str, Any], told: str | None) -> Words:
    share = shown(found["variance_discarded"], share=True)
    gain, se = value(found["elpd_diff"]), value(found["elpd_diff_se"])
    first: Words = ()
    if isinstance(share, Number):
        first = ("Predictions from the MAP leave out ", share, f"{NO_BREAK}% of their variance")
    n = counted(int(found["observations"]), "observation")
    if math.isnan(gain + se):
        return (*first, ".") if first else ()
    better = BETTER.get(told or "")
    if better is None:
        second = f"no detectable gain in elpd over {n}"
        return (*first, f"; {second}.") if first else (f"The posterior has {second}.",)
    opening = (*first, "; the ") if first else ("The ",)
    return (*opening, better, " predicts left-out observations ", figure(abs(gain), se), " nats better.")


def _total(found: Mapping[str, Any]) -> Table | None:
    """The elpd of both arms; None where neither is known."""
    if all(math.isnan(value(found[key])) for key in ("elpd_loo", "elpd_plugin", "elpd_plugin_in_sample")):
        return None
    k_hat = value(found["k_hat_max"])
    refits = real(found.get("refits"))
    rows = (
        Row(
            ("posterior",),
            (
                _nats(found["elpd_loo"]),
                _se(found["elpd_loo_se"]),
                "PSIS-LOO" + ("" if math.isnan(k_hat) else f", k-hat ≤ {plain(k_hat, 2)}"),
            ),
        ),
        Row(
            ("plug-in MAP",),
            (
                _nats(found["elpd_plugin"]),
                _se(found["elpd_plugin_se"]),
                counted(int(refits), "refit") if refits > 0 else "",
            ),
        ),
        Row(("gain",), (_nats(found["elpd_diff"]), _se(found["elpd_diff_se"]), "paired")),
        Row(("plug-in, each observation seen",), (_nats(found["elpd_plugin_in_sample"]), NONE, "not compared")),
    )
    header = (*columns("elpd", "nats", "SE over observations"), *columns("how"))
    return Table("Expected log predictive density", header, rows)


def _se(of: Mapping[str, Any]) -> str:
    return decimals(value(of), 2)


def _nats(of: Mapping[str, Any]) -> Cell:
    """A sum of log densities; one that rests on no draws has no error, and two decimals."""
    return shown(of) if math.isfinite(error(of)) else decimals(value(of), 2)


def _coverage(found: Mapping[str, Any]) -> list[Part]:
    if all(math.isnan(value(one[key])) for one in found["coverage"] for key in ("posterior", "plugin")):
        return []
    rows = tuple(
        Row(
            (f"{plain(100 * one['level'], 3)}{NO_BREAK}%",),
            tuple(shown(one[key], share=True) for key in ("posterior", "plugin", "difference")),
        )
        for one in found["coverage"]
    )
    header = columns("predictive interval", "posterior covers, %", "plug-in covers, %", "difference, points")
    return [Table("Coverage", header, rows)]


def _notes(found: Mapping[str, Any]) -> str:
    """Why a figure is missing, and what is to be known of the others."""
    said = []
    for key, what in (("elpd_diff", "elpd"), ("variance_discarded", "variance"), ("coverage_difference", "coverage")):
        if math.isnan(value(found[key])) and why(found[key]):
            said.append((what, why(found[key])))
    reasons = {reason: [what for what, other in said if other == reason] for _, reason in said}
    text = [f"{plain_text(listed(w))} not computed: {reason}." for reason, w in reasons.items()]
    if found["k_hat_bad"]:
        n = counted(found["k_hat_bad"], "observation")
        text.append(f"{n} cannot be left out by reweighting the draws (their Pareto k-hat is too high).")
    return " ".join(f"{one[0].upper()}{one[1:]}" if not one.startswith("elpd") else one for one in text)


def _by_term(terms: Mapping[str, Any]) -> list[Part]:
    if len(terms) < 2:
        return []
    rows = tuple(
        Row(
            (name(term),),
            (
                *(_nats(one[key]) for key in ("elpd_loo", "elpd_plugin", "elpd_diff")),
                shown(one["variance_discarded"], share=True),
            ),
        )
        for term, one in terms.items()
    )
    header = columns("likelihood", "elpd, posterior", "elpd, plug-in", "gain", "variance left out, %")
    return [Heading(("By likelihood",)), Table("Prediction by likelihood", header, rows)]


def _entries(values: np.ndarray, i: int, n: int) -> str:
    """Of the i-th of n observations its value, or the first few where it is a vector."""
    own = values.reshape(n, -1)[i]
    told = ", ".join(plain(float(x), 3) for x in own[:ENTRIES])
    return told if len(own) <= ENTRIES else f"{told}, …"


def _observations(comparison: Comparison, term: str, arrays: Mapping[str, np.ndarray]) -> list[Part]:
    """The observations that the two arms predict most differently."""
    gain = gains_of(arrays)
    if gain is None:
        return []
    size = np.where(np.isfinite(gain), np.abs(gain), -1.0)
    order = np.argsort(-size, kind="stable")[:ROWS]
    names = labels(comparison, term, len(gain))
    keys = ("observed", "mean", "plugin_mean", "elpd_loo", "elpd_plugin", "k_hat")
    rows = tuple(
        Row((names[i],), tuple(_entries(arrays[key], i, len(gain)) if key in arrays else NONE for key in keys))
        for i in order
    )
    header = columns(
        "observation", "observed", "posterior mean", "plug-in mean", "elpd, posterior", "elpd, plug-in", "k-hat"
    )
    inner: list[Part] = [Table(f"Observations of {name(term)}", header, rows)]
    left = len(gain) - len(rows)
    if left > 0:
        said = f"The {len(rows)} that the two predict most differently; --json and --save hold {count(left)} more."
        inner.append(Prose((said,), small=True))
    return [Details((name(term), ", by observation"), tuple(inner))]
