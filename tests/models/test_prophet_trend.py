"""Prophet's trend: MAP is a lasso on hinges, and its forecast interval against the posterior's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Lasso

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Point, assert_builds

type Array = np.ndarray[Any, Any]


def design(n: int = 144, ahead: int = 24) -> tuple[Array, Array, Array]:
    """Slope, level and season; hinges; for the months known and those ahead. And the series, divided by its maximum."""
    t = np.arange(n + ahead) / (n - 1)
    last = int(0.8 * n) - 1
    at = np.array([round(last * j / 25) for j in range(1, 26)]) / (n - 1)
    month = 2 * np.pi * np.arange(n + ahead) / 12
    waves = [wave(k * month) for k in range(1, 6) for wave in (np.sin, np.cos)]
    y = np.array(load("uk_drivers_monthly")["drivers"][:n], dtype=float)
    return np.column_stack([t, np.ones_like(t), *waves]), np.clip(t[:, None] - at, 0, None), y / y.max()


def logp(p: Point) -> float:
    A, B, y = design()
    mean = A @ np.concatenate([[p["slope"], p["level"]], p["season"]]) + B @ p["delta"]
    prior = stats.norm(0, 5).logpdf([p["slope"], p["level"]]).sum() + stats.laplace(0, 0.05).logpdf(p["delta"]).sum()
    prior += stats.norm(0, 10).logpdf(p["season"]).sum() + stats.halfnorm(0, 0.5).logpdf(p["sigma"])
    return float(prior + stats.norm(mean[:144], p["sigma"]).logpdf(y).sum())


def test_quick() -> None:
    assert_builds(models.prophet_trend, logp)
    model = models.prophet_trend()
    assert model.coords["month"][-1] == "1980-12"
    assert model.coords["future"] == tuple(f"{year}-{month:02d}" for year in (1981, 1982) for month in range(1, 13))
    assert model.coords["changepoint"][-1] == "1978-07"
    drawn, _ = models.prophet_trend.simulate(seed=1)
    A, B, _ = design()
    mean = A @ np.concatenate([[drawn["slope"], drawn["level"]], drawn["season"]]) + B @ drawn["delta"]
    top = max(load("uk_drivers_monthly")["drivers"][:144])
    np.testing.assert_allclose(drawn["forecast"], mean[144:] * top, rtol=1e-9)
    assert drawn["last_slope"] == pytest.approx(drawn["slope"] + drawn["delta"].sum())
    assert drawn["mean_bend"] == pytest.approx(np.abs(drawn["delta"]).mean())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 47}, "n is 47, but must be a whole number from 48 to 192"),
        ({"horizon": 0}, "horizon is 0"),
        ({"harmonics": 6}, "harmonics is 6, but must be a whole number from 1 to 5"),
        ({"changepoint_scale": 0}, "changepoint_scale is 0, but must be above 0"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^prophet_trend: {message}"):
        models.prophet_trend(**options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"deaths": [1.0, 2.0]}, "no column 'drivers'"),
        ({"drivers": [1.0, -2.0]}, "'drivers' are not above 0"),
        ({"drivers": [1.0] * 20}, "20 rows are too few for 25 changepoints"),
    ],
)
def test_data_that_do_not_fit(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^prophet_trend: .*{message}"):
        models.prophet_trend(data)


def test_own_data() -> None:
    model = models.prophet_trend({"drivers": np.arange(1.0, 61.0)}, horizon=3, changepoints=4)
    assert model.coords["future"] == ("+1", "+2", "+3")
    assert len(model.coords["changepoint"]) == 4


@pytest.mark.parametrize("scale", [0.05, 0.01])
def test_map_is_a_lasso_on_hinges(scale: float) -> None:
    fit = bc.fit(models.prophet_trend(changepoint_scale=scale), "map")
    assert fit.status == "ok"

    A, B, y = (x[:144] for x in design())
    sigma = fit.values["sigma"]
    # The normal coefficients have their best values for each delta: what is left is a lasso in the metric of the
    # series' covariance once they are integrated out.
    variance = np.array([25.0, 25.0, *[100.0] * 10])
    root = np.linalg.cholesky(sigma**2 * np.eye(144) + (A * variance) @ A.T)
    lasso = Lasso(alpha=1 / (scale * 144), fit_intercept=False, tol=1e-13, max_iter=1_000_000)
    delta = lasso.fit(np.linalg.solve(root, B), np.linalg.solve(root, y)).coef_
    others = np.linalg.solve(A.T @ A / sigma**2 + np.diag(1 / variance), A.T @ (y - B @ delta) / sigma**2)
    rss = ((y - A @ others - B @ delta) ** 2).sum()

    mine = np.array([value for name, value in fit.values.items() if name.startswith("delta[")])
    np.testing.assert_allclose(mine, delta, atol=1e-5)
    assert list(mine == 0) == list(delta == 0)
    np.testing.assert_allclose([fit.values["slope"], fit.values["level"]], others[:2], atol=1e-5)
    season = [value for name, value in fit.values.items() if name.startswith("season[")]
    np.testing.assert_allclose(season, others[2:], atol=1e-6)
    # d/dsigma of the log density is 0.
    assert -144 / sigma + rss / sigma**3 - sigma / 0.25 == pytest.approx(0, abs=1e-3 * 144 / sigma)


def intervals(parameters: Array, names: tuple[str, ...], probability: float) -> tuple[Array, Array]:
    """As Prophet forecasts: the mean, bends at random places with Laplace sizes of their mean size, and noise."""
    rng = np.random.default_rng(0)
    forecast = [i for i, name in enumerate(names) if name.startswith("forecast[")]
    sigma, bend = names.index("sigma"), names.index("mean_bend")
    top = max(load("uk_drivers_monthly")["drivers"][:144])
    t = np.arange(144, 168) / 143
    paths = []
    for theta in parameters[rng.integers(0, len(parameters), 20_000)]:
        places = 1 + rng.random(rng.poisson(25 * (t[-1] - 1))) * (t[-1] - 1)
        bends = np.clip(t[:, None] - places, 0, None) @ rng.laplace(0, theta[bend], len(places))
        paths.append(theta[forecast] + top * (bends + rng.normal(0, theta[sigma], 24)))
    low, high = np.quantile(paths, [(1 - probability) / 2, (1 + probability) / 2], axis=0)
    return low, high


@pytest.mark.slow
def test_what_the_docstring_says() -> None:
    model = models.prophet_trend()
    mode = bc.fit(model, "map")
    nuts = bc.fit(model, "nuts", random_seed=1, options=bc.SamplerOptions(target_accept=0.9))
    assert nuts.draws is not None
    draws = nuts.draws.reshape(-1, len(nuts.names))
    delta = [i for i, name in enumerate(nuts.names) if name.startswith("delta[")]
    oil, bend = nuts.names.index("delta[1972-11]"), nuts.names.index("mean_bend")

    assert (mode.estimate[delta] == 0).sum() == 21
    assert (draws[:, delta] != 0).all()
    assert mode.estimate[oil] == pytest.approx(-0.67, abs=0.005)
    assert (draws[:, oil].mean(), draws[:, oil].std()) == pytest.approx((-0.16, 0.15), abs=0.02)
    assert mode.estimate[bend] == pytest.approx(0.040, abs=0.0005)
    assert (draws[:, bend].mean(), draws[:, bend].std()) == pytest.approx((0.077, 0.011), abs=0.002)
    assert (draws[:, bend] <= mode.estimate[bend]).mean() < 0.001

    followed = np.array(load("uk_drivers_monthly")["drivers"][144:168])
    for parameters, width, held in ((mode.estimate[None], 327, 18), (draws, 412, 22)):
        low, high = intervals(parameters, nuts.names, 0.8)
        assert (high - low)[-1] == pytest.approx(width, abs=12)
        assert ((low <= followed) & (followed <= high)).sum() == pytest.approx(held, abs=1)
