"""Angles on one branch, and when they have none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bayescompare.model.angles import CIRCLE, circular_mean, nearest, on_one_branch, winds


def test_the_nearest_copy_is_within_half_a_circle() -> None:
    x = np.linspace(-20.0, 20.0, 401)
    for about in (-3.0, 0.0, 3.1, 40.0):
        found = nearest(x, about)
        assert np.all((found > about - math.pi - 1e-12) & (found <= about + math.pi + 1e-12))
        turns = (found - x) / CIRCLE
        np.testing.assert_allclose(turns, np.round(turns), atol=1e-12)


@pytest.mark.parametrize("direction", [0.0, 1.5, math.pi, -3.0])
def test_draws_across_the_cut_are_averaged_as_those_that_are_not(direction: float) -> None:
    rng = np.random.default_rng(1)
    away = rng.normal(0.0, 0.3, (4, 500, 1))
    draws = np.angle(np.exp(1j * (direction + away)))
    joined = on_one_branch(draws)
    # The mean direction of a symmetric law; the cut is ten sd away.
    assert nearest(circular_mean(joined.reshape(-1, 1)) - direction, 0.0) == pytest.approx(away.mean(), abs=1e-3)
    np.testing.assert_allclose(joined.std(), away.std(), rtol=1e-9)


@pytest.mark.parametrize(("kappa", "round_it"), [(0.01, True), (1.0, True), (4.0, False), (50.0, False)])
def test_what_goes_round_the_circle(kappa: float, round_it: bool) -> None:
    """The von Mises law has 1 % of its mass in the opposite eighth with kappa about 1.8."""
    draws = np.random.default_rng(2).vonmises(3.0, kappa, (4, 1000, 1))
    assert winds(draws).tolist() == [round_it]


def test_no_angles_at_all() -> None:
    """A model without a circular variable has arrays of no columns here."""
    none = np.zeros((4, 100, 0))
    assert winds(none).shape == (0,)
    assert on_one_branch(none).shape == none.shape
