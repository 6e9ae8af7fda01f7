"""Predictive variance, coverage and PIT against closed forms: the normal model, regression, Gamma–Poisson."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from arviz_stats.base import array_stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.signal import lfilter
from scipy.special import expit
from scipy.stats import nbinom, norm

from bayescompare.metrics.coverage import LEVELS, Arm, arm, coverage, paired_difference
from bayescompare.metrics.figure import Figure
from bayescompare.metrics.loo import Mended, PlugIn
from bayescompare.metrics.prediction import Inputs, term, total, variance_discarded, variance_discarded_by_pairs
from bayescompare.reasons import Code, Reason, told

Array = np.ndarray
SHAPE = (4, 1000)


def normal(rng: np.random.Generator, size: int, rho: float = 0.0) -> Array:
    """Standard normal draws (chains, draws, size) with autocorrelation."""
    noise = rng.standard_normal((SHAPE[0], SHAPE[1] + 100, size))
    return np.asarray(lfilter([1.0], [1.0, -rho], noise, axis=1)[:, 100:] * np.sqrt(1 - rho**2))


def near(figure: Figure, exact: float, errors: float = 4.0) -> bool:
    assert figure.mcse is not None
    return abs(figure.value - exact) < errors * figure.mcse


# -- variance --------------------------------------------------------------------------------------


def regression(rng: np.random.Generator, rho: float = 0.0) -> tuple[Array, Array, Array]:
    """Conditional means and variances of 400 observations at three slopes' draws, and the exact shares."""
    x = np.random.default_rng(0).standard_normal((400, 3))
    root = np.array([[0.5, 0, 0], [0.2, 0.4, 0], [0, -0.3, 0.6]])
    means = normal(rng, 3, rho) @ root.T @ x.T
    explained = ((x @ root) ** 2).sum(axis=1)
    return means, np.full(means.shape, 1.5), explained / (explained + 1.5)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_variance_discarded_in_a_regression(rho: float) -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        means, variances, exact = regression(rng, rho)
        found = variance_discarded(means, variances)
        assert near(found.share, exact.mean())
        assert np.all(np.abs(found.pointwise - exact) < 5 * found.pointwise_mcse)
        assert found.share.value == pytest.approx(found.pointwise.mean())


def test_variance_discarded_of_counts() -> None:
    """Poisson with a Gamma(a, b) rate: Var(mean) = a/b², E variance = a/b, so the share is 1/(1 + b)."""
    b = np.array([0.5, 2.0, 10.0])
    rate = np.random.default_rng(2).gamma(3.0, 1 / b, (*SHAPE, 3))
    found = variance_discarded(rate, rate)
    assert np.all(np.abs(found.pointwise - 1 / (1 + b)) < 4 * found.pointwise_mcse)
    assert near(found.share, (1 / (1 + b)).mean())


def test_pairs_of_predictions_say_the_same() -> None:
    rng = np.random.default_rng(3)
    means, variances, exact = regression(rng)
    first, second = (means + np.sqrt(1.5) * rng.standard_normal(means.shape) for _ in range(2))
    found = variance_discarded_by_pairs(first, second)
    assert near(found.share, exact.mean())
    assert np.all(np.abs(found.pointwise - exact) < 5 * found.pointwise_mcse)
    known = variance_discarded(means, variances).share
    assert found.share.mcse is not None
    assert known.mcse is not None
    assert found.share.mcse > known.mcse
    assert variance_discarded_by_pairs(second, first).share.value == pytest.approx(found.share.value, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.6])
@pytest.mark.parametrize("pairs", [False, True])
def test_the_error_of_variance_discarded_is_calibrated(rho: float, pairs: bool) -> None:
    rng = np.random.default_rng(4)
    found = []
    for _ in range(200):
        means, variances, _ = regression(rng, rho)
        means, variances = means[..., :20], variances[..., :20]
        if pairs:
            noise = np.sqrt(variances) * rng.standard_normal((2, *means.shape))
            found.append(variance_discarded_by_pairs(means + noise[0], means + noise[1]).share)
        else:
            found.append(variance_discarded(means, variances).share)
    truth, claimed = np.std([f.value for f in found], ddof=1), np.sqrt(np.mean([(f.mcse or 0) ** 2 for f in found]))
    assert 0.8 < claimed / truth < 1.2  # 200 replications tell an sd to 5 %


def test_a_variance_that_does_not_exist_is_said() -> None:
    means, variances, _ = regression(np.random.default_rng(5))
    variances[2, 7, 3] = np.inf
    found = variance_discarded(means, variances)
    assert found.share.reason == Reason(Code.INFINITE_VARIANCE, figures={"count": 1, "of": 400})
    assert np.isnan(found.pointwise[3])
    assert np.isfinite(found.pointwise[4])
    cauchy = np.random.default_rng(6).standard_cauchy((*SHAPE, 2))
    for found in (variance_discarded(cauchy, np.ones_like(cauchy)), variance_discarded_by_pairs(cauchy, cauchy)):
        assert found.share.reason == Reason(Code.INFINITE_VARIANCE, figures={"count": 2, "of": 2})
    one = np.ones((*SHAPE, 1))
    assert variance_discarded(one, one**2 - 1).share.reason == Reason(Code.ZERO_VARIANCE, figures={"count": 1, "of": 1})
    assert variance_discarded(one, one).share.reason == Reason(Code.MEAN_FIXED)  # of a mean that no parameter moves


def test_bounded_observations_have_a_variance_however_long_their_tails_look() -> None:
    """Rare events: probabilities like a lognormal's draws, as far as the draws go, but none is above 1."""
    rng = np.random.default_rng(1)
    p = expit(-10 + 3 * rng.standard_normal((*SHAPE, 20)))
    happened = [(rng.random(p.shape) < p).astype(float) for _ in range(2)]
    assert not variance_discarded(p, p * (1 - p)).share.known

    mean, square = (quad(lambda z, k=k: expit(-10 + 3 * z) ** k * norm.pdf(z), -10, 10)[0] for k in (1, 2))
    exact = (square - mean**2) / (mean - mean**2)
    for found in (
        variance_discarded(p, p * (1 - p), bounded=True),
        variance_discarded_by_pairs(*happened, bounded=True),
    ):
        assert found.share.mcse is not None
        assert abs(found.share.value - exact) < 4 * found.share.mcse


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100.0), shift=st.floats(-100, 100))
def test_variance_discarded_has_no_unit_and_no_order(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    means, variances = rng.gamma(3.0, size=(3, 61, 5)), rng.gamma(3.0, size=(3, 61, 5))
    one = variance_discarded(means, variances).share
    chains, places = rng.permutation(3), rng.permutation(5)
    moved = variance_discarded(
        (scale * means + shift)[chains][..., places], (scale**2 * variances)[chains][..., places]
    ).share
    assert moved.value == pytest.approx(one.value, rel=1e-8)
    assert moved.mcse == pytest.approx(one.mcse, rel=1e-6)


# -- coverage and PIT ------------------------------------------------------------------------------


def test_pit_of_a_normal_prediction() -> None:
    rng = np.random.default_rng(7)
    y = norm.ppf((np.arange(50) + 0.5) / 50)
    found = arm(rng.standard_normal((*SHAPE, 50)), y)
    p = norm.cdf(y)
    assert np.all(np.abs(found.pit - p) < 5 * np.sqrt(p * (1 - p) / 4000))
    assert not found.discrete
    np.testing.assert_array_equal(found.below, found.upto)


def test_leave_one_out_pit_is_arvizs() -> None:
    rng = np.random.default_rng(8)
    y, draws = rng.standard_normal(20), rng.standard_normal((*SHAPE, 20))
    log_weights = rng.standard_normal((20, 4000))
    log_weights -= np.log(np.exp(log_weights).sum(axis=1, keepdims=True))
    theirs = array_stats.loo_pit(
        np.moveaxis(draws, -1, 0), y, log_weights.reshape(20, *SHAPE), chain_axis=-2, draw_axis=-1
    )
    np.testing.assert_allclose(arm(draws, y, log_weights).pit, theirs, rtol=1e-10)


def test_weights_move_the_pit() -> None:
    """Draws of N(0, 1) weighted to N(½, 1)."""
    rng = np.random.default_rng(9)
    draws = rng.standard_normal((*SHAPE, 1))
    lw = 0.5 * draws.reshape(1, -1)
    lw = lw - np.log(np.exp(lw).sum())
    found = arm(draws, np.array([1.0]), lw)
    assert abs(found.pit[0] - norm.cdf(0.5)) < 4 * 0.5 * np.sqrt((np.exp(lw) ** 2).sum())


def test_coverage_of_a_calibrated_and_a_narrow_prediction() -> None:
    """y ~ N(0, 1); the plug-in says N(0, ½²), whose 95 % intervals hold Φ(0.98) − Φ(−0.98) = 67 %."""
    rng = np.random.default_rng(10)
    n = 2000
    y = rng.standard_normal(n)
    wide, narrow = Arm(norm.cdf(y), norm.cdf(y)), Arm(norm.cdf(y / 0.5), norm.cdf(y / 0.5))
    found = coverage(wide, narrow)
    assert found.levels == LEVELS
    for i, level in enumerate(LEVELS):
        exact = 2 * norm.cdf(0.5 * norm.ppf((1 + level) / 2)) - 1
        assert near(found.posterior[i], level)
        assert near(found.plugin[i], exact)
        assert near(found.difference[i], level - exact)
        # The narrow interval lies in the wide one: the pairs differ in one direction only.
        p = level - exact
        assert found.difference[i].mcse == pytest.approx(np.sqrt(p * (1 - p) / n), rel=0.1)
    assert found.largest.value == max(abs(d.value) for d in found.difference)


def test_arms_that_agree_on_few_observations_are_not_known_to_agree() -> None:
    same = Arm(np.full(8, 0.5), np.full(8, 0.5))
    found = coverage(same, same)
    assert found.largest.value == 0
    assert found.largest.mcse == pytest.approx(0.1)
    assert paired_difference(0, 0, 998).mcse == pytest.approx(1e-3, rel=1e-9)


def test_the_error_of_a_paired_difference_is_true() -> None:
    """Of 300 pairs, 12 % yes-no and 5 % no-yes: against 4,000 simulated sets."""
    counts = np.random.default_rng(11).multinomial(300, [0.12, 0.05, 0.83], size=4000)
    found = [paired_difference(int(b), int(c), 300) for b, c, _ in counts]
    truth = np.std([f.value for f in found], ddof=1)
    assert np.sqrt(np.mean([(f.mcse or 0) ** 2 for f in found])) == pytest.approx(truth, rel=0.05)


def counts_arm(n: int, rng: np.random.Generator) -> tuple[Array, Arm]:
    """Negative binomial counts and where they lie in their own law."""
    law = nbinom(2, 0.4)
    y = law.rvs(n, random_state=rng)
    return y, Arm(law.cdf(y - 1), law.cdf(y))


def test_discrete_observations() -> None:
    rng = np.random.default_rng(12)
    y, exact = counts_arm(3000, rng)
    found = arm(nbinom(2, 0.4).rvs((2000, 3000), random_state=rng), y.astype(float))
    assert found.discrete
    for mine, theirs in ((found.below, exact.below), (found.upto, exact.upto)):
        assert np.all(np.abs(mine - theirs) <= 5 * np.sqrt(theirs * (1 - theirs) / 2000) + 1e-12)
    np.testing.assert_allclose(found.pit, (found.below + found.upto) / 2)
    # Spread over its step each PIT is uniform; the mid-PIT alone is not.
    assert np.all(np.abs(exact.histogram() - 0.1) < 5 * np.sqrt(0.1 * 0.9 / 3000))
    mid = np.histogram(exact.pit, bins=10, range=(0, 1))[0] / 3000
    assert np.max(np.abs(mid - 0.1)) > 0.05
    # Intervals from quantile to quantile hold at least what they say.
    for level in LEVELS:
        lower, upper = nbinom(2, 0.4).ppf([(1 - level) / 2, (1 + level) / 2])
        np.testing.assert_array_equal(exact.inside(level), (y >= lower) & (y <= upper))
        assert exact.inside(level).mean() > level - 4 * np.sqrt(level * (1 - level) / 3000)


def test_histogram_of_a_continuous_pit() -> None:
    pit = np.array([0.0, 0.05, 0.1, 0.55, 1.0])
    np.testing.assert_allclose(Arm(pit, pit).histogram(), np.histogram(pit, bins=10, range=(0, 1))[0] / 5)


# -- terms -----------------------------------------------------------------------------------------

PRIOR = 3.0


def inputs(name: str, y: Array, rng: np.random.Generator, others: Array | None = None) -> Inputs:
    """One term of the model y ~ N(θ, 1), θ ~ N(0, 3²), with all that can be had of it.

    ``others`` are the observations of other terms, which θ learns from too.
    """
    known = y if others is None else np.concatenate([y, others])
    precision = 1 / PRIOR**2 + len(known)
    theta = known.sum() / precision + precision**-0.5 * np.random.default_rng(99).standard_normal(SHAPE)
    left = (known.sum() - y) / (precision - 1)
    return Inputs(
        name=name,
        y=y,
        log_lik=norm.logpdf(y, theta[..., None], 1.0),
        plugin=PlugIn(norm.logpdf(y, left, 1.0), norm.logpdf(y, known.sum() / precision, 1.0)),
        means=np.repeat(theta[..., None], len(y), axis=-1),
        variances=np.ones((*SHAPE, len(y))),
        draws=theta[..., None] + rng.standard_normal((*SHAPE, len(y))),
        plugin_draws=left + rng.standard_normal((4000, len(y))),
    )


def test_a_term_of_the_normal_model() -> None:
    rng = np.random.default_rng(13)
    y = rng.normal(1.0, 1.0, 6)
    found = term(inputs("y", y, rng))
    precision = 1 / PRIOR**2 + 6
    sd = np.sqrt(1 + 1 / (precision - 1))
    left = (y.sum() - y) / (precision - 1)
    assert near(found.elpd.elpd_diff, float((norm.logpdf(y, left, sd) - norm.logpdf(y, left, 1.0)).sum()))
    assert near(found.variance_discarded.share, 1 / precision / (1 + 1 / precision))
    assert found.pit is not None
    assert found.plugin_pit is not None
    # The posterior's draws without y_i are weighted: 4,000 of them are worth a thousand at least.
    p, q = norm.cdf(y, left, sd), norm.cdf(y, left, 1.0)
    assert np.all(np.abs(found.pit.pit - p) < 5 * np.sqrt(p * (1 - p) / 1000))
    assert np.all(np.abs(found.plugin_pit.pit - q) < 5 * np.sqrt(q * (1 - q) / 4000))
    assert found.coverage.largest.mcse is not None


def test_pairs_serve_where_means_are_not_known() -> None:
    rng = np.random.default_rng(14)
    full = inputs("y", rng.normal(1.0, 1.0, 6), rng)
    assert full.draws is not None
    assert full.means is not None
    second = full.means + rng.standard_normal(full.means.shape)
    found = term(replace(full, means=None, variances=None, pairs=(full.draws, second)))
    assert near(found.variance_discarded.share, term(full).variance_discarded.share.value)


def test_what_was_not_given_is_missing_with_its_reason() -> None:
    y = np.zeros(5)
    elpd, variance, draws = (told(text) for text in ("a Gaussian process", "custom", "no draws"))
    found = term(Inputs("y", y, why_no_elpd=elpd, why_no_variance=variance, why_no_coverage=draws))
    assert found.elpd.elpd_loo.reason == found.elpd.elpd_diff.reason == elpd
    assert found.variance_discarded.share.reason == variance
    assert found.coverage.largest.reason == draws
    assert found.pit is None
    whole = total([found, term(inputs("w", np.ones(3), np.random.default_rng(1)))])
    assert whole.elpd.elpd_diff.reason == Reason(Code.OF_TERM, ("y",), causes=(elpd,))
    assert whole.variance_discarded.share.reason == Reason(Code.OF_TERM, ("y",), causes=(variance,))
    assert whole.coverage.difference[0].reason == Reason(Code.OF_TERM, ("y",), causes=(draws,))
    assert whole.elpd.observations == 8
    assert len(whole.variance_discarded.pointwise) == 8


def test_the_total_is_that_of_all_observations_together() -> None:
    rng = np.random.default_rng(15)
    y = rng.normal(1.0, 1.0, 12)
    one = inputs("y", y, rng)
    assert one.plugin is not None
    first, last = slice(0, 5), slice(5, 12)

    def part(name: str, which: slice) -> Inputs:
        assert one.plugin is not None
        cut = {
            key: None if getattr(one, key) is None else getattr(one, key)[..., which]
            for key in ("y", "log_lik", "means", "variances", "draws", "plugin_draws")
        }
        return Inputs(name=name, **cut, plugin=PlugIn(one.plugin.exact[which], one.plugin.in_sample[which]))

    together, apart = term(one), total([term(part("a", first)), term(part("b", last))])
    for name in ("elpd_loo", "elpd_diff"):
        mine, theirs = getattr(apart.elpd, name), getattr(together.elpd, name)
        assert mine.value == pytest.approx(theirs.value, rel=1e-10)
        assert mine.mcse == pytest.approx(theirs.mcse, rel=1e-6)
    assert apart.elpd.elpd_diff_se.value == pytest.approx(together.elpd.elpd_diff_se.value, rel=1e-10)
    mine, theirs = apart.variance_discarded.share, together.variance_discarded.share
    assert mine.value == pytest.approx(theirs.value, rel=1e-10)
    assert mine.mcse == pytest.approx(theirs.mcse, rel=1e-6)
    assert apart.coverage == together.coverage


def outlier() -> Inputs:
    rng = np.random.default_rng(16)
    return inputs("y", np.append(rng.normal(1.0, 1.0, 7), 12.0), rng)


def test_a_high_k_hat_leaves_coverage_unsure_until_it_is_mended() -> None:
    found = term(outlier())
    assert found.elpd.bad == 1
    assert found.coverage.largest.known
    assert found.coverage.largest.mcse is None
    bad = found.coverage.largest.reason
    assert bad is not None
    assert (bad.code, bad.figures["count"], bad.figures["of"]) == (Code.K_HAT_BAD, 1, 8)
    whole = total([found, found])
    assert whole.coverage.largest.mcse is None
    assert whole.coverage.largest.reason == Reason(Code.OF_TERM, ("y",), causes=(bad,))

    elpd, mcse = np.full(8, np.nan), np.full(8, np.nan)
    elpd[7], mcse[7] = -60.0, 0.1
    without = np.random.default_rng(17).normal(1.0, 1.1, 500)
    mended = term(replace(outlier(), mended=Mended(elpd, mcse), mended_draws={7: without}))
    assert mended.elpd.bad == 0
    assert mended.coverage.largest.reason is None
    assert mended.pit is not None
    assert mended.pit.pit[7] == 1.0
    # Its density alone does not make its draws right.
    half = term(replace(outlier(), mended=Mended(elpd, mcse)))
    assert half.elpd.bad == 0
    assert half.coverage.largest.mcse is None


def test_held_out_data() -> None:
    rng = np.random.default_rng(18)
    seen = inputs("y", rng.normal(1.0, 1.0, 6), rng)
    new = rng.normal(1.0, 1.0, 500)
    assert seen.means is not None
    theta = seen.means[..., :1]
    known = norm.logpdf(new, theta.mean(), 1.0)
    found = term(
        Inputs(
            "new",
            new,
            log_lik=norm.logpdf(new, theta, 1.0),
            plugin=PlugIn(known, known),
            draws=theta + rng.standard_normal((*SHAPE, 500)),
            plugin_draws=theta.mean() + rng.standard_normal((4000, 500)),
            held_out=True,
        )
    )
    centre, sd = float(theta.mean()), math.sqrt(1 + float(theta.var()))
    assert near(found.elpd.elpd_loo, float(norm.logpdf(new, centre, sd).sum()))
    assert found.coverage.largest.reason is None
    assert found.pit is not None
    p = norm.cdf(new, centre, sd)
    assert np.all(np.abs(found.pit.pit - p) < 6 * np.sqrt(p * (1 - p) / 4000) + 1e-3)
