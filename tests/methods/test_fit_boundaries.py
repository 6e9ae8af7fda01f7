"""Modes on the boundary: shares that no datum calls for, and a scale whose one effect follows it to 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.methods import laplace
from bayescompare.model.problem import Problem
from bayescompare.reasons import NO_MODE_EXISTS, Code
from bayescompare.results.fit import Fit, Status

COUNTS = np.array([3, 1, 2, 4, 2, 5, 1, 3])

# A bound is reached to 1e-12 of its range, and what is beside it to Newton's tolerance.
TOLERANCE = 1e-6

Build = Callable[[], Any]


@cache
def problem(build: Build) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def on_the_bound(found: Fit, names: list[str], values: dict[str, float]) -> None:
    assert found.status is Status.OK, found.reasons
    assert found.diagnostics["boundary"] == names
    assert {name: found.values[name] for name in values} == pytest.approx(values, rel=TOLERANCE)


def zip_uniform() -> None:
    psi, mu = pm.Uniform("psi", 0.0, 1.0), pm.Exponential("mu", 1.0)
    pm.ZeroInflatedPoisson("y", psi=psi, mu=mu, observed=COUNTS)


def zip_beta() -> None:
    psi, mu = pm.Beta("psi", 1.0, 1.0), pm.Exponential("mu", 1.0)
    pm.ZeroInflatedPoisson("y", psi=psi, mu=mu, observed=COUNTS)


def zinb() -> None:
    """The size fixed, so that the mean alone is left: that of a negative binomial with an exponential prior."""
    psi, mu = pm.Uniform("psi", 0.0, 1.0), pm.Flat("log_mu")
    pm.ZeroInflatedNegativeBinomial("y", psi=psi, mu=pm.math.exp(mu), alpha=2.0, observed=COUNTS)


def zib() -> None:
    psi, p = pm.Uniform("psi", 0.0, 1.0), pm.Beta("p", 2.0, 2.0)
    pm.ZeroInflatedBinomial("y", psi=psi, n=10, p=p, observed=COUNTS)


def hurdle() -> None:
    psi, p = pm.Uniform("psi", 0.0, 1.0), pm.Exponential("mu", 1.0)
    pm.HurdlePoisson("y", psi=psi, mu=p, observed=COUNTS)


def triangular() -> None:
    pm.Binomial("y", n=10, p=pm.Triangular("p", 0.0, 1.0, 1.0), observed=np.array([10, 10, 10]))


def far_from_0() -> None:
    """The upper end, 10,000, is reached in float64 a long way before the transform's own end."""
    mu = pm.Uniform("mu", 9_999.0, 10_000.0)
    pm.Normal("y", mu, 1.0, observed=np.array([10_001.0, 10_002.0]))


def both_ends() -> None:
    a, b = pm.Uniform("a", 0.0, 3.0), pm.Uniform("b", -3.0, 3.0)
    pm.Normal("y", a, 1.0, observed=np.array([8.0, 9.0]))
    pm.Normal("z", b, 1.0, observed=np.array([-8.0, -9.0]))


def absent_part() -> None:
    pm.Categorical("y", p=pm.Dirichlet("w", np.ones(3)), observed=np.array([0, 0, 1, 1, 1]))


def absent_component() -> None:
    w, mu = pm.Dirichlet("w", np.ones(2)), pm.Normal("mu", 0.0, 10.0)
    pm.Mixture("y", w=w, comp_dists=[pm.Normal.dist(mu, 1.0), pm.Normal.dist(100.0, 1.0)], observed=COUNTS * 1.0)


def truncated_mean(mu: float) -> float:
    return mu / -math.expm1(-mu)


MEAN, N = float(COUNTS.mean()), len(COUNTS)
AT_ITS_BOUND: dict[Build, tuple[list[str], dict[str, float]]] = {
    zip_uniform: (["psi"], {"psi": 1.0, "mu": COUNTS.sum() / (N + 1)}),
    zip_beta: (["psi"], {"psi": 1.0, "mu": COUNTS.sum() / (N + 1)}),
    zinb: (["psi"], {"psi": 1.0, "log_mu": math.log(MEAN)}),
    zib: (["psi"], {"psi": 1.0, "p": (COUNTS.sum() + 1) / (10 * N + 2)}),
    hurdle: (["psi"], {"psi": 1.0}),
    triangular: (["p"], {"p": 1.0}),
    far_from_0: (["mu"], {"mu": 10_000.0}),
    both_ends: (["a", "b"], {"a": 3.0, "b": -3.0}),
    absent_part: (["w[2]"], {"w[0]": 0.4, "w[1]": 0.6, "w[2]": 0.0}),
    absent_component: (["w[1]"], {"w[0]": 1.0, "w[1]": 0.0, "mu": COUNTS.sum() / (N + 0.01)}),
}


@pytest.mark.parametrize("build", AT_ITS_BOUND, ids=lambda build: build.__name__)
def test_a_share_that_no_datum_calls_for_is_on_the_boundary(build: Build) -> None:
    """The density on the bound is finite and highest; beside it, and on it for a gradient, terms are infinite."""
    names, values = AT_ITS_BOUND[build]
    on_the_bound(bc.fit(problem(build), "map"), names, values)


def test_a_share_with_an_unbounded_prior_has_no_mode() -> None:
    def build() -> None:
        psi, mu = pm.Beta("psi", 0.5, 0.5), pm.Exponential("mu", 1.0)
        pm.ZeroInflatedPoisson("y", psi=psi, mu=mu, observed=COUNTS)

    found = bc.fit(problem(build), "map")
    assert found.status is Status.FAILED
    assert "no mode exists: the density grows without limit as psi" in found.reasons[0].text


def single_effect() -> None:
    """In u the density does not fall as sd goes to 0 if the effect goes to 0 faster; it is highest in that limit."""
    sd = pm.HalfNormal("sd", 1.0)
    pm.Normal("effect", 0.0, sd)
    pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=np.array([1.0, 2.0]))


def single_effect_about_a_mean() -> None:
    sd, mu = pm.HalfNormal("sd", 1.0), pm.Normal("mu", 0.0, 1.0)
    pm.Normal("effect", mu, sd)
    pm.Normal("y", mu, 1.0, observed=np.array([1.0, 2.0]))


@pytest.mark.parametrize("build", [single_effect, single_effect_about_a_mean])
def test_a_scale_whose_one_effect_follows_it_to_0_is_on_the_boundary(build: Build) -> None:
    at = 1.0 if build is single_effect_about_a_mean else 0.0
    for seed in range(6):
        found = bc.fit(problem(build), "unconstrained_map", random_seed=seed)
        on_the_bound(found, ["sd"], {"mu": 1.0})
        assert found.values["sd"] == 0.0
        assert found.values["effect"] == pytest.approx(at, abs=1e-6)
    assert laplace.fit(problem(build)).status is Status.FAILED
    assert bc.fit(problem(build), "map").reasons[0].code in NO_MODE_EXISTS


def test_two_effects_that_follow_their_scale_have_no_mode() -> None:
    def build() -> None:
        sd = pm.HalfNormal("sd", 1.0)
        pm.Normal("effect", 0.0, sd, shape=2)
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=np.array([1.0, 2.0]))

    found = bc.fit(problem(build), "unconstrained_map")
    assert found.status is Status.FAILED
    assert "grows without limit as sd goes to 0" in found.reasons[0].text


def only_zeros() -> None:
    psi, mu = pm.Uniform("psi", 0.0, 1.0), pm.Exponential("mu", 0.2)
    pm.ZeroInflatedPoisson("y", psi=psi, mu=mu, observed=np.zeros(10, dtype=int))


def test_what_a_bound_leaves_undetermined_is_no_mode() -> None:
    """At mu = 0 no datum tells psi, though rounding leaves it a curvature of 1e-17."""
    found = bc.fit(problem(only_zeros), "map")
    assert found.status is Status.FAILED
    assert (found.reasons[0].code, found.reasons[0].variables) == (Code.RIDGE, ("psi",))


def below_an_upper_bound() -> None:
    """Data under Uniform(0, theta): the mode is the largest datum, far below where the search begins."""
    theta = pm.Pareto("theta", alpha=0.01, m=1.0)
    pm.Uniform("y", 0.0, theta, observed=np.array([1.0, 3.0, 2.0, 4.0]))


def shifted() -> None:
    """A shift that rises to the least datum; the mean has a prior beside it."""
    shift, rate = pm.Normal("shift", 0.0, 10.0), pm.Gamma("rate", 2.0, 1.0)
    data = np.array([1.5, 2.0, 4.0])
    pm.Potential("y", (pm.math.log(rate) - rate * (data - shift) + pm.math.log(shift < data)).sum())


@pytest.mark.parametrize("method", ["map", "unconstrained_map"])
def test_an_edge_of_the_support_that_no_transform_knows_is_a_boundary(method: str) -> None:
    on_the_bound(bc.fit(problem(below_an_upper_bound), method), ["theta"], {"theta": 4.0})


def test_the_others_are_at_their_best_beside_an_edge() -> None:
    """rate: 1 + 3 − 1 over 1 + Σ(y − 1.5), without its Jacobian."""
    found = bc.fit(problem(shifted), "map")
    on_the_bound(found, ["shift"], {"shift": 1.5, "rate": 4.0 / 4.0})
    assert math.isnan(found.diagnostics["standard_errors"]["rate"])


def between_two_bounds() -> None:
    """Data between two free bounds: the search stops at one of them first."""
    lower, upper = pm.Normal("lower", 0.0, 10.0), pm.Normal("upper", 10.0, 10.0)
    pm.Uniform("y", lower, upper, observed=np.array([2.5, 6.0, 3.0, 7.0, 4.0]))


def test_several_edges_are_met_one_after_the_other() -> None:
    on_the_bound(bc.fit(problem(between_two_bounds), "map"), ["lower", "upper"], {"lower": 2.5, "upper": 7.0})


def stationary_garch() -> None:
    """a ends at 0, though the density is without limit at its other bound."""
    a = pm.Uniform("a", 0.0, 1.0)
    b = pm.Uniform("b", 0.0, 1 - a)
    pm.Exponential("y", 1.0 / (1.0 + 5 * a + b), observed=np.full(4, 0.1))


def test_a_coordinate_on_a_bound_is_put_there_also_where_the_other_bound_is_higher() -> None:
    found = bc.fit(problem(stationary_garch), "map")
    on_the_bound(found, ["a", "b"], {"a": 0.0, "b": 0.0})
