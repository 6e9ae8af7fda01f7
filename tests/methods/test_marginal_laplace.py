"""The marginal Laplace approximation against quadrature, and what it says where it is wrong."""

from __future__ import annotations

from functools import cache

import numpy as np
import pymc as pm
import pytest
from scipy.stats import halfnorm, multivariate_normal, norm

import bayescompare as bc
from bayescompare.methods.marginal import MarginalOptions, laplace
from bayescompare.results.fit import Fit
from tests.methods.mixed_models import ANSWERS, ohio

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def schools(*, centred: bool) -> pm.Model:
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfNormal("tau", 5.0)
        theta = pm.Normal("theta", mu, tau, shape=8) if centred else mu + tau * pm.Normal("z", 0.0, 1.0, shape=8)
        pm.Normal("y", theta, SIGMA, observed=Y)
    return model


@cache
def fit(centred: bool) -> Fit:
    return bc.fit(schools(centred=centred), "marginal_laplace")


@cache
def quadrature() -> tuple[np.ndarray, np.ndarray, float]:
    """Mean and sd of mu and tau, and the log evidence."""
    mu, tau = np.meshgrid(np.linspace(-20, 28, 241), np.linspace(0.005, 30, 400), indexing="ij")
    heights = norm(0, 5).logpdf(mu) + halfnorm(scale=5).logpdf(tau)
    for y, sigma in zip(Y, SIGMA, strict=True):
        heights = heights + norm(mu, np.hypot(tau, sigma)).logpdf(y)
    cell = (mu[1, 0] - mu[0, 0]) * (tau[0, 1] - tau[0, 0])
    weights = np.exp(heights - heights.max())
    share = weights / weights.sum()
    mean = np.array([(share * x).sum() for x in (mu, tau)])
    sd = np.array([np.sqrt((share * (x - m) ** 2).sum()) for x, m in zip((mu, tau), mean, strict=True)])
    return mean, sd, float(heights.max() + np.log(weights.sum() * cell))


@pytest.mark.parametrize("centred", [False, True])
def test_hyperparameters_are_those_of_quadrature(centred: bool) -> None:
    found = fit(centred)
    mean, sd, evidence = quadrature()
    assert found.ok
    own = np.array([found.values[name] for name in ("mu", "tau")])
    spread = np.array([found.diagnostics["sd"][name] for name in ("mu", "tau")])
    error = sd / np.sqrt(found.diagnostics["outer_ess"])
    assert np.all(np.abs(own - mean) < 4 * error)
    assert np.all(np.abs(spread - sd) < 4 * error)
    assert found.diagnostics["log_evidence"] == pytest.approx(evidence, abs=0.02)


def test_a_gaussian_block_needs_no_correction() -> None:
    found = fit(False)
    assert found.diagnostics["k_hat"] == 0
    assert found.diagnostics["weights_ess"] == pytest.approx(4000)
    assert found.diagnostics["psis"]["log_evidence"] == pytest.approx(found.diagnostics["log_evidence"], abs=1e-8)


def test_draws_are_of_all_scalars_and_one_seed_gives_the_same() -> None:
    problem = bc.Problem(schools(centred=True))
    first, again = (
        bc.fit(problem, "marginal_laplace", random_seed=3, options=MarginalOptions(draws=100)) for _ in range(2)
    )
    assert first.draws is not None
    assert first.draws.shape == (1, 100, 10)
    assert first.unconstrained_draws is not None
    np.testing.assert_array_equal(first.draws, again.draws)
    np.testing.assert_allclose(np.exp(first.unconstrained_draws[0, :, 1]), first.draws[0, :, 1], rtol=1e-12)


def test_a_block_that_would_take_minutes_gets_fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laplace, "PRODUCTS", 8 * 300)
    found = bc.fit(schools(centred=False), "marginal_laplace")
    assert found.draws is not None
    assert found.draws.shape == (1, 300, len(found.names))


def test_latent_draws_have_their_conditional_law() -> None:
    """Known scales: the block and its location are jointly Gaussian."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 5.0)
        theta = pm.Normal("theta", mu, 3.0, shape=8)
        pm.Normal("y", theta, SIGMA, observed=Y)
    found = bc.fit(model, "marginal_laplace")
    prior = np.full((9, 9), 25.0) + np.diag([0.0, *[9.0] * 8])
    precision = np.linalg.inv(prior) + np.diag([0.0, *(1 / SIGMA**2)])
    covariance = np.linalg.inv(precision)
    mean = covariance @ np.array([0.0, *(Y / SIGMA**2)])
    error = np.sqrt(np.diag(covariance) / 1000)
    assert np.all(np.abs(found.estimate - mean) < 4 * error)
    assert found.draws is not None
    np.testing.assert_allclose(np.cov(found.draws[0].T), covariance, atol=0.1 * np.diag(covariance).max())
    evidence = multivariate_normal(np.zeros(8), prior[1:, 1:] + np.diag(SIGMA**2)).logpdf(Y)
    assert found.diagnostics["log_evidence"] == pytest.approx(evidence, abs=0.01)


def test_a_mode_on_the_boundary_is_nothing_to_approximate_at() -> None:
    with pm.Model() as model:
        tau = pm.Uniform("tau", 0.0, 1.0)
        theta = pm.Normal("theta", 0.0, 1.0, shape=3)
        pm.Normal("y", theta, 1.0, observed=np.array([9.0, -9.0, 9.0]))
        pm.Potential("rise", -200.0 * pm.math.log(1 - tau))
    found = bc.fit(model, "marginal_laplace")
    assert found.status == "failed"
    assert np.isnan(found.estimate).all()


@pytest.mark.slow
def test_four_binary_answers_a_child_are_too_few_and_it_says_so() -> None:
    """Laplace's approximation is 1.2 posterior sd off in the intercept: not ok, unless corrected to quadrature's."""
    found = bc.fit(ohio(), "marginal_laplace")
    exact = ANSWERS["ohio_agq25"]["fixef"]["(Intercept)"]
    if found.diagnostics["psis"]["reason"] is None:
        assert abs(found.diagnostics["psis"]["mean"]["beta[0]"] - exact) < 0.2 * 0.22
    else:
        assert found.status == "suspect"
        assert found.diagnostics["to_blame"]
        assert "not to be trusted" in found.reasons[0].text
