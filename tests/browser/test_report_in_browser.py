"""The report as readers meet it: from disk, without a network, wide and narrow, light and dark, on paper."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from bayescompare.report import difference_to_html, fragment, to_html
from bayescompare.results.difference import difference
from tests.report.factory import make
from tests.report.test_report_html import hostile

if TYPE_CHECKING:
    from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
SECTIONS = (
    "asked",
    "marginals",
    "prediction",
    "joint",
    "coordinates",
    "sensitivity",
    "table",
    "diagnostics",
    "methods",
    "glossary",
    "provenance",
)


def test_it_opens_from_disk_without_a_word_or_a_request(visit: Open, report_file: Path) -> None:
    found = visit(report_file)
    found.page.wait_for_timeout(200)
    assert found.messages == []
    assert set(found.requests) == {report_file.as_uri()}
    for section in SECTIONS:
        assert found.page.locator(f"section#{section}").is_visible(), section


def test_it_is_all_there_without_javascript(visit: Open, report_file: Path) -> None:
    with_scripts, without = visit(report_file), visit(report_file, scripts=False)
    assert without.messages == []
    added = with_scripts.page.locator(".tools")
    assert added.count() == 1
    assert without.page.locator(".tools").count() == 0
    for selector in ("h1", ".forest", *(f"section#{name} h2" for name in SECTIONS)):
        assert without.page.locator(selector).first.is_visible(), selector
    for selector in ("table tr", "svg", "details", "p", "dd"):
        assert without.page.locator(selector).count() == with_scripts.page.locator(selector).count()
    without.page.locator("summary").first.click()
    assert without.page.locator("details[open]").count() == 1


@pytest.mark.parametrize("width", [1280, 768, 390, 320])
def test_it_never_scrolls_sideways(visit: Open, report_file: Path, width: int) -> None:
    page = visit(report_file, width).page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_painted_in_the_colours_asked_for(visit: Open, report_file: Path, width: int, dark: bool) -> None:
    page = visit(report_file, width, dark=dark).page
    painted = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert painted == ("rgb(20, 23, 26)" if dark else "rgb(252, 252, 250)")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    target = SCREENSHOTS / f"{report_file.stem}-{width}-{'dark' if dark else 'light'}.png"
    page.screenshot(path=target, full_page=True)
    assert target.stat().st_size > 10_000


def test_it_prints_light_and_the_answer_with_its_evidence(visit: Open, report_file: Path) -> None:
    page = visit(report_file, dark=True).page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#location").count() == 0 or page.locator("#location").is_visible()
    assert not page.locator("#table").is_visible()
    assert not page.locator("nav.toc").is_visible()
    assert not page.locator(".tools").is_visible()
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")


def test_headings_links_and_names(visit: Open, report_file: Path) -> None:
    page = visit(report_file).page
    assert page.locator("h1").count() == 1
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4'), h => Number(h.tagName[1]))")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    broken = (
        "Array.from(document.querySelectorAll('a[href]')).filter(a => !document.querySelector(a.getAttribute('href')))"
    )
    assert page.evaluate(f"{broken}.length") == 0
    assert page.evaluate("document.documentElement.lang") == "en"
    nameless = "Array.from(document.querySelectorAll('svg[role=img]')).filter(s => !s.querySelector('title')).length"
    assert page.evaluate(nameless) == 0
    unscoped = "document.querySelectorAll('th:not([scope])').length"
    assert page.evaluate(unscoped) == 0
    ids = page.evaluate("Array.from(document.querySelectorAll('[id]'), e => e.id)")
    assert len(ids) == len(set(ids))
    scrolled = page.locator(".scroll, pre")
    for i in range(scrolled.count()):
        assert scrolled.nth(i).get_attribute("tabindex") == "0"
        assert scrolled.nth(i).get_attribute("aria-label")


def test_text_is_never_smaller_than_it_should_be(visit: Open, report_file: Path) -> None:
    page = visit(report_file, 390).page
    sizes = page.evaluate(
        "Array.from(document.querySelectorAll('p, td, th, dd, dt, li, svg text, .pm'),"
        " e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 11


def test_keys_reach_the_verdict_and_every_control(visit: Open, report_file: Path) -> None:
    page = visit(report_file).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")  # the browser follows a link in its own time
    small = page.evaluate(
        "Array.from(document.querySelectorAll('button, input, summary'))"
        ".filter(e => e.getBoundingClientRect().height < 24).length"
    )
    assert small == 0


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """One report, for what does not depend on its state."""
    path = tmp_path / "one.html"
    path.write_text(to_html(make("differs", 18)), encoding="utf-8")
    return path


def unfolded(visit: Open, path: Path) -> Any:
    """The page with its audit open."""
    page = visit(path).page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    return page


def test_the_table_can_be_sorted_and_filtered(visit: Open, one: Path) -> None:
    page = unfolded(visit, one)
    rows = page.locator("#every tbody tr")
    head = page.locator("#every thead tr").last.locator("th", has_text="mean")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    texts = page.locator("#every tbody tr td:nth-of-type(4)").all_inner_texts()
    means = [float(text.replace("−", "-")) for text in texts]
    assert means == sorted(means)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    page.locator(".tools input").fill("school 1")
    assert page.locator("#every tbody tr:visible").count() == 8
    assert page.locator(".tools [role=status]").inner_text() == "8 of 18"
    assert rows.count() == 18


def copied(page: Any, label: str) -> str:
    """What a button puts on the clipboard."""
    page.evaluate(
        "window.copied = undefined;"
        "Object.defineProperty(navigator, 'clipboard',"
        " {configurable: true, value: {writeText: async t => { window.copied = t }}})"
    )
    page.get_by_role("button", name=label, exact=True).click()
    page.wait_for_function("window.copied !== undefined")
    return str(page.evaluate("window.copied"))


def test_the_table_is_copied_as_it_is_shown_for_latex(visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "latex.html"
    labels = ["mu", r"a_b & 50% {of} \x", *(f"theta[{i}]" for i in range(12))]
    path.write_text(to_html(make("differs", labels=labels)), encoding="utf-8")
    page = unfolded(visit, path)
    lines = copied(page, "Copy as LaTeX").split("\n")
    assert lines[0].startswith(r"\begin{tabular}{lrrr")
    assert lines[1] == r"\toprule"
    assert lines[2].startswith("scalar & MAP & ")
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]
    rows = lines[4:-2]
    assert len(rows) == len(labels)
    assert rows[1].startswith(r"a\_b \& 50\% \{of\} \textbackslash{}x & ")
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {lines[0].count("r", len(r"\begin{tabular}"))}
    assert all(row.endswith(r" \\") for row in rows)
    assert "$\\pm$" in rows[0]
    assert not re.search(r"[−±–]", "".join(rows))
    assert "differs" not in "".join(rows)
    page.locator(".tools input").fill("theta[1")
    assert len(copied(page, "Copy as LaTeX").split("\n")) == 6 + 3


def test_code_bibtex_and_methods_can_be_copied(visit: Open, one: Path) -> None:
    page = unfolded(visit, one)
    comparison = make("differs", 18)
    assert copied(page, "Copy Model code") == comparison.model.code.strip()
    assert copied(page, "Copy BibTeX").startswith("@article{")
    assert copied(page, "Copy methods").startswith("The model was written in PyMC")
    assert re.match(r"\S.*: MAP .*; posterior mean .* interval .*\)\.$", copied(page, "Copy result 1"))
    assert page.locator("details .copying").first.locator("[role=status]").inner_text() == "copied"


def test_numbers_table_and_figures_can_be_saved(visit: Open, one: Path, tmp_path: Path) -> None:
    page = visit(one).page

    def saved(button: str) -> str:
        with page.expect_download() as download:
            page.get_by_role("button", name=button).first.click()
        download.value.save_as(tmp_path / "file")
        return (tmp_path / "file").read_text(encoding="utf-8")

    document = json.loads(saved("Save the numbers as JSON"))
    assert document["schema"] == "bayescompare/2"
    lines = saved("Save the table as CSV").splitlines()
    assert len(lines) == 1 + len(document["table"]["data"])
    figure = ElementTree.fromstring(saved("Save as SVG"))
    assert len(figure.findall(".//{*}path")) > 2


def test_a_row_leads_to_its_figure(visit: Open, one: Path) -> None:
    page = unfolded(visit, one)
    links = page.locator("#every tbody th a")
    assert links.count() == 9
    for i in (0, 5):
        name = links.nth(i).inner_text()
        links.nth(i).click()
        figure = page.locator(":target")
        assert name in (figure.locator("h4").all_inner_texts() or [figure.inner_text()])[0]


def test_keys_reach_everything_that_can_be_used(visit: Open, report_file: Path) -> None:
    page = visit(report_file).page
    usable = "a[href], button, input, select, summary, [tabindex='0']"
    page.evaluate("window.met = new Set(); document.addEventListener('focusin', e => window.met.add(e.target))")
    wanted = page.evaluate(f"Array.from(document.querySelectorAll({usable!r})).filter(e => e.checkVisibility()).length")
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
    assert (
        page.evaluate(
            f"Array.from(document.querySelectorAll({usable!r}))"
            ".filter(e => e.checkVisibility() && !window.met.has(e)).map(e => e.outerHTML.slice(0, 100))"
        )
        == []
    )


def test_the_table_can_be_copied_whole(visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "names.html"
    path.write_text(to_html(make("differs", labels=["=SUM(A1)", 'a "quoted", name', "b"])), encoding="utf-8")
    page = unfolded(visit, path)
    lines = copied(page, "Copy as CSV").split("\n")
    assert lines[0].startswith("name,")
    assert [line.split(",")[0] for line in lines[1:]] == ["'=SUM(A1)", '"a ""quoted""', "b"]


def test_hostile_names_do_nothing(visit: Open, tmp_path: Path) -> None:
    labels = [
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(2)</script>",
        '"onmouseover="alert(3)',
        "\u202eabc",
    ]
    path = tmp_path / "hostile.html"
    path.write_text(to_html(hostile(labels)), encoding="utf-8")
    found = visit(path)
    found.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    asked = []
    found.page.on("dialog", lambda dialog: asked.append(dialog.message))
    found.page.wait_for_timeout(200)
    assert asked == []
    assert found.messages == []
    assert set(found.requests) == {path.as_uri()}
    assert found.page.locator("img").count() == 0
    assert "<img src=x onerror=alert(1)>" in found.page.inner_text("#every")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_difference_opens_without_a_word_or_a_request_and_never_scrolls_sideways(
    visit: Open, tmp_path: Path, width: int
) -> None:
    path = tmp_path / "difference.html"
    before, after = make("differs", labels=["a" * 300, "mu"]), make("same", labels=["a" * 300, "tau"])
    path.write_text(difference_to_html(difference(before, after, same_model=True), ("a.nc", "b" * 200)), "utf-8")
    found = visit(path, width)
    assert found.messages == []
    assert set(found.requests) == {path.as_uri()}
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    assert found.page.locator("h1").inner_text().startswith("The verdict changed.")


def test_labels_beside_lines_stay_in_the_figures_own_place(visit: Open, one: Path) -> None:
    page = visit(one, 390).page
    outside = (
        "Array.from(document.querySelectorAll('.plot')).filter(p => { const r = p.getBoundingClientRect();"
        " return Array.from(p.querySelectorAll('text')).some(t => { const b = t.getBoundingClientRect();"
        " return b.right > r.right + 16 || b.left < r.left - 16 }) }).length"
    )
    assert page.evaluate(outside) == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_fragment_leaves_its_surroundings_alone(visit: Open, tmp_path: Path, dark: bool) -> None:
    outside = "<h1>Title</h1><h2>Other</h2><p>Text</p><table><tr><th>a</th><td>b</td></tr></table><a href='#x'>link</a>"
    pages = []
    for inside in ("", fragment(make("differs"))):
        path = tmp_path / f"notebook{len(pages)}.html"
        path.write_text(f"<!doctype html><meta charset='utf-8'><div id='out'>{outside}</div>{inside}", encoding="utf-8")
        pages.append(visit(path, 900, dark=dark).page)
    styles = (
        "Array.from(document.querySelectorAll('#out *'), e => { const s = getComputedStyle(e);"
        " return [s.font, s.color, s.margin, s.padding, s.border, s.backgroundColor] })"
    )
    assert pages[0].evaluate(styles) == pages[1].evaluate(styles)
    painted = pages[1].evaluate("getComputedStyle(document.querySelector('.bc')).backgroundColor")
    assert painted == ("rgb(20, 23, 26)" if dark else "rgb(252, 252, 250)")
    assert re.search("No\\.", pages[1].inner_text(".bc"))


@pytest.mark.parametrize(("width", "columns"), [(1100, 2), (600, 1)])
def test_a_fragment_fits_its_cell_whatever_the_pages_width(
    visit: Open, tmp_path: Path, width: int, columns: int
) -> None:
    path = tmp_path / "notebook.html"
    cell = f"<div style='width: {width}px'>{fragment(make('differs'))}</div>"
    path.write_text(f"<!doctype html><meta charset='utf-8'>{cell}", encoding="utf-8")
    found = visit(path, 1280).page.evaluate("getComputedStyle(document.querySelector('.two')).gridTemplateColumns")
    assert len(found.split()) == columns


def test_names_of_any_length_stay_on_the_page(visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "long.html"
    labels = ["a" * 300, "theta[" + "Phillips Andover, Massachusetts, " * 4 + "]", "ש" * 40]
    path.write_text(to_html(make("differs", labels=labels)), encoding="utf-8")
    for width in (1280, 390):
        page = visit(path, width).page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
