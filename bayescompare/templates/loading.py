"""From what a user names to a model: a template, ``FILE.py:NAME``, a function, or a model at hand."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import sys
import textwrap
import tokenize
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import BayesCompareError, DataError, MissingFileError, ModelFileError, UnknownNameError, UsageError
from . import bambi
from .registry import Template, described, get, nearest

if TYPE_CHECKING:
    import pymc as pm

BUILDERS = ("model", "build", "build_model", "make_model", "get_model")
"""Names by which a function in a user's file is taken for the one that builds the model."""


@dataclass(frozen=True, eq=False)
class Target:
    """A model as it was asked for, with what a report tells about it.

    Attributes
    ----------
    model : pymc.Model
    name : str
        A template's name, ``FILE.py:NAME``, or the model's own name.
    template : Template or None
        The template it was built from.
    code : str
        Source of the function that built it, or of the file that holds it; empty where it cannot be had.
    title, question, description, finding : str
        From the template; the title of any other model is its name.
    focus, losses : tuple of str
        The template's own: what verdict and ladder speak of, and the decisions.
    sampler : Mapping
        The template's own sampler settings.
    """

    model: pm.Model
    name: str
    template: Template | None = None
    code: str = ""
    title: str = ""
    question: str = ""
    description: str = ""
    finding: str = ""
    focus: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    sampler: Mapping[str, Any] = field(default_factory=dict)


def load_target(target: object, data: Any = None, options: Mapping[str, Any] | None = None) -> Target:
    """Build the model that is meant.

    Parameters
    ----------
    target : str, Template, pymc.Model, bambi.Model, function or None
        A template's name; ``FILE.py:NAME``, where NAME is a model, a template or a function that returns a model;
        ``FILE.py``, if it holds one such object only; or such an object. A Bambi model is built if it is not yet.
        None: the model whose ``with`` block this is in.
    data : optional
        Handed to the template, or to the first argument of the function that has no default (or None).
    options : Mapping, optional
        Keyword arguments of the template or function.

    Raises
    ------
    UsageError
        If there is no such template, file or option, or a built model is given data or options.
    ModelFileError
        If the file does not import, holds no model or several, or the function raises or returns something else.
    DataError
        If a template cannot be built with these data.

    Notes
    -----
    Without NAME the models and templates in the file count, under public names; those it imports do not. If there are
    none: its public functions that are annotated to return a Model, are named as one of :data:`BUILDERS`, or call
    ``Model(...)`` themselves.
    """
    with _resolved(target) as (value, name, module):
        return _from_object(value, name, data, dict(options or {}), module)


def options_of(target: object) -> Mapping[str, Any] | None:
    """The options of what is meant, each with its default; None for a finished model, which has none.

    Raises
    ------
    UsageError, ModelFileError
        As :func:`load_target`.
    """
    import pymc as pm

    with _resolved(target) as (value, _, _):
        if isinstance(value, Template):
            return value.options
        if bambi.is_model(value) or isinstance(value, pm.Model) or not callable(value):
            return None
        return {key: p.default for key, p in inspect.signature(value).parameters.items()}


@contextmanager
def _resolved(target: object) -> Iterator[tuple[object, str, ModuleType | None]]:
    """The object that is meant, its name, and the user's file that holds it, whose neighbours it can import."""
    if target is None:
        target = _from_context()
    if not isinstance(target, str):
        yield target, _own_name(target), None
        return
    match = re.fullmatch(r"(?P<file>.+\.py)(?::(?P<name>\w+))?", target)
    if match is None:
        if Path(target).is_file():
            raise UsageError(f"{target} is not a Python file: a model's file ends in .py.")
        yield get(target), target, None
        return
    file = Path(match["file"])
    with _importable(file.parent):
        module = import_file(file)
        name = match["name"] or _only_name(module, file)
        if name not in vars(module):
            public = [key for key in vars(module) if not key.startswith("_")]
            raise ModelFileError(f"{file.name} holds no {name!r}.{nearest(name, public)}")
        yield vars(module)[name], f"{file.name}:{name}", module


def _from_context() -> pm.Model:
    import pymc as pm

    try:
        return pm.modelcontext(None)
    except TypeError as error:
        raise UsageError("No model: give one, or call this within `with model:`.") from error


def import_file(file: Path) -> ModuleType:
    """Import a user's file, under a name of its own that clashes with no other module.

    Raises
    ------
    MissingFileError, ModelFileError
    """
    if not file.is_file():
        raise MissingFileError(f"{file} is a folder." if file.is_dir() else f"There is no file {file}.")
    path = str(file.resolve())
    name = "_bayescompare_file_" + re.sub(r"\W", "_", file.stem)
    while name in sys.modules and sys.modules[name].__file__ != path:
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModelFileError(f"{file.name} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's code may raise anything
        del sys.modules[name]
        if isinstance(error, BayesCompareError):
            raise
        raise ModelFileError(f"{file.name} does not import: {described(error, path)}") from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a user's file import its neighbours; leave no compiled copies beside it (a stale one could be run)."""
    path = str(folder.resolve())
    before = sys.dont_write_bytecode
    sys.path.insert(0, path)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
        if path in sys.path:
            sys.path.remove(path)


def _only_name(module: ModuleType, file: Path) -> str:
    """Name of the only model in a file, by the rule in :func:`load_target`."""
    names = _objects(module) or _functions(module)
    if len(names) == 1:
        return names[0]
    if not names:
        raise ModelFileError(
            f"{file.name} holds no model: no pm.Model, no template and no function that builds one. "
            "Name the function that returns it: FILE.py:NAME."
        )
    raise ModelFileError(
        f"{file.name} holds more than one model: {', '.join(names)}. Say which: {file.name}:{names[0]}, for example."
    )


def _objects(module: ModuleType) -> list[str]:
    """Names of the models and templates of a file; one that has two names counts once, a part of another not at all."""
    import pymc as pm

    imported = _imported_names(module)
    found: dict[int, str] = {}
    for name, value in vars(module).items():
        if name.startswith("_") or name in imported:
            continue
        model = bambi.is_model(value) or (isinstance(value, pm.Model) and getattr(value, "parent", None) is None)
        own = isinstance(value, Template) and value.build.__module__ == module.__name__
        if model or own:
            found.setdefault(id(value), name)
    return list(found.values())


def _functions(module: ModuleType) -> list[str]:
    tree = ast.parse(_text(module))
    opens_model = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any(_is_model_call(inner) for inner in ast.walk(node))
    }
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, FunctionType)
        and value.__module__ == module.__name__
        and not name.startswith("_")
        and (name in BUILDERS or name in opens_model or _returns_model(value))
    ]


def _is_model_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Model"


def _returns_model(function: FunctionType) -> bool:
    annotation = function.__annotations__.get("return")
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return text.strip("'\"").rpartition(".")[2] == "Model"


def _imported_names(module: ModuleType) -> set[str]:
    imports = (node for node in ast.parse(_text(module)).body if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name for node in imports for alias in node.names}


def _from_object(
    value: object, name: str, data: Any, options: dict[str, Any], module: ModuleType | None = None
) -> Target:
    import pymc as pm

    if isinstance(value, Template):
        return _from_template(value, name, data, options)
    if bambi.is_model(value):
        value = _build(lambda: value, name, (), {})
    if callable(value) and not isinstance(value, type | pm.Model):
        model = _build(value, name, _arguments(value, name, data, options), options)
        return Target(model, name, None, _source(value), name, "", _prose(value))
    if isinstance(value, pm.Model):
        if data is not None or options:
            given = "data" if data is not None else f"the option {next(iter(options))!r}"
            raise UsageError(f"{name} is a finished model and cannot take {given}. Give a function that builds it.")
        code, description = (_text(module), _prose(module)) if module else ("", "")
        return Target(value, name, None, code, name, "", description)
    raise ModelFileError(f"{name} is a {type(value).__name__}, not a pm.Model, a template or a function.")


def _from_template(template: Template, name: str, data: Any, options: dict[str, Any]) -> Target:
    known = template.options
    _check_options(name, known, options)
    for key, value in options.items():
        _check_kind(key, known[key], value)
    return Target(
        model=_build(template.build, name, () if data is None else (data,), options, given_data=data is not None),
        name=name,
        template=template,
        code=_source(template.build),
        title=template.title,
        question=template.question,
        description=_description(template),
        finding=template.finding,
        focus=template.focus,
        losses=template.losses,
        sampler=template.sampler,
    )


def _arguments(function: Callable[..., Any], name: str, data: Any, options: dict[str, Any]) -> tuple[Any, ...]:
    """What a user's function is called with by position: the data, where it takes them."""
    parameters = list(inspect.signature(function).parameters.values())
    first = parameters[0] if parameters and parameters[0].kind is not inspect.Parameter.KEYWORD_ONLY else None
    if first is not None and (first.kind is first.VAR_KEYWORD or first.default not in (first.empty, None)):
        first = None
    if data is not None and first is None:
        raise UsageError(f"{name} takes no data: its first argument must be one that has no default.")
    positional = () if data is None else (data,)
    rest = parameters[len(positional) :]
    known = {p.name: p.default for p in rest if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        _check_options(name, known, options)
    for key, value in options.items():
        _check_kind(key, known.get(key), value)
    missing = [key for key, default in known.items() if default is inspect.Parameter.empty and key not in options]
    if missing and data is None and first is not None and missing[0] == first.name:
        raise UsageError(f"{name} takes data as its argument {first.name!r}: give a file with --data.")
    if missing:
        raise UsageError(f"{name} needs a value for {', '.join(missing)}: give it as --set {missing[0]}=VALUE.")
    return positional


def _build(
    function: Callable[..., Any],
    name: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    *,
    given_data: bool = False,
) -> pm.Model:
    import pymc as pm

    try:
        model = bambi.as_pymc(function(*arguments, **options))
    except (Exception, SystemExit) as error:  # a user's code, or ours on a user's data, may raise anything
        if isinstance(error, BayesCompareError):
            raise
        code = getattr(inspect.unwrap(function), "__code__", None)
        why = described(error, code.co_filename if code else None)
        if given_data:
            raise DataError(f"{name} cannot be built with these data: {why}") from error
        raise ModelFileError(f"{name} raises: {why}") from error
    if not isinstance(model, pm.Model):
        kind = "nothing" if model is None else f"a {type(model).__name__}"
        raise ModelFileError(f"{name} returns {kind}; it must return the pm.Model.")
    return model


def _check_options(name: str, known: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    for key in options:
        if key not in known:
            has = f"It has: {', '.join(known)}." if known else "It has none."
            raise UnknownNameError(f"{name} has no option {key!r}.{nearest(key, known)} {has}")


def _check_kind(key: str, default: object, value: object) -> None:
    """Refuse what was surely meant otherwise: the text 'no', which is true, for a switch; a word for a number."""
    if isinstance(default, bool) and not isinstance(value, bool):
        raise UsageError(f"The option {key!r} is true or false, not {value!r}.")
    if isinstance(default, int | float) and not isinstance(default, bool) and not _is_number(value):
        raise UsageError(f"The option {key!r} is a number (as {default!r}), not {value!r}.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _own_name(target: object) -> str:
    return getattr(target, "name", "") or getattr(target, "__name__", "") or "model"


def _text(module: ModuleType) -> str:
    """Source of a user's file, in the encoding that it declares."""
    with tokenize.open(str(module.__file__)) as file:
        return file.read()


def _source(function: Callable[..., Any]) -> str:
    """A function's source from its ``def`` on: a template's decorator holds what is shown elsewhere."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return ""
    node = ast.parse(text).body[0]
    return "".join(text.splitlines(keepends=True)[node.lineno - 1 :])


def _description(template: Template) -> str:
    module = sys.modules.get(template.build.__module__)
    return _prose(module) or _prose(template.build)


def _prose(value: object) -> str:
    """What a docstring says before its first section, without markup: backticks, and the stars of *emphasis*."""
    lines = (inspect.getdoc(value) or "").splitlines()
    ends = (i for i, line in enumerate(lines[1:]) if re.fullmatch(r"-{3,}|={3,}", line.strip()) and lines[i].strip())
    text = "\n".join(lines[: next(ends, len(lines))]).replace("``", "")
    return re.sub(r"(?<![\w*])\*(?=[^\s*])([^*]*[^\s*])\*(?![\w*])", r"\1", text).strip()
