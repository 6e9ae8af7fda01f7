"""A report gives its numbers back, and what is no report is refused."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bayescompare as bc
from bayescompare.errors import MissingFileError, ResultFileError
from bayescompare.reasons import Code, Reason
from bayescompare.report import to_html
from bayescompare.results.report_numbers import ReportNumbers
from tests.report.factory import STATES, Made, make


def reopened(path: Path, text: str) -> ReportNumbers:
    path.write_text(text, encoding="utf-8")
    found = bc.open(path)
    assert isinstance(found, ReportNumbers)
    return found


@pytest.mark.parametrize("state", STATES)
def test_numbers_come_back_as_they_were(state: str, tmp_path: Path) -> None:
    comparison = make(state, losses=True)
    found = reopened(tmp_path / "report.html", to_html(comparison))
    pd.testing.assert_frame_equal(found.table, comparison.table, check_exact=True, check_dtype=False)
    assert found.verdict == comparison.verdict
    document = json.loads(json.dumps(comparison.to_dict()))
    for key in ("model", "joint", "prediction", "pointwise", "sensitivity", "path", "fits", "settings", "provenance"):
        assert getattr(found, key) == document[key], key
    for key in ("decisions", "groups", "findings"):
        assert list(getattr(found, key)) == document[key], key
    assert found.table_left_out == 0
    assert comparison.verdict.overall.sentence in repr(found)


def test_infinity_reads_nan_and_what_was_left_out_is_counted(tmp_path: Path) -> None:
    comparison = make("differs", 300, made=Made(shift=-1.0))
    table = comparison.table.copy()
    table.loc["mu", "skewness"] = math.inf
    found = reopened(tmp_path / "r.HTML", to_html(dataclasses.replace(comparison, table=table)))
    assert math.isnan(found.table.loc["mu", "skewness"])
    assert found.table_left_out == 200
    assert len(found.table) == 100
    shared = table.loc[found.table.index]
    assert np.array_equal(found.table["z"], shared["z"])


def test_hostile_names_come_back_as_they_were(tmp_path: Path) -> None:
    labels = ["</script><b>", "\u202eabc\x00", "&amp;", "ß"]
    found = reopened(tmp_path / "r.html", to_html(make("same", labels=labels)))
    assert list(found.table.index) == labels


def page(edit: str) -> str:
    """A report whose numbers were tampered with."""
    text = to_html(make("same", 3))
    before, tag, rest = text.partition('id="bayescompare">')
    document, end, after = rest.partition("</script>")
    return before + tag + {"cut": document[:-40], "empty": ""}.get(edit, edit) + end + after


DAMAGED = [
    "",
    "<html></html>",
    "cut",
    "empty",
    "[]",
    "null",
    '{"schema":"other/1"}',
    '{"schema":"bayescompare/2"}',
    '{"schema":"bayescompare/2","verdict":{"overall":{},"layers":{}}}',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_and_foreign_pages_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text(text if text.startswith("<") or not text else page(text), encoding="utf-8")
    with pytest.raises(ResultFileError, match="not a report that bayescompare wrote"):
        bc.open(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", []),
        ("model", {}),
        ("table", [{"z": 1.0}]),
        ("table", [{"name": "a", "z": "b"}]),
        ("table", 3),
        ("joint", []),
        ("decisions", None),
        ("verdict", {"overall": {"state": "perhaps"}, "layers": {}}),
    ],
)
def test_a_part_of_another_kind_is_refused(key: str, value: object, tmp_path: Path) -> None:
    document = make("same", 3).to_dict() | {key: value}
    path = tmp_path / "r.html"
    path.write_text(page(json.dumps(document)), encoding="utf-8")
    with pytest.raises(ResultFileError):
        bc.open(path)


def test_what_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ResultFileError):
        bc.open(path)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ResultFileError):
        bc.open(tmp_path / "folder.html")
    with pytest.raises(MissingFileError):
        bc.open(tmp_path / "none.html")


WHOLE = to_html(make("same", 2))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_page_cut_anywhere_is_refused_or_whole(tmp_path: Path, data: st.DataObject) -> None:
    start = WHOLE.index('id="bayescompare">')
    at = data.draw(st.integers(start - 200, len(WHOLE)))
    path = tmp_path / "r.html"
    path.write_text(WHOLE[:at], encoding="utf-8")
    if at >= WHOLE.index("</script>", start) + len("</script>"):
        assert isinstance(bc.open(path), ReportNumbers)
    else:
        with pytest.raises(ResultFileError):
            bc.open(path)


def test_a_published_page_has_its_reasons_typed() -> None:
    """Whatever schema it was written under: of version 1 the sentences are kept."""
    page = bc.open(Path(bc.__file__).parents[1] / "reports" / "eight_schools.html")
    assert isinstance(page, ReportNumbers)
    reasons = [Reason.from_json(one) for fit in page.fits.values() for one in fit["reasons"]]
    assert reasons
    assert all(isinstance(reason.code, Code) and reason.text for reason in reasons)
    assert all(one is None or one["text"] for one in page.path["reasons"])
