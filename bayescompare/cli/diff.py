"""``bayescompare diff``: what changed from A to B by more than Monte-Carlo error?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import debug_option, pass_terminal
from .options import FILE, STDOUT
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..results.difference import Difference
    from ..results.draws import DrawsComparison

FIGURES = 12
"""At most so many figures are shown on the terminal."""


@click.command("diff", short_help="What changed from one comparison, or set of draws, to another.")
@click.argument("before", type=FILE, metavar="A")
@click.argument("after", type=FILE, metavar="B")
@click.option("--draws", is_flag=True, help="Compare the draws of two saved comparisons, not their figures.")
@click.option("--var-names", metavar="A,B", help="Draws: compare these variables alone.")
@click.option(
    "--fail-if",
    type=click.Choice(["differs", "undecided"]),
    multiple=True,
    help="Exit with code 6 if that is the answer. Repeatable.",
)
@click.option("--report", type=FILE, metavar="OUT.html", help="Write what changed as one HTML file.")
@click.option("--json", "json_", type=FILE, metavar="OUT.json", help="Write all of it as JSON; - is stdout.")
@debug_option
@pass_terminal
def command(
    terminal: Terminal,
    /,
    before: Path,
    after: Path,
    report: Path | None,
    json_: Path | None,
    fail_if: tuple[str, ...],
    **of_draws: Any,
) -> int:
    """Say which figures changed from comparison A to comparison B by more than Monte-Carlo error, and whether the
    verdict did; or whether two sets of draws are of one posterior.

    A and B are reports (.html) or saved comparisons (.nc, .zarr); or draws that any program saved as ArviZ does.
    """
    from ..errors import DIFFERS, OutputError
    from . import outputs

    if report == STDOUT:
        raise OutputError("Only --json can be written to standard output (-).")
    outputs.check([report, None if json_ == STDOUT else json_], inputs=[before, after])
    with terminal.stage("Reading"):
        found = _compared((before, after), **of_draws)
    if report is not None:
        _write(report, found.page)
    if json_ is not None and json_ != STDOUT:
        _write(json_, found.document)
    if json_ == STDOUT:
        terminal.text(found.document)
    else:
        terminal.show(found.lines)
        if report is not None:
            terminal.show([(("", ""),), (("Report: ", "dim"), (str(report), ""))])
    return DIFFERS if found.state in fail_if else 0


@dataclass(frozen=True)
class _Answer:
    """What is shown of a difference, whichever kind it is."""

    state: str
    lines: list[Line]
    make: Callable[[], str]
    data: Any

    @property
    def page(self) -> str:
        return self.make()

    @property
    def document(self) -> str:
        import json

        from ..results.comparison import plain

        return json.dumps(plain(self.data), indent=2, allow_nan=False) + "\n"


def _compared(paths: tuple[Path, Path], *, draws: bool, var_names: str | None) -> _Answer:
    from ..errors import MissingFileError
    from ..results.carried import is_comparison

    for path in paths:
        if not path.exists():
            raise MissingFileError(f"There is no file {path}.")
    if draws or var_names or not all(path.suffix.lower() in (".html", ".htm") or is_comparison(path) for path in paths):
        return _of_draws(paths, var_names)
    return _of_comparisons(paths)


def _of_comparisons(paths: tuple[Path, Path]) -> _Answer:
    from dataclasses import asdict

    from ..report import difference_to_html
    from ..report.comparison.changes import headline
    from ..results.difference import difference, fingerprint
    from ..results.storage import open as read

    one, other = (read(path) for path in paths)
    found = difference(one, other, same_model=fingerprint(one) == fingerprint(other))
    names = (str(paths[0]), str(paths[1]))
    return _Answer(headline(found)[0], lines(found), lambda: difference_to_html(found, names), asdict(found))


def _of_draws(paths: tuple[Path, Path], var_names: str | None) -> _Answer:
    from ..report import draws_to_html
    from ..results.draws import compare_draws

    chosen = None if var_names is None else [name.strip() for name in var_names.split(",")]
    found = compare_draws(*paths, var_names=chosen)
    names = (str(paths[0]), str(paths[1]))
    return _Answer(str(found.state), draws_lines(found, names), lambda: draws_to_html(found, names), found.to_dict())


def _write(path: Path, text: str) -> None:
    from . import outputs

    with outputs.replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def draws_lines(found: DrawsComparison, names: tuple[str, str]) -> list[Line]:
    """Lines to print."""
    from ..formatting import count, figure, fixed
    from ..report.draws import WORDS, notes, severest
    from ..report.words import plain_text
    from .summary import EMPTY, MARKS, align

    said: list[Line] = [((found.opening, MARKS[found.state][1]), (f" {found.sentence}", ""))]
    said += [((plain_text(note), ""),) for note in notes(found, names)]
    said.append(EMPTY)
    for key, layer in found.layers.items():
        shape, style = MARKS[layer.state]
        state = str(layer.state).replace("_", " ")
        said.append(((f"{shape} ", style), (f"{WORDS[key]}: {state}", ""), (f", {layer.reason}", "dim")))
    rows: list[Any] = [["", "mean A", "mean B", "shift, sd", "sd ratio", "R-hat of both"]]
    ordered = severest(found)
    for name in ordered[:FIGURES]:
        of = found.table.loc[name]
        ratio = math.exp(of["log_sd_ratio"])
        means = [str(figure(of[f"mean_{side}"], of[f"mcse_mean_{side}"])) for side in ("a", "b")]
        apart = [str(figure(of["shift"], of["shift_mcse"])), str(figure(ratio, ratio * of["log_sd_ratio_mcse"]))]
        rows.append([name, *means, *apart, "" if math.isnan(of["r_hat"]) else fixed(of["r_hat"], 3)])
    said += [EMPTY, *align(rows)]
    if len(ordered) > FIGURES:
        said.append(((f"and {count(len(ordered) - FIGURES)} more: --report OUT.html", "dim"),))
    return said


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
    for of, moved in (("layer", found.moved), ("method", found.rungs)):
        rows: list[Any] = [[of, "before", "after"]]
        rows += [[one.layer, one.before.replace("_", " "), one.after.replace("_", " ")] for one in moved]
        said += [EMPTY, *align(rows)] if moved else []
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
