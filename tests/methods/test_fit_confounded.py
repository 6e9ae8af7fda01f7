"""Likelihoods that cannot tell parameters apart: an MLE is refused without a search, where that is certain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

import bayescompare as bc
from bayescompare.methods.modes.confounded import confounded
from bayescompare.model.problem import Problem
from bayescompare.reasons import Code
from bayescompare.results.fit import Status

Build = Callable[[], object]

RNG = np.random.default_rng(4)
G = np.repeat(np.arange(6), 5)
X = RNG.standard_normal((30, 3))
Y = RNG.standard_normal(30) + X[:, 0]
HEARD = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
SURE = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def problem(build: Build) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def schools() -> None:
    mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
    pm.Normal("y", mu + tau * pm.Normal("z", shape=8), SURE, observed=HEARD)


def many_groups() -> None:
    """A thousand groups: shifts of the whole block are looked at, so that few gradients tell."""
    group = np.repeat(np.arange(1000), 2)
    mu, s, z = pm.Normal("mu"), pm.HalfNormal("s"), pm.Normal("z", shape=1000)
    pm.Poisson("y", pt.exp(mu + s * z[group]), observed=RNG.poisson(2.0, 2000))


def varying_slopes() -> None:
    chol, *_ = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0))
    ab, z = pm.Normal("ab", shape=2), pm.Normal("z", shape=(2, 6))
    each = ab[:, None] + chol @ z
    pm.Normal("y", each[0][G] + each[1][G] * X[:, 0], pm.HalfNormal("sigma"), observed=Y)


def dummies() -> None:
    """An intercept beside a column for each group, flat priors: a textbook's trap."""
    eta = pm.Flat("intercept") + pm.Flat("group", shape=6)[G] + pt.dot(X, pm.Flat("b", shape=3))
    pm.Bernoulli("y", logit_p=eta, observed=Y > 0)


@pytest.mark.parametrize(
    ("build", "variables"),
    [
        (schools, ("mu", "z")),
        (many_groups, ("mu", "z")),
        (varying_slopes, ("ab", "z")),
        (dummies, ("intercept", "group")),
    ],
)
def test_it_is_refused_without_a_search(build: Build, variables: tuple[str, ...]) -> None:
    found = bc.fit(problem(build), "mle")
    assert found.status is Status.FAILED
    assert [reason.code for reason in found.reasons] == [Code.NOT_IDENTIFIED, Code.ADVICE_ALLOW_UNIDENTIFIED]
    assert found.reasons[0].variables == variables
    assert found.diagnostics["starts"] == []
    assert 0 < found.evaluations < 150
    assert np.isnan(found.estimate).all()


def test_what_is_identified_can_still_be_asked_for() -> None:
    found = bc.fit(problem(dummies), "mle", options=bc.ModeOptions(starts=2, allow_unidentified=True))
    assert found.reasons[0].code is Code.PARTLY_IDENTIFIED
    assert np.isnan(found.values["intercept"])
    assert np.isfinite(found.values["b[0]"])


def linear(x: np.ndarray, family: Callable[[pt.TensorVariable], object]) -> Build:
    return lambda: family(pm.Flat("a") + pt.dot(x, pm.Flat("b", shape=x.shape[1])))


def gaussian_process() -> None:
    """One joint term for 12 coefficients: its gradients still show every one of them."""
    x = np.linspace(0.0, 1.0, 30)
    k = pm.HalfNormal("eta") ** 2 * pt.exp(-(((x[:, None] - x) / pm.HalfNormal("ell")) ** 2)) + 0.1 * np.eye(30)
    mean = pt.dot(np.vander(x, 8), pm.Flat("b", shape=8)) + pt.dot(X, pm.Flat("c", shape=3))
    pm.MvNormal("y", mean, k, observed=Y)


def sum_of_squares() -> None:
    """Locally flat along a circle, yet the highest point is one: a = b = 0."""
    pm.Normal("y", pm.Flat("a") ** 2 + pm.Flat("b") ** 2, 1.0, observed=np.full(4, -1.0))


IDENTIFIED: dict[str, Build] = {
    "normal": linear(X, lambda eta: pm.Normal("y", eta, pm.HalfFlat("sigma"), observed=Y)),
    "logistic": linear(X, lambda eta: pm.Bernoulli("y", logit_p=eta, observed=Y > 0)),
    "poisson": linear(X, lambda eta: pm.Poisson("y", pt.exp(eta), observed=np.exp(Y).round())),
    "negative binomial": linear(
        X, lambda eta: pm.NegativeBinomial("y", pt.exp(eta), pm.HalfFlat("alpha"), observed=np.exp(Y).round())
    ),
    "student": linear(X, lambda eta: pm.StudentT("y", nu=4.0, mu=eta, sigma=pm.HalfFlat("sigma"), observed=Y)),
    "nearly collinear": linear(
        np.column_stack([X, X[:, 0] + 1e-6 * RNG.standard_normal(30)]),
        lambda eta: pm.Normal("y", eta, 1.0, observed=Y),
    ),
    "nearly collinear, one term": linear(
        np.column_stack([X, X[:, 0] + 1e-6 * RNG.standard_normal(30)]),
        lambda eta: pm.MvNormal("y", eta, np.eye(30), observed=Y),
    ),
    "raw columns": linear(
        X * [1e9, 1.0, 1e-6] + [1e10, 5.0, 0.0], lambda eta: pm.Bernoulli("y", logit_p=eta, observed=Y > 0)
    ),
    "a Gaussian process": gaussian_process,
    "squares": sum_of_squares,
    "sums to zero": lambda: pm.Normal("y", pm.Flat("mu") + pm.ZeroSumNormal("z", shape=6)[G], 1.0, observed=Y),
    "a change point": lambda: pm.Normal(
        "y", pt.switch(np.arange(30) < pm.Normal("when", 15, 5), pm.Flat("a"), pm.Flat("b")), 1.0, observed=Y
    ),
    "a hinge": lambda: pm.Normal("y", pm.Flat("a") + pt.maximum(pm.Flat("b") * X[:, 0] - 9, 0), 1.0, observed=Y),
    "one parameter": lambda: pm.Poisson("y", pt.exp(pm.Flat("a")), observed=[1, 2]),
}


@pytest.mark.parametrize("name", IDENTIFIED)
def test_what_may_be_identified_is_searched(name: str) -> None:
    assert confounded(problem(IDENTIFIED[name]).density) == ()


def test_a_likelihood_that_is_a_potential_has_an_mle() -> None:
    """No observation has a weight of its own: the likelihood is the potential."""
    with pm.Model() as model:
        a, b = pm.Normal("a", 0, 10), pm.Normal("b", 0, 10)
        pm.Potential("likelihood", pm.logp(pm.Normal.dist(a + b * X[:, 0], 1.0), Y).sum())
    found = bc.fit(model, "mle")
    slope, intercept = np.polyfit(X[:, 0], Y, 1)
    np.testing.assert_allclose(found.estimate, [intercept, slope], rtol=1e-5)
