"""``bayescompare diff``: what changed from one comparison to another, and by more than Monte-Carlo error?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import debug_option, pass_terminal
from .options import FILE, STDOUT
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..results.difference import Difference

FIGURES = 12
"""At most so many figures are shown on the terminal."""


@click.command("diff", short_help="What changed from one comparison to another.")
@click.argument("before", type=FILE, metavar="A")
@click.argument("after", type=FILE, metavar="B")
@click.option("--report", type=FILE, metavar="OUT.html", help="Write what changed as one HTML file.")
@click.option("--json", "json_", type=FILE, metavar="OUT.json", help="Write all changes as JSON; - is stdout.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, before: Path, after: Path, report: Path | None, json_: Path | None) -> None:
    """Say which figures changed from comparison A to comparison B by more than Monte-Carlo error, and whether the
    verdict did.

    A and B are reports (.html) or saved comparisons (.nc, .zarr).
    """
    from ..errors import OutputError
    from . import outputs

    if report == STDOUT:
        raise OutputError("Only --json can be written to standard output (-).")
    outputs.check([report, None if json_ == STDOUT else json_], inputs=[before, after])
    with terminal.stage("Reading"):
        found = _compared(before, after)
    if report is not None:
        from ..report import difference_to_html

        _write(report, difference_to_html(found, (str(before), str(after))))
    if json_ is not None:
        text = _json(found)
        if json_ == STDOUT:
            terminal.text(text)
            return
        _write(json_, text)
    terminal.show(lines(found))
    if report is not None:
        terminal.show([(("", ""),), (("Report: ", "dim"), (str(report), ""))])


def _compared(before: Path, after: Path) -> Difference:
    from ..results.difference import difference, fingerprint
    from ..results.storage import open as read

    one, other = read(before), read(after)
    return difference(one, other, same_model=fingerprint(one) == fingerprint(other))


def _write(path: Path, text: str) -> None:
    from . import outputs

    with outputs.replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def _json(found: Difference) -> str:
    import json
    from dataclasses import asdict

    from ..results.comparison import plain

    return json.dumps(plain(asdict(found)), indent=2, allow_nan=False) + "\n"


def lines(found: Difference) -> list[Line]:
    """Lines to print."""
    from ..formatting import count
    from ..report.comparison.changes import headline, label, notes, rule, sides, size
    from ..report.words import plain_text
    from .summary import EMPTY, align

    state, opening, sentence = headline(found)
    style = {"differs": "bold red", "undecided": "bold yellow", "same": "green"}[state]
    said: list[Line] = [((opening, style), (f" {sentence}", ""))]
    said += [((plain_text(note), ""),) for note in notes(found)]
    said += [EMPTY, (("before  ", "dim"), (found.before, "")), (("after   ", "dim"), (found.after, ""))]
    if found.moved:
        rows: list[Any] = [["layer", "before", "after"]]
        rows += [[one.layer, one.before.replace("_", " "), one.after.replace("_", " ")] for one in found.moved]
        said += [EMPTY, *align(rows)]
    beyond = found.beyond
    if beyond:
        rows = [["of", "figure", "before", "after", "joint errors"]]
        rows += [[c.of, label(c), *sides(c), size(c)] for c in beyond[:FIGURES]]
        said += [EMPTY, *align(rows)]
        if len(beyond) > FIGURES:
            said.append(((f"and {count(len(beyond) - FIGURES)} more: --report OUT.html", "dim"),))
    if found.asked:
        rows = [["setting", "before", "after"], *([*row] for row in found.asked[:FIGURES])]
        said += [EMPTY, *align(rows)]
    return [*said, EMPTY, ((rule(found), "dim"),)]
