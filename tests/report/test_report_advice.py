"""What the 42 published pages advise, against the ladder that each of them holds."""

from __future__ import annotations

import ast
import re
from html import unescape
from pathlib import Path

import pytest

import bayescompare as bc
from bayescompare.methods import METHODS
from bayescompare.results.ladder import call, worth
from bayescompare.results.report_numbers import ReportNumbers

REPORTS = Path(__file__).parents[2] / "reports"
OTHER = ("index", "atlas")
PAGES = sorted(p.stem for p in REPORTS.glob("*.html") if p.stem not in OTHER and not p.stem.startswith("study_"))
ADVICE = re.compile(r'<p class="next"><b>What to do\.</b> (.*?)(?: <code>(.*?)</code>)?</p>', re.DOTALL)
CLAIM = "matches the posterior in location and spread"


def advice(page: str) -> tuple[str, str]:
    found = ADVICE.search((REPORTS / f"{page}.html").read_text(encoding="utf-8"))
    assert found is not None
    return tuple(unescape(re.sub(r"<[^>]*>", "", each or "")) for each in found.groups())  # type: ignore[return-value]


def numbers(page: str) -> ReportNumbers:
    found = bc.open(REPORTS / f"{page}.html")
    assert isinstance(found, ReportNumbers)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_advice_is_right_against_the_table(page: str) -> None:
    """Where a method is enough it is named with its line; where none is, none is claimed to be."""
    found, (said, code) = numbers(page), advice(page)
    state, enough = str(found.verdict.overall.state), worth(found.rungs, clock=False)
    if state in ("differs", "undecided") and enough is not None:
        assert CLAIM in said
        assert code == call(enough["method"])
    else:
        assert CLAIM not in said
    for rung in found.rungs:
        if rung["method"] != "nuts" and rung["enough"] == "same":
            assert {rung[layer]["state"] for layer in ("location", "spread")} == {"same"}


@pytest.mark.parametrize("page", PAGES)
def test_the_line_calls_what_is_there(page: str) -> None:
    code = advice(page)[1]
    found = numbers(page)
    if not code:
        assert str(found.verdict.layers["sampler"].state) == "failed"
        return
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert len(calls) == 1
    assert isinstance(calls[0].func, ast.Attribute)
    if calls[0].func.attr == "compare":
        name = ast.literal_eval(calls[0].keywords[0].value)[0]
        assert name in found.table.index
        return
    method = ast.literal_eval(calls[0].args[1])
    assert method in METHODS
    if "diagnostics" in code:
        key = re.findall(r'\["(\w+)"\]', code)[0]
        assert key in found.fits[method] or f"{method}_{key}" in [rung["method"] for rung in found.rungs]


def test_every_template_has_its_page() -> None:
    assert len(PAGES) == 42
