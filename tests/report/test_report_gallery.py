"""The gallery: what it adds to a report, and its index, which is made of the reports alone."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bayescompare as bc
from bayescompare.metrics.verdict import Overall, State, Verdict
from bayescompare.report import index_to_html, page_to_html, parts, to_html
from bayescompare.report.gallery import index as gallery
from bayescompare.report.svg.atlas import Point, atlas
from tests.report.factory import STATES, Made, make
from tests.report.test_report_html import HOSTILE, TAGS, Page, hostile

MADE_OF = {"bayescompare": "0", "fingerprint": "f", "asked": {"seed": 0, "options": {"interval": 0.94}}}
SOURCE = '"""A model."""\n\nimport pymc as pm\n\n\tx = 1 < 2 & 3\n'


def origin(text: str = "", tags: tuple[str, ...] = ("classic", "real-data")) -> gallery.Origin:
    return gallery.Origin(
        text or "models/eight.py", text or SOURCE, text or "By how much?", text or "MAP sets tau to 0.", tags, MADE_OF
    )


def write(folder: Path, states: tuple[str, ...] = STATES) -> Path:
    """A report of a gallery for each state."""
    for state in states:
        (folder / f"{state}.html").write_text(to_html(make(state), reproducible=True, origin=origin()), "utf-8")
    return folder


def test_a_page_of_the_gallery_shows_the_source_and_leads_back() -> None:
    page = Page(to_html(make("differs"), origin=origin()))
    assert [a["id"] for tag, a in page.elements if tag == "section"][-3:] == ["glossary", "source", "provenance"]
    assert SOURCE.strip("\n") in "".join(page.words)
    assert [a["href"] for tag, a in page.elements if tag == "a" and not (a["href"] or "").startswith("#")] == [
        "index.html"
    ]
    assert "index.html" not in to_html(make("differs"))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_source_is_text(text: str, tmp_path: Path) -> None:
    rendered = to_html(hostile([text, "b", "c"]), origin=origin(text, (text,)))
    page = Page(rendered)
    assert {tag for tag, _ in page.elements} <= TAGS
    assert len(page.raw["script"]) == 3
    assert "\u202e" not in rendered
    (tmp_path / "a.html").write_text(rendered, encoding="utf-8")
    assert gallery.made_of(tmp_path / "a.html") == MADE_OF
    index = Page(index_to_html(gallery.read(tmp_path)))
    assert {tag for tag, _ in index.elements} <= TAGS
    assert len(index.raw["script"]) == 1


def test_the_numbers_of_a_page_of_the_gallery_can_be_read(tmp_path: Path) -> None:
    write(tmp_path, ("differs",))
    found = bc.open(tmp_path / "differs.html")
    assert found.verdict == make("differs").verdict


def test_what_a_report_was_made_of_is_in_it(tmp_path: Path) -> None:
    write(tmp_path, ("same",))
    assert gallery.made_of(tmp_path / "same.html") == MADE_OF
    assert gallery.made_of(tmp_path / "none.html") is None
    (tmp_path / "plain.html").write_text(to_html(make("same")), encoding="utf-8")
    assert gallery.made_of(tmp_path / "plain.html") is None
    whole = (tmp_path / "same.html").read_text("utf-8")
    (tmp_path / "cut.html").write_text(whole[: len(whole) // 2], encoding="utf-8")
    assert gallery.made_of(tmp_path / "cut.html") is None


def test_the_index_tells_each_verdict_and_counts_them(tmp_path: Path) -> None:
    index = gallery.read(write(tmp_path))
    assert [(key, n) for key, _, _, n in index.counts] == [
        ("yes", 1),
        ("point", 1),
        ("no", 1),
        ("open", 1),
        ("none", 1),
    ]
    assert index.headline == (
        "Of 5\N{NO-BREAK SPACE}models, the MAP stands in for the posterior in 1, as a point only in 1; "
        "1 has no verdict."
    )
    assert index.tags == ("classic", "real-data")
    page = Page(index_to_html(index))
    text = "".join(page.words)
    for state in STATES:
        overall = make(state).verdict.overall
        assert overall.opening in text
        assert overall.sentence.split(" ± ")[0] in text
    assert text.count("MAP sets tau to 0.") == 5
    links = [a["href"] for tag, a in page.elements if tag == "a"]
    assert sorted(filter(None, links)) == ["#main", *(f"./{state}.html" for state in sorted(STATES))]
    assert sum(a.get("class") == "strip" for tag, a in page.elements if tag == "svg") == 6  # with the map


def test_reports_are_grouped_by_cause_and_the_worst_come_first(tmp_path: Path) -> None:
    for i, (state, cause, shift) in enumerate(
        [("differs", "at_edge", -1.0), ("differs", "at_edge", -3.0), ("differs", "", -1.0), ("same", "", 0.01)]
    ):
        comparison = make(state, made=Made(shift=shift))
        fact = {"code": cause, "variables": ["tau"], "figures": {"at": 0.0}, "text": ""} if cause else None
        comparison = dataclasses.replace(comparison, display={**comparison.display, "cause": fact})
        (tmp_path / f"r{i}.html").write_text(to_html(comparison, origin=origin()), encoding="utf-8")
    index = gallery.read(tmp_path)
    assert [(group.heading, [entry.href for entry in group.entries]) for group in index.groups] == [
        ("The mode sits at an edge", ["./r1.html", "./r0.html"]),
        ("The MAP differs for another reason", ["./r2.html"]),
        ("The MAP stands in for the posterior", ["./r3.html"]),
    ]
    assert index.points[0].label == "r1"
    assert index.points[0].x == pytest.approx(np.log10(3.0), abs=0.2)


def test_the_search_finds_what_the_docstring_says(tmp_path: Path) -> None:
    source = SOURCE.replace("A model.", "MAP is also called *regularised logistic regression*.")
    (tmp_path / "wells.html").write_text(to_html(make("same"), origin=origin(source)), encoding="utf-8")
    assert "logistic" in gallery.read(tmp_path).entries[0].searched


@given(st.lists(st.tuples(st.floats(-2, 3), st.floats(-1, 2)), min_size=1, max_size=45))
def test_labels_of_the_map_touch_neither_each_other_nor_a_mark(places: list[tuple[float, float]]) -> None:
    points = [Point(f"template_{i}", "differs", x, y) for i, (x, y) in enumerate(places)]
    drawn = ElementTree.fromstring(str(atlas(points, (0.2, 1.2))))
    boxes = []
    for text in (
        e for e in drawn.iter("text") if "w-only" in e.get("class", "") and e.get("class", "").startswith("k")
    ):
        wide = 6.6 * len(text.text or "")
        x = 10.8 * float(text.get("x", "").rstrip("%")) + float(text.get("dx", ""))
        css = text.get("class", "").split()
        left = x - wide if "e" in css else x - wide / 2 if "c" in css else x
        boxes.append((left, float(text.get("y", "")) - 11, left + wide, float(text.get("y", "")) + 3))
    for i, (a, b, c, d) in enumerate(boxes):
        assert all(c <= e + 0.2 or g <= a + 0.2 or d <= f + 0.2 or h <= b + 0.2 for e, f, g, h in boxes[:i])


def test_the_thumbnail_holds_the_scalars_most_shifted_where_they_lie(tmp_path: Path) -> None:
    entry = gallery.read(write(tmp_path, ("differs",))).entries[0]
    table = make("differs").table
    worst = table.reindex(table["z"].abs().sort_values(ascending=False).index)[:5]
    assert [row.name.text for row in entry.forest.rows] == list(worst.index)
    assert [row.mode for row in entry.forest.rows] == pytest.approx(
        list((worst["map"] - worst["mean"]) / worst["sd"]), rel=1e-12
    )


def test_the_index_is_a_function_of_the_reports_alone(tmp_path: Path) -> None:
    write(tmp_path)
    first = index_to_html(gallery.read(tmp_path))
    (tmp_path / "index.html").write_text(first, encoding="utf-8")
    assert index_to_html(gallery.read(tmp_path)) == first
    (tmp_path / "same.html").unlink()
    assert index_to_html(gallery.read(tmp_path)) != first


def test_other_pages_are_left_out_and_studies_are_linked(tmp_path: Path) -> None:
    write(tmp_path, ("same",))
    (tmp_path / "notes.html").write_text("<p>hello", encoding="utf-8")
    (tmp_path / "study_speed.html").write_text(
        '<title>Speed &amp;\n <cost></title><h1 class="say">MAP <b>covers</b> &amp; &lt;NUTS&gt; does.</h1>',
        encoding="utf-8",
    )
    (tmp_path / "study_bare.html").write_text("none", encoding="utf-8")
    index = gallery.read(tmp_path)
    assert index.left_out == ("notes.html",)
    assert [(address, str(title), finding) for address, title, finding in index.studies] == [
        ("./study_bare.html", "study_bare", ""),
        ("./study_speed.html", "Speed & <cost>", "MAP covers & <NUTS> does."),
    ]
    assert "Speed &amp; &lt;cost&gt;" in index_to_html(index)


def test_a_report_that_no_gallery_made_is_listed_without_tags(tmp_path: Path) -> None:
    (tmp_path / "plain.html").write_text(to_html(make("same")), encoding="utf-8")
    entry = gallery.read(tmp_path).entries[0]
    assert (entry.tags, entry.finding, entry.answer) == ((), "", "yes")


@pytest.mark.parametrize("record", ["[]", '{"tags": 3}', "{"])
def test_a_damaged_record_is_left_out(record: str, tmp_path: Path) -> None:
    write(tmp_path, ("same",))
    path = tmp_path / "same.html"
    text = re.sub(r'(id="template">).*?(</script>)', rf"\g<1>{record}\g<2>", path.read_text("utf-8"))
    path.write_text(text, encoding="utf-8")
    assert gallery.made_of(path) is None
    assert gallery.read(tmp_path).left_out == ("same.html",)


def test_an_empty_folder_has_an_index(tmp_path: Path) -> None:
    index = gallery.read(tmp_path)
    assert "There is no report in this folder." in index_to_html(index)


def test_no_scalar_with_an_sd_has_no_thumbnail(tmp_path: Path) -> None:
    comparison = make("differs")
    table = comparison.table.assign(sd=float("nan"))
    (tmp_path / "a.html").write_text(to_html(dataclasses.replace(comparison, table=table)), encoding="utf-8")
    index = gallery.read(tmp_path)
    assert index.entries[0].forest.rows == ()
    assert "No posterior sd to draw in." in index_to_html(index)


def test_an_address_never_has_a_scheme(tmp_path: Path) -> None:
    (tmp_path / 'javascript:alert(1)"<b>.html').write_text(to_html(make("same")), encoding="utf-8")
    page = Page(index_to_html(gallery.read(tmp_path)))
    assert [a["href"] for tag, a in page.elements if tag == "a"][1] == "./javascript%3Aalert%281%29%22%3Cb%3E.html"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.text(max_size=20))
def test_any_words_are_text(tmp_path: Path, words: str, tag: str) -> None:
    words, tag = (text.encode("utf-8", "replace").decode() for text in (words, tag))
    comparison = make("same", 2)
    overall = Overall(State.SAME, "Yes.", words, "")
    comparison = dataclasses.replace(comparison, verdict=Verdict(overall, comparison.verdict.layers))
    (tmp_path / "a.html").write_text(to_html(comparison, origin=origin(words, (tag,))), encoding="utf-8")
    page = Page(index_to_html(gallery.read(tmp_path)))
    assert {name for name, _ in page.elements} <= TAGS
    rows = [a for name, a in page.elements if name == "li" and "data-tags" in a]
    assert [set(row) for row in rows] == [{"data-answer", "data-tags", "data-text"}]


def test_the_record_is_json_that_cannot_end_its_element() -> None:
    text = to_html(make("same"), origin=origin("</script><b>", ("</script>",)))
    record = re.findall(r'id="template">(.*?)</script>', text, re.DOTALL)
    assert len(record) == 1
    assert json.loads(record[0])["tags"] == ["</script>"]
    assert "<" not in record[0]


def test_the_index_leads_to_the_atlas_which_is_no_report(tmp_path: Path) -> None:
    page = parts.Page("Every method", "Which?", "Laplace <of> two.", ((HOSTILE[0],),), (), "Made here.")
    table = {"table": {"columns": ["model"], "data": [[HOSTILE[1]]]}}
    (write(tmp_path, ("same",)) / gallery.ATLAS).write_text(page_to_html(page, table), encoding="utf-8")
    index = gallery.read(tmp_path)
    assert len(index.entries) == 1
    assert index.left_out == ()
    assert "./atlas.html" in [a["href"] for tag, a in Page(index_to_html(index)).elements if tag == "a"]
    shown = Page((tmp_path / gallery.ATLAS).read_text(encoding="utf-8"))
    assert {tag for tag, _ in shown.elements} <= TAGS
    assert "./index.html" in [a["href"] for tag, a in shown.elements if tag == "a"]
