"""Facts as data: every code has words, and files keep both."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path

import pytest

import bayescompare
from bayescompare import wording
from bayescompare.codes import Code
from bayescompare.reasons import Reason

SOME = {
    **dict.fromkeys(("to", "message", "method", "mode", "place", "status", "text", "loss", "layer"), "0"),
    **dict.fromkeys(("steps", "starts", "modes", "states", "draws", "failed", "parameters", "divergences", "ends"), 3),
    **dict.fromkeys(("agreeing", "observations", "count", "of", "dimensions", "ranks"), 3),
    **dict.fromkeys(("z", "rank", "sd_ratio", "shift", "share", "elpd_diff", "energy", "p", "mcse", "margin"), 0.5),
    **dict.fromkeys(("decrement", "gain", "gap", "k_hat", "limit", "r_hat", "ess", "e_bfmi", "mass", "at"), 0.5),
    **dict.fromkeys(("skewness", "worst", "contraction", "seconds"), 0.5),
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


#: What holds sentences, as attributes of results and as keys of their documents; ways to read a text, and to ask.
SENTENCES = {"reason", "text", "opening", "sentence", "advice", "what", "instead", "message", "why"}
READING = {"startswith", "endswith", "find", "index", "count", "split", "partition"}
ASKING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def is_sentence(node: ast.AST) -> bool:
    """``layer.reason``, ``row["reason"]``, or their words."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        return any(is_sentence(each) for each in node.args)
    key = node.slice if isinstance(node, ast.Subscript) else None
    named = isinstance(node, ast.Attribute) and node.attr in SENTENCES
    return named or (isinstance(key, ast.Constant) and key.value in SENTENCES)


def decides(node: ast.AST) -> bool:
    """Whether it asks what a sentence says."""
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ASKING):
        sides = [node.left, *node.comparators]
        words = any(isinstance(one, ast.Constant | ast.JoinedStr) and getattr(one, "value", 1) for one in sides)
        return words and any(map(is_sentence, sides))
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr in READING and is_sentence(called.value)


def test_nothing_in_the_package_decides_by_a_sentence() -> None:
    root = Path(bayescompare.__file__).parent
    found = [
        f"{path.relative_to(root)}, line {node.lineno}: {ast.unparse(node)}"
        for path in sorted(root.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if decides(node) and isinstance(node, ast.expr)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "asks"),
    [
        ('layer.reason == "no MAP"', True),
        ('free["reason"] == "constant in every draw"', True),
        ('"truth is fixed" in row.reason', True),
        ('overall.opening.startswith("As a point")', True),
        ('str(layer.reason).endswith("tau")', True),
        ("layer.reason.code is Code.NO_MAP", False),
        ('layer.reason.text.rstrip(".")', False),
        ('row["reason"] != ""', False),
    ],
)
def test_what_deciding_by_a_sentence_is(code: str, asks: bool) -> None:
    assert any(decides(node) for node in ast.walk(ast.parse(code))) is asks
