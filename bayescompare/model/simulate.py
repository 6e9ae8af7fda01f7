"""Draws of a model's own prior predictive: parameters, and data that they could have made.

There is no second simulator to keep in step with the model: what is drawn is the model's graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, UnsupportedModelError, UsageError
from .backends import without_compiler
from .derived import parameters
from .problem import Problem
from .pymc_internals import compiled_draws, generators_of, is_custom, reseed, with_own_generators

if TYPE_CHECKING:
    import pymc as pm

type Values = dict[str, NDArray[Any]]
"""Arrays by name."""


def simulator(model: pm.Model, *, fixed: Mapping[str, Any] | None = None) -> Callable[[int], tuple[Values, Values]]:
    """A function of a seed that draws parameters and data; it is compiled once.

    Parameters
    ----------
    model : pymc.Model
        It is not changed. What its data containers hold beside the observed values (predictors, group indices) is kept.
    fixed : Mapping of str to array, optional
        Free variables that are not drawn: their values in the model's coordinates, a scalar standing for all of a
        variable's. What depends on them is drawn given these values; what they depend on is not touched.

    Returns
    -------
    callable
        ``function(seed) -> (parameters, data)``. Parameters are the free variables, then the Deterministics, in the
        model's coordinates; a Deterministic that is computed from the observed values is left out, for it would be that
        of the data at hand. Data are named so that :meth:`Problem.with_data` takes them: by the ``pm.Data`` that holds
        the observed values, or by the observed variable where none does.

    Raises
    ------
    UnsupportedModelError
        If the model is not generative; what it is that has no draws is named: an improper prior, a Potential, data that
        predict themselves. From the function itself: a distribution without a random method.
    UsageError
        If what is fixed is no free variable, or its shape does not fit.
    ModelError
        From the function: a draw that the likelihood cannot use (a Poisson rate beyond all integers).
    """
    from pytensor.graph.replace import clone_replace

    constants = _constants(model, fixed or {})
    _refuse_what_has_no_draws(Problem(model), fixed or {})
    observed = _shared([model.rvs_to_values[rv] for rv in model.observed_RVs])
    parameters = [*model.free_RVs, *(d for d in model.deterministics if not _shared([d]) & observed)]
    draws = _drawing(model, [], clone_replace([*parameters, *model.observed_RVs], constants), "prior draw")
    named = _naming(model)

    def draw(seed: int) -> tuple[Values, Values]:
        drawn = draws(seed)
        values = dict(zip((v.name for v in parameters), drawn, strict=False))
        return values, named(drawn[len(parameters) :])

    return draw


def fresh_data(model: pm.Model) -> Callable[[Mapping[str, NDArray[Any]], int], Values]:
    """A function of parameters and a seed that draws the data anew, given these parameters; it is compiled once.

    Parameters
    ----------
    model : pymc.Model
        As for :func:`simulator`, but a prior may be improper, and a Potential weighs nothing that is drawn here.

    Returns
    -------
    callable
        ``function(parameters, seed) -> data``. Of the parameters, as :func:`simulator` gives them, the free variables
        are used: every random quantity that is none of them is drawn, all observed variables together. Data are named
        as those of :func:`simulator`, and independent of them where the seeds differ.

    Raises
    ------
    UnsupportedModelError, ModelError
        As :func:`simulator`.
    """
    from pytensor.graph.replace import clone_replace

    _refuse_what_has_no_draws(Problem(model), None)
    given = {rv: rv.type() for rv in model.free_RVs}
    draws = _drawing(model, list(given.values()), clone_replace(model.observed_RVs, given), "draw of fresh data")
    named = _naming(model)

    def draw(parameters: Mapping[str, NDArray[Any]], seed: int) -> Values:
        return named(draws(seed, *(parameters[rv.name] for rv in given)))

    return draw


def _drawing(model: pm.Model, inputs: list[Any], outputs: list[Any], what: str) -> Callable[..., list[NDArray[Any]]]:
    """A function of a seed and the inputs; the graph must be a copy, for PyMC puts new generators into the very graph
    that it is given."""
    with without_compiler():
        compiled = compiled_draws(inputs, with_own_generators(outputs))
    generators = generators_of(compiled)

    def draw(seed: int, *given: NDArray[Any]) -> list[NDArray[Any]]:
        reseed(generators, seed)
        try:
            return [np.asarray(value) for value in compiled(*given)]
        except NotImplementedError as error:
            raise UnsupportedModelError(f"The model has no prior predictive: {_undrawable(model, error)}") from error
        except (ValueError, TypeError) as error:  # NumPy raises the latter where a number of trials is a float
            raise ModelError(
                f"The {what} of seed {seed} gives no data: {_first_line(error)}. Narrow the priors."
            ) from error

    return draw


def _undrawable(model: pm.Model, error: Exception) -> str:
    """Which distribution cannot be drawn from, and what to do."""
    import pymc as pm

    for rv in model.basic_RVs:
        if is_custom(rv.owner.op):
            try:
                with without_compiler():
                    pm.draw(rv)
            except NotImplementedError:
                return (
                    f"the CustomDist {rv.name} has no random method. Give it one "
                    "(pm.CustomDist(..., random=function)), or write it as a graph (dist=)."
                )
    return _first_line(error)


def _naming(model: pm.Model) -> Callable[[list[NDArray[Any]]], Values]:
    """Values of the observed variables by the names, and in the types, that :meth:`Problem.with_data` takes."""
    containers = [container(model, rv) for rv in model.observed_RVs]

    def named(drawn: list[NDArray[Any]]) -> Values:
        data: Values = {}
        for rv, container, value in zip(model.observed_RVs, containers, drawn, strict=True):
            if container is None:
                data[rv.name] = value
            else:
                data[container.name] = value.astype(container.type.dtype)
        return data

    return named


def _constants(model: pm.Model, fixed: Mapping[str, Any]) -> dict[Any, Any]:
    """The variables that are not drawn, each with its value."""
    import pytensor.tensor as pt

    free = {rv.name: rv for rv in model.free_RVs}
    found: dict[Any, Any] = {}
    if fixed:
        with without_compiler():
            shapes = model.eval_rv_shapes()
    for name, value in fixed.items():
        if name not in free:
            raise UsageError(f"{name!r} is no free variable of the model, which has {', '.join(free)}.")
        try:
            whole = np.broadcast_to(np.asarray(value, dtype=float), shapes[name])
        except ValueError as error:
            raise UsageError(f"The value of {name!r} must be of shape {tuple(shapes[name])}: {error}.") from error
        found[free[name]] = pt.constant(whole.astype(free[name].dtype), dtype=free[name].dtype)
    return found


def _refuse_what_has_no_draws(problem: Problem, fixed: Mapping[str, Any] | None) -> None:
    """Refuse a model without a prior predictive; where all free variables are given (``fixed`` is None), without one
    of the data."""
    from pytensor.graph.traversal import ancestors

    model = problem.model
    improper = [] if fixed is None else [name for name in problem.improper if name not in fixed]
    if improper:
        raise UnsupportedModelError(
            f"The prior of {', '.join(improper)} is improper: it has a density but no draws, so there is no "
            f"prior predictive. Give a proper prior, a wide one if need be, or fix its true value: {improper[0]}=VALUE."
        )
    weighing = [p.name for p in model.potentials if set(model.basic_RVs) & set(ancestors([p]))]
    if weighing and fixed is not None:
        names = ", ".join(weighing)
        raise UnsupportedModelError(
            f"The Potential {names} weighs draws but makes none, so the model has no prior predictive. "
            "Write it as a distribution: pm.CustomDist with a random method."
        )
    circular = predict_themselves(model)
    if circular:
        raise UnsupportedModelError(
            f"The data {', '.join(circular)} are observed and predict as well, so a draw would lean on the data it is "
            "to replace. Write the dependence as a distribution (pm.AR, or a scan in pm.CustomDist)."
        )


def predict_themselves(model: pm.Model) -> list[str]:
    """Data containers that observed values come from, and that a distribution's parameters depend on."""
    observed = _shared([model.rvs_to_values[rv] for rv in model.observed_RVs])
    found = [p for rv in model.basic_RVs for p in parameters(rv)]
    return sorted(str(container.name) for container in observed & _shared(found))


def _shared(variables: list[Any]) -> set[Any]:
    """The data containers whose values, not only their shapes, these variables depend on."""
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.traversal import ancestors
    from pytensor.tensor.shape import Shape, Shape_i

    shapes = [v for v in ancestors(variables) if v.owner is not None and isinstance(v.owner.op, Shape | Shape_i)]
    found = ancestors(variables, blockers=shapes)
    return {v for v in found if isinstance(v, SharedVariable)}


def container(model: pm.Model, rv: Any) -> Any:
    """The ``pm.Data`` that is this variable's observed value and no other's, whatever its type was cast to; or None."""
    from pytensor.compile.sharedvalue import SharedVariable

    def source(variable: Any) -> Any:
        value = model.rvs_to_values[variable]
        while value.owner is not None and _is_cast(value.owner):
            value = value.owner.inputs[0]
        return value

    mine = source(rv)
    sharing = sum(source(other) is mine for other in model.observed_RVs)
    return mine if isinstance(mine, SharedVariable) and mine.name and sharing == 1 else None


def _is_cast(node: Any) -> bool:
    from pytensor.scalar.basic import Cast

    return isinstance(getattr(node.op, "scalar_op", None), Cast)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
