"""Modes on kinks: the lasso's zeros, a prior's location, an absolute value; and kinks that are no mode."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from sklearn.linear_model import Lasso

import bayescompare as bc
from bayescompare.methods.modes.basins import climbs
from bayescompare.methods.modes.path import path
from bayescompare.methods.modes.refits import leave_one_out
from bayescompare.model.problem import Problem
from bayescompare.reasons import Code, Reason
from bayescompare.results.fit import Fit, Status

# Newton ends at the mode to rounding, and so does coordinate descent with a tolerance of 1e-14.
LASSO = 1e-9

rng = np.random.default_rng(1)
X = rng.normal(size=(40, 8))
Y = X @ [2.0, -1.5, 0.0, 0.0, 0.0, 0.8, 0.0, 0.0] + rng.normal(size=40)


def problem(build: Callable[[], Any]) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def ok(found: Fit) -> Fit:
    assert found.status is Status.OK, found.reasons
    return found


# -- the lasso -------------------------------------------------------------------------------------


def lasso() -> None:
    scale = pm.Data("scale", 0.2)
    c = pm.Laplace("c", 0.0, scale, shape=8)
    pm.Deterministic("total", c.sum())
    pm.Normal("y", (X * c).sum(axis=-1), 1.0, observed=Y)


@pytest.fixture(scope="module")
def regression() -> Problem:
    return problem(lasso)


def exact(scale: float) -> np.ndarray:
    """scikit-learn's objective is the negative log density over n."""
    model = Lasso(alpha=1.0 / (len(Y) * scale), fit_intercept=False, tol=1e-14, max_iter=100_000)
    found: np.ndarray = model.fit(X, Y).coef_
    return found


@pytest.mark.parametrize("scale", [1.0, 0.2, 0.05, 0.01])
def test_a_laplace_prior_is_the_lasso(regression: Problem, scale: float) -> None:
    """Its zeros are zeros, and are listed: 3, 4, 5 and all 8 of the coefficients."""
    found = ok(bc.fit(regression.with_data(scale=scale), "map"))
    expected = exact(scale)
    np.testing.assert_allclose(found.estimate[:8], expected, rtol=0, atol=LASSO)
    assert [name for name, x in zip(found.names, expected, strict=False) if x == 0] == found.diagnostics["kink"]
    assert all(found.values[name] == 0 for name in found.diagnostics["kink"])
    assert found.values["total"] == pytest.approx(expected.sum(), abs=LASSO)
    assert found.diagnostics["boundary"] == []
    assert found.diagnostics["starts_agree"] >= 2
    assert len(found.diagnostics["modes"]) == 1  # the density is concave


def test_the_initial_point_is_a_kink_and_is_left(regression: Problem) -> None:
    """At 0, where a Laplace prior's search begins, the gradient of |c| has no value."""
    found = bc.fit(regression, "map", options=bc.ModeOptions(starts=1))
    np.testing.assert_allclose(found.estimate[:8], exact(0.2), rtol=0, atol=LASSO)


def test_the_mle_of_a_lasso_has_no_kink(regression: Problem) -> None:
    found = ok(bc.fit(regression, "mle"))
    np.testing.assert_allclose(found.estimate[:8], np.linalg.lstsq(X, Y)[0], rtol=1e-9)
    assert found.diagnostics["kink"] == []


def test_seeds_agree(regression: Problem) -> None:
    one, other = (bc.fit(regression, "map", random_seed=seed) for seed in (0, 1))
    # Newton's steps end at a decrement of 1e-20: at 1e-10 of the mode's own scale.
    np.testing.assert_allclose(one.estimate, other.estimate, rtol=1e-10, atol=1e-10)
    assert one.diagnostics["kink"] == other.diagnostics["kink"]


def test_no_width_is_claimed_on_a_kink(regression: Problem) -> None:
    found = bc.fit(regression, "map")
    assert np.isnan(list(found.diagnostics["standard_errors"].values())).all()
    assert "lies on a kink" in found.diagnostics["standard_errors_missing"]
    assert math.isnan(found.diagnostics["modes"][0]["log_mass"])
    approximation = bc.fit(regression, "laplace")
    assert approximation.status is Status.FAILED
    assert approximation.reasons[0].text.startswith("the unconstrained mode lies on a kink (c[2], c[3]")
    assert np.isnan(approximation.estimate).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_wider_lassos(seed: int) -> None:
    """More coefficients than observations, columns of different sizes."""
    generator = np.random.default_rng(seed)
    columns = generator.normal(size=(30, 50)) * 10 ** generator.uniform(-1, 1, 50)
    y = columns[:, :3].sum(axis=1) + generator.normal(size=30)

    def build() -> None:
        c = pm.Laplace("c", 0.0, 0.1, shape=50)
        pm.Normal("y", (columns * c).sum(axis=-1), 1.0, observed=y)

    found = ok(bc.fit(problem(build), "map", random_seed=seed))
    model = Lasso(alpha=1.0 / (30 * 0.1), fit_intercept=False, tol=1e-14, max_iter=1_000_000).fit(columns, y)
    np.testing.assert_allclose(found.estimate, model.coef_, rtol=0, atol=LASSO)
    assert len(found.diagnostics["kink"]) == np.sum(model.coef_ == 0)


# -- other kinks -----------------------------------------------------------------------------------


def test_a_laplace_prior_elsewhere_than_at_0() -> None:
    """One observation at 3 does not move a[0] off 3.7; one at 50 moves a[1] to 50 − 1/0.1."""

    def build() -> None:
        a = pm.Laplace("a", 3.7, 0.1, shape=2)
        pm.Normal("y", a, 1.0, observed=np.array([3.0, 50.0]))

    found = ok(bc.fit(problem(build), "map"))
    assert found.estimate[0] == pytest.approx(3.7, abs=1e-12)
    assert found.estimate[1] == pytest.approx(40.0, rel=1e-12)
    assert found.diagnostics["kink"] == ["a[0]"]
    assert found.reasons == (Reason(Code.ON_KINK, ("a[0]",)),)


def test_an_absolute_value_in_a_potential() -> None:
    """a stays at 1.25, and σ follows: −3/σ + S/σ³ − σ = 0."""
    y = np.array([1.0, 2.0, 1.1])

    def build() -> None:
        a = pm.Flat("a")
        s = pm.HalfNormal("s", 1.0)
        pm.Potential("p", -3.0 * abs(a - 1.25))
        pm.Normal("y", a, s, observed=y)

    squares = ((y - 1.25) ** 2).sum()
    s = math.sqrt((math.sqrt(9 + 4 * squares) - 3) / 2)
    assert abs((y - 1.25).sum()) / s**2 < 3  # the data pull less than the kink holds
    found = ok(bc.fit(problem(build), "map"))
    assert found.estimate.tolist() == pytest.approx([1.25, s], rel=1e-9)
    assert found.diagnostics["kink"] == ["a"]


def test_a_median_is_a_kink_of_the_likelihood() -> None:
    def build() -> None:
        a = pm.Flat("a")
        pm.Laplace("y", a, 1.0, observed=np.array([1.0, 2.0, 1.1, 7.0, 3.3]))

    for method in ("mle", "map"):
        found = ok(bc.fit(problem(build), method))
        assert found.estimate[0] == pytest.approx(2.0, abs=1e-12)
        assert found.diagnostics["kink"] == ["a"]


def test_between_two_middle_observations_the_median_is_a_plateau() -> None:
    def build() -> None:
        a = pm.Flat("a")
        pm.Laplace("y", a, 1.0, observed=np.array([1.0, 2.0, 3.3, 7.0]))

    found = bc.fit(problem(build), "map")
    assert found.status is Status.FAILED
    assert "flat at the end of the search, along a" in found.reasons[0].text


@pytest.mark.parametrize(
    ("density", "top"),
    [
        (lambda a: 3.0 * abs(a - 1.0) - a**2, -1.5),  # a valley's bottom, at 1
        # Level to the right of 0 to first order, rising to second: only that tells that 0 is no mode.
        (lambda a: a - abs(a) + pt.maximum(a, 0.0) ** 2 / 2 - a**4 / 4, 1.0),
    ],
    ids=["valley", "second order"],
)
def test_a_kink_off_which_the_density_rises_is_left(density: Callable[[Any], Any], top: float) -> None:
    found = ok(bc.fit(problem(lambda: pm.Potential("p", density(pm.Flat("a")))), "map"))
    assert found.estimate[0] == pytest.approx(top, rel=1e-7)
    assert found.diagnostics["kink"] == []


def test_a_kink_and_a_boundary_at_once() -> None:
    def build() -> None:
        a = pm.Laplace("a", 0.5, 0.2)
        rate = pm.Exponential("rate", 1.0)
        pm.Normal("y", a, 1.0, observed=0.9)
        pm.Poisson("k", rate, observed=0)

    found = ok(bc.fit(problem(build), "map"))
    assert found.estimate.tolist() == pytest.approx([0.5, 0.0], abs=1e-12)
    assert (found.diagnostics["boundary"], found.diagnostics["kink"]) == (["rate"], ["a"])


def test_a_lasso_whose_scale_is_unknown_has_no_mode() -> None:
    """With all coefficients at 0 the density grows as scale⁻³."""

    def build() -> None:
        scale = pm.HalfNormal("scale", 1.0)
        c = pm.Laplace("c", 0.0, scale, shape=3)
        pm.Normal("y", c, 1.0, observed=np.array([0.5, -2.0, 3.0]))

    found = bc.fit(problem(build), "map")
    assert found.status is Status.FAILED
    assert found.reasons[0] == Reason(Code.GROWS_WITHOUT_LIMIT, ("scale",), {"to": "0"})


# -- many searches on one density: draws climbed, observations left out, a path ----------------------

ROWS, BENDS, NOISE = 80, 16, 0.05
TIME = np.linspace(0, 1, ROWS)
HINGES = np.maximum(TIME[:, None] - np.linspace(0.05, 0.85, BENDS), 0)  # nearly collinear
SERIES = 0.8 * HINGES[:, 5] - 1.1 * HINGES[:, 6] + NOISE * np.random.default_rng(3).standard_normal(ROWS)


def hinges() -> None:
    bends = pm.Laplace("bends", 0.0, 0.05, shape=BENDS)
    pm.Normal("y", (HINGES * bends).sum(-1), NOISE, observed=SERIES)


@pytest.fixture(scope="module")
def bent_line() -> tuple[Problem, Fit]:
    found = problem(hinges)
    return found, ok(bc.fit(found, "map", random_seed=1))


def lasso_of(kept: np.ndarray, power: float = 1.0) -> np.ndarray:
    """The mode with the prior to a power, of the observations kept."""
    alpha = power * NOISE**2 / (0.05 * kept.sum())
    regression = Lasso(alpha=alpha, fit_intercept=False, tol=1e-12, max_iter=1_000_000)
    return np.asarray(regression.fit(HINGES[kept], SERIES[kept]).coef_)


def height(bends: np.ndarray, kept: np.ndarray, power: float = 1.0) -> float:
    residuals = (SERIES - HINGES @ bends)[kept]
    return float(-(residuals**2).sum() / (2 * NOISE**2) - power * np.abs(bends).sum() / 0.05)


def test_every_draw_climbs_to_the_lasso(bent_line: tuple[Problem, Fit]) -> None:
    found, top = bent_line
    draws = top.estimate + 0.1 * np.random.default_rng(1).standard_normal((4, 8, BENDS))
    before = found.density.evaluations
    climbed = climbs(found, ok(bc.fit(found, "unconstrained_map", random_seed=1)), draws, seed=0, sample=32)
    assert climbed is not None
    assert len(climbed.modes) == 1
    assert (climbed.assigned == 0).all()
    assert found.density.evaluations - before < 32 * 5000  # a climb that looks for all kinks anew takes 8,000


def test_the_path_is_the_lassos(bent_line: tuple[Problem, Fit]) -> None:
    found, top = bent_line
    everything = np.ones(ROWS, dtype=bool)
    followed = path(found, top)
    for power, values in list(zip(followed.powers, followed.values, strict=True))[1:]:
        exact = lasso_of(everything, power)
        gap = height(exact, everything, power) - height(values, everything, power)
        assert abs(gap) < 1e-6, power
        assert ((values == 0) == (exact == 0)).all(), power


def test_lassos_without_an_observation(bent_line: tuple[Problem, Fit]) -> None:
    found, top = bent_line
    refits = leave_one_out(found, top)
    assert refits.searches == 0
    for i, bends in enumerate(refits.points):
        kept = np.arange(ROWS) != i
        assert height(lasso_of(kept), kept) - height(bends, kept) < 1e-6, i
