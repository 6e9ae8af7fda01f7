"""A change point: against SciPy's density summed over years, and the exact posterior (a mixture of gammas)."""

from __future__ import annotations

import numpy as np
import pytest
from bayescompare.templates.library.change_point import year_probabilities
from scipy import special, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Point, assert_builds, assert_posterior, known

YEARS, COUNTS = (np.array(load("coal")[name]) for name in ("year", "disasters"))
N = len(YEARS)


def logp(p: Point) -> float:
    early, late = stats.poisson(p["early"]).logpmf(COUNTS), stats.poisson(p["late"]).logpmf(COUNTS)
    by_year = [early[:first].sum() + late[first:].sum() for first in range(1, N)]
    prior = stats.expon.logpdf(p["early"]) + stats.expon.logpdf(p["late"])
    return float(special.logsumexp(by_year) - np.log(N - 1) + prior)


def test_density_and_sizes() -> None:
    assert_builds(models.change_point, logp)
    assert COUNTS.sum() == 191


def test_the_prior_predictive_has_one_change() -> None:
    import pymc as pm

    with models.change_point(rate=1e4):
        drawn = pm.draw(pm.modelcontext(None)["disasters"], 20, random_seed=1, mode="FAST_COMPILE")
    # At rates of thousands each series has two levels, far apart, and one step between them.
    for series in drawn:
        steps = np.abs(np.diff(np.sqrt(series))) > 8
        assert steps.sum() <= 1
    assert any((np.abs(np.diff(np.sqrt(series))) > 8).any() for series in drawn)


def test_year_probabilities() -> None:
    probabilities = year_probabilities(COUNTS)
    assert probabilities.sum() == pytest.approx(1)
    assert YEARS[1:][probabilities.argmax()] == 1892
    assert probabilities.max() == pytest.approx(0.245, abs=5e-4)
    # By quadrature over both rates, for the likeliest year and the first.
    grid = np.linspace(0.005, 8, 1600)
    early = stats.expon.logpdf(grid) + np.array([stats.poisson(r).logpmf(COUNTS) for r in grid]).cumsum(axis=1).T
    back = np.array([stats.poisson(r).logpmf(COUNTS)[::-1] for r in grid]).cumsum(axis=1)[:, ::-1].T
    late = stats.expon.logpdf(grid) + back
    marginal = special.logsumexp(early[:-1], axis=1) + special.logsumexp(late[1:], axis=1)
    np.testing.assert_allclose(probabilities, special.softmax(marginal), rtol=1e-4, atol=1e-12)


def test_map_is_that_of_a_grid() -> None:
    fit = bc.fit(models.change_point(), "map")
    assert fit.status == "ok"
    top = logp({"early": fit.values["early"], "late": fit.values["late"]})
    for early in (0.999, 1.001):
        for late in (0.999, 1.001):
            assert logp({"early": early * fit.values["early"], "late": late * fit.values["late"]}) < top
    assert fit.log_density == pytest.approx(top, abs=1e-6)
    # The plug-in's year, as the docstring gives it.
    before = COUNTS.cumsum()[:-1]
    years = np.arange(1, N)
    rates = np.log([fit.values["early"], fit.values["late"]])
    log_lik = before * rates[0] - years * np.exp(rates[0]) - before * rates[1] + years * np.exp(rates[1])
    assert special.softmax(log_lik).max() == pytest.approx(0.264, abs=5e-4)


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="change_point: rate is -1"):
        models.change_point(rate=-1)
    with pytest.raises(DataError, match="change_point: column 'year' must rise"):
        models.change_point({"year": [1, 1], "disasters": [0, 1]})
    with pytest.raises(DataError, match="change_point: 1 of the 2 values in column 'disasters' are not whole numbers"):
        models.change_point({"year": [1, 2], "disasters": [0, 1.5]})


@pytest.mark.slow
def test_finding() -> None:
    probabilities, before, years = year_probabilities(COUNTS), COUNTS.cumsum()[:-1], np.arange(1, N)
    means, sds = [], []
    for events, time in ((before, years), (COUNTS.sum() - before, N - years)):
        mean, square = (1 + events) / (1 + time), (1 + events) * (2 + events) / (1 + time) ** 2
        means.append(probabilities @ mean)
        sds.append(np.sqrt(probabilities @ square - means[-1] ** 2))

    result = bc.compare(models.change_point, random_seed=1)

    assert_posterior(result.table, known(("early", "late"), means, sds))
    when = result.table.loc["when"]
    assert when["mean"] == pytest.approx(probabilities @ YEARS[1:], abs=5 * when["mcse_mean"])
    assert (result.table.loc[["early", "late"], "z"].abs() < 0.2).all()
    assert (result.table.loc[["early", "late"], "sd_ratio"] > 0.9).all()
