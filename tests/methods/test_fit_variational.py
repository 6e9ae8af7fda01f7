"""Deterministic variational inference against closed forms, and its ways to fail."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pymc as pm
import pytest

from bayescompare.methods.variational import VariationalOptions, fit
from bayescompare.model.problem import Problem
from bayescompare.reasons import Code
from bayescompare.results.fit import Fit, Status

PRECISE = VariationalOptions(draws=4000, fixed=2000)


def gaussian(d: int, condition: float = 100.0) -> tuple[Problem, np.ndarray, np.ndarray]:
    """A correlated Gaussian posterior on scales from 1e-3 to 1e3, its mean and covariance."""
    rng = np.random.default_rng(d)
    q, _ = np.linalg.qr(rng.normal(size=(d, d)))
    scale = np.geomspace(1e-3, 1e3, d)
    covariance = (q * np.geomspace(1, condition, d)) @ q.T * np.outer(scale, scale)
    mean = rng.normal(size=d) * scale
    with pm.Model() as model:
        pm.MvNormal("x", mean, covariance, shape=d)
        pm.Normal("y", 0.0, 1.0, observed=0.0)
    return Problem(model), mean, covariance


def sds(of: dict[str, Any]) -> np.ndarray:
    return np.array(list(of["sd"].values()))


@pytest.mark.parametrize("d", [1, 3, 40])
def test_a_gaussian_posterior_is_met_exactly(d: int) -> None:
    problem, mean, covariance = gaussian(d)
    sd = np.sqrt(np.diag(covariance))
    field, full = fit(problem, "advi"), fit(problem, "fullrank_advi")
    for found in (field, full):
        np.testing.assert_allclose((found.estimate - mean) / sd, 0, atol=1e-3)
        assert found.diagnostics["decrement"] < 1e-6
    np.testing.assert_allclose(sds(field.diagnostics), 1 / np.sqrt(np.diag(np.linalg.inv(covariance))), rtol=1e-3)
    np.testing.assert_allclose(sds(field.diagnostics["linear_response"]), sd, rtol=1e-3)
    np.testing.assert_allclose(sds(full.diagnostics), sd, rtol=1e-3)
    assert full.status is Status.OK


def test_the_evidence_of_a_gaussian_is_found_by_the_full_covariance() -> None:
    problem, _, _ = gaussian(3)
    found = fit(problem, "fullrank_advi")
    log_evidence = -0.5 * math.log(2 * math.pi)  # the observation's alone: the prior is the posterior
    assert found.diagnostics["elbo"] == pytest.approx(log_evidence, abs=1e-6)
    assert found.diagnostics["psis"]["log_evidence"] == pytest.approx(log_evidence, abs=1e-6)


def test_a_gamma_posterior_has_the_log_normal_of_its_closed_form() -> None:
    """KL(N(m, s²) of log x from Gamma(a, b)) is least where s² = 1/a and b·exp(m + s²/2) = a."""
    shape, rate = 3.0, 2.0
    with pm.Model() as model:
        pm.Gamma("x", shape, rate)
        pm.Normal("y", 0.0, 1.0, observed=0.0)
    found = fit(Problem(model), options=PRECISE)
    assert found.unconstrained is not None
    assert found.unconstrained[0] == pytest.approx(math.log(shape / rate) - 1 / (2 * shape), abs=0.02)
    assert found.unconstrained_draws is not None
    assert found.unconstrained_draws.std() == pytest.approx(1 / math.sqrt(shape), rel=0.02)
    assert found.estimate[0] == pytest.approx(shape / rate, rel=0.02)


def hierarchy(centred: bool = True) -> Problem:
    """Eight schools; centred no mode exists, the nearest mean field does."""
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
        theta = pm.Normal("theta", mu, tau, shape=8) if centred else mu + tau * pm.Normal("z", shape=8)
        pm.Normal(
            "y",
            theta,
            np.array([15.0, 10, 16, 11, 9, 11, 10, 18]),
            observed=np.array([28.0, 8, -3, 7, -1, 1, 18, 12]),
        )
    return Problem(model)


def test_where_there_is_no_mode_it_is_told_that_the_answer_cannot_be_trusted() -> None:
    found = fit(hierarchy())
    assert found.status is Status.SUSPECT
    assert found.reasons[0].code is Code.K_HAT
    assert np.isfinite(found.estimate).all()


def test_k_hat_tells_the_centred_schools_from_the_others() -> None:
    """Yao et al. (2018): k-hat of mean-field ADVI is about 1 centred and 0.64 non-centred, of 0.7 that may be."""
    centred, other = (fit(hierarchy(form), seed=2).diagnostics["k_hat"] for form in (True, False))
    assert 0.7 < centred < 1.2
    assert 0.4 < other < 0.7


def failed(found: Fit) -> Code:
    assert found.status is Status.FAILED
    assert np.isnan(found.estimate).all()
    assert found.draws is None
    return found.reasons[0].code


def test_what_does_not_converge_has_failed() -> None:
    with pm.Model() as improper:
        x = pm.Flat("x")
        pm.Potential("rises", pm.math.log1p(pm.math.exp(x)))
        pm.Normal("y", 0.0, 1.0, observed=0.0)
    assert failed(fit(Problem(improper))) is Code.NOT_CONVERGED
    with pm.Model() as large:
        pm.Normal("x", shape=151)
        pm.Normal("y", 0.0, 1.0, observed=0.0)
    assert failed(fit(Problem(large), "fullrank_advi")) is Code.TOO_MANY


def test_one_seed_gives_one_result() -> None:
    problem, _, _ = gaussian(3)
    first, again, other = (fit(problem, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.draws, again.draws)
    assert (np.asarray(first.draws) != other.draws).any()
