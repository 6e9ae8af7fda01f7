"""The studies that are published: whole, small, and true to the rows that their pages hold."""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import bayescompare as bc
from bayescompare.formatting import figure, percent
from bayescompare.report.study.findings import is_share
from bayescompare.report.study.rows import ALL, Focus, Rows
from bayescompare.studies.summary import Measure
from tests.report.test_report_study import check, table_of, text_of

REPORTS = Path(__file__).parents[2] / "reports"
PLANS = sorted((REPORTS / "studies").glob("*.toml"))
NAMES = ("data_size", "groups", "effects", "coverage", "prior_strength")


@pytest.fixture(scope="module")
def publish() -> ModuleType:
    """The command that publishes them."""
    spec = importlib.util.spec_from_file_location("publish", REPORTS / "studies" / "publish.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["publish"] = module
    spec.loader.exec_module(module)
    return module


def rows_of(document: Any) -> Rows:
    columns, cells = document["columns"], document["cells"]
    names = ("method", "parameter", "measure", "value", "mcse", "n", "failed", "reason")
    entries = zip(columns["cell"], *(columns[name] for name in names), strict=True)
    return Rows(
        [
            Measure(cells[at], method, parameter, measure, math.nan if value is None else value, mcse, n, failed, why)
            for at, method, parameter, measure, value, mcse, n, failed, why in entries
        ]
    )


def test_every_plan_is_published_and_reads_back(publish: ModuleType) -> None:
    assert set(publish.SHIPPED) == set(NAMES)
    assert sorted(name for study in publish.SHIPPED.values() for name in study.plans) == [p.stem for p in PLANS]
    for path in PLANS:
        plan = bc.Plan.from_toml(path)
        assert bc.Plan.from_toml(plan.to_toml()) == plan


@pytest.mark.parametrize("name", NAMES)
def test_a_published_study_is_whole_and_its_finding_is_in_its_rows(publish: ModuleType, name: str) -> None:
    path = REPORTS / f"study_{name}.html"
    assert path.stat().st_size < 4_000_000
    page = check(path.read_text(encoding="utf-8"))
    text = text_of(page).replace("\N{NO-BREAK SPACE}", " ")
    assert "are not done" not in text
    document: Any = page.document
    rows = rows_of(document)
    assert len(table_of(page)) == len(rows.rows)
    shipped = publish.SHIPPED[name]
    plans = [bc.Plan.from_toml(REPORTS / "studies" / f"{plan}.toml") for plan in shipped.plans]
    assert [bc.Plan.from_toml(text) for text in document["plans"]] == plans

    finding = document["finding"].replace("\N{NO-BREAK SPACE}", " ")
    told = re.findall(r"−?[\d.,]*\d ± [\d.,]*\d", finding)
    assert len(told) >= 3 if name != "data_size" else len(told) == 2
    known = set()
    for row in rows.rows:
        write = percent if is_share(row.measure) else figure
        known |= {str(write(sign * row.value, row.mcse or math.nan)) for sign in (1, -1) if math.isfinite(row.value)}
    for method in rows.methods:
        for cells in ([[c] for c in rows.cells], [list(rows.cells)]):
            for some in cells:
                found = rows.pooled(some, method, Focus(shipped.focus.measure, method, ALL))
                if found.known and is_share(shipped.focus.measure):
                    known.add(str(percent(found.value, found.error)))
    known = {text.replace("\N{NO-BREAK SPACE}", " ") for text in known}
    assert [figure for figure in told if figure not in known] == []
