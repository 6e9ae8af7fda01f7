"""Robust regression: against SciPy's density, statsmodels' t regression, and importance sampling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, importance, known

DATA = {name: np.array(column, dtype=float) for name, column in load("stackloss").items()}
NAMES = ("air_flow", "water_temperature", "acid")
X = np.column_stack([stats.zscore(DATA[name]) for name in NAMES])


def logp(p: Point, nu: float = 4.0) -> float:
    return float(
        stats.norm(0, 100).logpdf(p["intercept"])
        + stats.norm(0, 100).logpdf(p["beta"]).sum()
        + stats.halfnorm(scale=50).logpdf(p["sigma"])
        + stats.t(nu, p["intercept"] + X @ p["beta"], p["sigma"]).logpdf(DATA["loss"]).sum()
    )


@pytest.mark.parametrize("nu", [4.0, 1.0])
def test_density_and_sizes(nu: float) -> None:
    model = assert_builds(
        models.robust_regression, lambda p: logp(p, nu), parameters=models.robust_regression.parameters, nu=nu
    )
    assert model.coords["predictor"] == NAMES


# statsmodels 0.15.0, TLinearModel with df fixed, by Nelder-Mead and then BFGS: the log-likelihood at its top, and there
# intercept, beta and sigma.
STATSMODELS = {
    4.0: (-51.42333743, 17.51267383, 7.66865995, 2.29885405, -0.60203717, 2.02453390),
    1.0: (-49.58101993, 17.26502872, 7.62227103, 1.50774178, -0.35719137, 0.87324557),
}


@pytest.mark.parametrize("nu", STATSMODELS)
def test_mle_is_statsmodels(nu: float) -> None:
    log_lik, *estimate = STATSMODELS[nu]
    mle = bc.fit(models.robust_regression(nu=nu), "mle")
    assert mle.status == "ok"
    assert mle.log_density == pytest.approx(log_lik, abs=1e-6)
    np.testing.assert_allclose(mle.estimate, estimate, rtol=1e-4)
    np.testing.assert_allclose(bc.fit(models.robust_regression(nu=nu), "map").estimate, estimate, rtol=5e-3)


def test_days_1_3_4_and_21_are_the_outliers() -> None:
    fit = bc.fit(models.robust_regression(nu=1.0), "map")
    residual = DATA["loss"] - fit.estimate[0] - X @ fit.estimate[1:4]
    assert set(np.argsort(np.abs(residual))[-4:] + 1) == {1, 3, 4, 21}


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="robust_regression: nu is 0, but must be above 0"):
        models.robust_regression(nu=0)
    with pytest.raises(DataError, match="robust_regression: no column 'loss'"):
        models.robust_regression({"x": [1, 2]})


@pytest.mark.slow
@pytest.mark.parametrize(("nu", "ratio"), [(4.0, 0.81), (1.0, 0.48)])
def test_finding(nu: float, ratio: float) -> None:
    def in_log_sigma(z: Array) -> Array:
        fitted, sigma = z[:, :1] + z[:, 1:4] @ X.T, np.exp(z[:, 4])
        log_lik = stats.t(nu, fitted, sigma[:, None]).logpdf(DATA["loss"]).sum(axis=1)
        return np.asarray(log_lik - (z[:, :4] ** 2).sum(axis=1) / 2e4 - sigma**2 / 5e3 + z[:, 4])

    model = models.robust_regression(nu=nu)
    result = bc.compare(model, random_seed=1)
    mode = result.fits["unconstrained_map"].estimate
    exact = importance(in_log_sigma, np.append(mode[:4], np.log(mode[4])))
    x = exact.points.copy()
    x[:, 4] = np.exp(x[:, 4])
    names = result.fits["map"].names
    mean, sd = exact.mean(x), exact.sd(x)
    assert_posterior(result.table, known(names, mean, sd, exact.effective))
    table = result.table
    assert table.loc["sigma", "z"] == pytest.approx(-0.97, abs=0.1)
    assert table.loc["beta[air_flow]", "sd_ratio"] == pytest.approx(ratio, abs=0.05)
    assert (table["sd_ratio"] < 0.9).all()
