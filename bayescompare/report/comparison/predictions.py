"""The section on prediction: what a plug-in throws away, observation by observation and in all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import NO_BREAK, NONE, Number, count, counted, figure, fixed, plain
from ..parts import Axis, Cell, Details, Heading, Mark, Part, Plot, Prose, Row, Section, Series, Strip, Strips, Table
from ..words import Name, Words, name
from .phrases import BETTER, columns, error, evenly, labels, real, shown, spread, value, why

if TYPE_CHECKING:
    from ...results.comparison import Comparison

#: Observations up to which each has a line of its own, and those a table or a figure shows of more.
EACH, ROWS, DRAWN = 12, 9, 150

#: Likelihood terms that have figures, and observations from which a histogram of their PIT says something.
TERMS, FEW = 3, 40

#: Entries of an observation that is a vector, as a table shows them.
ENTRIES = 4

#: Values that an outcome has at least, for bands on it to be worth a look.
VALUES = 4

#: Days of a year, and the year from which dates are counted.
YEAR, EPOCH = 365.2425, 1970

HOW = (
    "Each observation is predicted without itself: by the posterior with PSIS-LOO, by the plug-in with the mode found "
    "again without it.",
    "Variance left out: the share of a predictive variance that comes from not knowing the parameters.",
)


def prediction(comparison: Comparison) -> Section | None:
    """Build the section on what a plug-in prediction throws away."""
    found = comparison.prediction
    if not found:
        return None
    parts: list[Part] = []
    terms = list(comparison.pointwise.items())
    for term, arrays in terms[:TERMS]:
        drawn = _figures(comparison, term, arrays)
        if len(terms) > 1 and drawn:
            parts.append(Heading((name(term),)))
        parts += drawn
    if len(terms) > TERMS:
        parts.append(Prose((f"{counted(len(terms) - TERMS, 'more likelihood')} without a figure here.",), small=True))
    parts += [Heading(("In total",)), _total(found), *_coverage(found), *_notes(found)]
    parts += _by_term(found["terms"])
    for term, arrays in terms:
        parts += _observations(comparison, term, arrays)
    return Section("prediction", "Prediction", HOW, _finding(found, comparison.display.get("elpd")), tuple(parts))


def _finding(found: Mapping[str, Any], told: str | None) -> Words:
    share = shown(found["variance_discarded"], share=True)
    gain, se = value(found["elpd_diff"]), value(found["elpd_diff_se"])
    first: Words = ()
    if isinstance(share, Number):
        first = ("Predictions from the MAP leave out ", share, f"{NO_BREAK}% of their variance")
    n = counted(int(found["observations"]), "observation")
    if math.isnan(gain + se):
        return (*first, ".") if first else ("Predictions could not be compared; the reason is below.",)
    better = BETTER.get(told or "")
    if better is None:
        second = f"no detectable gain in elpd over {n}"
        return (*first, f"; {second}.") if first else (f"The posterior has {second}.",)
    opening = (*first, "; the ") if first else ("The ",)
    return (*opening, better, " predicts left-out observations ", figure(abs(gain), se), " nats better.")


# -- figures ---------------------------------------------------------------------------------------


def _figures(comparison: Comparison, term: str, arrays: Mapping[str, np.ndarray]) -> list[Part]:
    n = len(arrays["observed"])
    parts: list[Part] = []
    few = len(np.unique(arrays["observed"])) < min(VALUES, n)
    if "q2.5" in arrays and not few:
        parts.append(_each(comparison, term, arrays) if n <= EACH else _bands(comparison, term, arrays))
    if n > EACH and "elpd_loo" in arrays and "elpd_plugin" in arrays:
        parts += _gains(comparison, term, arrays)
    calibration = comparison.display["terms"].get(term, {}).get("mean")
    if calibration is not None:
        parts.insert(0, _calibration(comparison, term, calibration))
    elif few and "pit" in arrays:
        said = " takes too few values for bands on it, or a PIT, to say anything."
        parts.append(Prose((name(term), said), small=True))
    elif "pit" in arrays:
        parts.append(_pit_dots(arrays) if n < FEW else _pit(comparison, term, arrays))
    return parts


def _each(comparison: Comparison, term: str, arrays: Mapping[str, np.ndarray]) -> Strips:
    """A line for each observation: both predictions, and what was seen."""
    bands = [arrays[key] for key in ("q2.5", "q97.5", "plugin_q2.5", "plugin_q97.5", "observed") if key in arrays]
    axis = Axis(*spread([float(x) for band in bands for x in band]), str(name(term)))
    gain = _gain(arrays)
    shares = arrays.get("variance_discarded")
    rows = []
    for i, label in enumerate(labels(comparison, term, len(arrays["observed"]))):
        at = {key: float(array[i]) for key, array in arrays.items()}
        said = f"{label}: observed {plain(at['observed'], 3)}, posterior {_ends(at, '')}"
        marks = [
            Mark("thin", "post", at["q2.5"], at["q97.5"], 7),
            Mark("thick", "post", at["q10"], at["q90"], 7),
        ]
        if "plugin_q2.5" in at:
            said += f", plug-in {_ends(at, 'plugin_')}"
            marks += [
                Mark("thin", "map", at["plugin_q2.5"], at["plugin_q97.5"], 19),
                Mark("thick", "map", at["plugin_q10"], at["plugin_q90"], 19),
            ]
        marks.append(Mark("dot", "obs", at["observed"], y=13))
        strip = Strip(said, axis, tuple(marks), 28)
        cells: list[Cell] = [strip, plain(at["observed"], 4)]
        cells += [NONE if gain is None else _fixed(float(gain[i]), 2)]
        cells += [NONE if shares is None else _fixed(100 * float(shares[i]), 1)]
        rows.append(Row((label,), tuple(cells)))
    caption = (
        "Predicted by the fit to all data; elpd gain and variance without the observation itself. elpd gain: posterior "
        "minus plug-in, in nats; above 0 favours the posterior."
    )
    header = columns("observation", "80 and 95 % predictive intervals", "observed", "elpd gain", "variance left out, %")
    return Strips(
        f"Predictive intervals of {name(term)}",
        header,
        tuple(rows),
        (axis, None, None, None),
        (("interval", "posterior"), ("plugin", "plug-in MAP"), ("observed", "observed")),
        (caption,),
    )


def _ends(at: Mapping[str, float], arm: str) -> str:
    return f"{plain(at[f'{arm}q2.5'], 3)} to {plain(at[f'{arm}q97.5'], 3)}"


def _calibration(comparison: Comparison, term: str, found: Mapping[str, Any]) -> Plot:
    """Of outcomes that are yes or no: how often what was predicted came about."""
    x = tuple(found["predicted"])
    series = [
        Series("area", "zone", x, tuple(found["high"]), tuple(found["low"])),
        Series("line", "ref", (0.0, 1.0), (0.0, 1.0)),
        Series("line", "post", x, tuple(found["observed"])),
        Series("marks", "post", x, tuple(found["observed"])),
    ]
    plugin = comparison.display["terms"][term].get("plugin_mean")
    if plugin is not None:
        series.append(Series("marks", "map", tuple(plugin["predicted"]), tuple(plugin["observed"])))
    caption: Words = (
        "Observations in bins of like predictions. Where predictions hold, the marks follow the dashed line and "
        f"95{NO_BREAK}% of them lie in the band; below it too much was predicted, above it too little.",
    )
    inside = sum(a <= y <= b for a, y, b in zip(found["low"], found["observed"], found["high"], strict=True))
    return Plot(
        f"Calibration of {name(term)}",
        f"{inside} of {len(x)} bins lie in the band.",
        Axis(0.0, 1.0, "predicted probability"),
        Axis(0.0, 1.0, "observed share"),
        tuple(series),
        caption,
        (("nuts", "posterior"), *((("map", "plug-in MAP"),) if plugin else ()), ("margin", "where predictions hold")),
    )


def _ordered(comparison: Comparison, term: str, n: int) -> tuple[np.ndarray, str] | None:
    """Where the observations stand on a dimension that is a date or a number, and its name; else None."""
    array = comparison.data.get(term)
    if array is None or array.ndim != 1 or array.size != n or array.dims[0] not in array.coords:
        return None
    values = np.asarray(array[array.dims[0]].values)
    if values.dtype.kind == "M":
        values = values.astype("datetime64[D]").astype(float) / YEAR + EPOCH
    if values.dtype.kind not in "iuf" or not (np.diff(values.astype(float)) > 0).all():
        return None
    return values.astype(float), str(name(array.dims[0]))


def _bands(comparison: Comparison, term: str, arrays: Mapping[str, np.ndarray]) -> Plot:
    """Both predictions as bands over the observations: in their own order where they have one, else by the median."""
    along = _ordered(comparison, term, len(arrays["q50"]))
    order = np.argsort(arrays["q50"], kind="stable") if along is None else np.arange(len(arrays["q50"]))
    places = evenly(len(order), DRAWN)
    kept = order[places]
    x = tuple(float(i + 1) for i in places) if along is None else tuple(map(float, along[0][places]))

    def of(key: str) -> tuple[float, ...]:
        return tuple(float(v) for v in arrays[key][kept])

    series = [
        Series("area", "pf", x, of("q97.5"), of("q2.5")),
        Series("area", "pf", x, of("q90"), of("q10")),
    ]
    if "plugin_q2.5" in arrays:
        series += [Series("line", "map tn", x, of(f"plugin_{q}")) for q in ("q2.5", "q97.5")]
    if along is not None:
        series.append(Series("line", "seen", x, of("observed")))
    series.append(Series("points", "obs", x, of("observed")))
    y = Axis(*spread([v for s in series for v in (*s.y, *s.base)]), str(name(term)))
    of_all = "" if len(kept) == len(order) else f" {count(len(kept))} of {count(len(order))}, evenly chosen."
    by = "in their own order" if along else "in the order of the posterior’s median"
    caption = (f"Observations {by}, predicted by the fit to all data.{of_all}",)
    axis = Axis(0.5, len(order) + 0.5, "observation, by predicted median")
    if along is not None:
        axis = Axis(*spread(list(x), 0.01), along[1])
    outside = comparison.display["terms"][term]["outside"]
    said = f"{outside} of {len(order)} observations lie outside of the posterior's 95 % predictive interval."
    return Plot(
        f"Predictions of {name(term)} against what was observed",
        said,
        axis,
        y,
        tuple(series),
        caption,
        (("band", "posterior, 80 and 95 %"), ("plugin_line", "plug-in MAP, 95 %"), ("observed", "observed")),
    )


def _gain(arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    if "elpd_loo" not in arrays or "elpd_plugin" not in arrays:
        return None
    gain: np.ndarray = arrays["elpd_loo"] - arrays["elpd_plugin"]
    return gain


def _gains(comparison: Comparison, term: str, arrays: Mapping[str, np.ndarray]) -> list[Part]:
    """The gain of each observation, in order; the ends are named."""
    gain = _gain(arrays)
    known = np.flatnonzero(np.isfinite(gain)) if gain is not None else np.empty(0, dtype=int)
    if gain is None or len(known) < 2:
        return []
    order = known[np.argsort(gain[known], kind="stable")]
    kept = evenly(len(order), 2 * DRAWN)
    x = tuple(float(i + 1) for i in kept)
    series = Series("points", "pd", x, tuple(float(gain[order[i]]) for i in kept))
    zero = Series("line", "ref", (0.5, len(order) + 0.5), (0.0, 0.0))
    names = labels(comparison, term, len(gain))
    low, high = order[0], order[-1]
    caption: Words = (
        "Posterior minus plug-in; above the line the posterior predicts better. Least for ",
        *_called(names[low]),
        f" ({plain(float(gain[low]), 2)}), most for ",
        *_called(names[high]),
        f" ({plain(float(gain[high]), 2)}).",
    )
    if len(order) < len(gain):
        caption = (*caption, f" Of {count(len(gain))} observations {count(len(order))} have a figure.")
    better = comparison.display["terms"][term]["better"]
    plot = Plot(
        f"elpd gain of each observation of {name(term)}",
        f"{better} of {len(known)} observations are predicted better by the posterior.",
        Axis(0.5, len(order) + 0.5, "observation, by its gain"),
        Axis(*spread([float(v) for v in gain[known]] + [0.0]), "elpd gain, nats"),
        (zero, series),
        caption,
        height=200,
    )
    return [Heading(("elpd by observation",)), plot]


def _called(label: Name) -> Words:
    """An observation in a sentence: one that has only a number is called one."""
    return ("observation ", label) if label.text.isdecimal() else (label,)


def _pit_dots(arrays: Mapping[str, np.ndarray]) -> Strips:
    """PIT of few observations: a dot each."""
    axis = Axis(0.0, 1.0, "probability predicted below what was observed")
    rows = []
    for key, label, css in (("pit", "posterior", "post"), ("plugin_pit", "plug-in MAP", "map")):
        if key not in arrays:
            continue
        values = sorted(float(x) for x in arrays[key] if math.isfinite(x))
        said = f"PIT by the {label}: {', '.join(plain(x, 2) for x in values)}"
        kind = "dot" if css == "post" else "tick"
        rows.append(Row((label,), (Strip(said, axis, tuple(Mark(kind, css, x) for x in values), 24),)))
    caption = (
        "Leave-one-out PIT. Where predictions hold, the marks spread evenly; towards both ends intervals are too "
        "narrow, towards the middle too wide. Of so few observations only gross faults show."
    )
    return Strips("PIT", columns("predicted by", "PIT of each observation"), tuple(rows), (axis,), (), (caption,))


def _pit(comparison: Comparison, term: str, arrays: Mapping[str, np.ndarray]) -> Plot:
    """PIT histograms of both arms, with the band of a uniform one."""
    found = comparison.display["terms"][term]
    of_posterior = found["pit"]
    bins, expected, half = len(of_posterior["counts"]), of_posterior["expected"], of_posterior["half"]
    edges = tuple(i / bins for i in range(bins + 1))
    band = Series("area", "zone", (0.0, 1.0), (expected + half,) * 2, (max(expected - half, 0.0),) * 2)
    series = [band, Series("bars", "post", edges, tuple(map(float, of_posterior["counts"])))]
    most = float(max(of_posterior["counts"]))
    said = [f"posterior: {', '.join(map(count, of_posterior['counts']))}"]
    if "plugin_pit" in found:
        counts = found["plugin_pit"]["counts"]
        most = max(most, *counts)
        said.append(f"plug-in: {', '.join(map(count, counts))}")
        x = tuple(e for edge in edges for e in (edge, edge))[1:-1]
        series.append(Series("line", "map tn", x, tuple(float(c) for one in counts for c in (one, one))))
    caption: Words = (
        "Leave-one-out PIT of ",
        name(term),
        f" in {bins} bins. Where predictions hold, 95{NO_BREAK}% of the counts lie in the band; high at both ends: "
        "intervals too narrow, high in the middle: too wide.",
    )
    if bool((arrays["observed"] == np.round(arrays["observed"])).all()):
        caption = (*caption, " Of whole numbers it is taken at the middle of each step, which draws it inwards.")
    return Plot(
        f"PIT histograms of {name(term)}",
        f"Counts in {bins} bins. {'; '.join(said)}.",
        Axis(0.0, 1.0, "probability predicted below what was observed"),
        Axis(0.0, 1.08 * max(most, expected + half, 1.0), "observations"),
        tuple(series),
        caption,
        (("histogram", "posterior"), ("plugin_line", "plug-in MAP"), ("margin", "where predictions hold")),
        height=200,
    )


# -- tables ----------------------------------------------------------------------------------------


def _total(found: Mapping[str, Any]) -> Table:
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
    return _fixed(value(of), 2)


def _nats(of: Mapping[str, Any]) -> Cell:
    """A sum of log densities; one that rests on no draws has no error, and two decimals."""
    return shown(of) if math.isfinite(error(of)) else _fixed(value(of), 2)


def _fixed(x: float, places: int) -> str:
    return fixed(x, places) if math.isfinite(x) else NONE


def _coverage(found: Mapping[str, Any]) -> list[Part]:
    if not found["coverage"]:
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


def _notes(found: Mapping[str, Any]) -> list[Part]:
    """Why a figure is missing, and what is to be known of the others."""
    said = []
    for key, what in (("elpd_diff", "elpd"), ("variance_discarded", "Variance"), ("coverage_difference", "Coverage")):
        if math.isnan(value(found[key])) and why(found[key]):
            said.append(f"{what}: not computed, for {why(found[key])}.")
    if found["k_hat_bad"]:
        n = counted(found["k_hat_bad"], "observation")
        said.append(f"{n} cannot be left out by reweighting the draws (their Pareto k-hat is too high).")
    return [Prose((" ".join(said),), small=True)] if said else []


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
    gain = _gain(arrays)
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
