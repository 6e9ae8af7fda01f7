"""The Laplace approximation: exact for a Gaussian, exact curvature elsewhere, and a failure where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats

import bayescompare as bc
from bayescompare.errors import UsageError
from bayescompare.fit import laplace, mode
from bayescompare.fit.laplace import LaplaceOptions, standard_normal
from bayescompare.fit.result import Status
from bayescompare.problem import Problem

rng = np.random.default_rng(8)
X = np.column_stack([np.ones(12), rng.normal(0, 1, 12), rng.normal(3, 2, 12)])
Y = X @ [1.0, -0.5, 0.3] + rng.normal(0, 0.7, 12)
NOISE, PRIOR = 0.7, 1.3


def problem(build: Callable[[], Any]) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


@pytest.fixture(scope="module")
def regression() -> Problem:
    def build() -> None:
        b = pm.Normal("b", 0.0, PRIOR, shape=3)
        pm.Deterministic("at_one", b.sum())
        pm.Normal("y", (X * b).sum(axis=-1), NOISE, observed=Y)

    return problem(build)


def exact() -> tuple[np.ndarray, np.ndarray]:
    covariance = np.linalg.inv(X.T @ X / NOISE**2 + np.eye(3) / PRIOR**2)
    return covariance @ X.T @ Y / NOISE**2, covariance


def test_a_gaussian_posterior_is_itself(regression: Problem) -> None:
    """Mean and covariance of the draws, to rounding: the draws are matched to them."""
    found = bc.fit(regression, "laplace", seed=3)
    mean, covariance = exact()
    assert found.status is Status.OK
    assert found.draws is not None
    assert found.draws.shape == (1, 4000, 4)
    np.testing.assert_allclose(found.estimate, [*mean, mean.sum()], rtol=1e-8)
    np.testing.assert_allclose(np.cov(found.draws[0, :, :3].T), covariance, rtol=1e-8)
    sd = [*np.sqrt(np.diag(covariance)), math.sqrt(covariance.sum())]
    np.testing.assert_allclose(list(found.diagnostics["sd"].values()), sd, rtol=1e-8)
    np.testing.assert_allclose(found.diagnostics["unconstrained_sd"], sd[:3], rtol=1e-8)


def test_its_evidence_is_the_marginal_likelihood(regression: Problem) -> None:
    marginal = stats.multivariate_normal(np.zeros(12), NOISE**2 * np.eye(12) + PRIOR**2 * X @ X.T)
    assert bc.fit(regression, "laplace").diagnostics["log_evidence"] == pytest.approx(marginal.logpdf(Y), rel=1e-9)


def test_draws_differ_and_one_seed_gives_them_again(regression: Problem) -> None:
    first, again, other = (bc.fit(regression, "laplace", seed=seed) for seed in (3, 3, 4))
    assert first.draws is not None
    assert again.draws is not None
    assert other.draws is not None
    assert first.draws.tobytes() == again.draws.tobytes()
    assert not np.any(first.draws == other.draws)
    assert all(len(np.unique(column)) == 4000 for column in first.draws[0].T)
    assert first.unconstrained_draws is not None
    np.testing.assert_allclose(regression.density.push(first.unconstrained_draws[0]), first.draws[0], rtol=1e-13)


def test_gamma_on_the_log_scale() -> None:
    """Posterior Gamma(a, b): u ~ N(log(a/b), 1/a), so x is lognormal with mean (a/b) exp(1/(2a))."""
    k = np.array([3, 1, 4])

    def build() -> None:
        rate = pm.Gamma("rate", 2.5, 1.5)
        pm.Poisson("k", rate, observed=k)

    a, b = 10.5, 4.5
    found = bc.fit(problem(build), "laplace")
    # The curvature by differences of step 1e-3 sd: relative error (1e-3)² / (6a).
    assert found.diagnostics["unconstrained_sd"][0] == pytest.approx(1 / math.sqrt(a), rel=1e-7)
    assert found.unconstrained is not None
    assert found.unconstrained[0] == pytest.approx(math.log(a / b), abs=1e-7)
    assert found.draws is not None
    lognormal = stats.lognorm(s=1 / math.sqrt(a), scale=a / b)
    # With u's mean and variance matched, at most this much noise is left, and in truth a tenth of it.
    assert abs(found.estimate[0] - lognormal.mean()) < 4 * lognormal.std() / math.sqrt(4000)
    below = np.mean(found.draws[0, :, 0] < lognormal.ppf(0.1))
    assert abs(below - 0.1) < 4 * math.sqrt(0.09 / 4000)
    # Evidence: the joint at the mode times the Gaussian's volume.
    joint = stats.gamma(2.5, scale=1 / 1.5).logpdf(a / b) + stats.poisson(a / b).logpmf(k).sum() + math.log(a / b)
    expected = joint + 0.5 * math.log(2 * math.pi / a)
    assert found.diagnostics["log_evidence"] == pytest.approx(expected, abs=1e-7)


def test_no_gaussian_at_a_boundary() -> None:
    """A normal density folded at 0, with the Jacobian taken off: the unconstrained mode is at u = −∞."""

    def build() -> None:
        x = pm.HalfNormal("x", 1.0)
        pm.Potential("no_jacobian", -pm.math.log(x))

    found = bc.fit(problem(build), "laplace")
    assert found.status is Status.FAILED
    assert "lies on a boundary (x)" in found.reasons[0]
    assert np.isnan(found.estimate).all()
    assert found.draws is None
    assert "log_evidence" not in found.diagnostics


def test_no_gaussian_without_a_mode() -> None:
    def build() -> None:
        s = pm.HalfNormal("s", 1.0)
        x = pm.Normal("x", 0.0, s, shape=3)
        pm.Normal("y", x, 5.0, observed=np.zeros(3))

    found = bc.fit(problem(build), "laplace")
    assert found.status is Status.FAILED
    assert "no unconstrained mode to approximate at: no mode exists" in found.reasons[0]


def test_it_takes_a_mode_that_is_known(regression: Problem) -> None:
    at = mode.fit(regression, "unconstrained_map")
    found = laplace.fit(regression, at=at)
    assert found.log_density == at.log_density
    assert found.unconstrained is at.unconstrained
    assert 4000 < found.evaluations < 4000 + at.evaluations


@pytest.mark.parametrize(("draws", "dimension"), [(4000, 3), (4001, 3), (100, 10), (99, 20)])
def test_standard_normal_draws_are_matched(draws: int, dimension: int) -> None:
    z = standard_normal(draws, dimension, np.random.default_rng(0))
    assert z.shape == (draws, dimension)
    np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=1e-14)
    covariance = np.cov(z.T)
    if draws >= 10 * dimension:
        np.testing.assert_allclose(covariance, np.eye(dimension), atol=1e-12)
    else:
        assert np.max(np.abs(np.diag(covariance) - 1)) < 5 * math.sqrt(2 / (draws / 2))
    assert stats.kstest(z[: draws // 2].ravel(), "norm").pvalue > 1e-4


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 2 draws, not 1"):
        LaplaceOptions(draws=1)
