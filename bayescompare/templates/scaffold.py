"""A user's first file: a template's source, renamed, with the places to change marked."""

from __future__ import annotations

import ast
import inspect
import keyword
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from ..errors import UsageError
from .registry import Template

HEAD = """\
# {title}, started from bayescompare's template `{template}`. It runs as it is:
#
#     bayescompare compare {file} --report {stem}.html
#     bayescompare compare {file} --data my_data.csv   (columns: see `data` in {name}'s docstring)
{option}#
# What to change is marked: [1] what the report says of the model, [2] the data, [3] the model itself.
"""

DOCSTRING = """\
{title}: say here in a few lines what the model asks, and what MAP does to it.

The report shows these lines, down to the next heading. What follows is the template's own text: change it or drop it.

The template
------------
"""

MARKS = {
    "checks": "# Checks of data and options that all templates share; leave them as they are.",
    "report": "# [1] What the report says. `finding` is for what MAP does, once known; the sizes are for lists.",
    "data": "# [2] The data: columns by name, a dict of lists or a DataFrame. Put your own in place of the template's.",
    "model": "# [3] The model. Name the coordinates: results are named by them. Data in pm.Data can be swapped later.\n"
    "# Write numbers as floats (0.0, not 0): PyTensor keeps integers in few bits.",
}


@dataclass(frozen=True)
class _Edit:
    """New text for the source from ``start`` to ``stop``, both (line, column) counted from (1, 0)."""

    start: tuple[int, int]
    stop: tuple[int, int]
    text: str


def starting_file(template: Template, stem: str) -> str:
    """The source of a file ``stem.py`` that holds the template's model under the name ``stem``.

    Parameters
    ----------
    template : Template
    stem : str
        The file's name without its ending; the model's name is that with ``_`` for ``-``.

    Raises
    ------
    UsageError
        If ``stem`` cannot be a name in Python or is one in the template's source, or there is no source to be had.
    """
    name = stem.replace("-", "_")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"{stem!r} cannot be the name of a model: use letters, digits and _, a letter first.")
    module = sys.modules[template.build.__module__]
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError) as error:
        raise UsageError(f"The source of the template {template.name!r} cannot be had: {error}.") from error
    tree = ast.parse(source)
    function = template.build.__name__
    if name != function and name in _names(tree):
        raise UsageError(f"{name!r} is a name in the template's own code. Choose another name for the file.")
    title = name.replace("_", " ").strip().capitalize()
    edits = [
        _docstring(tree, title),
        *_renamed(tree, function, name),
        *_absolute(tree, module),
        *_arguments(tree, function, {"title": title, "finding": ""}),
        *_marks(tree, function),
    ]
    file = f"{stem}.py"
    head = HEAD.format(
        title=title, template=template.name, file=file, stem=stem, name=name, option=_example(template, file)
    )
    return head + _applied(source, edits)


def _example(template: Template, file: str) -> str:
    """A command with an option of the template; nothing where it has none."""
    known = [(key, value) for key, value in template.options.items() if value is not None]
    if not known:
        return ""
    key, value = known[0]
    return f"#     bayescompare compare {file} --set {key}={value}   (options: see that docstring, too)\n"


def _names(tree: ast.Module) -> set[str]:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {a.asname or a.name.partition(".")[0] for n in ast.walk(tree) if isinstance(n, _IMPORTS) for a in n.names}
    return found | {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


_IMPORTS = (ast.Import, ast.ImportFrom)


def _docstring(tree: ast.Module, title: str) -> _Edit:
    """The module's docstring below a new beginning; a module without one gets it before its first statement."""
    text = DOCSTRING.format(title=title)
    first = tree.body[0]
    old = ast.get_docstring(tree, clean=False)
    if old is None:
        return _Edit((first.lineno, 0), (first.lineno, 0), f'"""{text.rstrip()}\n"""\n\n')
    quoted = (text + old.strip() + "\n").replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return _replacing(first, f'"""{quoted}"""')


def _renamed(tree: ast.Module, function: str, name: str) -> Iterator[_Edit]:
    """The function's new name: where it is defined and used, and where messages say who speaks."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            yield _inserted(function, name, node.lineno, node.col_offset + len("def "))
        elif isinstance(node, ast.Name) and node.id == function:
            yield _replacing(node, name)
        elif isinstance(node, ast.Raise):
            yield from (_inserted(function, name, *place) for place in _speakers(node, function))
    for node in _owners(tree):
        if isinstance(node, ast.Constant) and node.value == function:
            yield _replacing(node, f'"{name}"')


def _owners(tree: ast.Module) -> Iterator[ast.expr]:
    """First arguments of the shared checks, and what a variable ``owner`` is given: there a text is a template's name
    (elsewhere it may be a column's)."""
    helpers = {
        a.asname or a.name for n in tree.body if isinstance(n, ast.ImportFrom) and _is_helper(n) for a in n.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            if node.func.id in helpers - {"load"}:
                yield node.args[0]
        elif isinstance(node, ast.Assign) and [ast.unparse(t).lower() for t in node.targets] == ["owner"]:
            yield node.value


def _speakers(error: ast.Raise, function: str) -> Iterator[tuple[int, int]]:
    """Where in an error's message it begins with the function's name, as in ``"eight_schools: the data ..."``."""
    inside = {part for node in ast.walk(error) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(error):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(f"{function}: "):
            yield node.lineno, node.col_offset + (0 if node in inside else 1)  # behind the quote


def _is_load(node: ast.AST) -> bool:
    """A call of ``load``, which reads a template's data."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "load"


def _absolute(tree: ast.Module, module: ModuleType) -> Iterator[_Edit]:
    """Imports from the template's own package, which a user's file is no part of."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = (module.__package__ or "").split(".")
            base = parts[: len(parts) - node.level + 1]
            copied = ast.ImportFrom(".".join([*base, *([node.module] if node.module else [])]), node.names, 0)
            yield _replacing(node, ast.unparse(copied))


def _arguments(tree: ast.Module, function: str, values: dict[str, str]) -> Iterator[_Edit]:
    """New values of the decorator's arguments."""
    for call in _decorators(tree, function):
        for argument in call.keywords:
            if argument.arg in values:
                yield _replacing(argument.value, f'"{values[argument.arg]}"')


def _marks(tree: ast.Module, function: str) -> Iterator[_Edit]:
    """Comments above the imported checks, the decorator, the first use of the template's data, and the model."""
    places: dict[str, ast.AST | None] = {
        "checks": next((s for s in tree.body if isinstance(s, ast.ImportFrom) and _is_helper(s)), None),
        "report": next(_decorators(tree, function), None),
        "data": next((s for s in _statements(tree) if any(_is_load(node) for node in _own(s))), None),
        "model": next((s for s in _statements(tree) if isinstance(s, ast.With) and _opens_model(s)), None),
    }
    for mark, node in places.items():
        if isinstance(node, ast.stmt | ast.expr):
            indent = " " * (node.col_offset if isinstance(node, ast.stmt) else 0)
            text = "".join(f"{indent}{line}\n" for line in MARKS[mark].splitlines())
            yield _Edit((node.lineno, 0), (node.lineno, 0), text)


_HELPERS = tuple(f"{__package__}.{name}" for name in ("data", "options", "predictors"))


def _is_helper(node: ast.ImportFrom) -> bool:
    return node.module in _HELPERS


def _opens_model(node: ast.With) -> bool:
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    return any(ast.unparse(call.func).rpartition(".")[2] == "Model" for call in calls)


def _decorators(tree: ast.Module, function: str) -> Iterator[ast.Call]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            yield from (each for each in node.decorator_list if isinstance(each, ast.Call))


def _statements(tree: ast.Module) -> list[ast.stmt]:
    """The statements inside of the module's functions, in order of their lines."""
    inner = [s for f in tree.body if isinstance(f, ast.FunctionDef) for s in ast.walk(f) if isinstance(s, ast.stmt)]
    return sorted((s for s in inner if not isinstance(s, ast.FunctionDef)), key=lambda s: s.lineno)


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """What is in a statement but not in statements inside of it."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt):
            yield from ast.walk(child)


def _inserted(old: str, new: str, line: int, column: int) -> _Edit:
    return _Edit((line, column), (line, column + len(old)), new)


def _replacing(node: ast.stmt | ast.expr, text: str) -> _Edit:
    return _Edit((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0), text)


def _applied(source: str, edits: list[_Edit]) -> str:
    """The source with all edits made, the last place first; columns count bytes of UTF-8."""
    lines = source.encode("utf-8").splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    text = b"".join(lines)
    for edit in sorted(edits, key=lambda e: (e.start, e.stop), reverse=True):
        start, stop = (starts[line - 1] + column for line, column in (edit.start, edit.stop))
        text = text[:start] + edit.text.encode("utf-8") + text[stop:]
    return text.decode("utf-8")
