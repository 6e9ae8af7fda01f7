"""``bayescompare calibrate``: what each method's intervals cover, for one model and its data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import FitError, MissingFileError, UsageError
from . import debug_option, pass_terminal
from .options import FILE, LARGEST_SEED, STDOUT, file_of, model_options
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..studies.calibrate import Calibration

WORDS = {
    "same": "calibrated",
    "differs": "not calibrated",
    "undecided": "no fault seen",
    "not_computed": "mostly fails",
}


@click.command("calibrate", short_help="What each method's intervals cover, for this model and data.")
@model_options
@click.option("--truth", type=click.Choice(("posterior", "prior")), default="posterior", help="Where truths come from.")
@click.option("--replicates", type=click.IntRange(min=1), default=200, metavar="N", help="Data sets.  [default: 200]")
@click.option("--methods", metavar="a,b", help="As of study, or all.  [default: Laplace, PSIS, marginal Laplace, NUTS]")
@click.option("--parameters", metavar="a,b", help="Parameters to look at.  [default: all]")
@click.option("--draws", type=click.IntRange(min=1), metavar="N", help="NUTS draws kept, per chain.  [default: 1000]")
@click.option("--tune", type=click.IntRange(min=1), metavar="N", help="NUTS draws for adaptation.  [default: 1000]")
@click.option("--chains", type=click.IntRange(min=1), metavar="N", help="NUTS chains.  [default: 4]")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, metavar="N", help="Random seed.  [default: 0]")
@click.option("--store", type=FILE, metavar="FILE", help="Keep the fits; where it is there, go on from it.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes.  [default: one for each core]")
@click.option("--serial", is_flag=True, help="Run in this process.")
@click.option("--report", type=FILE, metavar="OUT.html", help="Write the page, one HTML file.")
@click.option("--json", "json_", type=FILE, metavar="OUT.json", help="Write all numbers as JSON; - is stdout.")
@click.option("--quiet", is_flag=True, help="Show the result and errors only.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, target: str, **asked: Any) -> int:
    """Simulate data of TARGET at true values from its posterior, fit them together with its own data by each method,
    and say how often each method's 50, 80 and 94 % intervals hold the truth.

    TARGET is a template's name (see `bayescompare models`) or FILE.py:NAME, where NAME is a pm.Model or a function
    that returns one.
    """
    import json

    from . import outputs
    from .interrupt import interruptible

    terminal.quiet = asked["quiet"]
    file, out = file_of(target), asked["json_"]
    if file is not None and not file.exists():
        raise MissingFileError(f"There is no file {file}.")
    if asked["report"] is not None and asked["report"].suffix != ".html":
        raise UsageError(f"--report takes a file that ends in .html, not {asked['report'].name}.")
    written: list[Path] = [path for path in (asked["report"], out) if path is not None and path != STDOUT]
    outputs.check(written, inputs=[file, asked["data"], asked["store"]])
    with interruptible():
        found = _run(terminal, target, asked)
    if all(each.failed == each.fits for each in found.methods.values()):
        reasons = "; ".join(dict.fromkeys(each.reason for each in found.methods.values()))
        raise FitError(f"All fits failed: {reasons}")
    text = json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n"
    for path in written:
        with outputs.replacing(path) as draft:
            found.to_html(draft) if path == asked["report"] else draft.write_text(text, encoding="utf-8")
    if out == STDOUT:
        terminal.text(text)
    else:
        terminal.show(lines(found))
    return 0


def _run(terminal: Terminal, target: str, asked: dict[str, Any]) -> Calibration:
    import contextlib
    import sys

    from .inputs import settings
    from .study import parts, progress

    with terminal.stage("Loading PyMC"):
        from ..methods.sampler_options import SamplerOptions
        from ..studies import plan
        from ..studies.calibrate import calibrate

    methods = asked["methods"]
    chosen = None if methods is None else plan.METHODS if methods == "all" else tuple(parts(methods))
    sampler = {name: asked[name] for name in ("draws", "tune", "chains") if asked[name] is not None}
    given = {name: asked[name] for name in ("truth", "replicates", "seed", "store", "workers")}
    with contextlib.redirect_stdout(sys.stderr), progress(terminal) as shown:
        return calibrate(
            target,
            methods=chosen,
            options=settings(asked["pairs"]),
            data=asked["data"],
            parameters=None if asked["parameters"] is None else tuple(parts(asked["parameters"])),
            sampler=SamplerOptions(**sampler),
            executor="serial" if asked["serial"] else "processes",
            progress=shown,
            **given,
        )


def lines(found: Calibration) -> list[Line]:
    """What is printed: the answer, and a row a method: its state, and what it covers where it is farthest off."""
    from .summary import MARKS, align

    levels = [f"{100 * level:g} %" for level in found.study.plan.levels]
    rows: list[list[str]] = [["", *levels, "worst", "its estimates", ""]]
    marks = []
    for key, row in found.methods.items():
        rows.append(_row(key, row, len(levels)))
        marks.append(MARKS[row.judged.state])
    head, *table = align(rows)
    marked = [((f"{mark} ", colour), *line) for (mark, colour), line in zip(marks, table, strict=True)]
    size = f"share of {found.study.plan.replicates:,} data sets, per cent, with Wilson's 95 % interval"
    return [((found.name, "bold"),), ((found.answer, ""),), (("", ""),), (("  ", ""), *head), *marked, ((size, "dim"),)]


def _row(key: str, found: Any, levels: int) -> list[str]:
    from ..formatting import fixed
    from ..report.study.answer import bias
    from ..report.study.findings import method

    name = found.judged.worst
    if not name:
        return [method(key), *[""] * levels, "", "", f"{WORDS['not_computed']}: {found.reason}"]
    cells = []
    for held in found.scalars[name].held:
        low, high = held.wilson
        cells.append(f"{fixed(100 * held.share.value, 0)} ({fixed(100 * low, 0)} to {fixed(100 * high, 0)})")
    failed = f", {found.failed:,} fits failed" if found.failed else ""
    return [method(key), *cells, name, bias(found, name) or "–", WORDS[str(found.judged.state)] + failed]
