"""Leave-one-out densities: ArviZ's to rounding, closed forms of the normal model, errors that are calibrated.

y_i ~ N(θ, 1), θ ~ N(0, 3²): without y_i the posterior is normal, its mean the plug-in, its predictive density known.
"""

from __future__ import annotations

import arviz_stats
import numpy as np
import pytest
from arviz_base import from_dict
from scipy.signal import lfilter
from scipy.stats import norm, t

from bayescompare.metrics import loo as loo_
from bayescompare.metrics.figure import Figure
from bayescompare.metrics.loo import Elpd, Loo, Mended, PlugIn, elpd, held_out, psis_loo, with_mended
from bayescompare.reasons import Code, Reason, told

Array = np.ndarray
PRIOR = 3.0
N = 30
Y = np.random.default_rng(0).normal(1.0, 1.0, N)


def posterior(y: Array) -> tuple[float, float]:
    precision = 1 / PRIOR**2 + len(y)
    return float(y.sum() / precision), float(precision**-0.5)


def without(y: Array) -> tuple[Array, Array]:
    """Log densities of each observation given the others: of the posterior, of the plug-in."""
    left = [posterior(np.delete(y, i)) for i in range(len(y))]
    mean, sd = np.array(left).T
    return norm.logpdf(y, mean, np.sqrt(1 + sd**2)), norm.logpdf(y, mean, 1.0)


def theta(y: Array, rng: np.random.Generator, shape: tuple[int, int] = (4, 1000), rho: float = 0.0) -> Array:
    mean, sd = posterior(y)
    noise = rng.standard_normal((shape[0], shape[1] + 100))
    return np.asarray(mean + sd * lfilter([1.0], [1.0, -rho], noise, axis=1)[:, 100:] * np.sqrt(1 - rho**2))


def log_lik(y: Array, draws: Array) -> Array:
    return np.asarray(norm.logpdf(y, draws[..., None], 1.0))


def exact_plugin(y: Array) -> PlugIn:
    return PlugIn(without(y)[1], norm.logpdf(y, posterior(y)[0], 1.0))


def near(figure: Figure, exact: float, errors: float = 4.0) -> bool:
    assert figure.mcse is not None
    return abs(figure.value - exact) < errors * figure.mcse


# -- the posterior's -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_elpd_loo_is_arvizs(seed: int, rho: float) -> None:
    draws = theta(Y, np.random.default_rng(seed), (4, 500), rho)
    pointwise = log_lik(Y, draws)
    tree = from_dict({"posterior": {"theta": draws}, "log_likelihood": {"y": pointwise}, "observed_data": {"y": Y}})
    theirs = arviz_stats.loo(tree, pointwise=True)
    r_eff = float(arviz_stats.ess(tree, method="mean")["theta"]) / draws.size
    ours = psis_loo(pointwise, r_eff)
    np.testing.assert_allclose(ours.elpd, theirs.elpd_i, rtol=1e-10)
    np.testing.assert_allclose(ours.k_hat, theirs.pareto_k, rtol=1e-10)
    np.testing.assert_allclose(ours.log_weights, theirs.log_weights.stack(s=("chain", "draw")).values, rtol=1e-10)
    assert ours.limit == theirs.good_k
    sums = elpd([ours], [exact_plugin(Y)])
    assert sums.elpd_loo.value == pytest.approx(theirs.elpd, rel=1e-10)
    assert sums.elpd_loo_se.value == pytest.approx(theirs.se, rel=1e-10)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_figures_of_the_normal_model(rho: float) -> None:
    rng = np.random.default_rng(1)
    loo_exact, plugin_exact = without(Y)
    errors = []
    for _ in range(10):
        sums = elpd([psis_loo(log_lik(Y, theta(Y, rng, rho=rho)))], [exact_plugin(Y)])
        assert near(sums.elpd_loo, loo_exact.sum())
        assert near(sums.elpd_diff, (loo_exact - plugin_exact).sum())
        assert sums.elpd_diff.value == sums.elpd_loo.value - sums.elpd_plugin.value
        assert sums.elpd_plugin == Figure(plugin_exact.sum())
        assert sums.elpd_plugin_in_sample.value > sums.elpd_plugin.value
        errors.append(sums.elpd_diff_se.value)
        assert (sums.bad, sums.observations, sums.refits) == (0, N, N)
        assert sums.k_hat_max.value < 0.5
    # Monte Carlo's noise in each difference, a sixth of their spread at most, widens it a little.
    exact_se = np.sqrt(N * np.var(loo_exact - plugin_exact, ddof=1))
    assert abs(np.mean(errors) / exact_se - 1) < 4 * np.std(errors) / exact_se / np.sqrt(10) + 0.03


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_the_error_of_elpd_is_calibrated(rho: float) -> None:
    """Errors of 30 observations come from the same draws: added as if they did not, they are wrong by a factor."""
    rng = np.random.default_rng(2)
    found = [psis_loo(log_lik(Y, theta(Y, rng, (4, 500), rho))) for _ in range(200)]
    sums = [elpd([one], [exact_plugin(Y)]).elpd_loo for one in found]
    truth = np.std([f.value for f in sums], ddof=1)
    claimed = np.sqrt(np.mean([(f.mcse or 0.0) ** 2 for f in sums]))
    # 200 replications tell an sd to 5 %; the ESS of autocorrelated draws is overrated by some per cent.
    assert 0.8 < claimed / truth < 1.2


def test_an_observation_that_no_draw_informs_is_left_out_without_weights() -> None:
    pointwise = np.full((4, 100, 2), -1.5)
    pointwise[..., 1] = log_lik(Y, theta(Y, np.random.default_rng(3), (4, 100)))[..., 0]
    ours = psis_loo(pointwise)
    assert ours.elpd[0] == pytest.approx(-1.5, rel=1e-12)
    assert ours.k_hat[0] == 0


def test_held_out_data_need_no_weights() -> None:
    rng = np.random.default_rng(4)
    new = rng.normal(1.0, 1.0, 20)
    mean, sd = posterior(Y)
    plugin = norm.logpdf(new, mean, 1.0)
    sums = elpd([held_out(log_lik(new, theta(Y, rng)))], [PlugIn(plugin, plugin)])
    assert near(sums.elpd_loo, norm.logpdf(new, mean, np.sqrt(1 + sd**2)).sum())
    assert sums.bad == 0
    assert sums.elpd_plugin == sums.elpd_plugin_in_sample


# -- high k-hats -----------------------------------------------------------------------------------


def outlier() -> tuple[Array, Array]:
    """Seven observations and one twelve sd away, which its posterior draws do not do without."""
    y = np.append(Y[:7], 12.0)
    return y, log_lik(y, theta(y, np.random.default_rng(5)))


def test_a_high_k_hat_leaves_the_error_unknown() -> None:
    y, pointwise = outlier()
    ours = psis_loo(pointwise)
    assert ours.bad.tolist() == [False] * 7 + [True]
    sums = elpd([ours], [exact_plugin(y)])
    assert sums.bad == 1
    for figure in (sums.elpd_loo, sums.elpd_diff):
        assert figure.known
        assert figure.mcse is None
        assert figure.reason is not None
        assert figure.reason.code is Code.K_HAT_BAD
        assert figure.reason.figures["worst"] == ours.k_hat[7]
        assert str(figure.reason) == f"1 of 8 observations have a k-hat above 0.7 (up to {ours.k_hat[7]:.2f})"
    assert sums.k_hat_max.value == ours.k_hat[7]


def test_a_mended_observation_counts_with_its_own_error() -> None:
    y, pointwise = outlier()
    exact = without(y)[0]
    mended = Mended(np.full(8, np.nan), np.full(8, np.nan))
    mended.elpd[7], mended.mcse[7] = exact[7], 0.3
    ours = with_mended(psis_loo(pointwise), pointwise, mended)
    sums = elpd([ours], [exact_plugin(y)])
    assert sums.bad == 0
    assert sums.elpd_loo.reason is None
    assert near(sums.elpd_loo, exact.sum())
    assert sums.elpd_loo.mcse is not None
    assert sums.elpd_loo.mcse > 0.3
    # The others' share of the error is what they have alone.
    alone = elpd([psis_loo(pointwise[..., :7])], [PlugIn(exact[:7], exact[:7])]).elpd_loo
    assert sums.elpd_loo.mcse == pytest.approx(np.hypot(0.3, alone.mcse), rel=1e-6)
    assert sums.k_hat_max.value == ours.k_hat[:7].max()


def test_an_impossible_observation_has_no_density() -> None:
    pointwise = log_lik(Y, theta(Y, np.random.default_rng(6), (4, 100)))
    pointwise[0, 0, 3] = -np.inf
    sums = elpd([psis_loo(pointwise)], [exact_plugin(Y)])
    assert not sums.elpd_loo.known
    assert sums.elpd_loo.reason is not None
    assert sums.elpd_loo.reason.code is Code.K_HAT_BAD
    assert sums.elpd_loo.reason.figures["count"] == 1
    assert not sums.elpd_diff.known
    assert sums.elpd_plugin.known


@pytest.mark.parametrize(("draws", "limit"), [(100, 0.5), (1000, 2 / 3), (4000, 0.7)])
def test_few_draws_ask_for_a_lower_k_hat(draws: int, limit: float) -> None:
    assert loo_.good_k(draws) == pytest.approx(limit)


# -- the plug-in's ---------------------------------------------------------------------------------


def big(n: int = 2000) -> tuple[Array, PlugIn]:
    """Many observations, and approximations of their plug-in densities that are a little wrong."""
    rng = np.random.default_rng(7)
    y = t(4).rvs(n, random_state=rng)
    exact, in_sample = without(y)[1], norm.logpdf(y, posterior(y)[0], 1.0)
    return exact, PlugIn(exact, in_sample, exact + 0.02 * rng.exponential(size=n))


def test_subsampled_refits_mend_the_approximation() -> None:
    """Over 400 subsamples of 200: unbiased, and the error is true to 4 % · 4."""
    exact, p = big()
    draws, nothing = np.random.default_rng(8), _nothing(len(exact))
    found = []
    for _ in range(400):
        sampled = np.zeros(len(exact), dtype=bool)
        sampled[draws.choice(len(exact), 200, replace=False)] = True
        some = PlugIn(np.where(sampled, exact, np.nan), p.in_sample, p.approximate, sampled)
        found.append(elpd([nothing], [some]).elpd_plugin)
    values = np.array([f.value for f in found])
    assert abs(values.mean() - exact.sum()) < 4 * values.std(ddof=1) / 20
    assert 0.85 < np.sqrt(np.mean([f.mcse**2 for f in found])) / values.std(ddof=1) < 1.15
    assert p.approximate is not None
    assert abs(p.approximate.sum() - exact.sum()) > 10 * values.std(ddof=1)


def _nothing(n: int) -> Loo:
    """A posterior's part that is 0 and known."""
    return held_out(np.zeros((2, 50, n)))


def test_a_subsample_of_all_has_no_error_of_its_own() -> None:
    exact, p = big(300)
    whole = PlugIn(exact, p.in_sample, p.approximate, np.ones(300, dtype=bool))
    found = elpd([_nothing(300)], [whole])
    assert found.elpd_plugin.value == pytest.approx(exact.sum(), rel=1e-12)
    assert found.elpd_plugin.mcse == 0
    assert found.refits == 300


def test_subsampling_adds_to_the_error_of_the_difference() -> None:
    rng = np.random.default_rng(9)
    ours = psis_loo(log_lik(Y, theta(Y, rng)))
    p = exact_plugin(Y)
    sampled = np.arange(N) % 3 == 0
    some = PlugIn(np.where(sampled, p.exact, np.nan), p.in_sample, p.exact + 0.1 * rng.standard_normal(N), sampled)
    whole, part = elpd([ours], [p]), elpd([ours], [some])
    assert part.elpd_plugin.mcse is not None
    assert part.elpd_diff.mcse == pytest.approx(np.hypot(whole.elpd_diff.mcse, part.elpd_plugin.mcse), rel=1e-12)
    assert part.refits == 10


def test_failed_refits_are_said() -> None:
    ours = psis_loo(log_lik(Y, theta(Y, np.random.default_rng(10), (4, 100))))
    p = exact_plugin(Y)
    p.exact[:2] = np.nan
    sums = elpd([ours], [p])
    assert not sums.elpd_plugin.known
    assert not sums.elpd_plugin_se.known
    assert sums.elpd_diff.reason == Reason(Code.REFITS_FAILED, figures={"count": 2, "of": 30})
    assert sums.elpd_loo.known
    sampled = np.arange(N) < 5
    sums = elpd([ours], [PlugIn(p.exact, p.in_sample, p.in_sample, sampled)])
    assert sums.elpd_diff.reason == Reason(Code.REFITS_FAILED, figures={"count": 2, "of": 5})
    gone = np.where(np.arange(N) == 9, -np.inf, p.in_sample)
    sums = elpd([ours], [PlugIn(np.where(sampled, p.in_sample, np.nan), p.in_sample, gone, sampled)])
    assert sums.elpd_diff.reason == Reason(Code.ONE_STEP_FAILED)


# -- several terms ---------------------------------------------------------------------------------


def test_terms_add_up_as_if_they_were_one() -> None:
    pointwise, p = log_lik(Y, theta(Y, np.random.default_rng(11))), exact_plugin(Y)
    parts = [slice(0, 12), slice(12, 13), slice(13, N)]
    whole = elpd([psis_loo(pointwise)], [p])
    split = elpd(
        [psis_loo(pointwise[..., part]) for part in parts], [PlugIn(p.exact[part], p.in_sample[part]) for part in parts]
    )
    for name in ("elpd_loo", "elpd_loo_se", "elpd_plugin", "elpd_plugin_in_sample", "elpd_diff", "elpd_diff_se"):
        one, other = getattr(whole, name), getattr(split, name)
        assert one.value == pytest.approx(other.value, rel=1e-10), name
        if one.mcse is None:
            assert other.mcse is None
        else:
            assert one.mcse == pytest.approx(other.mcse, rel=1e-6), name
    assert split.observations == N


def test_one_observation_has_no_standard_error() -> None:
    sums = elpd(
        [psis_loo(log_lik(Y[:1], theta(Y, np.random.default_rng(12), (4, 100))))],
        [PlugIn(np.array([-1.0]), np.array([-1.0]))],
    )
    assert sums.elpd_diff.known
    assert sums.elpd_diff_se.reason == Reason(Code.ONE_OBSERVATION)


def test_missing() -> None:
    sums = Elpd.missing(told("does not factorise"), 7)
    assert sums.elpd_loo.reason == sums.elpd_diff_se.reason == told("does not factorise")
    assert sums.observations == 7
