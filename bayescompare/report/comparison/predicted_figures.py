"""The figures of predictions, by outcome: in order, by name, calibration, counts, PIT."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import NO_BREAK, NONE, count, plain, ticks
from ..figures import Axis, Mark, Plot, Series, Strip
from ..parts import Cell, Heading, Part, Row, Strips
from ..words import Name, Words, name
from .phrases import columns, decimals, evenly, labels, spread, value

if TYPE_CHECKING:
    from ...results.comparison import Comparison

#: Observations up to which each has a line of its own, more where they have names, and those a figure shows of more.
EACH, NAMED, DRAWN = 12, 20, 150

#: Observations from which the spread of their PIT says something.
FEW = 40

#: Values that an outcome has at least, for bands on it to be worth a look.
VALUES = 4

#: The arms of a figure of PIT: key, class and label.
ARMS = (("pit", "post", "posterior"), ("plugin_pit", "map tn", "plug-in"))

#: A date as text.
ISO = re.compile(r"\d{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?")

#: What are taken for years, where they are whole numbers.
YEARS = 1000, 3000

#: Marks of an axis of dates, at least and at most.
MARKS = 3, 8


def figures(comparison: Comparison, term: str, arrays: Mapping[str, np.ndarray]) -> list[Part]:
    """The figures of one likelihood term, that which says most about its kind of outcome first."""
    n = len(arrays["observed"])
    found = comparison.display["terms"].get(term, {})
    counts = comparison.prediction["terms"].get(term, {}).get("counts")
    few = len(np.unique(arrays["observed"])) < min(VALUES, n)
    calibration = found.get("mean")
    parts: list[Part] = []
    if calibration is not None:
        parts.append(_calibration(comparison, term, calibration))
    if counts and _ordered(comparison, term, n) is None:
        parts.append(_rootogram(term, counts))
    if "q2.5" in arrays and not few:
        each = n <= (NAMED if _named(comparison, term, n) else EACH)
        parts.append(_each(comparison, term, arrays) if each else _bands(comparison, term, arrays))
    if n > EACH and "elpd_loo" in arrays and "elpd_plugin" in arrays:
        parts += _gains(comparison, term, arrays)
    if calibration is None and not few and not counts and "pit" in arrays:
        parts.append(_pit_dots(arrays) if n < FEW else _pit(comparison, term, arrays))
    return parts


def _named(comparison: Comparison, term: str, n: int) -> bool:
    """True of observations that have names of their own, not numbers alone."""
    return not any(label.text.isdecimal() for label in labels(comparison, term, n))


def _each(comparison: Comparison, term: str, arrays: Mapping[str, np.ndarray]) -> Strips:
    """A line for each observation: both predictions, and what was seen."""
    bands = [arrays[key] for key in ("q2.5", "q97.5", "plugin_q2.5", "plugin_q97.5", "observed") if key in arrays]
    axis = Axis(*spread([float(x) for band in bands for x in band]), str(name(term)))
    gain = gains_of(arrays)
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
        cells += [NONE if gain is None else decimals(float(gain[i]), 2)]
        cells += [NONE if shares is None else decimals(100 * float(shares[i]), 1)]
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


def _ordered(comparison: Comparison, term: str, n: int) -> tuple[np.ndarray, str, bool] | None:
    """Where observations stand on a dim that is a date or a number, its name, and whether it is dates; else None.

    Rows that are numbered have no order that says anything; but those of one density of all observations have.
    """
    array = comparison.data.get(term)
    if array is not None and array.ndim == 1 and array.size == n and array.dims[0] in array.coords:
        values = np.asarray(array[array.dims[0]].values)
        dates = values.dtype.kind == "M" or all(ISO.fullmatch(str(x)) for x in values)
        if dates:
            values = values.astype("datetime64[D]").astype(float)
        numbered = values.dtype.kind in "iu" and values[0] in (0, 1) and values[-1] - values[0] == n - 1
        if values.dtype.kind in "iuf" and (np.diff(values.astype(float)) > 0).all() and not numbered:
            return values.astype(float), str(name(array.dims[0])), dates
    joint = math.isnan(value(comparison.prediction["terms"].get(term, {}).get("elpd_loo")))
    return (np.arange(1.0, n + 1), "observation, in order", False) if joint else None


def _years(first: float, last: float) -> tuple[tuple[float, str], ...]:
    """Marks of whole numbers of four digits: years have no comma."""
    whole = YEARS[0] <= first < last <= YEARS[1] and last - first >= MARKS[1]
    return tuple((x, label.replace(",", "")) for x, label in ticks(first, last, 9)) if whole else ()


def date_marks(first: float, last: float) -> tuple[tuple[float, str], ...]:
    """Marks of an axis in days since 1970: years, months or days, eight at most."""
    day = np.datetime64(0, "D") + np.array([math.ceil(first), math.floor(last)])
    for unit, keep in (("Y", 4), ("M", 7), ("D", 10)):
        begin, end = day.astype(f"datetime64[{unit}]").astype(int)
        marks = np.arange(begin, end + 1).astype(f"datetime64[{unit}]")
        at = [(float(m.astype("datetime64[D]").astype(int)), str(m)[:keep]) for m in marks]
        at = [(x, label) for x, label in at if first <= x <= last]
        if len(at) >= MARKS[0]:
            return tuple(at[:: -(-len(at) // MARKS[1])])
    return tuple(at)


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
    if "elpd_loo" not in arrays and along is not None:
        said = "Replications: whole new series from the fitted model, not forecasts that know the series so far."
    else:
        said = f"Observations {by}, predicted by the fit to all data."
    caption = (f"{said} Where predictions hold, 95{NO_BREAK}% of the observations lie in the pale band.{of_all}",)
    axis = Axis(0.5, len(order) + 0.5, "observation, by predicted median")
    if along is not None:
        ends = spread(list(x), 0.01)
        axis = Axis(*ends, along[1], date_marks(*ends) if along[2] else _years(*ends))
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


def gains_of(arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    if "elpd_loo" not in arrays or "elpd_plugin" not in arrays:
        return None
    gain: np.ndarray = arrays["elpd_loo"] - arrays["elpd_plugin"]
    return gain


def _gains(comparison: Comparison, term: str, arrays: Mapping[str, np.ndarray]) -> list[Part]:
    """The gain of each observation, in order; the ends are named."""
    gain = gains_of(arrays)
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
    """By how much the shares of PIT values below each level leave those of a uniform one, for both arms."""
    found = comparison.display["terms"][term]
    known = [(key, css, label) for key, css, label in ARMS if key in found]
    half = max(found[key]["half"] for key, _, _ in known)
    at = {key: tuple(i / (len(found[key]["gap"]) - 1) for i in range(len(found[key]["gap"]))) for key, _, _ in known}
    series = [
        Series("area", "zone", (0.0, 1.0), (half, half), (-half, -half)),
        Series("line", "ref", (0.0, 1.0), (0.0, 0.0)),
        *(Series("line", css, at[key], tuple(found[key]["gap"])) for key, css, _ in known),
    ]
    said = [
        f"{label}: {plain(min(found[key]['gap']), 2)} to {plain(max(found[key]['gap']), 2)}" for key, _, label in known
    ]
    caption: Words = (
        "Leave-one-out PIT of ",
        name(term),
        f". Where predictions hold, the whole line lies in the band with probability 95{NO_BREAK}%. Above 0 on the "
        "left and below on the right: intervals too narrow; the other way round: too wide.",
    )
    reach = 1.1 * max(half, *(abs(x) for key, _, _ in known for x in found[key]["gap"]))
    return Plot(
        f"PIT of {name(term)}: cumulative shares minus a uniform’s",
        f"Between {'; '.join(said)}; the band is ± {plain(half, 2)}.",
        Axis(0.0, 1.0, "probability predicted below what was observed"),
        Axis(-reach, reach, "share below, minus uniform"),
        tuple(series),
        caption,
        (("dot", "posterior"), ("plugin_line", "plug-in MAP"), ("margin", "where predictions hold")),
        height=200,
    )


def _rootogram(term: str, found: Mapping[str, Any]) -> Plot:
    """A hanging rootogram: bars of what was observed hang from what was predicted."""
    width, first = float(found["width"]), [float(x) for x in found["from"]]
    middle = tuple(x + (width - 1) / 2 for x in first)
    edges = (*(x - 0.5 for x in first), first[-1] + width - 0.5)
    root = {key: np.sqrt(found[key]) for key in ("observed", "mean", "low", "high") if key in found}
    foot = root["mean"] - root["observed"]
    ends = [root["mean"] - root[key] for key in ("high", "low")]
    step = tuple(e for edge in edges for e in (edge, edge))[1:-1]

    def steps(values: np.ndarray) -> tuple[float, ...]:
        return tuple(float(x) for one in values for x in (one, one))

    series = [
        Series("area", "zone", step, steps(ends[1]), steps(ends[0])),
        Series("bars", "seen", edges, tuple(map(float, root["mean"])), tuple(map(float, foot))),
        Series("line", "ref", (edges[0], edges[-1]), (0.0, 0.0)),
        Series("line", "post", middle, tuple(map(float, root["mean"]))),
    ]
    if "plugin" in found:
        series.append(Series("line", "map tn", middle, tuple(map(float, np.sqrt(found["plugin"])))))
    outside = sum(not a <= n <= b for a, n, b in zip(found["low"], found["observed"], found["high"], strict=True))
    caption: Words = (
        "Bars: how often each count was observed, hung from how often it is predicted. Where predictions hold, a bar "
        f"ends in the band around 0 with probability 95{NO_BREAK}%; above it a count was seen too rarely, below it too "
        "often. The last bar holds all that is larger.",
    )
    return Plot(
        f"How often each count of {name(term)} is seen and predicted",
        f"{outside} of {len(first)} bars end outside of the band.",
        Axis(edges[0], edges[-1], str(name(term))),
        Axis(*spread([*foot.tolist(), *ends[0].tolist(), *root["mean"].tolist()]), "square root of how often"),
        tuple(series),
        caption,
        (("seen", "observed"), ("nuts", "posterior"), ("plugin_line", "plug-in MAP"), ("margin", "where they hold")),
    )
