"""Neal's funnel: one distribution in two coordinates, against its own formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.funnel import funnel
from scipy import stats

import bayescompare as bc
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)


def centered_logp(p: Point) -> float:
    return float(stats.norm(0, 3).logpdf(p["v"]) + stats.norm(0, np.exp(p["v"] / 2)).logpdf(p["x"]).sum())


def test_builds() -> None:
    model = assert_builds(funnel, lambda p: float(stats.norm(0, 3).logpdf(p["v"]) + stats.norm.logpdf(p["z"]).sum()))
    assert model.named_vars_to_dims["z"] == ("i",)
    assert model.coords["i"] == tuple(range(1, 10))


@pytest.mark.parametrize("n", [1, 9, 40])
def test_centered(n: int) -> None:
    model = assert_builds(funnel, centered_logp, parametrisation="centered", n=n)
    assert [v.name for v in model.free_RVs] == ["v", "x"]
    assert model.coords["i"] == tuple(range(1, n + 1))


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(funnel, {"parametrisation": "centred"}, "'noncentered' or 'centered'")
    assert_refuses(funnel, {"n": 0}, "whole number from 1 to 100")
    assert_refuses_data(funnel, {"v": [1.0]}, "has no data")


@pytest.mark.parametrize("n", [1, 3, 9])
def test_centered_mode_is_in_the_neck(n: int) -> None:
    fit = bc.fit(funnel(parametrisation="centered", n=n), "map")
    assert fit.ok
    # The top of -v²/18 - n v/2, with every x at 0.
    assert fit.values["v"] == pytest.approx(-4.5 * n, rel=1e-6)
    height = stats.norm(0, 3).logpdf(-4.5 * n) + n * (stats.norm.logpdf(0) + 4.5 * n / 2)
    assert fit.log_density == pytest.approx(height, rel=1e-8)
    assert max(abs(fit.values[f"x[{i}]"]) for i in range(1, n + 1)) < 1e-6 * np.exp(-4.5 * n / 2)


def test_noncentered_mode_is_the_mean() -> None:
    fit = bc.fit(funnel(), "map")
    assert fit.ok
    np.testing.assert_allclose(fit.estimate, 0.0, atol=1e-6)


def test_the_docstring_is_true() -> None:
    gain = centered_logp({"v": -40.5, "x": np.zeros(9)}) - centered_logp({"v": 0.0, "x": np.zeros(9)})
    assert round(gain) == 91
    assert 40.5 / 3 == 13.5


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(funnel(), random_seed=1)
    names = ["v", *(f"z[{i}]" for i in range(1, 10))]
    assert_posterior(result.table, pd.DataFrame({"mean": 0.0, "sd": [3.0] + [1.0] * 9}, index=names))
    assert (result.table.loc[names, "z"].abs() <= 5 * result.table.loc[names, "z_mcse"]).all()
    assert str(result.verdict.overall.state) == "same"


@pytest.mark.slow
def test_full_run_centered_has_no_verdict() -> None:
    result = bc.compare(funnel(parametrisation="centered"), random_seed=1)
    assert str(result.verdict.overall.state) == "no_verdict"
    assert str(result.verdict.layers["optimiser"].state) == "sound"
    assert str(result.verdict.layers["sampler"].state) == "failed"
