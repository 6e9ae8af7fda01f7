"""Pareto-smoothed importance sampling against closed forms: a normal approximation of a normal posterior, and weights
that are generalised Pareto by make.

Target N(0, s²), draws of N(0, 1): weights have a Pareto index of 1 − 1/s², and every moment is known.
"""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.base import array_stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genpareto, norm
from scipy.stats import t as student

from bayescompare.metrics import psis
from bayescompare.reasons import Code, Reason

Array = np.ndarray
N = 4000
LOG_CONSTANT = 3.0  # of the target's density: its log evidence
AT = 1.0


def pairs(rng: np.random.Generator, n: int = N) -> Array:
    """Antithetic normal draws (n, 1), as a Laplace approximation gives."""
    half = rng.standard_normal(((n + 1) // 2, 1))
    return np.concatenate([half, -half])[:n]


def log_ratios(u: Array, s: float) -> Array:
    return np.asarray(norm.logpdf(u, 0, s) - norm.logpdf(u) + LOG_CONSTANT)[:, 0]


def lognormal(s: float) -> tuple[float, float]:
    """Mean and sd of exp(u/2), u ~ N(0, s²)."""
    mean = np.exp(s**2 / 8)
    return float(mean), float(mean * np.sqrt(np.exp(s**2 / 4) - 1))


# -- k-hat -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_k_hat_of_generalised_pareto_weights(k: float) -> None:
    """Weights of Pareto index k; the prior in ArviZ's fit is worth 10 draws of 190, at ½: a bias of at most 0.03."""
    rng = np.random.default_rng(1)
    found = [psis.importance(np.log(genpareto.rvs(k, size=N, random_state=rng))).k_hat for _ in range(20)]
    values, errors = np.array([f.value for f in found]), np.array([f.mcse for f in found])
    assert abs(values.mean() - k) < 0.03 + 4 * values.std(ddof=1) / np.sqrt(20)
    assert np.all(np.abs(values - k) < 4 * errors + 0.03)


def test_the_sign_is_right() -> None:
    """ArviZ negates its argument: with the other sign a heavy tail looks light."""
    log_weights = np.log1p(genpareto.rvs(0.9, size=N, random_state=1))  # at least 1: their inverses are bounded
    assert psis.importance(log_weights).k_hat.value > 0.6
    assert psis.importance(-log_weights).k_hat.value < 0
    assert psis.smooth(log_weights[None])[1][0] == array_stats.psislw(-log_weights)[1]


@pytest.mark.parametrize(("n", "r_eff"), [(25, 1.0), (226, 1.0), (1000, 1.0), (1001, 0.9), (4000, 0.4)])
def test_rows_are_smoothed_as_arviz_smooths_each(n: int, r_eff: float) -> None:
    rng = np.random.default_rng(4)
    rows = np.concatenate(
        [
            *(rng.standard_t(df, size=(40, n)) for df in (1, 3, 30)),
            *(rng.exponential(scale, size=(40, n)) for scale in (0.1, 0.6, 3)),
            1e-6 * rng.standard_normal((5, n)),
        ]
    )
    rows[3, : n // 3] = -np.inf
    log_weights, k_hat = psis.smooth(rows, r_eff)
    for row, weights, k in zip(rows, log_weights, k_hat, strict=True):
        with np.errstate(all="ignore"):
            theirs, their_k = array_stats.psislw(-row, r_eff=r_eff)
        np.testing.assert_allclose(k, their_k, rtol=1e-9)
        np.testing.assert_allclose(weights, theirs, rtol=1e-9, atol=1e-9)


def test_a_tail_of_one_value_is_left_as_it_is() -> None:
    """No law can be fitted to it; ArviZ raises, or returns weights that are NaN."""
    one_draw, few_values = np.zeros((1, 100)), np.repeat(np.arange(4.0), 25)[None]
    one_draw[0, 7] = 900.0
    for rows in (one_draw, few_values):
        log_weights, k_hat = psis.smooth(rows)
        assert np.isnan(k_hat[0])
        np.testing.assert_allclose(log_weights[0], rows[0] - np.logaddexp.reduce(rows[0]), atol=1e-12)


@pytest.mark.parametrize("s", [1.3, 1.5, 2.0])
def test_k_hat_of_a_normal_posterior(s: float) -> None:
    """Index 1 − 1/s² in the limit; the logarithm in a normal's tail takes off 0.05 or so at 4,000 draws."""
    rng = np.random.default_rng(2)
    found = [psis.importance(log_ratios(pairs(rng), s)).k_hat for _ in range(20)]
    values = np.array([f.value for f in found])
    assert abs(values.mean() - (1 - 1 / s**2)) < 0.08 + 4 * values.std(ddof=1) / np.sqrt(20)
    assert all(f.mcse is not None and 0.05 < f.mcse < 0.5 for f in found)


@pytest.mark.parametrize("k", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("antithetic", [False, True])
@pytest.mark.slow
def test_the_error_of_k_hat_is_calibrated(k: float, antithetic: bool) -> None:
    """Over 200 replications; pairs of equal weights leave half as many tails to learn from."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        if antithetic:
            half = np.log(genpareto.rvs(k, size=N // 2, random_state=rng))
            lw = np.concatenate([half, half])
        else:
            lw = np.log(genpareto.rvs(k, size=N, random_state=rng))
        found.append(psis.importance(lw).k_hat)
    truth = np.std([f.value for f in found], ddof=1)
    claimed = np.sqrt(np.mean(np.square([f.mcse for f in found])))
    # A jackknife of 20 blocks has a relative error of 1/√(2·19) each time; its bias for a fit to order statistics is up
    # to a fifth, upwards.
    assert 1 / 1.15 < claimed / truth < 1.35


def test_equal_weights_have_no_tail() -> None:
    found = psis.importance(np.full(N, 7.0))
    assert found.k_hat.value == 0
    assert found.ess.value == pytest.approx(N, rel=1e-12)
    assert found.log_evidence.value == pytest.approx(7.0, abs=1e-12)
    rounding = 7.0 + 1e-13 * np.random.default_rng(1).standard_normal(N)
    assert psis.importance(rounding).k_hat.value == 0


# -- evidence and moments --------------------------------------------------------------------------


@pytest.mark.parametrize("s", [0.7, 1.0, 1.2, 1.35])
def test_evidence_and_moments_are_the_posteriors(s: float) -> None:
    rng = np.random.default_rng(4)
    mean, sd = lognormal(s)
    for _ in range(10):
        u = pairs(rng)
        weights = psis.importance(log_ratios(u, s))
        assert weights.usable
        assert weights.log_evidence.mcse is not None
        # Smoothing leaves out what lies beyond the largest weight: a bias of less than one error.
        assert abs(weights.log_evidence.value - LOG_CONSTANT) < 4 * weights.log_evidence.mcse + 1e-9
        found = psis.moments(np.exp(u / 2), weights, np.array([AT]))
        assert found.reason is None
        if s > 1 and np.isnan(found.sd[0]):  # its square has a heavier tail than the weights
            assert np.isnan([found.sd_mcse[0], found.z[0], found.z_mcse[0]]).all()
            continue
        assert abs(found.mean[0] - mean) < 4 * found.mean_mcse[0]
        assert abs(found.sd[0] - sd) < 5 * found.sd_mcse[0]
        assert abs(found.z[0] - (AT - mean) / sd) < 5 * found.z_mcse[0]
        assert found.z[0] == pytest.approx((AT - found.mean[0]) / found.sd[0], rel=1e-12)


def test_a_scalar_s_own_tails_decide_what_its_weights_can_tell() -> None:
    """The posterior is Student's with 1 degree of freedom, the draws normal: weights are often just usable, but the
    square has no mean, and hardly any sample of it looks as if it had."""
    rng = np.random.default_rng(8)
    narrow = np.sqrt(0.5)
    usable = given = 0
    for _ in range(30):
        u = narrow * pairs(rng)
        weights = psis.importance((student.logpdf(u, 1) - norm.logpdf(u, 0, narrow))[:, 0])
        found = psis.moments(np.column_stack([u, np.sign(u)]), weights, np.array([0.0, 0.0]))
        usable += weights.usable
        given += bool(np.isfinite(found.sd[0]))
        if weights.usable:  # a sign's tails are those of the weights alone
            assert found.sd[1] == pytest.approx(1.0, rel=1e-2)
    assert usable > 5
    assert given <= usable


@pytest.mark.parametrize(("k", "factor"), [(-1.0, 1.0), (0.49, 1.0), (0.6, 2.8), (0.69, 5.1)])
def test_errors_grow_where_the_terms_have_no_variance(k: float, factor: float) -> None:
    """n^((1 − c)/2) with the rate c, by hand from the formula of Vehtari et al. (2024)."""
    assert psis.slower(np.array([k]), 4000)[0] == pytest.approx(factor, rel=0.02)


def test_without_smoothing_the_figures_are_the_plain_weighted_ones() -> None:
    """Where the posterior is narrower weights are bounded, and smoothing changes next to nothing."""
    u = pairs(np.random.default_rng(5))
    lr = log_ratios(u, 0.7)
    w = np.exp(lr - lr.max())
    weights = psis.importance(lr)
    assert weights.log_evidence.value == pytest.approx(float(np.log(np.exp(lr).mean())), abs=1e-4)
    assert weights.ess.value == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=1e-3)
    found = psis.moments(u, weights, np.array([AT]))
    # Pairs cancel, but for the ranks that smoothing gives to their equal weights.
    assert found.mean[0] == pytest.approx(0.0, abs=1e-8)
    assert found.mean_mcse[0] < 1e-8
    assert found.sd[0] == pytest.approx(0.7, abs=5 * found.sd_mcse[0])


@pytest.mark.slow
@pytest.mark.parametrize("s", [0.8, 1.0])
def test_errors_of_moments_and_evidence_are_calibrated(s: float) -> None:
    """Over 300 replications: an sd has a relative error of 4 %, more for the heavy-tailed ones; 12 % are asked."""
    rng = np.random.default_rng(6)
    values: dict[str, list[float]] = {name: [] for name in ("evidence", "mean", "sd", "z")}
    errors: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(300):
        u = pairs(rng)
        weights = psis.importance(log_ratios(u, s))
        found = psis.moments(np.exp(u / 2), weights, np.array([AT]))
        assert weights.log_evidence.mcse is not None
        values["evidence"].append(weights.log_evidence.value)
        errors["evidence"].append(weights.log_evidence.mcse)
        for name in ("mean", "sd", "z"):
            values[name].append(getattr(found, name)[0])
            errors[name].append(getattr(found, f"{name}_mcse")[0])
    for name in values:
        ratio = np.sqrt(np.mean(np.square(errors[name]))) / np.std(values[name], ddof=1)
        assert 0.85 < ratio < 1.15, (name, ratio)


def test_moments_are_none_where_k_hat_is_high() -> None:
    lw = np.log(genpareto.rvs(1.2, size=N, random_state=1))
    weights = psis.importance(lw)
    assert not weights.usable
    assert weights.log_evidence.value != weights.log_evidence.value
    assert weights.log_evidence.reason == Reason(Code.K_HAT, figures={"k_hat": weights.k_hat.value, "limit": 0.7})
    found = psis.moments(np.ones((N, 2)), weights, np.zeros(2))
    assert np.isnan(found.mean).all()
    assert np.isnan(found.z_mcse).all()
    assert found.reason == weights.log_evidence.reason


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (np.zeros(24), Code.FEW_FOR_TAIL),
        (np.append(np.zeros(99), np.inf), Code.DENSITY_INFINITE),
        (np.append(np.zeros(49), np.full(51, np.nan)), Code.DRAWS_OUTSIDE),
    ],
)
def test_what_cannot_be_weighted_says_why(bad: Array, code: Code) -> None:
    found = psis.importance(bad)
    assert not found.usable
    assert not found.k_hat.known
    assert found.k_hat.reason is not None
    assert found.k_hat.reason.code is code
    assert psis.moments(np.ones((len(bad), 1)), found, np.zeros(1)).reason == found.k_hat.reason


def test_draws_of_no_density_count_nothing() -> None:
    u = pairs(np.random.default_rng(7))
    lr = np.where(u[:, 0] > 0, log_ratios(u, 0.8), np.nan)  # half a normal
    weights = psis.importance(lr)
    x = np.where(u > 0, u, np.inf)
    found = psis.moments(x, weights, np.array([0.0]))
    assert weights.log_evidence.mcse is not None
    assert abs(weights.log_evidence.value - LOG_CONSTANT + np.log(2)) < 4 * weights.log_evidence.mcse
    assert abs(found.mean[0] - 0.8 * np.sqrt(2 / np.pi)) < 4 * found.mean_mcse[0]


def test_every_range_of_k_hat_has_words() -> None:
    said = [psis.covers(k).text for k in (-1.0, 0.49, 0.5, 0.69, 0.7, 0.99, 1.0, 5.0)]
    assert [said.index(text) for text in said] == [0, 0, 2, 2, 4, 4, 6, 6]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-500, 500), scale=st.floats(0.1, 100.0))
def test_constants_and_units_do_not_matter(seed: int, shift: float, scale: float) -> None:
    u = pairs(np.random.default_rng(seed), 400)
    lr = log_ratios(u, 1.2)
    one, other = psis.importance(lr), psis.importance(lr + shift)
    assert other.k_hat.value == pytest.approx(one.k_hat.value, abs=1e-6)
    assert other.ess.value == pytest.approx(one.ess.value, rel=1e-6)
    if not one.usable:
        return
    assert other.log_evidence.value == pytest.approx(one.log_evidence.value + shift, abs=1e-8 * (1 + abs(shift)))
    x = np.exp(u / 2)
    first, second = psis.moments(x, one, np.array([AT])), psis.moments(3 - scale * x, one, np.array([3 - scale * AT]))
    np.testing.assert_allclose(second.mean, 3 - scale * first.mean, rtol=1e-9)
    np.testing.assert_allclose(second.sd, scale * first.sd, rtol=1e-9)
    np.testing.assert_allclose(second.z, -first.z, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(second.z_mcse, first.z_mcse, rtol=1e-8)
