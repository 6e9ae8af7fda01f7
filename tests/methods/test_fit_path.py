"""The path from the MLE to the MAP: ridge's regularisation path, and modes that come and go along it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

import bayescompare as bc
from bayescompare.methods import mode
from bayescompare.methods.modes.path import Path, path
from bayescompare.model.problem import Problem
from bayescompare.reasons import NO_MODE_EXISTS, Code

rng = np.random.default_rng(4)
X = rng.normal(size=(20, 3)) * [1.0, 5.0, 0.2]
NOISE, PRIOR = 0.7, 0.4
Y = X @ [0.5, -0.3, 1.0] + NOISE * rng.normal(size=20)


def problem(build: Callable[[], Any]) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def followed(one: Problem, points: int = 5, mle: bool = False) -> Path:
    known = mode.fit(one, "mle") if mle else None
    return path(one, mode.fit(one, "map"), mle=known, points=points)


def ridge() -> None:
    b = pm.Normal("b", 0.0, PRIOR, shape=3)
    pm.Deterministic("total", b.sum())
    pm.Normal("y", (X * b).sum(axis=-1), NOISE, observed=Y)


@pytest.fixture(scope="module")
def regression() -> Path:
    return followed(problem(ridge), points=21)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_it_is_ridges_regularisation_path(regression: Path, power: float) -> None:
    """Prior N(0, τ²) to the power λ is N(0, τ²/λ): ridge with α = σ²λ/τ²."""
    i = int(np.flatnonzero(regression.powers == power)[0])
    exact = Ridge(alpha=NOISE**2 * power / PRIOR**2, fit_intercept=False, solver="svd").fit(X, Y).coef_
    np.testing.assert_allclose(regression.values[i], [*exact, exact.sum()], rtol=1e-9)
    likelihood = stats.norm(X @ exact, NOISE).logpdf(Y).sum()
    assert regression.log_likelihood[i] == pytest.approx(likelihood, rel=1e-9)
    assert regression.log_prior[i] == pytest.approx(stats.norm(0, PRIOR).logpdf(exact).sum(), rel=1e-9)


def test_powers_run_from_the_data_to_the_whole_prior(regression: Path) -> None:
    np.testing.assert_allclose(regression.powers, np.linspace(0, 1, 21))
    assert regression.names == ("b[0]", "b[1]", "b[2]", "total")
    assert regression.values.shape == (21, 4)
    assert regression.reasons == (None,) * 21


def test_more_prior_never_gains_likelihood(regression: Path) -> None:
    """With λ the maximum of log L + λ log π gives up likelihood for prior, strictly where the two disagree."""
    assert np.all(np.diff(regression.log_likelihood) < 0)
    assert np.all(np.diff(regression.log_prior) > 0)


def test_its_ends_are_the_mle_and_the_map(regression: Path) -> None:
    one = problem(ridge)
    np.testing.assert_allclose(regression.values[0], bc.fit(one, "mle").estimate, rtol=1e-9)
    np.testing.assert_allclose(regression.values[-1], bc.fit(one, "map").estimate, rtol=1e-12)


def test_without_an_mle_its_reason_stands_at_0() -> None:
    """Separated data: the coefficient goes to infinity as the prior is turned off. 2/(1 + eᵇ) + 4/(1 + e²ᵇ) = λb."""

    def build() -> None:
        b = pm.Normal("b", 0.0, 1.0)
        pm.Bernoulli("y", logit_p=b * np.array([-2.0, -1.0, 1.0, 2.0]), observed=np.array([0, 0, 1, 1]))

    for with_mle in (False, True):
        found = followed(problem(build), mle=with_mle)
        assert found.reasons[0].text.startswith("no mode exists: the density rises for ever along b")
        assert np.isnan(found.values[0]).all()
        assert found.reasons[1:] == (None,) * 4
        b, power = found.values[1:, 0], found.powers[1:]
        np.testing.assert_allclose(2 / (1 + np.exp(b)) + 4 / (1 + np.exp(2 * b)), power * b, rtol=1e-7)


def test_an_mle_that_was_refused_says_so() -> None:
    def build() -> None:
        scale = pm.Gamma("scale", 3.0, 1.0)
        x = pm.Normal("x", 0.0, scale)
        pm.Normal("y", x, 1.0, observed=2.0)

    one = problem(build)
    found = followed(one, mle=True)
    assert found.reasons[0] == bc.fit(one, "mle").reasons[0]
    assert "does not depend on scale" in found.reasons[0].text
    assert np.isnan(found.values[0]).all()
    # 2/s − 1/s + x²/s³ = 1 and x/s² = 2 − x at λ = 1.
    s, x = found.values[-1]
    assert x / s**2 == pytest.approx(2 - x, rel=1e-7)
    assert 2 / s - 1 / s + x**2 / s**3 == pytest.approx(1.0, rel=1e-7)


def test_a_mode_that_leaves_the_boundary_as_the_prior_fades() -> None:
    """Exponential(5), and two normal observations whose sum is 3: with less than 3/5 of the prior x leaves 0."""

    def build() -> None:
        x = pm.Exponential("x", 5.0)
        pm.Normal("y", x, 1.0, observed=np.array([1.0, 2.0]))

    found = followed(problem(build), points=11)
    # Σ(y − x) = 5λ
    exact = np.maximum(0.0, (3.0 - 5.0 * found.powers) / 2)
    np.testing.assert_allclose(found.values[:, 0], exact, rtol=1e-7)
    assert (exact == 0).sum() == 5
    assert (found.values[:, 0] == 0).sum() == 5
    assert found.reasons == (None,) * 11


def test_coefficients_leave_the_lassos_kink_one_by_one() -> None:
    """Orthogonal columns: soft thresholding at λ/scale."""
    y = np.array([0.3, 1.1, -2.4])

    def build() -> None:
        c = pm.Laplace("c", 0.0, 0.5, shape=3)
        pm.Normal("y", c, 1.0, observed=y)

    found = followed(problem(build), points=5)
    exact = np.sign(y) * np.maximum(0.0, np.abs(y) - 2.0 * found.powers[:, None])
    np.testing.assert_allclose(found.values, exact, rtol=1e-7, atol=1e-10)


def test_without_a_map_there_is_no_path() -> None:
    def build() -> None:
        pm.Gamma("x", 0.5, 1.0)
        pm.Normal("y", 0.0, 1.0, observed=0.0)

    found = followed(problem(build), points=3)
    assert np.isnan(found.values).all()
    assert all(reason is not None and reason.code is Code.NO_MAP for reason in found.reasons)
    assert all(reason is not None and reason.causes[0].code in NO_MODE_EXISTS for reason in found.reasons)


def test_a_ridge_at_0_is_no_point() -> None:
    """Without its prior the sum alone is known; with any of it, both halves are the same."""

    def build() -> None:
        a = pm.Normal("a", 0.0, 1.0, shape=2)
        pm.Normal("y", a[0] + a[1], 1.0, observed=3.0)

    found = followed(problem(build), points=3)
    assert found.reasons[0] is not None
    assert found.reasons[0].code is Code.NOT_IDENTIFIED
    assert np.isnan(found.values[0]).all()
    np.testing.assert_allclose(found.values[1:], np.outer(3.0 / (2.0 + found.powers[1:]), [1.0, 1.0]), rtol=1e-9)
    assert math.isnan(found.log_likelihood[0])
