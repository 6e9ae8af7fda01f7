"""``bayescompare check``: what is wrong in a model before it is fitted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import debug_option, pass_terminal
from .options import FILE, STDOUT, file_of, load, model_options
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..model.audit import Finding

MARKS = {"error": ("✕", "bold red"), "warning": ("◐", "bold yellow"), "note": ("◌", "dim")}

FAULTY = 3
"""Exit code where there is an error among the findings."""


@click.command("check", short_help="Look for what is wrong in a model before it is fitted.")
@model_options
@click.option("--json", "json_", type=FILE, metavar="OUT.json", help="Write the findings as JSON; - is stdout.")
@click.option("--quiet", is_flag=True, help="Show the result and errors only.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, target: str, **asked: Any) -> int:
    """Look for what is wrong in TARGET's model and data, without fitting it.

    TARGET is a template's name (see `bayescompare models`) or FILE.py:NAME, where NAME is a pm.Model or a function
    that returns one. An error among the findings is exit code 3.
    """
    from . import outputs
    from .interrupt import interruptible

    terminal.quiet = asked["quiet"]
    out: Path | None = asked["json_"]
    files = [] if out is None or out == STDOUT else [out]
    outputs.check(files, inputs=[file_of(target), asked["data"]])
    with interruptible():
        name, found = _run(terminal, target, asked)
    for path in files:
        with outputs.replacing(path) as draft:
            draft.write_text(_json(name, found), encoding="utf-8")
    if out == STDOUT:
        terminal.text(_json(name, found))
    else:
        terminal.show(lines(name, found))
    return FAULTY if any(finding.severity == "error" for finding in found) else 0


def _run(terminal: Terminal, target: str, asked: dict[str, Any]) -> tuple[str, tuple[Finding, ...]]:
    """Build the model and look at it; nothing but results may reach stdout."""
    import contextlib
    import sys

    with terminal.stage("Loading PyMC"):
        from ..model.audit import inspect

        loaded = load(target, asked["data"], asked["pairs"])
    with terminal.stage("Looking at the model"), contextlib.redirect_stdout(sys.stderr):
        return loaded.name, inspect(loaded.model)


def _json(name: str, found: tuple[Finding, ...]) -> str:
    import json
    from dataclasses import asdict

    from ..results.comparison import SCHEMA

    document = {"schema": SCHEMA, "model": {"name": name}, "findings": [asdict(finding) for finding in found]}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def lines(name: str, found: tuple[Finding, ...]) -> list[Line]:
    """What is printed: how many findings of each kind, and what each says."""
    from ..formatting import counted
    from ..model.audit import LOOKED_AT

    if not found:
        return [((name, "bold"), (": nothing found.", "")), ((f"Looked at: {'; '.join(LOOKED_AT)}.", "dim"),)]
    kinds = [finding.severity for finding in found]
    told = ", ".join(counted(kinds.count(kind), kind) for kind in dict.fromkeys(kinds))
    shown: list[Line] = [((name, "bold"), (f": {told}", ""))]
    for finding in found:
        mark, style = MARKS[finding.severity]
        shown.append(((f"{mark} {finding.severity}, ", style), (f"{finding.variable}: ", "bold"), (finding.what, "")))
        shown.append(((f"  {finding.instead}", ""),))
    return shown
