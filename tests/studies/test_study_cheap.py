"""The batched cheap arms: closed forms, the single fits they stand for, and failures that stay failures."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from numpy.typing import NDArray
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from scipy import optimize, stats

from bayescompare.errors import DataError, UsageError
from bayescompare.methods import laplace, mode
from bayescompare.methods.laplace import LaplaceOptions
from bayescompare.model.problem import Problem
from bayescompare.models import eight_schools
from bayescompare.reasons import Code, Reason, joined
from bayescompare.results.fit import Fit, Status
from bayescompare.studies import batch_arms
from bayescompare.studies.cheap_arms import CheapOptions, Estimates, fit_batch
from tests.methods.test_fit_endings import is_separated

Data = Mapping[str, NDArray[Any]]

DRAWS = 1000
LEVELS = np.array(CheapOptions().levels)
PROBABILITIES = np.array([(1 - LEVELS) / 2, (1 + LEVELS) / 2])


def problem(build: Callable[[], None]) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def seeds(count: int, first: int = 0) -> NDArray[np.uint64]:
    return np.arange(first, first + count, dtype=np.uint64)


def row_bytes(found: dict[str, Estimates], row: int) -> dict[str, Any]:
    """Everything that is said of one replicate, numbers by their bits."""
    said = {}
    for method, estimates in found.items():
        for each in fields(Estimates):
            value = getattr(estimates, each.name)[row]
            said[f"{method}.{each.name}"] = value.tobytes() if hasattr(value, "tobytes") else value
    return said


# -- closed forms ----------------------------------------------------------------------------------

NOISE, MEAN, PRIOR = 1.5, 0.5, 2.0


@pytest.fixture(scope="module")
def normal() -> tuple[Data, NDArray[Any], dict[str, Estimates]]:
    """Six observations of a normal mean with a normal prior, and twice the mean: data, truths, estimates."""

    def build() -> None:
        mu = pm.Normal("mu", MEAN, PRIOR)
        pm.Deterministic("twice", 2.0 * mu)
        pm.Normal("y", mu, NOISE, observed=pm.Data("y_data", np.zeros(6)))

    rng = np.random.default_rng(1)
    mu = rng.normal(MEAN, PRIOR, 300)
    data = {"y_data": mu[:, None] + rng.normal(0.0, NOISE, (300, 6))}
    truth = np.column_stack([mu, 2 * mu])
    return data, truth, fit_batch(problem(build), data, seeds=seeds(300), truth=truth)


def exact_normal(data: Data) -> tuple[NDArray[Any], float]:
    """Posterior mean and sd of the normal mean."""
    precision = 1 / PRIOR**2 + 6 / NOISE**2
    return (MEAN / PRIOR**2 + data["y_data"].sum(axis=1) / NOISE**2) / precision, precision**-0.5


def test_a_normal_posterior_is_exact(normal: tuple[Data, NDArray[Any], dict[str, Estimates]]) -> None:
    """MAP and Laplace sd to rounding: the draws' two moments are matched. Equal weights correct nothing."""
    data, _, found = normal
    mean, sd = exact_normal(data)
    scale = np.array([1.0, 2.0])
    for name in ("map_laplace", "psis_laplace"):
        assert set(found[name].status) == {"ok"}
        np.testing.assert_allclose(found[name].point, mean[:, None] * scale, rtol=1e-7, atol=1e-8)
        np.testing.assert_array_equal(found[name].k_hat, 0.0)
    np.testing.assert_allclose(found["map_laplace"].sd, np.broadcast_to(sd * scale, (300, 2)), rtol=1e-7)
    density = stats.norm.logpdf(data["y_data"], mean[:, None], NOISE).sum(axis=1) + stats.norm.logpdf(mean, MEAN, PRIOR)
    np.testing.assert_allclose(found["map_laplace"].log_density, density, rtol=1e-10)


def test_intervals_and_ranks_of_draws_are_those_of_the_normal(
    normal: tuple[Data, NDArray[Any], dict[str, Estimates]],
) -> None:
    """Within five Monte-Carlo errors of a quantile and of a share of 1,000 independent draws, each row and scalar."""
    data, truth, found = normal
    mean, sd = exact_normal(data)
    z = stats.norm.ppf(PROBABILITIES)
    error = 5 * np.sqrt(PROBABILITIES * (1 - PROBABILITIES) / DRAWS) / stats.norm.pdf(z)
    rank = stats.norm.cdf((truth[:, 0] - mean) / sd)
    for name in ("map_laplace", "psis_laplace"):
        ends = np.stack([found[name].lower, found[name].upper], axis=1)[..., 0]
        assert np.all(np.abs((ends - mean[:, None, None]) / sd - z) < error)
        assert np.all(np.abs(found[name].rank - rank[:, None]) < 5 * np.sqrt(0.25 / DRAWS))


def test_wald_is_the_likelihood_alone(normal: tuple[Data, NDArray[Any], dict[str, Estimates]]) -> None:
    data, truth, found = normal
    mean, sd = data["y_data"].mean(axis=1), NOISE / np.sqrt(6)
    wald = found["mle_wald"]
    assert set(wald.status) == {"ok"}
    np.testing.assert_allclose(wald.point[:, 1], 2 * mean, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(wald.sd[:, 1], 2 * sd, rtol=1e-6)
    half = stats.norm.ppf((1 + LEVELS) / 2) * sd
    np.testing.assert_allclose(wald.upper[:, :, 0], mean[:, None] + half, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(wald.lower[:, :, 0], mean[:, None] - half, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(wald.rank[:, 0], stats.norm.cdf((truth[:, 0] - mean) / sd), atol=1e-6)
    assert np.isnan(wald.k_hat).all()


SHAPE, RATE, COUNTS = 8.0, 4.0, 4


@pytest.fixture(scope="module")
def counts() -> Problem:
    def build() -> None:
        rate = pm.Gamma("rate", SHAPE, RATE)
        pm.Poisson("y", rate, observed=pm.Data("y_data", np.zeros(COUNTS, dtype=int)))

    return problem(build)


@pytest.fixture(scope="module")
def poisson(counts: Problem) -> tuple[Data, NDArray[Any], dict[str, Estimates]]:
    """Counts with a Gamma rate, whose posterior is a Gamma: skewed, so that its Laplace draws need their weights."""
    rng = np.random.default_rng(2)
    rate = rng.gamma(SHAPE, 1 / RATE, 600)
    data = {"y_data": rng.poisson(rate[:, None], (600, COUNTS))}
    data["y_data"][0] = 0  # an MLE on the boundary
    return data, rate[:, None], fit_batch(counts, data, seeds=seeds(600), truth=rate[:, None])


def test_the_map_of_a_rate_is_that_of_its_own_coordinates(
    poisson: tuple[Data, NDArray[Any], dict[str, Estimates]],
) -> None:
    data, _, found = poisson
    total = data["y_data"].sum(axis=1)
    np.testing.assert_allclose(found["map_laplace"].point[:, 0], (SHAPE + total - 1) / (RATE + COUNTS), rtol=1e-6)
    np.testing.assert_allclose(found["mle_wald"].point[1:, 0], total[1:] / COUNTS, rtol=1e-6, atol=1e-12)
    inside = total > 0
    np.testing.assert_allclose(found["mle_wald"].sd[inside, 0], np.sqrt(total[inside]) / COUNTS, rtol=1e-5)


def test_an_mle_on_the_boundary_says_so_and_has_no_width(
    poisson: tuple[Data, NDArray[Any], dict[str, Estimates]],
) -> None:
    wald = poisson[2]["mle_wald"]
    assert wald.status[0] == "ok"
    assert wald.reasons[0] == (Reason(Code.ON_BOUNDARY, ("rate",)),)
    assert wald.point[0, 0] == 0.0
    assert np.isnan([wald.sd[0], wald.lower[0, 0], wald.rank[0]]).all()


def test_weights_turn_laplace_draws_into_the_gamma(poisson: tuple[Data, NDArray[Any], dict[str, Estimates]]) -> None:
    """Mean, sd and ends within five Monte-Carlo errors of as many draws of the posterior as the weights are worth.

    They are worth at least three quarters of the draws: Var(w) is at most 0.19 here, with no counts at all.
    """
    data, _, found = poisson
    weighted, plain = found["psis_laplace"], found["map_laplace"]
    usable = weighted.k_hat < 0.7
    assert usable.mean() > 0.9
    assert [status == "ok" for status in weighted.status] == usable.tolist()
    assert all("not below 0.7" in weighted.reasons[row][0].text for row in np.flatnonzero(~usable))
    exact = stats.gamma(SHAPE + data["y_data"].sum(axis=1)[usable], scale=1 / (RATE + COUNTS))
    error = 5 / np.sqrt(0.75 * DRAWS)
    assert np.all(np.abs(weighted.point[usable, 0] - exact.mean()) < error * exact.std())
    # The sd of an sd: √(kurtosis + 2)/2 of it for each draw.
    spread = np.sqrt(exact.stats("k") + 2) / 2
    assert np.all(np.abs(weighted.sd[usable, 0] / exact.std() - 1) < error * spread)
    for i, level in enumerate(LEVELS):
        for ends, p in ((weighted.lower, (1 - level) / 2), (weighted.upper, (1 + level) / 2)):
            off = np.abs(exact.cdf(ends[usable, i, 0]) - p)
            assert np.all(off < error * np.sqrt(p * (1 - p)))
    # Without weights the lognormal is wider to the right: its error is no noise.
    bias = [np.mean(each.upper[usable, 1, 0] / exact.ppf(0.95) - 1) for each in (plain, weighted)]
    assert bias[0] > 3 * abs(bias[1])


def test_ranks_are_uniform_where_the_method_is_right(
    counts: Problem, poisson: tuple[Data, NDArray[Any], dict[str, Estimates]]
) -> None:
    """Simulation-based calibration; posteriors of another replicate's data are caught by it."""
    data, truth, found = poisson
    options = CheapOptions(methods=("psis_laplace",))
    others = fit_batch(counts, data, seeds=seeds(600), truth=np.roll(truth, 1, axis=0), options=options)
    ranks = [each["psis_laplace"].rank[1:, 0] for each in (found, others)]
    right, wrong = (stats.kstest(rank[np.isfinite(rank)], "uniform").pvalue for rank in ranks)
    assert right > 0.01
    assert wrong < 1e-4


# -- against the single fits -----------------------------------------------------------------------


def singles(one: Problem, seed: int, draws: int) -> tuple[Fit, Fit, Fit]:
    top = mode.fit(one, "unconstrained_map", seed=seed)
    drawn = laplace.fit(one, seed=seed, at=top, options=LaplaceOptions(draws=draws))
    return mode.fit(one, "mle", seed=seed), mode.fit(one, "map", seed=seed), drawn


def worst(*fits: Fit) -> str:
    return str(max((fit.status for fit in fits), key=list(Status).index))


def check_row(found: dict[str, Estimates], row: int, fits: tuple[Fit, Fit, Fit]) -> None:
    """Mode within 1e-6 sd; Laplace's sd, ends and k-hat to what a mode 1e-6 off leaves of them: they are the same
    draws."""
    mle, top, drawn = fits
    wald, plain, weighted = found["mle_wald"], found["map_laplace"], found["psis_laplace"]
    assert wald.status[row] == mle.status, (wald.reasons[row], mle.reasons)
    if [reason.code for reason in plain.reasons[row][:1]] == [
        Code.ONE_START
    ]:  # which starts do, is a matter of the starts
        assert plain.status[row] == "suspect"
        assert worst(top, drawn) != "failed"
    else:
        assert plain.status[row] == worst(top, drawn), (plain.reasons[row], top.reasons, drawn.reasons)
    if mle.status is not Status.FAILED:
        errors = np.array(list(mle.diagnostics["standard_errors"].values()))
        scale = np.where(np.isfinite(errors), errors, 1.0)
        np.testing.assert_allclose(wald.point[row] / scale, mle.estimate / scale, atol=1e-6)
        np.testing.assert_allclose(wald.sd[row], errors, rtol=1e-5)
    if plain.status[row] == "failed":
        assert np.isnan(plain.point[row]).all()
        assert plain.reasons[row]
        return
    assert drawn.draws is not None
    sd = np.array(list(drawn.diagnostics["sd"].values()))
    np.testing.assert_allclose(plain.point[row] / sd, top.estimate / sd, atol=1e-6)
    np.testing.assert_allclose(plain.sd[row], sd, rtol=1e-6)
    np.testing.assert_allclose(plain.k_hat[row], drawn.diagnostics["k_hat"], atol=1e-4)
    ends = np.quantile(drawn.draws[0], PROBABILITIES, axis=0, method="hazen")
    np.testing.assert_allclose(plain.lower[row] / sd, ends[0] / sd, atol=1e-5)
    np.testing.assert_allclose(plain.upper[row] / sd, ends[1] / sd, atol=1e-5)
    corrected = drawn.diagnostics["psis"]
    assert (weighted.status[row] == "failed") == ("mean" not in corrected)
    if "mean" in corrected:
        # A study measures how good they are; a single fit gives none where a scalar's own tails are too heavy.
        mean, spread = (np.array(list(corrected[key].values())) for key in ("mean", "sd"))
        has_mean, has_sd = np.isfinite(mean), np.isfinite(spread)
        np.testing.assert_allclose((weighted.point[row] / sd)[has_mean], (mean / sd)[has_mean], atol=1e-4)
        np.testing.assert_allclose(weighted.sd[row][has_sd], spread[has_sd], rtol=1e-3)


def logistic() -> Problem:
    def build() -> None:
        X = pm.Data("X", np.column_stack([np.ones(30), np.linspace(-2.0, 2.0, 30)]))
        b = pm.Normal("b", 0.0, 2.5, shape=2)
        pm.Bernoulli("y", logit_p=(X * b).sum(-1), observed=pm.Data("y_data", np.zeros(30, dtype=int)))

    return problem(build)


def logistic_data(count: int) -> Data:
    """Predictors and outcomes both swapped; the outcomes of row 0 are separated, as those of others may be."""
    rng = np.random.default_rng(3)
    X = np.stack([np.ones((count, 30)), rng.normal(0.0, 1.5, (count, 30))], axis=2)
    b = rng.normal(0.0, 1.5, (count, 1, 2))
    y = rng.uniform(size=(count, 30)) < 1 / (1 + np.exp(-(X * b).sum(axis=-1)))
    y[0] = X[0, :, 1] > 0.3
    return {"X": X, "y_data": y.astype(int)}


def test_a_logistic_regression_is_that_of_single_fits() -> None:
    one, data = logistic(), logistic_data(20)
    found = fit_batch(one, data, seeds=seeds(20, 7))
    for row in range(20):
        swapped = one.with_data(**{name: array[row] for name, array in data.items()})
        check_row(found, row, singles(swapped, row + 7, DRAWS))
    assert found["mle_wald"].status[0] == "failed"
    assert found["mle_wald"].reasons[0][0] == Reason(Code.RISES_TOWARDS_A_LIMIT, ("b",))
    assert found["map_laplace"].status[0] == "ok"


def test_the_batch_finds_no_mle_where_a_linear_programme_separates_the_data() -> None:
    rng = np.random.default_rng(2)
    X = np.stack([np.ones((200, 12)), *rng.normal(0.0, 1.5, (2, 200, 12))], axis=2)
    linear = (X * rng.normal(0.0, 1.5, (200, 1, 3))).sum(axis=-1)
    y = (rng.uniform(size=linear.shape) < 1 / (1 + np.exp(-linear))).astype(int)

    def build() -> None:
        predictors = pm.Data("X", X[0])
        b = pm.Normal("b", 0.0, 2.5, shape=3)
        pm.Bernoulli("y", logit_p=(predictors * b).sum(-1), observed=pm.Data("y_data", y[0]))

    options = CheapOptions(methods=("mle_wald",))
    found = fit_batch(problem(build), {"X": X, "y_data": y}, seeds=seeds(200), options=options)["mle_wald"]
    apart = np.array([is_separated(*row) for row in zip(X, y, strict=True)])
    assert ((np.array(found.status) == "failed") == apart).all()
    assert all("rises for ever along b" in found.reasons[row][0].text for row in np.flatnonzero(apart))
    assert 50 < apart.sum() < 150


def schools(count: int, spread: float) -> Data:
    rng = np.random.default_rng(4)
    effects = rng.normal(0.0, 5.0, (count, 1)) + spread * rng.standard_normal((count, 8))
    return {"y_data": effects + rng.normal(0.0, eight_schools_sigma(), (count, 8))}


def eight_schools_sigma() -> NDArray[Any]:
    return np.asarray(Problem(eight_schools()).density.data["sigma"])


def test_eight_schools_are_those_of_single_fits() -> None:
    """Modes inside and on the boundary; a mode that one search finds and the other does not is told by its height."""
    one = Problem(eight_schools())
    data = {"y_data": np.concatenate([schools(10, 3.0)["y_data"], schools(10, 25.0)["y_data"]])}
    found = fit_batch(one, data, seeds=seeds(20))
    for row in range(20):
        swapped = one.with_data(y_data=data["y_data"][row])
        check_row(found, row, singles(swapped, row, DRAWS))
    bounds = [Reason(Code.ON_BOUNDARY, ("tau",)) in reasons for reasons in found["map_laplace"].reasons]
    assert any(bounds)
    assert not all(bounds)
    assert set(found["mle_wald"].status) == {"failed"}


def test_the_end_of_a_long_curved_valley_is_found_by_the_batch_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data with hardly any noise leave a bent ridge 1e-4 wide, on which 25 Newton steps do not reach the top."""

    def build() -> None:
        a, b = pm.Normal("a", 0, 1), pm.Normal("b", 0, 1)
        pm.Normal("y", b + pt.exp(2.0 * a), 1e-4, observed=pm.Data("y_data", np.zeros(2)))

    def profile(a: float, y: NDArray[Any]) -> float:
        """The density at the best b for this a."""
        precision = len(y) / 1e-8
        b = precision * (y.mean() - np.exp(2 * a)) / (1 + precision)
        return float(stats.norm.logpdf([a, b]).sum() + stats.norm.logpdf(y, b + np.exp(2 * a), 1e-4).sum())

    def handed_over(*_: object) -> Fit:
        raise AssertionError("handed over")

    data = {"y_data": np.linspace(2, 30, 16)[:, None] + np.array([-2e-4, 1e-4])}
    monkeypatch.setattr(batch_arms, "alone", handed_over)
    found = fit_batch(problem(build), data, seeds=seeds(16), options=CheapOptions(methods=("map_laplace",)))
    assert set(found["map_laplace"].status) <= {"ok", "suspect"}  # suspect: one start alone came so far
    for row, y in enumerate(data["y_data"]):
        best = optimize.minimize_scalar(lambda a, y=y: -profile(a, y), bounds=(0, 2), options={"xatol": 1e-10})
        np.testing.assert_allclose(found["map_laplace"].log_density[row], -best.fun, atol=1e-7)


def test_centred_schools_have_no_mode_in_any_replicate() -> None:
    one, data = Problem(eight_schools(parametrisation="centered")), schools(12, 10.0)
    found = fit_batch(one, data, seeds=seeds(12))
    for method in ("map_laplace", "psis_laplace"):
        estimates = found[method]
        assert set(estimates.status) == {"failed"}
        assert np.isnan(estimates.point).all()
        assert all("grows without limit as tau goes to 0" in joined(reasons) for reasons in estimates.reasons)
    assert all("does not depend on mu, tau" in reasons[0].text for reasons in found["mle_wald"].reasons)
    for row in range(3):
        fit = mode.fit(one.with_data(y_data=data["y_data"][row]), "map")
        assert fit.status is Status.FAILED
        assert found["map_laplace"].reasons[row][0] == fit.reasons[0]


def test_a_kink_is_left_to_the_single_search() -> None:
    """The lasso's zeros: no gradient vanishes there, so that only the search that knows kinks ends on them."""

    def build() -> None:
        b = pm.Laplace("b", 0.0, 0.05, shape=2)
        x = np.linspace(-1.0, 1.0, 20)
        pm.Normal("y", b[0] * x + b[1] * x**2, 1.0, observed=pm.Data("y_data", np.zeros(20)))

    one = problem(build)
    data = {"y_data": np.random.default_rng(5).normal(0.0, 1.0, (3, 20))}
    found = fit_batch(one, data, seeds=seeds(3), options=CheapOptions(methods=("map_laplace",), draws=200))
    for row in range(3):
        fit = mode.fit(one.with_data(y_data=data["y_data"][row]), "unconstrained_map", seed=row)
        assert fit.diagnostics["kink"]
        assert found["map_laplace"].status[row] == "failed"
        assert found["map_laplace"].reasons[row][0].code is Code.NO_LAPLACE


class Cube(Op):
    """x³ with a gradient, but no way to JAX."""

    def make_node(self, x: Any) -> Apply:
        x = pt.as_tensor(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
        outputs[0][0] = np.asarray(inputs[0] ** 3)

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        return [cotangents[0] * 3.0 * inputs[0] ** 2]


def test_without_a_translation_each_replicate_is_fitted_alone() -> None:
    def build() -> None:
        mu = pm.Normal("mu", 0.0, 2.0)
        pm.Normal("y", Cube()(mu), 1.0, observed=pm.Data("y_data", np.zeros(4)))

    one = problem(build)
    data = {"y_data": np.random.default_rng(6).normal(3.0, 1.0, (3, 4))}
    data["y_data"][2, 0] = np.nan
    found = fit_batch(one, data, seeds=seeds(3))
    assert one.density.backend == "pytensor"
    for row in range(2):
        check_row(found, row, singles(one.with_data(y_data=data["y_data"][row]), row, DRAWS))
    assert [found[method].status[2] for method in found] == ["failed"] * 3


# -- what a row depends on -------------------------------------------------------------------------


def test_a_row_does_not_know_of_the_others() -> None:
    """Bit by bit, whatever stands beside it, in whichever place, however many: easy rows, hard ones, hopeless ones."""
    one, data = logistic(), logistic_data(40)
    data["X"][5, 3, 1] = np.nan
    every = fit_batch(one, data, seeds=seeds(40))
    order = np.random.default_rng(7).permutation(40)
    shuffled = fit_batch(one, {name: array[order] for name, array in data.items()}, seeds=seeds(40)[order])
    for place, row in enumerate(order):
        assert row_bytes(shuffled, place) == row_bytes(every, int(row))
    for row in (0, 5, 17):
        alone = fit_batch(one, {n: array[row : row + 1] for n, array in data.items()}, seeds=seeds(40)[row : row + 1])
        assert row_bytes(alone, 0) == row_bytes(every, row)


def test_data_that_are_not_numbers_fail_alone() -> None:
    one, data = logistic(), logistic_data(4)
    data["X"][2, 3, 1] = np.nan
    found = fit_batch(one, data, seeds=seeds(4), truth=np.zeros((4, 2)))
    for estimates in found.values():
        assert estimates.status[2] == "failed"
        assert "the density is zero or NaN at all of 16 starts" in estimates.reasons[2][0].text
        assert np.isnan(estimates.rank[2]).all()
    assert [found["map_laplace"].status[row] for row in (0, 1, 3)] == ["ok"] * 3
    assert np.isfinite(found["map_laplace"].rank[[0, 1, 3]]).all()


DIGEST = """
import hashlib, numpy as np
from tests.studies.test_study_cheap import digest
print(digest())
"""


def digest() -> str:
    found = fit_batch(logistic(), logistic_data(6), seeds=seeds(6))
    return hashlib.sha256(repr([row_bytes(found, row) for row in range(6)]).encode()).hexdigest()


@pytest.mark.slow
def test_another_process_finds_the_same_bits() -> None:
    """With another number of BLAS threads, too."""
    import os

    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True, env=environment, timeout=600
    )
    assert run.stdout.strip() == digest()


# -- what is asked ---------------------------------------------------------------------------------


def test_methods_are_those_that_are_asked_for() -> None:
    one = logistic()
    options = CheapOptions(methods=("psis_laplace", "mle_wald"), draws=100, levels=(0.8,), starts=2)
    found = fit_batch(one, logistic_data(2), seeds=seeds(2), options=options)
    assert tuple(found) == ("psis_laplace", "mle_wald")
    assert found["psis_laplace"].lower.shape == (2, 1, 2)
    assert np.isnan(found["psis_laplace"].rank).all()
    none = fit_batch(one, {name: array[:0] for name, array in logistic_data(1).items()}, seeds=seeds(0))
    assert none["map_laplace"].point.shape == (0, 2)
    assert none["map_laplace"].status == ()


def test_what_does_not_fit_is_refused() -> None:
    one, data = logistic(), logistic_data(2)
    with pytest.raises(DataError, match="no data container 'Z'"):
        fit_batch(one, {"Z": data["X"]}, seeds=seeds(2))
    with pytest.raises(DataError, match="shape"):
        fit_batch(one, {"X": data["X"][:, :20]}, seeds=seeds(2))
    with pytest.raises(DataError, match="3 seeds"):
        fit_batch(one, data, seeds=seeds(3))
    with pytest.raises(DataError, match="truth"):
        fit_batch(one, data, seeds=seeds(2), truth=np.zeros((2, 3)))
    with pytest.raises(UsageError, match="nuts"):
        CheapOptions(methods=("nuts",))
    with pytest.raises(UsageError, match="levels"):
        CheapOptions(levels=(1.0,))
    with pytest.raises(UsageError, match="draws"):
        CheapOptions(draws=10)
