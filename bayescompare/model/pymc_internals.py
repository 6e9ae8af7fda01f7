"""The private side of PyMC and PyTensor: all that is used of it, each behind a function that says what it needs.

A release of PyMC may move any of this without notice; the bounds in ``pyproject.toml`` keep that out until ``make
canary`` has shown what moved. It is mended here, and nowhere else: a test forbids these names in other files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pymc as pm


# -- log densities ---------------------------------------------------------------------------------


def log_densities(variables: Sequence[Any], values: Mapping[Any, Any], transforms: Mapping[Any, Any]) -> list[Any]:
    """Log densities of random graphs at their values, with the Jacobians of their transforms.

    Needs ``pymc.logprob.basic.transformed_conditional_logp``, what ``Model.logp`` is made of. If it moves: follow
    ``Model.logp``, which takes a model's own variables alone.
    """
    from pymc.logprob.basic import transformed_conditional_logp

    terms: list[Any] = transformed_conditional_logp(
        list(variables), rvs_to_values=dict(values), rvs_to_transforms=dict(transforms), jacobian=True
    )
    return terms


def replaced_by_values(graphs: Sequence[Any], values: Mapping[Any, Any], transforms: Mapping[Any, Any]) -> list[Any]:
    """Graphs with random variables replaced by what their values, carried back from the unconstrained, say.

    Needs ``pymc.logprob.utils.replace_rvs_by_values``. If it moves: ``Model.replace_rvs_by_values`` does the same with
    all of a model's variables, where here the observed one stays random.
    """
    from pymc.logprob.utils import replace_rvs_by_values

    found: list[Any] = replace_rvs_by_values(
        list(graphs), rvs_to_values=dict(values), rvs_to_transforms=dict(transforms)
    )
    return found


def parents(model: pm.Model) -> dict[str, set[str]]:
    """Of each named variable those that it is made of, without a step through another named one.

    Needs ``pymc.model_graph.ModelGraph.make_compute_graph``, what ``pm.model_to_graphviz`` draws. If it moves: walk
    from each variable's owner to the next named ones.
    """
    from pymc.model_graph import ModelGraph

    return dict(ModelGraph(model).make_compute_graph())


def is_parameter_check(op: Any) -> bool:
    """Whether an operation guards a log density by conditions on its parameters: the density is its first input, the
    conditions are the others, and ``op.msg`` says them.

    Needs ``pymc.logprob.utils.CheckParameterValue``. If it moves: look for what ``pymc.distributions.dist_math.
    check_parameters`` puts into a graph.
    """
    from pymc.logprob.utils import CheckParameterValue

    return isinstance(op, CheckParameterValue)


def parameter_error() -> type[Exception]:
    """What such a guard raises where a condition fails.

    Needs ``pymc.logprob.utils.ParameterValueError``. If it moves: evaluate the log density of a Normal with sigma −1.
    """
    from pymc.logprob.utils import ParameterValueError

    found: type[Exception] = ParameterValueError
    return found


# -- random variables ------------------------------------------------------------------------------


def takes_generator(node: Any) -> bool:
    """Whether a node draws: a random number generator is among its inputs.

    Needs ``pytensor.tensor.random.type.RandomType``. If it moves: the type of any variable of ``pt.random``'s first
    input.
    """
    from pytensor.tensor.random.type import RandomType

    return any(isinstance(inp.type, RandomType) for inp in node.inputs)


def twin_of(rv: Any, others: Sequence[Any]) -> Any:
    """A second random variable with the same parameters, which are ``others`` or computed from them, and with random
    number generators of its own: without these PyTensor takes the two for one.

    Needs ``pytensor.tensor.random.type.RandomType``, as :func:`takes_generator`.
    """
    import pytensor
    from pytensor.graph.traversal import toposort
    from pytensor.tensor.random.type import RandomType

    changed: dict[Any, Any] = {}
    for node in toposort([rv], blockers=others):
        own = [
            pytensor.shared(np.random.default_rng()) if isinstance(each.type, RandomType) else changed.get(each, each)
            for each in node.inputs
        ]
        if any(new is not old for new, old in zip(own, node.inputs, strict=True)):
            changed.update(zip(node.outputs, node.clone_with_new_inputs(own).outputs, strict=True))
    return changed[rv]


def is_custom(op: Any, *, symbolic: bool = False) -> bool:
    """Whether an operation is a ``pm.CustomDist`` that is given by functions; with ``symbolic``, also one by ``dist``.

    Needs ``pymc.distributions.custom``. If it moves: the type of ``pm.CustomDist.dist(...).owner.op``.
    """
    from pymc.distributions.custom import CustomDistRV, CustomSymbolicDistRV

    return isinstance(op, CustomDistRV | CustomSymbolicDistRV if symbolic else CustomDistRV)


def is_partly_observed(op: Any) -> bool:
    """Whether an operation splits a variable with missing values: the whole is its first input, the mask of what is
    missing its second.

    Needs ``pymc.distributions.distribution.PartialObservedRV``. If it moves: look at what ``pm.Normal("x",
    observed=[nan, 0])`` puts into the model.
    """
    from pymc.distributions.distribution import PartialObservedRV

    return isinstance(op, PartialObservedRV)


def resized(rv: Any, size: tuple[Any, ...], *, expand: bool = False) -> Any:
    """The same distribution of another size; with ``expand``, of that size before its own.

    Needs ``pymc.distributions.shape_utils.change_dist_size``. If it moves: distributions are made anew from their
    parameters, by ``rv.owner.op.make_node``.
    """
    from pymc.distributions.shape_utils import change_dist_size

    return change_dist_size(rv, size, expand=expand)


def printed_name(op: Any) -> str:
    """A distribution's name as PyMC prints it, ``Normal``; empty where an operation has none.

    Needs the attribute ``_print_name``, a pair of plain text and LaTeX. If it moves: the class without ``RV``.
    """
    names = getattr(op, "_print_name", None)
    return str(names[0]) if names else ""


# -- drawing ---------------------------------------------------------------------------------------


def with_own_generators(graphs: Sequence[Any]) -> list[Any]:
    """Graphs with new generators, changed in place where they are no copies: nothing else draws by them.

    Needs ``pymc.pytensorf.replace_rng_nodes``. If it moves: ``clone_replace`` by new ``pytensor.shared`` generators.
    """
    from pymc.pytensorf import replace_rng_nodes

    found: list[Any] = replace_rng_nodes(list(graphs))
    return found


def compiled_draws(inputs: Sequence[Any], outputs: Any) -> Any:
    """A function that moves its generators on at every call.

    Needs ``pymc.pytensorf.compile``, which is public and kept here with its kin.
    """
    from pymc.pytensorf import compile

    return compile(list(inputs), outputs, on_unused_input="ignore")


def generators_of(function: Any) -> list[Any]:
    """The generators that a compiled function draws by.

    Needs ``pymc.pytensorf.find_rng_nodes``, and the graph at ``function.maker.fgraph``. If it moves: they are the
    shared variables among the graph's inputs that hold a ``numpy.random.Generator``.
    """
    from pymc.pytensorf import find_rng_nodes

    found: list[Any] = find_rng_nodes(function.maker.fgraph.outputs)
    return found


def reseed(generators: Sequence[Any], seed: int) -> None:
    """Set generators to a seed.

    Needs ``pymc.pytensorf.reseed_rngs``. If it moves: ``set_value`` of each by a generator of a spawned seed; then
    draws differ from those of releases before.
    """
    from pymc.pytensorf import reseed_rngs

    reseed_rngs(list(generators), seed)


# -- models ----------------------------------------------------------------------------------------


def initial_point_graphs(model: pm.Model, strategies: Mapping[Any, Any]) -> list[Any]:
    """Random graphs of the free variables' initial values, unconstrained, each by its strategy (``"prior"``, ...).

    Needs ``pymc.initial_point.make_initial_point_expression``. If it moves: follow ``Model.initial_point``.
    """
    from pymc.initial_point import make_initial_point_expression

    found: list[Any] = make_initial_point_expression(
        free_rvs=model.free_RVs,
        rvs_to_transforms=model.rvs_to_transforms,
        initval_strategies=dict(strategies),
        return_transformed=True,
    )
    return found


def copy_of(model: pm.Model) -> pm.Model:
    """A copy of a model that shares none of its variables.

    Needs ``pymc.model.fgraph.clone_model``. If it moves: ``copy.copy`` of a model calls it.
    """
    from pymc.model.fgraph import clone_model

    copy: pm.Model = clone_model(model)
    return copy


# -- PyTensor --------------------------------------------------------------------------------------


def constant_index(node: Any) -> Any:
    """The index of a ``Subtensor`` node, constants as numbers.

    Needs ``pytensor.tensor.subtensor.get_constant_idx``. If it moves: the index is ``op.idx_list`` with the inputs
    after the first put in.

    Raises
    ------
    pytensor.tensor.exceptions.NotScalarConstantError
        If a part of it is no constant.
    """
    from pytensor.tensor.subtensor import get_constant_idx

    return get_constant_idx(node.op.idx_list, node.inputs)


def is_no_gradient(gradient: Any) -> bool:
    """Whether what ``L_op`` gives says that there is no gradient by that input.

    Needs ``pytensor.graph.null_type.NullType``. If it moves: see what ``pytensor.gradient.grad_undefined`` gives.
    """
    from pytensor.graph.null_type import NullType

    return isinstance(getattr(gradient, "type", None), NullType)


def kept_folder() -> Path:
    """Where PyTensor keeps what numba compiled.

    Needs ``pytensor.link.numba.cache.NUMBA_CACHE_PATH``. If it moves: ``numba`` below ``config.base_compiledir``.
    """
    from pytensor.link.numba.cache import NUMBA_CACHE_PATH

    return Path(NUMBA_CACHE_PATH)


def kept_key(function: Any) -> str | None:
    """The key under which PyTensor keeps a function that it compiled by numba, of its graph and constants; None where
    it cannot be kept.

    Needs ``pytensor.link.numba.cache.CACHED_SRC_FUNCTIONS``. If it moves: None costs seconds in each process, no more.
    """
    from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS

    found: str | None = CACHED_SRC_FUNCTIONS.get(function.py_func)
    return found


def kept_function(source: str, name: str, names: dict[str, Any], key: str | None) -> Any:
    """A function from its source, which numba keeps under this key where PyTensor keeps its own: below
    ``base_compiledir``.

    Needs ``pytensor.link.numba.cache.compile_numba_function_src``. If it moves: ``exec``, and a locator of one's own in
    numba's ``CACHE_LOCATOR_CLASSES``.
    """
    from pytensor.link.numba.cache import compile_numba_function_src

    return compile_numba_function_src(source, name, global_env=names, cache_key=key)
