"""The command line: one file a command, read only when it is called.

Every command does the same three things: read what was asked, call the library, show what came back. Help and usage
errors import neither PyMC nor NumPy.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from ..errors import BayesCompareError
from .hush import hushed
from .terminal import Terminal

COMMANDS = ("calibrate", "check", "compare", "diff", "fit", "gallery", "models", "new", "study", "triage")
"""A command's name is the name of its file here; each file offers ``command``."""


class Program(click.Group):
    """The program: finds its commands when they are called, and turns errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Read a command's file."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run, and exit with the code that DESIGN promises: 0, 2 to 5, 130 after Ctrl-C, 1 for a fault of ours."""
        if not extra.pop("standalone_mode", True):
            return super().main(args, prog_name, standalone_mode=False, **extra)
        terminal = Terminal()
        with hushed("--debug" in (sys.argv[1:] if args is None else args)):
            code = self._guarded(terminal, args, prog_name or "bayescompare", extra)
        sys.exit(code)

    def _guarded(self, terminal: Terminal, args: Sequence[str] | None, prog_name: str, extra: dict[str, Any]) -> int:
        code = 1
        try:
            value = super().main(args, prog_name, standalone_mode=False, obj=terminal, **extra)
        except click.ClickException as error:
            terminal.clear()
            error.show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            terminal.error("Stopped. Nothing was written.")
            return 130
        except BayesCompareError as error:
            terminal.error(f"Error: {error}", error)
            return error.exit_code
        except BrokenPipeError:  # the reader has seen enough: `bayescompare models | head`
            terminal.abandon()
            return code
        except Exception as error:  # the last place where an unforeseen error can be told in one line
            advice = "" if terminal.debug else " Run it again with --debug for the traceback."
            terminal.error(f"Internal error: {type(error).__name__}: {error}.{advice}", error)
            return code
        return value if isinstance(value, int) else 0


def _debug(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    terminal = ctx.find_object(Terminal)
    if value and terminal is not None:
        terminal.debug = True


def _version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from .. import __version__

    click.echo(f"bayescompare {__version__}")
    ctx.exit()


pass_terminal = click.make_pass_decorator(Terminal, ensure=True)

debug_option = click.option(
    "--debug", is_flag=True, is_eager=True, expose_value=False, callback=_debug, help="Show the traceback of an error."
)


@click.command(cls=Program, name="bayescompare", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and stop."
)
@debug_option
def program() -> None:
    """Find what a MAP estimate hides: where it sits in the posterior of a PyMC model, and what uncertainty it throws
    away.

    \b
    Exit codes: 0 done, whatever the verdict; 2 usage error; 3 the model cannot
    be used; 4 a fit failed; 5 a damaged result file; 6 what `diff --fail-if`
    names is so; 130 stopped by Ctrl-C.
    """


def main() -> NoReturn:
    """Entry point of the installed program."""
    program.main()
    raise AssertionError  # pragma: no cover (main exits)
