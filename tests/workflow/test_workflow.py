"""Whole comparisons of tiny models with known answers, from a model to a verdict, a report and a file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy.stats import beta, expon, lognorm, multivariate_normal, norm

import bayescompare as bc
from bayescompare.errors import FitError, ModelError, UnknownNameError, UsageError
from bayescompare.report import to_html
from bayescompare.results.comparison import Comparison
from bayescompare.templates import template

ERRORS = 5.0
ROOT = Path(__file__).parents[2]
QUICK = bc.SamplerOptions(draws=500, tune=500)


# -- models ----------------------------------------------------------------------------------------

Y = np.array([2.0, 3.5, 1.0, 4.5, 2.5, 0.5])
PRIOR_MEAN, PRIOR_SD, NOISE = 1.0, 3.0, 2.0
PRECISION = PRIOR_SD**-2 + len(Y) * NOISE**-2
MU = norm((PRIOR_MEAN * PRIOR_SD**-2 + Y.sum() * NOISE**-2) / PRECISION, PRECISION**-0.5)


def normal_normal() -> pm.Model:
    with pm.Model(coords={"row": list("abcdef")}) as model:
        mu = pm.Normal("mu", PRIOR_MEAN, PRIOR_SD)
        pm.Deterministic("twice", 2.0 * mu)
        pm.Normal("y", mu, NOISE, observed=Y, dims="row")
    return model


A, B = 42.0, 63.0
P = beta(A, B)


def beta_binomial() -> pm.Model:
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 3.0)
        pm.Binomial("y", n=100, p=p, observed=40)
    return model


RATE = expon(scale=1 / 3)


def no_events() -> pm.Model:
    """Two counts of 0 under a unit exponential prior: the posterior is exponential with rate 3."""
    with pm.Model() as model:
        rate = pm.Exponential("rate", 1.0)
        pm.Poisson("y", rate, observed=np.array([0, 0]))
    return model


def unbounded() -> pm.Model:
    """Gamma(0.8, 2): its density has no maximum, its draws are well behaved on the log scale."""
    with pm.Model() as model:
        x = pm.Gamma("x", 0.8, 1.0)
        pm.Poisson("y", x, observed=0)
    return model


def two_modes() -> pm.Model:
    """The search begins at the lower mode."""
    with pm.Model() as model:
        x = pm.NormalMixture("x", w=np.array([0.3, 0.7]), mu=np.array([-2.0, 2.0]), sigma=1.0, initval=-2.5)
        pm.Normal("y", x, 100.0, observed=0.0)
    return model


@pytest.fixture(scope="module")
def normal() -> Comparison:
    return bc.compare(normal_normal(), random_seed=1)


@pytest.fixture(scope="module")
def binomial() -> Comparison:
    return bc.compare(beta_binomial(), random_seed=1)


@pytest.fixture(scope="module")
def exponential() -> Comparison:
    return bc.compare(no_events(), random_seed=1)


def close(row: Any, exact: dict[str, float], errors: dict[str, float]) -> None:
    """Each figure within 5 of its errors; what has no error of its own is exact to rounding of the search."""
    for name, value in exact.items():
        error = errors.get(name, 0.0)
        assert abs(row[name] - value) <= ERRORS * error + 1e-6 * max(1, abs(value)), f"{name}: {row[name]}, not {value}"


def own_errors(row: Any) -> dict[str, float]:
    found = {name.removesuffix("_mcse"): row[name] for name in row.index if name.endswith("_mcse")}
    return found | {"mean": row["mcse_mean"], "sd": row["mcse_sd"], "shift_pushforward": 0.0}


def quantile_error(law: Any, row: Any, p: float) -> float:
    return float(np.sqrt(p * (1 - p) / row["ess_tail"]) / law.pdf(law.ppf(p)))


# -- normal-normal ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "law"), [("mu", MU), ("twice", norm(2 * MU.mean(), 2 * MU.std()))])
def test_normal_normal_has_every_column_known(normal: Comparison, name: str, law: Any) -> None:
    row = normal.table.loc[name]
    assert row["kind"] == ("free" if name == "mu" else "derived")
    assert row["reason"] == ""
    assert not row["boundary"]
    mean, sd = law.mean(), law.std()
    exact = {
        "map": mean,
        "map_unconstrained": mean,
        "laplace_mean": mean,
        "laplace_sd": sd,
        "mean": mean,
        "sd": sd,
        "z": 0.0,
        "rank": 0.5,
        "sd_ratio": 1.0,
        "sign_probability": law.sf(0),
        "contraction": 1 - (MU.std() / PRIOR_SD) ** 2,
        "shift_coordinates": 0.0,
        "shift_pushforward": 0.0,
        "shift_shape": 0.0,
        "skewness": 0.0,
        "median": mean,
        "eti_lb": law.ppf(0.03),
        "eti_ub": law.ppf(0.97),
    }
    n = row["ess_bulk"]
    errors = own_errors(row) | {
        "skewness": math.sqrt(6 / min(n, row["ess_tail"])),
        "median": quantile_error(law, row, 0.5),
        "eti_lb": quantile_error(law, row, 0.03),
        "eti_ub": quantile_error(law, row, 0.97),
    }
    close(row, exact, errors)
    # The MAP is exact in posterior sd, far inside of any Monte-Carlo error.
    assert abs(row["map"] - mean) < 1e-6 * sd
    assert row["quadratic_regret"] == row["z"] ** 2
    # E|x − m| against the sample's own best: of second order in the median's error.
    assert 0 <= row["absolute_regret"] < 25 * (math.pi / 2) / n
    # Vasicek's estimator is biased by −0.016 at 4,000 draws, and its sd is √(1/2n).
    assert abs(row["entropy"] - law.entropy()) < 0.032 + ERRORS * math.sqrt(0.5 / n)
    assert row["width"] == pytest.approx(math.exp(row["entropy"]), rel=1e-12)
    # At the mode: 0 but for the bias that its docstring gives, 0.07 ± 0.05.
    assert row["hdi_level"] < 0.07 + ERRORS * 0.05
    # Two samples of one law.
    assert row["w1"] < 3 * row["w1_null"]


def test_normal_normal_verdict(normal: Comparison) -> None:
    """Six observations: as a point and as an interval the MAP is right, but a plug-in prediction leaves out a share of
    its variance, var/(var + σ²)."""
    assert {name: str(layer.state) for name, layer in normal.verdict.layers.items()} == {
        "optimiser": "sound",
        "sampler": "sound",
        "decision": "not_computed",
        "location": "same",
        "prediction": "differs",
        "spread": "same",
        "joint": "same",
        "coordinates": "same",
    }
    assert not normal.verdict.layers["decision"].applies
    assert str(normal.verdict.overall.state) == "differs"
    assert normal.verdict.overall.sentence.startswith("Predictions from the MAP leave out")
    share = normal.verdict.layers["prediction"]
    assert share.figure is not None
    assert share.mcse is not None
    assert abs(share.figure - MU.var() / (MU.var() + NOISE**2)) < 5 * share.mcse


def test_normal_normal_evidence(normal: Comparison) -> None:
    """A Gaussian's Laplace approximation is exact, so its evidence is the marginal likelihood."""
    n = len(Y)
    covariance = NOISE**2 * np.eye(n) + PRIOR_SD**2 * np.ones((n, n))
    exact = multivariate_normal(np.full(n, PRIOR_MEAN), covariance).logpdf(Y)
    assert normal.fits["laplace"].diagnostics["log_evidence"] == pytest.approx(exact, abs=1e-6)


def test_normal_normal_densities_are_whole(normal: Comparison) -> None:
    """log p(y, mu) at the mode, all constants included."""
    exact = norm(PRIOR_MEAN, PRIOR_SD).logpdf(MU.mean()) + norm(MU.mean(), NOISE).logpdf(Y).sum()
    assert normal.fits["map"].log_density == pytest.approx(exact, abs=1e-9)
    assert normal.fits["unconstrained_map"].log_density == pytest.approx(exact, abs=1e-9)


def test_normal_normal_data_and_layout(normal: Comparison) -> None:
    np.testing.assert_array_equal(normal.data["y"].values, Y)
    assert list(normal.data["row"].values) == list("abcdef")
    assert normal.model.parameters == 1
    assert normal.model.observations == len(Y)
    assert set(normal.posterior.data_vars) == {"mu", "twice"}
    np.testing.assert_allclose(normal.posterior["twice"], 2 * normal.posterior["mu"], rtol=1e-12)


def test_curves_are_the_laws(normal: Comparison) -> None:
    i = normal.curves.names.index("mu")
    x = normal.curves.x[i]
    assert x[0] < MU.mean() < x[-1]
    # A kernel density's error at a point with 4,000 draws: sd 4 % of the peak, bias 1 %, tails cut at the draws' ends.
    peak = MU.pdf(MU.mean())
    assert np.max(np.abs(normal.curves.posterior[i] - MU.pdf(x))) < 0.2 * peak
    assert np.max(np.abs(normal.curves.laplace[i] - MU.pdf(x))) < 0.2 * peak


# -- beta-binomial ---------------------------------------------------------------------------------


def test_beta_binomial(binomial: Comparison) -> None:
    row = binomial.table.loc["p"]
    mode, mean, sd = (A - 1) / (A + B - 2), P.mean(), P.std()
    exact = {
        "map": mode,
        "map_unconstrained": A / (A + B),
        "mean": mean,
        "sd": sd,
        "z": (mode - mean) / sd,
        "rank": P.cdf(mode),
        "sign_probability": 1.0,
        "contraction": 1 - (sd / beta(2, 3).std()) ** 2,
        "median": P.median(),
    }
    close(row, exact, own_errors(row) | {"median": quantile_error(P, row, 0.5)})
    # Laplace in logit(p): mean log(a/b), variance 1/a + 1/b; its draws are stratified, 4,000 of them.
    u = norm(math.log(A / B), math.sqrt(1 / A + 1 / B))
    p = 1 / (1 + np.exp(-u.ppf((np.arange(100_000) + 0.5) / 100_000)))
    assert abs(row["laplace_mean"] - p.mean()) < ERRORS * p.std() / math.sqrt(4000)
    assert abs(row["laplace_sd"] / p.std() - 1) < ERRORS / math.sqrt(2 * 4000)
    assert row["shift_coordinates"] == pytest.approx((A / (A + B) - mode) / row["sd"], rel=1e-6)
    total = row["shift_coordinates"] + row["shift_pushforward"] + row["shift_shape"]
    assert total == pytest.approx(-row["z"], abs=1e-12)
    layers = {name: str(layer.state) for name, layer in binomial.verdict.layers.items()}
    assert layers["location"] == layers["spread"] == layers["joint"] == "same"


# -- a boundary ------------------------------------------------------------------------------------


def test_a_mode_on_the_boundary_differs(exponential: Comparison) -> None:
    row = exponential.table.loc["rate"]
    assert row["boundary"]
    assert row["map"] == 0
    assert row["map_unconstrained"] == pytest.approx(1 / 3, rel=1e-6)
    close(row, {"mean": 1 / 3, "sd": 1 / 3, "z": -1.0, "rank": 0.0}, own_errors(row))
    assert row["rank"] == 0 < row["rank_mcse"]
    assert math.isnan(row["sign_probability"])
    overall = exponential.verdict.overall
    assert (str(overall.state), overall.opening, overall.deciding) == ("differs", "No.", "location")
    assert overall.sentence.startswith("The MAP sets rate to 0, the edge of its range, ")
    assert "On the unconstrained scale the mode is at rate = 0.33" in overall.advice
    layer = exponential.verdict.layers["location"]
    assert layer.figure == pytest.approx(1.0, abs=ERRORS * row["z_mcse"])
    # Laplace in log rate: log-normal around ⅓ with unit variance. The sd of 4,000 such draws is known to 8 %.
    ratio = math.sqrt(math.e * (math.e - 1))
    assert abs(row["sd_ratio"] / ratio - 1) < ERRORS * math.sqrt((lognorm(1).stats("k") + 2) / (4 * 4000))
    assert row["sd_ratio_mcse"] / row["sd_ratio"] > 1.5 * row["mcse_sd"] / row["sd"]


# -- no mode, or the wrong one ---------------------------------------------------------------------


def test_a_mode_that_does_not_exist() -> None:
    options = bc.CompareOptions(sampler=bc.SamplerOptions(target_accept=0.95))
    comparison = bc.compare(unbounded(), random_seed=1, options=options)
    overall = comparison.verdict.overall
    assert str(overall.state) == "differs"
    assert overall.opening == "No. There is no MAP."
    assert overall.sentence.startswith("The density grows without limit as x goes to 0.")
    assert overall.deciding == "optimiser"
    row = comparison.table.loc["x"]
    assert math.isnan(row["map"])
    assert math.isnan(row["z"])
    assert row["reason"] == "no MAP"
    # The posterior stands: Gamma(0.8, 2).
    assert abs(row["mean"] - 0.4) < ERRORS * row["mcse_mean"]
    assert abs(row["sd"] - math.sqrt(0.8) / 2) < ERRORS * row["mcse_sd"]
    assert str(comparison.fits["map"].status) == "failed"
    assert comparison.fits["map"].estimate.tolist() == pytest.approx([math.nan], nan_ok=True)
    json.dumps(comparison.to_dict(), allow_nan=False)
    assert "Why there is no MAP" in to_html(comparison)


@pytest.mark.slow
def test_centred_eight_schools_has_no_mode() -> None:
    from bayescompare.models import eight_schools

    comparison = bc.compare(eight_schools(parametrisation="centered"), random_seed=1)
    overall = comparison.verdict.overall
    assert overall.opening in ("No. There is no MAP.", "No verdict.")  # the second where the neck stops the sampler
    assert "grows without limit as tau goes to 0" in overall.sentence
    assert np.isnan(comparison.table["map"]).all()
    assert np.isfinite(comparison.table["mean"]).all()


def test_a_draw_above_the_mode_sends_the_search_back() -> None:
    """One start, at the lower of two modes: the draws show that there is a higher one, and the search begins there."""
    alone = bc.fit(two_modes(), "map", random_seed=1, options=bc.ModeOptions(starts=1))
    assert alone.values["x"] == pytest.approx(-2, abs=0.1)
    rng = np.random.default_rng(0)
    exact = np.where(rng.random((4, 500)) < 0.7, 2.0, -2.0) + rng.standard_normal((4, 500))
    options = bc.CompareOptions(mode=bc.ModeOptions(starts=1))
    comparison = bc.compare(two_modes(), posterior={"x": exact}, random_seed=1, options=options)
    mode = comparison.fits["map"]
    assert mode.ok
    assert mode.values["x"] == pytest.approx(2, abs=0.1)
    assert "draw" in {start["kind"] for start in mode.diagnostics["starts"]}
    # The other mode is log(0.7/0.3) = 0.85 lower.
    assert mode.log_density - alone.log_density == pytest.approx(math.log(7 / 3), abs=0.02)
    basins = comparison.joint["basins"]
    assert len(basins) == 2
    for basin, share in zip(basins, (0.7, 0.3), strict=True):
        # The two components overlap a little, exp(−8): each one's curvature feels the other.
        assert basin["mass"]["value"] == pytest.approx(share, abs=5e-3)
        assert abs(basin["share"]["value"] - share) < 4 * basin["share"]["mcse"]
    assert str(comparison.verdict.layers["joint"].state) == "differs"
    assert comparison.verdict.layers["joint"].criterion == "basins"


def test_enough_starts_find_the_higher_mode() -> None:
    mode = bc.fit(two_modes(), "map", random_seed=1)
    assert mode.values["x"] == pytest.approx(2, abs=0.1)
    assert mode.ok


def test_a_sampler_that_did_not_converge_gives_no_verdict() -> None:
    options = bc.CompareOptions(sampler=bc.SamplerOptions(draws=100, tune=200, chains=2))
    overall = bc.compare(normal_normal(), random_seed=1, options=options).verdict.overall
    assert (str(overall.state), overall.opening, overall.deciding) == ("no_verdict", "No verdict.", "sampler")
    assert "NUTS did not converge" in overall.sentence
    advised = re.search(r"2 chains of [\d,]+ \(--draws (\d+)\)", overall.advice)
    assert advised is not None
    options = bc.CompareOptions(sampler=bc.SamplerOptions(draws=int(advised.group(1)), tune=200, chains=2))
    assert str(bc.compare(normal_normal(), random_seed=1, options=options).verdict.layers["sampler"].state) == "sound"


# -- one seed, one result --------------------------------------------------------------------------


def test_one_seed_gives_one_result(normal: Comparison) -> None:
    again = bc.compare(normal_normal(), random_seed=1)
    assert again.to_dict(reproducible=True) == normal.to_dict(reproducible=True)
    assert to_html(again, reproducible=True) == to_html(normal, reproducible=True)


def test_another_seed_gives_other_draws_of_the_same_posterior(normal: Comparison) -> None:
    other = bc.compare(normal_normal(), random_seed=2, options=bc.CompareOptions(sampler=QUICK))
    one, two = normal.table.loc["mu"], other.table.loc["mu"]
    assert one["mean"] != two["mean"]
    assert abs(one["mean"] - two["mean"]) < ERRORS * math.hypot(one["mcse_mean"], two["mcse_mean"])
    assert one["map"] == pytest.approx(two["map"], abs=1e-6)


ELSEWHERE = """
import hashlib, json, sys
import bayescompare as bc
from bayescompare.report import to_html
from tests.workflow.test_workflow import normal_normal
c = bc.compare(normal_normal(), random_seed=1)
text = json.dumps(c.to_dict(reproducible=True), allow_nan=False)
print(hashlib.sha256(text.encode()).hexdigest(), hashlib.sha256(to_html(c, reproducible=True).encode()).hexdigest())
"""


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(normal: Comparison) -> None:
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.dumps(normal.to_dict(reproducible=True), allow_nan=False)
    here = [document, to_html(normal, reproducible=True)]
    assert done.stdout.split() == [hashlib.sha256(text.encode()).hexdigest() for text in here]


# -- files -----------------------------------------------------------------------------------------


def test_save_open_and_report(binomial: Comparison, tmp_path: Path) -> None:
    binomial.save(tmp_path / "b.nc")
    opened = bc.open(tmp_path / "b.nc")
    assert opened.to_dict() == binomial.to_dict()
    binomial.to_html(tmp_path / "one.html")
    opened.to_html(tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_arviz_takes_the_file(binomial: Comparison, tmp_path: Path) -> None:
    binomial.save(tmp_path / "b.nc")
    with xr.open_datatree(tmp_path / "b.nc", engine="h5netcdf") as tree:
        summary = az.summary(tree.load(), var_names=["p"], round_to="none")
    row = binomial.table.loc["p"]
    for theirs, mine in {"mean": "mean", "sd": "sd", "ess_bulk": "ess_bulk", "r_hat": "r_hat"}.items():
        assert float(summary.loc["p", theirs]) == pytest.approx(row[mine], rel=1e-8)


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: bc.CompareOptions(interval=0.0),
        lambda: bc.CompareOptions(interval=1.0),
        lambda: bc.CompareOptions(interval=math.nan),
        lambda: bc.CompareOptions(laplace_draws=1),
        lambda: bc.Margins(location=0.0),
        lambda: bc.Margins(rank=-0.1),
        lambda: bc.Margins(spread=math.inf),
        lambda: bc.Margins(location=math.nan),
        lambda: bc.SamplerOptions(draws=0),
        lambda: bc.SamplerOptions(tune=0),
        lambda: bc.SamplerOptions(chains=0),
        lambda: bc.SamplerOptions(target_accept=1.0),
        lambda: bc.SamplerOptions(target_accept=0.0),
        lambda: bc.SamplerOptions(backend="gpu"),
        lambda: bc.LaplaceOptions(draws=1),
    ],
)
def test_options_out_of_range_are_refused(make: Any) -> None:
    with pytest.raises(UsageError):
        make()


def test_an_unknown_engine_is_refused_before_anything_runs() -> None:
    options = bc.CompareOptions(sampler=bc.SamplerOptions(engine="stan"))
    with pytest.raises(UnknownNameError, match=r"stan.*nutpie"):
        bc.compare(normal_normal(), options=options)


def test_options_of_another_method_are_refused() -> None:
    with pytest.raises(UsageError, match="map takes ModeOptions"):
        bc.fit(normal_normal(), "map", options=bc.SamplerOptions())
    with pytest.raises(UnknownNameError):
        bc.fit(normal_normal(), "vi")


def test_not_a_model() -> None:
    with pytest.raises(ModelError):
        bc.compare(42)


def test_strict_raises_with_the_fit() -> None:
    with pytest.raises(FitError, match="map is failed") as raised:
        bc.fit(unbounded(), "map", strict=True)
    assert isinstance(raised.value.fit, bc.Fit)
    assert str(bc.fit(unbounded(), "map").status) == "failed"


def test_interval_and_margins_are_used(normal: Comparison) -> None:
    options = bc.CompareOptions(sampler=QUICK, interval=0.5, margins=bc.Margins(location=0.001))
    other = bc.compare(normal_normal(), random_seed=1, options=options)
    row = other.table.loc["mu"]
    assert abs(row["eti_lb"] - MU.ppf(0.25)) < ERRORS * quantile_error(MU, row, 0.25)
    assert str(other.verdict.layers["location"].state) == "undecided"
    assert other.verdict.layers["location"].margin == 0.001
    assert other.settings["interval"] == 0.5
    assert other.settings["margins"]["location"] == 0.001
    assert normal.settings["interval"] == 0.94


@template(
    title="A template",
    question="What?",
    finding="Nothing.",
    tags=(),
    parameters=1,
    observations=6,
    sampler={"target_accept": 0.93, "draws": 300},
)
def quick(data: Any = None) -> pm.Model:
    """A template with settings of its own."""
    return normal_normal()


def test_a_templates_settings_hold_unless_the_user_asks() -> None:
    own = bc.compare(quick, random_seed=1)
    assert own.settings["sampler"]["target_accept"] == 0.93
    assert own.fits["nuts"].diagnostics["target_accept"] == 0.93
    assert own.fits["nuts"].draws is not None
    assert own.fits["nuts"].draws.shape[:2] == (4, 300)
    assert own.model.title == "A template"

    asked = bc.CompareOptions(sampler=bc.SamplerOptions(draws=150, target_accept=0.7))
    other = bc.compare(quick, random_seed=1, options=asked)
    assert other.settings["sampler"]["target_accept"] == 0.7
    assert other.fits["nuts"].draws is not None
    assert other.fits["nuts"].draws.shape[:2] == (4, 150)

    # Draws that are asked for leave the template's acceptance as it is; and what equals a default can be asked for.
    draws = bc.CompareOptions(sampler=bc.SamplerOptions(draws=1000))
    third = bc.compare(quick, random_seed=1, options=draws)
    assert third.settings["sampler"]["target_accept"] == 0.93
    assert third.fits["nuts"].draws is not None
    assert third.fits["nuts"].draws.shape[:2] == (4, 1000)


def test_options_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        bc.CompareOptions().interval = 0.5  # type: ignore[misc]


def test_progress_is_told_what_is_waited_for() -> None:
    told: list[str] = []

    class Listener:
        bar = False

        def stage(self, text: str, *, own_bar: bool = False) -> Any:
            told.append(text)
            from contextlib import nullcontext

            return nullcontext()

    bc.compare(normal_normal(), options=bc.CompareOptions(sampler=QUICK), progressbar=Listener())
    assert told[0] == "Compiling the model"
    assert any(text.startswith("Sampling (NUTS: about ") for text in told)
    assert [text for text in told if text.startswith("Searching for the modes: ")] == [
        f"Searching for the modes: {i} of 3, 16 starts" for i in (1, 2, 3)
    ]


def test_the_model_is_left_as_it_was() -> None:
    model = normal_normal()
    before = (list(model.named_vars), model.initial_point(0), str(model.str_repr()))
    bc.compare(model, options=bc.CompareOptions(sampler=QUICK))
    assert (list(model.named_vars), model.initial_point(0), str(model.str_repr())) == before


def test_the_samplers_compile_is_in_its_cost() -> None:
    few = bc.CompareOptions(sampler=bc.SamplerOptions(draws=20, tune=20, chains=2))
    assert bc.compare(normal_normal(), options=few).fits["nuts"].compile_seconds > 0
