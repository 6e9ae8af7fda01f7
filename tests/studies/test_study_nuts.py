"""NUTS as an arm: its figures against ArviZ, and its ranks by simulation-based calibration."""

from __future__ import annotations

from pathlib import Path

import arviz_stats
import numpy as np
import pytest
from scipy import stats

import bayescompare as bc
from bayescompare.studies import measures
from bayescompare.studies.nuts_arm import RANKED, summarised
from bayescompare.studies.summary import Measure

HERE = Path(__file__).parent


def correlated(rng: np.random.Generator, k: int = 3, chains: int = 4, length: int = 500) -> np.ndarray:
    """AR(1) chains of shape (chains, draws, k)."""
    x = rng.normal(size=(chains, length, k))
    for t in range(1, length):
        x[:, t] = 0.5 * x[:, t - 1] + np.sqrt(0.75) * x[:, t]
    return 3.0 + x * np.arange(1, k + 1)


def test_figures_are_those_of_arviz_and_numpy() -> None:
    rng = np.random.default_rng(0)
    draws, truth = correlated(rng), np.array([3.0, np.nan, 100.0])
    found = summarised(draws, truth, (0.5, 0.9), rng)
    flat = draws.reshape(-1, 3)
    assert found["estimate"] == pytest.approx(flat.mean(axis=0), rel=1e-12)
    assert found["sd"] == pytest.approx(flat.std(axis=0, ddof=1), rel=1e-12)
    assert np.allclose(found["lower"], np.quantile(flat, [0.25, 0.05], axis=0), rtol=1e-12)
    assert np.allclose(found["upper"], np.quantile(flat, [0.75, 0.95], axis=0), rtol=1e-12)
    for j in range(3):
        own = arviz_stats.base.array_stats
        assert found["mcse_mean"][j] == pytest.approx(float(own.mcse(draws[..., j], method="mean")), rel=1e-8)
        assert found["mcse_sd"][j] == pytest.approx(float(own.mcse(draws[..., j], method="sd")), rel=2e-3)
    assert np.isnan(found["rank"][1])
    assert RANKED / (RANKED + 1) <= found["rank"][2] <= 1


def test_ranks_of_exact_draws_are_uniform_and_continuous() -> None:
    rng = np.random.default_rng(1)
    ranks = np.array(
        [summarised(rng.normal(size=(2, 10, 1)), rng.normal(size=1), (0.9,), rng)["rank"][0] for _ in range(2000)]
    )
    assert stats.kstest(ranks, "uniform").pvalue > 0.001
    assert len(np.unique(ranks)) == 2000


def of(rows: list[Measure], measure: str, parameter: str = "mu") -> Measure:
    return next(row for row in rows if row.measure == measure and row.parameter == parameter)


@pytest.fixture(scope="module")
def calibrated() -> bc.StudyResult:
    """A conjugate model, 200 replicates."""
    plan = bc.Plan(
        f"{HERE / 'conjugate.py'}:normal",
        replicates=200,
        methods=("nuts",),
        seed=1,
        sampler=bc.SamplerOptions(draws=250, tune=250),
    )
    return bc.study(plan, executor="serial")


def test_nuts_is_calibrated_on_a_conjugate_model(calibrated: bc.StudyResult) -> None:
    rows = calibrated.rows()
    assert of(rows, "sbc_p").value > 0.001
    assert of(rows, "sbc_chi2_p").value > 0.001
    for level in (50, 90):
        held = of(rows, f"coverage_{level}")
        assert held.value == pytest.approx(level / 100, abs=4 * np.sqrt(level / 100 * (1 - level / 100) / 200))
        assert (held.n, held.failed) == (200, 0)
    # Of the posterior mean of a conjugate normal the mean squared error is the posterior variance, 1/(n + 1).
    found = of(rows, "rmse")
    assert found.value == pytest.approx(np.sqrt(1 / 5), abs=4 * (found.mcse or 0))
    assert of(rows, "bias").value == pytest.approx(0, abs=4 * (of(rows, "bias").mcse or 0))
    assert of(rows, "width_90").value == pytest.approx(2 * 1.6449 * np.sqrt(1 / 5), rel=0.01)
    assert of(rows, "seconds", "").value > 0


def test_a_sampler_with_half_the_sd_is_caught(calibrated: bc.StudyResult) -> None:
    frame = calibrated.cells()
    ranks = stats.norm.cdf((frame["truth"] - frame["estimate"]) / (0.5 * frame["sd"]))
    assert measures.uniformity(np.asarray(ranks)).p.value < 0.001


def test_ranks_for_plots(calibrated: bc.StudyResult) -> None:
    ranks = calibrated.ranks(0, "nuts", "mu")
    assert ranks.tolist() == calibrated.cells()["rank"].tolist()
    found = measures.ecdf(ranks)
    assert ((found["ecdf"] >= found["lower"]) & (found["ecdf"] <= found["upper"])).all()
