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
from bayescompare.methods import laplace, mode
from bayescompare.methods.laplace import LaplaceOptions, standard_normal
from bayescompare.metrics.table import _matched_sd_error
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Status

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
    found = bc.fit(regression, "laplace", random_seed=3)
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
    first, again, other = (bc.fit(regression, "laplace", random_seed=seed) for seed in (3, 3, 4))
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
    assert "lies on a boundary (x)" in found.reasons[0].text
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
    assert "no unconstrained mode to approximate at: no mode exists" in found.reasons[0].text


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


# -- beside the Gaussian: first-order figures, importance sampling ---------------------------------


COUNTS = np.array([3, 1, 4])
A, B = 10.5, 4.5


@pytest.fixture(scope="module")
def rate() -> Problem:
    """Posterior Gamma(10.5, 4.5)."""

    def build() -> None:
        x = pm.Gamma("rate", 2.5, 1.5)
        pm.Deterministic("wait", 1.0 / x)
        pm.Poisson("k", x, observed=COUNTS)

    return problem(build)


@pytest.fixture(scope="module")
def share() -> Problem:
    """Posterior Beta(9, 6)."""

    def build() -> None:
        p = pm.Beta("p", 2.0, 3.0)
        pm.Binomial("y", n=10, p=p, observed=7)

    return problem(build)


def test_of_a_gaussian_there_is_nothing_to_correct(regression: Problem) -> None:
    """All weights are equal: k-hat 0, every draw counts, and the corrected figures are the exact ones."""
    found = bc.fit(regression, "laplace")
    d = found.diagnostics
    mean, covariance = exact()
    assert (d["k_hat"], d["weights_ess"]) == (0.0, pytest.approx(4000.0, rel=1e-6))
    sd = [*np.sqrt(np.diag(covariance)), math.sqrt(covariance.sum())]
    np.testing.assert_allclose(list(d["psis"]["mean"].values()), [*mean, mean.sum()], rtol=1e-7)
    # The weighted sd divides by n, not n − 1.
    np.testing.assert_allclose(list(d["psis"]["sd"].values()), np.multiply(sd, math.sqrt(3999 / 4000)), rtol=1e-7)
    np.testing.assert_allclose(list(d["sd_delta"].values()), sd, rtol=1e-8)
    assert np.all(np.abs(list(d["shift_predicted"].values())) == 0)
    assert d["psis"]["log_evidence"] == pytest.approx(d["log_evidence"], abs=1e-8)
    assert d["psis"]["log_evidence_mcse"] < 1e-8
    assert d["psis"]["reason"] is None


def test_the_delta_method_and_the_shift_of_a_gamma(rate: Problem) -> None:
    """u ~ N(log a/b, 1/a): sd of the rate (a/b)/√a, of its inverse (b/a)/√a. ∇log|J| = 1: the rate moves by (a/b)/a,
    which is all of a/b − (a − 1)/b; its inverse by −(b/a)/a."""
    d = bc.fit(rate, "laplace").diagnostics
    assert d["sd_delta"]["rate"] == pytest.approx(A / B / math.sqrt(A), rel=1e-6)
    assert d["sd_delta"]["wait"] == pytest.approx(B / A / math.sqrt(A), rel=1e-6)
    assert d["shift_predicted"]["rate"] == pytest.approx(1 / B, rel=1e-6)
    assert d["shift_predicted"]["wait"] == pytest.approx(-B / A**2, rel=1e-6)
    shift = bc.fit(rate, "unconstrained_map").values["rate"] - bc.fit(rate, "map").values["rate"]
    assert d["shift_predicted"]["rate"] == pytest.approx(shift, rel=1e-6)


def test_the_shift_of_a_beta(share: Problem) -> None:
    """J = p(1 − p), Σ = (a + b)/(ab), ∇log|J| = 1 − 2p at p = a/(a + b): (b − a)/(a + b)²."""
    d = bc.fit(share, "laplace").diagnostics
    assert d["shift_predicted"]["p"] == pytest.approx((6 - 9) / 15**2, rel=1e-6)
    assert d["sd_delta"]["p"] == pytest.approx(math.sqrt(9 * 6 / 15**3), rel=1e-6)
    # To first order: the true shift is 9/15 − 8/13.
    assert d["shift_predicted"]["p"] == pytest.approx(9 / 15 - 8 / 13, rel=0.15)


def test_the_shift_where_coordinates_are_correlated() -> None:
    """J Σ ∇log|J| with a matrix for Σ: a normal of unknown mean and scale, by its own curvature."""
    y = np.array([0.3, -1.2, 0.8, 2.1, 4.0])

    def build() -> None:
        mu, sigma = pm.Normal("mu", 0.0, 2.0), pm.Gamma("sigma", 3.0, 1.0)
        pm.Deterministic("cv", mu / sigma)
        pm.Normal("y", mu, sigma, observed=y)

    one = problem(build)
    d = bc.fit(one, "laplace").diagnostics
    mu, sigma = bc.fit(one, "unconstrained_map").estimate[:2]
    off = y - mu
    # −∇² of the log density in (mu, log sigma).
    cross = 2 * off.sum() / sigma**2
    h = np.array([[5 / sigma**2 + 1 / 4, cross], [cross, 2 * (off**2).sum() / sigma**2 + sigma]])
    covariance = np.linalg.inv(h)
    j = np.array([[1.0, 0.0], [0.0, sigma], [1 / sigma, -mu / sigma]])
    np.testing.assert_allclose(list(d["shift_predicted"].values()), j @ covariance[:, 1], rtol=1e-5)
    sd = np.sqrt(np.einsum("ij,jk,ik->i", j, covariance, j))
    np.testing.assert_allclose(list(d["sd_delta"].values()), sd, rtol=1e-5)


#: A conjugate posterior of one scalar: its law, and the marginal likelihood.
CONJUGATE = {
    "rate": (
        stats.gamma(A, scale=1 / B),
        # A negative binomial for each count, joint.
        math.lgamma(A) - math.lgamma(2.5) + 2.5 * math.log(1.5) - A * math.log(B)
        - sum(math.lgamma(k + 1) for k in COUNTS.tolist()),
    ),
    "p": (stats.beta(9, 6), float(stats.betabinom(10, 2, 3).logpmf(7))),
}  # fmt: skip


@pytest.mark.parametrize("name", CONJUGATE)
def test_importance_sampling_gives_the_posterior(name: str, request: pytest.FixtureRequest) -> None:
    """Means, sds and the evidence, each within 4 of its own errors."""
    law, evidence = CONJUGATE[name]
    found = bc.fit(request.getfixturevalue({"rate": "rate", "p": "share"}[name]), "laplace", random_seed=1)
    d, psis = found.diagnostics, found.diagnostics["psis"]
    assert d["k_hat"] + 2 * d["k_hat_mcse"] < 0.7
    assert d["k_hat_says"]["code"] == "k_hat_says"
    assert abs(psis["mean"][name] - law.mean()) < 4 * psis["mean_mcse"][name]
    assert abs(psis["sd"][name] - law.std()) < 4 * psis["sd_mcse"][name]
    assert abs(psis["log_evidence"] - evidence) < 4 * psis["log_evidence_mcse"]
    assert 0 < psis["mean_mcse"][name] < 0.02 * law.std()
    assert 2000 < d["weights_ess"] < 4000


def test_laplaces_evidence_of_a_gamma_is_stirlings_formula(rate: Problem) -> None:
    """Γ(a) by its Laplace approximation: short by 1/(12a)."""
    found = bc.fit(rate, "laplace").diagnostics["log_evidence"]
    assert found - CONJUGATE["rate"][1] == pytest.approx(-1 / (12 * A), rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONJUGATE)
def test_errors_of_importance_sampling_are_honest(name: str, request: pytest.FixtureRequest) -> None:
    """Over 40 seeds each figure misses by what its error claims: χ². Now and then a tail lets a moment go unsaid."""
    law, evidence = CONJUGATE[name]
    one = request.getfixturevalue({"rate": "rate", "p": "share"}[name])
    top = mode.fit(one, "unconstrained_map")
    z: dict[str, list[float]] = {"mean": [], "sd": [], "log_evidence": []}
    for seed in range(40):
        psis = laplace.fit(one, seed=seed, at=top, options=LaplaceOptions(draws=4000)).diagnostics["psis"]
        z["mean"].append((psis["mean"][name] - law.mean()) / psis["mean_mcse"][name])
        z["sd"].append((psis["sd"][name] - law.std()) / psis["sd_mcse"][name])
        z["log_evidence"].append((psis["log_evidence"] - evidence) / psis["log_evidence_mcse"])
    for figure, values in z.items():
        said = np.array(values)[np.isfinite(values)]
        assert len(said) >= 20, figure
        # Matched draws make errors smaller than claimed, never larger.
        assert np.square(said).sum() < stats.chi2(len(said)).ppf(1 - 1e-4), figure


def test_tails_that_laplace_misses_are_said_and_nothing_is_corrected() -> None:
    """A Cauchy: its curvature at the mode knows nothing of its tails."""

    def build() -> None:
        pm.Cauchy("x", 0.0, 1.0, shape=10)
        pm.Normal("y", 0.0, 1.0, observed=0.0)

    found = bc.fit(problem(build), "laplace")
    d = found.diagnostics
    assert found.status is Status.OK
    assert d["k_hat"] > 0.7
    assert "the approximation" in d["k_hat_says"]["text"]
    assert "miss" in d["k_hat_says"]["text"]
    assert d["psis"]["reason"]["code"] == "k_hat"
    assert set(d["psis"]) == {"reason"}
    # Curvature of a Cauchy at its mode is 2.
    assert d["unconstrained_sd"] == pytest.approx([math.sqrt(0.5)] * 10, rel=1e-5)


def test_the_evidence_of_a_uniform_prior_over_one_mean() -> None:
    """Without the prior's normalising constant the evidence would be off by log 20: all constants are in it."""

    def build() -> None:
        mu = pm.Uniform("mu", -10.0, 10.0)
        pm.Normal("y", mu, 0.5, observed=np.array([1.0, 1.4]))

    psis = bc.fit(problem(build), "laplace").diagnostics["psis"]
    # ∫ of the likelihood over mu (the range is 27 sd away), over 20.
    likelihood = stats.norm(1.2, 0.5).logpdf([1.0, 1.4]).sum() + 0.5 * math.log(2 * math.pi * 0.25 / 2)
    assert abs(psis["log_evidence"] - (likelihood - math.log(20))) < 4 * psis["log_evidence_mcse"] + 1e-6


def test_log_ratios_are_of_the_posterior_to_the_gaussian(rate: Problem) -> None:
    found = bc.fit(rate, "laplace", options=LaplaceOptions(draws=50))
    assert found.unconstrained_draws is not None
    u = found.unconstrained_draws[0, :, 0]
    joint = stats.gamma(2.5, scale=1 / 1.5).logpdf(np.exp(u)) + u
    joint = joint + stats.poisson(np.exp(u)[:, None]).logpmf(COUNTS).sum(axis=1)
    gaussian = stats.norm(math.log(A / B), 1 / math.sqrt(A)).logpdf(u)
    np.testing.assert_allclose(found.statistics["log_ratio"][0], joint - gaussian, atol=1e-5)


@pytest.mark.parametrize(("power", "least", "most"), [(1.0, 0.8, 1.25), (0.25, 0.1, 0.5)])
def test_the_table_knows_the_error_of_the_sd_of_laplace_draws(power: float, least: float, most: float) -> None:
    """True spread of the sd over the error claimed, for exp(power·z): right with heavy tails, never too small."""
    z = np.array([standard_normal(4000, 2, np.random.default_rng(seed))[:, 0] for seed in range(300)])
    draws = np.exp(power * z)
    sd = draws.std(axis=1, ddof=1)
    claimed = np.sqrt((_matched_sd_error(draws) ** 2).mean())
    assert least < sd.std() / sd.mean() / claimed < most


def test_between_knots_the_curvature_is_taken_over_the_posteriors_width() -> None:
    """A prior interpolated between 100 knots: at the mode its curvature is that of one line's piece, which is said."""
    knots, y = np.linspace(0.0, 2.0, 101), np.array([1.3, 0.9, 1.6, 1.4])
    heights = stats.norm.pdf(knots, 1.0, 0.2)

    def build() -> None:
        mu = pm.Interpolated("mu", knots, heights)
        pm.Normal("y", mu, 0.5, observed=y)

    grid = np.linspace(0.0, 2.0, 20_001)
    posterior = np.interp(grid, knots, heights) * np.exp(stats.norm.logpdf(y[:, None], grid, 0.5).sum(axis=0))
    posterior /= posterior.sum()
    sd = math.sqrt(posterior @ grid**2 - (posterior @ grid) ** 2)
    found = bc.fit(problem(build), "laplace")
    assert found.status is Status.SUSPECT
    assert found.reasons[0].text.startswith("the density has kinks")
    assert found.diagnostics["sd"]["mu"] == pytest.approx(sd, rel=0.15)
    mode_fit = bc.fit(problem(build), "unconstrained_map")
    assert math.isnan(mode_fit.diagnostics["standard_errors"]["mu"])


def test_a_smooth_density_is_not_looked_at_over_its_width() -> None:
    found = problem(lambda: pm.Poisson("y", pm.Gamma("rate", 3.0, 1.0), observed=4))
    assert bc.fit(found, "laplace").status is Status.OK
