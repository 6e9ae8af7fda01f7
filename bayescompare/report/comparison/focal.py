"""The focal quantities: for each the posterior's interval above, the MAP's below, in units on one axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...formatting import NO_BREAK, figure, plain, powers
from ..figures import Axis, Mark, Strip
from ..parts import Cell, Column, Focal, Row, Strips
from ..words import Words
from . import rungs
from .scalars import Scalar, Scalars, tenfold

if TYPE_CHECKING:
    from ...results.comparison import Comparison

#: Focal quantities at most.
MOST = 4

#: Of the interval's width: room beside it, and how far off a mode may lie that the axis still takes in.
ROOM, NEAR = 0.12, 0.75


def chosen(comparison: Comparison, scalars: Scalars) -> list[Scalar]:
    """The focal scalars: those named, else the quantities of the user, else those that differ most, a variable each."""
    named = comparison.settings.get("focus") or ()
    rows = [s for s in scalars.rows if math.isfinite(s["eti_lb"]) and s["eti_ub"] > s["eti_lb"]]
    asked = [s for s in rows if s.name in named or s.name.partition("[")[0] in named or s.kind == "quantity"]
    if asked:
        return asked[:MOST]
    layer = comparison.verdict.layers.get(comparison.verdict.overall.deciding or "")
    first = None if layer is None else layer.scalar
    order = sorted(scalars.by_gap("z"), key=lambda s: s.name != first)
    found: list[Scalar] = []
    for s in order:
        variable = s.name.partition("[")[0]
        differs = s.name == first or any(of.get(s.name) != "same" for of in scalars.states.values())
        if s in rows and differs and variable not in {one.name.partition("[")[0] for one in found}:
            found.append(s)
    return found[:MOST] or [s for s in order if s in rows][:2]


def bars(comparison: Comparison, scalars: Scalars, *, reproducible: bool) -> tuple[Focal, ...]:
    """A figure for each focal scalar."""
    third = rungs.cheapest(comparison, reproducible=reproducible)
    rows = chosen(comparison, scalars)
    return tuple(Focal(s.shown, _gap(s), _bars(comparison, scalars, s, third)) for s in rows)


def _bars(comparison: Comparison, scalars: Scalars, s: Scalar, third: str | None) -> Strips:
    log = scalars.logarithmic(comparison, s)
    axis = _axis(comparison, scalars, s, log=log)
    at = tenfold if log else float

    def strip(said: str, *marks: tuple[str, str, float, float]) -> Strip:
        drawn = (Mark(kind, css, at(one), at(other), 13) for kind, css, one, other in marks)
        return Strip(f"{s.shown}, {said}", axis, tuple(drawn), 26)

    posterior = f"{s.mean} ({s.eti})" if math.isfinite(s["mean"]) else s.eti
    of_posterior = strip(
        f"posterior: mean {posterior}",
        ("thin", "post", s["eti_lb"], s["eti_ub"]),
        ("thick", "post", s["eti50_lb"], s["eti50_ub"]),
        ("dot", "post", s["mean"], math.nan),
    )
    laplace = f"{plain(s['laplace_lb'], 3)} to {plain(s['laplace_ub'], 3)}"
    ends = f"({laplace})" if math.isfinite(s["laplace_lb"]) else "no interval"
    mode = s.mode if math.isfinite(s["map"]) else "none"
    of_mode = strip(
        f"MAP {mode}, Laplace {ends}",
        ("thin", "lap", s["laplace_lb"], s["laplace_ub"]),
        ("diamond", "lap", s["map_unconstrained"] if math.isfinite(s["laplace_lb"]) else math.nan, math.nan),
        ("tick", "map", s["map"], math.nan),
    )
    rows = [
        Row(("posterior",), (of_posterior, posterior)),
        Row(("MAP, Laplace",), (of_mode, f"{mode} {ends}")),
        *_third(s, third, strip),
    ]
    header = (Column(("by",)), Column((f"{scalars.percent} interval",)), Column(("estimate",), number=True))
    return Strips(f"{s.shown}: posterior and MAP", header, tuple(rows), (axis, None), (), ())


def _third(s: Scalar, method: str | None, strip: rungs.Drawer) -> list[Row]:
    """The cheapest method that is enough, where the table has its mean and interval."""
    mean, lower, upper = (s[f"marginal_{each}"] for each in ("mean", "lb", "ub"))
    if method != "marginal_laplace" or not upper > lower:
        return []
    ends = (figure(end, s[f"eti_{side}_mcse"]).alone for end, side in ((lower, "lb"), (upper, "ub")))
    said = f"{figure(mean, s['mcse_mean']).alone} ({' to '.join(ends)})"
    cells: tuple[Cell, ...] = (
        strip(f"marginal Laplace {said}", ("thin", "mar", lower, upper), ("own", "mar", mean, math.nan)),
        said,
    )
    return [Row(("marginal Laplace",), cells)]


def _gap(s: Scalar) -> str:
    z = figure(s["z"], s["z_mcse"])
    if abs(s["z"]) < s["z_mcse"]:  # no figure with an error larger than itself
        return f"z{NO_BREAK}≈{NO_BREAK}0"
    return "" if z.missing else f"z{NO_BREAK}={NO_BREAK}{z}"


def _axis(comparison: Comparison, scalars: Scalars, s: Scalar, *, log: bool) -> Axis:
    """From end to end of the posterior's interval, and on to a mode that is near; never out of the variable's range."""
    at = tenfold if log else float
    lower, upper = at(s["eti_lb"]), at(s["eti_ub"])
    width = upper - lower
    low, high = lower - ROOM * width, upper + ROOM * width
    for mode in (s["map"], s["map_unconstrained"]):
        if lower - NEAR * width <= at(mode) <= upper + NEAR * width:
            low, high = min(low, at(mode) - ROOM * width / 2), max(high, at(mode) + ROOM * width / 2)
    i = scalars.curves.get(s.name)
    begins = math.nan if i is None else float(comparison.curves.x[i][0])
    if not log and begins >= 0 and s["map"] >= 0:
        low = max(low, 0.0)
    label: Words = (s.shown, ", in logarithms" if log else "")
    return Axis(low, high, "".join(map(str, label)), tuple(powers(low, high)) if log else ())
