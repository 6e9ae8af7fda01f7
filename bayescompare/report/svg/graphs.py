"""The model as a graph: a column a plate, a row a step from what a variable is made of, an arrow from each of these."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from ..figures import Graph, Node
from .marks import SHAPES
from .primitives import px

#: Height of a node, of its row, room around a plate and below it for its name, in px.
HIGH, DOWN, ROOM, NAME = 34, 84, 10, 18

#: Width of a place, and of one where the graph would else be wider than its column, in px.
ACROSS, NARROW, COLUMN = 136, 108, 940

#: What a place is wider than its node, and a letter of a name, in px.
GAP, LETTER = 20, 7.7


def graph(part: Graph) -> Markup:
    """The whole figure, in a column's width where that can be; else its place scrolls."""
    levels = _levels(part.nodes)
    plates = _columns(part.nodes, levels)
    across = ACROSS if sum(plates.values()) * ACROSS + len(plates) * ROOM <= COLUMN else NARROW
    at, boxes, wide = _placed(part.nodes, levels, plates, across)
    high = 2 * ROOM + HIGH + NAME + DOWN * max(levels.values())
    drawn = [_plate(name, *box) for name, box in boxes.items() if name]
    for node in part.nodes:
        drawn += [_arrow(at[p], at[node.name.text], levels[node.name.text] - levels[p], across) for p in node.parents]
    drawn += [_node(node, *at[node.name.text], across - GAP) for node in part.nodes]
    said = "; ".join(f"{n.name} from {', '.join(n.parents)}" for n in part.nodes if n.parents)
    title = f"<title>The model as a graph</title><desc>{escape(said or 'no variable depends on another')}</desc>"
    return Markup(f'<svg width="{px(wide)}" height="{high}" role="img">{title}{"".join(drawn)}</svg>')


def _levels(nodes: Iterable[Node]) -> dict[str, int]:
    """How many steps a variable is from those that are made of nothing."""
    parents = {node.name.text: node.parents for node in nodes}
    found: dict[str, int] = {}
    while len(found) < len(parents):
        ready = [n for n, of in parents.items() if n not in found and all(p in found for p in of)]
        for n in ready or [n for n in parents if n not in found]:  # a cycle ends somewhere
            found[n] = 1 + max((found[p] for p in parents[n] if p in found), default=-1)
    return found


def _columns(nodes: Iterable[Node], levels: dict[str, int]) -> dict[str, int]:
    """How many places each plate is wide, in the order in which they appear; what has none stands first."""
    rows: dict[str, dict[int, int]] = {"": {}}
    for node in nodes:
        level = levels[node.name.text]
        of = rows.setdefault(node.plate, {})
        of[level] = of.get(level, 0) + 1
    return {plate: max(of.values()) for plate, of in rows.items() if of}


def _placed(
    nodes: tuple[Node, ...], levels: dict[str, int], plates: dict[str, int], across: float
) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float, float, float]], float]:
    """The middle of each node, the box of each plate (left, top, width, height), and the whole width."""
    at: dict[str, tuple[float, float]] = {}
    boxes: dict[str, tuple[float, float, float, float]] = {}
    left = ROOM / 2
    for plate, places in plates.items():
        own = [node for node in nodes if node.plate == plate]
        width = places * across
        for level in sorted({levels[n.name.text] for n in own}):
            row = [n for n in own if levels[n.name.text] == level]
            for i, node in enumerate(row):
                x = left + width / 2 + (i - (len(row) - 1) / 2) * across
                at[node.name.text] = (x, ROOM + HIGH / 2 + DOWN * level)
        heights = [at[n.name.text][1] for n in own]
        top = min(heights) - HIGH / 2 - ROOM / 2
        boxes[plate] = (left, top, width, max(heights) - min(heights) + HIGH + ROOM + NAME)
        left += width + ROOM
    return at, boxes, left


def _plate(name: str, left: float, top: float, width: float, height: float) -> str:
    box = f'x="{px(left)}" y="{px(top)}" width="{px(width)}" height="{px(height)}" rx="4"'
    foot = f'x="{px(left + width - 6)}" y="{px(top + height - 5)}"'
    return f'<rect class="plate" {box}/><text class="e" {foot}>{escape(_short(name, int(width / 7)))}</text>'


def _arrow(start: tuple[float, float], end: tuple[float, float], steps: int, across: float) -> str:
    """From the foot of one node to the head of another; past what stands between on a bow."""
    (x0, y0), (x1, y1) = (start[0], start[1] + HIGH / 2), (end[0], end[1] - HIGH / 2)
    bow = across * 0.62 if steps > 1 and abs(x1 - x0) < across - GAP else 0.0
    reach = (y1 - y0) / 2
    curve = f"M{px(x0)} {px(y0)}C{px(x0 + bow)} {px(y0 + reach)} {px(x1 + bow)} {px(y1 - reach)} {px(x1)} {px(y1)}"
    return f'<path class="arrow" d="{curve}M{px(x1 - 4)} {px(y1 - 7)}L{px(x1)} {px(y1)}L{px(x1 + 4)} {px(y1 - 7)}"/>'


def _node(node: Node, x: float, y: float, wide: float) -> str:
    """A pill for what is random, a dashed box for what follows from others, filled for what was observed."""
    left, top = x - wide / 2, y - HIGH / 2
    round_ = 3 if node.kind in ("deterministic", "potential") else HIGH / 2
    box = f'<rect class="node {node.kind}" width="{px(wide)}" height="{HIGH}" rx="{px(round_)}"/>'
    label = f'<text class="k c" x="{px(wide / 2)}" y="21">{escape(_short(node.name.text, int(wide / LETTER)))}</text>'
    mark = f'<svg x="-3" y="-4" width="14" height="14">{SHAPES[node.state]}</svg>' if node.state else ""
    css = f"o c-{node.state}" if node.state else "o"
    said = f"<title>{escape(node.name.text)}</title>"
    return f'<svg class="{css}" x="{px(left)}" y="{px(top)}" overflow="visible">{said}{box}{label}{mark}</svg>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
