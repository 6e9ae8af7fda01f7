"""Survival: against SciPy's density, lifelines' Weibull fit, and importance sampling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, importance, known

DATA = {name: np.array(column, dtype=float) for name, column in load("leukemia").items()}
SEEN = DATA["relapse"] == 1


def log_likelihood(intercept: float, beta: float, shape: float) -> float:
    law = stats.weibull_min(shape, scale=np.exp(intercept + beta * DATA["mp6"]))
    return float(np.where(SEEN, law.logpdf(DATA["weeks"]), law.logsf(DATA["weeks"])).sum())


def logp(p: Point) -> float:
    return float(
        stats.norm(np.log(DATA["weeks"].mean()), 2.5).logpdf(p["intercept"])
        + stats.norm(0, 2.5).logpdf(p["beta"]).sum()
        + stats.lognorm(1).logpdf(p["shape"])
        + log_likelihood(p["intercept"], p["beta"][0], p["shape"])
    )


def test_density_and_sizes() -> None:
    assert_builds(models.survival, logp)
    assert (SEEN.sum(), (~SEEN & (DATA["mp6"] == 1)).sum()) == (30, 12)


def test_mle_is_lifelines() -> None:
    mle = bc.fit(models.survival(), "mle")
    assert mle.status == "ok"
    # lifelines 0.30.3, WeibullAFTFitter: lambda_ Intercept, lambda_ mp6, exp(rho_ Intercept), log-likelihood.
    assert list(mle.estimate[:3]) == pytest.approx([2.248348, 1.267332, np.exp(0.311709)], rel=1e-4)
    assert mle.log_density == pytest.approx(-106.5794916, abs=1e-4)


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="survival: prior_scale is 0, but must be above 0"):
        models.survival(prior_scale=0)
    with pytest.raises(DataError, match="survival: no column 'relapse'"):
        models.survival({"weeks": [1, 2], "x": [0, 1]})
    with pytest.raises(DataError, match="survival: 1 of the 2 values in column 'relapse' are not 0 or 1"):
        models.survival({"weeks": [1, 2], "x": [0, 1], "relapse": [0, 2]})


@pytest.mark.slow
def test_finding() -> None:
    def in_log_shape(z: Array) -> Array:
        shape = np.exp(z[:, 2])[:, None]
        log_t = np.log(DATA["weeks"]) - z[:, :1] - z[:, 1:2] * DATA["mp6"]
        log_lik = SEEN * (z[:, 2:] - np.log(DATA["weeks"]) + shape * log_t) - np.exp(shape * log_t)
        prior = -((z[:, 0] - np.log(DATA["weeks"].mean())) ** 2) / 12.5 - z[:, 1] ** 2 / 12.5 - z[:, 2] ** 2 / 2
        return np.asarray(log_lik.sum(axis=1) + prior)

    result = bc.compare(models.survival, random_seed=1)
    mode = result.fits["unconstrained_map"].estimate
    exact = importance(in_log_shape, np.append(mode[:2], np.log(mode[2])))
    shape, treated = np.exp(exact.points[:, 2]), np.exp(exact.points[:, 0] + exact.points[:, 1])
    year = np.exp(-((52 / treated) ** shape))
    columns = np.column_stack([exact.points[:, :2], shape, treated * np.log(2) ** (1 / shape), year])
    names = ("intercept", "beta[mp6]", "shape", "median_mp6", "year_mp6")
    mean, sd = exact.mean(columns), exact.sd(columns)
    assert_posterior(result.table, known(names, mean, sd, exact.effective))

    table = result.table
    assert table.loc["year_mp6", "map"] == pytest.approx(0.167, abs=0.001)
    assert mean[4] == pytest.approx(0.21, abs=0.005)
    assert exact.quantile(year, 0.03) == pytest.approx(0.04, abs=0.01)
    assert exact.quantile(year, 0.97) == pytest.approx(0.45, abs=0.01)
    assert table.loc["year_mp6", "z"] == pytest.approx(-0.34, abs=0.06)
    assert (table.loc[["intercept", "beta[mp6]", "shape"], "z"].abs() < 0.25).all()
