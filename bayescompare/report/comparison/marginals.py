"""The sections that show the model, its data and the marginals."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import coordinates
from ...formatting import MINUS, NONE, counted, fixed, plain
from ..figures import Curve, Density, Graph, Multiples, Node
from ..parts import Cell, Code, Column, Details, Formulas, Part, Prose, Row, Section, Table
from ..words import Link, Name, Words, listed, name, visible
from . import overview
from .scalars import Scalar, Scalars, curve, has_curve

if TYPE_CHECKING:
    from ...results.comparison import Comparison

DATA_ROWS = 20
FORMULAS = 40
NODES = 24
JUDGED = ("same", "differs", "undecided")
FURTHER = 8
#: What a docstring marks as code or as stressed: the page has its own type.
EMPHASIS = re.compile(r"(?<![\w*`])(``|\*\*|\*)(\S(?:[^*`\n]*?\S)?)\1(?![\w*`])")
KINDS = {"free": "", "observed": "likelihood", "deterministic": "deterministic", "potential": "log-density term"}


def asked(comparison: Comparison) -> Section:
    """Build the section on the model, its code and its data."""
    model = comparison.model
    parts: list[Part] = _graph(comparison)
    if model.formulas:
        rows = tuple(_formula(*row) for row in model.formulas[:FORMULAS])
        more = len(model.formulas) - FORMULAS
        left_out = f"{counted(more, 'more variable')}; all are in the code." if more > 0 else ""
        parts.append(Formulas(rows, left_out))
    parts += _background(comparison)
    if model.code.strip():
        code = visible(model.code.strip("\n"), keep="\n\t")
        parts.append(Details(("The model as code",), (Code("Model code", code),)))
    parts += overview.findings(comparison)
    tables = _data(comparison)
    if tables:
        parts.append(Details(("The data as a table",), tables))
    return Section(
        "asked",
        "What was asked",
        ("Every method has the same model and data; they differ in the weights of prior, likelihood and Jacobian.",),
        (visible(model.question) or _question(comparison),),
        tuple(parts),
    )


def _graph(comparison: Comparison) -> list[Part]:
    """The model as a graph, where it has no more variables than can be read; marks are of the states that decide."""
    rows, states = comparison.model.graph, comparison.display.get("variables", {})
    if not 1 < len(rows) <= NODES:
        return []
    layer = comparison.verdict.layers.get("prediction")
    predicted = "" if layer is None or str(layer.state) not in JUDGED else str(layer.state)
    nodes = tuple(
        Node(
            name(label),
            kind,
            visible(plate),
            tuple(name(p).text for p in parents),
            predicted if kind == "observed" else states.get(label, ""),
        )
        for label, kind, plate, parents in rows
    )
    caption = (
        "Round: random; dashed: computed from others; grey: observed. A frame repeats what is in it. Marks: the worst "
        "state in location or spread, and of what is observed that of the prediction."
    )
    return [Graph(nodes, (caption,))]


def _background(comparison: Comparison) -> list[Part]:
    """What the model's author wrote, apart from this run: its figures are of the options and data that it names."""
    model = comparison.model
    said = [EMPHASIS.sub(r"\2", p) for p in (*model.description.split("\n\n"), model.finding) if p.strip()]
    if not said:
        return []
    note = Prose(("Written with the model, before this run; figures in it are not of this run.",), small=True)
    return [
        Details(
            ("Background, by the model’s author",), (note, *(Prose((visible(p.strip(), keep="\n"),)) for p in said))
        )
    ]


def _question(comparison: Comparison) -> str:
    """What is asked of a model whose author asks nothing."""
    model = comparison.model
    size = f"{counted(model.parameters, 'free parameter')} and {counted(model.observations, 'observation')}"
    return f"A model with {size}. How far is its MAP from its posterior?"


def marginals(comparison: Comparison, scalars: Scalars) -> Section:
    """Build the section on the marginals: the scalar that decides, large, then those most off."""
    by = _by(comparison)
    found = [(s, c) for s in figured(comparison, scalars) if (c := curve(comparison, scalars, s, by)) is not None]
    how = (
        f"Filled: posterior density{_of_draws(comparison)}. Dotted: prior. Dashed: Laplace. A mode marked on a "
        "marginal is the coordinate of the joint mode, not the marginal’s own peak.",
    )
    if not found:
        return Section("marginals", "Marginals", how, ("No marginal density could be drawn.",), ())
    scalar, first = found[0]
    parts: list[Part] = [Density(first, _caption(comparison, scalar, scalars)), _curve_table(first)]
    if len(found) > 1:
        rest = tuple(c for _, c in found[1:])
        total = len(scalars.rows) - 1
        heading = (
            "The other scalars"
            if len(rest) == total
            else f"The next {len(rest)}, by {'Laplace sd ratio' if by == 'sd_ratio' else 'size of z'}"
        )
        caption: Words = ("Each on its own axis, in its own unit. The numbers are in ", Link("the table", "table"), ".")
        parts.append(Multiples(heading, rest, _key(rest), caption))
    return Section("marginals", "Marginals", how, _range(scalar, scalars), tuple(parts))


def figured(comparison: Comparison, scalars: Scalars) -> list[Scalar]:
    """The scalars that have a figure of their own among the marginals, in its order."""
    rows = _deciding_first(comparison, scalars, _by(comparison))
    return [scalar for scalar in rows if has_curve(comparison, scalars, scalar)][: FURTHER + 1]


def _by(comparison: Comparison) -> str:
    """The column by which the marginals are chosen."""
    return "sd_ratio" if comparison.verdict.overall.deciding == "spread" else "z"


def _deciding_first(comparison: Comparison, scalars: Scalars, by: str) -> list[Scalar]:
    """The scalar that decides, then the others by the gap that decided."""
    overall = comparison.verdict.overall
    layer = comparison.verdict.layers.get(overall.deciding or "")
    location = comparison.verdict.layers.get("location")
    wanted = [x.scalar for x in (layer, location) if x is not None and x.scalar]
    rows = scalars.by_severity if by == "sd_ratio" else scalars.by_gap("z")
    return sorted(rows, key=lambda s: s.name != wanted[0]) if wanted else rows


def _range(scalar: Scalar, scalars: Scalars) -> Words:
    """What the large figure shows, as a sentence that holds for every marginal."""
    words: list[Any] = [scalars.percent, " of the posterior of ", scalar.shown, f" lies from {scalar.eti}"]
    points = [("the posterior mean", scalar.mean if math.isfinite(scalar["mean"]) else "")]
    if math.isfinite(scalar["map"]):
        points.append(("the MAP", scalar.mode))
    if math.isfinite(scalar["map_unconstrained"]):
        points.append(("the unconstrained MAP", scalar.unconstrained))
    points = [(what, where) for what, where in points if where]
    if points:
        said = [f"{what} is {'at ' if i == 0 else ''}{where}" for i, (what, where) in enumerate(points)]
        said = [s if i == 0 else s.replace(" is ", " at ", 1) for i, s in enumerate(said)]
        words += ["; ", *listed(said)]
    return (*words, ".")


def _key(curves: tuple[Curve, ...]) -> tuple[tuple[str, str], ...]:
    """The marks that these figures hold, and what they stand for."""
    return (
        ("posterior", "posterior"),
        *((("prior", "prior"),) if any(np.isfinite(c.prior).any() for c in curves) else ()),
        *((("map", "MAP"),) if any(math.isfinite(c.mode) for c in curves) else ()),
        *((("unconstrained", "unconstrained MAP"),) if any(math.isfinite(c.unconstrained) for c in curves) else ()),
        *((("laplace", "Laplace"),) if any(np.isfinite(c.laplace).any() for c in curves) else ()),
    )


def _caption(comparison: Comparison, scalar: Scalar, scalars: Scalars) -> Words:
    free = comparison.model.free
    shown = [name(n) for n in free[:6]]
    coordinates: Words = ("(", *_commas(shown), ", …)" if len(free) > 6 else ")")
    words: list[Any] = []
    if math.isfinite(scalar["map"]):
        words += ["The MAP is where the joint density", *((" in ", *coordinates) if free else ()), " is highest. "]
    if math.isfinite(scalar["map_unconstrained"]):
        words.append("The unconstrained MAP is where it is highest in the coordinates that NUTS moves in. ")
    if scalar.kind == "derived":
        words += [scalar.shown, " is a deterministic: its modes are plug-in values. "]
    return (*words, f"The {scalars.percent} interval is equal-tailed.")


def _curve_table(drawn: Curve) -> Details:
    """Some of the points that the large figure is made of."""
    size = len(drawn.x)
    chosen = np.unique(np.linspace(0, size - 1, min(size, 13)).astype(int))
    columns = (
        Column((drawn.name,)),
        Column(("posterior density",), number=True),
        Column(("prior density",), number=True),
        Column(("Laplace density",), number=True),
    )
    curves = (drawn.posterior, drawn.prior, drawn.laplace)
    peak = max(float(np.nanmax(c, initial=0.0)) for c in curves)
    places = max(0, 3 - math.floor(math.log10(peak))) if peak > 0 else 0
    rows = tuple(Row((plain(float(drawn.x[i]), 4),), tuple(_density(c[i], places) for c in curves)) for i in chosen)
    return Details((drawn.name, " as a table"), (Table(f"{drawn.name} as a table", columns, rows),))


def _density(x: float, places: int) -> str:
    return fixed(float(x), places) if math.isfinite(x) else NONE


def _formula(left: str, right: str, kind: str) -> tuple[str, str, str, str]:
    relation = {"deterministic": "=", "potential": "+="}.get(kind, "~")
    return visible(left), relation, visible(right), KINDS.get(kind, visible(kind))


def _of_draws(comparison: Comparison) -> str:
    nuts = comparison.fits.get("nuts")
    if nuts is None or nuts.draws is None:
        return ""
    return f" of {counted(int(nuts.draws.shape[0] * nuts.draws.shape[1]), 'draw')}"


def _data(comparison: Comparison) -> tuple[Part, ...]:
    """One table for all data with the same dims; the first rows of each."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for key, array in comparison.data.data_vars.items():
        groups.setdefault(tuple(str(d) for d in array.dims), []).append(str(key))
    parts: list[Part] = []
    for dims, names in groups.items():
        parts += _data_table(comparison, dims, names[:12])
        if len(names) > 12:
            parts.append(Prose((f"{counted(len(names) - 12, 'more array')} with the same dims.",), small=True))
    return tuple(parts)


def _data_table(comparison: Comparison, dims: tuple[str, ...], names: list[str]) -> list[Part]:
    arrays = [comparison.data[n] for n in names]
    shape = arrays[0].shape
    total = int(np.prod(shape)) if shape else 1
    shown = min(total, DATA_ROWS)
    marks = [
        coordinates.labels(comparison.data.coords[d].values) if d in comparison.data.coords else None for d in dims
    ]
    rows = []
    for i in range(shown):
        index = np.unravel_index(i, shape) if shape else ()
        where = [_value(j) if mark is None else name(mark[j]) for j, mark in zip(index, marks, strict=True)]
        cells: list[Cell] = [*where[1:], *(_value(array.values[index]) for array in arrays)]
        rows.append(Row(((where or [""])[0],), tuple(cells)))
    headers = [Column((name(d),)) for d in dims] or [Column(("",))]
    values = [Column((name(n),), number=array.dtype.kind in "biuf") for n, array in zip(names, arrays, strict=True)]
    columns = (*headers, *values)
    parts: list[Part] = [Table("The data: " + ", ".join(str(name(n)) for n in names), columns, tuple(rows))]
    if total > shown:
        parts.append(Prose((f"{counted(total - shown, 'more row')} not shown here.",), small=True))
    return parts


def _value(x: Any) -> str | Name:
    """A value of the data: whole numbers whole, others to six digits, text as a name."""
    if isinstance(x, bool | np.bool_):
        return "true" if x else "false"
    if isinstance(x, int | np.integer):
        return f"{MINUS if x < 0 else ''}{abs(int(x))}"
    if isinstance(x, float | np.floating):
        number = float(x)
        whole = number.is_integer() and abs(number) < 10**6
        return fixed(number, 0).replace(",", "") if whole else plain(number)
    return name(x)


def _commas(names: list[Any]) -> list[Any]:
    return [part for i, n in enumerate(names) for part in ((", ", n) if i else (n,))]
