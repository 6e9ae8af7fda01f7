"""Methods beyond MAP, Laplace and NUTS within a comparison: which run, where they are told, and how they fail."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import bayescompare as bc
from bayescompare.cli.summary import summary
from bayescompare.errors import DataError, UnknownNameError, UsageError
from bayescompare.methods.marginal import MarginalOptions
from bayescompare.model.cache import problem_of
from bayescompare.reasons import Code
from bayescompare.results.comparison import Comparison
from bayescompare.results.fit import Fit, Status
from bayescompare.workflow.layers import Layers
from bayescompare.workflow.options import CompareOptions
from bayescompare.workflow.others import run
from bayescompare.workflow.within import Within

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
NUTS = Fit("nuts", Status.OK, (), (), np.empty(0), seconds=1.0)
FITS = {"nuts": NUTS, "unconstrained_map": NUTS}


def hierarchy() -> pm.Model:
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 20.0), pm.HalfNormal("tau", 20.0)
        effect = pm.Normal("effect", mu, tau, shape=len(Y))
        pm.Normal("y", effect, 5.0, observed=Y)
    return model


def location() -> pm.Model:
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=Y)
    return model


MODEL = hierarchy()


@pytest.fixture(scope="module")
def compared() -> Comparison:
    options = CompareOptions(sampler=bc.SamplerOptions(draws=500, tune=500, target_accept=0.95, backend="jax"))
    return bc.compare(MODEL, quantities={"ratio": lambda p: p["mu"] / p["tau"]}, var_names=(), options=options)


def test_the_marginal_methods_run_where_there_is_a_latent_block(compared: Comparison) -> None:
    names = list(compared.fits["nuts"].names)
    table = compared.table.loc[names]
    draws = compared.fits["marginal_laplace"].draws
    assert draws is not None
    np.testing.assert_array_equal(table["marginal_map"], compared.fits["marginal_map"].estimate)
    np.testing.assert_allclose(table["marginal_mean"], draws[0].mean(axis=0))
    np.testing.assert_allclose(table["marginal_sd"], draws[0].std(axis=0, ddof=1))
    np.testing.assert_allclose(table[["marginal_lb", "marginal_ub"]].T, np.quantile(draws[0], [0.03, 0.97], axis=0))
    assert table.loc["tau", "marginal_lb"] > 0, "an interval stays where the scale can be"
    quantity = compared.table.loc["ratio"]
    mu, tau = compared.fits["marginal_map"].values["mu"], compared.fits["marginal_map"].values["tau"]
    assert quantity["marginal_map"] == pytest.approx(mu / tau)


def test_the_ladder_tells_each_method_s_distance_from_the_posterior(compared: Comparison) -> None:
    """Of a normal hierarchy the marginal Laplace approximation is exact, and there is no joint mode."""
    rows = {row["method"]: row for row in compared.rungs}
    assert [name for name in rows if not name.endswith("_psis")] == [
        *("map", "unconstrained_map", "laplace", "marginal_map", "marginal_laplace", "nuts")
    ]
    assert rows["map"]["enough"] == "not_computed"
    assert {rows[name]["enough"] for name in ("marginal_laplace", "marginal_laplace_psis")} <= {"same", "undecided"}
    assert rows["laplace"]["k_hat"] == compared.fits["laplace"].diagnostics["k_hat"]
    z = ((compared.table["marginal_map"] - compared.table["mean"]) / compared.table["sd"]).abs()
    at = rows["marginal_map"]["location"]
    assert at["figure"] == pytest.approx(z[at["scalar"]])
    assert rows["map"]["location"] is None
    assert rows["marginal_laplace"]["location"]["differing"] == rows["marginal_laplace"]["spread"]["differing"] == 0
    assert rows["marginal_map"]["spread"]["state"] == "not_computed"
    told = ["".join(text for text, _ in line) for line in summary(compared)]
    assert (
        sum(line.startswith(("Marginal MAP: of 11 scalars ", "Marginal Laplace: of 11 scalars 0 ")) for line in told)
        == 2
    )


def test_they_survive_a_file(compared: Comparison, tmp_path: Path) -> None:
    compared.save(tmp_path / "c.nc")
    found = bc.open(tmp_path / "c.nc")
    assert isinstance(found, Comparison)
    assert found.rungs == compared.rungs
    pd.testing.assert_frame_equal(found.ladder, compared.ladder)
    assert found.fits["marginal_map"].values == compared.fits["marginal_map"].values


def test_only_what_was_asked_for_runs() -> None:
    layers = Layers()
    few = run(
        problem_of(MODEL),
        FITS,
        0,
        CompareOptions(methods=("map", "marginal_map")),
        layers,
    )
    assert list(few) == ["marginal_map"]
    assert few["marginal_map"].ok
    assert run(problem_of(location()), FITS, 0, CompareOptions(), layers) == {}
    assert layers.findings() == ()


def test_one_that_cannot_run_is_a_failed_fit() -> None:
    layers = Layers()
    found = run(
        problem_of(location()),
        FITS,
        0,
        CompareOptions(methods=["marginal_laplace"]),
        layers,
    )["marginal_laplace"]
    assert found.status is Status.FAILED
    assert np.isnan(found.estimate).all()
    assert "no block of Gaussian effects" in found.reasons[0].text
    assert [finding["variable"] for finding in layers.findings()] == ["marginal_laplace"]


def test_one_that_takes_too_long_is_given_up() -> None:
    layers, options = Layers(), CompareOptions(marginal=MarginalOptions(seconds=1e-6))
    found = run(problem_of(MODEL), FITS, 0, options, layers)
    assert {fit.status for fit in found.values()} == {Status.NOT_RUN}
    assert {fit.reasons[0].code for fit in found.values()} == {Code.OVER_TIME}
    assert layers.findings() == ()


def test_within_a_budget_what_cannot_end_in_time_is_not_begun() -> None:
    took = replace(FITS["unconstrained_map"], seconds=100.0)
    options = CompareOptions(methods=["advi", "pathfinder"])
    within = Within(50.0, time.perf_counter())
    found = run(problem_of(location()), {**FITS, "unconstrained_map": took}, 0, options, Layers(), within)
    assert {fit.status for fit in found.values()} == {Status.NOT_RUN}
    assert {fit.reasons[0].code for fit in found.values()} == {Code.OVER_TIME}


def test_any_method_and_any_draws_stand_on_the_ladder() -> None:
    """Of a Gaussian posterior all approximations are exact; draws from elsewhere are judged as they are."""
    sd = 1 / np.sqrt(1 + len(Y))
    at = Y.sum() * sd**2
    rng = np.random.default_rng(1)
    z = rng.standard_normal((2, 500))
    log_q = -0.5 * z**2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
    wrong = {"mu": at + sd * (z + 1)}
    right = {"posterior": {"mu": at + sd * z}, "sample_stats": {"log_q": log_q}}
    tree = xr.DataTree.from_dict(
        {
            group: xr.Dataset({name: (("chain", "draw"), x) for name, x in values.items()})
            for group, values in right.items()
        }
    )
    options = CompareOptions(methods=("advi", "fullrank_advi"), sampler=bc.SamplerOptions(draws=500, tune=500))
    losses = ["pinball(0.9) on mu"]
    found = bc.compare(location(), others={"exact": tree, "shifted": wrong}, losses=losses, options=options)
    assert found.ladder.loc[["laplace", "advi", "fullrank_advi", "exact", "exact_psis"], "enough"].eq("same").all()
    assert found.ladder.loc["shifted", "enough"] == "differs"
    assert found.ladder.loc["exact", "k_hat"] < 0.7
    assert found.ladder.loc[["laplace", "exact", "exact_psis"], "decision_state"].eq("same").all()
    # A normal posterior's 0.9 quantile is best; a point is acted on as it is, and draws that are shifted by 1 sd miss.
    assert found.ladder.loc[["map", "shifted"], "decision_state"].eq("differs").all()
    assert np.isnan(found.ladder.loc["exact", "seconds"])
    assert found.fits["advi"].evaluations < found.fits["unconstrained_map"].evaluations + 10_000


def test_draws_from_elsewhere_must_fit_the_model() -> None:
    for others, error, said in (
        ({"map": {"mu": np.zeros((1, 5))}}, UsageError, "is the name of a method"),
        ({"mine": {"nu": np.zeros((1, 5))}}, DataError, "no variable 'mu'"),
    ):
        with pytest.raises(error, match=said):
            bc.compare(location(), others=others)


def test_methods_are_names_that_exist() -> None:
    with pytest.raises(UnknownNameError, match="There are:"):
        CompareOptions(methods=("marginal",))
    with pytest.raises(UsageError, match="not one text"):
        CompareOptions(methods="map")


def test_a_variational_answer_that_was_stopped_early_is_called_and_ours_is_exact() -> None:
    """As reported of PyMC (issue 6271): the posterior mean is 8, NUTS says so, and ADVI 3.1."""
    rng = np.random.default_rng(6271)
    y = rng.normal(size=40)
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0.0, 100.0), 1.0, observed=8.0 + y - y.mean())
    sd = 1 / np.sqrt(40 + 1e-4)
    exact = {"mu": 8.0 + sd * rng.standard_normal((4, 500))}
    early = {"mu": 3.115 + rng.standard_normal((1, 1000))}
    found = bc.compare(model, posterior=exact, others={"early": early}, methods=("advi",))
    assert found.ladder.loc[["early", "advi", "laplace"], "enough"].tolist() == ["differs", "same", "same"]
    assert found.fits["advi"].estimate[0] == pytest.approx(8.0, abs=1e-3)
