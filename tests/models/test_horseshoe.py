"""Horseshoe: against an independent Gibbs sampler, which knows neither gradients nor the non-centred form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.horseshoe import horseshoe
from scipy import optimize, stats

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

TABLE = pd.DataFrame(load("diabetes"))
Y = stats.zscore(TABLE.pop("y").to_numpy(dtype=float))
PREDICTORS = list(TABLE.columns)
X = stats.zscore(TABLE.to_numpy(dtype=float))
NAMES = ["tau", "sigma", *(f"beta[{name}]" for name in PREDICTORS)]


def logp(p: Point) -> float:
    beta = p["tau"] * p["lam"] * p["z"]
    return float(
        stats.halfcauchy(scale=0.1).logpdf(p["tau"])
        + stats.halfcauchy.logpdf(p["lam"]).sum()
        + stats.norm.logpdf(p["z"]).sum()
        + stats.halfcauchy.logpdf(p["sigma"])
        + stats.norm(X @ beta, p["sigma"]).logpdf(Y).sum()
    )


def gibbs(draws: int, seed: int, tau_scale: float = 0.1) -> np.ndarray:
    """Draws of tau, sigma and beta, (draws, 12), after Makalic and Schmidt (2016): every conditional is standard.

    A half-Cauchy scale s is s² | a ~ InverseGamma(1/2, 1/a), a ~ InverseGamma(1/2, 1/scale²).
    """
    rng = np.random.default_rng(seed)

    def inverse_gamma(shape: float, rate: np.ndarray | float) -> np.ndarray:
        return rate / rng.gamma(shape, size=np.shape(rate))

    n, k = X.shape
    gram, cross = X.T @ X, X.T @ Y
    tau2, sigma2, lam2 = 0.01, 0.5, np.ones(k)
    a_tau, a_sigma, a_lam = 1.0, 1.0, np.ones(k)
    kept = np.empty((draws, k + 2))
    for i in range(-1000, draws):
        factor = np.linalg.cholesky(gram / sigma2 + np.diag(1 / (tau2 * lam2)))
        mean = np.linalg.solve(factor.T, np.linalg.solve(factor, cross / sigma2))
        beta = mean + np.linalg.solve(factor.T, rng.standard_normal(k))
        lam2 = inverse_gamma(1.0, 1 / a_lam + beta**2 / (2 * tau2))
        a_lam = inverse_gamma(1.0, 1 + 1 / lam2)
        tau2 = float(inverse_gamma((k + 1) / 2, 1 / a_tau + (beta**2 / lam2).sum() / 2))
        a_tau = float(inverse_gamma(1.0, 1 / tau_scale**2 + 1 / tau2))
        residual = Y - X @ beta
        sigma2 = float(inverse_gamma((n + 1) / 2, 1 / a_sigma + residual @ residual / 2))
        a_sigma = float(inverse_gamma(1.0, 1 + 1 / sigma2))
        if i >= 0:
            kept[i] = np.sqrt(tau2), np.sqrt(sigma2), *beta
    return kept


def exact(draws: int = 20_000) -> pd.DataFrame:
    """Posterior figures from four Gibbs chains; their errors from 20 batches of each chain."""
    chains = np.array([gibbs(draws, seed) for seed in range(4)])
    batches = chains.reshape(80, draws // 20, -1)
    mean, sd = chains.mean(axis=(0, 1)), chains.std(axis=(0, 1))
    mean_error = batches.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(80)
    sd_error = ((batches - mean) ** 2).mean(axis=1).std(axis=0, ddof=1) / np.sqrt(80) / (2 * sd)
    columns = {"mean": mean, "sd": sd, "mean_error": mean_error, "sd_error": sd_error}
    return pd.DataFrame(columns, index=NAMES)


def test_builds() -> None:
    model = assert_builds(horseshoe, logp)
    for name in ("lam", "z", "beta"):
        assert model.named_vars_to_dims[name] == ("predictor",)
    assert model.coords["predictor"] == tuple(PREDICTORS)


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(horseshoe, {"tau_scale": 0}, "above 0")
    assert_refuses_data(horseshoe, {"y": [1.0, 2]}, "no column beside 'y'")
    assert_refuses_data(horseshoe, {"y": [1.0, 2], "x": [3, 3]}, "'x' has the same value in every row")
    assert_refuses_data(horseshoe, {"y": [2.0, 2], "x": [3, 4]}, "'y' has the same value in every row")
    assert horseshoe({"y": [1.0, 2, 4], "height": [3, 2, 7]}).coords["predictor"] == ("height",)


def test_map_is_scipys() -> None:
    """The joint mode with the scale of s3 held at 0, by another way; and away from 0 that scale only loses."""

    def at(x: np.ndarray, lam_s3: float = 0.0) -> float:
        lam = np.insert(np.exp(x[2:11]), 6, lam_s3)
        z = np.insert(x[11:20], 6, x[20])
        return logp({"tau": np.exp(x[0]), "sigma": np.exp(x[1]), "lam": lam, "z": z})

    start = np.r_[0, -0.3, np.full(9, -1.0), np.array([0, -1, 1, 1, -1, 1, 1, 1, 0.3]), 0.0]
    found = optimize.minimize(lambda x: -at(x), start, method="BFGS", options={"gtol": 1e-5, "maxiter": 3000})
    fit = bc.fit(horseshoe, "map")
    assert fit.ok
    assert fit.values["lam[s3]"] == 0
    assert fit.values["tau"] == pytest.approx(np.exp(found.x[0]), rel=1e-3)
    assert fit.log_density == pytest.approx(-found.fun, abs=1e-5)
    for lam in (0.01, 0.1, 0.3):
        for z in (-0.5, 0.5):
            assert at(np.r_[found.x[:20], z], lam) < -found.fun


def test_the_docstring_is_true() -> None:
    mode = bc.fit(horseshoe, "map").values
    assert [round(mode[name], 2) for name in ("tau", "beta[s1]", "beta[s3]")] == [1.13, -0.35, 0]
    least_squares = np.linalg.lstsq(X, Y, rcond=None)[0]
    assert round(least_squares[PREDICTORS.index("s1")], 2) == -0.49
    known = exact(5_000)
    for name, mean, sd in (("beta[s1]", -0.11, 0.12), ("tau", 0.14, 0.08)):
        assert known.loc[name, "mean"] == pytest.approx(mean, abs=0.005 + 4 * known.loc[name, "mean_error"])
        assert known.loc[name, "sd"] == pytest.approx(sd, abs=0.005 + 4 * known.loc[name, "sd_error"])


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(horseshoe, random_seed=1)
    assert_posterior(result.table, exact())
    assert result.table.loc["tau", "rank"] > 0.999
    assert result.table.loc["beta[s1]", "z"] < -1.5
    assert str(result.verdict.layers["location"].state) == "differs"
