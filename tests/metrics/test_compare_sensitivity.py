"""Sensitivity to the power of the prior, against ArviZ and against derivatives of conjugate posteriors."""

from __future__ import annotations

import arviz_stats
import numpy as np
import pytest
from arviz_base import from_dict
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.special import ndtr
from scipy.stats import gamma, norm

from bayescompare.metrics.groups import groups
from bayescompare.metrics.sensitivity import mean_derivative, mode_derivative, power_scaling
from bayescompare.reasons import Code, Reason

Array = np.ndarray
SHAPE = (4, 1000)


def uniform(rng: np.random.Generator, k: int = 1, rho: float = 0.0) -> Array:
    noise = rng.standard_normal((SHAPE[0], SHAPE[1] + 100, k))
    return np.asarray(ndtr(lfilter([1.0], [1.0, -rho], noise, axis=1)[:, 100:] * np.sqrt(1 - rho**2)))


# -- the mean --------------------------------------------------------------------------------------

#: Gamma(a, b) prior of a Poisson rate, with S counted in n: the posterior is Gamma(α(a − 1) + 1 + S, αb + n).
A, B, S, SIZE = 3.0, 2.0, 7, 4
POSTERIOR = gamma(A + S, scale=1 / (B + SIZE))


def of_mean(a: float) -> float:
    return (a * (A - 1) + 1 + S) / (a * B + SIZE)


def of_mode(a: float) -> float:
    return (a * (A - 1) + S) / (a * B + SIZE)


def slope(function: object) -> float:
    assert callable(function)
    return float(function(1 + 1e-6) - function(1 - 1e-6)) / 2e-6


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_derivative_of_a_posterior_mean(rho: float) -> None:
    rng = np.random.default_rng(1)
    exact = slope(of_mean) / POSTERIOR.std()
    for _ in range(5):
        x = POSTERIOR.ppf(uniform(rng, 1, rho))
        found = mean_derivative(x, gamma(A, scale=1 / B).logpdf(x[..., 0]))
        assert abs(found.value[0] - exact) < 4 * found.mcse[0]
        # Likelihood and prior with one power each leave the posterior's power: Cov(x, log L) is the rest.
        log_lik = S * np.log(x[..., 0]) - SIZE * x[..., 0]
        whole = mean_derivative(x, log_lik + gamma(A, scale=1 / B).logpdf(x[..., 0]))
        part = mean_derivative(x, log_lik)
        assert whole.value[0] == pytest.approx(part.value[0] + found.value[0], rel=1e-9)


def test_derivative_of_a_normal_mean_in_many_dimensions() -> None:
    """Prior N(m, 1) of each coordinate, posterior N(0, ½): d mean/dα = (m − 0)·½, so m·√½ posterior sd."""
    m = np.linspace(-2, 2, 150)
    x = np.sqrt(0.5) * norm.ppf(uniform(np.random.default_rng(2), 150))
    found = mean_derivative(x, norm.logpdf(x, m).sum(axis=-1))
    assert np.all(np.abs(found.value - m * np.sqrt(0.5)) < 5 * found.mcse)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_the_error_of_a_derivative_is_calibrated(rho: float) -> None:
    """Over 300 scalars, each with a prior of its own; an sd is known to 4 %, more for skewed ones."""
    x = POSTERIOR.ppf(uniform(np.random.default_rng(3), 300, rho))
    one = [mean_derivative(x[..., i : i + 1], gamma(A, scale=1 / B).logpdf(x[..., i])) for i in range(300)]
    values, errors = np.array([f.value[0] for f in one]), np.array([f.mcse[0] for f in one])
    assert 0.8 < np.sqrt(np.mean(errors**2)) / values.std(ddof=1) < 1.2


def test_what_has_no_derivative() -> None:
    rng = np.random.default_rng(4)
    x = np.stack(
        [rng.standard_normal(SHAPE), np.full(SHAPE, 3.0), rng.standard_cauchy(SHAPE), rng.standard_normal(SHAPE)], -1
    )
    x[0, 0, 3] = np.inf
    density = norm.logpdf(x[..., 0])
    found = mean_derivative(x, density)
    assert np.isfinite(found.value).tolist() == np.isfinite(found.mcse).tolist() == [True, False, False, False]
    scaled = power_scaling(x, density)
    assert np.isfinite(scaled.value).tolist() == np.isfinite(scaled.mcse).tolist() == [True, False, True, False]
    density[1, 1] = -np.inf
    for function in (mean_derivative, power_scaling):
        none = function(x, density)
        assert none.reason == Reason(Code.COMPONENT_ZERO)
        assert np.isnan(none.value).all()


# -- the mode --------------------------------------------------------------------------------------


def test_derivative_of_a_mode() -> None:
    """The same model in u = log x: H and the prior's gradient there, pushed back by dx/du = x."""
    mode = of_mode(1.0)
    precision = np.array([[(B + SIZE) * mode]])  # of (A − 1 + S)u − (B + n)eᵘ
    gradient = np.array([A - 1 - B * mode])
    sd = np.array([POSTERIOR.std()])
    found = mode_derivative(
        precision, gradient, np.array([[mode]]), sd=sd, mcse_sd=0.01 * sd, free=np.ones(1, dtype=bool)
    )
    assert found.value[0] == pytest.approx(slope(of_mode) / sd[0], rel=1e-6)
    assert found.mcse[0] == pytest.approx(abs(found.value[0]) * 0.01)


def ridge(a: float, x: Array, y: Array) -> Array:
    return np.asarray(np.linalg.solve(x.T @ x + a * np.eye(x.shape[1]), x.T @ y))


def test_derivative_of_ridge_coefficients_and_of_what_follows_from_them() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((20, 6)), rng.standard_normal(20)
    beta, follows = ridge(1.0, x, y), rng.standard_normal((3, 6))
    sd = rng.gamma(2.0, size=9)
    found = mode_derivative(
        x.T @ x + np.eye(6),
        -beta,
        np.concatenate([np.eye(6), follows]),
        sd=sd,
        mcse_sd=0 * sd,
        free=np.ones(6, dtype=bool),
    )
    exact = (ridge(1 + 1e-5, x, y) - ridge(1 - 1e-5, x, y)) / 2e-5
    np.testing.assert_allclose(found.value * sd, np.concatenate([exact, follows @ exact]), rtol=1e-6)


def test_a_coordinate_at_its_bound_stays_there() -> None:
    rng = np.random.default_rng(6)
    root = rng.standard_normal((3, 3))
    free = np.array([True, False, True])
    precision, gradient = root @ root.T + np.eye(3), rng.standard_normal(3)
    precision[1], precision[:, 1], gradient[1] = np.nan, np.nan, np.nan
    jacobian = np.eye(3)
    jacobian[1, 1] = np.nan
    sd = np.ones(3)
    found = mode_derivative(precision, gradient, jacobian, sd=sd, mcse_sd=sd, free=free)
    inner = np.linalg.solve(precision[np.ix_(free, free)], gradient[free])
    np.testing.assert_allclose(found.value, [inner[0], 0.0, inner[1]])


def test_no_curvature_no_derivative() -> None:
    one = np.ones(2)
    found = mode_derivative(np.diag([1.0, -1.0]), one, np.eye(2), sd=one, mcse_sd=one, free=np.ones(2, dtype=bool))
    assert found.reason == Reason(Code.NOT_POSITIVE_DEFINITE)
    none = mode_derivative(np.eye(2), one, np.eye(2), sd=np.array([1, 0.0]), mcse_sd=one, free=np.ones(2, dtype=bool))
    assert none.value[0] == 1
    assert np.isnan(none.value[1])


# -- power-scaling ---------------------------------------------------------------------------------


@pytest.mark.parametrize("component", ["prior", "likelihood"])
def test_power_scaling_is_arvizs(component: str) -> None:
    rng = np.random.default_rng(7)
    x = np.stack([norm.ppf(uniform(rng)[..., 0]), POSTERIOR.ppf(uniform(rng)[..., 0])], axis=-1)
    density = norm.logpdf(x[..., 0], 1.0) + gamma(A, scale=1 / B).logpdf(x[..., 1])
    group = {"prior": "log_prior", "likelihood": "log_likelihood"}[component]
    tree = from_dict({"posterior": {"x": x}, group: {"y": density}, "observed_data": {"y": np.zeros(())}})
    theirs = arviz_stats.psense(tree, group=component)["x"].values
    np.testing.assert_allclose(power_scaling(x, density).value, theirs, rtol=1e-10)


def test_a_scalar_that_the_component_does_not_touch_is_not_sensitive() -> None:
    """Noise alone gives a distance of the size of its error; the one that it touches has many."""
    rng = np.random.default_rng(8)
    x = norm.ppf(uniform(rng, 20))
    found = power_scaling(x, norm.logpdf(x[..., 0], 2.0))
    assert found.value[0] > 10 * found.mcse[0]
    assert np.all(found.value[1:] < 6 * found.mcse[1:])
    assert np.all(found.value >= 0)


def test_a_flat_prior_has_no_influence() -> None:
    x = norm.ppf(uniform(np.random.default_rng(9), 3))
    found = power_scaling(x, np.full(SHAPE, -4.0))
    assert found.value.tolist() == found.mcse.tolist() == [0.0] * 3
    assert mean_derivative(x, np.full(SHAPE, -4.0)).value.tolist() == [0.0] * 3


@pytest.mark.slow
def test_the_error_of_power_scaling_is_calibrated() -> None:
    """A block jackknife of a figure that the extreme draws scale: true to a fifth, or on the safe side to a half."""
    x = norm.ppf(uniform(np.random.default_rng(10), 200))
    one = [power_scaling(x[..., i : i + 1], norm.logpdf(x[..., i], 2.0)) for i in range(200)]
    values, errors = np.array([f.value[0] for f in one]), np.array([f.mcse[0] for f in one])
    assert 0.8 < np.sqrt(np.mean(errors**2)) / values.std(ddof=1) < 1.5


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.1, 10), shift=st.floats(-10, 10))
def test_sensitivities_have_no_unit_and_no_order(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.gamma(2.0, size=(3, 61, 4))
    density = gamma(3.0).logpdf(x).sum(axis=-1)
    places = rng.permutation(4)
    for function in (mean_derivative, power_scaling):
        one, other = function(x, density), function(scale * x[..., places] + shift, density + shift)
        np.testing.assert_allclose(other.value, one.value[places], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(other.mcse, one.mcse[places], rtol=1e-6, atol=1e-9)
    chains = rng.permutation(3)
    one, other = mean_derivative(x, density), mean_derivative(x[chains], density[chains])
    np.testing.assert_allclose(other.value, one.value, rtol=1e-9)
    np.testing.assert_allclose(other.mcse, one.mcse, rtol=1e-9)


# -- groups ----------------------------------------------------------------------------------------


def test_groups() -> None:
    z = np.array([9.0, 0.1, -0.5, 0.3, np.nan, np.nan, np.nan, 0.2])
    found = groups(z, {"mu": (0, 1), "theta": (1, 5), "none": (5, 7), "tau": (7, 8)}, 0.2)
    assert [g.name for g in found] == ["theta", "none"]
    theta, none = found
    assert (theta.count, theta.known, theta.worst, theta.worst_z) == (4, 3, 2, -0.5)
    assert theta.median == pytest.approx(0.3)
    assert theta.beyond == pytest.approx(2 / 3)
    assert theta.rms == pytest.approx(np.sqrt((0.01 + 0.25 + 0.09) / 3))
    assert (none.count, none.known, none.worst) == (2, 0, None)
    assert np.isnan([none.worst_z, none.median, none.beyond, none.rms]).all()
