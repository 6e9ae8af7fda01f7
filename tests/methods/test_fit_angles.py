"""Models with an angle: one mode however often the circle is gone round, and moments about it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import special

import bayescompare as bc
from bayescompare.methods import laplace
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.model.angles import nearest
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Status

Build = Callable[[], Any]

#: Angles on both sides of the cut at ±π.
ANGLES = np.random.default_rng(161).vonmises(math.pi - 0.02, 3.0, 40)
KAPPA = 3.0

SHORT = SamplerOptions(draws=400, tune=300, chains=4)


@cache
def problem(build: Build) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def straddling() -> None:
    mu = pm.VonMises("mu", 0.0, 0.01)
    pm.VonMises("angle", mu, KAPPA, observed=ANGLES)


def even() -> None:
    pm.VonMises("mu", 0.0, 0.1)
    pm.Normal("y", pm.Normal("b", 0.0, 1.0), 1.0, observed=np.array([1.0, 2.0]))


def exact() -> tuple[float, float]:
    """The posterior of mu is a von Mises law: its direction and concentration by adding vectors."""
    total = KAPPA * np.exp(1j * ANGLES).sum() + 0.01
    return float(np.angle(total)), float(np.abs(total))


def spread(kappa: float) -> float:
    """The sd of a von Mises law about its direction, by quadrature."""
    x = np.linspace(-math.pi, math.pi, 20_001)
    density = np.exp(kappa * (np.cos(x) - 1)) / (2 * math.pi * special.i0e(kappa))
    return math.sqrt(np.trapezoid(density * x**2, x))


@pytest.mark.parametrize("method", ["map", "unconstrained_map"])
def test_copies_a_circle_on_are_one_mode(method: str) -> None:
    direction, _ = exact()
    found = bc.fit(problem(straddling), method)
    assert found.status is Status.OK, found.reasons
    assert found.reasons == ()
    assert len(found.diagnostics["modes"]) == 1
    assert -math.pi < found.values["mu"] <= math.pi
    assert nearest(found.estimate - direction, 0.0) == pytest.approx(0.0, abs=1e-6)


def test_laplace_and_its_importance_weights_are_of_one_circle() -> None:
    direction, kappa = exact()
    found = laplace.fit(problem(straddling))
    assert nearest(found.estimate - direction, 0.0) == pytest.approx(0.0, abs=1e-6)
    assert found.diagnostics["sd"]["mu"] == pytest.approx(1 / math.sqrt(kappa), rel=1e-4)
    corrected = found.diagnostics["psis"]
    assert corrected["sd"]["mu"] == pytest.approx(spread(kappa), abs=4 * corrected["sd_mcse"]["mu"])


def test_a_wide_angle_s_weights_leave_the_next_circle_out() -> None:
    """With a Laplace sd of 1.4 one draw in forty lies on the next circle, where the density is as high as on this."""

    def wide() -> None:
        pm.VonMises("mu", 0.0, 0.5)
        pm.Normal("y", pm.Normal("b", 0.0, 1.0), 1.0, observed=np.array([1.0, 2.0]))

    found = laplace.fit(problem(wide))
    assert found.unconstrained_draws is not None
    outside = np.abs(found.unconstrained_draws[0, :, 0]) > math.pi
    assert outside.any()
    assert np.isneginf(found.statistics["log_ratio"][0][outside]).all()


@pytest.mark.slow
def test_a_comparison_of_an_angle_is_that_of_the_circle() -> None:
    direction, kappa = exact()
    with pm.Model() as model:
        straddling()
    result = bc.compare(model, options=bc.CompareOptions(sampler=SHORT))
    row = result.table.loc["mu"]
    for key in ("map", "map_unconstrained", "laplace_mean", "mean", "median", "eti_lb", "eti_ub", "hdi_lb", "hdi_ub"):
        assert abs(row[key] - row["map"]) < 1.0, key  # on one branch
    assert nearest(row["mean"] - direction, 0.0) == pytest.approx(0.0, abs=4 * row["mcse_mean"])
    assert row["sd"] == pytest.approx(spread(kappa), abs=4 * row["mcse_sd"])
    assert row["z"] == pytest.approx(0.0, abs=4 * row["z_mcse"])
    assert row["r_hat"] < 1.02
    assert result.verdict.layers["location"].state == "same"


@pytest.mark.slow
def test_an_angle_that_winds_round_the_circle_has_no_mean() -> None:
    with pm.Model() as model:
        even()
    result = bc.compare(model, options=bc.CompareOptions(sampler=SHORT))
    row = result.table.loc["mu"]
    assert row[["mean", "sd", "z", "rank", "eti_lb", "hdi_ub", "sd_ratio", "w1", "contraction"]].isna().all()
    assert "wind round the circle" in row["reason"]
    assert math.isnan(result.fits["nuts"].values["mu"])
    assert result.table.loc["b", "mean"] == pytest.approx(1.0, abs=0.2)
