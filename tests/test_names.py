"""Names and coordinates of every kind that a model may have, through the whole of a comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import bayescompare as bc
from bayescompare.errors import FitError
from bayescompare.methods.external import bring
from bayescompare.methods.nuts import run
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.model.problem import Problem
from bayescompare.workflow.options import CompareOptions

pytestmark = pytest.mark.slow

NAMES = ("draw", "draw_", "chain", "observation", "scalar", "mean", "sd", "map", "coordinate", "point")
ODD = ("µ", "β₁", "温度", "a::b", "two words", "x∕y", "1st", "q\"uo'te", "[b]", "<img src=x onerror=alert(1)>")
CELLS = pd.MultiIndex.from_product([["north", "south"], ["a", "b"]], names=["region", "kind"])
COORDS = {
    "cell": CELLS,
    "day": pd.date_range("2024-03-01", periods=2),
    "year": np.array([1871, 1872]),
    "dose": [0.5, 1.0],
    "month": pd.period_range("2024-01", periods=2, freq="M"),
    "bin": pd.interval_range(0, 2),
    "zoned": pd.date_range("2024-03-01", periods=2, tz="Europe/Berlin"),
    "lag": pd.to_timedelta([1, 2], unit="D"),
    "mixed": [None, 1],
    "in/out": ["i/n", "<out>"],
    "sample": [True, False],
}


def model() -> pm.Model:
    """Every name and every coordinate once; each free scalar has a standard normal prior, and one observation."""
    rng = np.random.default_rng(1)
    with pm.Model(coords=COORDS) as built:
        for name in (*NAMES, *ODD, "long " * 80):
            pm.Normal(name)
        for dim, values in COORDS.items():
            pm.Normal(f"of {dim}".replace("/", " or "), dims=dim, shape=len(values))
        x = pm.Normal("x", shape=2)
        pm.Deterministic("x_dim_0", x.sum())
        pm.Normal("y", built["of cell"], observed=pd.DataFrame(rng.normal(size=(2, 4))), dims=("day", "cell"))
        pm.Normal("y_dim_0", x.sum(), observed=rng.normal(size=3))
        pm.Normal("n∕m", built["draw"], observed=rng.normal(size=2), dims="in/out")
    return built


@pytest.fixture(scope="module")
def comparison() -> bc.Comparison:
    options = CompareOptions(sampler=SamplerOptions(draws=60, tune=100, chains=2), loo_refits=1)
    quantities: Any = {
        "drawn": lambda p: p["draw__"] + p["x∕y"],
        "years": lambda p: p["of year"].sel(year=1872),
        "days": lambda p: p["of day"].sel(day=np.datetime64("2024-03-02")),
        "cells": lambda p: p["of cell"] * 2,
        "one": lambda p: p["of cell"].sel(cell="south, a"),
    }
    return bc.compare(model(), quantities=quantities, options=options)


def test_labels_are_whole_in_names(comparison: bc.Comparison) -> None:
    names = set(comparison.table.index)
    assert {*NAMES, *ODD} < names
    assert {
        "of cell[north, a]",
        "of day[2024-03-02]",
        "of year[1871]",
        "of dose[0.5]",
        "of month[2024-02]",
        "of bin[(0, 1]]",
        "of zoned[2024-03-01 00:00:00+01:00]",
        "of lag[2 days 00:00:00]",
        "of mixed[None]",
        "of in or out[<out>]",
        "cells[south, b]",
    } < names


def test_quantities_are_of_the_variables_that_they_name(comparison: bc.Comparison) -> None:
    draws = dict(zip(comparison.fits["nuts"].names, comparison.fits["nuts"].draws.T, strict=True))
    means = {name: column.mean() for name, column in draws.items()}
    table = comparison.table["mean"]
    assert table["drawn"] == pytest.approx(means["draw"] + means["x∕y"])
    assert table["years"] == pytest.approx(means["of year[1872]"])
    assert table["days"] == pytest.approx(means["of day[2024-03-02]"])
    assert table["cells[south, a]"] == pytest.approx(2 * means["of cell[south, a]"])
    assert table["one"] == pytest.approx(means["of cell[south, a]"])


@pytest.mark.parametrize("ending", ["nc", "zarr"])
def test_saved_and_opened(comparison: bc.Comparison, tmp_path: Path, ending: str) -> None:
    if ending == "zarr":
        pytest.importorskip("zarr")
    path = tmp_path / f"a.{ending}"
    comparison.save(path)
    again = bc.open(path)
    assert isinstance(again, bc.Comparison)
    assert again.to_dict() == comparison.to_dict()
    pd.testing.assert_frame_equal(again.table, comparison.table, check_exact=True)
    xr.testing.assert_identical(again.posterior, comparison.posterior)
    xr.testing.assert_identical(again.data, comparison.data)
    assert again.posterior["year"].values.tolist() == [1871, 1872]
    assert again.posterior["dose"].values.tolist() == [0.5, 1.0]
    assert again.posterior["day"].dtype.kind == "M"
    assert again.data["day"].dtype.kind == "M"
    assert set(again.pointwise) == {"y", "y_dim_0", "n∕m"}
    xr.DataTree.from_dict({"posterior": again.posterior})


def test_json_and_report(comparison: bc.Comparison, tmp_path: Path) -> None:
    document = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert [row["name"] for row in document["table"]] == list(comparison.table.index)
    comparison.to_html(tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert list(bc.open(tmp_path / "a.html").table.index) == list(comparison.table.index)


def test_draws_of_a_saved_comparison_are_found_by_name(comparison: bc.Comparison, tmp_path: Path) -> None:
    comparison.save(tmp_path / "a.nc")
    found = bring(Problem(model()), tmp_path / "a.nc")
    np.testing.assert_allclose(found.draws, comparison.fits["nuts"].draws, atol=1e-12)


def test_other_engines_take_labels_of_any_kind_and_leave_them_as_they_were() -> None:
    with pm.Model(coords={"cell": CELLS, "year": [1871, 1872]}) as built:
        x = pm.Normal("x", dims=("cell", "year"))
        pm.Normal("y", x, observed=np.ones((4, 2)), dims=("cell", "year"))
    problem = Problem(built)
    before = (dict(built.coords), dict(built.named_vars_to_dims))
    found = run(problem, options=SamplerOptions(draws=20, tune=50, chains=1, engine="pymc"))
    assert found.names[:2] == ("x[north, a, 1871]", "x[north, a, 1872]")
    assert (dict(built.coords), dict(built.named_vars_to_dims)) == before


def test_a_dimension_called_as_nutpies_own() -> None:
    with pm.Model(coords={"unconstrained_parameter": ["a", "b"]}) as built:
        pm.Normal("y", pm.Normal("x", dims="unconstrained_parameter"), observed=[1.0, 2.0])
    found = run(Problem(built), options=SamplerOptions(draws=20, tune=50, chains=1))
    assert found.names == ("x[a]", "x[b]")


def test_engines_that_cannot_name_a_variable_say_so() -> None:
    with pm.Model() as built:
        pm.Normal("y", pm.Normal("draw"), observed=[1.0])
    with pytest.raises(FitError, match="'draw'"):
        run(Problem(built), options=SamplerOptions(draws=20, tune=50, chains=1, engine="pymc"))
