"""Lake Huron: against SciPy's densities, statsmodels' ARIMA, and quadrature with the mean integrated out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, known, quadrature

LEVEL = np.array(load("lake_huron")["level"])
SCALE = 5 * LEVEL.std()


def logp(p: Point) -> float:
    expected = p["mean"] + p["phi"] * (LEVEL[:-1] - p["mean"])
    return float(
        stats.norm(LEVEL.mean(), SCALE).logpdf(p["mean"])
        + stats.uniform.logpdf(p["phi"])
        + stats.halfnorm(scale=SCALE).logpdf(p["sigma"])
        + stats.norm(p["mean"], p["sigma"] / np.sqrt(1 - p["phi"] ** 2)).logpdf(LEVEL[0])
        + stats.norm(expected, p["sigma"]).logpdf(LEVEL[1:]).sum()
    )


def test_density_and_sizes() -> None:
    model = assert_builds(models.ar, logp)
    assert model.coords["year"] == tuple(range(1875, 1973))


def test_mle_is_statsmodels() -> None:
    mle = bc.fit(models.ar(), "mle")
    assert mle.status == "ok"
    # statsmodels 0.15.0, ARIMA(1, 0, 0): constant, ar.L1, sigma2, log-likelihood.
    assert mle.values["mean"] == pytest.approx(579.11508, abs=1e-4)
    assert mle.values["phi"] == pytest.approx(0.8375567, abs=1e-5)
    assert mle.values["sigma"] ** 2 == pytest.approx(0.5092864, rel=1e-5)
    assert mle.log_density == pytest.approx(-106.59797470, abs=1e-6)
    mode = bc.fit(models.ar(), "map")
    assert mode.status == "ok"
    assert mode.values["half_life"] == pytest.approx(3.91, abs=0.005)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"year": [1, 2, 4], "level": [1, 2, 3]}, "ar: column 'year' must rise by 1"),
        ({"year": [1, 2], "level": [1, 2]}, "over three rows or more"),
        ({"year": [1, 2, 3], "level": [1, 1, 1]}, "ar: column 'level' has the same value"),
        ({"year": [1, 2, 3]}, "ar: no column 'level'"),
    ],
)
def test_wrong_data(data: dict[str, list[int]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        models.ar(data)


@pytest.mark.slow
def test_finding() -> None:
    def density(points: Array) -> Array:
        """Of logit(phi) and log(sigma); the mean is integrated out (it is normal given both)."""
        phi, sigma = special.expit(points[:, 0]), np.exp(points[:, 1])
        y, n = LEVEL - LEVEL.mean(), len(LEVEL)
        first, rest = 1 - phi**2, 1 - phi
        a = first + (n - 1) * rest**2
        b = first * y[0] + rest * (y[1:].sum() - phi * y[:-1].sum())
        c = first * y[0] ** 2 + (y[1:] ** 2).sum() - 2 * phi * (y[1:] @ y[:-1]) + phi**2 * (y[:-1] ** 2).sum()
        precision = a / sigma**2 + 1 / SCALE**2
        log_lik = -n * np.log(sigma) + np.log(first) / 2 - c / (2 * sigma**2)
        log_lik += (b / sigma**2) ** 2 / (2 * precision) - np.log(precision) / 2
        prior = -(sigma**2) / (2 * SCALE**2)
        return np.asarray(log_lik + prior + np.log(phi * (1 - phi)) + np.log(sigma))

    exact = quadrature(density, np.linspace(-1, 9, 1001), np.linspace(-0.9, 0.4, 201))
    phi, sigma = special.expit(exact.points[:, 0]), np.exp(exact.points[:, 1])
    half_life = np.log(0.5) / np.log(phi)
    quantiles = [exact.quantile(half_life, q) for q in (0.03, 0.5, 0.97)]
    assert quantiles == pytest.approx([2.4, 4.5, 18], rel=0.02)

    result = bc.compare(models.ar, random_seed=1)

    values = np.column_stack([phi, sigma])
    assert_posterior(result.table, known(("phi", "sigma"), exact.mean(values), exact.sd(values)))
    row = result.table.loc["half_life"]
    assert row["median"] == pytest.approx(quantiles[1], rel=0.08)
    assert row["map"] == pytest.approx(3.91, abs=0.01)
    assert result.table.loc["phi", "z"] == pytest.approx(-0.34, abs=0.08)
