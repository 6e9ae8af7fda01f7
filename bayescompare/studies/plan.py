"""What a study is to do: a template, a grid of its options, replicates, methods, and where the truth comes from."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MissingFileError, ModelError, UnknownNameError, UnsupportedModelError, UsageError
from ..methods.sampler_options import SamplerOptions
from . import targets
from .plan_text import is_table, plain, toml, toml_key
from .swappable import swappable

if TYPE_CHECKING:
    from ..templates.loading import Target

CHEAP = ("mle_wald", "map_laplace", "psis_laplace")
"""Methods that are fitted to many replicates at once."""

SINGLE = ("marginal_map", "marginal_laplace", "pathfinder", "advi", "fullrank_advi")
"""Methods that are fitted to one replicate after the other, each an arm of its own."""

METHODS = (*CHEAP, *SINGLE, "nuts")

USUAL = (*CHEAP, "nuts")
"""What a study runs where nothing else is asked for."""

BLOCKS = {"cheap": 128, **dict.fromkeys(SINGLE, 16), "nuts": 4}
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
        ``n``, where the function has no such option, is a number of rows: of the data or of the finished model, drawn
        with replacement.
    replicates : int
        Data sets simulated at each grid point.
    methods : tuple of {"mle_wald", "map_laplace", "psis_laplace", "marginal_map", "marginal_laplace", "pathfinder", \
            "advi", "fullrank_advi", "nuts"}
    truth : "prior", "posterior" or Mapping of str to value
        Draw the true parameters from the prior, anew for each replicate; or fix those named (free variables, in the
        model's coordinates; a scalar stands for all of a variable's) and draw the others given them. Or draw them from
        the posterior given the model's own data, to which the simulated data are then added: posterior SBC, see
        ``studies.posterior_truth``.
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
    data : str
        A file of data (.json, .csv, .parquet) for the template or function; empty for none.

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
    methods: tuple[str, ...] = USUAL
    truth: str | Mapping[str, Any] = "prior"
    seed: int = 0
    levels: tuple[float, ...] = (0.5, 0.9)
    parameters: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    draws: int = 1000
    sampler: SamplerOptions = field(default_factory=SamplerOptions)
    elpd: bool = False
    data: str = ""

    def __post_init__(self) -> None:
        fixed = {
            "target": targets.name_of(self.target),
            "grid": {name: tuple(plain(v) for v in _listed(name, values)) for name, values in self.grid.items()},
            "methods": tuple(m for m in METHODS if m in self.methods) if _known(self.methods) else (),
            "truth": self.truth
            if isinstance(self.truth, str)
            else {k: plain(v) for k, v in self.truth.items()} or "prior",
            "levels": tuple(float(level) for level in self.levels),
            "parameters": None if self.parameters is None else tuple(self.parameters),
            "options": {name: plain(value) for name, value in self.options.items()},
            "data": str(self.data),
        }
        for name, value in fixed.items():
            object.__setattr__(self, name, value)
        self._check_ranges()

    def _check_ranges(self) -> None:
        if isinstance(self.truth, str) and self.truth not in ("prior", "posterior"):
            raise UsageError(f'truth is "prior", "posterior" or values by parameter, not {self.truth!r}.')
        if self.truth == "posterior" and (self.elpd or any(name.startswith(TRUTH) for name in self.grid)):
            other = "elpd" if self.elpd else "a true value that varies"
            raise UsageError(f'truth = "posterior" cannot be had with {other}. Leave one of them out.')
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

    def target_at(self, point: Point) -> Target:
        """The model of this point.

        Raises
        ------
        UsageError, ModelError
        """
        return targets.built(self.target, self.built_with(point), data=self.data, seed=self.seed)

    def truth_at(self, point: Point) -> dict[str, Any]:
        """Parameters whose true value is fixed at this point."""
        varied = {k.removeprefix(TRUTH): v for k, v in point.values.items() if k.startswith(TRUTH)}
        return {**self.fixed_truth, **varied}

    @property
    def arms(self) -> dict[str, tuple[str, ...]]:
        """Methods by what computes them together."""
        found: dict[str, tuple[str, ...]] = {}
        for method in self.methods:
            found[arm_of(method)] = (*found.get(arm_of(method), ()), method)
        return found

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
        """Build the model of every grid point, to find usage errors before anything runs.

        A model that raises at some grid points is no mistake of the plan: those cells will be recorded as failed.

        Raises
        ------
        UsageError
            An option that the template does not have, or a value that it refuses; elpd of a likelihood that is no
            product over observations.
        UnsupportedModelError
            If a model has no draws: an improper prior, a Potential, a distribution without a random method.
        ModelError
            If no grid point has a model.
        """
        from ..model.problem import Problem
        from ..model.simulate import simulator
        from .fresh_elpd import why_not
        from .posterior_truth import try_out

        faults: list[ModelError] = []
        for point in self.points:
            try:
                model = swappable(self.target_at(point).model)
                if point.index == 0:
                    try_out(model) if self.truth == "posterior" else simulator(model, fixed=self.truth_at(point))(0)
                reason = why_not(Problem(model)) if self.elpd and self._first_of_its_model(point) else ""
            except UnsupportedModelError:
                raise
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
        for name in ("elpd", "data"):  # as plans were written before there was that: their fingerprints stay
            if not content[name]:
                del content[name]
        content["sampler"] = {k: v for k, v in asdict(self.sampler).items() if v is not None}
        lines = [f"{key} = {toml(value)}" for key, value in content.items() if not is_table(value)]
        for key, table in content.items():
            if is_table(table) and table:
                lines += ["", f"[{key}]", *(f"{toml_key(k)} = {toml(v)}" for k, v in table.items())]
        return "\n".join(lines) + "\n"

    def absolute(self) -> Plan:
        """The same with its files by their full paths, for workers that may run elsewhere."""
        target, match = self.target, targets.FILE.fullmatch(self.target)
        if match is not None:
            target = f"{Path(match['file']).resolve()}{match['rest']}"
        elif target.endswith(targets.KEPT):
            target = str(Path(target).resolve())
        return replace(self, target=target, data=str(Path(self.data).resolve()) if self.data else "")

    def identity(self) -> dict[str, str]:
        """What must be equal for two runs to give equal rows: the plan, the model's source, versions of packages."""
        from importlib.metadata import version

        data = {"the data's file": targets.digest(Path(self.data))} if self.data else {}
        return {
            "plan": hashlib.sha256(self.to_toml().encode()).hexdigest(),
            "the model's file": targets.source_of(self.target),
            **data,
            **{name: version(name) for name in PACKAGES},
        }


def arm_of(method: str) -> str:
    """What computes a method."""
    return "cheap" if method in CHEAP else method


def _known(methods: Any) -> bool:
    unknown = [m for m in methods if m not in METHODS]
    if unknown or not methods:
        what = f"Unknown method {unknown[0]!r}." if unknown else "A study needs a method."
        raise UnknownNameError(f"{what} There are: {', '.join(METHODS)}.")
    return True


def _listed(name: str, values: Any) -> Iterator[Any]:
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise UsageError(f"The values of {name!r} to vary must be a list, not {values!r}.")
    return iter(values)
