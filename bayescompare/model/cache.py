"""A model's problem, kept with the model, so that two calls on one ``pm.Model`` compile it once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .problem import Problem

if TYPE_CHECKING:
    import pymc as pm

NAME = "_bayescompare"


class Kept:
    """A problem and the parts of the model that it was made of; an empty one wherever the model is copied to."""

    def __init__(self, problem: Problem | None = None, parts: tuple[Any, ...] = ()) -> None:
        self.problem, self.parts = problem, parts

    def __reduce__(self) -> tuple[type[Kept], tuple[()]]:
        return Kept, ()


def problem_of(model: pm.Model) -> Problem:
    """The problem of this model: the one made before, unless the model or its data have changed since.

    Raises
    ------
    UnsupportedModelError, DataError
        As :class:`Problem`.
    """
    kept = getattr(model, NAME, None)
    parts = _parts(model) if kept is not None else ()
    if kept is not None and kept.problem is not None and _same(parts, kept.parts) and _same_data(kept.problem):
        found: Problem = kept.problem
        return found
    problem = Problem(model)
    # On the model itself, so that both go together: the problem refers to the model.
    setattr(model, NAME, Kept(problem, parts or _parts(model)))
    return problem


def _parts(model: pm.Model) -> tuple[Any, ...]:
    """Variables, what belongs to them, and coordinates, all to be compared by identity but for names and numbers."""
    attached = [
        part
        for rv in (*model.free_RVs, *model.observed_RVs)
        for part in (rv, model.rvs_to_values[rv], model.rvs_to_transforms.get(rv), model.rvs_to_initial_values.get(rv))
    ]
    lengths = [int(length.get_value()) for length in model.dim_lengths.values() if hasattr(length, "get_value")]
    named = [part for names in (model.coords, model.named_vars_to_dims) for pair in names.items() for part in pair]
    return (*attached, *model.potentials, *model.deterministics, *lengths, *named)


def _same(now: tuple[Any, ...], before: tuple[Any, ...]) -> bool:
    if len(now) != len(before):
        return False
    pairs = zip(now, before, strict=True)
    return all(a is b or (isinstance(a, str | int) and a == b) for a, b in pairs)


def _same_data(problem: Problem) -> bool:
    """Whether every container still holds what was compiled for; a problem without a density has nothing to lose."""
    if "density" not in problem.__dict__:
        return False
    containers = problem.density.graphs.data
    return all(
        np.array_equal(shared.get_value(borrow=True), problem.density.data[name])
        for name, (shared, _) in containers.items()
    )
