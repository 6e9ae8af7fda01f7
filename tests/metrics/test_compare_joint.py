"""How a mode sits in the joint posterior, against the d-dimensional Gaussian, where everything is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import chi2

from bayescompare.metrics import joint
from bayescompare.metrics.estimates import proportion, share
from bayescompare.metrics.figure import Figure
from bayescompare.reasons import Code, Reason

Array = np.ndarray
CHAINS, DRAWS = 4, 1000
DIMENSIONS = [1, 2, 10, 100, pytest.param(1000, id="1000")]


def gaussian(d: int, seed: int, rho: float = 0.0) -> Array:
    rng = np.random.default_rng(seed)
    if rho == 0:
        return rng.standard_normal((CHAINS, DRAWS, d))
    noise = rng.standard_normal((CHAINS, DRAWS + 100, d))
    return np.asarray(lfilter([1.0], [1.0, -rho], noise, axis=1)[:, 100:] * np.sqrt(1 - rho**2))


def log_density(u: Array) -> Array:
    return np.asarray(-0.5 * (u**2).sum(axis=-1))


def near(figure: Figure, exact: float, errors: float = 4.0) -> bool:
    assert figure.mcse is not None
    assert figure.mcse > 0
    return abs(figure.value - exact) < errors * figure.mcse


# -- typicality and the joint level ----------------------------------------------------------------


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_a_gaussians_draws_are_typical(d: int, rho: float) -> None:
    found = joint.typicality(log_density(gaussian(d, 1, rho)), 0.0, d)
    assert near(found.mean_ratio, 1.0)
    assert found.above == 0
    np.testing.assert_array_equal(found.chi2, chi2.ppf(found.levels, d))
    # A quantile's error is √(p(1 − p)/n)/density, n the effective draws: at ρ = 0.6 a quarter of 4,000.
    error = np.sqrt(found.levels * (1 - found.levels) / (4000 if rho == 0 else 1000)) / chi2.pdf(found.chi2, d)
    assert np.all(np.abs(found.quantiles - found.chi2) < 5 * error)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_a_gaussians_mode_has_level_0(d: int) -> None:
    lp = log_density(gaussian(d, 2))
    level = joint.joint_level(lp, 0.0)
    assert level.value == 0
    assert level.mcse is not None
    assert 0 < level.mcse < 1e-3


@pytest.mark.parametrize("d", DIMENSIONS)
def test_joint_level_is_a_chi2_probability(d: int) -> None:
    lp = log_density(gaussian(d, 3))
    for p in (0.05, 0.5, 0.9):
        assert near(joint.joint_level(lp, -chi2.ppf(p, d) / 2), p)


def test_a_draw_above_the_mode_is_counted_and_rounding_is_not() -> None:
    lp = log_density(gaussian(3, 4))
    lp[1, 7], lp[2, 8], lp[0, 0] = 0.5, 1e-5, 1e-9
    assert joint.typicality(lp, 0.0, 3).above == 2


def test_no_mode_and_no_density() -> None:
    lp = log_density(gaussian(3, 4))
    found = joint.typicality(lp, np.nan, 3)
    assert not found.mean_ratio.known
    assert found.mean_ratio.reason == Reason(Code.NO_UNCONSTRAINED_MAP)
    assert len(found.levels) == 0
    level = joint.joint_level(lp, -np.inf)
    assert not level.known
    assert level.reason == Reason(Code.NO_COORDINATES)
    lp[0, 0] = -np.inf
    assert joint.typicality(lp, 0.0, 3).mean_ratio.reason == Reason(Code.HEIGHT_NOT_FINITE)


# -- distance --------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0])
def test_distance_from_a_gaussians_mean(d: int, shift: float) -> None:
    u = gaussian(d, 5)
    at = np.full(d, shift / np.sqrt(d))
    found = joint.mahalanobis(u, at)
    assert near(found.distance, shift)
    assert near(found.percentile, float(chi2.cdf(shift**2, d)))


def test_a_point_like_a_draw_is_in_the_middle_of_the_draws() -> None:
    """Its distance is measured from outside, and so must theirs be: at d = 1,000 the plain ones would all be nearer."""
    d = 1000
    u, points = gaussian(d, 6), np.random.default_rng(7).standard_normal((5, d))
    for point in points:
        found = joint.mahalanobis(u, point)
        exact = float(np.linalg.norm(point))
        assert near(found.distance, exact)
        assert near(found.percentile, float(chi2.cdf(exact**2, d)))


@pytest.mark.parametrize("d", [2, 50])
def test_autocorrelated_draws_and_a_skew_metric(d: int) -> None:
    rng = np.random.default_rng(8)
    root = rng.standard_normal((d, d)) / np.sqrt(d) + np.diag(np.geomspace(1e-6, 1e6, d))
    direction = rng.standard_normal(d)
    direction /= np.linalg.norm(direction)
    for seed in range(5):
        u = gaussian(d, seed, rho=0.6)
        for shift in (0.0, 1.0):
            found = joint.mahalanobis(u @ root.T + 5.0, root @ (shift * direction) + 5.0)
            assert near(found.distance, shift)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "shift"), [(1, 1.0), (5, 2.0), (50, 1.0)])
def test_the_error_of_a_distance_is_calibrated(d: int, shift: float) -> None:
    at = np.full(d, shift / np.sqrt(d))
    found = [joint.mahalanobis(gaussian(d, 100 + i), at).distance for i in range(200)]
    values, errors = np.array([f.value for f in found]), np.array([f.mcse for f in found])
    # 200 replications tell an sd to 5 %.
    assert 0.8 < np.sqrt(np.mean(errors**2)) / values.std(ddof=1) < 1.2
    assert abs(values.mean() - shift) < 4 * values.std(ddof=1) / np.sqrt(200)


@pytest.mark.parametrize(
    ("u", "at", "code"),
    [
        (gaussian(3, 1), np.array([0.0, -np.inf, 0.0]), Code.NO_COORDINATES),
        (np.where(np.arange(3) == 1, np.inf, gaussian(3, 1)), np.zeros(3), Code.SOME_NOT_FINITE),
        (np.repeat(gaussian(1, 1), 2, axis=-1), np.zeros(2), Code.DRAWS_DO_NOT_SPAN),
        (gaussian(2, 1) * [1.0, 0.0], np.zeros(2), Code.DRAWS_DO_NOT_SPAN),
        (gaussian(50, 1)[:1, :52], np.zeros(50), Code.DRAWS_DO_NOT_SPAN),
        (gaussian(300, 1, rho=0.95)[:, :500], np.zeros(300), Code.FEW_FOR_COVARIANCE),
    ],
)
def test_no_distance_says_why(u: Array, at: Array, code: Code) -> None:
    found = joint.mahalanobis(u, at)
    assert not found.distance.known
    assert not found.percentile.known
    assert found.distance.reason is not None
    assert found.distance.reason.code is code


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_figures_have_no_unit_and_no_order(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    u, at = rng.gamma(2.0, size=(3, 61, 4)), rng.gamma(2.0, size=4)
    axes, chains = rng.permutation(4), rng.permutation(3)
    one = joint.mahalanobis(u, at)
    moved = joint.mahalanobis(scale * u[chains][..., axes] + shift, scale * at[axes] + shift)
    assert moved.distance.value == pytest.approx(one.distance.value, rel=1e-7, abs=1e-7)
    assert moved.percentile.value == one.percentile.value
    lp = log_density(u)
    assert joint.joint_level(lp + shift, lp[0, 0] + shift).value == pytest.approx(
        joint.joint_level(lp, float(lp[0, 0])).value, abs=1 / lp.size
    )
    first, second = joint.typicality(lp, 0.0, 4), joint.typicality(lp[chains] + shift, shift, 4)
    assert second.mean_ratio.value == pytest.approx(first.mean_ratio.value, rel=1e-9)


# -- basins ----------------------------------------------------------------------------------------


def test_masses_and_shares_of_two_basins() -> None:
    """Draws of a mixture with weights ¾ and ¼; a normal component's log mass is log weight plus a constant."""
    rng = np.random.default_rng(9)
    assigned = (rng.random((CHAINS, 250)) < 0.25).astype(np.intp)
    found = joint.basins(np.log([0.75, 0.25]) - 1000.0, assigned)
    assert [m.value for m in found.masses] == pytest.approx([0.75, 0.25], rel=1e-12)
    assert near(found.shares[0], 0.75)
    assert near(found.outside, 0.25)
    assert found.outside.mcse == pytest.approx(np.sqrt(0.25 * 0.75 / 1000), rel=0.15)


def test_no_draw_outside_is_not_certain() -> None:
    found = joint.basins(np.zeros(1), np.zeros((CHAINS, 50), dtype=np.intp))
    assert found.outside.value == 0
    assert found.outside.mcse == pytest.approx(math.sqrt(0.5 * 200.5 / (201**2 * 202)), rel=1e-12)
    assert found.shares[0].value == 1


def test_chains_that_never_change_basin_are_worth_few_draws() -> None:
    """One chain of four in the other basin: its share is not known to √(¼·¾/1000) = 0.014."""
    assigned = np.zeros((CHAINS, 250), dtype=np.intp)
    assigned[3] = 1
    found = joint.basins(np.zeros(2), assigned)
    assert found.outside.value == pytest.approx(0.25)
    assert found.outside.mcse is not None
    assert found.outside.mcse > 0.1


def test_draws_that_descend_elsewhere_are_outside() -> None:
    assigned = np.array([[0, 1, -1, 0], [0, 0, 0, -1]])
    found = joint.basins(np.zeros(2), assigned)
    assert found.outside.value == pytest.approx(3 / 8)
    assert found.shares[1].value == pytest.approx(1 / 8)


def test_a_mode_without_curvature_leaves_masses_out() -> None:
    found = joint.basins(np.array([0.0, np.nan]), np.zeros((2, 10), dtype=np.intp))
    assert not any(m.known for m in found.masses)
    assert found.shares[0].known


# -- figures ---------------------------------------------------------------------------------------


def test_a_share_of_none_or_all_has_the_error_of_a_rank_there() -> None:
    x = gaussian(1, 10)[..., 0]
    for value in (0.0, 1.0):
        found = share(np.full_like(x, value), x)
        assert found.value == value
        # About 4,000 effective draws, whose tail ESS is known to some per cent: p = ½/4,001.
        assert found.mcse == pytest.approx(np.sqrt(0.5 / 4001 / 4000), rel=0.2)


def test_proportions() -> None:
    assert proportion(1, 4).value == 0.25
    assert proportion(0, 4).mcse == pytest.approx(math.sqrt(0.5 * 4.5 / (25 * 6)))
    assert not proportion(0, 0).known
