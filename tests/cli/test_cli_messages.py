"""What messages tell the user to use exists: options of commands, functions, and fields of options."""

from __future__ import annotations

import ast
import concurrent.futures
import importlib
import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import click
import numpy
import pandas
import pymc
import pytest

import bayescompare
from bayescompare.cli import program

PACKAGE = Path(bayescompare.__file__).parent

OPTION = re.compile(r"(?<![\w-])--(?!xla_)[a-z][a-z-]*[a-z]")
DOTTED = re.compile(r"(?<![\w.])(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*")
FIELD = re.compile(r"\b(\w+Options)\((\w+)=")

ROOTS = {
    "pm": pymc,
    "pymc": pymc,
    "np": numpy,
    "pandas": pandas,
    "bc": bayescompare,
    "bayescompare": bayescompare,
    "concurrent": concurrent,
    "model": pymc.Model,
}
"""What the first part of a dotted name stands for; a class of ours stands for itself, other words for nothing."""


def texts(tree: ast.AST) -> Iterator[str]:
    """Texts of a module that are no docstrings; what is filled in is ``{}``."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone | parts:
            yield node.value


def messages() -> list[tuple[str, str]]:
    """Every text of the package that is a sentence rather than a word, and its module."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [(str(path.relative_to(PACKAGE)), text) for text in texts(tree) if " " in text]
    return found


def options() -> set[str]:
    """Of all commands."""
    context = click.Context(program)
    commands = [program, *filter(None, (program.get_command(context, name) for name in program.list_commands(context)))]
    return {option for command in commands for each in command.get_params(context) for option in each.opts}


def ours() -> dict[str, Any]:
    """Our public classes by name."""
    found: dict[str, Any] = {}
    for name in (
        "methods.mode",
        "methods.laplace",
        "methods.nuts",
        "workflow.options",
        "results.comparison",
        "model.problem",
    ):
        module = importlib.import_module(f"bayescompare.{name}")
        found |= {key: value for key, value in vars(module).items() if isinstance(value, type)}
    return found


def missing_options(text: str, known: set[str]) -> list[str]:
    return [option for option in OPTION.findall(text) if option not in known]


def missing_names(text: str) -> list[str]:
    known = {**ours(), **ROOTS}
    wrong = []
    for name in DOTTED.findall(text):
        head, *parts = name.split(".")
        if head in known:
            try:
                reduce(getattr, parts, known[head])
            except AttributeError:
                wrong.append(name)
    classes = ours()
    wrong += [f"{name}({field}=)" for name, field in FIELD.findall(text) if not hasattr(classes.get(name), field)]
    return wrong


def test_options_in_messages_exist() -> None:
    known = options()
    assert "--laplace-draws" in known
    assert [(where, wrong) for where, text in messages() if (wrong := missing_options(text, known))] == []


def test_names_in_messages_exist() -> None:
    assert [(where, wrong) for where, text in messages() if (wrong := missing_names(text))] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Run it with --no-such-option.", ["--no-such-option"]),
        ("Give it as --set NAME=VALUE, or --laplace-draws 8000.", []),
        ("1--2 and a --- are no options", []),
        ("Use pm.NoSuchDistribution or pm.Normal.", ["pm.NoSuchDistribution"]),
        ("ModeOptions(dense=10) or ModeOptions(thick=10)", ["ModeOptions(thick=)"]),
        ("Comparison.save(path), Comparison.store(path)", ["Comparison.store"]),
    ],
)
def test_the_test_sees_what_it_should(text: str, wrong: list[str]) -> None:
    assert [*missing_options(text, options()), *missing_names(text)] == wrong
