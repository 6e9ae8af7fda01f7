"""The marginal mode against lme4's and glmmTMB's answers, exact marginal likelihoods, and itself in other forms."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose
from pytensor.tensor.linalg import cholesky
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import halfnorm, multivariate_normal, norm

import bayescompare as bc
from bayescompare.methods.marginal import MarginalOptions
from bayescompare.methods.marginal.latent import latent_block
from bayescompare.methods.marginal.outer import Marginal, OuterProblem
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Fit
from tests.methods.mixed_models import ANSWERS, cbpp, epil2, ohio, one_way, sleepstudy


def fixed(fit: Fit, name: str = "beta") -> list[float]:
    return [value for key, value in fit.values.items() if key == name or key.startswith(f"{name}[")]


def marginal(model: pm.Model) -> Marginal:
    problem = Problem(model)
    return OuterProblem.of(problem, latent_block(problem)).marginal


# -- other people's answers ------------------------------------------------------------------------

ONE_WAY = {"dyestuff": ("Batch", "Yield"), "dyestuff2": ("Batch", "Yield"), "pulp_ml": ("operator", "bright")}
MODELS: dict[str, Any] = {"cbpp_glmmTMB": cbpp, "epil2_poisson": epil2, "ohio_laplace": ohio}


@pytest.mark.parametrize("name", sorted(ONE_WAY))
def test_one_way_models_as_lme4_fits_them(name: str) -> None:
    known = ANSWERS[name]
    fit = bc.fit(one_way(name, *ONE_WAY[name]), "marginal_map")
    assert fit.ok
    assert_allclose(fit.values["mu"], known["fixef"]["(Intercept)"], rtol=1e-4)
    assert_allclose([fit.values["sd"], fit.values["sigma"]], known["sd"], rtol=1e-4, atol=1e-6)
    assert_allclose(fit.log_density, known["logLik"], rtol=1e-6)
    assert_allclose(fixed(fit, "b"), known["ranef"]["(Intercept)"], rtol=1e-4, atol=1e-6)


def test_a_scale_on_its_boundary_is_told() -> None:
    fit = bc.fit(one_way("dyestuff2", "Batch", "Yield"), "marginal_map")
    assert fit.values["sd"] == 0
    assert fit.diagnostics["boundary"] == ["sd"]
    assert fit.diagnostics["standard_errors_missing"] is not None


@pytest.mark.slow
def test_sleepstudy_with_correlated_slopes() -> None:
    known = ANSWERS["sleepstudy"]
    fit = bc.fit(sleepstudy(), "marginal_map")
    assert fit.ok
    assert_allclose(fixed(fit), list(known["fixef"].values()), rtol=1e-4)
    found = [*fixed(fit, "sd"), fit.values["correlation"], fit.values["sigma"]]
    assert_allclose(found, known["sd"], rtol=1e-4)
    # the correlation's prior, uniform on (−1, 1), has density ½
    assert_allclose(fit.log_density + np.log(2), known["logLik"], rtol=1e-6)
    for name, column in (("intercept", "(Intercept)"), ("slope", "Days")):
        assert_allclose(fixed(fit, name), known["ranef"][column], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_generalised_models_as_lme4_and_glmmtmb_fit_them(name: str) -> None:
    known = ANSWERS[name]
    fit = bc.fit(MODELS[name](), "marginal_map")
    assert fit.ok
    assert_allclose(fixed(fit), list(known["fixef"].values()), rtol=1e-4)
    assert_allclose(fit.values["sd"], known["sd"][0], rtol=1e-4)
    assert_allclose(fit.log_density, known["logLik"], rtol=1e-6)
    errors = fit.diagnostics["standard_errors"]
    own = [errors[key] for key in fit.names if key.startswith("beta")]
    assert_allclose(own, list(known["se"].values()), rtol=5e-4)
    if "ranef" in known:
        assert_allclose(fixed(fit, "b"), known["ranef"]["(Intercept)"], rtol=1e-4, atol=1e-5)
    else:
        assert_allclose(fixed(fit, "z"), children(known), rtol=1e-4, atol=1e-4)


def children(known: dict[str, Any]) -> np.ndarray:
    """Conditional modes of ohio's children at glmmTMB's estimates, one root of a score each."""
    data, beta, sd = known["data"], list(known["fixef"].values()), known["sd"][0]
    ages, modes = np.array(data["ages"], dtype=float), []
    for text, smoke in zip(data["answers"], data["smoke"], strict=True):
        total, eta = sum(int(a) for a in text), beta[0] + beta[1] * ages + beta[2] * smoke
        modes.append(brentq(lambda z, t, eta: sd * (t - expit(eta + sd * z).sum()) - z, -9, 9, args=(total, eta)))
    return np.repeat(modes, data["children"])


def test_fixed_effects_named_latent_give_reml() -> None:
    known = ANSWERS["pulp_reml"]
    model = one_way("pulp_ml", "operator", "bright")
    fit = bc.fit(model, "marginal_map", options=MarginalOptions(latent=("mu", "z")))
    assert fit.ok
    assert_allclose([fit.values["sd"], fit.values["sigma"]], known["sd"], rtol=1e-4)
    assert_allclose(fit.log_density, known["logLik"], rtol=1e-6)
    assert_allclose(fixed(fit, "b"), known["ranef"]["(Intercept)"], rtol=1e-4)


# -- closed forms ----------------------------------------------------------------------------------


def hierarchy(*, centred: bool = False) -> tuple[pm.Model, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    group = rng.integers(0, 7, 40)
    y = rng.normal(size=7)[group] + rng.normal(size=40)
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 3.0)
        tau = pm.HalfNormal("tau", 1.0)
        sigma = pm.HalfNormal("sigma", 2.0)
        theta = pm.Normal("theta", mu, tau, shape=7) if centred else mu + tau * pm.Normal("z", 0.0, 1.0, shape=7)
        pm.Normal("y", theta[group], sigma, observed=y)
    return model, group, y


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("phi", [(0.3, -0.4, 0.1), (-1.0, 0.8, 0.5), (0.0, -6.0, -0.5)])
def test_the_marginal_density_of_a_normal_hierarchy_is_exact(centred: bool, phi: tuple[float, ...]) -> None:
    model, group, y = hierarchy(centred=centred)
    density = marginal(model)
    mu, tau, sigma = phi[0], np.exp(phi[1]), np.exp(phi[2])
    covariance = sigma**2 * np.eye(len(y)) + tau**2 * (group[:, None] == group)
    prior = norm(0, 3).logpdf(mu) + halfnorm(scale=1).logpdf(tau) + halfnorm(scale=2).logpdf(sigma)
    exact = multivariate_normal(np.full(len(y), mu), covariance).logpdf(y) + prior
    value, _ = density(np.array(phi), (1.0, 1.0, 0.0))
    assert value == pytest.approx(exact, abs=1e-10)
    with_jacobian, _ = density(np.array(phi), (1.0, 1.0, 1.0))
    assert with_jacobian == pytest.approx(exact + phi[1] + phi[2], abs=1e-10)


@pytest.mark.parametrize("build", [lambda: hierarchy()[0], lambda: hierarchy(centred=True)[0], cbpp, epil2])
def test_the_gradient_is_that_of_the_density(build: Any) -> None:
    density = marginal(build())
    weights = (1.0, 1.0, 1.0)
    phi = 0.3 * np.cos(np.arange(density.dimension))
    _, gradient = density(phi, weights)
    step = 1e-3
    steps = step * np.eye(density.dimension)
    # central differences of orders 2 and 4 together: the error is the fourth power of the step
    slopes = [
        (8 * (density(phi + h, weights)[0] - density(phi - h, weights)[0]) - density(phi + 2 * h, weights)[0])
        + density(phi - 2 * h, weights)[0]
        for h in steps
    ]
    assert_allclose(gradient, np.array(slopes) / (12 * step), rtol=1e-8, atol=1e-8 * np.abs(gradient).max())


@pytest.mark.slow
def test_gaussian_process_hyperparameters_as_scikit_learn_finds_them() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    rng = np.random.default_rng(1)
    x = np.sort(rng.uniform(0, 6, 40))
    y = np.sin(x) + 0.2 * rng.normal(size=40)
    distance = (x[:, None] - x) ** 2
    with pm.Model() as model:
        amplitude, length, noise = (pm.HalfFlat(name) for name in ("amplitude", "length", "noise"))
        covariance = amplitude**2 * pm.math.exp(-distance / (2 * length**2)) + 1e-6 * np.eye(40)
        z = pm.Normal("z", 0.0, 1.0, shape=40)
        pm.Normal("y", cholesky(covariance) @ z, noise, observed=y)
    fit = bc.fit(model, "marginal_map")
    kernel = ConstantKernel(1.0) * RBF(1.0) + WhiteKernel(0.1)
    known = GaussianProcessRegressor(kernel, alpha=1e-6, n_restarts_optimizer=3, random_state=0).fit(x[:, None], y)
    logs = known.kernel_.theta  # log of amplitude², length, noise²
    found = [2 * np.log(fit.values["amplitude"]), np.log(fit.values["length"]), 2 * np.log(fit.values["noise"])]
    assert fit.ok
    assert_allclose(found, logs, atol=1e-3)
    assert fit.log_density >= known.log_marginal_likelihood_value_ - 1e-6
    assert fit.log_density == pytest.approx(known.log_marginal_likelihood(np.array(found)), abs=1e-6)


# -- one mode in all coordinates -------------------------------------------------------------------


@cache
def forms() -> dict[bool, Fit]:
    return {centred: bc.fit(hierarchy(centred=centred)[0], "marginal_map") for centred in (False, True)}


def test_centred_and_noncentred_forms_have_one_mode() -> None:
    noncentred, centred = forms()[False], forms()[True]
    for name in ("mu", "tau", "sigma"):
        assert noncentred.values[name] == pytest.approx(centred.values[name], rel=1e-6)
    assert noncentred.log_density == pytest.approx(centred.log_density, abs=1e-9)


def test_standard_errors_do_not_depend_on_the_form() -> None:
    noncentred, centred = (forms()[form].diagnostics["standard_errors"] for form in (False, True))
    for name in ("mu", "tau", "sigma"):
        assert noncentred[name] == pytest.approx(centred[name], rel=1e-4)


def test_standard_errors_carry_the_hyperparameters_uncertainty() -> None:
    """Balanced groups with known scales: the sd of a group's effect is that of the exact posterior."""
    y = np.random.default_rng(0).normal(size=(5, 4))
    with pm.Model() as model:
        mu = pm.Flat("mu")
        theta = pm.Normal("theta", mu, 1.5, shape=5)
        pm.Normal("y", theta[:, None], 0.7, observed=y)
    fit = bc.fit(model, "marginal_map")
    precision = np.zeros((6, 6))
    precision[0, 0] = 5 / 1.5**2
    precision[1:, 1:] = (1 / 1.5**2 + 4 / 0.7**2) * np.eye(5)
    precision[0, 1:] = precision[1:, 0] = -1 / 1.5**2
    assert_allclose(
        list(fit.diagnostics["standard_errors"].values()), np.sqrt(np.diag(np.linalg.inv(precision))), rtol=1e-6
    )
