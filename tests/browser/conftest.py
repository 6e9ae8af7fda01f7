"""Pages for the browser tests: reports of synthetic comparisons, and real ones where they are named.

``BAYESCOMPARE_REPORTS`` holds paths of further reports, separated as in ``PATH``; tests run on them too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bayescompare.report import to_html
from tests.report.factory import make

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SYNTHETIC = ("same", "differs", "undecided", "no_verdict", "spread_only")
NAMED = [path for path in os.environ.get("BAYESCOMPARE_REPORTS", "").split(os.pathsep) if path]


@dataclass
class Visit:
    """A page that was opened, and what it said and asked for."""

    page: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


type Open = Callable[..., Visit]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium, once for all tests."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session", params=[*SYNTHETIC, *NAMED], ids=lambda p: Path(p).stem)
def report_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on disk: one for each state of the verdict, and each file named in the environment."""
    if request.param in NAMED:
        return Path(request.param).resolve()
    path: Path = tmp_path_factory.mktemp("reports") / f"{request.param}.html"
    path.write_text(to_html(make(request.param)), encoding="utf-8")
    return path


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Open a file without a network; whatever else it asks for is refused and written down."""
    contexts = []

    def opened(path: Path, width: int = 1280, dark: bool = False, scripts: bool = True) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            offline=True,
        )
        contexts.append(context)
        page = context.new_page()
        found = Visit(page)

        def decide(route: Any) -> None:
            found.requests.append(route.request.url)
            if route.request.url == path.as_uri():
                route.continue_()
            else:
                route.abort()

        context.route("**/*", decide)
        page.on("console", lambda message: found.messages.append(message.text))
        page.on("pageerror", lambda error: found.messages.append(str(error)))
        page.on("request", lambda asked: found.requests.append(asked.url))
        page.goto(path.as_uri())
        return found

    yield opened
    for context in contexts:
        context.close()
