"""Basins: the distinct modes and their Laplace masses against a mixture's weights, and where draws climb to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

import bayescompare as bc
from bayescompare.methods.modes.basins import climbs, log_mass
from bayescompare.methods.modes.end import End
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Fit, Status

Array = np.ndarray

# Far apart: at a component's mean the others' density is e⁻³² or less of its own.
MEANS = np.array([[-6.0, 0.0], [6.0, 3.0], [0.0, 12.0]])
SDS = np.array([[1.0, 0.5], [0.4, 0.2], [1.5, 1.0]])
SHARES = np.array([0.55, 0.15, 0.3])

# Differences of step 1e-3 sd: exact for a Gaussian but for rounding of 1e-11.
CURVATURE = 1e-8


def problem(build: Callable[[], Any]) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def mixture() -> None:
    x = pm.Flat("x", shape=2, initval=np.array([6.5, 3.0]))
    z = (x - MEANS) / SDS
    terms = -0.5 * (z**2).sum(axis=1) + np.log(SHARES) - np.log(SDS).sum(axis=1) - math.log(2 * math.pi)
    pm.Potential("mixture", pt.logsumexp(terms))


def drawn(chains: int, draws: int, shares: Array = SHARES, seed: int = 0) -> tuple[Array, Array]:
    """Independent draws of a mixture of these components, and which one each is of."""
    rng = np.random.default_rng(seed)
    which = rng.choice(len(shares), size=(chains, draws), p=shares)
    return MEANS[which] + SDS[which] * rng.standard_normal((chains, draws, 2)), which


@pytest.fixture(scope="module")
def three() -> Problem:
    return problem(mixture)


@pytest.fixture(scope="module")
def top(three: Problem) -> Fit:
    return bc.fit(three, "unconstrained_map", random_seed=3, options=bc.ModeOptions(starts=40))


def component(u: Array) -> int:
    return int(np.argmin((((u - MEANS) / SDS) ** 2).sum(axis=1)))


# -- modes and masses ------------------------------------------------------------------------------


def test_the_modes_are_the_components_by_height(top: Fit) -> None:
    heights = np.log(SHARES) - np.log(SDS).sum(axis=1) - math.log(2 * math.pi)
    order = np.argsort(-heights)
    assert top.status is Status.OK, top.reasons
    modes = top.diagnostics["modes"]
    assert [component(np.array(mode["u"])) for mode in modes] == order.tolist()
    for mode, k in zip(modes, order, strict=True):
        np.testing.assert_allclose(mode["u"], MEANS[k], atol=1e-6)
        assert mode["log_density"] == pytest.approx(heights[k], abs=1e-9)
    assert sum(mode["starts"] for mode in modes) == 40


def test_laplace_masses_are_the_mixtures_weights(top: Fit) -> None:
    """The evidence of the whole is 1, so masses need no normalising; here the highest mode is the lightest."""
    for mode in top.diagnostics["modes"]:
        share = SHARES[component(np.array(mode["u"]))]
        assert math.exp(mode["log_mass"]) == pytest.approx(share, rel=CURVATURE)
    assert SHARES[component(np.array(top.diagnostics["modes"][0]["u"]))] == SHARES.min()


def test_the_mass_of_a_gaussian_is_its_evidence() -> None:
    def build() -> None:
        mu = pm.Normal("mu", 1.0, 2.0)
        pm.Normal("y", mu, 1.5, observed=np.array([0.3, 2.0]))

    one = problem(build)
    found = bc.fit(one, "unconstrained_map").diagnostics["modes"][0]["log_mass"]
    assert found == pytest.approx(bc.fit(one, "laplace").diagnostics["log_evidence"], abs=1e-10)


def test_no_mass_where_no_gaussian_lies() -> None:
    h = np.array([[4.0]])
    mode = End("x", np.zeros(1), 0.5, hessian=h, smallest=1.0)
    assert log_mass(mode) == pytest.approx(0.5 + 0.5 * math.log(2 * math.pi / 4))
    for other in (
        End("x", np.zeros(1), 0.5),
        End("x", np.zeros(1), 0.5, hessian=-h, smallest=-1.0),
        End("x", np.zeros(1), 0.5, hessian=h, smallest=1.0, held={0: -40.0}),
        End("x", np.zeros(1), 0.5, hessian=h, smallest=1.0, kinks={0: 0.0}),
    ):
        assert math.isnan(log_mass(other))


def test_mirrored_modes_share_the_mass() -> None:
    def build() -> None:
        x = pm.Normal("x", 0.0, 3.0)
        pm.Normal("y", abs(x), 0.2, observed=np.array([4.0, 4.2, 3.9]))

    masses = [mode["log_mass"] for mode in bc.fit(problem(build), "unconstrained_map").diagnostics["modes"]]
    assert len(masses) == 2
    assert masses[0] == pytest.approx(masses[1], abs=1e-9)


# -- draws -----------------------------------------------------------------------------------------


def test_draws_climb_to_their_own_component(three: Problem, top: Fit) -> None:
    draws, which = drawn(4, 50)
    found = climbs(three, top, draws, sample=200)
    assert found is not None
    places = [component(np.array(mode["u"])) for mode in found.modes]
    assert np.array_equal(np.array(places)[found.assigned], which)
    assert [mode["found_by"] for mode in found.modes] == ["starts"] * 3


def test_shares_are_the_weights_to_binomial_error(three: Problem, top: Fit) -> None:
    draws, _ = drawn(4, 500, seed=1)
    found = climbs(three, top, draws)
    assert found is not None
    assert found.assigned.shape == (4, 16)
    n = found.assigned.size
    for i, mode in enumerate(found.modes):
        share = SHARES[component(np.array(mode["u"]))]
        assert abs(np.mean(found.assigned == i) - share) < 4 * math.sqrt(share * (1 - share) / n)
        assert math.exp(mode["log_mass"]) == pytest.approx(share, rel=CURVATURE)


def test_one_seed_takes_one_sample(three: Problem, top: Fit) -> None:
    draws, _ = drawn(2, 400)
    first, again, other = (climbs(three, top, draws, seed=seed) for seed in (0, 0, 1))
    assert first is not None
    assert again is not None
    assert other is not None
    assert np.array_equal(first.assigned, again.assigned)
    assert first.modes == again.modes
    assert not np.array_equal(first.assigned, other.assigned)


def test_a_mode_that_only_draws_led_to_is_said(three: Problem) -> None:
    """One start, and it found one component."""
    alone = bc.fit(three, "unconstrained_map", options=bc.ModeOptions(starts=1))
    assert len(alone.diagnostics["modes"]) == 1
    draws, which = drawn(4, 40)
    found = climbs(three, alone, draws, sample=160)
    assert found is not None
    assert [mode["found_by"] for mode in found.modes] == ["starts", "draws", "draws"]
    assert component(np.array(found.modes[0]["u"])) == 1
    places = [component(np.array(mode["u"])) for mode in found.modes]
    assert np.array_equal(np.array(places)[found.assigned], which)
    assert math.exp(found.modes[2]["log_mass"]) == pytest.approx(SHARES[places[2]], rel=CURVATURE)


@pytest.mark.parametrize("k", range(3))
def test_the_maps_basin_comes_first(three: Problem, top: Fit, k: int) -> None:
    """Whichever of them it is, and however high."""
    draws, which = drawn(4, 10)
    found = climbs(three, top, draws, start=MEANS[k] + 0.3 * SDS[k], sample=40)
    assert found is not None
    assert component(np.array(found.modes[0]["u"])) == k
    assert np.array_equal(found.assigned == 0, which == k)


def test_a_map_on_the_boundary_has_a_basin() -> None:
    """Exponential(3): the MAP is at u = −∞, and every draw climbs to the one mode, ⅓."""

    def build() -> None:
        rate = pm.Exponential("rate", 1.0)
        pm.Poisson("y", rate, observed=np.array([0, 0]))

    one = problem(build)
    at, highest = bc.fit(one, "map"), bc.fit(one, "unconstrained_map")
    assert at.unconstrained is not None
    assert at.unconstrained.tolist() == [-math.inf]
    draws = np.log(np.random.default_rng(0).exponential(1 / 3, size=(4, 20, 1)))
    found = climbs(one, highest, draws, start=at.unconstrained)
    assert found is not None
    assert not found.assigned.any()
    assert found.modes[0]["u"] == pytest.approx([math.log(1 / 3)], abs=1e-7)
    # Laplace in log rate: e^(u − 3eᵘ) at its top, and curvature 1.
    assert found.modes[0]["log_mass"] == pytest.approx(math.log(1 / 3) - 1 + 0.5 * math.log(2 * math.pi), abs=1e-6)


def test_without_an_unconstrained_mode_there_are_no_basins() -> None:
    def build() -> None:
        s = pm.HalfNormal("s", 1.0)
        x = pm.Normal("x", 0.0, s, shape=3)
        pm.Normal("y", x, 5.0, observed=np.zeros(3))

    one = problem(build)
    assert climbs(one, bc.fit(one, "unconstrained_map"), np.zeros((2, 5, 4))) is None


def test_draws_that_end_at_no_mode_are_counted_as_such() -> None:
    """An interior mode beside an unbounded density (a component shrinks onto an observation): −1 for those that fall
    in."""
    y = np.array([-2.1, -1.9, -2.0, 1.9, 2.2, 2.05, 0.1])

    def build() -> None:
        mu = pm.Normal("mu", 0.0, 3.0, shape=2)
        s = pm.HalfNormal("s", 2.0, shape=2)
        pm.NormalMixture("y", w=np.array([0.5, 0.5]), mu=mu, sigma=s, observed=y)

    one = problem(build)
    highest = bc.fit(one, "map")
    assert highest.unconstrained is not None
    into_it = np.array([0.1, 0.0, -12.0, 0.5])  # the first component on the last observation, nearly a point
    found = climbs(one, bc.fit(one, "unconstrained_map"), np.array([[highest.unconstrained, into_it]]), sample=2)
    assert found is not None
    # Which of the two mirrored modes comes first is chance; each is a mode.
    assert found.assigned[0, 0] in (0, 1)
    assert found.assigned[0, 1] == -1
