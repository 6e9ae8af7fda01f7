"""A Gaussian process: against SciPy's multivariate normal, posteriordb's reference draws, and plug-in predictions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, known, quadrature

X, Y = (np.array(load("gp_regression")[name], dtype=float) for name in ("x", "y"))

# posteriordb, gp_pois_regr-gp_regr: mean, sd and effective number of the reference draws; the best mode known.
REFERENCE = {"rho": (6.87435, 1.26576, 9849), "alpha": (2.44240, 0.78183, 10112), "sigma": (1.82873, 0.50502, 10083)}
MODE = [6.638510, 2.074646, 1.654765]


def kernel(a: Array, b: Array, rho: float, alpha: float) -> Array:
    return np.asarray(alpha**2 * np.exp(-((a[:, None] - b) ** 2) / (2 * rho**2)))


def logp(p: Point) -> float:
    covariance = kernel(X, X, p["rho"], p["alpha"]) + p["sigma"] * np.eye(len(X))
    return float(
        stats.gamma(25, scale=1 / 4).logpdf(p["rho"])
        + stats.halfnorm(scale=2).logpdf(p["alpha"])
        + stats.halfnorm.logpdf(p["sigma"])
        + stats.multivariate_normal(np.zeros(len(X)), covariance).logpdf(Y)
    )


def test_density_and_sizes() -> None:
    assert_builds(models.gaussian_process, logp)


def test_map_is_posteriordbs() -> None:
    fit = bc.fit(models.gaussian_process(), "map")
    assert fit.status == "ok"
    np.testing.assert_allclose(fit.estimate, MODE, rtol=1e-5)


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="gaussian_process: rho_rate is 0"):
        models.gaussian_process(rho_rate=0)
    with pytest.raises(DataError, match="gaussian_process: no column 'y'"):
        models.gaussian_process({"x": [1, 2]})


def function_sd(at: float, rho: float, alpha: float, sigma: float) -> tuple[float, float]:
    """Mean and sd of the function at a point, given the hyperparameters."""
    covariance = kernel(X, X, rho, alpha) + sigma * np.eye(len(X))
    cross = kernel(np.array([at]), X, rho, alpha)[0]
    weights = np.linalg.solve(covariance, cross)
    return float(weights @ Y), float(np.sqrt(alpha**2 - weights @ cross))


@pytest.mark.slow
def test_finding() -> None:
    result = bc.compare(models.gaussian_process, random_seed=1)
    nuts = result.fits["nuts"]
    assert_posterior(result.table, known(list(REFERENCE), *np.transpose(list(REFERENCE.values()))))
    for name, z in (("alpha", -0.45), ("sigma", -0.36)):
        assert result.table.loc[name, "z"] == pytest.approx(z, abs=0.08)
    # posteriordb's draws, too: the mode's rank among them.
    for name, rank in (("rho", 0.451), ("alpha", 0.360), ("sigma", 0.405)):
        assert result.table.loc[name, "rank"] == pytest.approx(rank, abs=0.03)

    assert nuts.draws is not None
    draws = nuts.draws.reshape(-1, 3)[::8]
    for at, ratio in ((0.0, 0.93), (14.0, 0.86)):
        _, plugged = function_sd(at, *MODE)
        means, sds = np.array([function_sd(at, *draw) for draw in draws]).T
        assert plugged / np.sqrt(np.mean(sds**2) + means.var()) == pytest.approx(ratio, abs=0.03)


@pytest.mark.slow
def test_posterior_is_that_of_a_quadrature() -> None:
    def density(points: Array) -> Array:
        rows = [dict(zip(("rho", "alpha", "sigma"), np.exp(row), strict=True)) for row in points]
        return np.array([logp(row) for row in rows]) + points.sum(axis=1)

    exact = quadrature(density, np.linspace(1, 2.8, 25), np.linspace(-1.2, 2.4, 25), np.linspace(-1.2, 1.9, 25))
    x = np.exp(exact.points)
    for i, (mean, sd, effective) in enumerate(REFERENCE.values()):
        assert exact.mean(x)[i] == pytest.approx(mean, abs=5 * sd / np.sqrt(effective))
        assert exact.sd(x)[i] == pytest.approx(sd, rel=0.03)
