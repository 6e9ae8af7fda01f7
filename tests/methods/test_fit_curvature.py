"""Curvature by differences, standard errors by the delta method, and which scalars a flat direction leaves alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats

import bayescompare as bc
from bayescompare.methods.modes import curvature
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Status

Y = np.array([0.3, -1.2, 0.8, 2.1])
K = np.array([3, 1, 4])
DATA_ALONE = (1.0, 0.0, 0.0)

# Central differences of step 1e-3 sd: relative error (1e-3)² times the third derivative of the slope, here at most 1.
DIFFERENCES = 1e-6


def problem(build: Callable[[], Any]) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


# -- derivatives -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def valley() -> Problem:
    """Rosenbrock's: −(1 − x)² − 100 (y − x²)²."""

    def build() -> None:
        x = pm.Flat("x", shape=2)
        pm.Potential("p", -((1.0 - x[0]) ** 2) - 100.0 * (x[1] - x[0] ** 2) ** 2)

    return problem(build)


def of_the_valley(x: float, y: float) -> np.ndarray:
    return np.array([[2 + 1200 * x**2 - 400 * y, -400 * x], [-400 * x, 200]])


@pytest.mark.parametrize("at", [(1.0, 1.0), (-1.2, 1.0), (0.3, -0.7)])
def test_the_hessian_of_a_curved_valley(valley: Problem, at: tuple[float, float]) -> None:
    """x's third and fourth derivatives are 2400 at most: a step of 1e-3 errs by their product with 1e-6."""
    h = curvature.hessian(valley.density, np.array(at), DATA_ALONE)
    np.testing.assert_allclose(h, of_the_valley(*at), rtol=0, atol=2400 * 1e-6)
    assert np.array_equal(h, h.T)


def test_the_product_of_the_hessian_with_a_vector(valley: Problem) -> None:
    at, direction = np.array([0.3, -0.7]), np.array([2.0, -5.0])
    along = curvature.curvature_along(valley.density, at, direction, DATA_ALONE)
    # The step is 1e-4, and the direction's length 5.4: error 2400 · 1e-8 · 5.4.
    np.testing.assert_allclose(along, of_the_valley(*at) @ direction, rtol=0, atol=2e-4)
    assert not curvature.curvature_along(valley.density, at, np.zeros(2), DATA_ALONE).any()


def test_steps_stay_short_of_a_kink() -> None:
    """2e-4 from |x|'s kink a step of 1e-3 would find a curvature of 1000 where there is 1."""
    kinked = problem(lambda: pm.Potential("p", -abs(x := pm.Flat("x")) - x**2 / 2))
    at = np.array([2e-4])
    assert curvature.hessian(kinked.density, at, DATA_ALONE)[0, 0] > 100
    near = curvature.hessian(kinked.density, at, DATA_ALONE, 1e3 * at / 2)
    assert near[0, 0] == pytest.approx(1.0, rel=1e-10)


def test_steps_shrink_where_the_density_overflows() -> None:
    """A raw column near 10⁶ in an exponential: at 1e-3 the rate is e¹⁰⁰⁰."""
    x = 1e6 * np.array([1.0, 1.2, 0.9])

    def build() -> None:
        b = pm.Flat("b")
        pm.Poisson("k", pm.math.exp(b * x), observed=K)

    at = 1e-6
    exact = (x**2 * np.exp(at * x)).sum()
    scale = np.array([1 / math.sqrt(exact)])
    wild = problem(build).density
    assert curvature.hessian(wild, np.array([at]), DATA_ALONE, scale)[0, 0] == pytest.approx(exact, rel=DIFFERENCES)
    # Unscaled, the step shrinks a thousandfold until it is inside: 1e-6, one unit of the exponent.
    assert curvature.hessian(wild, np.array([at]), DATA_ALONE)[0, 0] == pytest.approx(exact, rel=0.3)


def test_outside_the_support_there_is_no_curvature() -> None:
    half = problem(lambda: pm.Potential("p", 2.0 * pm.math.log(pm.Flat("x", initval=1.0))))
    assert np.isnan(curvature.hessian(half.density, np.array([-1.0]), DATA_ALONE)).all()
    assert np.isnan(curvature.curvature_along(half.density, np.array([-1.0]), np.ones(1), DATA_ALONE)).all()


def test_weights_of_observations_weigh_their_curvature() -> None:
    mean = problem(lambda: pm.Normal("y", pm.Flat("m"), 0.5, observed=Y)).density
    for w in (np.ones(4), np.array([1.0, 0.0, 1.0, 0.5])):
        h = curvature.hessian(mean, np.array([0.1]), DATA_ALONE, observation_weights=w)
        assert h[0, 0] == pytest.approx(4 * w.sum(), rel=1e-10)


def test_jacobians_of_the_transforms() -> None:
    """dθ/du: θ for a logarithm, p (1 − p) for log odds, by the chain rule for what is computed from them."""

    def build() -> None:
        s, p, x = pm.HalfNormal("s", 1.0), pm.Beta("p", 2.0, 2.0), pm.Normal("x", 0.0, 1.0)
        pm.Deterministic("sx", s * x)
        pm.Potential("flat", 0.0 * (s + p + x))

    s, p, x = 0.7, 0.2, 3.0
    u = np.array([math.log(s), math.log(p / (1 - p)), x])
    j = curvature.jacobian(problem(build).density, u, np.ones(3))
    exact = [[s, 0, 0], [0, p * (1 - p), 0], [0, 0, 1], [s * x, 0, s]]
    np.testing.assert_allclose(j, exact, rtol=DIFFERENCES, atol=1e-12)


# -- algebra ---------------------------------------------------------------------------------------

H = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, -0.5], [0.0, -0.5, 9.0]])
SCALES = np.diag([1e-6, 1.0, 1e5])


def test_spectrum_is_of_the_matrix_with_unit_diagonal() -> None:
    """So it does not depend on the columns' units."""
    unit = H / np.sqrt(np.outer(np.diag(H), np.diag(H)))
    for h in (H, SCALES @ H @ SCALES):
        eigenvalues, vectors, scale = curvature.spectrum(h)
        np.testing.assert_allclose(eigenvalues, np.linalg.eigvalsh(unit), rtol=1e-12)
        np.testing.assert_allclose(vectors @ np.diag(eigenvalues) @ vectors.T, unit, atol=1e-12)
        np.testing.assert_allclose(scale, 1 / np.sqrt(np.diag(h)), rtol=1e-14)


def test_marginal_sds() -> None:
    np.testing.assert_allclose(curvature.marginal_sd(H), np.sqrt(np.diag(np.linalg.inv(H))), rtol=1e-12)
    assert np.isinf(curvature.marginal_sd(np.zeros((2, 2)))).all()


def test_cholesky_factors_what_is_positive_and_nothing_else() -> None:
    for h in (H, SCALES @ H @ SCALES):
        factor = curvature.cholesky(h)
        assert factor is not None
        np.testing.assert_allclose(factor @ factor.T, h, rtol=1e-12)
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    for bad in (singular, singular + np.diag([1e-12, 0.0]), np.diag([1.0, -1.0]), np.diag([1.0, np.nan]), -H):
        assert curvature.cholesky(bad) is None


# -- standard errors -------------------------------------------------------------------------------


def errors(found: bc.Fit) -> dict[str, float]:
    assert found.status is Status.OK, found.reasons
    assert found.diagnostics["standard_errors_missing"] is None
    known: dict[str, float] = found.diagnostics["standard_errors"]
    return known


def poisson() -> None:
    rate = pm.HalfFlat("rate")
    pm.Deterministic("log", pm.math.log(rate))
    pm.Poisson("k", rate, observed=K)


def binomial() -> None:
    p = pm.Uniform("p", 0.0, 1.0)
    pm.Deterministic("odds", p / (1.0 - p))
    pm.Binomial("y", n=10, p=p, observed=7)


def exponential() -> None:
    rate = pm.HalfFlat("rate")
    pm.Exponential("t", rate, observed=np.abs(Y))


def normal() -> None:
    mu, sigma = pm.Flat("mu"), pm.HalfFlat("sigma")
    pm.Deterministic("variance", sigma**2)
    pm.Normal("y", mu, sigma, observed=Y)


def regression() -> None:
    b = pm.Flat("b", shape=2)
    pm.Normal("y", b[0] + b[1] * np.arange(4.0), 0.7, observed=Y)


COLUMNS = np.column_stack([np.ones(4), np.arange(4.0)])
REGRESSION = 0.7 * np.sqrt(np.diag(np.linalg.inv(COLUMNS.T @ COLUMNS)))
S = Y.std()

#: Inverse observed information at the MLE; by Fisher's rule the same in every coordinate.
INFORMATION: list[tuple[Callable[[], None], dict[str, float]]] = [
    (poisson, {"rate": math.sqrt(K.mean() / 3), "log": 1 / math.sqrt(K.sum())}),
    (binomial, {"p": math.sqrt(0.7 * 0.3 / 10), "odds": math.sqrt(0.7 / (10 * 0.3**3))}),
    (exponential, {"rate": 1 / (np.abs(Y).mean() * math.sqrt(4))}),
    (normal, {"mu": S / 2, "sigma": S / math.sqrt(8), "variance": S**2 / math.sqrt(2)}),
    (regression, {"b[0]": REGRESSION[0], "b[1]": REGRESSION[1]}),
]


@pytest.mark.parametrize(("build", "exact"), INFORMATION, ids=[build.__name__ for build, _ in INFORMATION])
def test_errors_of_an_mle_are_the_observed_information(build: Callable[[], Any], exact: dict[str, float]) -> None:
    known = errors(bc.fit(problem(build), "mle"))
    assert known == pytest.approx(exact, rel=10 * DIFFERENCES)


def test_normal_normal() -> None:
    def build() -> None:
        mu = pm.Normal("mu", 1.0, 2.0)
        pm.Normal("y", mu, 1.5, observed=Y)

    conjugate = problem(build)
    sd = 1 / math.sqrt(1 / 4 + 4 / 2.25)
    for method in ("map", "unconstrained_map"):
        assert errors(bc.fit(conjugate, method)) == pytest.approx({"mu": sd}, rel=1e-9)
    assert errors(bc.fit(conjugate, "mle")) == pytest.approx({"mu": 1.5 / 2}, rel=1e-9)


def test_gamma_poisson() -> None:
    """Posterior Gamma(a, b). In rate: information (a − 1)/rate² at (a − 1)/b. In log rate: a at a/b, times rate²."""

    def build() -> None:
        rate = pm.Gamma("rate", 2.5, 1.5)
        pm.Poisson("k", rate, observed=K)

    conjugate = problem(build)
    a, b = 2.5 + 8, 1.5 + 3
    assert errors(bc.fit(conjugate, "map"))["rate"] == pytest.approx(math.sqrt(a - 1) / b, rel=DIFFERENCES)
    assert errors(bc.fit(conjugate, "unconstrained_map"))["rate"] == pytest.approx(math.sqrt(a) / b, rel=DIFFERENCES)


def test_beta_binomial() -> None:
    """Posterior Beta(a, b): p (1 − p)/n, n = a + b − 2 in p and a + b in log odds."""

    def build() -> None:
        p = pm.Beta("p", 2.0, 3.0)
        pm.Binomial("y", n=10, p=p, observed=7)

    conjugate = problem(build)
    for method, p, n in (("map", 8 / 13, 13), ("unconstrained_map", 9 / 15, 15)):
        found = errors(bc.fit(conjugate, method))["p"]
        assert found == pytest.approx(math.sqrt(p * (1 - p) / n), rel=DIFFERENCES)


@pytest.mark.slow
def test_errors_of_a_regression_on_raw_columns() -> None:
    """Columns of sizes 1, 170 and 40,000, two of them nearly collinear with the intercept."""
    rng = np.random.default_rng(5)
    columns = np.column_stack([np.ones(60), rng.normal(170, 9, 60), rng.normal(4e4, 1.5e4, 60)])
    y = columns @ [2e4, 150.0, 0.3] + rng.normal(0, 5e3, 60)

    def build() -> None:
        b, sigma = pm.Flat("b", shape=3), pm.HalfFlat("sigma")
        pm.Normal("y", (columns * b).sum(axis=-1), sigma, observed=y)

    _, residual, *_ = np.linalg.lstsq(columns, y)
    sigma = math.sqrt(residual[0] / 60)
    exact = [*(sigma * np.sqrt(np.diag(np.linalg.inv(columns.T @ columns)))), sigma / math.sqrt(120)]
    known = list(errors(bc.fit(problem(build), "mle")).values())
    # The smallest eigenvalue is 2e-3 of the largest; differences carry 1e-11 of that.
    np.testing.assert_allclose(known, exact, rtol=1e-5)


@pytest.mark.slow
def test_errors_do_not_depend_on_the_coordinates_of_an_mle() -> None:
    """A Weibull's shape as it is, as its logarithm, and as its inverse."""
    times = np.array([0.4, 1.1, 1.9, 0.7, 2.6, 1.3])

    def build(shape: Callable[[], Any]) -> Problem:
        def model() -> None:
            scale = pm.HalfFlat("scale")
            pm.Weibull("t", pm.Deterministic("shape", shape()), scale, observed=times)

        return problem(model)

    known = [
        errors(bc.fit(build(shape), "mle"))
        for shape in (
            lambda: pm.HalfFlat("a"),
            lambda: pm.math.exp(pm.Flat("a")),
            lambda: 1.0 / pm.HalfFlat("a"),
        )
    ]
    for name in ("shape", "scale"):
        assert known[1][name] == pytest.approx(known[0][name], rel=10 * DIFFERENCES)
        assert known[2][name] == pytest.approx(known[0][name], rel=10 * DIFFERENCES)


@pytest.mark.slow
def test_errors_are_those_of_repeated_data() -> None:
    """Not only algebra: over many data sets of 400 counts the MLE varies by what each claims."""
    rng = np.random.default_rng(0)

    def build() -> None:
        rate = pm.HalfFlat("rate")
        pm.Poisson("k", rate, observed=pm.Data("counts", rng.poisson(3.0, 400)))

    counts = problem(build)
    found = [bc.fit(counts.with_data(counts=rng.poisson(3.0, 400)), "mle") for _ in range(60)]
    z = [(f.values["rate"] - 3.0) / errors(f)["rate"] for f in found]
    assert stats.chi2(60).ppf(1e-4) < np.square(z).sum() < stats.chi2(60).ppf(1 - 1e-4)


# -- what is identified ----------------------------------------------------------------------------


def test_scalars_that_a_flat_direction_leaves_alone() -> None:
    def build() -> None:
        a, b, c = (pm.Flat(name) for name in "abc")
        pm.Deterministic("sum", a + b)
        pm.Deterministic("mixed", a + c)
        pm.Deterministic("squared", (a + b) ** 2)
        pm.Normal("y", a + b, 1.0, observed=Y)
        pm.Normal("w", c, 2.0, observed=3.0)

    ridge = problem(build)
    u = np.array([0.2, 0.3, 3.0])
    h = curvature.hessian(ridge.density, u, DATA_ALONE)
    found = curvature.identified(ridge.density, u, h, np.arange(3))
    assert dict(zip(ridge.scalars.names, found.tolist(), strict=True)) == {
        "a": False,
        "b": False,
        "c": True,
        "sum": True,
        "mixed": False,
        "squared": True,
    }
