"""NUTS: shapes, seeds, statistics, and one posterior whichever engine samples it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from arviz_stats.base import array_stats

import bayescompare as bc
from bayescompare.errors import EngineNotInstalledError, FitError, UnknownNameError, UsageError
from bayescompare.methods.nutpie import Guide, choose_backend
from bayescompare.methods.nuts import _check_draws, check_engine, run
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Fit, Status
from bayescompare.results.sampler_statistics import STATISTICS
from tests.model.test_density import BlackBox

Y = np.array([3, 1, 4, 2])
SHAPE, RATE = 2.5 + Y.sum(), 1.5 + len(Y)
FEW = SamplerOptions(draws=40, tune=120, chains=2)


def gamma_poisson() -> pm.Model:
    """Posterior Gamma(12.5, 5.5)."""
    with pm.Model() as model:
        rate = pm.Gamma("rate", 2.5, 1.5)
        pm.Deterministic("twice", 2.0 * rate)
        pm.Poisson("k", rate, observed=pm.Data("d", Y))
    return model


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(gamma_poisson())


@pytest.fixture(scope="module")
def few(problem: Problem) -> Fit:
    return bc.fit(problem, "nuts", random_seed=1, options=FEW)


def assert_posterior(found: Fit, shape: float, rate: float) -> None:
    """Mean and second moment within 5 Monte-Carlo standard errors of Gamma(shape, rate)."""
    assert found.draws is not None
    x = found.draws[:, :, 0]
    mean, second = shape / rate, shape * (shape + 1) / rate**2
    for draws, exact in ((x, mean), (x**2, second)):
        mcse = draws.std() / np.sqrt(float(array_stats.ess(draws, method="mean")))
        assert abs(draws.mean() - exact) < 5 * mcse
    assert found.estimate[0] == pytest.approx(x.mean(), rel=1e-12)
    np.testing.assert_allclose(found.draws[:, :, 1], 2 * x, rtol=1e-14)


def test_shapes_and_what_is_told_of_the_run(problem: Problem, few: Fit) -> None:
    assert few.draws is not None
    assert few.unconstrained_draws is not None
    assert few.draws.shape == (2, 40, 2)
    assert few.unconstrained_draws.shape == (2, 40, 1)
    assert few.names == ("rate", "twice")
    np.testing.assert_allclose(np.exp(few.unconstrained_draws[..., 0]), few.draws[..., 0], rtol=1e-13)
    expected = {"engine": "nutpie", "chains": 2, "draws": 40, "tune": 120, "target_accept": 0.8}
    assert expected.items() <= few.diagnostics.items()
    assert few.diagnostics["backend"] in ("numba", "jax")
    assert few.diagnostics["divergences"] == int(few.statistics["diverging"].sum())
    assert few.status is Status.OK


def test_statistics_have_one_name_and_shape(few: Fit) -> None:
    assert set(few.statistics) == set(STATISTICS.values()) - {"log_q"}  # no sampler knows it of its draws
    assert all(values.shape == (2, 40) for values in few.statistics.values())


def test_lp_is_the_density_of_the_draws(problem: Problem, few: Fit) -> None:
    assert few.unconstrained_draws is not None
    values, _ = problem.density.batch(few.unconstrained_draws.reshape(-1, 1), (1, 1, 1))
    ours, theirs = values - values[0], few.statistics["lp"].ravel() - few.statistics["lp"].ravel()[0]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)  # up to constants that nutpie may leave out


def test_one_seed_one_chain_of_draws(problem: Problem, few: Fit) -> None:
    again, other = (bc.fit(problem, "nuts", random_seed=seed, options=FEW) for seed in (1, 2))
    assert few.draws is not None
    assert again.draws is not None
    assert other.draws is not None
    assert few.draws.tobytes() == again.draws.tobytes()
    assert not np.any(few.draws == other.draws)
    assert not np.any(few.draws[0] == few.draws[1])


DIGEST = """
import hashlib
import bayescompare as bc, models
few = bc.SamplerOptions(draws=100, tune=100, chains=2)
draws = bc.fit(models.eight_schools(), "nuts", random_seed=3, options=few).draws
print(hashlib.sha256(draws.tobytes()).hexdigest())
"""


def test_one_seed_gives_one_result_whatever_numbas_cache_holds(tmp_path: Path) -> None:
    """With ``fastmath`` the first process, which compiles everything, drew other numbers than those that follow."""
    caches = {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path / 'pytensor'}", "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    command = [sys.executable, "-c", DIGEST]
    runs = [
        subprocess.run(
            command,
            env={**os.environ, **caches, "BAYESCOMPARE_CACHE": switch},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for switch in ("1", "1", "0")
    ]
    assert runs[0] == runs[1] == runs[2] != ""


def test_the_posterior_is_right_and_so_is_that_of_other_data(problem: Problem) -> None:
    options = SamplerOptions(draws=500, tune=300, chains=2)
    assert_posterior(bc.fit(problem, "nuts", random_seed=5, options=options), SHAPE, RATE)
    other = problem.with_data(d=np.array([20, 30, 25, 22]))
    found = bc.fit(other, "nuts", random_seed=5, options=options)
    assert_posterior(found, 2.5 + 97, 1.5 + 4)
    # The sampler was compiled for the first.
    assert found.compile_seconds < 0.5


def test_data_of_a_deterministic_alone_can_be_swapped() -> None:
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0)
        pm.Deterministic("line", a * pm.Data("at", [1.0, 2.0]))
        pm.Normal("y", a, 1.0, observed=pm.Data("d", [0.3, 0.5]))
    problem = Problem(model).with_data(at=[3.0, 4.0])
    found = bc.fit(problem, "nuts", random_seed=1, options=FEW)
    assert found.draws is not None
    np.testing.assert_allclose(found.draws[..., 1:], found.draws[..., :1] * [3.0, 4.0], rtol=1e-14)


@pytest.mark.slow
def test_the_density_of_the_modes_can_be_sampled_too(problem: Problem) -> None:
    options = SamplerOptions(draws=500, tune=300, chains=2, backend="jax")
    found = bc.fit(problem, "nuts", random_seed=5, options=options)
    assert found.diagnostics["backend"] == "jax"
    assert_posterior(found, SHAPE, RATE)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["pymc", "numpyro", "blackjax"])
def test_other_engines_sample_the_same_posterior(
    problem: Problem, engine: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip(engine)
    options = SamplerOptions(draws=500, tune=500, chains=2, engine=engine, target_accept=0.9)
    found = bc.fit(problem, "nuts", random_seed=5, options=options)
    assert capfd.readouterr().out + caplog.text == ""  # fitting prints nothing
    assert found.diagnostics["engine"] == engine
    assert found.diagnostics["target_accept"] == 0.9
    assert found.unconstrained_draws is not None
    assert found.unconstrained_draws.shape == (2, 500, 1)
    assert "diverging" in found.statistics
    assert all(values.shape == (2, 500) for values in found.statistics.values())
    assert_posterior(found, SHAPE, RATE)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["pymc", "numpyro", "blackjax"])
def test_other_engines_sample_other_data(problem: Problem, engine: str) -> None:
    pytest.importorskip(engine)
    other = problem.with_data(d=np.array([20, 30, 25, 22]))
    found = bc.fit(other, "nuts", random_seed=5, options=SamplerOptions(draws=500, tune=500, chains=2, engine=engine))
    assert_posterior(found, 2.5 + 97, 1.5 + 4)
    np.testing.assert_array_equal(problem.observed["k"], Y)


def test_a_raw_column_is_sampled_from_about_the_mode() -> None:
    """A coefficient of 1e-12 beside others of 1: no start about the initial point is near the posterior."""
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(60), np.exp(rng.normal(25.0, 1.2, 60)), rng.normal(10.0, 1.0, 60)])
    y = x @ [0.5, 8e-12, 0.08] + rng.normal(size=60)
    covariance = np.linalg.inv(x.T @ x)
    mean = covariance @ x.T @ y
    with pm.Model() as model:
        a, b, c = (pm.Flat(name) for name in "abc")
        pm.Normal("y", a + b * x[:, 1] + c * x[:, 2], 1.0, observed=y)
    guide = Guide(rng.multivariate_normal(mean, covariance, 100), condition=1e3)
    found = run(Problem(model), seed=1, options=SamplerOptions(draws=500, tune=500, chains=2), guide=guide)
    assert found.draws is not None
    ess = np.array([float(array_stats.ess(found.draws[..., i], method="mean")) for i in range(3)])
    sd = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(found.estimate - mean) < 5 * sd / np.sqrt(ess))
    assert np.all(ess > 200)
    np.testing.assert_allclose(found.draws.std(axis=(0, 1)), sd, rtol=0.25)
    assert (found.diagnostics["metric"], found.diagnostics["starts"]) == ("low rank", "laplace")


def test_an_unknown_engine_is_refused(problem: Problem) -> None:
    with pytest.raises(UnknownNameError, match=r"'stan'.* nutpie, pymc, numpyro, blackjax"):
        bc.fit(problem, "nuts", options=SamplerOptions(engine="stan"))


@pytest.mark.parametrize("engine", ["nutpie", "numpyro", "blackjax"])
def test_an_engine_that_is_not_installed_is_no_silent_fall_back(
    problem: Problem, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == engine else find(name, *rest))
    with pytest.raises(EngineNotInstalledError, match=engine):
        bc.fit(problem, "nuts", options=SamplerOptions(engine=engine))
    check_engine("pymc")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"draws": 0}, "draws must be at least 1"),
        ({"tune": -1}, "tune must be at least 1"),
        ({"chains": 0}, "chains must be at least 1"),
        ({"target_accept": 1.0}, "between 0 and 1, not 1.0"),
        ({"backend": "cuda"}, "auto, numba or jax, not 'cuda'"),
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SamplerOptions(**wrong)


def test_draws_in_another_order_are_of_no_such_model() -> None:
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("a", 0.0, 1.0) + pm.Normal("b", 5.0, 0.1), 1.0, observed=4.0)
    two = Problem(model)
    found = bc.fit(two, "nuts", random_seed=1, options=FEW)
    assert found.unconstrained_draws is not None
    with pytest.raises(FitError, match="not of one model"):
        _check_draws(two, found.unconstrained_draws[..., ::-1], dict(found.statistics))


def test_what_numba_would_compile_for_long_goes_through_jax_where_it_can() -> None:
    """By the graph alone, however the modes of so small a model are searched."""

    def model(mean: Any) -> Problem:
        with pm.Model() as built:
            pm.Normal("y", mean(pm.Normal("b", 0.0, 1.0, shape=2)), 1.0, observed=np.zeros(3))
        return Problem(built)

    x = np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 3.0]])
    dear, cheap = model(lambda b: pt.dot(x, b)), model(lambda b: (x * b).sum(axis=-1))
    boxed = model(lambda b: pt.dot(x, BlackBox()(b)))
    assert [choose_backend(p) for p in (dear, cheap, boxed)] == ["jax", "numba", "pytensor"]
    assert [p.density.backend for p in (dear, cheap, boxed)] == ["pytensor"] * 3


def test_where_no_chain_can_start_it_says_so_and_what_to_do() -> None:
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0, initval=5.0)
        pm.Potential("narrow", pt.switch(abs(x - 5.0) < 1e-7, 0.0, -np.inf))
        pm.Normal("y", x, 1.0, observed=[1.0, 2.0])
    few = bc.SamplerOptions(draws=20, tune=20, chains=2, backend="jax")
    with pytest.raises(FitError, match=r"found no point to start from.*initval"):
        bc.fit(model, "nuts", options=few)


def test_a_run_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("x", 0.0, 1.0), 1.0, observed=[1.0, 2.0])
    options = bc.SamplerOptions(draws=300, tune=200, chains=2, backend="jax")
    run(Problem(model), options=options, progress=lambda made, wanted: told.append((made, wanted)))
    assert told[-1] == (1000, 1000)
