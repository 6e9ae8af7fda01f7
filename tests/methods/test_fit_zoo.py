"""Every kind of model that PyMC can write: its density is PyMC's, and its modes are finite or said not to exist."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from pymc.distributions import transforms
from pytensor.compile.mode import get_mode
from scipy import optimize, stats

import bayescompare as bc
from bayescompare.model.backends import without_compiler
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Status

Y = np.array([0.3, -1.2, 0.8, 2.1])

# PyMC takes some logarithms of constants in float32 (tests/test_density.py): 6e-8 each.
SINGLE = 5e-7

Answer = dict[str, float]


def potentials_only() -> Answer:
    x = pm.Normal("x", 0.0, 2.0)
    pm.Potential("p", -((x - 1.0) ** 2))
    pm.Potential("q", -(x**2))
    return {"x": 1 / (2 + 1 / 8)}


def deterministics() -> Answer:
    x = pm.Normal("x", 0.0, 1.0, shape=2)
    pm.Deterministic("half", x / 2.0)
    pm.Deterministic("outer", pt.outer(x, x))
    pm.Deterministic("floor", pt.cast(pt.floor(4.0 * x[0]), "int64"))
    pm.Deterministic("positive", x > 0)
    pm.Normal("y", x.sum(), 1.0, observed=Y)
    m = Y.sum() / (4 + 0.5) / 2
    return {"x[1]": m, "half[0]": m / 2, "outer[0, 1]": m**2, "floor": math.floor(4 * m), "positive[0]": 1.0}


def imputed() -> Answer:
    x = pm.Normal("x", 0.0, 1.0)
    pm.Normal("y", x, 1.0, observed=np.ma.masked_invalid([0.3, np.nan, 1.2]))
    return {"x": 0.5, "y_unobserved[0]": 0.5, "y[1]": 0.5, "y[2]": 1.2}


def nested() -> Answer:
    with pm.Model("outer"), pm.Model("inner"):
        b = pm.Normal("b", 0.0, 1.0)
    pm.Normal("y", b, 1.0, observed=Y)
    return {"outer::inner::b": Y.sum() / 5}


def several_observed() -> Answer:
    a = pm.Normal("a", 0.0, 1.0)
    pm.Normal("y", a, 1.0, observed=Y)
    pm.Normal("z", 2.0 * a, 0.5, observed=np.array([1.0, 0.4]))
    return {"a": (Y.sum() + 8.0 * 1.4) / (1 + 4 + 32)}


def custom_density() -> Answer:
    a = pm.CustomDist("a", 1.0, logp=lambda value, m: -((value - m) ** 2))
    pm.Normal("y", a, 1.0, observed=Y)
    return {"a": (2.0 + Y.sum()) / 6}


def custom_density_with_draws() -> Answer:
    a = pm.CustomDist(
        "a",
        1.0,
        logp=lambda value, m: -((value - m) ** 2),
        random=lambda m, rng=None, size=None: rng.normal(m, math.sqrt(0.5), size),
    )
    pm.Normal("y", a, 1.0, observed=Y)
    return {"a": (2.0 + Y.sum()) / 6}


def custom_graph() -> Answer:
    a = pm.CustomDist("a", 0.5, dist=lambda m, size: pm.math.exp(pm.Normal.dist(m, 1.0, size=size)))
    pm.Potential("flat", 0.0 * a)
    return {"a": math.exp(0.5 - 1.0)}  # a lognormal's mode


def custom_transform() -> Answer:
    x = pm.Normal("x", 0.0, 1.0, transform=transforms.Interval(-1.0, 0.2), initval=0.0)
    pm.Normal("y", x, 1.0, observed=Y)
    return {"x": 0.2}  # of a mode at 0.4 the nearest point of the interval


def dirichlet() -> Answer:
    p = pm.Dirichlet("p", np.array([[2.0, 3.0, 4.0], [2.0, 2.0, 2.0]]))
    pm.Multinomial("k", np.array([9, 3]), p, observed=np.array([[2, 3, 4], [1, 1, 1]]))
    return {"p[0, 0]": 3 / 15, "p[0, 2]": 7 / 15, "p[1, 1]": 1 / 3}


def ordered() -> Answer:
    c = pm.Normal("c", 0.0, 100.0, shape=2, transform=transforms.ordered, initval=[-1.0, 1.0])
    pm.OrderedLogistic("k", eta=0.0, cutpoints=c, observed=np.array([0, 1, 2, 1]))
    pm.Potential("undo_prior", (c**2).sum() / (2 * 100.0**2))
    return {"c[0]": -math.log(3), "c[1]": math.log(3)}


def zero_sum() -> Answer:
    z = pm.ZeroSumNormal("z", 1.0, shape=4)
    pm.Normal("y", z, 1.0, observed=Y)
    return {f"z[{i}]": (y - Y.mean()) / 2 for i, y in enumerate(Y)}


def multivariate() -> Answer:
    cov = np.array([[1.0, 0.3], [0.3, 2.0]])
    m = pm.Normal("m", 0.0, 1.0, shape=2)
    pm.MvNormal("y", m, cov=cov, observed=Y.reshape(2, 2))
    precision = np.linalg.inv(cov)
    exact = np.linalg.solve(2 * precision + np.eye(2), precision @ Y.reshape(2, 2).sum(axis=0))
    return {"m[0]": exact[0], "m[1]": exact[1]}


def covariance() -> Answer:
    rng = np.random.default_rng(0)
    chol, *_ = pm.LKJCholeskyCov("L", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0))
    pm.MvNormal("y", np.zeros(2), chol=chol, observed=rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 2]], size=20))
    return {"L_corr[0, 0]": 1.0, "L_corr[1, 1]": 1.0}


def brute(log_density: Callable[[float], float]) -> float:
    """The top of a density of one scalar, by SciPy."""
    result = optimize.minimize_scalar(lambda x: -log_density(x), bracket=(-1.0, 1.0), tol=1e-12)
    return float(result.x)


def truncated() -> Answer:
    m = pm.Normal("m", 0.0, 1.0)
    pm.Truncated("y", pm.Normal.dist(m, 1.0), lower=0.0, observed=np.abs(Y))
    return {
        "m": brute(lambda m: stats.norm.logpdf(m) + (stats.norm(m).logpdf(np.abs(Y)) - stats.norm(m).logsf(0)).sum())
    }


def truncated_prior() -> Answer:
    m = pm.TruncatedNormal("m", 0.0, 1.0, lower=-1.0, upper=1.0)
    pm.Normal("y", m, 1.0, observed=Y)
    return {"m": Y.sum() / 5}


def censored() -> Answer:
    m = pm.Normal("m", 0.0, 1.0)
    pm.Censored("y", pm.Normal.dist(m, 1.0), lower=None, upper=1.0, observed=np.minimum(Y, 1.0))
    return {
        "m": brute(lambda m: stats.norm.logpdf(m) + stats.norm(m).logpdf(Y[:3]).sum() + stats.norm(m).logsf(1.0)),
    }


def mixture() -> Answer:
    m = pm.Normal("m", 0.0, 1.0)
    pm.NormalMixture("y", w=np.array([0.75, 0.25]), mu=pt.stack([m, m + 1.0]), sigma=1.0, observed=Y)
    return {
        "m": brute(
            lambda m: stats.norm.logpdf(m) + np.log(0.75 * stats.norm(m).pdf(Y) + 0.25 * stats.norm(m + 1).pdf(Y)).sum()
        )
    }


def autoregression() -> Answer:
    """x = 0, …: an AR(1) of known coefficient is a Gaussian with a tridiagonal precision."""
    x = pm.AR("x", rho=np.array([0.5]), sigma=1.0, init_dist=pm.Normal.dist(0.0, 1.0), steps=3)
    pm.Normal("y", x, 1.0, observed=Y)
    step = np.eye(4) - 0.5 * np.eye(4, k=-1)
    exact = np.linalg.solve(step.T @ step + np.eye(4), Y)
    return {f"x[{i}]": value for i, value in enumerate(exact)}


def scan() -> Answer:
    import pytensor

    r = pm.Normal("r", 0.0, 1.0)
    growth = pytensor.scan(
        lambda one, x, r: one * x * r,  # a sequence in single precision, as constants are stored
        sequences=[pt.constant(np.ones(3, dtype="float32"))],
        outputs_info=[pt.constant(1.0, dtype="float64")],
        non_sequences=[r],
        return_updates=False,
    )
    pm.Normal("y", growth, 1.0, observed=np.array([0.9, 0.7, 0.8]))
    y = np.array([0.9, 0.7, 0.8])
    return {"r": brute(lambda r: stats.norm.logpdf(r) + stats.norm(r ** np.arange(1, 4)).logpdf(y).sum())}


def improper() -> Answer:
    a, s = pm.Flat("a"), pm.HalfFlat("s")
    pm.Normal("y", a, s, observed=Y)
    return {"a": Y.mean(), "s": Y.std()}


def convolution() -> Answer:
    m = pm.Normal("m", 0.0, 1.0)
    pm.ExGaussian("y", mu=m, sigma=1.0, nu=1.5, observed=Y)
    return {"m": brute(lambda m: stats.norm.logpdf(m) + stats.exponnorm(1.5, loc=m).logpdf(Y).sum())}


FAST = [potentials_only, deterministics, imputed, nested, covariance]
SLOW = [
    several_observed,
    custom_density,
    custom_density_with_draws,
    custom_graph,
    custom_transform,
    dirichlet,
    ordered,
    zero_sum,
    multivariate,
    truncated,
    truncated_prior,
    censored,
    mixture,
    autoregression,
    scan,
    improper,
    convolution,
]


@pytest.mark.parametrize(
    "build", [*FAST, *(pytest.param(build, marks=pytest.mark.slow) for build in SLOW)], ids=lambda build: build.__name__
)
def test_a_model_of_each_kind(build: Callable[[], Answer]) -> None:
    with warnings.catch_warnings(), pm.Model() as model:
        warnings.simplefilter("ignore", UserWarning)  # that missing values are imputed, and scan's change of interface
        expected = build()
    problem = Problem(model)
    density = problem.density
    u = density.start + np.random.default_rng(1).normal(0, 0.3, density.dimension)
    at: dict[str, Any] = {b.value_name: u[b.start : b.stop].reshape(b.shape) for b in density.blocks}
    with without_compiler():
        reference = model.compile_logp(mode=get_mode("FAST_COMPILE").including("stabilize"))(at)
    assert density(u, (1, 1, 1))[0] == pytest.approx(float(reference), abs=SINGLE)
    free = density.push(u[None])[:, : problem.scalars.free]
    np.testing.assert_allclose(
        density.push(density.pull(free))[:, : problem.scalars.free], free, rtol=1e-10, atol=1e-12
    )

    found = bc.fit(problem, "map")
    assert found.status is Status.OK, found.reasons
    assert np.isfinite(found.estimate).all()
    for name, value in expected.items():
        # Newton's tolerance; SciPy's Brent search stops at √1e-16.
        assert found.values[name] == pytest.approx(value, rel=1e-7, abs=2e-8), name
