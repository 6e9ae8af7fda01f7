"""A PyTensor graph run as straight NumPy code.

PyTensor's own virtual machine spends some 4 µs on each operation, and on a small model little of it computes. Here the
operations that NumPy has are called as they are, one line after the other; all others run as PyTensor runs them. The
results are the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: What an operation costs, in µs: by itself, by the element of its largest array in NumPy, by that in Python.
CALL, ELEMENT, INTERPRETED = 0.8, 0.0008, 1.0

#: What an operation that runs a graph of its own costs, in µs; a loop over one (a scan) is never cheap.
INNER = 50.0


class Straight:
    """A rewritten graph as a function of arrays.

    What does not depend on the first of them is computed when another of the others comes, and kept: a search changes
    its point, not its data. So an array that was given is not to be changed in place.

    Parameters
    ----------
    graph : pytensor.graph.fg.FunctionGraph
        Without operations that overwrite their inputs.
    """

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._types = [inp.type.numpy_dtype for inp in graph.inputs]
        nodes = graph.toposort()
        changing = set(graph.inputs[:1])
        for node in nodes:
            if not changing.isdisjoint(node.inputs):
                changing.update(node.outputs)
        first = [node for node in nodes if changing.isdisjoint(node.outputs)]
        rest = [node for node in nodes if not changing.isdisjoint(node.outputs)]
        others = graph.inputs[1:]
        used = {var for node in rest for var in node.inputs} | set(graph.outputs)
        kept = [var for var in (*others, *(out for node in first for out in node.outputs)) if var in used]
        self._first = _written(others, first, kept, _numpy_function)
        self._rest = _written([*graph.inputs[:1], *kept], rest, graph.outputs, _numpy_function)
        self._last: tuple[tuple[Any, ...], Sequence[Any]] | None = None

    def __call__(self, *args: Any) -> list[NDArray[Any]]:
        others, last = args[1:], self._last  # both of its parts at once: another thread may change it
        with np.errstate(all="ignore"):
            if last is None or not all(map(is_, others, last[0])):
                last = self._last = others, self._first(*map(np.asarray, others, self._types[1:]))
            point = map(np.asarray, args[:1], self._types)
            return [np.array(out) for out in self._rest(*point, *last[1])]

    def cost(self, *args: Any) -> float:
        """What a call with such arguments takes on a machine of 2024, in µs: by the sizes of its arrays, no clock."""
        spent = 0.0

        def weighed(node: Any) -> Callable[..., Any]:
            function = _numpy_function(node)
            fixed, each = _costs(node)

            def run(*inputs: Any) -> Any:
                nonlocal spent
                out = function(*inputs)
                spent += fixed + each * max(np.size(x) for x in (*inputs, *(out if isinstance(out, list) else [out])))
                return out

            return run

        graph = self._graph
        typed = [np.asarray(arg, kind) for arg, kind in zip(args, self._types, strict=True)]
        with np.errstate(all="ignore"):
            _written(graph.inputs, graph.toposort(), graph.outputs, weighed)(*typed)
        return spent


def can_be_straight(graph: Any, inputs: Sequence[Any]) -> bool:
    """Whether its inputs are these, all of them dense arrays, and no operation overwrites what it is given."""
    from pytensor.tensor.type import TensorType

    dense = all(isinstance(inp.type, TensorType) for inp in graph.inputs)
    overwrites = any(node.op.destroy_map for node in graph.apply_nodes)
    return len(graph.inputs) == len(inputs) and dense and not overwrites


def _written(
    inputs: Sequence[Any],
    nodes: Sequence[Any],
    outputs: Sequence[Any],
    function_of: Callable[[Any], Callable[..., Any]],
) -> Callable[..., Sequence[Any]]:
    """Python code with a line for each operation."""
    from pytensor.graph.basic import Constant

    known: dict[str, Any] = {}
    names = {inp: f"input_{i}" for i, inp in enumerate(inputs)}

    def name(variable: Any) -> str:
        if variable not in names and isinstance(variable, Constant):
            names[variable] = f"constant_{len(names)}"
            known[names[variable]] = variable.data
        return names[variable]

    lines = [f"def function({', '.join(names.values())}):"]
    for i, node in enumerate(nodes):
        known[f"operation_{i}"] = function_of(node)
        given = ", ".join([name(inp) for inp in node.inputs])
        names.update((out, f"value_{i}_{j}") for j, out in enumerate(node.outputs))
        lines.append(f"    {', '.join(names[out] for out in node.outputs)} = operation_{i}({given})")
    lines.append(f"    return [{', '.join([name(out) for out in outputs])}]")
    exec("\n".join(lines), known)
    function: Callable[..., Sequence[Any]] = known["function"]
    return function


def _numpy_function(node: Any) -> Callable[..., Any]:
    """What NumPy has for a node, or PyTensor's own Python implementation of it."""
    from pytensor.tensor.elemwise import DimShuffle, Elemwise

    if isinstance(node.op, Elemwise) and len(node.outputs) == 1:
        found = _elementwise(node)
        if found is not None:
            return found
    elif isinstance(node.op, DimShuffle) and list(node.op.shuffle) == sorted(node.op.shuffle):
        return _with_axes(node)
    elif _has_one_matrix(node):
        return _solved_together(node)
    return _as_pytensor_runs_it(node)


def _has_one_matrix(node: Any) -> bool:
    """Whether it solves a triangular system for many right-hand sides, vectors of one matrix, a vector at a time."""
    from pytensor.tensor.blockwise import Blockwise
    from pytensor.tensor.linalg.solvers.triangular import SolveTriangular

    op = node.op
    if not (isinstance(op, Blockwise) and isinstance(op.core_op, SolveTriangular) and op.core_op.b_ndim == 1):
        return False
    return all(node.inputs[0].type.broadcastable[:-2]) and not op.core_op.overwrite_b


def _solved_together(node: Any) -> Callable[..., Any]:
    """The same by one call of LAPACK, a likelihood of vectors' rows the columns of one right-hand side."""
    one = node.op.core_op
    core = type(one)(lower=one.lower, unit_diagonal=one.unit_diagonal, b_ndim=2)

    def run(matrices: Any, vectors: Any) -> Any:
        storage: list[list[Any]] = [[None]]
        columns = vectors.reshape(-1, vectors.shape[-1]).T
        core.perform(None, [matrices.reshape(matrices.shape[-2:]), columns], storage)
        return np.ascontiguousarray(storage[0][0].T).reshape(vectors.shape)

    return run


def _elementwise(node: Any) -> Callable[..., Any] | None:
    """The NumPy or SciPy function where it gives the very type that PyTensor promises."""
    from pytensor.scalar.basic import Add, Mul

    op, kinds = node.op, [inp.type.numpy_dtype for inp in node.inputs]
    wanted = node.outputs[0].type.numpy_dtype
    op.prepare_node(node, None, None, "py")
    function = op.nfunc
    if function is np.where:
        return np.where if np.result_type(*kinds[1:]) == wanted else None
    if not isinstance(function, np.ufunc) or hasattr(node.tag, "sig"):
        return None
    if isinstance(op.scalar_op, Add | Mul) and len(kinds) > 2 and set(kinds) == {wanted}:
        return lambda *args: reduce(function, args)
    if len(kinds) != function.nin or function.nout != 1:
        return None
    given = function.resolve_dtypes((*kinds, None))[-1] if not function.signature else None
    return function if given == wanted else None


def _with_axes(node: Any) -> Callable[..., Any]:
    """Axes of length one put in or taken out, the others in their order."""
    op = node.op
    dropped: list[Any] = [slice(None) if i in op.shuffle else 0 for i in range(op.input_ndim)]
    put_in = tuple(None if i == "x" else slice(None) for i in op.new_order)
    if 0 not in dropped:
        return lambda x: x[put_in]
    taken_out = tuple(dropped)
    if None not in put_in:
        return lambda x: x[taken_out]
    return lambda x: x[taken_out][put_in]


def _as_pytensor_runs_it(node: Any) -> Callable[..., Any]:
    storage: dict[Any, list[Any]] = {variable: [None] for variable in (*node.inputs, *node.outputs)}
    computed = {variable: [variable in node.inputs] for variable in storage}
    thunk = node.op.make_thunk(node, storage, computed, [], impl="py")
    given, made = [storage[inp] for inp in node.inputs], [storage[out] for out in node.outputs]

    def run(*inputs: Any) -> Any:
        for cell, value in zip(given, inputs, strict=True):
            cell[0] = np.asarray(value) if isinstance(value, np.generic) else value
        for cell in made:
            cell[0] = None
        thunk()
        return made[0][0] if len(made) == 1 else [cell[0] for cell in made]

    return run


def _costs(node: Any) -> tuple[float, float]:
    """Of a call, and of each element of its largest array, in µs."""
    from pytensor.graph.op import HasInnerGraph
    from pytensor.scan.op import Scan
    from pytensor.tensor.blockwise import Blockwise
    from pytensor.tensor.elemwise import Elemwise

    if isinstance(node.op, Scan):
        return math.inf, 0.0
    looped = isinstance(node.op, Blockwise) and not _has_one_matrix(node)
    by_python = looped or (isinstance(node.op, Elemwise) and node.op.nfunc is None)
    return INNER if isinstance(node.op, HasInnerGraph) else CALL, INTERPRETED if by_python else ELEMENT
