"""ESS, R-hat, Monte-Carlo errors and E-BFMI of many scalars at once are those of arviz_stats, to rounding."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.signal import lfilter
from scipy.stats import norm

from bayescompare.metrics import diagnostics as mc

Array = np.ndarray
RELATIVE = 1e-8  # two ways of summing a thousand terms in float64, with a decision (where a sum turns negative) between

SHAPES = [(4, 1000), (4, 501), (3, 37), (2, 9), (1, 400), (1, 5), (4, 4), (4, 6), (2, 7)]


def ar(rho: float) -> Callable[[np.random.Generator, tuple[int, int]], Array]:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        burn = 200
        noise = rng.standard_normal((shape[0], shape[1] + burn))
        return lfilter([1.0], [1.0, -rho], noise, axis=1)[:, burn:]

    return draw


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Array]] = {
    "iid": lambda rng, shape: rng.standard_normal(shape),
    "far from 0": lambda rng, shape: 1e4 + rng.standard_normal(shape),
    "AR(0.9)": ar(0.9),
    "AR(-0.7)": ar(-0.7),
    "ties": lambda rng, shape: np.round(rng.standard_normal(shape)),
    "two values": lambda rng, shape: (rng.random(shape) < 0.05).astype(float),
    "Cauchy": lambda rng, shape: rng.standard_cauchy(shape),
    "chains apart": lambda rng, shape: rng.standard_normal(shape) + np.arange(shape[0])[:, None],
    "trend": lambda rng, shape: rng.standard_normal(shape) + np.linspace(0, 3, shape[1]),
}


@pytest.fixture(params=SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
def draws(request: pytest.FixtureRequest) -> Array:
    rng = np.random.default_rng(1)
    return np.stack([make(rng, request.param) for make in KINDS.values() for _ in range(3)])


def check(mine: Array, theirs: Array) -> None:
    np.testing.assert_allclose(mine, theirs, rtol=RELATIVE, atol=0)


def theirs(function: Callable[..., object], draws: Array, **options: object) -> Array:
    with np.errstate(all="ignore"):
        return np.array([float(function(x, **options)) for x in draws])


def test_ess_bulk(draws: Array) -> None:
    check(mc.ess_bulk(draws), theirs(array_stats.ess, draws, method="bulk"))


def test_ess_tail(draws: Array) -> None:
    lower, upper = np.quantile(draws, [0.05, 0.95], axis=(1, 2))
    check(mc.ess_tail(draws, lower, upper), theirs(array_stats.ess, draws, method="tail", prob=(0.05, 0.95)))


def test_ess_mean(draws: Array) -> None:
    check(mc.ess_mean(draws), theirs(array_stats.ess, draws, method="mean"))


def test_ess_jointly_is_that_of_each_coordinate_and_of_any_rotation() -> None:
    rng = np.random.default_rng(5)
    x = np.stack([ar(0.6)(rng, (4, 500)) for _ in range(20)])
    white = np.linalg.solve(np.linalg.cholesky(np.cov(x.reshape(20, -1))), x.reshape(20, -1))
    together = mc.ess_jointly(white.reshape(x.shape))
    rotation = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    assert mc.ess_jointly((rotation @ white).reshape(x.shape)) == pytest.approx(together, rel=1e-9)
    # 2,000·(1 − 0.6)/(1 + 0.6); the cut of Geyer's sum biases it by some per cent.
    assert together == pytest.approx(500, rel=0.05)
    assert mc.ess_jointly(x[:1] / x[0].std()) == pytest.approx(mc.ess_mean(x[:1])[0], rel=1e-12)


def test_mcse_of_mean(draws: Array) -> None:
    check(mc.mcse_of_mean(draws), theirs(array_stats.mcse, draws, method="mean"))


def test_r_hat(draws: Array) -> None:
    if draws.shape[1] == 1:
        # ArviZ gives NaN to one chain: R-hat compares chains.
        assert np.isnan(theirs(array_stats.rhat, draws)).all()
        assert np.isnan(mc.r_hat(draws)).all()
    else:
        with np.errstate(all="ignore"):
            check(mc.r_hat(draws), theirs(array_stats.rhat, draws))


def test_too_few_draws_have_no_figure() -> None:
    x = np.random.default_rng(1).standard_normal((2, 4, 3))
    assert np.isnan(theirs(array_stats.ess, x, method="bulk")).all()
    assert np.isnan(mc.ess_bulk(x)).all()
    assert np.isnan(mc.ess_mean(x)).all()
    assert np.isnan(mc.r_hat(x)).all()


def test_a_constant_counts_fully_as_with_arviz() -> None:
    x = np.full((1, 4, 100), 3.7)
    assert mc.ess_mean(x) == mc.ess_bulk(x) == 400
    assert array_stats.ess(x[0], method="mean") == array_stats.ess(x[0], method="bulk") == 400
    assert mc.mcse_of_mean(np.full((1, 4, 100), 3.5)) == 0  # its mean has no rounding


def test_draws_on_a_tiny_scale_are_no_constant() -> None:
    """ArviZ takes a range below 1e-15 for a constant; an effective sample size has no unit."""
    x = ar(0.9)(np.random.default_rng(1), (4, 500))[None]
    # Powers of two scale without rounding, so the figures are equal to the last bit.
    np.testing.assert_array_equal(mc.ess_mean(x * 2.0**-80), mc.ess_mean(x))
    np.testing.assert_array_equal(mc.ess_bulk(x * 2.0**-80), mc.ess_bulk(x))


def test_scalars_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(1)
    x = np.stack([make(rng, (4, 100)) for make in KINDS.values()] + [np.full((4, 100), 2.0)])
    for function in (mc.ess_bulk, mc.ess_mean, mc.mcse_of_mean):
        with np.errstate(all="ignore"):
            together, alone = function(x), np.concatenate([function(row[None]) for row in x])
        np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("shape", [(4, 1000), (2, 7), (1, 50)], ids=str)
def test_e_bfmi(shape: tuple[int, int]) -> None:
    energy = ar(0.8)(np.random.default_rng(2), shape)
    check(mc.e_bfmi(energy), array_stats.bfmi(energy))


def test_ess_of_independent_draws_and_of_an_ar_process() -> None:
    """Against theory: n for independent draws, n(1 − ρ)/(1 + ρ) for AR(1).

    The standard error of a mean of the 300 estimates is taken from their own spread; the bias of Geyer's truncated sum
    is of order 1/ESS per chain and at most 2 % here, as it is with ArviZ, whose estimates are the same.
    """
    rng = np.random.default_rng(3)
    replications = 300
    for rho in (0.0, 0.5, -0.5):
        x = np.stack([ar(rho)(rng, (4, 1000)) for _ in range(replications)])
        relative = mc.ess_mean(x) * (1 + rho) / (1 - rho) / 4000
        error = relative.std() / np.sqrt(replications)
        assert abs(relative.mean() - 1) < 5 * error + 0.02


# -- tails -----------------------------------------------------------------------------------------


def kurtosis(x: Array) -> Array:
    deviation = x - x.mean(axis=1, keepdims=True)
    return (deviation**4).mean(axis=1) / (deviation**2).mean(axis=1) ** 2


def tails(law: Callable[[np.random.Generator], Array]) -> Array:
    x = law(np.random.default_rng(6))
    return mc.tail_index(x, kurtosis(x))


def test_tails_without_variance_are_found() -> None:
    assert np.all(tails(lambda rng: rng.standard_cauchy((50, 4000))) >= 0.5)
    assert np.all(tails(lambda rng: -rng.pareto(1.0, (50, 4000))) >= 0.4)
    # t(0.4): an index of 2.5, so no mean.
    assert np.all(tails(lambda rng: rng.standard_t(0.4, (50, 4000))) >= 1)


@pytest.mark.parametrize(
    "law",
    [
        lambda rng: rng.standard_normal((100, 4000)),
        lambda rng: rng.exponential(size=(100, 4000)) ** 2,
        lambda rng: rng.standard_t(3.0, (100, 4000)),
        lambda rng: np.exp(rng.standard_normal((100, 4000))),
        # Kinks and ties: a fit to the whole tail finds indices of 3 to 5 for the first.
        lambda rng: np.maximum(rng.standard_normal((100, 4000)) - 1.8, 0),
        lambda rng: np.maximum(rng.standard_normal((100, 4000)) - 2.2, 0),
        lambda rng: (rng.random((100, 4000)) < 0.004).astype(float),
        lambda rng: rng.poisson(0.01, (100, 4000)).astype(float),
        lambda rng: np.append(np.zeros((100, 99)), np.ones((100, 1)), axis=1),
        lambda rng: rng.standard_cauchy((100, 24)),
    ],
)
def test_tails_with_a_variance_are_let_be(law: Callable[[np.random.Generator], Array]) -> None:
    assert np.all(tails(law) < 0.5)


def test_a_tail_whose_outer_half_is_all_ties_has_no_index() -> None:
    """A saturated probability: many draws at 1 exactly, the others below. Bounded, so no tail lacks a variance."""
    # Of 1,000 draws the tail is 94 and its outer half 47: 60 ties fill the half, and not the whole.
    x = np.concatenate([np.linspace(0.0, 1.0, 940, endpoint=False), np.ones(60)])
    kurtosis = np.array([1e6])  # so that the tails are looked at
    assert mc.tail_index(x[None], kurtosis)[0] < 0.5


def test_the_error_of_a_quantile_is_what_independent_draws_give() -> None:
    """√(p(1 − p)/n)/density at the quantile, of 500 samples of the normal law."""
    ordered = np.sort(np.random.default_rng(3).standard_normal((500, 2000)), axis=1)
    for p in (0.03, 0.5):
        told = mc.mcse_of_quantile(ordered, p, np.full(500, 2000.0))
        exact = math.sqrt(p * (1 - p) / 2000) / norm.pdf(norm.ppf(p))
        assert np.sqrt(np.mean(told**2)) == pytest.approx(exact, rel=0.1)
    assert np.isnan(mc.mcse_of_quantile(ordered[:1], 0.5, np.array([np.nan]))).all()
