"""The section on the joint picture: how deep the draws lie below the mode, and whose basin they are in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import NO_BREAK, Number, count, counted, fixed, percent, plain
from ..figures import Axis, Mark, Plot, Series, Strip
from ..parts import Cell, Column, Details, Heading, Part, Prose, Row, Section, Strips, Table
from ..words import Words
from .pair import pair
from .phrases import columns, real, shown, value, why
from .scalars import NAN

if TYPE_CHECKING:
    from ...results.comparison import Comparison

#: Bars of the histogram, rows of its table, and dimensions up to which its axis begins at the mode.
BARS, ROWS, NEAR = 28, 8, 60

FACTS = (
    ("typicality: depth below the mode, relative to a Gaussian’s", "typicality", False),
    ("draws denser than the MAP, %", "joint_level", True),
    ("distance of the MAP from the mean, posterior sd", "mahalanobis", False),
    ("draws nearer to the mean than the MAP, %", "mahalanobis_percentile", True),
    ("Pareto k-hat of the Laplace draws", "k_hat", False),
    ("log evidence by Laplace, nats", "log_evidence", False),
    ("log evidence by importance sampling, nats", "log_evidence_psis", False),
)


def jointly(comparison: Comparison) -> Section | None:
    """Build the section on where the mode lies among all coordinates at once."""
    found = comparison.joint
    if not found:
        return None
    d = comparison.model.parameters
    how = (
        "T is twice the log density lost from the mode to a draw, in the coordinates in which NUTS moves. Were the "
        "posterior Gaussian, T would have a χ² law: in many dimensions no draw is near the mode.",
    )
    parts: list[Part] = [*_typicality(comparison, found, d), _facts(found), *pair(comparison)]
    parts += _basins(found["basins"])
    return Section("joint", "The joint picture", how, _finding(found, d), tuple(parts), link="Joint picture")


def _finding(found: Mapping[str, Any], d: int) -> Words:
    ratio = value(found["typicality"])
    if math.isnan(ratio):
        return ("How deep the draws lie below the mode is not known; below is why.",)
    return (
        f"On average the draws lie {plain(ratio * d / 2, 3)} nats below the mode; were the posterior Gaussian, in "
        f"{counted(d, 'dimension')}, they would lie {plain(d / 2, 3)} below.",
    )


def _typicality(comparison: Comparison, found: Mapping[str, Any], d: int) -> list[Part]:
    """Depths of the draws as a histogram, a Gaussian's as a curve."""
    depths = np.array([real(x) for x in found["typicality_quantiles"]])
    expected = np.array([real(x) for x in found["typicality_chi2"]])
    if depths.size < 2 or not np.isfinite(depths).all() or not np.isfinite(expected).all() or d < 1:
        return []
    lower, upper = float(min(depths[0], expected[0])), float(max(depths[-1], expected[-1]))
    begin = min(0.0, lower) if d <= NEAR else lower
    edges = np.linspace(begin, upper, BARS + 1)
    width = edges[1] - edges[0]
    shares = np.diff(np.interp(edges, depths, np.asarray(found["typicality_levels"]), left=0.0, right=1.0))
    x = np.linspace(max(begin, upper * 1e-4), upper, 160)
    log_density = (d / 2 - 1) * np.log(x) - x / 2 - d / 2 * math.log(2) - math.lgamma(d / 2)
    density = width * np.exp(log_density)
    # With one dimension or two χ² has its peak at 0, out of all proportion to the bars.
    top = 1.12 * max(float(shares.max()), min(float(density.max()), 1.2 * float(shares.max())))
    peak = int(np.argmax(np.minimum(density, top)))
    series = [
        Series("bars", "post", tuple(map(float, edges)), tuple(map(float, shares))),
        Series(
            "line",
            "ref",
            tuple(map(float, x)),
            tuple(map(float, density)),
            label=f"χ² with {count(d)} df, a Gaussian posterior",
            at=(float(x[min(peak + 12, 159)]), float(min(density[peak], top) * 0.96)),
        ),
    ]
    series += _mode(begin, top)
    off = None
    if _at_infinity(comparison):
        off = ("right", "MAP: on the boundary, T is infinite", "m")
    elif begin > 0:
        off = ("left", "the mode, T = 0", "l")
    plot = Plot(
        "How far below the mode the draws lie",
        f"Middle half of the draws: T from {plain(float(np.interp(0.25, found['typicality_levels'], depths)), 3)} to "
        f"{plain(float(np.interp(0.75, found['typicality_levels'], depths)), 3)}.",
        Axis(begin - 0.01 * (upper - begin), upper, "T: twice the log density lost from the mode to the draw"),
        Axis(0.0, top),
        tuple(series),
        _caption(found),
        (("histogram", "draws"), ("reference", "a Gaussian’s"), *((("unconstrained", "mode"),) if begin <= 0 else ())),
        read=False,
        off=off,
    )
    return [plot, _table(edges, shares, expected, found)]


def _mode(begin: float, top: float) -> list[Series]:
    if begin > 0:
        return []
    return [Series("line", "lap", (0.0, 0.0), (0.0, 0.3 * top)), Series("diamond", "lap", (0.0,), (0.0,))]


def _at_infinity(comparison: Comparison) -> bool:
    """True if the MAP has coordinates that are not finite: it lies on the boundary."""
    fit = comparison.fits.get("map")
    if fit is None or str(fit.status) == "failed" or fit.unconstrained is None:
        return False
    return not bool(np.isfinite(fit.unconstrained).all())


def _caption(found: Mapping[str, Any]) -> Words:
    words: list[Any] = []
    ratio = shown(found["typicality"])
    if isinstance(ratio, Number):
        words += ["Were the posterior Gaussian, the mean of T over d would be 1; it is ", ratio, ". "]
    above = found.get("above")
    if above is not None:
        words.append(
            "No draw lies above the mode found."
            if not above
            else f"{counted(int(above), 'draw')} {'lies' if above == 1 else 'lie'} above the mode found: it is not the "
            "highest point."
        )
    return tuple(words)


def _table(edges: np.ndarray, shares: np.ndarray, expected: np.ndarray, found: Mapping[str, Any]) -> Details:
    """The histogram in fewer, wider bins."""
    chosen = np.unique(np.linspace(0, len(edges) - 1, ROWS + 1).astype(int))
    below = np.interp(edges, expected, np.asarray(found["typicality_levels"]), left=0.0, right=1.0)
    rows = []
    for i, j in pairwise(chosen):
        cells: tuple[Cell, ...] = (
            plain(float(edges[j]), 3),
            fixed(float(shares[i:j].sum()), 3),
            fixed(float(below[j] - below[i]), 3),
        )
        rows.append(Row((plain(float(edges[i]), 3),), cells))
    header = columns("T from", "to", "share of draws", "a Gaussian’s")
    return Details(("T as a table",), (Table("T as a table", header, tuple(rows)),))


def _facts(found: Mapping[str, Any]) -> Table:
    rows = tuple(Row((what,), (shown(found[key], share), why(found[key]))) for what, key, share in FACTS)
    header = (Column(("all coordinates at once",)), Column(("figure",), number=True), Column(("what to know of it",)))
    return Table("Joint figures", header, rows)


def _basins(basins: Sequence[Mapping[str, Any]]) -> list[Part]:
    """A line for each basin: the Laplace approximation's mass, and the share of the draws that lead there."""
    if not basins:
        return []
    if len(basins) == 1:
        said = "All draws that were followed uphill lead to the MAP’s own mode; no other was found."
        return [Heading((f"One{NO_BREAK}basin",)), Prose((said,), small=True)]
    axis = Axis(0.0, 1.0, "share of the posterior")
    rows = []
    for i, one in enumerate(basins):
        mass, share = value(one["mass"]), value(one["share"])
        label = "the MAP’s" if i == 0 else f"mode {i + 1}’s"
        said = f"Basin of {label}: {percent(share).alone} % of the draws, {percent(mass).alone} % of the Laplace mass"
        marks = (
            Mark("bar", "post", 0.0, share, 8),
            Mark("bar", "lap", 0.0, mass if math.isfinite(mass) else NAN, 20),
        )
        cells: tuple[Cell, ...] = (
            Strip(said, axis, marks, 28),
            shown(one["share"], share=True),
            shown(one["mass"], share=True),
            plain(real(one["log_density"]), 5),
            "a draw" if one["found_by"] == "draws" else "the starts",
        )
        rows.append(Row((label,), cells))
    caption = (
        "Some draws were followed uphill to see where they lead. The Laplace mass is a basin’s height times the width "
        "of its Gaussian.",
    )
    header = columns("basin", "where the posterior is", "draws, %", "Laplace mass, %", "log density, nats", "found by")
    strips = Strips(
        "Basins",
        header,
        tuple(rows),
        (axis, None, None, None, None),
        (("bar_post", "draws"), ("bar_lap", "Laplace mass")),
        caption,
    )
    return [Heading((counted(len(basins), "basin"),)), strips]
