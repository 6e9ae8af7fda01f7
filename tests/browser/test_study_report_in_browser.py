"""The report of a study as readers meet it: from disk, without a network, wide and narrow, light and dark, on paper."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bayescompare.report import study_to_html
from tests.report.study_factory import GRIDS, study
from tests.report.test_report_study import HOSTILE

if TYPE_CHECKING:
    from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"


@pytest.fixture(scope="module", params=GRIDS)
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report for each shape of grid."""
    path: Path = tmp_path_factory.mktemp("studies") / f"study_{request.param}.html"
    path.write_text(study_to_html(study(request.param, failing=0.1)), encoding="utf-8")
    return path


def test_it_opens_from_disk_without_a_word_or_a_request(visit: Open, page_file: Path) -> None:
    found = visit(page_file)
    found.page.wait_for_timeout(200)
    assert found.messages == []
    assert set(found.requests) == {page_file.as_uri()}
    for section in ("asked", "coverage", "error", "posterior", "ranks", "cost", "table", "methods"):
        assert found.page.locator(f"section#{section}").is_visible(), section


def test_it_is_all_there_without_javascript(visit: Open, page_file: Path) -> None:
    with_scripts, without = visit(page_file), visit(page_file, scripts=False)
    assert without.messages == []
    assert without.page.locator(".tools").count() == 0
    for selector in ("table tr", "svg", "details", "p", "dd"):
        assert without.page.locator(selector).count() == with_scripts.page.locator(selector).count()
    for selector in ("h1", ".heads", ".first svg"):
        assert without.page.locator(selector).first.is_visible(), selector


@pytest.mark.parametrize("width", [1280, 768, 390, 320])
def test_it_never_scrolls_sideways(visit: Open, page_file: Path, width: int) -> None:
    page = visit(page_file, width).page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1280, 1001, 768])
def test_columns_of_the_first_screen_do_not_overlap(visit: Open, page_file: Path, width: int) -> None:
    page = visit(page_file, width).page
    over = (
        "(() => { const [l, r] = Array.from(document.querySelector('.two').children, e => e.getBoundingClientRect());"
        " const edge = l.right > r.left ? innerWidth : r.left;"
        " return Array.from(document.querySelector('.two').children[0].querySelectorAll('td, th, svg, text'))"
        ".filter(e => e.getBoundingClientRect().right > edge).length })()"
    )
    assert page.evaluate(over) == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_painted_in_the_colours_asked_for(visit: Open, page_file: Path, width: int, dark: bool) -> None:
    page = visit(page_file, width, dark=dark).page
    painted = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert painted == ("rgb(20, 23, 26)" if dark else "rgb(252, 252, 250)")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    target = SCREENSHOTS / f"{page_file.stem}-{width}-{'dark' if dark else 'light'}.png"
    page.screenshot(path=target, full_page=True)
    assert target.stat().st_size > 10_000


def test_every_mark_and_line_has_a_colour(visit: Open, page_file: Path) -> None:
    page = visit(page_file).page
    black = (
        "Array.from(document.querySelectorAll('.plot svg path, .plot svg line, .plot svg circle, .strips svg path'))"
        ".filter(e => { const s = getComputedStyle(e); return s.fill === 'rgb(0, 0, 0)' && s.stroke === 'none' })"
        ".length"
    )
    assert page.evaluate(black) == 0


def test_it_prints_light_with_details_open(visit: Open, page_file: Path) -> None:
    page = visit(page_file, dark=True).page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("details pre").first.is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_headings_links_and_names(visit: Open, page_file: Path) -> None:
    page = visit(page_file).page
    assert page.locator("h1").count() == 1
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4'), h => Number(h.tagName[1]))")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    broken = (
        "Array.from(document.querySelectorAll('a[href^=\"#\"]'))"
        ".filter(a => !document.querySelector(a.getAttribute('href'))).length"
    )
    assert page.evaluate(broken) == 0
    nameless = "Array.from(document.querySelectorAll('svg[role=img]')).filter(s => !s.querySelector('title')).length"
    assert page.evaluate(nameless) == 0
    assert page.evaluate("document.querySelectorAll('th:not([scope])').length") == 0
    ids = page.evaluate("Array.from(document.querySelectorAll('[id]'), e => e.id)")
    assert len(ids) == len(set(ids))


def test_text_is_never_smaller_than_it_should_be(visit: Open, page_file: Path) -> None:
    page = visit(page_file, 390).page
    sizes = page.evaluate(
        "Array.from(document.querySelectorAll('p, td, th, dd, dt, li, svg text, .pm'),"
        " e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 11


def test_labels_stay_in_the_figures_own_place(visit: Open, page_file: Path) -> None:
    page = visit(page_file, 390).page
    outside = (
        "Array.from(document.querySelectorAll('.plot')).filter(p => { const r = p.getBoundingClientRect();"
        " return Array.from(p.querySelectorAll('text')).some(t => { const b = t.getBoundingClientRect();"
        " return b.right > r.right + 12 || b.left < r.left - 12 }) }).length"
    )
    assert page.evaluate(outside) == 0


def test_the_figures_can_be_downloaded(visit: Open, page_file: Path, tmp_path: Path) -> None:
    page = visit(page_file).page
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the table as CSV").click()
    target = tmp_path / "study.csv"
    waiting.value.save_as(target)
    with target.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    grid = page_file.stem.removeprefix("study_")
    found = study(grid, failing=0.1)
    assert [float(row["value"]) for row in rows] == pytest.approx([row.value for row in found.rows], rel=1e-5)


def test_the_table_is_copied_as_the_file_is(visit: Open, page_file: Path) -> None:
    page = visit(page_file).page
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async t => { window.copied = t }}})"
    )
    page.get_by_role("button", name="Copy as CSV").click()
    page.wait_for_function("window.copied !== undefined")
    grid = page_file.stem.removeprefix("study_")
    assert page.evaluate("window.copied").count("\n") == len(study(grid, failing=0.1).rows)


def test_hostile_names_do_nothing(visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    long = "a" * 300
    grid = {HOSTILE[0]: (1, 2), long: (HOSTILE[1], "ש" * 40)}
    text = study_to_html(study(grid, parameters=[*HOSTILE[:4], long], words={"title": HOSTILE[1]}))
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    for width in (1280, 390):
        found = visit(path, width)
        asked: list[str] = []
        found.page.on("dialog", lambda dialog, asked=asked: asked.append(dialog.message))
        found.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        found.page.wait_for_timeout(200)
        assert asked == []
        assert found.messages == []
        assert set(found.requests) == {path.as_uri()}
        assert found.page.locator("img").count() == 0
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width
