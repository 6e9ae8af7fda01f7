"""State elections: against importance sampling over the five scales, all 182 effects integrated out exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.state_elections import state_elections
from scipy import linalg, optimize, stats

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

DATA = {name: np.array(column) for name, column in load("state_elections").items()}
S, R, T = (DATA[name] - 1 for name in ("state", "region", "year"))
Y = np.log(DATA["share"] / (1 - DATA["share"]))
SCALES = ("state", "region", "year", "region_year", "y")

#: mu, states, regions, years and regions' years as columns of 0 and 1.
Z = np.column_stack([np.ones(550), np.eye(50)[S], np.eye(10)[R], np.eye(11)[T], np.eye(110)[11 * R + T]])
BLOCKS = np.repeat(np.arange(5), [1, 50, 10, 11, 110])
GRAM, CROSS = Z.T @ Z, Z.T @ Y


def logp(p: Point) -> float:
    sigma = {name: p[f"sigma_{name}"] for name in SCALES}
    mean = p["mu"] + sigma["state"] * p["state_t"][S] + sigma["region"] * p["region_t"][R]
    mean = mean + sigma["year"] * p["year_t"][T] + sigma["region_year"] * p["region_year_t"][R, T]
    effects = sum(stats.norm.logpdf(p[f"{name}_t"]).sum() for name in SCALES[:4])
    scales = stats.halfnorm(scale=0.5).logpdf(list(sigma.values())).sum()
    return float(stats.norm.logpdf(p["mu"]) + scales + effects + stats.norm(mean, sigma["y"]).logpdf(Y).sum())


def solve(sigma: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Given the scales: the effects in units of their sds, log determinant of their precision, the quadratic form.

    The quadratic form is the least of |y - Z D t|² / sigma_y² + |t|², D holding the sds, which are 1 for mu.
    """
    sd = np.r_[1.0, sigma[:4]][BLOCKS]
    factor = linalg.cho_factor(np.eye(len(sd)) + sd[:, None] * GRAM * sd / sigma[4] ** 2, lower=True)
    t = linalg.cho_solve(factor, sd * CROSS / sigma[4] ** 2)
    return t, 2 * np.log(np.diag(factor[0])).sum(), (Y @ Y - t @ (sd * CROSS)) / sigma[4] ** 2


def joint(log_sigma: np.ndarray) -> float:
    """The joint log density at the best effects, given the scales; up to a constant."""
    sigma = np.exp(log_sigma)
    return float(-550 * log_sigma[4] - solve(sigma)[2] / 2 - (sigma**2).sum() / (2 * 0.5**2))


def marginal(log_sigma: np.ndarray) -> float:
    """Log posterior of the log scales, Jacobian included, up to a constant."""
    sigma = np.exp(log_sigma)
    _, log_determinant, quadratic = solve(sigma)
    prior = -(sigma**2).sum() / (2 * 0.5**2) + log_sigma.sum()
    return float(-550 * log_sigma[4] - log_determinant / 2 - quadratic / 2 + prior)


def exact(draws: int = 4000) -> pd.DataFrame:
    """Posterior figures by importance sampling from a Student t at the marginal mode, with their own errors."""
    start = np.log([0.15, 0.27, 0.18, 0.16, 0.13])
    found = optimize.minimize(lambda x: -marginal(x), start, method="BFGS", options={"gtol": 1e-3})
    proposal = stats.multivariate_t(found.x, 1.2 * found.hess_inv, df=7, seed=np.random.default_rng(6))
    x = proposal.rvs(draws)
    log_weight = np.array([marginal(row) for row in x]) - proposal.logpdf(x)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    sigma = np.exp(x)
    national, regional = sigma[:, 2] ** 2, sigma[:, 2] ** 2 + sigma[:, 3] ** 2
    variance = regional + sigma[:, 4] ** 2
    values = np.column_stack([sigma, np.sqrt(variance), regional / variance, national / variance])
    mean = weight @ values
    square = (values - mean) ** 2
    spread = weight @ square
    figures = {
        "mean": mean,
        "sd": np.sqrt(spread),
        "mean_error": np.sqrt(weight**2 @ square),
        "sd_error": np.sqrt(weight**2 @ (square - spread) ** 2) / (2 * np.sqrt(spread)),
    }
    pairs = ["correlation[one region]", "correlation[two regions]"]
    return pd.DataFrame(figures, index=[*(f"sigma_{name}" for name in SCALES), "swing_sd", *pairs])


def test_builds() -> None:
    model = assert_builds(state_elections, logp)
    assert model.named_vars_to_dims["region_year_t"] == ("region", "year")
    assert model.named_vars_to_dims["correlation"] == ("pair",)
    assert model.coords["state"] == tuple(range(1, 51))


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(state_elections, {"prior_scale": -1}, "above 0")
    right = {"share": [0.4, 0.6], "state": ["Ohio", "Utah"], "region": ["Midwest", "West"], "year": [2000, 2000]}
    assert state_elections(right).coords["region"] == ("Midwest", "West")
    assert_refuses_data(state_elections, {**right, "share": [0.4, 1.0]}, "'share' are 1 or above", "between 0 and 1")
    assert_refuses_data(state_elections, {**right, "share": [0.4, 0.0]}, "'share' are not above 0")
    assert_refuses_data(state_elections, {**right, "year": [2000]}, "share 2, state 2, region 2, year 1")


def test_map_is_scipys() -> None:
    """The joint mode by another way: given the scales all effects are linear, so five numbers are left to search."""
    start = np.log([0.7, 0.4, 0.4, 0.9, 0.1])
    options = {"xatol": 1e-7, "fatol": 1e-11, "maxiter": 5000, "adaptive": True}
    found = optimize.minimize(lambda x: -joint(x), start, method="Nelder-Mead", options=options)
    fit = bc.fit(state_elections, "map")
    assert fit.ok
    np.testing.assert_allclose([fit.values[f"sigma_{name}"] for name in SCALES], np.exp(found.x), rtol=1e-4)
    effects = solve(np.exp(found.x))[0]
    assert fit.values["mu"] == pytest.approx(effects[0], abs=1e-4)
    np.testing.assert_allclose([fit.values[f"state_t[{s}]"] for s in range(1, 51)], effects[1:51], atol=1e-4)


@pytest.mark.slow
def test_the_docstring_is_true() -> None:
    known = exact(1500)
    mode = bc.fit(state_elections, "map").values
    told = {
        "correlation[two regions]": (0.18, 0.46, 0.13),
        "swing_sd": (1.03, 0.28, 0.04),
        "sigma_region_year": (0.93, 0.16, 0.01),
    }
    for name, (at_mode, mean, sd) in told.items():
        assert round(mode[name], 2) == at_mode
        assert known.loc[name, "mean"] == pytest.approx(mean, abs=0.005 + 4 * known.loc[name, "mean_error"])
        assert known.loc[name, "sd"] == pytest.approx(sd, abs=0.005 + 4 * known.loc[name, "sd_error"])
    assert [round(100 / (1 + np.exp(-x))) for x in (1.03, 0.28)] == [74, 57]


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(state_elections, random_seed=1)
    assert_posterior(result.table, exact())
    assert result.table.loc[["sigma_state", "sigma_region_year"], "rank"].min() == 1
    assert result.table.loc["correlation[two regions]", "rank"] < 0.05
    assert str(result.verdict.layers["location"].state) == "differs"
