"""The figures for notebooks: what they hold, by a backend that draws nothing and by matplotlib."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arviz_stats.base import array_stats

from bayescompare.errors import UnknownNameError, UsageError
from bayescompare.report import plotting
from bayescompare.report.svg.colours import LIGHT
from tests.report.factory import Made, make


def drawn(figure: Any, visual: str) -> list[dict[str, Any]]:
    """What the backend without a library was asked to draw, in order."""
    return [dict(one) for one in figure.viz[visual].dataset.to_array().values.ravel()]


def positions(figure: Any, visual: str) -> list[float]:
    """Where marks of one point each lie."""
    return [np.asarray(one["x"]).item() for one in drawn(figure, visual)]


def worst(comparison: Any, most: int) -> Any:
    return comparison.table.sort_values("z", key=abs, ascending=False, kind="stable")[:most]


def test_the_forest_holds_the_most_shifted_scalars_in_posterior_sd() -> None:
    comparison = make("differs")
    figure = comparison.plot(backend="none")
    rows = worst(comparison, 9)
    assert list(figure.viz["twig"].dataset["scalar"].values) == list(rows.index)
    draws = comparison.fits["nuts"].draws.reshape(-1, len(comparison.table))
    place = [list(comparison.table.index).index(name) for name in rows.index]
    ends = np.quantile(draws[:, place], [0.03, 0.97], axis=0)
    expected = (ends - rows["mean"].to_numpy()) / rows["sd"].to_numpy()
    got = np.array([np.asarray(one["x"]) for one in drawn(figure, "twig")]).T
    assert got == pytest.approx(expected, abs=1e-8)
    modes = positions(figure, "map")
    assert modes == pytest.approx(list((rows["map"] - rows["mean"]) / rows["sd"]), rel=1e-12)
    assert all(LIGHT["map"] in map(str, one.values()) for one in drawn(figure, "map"))


@pytest.mark.parametrize("ci_kind", ["eti", "hdi"])
def test_variables_and_intervals_are_chosen_in_arvizs_words(ci_kind: str) -> None:
    comparison = make("differs")
    posterior = comparison.fits["nuts"]
    laplace = dataclasses.replace(comparison.fits["laplace"], draws=posterior.draws[:1] ** 3, names=posterior.names)
    comparison = dataclasses.replace(comparison, fits={**comparison.fits, "laplace": laplace})
    figure = comparison.plot(var_names=["theta", "mu"], ci_prob=0.8, ci_kind=ci_kind, backend="none")
    names = [str(name) for name in figure.viz["twig"].dataset["scalar"].values]
    assert names == [name for name in comparison.table.index if name.startswith("theta[")] + ["mu"]
    row = comparison.table.loc["mu"]
    for visual, fit in (("twig", posterior), ("laplace", laplace)):
        ends = getattr(array_stats, ci_kind)(fit.draws[..., fit.names.index("mu")].ravel(), prob=0.8)
        expected = np.clip((ends - row["mean"]) / row["sd"], -plotting.REACH, plotting.REACH)
        assert np.asarray(drawn(figure, visual)[-1]["x"]) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("asked", [{"ci_kind": "widest"}, {"ci_prob": 1.0}])
def test_intervals_that_cannot_be_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(asked))):
        make("differs").plot(backend="none", **asked)


def test_a_mode_beyond_the_axis_is_marked_at_its_end() -> None:
    comparison = make("differs", 3, made=Made(shift=-40.0))
    figure = comparison.plot(backend="none")
    below = np.array(positions(figure, "map_below"))
    assert set(below[np.isfinite(below)]) == {-plotting.REACH}
    assert "map_above" not in figure.viz.children


def test_a_comparison_without_a_mode_has_a_forest_without_one() -> None:
    figure = make("no_verdict").plot(backend="none")
    assert "map" not in figure.viz.children
    assert len(drawn(figure, "twig")) == 9


def test_marginals_are_those_that_are_named_with_their_modes_and_laplace_curves() -> None:
    comparison = make("differs")
    figure = comparison.plot("marginals", scalars=["tau", "mu"], backend="none")
    assert positions(figure, "map") == list(comparison.table.loc[["tau", "mu"], "map"])
    curves = comparison.curves
    for name, one in zip(("tau", "mu"), drawn(figure, "laplace"), strict=True):
        i = curves.names.index(name)
        assert np.array_equal(np.asarray(one["x"]), curves.x[i])
        assert np.array_equal(np.asarray(one["y"]), curves.laplace[i])


def test_prediction_holds_both_arms_and_the_data_in_the_order_of_the_median() -> None:
    comparison = make("differs")
    arrays = comparison.pointwise["y"]
    figure = comparison.plot("prediction", backend="none")
    order = np.argsort(arrays["q50"], kind="stable")
    for visual, lower, upper in (
        ("posterior_95_y", "q2.5", "q97.5"),
        ("plugin_80_y", "plugin_q10", "plugin_q90"),
    ):
        one = drawn(figure, visual)[0]
        assert np.array_equal(np.asarray(one["y_bottom"]), arrays[lower][order])
        assert np.array_equal(np.asarray(one["y_top"]), arrays[upper][order])
    seen = drawn(figure, "observed")[0]
    assert np.array_equal(np.asarray(seen["y"]), arrays["observed"][order])


def test_many_observations_are_thinned_evenly() -> None:
    comparison = make("differs")
    many = {key: np.tile(array, 100) for key, array in comparison.pointwise["y"].items()}
    figure = dataclasses.replace(comparison, pointwise={"y": many}).plot("prediction", backend="none")
    x = np.asarray(drawn(figure, "observed")[0]["x"])
    assert (len(x), x[0], x[-1]) == (150, 1.0, 800.0)


def test_what_cannot_be_drawn_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = make("differs", 3)
    with pytest.raises(UnknownNameError, match="forest, marginals, prediction"):
        comparison.plot("pie", backend="none")
    with pytest.raises(UnknownNameError, match="no scalar 'nu'"):
        comparison.plot(scalars=["nu"], backend="none")
    with pytest.raises(UsageError, match="no scalar to draw"):
        comparison.plot(scalars=0, backend="none")
    with pytest.raises(UsageError, match="predictive intervals"):
        dataclasses.replace(comparison, pointwise={}).plot("prediction", backend="none")
    bare = {key: dataclasses.replace(fit, draws=None) for key, fit in comparison.fits.items()}
    with pytest.raises(UsageError, match="no draws"):
        dataclasses.replace(comparison, fits=bare).plot(backend="none")


@pytest.mark.parametrize("missing", ["arviz_plots", "bokeh"])
def test_a_missing_package_is_named_with_what_installs_it(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(UsageError, match=rf"{missing.replace('_', '-')}.*pip install 'bayescompare\[plots\]'"):
        make("same", 2).plot(backend="bokeh" if missing == "bokeh" else "none")


def test_without_any_plotting_library_it_says_so() -> None:
    from arviz_base import rc_context

    with rc_context({"plot.backend": "none"}), pytest.raises(UsageError, match="matplotlib"):
        make("same", 2).plot()


@pytest.mark.parametrize("kind", list(plotting.KINDS))
def test_matplotlib_draws_it(kind: str, tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    figure = make("differs").plot(kind, backend="matplotlib")
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    matplotlib.pyplot.close("all")
