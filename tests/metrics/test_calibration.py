"""Judging calibration from counts and ranks, on methods whose faults are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bayescompare.metrics.calibration import Held, Scalar, judged
from bayescompare.metrics.figure import Figure

LEVELS = (0.5, 0.8, 0.94)


def scalar(shift: float, width: float, size: int, seed: int, p: float = 0.5) -> Scalar:
    """Intervals of a normal method that lies ``shift`` sd off and states ``width`` sd, of truths that are standard."""
    z = np.random.default_rng(seed).normal(size=size)
    ranks = stats.norm.cdf((z - shift) / width)
    held = tuple(Held(level, int((np.abs(ranks - 0.5) <= level / 2).sum()), size) for level in LEVELS)
    side = 0.5 - ranks
    return Scalar(held, Figure(float(side.mean()), float(side.std() / math.sqrt(size))), p)


def test_wilson_interval() -> None:
    low, high = Held(0.9, 81, 100).wilson
    # The roots of (p̂ − p)² = z² p(1 − p)/n.
    z = stats.norm.ppf(0.975)
    for p in (low, high):
        assert (0.81 - p) ** 2 == pytest.approx(z**2 * p * (1 - p) / 100)
    assert low < 0.81 < high
    assert all(math.isnan(end) for end in Held(0.9, 0, 0).wilson)


def test_three_answers() -> None:
    assert judged({"x": scalar(0, 1, 4000, 1)}, 0.05).state == "same"
    assert judged({"x": scalar(0, 1, 100, 2)}, 0.05).state == "undecided"
    assert judged({"x": scalar(0, 1, 4000, 1), "y": scalar(0, 0.5, 4000, 2)}, 0.05).state == "differs"
    assert judged({"x": scalar(0, 1, 4000, 1), "y": scalar(0, 0.5, 4000, 2)}, 0.05).worst == "y"
    assert judged({}, 0.05).state == "not_computed"


def test_ranks_out_of_their_band_decide_where_coverage_does_not() -> None:
    assert judged({"x": scalar(0, 1, 100, 2, p=0.01)}, 0.05).state == "differs"
    assert judged({"x": scalar(0, 1, 100, 2, p=0.01), "y": scalar(0, 1, 100, 3)}, 0.05).state == "differs"
    many = {f"x[{i}]": scalar(0, 1, 100, i, p=0.01 if i == 0 else 0.5) for i in range(6)}
    assert judged(many, 0.5).ranks_leave is False  # one in six by chance
    assert judged({"x": scalar(0, 1, 4000, 1, p=0.01)}, 0.05).state == "same"  # too small a fault to matter


@pytest.mark.parametrize(("shift", "sign"), [(0.4, 1), (-0.4, -1)])
def test_the_side_of_a_shift(shift: float, sign: int) -> None:
    found = judged({"x": scalar(shift, 1, 400, 5), "y": scalar(0, 1, 400, 6)}, 0.05)
    assert set(found.biased) == {"x"}
    # ½ − E Φ(z − shift) = Φ(shift/√2) − ½
    exact = stats.norm.cdf(shift / math.sqrt(2)) - 0.5
    assert found.biased["x"] == pytest.approx(exact, abs=4 / math.sqrt(12 * 400))
    assert np.sign(found.biased["x"]) == sign


def test_false_alarms_are_rare() -> None:
    """Six scalars of an exact method at three levels, 200 replicates: hardly ever called different."""
    states = [
        judged({f"x[{i}]": scalar(0, 1, 200, 10 * seed + i) for i in range(6)}, 0.05).state for seed in range(200)
    ]
    assert states.count("differs") <= 2
