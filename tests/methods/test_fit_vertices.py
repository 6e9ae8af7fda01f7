"""Modes on kinks that lie across coordinates: quantile regression, least absolute deviations, the fused lasso."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy.optimize import linprog, minimize, minimize_scalar

import bayescompare as bc
from bayescompare.model.problem import Problem
from bayescompare.reasons import Code
from bayescompare.results.fit import Fit, Status


def problem(build: Callable[[], Any]) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def ok(found: Fit) -> Fit:
    assert found.status is Status.OK, found.reasons
    return found


def quantile_regression(x: np.ndarray, y: np.ndarray, q: float) -> tuple[np.ndarray, float]:
    """Coefficients and least loss Σ ρ_q(y − xβ), by linear programming: β, and the residuals' two parts."""
    n, d = x.shape
    costs = np.concatenate([np.zeros(d), np.full(n, q), np.full(n, 1 - q)])
    rows = np.hstack([x, np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * d + [(0, None)] * (2 * n)
    found = linprog(costs, A_eq=rows, b_eq=y, bounds=bounds, method="highs")
    return found.x[:d], found.fun


def loss(residuals: np.ndarray, q: float) -> float:
    return float(np.where(residuals < 0, q - 1, q) @ residuals)


def data(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, d - 1)) * 10.0 ** rng.integers(-2, 3, d - 1)])
    return x, x @ rng.normal(size=d) + rng.standard_t(3, n)


def asymmetric(x: np.ndarray, y: np.ndarray, q: float, prior: Callable[[int], Any], scale: Any) -> Callable[[], None]:
    """PyMC's loss with slopes q and 1 − q is that of b = √(q(1 − q)) / s."""

    def build() -> None:
        beta = prior(x.shape[1])
        s = scale() if callable(scale) else scale
        pm.AsymmetricLaplace("y", mu=pt.dot(x, beta), b=math.sqrt(q * (1 - q)) / s, q=q, observed=y)

    return build


def flat(d: int) -> Any:
    return pm.Flat("beta", shape=d)


# -- quantile regression -----------------------------------------------------------------------------


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("n", "d"), [(30, 2), (101, 3), pytest.param(500, 5, marks=pytest.mark.slow)])
def test_flat_priors_give_quantile_regression(q: float, n: int, d: int) -> None:
    x, y = data(n, d, seed=n + d)
    found = ok(bc.fit(problem(asymmetric(x, y, q, flat, 0.7)), "map"))
    expected, least = quantile_regression(x, y, q)
    assert loss(y - x @ found.estimate, q) == pytest.approx(least, rel=1e-10)
    np.testing.assert_allclose(found.estimate, expected, rtol=1e-7, atol=1e-9)
    assert found.diagnostics["kink"] == list(found.names)
    assert found.diagnostics["starts_agree"] >= 2
    assert np.isnan(list(found.diagnostics["standard_errors"].values())).all()


@pytest.mark.parametrize("q", [0.1, 0.9])
def test_a_free_scale_follows(q: float) -> None:
    """The scale's own mode, at the vertex: n log s + loss/s + s²/2·25 is least."""
    x, y = data(60, 3, seed=5)
    build = asymmetric(x, y, q, flat, lambda: pm.HalfNormal("s", 5.0))
    expected, least = quantile_regression(x, y, q)
    s = minimize_scalar(
        lambda v: 60 * v + least * math.exp(-v) + math.exp(2 * v) / 50,
        bounds=(-5, 5),
        method="bounded",
        options={"xatol": 1e-12},
    )
    found = ok(bc.fit(problem(build), "map"))
    np.testing.assert_allclose(found.estimate[:3], expected, rtol=1e-7, atol=1e-9)
    assert found.estimate[3] == pytest.approx(math.exp(s.x), rel=1e-6)
    assert found.diagnostics["kink"] == list(found.names[:3])
    for method in ("mle", "unconstrained_map"):
        ok(bc.fit(problem(build), method))
    laplace = bc.fit(problem(build), "laplace")
    assert laplace.status is Status.FAILED
    assert "lies on a kink (beta[0], beta[1], beta[2])" in laplace.reasons[0].text


def test_normal_priors_pull_off_the_vertex_or_not() -> None:
    """Judged by the subgradient: no direction, of many, leads up."""
    for sd, seed in ((10.0, 1), (0.05, 2), (0.01, 3)):
        x, y = data(40, 3, seed)
        build = asymmetric(x, y, 0.3, lambda d, sd=sd: pm.Normal("beta", 0.0, sd, shape=d), 1.0)
        found = ok(bc.fit(problem(build), "map"))

        def height(beta: np.ndarray, x: np.ndarray = x, y: np.ndarray = y, sd: float = sd) -> float:
            return -loss(y - x @ beta, 0.3) - float((beta**2).sum()) / (2 * sd**2)

        top = height(found.estimate)
        ways = np.random.default_rng(0).normal(size=(500, 3)) / np.abs(x).max(axis=0)
        for length in (1e-6, 1e-4, 1e-2, 1.0):
            assert max(height(found.estimate + length * way) for way in ways) <= top + 1e-12 * abs(top)
        other = minimize(lambda b: -height(b), found.estimate, method="Nelder-Mead", options={"xatol": 1e-10})
        assert -other.fun <= top + 1e-9


# -- least absolute deviations ------------------------------------------------------------------------


def test_ties_are_a_vertex_of_many_kinks() -> None:
    """Whole numbers, rows twice: more than d residuals are 0 at once."""
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(61), rng.integers(0, 4, 61)])
    y = np.round(x @ [1.0, 2.0] + rng.normal(size=61))
    found = ok(bc.fit(problem(lambda: pm.Laplace("y", pt.dot(x, pm.Flat("beta", shape=2)), 1.0, observed=y)), "map"))
    _, least = quantile_regression(x, y, 0.5)
    assert loss(y - x @ found.estimate, 0.5) == pytest.approx(least, rel=1e-12)


def test_an_intercept_alone_is_the_median() -> None:
    y = np.random.default_rng(1).normal(size=31)

    def build() -> None:
        pm.Laplace("y", pm.Flat("a"), pm.HalfNormal("s", 1.0), observed=y)

    found = ok(bc.fit(problem(build), "map"))
    assert found.values["a"] == pytest.approx(np.median(y), abs=1e-12)
    assert found.diagnostics["kink"] == ["a"]


def test_a_flat_stretch_is_said() -> None:
    """An even number of observations; two groups, each of them even: the medians are intervals."""

    def build() -> None:
        a = pm.Flat("a", shape=2)
        pm.Laplace("y", pt.dot(np.repeat(np.eye(2), 4, axis=0), a), 1.0, observed=np.arange(8.0) ** 2)

    found = bc.fit(problem(build), "map")
    assert found.status is Status.FAILED
    assert "flat at the end of the search, along a" in found.reasons[0].text


def test_absolute_deviations_with_a_lasso_prior() -> None:
    """Coefficients that are 0, and residuals that are: one linear programme."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(40, 4))
    y = x @ [1.5, 0.0, 0.0, -1.0] + rng.standard_t(3, 40)

    def build() -> None:
        beta = pm.Laplace("beta", 0.0, 0.15, shape=4)
        pm.Laplace("y", pt.dot(x, beta), 1.0, observed=y)

    found = ok(bc.fit(problem(build), "map"))
    more, nothing = np.vstack([x, np.eye(4) / 0.15]), np.concatenate([y, np.zeros(4)])
    expected, _ = quantile_regression(more, nothing, 0.5)
    np.testing.assert_allclose(found.estimate, expected, rtol=0, atol=1e-9)


# -- other kinks across coordinates -------------------------------------------------------------------


def test_the_fused_lasso() -> None:
    """a₀ and a₁ are held together: at half of their means' sum, shrunk by the prior."""

    def build() -> None:
        a = pm.Normal("a", 0.0, 1.0, shape=2)
        pm.Potential("p", -3.0 * abs(a[0] - a[1]))
        pm.Normal("y", a, 1.0, observed=np.array([0.3, -0.7]))

    found = ok(bc.fit(problem(build), "map"))
    np.testing.assert_allclose(found.estimate, [-0.1, -0.1], rtol=0, atol=1e-9)
    assert found.diagnostics["kink"] == ["a[0]", "a[1]"]


def test_a_kink_on_a_transformed_scale() -> None:
    """The kink at 0.5 holds s: off it the density falls on both sides."""

    def build() -> None:
        s = pm.HalfNormal("s", 1.0)
        pm.Potential("p", -3.0 * abs(s - 0.5))
        pm.Normal("y", 0.0, s, observed=np.array([0.3, -0.7]))

    found = ok(bc.fit(problem(build), "map"))
    assert found.values["s"] == pytest.approx(0.5, abs=1e-12)
    assert found.diagnostics["kink"] == ["s"]


def test_hinges_and_hubers_loss() -> None:
    """A support vector machine's hinge with a normal prior, and a loss that is smooth where it is switched."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(50, 2))
    label = np.where(x @ [1.0, -1.0] + rng.normal(size=50) > 0, 1.0, -1.0)

    def hinge() -> None:
        w = pm.Normal("w", 0.0, 1.0, shape=2)
        pm.Potential("p", -pt.maximum(0.0, 1.0 - label * pt.dot(x, w)).sum())

    def hinge_height(w: np.ndarray) -> float:
        return -np.maximum(0.0, 1.0 - label * (x @ w)).sum() - (w @ w) / 2

    found = ok(bc.fit(problem(hinge), "map"))
    n = 50
    # The dual, a box of multipliers: min ½|Σ a l x|² − Σ a over 0 ≤ a ≤ 1.
    kernel = (label[:, None] * x) @ (label[:, None] * x).T
    dual = minimize(
        lambda a: (0.5 * a @ kernel @ a - a.sum(), kernel @ a - 1),
        np.full(n, 0.5),
        jac=True,
        bounds=[(0, 1)] * n,
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10000},
    )
    assert hinge_height(found.estimate) == pytest.approx(dual.fun, rel=1e-6)

    y = rng.standard_t(2, 50)

    def huber() -> None:
        r = y - pt.dot(x, pm.Flat("w", shape=2))
        pm.Potential("p", -pt.switch(abs(r) < 1.0, r**2 / 2, abs(r) - 0.5).sum())

    smooth = ok(bc.fit(problem(huber), "map"))
    r = y - x @ smooth.estimate
    np.testing.assert_allclose(x.T @ np.clip(r, -1, 1), 0.0, atol=1e-6)
    assert smooth.diagnostics["kink"] == []


def test_a_group_scale_that_runs_to_zero_beside_kinks() -> None:
    """The climb over kinks ends where the search knows that the way has no end: a tenth of the time, and the reason."""

    def build() -> None:
        mu = pm.Laplace("mu", 0.1, 1.0, shape=2, transform=pm.distributions.transforms.Interval(-4.0, 4.0))
        s = pm.Exponential("s", 1.0)
        effect = pm.Normal("effect", 0.0, s, shape=2)
        pm.Logistic("y", mu + effect, 1.0, observed=[0.4, 0.9])

    found = bc.fit(problem(build), "map")
    assert [reason.code for reason in found.reasons] == [Code.GROWS_WITHOUT_LIMIT, Code.ADVICE_NON_CENTRED]
    assert found.reasons[0].variables == ("s",)
