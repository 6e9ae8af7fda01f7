"""``bayescompare study``: a model fitted many times over a grid of its options."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import FitError, MissingFileError, UsageError
from ..formatting import figure, fixed, plain
from . import debug_option, pass_terminal
from .options import FILE, LARGEST_SEED, file_of
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..studies.pilot import Pilot
    from ..studies.plan import Plan
    from ..studies.result import StudyResult
    from ..studies.run import Done

SCALARS = 6
"""Parameters that are printed; the summary's file holds all."""

PERIOD = 10.0
"""Seconds between two lines about the progress where no bar can be drawn."""


@click.command("study", short_help="MAP against NUTS across many simulated data sets.")
@click.argument("target", metavar="[TARGET]", required=False)
@click.option(
    "--plan", "plan_", type=FILE, metavar="FILE.toml", help="The plan; no TARGET then, and flags override it."
)
@click.option("--vary", multiple=True, metavar="NAME=a,b,c", help="Values of an option, of n (rows), of truth.NAME.")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an option of the model.")
@click.option("--data", type=FILE, metavar="FILE", help="Data for the model: .json, .csv or .parquet.")
@click.option("--truth", multiple=True, metavar="NAME=VALUE", help="Fix a true value; or: posterior.  [default: prior]")
@click.option("--replicates", type=click.IntRange(min=1), metavar="N", help="Data sets a grid point.  [default: 100]")
@click.option("--methods", metavar="a,b", help="Of those below.  [default: the first three, nuts]")
@click.option("--parameters", metavar="a,b", help="Parameters to record.  [default: all]")
@click.option("--levels", metavar="P,P", help="Probabilities of the intervals.  [default: 0.5,0.9]")
@click.option("--elpd", is_flag=True, help="Record the log predictive density of fresh data, too.")
@click.option("--draws", type=click.IntRange(min=1), metavar="N", help="NUTS draws kept, per chain.  [default: 1000]")
@click.option("--tune", type=click.IntRange(min=1), metavar="N", help="NUTS draws for adaptation.  [default: 1000]")
@click.option("--chains", type=click.IntRange(min=1), metavar="N", help="NUTS chains.  [default: 4]")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), metavar="N", help="Random seed.  [default: 0]")
@click.option("--store", type=FILE, metavar="FILE", help="The study's file; where it is there, the study goes on.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes.  [default: one for each core]")
@click.option("--dask", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler; local starts one.")
@click.option("--serial", is_flag=True, help="Run in this process.")
@click.option("--report", type=FILE, metavar="OUT.html", help="Write the report, one HTML file.")
@click.option("--title", metavar="TEXT", help="What the report is called.")
@click.option("--export", type=FILE, metavar="FILE", help="Write every estimate: .csv or .parquet.")
@click.option("--summary", type=FILE, metavar="FILE.csv", help="Write every measure.")
@click.option("--write-plan", type=FILE, metavar="FILE.toml", help="Write the plan, and stop.")
@click.option("--dry-run", is_flag=True, help="Say what there is to do and what it will take, and stop.")
@click.option("--quiet", is_flag=True, help="Show the result and errors only.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, target: str | None, **asked: Any) -> int:
    """Fit TARGET to many simulated data sets, over a grid of its options, by MAP and by NUTS, and say how each did.

    TARGET is a template's name (see `bayescompare models`) or FILE.py:NAME: a model, or a function that builds one.
    `--vary n=50,200` draws so many rows of a model that has no option n. Methods are mle_wald, map_laplace,
    psis_laplace, marginal_map, marginal_laplace, pathfinder, advi, fullrank_advi and nuts. A study that was interrupted
    goes on where it stopped when the same command is run again, and with more replicates or methods from there.
    """
    from . import outputs
    from .interrupt import interruptible

    terminal.quiet = asked["quiet"]
    _check(target, asked)
    written = [asked[name] for name in ("report", "export", "summary", "write_plan")]
    inputs = [file_of(target) if target else None, asked["plan_"], asked["store"], asked["data"]]
    outputs.check([path for path in written if path is not None], inputs=inputs)
    with terminal.stage("Loading PyMC"):
        plan = _plan(target, asked)
    if asked["write_plan"]:
        with outputs.replacing(asked["write_plan"]) as draft:
            draft.write_text(plan.to_toml(), encoding="utf-8")
        return 0
    if asked["dry_run"]:
        from ..studies.pilot import pilot

        with interruptible(), terminal.stage("Fitting a few cells"):
            found = pilot(plan, asked["workers"] or _cores())
        terminal.show(estimate(plan, found))
        return 0
    try:
        with interruptible():
            result = _run(terminal, plan, asked)
    except KeyboardInterrupt:
        terminal.error(f"Stopped. What is finished is in {asked['store']}; the same command goes on from there.")
        return 130
    if result.done and result.failed == result.done:
        reason, count = result.reasons().most_common(1)[0]
        raise FitError(f"All {result.done:,} fits failed, {count:,} of them because of this: {reason}")
    _write(result, asked)
    terminal.show(lines(result))
    if asked["report"] is not None:
        terminal.show([(("", ""),), (("Report: ", "dim"), (str(asked["report"]), ""))])
    return 0


def _check(target: str | None, asked: dict[str, Any]) -> None:
    """What no plan is needed for to see that it is wrong."""
    if (target is None) == (asked["plan_"] is None):
        raise UsageError("Name a TARGET, or a plan with --plan FILE.toml; one of the two.")
    if asked["serial"] and asked["dask"]:
        raise UsageError("--serial and --dask exclude each other.")
    if asked["store"] is None and not (asked["dry_run"] or asked["write_plan"]):
        raise UsageError("A study needs a file for its cells: --store FILE.")
    for name, endings in (("report", (".html",)), ("export", (".csv", ".parquet")), ("summary", (".csv",))):
        path: Path | None = asked[name]
        if path is not None and path.suffix not in endings:
            raise UsageError(f"--{name} takes a file that ends in {' or '.join(endings)}, not {path.name}.")


def _cores() -> int:
    import os

    return os.process_cpu_count() or 1 if hasattr(os, "process_cpu_count") else os.cpu_count() or 1


def _plan(target: str | None, asked: dict[str, Any]) -> Plan:
    """The plan of the file and of the flags, which come first."""
    from dataclasses import replace

    from ..studies.plan import Plan
    from .inputs import settings

    file = file_of(target) if target else None
    if file is not None and not file.exists():
        raise MissingFileError(f"There is no file {file}.")
    plan = Plan(target) if target else Plan.from_toml(asked["plan_"])
    given: dict[str, Any] = {name: asked[name] for name in ("replicates", "seed") if asked[name] is not None}
    if asked["elpd"]:
        given["elpd"] = True
    if asked["data"] is not None:
        given["data"] = str(asked["data"])
    for name in ("methods", "parameters"):
        if asked[name] is not None:
            given[name] = tuple(parts(asked[name]))
    if asked["levels"] is not None:
        given["levels"] = tuple(_level(part) for part in parts(asked["levels"]))
    if asked["vary"]:
        given["grid"] = dict(plan.grid) | {name: values for pair in asked["vary"] for name, values in _varied(pair)}
    if asked["pairs"]:
        given["options"] = dict(plan.options) | settings(asked["pairs"])
    if asked["truth"] == ("posterior",):
        given["truth"] = "posterior"
    elif asked["truth"]:
        given["truth"] = plan.fixed_truth | settings(asked["truth"])
    sampler = {name: asked[name] for name in ("draws", "tune", "chains") if asked[name] is not None}
    return replace(plan, **given, sampler=replace(plan.sampler, **sampler))


def _varied(pair: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """``NAME=a,b,c``; lists as Python writes them may be among the values."""
    import ast

    from .inputs import settings

    name, equals, text = pair.partition("=")
    if not equals or not name.strip() or not text.strip():
        raise UsageError(f"--vary takes NAME=a,b,c, not {pair!r}.")
    try:
        whole = ast.literal_eval(f"[{text}]")
    except (ValueError, SyntaxError):
        whole = [settings([f"x={part}"])["x"] for part in parts(text)]
    yield name.strip(), tuple(whole)


def parts(text: str) -> list[str]:
    """Names between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _level(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--levels takes numbers between 0 and 1, not {text!r}.") from None


def _run(terminal: Terminal, plan: Plan, asked: dict[str, Any]) -> StudyResult:
    import contextlib
    import sys

    from ..studies.run import study

    executor = "serial" if asked["serial"] else f"dask:{asked['dask']}" if asked["dask"] else "processes"
    with contextlib.redirect_stdout(sys.stderr), progress(terminal) as shown:
        return study(plan, store=asked["store"], workers=asked["workers"], executor=executor, progress=shown)


def _write(result: StudyResult, asked: dict[str, Any]) -> None:
    from . import outputs

    if asked["report"] is not None:
        from ..studies.report_rows import PageOptions

        with outputs.replacing(asked["report"]) as draft:
            result.to_html(draft, PageOptions(title=asked["title"] or ""))
    if asked["export"] is not None:
        with outputs.replacing(asked["export"]) as draft:
            result.export(draft)
    if asked["summary"] is not None:
        with outputs.replacing(asked["summary"]) as draft:
            result.summary().to_csv(draft, index=False)


# -- what is shown -----------------------------------------------------------------------------------------


class _Lines:
    """Progress in a pipe: a line now and then."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._last = time.monotonic()

    def update(self, done: Done) -> None:
        now = time.monotonic()
        if now - self._last >= PERIOD:
            self._last = now
            self._terminal.note(told(done))


class _Bar:
    """Progress on a terminal."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)

    def update(self, done: Done) -> None:
        self._bar.update(self._task, total=done.of, completed=done.fits, description=told(done))


@contextmanager
def progress(terminal: Terminal) -> Iterator[Any]:
    """What tells how far a study is: a bar, or lines where none can be drawn."""
    if not terminal.bar:
        yield _Lines(terminal)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar)


def told(done: Done) -> str:
    """``120 of 800 fits, 2 failed, about 3 min left``."""
    parts = [f"{done.fits:,} of {done.of:,} fits"]
    if done.failed:
        parts.append(f"{done.failed:,} failed")
    if done.fits < done.of:
        parts.append("starting" if done.left is None else f"about {span(done.left)} left")
    return ", ".join(parts)


def span(seconds: float) -> str:
    """A time for people: ``40 s``, ``3 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{fixed(seconds, 0)} s"
    return f"{fixed(seconds / 60, 0)} min" if seconds < 5400 else f"{fixed(seconds / 3600, 1)} h"


def estimate(plan: Plan, found: Pilot) -> list[Line]:
    """What a dry run shows."""
    points = len(plan.points)
    shown: list[Line] = [
        ((plan.target, "bold"),),
        ((f"{points:,} grid points × {plan.replicates:,} replicates = {found.cells:,} cells", ""),),
        ((f"{found.fits:,} fits by {', '.join(plan.methods)}", ""),),
        ((f"{found.graphs:,} models to compile, {fixed(found.compile_seconds, 1)} s each", ""),),
    ]
    for arm, seconds in found.fit_seconds.items():
        shown.append(((f"{', '.join(plan.arms[arm])}: {plain(1000 * seconds, 3)} ms a replicate", ""),))
    shown += [((f"a cell of the pilot failed: {reason}", "yellow"),) for reason in found.failed]
    workers = f"{found.workers} worker{'s' if found.workers > 1 else ''}"
    return [*shown, ((f"about {span(found.seconds)} with {workers}", "bold"),)]


def lines(result: StudyResult) -> list[Line]:
    """What is printed: how many fits, how many failed, and bias, RMSE and coverage by grid point and method."""
    from .summary import align

    plan, rows = result.plan, result.rows()
    head = f"{result.done:,} fits, {result.failed or 'none'} failed"
    shown: list[Line] = [((plan.target, "bold"), (f"  {head}", "")), (("", ""),)]
    columns = ["bias", "rmse", *(f"coverage_{100 * level:g}" for level in plan.levels)]
    table: list[Sequence[str]] = [["", *plan.grid, "parameter", *columns]]
    found = {(tuple(r.cell.values()), r.method, r.parameter, r.measure): r for r in rows}
    keys = list(dict.fromkeys(key[:3] for key in found if key[2]))
    names = list(dict.fromkeys(key[2] for key in keys))[:SCALARS]
    for cell, method, parameter in keys:
        if parameter in names:
            figures = [found[cell, method, parameter, column] for column in columns]
            texts = [str(figure(row.value, row.mcse or float("nan"))) for row in figures]
            table.append([method, *map(str, cell), parameter, *texts])
    more = len({key[2] for key in keys}) - len(names)
    rest: list[Line] = [((f"and {more} more parameters", "dim"),)] if more > 0 else []
    return [*shown, *align(table), *rest]
