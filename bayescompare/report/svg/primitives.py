"""Inline SVG with one grammar for all figures.

Along x everything is in per cent, along y in px, with no ``viewBox`` on the outer element, so that text and strokes
keep their size at every width. Curves, which need a path, sit in a nested element that is stretched, with strokes that
are not. A posterior is a thick bar (50 %), a thin line and a filled curve; a MAP a tick with a triangle; Laplace dashed
with an open diamond at its mode. What leaves the axis ends in an arrowhead: no axis stretches for it. Colours are
classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from ...formatting import fixed, plain, powers, ticks
from ..figures import Curve, Density, Forest, ForestRow, Ranks, Sketch
from ..parts import LayerRow

MOST_POINTS, SMALL, SKETCHED = 120, 48, 24
"""Points of a curve, of one in a small figure, and of one in a cell; more are not seen at any width."""

GAUGE = 2.5
"""The gauge runs to so many margins."""

LETTER, GAP, NARROW = 7, 12, 330
"""Width of a digit, space between labels and width of a figure on a narrow screen, in px."""

THUMBNAIL_STEP = 20
"""Height of a line of a thumbnail, in px."""


@dataclass(frozen=True)
class Scale:
    """A linear axis; positions come out in per cent."""

    lower: float
    upper: float

    def __call__(self, x: float) -> float:
        return 100.0 * (x - self.lower) / (self.upper - self.lower)

    def clipped(self, x: float) -> float:
        """The position, held to the axis."""
        return min(100.0, max(0.0, self(x)))

    def holds(self, x: float) -> bool:
        """True if a value lies on the axis."""
        return math.isfinite(x) and self.lower <= x <= self.upper


def forest_row(row: ForestRow, forest: Forest) -> Markup:
    """One strip of the forest, in posterior sd."""
    scale = Scale(-forest.reach, forest.reach)
    height = 32 if forest.laplace else 24
    parts: list[str] = []
    if forest.margin:
        left, right = scale.clipped(-forest.margin), scale.clipped(forest.margin)
        parts.append(f'<rect class="zone" x="{pct(left)}" width="{pct(right - left)}" y="0" height="{height}"/>')
    if row.note:
        parts.append(f'<text class="c" x="50%" y="16">{escape(_short(row.note))}</text>')
    parts += _span(scale, row.thin, 12, "post", "pd")
    parts += _span(scale, row.thick, 12, "post th", "pd", arrows=False)
    parts += _span(scale, row.laplace, 23, "lap", "la")
    if scale.holds(row.laplace_mode):
        parts.append(placed(scale(row.laplace_mode), 23, '<path class="lf" d="M0 -4L4 0L0 4L-4 0Z"/>'))
    if scale.holds(row.marginal):
        parts.append(placed(scale(row.marginal), 12, '<path class="xf" d="M-4 -4H4V4H-4Z"/>'))
    parts += _mode(scale, row.mode)
    return svg(height, row.title, parts)


def forest_axis(forest: Forest) -> Markup:
    """The axis under the forest."""
    scale = Scale(-forest.reach, forest.reach)
    parts = axis_marks(scale, 2, ticks(scale.lower, scale.upper, 4 if forest.grey else 7))
    parts.append('<text class="c" x="50%" y="36">posterior sd from the posterior mean</text>')
    ends = f"{plain(-math.floor(forest.reach))} to {plain(math.floor(forest.reach))}"
    return svg(40, f"Axis: posterior standard deviations from the posterior mean, {ends}", parts)


def thumbnail(forest: Forest) -> Markup:
    """A forest of a few scalars without their names, in posterior sd, on one strip."""
    scale = Scale(-forest.reach, forest.reach)
    height = THUMBNAIL_STEP * len(forest.rows)
    left, right = scale.clipped(-forest.margin), scale.clipped(forest.margin)
    parts: list[str] = []
    if not forest.grey:
        parts.append(f'<rect class="zone" x="{pct(left)}" width="{pct(right - left)}" y="0" height="{height}"/>')
    for i, row in enumerate(forest.rows):
        y = THUMBNAIL_STEP * i + 8
        parts += _span(scale, row.thin, y, "post", "pd")
        parts += _span(scale, row.thick, y, "post th", "pd", arrows=False)
        parts += _span(scale, row.laplace, y + 7, "lap", "la")
        if scale.holds(row.mode):
            parts.append(segment("map", scale(row.mode), scale(row.mode), y - 6, y + 6))
        elif math.isfinite(row.mode):
            parts.append(off_axis(scale, row.mode, y, "mf"))
    what = "Posterior intervals" if forest.grey else "MAP against posterior intervals"
    return svg(height, f"{what}, in posterior sd", parts, "; ".join(row.title for row in forest.rows) + ".")


def gauge(row: LayerRow) -> Markup:
    """Gap and error of a layer on an axis from 0 to 2.5 margins; nothing for a layer without a gap."""
    if not math.isfinite(row.gap):
        return Markup("")
    scale = Scale(0.0, GAUGE)
    parts = [
        f'<rect class="zone" x="0" width="{pct(scale(1))}" y="2" height="14"/>',
        segment("gr", 0, 100, 9, 9),
        segment("ax", scale(1), scale(1), 1, 17),
    ]
    if row.gap - 2 * row.error > GAUGE:
        parts.append(placed(100, 9, '<path class="fs" d="M0 0L-8 -4.5L-8 4.5Z"/>'))
        parts.append(segment("now dash", 78, 94, 9, 9))
    else:
        left, right = scale.clipped(row.gap - 2 * row.error), scale.clipped(row.gap + 2 * row.error)
        parts.append(segment("now", left, right, 9, 9))
        parts.append(f'<circle class="fs" cx="{pct(scale.clipped(row.gap))}" cy="9" r="3.6"/>')
    times = fixed(row.gap, 1) if row.gap < 1000 else plain(row.gap, 2)
    return svg(18, f"{row.name}: gap is {times} times its margin", parts)


def density(part: Density) -> Markup:
    """A large figure of one marginal, its curves labelled where they run."""
    drawn = part.curve
    base, top = 210, 52
    scale = _range(drawn)
    peak = _peak(drawn)
    parts = _curves(drawn, scale, base, top, peak, height=250)
    parts += _large_mode(drawn, scale, base)
    parts += _large_unconstrained(drawn, scale, base, peak)
    if scale.holds(drawn.mean):
        at = scale(drawn.mean)
        y = base - (base - top) * min(1.0, _height(drawn.x, drawn.posterior, drawn.mean) / peak)
        parts.append(segment("post", at, at, y, base))
        parts.append(placed(at, y, '<circle class="pd" r="4.5"/>'))
        parts.append(_mean_label(drawn, scale, at, y))
    for values, label, css in ((drawn.prior, "prior", "k"), (drawn.laplace, "Laplace", "l b")):
        parts += _curve_label(drawn, values, label, css, scale, base, top, peak)
    parts += axis_marks(scale, base, _ticks(drawn, scale, 9))
    logs = ", in logarithms" if drawn.log else ""
    parts.append(f'<text class="c" x="50%" y="244">{escape(str(drawn.name))}{logs}</text>')
    title = f"{drawn.title}: prior, posterior, MAP, unconstrained MAP, Laplace"
    return svg(250, title, parts, drawn.description)


def small(drawn: Curve) -> Markup:
    """A small figure of one marginal."""
    base, top = 66, 14
    scale = _range(drawn)
    parts = _curves(drawn, scale, base, top, _peak(drawn), height=86, most=SMALL)
    if scale.holds(drawn.mode):
        at = scale(drawn.mode)
        parts.append(segment("map", at, at, 8, base))
        parts.append(placed(at, 8, '<path class="mf" d="M-4.5 -4.5L4.5 -4.5L0 3.6Z"/>'))
    elif math.isfinite(drawn.mode):
        parts.append(off_axis(scale, drawn.mode, 14, "mf"))
    if scale.holds(drawn.unconstrained):
        parts.append(placed(scale(drawn.unconstrained), base, '<path class="lf" d="M0 -4L4 0L0 4L-4 0Z"/>'))
    elif math.isfinite(drawn.unconstrained):
        parts.append(off_axis(scale, drawn.unconstrained, base - 8, "la"))
    parts += axis_marks(scale, base, _ticks(drawn, scale, 5), all_narrow=True)
    return svg(86, drawn.title, parts, drawn.description)


def sketch(part: Sketch) -> Markup:
    """A density with the MAP, small enough for a cell."""
    drawn = part.curve
    scale = Scale(part.lower, part.upper) if part.upper > part.lower else Scale(0.0, 1.0)
    inside = (drawn.x >= scale.lower) & (drawn.x <= scale.upper) & np.isfinite(drawn.posterior)
    parts: list[str] = []
    if inside.sum() > 1:
        x, y = _thin(drawn.x[inside], drawn.posterior[inside], SKETCHED)
        parts.append(nested(_area(x, y, scale, 22, 3, max(float(y.max()), 1e-300)), 24))
    if scale.holds(drawn.mode):
        parts.append(segment("map s", scale(drawn.mode), scale(drawn.mode), 1, 23))
    elif math.isfinite(drawn.mode):
        parts.append(off_axis(scale, drawn.mode, 12, "mf"))
    return svg(24, f"{drawn.name}: posterior density with the MAP at {drawn.mode_text}", parts)


def ranks(part: Ranks, chain: int) -> Markup:
    """Rank histogram of one chain, with the band that counts fall in if the chains mix."""
    counts = part.counts[chain]
    bins = len(counts)
    base, height = 60.0, 64
    most = max(float(part.counts.max()), part.band[1]) or 1.0
    scale = 52.0 / most
    low, high = base - scale * max(part.band[0], 0.0), base - scale * part.band[1]
    parts = [f'<rect class="zone" x="0" width="100%" y="{px(high)}" height="{px(low - high)}"/>']
    step = 1000 / bins
    bars = "".join(
        f"M{i * step + 0.08 * step:.0f} {base:.0f}v{px(-scale * float(n))}h{0.84 * step:.0f}V{base:.0f}z"
        for i, n in enumerate(counts)
    )
    parts.append(nested(f'<path class="bar" d="{bars}"/>', height))
    parts.append(segment("ax", 0, 100, base, base))
    said = f"{bins} bins, counts {int(counts.min())} to {int(counts.max())}, {plain(part.expected, 4)} expected"
    return svg(height, f"Ranks of {part.name} in chain {chain + 1}", parts, said)


def trace(part: Ranks, chain: int) -> Markup:
    """The draws of one chain in order, on the scale of all."""
    lower, upper = float(part.traces.min()), float(part.traces.max())
    y = part.traces[chain]
    up = 58.0 - 54.0 * (y - lower) / ((upper - lower) or 1.0)
    across = np.linspace(0, 1000, len(y))
    line = "L".join(f"{a:.0f} {px(float(b))}" for a, b in zip(across, up, strict=True))
    said = f"from {plain(float(y.min()), 3)} to {plain(float(y.max()), 3)}; all chains {plain(lower, 3)} to "
    title = f"Trace of {part.name} in chain {chain + 1}"
    return svg(62, title, [nested(f'<path class="ln post thin" d="M{line}"/>', 62)], f"{said}{plain(upper, 3)}")


def svg(height: int, title: str, parts: Iterable[str], description: str = "") -> Markup:
    """A figure as wide as its place, with what it says for those who do not see it."""
    said = f"<title>{escape(title)}</title>" + (f"<desc>{escape(description)}</desc>" if description else "")
    return Markup(f'<svg class="strip" width="100%" height="{height}" role="img">{said}{"".join(parts)}</svg>')


def nested(paths: str, height: int) -> str:
    """Paths on a canvas that is stretched to the width."""
    size = f'viewBox="0 0 1000 {height}" width="100%" height="{height}"'
    return f'<svg {size} preserveAspectRatio="none">{paths}</svg>'


def pct(x: float) -> str:
    """A share of the width. Two decimals are a tenth of a px at 1,000 px."""
    return f"{x:.2f}".rstrip("0").rstrip(".") + "%"


def px(y: float) -> str:
    """A height in px."""
    return f"{y:.1f}".rstrip("0").rstrip(".")


def segment(css: str, x1: float, x2: float, y1: float, y2: float) -> str:
    """A straight line; x in per cent, y in px."""
    return f'<line class="{css}" x1="{pct(x1)}" x2="{pct(x2)}" y1="{px(y1)}" y2="{px(y2)}"/>'


def placed(x: float, y: float, mark: str) -> str:
    """A mark drawn around (0, 0), put at a place."""
    return f'<svg class="o" x="{pct(x)}" y="{px(y)}" overflow="visible">{mark}</svg>'


def off_axis(scale: Scale, x: float, y: float, css: str) -> str:
    """A triangle that points off the axis, where the mark cannot be drawn."""
    if x > scale.upper:
        return placed(100, y, f'<path class="{css}" d="M7 0L-1 -4L-1 4Z"/>')
    return placed(0, y, f'<path class="{css}" d="M-7 0L1 -4L1 4Z"/>')


def _span(scale: Scale, ends: tuple[float, float], y: float, css: str, head: str, *, arrows: bool = True) -> list[str]:
    """An interval, with an arrowhead where it leaves the axis."""
    lower, upper = ends
    if math.isnan(lower) or math.isnan(upper):
        return []
    parts = []
    if upper >= scale.lower and lower <= scale.upper:
        parts.append(segment(css, scale.clipped(lower), scale.clipped(upper), y, y))
    if arrows and lower < scale.lower:
        parts.append(off_axis(scale, lower, y, head))
    if arrows and upper > scale.upper:
        parts.append(off_axis(scale, upper, y, head))
    return parts


def _mode(scale: Scale, mode: float) -> list[str]:
    """The MAP in a strip: a tick with a triangle, or a triangle that points off the axis."""
    if math.isnan(mode):
        return []
    if not scale.holds(mode):
        return [off_axis(scale, mode, 12, "mf")]
    at = scale(mode)
    return [segment("map", at, at, 2, 22), placed(at, 4, '<path class="mf" d="M-4.5 -4L4.5 -4L0 3Z"/>')]


def axis_marks(scale: Scale, y: float, marks: Sequence[tuple[float, str]], *, all_narrow: bool = False) -> list[str]:
    """An axis with its ticks; on a narrow screen every other one keeps its label."""
    parts = [segment("ax", 0, 100, y, y)]
    crowded = len(marks) >= 8 or sum(LETTER * len(label) + GAP for _, label in marks) > NARROW
    for i, (x, label) in enumerate(marks):
        at = scale(x)
        parts.append(segment("ax", at, at, y, y + 4))
        css = "c" if all_narrow or not crowded or i % 2 == 0 else "c w-only"
        parts.append(f'<text class="{css}" x="{pct(at)}" y="{px(y + 17)}">{escape(label)}</text>')
    return parts


def _ticks(drawn: Curve, scale: Scale, most: int) -> Sequence[tuple[float, str]]:
    return (powers if drawn.log else ticks)(scale.lower, scale.upper, most)


def _range(drawn: Curve) -> Scale:
    """The axis of a marginal: the curves' own grid; it never stretches for a mode."""
    x = drawn.x[np.isfinite(drawn.x)]
    if x.size == 0 or not x.max() > x.min():
        middle = float(x[0]) if x.size else 0.0
        return Scale(middle - 1.0, middle + 1.0)
    return Scale(float(x.min()), float(x.max()))


def _peak(drawn: Curve) -> float:
    """Height that the figure's top stands for: the posterior's, or up to 2.5 times that for the others' sake."""
    top = float(np.nanmax(drawn.posterior)) if np.isfinite(drawn.posterior).any() else 0.0
    others = [float(np.nanmax(c)) for c in (drawn.laplace, drawn.prior) if np.isfinite(c).any()]
    peak = max([top, *(min(other, 2.5 * top) for other in others)])
    return peak if peak > 0 and math.isfinite(peak) else 1.0


def _curves(
    drawn: Curve, scale: Scale, base: int, top: int, peak: float, height: int, most: int = MOST_POINTS
) -> list[str]:
    """Posterior filled, prior dotted, Laplace dashed."""
    parts = []
    for values, css in ((drawn.posterior, ""), (drawn.prior, "prior"), (drawn.laplace, "lap")):
        good = np.isfinite(values) & np.isfinite(drawn.x)
        if good.sum() < 2:
            continue
        x, y = _thin(drawn.x[good], values[good], most)
        if css:
            parts.append(nested(f'<path class="ln {css}" d="{_path(x, y, scale, base, top, peak)}"/>', height))
        else:
            parts.append(nested(_area(x, y, scale, base, top, peak), height))
    return parts


def _area(x: np.ndarray, y: np.ndarray, scale: Scale, base: int, top: int, peak: float) -> str:
    # Open at its foot: what fills it closes there, and no line is drawn along the axis.
    left, right = round(10 * scale.clipped(float(x[0]))), round(10 * scale.clipped(float(x[-1])))
    line = _path(x, y, scale, base, top, peak)
    return f'<path class="filled" d="M{left} {base}L{line[1:]}L{right} {base}"/>'


def _path(x: np.ndarray, y: np.ndarray, scale: Scale, base: int, top: int, peak: float) -> str:
    across = 10 * np.asarray([scale.clipped(float(v)) for v in x])
    # What is higher than the figure leaves through its top: the nested element cuts it off, nothing bends it flat.
    up = base - (base - top) * np.minimum(y / peak, 3.0)
    return "M" + "L".join(f"{a:.0f} {px(float(b))}" for a, b in zip(across, up, strict=True))


def _thin(x: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """As many points as are seen, the peak among them."""
    if len(x) <= most:
        return x, y
    chosen = np.unique(np.append(np.linspace(0, len(x) - 1, most).astype(int), int(np.argmax(y))))
    return x[chosen], y[chosen]


def _height(x: np.ndarray, y: np.ndarray, at: float) -> float:
    good = np.isfinite(x) & np.isfinite(y)
    return float(np.interp(at, x[good], y[good])) if good.any() else 0.0


def _mean_label(drawn: Curve, scale: Scale, at: float, y: float) -> str:
    """The posterior's label, on the side to which its curve falls, but not off the figure."""
    step = (scale.upper - scale.lower) / 20
    left, right = (_height(drawn.x, drawn.posterior, drawn.mean + d) for d in (-step, step))
    in_the_way = scale.holds(drawn.mode) and at - 28 < scale(drawn.mode) <= at
    leftwards = at > 68 or (right > 1.1 * left and at > 32 and not in_the_way)
    side, dx = (" e", -8) if leftwards else ("", 8)
    label = f"posterior, mean {drawn.mean_text}"
    return f'<text class="p b halo{side}" x="{pct(at)}" y="{px(y - 7)}" dx="{dx}">{escape(label)}</text>'


def _large_mode(drawn: Curve, scale: Scale, base: int) -> list[str]:
    if math.isnan(drawn.mode):
        return []
    label = f"MAP {drawn.mode_text}"
    at = scale.clipped(drawn.mode)
    side, step = ("", 10) if at < 70 else (" e", -10)
    text = f'<text class="m b halo{side}" x="{pct(at)}" y="16" dx="{step}">{escape(label)}</text>'
    if not scale.holds(drawn.mode):
        return [off_axis(scale, drawn.mode, 12, "mf"), text]
    return [segment("map", at, at, 14, base), placed(at, 12, '<path class="mf" d="M-5 -5L5 -5L0 4Z"/>'), text]


def _large_unconstrained(drawn: Curve, scale: Scale, base: int, peak: float) -> list[str]:
    if math.isnan(drawn.unconstrained):
        return []
    label = f"unconstrained MAP {drawn.unconstrained_text}"
    at = scale.clipped(drawn.unconstrained)
    mode = scale.clipped(drawn.mode) if math.isfinite(drawn.mode) else -100.0
    near = abs(at - mode) < 14  # then the label stands on the side away from the MAP
    end = " e" if at >= 85 or (near and at < mode and at > 25) else (" c" if at > 15 and not near else "")
    y = base - 38
    text = f'<text class="l{end} b halo" x="{pct(at)}" y="{y - 16}">{escape(label)}</text>'
    if not scale.holds(drawn.unconstrained):
        return [off_axis(scale, drawn.unconstrained, y, "la"), text]
    return [segment("lap", at, at, y + 4, base), placed(at, y, '<path class="lf" d="M0 -6L6 0L0 6L-6 0Z"/>'), text]


def _curve_label(
    drawn: Curve, values: np.ndarray, label: str, css: str, scale: Scale, base: int, top: int, peak: float
) -> list[str]:
    """A curve's name where it stands farthest above the others and no other label is near."""
    taken = [scale(x) for x in (drawn.mean, drawn.mode, drawn.unconstrained) if scale.holds(x)]
    others = [c for c in (drawn.posterior, drawn.laplace, drawn.prior) if c is not values]
    best, place = 0.03, None
    for at in range(6, 95, 2):
        x = scale.lower + at / 100 * (scale.upper - scale.lower)
        own = min(_height(drawn.x, values, x) / peak, 1.0)
        clear = own - max(min(_height(drawn.x, c, x) / peak, 1.0) for c in others)
        near = min((abs(at - t) for t in taken), default=50.0)
        if own > 0.02 and near > 9 and clear + 0.05 > best:
            best, place = clear + 0.05, (at, own)
    if place is None:
        return []
    at, own = place
    y = base - (base - top) * own - 8
    return [f'<text class="{css} c halo" x="{pct(at)}" y="{px(y)}">{label}</text>']


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
