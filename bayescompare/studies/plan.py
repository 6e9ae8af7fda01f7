"""What a study is to do: a template, a grid of its options, replicates, methods, and where the truth comes from."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..errors import MissingFileError, UnknownNameError, UsageError
from ..methods.sampler_options import SamplerOptions

CHEAP = ("mle_wald", "map_laplace", "psis_laplace")
"""Methods that are fitted to many replicates at once."""

METHODS = (*CHEAP, "nuts")

BLOCKS = {"cheap": 128, "nuts": 4}
"""Replicates of one grid point that are one task, by arm. By the plan alone: rows never depend on the scheduling."""

TRUTH = "truth."
"""A name in the grid that begins so varies the true value of a parameter, not an option of the template."""

LARGEST_SEED = 2**32 - 1

PACKAGES = ("bayescompare", "pymc", "pytensor", "nutpie", "jax", "numpy", "scipy")
"""Whose versions can change a row."""


@dataclass(frozen=True)
class Point:
    """One point of a plan's grid.

    Attributes
    ----------
    index : int
        Its place: the last name of the grid varies fastest.
    values : Mapping of str to value
        By the grid's names.
    """

    index: int
    values: Mapping[str, Any]

    @property
    def content(self) -> str:
        """The values as one text, whatever the order of their names: what a cell's seed is made of."""
        return json.dumps(dict(sorted(self.values.items())))

    @property
    def label(self) -> str:
        """For people: ``n=10, truth.tau=1``."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items()) or "the only grid point"


@dataclass(frozen=True)
class Plan:
    """A study: every grid point is fitted ``replicates`` times by every method.

    Attributes
    ----------
    target : str or Template or function
        A template's name or ``FILE.py:NAME``. A template or function given as object is turned into that.
    grid : Mapping of str to sequence
        Values of the template's options to try, each with each; ``truth.NAME`` varies the true value of a parameter.
    replicates : int
        Data sets simulated at each grid point.
    methods : tuple of {"mle_wald", "map_laplace", "psis_laplace", "nuts"}
    truth : "prior" or Mapping of str to value
        Draw the true parameters from the prior, anew for each replicate; or fix those named (free variables, in the
        model's coordinates; a scalar stands for all of a variable's) and draw the others given them.
    seed : int
        From 0 to 2³² − 1.
    levels : tuple of float
        Probabilities of the central intervals.
    parameters : tuple of str or None
        Variables or scalars to record, as in ``("mu", "theta[Choate]")``. None: all free variables' scalars, and all
        Deterministics' while there are at most 100 in all.
    options : Mapping of str to value
        Options of the template that do not vary.
    draws : int
        Laplace draws of each replicate.
    sampler : SamplerOptions
        Of NUTS; its ``target_accept`` is the template's own where it is None.
    elpd : bool
        Draw a second data set of the same size at each replicate's true parameters, and record the expected log
        predictive density (elpd) that each method gives these fresh data, in nats per data set.

    Raises
    ------
    UnknownNameError, UsageError
        For an unknown method or a value out of range. Options of the template are checked by :meth:`check`.

    Notes
    -----
    Data are simulated by the model itself. A cell's seed is made of the plan's seed, the grid point's values and the
    replicate's index, so a cell has the same data and the same result in whatever order it is computed.
    """

    target: Any
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    replicates: int = 100
    methods: tuple[str, ...] = METHODS
    truth: str | Mapping[str, Any] = "prior"
    seed: int = 0
    levels: tuple[float, ...] = (0.5, 0.9)
    parameters: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    draws: int = 1000
    sampler: SamplerOptions = field(default_factory=SamplerOptions)
    elpd: bool = False

    def __post_init__(self) -> None:
        fixed = {
            "target": _name_of(self.target),
            "grid": {name: tuple(_plain(v) for v in _listed(name, values)) for name, values in self.grid.items()},
            "methods": tuple(m for m in METHODS if m in self.methods) if _known(self.methods) else (),
            "truth": self.truth
            if isinstance(self.truth, str)
            else {k: _plain(v) for k, v in self.truth.items()} or "prior",
            "levels": tuple(float(level) for level in self.levels),
            "parameters": None if self.parameters is None else tuple(self.parameters),
            "options": {name: _plain(value) for name, value in self.options.items()},
        }
        for name, value in fixed.items():
            object.__setattr__(self, name, value)
        self._check_ranges()

    def _check_ranges(self) -> None:
        if isinstance(self.truth, str) and self.truth != "prior":
            raise UsageError(f'truth is "prior" or values by parameter, not {self.truth!r}.')
        if not self.replicates >= 1:
            raise UsageError(f"replicates must be at least 1, not {self.replicates}.")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise UsageError(f"seed must lie between 0 and {LARGEST_SEED}, not {self.seed}.")
        if not self.levels or not all(0 < level < 1 for level in self.levels):
            raise UsageError(f"levels must lie between 0 and 1, not {self.levels}.")
        if self.draws < 25:
            raise UsageError(f"draws must be at least 25, not {self.draws}.")
        if not isinstance(self.elpd, bool):
            raise UsageError(f"elpd is true or false, not {self.elpd!r}.")
        for name, values in self.grid.items():
            if not values or len(set(map(repr, values))) < len(values):
                raise UsageError(f"The values of {name!r} to vary must be some, each once: {list(values)}.")
            if name in self.options:
                raise UsageError(f"The option {name!r} is both set and varied. Leave one of them out.")
            if name.removeprefix(TRUTH) != name and name.removeprefix(TRUTH) in self.fixed_truth:
                raise UsageError(f"{name} is both fixed and varied. Leave one of them out.")

    # -- what there is to do -------------------------------------------------------------------

    @property
    def fixed_truth(self) -> dict[str, Any]:
        """Parameters whose true value is fixed at every grid point."""
        return {} if isinstance(self.truth, str) else dict(self.truth)

    @property
    def points(self) -> list[Point]:
        """The grid."""
        each = itertools.product(*self.grid.values())
        return [Point(i, dict(zip(self.grid, values, strict=True))) for i, values in enumerate(each)]

    def built_with(self, point: Point) -> dict[str, Any]:
        """Options that the template is built with at this point."""
        return {**self.options, **{k: v for k, v in point.values.items() if not k.startswith(TRUTH)}}

    def truth_at(self, point: Point) -> dict[str, Any]:
        """Parameters whose true value is fixed at this point."""
        varied = {k.removeprefix(TRUTH): v for k, v in point.values.items() if k.startswith(TRUTH)}
        return {**self.fixed_truth, **varied}

    @property
    def arms(self) -> dict[str, tuple[str, ...]]:
        """Methods by what computes them together."""
        cheap = tuple(name for name in self.methods if name in CHEAP)
        arms = {"cheap": cheap, "nuts": tuple(name for name in self.methods if name == "nuts")}
        return {arm: methods for arm, methods in arms.items() if methods}

    @property
    def cells(self) -> int:
        """Grid points × replicates."""
        return math.prod(len(values) for values in self.grid.values()) * self.replicates

    @property
    def fits(self) -> int:
        """Cells × methods."""
        return self.cells * len(self.methods)

    @property
    def graphs(self) -> int:
        """Models that are compiled: one for each combination of the template's options."""
        return math.prod(len(values) for name, values in self.grid.items() if not name.startswith(TRUTH))

    def check(self) -> None:
        """Build the model of every grid point, to find out before anything runs what was asked wrongly.

        A model that raises at some grid points is no mistake of the plan: those cells will be recorded as failed.

        Raises
        ------
        UsageError
            An option that the template does not have, or a value that it refuses; elpd of a likelihood that is no
            product over observations.
        ModelError
            If no grid point has a model.
        """
        from ..errors import ModelError
        from ..model.problem import Problem
        from ..templates.loading import load_target
        from .fresh_elpd import why_not

        faults = []
        for point in self.points:
            try:
                target = load_target(self.target, options=self.built_with(point))
                reason = why_not(Problem(target.model)) if self.elpd and self._first_of_its_model(point) else ""
            except ModelError as error:
                faults.append(error)
                continue
            if reason:
                raise UsageError(f"There is no elpd at {point.label}: {reason}. Leave elpd out.")
        if len(faults) == len(self.points):
            raise faults[0]

    def _first_of_its_model(self, point: Point) -> bool:
        """True if no grid point before it is of the same model."""
        return next(p for p in self.points if self.built_with(p) == self.built_with(point)) == point

    # -- as text -------------------------------------------------------------------------------

    @classmethod
    def from_toml(cls, source: str | Path) -> Plan:
        """Read a plan from TOML text, or from a file (a ``Path``).

        Raises
        ------
        MissingFileError, UsageError
            If there is no such file, it is no TOML, or a key is unknown.
        """
        if isinstance(source, Path) and not source.is_file():
            raise MissingFileError(f"There is no plan {source}.")
        try:
            text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
            content = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"The plan is not TOML: {error}.") from error
        known = {f.name for f in fields(cls)}
        unknown = [key for key in content if key not in known]
        if unknown or "target" not in content:
            fault = f"has no key {unknown[0]!r}" if unknown else "names no target"
            raise UsageError(f"The plan {fault}. Its keys: {', '.join(sorted(known))}.")
        try:
            if "sampler" in content:
                content["sampler"] = SamplerOptions(**content["sampler"])
            return cls(**content)
        except (TypeError, AttributeError, ValueError) as error:
            raise UsageError(f"The plan cannot be read: {error}.") from error

    def to_toml(self) -> str:
        """The plan as TOML, which :meth:`from_toml` reads back to an equal plan."""
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        if not self.elpd:  # as plans were written before there was elpd: their fingerprints stay what they are
            del content["elpd"]
        content["sampler"] = {k: v for k, v in asdict(self.sampler).items() if v is not None}
        lines = [f"{key} = {_toml(value)}" for key, value in content.items() if not _is_table(value)]
        for key, table in content.items():
            if _is_table(table) and table:
                lines += ["", f"[{key}]", *(f"{_key(k)} = {_toml(v)}" for k, v in table.items())]
        return "\n".join(lines) + "\n"

    def absolute(self) -> Plan:
        """The same with the target's file by its full path, for workers that may run elsewhere."""
        match = _FILE.fullmatch(self.target)
        if match is None:
            return self
        return replace(self, target=f"{Path(match['file']).resolve()}{match['rest']}")

    def identity(self) -> dict[str, str]:
        """What must be equal for two runs to give equal rows: the plan, the model's source, versions of packages."""
        from importlib.metadata import version

        source = hashlib.sha256(_source_file(self.target).read_bytes()).hexdigest()
        return {
            "plan": hashlib.sha256(self.to_toml().encode()).hexdigest(),
            "the model's file": source,
            **{name: version(name) for name in PACKAGES},
        }


_FILE = re.compile(r"(?P<file>.+\.py)(?P<rest>(?::\w+)?)")


def _known(methods: Any) -> bool:
    unknown = [m for m in methods if m not in METHODS]
    if unknown or not methods:
        what = f"Unknown method {unknown[0]!r}." if unknown else "A study needs a method."
        raise UnknownNameError(f"{what} There are: {', '.join(METHODS)}.")
    return True


def _name_of(target: Any) -> str:
    """A target as text, from which other processes can load it."""
    from ..templates import Template, available

    if isinstance(target, str):
        return target
    if isinstance(target, Template) and available().get(target.name) is target:
        return target.name
    function = target.build if isinstance(target, Template) else target
    name = getattr(function, "__name__", "")
    try:
        file = inspect.getsourcefile(function)
    except TypeError:
        file = None
    if not file or not name.isidentifier() or not Path(file).is_file():
        raise UsageError(
            "A study's model is built in other processes: give a template, its name, FILE.py:NAME, or a function that "
            "is defined in a file."
        )
    return f"{file}:{name}"


def _source_file(target: str) -> Path:
    """The file that holds the target's function."""
    from ..templates import get

    match = _FILE.fullmatch(target)
    file = match["file"] if match else inspect.getsourcefile(get(target).build)
    path = Path(str(file))
    if not path.is_file():
        raise MissingFileError(f"There is no file {path}.")
    return path


def _listed(name: str, values: Any) -> Iterator[Any]:
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise UsageError(f"The values of {name!r} to vary must be a list, not {values!r}.")
    return iter(values)


def _plain(value: Any) -> Any:
    """A value as Python and TOML write it."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if not isinstance(value, bool | int | float | str):
        raise UsageError(f"A plan holds numbers, texts, switches and lists of them, not {value!r}.")
    return value


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or value is None


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return repr(value)
