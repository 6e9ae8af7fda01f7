"""The report of a study: true to its rows, for every shape of grid, safe whatever its names hold."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayescompare.formatting import percent
from bayescompare.report import study_to_html
from bayescompare.report.study import findings as w
from bayescompare.report.study.calibration import accuracy
from bayescompare.report.study.curves import Drawn, Line, pairs, vertical
from bayescompare.report.study.downloads import MOST, held
from bayescompare.report.study.report import build
from bayescompare.report.study.rows import Focus, Rows, Study, Value, Varied
from bayescompare.report.svg.colours import DARK, LIGHT
from bayescompare.report.words import plain_text
from bayescompare.studies.summary import Measure
from tests.report.study_factory import FOCUSES, GRIDS, study
from tests.report.test_report_html import ATTRIBUTES, TAGS, Page

SECTIONS = ("asked", "coverage", "error", "posterior", "ranks", "cost", "table", "methods", "glossary", "provenance")


def check(text: str) -> Page:
    """Nothing in the page but what we put there, and nothing that loads or runs."""
    page = Page(text)
    assert {tag for tag, _ in page.elements} <= TAGS
    for tag, attributes in page.elements:
        assert set(attributes) <= ATTRIBUTES, (tag, attributes)
        href = attributes.get("href")
        assert href is None or re.match(r"#[a-z]+$", href)
    assert len(page.raw["script"]) == 2
    assert len(page.raw["style"]) == 1
    return page


def text_of(page: Page) -> str:
    return " ".join("".join(page.words).split())


def said(found: Study) -> str:
    return plain_text(w.finding(found, Rows(found.rows))).replace("\N{NO-BREAK SPACE}", " ")


def table_of(document: Any) -> list[dict[str, Any]]:
    """The figures inside a page, a mapping for each row."""
    names, columns = document["names"], document["columns"]
    return [
        {column: names[column][value] if column in names else value for column, value in zip(columns, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]


@pytest.mark.parametrize("grid", GRIDS)
def test_every_grid_has_its_first_screen_and_all_sections(grid: str) -> None:
    found = study(grid)
    page = check(study_to_html(found))
    ids = [a["id"] for tag, a in page.elements if tag == "section"]
    assert [i for i in ids if i != "verdicts"] == list(SECTIONS)
    text = text_of(page)
    assert said(found) in text.replace("\N{NO-BREAK SPACE}", " ")
    assert not re.search(r"\bnan\b|\binf\b", text)


@pytest.mark.parametrize("grid", GRIDS)
def test_elpd_has_a_section_where_the_study_asked_for_it(grid: str) -> None:
    found = study(grid, elpd=True)
    page = check(study_to_html(found))
    ids = [a["id"] for tag, a in page.elements if tag == "section"]
    assert [i for i in ids if i not in ("verdicts", "prediction")] == list(SECTIONS)
    assert ids.index("prediction") == ids.index("posterior") + 1
    text = text_of(page)
    assert "elpd lost by the method’s distribution" in text
    assert "elpd lost by the method’s point" in text
    assert re.search(r"lost against NUTS, as a mean over the grid: MAP.{1,3}Laplace 0\.\d+ ± ", text)
    held = [row for row in table_of(page.document) if row["measure"] == "elpd"]
    assert len(held) == len([r for r in found.rows if r.measure == "elpd"])
    without = dataclasses.replace(found, rows=[r for r in found.rows if not r.measure.startswith("elpd")])
    assert "elpd" not in study_to_html(without)
    assert study_to_html(without) == study_to_html(study(grid))


def test_the_finding_is_the_coverage_at_both_ends_of_the_grid() -> None:
    found = study("one")

    def at(n: int, method: str = "map_laplace") -> tuple[float, float]:
        rows = [r for r in found.rows if (r.cell["n"], r.method, r.measure) == (n, method, "coverage_90")]
        return float(np.mean([r.value for r in rows])), float(np.mean([r.mcse or math.nan for r in rows]))

    low, high = (str(percent(*at(n))).replace("\N{NO-BREAK SPACE}", " ") for n in (5, 500))
    nuts = [at(n, "nuts") for n in GRIDS["one"]["n"]]
    mean, error = np.mean([v for v, _ in nuts]), math.sqrt(sum(e**2 for _, e in nuts)) / len(nuts)
    beside = str(percent(float(mean), error)).replace("\N{NO-BREAK SPACE}", " ")
    assert said(found).replace("\N{NO-BREAK SPACE}", " ") == (
        f"The 90 % interval of MAP + Laplace covers the truth in {low} % at n = 5 and in {high} % at n = 500; "
        f"that of NUTS in {beside} %."
    )


@pytest.mark.parametrize("focus", FOCUSES)
@pytest.mark.parametrize("grid", GRIDS)
def test_every_measure_makes_a_sentence(grid: str, focus: Focus) -> None:
    found = said(study(grid, words={"focus": focus}))
    assert found.endswith(".")
    assert re.search(r"\d ± [\d.]+", found)
    assert "  " not in found


def test_a_focus_can_name_a_part_of_the_grid() -> None:
    found = study("two", words={"focus": Focus("coverage_90", "map_laplace", "tau", {"form": "joint"})})
    first = next(
        r
        for r in found.rows
        if (dict(r.cell), r.method, r.parameter, r.measure)
        == ({"groups": 3, "form": "joint"}, "map_laplace", "tau", "coverage_90")
    )
    expected = str(percent(first.value, first.mcse or math.nan)).replace("\N{NO-BREAK SPACE}", " ")
    assert f"in {expected} % at groups = 3" in said(found)
    assert "(form = joint)" in said(found)


def test_a_finding_of_the_users_own_stands_as_it_is() -> None:
    found = study("one", words={"finding": "MAP <collapses> at n = 5.", "title": "Of data", "question": "When?"})
    page = check(study_to_html(found))
    text = text_of(page)
    assert "MAP <collapses> at n = 5." in text
    assert "Of data" in text
    assert "When?" in text


def test_the_mean_over_dependent_parameters_has_an_error_that_is_large_enough() -> None:
    rng = np.random.default_rng(3)
    r, k, times = 100, 4, 400
    means, errors = [], []
    for _ in range(times):
        shared = rng.standard_normal((r, 1)) + 0.3 * rng.standard_normal((r, k))
        cell: Mapping[str, Any] = {}
        rows = [
            Measure(cell, "nuts", f"b[{j}]", "bias", float(x.mean()), float(x.std(ddof=1) / math.sqrt(r)), r, 0)
            for j, x in enumerate(shared.T)
        ]
        pooled = Rows(rows).pooled([cell], "nuts", Focus("bias", "nuts"))
        means.append(pooled.value)
        errors.append(pooled.error)
    true = float(np.std(means, ddof=1))
    # The sd of 400 means is known to 1/√800; an error that ignored the dependence would be half as large.
    assert np.mean(errors) > true * (1 - 3 / math.sqrt(2 * times))
    assert np.mean(errors) / math.sqrt(k) < 0.7 * true


def test_every_row_is_in_the_page_as_data() -> None:
    found = study("two", failing=0.1)
    odd = Measure(found.rows[0].cell, "nuts", "=cmd()", "bias", math.nan, None, 0, 200, 'a "reason", with\nlines')
    found = dataclasses.replace(found, rows=[*found.rows, odd])
    page = check(study_to_html(found))
    table, columns = table_of(page.document), page.document["columns"]
    assert isinstance(columns, dict)
    assert len(table) == len(found.rows) == len(columns["value"])
    cells = page.document["cells"]
    assert isinstance(cells, list)
    for i, row in enumerate(found.rows[:-1]):
        assert table[i]["value"] == pytest.approx(row.value, rel=1e-5)
        assert (table[i]["method"], table[i]["parameter"], table[i]["measure"]) == (
            row.method,
            row.parameter,
            row.measure,
        )
        assert cells[columns["cell"][i]] == row.cell
    assert table[-1]["parameter"] == "=cmd()"
    assert table[-1]["reason"] == 'a "reason", with\nlines'
    assert (table[-1]["value"], table[-1]["mcse"], columns["value"][-1]) == (None, None, None)


def test_failures_are_told() -> None:
    found = study("one", failing=0.25)
    text = text_of(check(study_to_html(found)))
    lost, total = found.plans[0].failed, found.plans[0].done
    assert f"{lost:,} of {total:,} fits failed" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert f"{lost:,} of 1,400 by MLE + Wald" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "the likelihood has no maximum" in text
    assert "None of" not in text


def test_an_unfinished_study_says_so() -> None:
    found = study("one")
    plan = dataclasses.replace(found.plans[0], fits=found.plans[0].fits + 1000)
    text = text_of(check(study_to_html(dataclasses.replace(found, plans=(plan,)))))
    assert "1,000 are not done" in text


@pytest.mark.parametrize("parameters", [(), ("tau",)])
def test_a_study_in_which_all_failed_has_a_report(parameters: tuple[str, ...]) -> None:
    found = study("one", parameters=parameters)
    rows = [
        dataclasses.replace(r, value=1.0 if r.measure == "failed" else math.nan, mcse=None, reason="no mode")  # type: ignore[type-var]
        for r in found.rows
    ]
    plan = dataclasses.replace(found.plans[0], failed=found.plans[0].done)
    broken = Study(rows, (plan,))
    text = text_of(check(study_to_html(broken)))
    assert "No figure could be computed" in text
    assert "all 5,600 fits failed" in text.replace("\N{NO-BREAK SPACE}", " ")


def test_a_study_with_no_rows_has_a_report() -> None:
    plan = dataclasses.replace(study("none").plans[0], done=0, failed=0)
    assert "there are no rows of it" in text_of(check(study_to_html(Study([], (plan,)))))


@pytest.mark.parametrize(
    ("values", "numeric", "geometric"),
    [
        ((1, 10, 100, 1000), True, True),
        ((5, 10, 20, 50, 100), True, True),
        ((10, 20, 30, 40, 50, 60, 70, 80, 90), True, False),
        ((0, 1, 10, 100), True, False),
        ((1, 2), True, False),
        ((True, False), False, False),
        (("a", "b"), False, False),
        ((1, math.inf), False, False),
    ],
)
def test_which_axis_is_numeric_and_which_geometric(values: tuple[Any, ...], numeric: bool, geometric: bool) -> None:
    varied = Varied("n", values)
    assert varied.numeric is numeric
    assert varied.geometric is geometric


def test_the_axis_is_the_longest_numeric_one_and_the_rest_are_facets() -> None:
    rows = Rows(study("two").rows)
    assert rows.axis is not None
    assert rows.axis.name == "groups"
    assert [facet.shared for facet in rows.facets] == [{"form": form} for form in GRIDS["two"]["form"]]
    assert [c["groups"] for c in rows.facets[0].cells] == [3, 5, 10, 20, 50]
    assert Rows(study("words").rows).axis is None


def test_axes_do_not_stretch_for_a_method_that_is_far_off() -> None:
    drawn = Drawn("bias", "", "", line=0.0)
    near = [Line(css, (0.0, 1.0), (0.2, -0.1)) for css in ("map", "lap", "post")]
    far = Line("mle", (0.0, 1.0), (1e6, 0.3))
    axis = vertical([*near, far], drawn)
    assert axis.upper < 1
    wide = [Line(css, (0.0, 1.0), (0.2, -0.5)) for css in ("map", "lap", "post")]
    assert vertical([*wide, Line("mle", (0.0, 1.0), (4.7, -0.4))], Drawn("width_90", "", "", log=True)).upper < 2
    two = vertical([Line("lap", (0.0,), (-0.015,)), Line("map", (0.0, 1.0), (1.4, 1.3))], drawn)
    assert two.lower < -0.015 < 1.4 < two.upper  # half of the methods are no exception
    rows = [r for r in study("one").rows if r.measure != "bias" or r.method != "mle_wald"]
    cell = rows[0].cell
    page = study_to_html(
        dataclasses.replace(study("one"), rows=[*rows, Measure(cell, "mle_wald", "tau", "bias", 1e6, 1.0, 9, 0)])
    )
    assert '<path class="ef" d="M0 -5L4.5 3L-4.5 3Z"/>' in page  # an arrowhead at the edge


def test_a_method_that_lost_its_hard_data_sets_is_not_said_to_be_accurate() -> None:
    cell: Mapping[str, Any] = {}

    def rows(failed: int) -> Rows:
        own = Measure(cell, "psis_laplace", "a", "rmse", 0.5, 0.1, 100 - failed, failed)
        return Rows([own, Measure(cell, "nuts", "a", "rmse", 1.0, 0.1, 100, 0)])

    assert accuracy(rows(2), cell, "psis_laplace").value == pytest.approx(0.5, rel=1e-12)
    assert not accuracy(rows(3), cell, "psis_laplace").known


def test_the_worst_parameter_comes_first_and_noise_does_not_make_it_so() -> None:
    cell: Mapping[str, Any] = {}
    rows = [
        Measure(cell, "map_laplace", "noisy", "coverage_90", 0.6, 0.2, 5, 0),
        Measure(cell, "map_laplace", "bad", "coverage_90", 0.7, 0.01, 500, 0),
        Measure(cell, "map_laplace", "good", "coverage_90", 0.9, 0.01, 500, 0),
    ]
    assert [p.parameter for p in pairs(Rows(rows))][:1] == ["bad"]


def test_small_figures_are_at_most_four_and_the_rest_is_in_the_table() -> None:
    names = [f"beta[{i}]" for i in range(30)]
    found = study({"n": (5, 10)}, parameters=names)
    text = text_of(check(study_to_html(found)))
    assert "The 4 that are farthest off, here and below; 26 others in the table." in text.replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_of_too_many_rows_the_page_says_what_it_leaves_out() -> None:
    cells = [{"n": i} for i in range(1, 101)]
    rows = [
        Measure(cell, "nuts", f"b[{j}]", "coverage_90", 0.5 if j == 7 else 0.9, 0.01, 100, 0)
        for cell in cells
        for j in range(MOST // 100 + 1)
    ]
    plan = study("none").plans[0]
    built = build(Study(rows, (plan,)))
    assert len(built.held.rows) == MOST
    assert sum(r.parameter == "b[7]" for r in built.held.rows) == 100
    assert held(built.held, ()) is built.held
    page = check(study_to_html(Study(rows, (plan,))))
    assert page.document["rows_left_out"] == 100
    assert "100 rows more are too many for a page" in text_of(page).replace("\N{NO-BREAK SPACE}", " ")


def test_the_policy_admits_this_style_and_this_script_alone() -> None:
    text = study_to_html(study("one"))
    page = check(text)
    policy = next(a["content"] or "" for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    for kind, inside in (("style-src", page.raw["style"][0]), ("script-src", page.raw["script"][1])):
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "style=" not in text
    assert not re.search(r"https?://|url\(|@import|src=", text)


def test_two_renders_are_the_same_bytes() -> None:
    assert study_to_html(study("two")) == study_to_html(study("two"))


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    '"onmouseover="alert(3)',
    "\u202eabc",
    "a\x00b",
    "\ud800",
    "{{ 7*7 }}",
)


def test_names_from_models_and_plans_are_text() -> None:
    grid: dict[str, tuple[Any, ...]] = {HOSTILE[0]: (1, 2, 3), HOSTILE[1]: (HOSTILE[2], HOSTILE[3])}
    words = {"title": HOSTILE[1], "question": HOSTILE[0]}
    found = study(grid, parameters=HOSTILE, words=words)
    plan = dataclasses.replace(
        found.plans[0],
        target=HOSTILE[1],
        truth={HOSTILE[0]: HOSTILE[1]},
        options={HOSTILE[1]: HOSTILE[0]},
        toml=HOSTILE[1],
        failed=3,
        reasons=((HOSTILE[0], 3),),
        identity={HOSTILE[1]: HOSTILE[0], "plan": HOSTILE[1], "the model's file": HOSTILE[0]},
    )
    page = check(study_to_html(dataclasses.replace(found, plans=(plan,))))
    assert "<img src=x onerror=alert(1)>" in text_of(page)
    assert "\u202e" not in "".join(page.words)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.text(max_size=20), min_size=1, max_size=3, unique=True), st.text(max_size=20), st.text(max_size=20))
def test_any_name_renders(names: list[str], axis: str, title: str) -> None:
    page = check(study_to_html(study({axis: (1, 2)}, parameters=[n or "x" for n in names], words={"title": title})))
    assert isinstance(page.document["columns"], dict)


def test_values_without_errors_and_odd_values_of_the_grid_render() -> None:
    rows = [
        Measure({"p": value}, "map_laplace", "a", measure, number, None, 1, 0)
        for value in ([1, 2], [3], "x", True)
        for measure, number in (("coverage_90", 1.0), ("bias", 0.0), ("rmse", 0.0), ("shift", math.inf), ("other", 1e9))
    ]
    page = check(study_to_html(Study(rows, study("none").plans)))
    assert json.dumps(page.document)


def test_a_value_without_an_error_spans_itself() -> None:
    assert Value(2.0).span == (2.0, 2.0)
    assert Value(2.0, 0.5).span == (1.0, 3.0)


def test_colours_of_methods_are_those_that_a_test_holds_to_their_contrast() -> None:
    assert {"post", "map", "lap", "ink2", "same", "differs", "undecided"} <= set(LIGHT) & set(DARK)
