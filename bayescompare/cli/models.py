"""``bayescompare models``: the templates, with their size, their tags and what MAP does to each."""

from __future__ import annotations

import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import click

from ..errors import UnknownNameError
from . import debug_option, pass_terminal
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..templates.registry import Summary

WIDTH = 80


@click.command("models", short_help="List the model templates.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="Only templates with this tag, such as hierarchical; if given several times, with all of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Write a list of JSON objects.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, tags: tuple[str, ...], as_json: bool) -> None:
    """List the model templates: the built-in ones, and those of installed packages."""
    from .. import templates

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", templates.BrokenEntryWarning)
        found = templates.catalogue()
    for warning in caught:
        terminal.warn(str(warning.message))
    chosen = {name: template for name, template in found.items() if set(_known(tags, found)) <= set(template.tags)}
    if as_json:
        import json

        terminal.text(json.dumps([describe(name, template) for name, template in chosen.items()], indent=2))
    elif chosen:
        terminal.show(_lines(chosen))
        terminal.note("\n" + "\n".join(_hints(found)))
    else:
        terminal.note(f"No template has all of the tags {', '.join(tags)}.")


def describe(name: str, template: Summary) -> dict[str, Any]:
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


def _hints(found: dict[str, Summary]) -> list[str]:
    """What can be done with the list."""
    return [
        "bayescompare new my_model.py --from NAME starts a model of your own from one.",
        *textwrap.wrap(f"--tag TAG lists fewer: {', '.join(_tags(found))}.", WIDTH, break_on_hyphens=False),
    ]


def _known(tags: tuple[str, ...], found: dict[str, Summary]) -> tuple[str, ...]:
    """The tags asked for, if each is some template's."""
    known = _tags(found)
    for tag in tags:
        if tag not in known:
            raise UnknownNameError(f"No template has the tag {tag!r}. These are there: {', '.join(known)}.")
    return tags


def _tags(found: dict[str, Summary]) -> list[str]:
    return sorted({tag for template in found.values() for tag in template.tags})


def _lines(found: dict[str, Summary]) -> list[Line]:
    """Three or four lines a template, none wider than WIDTH: name and title, size and tags, the finding."""
    lines: list[Line] = []
    for name, template in found.items():
        size = f"{_count(template.parameters, 'parameter')}, {_count(template.observations, 'observation')}"
        about = f"{size}; {', '.join(template.tags)}" if template.tags else size
        lines += [(("", ""),)] if lines else []
        lines += [((name, "bold"), (f"  {template.title}", ""))]
        lines += [((line, "dim"),) for line in _wrapped(about)]
        lines += [((line, ""),) for line in _wrapped(template.finding)]
    return lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
