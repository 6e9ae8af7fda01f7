"""Pathfinder on laws that are known, and its ways to fail."""

from __future__ import annotations

import importlib.util

import numpy as np
import pymc as pm
import pytest

from bayescompare.errors import EngineNotInstalledError
from bayescompare.methods.pathfinder import PathfinderOptions, run
from bayescompare.model.problem import Problem
from bayescompare.reasons import Code
from bayescompare.results.fit import Status


def gaussian() -> tuple[Problem, np.ndarray, np.ndarray]:
    scale = np.array([1e-3, 1e3])
    mean = np.array([1.0, -2.0]) * scale
    with pm.Model() as model:
        pm.Normal("x", mean, scale, shape=2)
        pm.Normal("y", 0.0, 1.0, observed=0.0)
    return Problem(model), mean, scale


def test_a_gaussian_is_met_whatever_its_scales() -> None:
    problem, mean, sd = gaussian()
    found = run(problem)
    np.testing.assert_allclose((found.estimate - mean) / sd, 0, atol=0.1)
    np.testing.assert_allclose(list(found.diagnostics["sd"].values()), sd, rtol=0.1)
    assert found.draws is not None
    assert found.draws.shape == (1, 4000, 2)
    assert (found.diagnostics["paths"], found.diagnostics["starts"]) == (8, 8)


def test_where_no_path_ends_it_has_failed() -> None:
    with pm.Model() as model:
        pm.Normal("x")
        pm.Potential("never", pm.math.log(-1.0 - pm.math.exp(model["x"])))
        pm.Normal("y", 0.0, 1.0, observed=0.0)
    found = run(Problem(model), options=PathfinderOptions(draws=20, paths=2))
    assert found.status is Status.FAILED
    assert found.reasons[0].code is Code.NO_USABLE_START
    assert np.isnan(found.estimate).all()


def test_without_blackjax_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("x"), 1.0, observed=0.0)
    with pytest.raises(EngineNotInstalledError, match=r"bayescompare\[blackjax\]"):
        run(Problem(model))
