"""The level of the Nile: against SciPy's densities, the published fit, a Kalman filter, and quadrature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, known, quadrature

YEAR, VOLUME = (np.array(load("nile")[name], dtype=float) for name in ("year", "volume"))
SINCE = VOLUME[YEAR >= 1899]


def kalman(volume: Array, sigma_year: Array, sigma_level: Array) -> tuple[Array, Array, Array]:
    """Log likelihood, and mean and sd of the last level, for arrays of scales."""
    mean, variance = np.full(len(sigma_year), 1000.0), np.full(len(sigma_year), 1e6)
    log_lik = np.zeros(len(sigma_year))
    for t, y in enumerate(volume):
        if t:
            variance = variance + sigma_level**2
        total = variance + sigma_year**2
        log_lik += -0.5 * np.log(2 * np.pi * total) - (y - mean) ** 2 / (2 * total)
        mean, variance = mean + variance / total * (y - mean), variance * sigma_year**2 / total
    return log_lik, mean, np.sqrt(variance)


def scales(p: Point) -> float:
    return float(stats.halfnorm(scale=300).logpdf([p["sigma_year"], p["sigma_level"]]).sum())


def marginal(p: Point) -> float:
    log_lik, _, _ = kalman(SINCE, np.array([p["sigma_year"]]), np.array([p["sigma_level"]]))
    return scales(p) + float(log_lik[0])


def noncentered(p: Point) -> float:
    level = p["first"] + p["sigma_level"] * np.append(0, np.cumsum(p["z"]))
    prior = stats.norm(1000, 1000).logpdf(p["first"]) + stats.norm.logpdf(p["z"]).sum()
    return scales(p) + float(prior + stats.norm(level, p["sigma_year"]).logpdf(SINCE).sum())


def centered(p: Point) -> float:
    steps = stats.norm(0, p["sigma_level"]).logpdf(np.diff(p["level"])).sum()
    prior = stats.norm(1000, 1000).logpdf(p["level"][0]) + steps
    return scales(p) + float(prior + stats.norm(p["level"], p["sigma_year"]).logpdf(SINCE).sum())


@pytest.mark.parametrize(
    ("parametrisation", "expected", "free"),
    [("marginal", marginal, 2), ("noncentered", noncentered, 74), ("centered", centered, 74)],
)
def test_density_and_sizes(parametrisation: str, expected: Callable[[Point], float], free: int) -> None:
    assert_builds(models.local_level, expected, parameters=free, parametrisation=parametrisation)


def test_the_last_level_is_the_filters() -> None:
    model = models.local_level()
    outputs = [model["today"], model["today_sd"]]
    function = model.compile_fn(outputs, inputs=[model["sigma_year"], model["sigma_level"]], point_fn=False)
    for point in ((125.0, 10.0), (100.0, 40.0)):
        _, mean, sd = kalman(SINCE, np.array(point[:1]), np.array(point[1:]))
        assert [float(x) for x in function(*point)] == pytest.approx([mean[0], sd[0]], rel=1e-8)


def test_all_years_as_published() -> None:
    fit = bc.fit(models.local_level(since=1871), "map")
    assert fit.status == "ok"
    # Durbin and Koopman (2012), section 2.10: variances 15,099 and 1,469, with a diffuse first level and no prior.
    scales = [fit.values["sigma_year"], fit.values["sigma_level"]]
    np.testing.assert_allclose(scales, np.sqrt([15099, 1469.1]), rtol=0.01)


def test_since_the_dam_the_level_does_not_move() -> None:
    for method in ("mle", "map"):
        fit = bc.fit(models.local_level(), method)
        assert fit.status == "ok"
        assert fit.values["sigma_level"] == 0
        assert fit.diagnostics["boundary"] == ["sigma_level"]
    # All of the level's posterior is then that of a mean, with the prior's 1,000 ± 1,000 for one year in many.
    sd = 1 / np.sqrt(len(SINCE) / fit.values["sigma_year"] ** 2 + 1e-6)
    assert fit.values["today_sd"] == pytest.approx(sd, rel=1e-6)
    assert fit.values["today_sd"] == pytest.approx(14.7, abs=0.1)
    assert fit.values["today"] == pytest.approx(SINCE.mean(), abs=0.1)


@pytest.mark.parametrize("parametrisation", ["noncentered", "centered"])
def test_with_levels_as_parameters_there_is_no_mode(parametrisation: str) -> None:
    """A scale that goes to 0, with the levels put where that does no harm, gains without end."""
    if parametrisation == "centered":
        points = [{"sigma_year": 125.0, "sigma_level": s, "level": np.full(72, SINCE.mean())} for s in (1, 1e-3, 1e-6)]
        heights = [centered(p) for p in points]
    else:
        steps = np.diff(SINCE) / 200
        points = [{"sigma_year": s, "sigma_level": 200.0, "first": SINCE[0], "z": steps} for s in (1, 1e-3, 1e-6)]
        heights = [noncentered(p) for p in points]
    assert np.diff(heights) == pytest.approx([71 * np.log(1000)] * 2, rel=0.02)


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="local_level: since is 1990"):
        models.local_level(since=1990)
    with pytest.raises(UsageError, match="local_level: parametrisation is 'kalman'"):
        models.local_level(parametrisation="kalman")
    with pytest.raises(DataError, match="local_level: column 'year' must rise by 1"):
        models.local_level({"year": [1, 3, 4], "volume": [1, 2, 3]})
    assert models.local_level({"year": [1, 2, 3], "volume": [1, 2, 3]}).coords["year"] == (1, 2, 3)


@pytest.mark.slow
def test_finding() -> None:
    def density(points: Array) -> Array:
        year, level = np.exp(points).T
        log_lik, _, _ = kalman(SINCE, year, level)
        return np.asarray(log_lik - (year**2 + level**2) / (2 * 300**2) + points.sum(axis=1))

    exact = quadrature(density, np.linspace(4, 5.6, 161), np.linspace(-8, 6, 561))
    year, level = np.exp(exact.points).T
    _, today, today_sd = kalman(SINCE, year, level)
    values = np.column_stack([year, level, today_sd])

    result = bc.compare(models.local_level, random_seed=1)

    names = ("sigma_year", "sigma_level", "today_sd")
    assert_posterior(result.table, known(names, exact.mean(values), exact.sd(values)))
    assert exact.mean(level) == pytest.approx(11.7, abs=0.1)
    assert exact.quantile(level, 0.97) == pytest.approx(44, abs=1)
    # Of the last level itself: what the scales leave open, and what they do not agree on.
    assert np.hypot(np.sqrt(exact.mean(today_sd**2)), exact.sd(today)) == pytest.approx(42, abs=0.5)
    row = result.table.loc["today_sd"]
    assert row["map"] == pytest.approx(14.7, abs=0.1)
    assert row["mean"] > 1.8 * row["map"]
