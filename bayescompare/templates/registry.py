"""The decorator that makes a template, and the registry of all templates."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..errors import ModelFileError, UnknownNameError
from .library import FOLDER

if TYPE_CHECKING:
    import pymc as pm
    from numpy.typing import NDArray

ENTRY_POINTS = "bayescompare.models"


@dataclass(frozen=True)
class Template:
    """A model that can be built from its own data or from the user's.

    Calling it builds a new ``pm.Model``.

    Attributes
    ----------
    name : str
        The function's name, and the name on the command line.
    title, question, finding : str
        A heading; the question the model answers; one line on what MAP does here.
    tags : tuple of str
    parameters, observations : int
        Sizes of the model as built with no argument; a test holds them true.
    build : callable
        ``build(data=None, **options) -> pm.Model``.
    focus : tuple of str
        What the question asks for: variables and scalars that verdict and ladder speak of. Those that the model has
        not under some option are passed over.
    losses : tuple of str
        What rests on the answer, where the question is a decision: ``("best of theta",)``.
    sampler : Mapping
        The template's own sampler settings (``{"target_accept": 0.95}``); what a user asks for comes before them.
    """

    name: str
    title: str
    question: str
    finding: str
    tags: tuple[str, ...]
    parameters: int
    observations: int
    build: Callable[..., pm.Model] = field(repr=False)
    focus: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    sampler: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, data: Any = None, **options: Any) -> pm.Model:
        return self.build(data, **options)

    def simulate(
        self, seed: int = 0, data: Any = None, **options: Any
    ) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        """Draw parameters, and data that they could have made, from the model's own prior predictive.

        Parameters
        ----------
        seed : int
            One seed gives one draw. For many draws of one model, ``model.simulate.simulator`` compiles once.
        data : optional
            The user's own data: the draw has their predictors, groups and number of observations.
        **options
            The template's.

        Returns
        -------
        parameters : dict of str to ndarray
            Free variables, then Deterministics, in the model's coordinates.
        data : dict of str to ndarray
            By the names that :meth:`Problem.with_data` takes: the ``pm.Data`` that holds the observed values, or the
            observed variable where none does.

        Raises
        ------
        UnsupportedModelError
            If the model is not generative: an improper prior, a Potential, data that predict themselves.
        """
        from ..model.simulate import simulator

        return simulator(self(data, **options))(seed)

    @property
    def options(self) -> dict[str, Any]:
        """Keyword options of the template with their defaults."""
        parameters = inspect.signature(self.build).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def template(
    *,
    title: str,
    question: str,
    finding: str,
    tags: tuple[str, ...],
    parameters: int,
    observations: int,
    focus: tuple[str, ...] = (),
    losses: tuple[str, ...] = (),
    sampler: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., pm.Model]], Template]:
    """Make a function ``(data=None, *, option=default, ...) -> pm.Model`` a :class:`Template`."""

    def wrap(build: Callable[..., pm.Model]) -> Template:
        said = (title, question, finding, tags, parameters, observations)
        return Template(build.__name__, *said, build, focus, losses, dict(sampler or {}))

    return wrap


@dataclass(frozen=True)
class Summary:
    """What a list of templates tells of one; the fields are those of :class:`Template`."""

    title: str
    finding: str
    tags: tuple[str, ...]
    parameters: int
    observations: int
    options: Mapping[str, Any]

    @classmethod
    def of(cls, template: Template) -> Summary:
        return cls(**{name: getattr(template, name) for name in (*_SAID, "options")})


_SAID = ("title", "finding", "tags", "parameters", "observations")


class BrokenEntryWarning(UserWarning):
    """An installed package offers a template that cannot be loaded; the others are not touched by it."""


# --- the registry -----------------------------------------------------------------------------------------------------


def available() -> dict[str, Template]:
    """All templates by name, sorted: the built-in ones, and those of installed packages.

    Packages offer theirs by the entry point group ``bayescompare.models``; the entry's name is the template's. An entry
    that cannot be loaded is left out with a :class:`BrokenEntryWarning`.
    """
    return dict(sorted({**{name: built_in(name) for name in built_in_names()}, **_of_packages()}.items()))


def catalogue() -> dict[str, Summary]:
    """What a list tells of all templates, by name, sorted; the built-in ones are read, not imported.

    A template's file imports PyMC, which takes seconds.
    """
    offered = {name: Summary.of(template) for name, template in _of_packages().items()}
    return dict(sorted({**{name: _read(name) for name in built_in_names()}, **offered}.items()))


def get(name: str) -> Template:
    """The template of this name.

    Raises
    ------
    UnknownNameError
        If there is none; the message holds the names nearest to it.
    ModelFileError
        If an installed package offers it and it cannot be loaded.
    """
    names = built_in_names()
    if name in names:
        return built_in(name)
    entries = {entry.name: entry for entry in _entries()}
    if name in entries:
        return _load_entry(entries[name])
    raise UnknownNameError(
        f"There is no template {name!r}.{nearest(name, [*names, *entries])} "
        "`bayescompare models` lists them; a model of your own is given as FILE.py or FILE.py:NAME."
    )


def built_in_names() -> list[str]:
    """Names of the built-in templates, sorted."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def built_in(name: str) -> Template:
    """The built-in template of this name; its file is imported."""
    template: Template = getattr(importlib.import_module(f"{LIBRARY}.{name}"), name)
    return template


#: The package whose modules the template files are.
LIBRARY = f"{__package__}.library"


def _read(name: str) -> Summary:
    """What a template's file says of it, from its source: the decorator's arguments, and the function's options."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    (decorator,) = (node for node in function.decorator_list if isinstance(node, ast.Call))
    said = {keyword.arg: ast.literal_eval(keyword.value) for keyword in decorator.keywords if keyword.arg in _SAID}
    defaults = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return Summary(options={a.arg: default and ast.literal_eval(default) for a, default in defaults}, **said)


def _of_packages() -> dict[str, Template]:
    """Templates that installed packages offer and that can be loaded."""
    found: dict[str, Template] = {}
    taken = built_in_names()
    for entry in _entries():
        try:
            if entry.name in taken or entry.name in found:
                raise ModelFileError(f"The name {entry.name!r} is taken.")
            found[entry.name] = _load_entry(entry)
        except ModelFileError as error:
            warnings.warn(f"{_origin(entry)} is left out. {error}", BrokenEntryWarning, stacklevel=3)
    return found


def _entries() -> list[importlib.metadata.EntryPoint]:
    return sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)


def _load_entry(entry: importlib.metadata.EntryPoint) -> Template:
    try:
        value = entry.load()
    except Exception as error:  # another package's code: whatever it raises must not hide the other templates
        raise ModelFileError(f"{_origin(entry)} cannot be loaded: {described(error)}") from error
    if not isinstance(value, Template):
        raise ModelFileError(f"{_origin(entry)} is a {type(value).__name__}, not a Template.")
    return value


def _origin(entry: importlib.metadata.EntryPoint) -> str:
    package = f" of the package {entry.dist.name}" if entry.dist else ""
    return f"The template {entry.name!r}{package} ({entry.value})"


def nearest(name: str, names: Iterable[str]) -> str:
    """The names that were probably meant, as a sentence for the end of a message; empty where none is near."""
    near = get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def described(error: BaseException, path: str | None = None) -> str:
    """Type and message of an error, with the last line of that file which led to it."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename == path:
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return text if line is None else f"line {line}: {text}"
