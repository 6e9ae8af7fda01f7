"""One suite for every method in the registry: what a Fit is, whichever method made it."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.errors import UnknownNameError
from bayescompare.methods import METHODS, method
from bayescompare.methods.laplace import LaplaceOptions
from bayescompare.methods.marginal import MarginalOptions
from bayescompare.methods.pathfinder import PathfinderOptions
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.methods.variational import VariationalOptions
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Fit, Status

OPTIONS: dict[str, Any] = {
    "nuts": SamplerOptions(draws=30, tune=100, chains=2),
    "laplace": LaplaceOptions(draws=50),
    "marginal_laplace": MarginalOptions(draws=50),
    "advi": VariationalOptions(draws=50),
    "fullrank_advi": VariationalOptions(draws=50),
    "pathfinder": PathfinderOptions(draws=1600),
}


def build() -> pm.Model:
    with pm.Model(coords={"side": ["left"]}) as model:
        centre = pm.Normal("centre", 0.0, 1.0)
        m = pm.Normal("m", 0.0, 1.0, dims="side")
        pm.Deterministic("gap", centre - m[0])
        pm.Normal("y", pm.math.stack([centre, m[0]]), 1.0, observed=np.array([0.5, -0.5]))
    return model


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(build())


@pytest.fixture(scope="module", params=sorted(METHODS))
def fit(request: pytest.FixtureRequest, problem: Problem) -> Fit:
    return bc.fit(problem, request.param, random_seed=2, options=OPTIONS.get(request.param))


def test_names_and_estimate(fit: Fit) -> None:
    assert fit.method in METHODS
    assert fit.names == ("centre", "m[left]", "gap")
    assert fit.estimate.shape == (3,)
    assert fit.estimate.dtype == np.float64
    assert np.isfinite(fit.estimate).all()
    assert fit.values == dict(zip(fit.names, fit.estimate.tolist(), strict=True))
    assert fit.estimate[2] == pytest.approx(fit.estimate[0] - fit.estimate[1], abs=1e-12)


def test_status(fit: Fit) -> None:
    assert fit.status is Status.OK
    assert fit.ok
    assert isinstance(fit.reasons, tuple)


def test_it_is_frozen(fit: Fit) -> None:
    with pytest.raises(FrozenInstanceError):
        fit.status = Status.FAILED  # type: ignore[misc]


def test_its_cost_is_counted(fit: Fit) -> None:
    assert fit.seconds >= 0
    assert fit.compile_seconds >= 0
    assert fit.evaluations > 0
    assert isinstance(fit.evaluations, int)


def test_diagnostics_are_ready_for_json(fit: Fit) -> None:
    assert json.loads(json.dumps(fit.diagnostics, allow_nan=False)) == fit.diagnostics


def test_draws_where_there_are_any(fit: Fit) -> None:
    if fit.method in ("nuts", "laplace", "marginal_laplace", "advi", "fullrank_advi", "pathfinder"):
        assert fit.draws is not None
        assert fit.unconstrained_draws is not None
        chains, draws, k = fit.draws.shape
        assert (chains, draws) == (fit.diagnostics.get("chains", 1), fit.diagnostics["draws"])
        assert k == 3
        assert fit.unconstrained_draws.shape == (chains, draws, 2)
        np.testing.assert_allclose(fit.estimate, fit.draws.mean(axis=(0, 1)), rtol=1e-12, atol=1e-12)
    else:
        assert fit.draws is None
        assert fit.unconstrained is not None
        assert fit.unconstrained.shape == (2,)
        assert np.isfinite(fit.log_density)


def test_repr_is_one_line(fit: Fit) -> None:
    assert repr(fit).startswith(f"<Fit {fit.method} ok; 3 scalars")
    assert "\n" not in repr(fit)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_takes_the_protocols_arguments(name: str) -> None:
    import inspect

    parameters = inspect.signature(method(name)).parameters
    first, *others = parameters.values()
    assert first.name == "problem"
    assert [p.name for p in others][:3] == ["seed", "options", "progress"]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is not inspect.Parameter.empty for p in others)


def test_an_unknown_method_is_refused_before_anything_runs() -> None:
    with pytest.raises(UnknownNameError, match=r"'maximum'.*map, marginal_laplace, marginal_map, mle, nuts, path"):
        bc.fit(None, "maximum")
