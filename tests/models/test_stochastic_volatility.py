"""Stochastic volatility: against SciPy's densities, and a filter on a grid that integrates the days out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, Weighted, assert_builds, assert_posterior, known

PRICES = np.array(load("pound")["dollars"])
RETURNS = 100 * np.diff(np.log(PRICES[:251]))
RETURNS = RETURNS - RETURNS.mean()


def logp(p: Point) -> float:
    phi, sigma = 2 * p["persistence"] - 1, np.sqrt(p["variance"])
    if "z" in p:
        h, days = np.empty(250), stats.norm.logpdf(p["z"]).sum()
        h[0] = p["mu"] + sigma * p["z"][0] / np.sqrt(1 - phi**2)
        for t in range(1, 250):
            h[t] = p["mu"] + phi * (h[t - 1] - p["mu"]) + sigma * p["z"][t]
    else:
        h = p["h"]
        days = stats.norm(p["mu"], sigma / np.sqrt(1 - phi**2)).logpdf(h[0])
        days += stats.norm(p["mu"] + phi * (h[:-1] - p["mu"]), sigma).logpdf(h[1:]).sum()
    prior = stats.norm.logpdf(p["mu"]) + stats.beta(20, 1.5).logpdf(p["persistence"])
    prior += stats.invgamma(2.5, scale=0.025).logpdf(p["variance"])
    return float(prior + days + stats.norm(0, np.exp(h / 2)).logpdf(RETURNS).sum())


@pytest.mark.parametrize("parametrisation", ["noncentered", "centered"])
def test_density_and_sizes(parametrisation: str) -> None:
    assert_builds(
        models.stochastic_volatility,
        logp,
        spread=0.1,
        parameters=models.stochastic_volatility.parameters,
        parametrisation=parametrisation,
    )
    assert len(PRICES) == 946


@pytest.mark.parametrize(("parametrisation", "low", "high"), [("noncentered", 10, 30), ("centered", 0.01, 0.02)])
def test_map_is_no_volatility(parametrisation: str, low: float, high: float) -> None:
    fit = bc.fit(models.stochastic_volatility(parametrisation=parametrisation), "map")
    assert fit.status == "ok"
    assert low < fit.values["sigma"] < high


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="stochastic_volatility: days is 10, but must be a whole number"):
        models.stochastic_volatility(days=10)
    with pytest.raises(UsageError, match="stochastic_volatility: parametrisation is 'marginal'"):
        models.stochastic_volatility(parametrisation="marginal")
    with pytest.raises(DataError, match="stochastic_volatility: column 'dollars' needs four prices"):
        models.stochastic_volatility({"dollars": [1, 1, 1, 1]})
    assert models.stochastic_volatility({"dollars": [1, 1.1, 1.2, 1.1]}).coords["day"] == (1, 2, 3)


def filtered(points: Array) -> Array:
    """Log density of mu, logit(persistence) and log(variance): the days summed over a grid of 201 values of h."""
    grid = np.linspace(-5.5, 5.5, 201)
    total = np.empty(len(points))
    for i, (mu, logit, log_variance) in enumerate(points):
        persistence, variance = special.expit(logit), np.exp(log_variance)
        phi = 2 * persistence - 1
        # In units of the stationary sd a step has variance 1 - phi².
        move = np.exp(-((grid - phi * grid[:, None]) ** 2) / (2 * (1 - phi**2)))
        move /= move.sum(axis=1, keepdims=True)
        h = mu + np.sqrt(variance / (1 - phi**2)) * grid
        weight, log_lik = special.softmax(-(grid**2) / 2), 0.0
        density = np.exp(-h / 2 - RETURNS[:, None] ** 2 * np.exp(-h) / 2) / np.sqrt(2 * np.pi)
        for row in density:
            weight = weight * row
            log_lik += np.log(weight.sum())
            weight = (weight / weight.sum()) @ move
        prior = stats.norm.logpdf(mu) + stats.beta(20, 1.5).logpdf(persistence)
        prior += stats.invgamma(2.5, scale=0.025).logpdf(variance)
        total[i] = log_lik + prior + np.log(persistence * (1 - persistence)) + log_variance
    return total


def days_integrated_out(draws: int = 3000) -> Weighted:
    """Weighted points of the three parameters: a t proposal whose mu is wider where phi nears 1."""
    rng = np.random.default_rng(3)
    z = rng.standard_normal((draws, 3)) / np.sqrt(rng.chisquare(5, (draws, 1)) / 5)
    points = np.array([-0.8, 3.9, -4.5]) + z * [0.3, 1.0, 0.6]
    wider = 0.35 * np.clip(points[:, 1] - 3.9, -2, 4)
    points[:, 0] = -0.8 + 0.3 * z[:, 0] * np.exp(wider)
    with np.errstate(all="ignore"):  # far out a day's density is 0
        height = filtered(points)
    height[~np.isfinite(height)] = -np.inf
    return Weighted(points, special.softmax(height + 4 * np.log1p((z**2).sum(axis=1) / 5) + wider))


@pytest.mark.slow
def test_finding() -> None:
    exact = days_integrated_out()
    assert exact.effective > 1000
    columns = np.column_stack(
        [exact.points[:, 0], 2 * special.expit(exact.points[:, 1]) - 1, np.exp(exact.points[:, 2] / 2)]
    )
    mean, sd = exact.mean(columns), exact.sd(columns)
    assert mean[2] == pytest.approx(0.114, abs=0.004)
    quantiles = [exact.quantile(columns[:, 2], q) for q in (0.03, 0.97)]
    assert quantiles == pytest.approx([0.066, 0.197], rel=0.08)

    result = bc.compare(models.stochastic_volatility, random_seed=1)

    assert result.verdict.layers["sampler"].state == "sound"
    names = ("mu", "phi", "sigma")
    assert_posterior(result.table, known(names, mean, sd, exact.effective))
    assert result.table.loc["sigma", "rank"] == 1
    assert result.table.loc["sigma", "map"] > 50 * mean[2]
