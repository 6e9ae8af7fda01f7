"""ArviZ's own functions on what a comparison and a fit return, and on what is saved."""

from __future__ import annotations

from typing import Any

import arviz as az
import numpy as np
import pymc as pm
import pytest
import xarray as xr

import bayescompare as bc
from bayescompare.results.comparison import Comparison

Y = np.random.default_rng(1).normal(1.0, 2.0, (3, 12))


def grouped() -> pm.Model:
    """Two likelihood terms: a matrix with labels, and two counts."""
    with pm.Model(coords={"school": list("abc"), "row": range(12)}) as model:
        mu = pm.Normal("mu", 0.0, 3.0, dims="school")
        sigma = pm.HalfNormal("sigma", 3.0)
        pm.Normal("y", mu[:, None], sigma, observed=Y, dims=("school", "row"))
        pm.Poisson("n", sigma, observed=[2, 3])
    return model


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return bc.compare(grouped(), draws=200, tune=300, chains=2, random_seed=2)


@pytest.fixture(scope="module", params=["returned", "saved"])
def tree(request: pytest.FixtureRequest, comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "returned":
        return comparison.to_datatree()
    file = tmp_path_factory.mktemp("saved") / "it.nc"
    comparison.save(file)
    return az.from_netcdf(file)


def test_summaries_are_the_tables(comparison: Comparison, tree: xr.DataTree) -> None:
    summary = az.summary(tree, round_to="none")
    table = comparison.table
    assert list(summary.index) == list(table.index)
    for theirs, ours in {"mean": "mean", "sd": "sd", "ess_bulk": "ess_bulk", "r_hat": "r_hat"}.items():
        np.testing.assert_allclose(summary[theirs], table[ours], rtol=1e-8)
    laplace = az.summary(tree, group="laplace", kind="stats", ci_prob=0.94, round_to="none")
    np.testing.assert_allclose(laplace["sd"], table["laplace_sd"], rtol=1e-8)
    np.testing.assert_allclose(laplace["eti94_lb"], table["laplace_lb"], rtol=1e-8)
    assert set(az.summary(tree, group="prior", kind="stats", var_names="mu").index) == {"mu[a]", "mu[b]", "mu[c]"}


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto distribution")
def test_loo_is_the_comparisons(comparison: Comparison, tree: xr.DataTree) -> None:
    for term in ("y", "n"):
        found = az.loo(tree, var_name=term)
        ours = comparison.prediction["terms"][term]
        # ArviZ takes the relative efficiency of the draws from another set of scalars.
        assert found.elpd == pytest.approx(ours["elpd_loo"]["value"], abs=0.01)


def test_log_likelihood_has_the_datas_labels(comparison: Comparison, tree: xr.DataTree) -> None:
    y, posterior = tree["log_likelihood"]["y"], tree["posterior"]
    assert y.dims == ("chain", "draw", "school", "row")
    assert list(y["school"].values) == list("abc")
    mu, sigma = posterior["mu"].sel(school="b"), posterior["sigma"]
    expected = -0.5 * ((Y[1, 2] - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(y.sel(school="b", row=2), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(tree["observed_data"]["y"].sel(school="b"), Y[1])


@pytest.mark.filterwarnings("ignore:In a future version of xarray:FutureWarning")  # ArviZ's own
@pytest.mark.parametrize(
    "draw",
    [az.plot_trace_dist, az.plot_forest, az.plot_dist, az.plot_rank, az.plot_energy, az.plot_prior_posterior],
)
def test_figures(tree: xr.DataTree, draw: Any) -> None:
    assert draw(tree, backend="none") is not None


def test_groups_say_where_they_come_from(tree: xr.DataTree) -> None:
    for group in ("posterior", "sample_stats", "laplace", "marginal", "prior", "log_likelihood", "observed_data"):
        attributes = tree[group].attrs
        assert attributes["creation_library"] == "bayescompare"
        assert {"created_at", "creation_library_version", "creation_library_language"} <= set(attributes)
    assert tree["posterior"].attrs["inference_library"] == "nutpie"
    assert tree["posterior"].attrs["tuning_steps"] == 300
    assert tree["laplace"].attrs["inference_library"] == "bayescompare"


def test_held_out_data_have_no_log_likelihood_here() -> None:
    with pm.Model() as model:
        y = pm.Data("y", np.array([1.0, 2.0]))
        pm.Normal("seen", pm.Normal("mu"), 1.0, observed=y)
    found = bc.compare(model, holdout={"y": np.array([0.5, 1.5])}, draws=50, tune=100, chains=2)
    assert found.log_likelihood is None


@pytest.mark.parametrize("method", ["map", "laplace"])
def test_a_fit_is_a_tree_too(method: str) -> None:
    found = bc.fit(grouped(), method, random_seed=1)
    tree, table = found.to_datatree(), found.summary(var_names="mu")
    assert list(table.index) == ["mu[a]", "mu[b]", "mu[c]"]
    if method == "map":
        assert tree["mode"]["mu"].dims == ("school",)
        np.testing.assert_array_equal(tree["mode"]["mu"], [found.values[f"mu[{g}]"] for g in "abc"])
        np.testing.assert_array_equal(table["estimate"], tree["mode"]["mu"])
        assert (found.summary()["sd"] > 0).all()
    else:
        np.testing.assert_allclose(az.summary(tree, kind="stats", round_to="none")["mean"], found.estimate)
        np.testing.assert_allclose(table["mean"], found.estimate[:3])
        assert list(found.summary(ci_prob=0.5, ci_kind="hdi").columns[2:]) == ["hdi50_lb", "hdi50_ub"]
