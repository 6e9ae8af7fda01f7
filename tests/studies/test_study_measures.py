"""Measures over replicates, against closed forms and independent simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arviz_stats.ecdf_utils import ecdf_pit
from scipy import stats

from bayescompare.reasons import Code, Reason
from bayescompare.studies import measures as m


def test_mean_and_rmse_against_their_law() -> None:
    # Errors N(b, s²): bias b with error s/√n; E e² = b² + s².
    rng = np.random.default_rng(1)
    n, b, s = 400, 0.3, 2.0
    means, roots = [], []
    for _ in range(500):
        e = rng.normal(b, s, n)
        means.append(m.mean(e))
        roots.append(m.rmse(e))
    for figures, truth in ((means, b), (roots, math.hypot(b, s))):
        values = np.array([f.value for f in figures])
        errors = np.array([f.mcse for f in figures])
        assert values.mean() == pytest.approx(truth, abs=4 * values.std() / math.sqrt(500) + truth / n)
        assert errors.mean() == pytest.approx(values.std(), rel=4 / math.sqrt(2 * 500))


def test_median_against_its_law() -> None:
    rng = np.random.default_rng(2)
    found = [m.median(rng.normal(5, 2, 401)) for _ in range(500)]
    values, errors = np.array([f.value for f in found]), np.array([f.mcse for f in found])
    assert values.mean() == pytest.approx(5, abs=4 * values.std() / math.sqrt(500))
    assert errors.mean() == pytest.approx(values.std(), rel=4 / math.sqrt(2 * 500))
    assert not m.median(np.empty(0)).known


def test_of_nothing_and_of_one_there_is_no_error() -> None:
    assert not m.mean(np.empty(0)).known
    assert m.mean(np.array([2.0])).mcse is None
    assert m.rmse(np.array([2.0])).reason == Reason(Code.ONE_REPLICATE)
    assert m.rmse(np.zeros(5)).value == 0
    assert not m.share(np.empty(0, dtype=bool)).known


def test_share_is_never_without_error() -> None:
    held = m.share(np.ones(50, dtype=bool))
    assert held.value == 1
    assert held.mcse == pytest.approx(stats.beta(50.5, 0.5).std())


@pytest.mark.parametrize("n", [30, 100, 1000])
def test_p_of_uniform_ranks_is_uniform(n: int) -> None:
    rng = np.random.default_rng(n)
    found = [m.uniformity(rng.uniform(size=n)) for _ in range(600)]
    of_ecdf, of_bins = np.array([u.p.value for u in found]), np.array([u.chi2_p for u in found])
    # Both statistics are of counts, so their p is a little lumpy: never too small more often than it says. That of χ²
    # is asymptotic, and three bins of ten are too far from it.
    for p in (of_ecdf, of_bins) if n > 30 else (of_ecdf,):
        for level in (0.01, 0.05, 0.2, 0.5):
            share = np.mean(p <= level)
            assert share <= level + 4 * math.sqrt(level * (1 - level) / 600)
        assert np.mean(p <= 0.5) > 0.3


def test_the_band_holds_the_whole_ecdf_as_often_as_it_says() -> None:
    # Independently of the module: sorted uniforms and their ECDF.
    rng = np.random.default_rng(7)
    n, held = 250, 0
    for _ in range(1000):
        ranks = rng.uniform(size=n)
        found = m.ecdf(ranks, 0.9)
        own = np.array([np.mean(ranks <= z) for z in found["z"]])
        assert own == pytest.approx(found["ecdf"], abs=1e-12)
        held += bool(np.all((own >= found["lower"]) & (own <= found["upper"])))
    assert held / 1000 >= 0.9 - 4 * math.sqrt(0.09 / 1000)
    assert held / 1000 <= 0.96  # discrete counts make it a little wide, and no more


@pytest.mark.parametrize(
    "broken",
    [
        lambda z: stats.norm.cdf(2 * z),  # an sd half of what it should be
        lambda z: stats.norm.cdf(z / 2),  # twice
        lambda z: stats.norm.cdf(z + 0.5),  # an estimate half an sd off
    ],
)
def test_broken_estimators_are_caught(broken) -> None:  # type: ignore[no-untyped-def]
    z = np.random.default_rng(3).normal(size=200)
    sound, found = m.uniformity(stats.norm.cdf(z)), m.uniformity(broken(z))
    assert sound.p.value > 0.01
    assert found.p.value < 0.001
    assert found.chi2_p < 0.001
    assert found.distance.value > sound.distance.value + 2 * (found.distance.mcse or 0)


def test_few_ranks_say_so() -> None:
    assert m.uniformity(np.full(9, 0.5)).p.reason == Reason(Code.FEW_RANKS, figures={"ranks": 9})


def test_distance_of_a_point_mass() -> None:
    # All ranks at ½: the ECDF jumps from 0 to 1 there, and is off by ½.
    found = m.uniformity(np.full(100, 0.5))
    assert found.distance.value == pytest.approx(0.5, abs=0.011)  # the points looked at are 0.01 apart
    assert found.p.value == 0


@pytest.mark.parametrize(("shift", "width"), [(0.0, 1.0), (0.25, 1.0), (0.0, 0.75), (0.0, 1.3)])
def test_broken_estimators_are_caught_as_often_as_by_arviz_bands(shift: float, width: float) -> None:
    """Over 200 studies of 100 replicates: the share of ECDFs that leave ArviZ's simultaneous 95 % band."""
    n, studies = 100, 200
    rng = np.random.default_rng(11)
    ranks = stats.norm.cdf((rng.normal(size=(studies, n)) - shift) / width)
    z, _, lower, upper = ecdf_pit(ranks[0], 0.95, 4000)
    ecdfs = (ranks[:, :, None] <= z[None, None]).mean(axis=1)
    theirs = ((ecdfs < lower - 1e-9) | (ecdfs > upper + 1e-9)).any(axis=1)
    ours = np.array([m.uniformity(each).p.value <= 0.05 for each in ranks])
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.07)
    if (shift, width) == (0.0, 1.0):
        assert ours.mean() <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / studies)
    else:
        assert ours.mean() > 0.3


def test_asymmetry_sees_a_shift_and_no_width() -> None:
    z = np.random.default_rng(4).normal(size=300)
    assert m.asymmetry(stats.norm.cdf(z - 0.4)) < 0.001
    assert m.asymmetry(stats.norm.cdf(z / 0.6)) > 0.01
    assert math.isnan(m.asymmetry(np.full(9, 0.3)))
