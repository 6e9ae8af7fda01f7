"""Observed variables of every shape, from the model to the saved file and the page: rows, holes, none, constraints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.model.predictive import Predictive
from bayescompare.model.problem import Problem

ROWS = np.random.default_rng(1).normal(size=(12, 2))
FEW = bc.CompareOptions(sampler=bc.SamplerOptions(draws=400, tune=300, chains=2))


def rows() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0, shape=2)
        pm.MvNormal("y", mu=mu, cov=np.eye(2), observed=ROWS)
    return model


def saved(result: Any, folder: Path) -> Any:
    """The comparison after it was written and read, and its page was made."""
    result.save(folder / "it.nc")
    result.to_html(folder / "it.html")
    return bc.open(folder / "it.nc")


@pytest.mark.slow
def test_observations_that_are_rows(tmp_path: Path) -> None:
    """Twelve rows of two: log densities by row, moments by entry, all kept in the file.

    The posterior of each mean is N(12 ȳ/13, 1/13), so that 1/14 of each predictive variance is the parameters'.
    """
    result = bc.compare(rows(), options=FEW)
    arrays = result.pointwise["y"]
    assert arrays["elpd_loo"].shape == (12,)
    assert arrays["mean"].shape == arrays["variance_discarded"].shape == (24,)
    share = result.prediction["variance_discarded"]
    assert share["value"] == pytest.approx(1 / 14, abs=4 * share["mcse"])
    again = saved(result, tmp_path)
    for key, values in arrays.items():
        np.testing.assert_array_equal(again.pointwise["y"][key], values)
    assert "0.346, 0.822" in (tmp_path / "it.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("alone", [False, True])
def test_a_variable_without_rows(alone: bool, tmp_path: Path) -> None:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("women", mu, 1.0, observed=np.array([]))
        if not alone:
            pm.Normal("men", mu, 1.0, observed=np.array([0.3, 1.2]))
    result = saved(bc.compare(model, options=FEW), tmp_path)
    share = result.prediction["variance_discarded"]
    if alone:
        assert share["reason"]["code"] == "of_term"
        assert share["reason"]["causes"][0]["code"] == "no_rows"
        assert result.table.loc["mu", "mean"] == pytest.approx(0.0, abs=0.2)
    else:  # a posterior variance of 1/3 beside a variance of 1
        assert share["value"] == pytest.approx(0.25, abs=0.03)
        assert result.prediction["observations"] == 2


@pytest.mark.filterwarnings("ignore::pymc.exceptions.ImputationWarning")
def test_rows_with_holes_have_their_joint_density() -> None:
    """It is one term, and PyMC's."""
    holes = ROWS.copy()
    holes[[2, 7], 0] = np.nan
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0, shape=2)
        pm.MvNormal("y", mu=mu, cov=np.array([[1.0, 0.5], [0.5, 2.0]]), observed=holes)
    problem = Problem(model)
    assert problem.density.observations == 1
    u = np.array([0.3, -0.2, 0.7, 1.1])
    point = {"mu": u[:2], "y_unobserved": u[2:]}
    expected = model.compile_logp(mode="FAST_COMPILE")(point)
    assert problem.density(u, (1.0, 1.0, 1.0))[0] == pytest.approx(expected, rel=1e-12)
    made = Predictive(problem)
    assert (made.terms[0].observations, made.terms[0].scalars) == (1, 22)
    assert made.draws(u[None], draws=3)["y_observed"].shape == (1, 3, 22)


def test_a_constant_takes_no_part_in_triage() -> None:
    """The first entry of the Cholesky factor of a correlation is 1, and the one above the diagonal 0."""
    with pm.Model() as model:
        pm.LKJCorr("c", n=2, eta=2.0)
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=[0.3, 1.2, 0.1])
        pm.Deterministic("one", mu * 0.0 + 1.0)
    fixed = dict(zip(Problem(model).scalars.names, Problem(model).constant, strict=True))
    assert [name for name, one in fixed.items() if one] == ["c[0, 0]", "c[0, 1]", "one"]
    table = bc.triage(model).table
    assert np.isnan(table.loc[["c[0, 0]", "c[0, 1]", "one"], "z"]).all()
    assert np.isfinite(table.loc[["c[1, 0]", "mu"], "z"]).all()


@pytest.mark.slow
def test_a_constraint_takes_no_prediction_away() -> None:
    """A Potential that keeps two parameters in order has no observations; the observed variable's prediction stays."""
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0, shape=2)
        pm.Potential("order", pm.math.switch(a[0] < a[1], 0.0, -np.inf))
        pm.Normal("y", a[np.array([0, 0, 0, 1, 1, 1])], 1.0, observed=[-2.1, -1.8, -2.4, 1.9, 2.2, 2.4])
    result = bc.compare(model, options=FEW)
    assert result.prediction["elpd_diff"]["reason"] is None
    assert result.prediction["variance_discarded"]["value"] == pytest.approx(0.2, abs=0.03)
    assert result.prediction["terms"]["order"]["elpd_diff"]["reason"]["text"].startswith(
        "a Potential has no observations"
    )
