"""The map of an atlas: every report a point, how far its MAP is off against how wrong its width is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from ...formatting import powers
from .axes import SHAPES
from .primitives import Scale, axis_marks, pct, placed, px, segment, svg

#: Height of the figure, room under it and above it, and the width that labels are placed for, in px.
HIGH, UNDER, ABOVE, WIDTH = 460, 40, 24, 1080

#: A label's height and the width of its letters, in px.
LINE, LETTER = 14, 6.6


@dataclass(frozen=True)
class Point:
    """A report on the map: what it is called, its state, and decadic logarithms of |z| and of the sd ratio."""

    label: str
    state: str
    x: float
    y: float


def atlas(points: Sequence[Point], margins: tuple[float, float]) -> Markup:
    """Draw the map; ``margins`` are those of location (posterior sd) and spread (a factor)."""
    x = Scale(*_range([p.x for p in points] + [math.log10(margins[0])]))
    y = Scale(*_range([p.y for p in points] + [math.log10(margins[1]), -math.log10(margins[1])]))
    base = HIGH - UNDER

    def up(value: float) -> float:
        return base - (base - ABOVE) * y(value) / 100

    top, bottom = up(math.log10(margins[1])), up(-math.log10(margins[1]))
    zone = f'width="{pct(x.clipped(math.log10(margins[0])))}" y="{px(top)}" height="{px(bottom - top)}"'
    parts = [f'<rect class="zone" x="0" {zone}/>']
    for value, label in powers(y.lower, y.upper, 6):
        parts.append(segment("gr", 0, 100, up(value), up(value)))
        parts.append(f'<text class="e" x="0" dx="-8" y="{px(up(value) + 4)}">{escape(label)}</text>')
    parts.append('<text x="0" dx="-44" y="12">Laplace sd over posterior sd, farthest from 1</text>')
    taken: list[tuple[float, float, float, float]] = [_box(WIDTH * x(p.x) / 100, up(p.y), 10, 10) for p in points]
    for p in points:
        mark = SHAPES.get(p.state, SHAPES["undecided"])
        parts.append(placed(x(p.x), up(p.y), f"<title>{escape(p.label)}</title>{mark}"))
    for p in points:
        parts += _label(p, x(p.x), up(p.y), taken)
    parts += axis_marks(x, base, powers(x.lower, x.upper, 8))
    parts.append(
        f'<text class="c" x="50%" y="{HIGH - 4}">largest |z|: MAP from the posterior mean, posterior sd</text>'
    )
    return svg(HIGH, "Every report by how far its MAP is off, and its width", parts, f"{len(points)} reports.")


def _range(values: Sequence[float]) -> tuple[float, float]:
    room = 0.05 * (max(values) - min(values)) or 0.5
    return min(values) - room, max(values) + room


def _box(x: float, y: float, wide: float, high: float) -> tuple[float, float, float, float]:
    return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2


def _label(p: Point, at: float, y: float, taken: list[tuple[float, float, float, float]]) -> list[str]:
    """A label at the first side where it touches nothing; none where there is no room: the title says it."""
    wide, x = LETTER * len(p.label), WIDTH * at / 100
    for css, dx, dy, middle in (
        ("", 8, 4, 8 + wide / 2),
        (" e", -8, 4, -8 - wide / 2),
        (" c", 0, -9, 0.0),
        (" c", 0, 18, 0.0),
    ):
        box = _box(x + middle, y + dy - 4, wide, LINE)
        inside = box[0] >= 0 and box[2] <= WIDTH and box[1] >= ABOVE / 2 and box[3] <= HIGH - UNDER
        if inside and not any(box[0] < c and a < box[2] and box[1] < d and b < box[3] for a, b, c, d in taken):
            taken.append(box)
            return [f'<text class="k{css} w-only" x="{pct(at)}" dx="{dx}" y="{px(y + dy)}">{escape(p.label)}</text>']
    return []
