"""Capture-recapture: against SciPy's beta-binomial, published fits of the same data, and quadrature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize, special, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, known, quadrature

CAPTURES = np.array(load("cottontails")["captures"])
CAUGHT, NIGHTS, TRUTH = 76, 18, 135


def beta_binomial(p: Point) -> float:
    size = 1 / p["rho"] - 1
    law = stats.betabinom(NIGHTS, p["p"] * size, (1 - p["p"]) * size)
    return float(law.logpmf(CAPTURES).sum() - CAUGHT * np.log(law.sf(0)))


def binomial(p: Point) -> float:
    law = stats.binom(NIGHTS, p["p"])
    return float(law.logpmf(CAPTURES).sum() - CAUGHT * np.log(law.sf(0)))


@pytest.mark.parametrize(("heterogeneity", "expected", "free"), [("beta", beta_binomial, 2), ("none", binomial, 1)])
def test_density_and_sizes(heterogeneity: str, expected: Callable[[Point], float], free: int) -> None:
    assert_builds(models.capture_recapture, expected, parameters=free, heterogeneity=heterogeneity)
    assert np.bincount(CAPTURES)[1:].tolist() == [43, 16, 8, 6, 0, 2, 1]


def test_without_differences_as_others_have_fitted_it() -> None:
    fit = bc.fit(models.capture_recapture(heterogeneity="none"), "mle")
    assert fit.status == "ok"
    # The truncated binomial's mean is that of the data.
    p = optimize.brentq(lambda q: NIGHTS * q / (1 - (1 - q) ** NIGHTS) - CAPTURES.mean(), 1e-3, 0.5)
    assert fit.values["p"] == pytest.approx(p, rel=1e-6)
    assert fit.values["population"] == pytest.approx(CAUGHT / (1 - (1 - p) ** NIGHTS), rel=1e-6)
    # Program MARK and R's wiqid (closedCapM0) maximise over N as well: 96.26 and p = 0.0820. Close, but not the same.
    assert fit.values["population"] == pytest.approx(96.26, rel=0.02)
    assert fit.values["p"] == pytest.approx(0.0820, rel=0.02)


def test_map_is_that_of_a_search_by_scipy() -> None:
    found = optimize.minimize(
        lambda z: -beta_binomial({"p": special.expit(z[0]), "rho": special.expit(z[1])}),
        [-3.0, -3.0],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12},
    )
    fit = bc.fit(models.capture_recapture(), "map")
    assert fit.status == "ok"
    np.testing.assert_allclose(fit.estimate[:2], special.expit(found.x), rtol=1e-5)
    assert fit.values["population"] == pytest.approx(320.6, abs=0.1)


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="capture_recapture: heterogeneity is 'time'"):
        models.capture_recapture(heterogeneity="time")
    with pytest.raises(UsageError, match="capture_recapture: occasions is 1"):
        models.capture_recapture(occasions=1)
    with pytest.raises(DataError, match="an animal was caught 7 times in 5 occasions"):
        models.capture_recapture(occasions=5)
    with pytest.raises(DataError, match="capture_recapture: 1 of the 2 values in column 'captures' are not above 0"):
        models.capture_recapture({"captures": [0, 1]})


def population(points: Array) -> Array:
    p, rho = special.expit(points).T
    size = 1 / rho - 1
    return np.asarray(
        CAUGHT / -np.expm1(special.betaln(p * size, (1 - p) * size + NIGHTS) - special.betaln(p * size, (1 - p) * size))
    )


@pytest.mark.slow
def test_finding() -> None:
    def density(z: Array) -> Array:
        p, rho = special.expit(z).T
        a, b = p * (1 / rho - 1), (1 - p) * (1 / rho - 1)
        log_lik = sum(
            n * (special.betaln(k + a, NIGHTS - k + b) - special.betaln(a, b))
            for k, n in enumerate(np.bincount(CAPTURES))
            if n
        )
        missed = special.betaln(a, b + NIGHTS) - special.betaln(a, b)
        return np.asarray(log_lik - CAUGHT * np.log(-np.expm1(missed)) + np.log(p * (1 - p) * rho * (1 - rho)))

    exact = quadrature(density, np.linspace(-12, -1.5, 1500), np.linspace(-6, 0, 500))
    x, animals = special.expit(exact.points), population(exact.points)
    assert exact.quantile(animals, 0.5) == pytest.approx(288, rel=0.03)
    assert exact.quantile(animals, 0.03) == pytest.approx(128, rel=0.03)
    assert exact.quantile(animals, 0.97) > 3000

    result = bc.compare(models.capture_recapture, random_seed=1)

    assert_posterior(result.table, known(("p", "rho"), exact.mean(x), exact.sd(x)))
    row = result.table.loc["population"]
    assert row["map"] == pytest.approx(320.6, abs=0.1)
    assert row["median"] == pytest.approx(exact.quantile(animals, 0.5), rel=0.1)
    assert np.isnan(row["sd"])
    assert row["eti_lb"] < TRUTH < row["eti_ub"]


@pytest.mark.slow
def test_agreement_is_not_truth() -> None:
    result = bc.compare(models.capture_recapture(heterogeneity="none"), random_seed=1)
    row = result.table.loc["population"]
    assert abs(row["z"]) < 0.2
    assert row["sd_ratio"] == pytest.approx(1, abs=0.1)
    assert row["eti_ub"] < TRUTH - 20
