"""The ladder in words: what would have been enough, its cost, and the line that runs it."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayescompare as bc
from bayescompare.metrics.verdict import Layer, Overall, State, Verdict
from bayescompare.results.fit import Fit, Status
from bayescompare.results.ladder import advice, call, cheapest, frame, integrated, label, sentence, worth


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
        "the Laplace approximation, corrected by importance weights, 0.4 s (NUTS: 12 s); as a point the MAP, 0.1 s"
    )
    assert sentence((RUNGS[1], NUTS)) == "none below NUTS (NUTS: 12 s); as a point the Laplace approximation, 0.2 s"
    assert sentence(()) == ""


def test_the_advice_names_it_where_the_verdict_differs() -> None:
    for state, told in ((State.DIFFERS, True), (State.SAME, False), (State.UNDECIDED, False)):
        found = advice(Overall(state, "", "", "Report it."), RUNGS)
        assert found.startswith("Report it.")
        assert ('0.4 s against 12 s of NUTS: bc.fit(model, "laplace").diagnostics["psis"].' in found) is told


def test_without_a_clock_it_is_the_first() -> None:
    first, fastest = worth(RUNGS, clock=False), worth(RUNGS)
    assert first is not None
    assert fastest is not None
    assert (first["method"], fastest["method"]) == ("marginal_laplace", "laplace_psis")


@pytest.mark.parametrize("rungs", [RUNGS[:2], (), (*RUNGS[:4], {**NUTS, "seconds": 0.3})])
def test_where_nothing_cheaper_is_enough_the_advice_stays(rungs: tuple[dict[str, Any], ...]) -> None:
    assert advice(Overall(State.DIFFERS, "", "", "Report it."), rungs) == "Report it."


@pytest.mark.parametrize(("marginal", "told"), [(0.32, True), (0.0, False), (np.nan, False)])
def test_the_advice_says_what_the_marginal_mode_gives_where_it_is_nearer(marginal: float, told: bool) -> None:
    found = {"latent": ["theta"], "hyperparameters": ["tau"]}
    fit = Fit("marginal_map", Status.OK, (), ("tau",), np.array([marginal]), diagnostics=found)
    table = pd.DataFrame({"map": [0.0], "marginal_map": [marginal], "mean": [0.4]}, index=["tau"])
    layer = Layer("location", State.DIFFERS, "", scalar="tau")
    verdict = Verdict(Overall(State.DIFFERS, "", "", "Report it.", "location"), {"location": layer})
    said = integrated(verdict, {"marginal_map": fit}, table).overall.advice
    end = " The joint mode ignores how uncertain theta is; with it integrated out the mode of tau is 0.32."
    assert said == "Report it." + (end if told else "")
    assert integrated(verdict, {}, table) is verdict


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
