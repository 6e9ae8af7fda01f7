"""Facts as data: every code has words, and files keep both."""

from __future__ import annotations

import json
import math

import pytest

from bayescompare import wording
from bayescompare.codes import Code
from bayescompare.reasons import Reason

SOME = {
    **dict.fromkeys(("to", "message", "method", "mode", "place", "status", "text"), "0"),
    **dict.fromkeys(("steps", "starts", "modes", "states", "draws", "failed", "parameters", "divergences", "ends"), 3),
    **dict.fromkeys(("decrement", "gain", "gap", "k_hat", "limit", "r_hat", "ess", "e_bfmi", "mass"), 0.5),
}


def full(code: Code) -> Reason:
    """A reason with every figure that any code has."""
    return Reason(code, ("tau",), SOME, (Reason(Code.ONE_START, figures={"starts": 16}),))


def test_every_code_has_words() -> None:
    assert set(wording.WORDS) == set(Code)


@pytest.mark.parametrize("code", Code)
def test_words_are_one_line_without_a_full_stop(code: Code) -> None:
    said = full(code).text
    assert said
    assert "\n" not in said
    assert not said.endswith(".")
    assert str(full(code)) == said


@pytest.mark.parametrize("code", Code)
def test_a_reason_comes_back_from_json(code: Code) -> None:
    data = json.loads(json.dumps(full(code).to_json()))
    assert data["code"] == code.value
    assert data["text"] == full(code).text
    assert Reason.from_json(data) == full(code)


def test_a_sentence_of_version_1_keeps_its_words() -> None:
    found = Reason.from_json("tau lies on the boundary of its range")
    assert found.code is Code.UNTYPED
    assert found.text == "tau lies on the boundary of its range"


def test_a_code_of_a_later_version_keeps_its_words() -> None:
    found = Reason.from_json({"code": "not_yet", "variables": ["tau"], "figures": {"x": 1}, "text": "tau is odd"})
    assert (found.code, found.variables, found.text) == (Code.UNTYPED, ("tau",), "tau is odd")


def test_a_figure_that_is_not_finite_comes_back_as_nan() -> None:
    data = {"code": "not_converged", "variables": [], "figures": {"decrement": None, "steps": 3}, "text": ""}
    assert math.isnan(float(Reason.from_json(data).figures["decrement"]))


def test_equal_reasons_have_one_hash() -> None:
    assert len({Reason(Code.K_HAT, figures={"k_hat": 1.0}), Reason(Code.K_HAT, figures={"k_hat": 1.0})}) == 1
