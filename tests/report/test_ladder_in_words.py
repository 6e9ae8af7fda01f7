"""The ladder in words: what would have been enough, its cost, and the line that runs it."""

from __future__ import annotations

import ast
from typing import Any

import pytest

import bayescompare as bc
from bayescompare.results.ladder import call, cheapest, frame, label, sentence, worth


def rung(method: str, seconds: float, location: str, spread: str, enough: str) -> dict[str, Any]:
    layers = {
        name: {"state": state, "figure": 0.1, "mcse": 0.01, "scalar": "mu"}
        for name, state in (("location", location), ("spread", spread))
    }
    cost = {"seconds": seconds, "compile_seconds": 0.0, "gradients": 100}
    return {"method": method, "status": "ok", **layers, "k_hat": None, **cost, "enough": enough}


NUTS = {**rung("nuts", 12.0, "same", "same", "same"), "location": None, "spread": None}
RUNGS = (
    rung("map", 0.1, "same", "not_computed", "not_computed"),
    rung("laplace", 0.2, "same", "differs", "differs"),
    rung("marginal_laplace", 0.9, "same", "same", "same"),
    rung("laplace_psis", 0.4, "same", "same", "same"),
    NUTS,
)


def test_the_cheapest_that_is_enough() -> None:
    found, point = cheapest(RUNGS), cheapest(RUNGS, "location")
    assert found is not None
    assert point is not None
    assert (found["method"], point["method"]) == ("laplace_psis", "map")
    assert cheapest(RUNGS[:2]) is None
    assert cheapest((NUTS,)) is None
    assert sentence(RUNGS) == (
        "the Laplace approximation with importance weights, 0.4 s (NUTS: 12 s); as a point the MAP, 0.1 s"
    )
    assert sentence((RUNGS[1], NUTS)) == "none below NUTS (NUTS: 12 s); as a point the Laplace approximation, 0.2 s"
    assert sentence(()) == ""


def test_what_takes_longer_than_nuts_is_not_called_cheap() -> None:
    slow = (*RUNGS[:4], {**NUTS, "seconds": 0.3})
    assert sentence(slow) == "NUTS itself, 0.3 s; as a point the MAP, 0.1 s"
    assert worth(slow) is None
    assert sentence((*RUNGS[2:4], {**NUTS, "seconds": 0.3})) == "NUTS itself, 0.3 s"


def test_compiling_counts() -> None:
    compiled = {**RUNGS[3], "compile_seconds": 9.0}
    assert worth((compiled, NUTS)) is None
    assert worth((compiled, {**NUTS, "compile_seconds": 3.0})) is compiled
    assert sentence((compiled, {**NUTS, "compile_seconds": 3.0})).endswith(" 9.4 s (NUTS: 15 s)")


@pytest.mark.parametrize("seconds", [0.8, 0.9, 1.0, 1.1])
def test_of_two_that_cost_about_the_same_it_is_always_the_same_one(seconds: float) -> None:
    found = worth((RUNGS[2], {**RUNGS[3], "seconds": seconds}, NUTS))
    assert found is RUNGS[2]


def test_without_a_clock_it_is_the_first() -> None:
    first, fastest = worth(RUNGS, clock=False), worth(RUNGS)
    assert first is not None
    assert fastest is not None
    assert (first["method"], fastest["method"]) == ("marginal_laplace", "laplace_psis")


@pytest.mark.parametrize("method", ["map", "laplace_psis", "advi_linear_response", "advi_linear_response_psis"])
def test_calls_are_code_and_labels_are_words(method: str) -> None:
    ast.parse(call(method))
    assert "_" not in label(method)


def test_what_is_not_known_by_name_is_called_by_it() -> None:
    assert label("my ADVI") == "my ADVI"


def test_the_frame_has_a_row_for_each() -> None:
    found = frame(RUNGS)
    assert list(found.index) == [each["method"] for each in RUNGS]
    assert found.loc["laplace", ["location", "spread_state", "seconds"]].tolist() == [0.1, "differs", 0.2]
    assert found["location"].isna().tolist() == [False] * 4 + [True]
    assert frame(()).empty
    assert bc.Comparison.ladder.__doc__
