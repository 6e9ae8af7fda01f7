"""``bayescompare gallery``: a report for every template, and an index of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BayesCompareError, OutputError
from . import debug_option, pass_terminal
from .options import FILE, LARGEST_SEED
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..report.gallery.index import Origin
    from ..results.comparison import Comparison
    from ..templates import Template
    from ..templates.loading import Target
    from ..workflow.options import CompareOptions

FOLDER = Path("reports")

UNFORESEEN = 1
"""Exit code where a template failed in a way that no error of ours stands for."""


@click.command("gallery", short_help="A report for every template, and an index of them.")
@click.argument("names", nargs=-1, metavar="[TEMPLATE]...")
@click.option("--out", type=FILE, default=FOLDER, metavar="FOLDER", help="Where to.  [default: reports]")
@click.option("--index-only", is_flag=True, help="Make the index of the reports that are there; run nothing.")
@click.option("--fresh", is_flag=True, help="Make reports again that are current.")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, metavar="N", help="Random seed.  [default: 0]")
@click.option("--quiet", is_flag=True, help="Show the result and errors only.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, names: tuple[str, ...], out: Path, **asked: Any) -> int:
    """Compare every TEMPLATE (all of them, if none is named), write their reports into a folder, and an index of all
    reports that are there.

    A report that was made of the same model, data, source, settings and version is left as it is. Where a template
    fails the others go on; its exit code is the command's.
    """
    from .interrupt import interruptible

    terminal.quiet = asked["quiet"]
    if asked["index_only"] and (names or asked["fresh"]):
        raise click.UsageError("--index-only runs nothing: name no template, and leave --fresh out.")
    _prepare(out)
    code = 0
    if not asked["index_only"]:
        chosen = _chosen(terminal, names)
        try:
            with interruptible():
                for template in chosen.values():
                    code = _report(terminal, template, out, asked) or code
        except KeyboardInterrupt:
            terminal.error("Stopped. The reports that were made stay, and the index holds them.")
            code = 130
    _index(terminal, out)
    return code


def _chosen(terminal: Terminal, names: tuple[str, ...]) -> dict[str, Template]:
    """The templates that are named, or all."""
    with terminal.stage("Loading PyMC"):
        from .. import templates

        return {name: templates.get(name) for name in names} if names else templates.available()


def _prepare(out: Path) -> None:
    """Make sure that the folder is there, and that nobody else's index is in it."""
    from ..report.gallery.index import INDEX

    try:
        out.mkdir(parents=True, exist_ok=True)
        index = out / INDEX
        ours = not index.exists() or 'name="generator" content="bayescompare"' in index.read_text("utf-8", "replace")
    except OSError as error:
        raise OutputError(f"Cannot write into {out}: {error.strerror or error}.") from error
    if not ours:
        raise OutputError(
            f"Cannot write {index}: it is there, and bayescompare did not write it. Choose another --out."
        )


def _report(terminal: Terminal, template: Template, out: Path, asked: dict[str, Any]) -> int:
    """Make one report, unless it is current; the exit code of what went wrong, or 0."""
    path = out / f"{template.name}.html"
    try:
        said = _made(terminal, template, path, asked)
    except BayesCompareError as error:
        terminal.error(f"{template.name}: {error}", error)
        return error.exit_code
    except Exception as error:  # whatever one template raises must not keep the others
        terminal.error(f"{template.name}: internal error: {type(error).__name__}: {error}.", error)
        return UNFORESEEN
    terminal.show([said])
    return 0


def _made(terminal: Terminal, template: Template, path: Path, asked: dict[str, Any]) -> Line:
    """Compare and write; what is to be told of it."""
    import contextlib
    import sys

    from ..report import to_html
    from ..report.gallery import index as gallery
    from ..templates.loading import load_target
    from . import outputs
    from .summary import MARKS

    terminal.note(f"{template.name} …")
    with terminal.stage("Building the model"), contextlib.redirect_stdout(sys.stderr):
        target = load_target(template)
        origin = _origin(template, target, asked["seed"])
    if not asked["fresh"] and gallery.made_of(path) == origin.made_of:
        return (("● ", "dim"), (template.name, "bold"), (": current", "dim"))
    with contextlib.redirect_stdout(sys.stderr):
        result = _compared(terminal, target, asked["seed"])
    with outputs.replacing(path) as draft:
        draft.write_text(to_html(result, reproducible=True, origin=origin), encoding="utf-8")
    mark, style = MARKS[result.verdict.overall.state]
    return (
        (f"{mark} ", style),
        (template.name, "bold"),
        (f": {result.verdict.overall.opening} {result.verdict.overall.sentence}", ""),
    )


def _compared(terminal: Terminal, target: Target, seed: int) -> Comparison:
    from ..workflow import compare

    try:
        return compare.run(target, seed=seed, options=_options(), progress=terminal)
    finally:
        terminal.clear()


def _options() -> CompareOptions:
    """No limit of time: what a page holds does not depend on the machine that made it."""
    from ..workflow.options import CompareOptions

    return CompareOptions(seconds=math.inf)


def _origin(template: Template, target: Target, seed: int) -> Origin:
    """What the page keeps of the template: its file, and all that decides on the result."""
    import sys
    import tokenize
    from dataclasses import asdict
    from hashlib import sha256

    from .. import __version__
    from ..model.problem import Problem
    from ..report.gallery.index import Origin
    from ..results.comparison import plain
    from ..templates.registry import LIBRARY

    module = sys.modules[template.build.__module__]
    file = Path(str(module.__file__))
    with tokenize.open(file) as opened:
        source = opened.read()
    made_of = {
        "bayescompare": __version__,
        "fingerprint": Problem(target.model).fingerprint,
        "source": sha256(source.encode()).hexdigest(),
        "asked": {"seed": seed, "options": asdict(_options()), "sampler": dict(target.sampler)},
    }
    package = module.__name__.rpartition(".")[0]
    folder = "models" if package == LIBRARY else package.replace(".", "/")
    shown = "/".join(filter(None, [folder, file.name]))
    return Origin(shown, source, template.question, template.finding, template.tags, plain(made_of))


def _index(terminal: Terminal, out: Path) -> None:
    """Write the index of the reports that are there."""
    from ..formatting import counted, fixed
    from ..report import index_to_html
    from ..report.gallery import index as gallery
    from . import outputs

    with terminal.stage("Reading the reports"):
        index = gallery.read(out)
    for name in index.left_out:
        terminal.warn(
            f"{out / name} is not a report that bayescompare wrote, or it is damaged: the index leaves it out."
        )
    path = out / gallery.INDEX
    with outputs.replacing(path) as draft:
        draft.write_text(index_to_html(index), encoding="utf-8")
    size = sum(file.stat().st_size for file in out.glob("*.html")) / 1e6
    said = f", {counted(len(index.entries), 'report')}, {fixed(size, 1)} MB in all"
    terminal.show([(("Index: ", "dim"), (str(path), ""), (said, "dim"))])
