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
from bayescompare.formatting import figure
from bayescompare.report.study.rows import Rows, is_share, of
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
    rows = [{**row, "cell": document["cells"][row["cell"]]} for row in table_of(document)]
    return Rows([Measure(**{**row, "value": math.nan if row["value"] is None else row["value"]}) for row in rows])


def test_every_plan_is_published_and_reads_back(publish: ModuleType) -> None:
    assert set(publish.SHIPPED) == set(NAMES)
    assert sorted(name for study in publish.SHIPPED.values() for name in study.plans) == [p.stem for p in PLANS]
    for path in PLANS:
        plan = bc.Plan.from_toml(path)
        assert bc.Plan.from_toml(plan.to_toml()) == plan


@pytest.mark.parametrize("name", NAMES)
def test_a_published_study_is_whole_and_its_finding_is_in_its_rows(publish: ModuleType, name: str) -> None:
    path = REPORTS / f"study_{name}.html"
    assert path.stat().st_size <= (500_000 if name == "coverage" else 300_000)  # five studies on one page
    page = check(path.read_text(encoding="utf-8"))
    text = text_of(page).replace("\N{NO-BREAK SPACE}", " ")
    assert "are not done" not in text
    document: Any = page.document
    rows = rows_of(document)
    assert not document["rows_left_out"]
    shipped = publish.SHIPPED[name]
    plans = [bc.Plan.from_toml(REPORTS / "studies" / f"{plan}.toml") for plan in shipped.plans]
    assert [bc.Plan.from_toml(text) for text in document["plans"]] == plans

    assert len(document["finding"]) <= 120  # two lines at 1280 px
    shares, means = set(), set()
    for row in rows.rows:
        if is_share(row.measure) and math.isfinite(row.value):
            shares.add(publish.held(of(row)))
        means |= {str(figure(sign * row.value, row.mcse or math.nan)) for sign in (1, -1) if math.isfinite(row.value)}
    told_shares = re.findall(r"[\d.]+\s% \([\d.]+ to [\d.]+\)", document["detail"])
    told_means = re.findall(r"−?[\d.,]*\d ± [\d.,]*\d", document["detail"].replace("\N{NO-BREAK SPACE}", " "))
    assert len(told_shares) >= 2
    assert set(told_shares) <= shares
    assert set(told_means) <= {text.replace("\N{NO-BREAK SPACE}", " ") for text in means}
