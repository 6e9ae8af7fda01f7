"""Every number that a page says in words is in its own JSON, and lies where the parameter can be."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bayescompare.report.comparison.document import build
from bayescompare.report.parts import Details, ForestPart, Part, Prose, Report
from bayescompare.report.words import plain_text
from bayescompare.results.comparison import Comparison
from bayescompare.results.display import displayed
from tests.report.factory import STATES, Made, make

RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NUMBER = re.compile(r"(?<![\w.\[])-?\d[\d,]*(\.\d+)?(?:\s×\s10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?![\w\]])")


def numbers(text: str) -> Iterator[tuple[float, float]]:
    """Each number of a text with half a unit of its last digit; small counts, which words may make, are left out."""
    plain = re.sub(r"[\N{NO-BREAK SPACE}\N{THIN SPACE}]", " ", text).replace("\N{MINUS SIGN}", "-")
    for found in NUMBER.finditer(plain):
        digits = found[0].split()[0].replace(",", "")
        power = 10.0 ** int(found[2].translate(RAISED)) if found[2] else 1.0
        places = len(found[1]) - 1 if found[1] else -(len(digits) - len(digits.rstrip("0")))
        if found[1] or abs(float(digits)) > 20:
            yield float(digits) * power, 0.5000001 * 10.0**-places * power


def held(document: Any) -> Iterator[float]:
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        for one in document:
            yield from held(one)
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield float(document)


def known(comparison: Comparison) -> np.ndarray:
    """What the JSON holds, as shares and per cents, and what is one step of arithmetic away."""
    document = json.loads(json.dumps(comparison.to_dict()))
    table, d = comparison.table, comparison.model.parameters
    further = [len(table), d / 2, d / 2 * (comparison.joint.get("typicality") or {"value": math.nan})["value"]]
    further += [100 * math.expm1(x) for x in comparison.settings.get("margins", {}).values()]
    x = np.array(
        [
            *held(document),
            *held([comparison.display[key] for key in ("checks", "cause", "terms")]),
            *further,
            0.5,
            0.94,
            0.95,
        ]
    )
    x = x[np.isfinite(x)]
    return np.sort(np.unique(np.concatenate([x, 100 * x, -x, -100 * x])))


def said(report: Report) -> Iterator[tuple[str, str]]:
    """Every sentence of a page above its audit, with its place."""
    first = report.first
    for place in ("sentence", "cause", "advice", "plain"):
        yield place, plain_text(getattr(first, place))
    for layer in (*first.layers, *first.rest):
        yield f"layer {layer.name}", plain_text(layer.why)
    for one in first.focal:
        yield f"focal {one.name}", one.gap
        for row in one.strips.rows:
            yield f"focal {one.name}", str(row.cells[1])
    for row in forest_rows(report):
        yield f"forest {row.name}", f"{row.mode_text} {row.mean_text} {row.interval_text}"
    for section in report.sections:
        yield section.id, plain_text(section.finding)
        for part in walk(section.parts):
            if isinstance(part, Prose) and section.id == "methods":
                yield section.id, plain_text(part.words)


def walk(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, Details):
            yield from walk(part.parts)


def forest_rows(report: Report) -> list[Any]:
    shown = [part.forest for s in report.sections for part in walk(s.parts) if isinstance(part, ForestPart)]
    return [row for forest in (report.first.forest, *shown) for row in forest.rows]


def unknown(comparison: Comparison) -> list[tuple[str, float, str]]:
    """Numbers that no page may say: they are not in its JSON."""
    x = known(comparison)
    wrong = []
    for place, text in said(build(comparison)):
        bare = re.sub(r"\(?(?:19|20)\d\d\)?|\d+ ?%? ?(?:posterior|Laplace)? ?(?:interval|probability)", "", text)
        bare = re.sub(r"\d+(\.\d+)+\w*", "", bare) if place == "methods" else bare
        for value, half in numbers(bare):
            i = np.searchsorted(x, value)
            near = min((abs(x[j] - value) for j in (i - 1, i) if 0 <= j < len(x)), default=math.inf)
            if near > half + 1e-9 * abs(value):
                wrong.append((place, value, text))
    return wrong


@pytest.mark.parametrize("state", STATES)
def test_every_number_is_in_the_pages_own_json(state: str) -> None:
    assert unknown(displayed(make(state, losses=True))) == []


def test_it_sees_a_number_of_some_other_run() -> None:
    comparison = make("differs")
    overall = dataclasses.replace(comparison.verdict.overall, sentence="The MAP sets tau to 123.4.")
    other = dataclasses.replace(comparison, verdict=dataclasses.replace(comparison.verdict, overall=overall))
    assert [(place, value) for place, value, _ in unknown(other)] == [("sentence", 123.4)]


COLUMNS = ("mean", "sd", "eti_lb", "eti_ub", "eti50_lb", "eti50_ub", "map", "laplace_lb", "laplace_ub", "laplace_sd")


def test_no_number_of_a_positive_parameter_is_below_0() -> None:
    comparison = make("differs", made=Made(shift=-1.0))
    table = comparison.table.copy()
    table.loc["tau", list(COLUMNS)] = (40.0, 90.0, 0.3, 300.0, 2.0, 40.0, 0.02, 0.1, 900.0, 5.0)
    table.loc["tau", ["mcse_mean", "eti_lb_mcse", "eti_ub_mcse"]] = [12.0, 0.05, 30.0]
    report = build(displayed(dataclasses.replace(comparison, table=table)))
    told = [text for place, text in said(report) if place in ("focal tau", "forest tau") and "z" not in text]
    assert told
    assert all(value >= 0 for text in told for value, _ in numbers(text))
    assert any("0.3" in text and "300" in text for text in told)
