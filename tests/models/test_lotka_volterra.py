"""Lynx and hare: against SciPy's density and solver, and posteriordb's reference draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, known

DATA = {name: np.array(column, dtype=float) for name, column in load("lynx_hare").items()}
PELTS = np.column_stack([DATA["hare"], DATA["lynx"]])
NAMES = [
    *(f"theta[{name}]" for name in ("hare_birth", "hare_death", "lynx_death", "lynx_birth")),
    *(f"{name}[{species}]" for name in ("initial", "sigma") for species in ("hare", "lynx")),
]

# posteriordb, hudson_lynx_hare-lotka_volterra: means and sds of 10,000 reference draws; the best mode known.
MEANS = [0.546864, 0.0277473, 0.800095, 0.0240859, 34.0352, 5.93590, 0.248057, 0.251017]
SDS = [0.0630548, 0.00415472, 0.0893702, 0.00352809, 2.91690, 0.530552, 0.0432627, 0.0435903]
MODE = [0.541686, 0.0272498, 0.796879, 0.0238384, 34.13516, 5.844962, 0.215988, 0.217813]


def solve(theta: Array, initial: Array) -> Array:
    def slope(_: float, u: Array) -> list[float]:
        return [(theta[0] - theta[1] * u[1]) * u[0], (theta[3] * u[0] - theta[2]) * u[1]]

    times = np.arange(len(PELTS), dtype=float)
    solution = integrate.solve_ivp(
        slope, (0, times[-1]), initial, t_eval=times, method="DOP853", rtol=1e-10, atol=1e-10
    )
    return np.asarray(solution.y.T)


def logp(p: Point) -> float:
    centre, scale = np.array([1, 0.05, 1, 0.05]), np.array([0.5, 0.05, 0.5, 0.05])
    prior = stats.truncnorm(-centre / scale, np.inf, centre, scale).logpdf(p["theta"]).sum()
    prior += (
        stats.lognorm(1, scale=10).logpdf(p["initial"]).sum()
        + stats.lognorm(1, scale=np.exp(-1)).logpdf(p["sigma"]).sum()
    )
    return float(prior + stats.lognorm(p["sigma"], scale=solve(p["theta"], p["initial"])).logpdf(PELTS).sum())


def test_density_and_sizes() -> None:
    # Runge-Kutta with ten steps a year against a solver that is exact to 1e-10.
    assert_builds(models.lotka_volterra, logp, spread=0.05, rel=1e-5)


def test_map_is_posteriordbs() -> None:
    fit = bc.fit(models.lotka_volterra(), "map")
    assert fit.status == "ok"
    assert list(fit.names) == NAMES
    np.testing.assert_allclose(fit.estimate, MODE, rtol=1e-4)
    assert fit.log_density == pytest.approx(-126.69007, abs=1e-4)


def test_there_is_a_second_mode_44_nats_below() -> None:
    heights = {round(start["log_density"], 1) for start in bc.fit(models.lotka_volterra(), "map").diagnostics["starts"]}
    assert -126.7 in heights
    assert -171.2 in heights


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="lotka_volterra: substeps is 0"):
        models.lotka_volterra(substeps=0)
    with pytest.raises(DataError, match="lotka_volterra: column 'year' must rise by 1"):
        models.lotka_volterra({"year": [1, 3], "hare": [1, 2], "lynx": [1, 2]})
    with pytest.raises(DataError, match="lotka_volterra: 1 of the 2 values in column 'lynx' are not above 0"):
        models.lotka_volterra({"year": [1, 2], "hare": [1, 2], "lynx": [0, 2]})


def test_own_data_are_solved_over_their_own_years() -> None:
    model = models.lotka_volterra({"year": [5, 6, 7], "hare": [30, 40, 50], "lynx": [4, 5, 6]}, substeps=5)
    assert model.coords["year"] == (5, 6, 7)
    assert np.isfinite(model.compile_logp(mode="FAST_COMPILE")(model.initial_point()))


@pytest.mark.slow
def test_finding() -> None:
    result = bc.compare(models.lotka_volterra, random_seed=1)
    assert result.verdict.layers["sampler"].state == "sound"
    assert_posterior(result.table, known(NAMES, MEANS, SDS, 10_000))
    table = result.table
    assert (table["z"][:6].abs() < 0.3).all()
    assert (table["z"][6:] < -0.6).all()
