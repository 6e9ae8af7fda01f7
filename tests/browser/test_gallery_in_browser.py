"""The index of a gallery as readers meet it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bayescompare.report import index_to_html, to_html
from bayescompare.report.gallery import index as gallery
from tests.report.factory import STATES, make
from tests.report.test_report_gallery import origin, write

if TYPE_CHECKING:
    from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a report in each state, one with names that no line is long enough for, and a study."""
    folder = write(tmp_path_factory.mktemp("gallery"))
    long = make("differs", labels=["a" * 300, "theta[" + "Phillips Andover, " * 9 + "]", "mu"])
    text = to_html(long, origin=origin("models/long.py", ("t" * 90, "classic")))
    (folder / "long.html").write_text(text, encoding="utf-8")
    (folder / "study_speed.html").write_text(f"<title>Speed {'x' * 200}</title>", encoding="utf-8")
    path = folder / "index.html"
    path.write_text(index_to_html(gallery.read(folder)), encoding="utf-8")
    return path


def test_it_opens_without_a_word_or_a_request(visit: Open, index: Path) -> None:
    found = visit(index)
    found.page.wait_for_timeout(200)
    assert found.messages == []
    assert set(found.requests) == {index.as_uri()}
    assert found.page.locator("#entries li[data-answer]").count() == len(STATES) + 1


def test_it_is_all_there_without_javascript(visit: Open, index: Path) -> None:
    with_scripts, without = visit(index), visit(index, scripts=False)
    assert without.page.locator(".tools").count() == 0
    assert with_scripts.page.locator(".tools").count() == 1
    for selector in ("li", "svg", "h2", "p", "a"):
        assert without.page.locator(selector).count() == with_scripts.page.locator(selector).count()
    assert without.page.locator("#entries li[data-answer]:visible").count() == len(STATES) + 1


@pytest.mark.parametrize("width", [1280, 768, 390, 320])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_never_scrolls_sideways(visit: Open, index: Path, width: int, dark: bool) -> None:
    page = visit(index, width, dark=dark).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    painted = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert painted == ("rgb(20, 23, 26)" if dark else "rgb(252, 252, 250)")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"index-{width}-{'dark' if dark else 'light'}.png", full_page=True)


def test_it_can_be_filtered(visit: Open, index: Path) -> None:
    page = visit(index).page
    shown = page.locator("#entries li[data-answer]:visible")
    status = page.locator(".tools [role=status]")
    page.get_by_label("Answer").select_option("no")
    assert shown.count() == 2
    assert status.inner_text() == "2 of 6"
    page.get_by_label("Tag").select_option("real-data")
    assert shown.count() == 1
    page.get_by_label("Answer").select_option("")
    assert shown.count() == len(STATES)
    page.get_by_label("Search").fill("by HOW much")
    assert shown.count() == len(STATES)
    page.get_by_label("Search").fill("nothing has this")
    assert shown.count() == 0
    assert status.inner_text() == "0 of 6"
    page.get_by_label("Search").fill("")
    page.get_by_label("Tag").select_option("")
    assert status.inner_text() == ""
    linked = visit(index.parent / "index.html").page
    linked.goto(f"{index.as_uri()}#answer=no")
    linked.reload()
    assert linked.locator("#entries li[data-answer]:visible").count() == 2


def test_links_lead_to_the_reports_and_back(visit: Open, index: Path) -> None:
    page = visit(index).page
    addresses = page.evaluate("Array.from(document.querySelectorAll('#entries a'), a => a.href)")
    assert {Path(address.removeprefix("file://")).name for address in addresses} == {
        *(f"{state}.html" for state in STATES),
        "long.html",
    }
    back = visit(index.parent / "same.html").page.get_by_role("link", name="All templates")
    assert back.evaluate("a => a.href") == index.as_uri()


def test_it_prints_light_without_tools(visit: Open, index: Path) -> None:
    page = visit(index, dark=True).page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".tools").is_visible()
    assert page.pdf().startswith(b"%PDF")
