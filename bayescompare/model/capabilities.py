"""What a model's graphs can do, asked before anything is compiled: what no method can use is known by name.

A density may be random (minibatches, simulators), or not to be derived, or have no gradient; an operation of the user's
own may raise. Each has a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import LIBRARY_ERRORS, UnsupportedModelError, first_line
from .pymc_internals import is_no_gradient, takes_generator

if TYPE_CHECKING:
    import pymc as pm

#: Random operations that make a density random, by the name of their class, and what their user can do.
RANDOM = {
    "MinibatchOp": (
        "it uses a random subset of the data (pm.Minibatch), so that its density is another at every call: neither a "
        "mode nor a posterior exists. Give it all the data, or fit the model by pm.fit (variational inference)"
    ),
    "SimulatorRV": (
        "it is simulated (pm.Simulator), so that its density is random: it has no mode and no gradient. Sample it by "
        "pm.sample_smc, or write its likelihood down"
    ),
}

#: What is said of any other.
BY_CHANCE = (
    "it depends on a random variable that is not part of the model (one made by .dist()). "
    "Give that variable a name in the model, or take it out"
)

#: Free variables that a sampler of their own moves, by the name of their class: PyMC gives them a density of 0.
NO_DENSITY = {"BARTRV": "a sum of trees (BART)"}

#: Distributions whose log density is 0 wherever their values are, by the name of their class: improper on purpose.
FLAT = ("FlatRV", "HalfFlatRV", "CustomDistRV")


# -- is there a density ----------------------------------------------------------------------------


def log_densities(model: pm.Model) -> list[Any]:
    """The log density of each free, then of each observed variable, without Jacobians.

    Raises
    ------
    UnsupportedModelError
        By name, if PyMC does not derive one, or it says nothing of the values.
    """
    try:
        terms: list[Any] = model.logp(vars=[*model.free_RVs, *model.observed_RVs], jacobian=False, sum=False)
    except LIBRARY_ERRORS as error:
        for name, reason in why_underived(model).items():
            raise UnsupportedModelError(
                f"PyMC cannot derive the log density of {name!r}: {reason}. Write it down as a distribution that PyMC "
                "has, by pm.CustomDist with its logp, or as a pm.Potential."
            ) from error
    return terms


def why_underived(model: pm.Model) -> dict[str, str]:
    """Variables whose log density PyMC does not derive, and why; asked one by one only where it fails for all."""
    variables = [*model.free_RVs, *model.observed_RVs]
    try:
        model.logp(vars=variables, jacobian=False, sum=False)
    except LIBRARY_ERRORS as error:
        found = {rv.name: reason for rv in variables if (reason := _why_underived(model, rv))}
        return found or {", ".join(rv.name for rv in variables): first_line(error)}
    return {}


def _why_underived(model: pm.Model, rv: Any) -> str:
    """The same of one variable, its parameters taken as they come; empty where it has a density."""
    from pymc import logp

    try:
        logp(rv, model.rvs_to_values[rv], warn_rvs=False)
    except NotImplementedError:
        kind = operation_name(rv.owner.op)
        return "its distribution has no logp" if is_distribution(rv.owner.op) else f"it is a {kind} of random variables"
    except LIBRARY_ERRORS as error:
        return first_line(error)
    return ""


def is_distribution(op: Any) -> bool:
    """Whether an operation is a distribution of PyMC's or of the user's, not a computation."""
    from pymc import SymbolicRandomVariable
    from pytensor.tensor.random.op import RandomVariable

    return isinstance(op, RandomVariable | SymbolicRandomVariable)


def without_density(model: pm.Model, terms: Sequence[Any]) -> dict[str, str]:
    """Free variables whose log density says nothing of their values, other than the improper priors that mean to.

    Parameters
    ----------
    terms : sequence of TensorVariable
        Log densities, those of the free variables first.
    """
    found = {}
    for rv, term in zip(model.free_RVs, terms, strict=False):
        kinds = [kind.__name__ for kind in type(rv.owner.op).__mro__]
        known = next((NO_DENSITY[kind] for kind in kinds if kind in NO_DENSITY), None)
        # The missing entries of vectors enter the joint density of those that were observed.
        told = terms if "PartialObservedRV" in kinds else [term]
        if known is None and not set(kinds) & set(FLAT) and model.rvs_to_values[rv] not in set(depends_on(told)):
            known = f"a {kinds[0].removesuffix('RV')}"
        if known is not None:
            found[rv.name] = known
    return found


def refuse_without_density(model: pm.Model, terms: Sequence[Any]) -> None:
    """Refuse free variables that have no log density of their own.

    Raises
    ------
    UnsupportedModelError
    """
    for name, kind in without_density(model, terms).items():
        raise UnsupportedModelError(
            f"{name!r} is {kind}, which has no log density in PyMC: only a sampler of its own moves it, and neither a "
            "mode nor NUTS exists. Sample the model by pm.sample."
        )


def refuse(model: pm.Model) -> None:
    """Refuse by name a model whose log density does not exist, or is random; nothing is compiled.

    Raises
    ------
    UnsupportedModelError
    """
    terms = log_densities(model)
    refuse_without_density(model, terms)
    terms += model.replace_rvs_by_values(model.potentials) if model.potentials else []
    named = (variable.name for variable in (*model.free_RVs, *model.observed_RVs, *model.potentials))
    refuse_random(zip(named, terms, strict=True))


@contextmanager
def as_model_error(what: str) -> Iterator[None]:
    """A library's error, raised while a model's graph is built or compiled, is one of the model.

    Raises
    ------
    UnsupportedModelError
    """
    try:
        yield
    except LIBRARY_ERRORS as error:
        raise UnsupportedModelError(
            f"The model cannot be used. {what}: {type(error).__name__}: {first_line(error)}. "
            "Check its shapes and types; model.debug() names the term."
        ) from error


# -- is it the same at every call ------------------------------------------------------------------


def why_random(named: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Which of these graphs draw from a random number generator, and why."""
    found = {}
    for name, graph in named:
        ops = [
            variable.owner.op for variable in depends_on([graph]) if variable.owner and takes_generator(variable.owner)
        ]
        if ops:
            kinds = {kind.__name__ for op in ops for kind in type(getattr(op, "core_op", op)).__mro__}
            found[name] = next((reason for kind, reason in RANDOM.items() if kind in kinds), BY_CHANCE)
    return found


def refuse_random(named: Iterable[tuple[str, Any]]) -> None:
    """Refuse a term that draws: it has no value at a mode, and another at every call.

    Raises
    ------
    UnsupportedModelError
    """
    for name, reason in why_random(named).items():
        raise UnsupportedModelError(f"{name!r} cannot be used: {reason}.")


def depends_on(outputs: Sequence[Any]) -> Iterator[Any]:
    """All that the values of ``outputs`` are computed from; what only gives a shape is left out."""
    from pytensor.graph.traversal import walk
    from pytensor.scalar import Second
    from pytensor.tensor.elemwise import Elemwise
    from pytensor.tensor.shape import Shape, Shape_i

    def inputs(variable: Any) -> list[Any]:
        if variable.owner is None or isinstance(variable.owner.op, Shape | Shape_i):
            return []
        op = variable.owner.op
        if isinstance(op, Elemwise) and isinstance(op.scalar_op, Second):  # zeros like the first
            return [variable.owner.inputs[1]]
        return list(variable.owner.inputs)

    found: Iterator[Any] = walk(outputs, inputs, bfs=False)
    return found


# -- operations ------------------------------------------------------------------------------------


def lacking_gradient(outputs: Sequence[Any], wrt: Sequence[Any]) -> tuple[str, ...]:
    """Operations between ``wrt`` and ``outputs`` without a gradient, by name: asked one by one, those in a scan too."""
    from pytensor.graph.traversal import toposort

    found: list[str] = []
    moving = set(wrt)
    for node in toposort(list(outputs)):
        touched = [i for i, inp in enumerate(node.inputs) if inp in moving]
        if not touched:
            continue
        moving.update(node.outputs)
        if not _has_gradient(node, touched):
            inner = getattr(node.op, "inner_outputs", None)
            blamed = () if inner is None else lacking_gradient(inner, node.op.inner_inputs)
            found += blamed or (operation_name(node.op),)
    return tuple(dict.fromkeys(found))


def _has_gradient(node: Any, touched: list[int]) -> bool:
    """Whether the operation of this node has a gradient by the inputs at these places."""
    try:
        gradients = node.op.L_op(node.inputs, node.outputs, [out.zeros_like(dtype="float64") for out in node.outputs])
    except LIBRARY_ERRORS:
        return False
    return not any(is_no_gradient(gradients[i]) for i in touched)


def own_operations(outputs: Sequence[Any]) -> tuple[str, ...]:
    """Operations that are Python code of the user's, by name."""
    return tuple(dict.fromkeys(operation_name(op) for op in _operations(outputs) if _is_own(op)))


def _is_own(op: Any) -> bool:
    """Whether an operation is derived from PyTensor's bare base class outside of PyTensor, or wraps a function."""
    from pytensor.compile.ops import FromFunctionOp
    from pytensor.graph.op import Op

    if isinstance(op, FromFunctionOp):
        return True
    ours = next(kind for kind in type(op).__mro__ if kind.__module__.partition(".")[0] == "pytensor")
    return ours is Op and not type(op).__module__.startswith("pymc.distributions")


def _operations(outputs: Sequence[Any]) -> Iterator[Any]:
    """The operations of a graph, those inside of others too."""
    from pytensor.graph.traversal import toposort

    for node in toposort(list(outputs)):
        op = getattr(node.op, "core_op", node.op)
        yield op
        inner = getattr(op, "inner_outputs", None)
        if inner is not None:
            yield from _operations(inner)


def operation_name(op: Any) -> str:
    """What a user knows it by: the name of its class, or of the function that ``as_op`` wraps."""
    from pytensor.tensor.elemwise import Elemwise

    core = getattr(op, "core_op", op)
    text = str(core)
    if text.startswith("FromFunctionOp{"):
        return text.removeprefix("FromFunctionOp{").removesuffix("}")
    named = core.scalar_op if isinstance(core, Elemwise) else core
    return type(named).__name__
