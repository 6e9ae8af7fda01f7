"""A layer that fails is not computed, with its reason; it ends nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.errors import UsageError
from bayescompare.workflow.layers import Layers


def raising(error: Exception) -> Any:
    def make() -> str:
        raise error

    return make


def test_what_a_library_raises_is_the_reason() -> None:
    layers = Layers()
    found = layers.compute("path", raising(ValueError("no way\nmore")), str.upper)
    assert found == "VALUEERROR: NO WAY"
    (finding,) = layers.findings()
    assert (finding["code"], finding["variable"]) == ("not_computed", "path")
    assert "ValueError: no way." in finding["what"]


def test_a_layer_that_succeeds_later_has_not_failed() -> None:
    layers = Layers()
    layers.compute("path", raising(RuntimeError("busy")), str)
    assert layers.compute("path", lambda: "there", str) == "there"
    assert layers.findings() == ()


def test_what_was_asked_wrongly_and_faults_of_ours_are_raised() -> None:
    for error in (UsageError("no such loss"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            Layers().compute("decisions", raising(error), str)  # type: ignore[arg-type]


@pytest.mark.slow
def test_observations_that_cannot_be_drawn_leave_the_rest() -> None:
    def never(mean: Any, rng: Any = None, size: Any = None) -> Any:
        raise RuntimeError("no draws from here")

    y = np.array([0.3, -0.2, 1.1, 0.4])
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.CustomDist(
            "y", x, logp=lambda value, mean: pm.logp(pm.Normal.dist(mean, 1.0), value), random=never, observed=y
        )
    options = bc.CompareOptions(sampler=bc.SamplerOptions(draws=1000, tune=500, chains=2))
    result = bc.compare(model, options=options, random_seed=1)
    assert result.verdict.layers["location"].state == "same"
    assert result.verdict.layers["prediction"].state == "not_computed"
    assert "no draws from here" in str(result.findings)
