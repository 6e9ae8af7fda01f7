"""``bayescompare new``: a model of one's own, started from a template."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import OutputError, UsageError
from . import debug_option, pass_terminal
from .options import FILE
from .terminal import Terminal


@click.command("new", short_help="Start a model of your own from a template.")
@click.argument("file", type=FILE, metavar="FILE.py")
@click.option("--from", "name", required=True, metavar="NAME", help="The template (see `bayescompare models`).")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, file: Path, name: str) -> None:
    """Write FILE.py: the template's model with its data, under the file's name, and marks where to change it.

    It runs at once: bayescompare compare FILE.py. A file that is there already is left alone.
    """
    from .. import templates
    from ..templates.scaffold import starting_file

    if file.suffix != ".py":
        raise UsageError(f"A model's file ends in .py; {file} does not.")
    text = starting_file(templates.get(name), file.stem)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError as error:
        raise OutputError(f"{file} is there already, and is left as it is. Choose another name.") from error
    except OSError as error:
        raise OutputError(f"Cannot write {file}: {error.strerror or error}.") from error
    terminal.show([((f"{file}", "bold"), (f": started from {name}", ""))])
    terminal.note(f"Run it: bayescompare compare {file} --report {file.with_suffix('.html')}")
    terminal.note(f"Then open {file}: what to change is marked [1] to [3].")
