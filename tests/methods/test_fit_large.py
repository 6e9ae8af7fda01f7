"""Dimensions in the thousands: Newton by products of the Hessian with vectors, no dense Hessian without being asked.

``ModeOptions(dense=1)`` sends small models the same way, so that both can be held against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy.linalg import solveh_banded

import bayescompare as bc
from bayescompare.methods.modes import krylov
from bayescompare.model.problem import Problem
from bayescompare.reasons import Code, Reason
from bayescompare.results.fit import Status
from bayescompare.templates.loading import load_target

PRODUCTS = bc.ModeOptions(dense=1)

# Newton's last step squares a decrement of 1e-8 nats; directions of little curvature keep a little more.
NEWTON = 1e-6

Build = Callable[[], Any]


@cache
def problem(build: Build) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


# -- large -----------------------------------------------------------------------------------------

LENGTH, STEP, NOISE = 2500, 0.3, 0.8
SIGNAL = np.sin(np.arange(LENGTH) / 50) + NOISE * np.random.default_rng(0).normal(size=LENGTH)


def smoother() -> None:
    """A local level: each of 2,500 levels is its neighbour's plus N(0, 0.3²)."""
    level = pm.Flat("level", shape=LENGTH)
    pm.Potential("steps", -0.5 * (pt.diff(level) ** 2).sum() / STEP**2)
    pm.Normal("y", level, NOISE, observed=SIGNAL)


def exact_levels() -> np.ndarray:
    """The precision is tridiagonal."""
    inner = np.r_[1.0, np.full(LENGTH - 2, 2.0), 1.0] / STEP**2 + 1 / NOISE**2
    bands = np.stack([np.r_[0.0, np.full(LENGTH - 1, -1 / STEP**2)], inner])
    return solveh_banded(bands, SIGNAL / NOISE**2)


def test_a_mode_in_2500_dimensions() -> None:
    found = bc.fit(problem(smoother), "map", options=bc.ModeOptions(starts=4))
    assert found.status is Status.OK, found.reasons
    np.testing.assert_allclose(found.estimate, exact_levels(), rtol=0, atol=NEWTON * NOISE)
    assert found.diagnostics["newton_decrement"] <= 1e-8
    # Lowest over highest eigenvalue of the precision: its levels' mean against its fastest wiggle.
    lowest, highest = 1 / NOISE**2, 1 / NOISE**2 + 4 / STEP**2
    assert found.diagnostics["eigenvalue_min"] == pytest.approx(lowest / highest, rel=0.02)
    assert found.evaluations < 2 * LENGTH  # not as many as one dense Hessian takes


def test_what_needs_a_dense_hessian_says_so_and_how_to_ask() -> None:
    found = bc.fit(problem(smoother), "map", options=bc.ModeOptions(starts=2))
    assert np.isnan(list(found.diagnostics["standard_errors"].values())).all()
    too_many = "2,500 parameters are too many for a dense Hessian (ModeOptions.dense)"
    assert found.diagnostics["standard_errors_missing"] == too_many
    assert math.isnan(found.diagnostics["condition"])
    assert [math.isnan(mode["log_mass"]) for mode in found.diagnostics["modes"]] == [True]
    options = bc.LaplaceOptions(mode=bc.ModeOptions(starts=2))
    approximation = bc.fit(problem(smoother), "laplace", options=options)
    assert approximation.status is Status.FAILED
    assert approximation.reasons == (Reason(Code.TOO_LARGE, figures={"parameters": 2500}),)
    assert np.isnan(approximation.estimate).all()
    assert approximation.draws is None


def test_asking_for_it_gives_it() -> None:
    """Means of 40 groups, with a limit of 20 and of 40."""
    y = np.linspace(-1, 1, 40)

    def build() -> None:
        m = pm.Normal("m", 0.0, 2.0, shape=40)
        pm.Normal("y", m, 1.0, observed=y)

    def options(dense: int) -> bc.LaplaceOptions:
        return bc.LaplaceOptions(draws=400, mode=bc.ModeOptions(dense=dense))

    refused, given = (bc.fit(problem(build), "laplace", options=options(dense)) for dense in (20, 40))
    assert "ModeOptions(dense=40) asks for it" in refused.reasons[0].text
    assert given.status is Status.OK
    np.testing.assert_allclose(given.diagnostics["unconstrained_sd"], math.sqrt(1 / (1 + 1 / 4)), rtol=1e-8)


# -- the two ways agree ----------------------------------------------------------------------------

rng = np.random.default_rng(2)
X = rng.normal(size=(60, 12))
WINS = rng.random(60) < 1 / (1 + np.exp(-X[:, 0] - 0.5))
COUNTS = rng.poisson(np.exp(0.5 + 0.3 * X[:, 1]))


def logistic() -> None:
    b = pm.Normal("b", 0.0, 1.5, shape=12)
    pm.Bernoulli("y", logit_p=(X * b).sum(axis=-1), observed=WINS)


def poisson_with_scale() -> None:
    a, s = pm.Normal("a", 0.0, 1.0), pm.HalfNormal("s", 1.0)
    z = pm.Normal("z", 0.0, 1.0, shape=6)
    pm.Poisson("k", pt.exp(a + 2.0 * s + s * z[np.arange(60) % 6] + 0.3 * X[:, 1]), observed=COUNTS)


def lasso() -> None:
    c = pm.Laplace("c", 0.0, 0.2, shape=12)
    pm.Normal("y", (X * c).sum(axis=-1), 1.0, observed=X[:, 0] - 2.0 * X[:, 3])


def boundary() -> None:
    """Groups alike: tau = 0."""
    mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
    z = pm.Normal("z", 0.0, 1.0, shape=8)
    pm.Normal("y", mu + tau * z, 10.0, observed=np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]))


def near_the_bound() -> None:
    """Gamma(1.001, 2) and its like: inside, and so wide that a bound seems near."""
    pm.Gamma("x", np.array([1.001, 1.5]), 2.0, shape=2)
    pm.Normal("y", 0.0, 1.0, observed=0.0)


ALIKE = [logistic, poisson_with_scale, lasso, boundary, near_the_bound]


@pytest.mark.parametrize("build", [ALIKE[0], *(pytest.param(b, marks=pytest.mark.slow) for b in ALIKE[1:])])
@pytest.mark.parametrize("method", ["map", "unconstrained_map"])
def test_by_products_as_by_the_dense_hessian(build: Build, method: str) -> None:
    dense, products = (bc.fit(problem(build), method, options=options) for options in (None, PRODUCTS))
    assert products.status is dense.status is Status.OK, products.reasons
    np.testing.assert_allclose(products.estimate, dense.estimate, rtol=NEWTON, atol=NEWTON)
    assert products.log_density == pytest.approx(dense.log_density, abs=1e-8)
    for place in ("boundary", "kink"):
        assert products.diagnostics[place] == dense.diagnostics[place]
    assert products.diagnostics["eigenvalue_min"] > 0


def sum_only() -> None:
    x = pm.Normal("x", 0.0, 1.0, shape=3)
    b = pm.Normal("b", 0.0, 1.0)
    pm.Normal("y", (x * np.array([0.3, -1.1, 0.7])).sum(), 1.0, observed=np.array([0.3, -1.2]))
    pm.Normal("w", b, 1.0, observed=2.0)


def separated() -> None:
    b = pm.Normal("b", 0.0, 1.0, shape=2)
    group = np.repeat([0.0, 1.0], 4)
    pm.Bernoulli("y", logit_p=b[0] + b[1] * group, observed=np.array([0, 1, 0, 0, 1, 1, 1, 1]))


def centred() -> None:
    mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
    theta = pm.Normal("theta", mu, tau, shape=4)
    pm.Normal("y", theta, 10.0, observed=np.array([28.0, 8.0, -3.0, 7.0]))


@pytest.mark.parametrize(
    ("build", "method", "words"),
    [
        (sum_only, "mle", "flat along x: a ridge"),
        (separated, "mle", "no mode exists: the density rises for ever along b"),
        pytest.param(centred, "map", "no mode exists: the density grows without limit as tau", marks=pytest.mark.slow),
    ],
)
def test_by_products_what_is_no_mode_is_none(build: Build, method: str, words: str) -> None:
    found = bc.fit(problem(build), method, options=PRODUCTS)
    assert found.status is Status.FAILED
    assert words in found.reasons[0].text
    assert np.isnan(found.estimate).all()


def test_by_products_nothing_is_said_of_a_ridge() -> None:
    """Which scalars it leaves alone takes a dense Hessian: none is claimed."""
    asked = bc.ModeOptions(dense=1, allow_unidentified=True)
    found = bc.fit(problem(sum_only), "mle", options=asked)
    assert found.status is Status.SUSPECT
    assert np.isnan(found.estimate).all()


@pytest.mark.slow
def test_by_products_a_saddle_is_left() -> None:
    def build() -> None:
        x = pm.Flat("x", shape=30)
        pm.Potential("wells", -((x[0] ** 2 - 1.0) ** 2) - (x[1:] ** 2).sum())

    found = bc.fit(problem(build), "map", options=bc.ModeOptions(dense=1, starts=1))
    assert abs(found.values["x[0]"]) == pytest.approx(1.0, rel=NEWTON)
    assert found.diagnostics["eigenvalue_min"] > 0


# -- conjugate gradients ---------------------------------------------------------------------------


def test_conjugate_gradients_solve() -> None:
    a = rng.normal(size=(30, 30))
    h, g = a @ a.T + np.eye(30), rng.normal(size=30)
    step = krylov.conjugate_gradients(lambda v: h @ v, g, 1e-12)
    np.testing.assert_allclose(step, np.linalg.solve(h, g), rtol=1e-8)


def test_conjugate_gradients_go_along_a_convex_direction() -> None:
    """Where the density is convex along its slope the step is the slope; later, what was found so far."""
    slope = np.array([1.0, 0.0])
    assert krylov.conjugate_gradients(lambda v: -v, slope, 1e-12) is not None
    np.testing.assert_array_equal(krylov.conjugate_gradients(lambda v: -v, slope, 1e-12), slope)
    h, g = np.diag([4.0, -1.0]), np.array([1.0, 0.1])
    step = krylov.conjugate_gradients(lambda v: h @ v, g, 1e-12)
    assert step is not None
    assert step @ g > 0


def test_conjugate_gradients_stop_where_a_product_is_not_finite() -> None:
    assert krylov.conjugate_gradients(lambda v: v * math.nan, np.ones(3), 1e-3) is None


# -- the sign of the curvature ---------------------------------------------------------------------


def with_eigenvalues(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Products of a matrix with these eigenvalues, and the rounding of differences."""
    vectors = np.linalg.qr(np.random.default_rng(5).normal(size=(len(values), len(values))))[0]
    return lambda v: vectors @ (values * (vectors.T @ v)) * (1 + 1e-9 * np.cos(v))


@pytest.mark.parametrize("low", [1.0, 1e-1, 1e-2])
def test_positive_curvature_is_shown_where_hundreds_lie_together(low: float) -> None:
    """From above, as the eigenvalues of a projection are."""
    values = np.concatenate([np.linspace(low, 2 * low, 300), np.geomspace(4 * low, 1e3, 100)])
    ratio, _ = krylov.lowest(with_eigenvalues(values), 400)
    assert 1 - 1e-6 < ratio / (values[0] / values[-1]) < 1.05


@pytest.mark.parametrize("low", [-1.0, -1e-3])
def test_one_negative_direction_among_hundreds_is_found(low: float) -> None:
    values = np.concatenate([[low], np.linspace(1.0, 2.0, 300), np.geomspace(4.0, 1e2, 100)])
    product = with_eigenvalues(values)
    ratio, direction = krylov.lowest(product, 401)
    assert ratio == pytest.approx(low / 1e2, rel=0.01)
    assert direction @ product(direction) == pytest.approx(low, rel=0.01)


def test_a_flat_direction_is_not_called_positive() -> None:
    values = np.concatenate([[0.0], np.linspace(1.0, 2.0, 50)])
    ratio, _ = krylov.lowest(with_eigenvalues(values), 51)
    assert not ratio > 1e-7


@pytest.mark.slow
def test_a_thousand_examinees_have_a_mode() -> None:
    """Hundreds of their curvatures are alike: Lanczos' method alone did not end."""
    model = load_target("item_response", options={"n": 1000}).model
    found = bc.fit(model, "unconstrained_map", options=bc.ModeOptions(starts=4))
    assert found.ok, found.reasons
