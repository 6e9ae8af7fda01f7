"""Leave-one-out refits: against closed forms, and against models built anew without the observation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import special, stats

import bayescompare as bc
from bayescompare.errors import UsageError
from bayescompare.methods import mode
from bayescompare.methods.modes import warm
from bayescompare.methods.modes.options import ModeOptions
from bayescompare.methods.modes.refits import RefitOptions, Refits, leave_one_out
from bayescompare.model.problem import Problem
from bayescompare.models import eight_schools
from bayescompare.reasons import Code, Reason
from bayescompare.results.fit import Fit, Status
from bayescompare.templates.data import load

rng = np.random.default_rng(11)
X = np.column_stack([np.ones(14), rng.normal(0, 1, 14), rng.normal(3, 2, 14)])
Y = X @ [1.0, -0.5, 0.3] + rng.normal(0, 0.7, 14)
S = (rng.random(14) < special.expit(X @ [0.3, 1.0, -0.2])).astype(int)
NOISE, PRIOR = 0.7, 1.3


def problem(build: Callable[[], Any]) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def refitted(build: Callable[[], Any], method: str = "map", **options: Any) -> tuple[Problem, Fit, Refits]:
    made = problem(build)
    found = mode.fit(made, method)
    return made, found, leave_one_out(made, found, **options)


def free_values(made: Problem, u: np.ndarray) -> np.ndarray:
    return made.density.push(u[None])[0]


def without(values: np.ndarray, i: int) -> np.ndarray:
    return np.delete(values, i, axis=0)


# -- regressions ---------------------------------------------------------------------------------------


def ridge(x: np.ndarray = X, y: np.ndarray = Y) -> Callable[[], None]:
    def build() -> None:
        b = pm.Normal("b", 0.0, PRIOR, shape=3)
        pm.Normal("y", (x * b).sum(axis=-1), NOISE, observed=y)

    return build


def hat_matrix() -> np.ndarray:
    penalty = NOISE**2 / PRIOR**2 * np.eye(3)
    return X @ np.linalg.solve(X.T @ X + penalty, X.T)


def test_ridge_is_the_hat_matrix() -> None:
    """y_i − x_i β₋ᵢ = (y_i − x_i β) / (1 − h_i): Allen's PRESS residuals."""
    _, _, found = refitted(ridge())
    h = hat_matrix()
    residual = (Y - h @ Y) / (1 - np.diag(h))
    # A mode is known to 1e-8 nats before its last Newton step.
    np.testing.assert_allclose(found.log_density, stats.norm(0, NOISE).logpdf(residual), rtol=1e-9)
    np.testing.assert_allclose(found.in_sample, stats.norm(h @ Y, NOISE).logpdf(Y), rtol=1e-9)
    assert set(found.status) == {Status.OK}
    assert (found.refits, found.searches, found.approximate, found.sampled) == (14, 0, None, None)


def test_ridges_single_newton_step_is_exact() -> None:
    _, _, found = refitted(ridge(), options=RefitOptions(exact=5, subsample=4))
    h = hat_matrix()
    residual = (Y - h @ Y) / (1 - np.diag(h))
    assert found.approximate is not None
    assert found.sampled is not None
    np.testing.assert_allclose(found.approximate, stats.norm(0, NOISE).logpdf(residual), rtol=1e-8)
    assert (found.sampled.sum(), found.refits) == (4, 4)
    np.testing.assert_array_equal(np.isfinite(found.log_density), found.sampled)
    assert [status is Status.OK for status in found.status] == found.sampled.tolist()
    assert np.isfinite(found.points).all()


def logistic(x: np.ndarray = X, s: np.ndarray = S) -> Callable[[], None]:
    def build() -> None:
        b = pm.Normal("b", 0.0, PRIOR, shape=3)
        pm.Bernoulli("s", logit_p=(x * b).sum(axis=-1), observed=s)

    return build


@pytest.mark.parametrize("method", ["map", "unconstrained_map"])
def test_logistic_regression_is_the_model_built_without(method: str) -> None:
    _, _, found = refitted(logistic(), method)
    for i in range(0, 14, 3):
        alone = bc.fit(problem(logistic(without(X, i), without(S, i))), method)
        expected = stats.bernoulli(special.expit(X[i] @ alone.estimate)).logpmf(S[i])
        assert found.log_density[i] == pytest.approx(expected, abs=1e-8)


def wide(x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    def build() -> None:
        b, s = pm.Normal("b", 0.0, PRIOR, shape=x.shape[1]), pm.HalfNormal("s", 2.0)
        pm.Normal("y", (x * b).sum(axis=-1), s, observed=y)

    return build


def test_many_coefficients_and_a_scale_take_no_whole_curvature_each() -> None:
    """Also where an outlier's absence moves the scale far; each mode is that of the model built without."""
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((40, 14)), rng.standard_normal(40)
    y[7] = 6.0
    _, _, found = refitted(wide(x, y))
    for i in (0, 7, 23):
        alone = bc.fit(problem(wide(without(x, i), without(y, i))), "map")
        expected = stats.norm(x[i] @ alone.estimate[:14], alone.estimate[14]).logpdf(y[i])
        assert found.log_density[i] == pytest.approx(expected, abs=1e-7)
    assert set(found.status) == {Status.OK}
    assert found.evaluations < 40 * (2 * 15 + 1)


def scales(y: np.ndarray = Y, k: np.ndarray = S) -> Callable[[], None]:
    """Two likelihoods that share parameters, one of them with a scale to be found, and a Potential."""

    def build() -> None:
        a, s = pm.Normal("a", 0.0, 2.0), pm.HalfNormal("s", 2.0)
        pm.Normal("y", a, s, observed=y)
        pm.Poisson("k", pm.math.exp(a / 2), observed=k)
        pm.Potential("p", -((a - 1.0) ** 2) / 2)

    return build


@pytest.mark.parametrize("method", ["map", "unconstrained_map"])
def test_several_likelihoods_share_one_count_of_observations(method: str) -> None:
    made, _, found = refitted(scales(), method)
    assert len(found.log_density) == 28
    for i in (0, int(np.argmax(np.abs(Y - Y.mean())))):
        a, s = bc.fit(problem(scales(y=without(Y, i))), method).estimate
        assert found.log_density[i] == pytest.approx(stats.norm(a, s).logpdf(Y[i]), abs=1e-8)
        np.testing.assert_allclose(free_values(made, found.points[i]), [a, s], rtol=1e-6)
        a, s = bc.fit(problem(scales(k=without(S, i))), method).estimate
        assert found.log_density[14 + i] == pytest.approx(stats.poisson(np.exp(a / 2)).logpmf(S[i]), abs=1e-8)


def test_a_row_of_a_multivariate_likelihood_is_left_out_whole() -> None:
    rows = np.column_stack([Y, X[:, 1]])
    cov = np.array([[1.0, 0.3], [0.3, 2.0]])

    def build() -> None:
        m = pm.Normal("m", 0.0, PRIOR, shape=2)
        pm.MvNormal("y", m, cov=cov, observed=rows)

    _, _, found = refitted(build)
    precision = np.linalg.inv(cov)
    for i in (0, 7):
        weight = 13 * precision + np.eye(2) / PRIOR**2
        mean = np.linalg.solve(weight, precision @ without(rows, i).sum(axis=0))
        assert found.log_density[i] == pytest.approx(stats.multivariate_normal(mean, cov).logpdf(rows[i]), abs=1e-9)


# -- boundaries ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stretch", [1.0, pytest.param(1.25, marks=pytest.mark.slow)])
def test_eight_schools_stay_on_the_boundary_or_leave_it_as_a_search_says(stretch: float) -> None:
    """At 1 all modes have tau = 0; stretched, six do not, two do, and the mode of all schools has tau = 21.8."""
    data = load("eight_schools")
    y, sigma = stretch * np.array(data["y"]), np.array(data["sigma"])
    made = Problem(eight_schools({"y": y, "sigma": sigma}))
    found = leave_one_out(made, mode.fit(made, "map"))
    assert set(found.status) == {Status.OK}
    taus = []
    for i in range(8):
        alone = bc.fit(eight_schools({"y": without(y, i), "sigma": without(sigma, i)}), "map")
        mu, tau = alone.values["mu"], alone.values["tau"]
        taus.append(tau)
        # The school's own theta_t is 0 at the mode.
        assert found.log_density[i] == pytest.approx(stats.norm(mu, sigma[i]).logpdf(y[i]), abs=1e-7)
        assert np.exp(found.points[i, 1]) == pytest.approx(tau, rel=1e-6)
    assert [tau == 0 for tau in taus].count(True) == (8 if stretch == 1.0 else 2)


def half_normal(y: np.ndarray) -> Callable[[], None]:
    def build() -> None:
        m = pm.HalfNormal("m", PRIOR)
        pm.Normal("y", m, NOISE, observed=y)

    return build


@pytest.mark.parametrize("shift", [-0.02, 0.02])
def test_a_mean_at_its_bound_moves_off_it_and_back(shift: float) -> None:
    """The mode is max(0, Σy / (n + σ²/τ²)): the sum's sign changes with what is left out."""
    y = Y - Y.mean() + shift
    made, full, found = refitted(half_normal(y))
    expected = np.array([max(0.0, without(y, i).sum() / (13 + NOISE**2 / PRIOR**2)) for i in range(14)])
    assert 3 < np.sum(expected == 0) < 11
    assert bool(full.estimate[0] == 0) is (shift < 0)
    assert set(found.status) == {Status.OK}
    np.testing.assert_allclose([free_values(made, u)[0] for u in found.points], expected, atol=1e-6)
    np.testing.assert_allclose(found.log_density, stats.norm(expected, NOISE).logpdf(y), atol=1e-6)


def test_a_wide_coordinate_at_a_top_of_its_own_is_no_boundary() -> None:
    """log x of Gamma(a, 1) has its mode at log a and a Laplace sd of 1/√a = 16 there; the data say nothing of it."""
    shape = 0.004

    def build() -> None:
        m = pm.Normal("m", 0.0, PRIOR)
        pm.Gamma("x", shape, 1.0)
        pm.Normal("y", m, NOISE, observed=Y)

    _, full, found = refitted(build, "unconstrained_map")
    assert full.ok
    mean = np.array([without(Y, i).sum() for i in range(14)]) / (13 + NOISE**2 / PRIOR**2)
    assert set(found.status) == {Status.OK}
    assert found.evaluations < 14 * 30  # none was polished alone
    np.testing.assert_allclose(found.log_density, stats.norm(mean, NOISE).logpdf(Y), atol=1e-8)
    np.testing.assert_allclose(found.points[:, 1], math.log(shape), atol=1e-3)


# -- kinks, and other modes ------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 0.9])
def test_a_lassos_zero_stays_zero_or_not(shift: float) -> None:
    """The soft threshold: sign(Σy)·max(0, |Σy| − σ²/b) / n."""
    y, width = Y - Y.mean() + 0.12 * shift, 0.4
    threshold = NOISE**2 / width

    def build() -> None:
        m = pm.Laplace("m", 0.0, width)
        pm.Normal("y", m, NOISE, observed=y)

    _, full, found = refitted(build)
    sums = np.array([without(y, i).sum() for i in range(14)])
    expected = np.sign(sums) * np.maximum(0.0, np.abs(sums) - threshold) / 13
    assert 0 < np.sum(expected == 0) < 14
    assert bool(full.estimate[0] == 0) is (shift == 0)
    np.testing.assert_allclose(found.points[:, 0], expected, atol=1e-8)
    np.testing.assert_allclose(found.log_density, stats.norm(expected, NOISE).logpdf(y), atol=1e-8)


def test_another_mode_may_be_the_highest_without_an_observation() -> None:
    """Cauchy observations in two clusters of three: without one of a cluster the mode is in the other."""
    y = np.array([-5.2, -5.0, -4.9, 4.9, 5.05, 5.2])

    def build(y: np.ndarray = y) -> None:
        pm.Cauchy("y", pm.Normal("m", 0.2, 10.0), 0.5, observed=y)

    _, full, found = refitted(build)
    assert len(full.diagnostics["modes"]) > 1
    signs = []
    for i in range(6):
        alone = bc.fit(problem(lambda i=i: build(without(y, i))), "map").estimate[0]
        signs.append(np.sign(alone))
        assert found.points[i, 0] == pytest.approx(alone, abs=1e-6)
    assert signs == [1, 1, 1, -1, -1, -1]


# -- large terms -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large() -> tuple[Refits, Refits]:
    """1,500 observations like the wells': one step for all with 200 refits, and all refits."""
    local = np.random.default_rng(5)
    x = np.column_stack([np.ones(1500), local.normal(0, 1, (1500, 3))])
    s = (local.random(1500) < special.expit(x @ [0.3, -0.9, 0.5, 0.2])).astype(int)

    def build() -> None:
        b = pm.Normal("b", 0.0, 2.5, shape=4)
        pm.Bernoulli("s", logit_p=(x * b).sum(axis=-1), observed=s)

    made = problem(build)
    found = mode.fit(made, "map")
    return leave_one_out(made, found, seed=3), leave_one_out(made, found, options=RefitOptions(exact=1500))


def test_the_one_step_sum_is_within_its_error_of_the_exact_one(large: tuple[Refits, Refits]) -> None:
    """The difference estimator of Magnusson et al. (2020), equation 7 and its variance over the subsample."""
    fast, exact = large
    assert fast.approximate is not None
    assert fast.sampled is not None
    n, m = 1500, int(fast.sampled.sum())
    assert (m, fast.refits, exact.refits) == (200, 200, 1500)
    difference = (fast.log_density - fast.approximate)[fast.sampled]
    estimate = fast.approximate.sum() + n * difference.mean()
    error = n * math.sqrt((1 - m / n) * difference.var(ddof=1) / m)
    assert abs(estimate - exact.log_density.sum()) < 4 * error
    # It says more than no refit would: the one step alone, and the in-sample value, are further off.
    assert error < 0.01 * abs(exact.in_sample.sum() - exact.log_density.sum())


def test_its_refits_are_those_of_all(large: tuple[Refits, Refits]) -> None:
    fast, exact = large
    assert fast.sampled is not None
    np.testing.assert_allclose(fast.log_density[fast.sampled], exact.log_density[fast.sampled], atol=1e-10)
    np.testing.assert_allclose(fast.in_sample, exact.in_sample, rtol=1e-12)
    assert fast.evaluations < exact.evaluations


def test_an_observation_too_heavy_for_one_step_is_refitted() -> None:
    """A column with one entry: without it only the prior is left, a third of the curvature or less."""
    x = np.column_stack([X[:, :2], np.arange(14) == 4])
    _, _, found = refitted(ridge(x), options=RefitOptions(exact=5, subsample=3))
    assert found.approximate is not None
    assert found.sampled is not None
    assert np.isfinite(found.log_density[4])
    assert found.approximate[4] == found.log_density[4]
    _, _, exact = refitted(ridge(x))
    np.testing.assert_allclose(found.approximate, exact.log_density, atol=1e-8)


def test_one_seed_one_subsample(large: tuple[Refits, Refits]) -> None:
    made = problem(ridge())
    found = mode.fit(made, "map")
    options = RefitOptions(exact=5, subsample=4)
    first, again, other = (leave_one_out(made, found, seed=seed, options=options) for seed in (1, 1, 2))
    assert first.log_density.tobytes() == again.log_density.tobytes()
    assert first.sampled is not None
    assert other.sampled is not None
    assert np.any(first.sampled != other.sampled)


def test_a_density_of_large_terms_needs_no_search() -> None:
    """Log gamma functions of counts of 1e8 leave 1e-5 nats of rounding; the mean's MLE is the mean, whatever alpha."""
    counts = np.random.default_rng(5).negative_binomial(2.0, 2.0 / (2.0 + 1e8), 30)

    def build() -> None:
        a, alpha = pm.Flat("a"), pm.HalfFlat("alpha")
        pm.NegativeBinomial("y", mu=pm.math.exp(a), alpha=alpha, observed=counts)

    _, _, found = refitted(build)
    np.testing.assert_allclose(found.points[:, 0], np.log((counts.sum() - counts) / 29), atol=1e-9)
    assert set(found.status) == {Status.OK}
    assert found.searches == 0
    assert found.evaluations < 30 * 20


# -- what cannot be refitted ------------------------------------------------------------------------------


def test_a_joint_density_has_no_refits() -> None:
    kernel = np.exp(-(np.subtract.outer(X[:, 1], X[:, 1]) ** 2)) + np.eye(14)

    def build() -> None:
        m = pm.Normal("m", 0.0, 1.0)
        pm.MvNormal("y", m * np.ones(14), cov=kernel, observed=Y)
        pm.Normal("z", m, 1.0, observed=Y[:3])

    _, _, found = refitted(build)
    assert {i: reason.code for i, reason in found.reasons.items()} == {0: Code.NOT_FACTORISED}
    assert "one joint density of all observations" in found.reasons[0].text
    assert [str(status) for status in found.status] == ["not_run", "ok", "ok", "ok"]
    assert np.isnan(found.log_density).tolist() == [True, False, False, False]


def test_without_a_mode_there_is_nothing_to_refit() -> None:
    made = Problem(eight_schools(parametrisation="centered"))
    found = mode.fit(made, "map")
    assert found.status is Status.FAILED
    refit = leave_one_out(made, found)
    assert set(refit.status) == {Status.NOT_RUN}
    assert set(refit.reasons.values()) == {Reason(Code.NO_MODE_TO_REFIT, figures={"method": "map"})}
    assert np.isnan(refit.log_density).all()
    assert (refit.refits, refit.evaluations) == (0, 0)


def test_an_observation_without_which_there_is_no_mode() -> None:
    """The MLE of a mean and its scale from two observations at one place and one elsewhere."""
    y = np.array([1.0, 1.0, 3.0])

    def build() -> None:
        a, s = pm.Normal("a", 0.0, 10.0), pm.HalfNormal("s", 10.0)
        pm.Normal("y", a, s, observed=y)

    _, full, found = refitted(build, "mle")
    assert full.ok
    assert [str(status) for status in found.status] == ["ok", "ok", "failed"]
    assert found.reasons[2].text.startswith("no mode exists: the density grows without limit as s goes to 0")
    assert np.isnan(found.points[2]).all()
    assert np.isnan(found.log_density[2])
    assert found.searches == 1
    np.testing.assert_allclose(np.exp(found.points[:2, 1]), 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.log_density[:2], stats.norm(2, 1).logpdf(1.0), atol=1e-6)


# -- how ---------------------------------------------------------------------------------------------------


def test_only_those_asked_for() -> None:
    made, full, found = refitted(ridge(), observations=[3, 11], options=RefitOptions(exact=5))
    whole = leave_one_out(made, full)
    assert np.flatnonzero(np.isfinite(found.log_density)).tolist() == [3, 11]
    assert (found.refits, found.approximate) == (2, None)
    np.testing.assert_allclose(found.log_density[[3, 11]], whole.log_density[[3, 11]], rtol=1e-12)
    for wrong in ([14], [-1], [0.5]):
        with pytest.raises(UsageError, match="from 0 to 13"):
            leave_one_out(made, full, observations=wrong)  # type: ignore[arg-type]


def test_a_dimension_too_large_for_a_hessian_is_climbed_alone() -> None:
    options = RefitOptions(mode=ModeOptions(dense=2))
    made, full, found = refitted(ridge(), options=options)
    whole = leave_one_out(made, full)
    assert found.evaluations > whole.evaluations
    # By conjugate gradients a mode is known to 1e-8 nats, 1.4e-4 of a Laplace sd.
    np.testing.assert_allclose(found.log_density, whole.log_density, atol=1e-3)
    step = leave_one_out(made, full, options=RefitOptions(exact=5, mode=ModeOptions(dense=2)))
    assert step.refits == 0
    assert set(step.reasons.values()) == {Reason(Code.NO_NEWTON_STEP)}


def test_a_warm_start_that_fails_its_audit_is_polished_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made, full, found = refitted(logistic())
    monkeypatch.setattr(warm, "LONGEST", 0.0)  # so that no first step is accepted
    alone = leave_one_out(made, full)
    assert alone.evaluations > found.evaluations
    assert set(alone.status) == {Status.OK}
    np.testing.assert_allclose(alone.log_density, found.log_density, atol=1e-7)


def test_batches_are_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the rows go one by one or many at once decides no digit that matters."""
    made, full, one_by_one = refitted(logistic())
    monkeypatch.setattr(warm, "FEW", 0)
    batched = leave_one_out(made, full)
    np.testing.assert_allclose(batched.log_density, one_by_one.log_density, atol=1e-9)
    assert batched.evaluations == one_by_one.evaluations


def test_a_subsample_has_at_least_two() -> None:
    with pytest.raises(UsageError, match="at least 2"):
        RefitOptions(subsample=1)


def test_a_mode_on_two_edges_of_the_support_is_refitted_without_a_search() -> None:
    y = np.random.default_rng(0).uniform(2, 7, size=12)

    def build() -> None:
        pm.Uniform("y", pm.Normal("a", 0, 10), pm.Normal("b", 10, 10), observed=y)

    made, found, refits = refitted(build)
    assert found.status is Status.OK
    assert refits.searches == 0
    for i in range(len(y)):
        rest = np.delete(y, i)  # the prior is too wide to hold the interval further open
        np.testing.assert_allclose(free_values(made, refits.points[i]), [rest.min(), rest.max()], rtol=1e-9)
