"""Comparisons beyond the marginals: quantities, decisions, prediction, held-out data, draws from outside."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

import bayescompare as bc
from bayescompare.cli.summary import summary
from bayescompare.errors import DataError, MissingFileError, ResultFileError, UnknownNameError, UsageError
from bayescompare.methods.nuts import growing
from bayescompare.methods.nuts import run as nuts
from bayescompare.model.predictive import Predictive
from bayescompare.model.problem import Problem
from bayescompare.report import to_html
from bayescompare.results.comparison import Comparison
from bayescompare.results.storage import to_tree
from bayescompare.workflow.moment_matching import mend

Y = np.array([1.1, -0.3, 0.8, 2.0, 0.4, 1.3])
NOISE, PRIOR = 0.9, 1.5
PRECISION = 1 / PRIOR**2 + len(Y) / NOISE**2
MU = stats.norm(Y.sum() / NOISE**2 / PRECISION, PRECISION**-0.5)
QUICK = bc.SamplerOptions(draws=1000, tune=500, chains=4)


def normal(y: np.ndarray = Y) -> pm.Model:
    with pm.Model(coords={"row": [f"r{i}" for i in range(len(y))]}) as model:
        data = pm.Data("data", y, dims="row")
        mu = pm.Normal("mu", 0.0, PRIOR)
        pm.Normal("y", mu, NOISE, observed=data, dims="row")
    return model


def two(p: xr.Dataset) -> xr.DataArray:
    return xr.concat([np.exp(p["mu"]), p["mu"] ** 2], dim="what").assign_coords(what=["exp", "square"])


@pytest.fixture(scope="module")
def whole() -> Comparison:
    return bc.compare(
        normal(),
        quantities={"odds": lambda p: np.exp(p["mu"]), "both": two},
        losses=["pinball(0.9) on mu", "squared on odds", "threshold(0.9, 1, 3) on mu"],
        holdout={"data": np.full(len(Y), 0.5)},
        random_seed=3,
        options=bc.CompareOptions(sampler=QUICK),
    )


@pytest.fixture(scope="module")
def plain() -> Comparison:
    return bc.compare(normal(), random_seed=3, options=bc.CompareOptions(sampler=QUICK))


def figure(of: dict[str, Any]) -> tuple[float, float]:
    return float(of["value"]), float(of["mcse"])


# -- quantities and decisions ------------------------------------------------------------------------------


def test_quantities_have_rows_with_the_plug_in(whole: Comparison) -> None:
    assert list(whole.table.index) == ["mu", "odds", "both[exp]", "both[square]"]
    assert list(whole.table["kind"]) == ["free", "quantity", "quantity", "quantity"]
    row = whole.table.loc["odds"]
    assert row["map"] == pytest.approx(math.exp(MU.mean()), rel=1e-9)
    # Lognormal: the mean of exp(mu) lies above exp of the mean; Jensen's gap is visible.
    assert abs(row["mean"] - math.exp(MU.mean() + MU.var() / 2)) < 5 * row["mcse_mean"]
    np.testing.assert_array_equal(whole.table.loc["both[exp]", "mean"], row["mean"])


def test_decisions_are_quadratures(whole: Comparison) -> None:
    """Regret of acting on the mode of a normal: pinball by its closed form, squared loss of a lognormal by moments."""
    pinball, squared, threshold = whole.decisions
    z = stats.norm.ppf(0.9)
    # E pinball at the q-quantile is sd·φ(z); at the mean it is sd·φ(0) = sd/√(2π) for every q.
    exact = MU.std() * (stats.norm.pdf(0) - stats.norm.pdf(z))
    value, error = figure(pinball["regret"])
    assert abs(value - exact) < 5 * error
    assert pinball["plugin_action"] == pytest.approx(MU.mean(), rel=1e-9)
    gap = math.exp(MU.mean() + MU.var() / 2) - math.exp(MU.mean())
    value, error = figure(squared["regret"])
    assert abs(value - gap**2) < 5 * error
    act = MU.mean() > 0.9
    assert threshold["plugin_action"] == ("act" if act else "do not act")
    value, error = figure(threshold["flips"])
    assert abs(value - (MU.cdf(0.9) if act else MU.sf(0.9))) < 5 * error


def test_the_decision_decides_first(whole: Comparison) -> None:
    layer = whole.verdict.layers["decision"]
    assert str(layer.state) == "differs"
    assert whole.verdict.overall.deciding == "decision"
    assert whole.verdict.overall.sentence.startswith("Acting on the MAP costs ")


def test_losses_and_quantities_that_cannot_be(plain: Comparison) -> None:
    quick = bc.CompareOptions(sampler=bc.SamplerOptions(draws=20, tune=20, chains=2))
    with pytest.raises(UnknownNameError, match="no loss 'squard'"):
        bc.compare(normal(), losses=["squard on mu"], options=quick)
    with pytest.raises(UnknownNameError, match="no scalar 'nu'"):
        bc.compare(normal(), losses=["squared on nu"], options=quick)
    with pytest.raises(UsageError, match="raises KeyError"):
        bc.compare(normal(), quantities={"q": lambda p: p["nu"]}, options=quick)
    with pytest.raises(UsageError, match="dims chain and draw"):
        bc.compare(normal(), quantities={"q": lambda p: p["mu"].mean()}, options=quick)
    with pytest.raises(UsageError, match="name of a scalar"):
        bc.compare(normal(), quantities={"mu": lambda p: p["mu"]}, options=quick)


# -- prediction --------------------------------------------------------------------------------------------


def without(i: int) -> tuple[float, float]:
    """Mean and variance of mu without observation i."""
    precision = PRECISION - 1 / NOISE**2
    return (Y.sum() - Y[i]) / NOISE**2 / precision, 1 / precision


def test_elpd_of_both_arms(plain: Comparison) -> None:
    mine = sum(stats.norm(without(i)[0], math.hypot(NOISE, without(i)[1] ** 0.5)).logpdf(Y[i]) for i in range(len(Y)))
    value, error = figure(plain.prediction["elpd_loo"])
    assert abs(value - mine) < 5 * error
    theirs = sum(stats.norm(without(i)[0], NOISE).logpdf(Y[i]) for i in range(len(Y)))
    assert plain.prediction["elpd_plugin"]["value"] == pytest.approx(theirs, rel=1e-8)
    inside = stats.norm(MU.mean(), NOISE).logpdf(Y).sum()
    assert plain.prediction["elpd_plugin_in_sample"]["value"] == pytest.approx(inside, rel=1e-10)
    assert plain.prediction["elpd_diff"]["value"] == pytest.approx(value - theirs, rel=1e-6)


def test_variance_discarded(plain: Comparison) -> None:
    value, error = figure(plain.prediction["variance_discarded"])
    assert abs(value - MU.var() / (MU.var() + NOISE**2)) < 5 * error


def test_plug_in_pit_is_exact(plain: Comparison) -> None:
    exact = [stats.norm(without(i)[0], NOISE).cdf(Y[i]) for i in range(len(Y))]
    np.testing.assert_allclose(plain.pointwise["y"]["plugin_pit"], exact, rtol=1e-7)


def test_too_few_observations_tell_no_coverage(plain: Comparison) -> None:
    """Six observations that agree would not come out the same: coverage does not count, variance decides."""
    layer = plain.verdict.layers["prediction"]
    assert str(layer.state) == "differs"
    assert layer.criterion == "variance_discarded"


def test_held_out_data_take_the_place_of_leaving_one_out(whole: Comparison) -> None:
    exact = len(Y) * stats.norm(MU.mean(), NOISE).logpdf(0.5)
    assert whole.prediction["elpd_plugin"]["value"] == pytest.approx(exact, rel=1e-9)
    posterior = len(Y) * stats.norm(MU.mean(), math.hypot(NOISE, MU.std())).logpdf(0.5)
    value, error = figure(whole.prediction["elpd_loo"])
    assert abs(value - posterior) < 5 * error
    assert whole.prediction["refits"] == 0


def test_held_out_groups_that_were_not_seen_are_refused() -> None:
    def build(n: int) -> pm.Model:
        with pm.Model() as model:
            x = pm.Normal("x", 0.0, 1.0, shape=n)
            pm.Normal("y", x, 1.0, observed=np.zeros(n))
        return model

    options = bc.CompareOptions(sampler=bc.SamplerOptions(draws=20, tune=20, chains=2))
    with pytest.raises(DataError, match="4 free scalars, not 2, with x\\[2\\]"):
        _run_held_out(build(2), build(4), options)


def _run_held_out(model: pm.Model, other: pm.Model, options: bc.CompareOptions) -> Comparison:
    from bayescompare.templates.loading import load_target
    from bayescompare.workflow.compare import run
    from bayescompare.workflow.options import Asked

    return run(load_target(model), asked=Asked(held_out=other), options=options)


def test_an_outlier_is_mended_to_its_exact_density() -> None:
    """One observation 12 sd out: its weights have no mean, and moving the draws gives what the closed form says."""
    y = np.append(Y, 12.0)
    problem = Problem(normal(y))
    predictive = Predictive(problem)
    precision = 1 / PRIOR**2 + len(y) / NOISE**2
    rng = np.random.default_rng(4)
    draws = rng.normal(y.sum() / NOISE**2 / precision, precision**-0.5, (4000, 1))
    k_hat = np.zeros(len(y))
    k_hat[-1] = 2.0
    found = mend(problem, predictive, "y", draws, k_hat=k_hat, r_eff=1.0, seed=0)
    rest = precision - 1 / NOISE**2
    exact = stats.norm(Y.sum() / NOISE**2 / rest, math.hypot(NOISE, rest**-0.5)).logpdf(12.0)
    assert np.isnan(found.mended.elpd[:-1]).all()
    assert abs(found.mended.elpd[-1] - exact) < 5 * found.mended.mcse[-1]
    assert found.mended.mcse[-1] < 0.5
    predicted = found.draws[len(y) - 1]
    mean, sd = Y.sum() / NOISE**2 / rest, math.hypot(NOISE, rest**-0.5)
    # Resampled draws: about as good as a quarter of them.
    assert abs(predicted.mean() - mean) < 5 * sd / math.sqrt(1000)


# -- sensitivity, groups, cost -----------------------------------------------------------------------------


def test_sensitivity_of_a_normal(plain: Comparison) -> None:
    """mean(α) = S/σ² / (α/τ² + n/σ²): its derivative at 1 is −mean·(1/τ²)/precision, for mode and mean alike."""
    exact = -MU.mean() / PRIOR**2 / PRECISION / MU.std()
    prior = plain.sensitivity["prior"]["mu"]
    for key in ("mean", "mode"):
        value, error = figure(prior[key])
        assert abs(value - exact) < 5 * error


def test_cost_is_told_and_left_out_of_what_is_reproducible(plain: Comparison) -> None:
    arms = plain.provenance["cost"]["arms"]
    assert {"mle", "map", "unconstrained_map", "laplace", "nuts", "refits"} <= set(arms)
    assert arms["map"]["evaluations"] == plain.fits["map"].evaluations
    assert "cost" in plain.to_dict()["provenance"]
    assert "cost" not in plain.to_dict(reproducible=True)["provenance"]


def test_everything_comes_back_from_disk(whole: Comparison, tmp_path: Path) -> None:
    whole.save(tmp_path / "whole.nc")
    again = bc.open(tmp_path / "whole.nc")
    assert json.dumps(again.to_dict()) == json.dumps(whole.to_dict())


# -- draws from outside ------------------------------------------------------------------------------------


def told(c: Comparison) -> dict[str, Any]:
    """The document without what tells where the draws are from."""
    document = c.to_dict(reproducible=True)
    for key in ("origin", "sampler", "thinning", "unchecked"):
        document["fits"]["nuts"].pop(key, None)
    for key in ("backend", "target_accept"):  # left to the engine when it was asked, and known afterwards
        document["settings"]["sampler"].pop(key)
    return document


@pytest.mark.parametrize("how", ["nc", "zarr", "tree", "comparison"])
def test_a_saved_comparison_is_made_again_from_its_own_draws(plain: Comparison, tmp_path: Path, how: str) -> None:
    given: Any = tmp_path / f"saved.{how}"
    if how in ("nc", "zarr"):
        if how == "zarr":
            pytest.importorskip("zarr")
        plain.save(given)
    else:
        given = plain if how == "comparison" else to_tree(plain)
    again = bc.compare(normal(), posterior=given, random_seed=3)
    assert told(again) == told(plain)
    assert again.fits["nuts"].diagnostics["origin"] == "saved"
    assert again.fits["nuts"].seconds == plain.fits["nuts"].seconds
    page = to_html(again)
    assert "The draws of the posterior were made before, with the No-U-Turn Sampler" in page


def test_faults_of_saved_draws_stay(plain: Comparison, tmp_path: Path) -> None:
    """10 divergences of 4,000 give no verdict, whichever way the draws come back, and however often."""
    nuts = plain.fits["nuts"]
    flags = np.zeros((4, 1000))
    flags[0, :10] = 1
    faulty = replace(nuts, statistics={**nuts.statistics, "diverging": flags})
    replace(plain, fits={**plain.fits, "nuts": faulty}).save(tmp_path / "faulty.nc")
    for turn in ("faulty.nc", "again.nc"):
        found = bc.compare(normal(), posterior=tmp_path / turn, random_seed=3)
        assert str(found.verdict.overall.state) == "no_verdict"
        assert found.verdict.layers["sampler"].reason.text.startswith("10 divergences in 4,000 draws")
        found.save(tmp_path / "again.nc")
    with xr.open_datatree(tmp_path / "again.nc", engine="h5netcdf") as tree:  # where ArviZ looks
        assert int(tree["sample_stats/diverging"].sum()) == 10
        assert tree["posterior"].attrs["tuning_steps"] == 500


def test_thinned_draws_have_no_e_bfmi(plain: Comparison, tmp_path: Path) -> None:
    plain.save(tmp_path / "saved.nc")
    with xr.open_datatree(tmp_path / "saved.nc", engine="h5netcdf") as opened:
        thinned = {name: opened[name].to_dataset().load() for name in ("posterior", "sample_stats")}
    thinned = {name: group.isel(draw=slice(None, None, 2)) for name, group in thinned.items()}
    found = bc.compare(normal(), posterior=xr.DataTree.from_dict(thinned))
    assert found.fits["nuts"].diagnostics["thinning"] == 2
    assert found.fits["nuts"].diagnostics["e_bfmi"] is None
    gate = found.verdict.layers["sampler"]
    assert str(gate.state) == "unchecked"
    assert gate.unchecked == ("E-BFMI",)


def test_draws_for_another_model_are_refused(plain: Comparison, tmp_path: Path) -> None:
    plain.save(tmp_path / "saved.nc")
    with pytest.raises(DataError, match="data of y differ"):
        bc.compare(normal(Y + 1), posterior=tmp_path / "saved.nc")
    with pm.Model() as other:
        mu = pm.Normal("mu", 0.0, 0.2)
        pm.Normal("y", mu, NOISE, observed=Y)
    with pytest.raises(DataError, match="nats from draw to draw"):
        bc.compare(other, posterior=tmp_path / "saved.nc")


def draws(n: int = 800) -> np.ndarray:
    return MU.rvs((4, n), random_state=1)


def test_a_dict_of_draws_is_enough_and_what_is_unchecked_is_named() -> None:
    found = bc.compare(normal(), posterior={"mu": draws()})
    assert found.fits["nuts"].diagnostics["unchecked"] == ["data", "log density"]
    gate = found.verdict.layers["sampler"]
    assert str(gate.state) == "unchecked"
    assert gate.unchecked == ("divergences", "E-BFMI")
    assert "divergences unchecked" in gate.reason.text
    assert str(found.verdict.overall.state) == "differs"  # it may answer, and says what it did not see
    assert "without what shows divergences and E-BFMI" in found.verdict.overall.sentence
    assert found.settings["sampler"]["draws"] == 800
    assert found.settings["sampler"]["engine"] is None
    assert "NUTS" not in found.verdict.overall.advice


def test_the_report_of_draws_of_unknown_origin_does_not_say_nuts(tmp_path: Path) -> None:
    found = bc.compare(normal(), posterior={"mu": draws()})
    page = to_html(found)
    assert "The draws of the posterior were made elsewhere, by a method that they do not tell" in page
    assert "sampled with the No-U-Turn Sampler" not in page
    assert 'class="st unchecked"' in page
    lines = ["".join(text for text, _ in line) for line in summary(found)]
    assert any(line.startswith("◌ unchecked: sampler (R-hat") for line in lines)
    found.to_html(tmp_path / "page.html")
    opened = bc.open(tmp_path / "page.html")
    assert opened.verdict.layers["sampler"] == found.verdict.layers["sampler"]
    found.save(tmp_path / "kept.nc")
    assert bc.open(tmp_path / "kept.nc").verdict == found.verdict


def tree(mu: np.ndarray, y: np.ndarray = Y, lp: np.ndarray | None = None) -> xr.DataTree:
    dims = ("chain", "draw")
    groups = {
        "posterior": xr.Dataset({"mu": (dims, mu)}),
        "observed_data": xr.Dataset({"y": ("row", y)}),
    }
    if lp is not None:
        groups["sample_stats"] = xr.Dataset({"lp": (dims, lp)})
    return xr.DataTree.from_dict(groups)


def test_log_densities_may_differ_by_a_constant_and_a_sign() -> None:
    mu = draws()
    for lp in (MU.logpdf(mu), 7.0 - MU.logpdf(mu)):
        found = bc.compare(normal(), posterior=tree(mu, lp=lp))
        assert found.fits["nuts"].diagnostics["unchecked"] == []


REFUSED = {
    "another name": ({"nu": draws(50)}, "no variable 'mu'; it has nu"),
    "another shape": ({"mu": draws(50)[..., None]}, r"shape \(1,\) in the posterior, and \(\) in the model"),
    "other data": (tree(draws(50), Y + 1.0), "data of y differ in 6 of 6 values"),
    "another prior": (tree(draws(50), lp=stats.norm(0, 1).logpdf(draws(50))), "differ by .* nats from draw to draw"),
    "no number": ({"mu": np.full((2, 10), np.nan)}, "20 of 20 values of mu in the posterior are not finite"),
    "filled up": ({"mu": np.where(np.arange(10) < 7, 0.5, [[np.nan], [0.5]])}, "the first in chain 0, draw 7"),
    "unequal chains": ({"mu": [[0.5, 0.4], [0.5]]}, "The chains of mu are of unequal length"),
    "no posterior": (xr.DataTree.from_dict({"prior": xr.Dataset()}), "no group `posterior`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_posterior_of_this_model_is_refused(case: str) -> None:
    posterior, said = REFUSED[case]
    with pytest.raises(DataError, match=said):
        bc.compare(normal(), posterior=posterior)


def test_draws_out_of_range_are_refused() -> None:
    with pm.Model() as model:
        s = pm.HalfNormal("s", 1.0)
        pm.Normal("y", 0.0, s, observed=Y)
    with pytest.raises(DataError, match="Draws of s lie outside"):
        bc.compare(model, posterior={"s": np.full((2, 20), -1.0)})


def test_files_that_hold_no_posterior(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        bc.compare(normal(), posterior=tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("no")
    with pytest.raises(ResultFileError, match="no posterior that xarray can read"):
        bc.compare(normal(), posterior=tmp_path / "text.nc")


# -- sampling on -------------------------------------------------------------------------------------------


def test_a_longer_run_goes_on_from_the_shorter() -> None:
    problem = Problem(normal())
    options = bc.SamplerOptions(draws=100, tune=200, chains=4)
    first, second = growing(problem, [100, 250], seed=5, options=options)
    assert first.draws is not None
    assert second.draws is not None
    assert first.draws.shape == (4, 100, 1)
    np.testing.assert_array_equal(first.draws, second.draws[:, :100])
    alone = nuts(problem, seed=5, options=options)
    np.testing.assert_array_equal(first.draws, alone.draws)
    with pytest.raises(UsageError, match="cannot go on"):
        next(growing(problem, [10], options=bc.SamplerOptions(engine="pymc")))


def test_until_settled_stops_at_a_fixed_number_of_draws() -> None:
    """A margin that 4 × 100 draws cannot decide and more can; one seed, one result."""
    z = 0.02  # the distance is 0: with 400 draws its error is 0.05
    options = bc.CompareOptions(
        sampler=bc.SamplerOptions(draws=150, tune=300, chains=4),
        until_settled=True,
        budget=64,
        margins=bc.Margins(location=5 * z, spread=0.5, variance_discarded=0.9, elpd=50.0),
    )
    found = [bc.compare(normal(), random_seed=2, options=options) for _ in range(2)]
    lengths = [c.fits["nuts"].diagnostics["draws"] for c in found]
    assert lengths[0] == lengths[1] > 150
    assert math.log2(lengths[0] / 150).is_integer()
    np.testing.assert_array_equal(found[0].table["z"], found[1].table["z"])
    assert all(str(layer.state) != "undecided" for layer in found[0].verdict.layers.values())


# -- verdicts of known cases -------------------------------------------------------------------------------


def test_heavy_tails_have_no_sd_and_the_rank_decides() -> None:
    with pm.Model() as model:
        x = pm.Cauchy("x", 0.0, 1.0)
        pm.Normal("y", x, 1e3, observed=0.0)
    found = bc.compare(model, posterior={"x": stats.cauchy(0, 1).rvs((4, 1000), random_state=0)})
    row = found.table.loc["x"]
    assert math.isnan(row["sd"])
    assert math.isnan(row["z"])
    assert row["reason"]
    layer = found.verdict.layers["location"]
    assert "its posterior has no sd" in layer.reason.text
    assert str(layer.state) == "same"


@pytest.mark.slow
def test_a_thousand_dimensions() -> None:
    """Every marginal is right and no draw is near the mode: the typical set is a shell."""
    d = 1000
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1.0, shape=d)
        pm.Potential("data", pm.math.constant(0.0))
    found = bc.compare(model, posterior={"x": np.random.default_rng(0).standard_normal((4, 1000, d))})
    ratio, error = figure(found.joint["typicality"])
    assert abs(ratio - 1) < 5 * error
    assert found.joint["joint_level"]["value"] == 0.0  # no draw is denser than the MAP
    assert str(found.verdict.layers["location"].state) == "same"
    assert str(found.verdict.layers["joint"].state) == "same"
