"""Every transform of PyMC, with axes and batches: the density is PyMC's own, and the way back is the inverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from pymc.distributions import transforms as tr
from pytensor.compile.mode import get_mode
from scipy import stats

from bayescompare.methods.mode import fit
from bayescompare.methods.nuts import run
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.model.problem import Problem

FREE: dict[str, Callable[[], Any]] = {
    "log": lambda: pm.HalfNormal("x", shape=(2, 3)),
    "log_exp_m1": lambda: pm.Gamma("x", 2, 1, shape=3, default_transform=tr.log_exp_m1),
    "logodds": lambda: pm.Beta("x", 2, 3, shape=(2, 2)),
    "interval": lambda: pm.Uniform("x", [-1.0, 2.0], [1.0, 5.0], shape=(3, 2)),
    "interval below": lambda: pm.Normal("x", shape=3, transform=tr.Interval(lower=-1)),
    "interval above": lambda: pm.Normal("x", shape=3, transform=tr.Interval(upper=[2.5])),
    "interval between": lambda: pm.TruncatedNormal("x", 0, 1, lower=[-1.0, 0.0], upper=4.0, shape=(3, 2)),
    "interval of a parameter": lambda: pm.Normal(
        "x", pm.Normal("m"), 2, shape=2, transform=tr.Interval(bounds_fn=lambda r, s, mu, sd: (mu - sd, None))
    ),
    "bound that is a variable": lambda: pm.Uniform("x", 0, pm.HalfNormal("top"), shape=2),
    "circular": lambda: pm.VonMises("x", 0.5, 2.0, shape=(2, 2)),
    "ordered": lambda: pm.Normal("x", shape=(2, 3), transform=tr.ordered, initval=np.tile([-1.0, 0.0, 1.0], (2, 1))),
    "descending": lambda: pm.Normal("x", shape=3, transform=tr.Ordered(ascending=False), initval=[1.0, 0.0, -1.0]),
    "positive and ordered": lambda: pm.Gamma(
        "x", 2, 1, shape=3, default_transform=tr.Ordered(positive=True), initval=[0.5, 1.0, 2.0]
    ),
    "chain": lambda: pm.HalfNormal(
        "x", shape=(2, 3), default_transform=tr.Chain([tr.log, tr.ordered]), initval=np.tile([0.5, 1.0, 2.0], (2, 1))
    ),
    "simplex": lambda: pm.Dirichlet("x", np.ones((2, 4))),
    "zero-sum": lambda: pm.ZeroSumNormal("x", 2.0, shape=(2, 4)),
    "zero-sum, two axes": lambda: pm.ZeroSumNormal("x", 2.0, shape=(2, 3, 4), n_zerosum_axes=2),
    "zero-sum of axis 0": lambda: pm.Normal("x", shape=(3, 2), transform=tr.ZeroSumTransform([0])),
    "zero-sum of axis 0 of 3": lambda: pm.Normal("x", shape=(4, 3, 2), transform=tr.ZeroSumTransform([0])),
    "zero-sum of axes 0 and 1": lambda: pm.Normal("x", shape=(4, 3, 2), transform=tr.ZeroSumTransform([0, 1])),
    "zero-sum of axes 0 and 2": lambda: pm.Normal("x", shape=(4, 3, 2), transform=tr.ZeroSumTransform([0, -1])),
    "correlation": lambda: pm.LKJCorr("x", 3, 2.0),
    "covariance": lambda: pm.LKJCholeskyCov("x", n=3, eta=2.0, sd_dist=pm.Exponential.dist(1.0), compute_corr=False),
    "covariances": lambda: pm.Wishart("x", 5, np.eye(3)),
}

#: PyMC cannot add the Jacobian to the prior of a transform over other axes than the last: its shape is another.
UNJOINED = tuple(name for name in FREE if name.startswith("zero-sum of"))


def model(name: str) -> pm.Model:
    with pm.Model() as built:
        FREE[name]()
        pm.Normal("y", pt.sum(built["x"]), 1.0, observed=[0.3, 1.2])
    return built


def at_random(problem: Problem) -> np.ndarray:
    return problem.density.start + np.random.default_rng(2).normal(0.0, 0.7, (4, problem.dimension))


def point_of(problem: Problem, u: np.ndarray) -> dict[str, np.ndarray]:
    return {block.value_name: u[block.start : block.stop].reshape(block.shape) for block in problem.density.blocks}


@pytest.mark.parametrize("jacobian", [True, False])
@pytest.mark.parametrize("name", [name for name in FREE if name not in UNJOINED])
def test_the_log_density_is_pymcs(name: str, jacobian: bool) -> None:
    built = model(name)
    problem = Problem(built)
    reference = built.compile_logp(jacobian=jacobian, mode=get_mode("FAST_COMPILE").including("stabilize"))
    for u in at_random(problem):
        value, gradient = problem.density(u, (1.0, 1.0, float(jacobian)))
        assert value == pytest.approx(float(reference(point_of(problem, u))), abs=2e-6)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("axes", [[0], [0, 1], [0, -1], [1]])
def test_zero_sums_over_any_axes_are_normal_on_the_plane(axes: list[int]) -> None:
    with pm.Model() as built:
        pm.Normal("x", 0.0, 1.0, shape=(4, 3, 2), transform=tr.ZeroSumTransform(axes))
        pm.Normal("y", pt.sum(built["x"] ** 2), 1.0, observed=0.3)
    problem = Problem(built)
    points = at_random(problem)
    x = problem.density.push(points).reshape(-1, 4, 3, 2)
    for axis in axes:
        np.testing.assert_allclose(x.sum(axis=1 + axis if axis >= 0 else axis), 0.0, atol=1e-12)
    squares = (x**2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(squares, (points**2).sum(axis=1))  # it turns and adds nothing: no Jacobian
    expected = stats.norm().logpdf(x).sum(axis=(1, 2, 3)) + stats.norm(squares, 1.0).logpdf(0.3)
    found = [problem.density(u, (1.0, 1.0, 1.0))[0] for u in points]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("name", FREE)
def test_the_way_back_is_the_inverse(name: str) -> None:
    problem = Problem(model(name))
    points = at_random(problem)
    free = problem.density.push(points)[:, : problem.scalars.free]
    np.testing.assert_allclose(problem.density.pull(free), points, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zero-sum of axis 0", "zero-sum of axes 0 and 2", "interval between"])
def test_nuts_samples_what_the_modes_are_of(name: str) -> None:
    problem = Problem(model(name))
    assert run(problem, options=SamplerOptions(draws=50, tune=100, chains=1)).ok


@pytest.mark.slow
def test_zero_sum_over_the_first_axis() -> None:
    """Columns sum to 0: with the prior N(0, 1) on that plane, y ~ N(x, 1) gives N(centred y / 2, (I − J/3) / 2)."""
    y = np.array([[1.0, -2.0], [0.5, 0.4], [-0.3, 3.1]])
    with pm.Model() as built:
        x = pm.Normal("x", 0.0, 1.0, shape=(3, 2), transform=tr.ZeroSumTransform([0]))
        pm.Normal("y", x, 1.0, observed=y)
    problem = Problem(built)
    centre = (y - y.mean(axis=0)) / 2
    np.testing.assert_allclose(fit(problem, "map").estimate.reshape(3, 2), centre, atol=1e-6)
    nuts = run(problem, options=SamplerOptions(draws=1000, tune=300, chains=2))
    sd = np.sqrt(0.5 * 2 / 3)
    np.testing.assert_allclose(nuts.estimate.reshape(3, 2), centre, atol=5 * sd / np.sqrt(800))
