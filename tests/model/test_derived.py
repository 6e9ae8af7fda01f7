"""Observed variables that PyMC derives a density for, against the laws that they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayescompare.errors import UnsupportedModelError
from bayescompare.model.derived import is_derived
from bayescompare.model.predictive import Predictive
from bayescompare.model.problem import Problem

POINTS = np.array([[0.2], [-0.7], [1.1]])
Y = np.array([0.4, 1.3, 2.2])


def predictive(build: Callable[[Any], Any], values: Any) -> Predictive:
    """Of a model with x ~ Normal(0, 10), whose Deterministic ``y``, which ``build`` gives, was observed."""
    with pm.Model() as model:
        pm.Deterministic("y", build(pm.Normal("x", 0.0, 10.0)))
    return Predictive(Problem(pm.observe(model, {"y": values})))


def total(x: Any) -> Any:
    return pm.math.sum(pm.Normal.dist(x, 1.0, shape=5))


def column_totals(x: Any) -> Any:
    return pm.math.sum(pm.Normal.dist(x, np.array([1.0, 2.0, 3.0]), shape=(4, 3)), axis=0)


def shifted(x: Any) -> Any:
    return x + pm.Exponential.dist(0.5, shape=3)


def logarithmic(x: Any) -> Any:
    return pm.math.exp(pm.Normal.dist(x, 0.5, shape=3))


LAWS: dict[Callable[[Any], Any], tuple[Any, Callable[[float], Any]]] = {
    total: (2.0, lambda x: stats.norm(5 * x, np.sqrt(5.0))),
    column_totals: (Y, lambda x: stats.norm(4 * x, 2.0 * np.array([1.0, 2.0, 3.0]))),
    shifted: (Y + 1.0, lambda x: stats.expon(x, 2.0)),
    logarithmic: (Y, lambda x: stats.lognorm(0.5, scale=np.exp(x))),
}


@pytest.mark.parametrize("build", LAWS)
def test_the_derived_density_is_the_laws(build: Callable[[Any], Any]) -> None:
    values, law = LAWS[build]
    made = predictive(build, values)
    expected = [np.ravel(law(x).logpdf(values)) for (x,) in POINTS]
    np.testing.assert_allclose(made.log_likelihood(POINTS)["y"], expected, rtol=1e-7)
    assert made.terms[0].factorises


@pytest.mark.parametrize("build", LAWS)
def test_draws_have_the_derived_law(build: Callable[[Any], Any]) -> None:
    values, law = LAWS[build]
    n = 4000
    draws = predictive(build, values).draws(POINTS, draws=n, seed=1)["y"]
    assert draws.shape == (len(POINTS), n, np.size(values))
    for (x,), each in zip(POINTS, draws, strict=True):
        below = law(x).cdf(each)
        np.testing.assert_allclose(below.mean(axis=0), 0.5, atol=5 * np.sqrt(1 / 12 / n))
        np.testing.assert_allclose(below.var(axis=0), 1 / 12, atol=5 * np.sqrt(1 / 180 / n))


def test_it_is_called_after_what_it_is_made_of() -> None:
    assert predictive(logarithmic, Y).terms[0].distribution == "transformed Normal"


def test_a_running_total_is_no_sum_over_observations() -> None:
    (term,) = predictive(lambda x: pm.math.cumsum(pm.Normal.dist(x, 1.0, shape=3)), Y).terms
    assert term.lacks["pointwise"] == "the log density of an observation depends on other observations as well"


def test_a_sum_that_has_no_derived_density_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedModelError, match="'y'"):
        predictive(lambda x: pm.Normal.dist(x, 1.0) + pm.Normal.dist(2 * x, 2.0), 2.0)


def test_a_distribution_is_not_derived() -> None:
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("x"), 1.0, observed=Y)
    assert not is_derived(model["y"])
