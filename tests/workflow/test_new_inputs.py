"""Predictions at new inputs, against the closed form of a regression through the origin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.errors import DataError
from bayescompare.model.cache import problem_of
from bayescompare.workflow import new_inputs

X = np.linspace(-1.0, 2.0, 12)
Y = 0.7 * X + np.random.default_rng(3).normal(0.0, 1.0, 12)
NEW = np.linspace(-3.0, 9.0, 17)  # more rows than the data have


def model(observed: bool = True) -> pm.Model:
    with pm.Model(coords={"row": range(len(X))}) as found:
        x = pm.Data("x", X, dims="row")
        y = pm.Data("y_data", Y, dims="row") if observed else Y
        slope = pm.Normal("slope", 0.0, 2.0)
        pm.Normal("y", slope * x, 1.0, observed=y, dims="row")
    return found


@pytest.fixture(scope="module")
def result() -> bc.Comparison:
    return bc.compare(model(observed=False), predictors={"x": NEW}, draws=500, tune=500)


def test_bands_are_those_of_the_predictive_law(result: bc.Comparison) -> None:
    found = result.new_inputs
    assert found is not None
    variance = 1 / (0.25 + (X**2).sum())
    at = variance * (X * Y).sum()
    np.testing.assert_array_equal(found["input"].sel(column="x"), NEW)
    for arm, sd in (("plug-in", np.ones(len(NEW))), ("posterior", np.sqrt(1 + NEW**2 * variance))):
        told = found["prediction"].sel(term="y", arm=arm)
        assert (np.abs(told.sel(statistic="mean") - at * NEW) < 5 * sd / np.sqrt(1000) + 0.01).all()
        width = told.sel(statistic="ub") - told.sel(statistic="lb")
        assert (np.abs(width / (2 * 1.8808 * sd) - 1) < 0.15).all()


def test_they_are_kept_and_shown(result: bc.Comparison, tmp_path: Path) -> None:
    result.save(tmp_path / "a.nc")
    again = bc.open(tmp_path / "a.nc")
    assert again.new_inputs.identical(result.new_inputs)
    assert "new_inputs" in result.to_datatree()
    assert result.to_dict()["new_inputs"]["coords"]["term"]["data"] == ["y"]
    result.to_html(tmp_path / "a.html")
    assert "New inputs" in (tmp_path / "a.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"z": NEW}, "no pm.Data 'z'"),
        ({"x": NEW[:, None]}, "one number a row"),
        ({"x": NEW, "y_data": NEW[:3]}, "one number of rows"),
        ({"y_data": NEW}, "x must be given too"),
        ({"x": np.array([])}, "one number a row"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(given: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(DataError, match=said):
        new_inputs.taken(problem_of(model()), given)


def test_without_inputs_there_is_nothing() -> None:
    assert new_inputs.taken(problem_of(model()), None) is None
