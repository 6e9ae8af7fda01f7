"""``bayescompare models``: the templates, one line each."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from . import debug_option, pass_terminal
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..templates import Template


@click.command("models", short_help="List the model templates.")
@click.option("--json", "as_json", is_flag=True, help="Write a list of JSON objects.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, as_json: bool) -> None:
    """List the model templates: the built-in ones, and those of installed packages."""
    from .. import templates
    from .later import imported_later

    with imported_later(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", templates.BrokenEntryWarning)
        found = templates.available()
    for warning in caught:
        terminal.warn(str(warning.message))
    if as_json:
        import json

        terminal.text(json.dumps([describe(name, template) for name, template in found.items()], indent=2))
    else:
        terminal.show(_lines(found))


def describe(name: str, template: Template) -> dict[str, Any]:
    """What JSON tells of a template; options with their defaults."""
    return {
        "name": name,
        "title": template.title,
        "tags": list(template.tags),
        "options": {key: _plain(value) for key, value in template.options.items()},
        "parameters": template.parameters,
        "observations": template.observations,
        "finding": template.finding,
    }


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _lines(found: dict[str, Template]) -> list[Line]:
    wide = max(map(len, found), default=0)
    return [((f"{name:<{wide}}  ", "bold"), (template.title, "")) for name, template in found.items()]
