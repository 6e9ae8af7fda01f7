"""What has no value is NaN, with the reason; and what any draws have in common, by Hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from bayescompare.metrics.table import Marginals, table
from bayescompare.metrics.undefined import Columns
from bayescompare.reasons import Code, Reason
from tests.metrics.laws import Array, figures, full

IN_SD = ("z", "z_mcse", "quadratic_regret", "sd_ratio", "w1", "contraction", "skewness", "shift_coordinates")
POINT = ("z", "rank", "hdi_level", "absolute_regret", "sign_probability", "quadratic_regret", "shift_coordinates")


def complete(x: Array, m: float) -> tuple[Columns, list[Reason | None]]:
    """With everything that a table can have: Laplace and prior draws, an unconstrained mode."""
    k = x.shape[-1]
    rng = np.random.default_rng(1)
    normal = rng.standard_normal((500, k))
    return table(Marginals(x, full(k, m), full(k, m), full(k, np.nan), normal, 3 * normal))


def missing(columns: Columns, names: tuple[str, ...]) -> bool:
    return all(np.isnan(columns[name]).all() for name in names)


def present(columns: Columns, names: tuple[str, ...]) -> bool:
    return all(np.isfinite(columns[name]).all() for name in names)


# -- heavy tails -----------------------------------------------------------------------------------


def test_cauchy_has_neither_mean_nor_sd_but_a_rank() -> None:
    columns, reasons = complete(np.random.default_rng(1).standard_cauchy((4, 1000, 20)), 1.0)
    assert missing(columns, IN_SD)
    assert np.isnan(columns["sd"]).all()
    # The Pareto index is 1; its estimate less two errors falls below 1 by chance, and then only the sd is missing.
    for i, reason in enumerate(reasons):
        assert reason is not None
        assert reason.code in (Code.NO_MEAN, Code.NO_VARIANCE)
        assert (reason.code is Code.NO_MEAN) == np.isnan(columns["mean"][i]) == np.isnan(columns["absolute_regret"][i])
    assert present(columns, ("median", "rank", "rank_mcse", "eti_lb", "ess_bulk", "ess_tail", "r_hat"))
    np.testing.assert_array_less(np.abs(columns["rank"] - 0.75), 5 * columns["rank_mcse"])


def test_a_tail_without_a_mean_says_so() -> None:
    columns, reasons = complete(t(0.4).rvs((4, 1000, 10), random_state=2), 1.0)
    assert missing(columns, ("mean", "mcse_mean", "absolute_regret", "sd", "z"))
    assert {reason.code for reason in reasons if reason} == {Code.NO_MEAN}


@pytest.mark.parametrize("degrees", [2.5, 5.0])
def test_a_finite_variance_is_kept(degrees: float) -> None:
    """t(2.5) has a Pareto index of 0.4: below ½, its sd exists, however noisy."""
    columns, reasons = complete(t(degrees).rvs((4, 1000, 20), random_state=3), 1.0)
    assert reasons == [None] * 20
    assert present(columns, ("mean", "sd", "z", "z_mcse"))


def test_a_prior_without_variance_has_no_contraction() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((4, 500, 5))
    columns, reasons = figures(x, 0.0, prior=t(0.5).rvs((1000, 5), random_state=5))
    assert missing(columns, ("contraction", "contraction_mcse"))
    assert reasons == [None] * 5


# -- constants, non-finite draws, missing points ---------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 1.0, 3.7, -1e300])
def test_constant_draws(value: float) -> None:
    columns, reasons = complete(np.full((4, 100, 1), value), value)
    assert reasons == [Reason(Code.ONE_VALUE)]
    assert missing(columns, (*IN_SD, "ess_bulk", "ess_tail", "r_hat", "mcse_mean", "absolute_regret"))
    assert columns["mean"] == columns["median"] == value
    assert columns["sd"] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_draws_that_are_not_finite(bad: float) -> None:
    x = np.random.default_rng(1).standard_normal((4, 100, 2))
    x[2, 50, 0] = bad
    columns, reasons = complete(x, 0.3)
    assert reasons == [Reason(Code.SOME_NOT_FINITE), None]
    first = {name: values[:1] for name, values in columns.items()}
    assert missing(first, (*IN_SD, "mean", "sd", "ess_bulk", "ess_tail", "r_hat", "entropy", "absolute_regret"))
    alone, _ = complete(x[..., 1:], 0.3)
    for name in ("z", "rank", "hdi_level", "ess_bulk", "r_hat", "entropy"):
        assert columns[name][1] == alone[name][0], name


def test_a_scalar_that_is_nearly_always_the_same_has_its_figures() -> None:
    """A rare event's indicator, and a clipped normal: one tail is a single value, the other begins with a kink."""
    rng = np.random.default_rng(1)
    x = np.stack([rng.random((4, 1000)) < 0.004, np.maximum(rng.standard_normal((4, 1000)) - 1.8, 0)], axis=-1)
    columns, reasons = figures(x.astype(float), 0.0)
    assert reasons == [Reason(Code.TIES)] * 2
    assert present(columns, ("mean", "sd", "z", "z_mcse", "ess_bulk", "r_hat", "absolute_regret"))
    assert missing(columns, ("entropy", "width"))


def test_no_map() -> None:
    columns, reasons = complete(np.random.default_rng(1).standard_normal((4, 100, 3)), np.nan)
    assert reasons == [Reason(Code.NO_MAP)] * 3
    assert missing(columns, POINT)
    assert missing(columns, tuple(f"{name}_mcse" for name in POINT if f"{name}_mcse" in columns))
    assert present(columns, ("mean", "sd", "median", "ess_bulk", "r_hat", "entropy", "laplace_sd", "sd_ratio", "w1"))


def test_nothing_but_draws() -> None:
    columns, reasons = figures(np.random.default_rng(1).standard_normal((4, 100, 2)), 0.0)
    assert reasons == [None, None]
    assert missing(columns, ("laplace_mean", "laplace_sd", "sd_ratio", "w1", "w1_null", "contraction"))
    assert present(columns, ("z", "rank", "hdi_level"))


def test_map_on_the_edge_of_the_support() -> None:
    """No draw lies below 0: the rank is 0, but not exactly known."""
    x = np.random.default_rng(1).exponential(size=(4, 1000, 5))
    for m, rank in ((0.0, 0.0), (1e9, 1.0)):
        columns, _ = figures(x, m)
        assert np.all(columns["rank"] == rank)
        # What n effective draws can hide: about one of them, as a binomial with half a success more than seen.
        n = columns["ess_tail"]
        p = 0.5 / (n + 1)
        np.testing.assert_allclose(columns["rank_mcse"], np.sqrt(p * (1 - p) / n), rtol=1e-12)
        assert np.all(columns["rank_mcse"] > 0)
    columns, _ = figures(x, 0.0)
    assert missing(columns, ("sign_probability", "sign_probability_mcse"))  # 0 has no sign
    np.testing.assert_array_less(np.abs(columns["z"] + 1), 5 * columns["z_mcse"])


def test_a_map_that_draws_equal_counts_half() -> None:
    x = np.zeros((2, 100, 1))
    x[:, ::2] = 1.0
    columns, _ = figures(x, 0.0)
    assert columns["rank"] == 0.25
    columns, _ = figures(x, 1.0)
    assert columns["rank"] == 0.75


def test_few_draws_raise_nothing() -> None:
    for draws in (1, 2, 3, 4, 7):
        columns, _ = figures(np.random.default_rng(1).standard_normal((2, draws, 3)), 0.0)
        assert len(columns["mean"]) == 3
        assert np.isfinite(columns["ess_bulk"]).all() == (draws >= 4)


# -- what any draws have in common -----------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)
scales = st.floats(0.1, 1e3) | st.floats(-1e3, -0.1)
shifts = st.floats(-100.0, 100.0)


def some(seed: int, k: int = 3) -> tuple[Array, Array]:
    """Draws with an odd number a chain, skewed, correlated, and a MAP among them."""
    rng = np.random.default_rng(seed)
    x = rng.gamma(2.0, size=(3, 61, k)) + 0.5 * rng.standard_normal((3, 61, k)).cumsum(axis=1)
    return x, x.mean(axis=(0, 1)) + rng.standard_normal(k) * x.std(axis=(0, 1))


def with_all(x: Array, m: Array) -> Columns:
    """Laplace and prior draws, and the unconstrained mode, that move with the draws."""
    flat = x.reshape(-1, x.shape[-1])
    centre = flat.mean(axis=0)
    points = Marginals(x, m, m + 0.3 * (centre - m), m, centre + 0.8 * (flat - centre), centre + 2 * (flat - centre))
    return table(points)[0]


SAME = (
    *("z_mcse", "quadratic_regret", "quadratic_regret_mcse", "rank_mcse", "sd_ratio", "sd_ratio_mcse", "w1", "w1_null"),
    *("w1_mcse", "absolute_regret", "absolute_regret_mcse", "contraction", "contraction_mcse", "ess_bulk", "r_hat"),
    "shift_shape_mcse",
)
SIGNED = ("z", "skewness", "shift_coordinates", "shift_pushforward", "shift_shape")


@settings(deadline=None, derandomize=True, max_examples=25)
@given(seed=seeds, scale=scales, shift=shifts)
def test_figures_have_no_unit(seed: int, scale: float, shift: float) -> None:
    """z, rank and the rest are the same in metres and in feet; a negative scale turns rank into 1 − rank."""
    x, m = some(seed)
    one, other = with_all(x, m), with_all(scale * x + shift, scale * m + shift)
    sign = np.sign(scale)
    # Cancellation in scale·x + shift: 16 digits less log10(100/0.1) of them.
    close = {"rtol": 1e-9, "atol": 1e-9}
    for name in SAME:
        np.testing.assert_allclose(other[name], one[name], err_msg=name, **close)
    for name in SIGNED:
        np.testing.assert_allclose(other[name], sign * one[name], err_msg=name, **close)
    np.testing.assert_allclose(other["rank"], one["rank"] if sign > 0 else 1 - one["rank"], err_msg="rank", **close)
    np.testing.assert_allclose(other["sd"], abs(scale) * one["sd"], err_msg="sd", **close)
    np.testing.assert_allclose(other["entropy"], one["entropy"] + np.log(abs(scale)), err_msg="entropy", **close)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(seed=seeds, order=st.permutations(range(3)))
def test_the_order_of_chains_is_nothing(seed: int, order: list[int]) -> None:
    x, m = some(seed)
    one, other = figures(x, m)[0], figures(x[order], m)[0]
    for name in one:
        np.testing.assert_allclose(other[name], one[name], rtol=1e-9, atol=1e-12, err_msg=name)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(seed=seeds, order=st.permutations(range(5)))
def test_the_order_of_scalars_is_nothing(seed: int, order: list[int]) -> None:
    x, m = some(seed, k=5)
    one, other = with_all(x, m), with_all(x[..., order], m[order])
    for name in one:
        np.testing.assert_allclose(other[name], one[name][order], rtol=1e-9, atol=1e-12, err_msg=name)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(seed=seeds, decimals=st.integers(0, 3))
def test_rank_and_reverse_rank_add_up_to_one(seed: int, decimals: int) -> None:
    """Ties count half on both sides."""
    x, m = some(seed)
    x, m = np.round(x, decimals), np.round(m, decimals)
    one, other = figures(x, m)[0], figures(-x, -m)[0]
    np.testing.assert_allclose(one["rank"] + other["rank"], 1, rtol=0, atol=1e-14)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(seed=seeds)
def test_shifts_add_up_to_minus_z(seed: int) -> None:
    columns = with_all(*some(seed))
    total = columns["shift_coordinates"] + columns["shift_pushforward"] + columns["shift_shape"]
    np.testing.assert_allclose(total, -columns["z"], rtol=0, atol=1e-12)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(seed=seeds)
def test_figures_stay_in_their_range(seed: int) -> None:
    columns = with_all(*some(seed))
    for name in ("rank", "hdi_level", "sign_probability"):
        assert np.all((columns[name] >= 0) & (columns[name] <= 1 + 1e-12)), name
    assert np.all(columns["absolute_regret"] >= -1e-12)
    assert np.all(columns["w1"] >= 0)
    assert np.all(columns["contraction"] <= 1)
    for name in columns:
        if name.endswith("_mcse"):
            assert np.all(columns[name] >= 0), name


def test_laplace_of_another_size_than_the_draws() -> None:
    """Laplace draws are put on the draws' quantiles: the distance is that of the laws, whatever their number."""
    x = np.asarray(norm.ppf((np.arange(1000) + 0.5) / 1000)).reshape(4, 250, 1)
    distances = []
    for n in (250, 1000, 4000):
        laplace = 1.5 + np.asarray(norm.ppf((np.arange(n) + 0.5) / n))[:, None]
        distances.append(figures(x, 0.0, laplace=laplace)[0]["w1"][0])
    # The distance is 1.5/sd; the grids' tails differ by less than one cell, 1/250 of mass at 3 sd.
    np.testing.assert_allclose(distances, 1.5 / x.std(ddof=1), rtol=3 / 250)
