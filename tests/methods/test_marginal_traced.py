"""The marginal density as a function of JAX against the one that a single fit climbs, over several data sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose

import bayescompare as bc
from bayescompare.errors import UnsupportedModelError
from bayescompare.methods.marginal.latent import latent_block
from bayescompare.methods.marginal.outer import Marginal, OuterProblem
from bayescompare.methods.marginal.traced import Traced, hyperparameters, traced
from bayescompare.model.problem import Problem

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
OTHERS = np.stack([Y, 2 * Y[::-1] + 5.0, np.random.default_rng(0).normal(4, 20, 8)])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
WEIGHTS = (1.0, 1.0, 1.0)


def schools(*, centred: bool) -> pm.Model:
    with pm.Model() as model:
        y = pm.Data("scores", Y)
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfNormal("tau", 5.0)
        theta = pm.Normal("theta", mu, tau, shape=8) if centred else mu + tau * pm.Normal("z", 0.0, 1.0, shape=8)
        pm.Normal("y", theta, SIGMA, observed=y)
    return model


def counts() -> pm.Model:
    group = np.repeat(np.arange(6), 4)
    rate = 3.0 * np.array([0.3, 2.0, 1.0, 0.5, 3.0, 1.2])[group]
    with pm.Model() as model:
        y = pm.Data("scores", np.random.default_rng(1).poisson(rate))
        mu, sd = pm.Normal("mu", 0.0, 2.0), pm.HalfNormal("sd", 1.0)
        z = pm.Normal("z", 0.0, 1.0, shape=6)
        pm.Deterministic("rate", pm.math.exp(mu + sd * z))
        pm.Poisson("y", pm.math.exp(mu + sd * z[group]), observed=y)
    return model


MODELS: dict[str, Callable[[], pm.Model]] = {
    "centred": lambda: schools(centred=True),
    "non-centred": lambda: schools(centred=False),
    "counts": counts,
}


def single(problem: Problem) -> Marginal:
    return OuterProblem.of(problem, latent_block(problem)).marginal


def mapped(function: Callable[..., Any], *args: Any) -> list[np.ndarray]:
    import jax

    out = jax.jit(jax.vmap(function))(*args)
    return [np.asarray(each) for each in (out if isinstance(out, tuple) else (out,))]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_height_and_gradient_are_those_of_a_single_fit_for_every_data_set(name: str) -> None:
    problem = Problem(MODELS[name]())
    own = np.asarray(problem.density.data["scores"])
    data = np.stack([own, np.roll(own, 3), own + 2]).astype(own.dtype)
    found = traced(problem)
    phi = np.array([[0.3, -0.2], [1.0, 0.6], [-0.5, -2.0]])
    value, gradient = mapped(lambda p, y: found.height(p, np.ones(3), y), phi, data)
    for row in range(3):
        density = single(problem.with_data(scores=data[row]))
        known, slope = density(phi[row], WEIGHTS)
        assert value[row] == pytest.approx(known, abs=1e-9)
        assert_allclose(gradient[row], slope, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", ["centred", "counts"])
def test_standard_errors_are_those_of_the_marginal_mode(name: str) -> None:
    problem = Problem(MODELS[name]())
    problem = problem.with_data(scores=OTHERS[1]) if name == "centred" else problem
    fit = bc.fit(problem, "marginal_map")
    assert fit.unconstrained is not None
    found = traced(problem)
    density = found.problem.marginal
    phi, weights = fit.unconstrained[density.latent.others], (1.0, 1.0, 0.0)
    steps = 1e-4 * np.eye(len(phi))
    slopes = [(density(phi + h, weights)[1] - density(phi - h, weights)[1]) / 2e-4 for h in steps]
    covariance = np.linalg.inv(-np.array(slopes))
    data = [np.asarray(array) for array in problem.density.data.values()]
    errors = np.asarray(found.errors(phi, covariance, np.array(weights), *data))
    assert_allclose(errors, list(fit.diagnostics["standard_errors"].values()), rtol=1e-4)


def drawn(found: Traced, data: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """Draws in u (B, D, d) and their log ratios, with hyperparameters from t's at a rough mode."""

    def over(function: Callable[..., Any], *args: Any) -> list[np.ndarray]:
        rows = [
            mapped(lambda *own, y=y: function(*own, np.ones(3), y), *(a[i] for a in args)) for i, y in enumerate(data)
        ]
        return [np.stack(each) for each in zip(*rows, strict=True)]

    phi = np.tile([4.0, 1.2], (len(data), 1))
    h = np.tile(np.diag([1 / 16.0, 1.0]), (len(data), 1, 1))
    points, told = hyperparameters(lambda p: over(found.height, p)[0], (phi, h), range(len(data)), draws)
    z = np.random.default_rng(0).normal(size=(len(data), draws, 8))
    u, ratios = over(found.draw, points, z)
    return u, ratios, told


def test_draws_of_several_data_sets_are_those_of_the_posterior() -> None:
    """Given its scales the model is Gaussian: draws have no log ratio, and the moments of mu are by quadrature."""
    found = traced(Problem(schools(centred=True)))
    u, ratios, told = drawn(found, OTHERS[:2], 2000)
    assert_allclose(ratios, 0.0, atol=1e-8)
    for row, y in enumerate(OTHERS[:2]):
        tau = np.linspace(0.01, 30, 3000)
        variance = SIGMA**2 + tau[:, None] ** 2
        precision = (1 / variance).sum(axis=1) + 1 / 25.0
        mean = (y / variance).sum(axis=1) / precision
        heights = -0.5 * (np.log(variance) + y**2 / variance).sum(axis=1) + 0.5 * (
            mean**2 * precision - np.log(precision)
        )
        share = np.exp(heights - tau**2 / 50 - (heights - tau**2 / 50).max())
        share /= share.sum()
        assert told[row].k_hat < 0.7
        exact = share @ mean
        sd = np.sqrt(share @ (1 / precision + mean**2) - exact**2)
        assert u[row, :, 0].mean() == pytest.approx(exact, abs=5 * sd / np.sqrt(told[row].ess))
        assert u[row, :, 0].std() == pytest.approx(sd, abs=5 * sd / np.sqrt(told[row].ess))


def test_a_model_without_a_latent_block_is_refused() -> None:
    with pm.Model() as model:
        rate = pm.Gamma("rate", 2.0, 1.0)
        pm.Poisson("y", rate, observed=np.array([1, 2, 3]))
    with pytest.raises(UnsupportedModelError, match="no block of Gaussian effects"):
        traced(Problem(model))
