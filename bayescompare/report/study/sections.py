"""The sections of a study's report that show its measures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...formatting import NO_BREAK, NONE, counted, figure, fixed, plain
from ...metrics.thresholds import RANKS_LEVEL
from ..parts import Cell, Column, Details, Heading, Part, Prose, Row, Section, Strips, Table
from ..words import Words, listed, name, visible
from . import calibration as study_kinds
from . import curves as f
from . import findings as w
from . import methods_prose as study_prose
from .rows import ALL, Focus, Rows, Study, of, value_text

#: Rows of the table of every figure, and of the table of fits.
ROWS, FITS = 32, 24


def coverage(rows: Rows, chosen: list[f.Pair]) -> Section | None:
    """Build the section on how often intervals hold the truth."""
    if not rows.level:
        return None
    measure, level = f"coverage_{rows.level}", float(rows.level) / 100
    drawn = f.Drawn(
        measure,
        f"Coverage of the {rows.level}{NO_BREAK}% interval",
        f"Share of data sets, in per cent, whose central {rows.level}{NO_BREAK}% interval holds the truth. Dashed: "
        "what it claims.",
        line=level,
        shared=True,
    )
    width = _beside(
        rows,
        f.Drawn(
            f"width_{rows.level}",
            f"Mean width of the {rows.level}{NO_BREAK}% interval",
            "On a logarithmic axis. Narrow is good where coverage holds.",
            log=True,
        ),
    )
    parts = parts_of(f.figure(rows, drawn, chosen), study_kinds.nominal(rows), f.figure(rows, width, chosen))
    parts += _others(rows, chosen)
    how = (
        "An interval is honest where its line lies on the dashed one: below, it misses more often than it says.",
        "Bands are Wilson’s 95 % intervals of shares, else ± 2 Monte-Carlo errors; a fit that failed is in none.",
    )
    return Section("coverage", "Coverage", how, _coverage_said(rows, level), tuple(parts)) if parts else None


def _beside(rows: Rows, drawn: f.Drawn, over: str = "") -> f.Drawn:
    """A measure in the parameter's unit, as a ratio to a measure of NUTS (by default the same) where NUTS was run."""
    if "nuts" not in rows.methods:
        return replace(drawn, caption=f"{drawn.caption} In each parameter’s own unit.")
    same = not over
    what = "that" if same else f"the {w.label(over)}"
    called = f"{w.label(drawn.measure)} over {what} of NUTS"
    methods = tuple(m for m in rows.methods if m != "nuts") if same else drawn.methods
    heading = f"{drawn.heading}, over {what} of NUTS"
    line = 1.0 if same else drawn.line
    return replace(
        drawn, heading=heading, over=over or drawn.measure, called=called, methods=methods, line=line, shared=True
    )


def _coverage_said(rows: Rows, level: float) -> Words:
    """In how many of the grid's figures each method's coverage is short by more than two errors."""
    short = []
    for m in rows.methods:
        found = [rows.get(c, m, p, f"coverage_{rows.level}") for c in rows.cells for p in rows.at(c)]
        found = [v for v in found if v.known]
        below = sum(v.value + 2 * v.error < level for v in found)
        if found:
            short.append(f"{w.method(m)} in {below:,} of {len(found):,}")
    return ("Coverage is short by more than two errors: ", *listed(short), ".") if short else ()


def error(rows: Rows, chosen: list[f.Pair]) -> Section | None:
    """Build the section on how far estimates are from the truth."""
    bias = _beside(rows, f.Drawn("bias", "Bias", "Mean of estimate minus truth.", line=0.0), "rmse")
    rmse = _beside(rows, f.Drawn("rmse", "RMSE", "Root mean squared error, on a logarithmic axis.", log=True))
    parts = parts_of(*(f.figure(rows, drawn, chosen) for drawn in (bias, rmse)))
    how = ("The point estimate of each method against the truth that the data were simulated from.",)
    if not parts:
        return None
    return Section("error", "Error of the estimates", how, _error_said(rows), tuple(parts), link="Error")


def _error_said(rows: Rows) -> Words:
    """RMSE over that of NUTS, over the grid."""
    said: list[Any] = []
    for m in rows.methods:
        ratios = [study_kinds.accuracy(rows, c, m) for c in rows.cells]
        logs = [math.log(r.value) for r in ratios if r.known]
        if m != "nuts" and logs:
            said.append(f"{w.method(m)} {fixed(math.exp(math.fsum(logs) / len(logs)), 2)}")
    if not said:
        return ()
    return ("RMSE over that of NUTS, a geometric mean where hardly a fit failed: ", *listed(said), ".")


def posterior(rows: Rows, chosen: list[f.Pair]) -> Section | None:
    """Build the section on how far each method is from NUTS on the same data."""
    cheap = tuple(m for m in rows.methods if m != "nuts")
    shift = f.Drawn(
        "shift",
        "Shift",
        "Mean of (estimate − posterior mean)/posterior sd, on the same data sets.",
        line=0.0,
        shared=True,
        methods=cheap,
    )
    ratio = f.Drawn(
        "sd_ratio",
        "sd ratio",
        "Geometric mean of the method’s sd over the posterior’s, on the same data sets; the axis is logarithmic.",
        line=1.0,
        shared=True,
        log=True,
        methods=cheap,
    )
    parts = parts_of(*(f.figure(rows, drawn, chosen) for drawn in (shift, ratio)))
    how = ("Each method against NUTS on the same data: where the point lies, and how wide its distribution is.",)
    if not parts:
        return None
    said = _posterior_said(rows, cheap)
    return Section("posterior", "Against the posterior", how, said, tuple(parts), link="Posterior")


def _posterior_said(rows: Rows, cheap: tuple[str, ...]) -> Words:
    """The largest shift and the sd ratio farthest from 1, by methods that have both."""
    found = [
        (abs(v.value), m, p, c, v)
        for c in rows.cells
        for p in rows.at(c)
        for m in cheap
        if (v := rows.get(c, m, p, "shift")).known
    ]
    if not found:
        return ()
    _, m, p, c, v = max(found, key=lambda entry: entry[0])
    varied = {one.name for one in rows.varied}
    where = w.at({k: value for k, value in c.items() if k in varied})
    at: Words = (" ", *where) if where else ()
    return (
        "The largest mean shift is ",
        w.written("shift", v),
        " posterior sd: ",
        name(p),
        f" by {w.method(m)}",
        *at,
        ".",
    )


def verdicts(rows: Rows, focus: Focus) -> Section | None:
    """Build the section on where the comparison's verdict flips."""
    cheap = [
        m for m in rows.methods if m != "nuts" and any(rows.get(c, m, ALL, "location_same").known for c in rows.cells)
    ]
    if not cheap:
        return None
    ordered = sorted(cheap, key=lambda m: m != focus.method)
    table, said = _flips(rows, ordered)
    parts = [*parts_of(study_kinds.verdicts(rows, ordered)), table]
    how = (
        "The comparison’s verdict on each data set, with the method in the place of the MAP and of Laplace.",
        "A layer is the same where the gap and two of its errors are within the margin.",
    )
    return Section("verdicts", "Where the verdict flips", how, said, tuple(parts), link="Verdicts")


def _flips(rows: Rows, methods: list[str]) -> tuple[Table, Words]:
    """From where on a layer is the same in more than half of the data sets."""
    body, first = [], ()
    for m in methods:
        for facet in rows.facets:
            for layer in ("location", "spread"):
                shares = [(c, rows.get(c, m, ALL, f"{layer}_same")) for c in facet.cells]
                shares = [(c, v) for c, v in shares if v.known]
                if not shares:
                    continue
                where = _flip(rows, shares)
                ends = (w.written("location_same", shares[0][1]), w.written("location_same", shares[-1][1]))
                header: Words = (f"{layer}, {w.method(m)}", *((", ", *w.placed(facet.shared)) if facet.shared else ()))
                body.append(Row(header, (*ends, where) if rows.axis else (ends[0],)))
                if not first:
                    said: list[Any] = [
                        f"{w.method(m)} says of {layer} what NUTS says in ",
                        ends[0],
                        f"{NO_BREAK}% of data sets",
                    ]
                    if rows.axis is not None:
                        said += [
                            " at the low end of ",
                            name(rows.axis.name),
                            " and in ",
                            ends[1],
                            f"{NO_BREAK}% at the high end",
                        ]
                    first = (*said, ".")
    if rows.axis is None:
        return Table("Verdicts", columns("layer", "same, %"), tuple(body)), first
    low, high = (value_text(end(rows.axis.values)) for end in (min, max))
    axis = visible(rows.axis.name)
    texts = (f"same, % at {low}", f"same, % at {high}", f"same in most from {axis} =")
    return Table("Verdicts at the ends of the grid", columns("layer", *texts), tuple(body)), first


def _flip(rows: Rows, shares: list[Any]) -> Cell:
    """The first value of the axis from which on more than half are the same, or that it lies beyond the grid."""
    if rows.axis is None:
        return NONE
    from_here: Any = None
    for cell, share in shares:
        if 2 * share.value <= 1:
            from_here = None
        elif from_here is None:
            from_here = cell.get(rows.axis.name)
    return f"more than {value_text(max(rows.axis.values))}" if from_here is None else value_text(from_here)


def ranks(study: Study, rows: Rows) -> Section | None:
    """Build the section on simulation-based calibration."""
    found = [r for r in study.rows if r.measure == "sbc_p" and math.isfinite(r.value)]
    if not found:
        return None
    said, body = [], []
    for m in rows.methods:
        own = [r for r in found if r.method == m]
        if own:
            low = sum(r.value < RANKS_LEVEL / len(own) for r in own)
            least = min(own, key=lambda r: r.value)
            said.append(f"{w.method(m)} in {low:,} of {len(own):,}")
            where = w.placed({k: v for k, v in least.cell.items() if any(one.name == k for one in rows.varied)})
            distance = rows.get(least.cell, m, least.parameter, "sbc_distance")
            body.append(
                Row(
                    (w.method(m),),
                    (
                        f"{low:,} of {len(own):,}",
                        w.written("sbc_p", of(least)),
                        w.written("sbc_distance", distance),
                        (name(least.parameter), *((", ", *where) if where else ())),
                    ),
                )
            )
    table = Table(
        "Uniformity of ranks",
        (*columns("method", "ranks not uniform", "smallest p", "ECDF distance there"), Column(("where",))),
        tuple(body),
    )
    parts = [*parts_of(study_kinds.ecdfs(study.ecdfs, (v.name for v in rows.varied))), table]
    how = (
        "Where the truth is drawn from the prior, or from the posterior to whose data the simulated ones are added, "
        "its rank in an exact posterior is uniform (simulation-based calibration).",
        f"Each p is tested at {plain(100 * RANKS_LEVEL)} % over the number of tests of its method.",
    )
    return Section("ranks", "Calibration", how, ("Ranks are not uniform: ", *listed(said), "."), tuple(parts))


def cost(rows: Rows) -> Section | None:
    """Build the section on time and failures."""
    drawn = study_kinds.cost(rows)
    each = at_each_point(rows, "Fits at each grid point", ("failed", "suspect", "k_hat_bad", "seconds"))
    parts = [
        *parts_of(None if drawn is None else Heading(("RMSE over that of NUTS, against time",)), drawn),
        Details(("Failures and time at each grid point",), each),
    ]
    how = ("Failed: no estimate. Suspect: an estimate that its own audit doubts. Both are shares of all fits.",)
    return Section("cost", "Time and failures", how, _cost_said(rows), tuple(parts), link="Cost")


def at_each_point(rows: Rows, heading: str, measures: Sequence[str]) -> tuple[Part, ...]:
    """Measures of the fits as a whole, a row for each grid point and method."""
    varied = tuple(v.name for v in rows.varied)
    body = []
    for cell in rows.cells:
        for m in rows.methods:
            cells: list[Cell] = [_value_name(cell.get(n)) for n in varied]
            for measure in measures:
                found = rows.get(cell, m, ALL, measure)
                cells.append(w.written(measure, found) if found.known else NONE)
            body.append(Row((w.method(m),), tuple(cells)))
    header = (
        Column(("method",)),
        *(Column((name(n),), number=True) for n in varied),
        *(Column((w.label(text),), number=True) for text in measures),
    )
    table = Table(heading, header, tuple(body[:FITS]))
    if len(body) <= FITS:
        return (table,)
    return table, Prose((f"{counted(len(body) - FITS, 'more row')} in the data.",), small=True)


def _cost_said(rows: Rows) -> Words:
    """Median time of a fit, as a mean over the grid; methods that share their work, and so their time, are together."""
    times: dict[str, tuple[Any, list[str]]] = {}
    for m in rows.methods:
        seconds = rows.pooled(rows.cells, m, Focus("seconds", m))
        if seconds.known:
            number = figure(seconds.value, seconds.error)
            times.setdefault(str(number), (number, []))[1].append(w.method(m))
    if not times:
        return ()
    parts: list[Any] = ["A fit takes "]
    for i, (number, who) in enumerate(times.values()):
        together = ", together" if len(who) > 1 else ""
        parts += [" and " if i else "", number, f"{NO_BREAK}s by ", *listed(who), together]
    return (*parts, ".")


def table(rows: Rows, held: Rows, chosen: list[f.Pair]) -> Section:
    """Every figure: the main ones as a table, all of them as CSV."""
    varied = tuple(v.name for v in rows.varied)
    measures = [m for m in study_prose.order(rows) if not m.startswith(("sbc_chi2", "risk_"))]
    body = []
    lines = [(p.parameter, cell, m) for p in chosen for cell in p.facet.cells for m in rows.methods]
    for parameter, cell, m in lines[:ROWS]:
        found = [rows.get(cell, m, parameter, measure) for measure in measures]
        if any(v.known for v in found):
            cells = (
                *(_value_name(cell.get(n)) for n in varied),
                w.method(m),
                *(w.written(measure, v) if v.known else NONE for measure, v in zip(measures, found, strict=True)),
            )
            body.append(Row((name(parameter),), cells))
    header = (
        Column(("parameter",)),
        *(Column((name(n),), number=True) for n in varied),
        Column(("method",)),
        *(Column((w.label(m),), number=True) for m in measures),
    )
    parts: list[Part] = [Table("Measures by parameter", header, tuple(body), big=True)]
    if len(held.rows) < len(rows.rows):
        more = counted(len(rows.rows) - len(held.rows), "row")
        parts.append(Prose((f"{more} more are too many for a page: --summary FILE.csv holds all.",), small=True))
    if len(lines) > ROWS:
        more = counted(len(lines) - ROWS, "row")
        parts.append(Prose((f"{more} of what is less far off are in the data: Save the table as CSV.",), small=True))
    how = ("The parameter whose coverage is farthest off comes first. ± is one Monte-Carlo standard error.",)
    return Section("table", "Every figure", how, (), tuple(parts), full=True, link="All figures")


def _others(rows: Rows, chosen: list[f.Pair]) -> tuple[Part, ...]:
    most = f.STRIPS if rows.axis is None else f.PANELS
    if len(chosen) <= most:
        return ()
    left = counted(len(chosen) - most, "other")
    return (Prose((f"The {most} that are farthest off, here and below; {left} in the table.",), small=True),)


def parts_of(*found: Part | None) -> list[Part]:
    """Those that there are; strips have no heading of their own, and get one."""
    parts: list[Part] = []
    for part in found:
        if isinstance(part, Strips):
            parts.append(Heading((part.label,)))
        if part is not None:
            parts.append(part)
    return parts


def _value_name(value: Any) -> Cell:
    return NONE if value is None else name(value_text(value))


def columns(first: str, *others: str) -> tuple[Column, ...]:
    return (Column((first,)), *(Column((text,), number=True) for text in others))
