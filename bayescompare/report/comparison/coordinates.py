"""The section on coordinates: which mode is which, how the shifts add up, and the path from MLE to MAP."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import MINUS, count, counted, plain
from ...metrics.thresholds import MOVED
from ...reasons import Reason
from ..figures import Axis, Mark, Plot, Series, Strip
from ..parts import Cell, Details, Heading, Part, Prose, Row, Section, Strips, Table
from ..words import Words, visible
from .phrases import columns, real, spread, with_figures
from .scalars import NAN, Scalar, Scalars

if TYPE_CHECKING:
    from ...results.comparison import Comparison

#: Scalars in a table, lines in the figure of the path, powers of the prior in its table, sd that its axis may span.
ROWS, LINES, POWERS, FAR = 9, 6, (0.0, 0.25, 0.5, 0.75, 1.0), 12.0

SHIFTED = "Shifts, in posterior sd"
POINTS = ("mle", "map", "map_unconstrained", "laplace_mean", "mean")
SHIFTS = ("shift_coordinates", "shift_coordinates_predicted", "shift_pushforward", "shift_shape")


def coordinates(comparison: Comparison, scalars: Scalars) -> Section:
    """Build the ledger of the modes: what each is, and how the shifts from MAP to mean add up."""
    how = (
        "A mode moves with the coordinates it is looked for in; a posterior does not. The three shifts add up to the "
        "distance from the MAP to the posterior mean.",
    )
    worst = scalars.worst("shift_coordinates")
    parts: list[Part] = []
    if worst is not None:
        parts += _accounts(worst)
    parts.append(_ledger(scalars))
    mle = comparison.fits.get("mle")
    if mle is not None and str(mle.status) == "failed" and mle.reasons:
        parts.append(Prose((f"There is no MLE: {visible(mle.reasons[0].text.rstrip('.'))}.",), small=True))
    parts += _path(comparison, scalars)
    return Section(
        "coordinates",
        "Coordinates and path",
        how,
        _finding(worst, comparison.display.get("moved")),
        tuple(parts),
        link="Coordinates",
    )


def _finding(worst: Scalar | None, moved: bool | None) -> Words:
    if worst is None:
        return ("No unconstrained mode was found to set beside the MAP.",)
    if not moved:
        return ("The mode is the same on the model’s own scale and on the unconstrained scale.",)
    return (
        "On the unconstrained scale, where NUTS samples, the mode of ",
        worst.shown,
        f" moves by {plain(abs(worst['shift_coordinates']), 2)} posterior sd, from {worst.mode} to "
        f"{worst.unconstrained}; its posterior mean is {worst.mean}.",
    )


def _accounts(s: Scalar) -> list[Part]:
    """Where the shift of one scalar comes from, step by step."""
    sizes = [s["shift_coordinates"], s["shift_pushforward"], s["shift_shape"]]
    if any(math.isnan(x) for x in sizes) or max(map(abs, sizes)) < MOVED:
        return []
    steps = (
        ("coordinates: to the unconstrained scale", "lap", "map_unconstrained"),
        ("push-forward: the Gaussian’s mean, mapped back", "lap", "laplace_mean"),
        ("shape: the posterior, not a Gaussian", "post", "mean"),
    )
    at = [0.0, *np.cumsum(sizes).tolist()]
    axis = Axis(*spread([*at, 0.0]), "posterior sd from the MAP")
    rows = [Row(("the MAP",), (Strip(f"MAP {s.mode}", axis, (Mark("tick", "map", 0.0),)), "", s.mode))]
    for i, (label, css, key) in enumerate(steps):
        mark = Mark("bar", css, at[i], at[i + 1])
        end = Mark("dot", "post", at[i + 1]) if css == "post" else Mark("diamond", "lap", at[i + 1])
        strip = Strip(f"{label}: {_signed(sizes[i])} sd", axis, (mark, end), line=0.0)
        cells: tuple[Cell, ...] = (strip, _signed(sizes[i]), s.mean if key == "mean" else plain(s[key], 4))
        rows.append(Row((label,), cells))
    total = _signed(sum(sizes))
    caption = f"The steps are exact and add up to {total} sd. Large steps that cancel do not make an error small."
    header = columns("step", "in posterior sd", "shift, sd", "reached")
    strips = Strips("Shift accounting", header, tuple(rows), (axis, None, None), (), (caption,))
    return [Heading(("Where the shift of ", s.shown, " comes from")), strips]


def _signed(x: float) -> str:
    text = plain(x, 3)
    return text if text.startswith(MINUS) or text == "0" else f"+{text}"


def _ledger(scalars: Scalars) -> Details:
    rows = scalars.by_gap("shift_coordinates")[:ROWS]
    where = tuple(Row((s.shown,), tuple(_point(s, key) for key in POINTS)) for s in rows)
    far = tuple(Row((s.shown,), (*(plain(s[key], 2) for key in SHIFTS), plain(-s["z"], 2))) for s in rows)
    modes = columns("scalar", "MLE", "MAP", "unconstrained MAP", "Laplace mean", "posterior mean")
    shifts = columns("scalar", "by coordinates", "the same, first order", "by push-forward", "by shape", "MAP to mean")
    parts: list[Part] = [
        known for known in (with_figures("Modes", modes, where), with_figures(SHIFTED, shifts, far)) if known
    ]
    if len(scalars.rows) > len(rows):
        said = f"The {len(rows)} that the coordinates move most, of {count(len(scalars.rows))}; shifts in posterior sd."
        parts.append(Prose((said,), small=True))
    return Details(("Every mode, and every shift, as tables",), tuple(parts))


def _point(s: Scalar, key: str) -> str:
    return {"map": s.mode, "mean": s.mean}.get(key) or plain(s[key], 4)


# -- the path --------------------------------------------------------------------------------------


def _path(comparison: Comparison, scalars: Scalars) -> list[Part]:
    """Where the mode goes as the prior is turned on, of the scalars that it moves most."""
    path = comparison.path
    if not path:
        return []
    powers = [real(x) for x in path["powers"]]
    values = np.array([[real(x) for x in row] for row in path["values"]], dtype=float).reshape(len(powers), -1)
    place = {n: j for j, n in enumerate(path["names"])}
    known = [s for s in scalars.rows if s.name in place and s["sd"] > 0]
    known = [s for s in known if np.isfinite(values[:, place[s.name]]).sum() > 1]
    if not known:
        return []
    known.sort(key=lambda s: -float(np.ptp(values[:, place[s.name]][np.isfinite(values[:, place[s.name]])]) / s["sd"]))
    paths = {s.name: (values[:, place[s.name]] - s["mean"]) / s["sd"] for s in known}
    near = [s for s in known if np.nanmin(np.abs(paths[s.name])) <= FAR]
    drawn = _different([s for s in near or known if _moves(paths[s.name])], paths)[:LINES]
    if not drawn:
        said = "Turning the prior on moves no mode by more than the width of a line."
        return [Prose((said,), small=True)]
    lines = [
        Series("line", "map path", tuple(powers), tuple(map(float, paths[s.name])), label=str(s.shown)) for s in drawn
    ]
    least = scalars.margins["location"]  # a smaller move than this is to look small
    lower, upper = spread([y for line in lines for y in line.y] + [0.0])
    mean = Series("line", "post", (min(powers), max(powers)), (0.0, 0.0), label="posterior mean")
    caption = (
        "The mode of each scalar, as a distance from its posterior mean. At 0 the prior has no weight (MLE), at 1 its "
        f"full weight (MAP).{_gaps(path)}"
    )
    many = (
        f" {len(drawn)} of {count(len(known))} scalars, those that it moves most; of equal lines one."
        if len(known) > len(drawn)
        else ""
    )
    if near and len(near) < len(known):
        far = counted(len(known) - len(near), "scalar")
        many += f" Not drawn: {far} whose mode stays more than {plain(FAR)} sd away."
    plot = Plot(
        "The mode as the prior is turned on",
        "; ".join(
            f"{s.shown}: {_end(line.y, 0)} to {_end(line.y, -1)} sd" for s, line in zip(drawn, lines, strict=True)
        )
        + ".",
        Axis(0.0, 1.0, "power of the prior"),
        Axis(max(min(lower, -least), -FAR), min(max(upper, least), FAR), "posterior sd from the posterior mean"),
        (mean, *lines),
        (caption + many,),
        ends=True,
        height=280,
    )
    return [
        Heading(("From MLE to MAP: the mode as the prior is turned on",)),
        plot,
        _path_table(powers, values, place, drawn),
    ]


def _moves(path: np.ndarray) -> bool:
    finite = path[np.isfinite(path)]
    return bool(finite.size > 1 and np.ptp(finite) > 2 * MOVED)


def _different(rows: list[Scalar], paths: Mapping[str, np.ndarray]) -> list[Scalar]:
    """The first of each set of scalars whose lines are the same to the eye."""
    kept: list[Scalar] = []
    for s in rows:
        if not any(np.allclose(paths[s.name], paths[k.name], atol=4 * MOVED, equal_nan=True) for k in kept):
            kept.append(s)
    return kept


def _end(y: tuple[float, ...], which: int) -> str:
    finite = [x for x in y if math.isfinite(x)]
    return plain(finite[which], 2) if finite else plain(NAN)


def _gaps(path: Mapping[str, Any]) -> str:
    """Where there is no mode on the way, and why."""
    reasons = [
        (real(p), Reason.from_json(reason).text)
        for p, reason in zip(path["powers"], path.get("reasons", ()), strict=False)
        if reason
    ]
    if not reasons:
        return ""
    where = (
        f"At {plain(reasons[0][0], 2)}" if len(reasons) == 1 else f"At {len(reasons)} of {len(path['powers'])} powers"
    )
    return f" {where} there is no mode: {visible(reasons[0][1].rstrip('.'))}."


def _path_table(powers: list[float], values: np.ndarray, place: Mapping[str, int], drawn: list[Scalar]) -> Details:
    chosen = [min(range(len(powers)), key=lambda i: abs(powers[i] - p)) for p in POWERS]
    rows = tuple(Row((s.shown,), (*(plain(float(values[i, place[s.name]]), 4) for i in chosen), s.mean)) for s in drawn)
    header = columns("scalar", *(f"power {plain(p)}" if p else "MLE" for p in POWERS), "posterior mean")
    return Details(("The path as a table",), (Table("Path from MLE to MAP", header, rows),))
