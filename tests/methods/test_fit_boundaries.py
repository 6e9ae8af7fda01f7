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
from bayescompare.reasons import NO_MODE_EXISTS
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
