"""Which variables are integrated out, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

import bayescompare as bc
from bayescompare.errors import UnknownNameError, UnsupportedModelError, UsageError
from bayescompare.methods.marginal import MarginalOptions
from bayescompare.methods.marginal.latent import latent_block
from bayescompare.model.problem import Problem

NEAR = np.diag(np.ones(4), 1) + np.diag(np.ones(4), -1)
Y = np.array([0.3, -0.2, 0.5, 1.0, -0.6])


def model_of(effects: Callable[[Any, Any], Any]) -> pm.Model:
    """Five observations of effects that have a location and a scale."""
    with pm.Model() as model:
        mu, sd = pm.Normal("mu", 0.0, 1.0), pm.HalfNormal("sd", 1.0)
        pm.Normal("y", effects(mu, sd), 1.0, observed=Y)
    return model


def random_walk(innovation: Any) -> Callable[[Any, Any], Any]:
    from pymc.distributions.timeseries import RandomWalk

    return lambda mu, sd: RandomWalk("x", innovation_dist=innovation(), init_dist=pm.Normal.dist(0.0, 1.0), steps=4)


GAUSSIAN: dict[str, Callable[[Any, Any], Any]] = {
    "centred": lambda mu, sd: pm.Normal("x", mu, sd, shape=5),
    "noncentred": lambda mu, sd: mu + sd * pm.Normal("x", 0.0, 1.0, shape=5),
    "coefficients": lambda mu, sd: mu + np.eye(5)[:, :3] @ pm.Normal("x", 0.0, sd, shape=3),
    "multivariate": lambda mu, sd: pm.MvNormal("x", mu * np.ones(5), sd**2 * np.eye(5)),
    "zero-sum": lambda mu, sd: mu + pm.ZeroSumNormal("x", sd, shape=5),
    "random walk": lambda mu, sd: pm.GaussianRandomWalk("x", sigma=sd, init_dist=pm.Normal.dist(mu, 1.0), shape=5),
    "autoregression": lambda mu, sd: pm.AR("x", [0.5], sigma=sd, init_dist=pm.Normal.dist(0.0, 1.0, shape=1), shape=5),
    "conditional autoregression": lambda mu, sd: pm.CAR("x", mu * np.ones(5), NEAR, alpha=0.5, tau=1 / sd**2),
    "intrinsic autoregression": lambda mu, sd: mu + sd * pm.ICAR("x", W=NEAR),
}

OTHER: dict[str, Callable[[Any, Any], Any]] = {
    "student": lambda mu, sd: pm.StudentT("x", nu=4.0, mu=mu, sigma=sd, shape=5),
    "truncated": lambda mu, sd: pm.TruncatedNormal("x", mu, sd, lower=-3.0, shape=5),
    "positive": lambda mu, sd: pm.Gamma("x", 2.0, 1.0, shape=5),
    "ordered": lambda mu, sd: pm.Normal("x", mu, 1.0, shape=5, transform=pm.distributions.transforms.ordered),
    "walk of another law": random_walk(lambda: pm.StudentT.dist(nu=3.0, mu=0.0, sigma=1.0)),
    "flat": lambda mu, sd: pm.Flat("x", shape=5),
}


@pytest.mark.parametrize("name", sorted(GAUSSIAN))
def test_gaussian_effects_are_found(name: str) -> None:
    found = latent_block(Problem(model_of(GAUSSIAN[name])))
    assert found.names == ("x",)
    assert found.why["x"].startswith("Gaussian")
    assert (found.why["mu"], found.why["sd"]) == ("a scalar", "a scalar")
    assert not found.named


@pytest.mark.parametrize("name", sorted(GAUSSIAN))
def test_each_of_them_is_integrated_exactly(name: str) -> None:
    """Given mu and sd, everything here is Gaussian: weights correct nothing."""
    fit = bc.fit(model_of(GAUSSIAN[name]), "marginal_laplace", options=MarginalOptions(draws=100))
    assert fit.status != "failed", fit.reasons
    assert np.ptp(fit.statistics["log_ratio"]) < 1e-6
    assert fit.diagnostics["k_hat"] == 0


@pytest.mark.parametrize("name", sorted(OTHER))
def test_other_effects_are_refused_and_told(name: str) -> None:
    with pytest.raises(UnsupportedModelError, match=r"no block of Gaussian effects.*mu: a scalar.*x: ") as refused:
        latent_block(Problem(model_of(OTHER[name])))
    assert "latent=" in str(refused.value)


def test_a_parameter_of_another_effects_spread_is_none_of_the_block() -> None:
    def effects(mu: Any, sd: Any) -> Any:
        spread = pm.Normal("spread", 0.0, 1.0, shape=5)
        return pm.Normal("x", mu, pt.exp(spread), shape=5)

    found = latent_block(Problem(model_of(effects)))
    assert found.names == ("x",)
    assert found.why["spread"] == "a parameter of the prior of x"


def test_a_location_of_other_effects_is_in_the_block() -> None:
    def effects(mu: Any, sd: Any) -> Any:
        above = pm.Normal("above", mu, 1.0, shape=2)
        return pm.Normal("x", above[np.array([0, 0, 1, 1, 1])], sd, shape=5)

    assert latent_block(Problem(model_of(effects))).names == ("above", "x")


def test_any_free_variable_can_be_named() -> None:
    found = latent_block(Problem(model_of(OTHER["positive"])), ("x", "mu"))
    assert found.names == ("mu", "x")
    assert found.named
    assert found.coordinates.tolist() == [0, 2, 3, 4, 5, 6]


def test_names_that_are_none_of_the_model_are_refused() -> None:
    problem = Problem(model_of(GAUSSIAN["centred"]))
    with pytest.raises(UnknownNameError, match=r"'z'. There are: mu, sd, x"):
        latent_block(problem, ("x", "z"))
    with pytest.raises(UnsupportedModelError, match="no hyperparameter"):
        latent_block(problem, ("x", "mu", "sd"))
    with pytest.raises(UsageError, match="not one text"):
        MarginalOptions(latent="x")  # type: ignore[arg-type]


# -- loud failures ---------------------------------------------------------------------------------


def test_a_scale_in_the_block_is_never_ok() -> None:
    fit = bc.fit(model_of(GAUSSIAN["noncentred"]), "marginal_map", options=MarginalOptions(latent=("x", "sd")))
    assert fit.status == "suspect"
    assert "sd is a positive scale" in fit.reasons[0].text


def test_a_block_of_several_modes_is_never_ok() -> None:
    with pm.Model() as model:
        sigma = pm.HalfNormal("sigma", 0.1)
        x = pm.Normal("x", 0.3, 2.0, shape=2)
        pm.Normal("y", x**2, 0.1 + sigma, observed=np.array([4.0, 1.0]))
    fit = bc.fit(model, "marginal_map")
    assert not fit.ok
    assert "the latent block (x)" in fit.reasons[0].text


def test_a_density_without_a_translation_to_jax_is_refused() -> None:
    with pm.Model() as model:
        sd = pm.HalfNormal("sd", 1.0)
        x = pm.Normal("x", 0.0, sd, shape=3)
        pm.Censored("y", pm.Normal.dist(x, 1.0), lower=-1.0, upper=None, observed=np.array([0.1, -1.0, 0.4]))
    with pytest.raises(UnsupportedModelError, match="no translation"):
        bc.fit(model, "marginal_map")
