"""Operations of the user's own: modes without derivatives, samplers that need none, refusals, and values that raise."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from bayescompare.errors import FitError, NoFiniteStartError, UnsupportedModelError
from bayescompare.methods import laplace, mode, nuts
from bayescompare.methods.nutpie import panics_told
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Status

X = np.linspace(0.0, 9.0, 10)
Y = 0.4 * X + 3.0 + np.random.default_rng(261).normal(0.0, 1.0, 10)
PRIOR = 10.0


class LogLike(Op):
    """A Gaussian line's log likelihood, in NumPy, without a gradient."""

    def make_node(self, m: Any, c: Any) -> Apply:
        return Apply(self, [pt.as_tensor(m), pt.as_tensor(c)], [pt.dscalar()])

    def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
        m, c = inputs
        outputs[0][0] = np.asarray(-0.5 * np.sum((Y - m * X - c) ** 2))


class Smooth(LogLike):
    """The same with one."""

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        m, c = inputs
        left = Y - m * X - c
        return [(left * X).sum() * cotangents[0], left.sum() * cotangents[0]]


class Touchy(LogLike):
    """The same, which raises where the slope is above ``limit``."""

    __props__ = ("limit",)

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
        if inputs[0] > self.limit:
            raise ValueError("the solver did not converge")
        super().perform(node, inputs, outputs)


class Chancy(LogLike):
    """The same with noise."""

    def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
        super().perform(node, inputs, outputs)
        outputs[0][0] = outputs[0][0] + np.random.default_rng().normal()


def line(operation: Op) -> Problem:
    with pm.Model() as model:
        m, c = pm.Normal("m", 0.0, PRIOR), pm.Normal("c", 0.0, PRIOR)
        pm.Potential("likelihood", operation(m, c))
    return Problem(model)


def exact() -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and covariance, in closed form."""
    design = np.column_stack([X, np.ones_like(X)])
    covariance = np.linalg.inv(design.T @ design + np.eye(2) / PRIOR**2)
    return covariance @ design.T @ Y, covariance


def test_a_mode_is_found_without_derivatives() -> None:
    mean, covariance = exact()
    found = mode.fit(line(LogLike()), "map")
    assert found.status is Status.OK
    np.testing.assert_allclose(found.estimate, mean, rtol=1e-6)
    assert "without derivatives, as LogLike has no gradient" in found.reasons[-1].text
    errors = list(found.diagnostics["standard_errors"].values())
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance)), rtol=1e-4)


def test_its_laplace_approximation_is_the_posterior() -> None:
    mean, covariance = exact()
    found = laplace.fit(line(LogLike()))
    assert found.draws is not None
    np.testing.assert_allclose(found.draws[0].mean(axis=0), mean, rtol=1e-6)
    np.testing.assert_allclose(np.cov(found.draws[0].T), covariance, rtol=1e-4)


def test_a_mode_on_a_bound_is_found_without_derivatives() -> None:
    with pm.Model() as model:
        m, c = pm.Uniform("m", 0.5, 2.0), pm.Normal("c", 0.0, PRIOR)
        pm.Potential("likelihood", LogLike()(m, c))
    found = mode.fit(Problem(model), "map")
    assert found.values["m"] == pytest.approx(0.5)
    assert found.diagnostics["boundary"] == ["m"]
    expected = np.sum(Y - 0.5 * X) / (len(Y) + 1 / PRIOR**2)
    assert found.values["c"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("engine", ["nutpie", "numpyro", "blackjax"])
def test_nuts_is_refused_by_name(engine: str) -> None:
    pytest.importorskip(engine)
    with pytest.raises(UnsupportedModelError, match=r"LogLike has none.*--engine pymc"):
        nuts.run(line(LogLike()), options=SamplerOptions(engine=engine))


def test_a_gradient_of_the_users_own_is_used() -> None:
    mean, _ = exact()
    problem = line(Smooth())
    assert problem.density.no_gradient == ()
    np.testing.assert_allclose(mode.fit(problem, "map").estimate, mean, rtol=1e-8)


def test_starts_where_an_operation_raises_are_left_out() -> None:
    mean, _ = exact()
    problem = line(Touchy(2.0))
    found = mode.fit(problem, "map")
    assert found.status is Status.OK
    np.testing.assert_allclose(found.estimate, mean, rtol=1e-6)
    value, _ = problem.density(np.array([3.0, 0.0]), (1.0, 1.0, 1.0))
    assert value == -np.inf


def test_an_operation_that_raises_everywhere_is_named() -> None:
    problem = line(Touchy(-np.inf))
    with pytest.raises(NoFiniteStartError, match="Touchy raises ValueError: the solver did not converge"):
        mode.fit(problem, "map")


def test_an_operation_that_draws_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=r"random: two values at one point.*Chancy"):
        mode.fit(line(Chancy()), "map")


class Alone(Smooth):
    """The same by a solver that cannot be entered twice, as LSODA of SciPy's odeint."""

    busy = False

    def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
        if Alone.busy:
            raise RuntimeError("entered twice")
        Alone.busy = True
        time.sleep(1e-4)  # another thread may run
        super().perform(node, inputs, outputs)
        Alone.busy = False


def test_chains_take_turns_in_an_operation_of_ones_own() -> None:
    problem = line(Alone())
    nuts.run(problem, options=SamplerOptions(draws=50, tune=50, chains=2))
    assert problem.density.raised is None


def test_a_panic_of_compiled_code_is_a_fit_that_failed() -> None:
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(FitError, match="nutpie failed: the chain is gone"), panics_told():
        raise panic("the chain is gone\nStack backtrace:")
    with pytest.raises(KeyboardInterrupt), panics_told():
        raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize(("operation", "engine"), [(LogLike(), "pymc"), (Smooth(), "nutpie"), (Smooth(), "pymc")])
def test_the_posterior_of_an_operation_of_ones_own(operation: Op, engine: str) -> None:
    from arviz_stats.base import array_stats

    mean, covariance = exact()
    found = nuts.run(line(operation), options=SamplerOptions(draws=1000, tune=500, chains=2, engine=engine), seed=1)
    assert found.draws is not None
    for i, sd in enumerate(np.sqrt(np.diag(covariance))):
        draws = found.draws[:, :, i]
        error = sd / np.sqrt(array_stats.ess(draws))
        assert abs(draws.mean() - mean[i]) < 4 * error
        assert draws.std() == pytest.approx(sd, abs=4 * error)
