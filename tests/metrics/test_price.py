"""The price of NUTS: arithmetic of what it is made of."""

from __future__ import annotations

import math

import pytest

from bayescompare.metrics.price import FACTOR, TUNING, Basis, gradients_a_draw


def test_a_price_is_gradients_times_their_time_and_compiling() -> None:
    basis = Basis(gradients=10.0, gradient_seconds=1e-3, compile_seconds=5.0, chains=4, cores=2)
    found = basis.price(1000, 500)
    sampling = 2 * (1000 + TUNING * 500) * 10 * 1e-3
    assert found.seconds == pytest.approx(5 + sampling)
    assert (found.lower, found.upper) == pytest.approx((sampling / FACTOR, 5 + sampling * FACTOR))
    assert found.longer == pytest.approx(5 + 2 * (10_000 + TUNING * 500) * 10 * 1e-3)


def test_chains_that_do_not_fill_the_cores_take_a_whole_round() -> None:
    three, four = (Basis(10.0, 1e-3, 0.0, chains, 2).price(100, 100).seconds for chains in (3, 4))
    assert three == four


@pytest.mark.parametrize(
    "harder", [(20, 10.0, 0.6, 0.8), (10, 99.0, 0.6, 0.8), (10, 10.0, 1.6, 0.8), (10, 10.0, 0.6, 0.95)]
)
def test_what_is_harder_takes_more_gradients(harder: tuple[int, float, float, float]) -> None:
    assert gradients_a_draw(*harder) > gradients_a_draw(10, 10.0, 0.6, 0.8) > 1


def test_what_is_not_known_is_taken_to_be_hard() -> None:
    assert gradients_a_draw(10, math.nan, math.nan, 0.8) == gradients_a_draw(10, 1.0, 9.0, 0.8)
