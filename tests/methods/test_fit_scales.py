"""Predictors of very different scales: the mode is that of standardised columns, in their units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.methods.mode import WEIGHTS
from bayescompare.methods.modes.end import End
from bayescompare.methods.modes.options import ModeOptions
from bayescompare.methods.modes.scales import scales
from bayescompare.methods.modes.search import climb_to_modes
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Fit, Status

N = 150
rng = np.random.default_rng(7)
Z = np.column_stack([rng.normal(size=N), rng.normal(1.0, 0.5, N)])
ETA = 0.3 + Z @ [0.5, -0.4]
P = 1 / (1 + np.exp(-ETA))
COUNTS, HITS, SHARES = rng.poisson(np.exp(ETA)), rng.random(N) < P, rng.beta(8 * P, 8 * (1 - P))
WAITS, VALUES = rng.gamma(3.0, np.exp(ETA) / 3), ETA + rng.standard_t(4, N)

FAMILIES: dict[str, Callable[[Any], Any]] = {
    "normal": lambda eta: pm.Normal("y", eta, pm.HalfNormal("s", 2.0), observed=VALUES),
    "student": lambda eta: pm.StudentT("y", nu=4.0, mu=eta, sigma=pm.HalfNormal("s", 2.0), observed=VALUES),
    "poisson": lambda eta: pm.Poisson("y", pm.math.exp(eta), observed=COUNTS),
    "negative binomial": lambda eta: pm.NegativeBinomial(
        "y", mu=pm.math.exp(eta), alpha=pm.HalfCauchy("alpha", 5.0), observed=COUNTS
    ),
    "bernoulli": lambda eta: pm.Bernoulli("y", p=pm.math.invlogit(eta), observed=HITS),
    "gamma": lambda eta: pm.Gamma("y", 3.0, 3.0 / pm.math.exp(eta), observed=WAITS),
    "beta": lambda eta: pm.Beta("y", mu=pm.math.invlogit(eta), nu=8.0, observed=SHARES),
}


def regression(family: str, units: tuple[float, float], centre: float = 0.0) -> Problem:
    with pm.Model() as model:
        b = pm.Flat("b", shape=3)
        FAMILIES[family](b[0] + b[1] * ((Z[:, 0] + centre) * units[0]) + b[2] * (Z[:, 1] * units[1]))
    return Problem(model)


def ok(found: Fit) -> Fit:
    assert found.status is Status.OK, found.reasons
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_raw_columns_have_the_mode_of_standardised_ones(family: str) -> None:
    """And their standard errors; the first column is centred or not."""
    plain = ok(bc.fit(regression(family, (1.0, 1.0)), "map"))
    names = plain.names[:3]
    for units, centre in (((1e12, 1e-12), 0.0), ((1e-12, 1.0), 3.0), ((1e9, 1e-6), 3.0)):
        raw = ok(bc.fit(regression(family, units, centre), "map", random_seed=1))
        back = raw.estimate[:3] * np.array([1.0, *units])
        back[0] += centre * back[1]
        np.testing.assert_allclose(back, plain.estimate[:3], rtol=1e-6, atol=1e-7)
        assert raw.log_density == pytest.approx(plain.log_density, abs=1e-8)
        assert raw.diagnostics["kink"] == []
        errors = [np.array([f.diagnostics["standard_errors"][name] for name in names[1:]]) for f in (raw, plain)]
        np.testing.assert_allclose(errors[0] * units, errors[1], rtol=1e-4)


def test_laplace_on_raw_columns_is_that_on_standardised_ones() -> None:
    sds = [
        np.array([bc.fit(regression("poisson", units), "laplace").diagnostics["sd"][f"b[{i}]"] for i in (1, 2)]) * units
        for units in ((1.0, 1.0), (1e12, 1e-12))
    ]
    np.testing.assert_allclose(sds[1], sds[0], rtol=1e-4)


def test_common_scales_are_left_alone() -> None:
    found = regression("poisson", (1.0, 10.0))
    np.testing.assert_array_equal(scales(found.density, WEIGHTS["map"]), 1.0)


def test_units_are_the_datas_own() -> None:
    """Other data of one compiled model have other units."""
    with pm.Model() as model:
        x = pm.Data("x", Z[:, 0])
        pm.Normal("y", pm.Flat("b") * x, 1.0, observed=VALUES)
    problem = Problem(model)
    swapped = problem.with_data(x=Z[:, 0] * 1e10)
    units = [float(scales(p.density, WEIGHTS["map"])[0]) for p in (problem, swapped)]
    assert units[0] == 1.0
    assert 1e-13 < units[1] < 1e-8


def test_an_end_far_below_is_no_error() -> None:
    """The product of two flat parameters runs off; a height of −10³⁰⁰, over a rounding of 1e-9, is infinite."""
    with pm.Model() as model:
        pm.Normal("y", pm.Flat("w") * pm.Flat("z"), 1.0, observed=np.array([1.0, -0.5]))
    problem = Problem(model)
    ends = [
        End("initial", np.array([0.5, 0.5]), problem.density(np.array([0.5, 0.5]), WEIGHTS["map"])[0]),
        End("far", np.array([1e80, 1e80]), -1e305, order=1),
        End("nowhere", np.array([1e200, 1e200]), -np.inf, order=2),
    ]
    _, ends = climb_to_modes(problem.density, WEIGHTS["map"], ends, ModeOptions())
    assert ends[0].order == 0
    found = bc.fit(problem, "map")
    assert found.status is Status.FAILED
    assert "a ridge" in found.reasons[0].text or "a saddle" in found.reasons[0].text
