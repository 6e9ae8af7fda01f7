"""Posteriors without an end: said to be improper, along which parameters, and early."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

import bayescompare as bc
from bayescompare.errors import FitError
from bayescompare.methods.improper import refuse_limit, refuse_runaway
from bayescompare.methods.nuts import pilot
from bayescompare.model.problem import Problem
from bayescompare.reasons import Code

RNG = np.random.default_rng(3)
FEW = bc.SamplerOptions(draws=100, tune=200, chains=2)


def beta_binomial() -> pm.Model:
    """With a and b to infinity it is a binomial model, and flat priors on both never fall."""
    n, k = np.full(40, 12.0), RNG.binomial(12, 0.4, 40).astype(float)
    with pm.Model() as model:
        a, b = pm.HalfFlat("a"), pm.HalfFlat("b")
        terms = pt.gammaln(a + k) + pt.gammaln(b + n - k) - pt.gammaln(a + b + n)
        pm.Potential("k", pt.sum(terms - pt.gammaln(a) - pt.gammaln(b) + pt.gammaln(a + b)))
    return model


def without_noise() -> pm.Model:
    """y is a + b x exactly: the density has no bound as sigma goes to 0."""
    x = np.linspace(-1, 1, 30)
    with pm.Model() as model:
        a, b = pm.Normal("a", 0.0, 10.0), pm.Normal("b", 0.0, 10.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        pm.Normal("y", a + b * x, sigma, observed=1.5 + 0.7 * x)
    return model


def test_a_pilot_says_that_the_posterior_is_improper_and_along_what() -> None:
    with pytest.raises(FitError, match=r"improper, or nearly so, along (a, b|b, a): .* priors of a, b are flat"):
        pilot(Problem(beta_binomial()), options=FEW)


def test_data_without_noise() -> None:
    with pytest.raises(FitError, match=r"improper, or nearly so, along sigma: .* data have no noise"):
        bc.fit(without_noise(), "nuts", random_seed=1, options=bc.SamplerOptions(draws=300, tune=600, chains=2))


def test_flat_priors_that_the_data_bound_are_no_matter() -> None:
    with pm.Model() as model:
        mu, sigma = pm.Flat("mu"), pm.HalfFlat("sigma")
        pm.Normal("y", mu, sigma, observed=1e9 + 1e-3 * RNG.standard_normal(50))
    with model:
        model.set_initval(mu, 1e9)
    problem = Problem(model)
    draws = np.stack([1e9 + 1e-3 * RNG.standard_normal((2, 50)), np.full((2, 50), np.log(1e-3))], axis=-1)
    refuse_runaway(problem, draws)


def test_small_and_large_scales_are_no_runaways() -> None:
    """A scale of 1e-15 is far from where the search begins; its density is no rounding."""
    with pm.Model() as model:
        scale = pm.LogNormal("scale", np.log(1e-15), 1.0)
        pm.HalfNormal("y", scale, observed=np.abs(1e-15 * RNG.standard_normal(20)))
    problem = Problem(model)
    refuse_runaway(problem, np.log(1e-15) + 0.1 * RNG.standard_normal((2, 50, 1)))


def test_separated_data_under_a_flat_prior_are_refused_before_sampling() -> None:
    x = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    with pm.Model() as model:
        b = pm.Flat("b")
        pm.Bernoulli("y", logit_p=b * x, observed=(x > 0).astype(int))
    with pytest.raises(FitError, match=r"improper along b: .* separated"):
        bc.compare(model)


def sum_alone() -> pm.Model:
    with pm.Model() as model:
        pm.Normal("y", pm.Flat("a") + pm.Flat("b"), 1.0, observed=np.array([1.0, 2.0]))
    return model


def flat_and_idle() -> pm.Model:
    with pm.Model() as model:
        pm.Flat("a")
        pm.Normal("y", pm.Normal("b"), 1.0, observed=np.array([1.0, 2.0]))
    return model


def dummies() -> pm.Model:
    """A flat intercept beside the effects of all groups: what the prior of those lets them tell, however little."""
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 1e6, shape=3)
        pm.Normal("y", pm.Flat("a") + b[np.repeat(np.arange(3), 4)], 1.0, observed=RNG.standard_normal(12))
    return model


def between_two_data() -> pm.Model:
    """Flat between the middle data, where each is a mode, and proper."""
    with pm.Model() as model:
        pm.Laplace("y", pm.Flat("mu"), 1.0, observed=np.array([1.0, 2.0, 3.0, 7.0]))
    return model


@pytest.mark.parametrize(("build", "told"), [(sum_alone, "along a, b: .* apart"), (flat_and_idle, "along a: ")])
def test_a_line_along_which_nothing_changes_is_improper(build: Callable[[], pm.Model], told: str) -> None:
    with pytest.raises(FitError, match=f"improper {told}"):
        bc.compare(build())


@pytest.mark.parametrize("build", [dummies, between_two_data])
def test_a_ridge_that_ends_is_none(build: Callable[[], pm.Model]) -> None:
    problem = Problem(build())
    found = bc.fit(problem, "unconstrained_map")
    assert found.reasons[0].code is Code.RIDGE
    refuse_limit(problem, found)
