"""The table of marginals against closed forms: every column, on 40 sets of independent draws from each law.

A figure must lie within 5 of its own Monte-Carlo errors of the exact value. Under a normal law that fails once in
1.7 million; there are about 2,000 checks, and the seeds are fixed.
"""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.special import digamma
from scipy.stats import differential_entropy, wasserstein_distance

from bayescompare.metrics.diagnostics import jackknife_error
from bayescompare.metrics.kde import GRID
from bayescompare.metrics.undefined import Columns
from tests.metrics.laws import CASES, Case, draw, exponential, figures, replicates

K, DRAWS = 40, 1000
N = 4 * DRAWS
ERRORS = 5.0

Array = np.ndarray


@pytest.fixture(scope="module")
def tables() -> dict[str, Columns]:
    return {name: replicates(case, K, DRAWS, seed=7) for name, case in CASES.items()}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def columns(case: Case, tables: dict[str, Columns]) -> Columns:
    return tables[case.name]


def within(values: Array, exact: float, error: Array | float, bias: Array | float = 0.0) -> None:
    excess = np.abs(values - exact) - bias
    worst = np.max(excess / error)
    assert worst <= ERRORS, f"{worst:.2f} errors from {exact}"
    # A tolerance that dwarfs the deviations would test nothing: of 40, some are off by half an error.
    if np.all(np.asarray(bias) == 0):
        assert np.max(np.abs(values - exact) / error) > 0.5


def test_mean_sd_median_and_intervals(case: Case, columns: Columns) -> None:
    within(columns["mean"], case.law.mean(), columns["mcse_mean"])
    within(columns["sd"], case.sd, columns["mcse_sd"])
    for name, p in {"median": 0.5, "eti_lb": 0.03, "eti_ub": 0.97, "eti50_lb": 0.25, "eti50_ub": 0.75}.items():
        within(columns[name], case.law.ppf(p), case.quantile_error(p) / np.sqrt(N))


def test_z_and_quadratic_regret(case: Case, columns: Columns) -> None:
    z = (case.map - case.law.mean()) / case.sd
    within(columns["z"], z, columns["z_mcse"])
    np.testing.assert_array_equal(columns["quadratic_regret"], columns["z"] ** 2)
    np.testing.assert_allclose(columns["quadratic_regret_mcse"], 2 * np.abs(columns["z"]) * columns["z_mcse"])
    within(columns["quadratic_regret"], z**2, columns["quadratic_regret_mcse"], bias=columns["z_mcse"] ** 2)


def test_rank(case: Case, columns: Columns) -> None:
    within(columns["rank"], case.law.cdf(case.map), columns["rank_mcse"])
    # Independent draws: the error is the binomial one, its ESS known to 15 %.
    p = case.law.cdf(case.map)
    np.testing.assert_allclose(columns["rank_mcse"], np.sqrt(p * (1 - p) / N), rtol=0.15)


def test_absolute_regret(case: Case, columns: Columns) -> None:
    median = case.law.median()
    exact = case.expect(lambda x: abs(x - case.map)) / case.expect(lambda x: abs(x - median)) - 1
    # The sample's median has a smaller loss than the law's: f(median) Var(median)/E|x − median|, 1/n.
    bias = 0.25 / case.law.pdf(median) / case.expect(lambda x: abs(x - median)) / N
    within(columns["absolute_regret"], exact, columns["absolute_regret_mcse"], bias=bias)
    assert np.all(columns["absolute_regret"] >= 0)


def test_sign_probability(case: Case, columns: Columns) -> None:
    if case.law.ppf(0) < 0:
        within(columns["sign_probability"], case.law.sf(0), columns["sign_probability_mcse"])
    else:
        assert np.all(columns["sign_probability"] == 1)


def test_skewness(case: Case, columns: Columns) -> None:
    mean, sd = case.law.mean(), case.sd
    skew = float(case.law.stats("s"))

    def influence(x: float) -> float:
        v = (x - mean) / sd
        return (v**3 - skew - 3 * v - 1.5 * skew * (v**2 - 1)) ** 2

    within(columns["skewness"], skew, np.sqrt(case.expect(influence) / N))


def test_entropy_and_width(case: Case, columns: Columns) -> None:
    exact = float(case.law.entropy())
    error = np.sqrt(case.expect(lambda x: (-case.law.logpdf(x) - exact) ** 2) / N)
    # Vasicek's estimator, windows of m = √n + ½: its bias under a uniform law, which no law escapes.
    m = int(np.sqrt(N) + 0.5)
    edges = 2 / N * digamma(np.arange(m, 2 * m)).sum()
    bias = abs(np.log(N) - np.log(2 * m) + (1 - 2 * m / N) * digamma(2 * m) - digamma(N + 1) + edges)
    within(columns["entropy"], exact, error, bias=2 * bias)
    np.testing.assert_array_equal(columns["width"], np.exp(columns["entropy"]))


def test_contraction(case: Case, columns: Columns) -> None:
    within(columns["contraction"], 1 - (case.sd / case.prior.std()) ** 2, columns["contraction_mcse"])


def test_laplace(case: Case, columns: Columns) -> None:
    sample = np.asarray(case.laplace.ppf((np.arange(N) + 0.5) / N))
    np.testing.assert_allclose(columns["laplace_mean"], sample.mean(), rtol=1e-12)
    np.testing.assert_allclose(columns["laplace_sd"], sample.std(ddof=1), rtol=1e-12)
    np.testing.assert_allclose(columns["laplace_lb"], np.quantile(sample, 0.03), rtol=1e-12)
    np.testing.assert_allclose(columns["laplace_ub"], np.quantile(sample, 0.97), rtol=1e-12)
    within(columns["sd_ratio"], sample.std(ddof=1) / case.sd, columns["sd_ratio_mcse"])


def test_w1(case: Case, columns: Columns) -> None:
    # By the triangle inequality sampling moves it by at most W1 of the draws and their own law: the null of one sample.
    one_sample = columns["w1_null"] / np.sqrt(2)
    within(columns["w1"], case.w1, columns["w1_mcse"], bias=one_sample)


def test_w1_of_laws_apart_has_no_bias() -> None:
    case = CASES["gamma"]
    x = draw(case.law, (4, DRAWS, K), np.random.default_rng(3))
    shifted = case.law.ppf((np.arange(N) + 0.5) / N)[:, None] + np.full(K, 2 * case.sd)
    within(figures(x, case.map, laplace=shifted)[0]["w1"], 2.0, figures(x, case.map, laplace=shifted)[0]["w1_mcse"])


def test_the_error_of_w1_is_that_of_a_block_jackknife(case: Case) -> None:
    """To first order in a block's share of the draws, of twenty: 5 %. Distances well above their null."""
    x = draw(case.law, (4, 400, 10), np.random.default_rng(5), rho=0.4)
    laplace = np.repeat(case.law.ppf((np.arange(1600) + 0.5) / 1600)[:, None] * 1.2 + 0.3 * case.sd, 10, axis=1)
    columns, _ = figures(x, case.map, laplace=laplace)
    for i in range(10):
        flat = x[..., i].ravel()
        block = np.arange(1600) // 80
        kept = [flat[block != b] for b in range(20)]
        left_out = np.array([wasserstein_distance(rest, laplace[:, i]) / rest.std(ddof=1) for rest in kept])
        assert columns["w1"][i] == pytest.approx(wasserstein_distance(flat, laplace[:, i]) / flat.std(ddof=1), rel=1e-9)
        assert columns["w1_mcse"][i] == pytest.approx(jackknife_error(left_out), rel=0.05)


@pytest.mark.parametrize("n", [8, 40, 1000, 1004, 4000])
def test_entropy_is_scipys(n: int) -> None:
    x = draw(CASES["gamma"].law, (4, n // 4, 3), np.random.default_rng(6))
    columns, _ = figures(x, 1.0)
    exact = differential_entropy(x.reshape(-1, 3), axis=0)
    np.testing.assert_allclose(columns["entropy"], exact, rtol=1e-10)


def test_w1_null_is_what_two_samples_of_one_law_give(case: Case) -> None:
    k = 100
    rng = np.random.default_rng(4)
    columns, _ = figures(draw(case.law, (4, 500, k), rng), case.map, laplace=draw(case.law, (1, 2000, k), rng)[0])
    error = columns["w1"].std() / np.sqrt(k)
    # The null's integral ends at the outermost draws; beyond lies less than 1/√n of it: 2 %.
    assert abs(columns["w1"].mean() - columns["w1_null"].mean()) < 4 * error + columns["w1_null"].mean() / np.sqrt(2000)


def test_shifts(case: Case, columns: Columns) -> None:
    total = columns["shift_coordinates"] + columns["shift_pushforward"] + columns["shift_shape"]
    np.testing.assert_allclose(total, -columns["z"], rtol=0, atol=1e-12)
    # Shifts are taken in the draws' sd: divided by it they are exact.
    scale = columns["sd"] / case.sd
    exact = (case.map_unconstrained - case.map) / case.sd
    np.testing.assert_allclose(columns["shift_coordinates"] * scale, exact, rtol=1e-12, atol=1e-12)
    laplace = float(np.mean(case.laplace.ppf((np.arange(N) + 0.5) / N)))
    exact = (laplace - case.map_unconstrained) / case.sd
    np.testing.assert_allclose(columns["shift_pushforward"] * scale, exact, rtol=1e-12, atol=1e-12)
    within(columns["shift_shape"] * scale, (case.law.mean() - laplace) / case.sd, columns["shift_shape_mcse"] * scale)


@pytest.mark.parametrize("p", [0.02, 0.65, 0.9])
@pytest.mark.parametrize("name", ["normal", "gamma", "beta", "exponential"])
def test_hdi_level_by_quadrature(name: str, p: float) -> None:
    """Off the mode: within 5 errors, beside what the kernel's width alone does to the level (by quadrature) and a cell.

    A level is a sum of whole cells, of which one may be wrong at each side; the grid spans the draws.
    """
    case = exponential() if name == "exponential" else CASES[name]
    p = 0.35 if name == "exponential" and p == 0.02 else p  # 0.02 is at its mode
    at = float(case.law.ppf(p))
    x = draw(case.law, (4, DRAWS, K), np.random.default_rng(8))
    columns, _ = figures(x, at)
    exact = case.hdi_level(at)
    if name == "normal":
        assert exact == pytest.approx(abs(2 * p - 1), abs=1e-3)
    widest = 0.2 * case.sd  # Silverman's rule at n = 4,000 is 0.17 sd, and the other half of the bandwidth is narrower
    bias = max(abs(case.hdi_level(at, h) - exact) for h in np.linspace(0.05, 1, 20) * widest)
    cell = 2 * case.law.pdf(at) * np.ptp(x, axis=(0, 1)) / GRID
    within(columns["hdi_level"], exact, columns["hdi_level_mcse"], bias=bias + cell)
    assert np.median(columns["hdi_level_mcse"]) < 0.1


def test_hdi_level_at_a_mode_is_biased_as_its_docstring_says() -> None:
    case = CASES["normal"]
    levels = replicates(case, 200, DRAWS, seed=9)["hdi_level"]
    assert f"{levels.mean():.2f} ± {levels.std():.2f}" == "0.07 ± 0.05"


def test_hdi_level_outlives_heavy_tails() -> None:
    """A grid over 4,000 Cauchy draws has cells of hundreds of quartile ranges: their bulk would share one."""
    at = 1.0  # at the upper quartile: half the mass is denser
    x = np.random.default_rng(8).standard_cauchy((4, DRAWS, K))
    columns, _ = figures(x, at)
    # A cell is a 66th of a unit at each side, and holds 0.02.
    assert np.all(np.abs(columns["hdi_level"] - 0.5) < 5 * columns["hdi_level_mcse"] + 0.02)
    assert np.median(columns["hdi_level_mcse"]) < 0.1
    far, _ = figures(x, 1e6)
    assert np.all(far["hdi_level"] > 0.99)


def test_hdi_level_is_zero_where_the_mode_is_the_edge() -> None:
    """A kernel that does not reflect halves the density at the edge, which gives a MAP of 0 a level of 1.00."""
    columns, _ = figures(draw(exponential().law, (4, DRAWS, K), np.random.default_rng(8)), 0.0)
    assert np.median(columns["hdi_level"]) == 0
    # Bandwidth h leaves the edge flat to h/2 or so, and noise there is √(1/(n h)): levels stay below both.
    assert np.max(columns["hdi_level"]) < 0.2


@pytest.mark.parametrize("interval", [0.5, 0.89, 0.94])
def test_summary_is_arviz(interval: float) -> None:
    rng = np.random.default_rng(11)
    x = np.concatenate([draw(case.law, (4, 250, 2), rng, rho=0.5) for case in CASES.values()], axis=-1)
    columns, _ = figures(x, 1.0, interval=interval)
    for i in range(x.shape[-1]):
        one = x[..., i]
        hdi, eti = (array_stats.hdi(one, interval, axis=(0, 1)), array_stats.eti(one, interval, axis=(0, 1)))
        theirs = {
            "mean": one.mean(),
            "sd": one.std(ddof=1),
            "median": np.median(one),
            "eti_lb": eti[0],
            "eti_ub": eti[1],
            "hdi_lb": hdi[0],
            "hdi_ub": hdi[1],
            "mcse_mean": array_stats.mcse(one, method="mean"),
            "mcse_sd": array_stats.mcse(one, method="sd"),
            "ess_bulk": array_stats.ess(one, method="bulk"),
            "ess_tail": array_stats.ess(one, method="tail", prob=(0.05, 0.95)),
            "r_hat": array_stats.rhat(one),
        }
        for name, value in theirs.items():
            np.testing.assert_allclose(columns[name][i], value, rtol=1e-8, err_msg=name)


def test_points_are_passed_on(tables: dict[str, Columns]) -> None:
    columns = tables["gamma"]
    assert np.all(columns["map"] == CASES["gamma"].map)
    assert np.all(columns["map_unconstrained"] == CASES["gamma"].map_unconstrained)
    assert np.isnan(columns["mle"]).all()


def test_blocks_of_scalars_are_seamless(monkeypatch: pytest.MonkeyPatch) -> None:
    from bayescompare.metrics import table

    x = draw(CASES["gamma"].law, (2, 50, 7), np.random.default_rng(1))
    together, _ = figures(x, 1.0, laplace=x[0], prior=x[1])
    monkeypatch.setattr(table, "BLOCK", 3)
    apart, _ = figures(x, 1.0, laplace=x[0], prior=x[1])
    for name in together:
        np.testing.assert_array_equal(together[name], apart[name], err_msg=name)


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    x = np.random.default_rng(1).standard_normal(20)
    left_out = (x.sum() - x) / 19
    assert jackknife_error(left_out) == pytest.approx(x.std(ddof=1) / np.sqrt(20), rel=1e-12)
