"""WCAG 2.2 A and AA by axe-core, light and dark: of a report in each state, of real ones, and of the gallery.

axe-core comes from npm and is not kept here: ``AXE`` names its ``axe.min.js``, or it lies in ``node_modules``. Under CI
the test fails without it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bayescompare.report import difference_to_html, fragment, index_to_html, study_to_html, to_html
from bayescompare.report.gallery import index
from bayescompare.results.difference import difference
from tests.report.factory import make
from tests.report.study_factory import GRIDS, study
from tests.report.test_report_gallery import origin, write

if TYPE_CHECKING:
    from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
REAL = ("atlas", "eight_schools", "radon", "wells", "index")
# Hardly a colour depends on the width: the other two pairs are looked at with the slow tests.
LOOKS = pytest.mark.parametrize(
    ("width", "dark"),
    [
        pytest.param(1280, False, id="1280-light"),
        pytest.param(390, True, id="390-dark"),
        pytest.param(1280, True, id="1280-dark", marks=pytest.mark.slow),
        pytest.param(390, False, id="390-light", marks=pytest.mark.slow),
    ],
)
WITHOUT = "axe-core is not there: `npm install axe-core`, or name its axe.min.js in the variable AXE"


@pytest.fixture(scope="session")
def axe() -> str:
    """Source of axe-core. Without it the test is left out; under CI it fails."""
    path = Path(os.environ.get("AXE") or ROOT / "node_modules" / "axe-core" / "axe.min.js")
    if not path.is_file():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(WITHOUT)
    return path.read_text(encoding="utf-8")


def violations(page: Any, axe: str) -> list[str]:
    """What axe finds, a line for each rule and place."""
    page.evaluate(axe)
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})"
        ".then(r => r.violations.flatMap(v =>"
        " v.nodes.map(n => `${v.id}: ${n.target.join(' ')}: ${n.html.slice(0, 120)}`)))",
        list(RULES),
    )
    return [str(line) for line in found]


def all_open(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")


@LOOKS
def test_a_report_breaks_no_rule(visit: Open, report_file: Path, axe: str, width: int, dark: bool) -> None:
    page = visit(report_file, width, dark=dark).page
    all_open(page)
    assert violations(page, axe) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", REAL)
def test_a_report_of_the_repository_breaks_no_rule(visit: Open, axe: str, name: str, dark: bool) -> None:
    page = visit(ROOT / "reports" / f"{name}.html", dark=dark).page
    all_open(page)
    assert violations(page, axe) == []


@LOOKS
def test_an_index_breaks_no_rule(visit: Open, axe: str, tmp_path: Path, width: int, dark: bool) -> None:
    (tmp_path / "study_speed.html").write_text("<title>Speed</title>", encoding="utf-8")
    path = tmp_path / "index.html"
    path.write_text(index_to_html(index.read(write(tmp_path))), encoding="utf-8")
    assert violations(visit(path, width, dark=dark).page, axe) == []


@LOOKS
@pytest.mark.parametrize("grid", GRIDS)
def test_the_report_of_a_study_breaks_no_rule(
    visit: Open, axe: str, tmp_path: Path, grid: str, width: int, dark: bool
) -> None:
    path = tmp_path / "study.html"
    path.write_text(study_to_html(study(grid, failing=0.1)), encoding="utf-8")
    page = visit(path, width, dark=dark).page
    all_open(page)
    assert violations(page, axe) == []


def test_a_page_of_the_gallery_breaks_no_rule(visit: Open, axe: str, tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(to_html(make("differs", losses=True), origin=origin()), encoding="utf-8")
    assert violations(visit(path).page, axe) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_difference_and_a_notebooks_fragment_break_no_rule(visit: Open, axe: str, tmp_path: Path, dark: bool) -> None:
    path, notebook = tmp_path / "difference.html", tmp_path / "notebook.html"
    found = difference(make("differs", 5), make("same", 5), same_model=True)
    path.write_text(difference_to_html(found, ("a.nc", "b.nc")), encoding="utf-8")
    head = "<!doctype html><html lang='en'><meta charset='utf-8'><title>notebook</title>"
    notebook.write_text(head + fragment(make("differs")), encoding="utf-8")
    assert violations(visit(path, dark=dark).page, axe) == []
    assert violations(visit(notebook, dark=dark).page, axe) == []


def test_what_breaks_a_rule_is_found(visit: Open, axe: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text("<!doctype html><title>t</title><p style='color:#ccc'>faint</p><img src='x'>", encoding="utf-8")
    found = {line.split(":")[0] for line in violations(visit(path).page, axe)}
    assert {"html-has-lang", "image-alt", "color-contrast"} <= found
