"""The figure of two coordinates at once: which two, where their marks lie, and how large its ellipses are."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from bayescompare.metrics.pair import kind
from bayescompare.report import to_html
from bayescompare.report.comparison.pair import pair
from bayescompare.report.figures import Plot, Series
from bayescompare.report.parts import Heading
from bayescompare.report.svg import axes
from bayescompare.results.comparison import Comparison
from bayescompare.results.display import displayed
from tests.report.factory import make

COVARIANCE = np.array([[4.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.25]])
MODE = np.array([1.0, -1.0, 0.5])


def made(mode: tuple[float, ...] = (0.0, 0.0, 0.0), *, laplace: bool = True) -> Comparison:
    """Three free scalars; u is (a, log b, c). The draws tie a and b by -0.8, the Laplace approximation by 0.5."""
    comparison = make("differs", labels=["a", "b", "c"])
    rng = np.random.default_rng(1)
    a, other, c = rng.normal(size=(3, 4, 250))
    b = -0.8 * a + 0.6 * other
    u = np.stack([a, b, c], axis=-1)
    draws = np.stack([a, np.exp(b), c], axis=-1)
    # Draws whose covariance is exactly that which is asked for, as the Laplace approximation's are.
    z = rng.normal(size=(3, 500))
    z -= z.mean(axis=1, keepdims=True)
    z = np.linalg.inv(np.linalg.cholesky(np.cov(z, ddof=0))) @ z
    approximate = MODE + (np.linalg.cholesky(COVARIANCE) @ z).T
    fits = dict(comparison.fits)
    fits["nuts"] = dataclasses.replace(fits["nuts"], draws=draws, unconstrained_draws=u)
    fits["map"] = dataclasses.replace(fits["map"], unconstrained=np.array(mode))
    fits["unconstrained_map"] = dataclasses.replace(fits["map"], method="unconstrained_map", unconstrained=MODE)
    fits["laplace"] = dataclasses.replace(
        fits["map"], method="laplace", unconstrained_draws=approximate[None] if laplace else None
    )
    table = comparison.table.assign(kind="free", z=[-1.0, -0.5, 0.1], sd_ratio=1.0)
    model = dataclasses.replace(comparison.model, parameters=3, free=("a", "b", "c"))
    return displayed(dataclasses.replace(comparison, fits=fits, table=table, model=model))


def figure(comparison: Comparison) -> Plot:
    return next(part for part in pair(displayed(comparison)) if isinstance(part, Plot))


def series(plot: Plot, kind: str) -> list[Series]:
    return [s for s in plot.series if s.kind == kind]


def test_it_is_the_scalar_most_off_and_the_one_that_laplace_ties_it_to_most_wrongly() -> None:
    comparison = made()
    parts = pair(displayed(comparison))
    assert isinstance(parts[0], Heading)
    assert "".join(map(str, parts[0].words)) == "Two coordinates at once: a and b"
    plot = figure(comparison)
    assert plot.x.label == "a"
    assert "log b" in plot.description


@pytest.mark.parametrize(("which", "mass"), [(0, 0.5), (1, 0.94)])
def test_the_ellipses_hold_the_mass_that_they_should(which: int, mass: float) -> None:
    ellipse = series(figure(made()), "contour")[which]
    off = np.stack([ellipse.x, ellipse.y]) - MODE[:2, None]
    distances = np.einsum("ik,ij,jk->k", off, np.linalg.inv(COVARIANCE[:2, :2]), off)
    # In two dimensions the squared distance has an exponential law with mean 2.
    assert 1 - np.exp(-distances / 2) == pytest.approx(np.full(distances.size, mass), abs=1e-9)


@pytest.mark.parametrize(
    ("function", "named"), [(lambda u: u, "itself"), (np.exp, "log"), (lambda u: 1 / (1 + np.exp(-u)), "logit")]
)
def test_a_coordinate_is_called_what_it_is(function: Any, named: str) -> None:
    u = np.random.default_rng(2).normal(size=60)
    assert kind(u, function(u)) == named
    assert kind(u, function(u) ** 3 + 5.0) == "unconstrained"


def test_the_draws_are_thinned_evenly_and_always_the_same() -> None:
    comparison = made()
    dots = series(figure(comparison), "dots")[0]
    u = comparison.fits["nuts"].unconstrained_draws
    assert u is not None
    flat = u.reshape(-1, 3)
    where = [int(np.flatnonzero(flat[:, 0] == x)[0]) for x in dots.x]
    assert len(where) == 400
    assert [flat[i, 1] for i in where] == list(dots.y)
    assert {after - before for before, after in pairwise(where)} == {2, 3}
    assert figure(made()) == figure(made())


def test_a_map_on_the_boundary_points_off_the_axis() -> None:
    plot = figure(made((-math.inf, 0.0, 0.0)))
    assert series(plot, "triangle")[0].x == (-math.inf,)
    assert "M0 0L9 -5L9 5Z" in axes.plot(plot)
    assert "The MAP lies off the axes, where the triangle points." in "".join(map(str, plot.caption))
    inside = figure(made())
    assert "M0 0L9 -5L9 5Z" not in axes.plot(inside)
    assert "off the axes" not in "".join(map(str, inside.caption))


def test_an_approximation_far_from_the_draws_points_off_the_axis_too() -> None:
    comparison = made((-math.inf, 0.0, 0.0))
    fits = dict(comparison.fits)
    far = MODE + np.array([100.0, 0.0, 0.0])
    fits["unconstrained_map"] = dataclasses.replace(fits["unconstrained_map"], unconstrained=far)
    plot = figure(dataclasses.replace(comparison, fits=fits))
    assert [s.css for s in series(plot, "triangle")] == ["map", "lap"]
    assert series(plot, "diamond") == []
    said = "The MAP and the Laplace approximation lie off the axes, where the triangles point."
    assert said in "".join(map(str, plot.caption))
    assert 'class="la" d="M0 0L-9 -5L-9 5Z"' in axes.plot(plot)


def test_without_laplace_there_is_no_ellipse() -> None:
    plot = figure(made(laplace=False))
    assert series(plot, "contour") == []
    assert [kind for kind, _ in plot.key] == ["draws", "map"]
    assert plot.x.label == "a"


def without(**changes: Any) -> Comparison:
    comparison = made()
    fits = dict(comparison.fits)
    fits["nuts"] = dataclasses.replace(fits["nuts"], **changes)
    return dataclasses.replace(comparison, fits=fits)


def test_where_it_cannot_be_drawn_it_is_not() -> None:
    simplex = made()
    simplex = dataclasses.replace(simplex, model=dataclasses.replace(simplex.model, parameters=2))
    still = np.zeros((4, 250, 3))
    for comparison in (make("differs"), without(unconstrained_draws=None), simplex, without(unconstrained_draws=still)):
        assert pair(displayed(comparison)) == []


def test_the_page_holds_it_and_is_the_same_twice() -> None:
    text = to_html(made())
    assert "Two coordinates at once: " in text
    assert text == to_html(made())


@pytest.mark.parametrize(
    "wanted", [[], [100.0], [100.0] * 7, [20.0, 21.0, 22.0], [239.0] * 4, [0.0, 50.0, 51.0, 200.0], [30.0, 46.0, 62.0]]
)
def test_labels_beside_lines_stand_apart_in_their_order_and_inside(wanted: list[float]) -> None:
    placed = axes._apart(wanted, 232.0)
    assert len(placed) == len(wanted)
    assert all(after - before >= axes.STEP - 1e-9 for before, after in pairwise(placed))
    assert all(axes.TOP - 1e-9 <= at <= 232.0 + 1e-9 for at in placed)


def test_labels_that_have_room_stand_at_their_lines() -> None:
    assert axes._apart([30.0, 60.0, 200.0], 232.0) == [30.0, 60.0, 200.0]
    assert axes._apart([100.0, 100.0], 232.0) == [92.0, 108.0]


@pytest.mark.parametrize("name", ["tau", "theta[Phillips Andover]", "x" * 40])
def test_a_long_name_loses_its_middle(name: str) -> None:
    shown = axes._shortened(name)
    assert len(shown) <= axes.NAME
    assert shown == name or (name.startswith(shown.split("…")[0]) and name.endswith(shown.split("…")[1]))
