"""What all tests share: where Chromium is, and which slow tests are run.

Nothing here imports PyMC: the tests of the array layer run without it.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WITHOUT_CHROMIUM = "Chromium is not installed"

left_out: list[str] = []
slow_share: list[str] = []


def find_chromium() -> str | None:
    """Path of Chromium: what the variable CHROMIUM names, else the first one on PATH."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium. Without it the test is left out; under CI it fails."""
    path = find_chromium()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(WITHOUT_CHROMIUM)
    return path


def parse_share(text: str) -> tuple[int, int]:
    """``"3/10"`` as ``(3, 10)``; any i is taken modulo n, so that a counter can be handed in."""
    index, count = (int(part) for part in text.split("/"))
    if count < 1:
        raise ValueError(text)
    return index % count, count


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow-share",
        metavar="I/N",
        type=parse_share,
        default=None,
        help="of the slow tests run only share I of N (counted from 0), beside all others",
    )


def pytest_configure() -> None:
    """Shells start what runs in the background with Ctrl-C ignored, and what we test would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share = config.getoption("--slow-share")
    if share is None:
        return
    index, count = share
    slow = sorted((item for item in items if item.get_closest_marker("slow")), key=lambda item: item.nodeid)
    kept = slow[index::count]
    out = [item for item in slow if item not in set(kept)]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in set(out)]
    slow_share.append(f"slow tests: share {index} of {count}, {len(kept)} of {len(slow)}")
    slow_share.extend(f"  {item.nodeid}" for item in kept)


def pytest_report_collectionfinish() -> list[str]:
    return slow_share


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under pytest-xdist only the workers see what is left out: they tell it to the controller, which reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output |= {"left_out": left_out, "slow_share": slow_share}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    told = getattr(node, "workeroutput", {})
    left_out.extend(told.get("left_out", ()))
    slow_share[:] = told.get("slow_share", slow_share)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(f"{WITHOUT_CHROMIUM}, and under CI browser tests must run", pytrace=False)
        left_out.append(item.nodeid)
        pytest.skip(WITHOUT_CHROMIUM)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("dist", "no") != "no":
        for line in slow_share:
            terminalreporter.write_line(line)
    if left_out:
        terminalreporter.section(f"left out: {len(left_out)} browser tests, as {WITHOUT_CHROMIUM}")
        for file, count in Counter(nodeid.partition("::")[0] for nodeid in left_out).items():
            terminalreporter.write_line(f"{file}: {count}")
