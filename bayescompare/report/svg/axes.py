"""Strips in tables and plots with two axes, in the grammar of :mod:`bayescompare.report.svg.primitives`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from ...formatting import ticks
from ..figures import Axis, Mark, Plot, Series, Strip
from .primitives import Scale, axis_marks, nested, off_axis, pct, placed, px, segment, svg

type Up = Callable[[float], float]

BASE, TOP = 40, 22
"""Room under a plot for its axis, and above it for a label, in px."""

HALF_LABEL = 8
STEP = 2 * HALF_LABEL
"""Labels beside lines stand at least so far apart, in px."""

NAME = 17
"""Letters of a line's name that there is room for beside it."""


SHAPES = {
    "post": '<circle class="pd" r="3.4"/>',
    "map": '<path class="mf" d="M-4.4 -3.4L4.4 -3.4L0 4Z"/>',
    "lap": '<path class="lf" d="M0 -4L4 0L0 4L-4 0Z"/>',
    "mle": '<path class="ef" d="M-3 -3H3V3H-3Z"/>',
    "mar": '<path class="rf" d="M0 -4.4L4.4 3.6L-4.4 3.6Z"/>',
    "mam": '<path class="xf" d="M-3.4 -3.4H3.4V3.4H-3.4Z"/>',
    "pth": '<path class="pc" d="M-3.6 -3.6L3.6 3.6M3.6 -3.6L-3.6 3.6"/>',
    "adv": '<circle class="vf" r="3.8"/>',
    "fra": '<path class="vc" d="M-4.6 0H4.6M0 -4.6V4.6"/>',
    "same": '<circle class="vs" r="3.4"/>',
    "differs": '<path class="vd" d="M0 -4.4L4.4 0L0 4.4L-4.4 0Z"/>',
    "undecided": '<circle class="vu" r="3"/>',
}
"""The mark of an estimand, or of a state, around (0, 0)."""

FILLS = {
    "post": "pd",
    "map": "mf",
    "lap": "la",
    "mar": "ra",
    "mam": "ra",
    "mle": "ef",
    "pth": "pa",
    "adv": "va",
    "fra": "va",
    "same": "vs",
    "differs": "vd",
    "undecided": "vs",
}
"""The class of a filled mark in an estimand's colour."""


def strip(part: Strip) -> Markup:
    """One strip."""
    scale = Scale(part.axis.lower, part.axis.upper)
    parts = []
    if scale.holds(part.line):
        parts.append(segment("gr", scale(part.line), scale(part.line), 0, part.height))
    for mark in part.marks:
        parts += _mark(scale, mark)
    return svg(part.height, part.title, parts)


def strip_axis(axis: Axis) -> Markup:
    """The axis under a column of strips."""
    scale = Scale(axis.lower, axis.upper)
    parts = axis_marks(scale, 2, axis.marks or ticks(axis.lower, axis.upper, 6))
    parts.append(f'<text class="c" x="50%" y="36">{escape(axis.label)}</text>')
    return svg(40, f"Axis: {axis.label}", parts)


def _mark(scale: Scale, mark: Mark) -> list[str]:
    if math.isnan(mark.start):
        return []
    if mark.kind in ("thin", "thick", "bar"):
        return _stretch(scale, mark)
    if not scale.holds(mark.start):
        return [off_axis(scale, mark.start, mark.y, FILLS.get(mark.css, "pd"))]
    drawn = {
        "dot": f'<circle class="{"od" if mark.css == "obs" else "pd"}" r="{3.2 if mark.css == "obs" else 4}"/>',
        "tick": '<path class="map" d="M0 -7V7"/><path class="mf" d="M-4 -9L4 -9L0 -2Z"/>',
        "diamond": '<path class="lf" d="M0 -4L4 0L0 4L-4 0Z"/>',
        "own": SHAPES.get(mark.css, SHAPES["post"]),
    }[mark.kind]
    return [placed(scale(mark.start), mark.y, drawn)]


def _stretch(scale: Scale, mark: Mark) -> list[str]:
    lower, upper = sorted((mark.start, mark.end))
    if math.isnan(mark.end):
        return []
    left, right = scale.clipped(lower), scale.clipped(upper)
    if mark.kind == "bar":
        width = pct(max(right - left, 0.15))
        return [f'<rect class="bar {mark.css}" x="{pct(left)}" width="{width}" y="{mark.y - 5}" height="10"/>']
    css = f"{mark.css} th" if mark.kind == "thick" else f"{mark.css} tn"
    parts = [segment(css, left, right, mark.y, mark.y)] if upper >= scale.lower and lower <= scale.upper else []
    if mark.kind == "thin":
        head = FILLS.get(mark.css, "pd")
        parts += [off_axis(scale, end, mark.y, head) for end in (lower, upper) if not scale.holds(end)]
    return parts


def plot(part: Plot) -> Markup:
    """A figure with two axes."""
    base = part.height - BASE
    x, y = Scale(part.x.lower, part.x.upper), Scale(part.y.lower, part.y.upper)

    def up(value: float) -> float:
        return base - (base - TOP) * y(value) / 100

    parts: list[str] = []
    if part.read:
        for value, label in part.y.marks or ticks(part.y.lower, part.y.upper, 5):
            parts.append(segment("gr", 0, 100, up(value), up(value)))
            parts.append(f'<text class="e" x="0" dx="-8" y="{px(up(value) + 4)}">{escape(label)}</text>')
    if part.y.label:
        parts.append(f'<text x="0" dx="{-44 if part.read else 0}" y="12">{escape(part.y.label)}</text>')
    for series in part.series:
        parts += _series(series, x, y, up, part.height)
    parts += _labels(part, x, y, up)
    if part.off is not None:
        side, text, css = part.off
        right = side == "right"
        head = off_axis(x, part.x.upper + 1 if right else part.x.lower - 1, base - 60, "mf" if css == "m" else "la")
        place = f'x="{100 if right else 0}%" dx="{-14 if right else 14}" y="{base - 56}"'
        parts.append(f'{head}<text class="{css} b halo{" e" if right else ""}" {place}>{escape(text)}</text>')
    parts += axis_marks(x, base, part.x.marks or ticks(part.x.lower, part.x.upper, 9))
    parts.append(f'<text class="c" x="50%" y="{part.height - 4}">{escape(part.x.label)}</text>')
    return svg(part.height, part.title, parts, part.description)


def _series(s: Series, x: Scale, y: Scale, up: Up, height: int) -> list[str]:
    if s.kind == "bars":
        return _bars(s, x, up)
    if s.kind == "marks":
        return _own_marks(s, x, y, up)
    if s.kind == "triangle":
        places = [(a, up(min(max(b, y.lower), y.upper))) for a, b in zip(s.x, s.y, strict=True)]
        return [_triangle(x, a, at, "mf" if s.css == "map" else "la") for a, at in places]
    if s.kind in ("dots", "points"):  # lines of no length, with round ends: one element for all
        inside = [(a, b) for a, b in zip(s.x, s.y, strict=True) if x.holds(a) and y.holds(b)]
        drawn = "".join(f"M{10 * x(a):.0f} {px(up(b))}h0" for a, b in inside)
        css = f"ln pts {s.css}" if s.kind == "points" else f"ln {s.css}"
        return [nested(f'<path class="{css}" d="{drawn}"/>', height)] if drawn else []
    if s.kind == "diamond":
        inside = [(a, b) for a, b in zip(s.x, s.y, strict=True) if x.holds(a) and y.holds(b)]
        return [placed(x(a), up(b), '<path class="lf" d="M0 -5L5 0L0 5L-5 0Z"/>') for a, b in inside]
    if s.kind == "contour":  # cut off where the axes end
        tall = height - BASE - TOP
        drawn = f'<path class="ln {s.css}" d="{_path(list(zip(s.x, s.y, strict=True)), x, up)}"/>'
        size = f'viewBox="0 {TOP} 1000 {tall}" y="{TOP}" width="100%" height="{tall}"'
        return [f'<svg {size} preserveAspectRatio="none">{drawn}</svg>']
    pieces = _pieces(s)
    if s.kind == "area":
        drawn = "".join(
            _path([(a, b) for a, b, _ in piece], x, up)
            + "L"
            + _path([(a, c) for a, _, c in piece[::-1]], x, up)[1:]
            + "Z"
            for piece in pieces
        )
        return [nested(f'<path class="{s.css}" d="{drawn}"/>', height)] if drawn else []
    drawn = "".join(_path([(a, b) for a, b, _ in piece], x, up) for piece in pieces if len(piece) > 1)
    return [nested(f'<path class="ln {s.css}" d="{drawn}"/>', height)] if drawn else []


def _own_marks(s: Series, x: Scale, y: Scale, up: Up) -> list[str]:
    parts = []
    for a, b in zip(s.x, s.y, strict=True):
        if not x.holds(a) or math.isnan(b):
            continue
        if y.holds(b):
            parts.append(placed(x(a), up(b), SHAPES[s.css]))
        else:
            way = "M0 -5L4.5 3L-4.5 3Z" if b > y.upper else "M0 5L4.5 -3L-4.5 -3Z"
            edge = up(y.upper) if b > y.upper else up(y.lower)
            parts.append(placed(x(a), edge, f'<path class="{FILLS[s.css]}" d="{way}"/>'))
    return parts


def _triangle(x: Scale, a: float, at: float, css: str) -> str:
    """A mode of two coordinates; where it lies off the axis it points there, from inside: outside are the labels."""
    if x.holds(a):
        return placed(x(a), at, f'<path class="{css}" d="M-5 -5L5 -5L0 4Z"/>')
    tip = "M0 0L-9 -5L-9 5Z" if a > x.upper else "M0 0L9 -5L9 5Z"
    return placed(x.clipped(a), at, f'<path class="{css}" d="{tip}"/>')


def _pieces(s: Series) -> list[list[tuple[float, float, float]]]:
    """The runs of finite points."""
    pieces: list[list[tuple[float, float, float]]] = [[]]
    for a, b, c in zip(s.x, s.y, s.base or s.y, strict=True):
        if math.isfinite(a + b + c):
            pieces[-1].append((a, b, c))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _path(points: list[tuple[float, float]], x: Scale, up: Up) -> str:
    return "M" + "L".join(f"{10 * x(a):.0f} {px(max(-2000.0, min(2000.0, up(b))))}" for a, b in points)


def _bars(s: Series, x: Scale, up: Up) -> list[str]:
    parts, css = [], "bar obs" if s.css == "seen" else "bar"
    for i, (tall, foot) in enumerate(zip(s.y, s.base or (0.0,) * len(s.y), strict=True)):
        left, right = x.clipped(s.x[i]), x.clipped(s.x[i + 1])
        if tall > foot and right > left:
            y = up(tall)
            parts.append(
                f'<rect class="{css}" x="{pct(left + 0.06 * (right - left))}" width="{pct(0.88 * (right - left))}" '
                f'y="{px(y)}" height="{px(up(foot) - y)}"/>'
            )
    return parts


def _labels(part: Plot, x: Scale, y: Scale, up: Up) -> list[str]:
    """Names of curves: where they are put, or beside the last point, apart from each other."""
    colour = {"post": "p", "map": "m", "lap": "l", "prior": "", "ref": "k"}
    parts, beside = [], []
    for s in part.series:
        css = colour.get(s.css.split(" ")[0], "k")
        if s.label and s.at is not None:
            place = f'x="{pct(x.clipped(s.at[0]))}" dx="6" y="{px(up(s.at[1]) - 6)}"'
            parts.append(f'<text class="{css} halo" {place}>{escape(s.label)}</text>')
        elif s.label:
            last = [b for b in s.y if math.isfinite(b)]
            if last:
                beside.append((up(min(max(last[-1], y.lower), y.upper)), s.label, css))
    beside.sort()
    for (height, label, css), at in zip(
        beside, _apart([h for h, _, _ in beside], part.height - BASE - HALF_LABEL), strict=True
    ):
        parts.append(placed(100, 0, f'<path class="ld" d="M1 {px(height)}L8 {px(at)}"/>'))
        parts.append(f'<text class="{css}" x="100%" dx="12" y="{px(at + 4)}">{escape(_shortened(label))}</text>')
    return parts


def _apart(wanted: Sequence[float], lowest: float) -> list[float]:
    """Heights in ascending order as near to those wanted as labels that do not touch can be."""
    groups: list[tuple[float, int]] = []  # the middle and the size of each run of labels that touch
    for height in wanted:
        middle, size = height, 1
        while groups and middle - (size - 1) * HALF_LABEL - (groups[-1][0] + (groups[-1][1] - 1) * HALF_LABEL) < STEP:
            before, many = groups.pop()
            middle, size = (middle * size + before * many) / (size + many), size + many
        half = (size - 1) * HALF_LABEL
        groups.append((max(min(middle, lowest - half), TOP + half), size))
    return [middle + (2 * i - size + 1) * HALF_LABEL for middle, size in groups for i in range(size)]


def _shortened(label: str) -> str:
    """A long name without its middle: what tells two coordinates apart is often at the end."""
    if len(label) <= NAME:
        return label
    return f"{label[: NAME - 1 - NAME // 2]}…{label[-(NAME // 2) :]}"
