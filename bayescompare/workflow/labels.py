"""What a reader is told of a model and of a run: names, formulas, data, settings, versions."""

from __future__ import annotations

import contextlib
import math
import platform
import re
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import coordinates
from ..model.derived import parameters
from ..model.problem import Problem
from ..model.pymc_internals import parents

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from ..results.comparison import ModelInfo
    from ..templates.loading import Target


#: Numbers of the log likelihood that a comparison keeps; with more the draws are thinned evenly.
CELLS = 4_000_000


def model_info(problem: Problem, target: Target) -> ModelInfo:
    from ..results.comparison import ModelInfo

    return ModelInfo(
        name=target.name,
        title=target.title,
        question=target.question,
        description=target.description,
        finding=target.finding,
        code=target.code,
        formulas=_formulas(problem),
        free=tuple(rv.name for rv in problem.model.free_RVs),
        parameters=problem.dimension,
        observations=_observations(problem),
        fingerprint=problem.fingerprint,
        graph=_graph(problem),
    )


def _observations(problem: Problem) -> int:
    """Vectors count once each, and the numbers of a density that is joint over all of them one by one."""
    sizes = zip(problem.density.sizes, problem.observed.values(), strict=True)
    return sum(terms if terms > 1 else values.size for terms, values in sizes)


def _kinds(problem: Problem) -> dict[str, str]:
    """What each named variable is."""
    model = problem.model
    kinds = {rv.name: "free" for rv in model.free_RVs}
    kinds |= {rv.name: "observed" for rv in model.observed_RVs}
    kinds |= {var.name: "deterministic" for var in model.deterministics}
    return kinds | {var.name: "potential" for var in model.potentials}


def _graph(problem: Problem) -> tuple[tuple[str, str, str, tuple[str, ...]], ...]:
    """The model's variables, each with its plate and its parents; data containers are left out."""
    kinds, made_of = _kinds(problem), parents(problem.model)
    shapes: dict[str, tuple[int, ...]] = {name: of[2] for name, of in problem.scalars.variables.items()}
    shapes |= {name: values.shape for name, values in problem.observed.items()}
    rows = []
    for name, kind in kinds.items():
        shape = shapes.get(name, ())
        dims = [str(d) for d in problem.model.named_vars_to_dims.get(name, ())]
        labels = (
            [f"{d} ({n})" for d, n in zip(dims, shape, strict=True)] if len(dims) == len(shape) else map(str, shape)
        )
        rows.append((name, kind, " × ".join(labels), tuple(sorted(made_of.get(name, set()) & kinds.keys() - {name}))))
    return tuple(rows)


def _formulas(problem: Problem) -> tuple[tuple[str, str, str], ...]:
    """PyMC's own text of the model, with data by name: (left side, right side, kind)."""
    model, kinds = problem.model, _kinds(problem)
    rows = []
    try:
        text = model.str_repr(formatting="plain")
    except AttributeError:  # PyMC cannot write a Potential that is a constant
        return ()
    for line in text.splitlines():
        left, _, right = re.split(r" ([~=]) ", line, maxsplit=1)
        name, right = left.strip(), right.strip()
        if name not in kinds:
            continue
        inner = re.fullmatch(r"(?:Deterministic|Potential)\((.*)\)", right)
        right = inner[1] if inner else right
        for parameter in _shared_parameters(model[name]):
            right = right.replace("<shared>", parameter, 1)
        rows.append((name, re.sub("<(shared|constant)>", "data", right), kinds[name]))
    return tuple(rows)


def _shared_parameters(variable: Any) -> list[str]:
    """Names of the data containers among a distribution's parameters, in order."""
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.tensor.random.op import RandomVariable

    if variable.owner is None or not isinstance(variable.owner.op, RandomVariable):
        return []
    given = parameters(variable)
    while any(p.owner is not None and type(p.owner.op).__name__ == "DimShuffle" for p in given):
        given = [
            p.owner.inputs[0] if p.owner is not None and type(p.owner.op).__name__ == "DimShuffle" else p for p in given
        ]
    return [p.name or "data" for p in given if isinstance(p, SharedVariable)]


def data(problem: Problem) -> xr.Dataset:
    import xarray as xr

    variables, coords = {}, {}
    model = problem.model
    for name, values in problem.observed.items():
        dims = [str(d) for d in model.named_vars_to_dims.get(name, ())]
        if len(dims) != values.ndim:
            dims = coordinates.unnamed(name, values.ndim, problem.observed)
        variables[name] = (dims, values)
        for dim, n in zip(dims, values.shape, strict=True):
            labels = model.coords.get(dim)
            if labels is not None and len(labels) == n:
                marks, dates = coordinates.kept(labels)
                coords[dim] = coordinates.array(marks, dates=dates)
    return xr.Dataset(variables, coords=coords)


def log_likelihood(problem: Problem, terms: Mapping[str, np.ndarray], step: int) -> xr.Dataset | None:
    """The log likelihood of each observation, with the dims and labels of the data, at so many draws as can be kept."""
    import xarray as xr

    if not terms:
        return None
    cells = sum(values.size for values in terms.values())
    more = -(-cells // CELLS)
    observed = data(problem)
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    for name, values in terms.items():
        kept = values[:, ::more].astype(np.float32)
        sizes = observed[name].shape
        count = next((i for i in range(1, len(sizes) + 1) if math.prod(sizes[:i]) == values.shape[-1]), 0)
        dims = [str(dim) for dim in observed[name].dims[:count]] or [f"{name}_dim_0"]
        dims = [f"{name}_dim_{i}" if dim in ("chain", "draw") else dim for i, dim in enumerate(dims)]
        variables[name] = (("chain", "draw", *dims), kept.reshape(*kept.shape[:2], *(sizes[:count] or (-1,))))
        coords |= {dim: observed.coords[dim] for dim in dims if dim in observed.coords}
        chains, draws = kept.shape[:2]
    return xr.Dataset(variables, {"chain": np.arange(chains), "draw": np.arange(draws) * step * more, **coords})


def layout(problem: Problem) -> dict[str, Any]:
    variables = {
        name: {"shape": list(shape), "dims": list(dims)}
        for name, (_, _, shape, dims) in problem.scalars.variables.items()
    }
    found = {str(dim): coordinates.kept(values) for dim, values in problem.model.coords.items() if values is not None}
    coords = {dim: values for dim, (values, _) in found.items()}
    return {"variables": variables, "coords": coords, "dates": [dim for dim, (_, dates) in found.items() if dates]}


def provenance(problem: Problem, started: float, seconds: float) -> dict[str, Any]:
    packages = ("bayescompare", "pymc", "pytensor", "arviz", "nutpie", "jax", "numpy", "scipy")
    versions = {"python": platform.python_version()}
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {
        "versions": versions,
        "platform": platform.platform(),
        "command": " ".join(_word(a) for a in sys.argv),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": seconds,
        "density_backend": problem.density.backend,
        "density_fallback": problem.density.fallback,
    }


def _word(argument: str) -> str:
    """The program's own path says nothing to a reader; arguments stay."""
    return argument.replace("\\", "/").rsplit("/", 1)[-1] if argument == sys.argv[0] else argument
