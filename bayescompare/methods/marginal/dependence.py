"""Which inputs each entry of a traced JAX program depends on, through derivatives that are not zero everywhere.

The program is read, not run: what is found holds at every point. Dependences are boolean sparse matrices, a row an
entry and a column an input, so that hundreds of thousands of rows are one operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from .boolean import MOST, DenseError, Value, all_of, along, checked, empty, eye, kept, kron, rows, stack, sums, times
from .cuts import Cuts, Place

#: Steps of a loop that are followed one by one; a longer loop's outputs depend on all that goes in.
UNROLLED = 5_000

#: Operations whose derivative is zero.
FLAT = {
    *("eq", "ne", "lt", "le", "gt", "ge", "sign", "floor", "ceil", "round", "is_finite", "and", "or", "not", "xor"),
    *("stop_gradient", "argmax", "argmin", "iota", "population_count", "clz", "reduce_and", "reduce_or"),
    *("shift_left", "shift_right_logical", "shift_right_arithmetic"),
}

#: Operations entry by entry.
POINTWISE = {
    *("abs", "acos", "acosh", "add", "add_any", "asin", "asinh", "atan", "atan2", "atanh", "bessel_i0e", "bessel_i1e"),
    *("cbrt", "clamp", "convert_element_type", "copy", "copy_p", "cos", "cosh", "digamma", "div", "erf", "erf_inv"),
    *("erfc", "exp", "exp2", "expm1", "igamma", "igamma_grad_a", "igammac", "integer_pow", "lgamma", "log", "log1p"),
    *("logistic", "max", "min", "mul", "neg", "nextafter", "polygamma", "pow", "real", "reduce_precision"),
    *("regularized_incomplete_beta", "rem", "rsqrt", "select_n", "sin", "sinh", "sqrt", "square", "sub", "tan"),
    *("tanh", "zeta"),
}
MOVES = {"broadcast_in_dim", "reshape", "squeeze", "transpose", "slice", "rev", "concatenate", "expand_dims"}
INDEXED = {"gather", "dynamic_slice"}
SCATTERS = {"scatter", "scatter-add", "scatter-sub", "scatter-mul", "scatter-min", "scatter-max"}
REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod"}
CUMULATIVE = {"cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"}
CALLS = {"jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat2", "checkpoint"}


def dependence(closed: Any, inputs: Any, rest: Sequence[Any] = (), cuts: Cuts | None = None) -> Any:
    """Dependence of a traced program's only output on the inputs.

    Parameters
    ----------
    closed : ClosedJaxpr
    inputs : csr_array of shape (length of the first argument, n)
        What each entry of that counts as.
    rest : sequence of array
        The other arguments, which are known.
    cuts : Cuts, optional
        Where arrays of few entries that depend on much are held; the inputs have columns for them, after the others.

    Returns
    -------
    csr_array of bool, of shape (output's size, n)

    Raises
    ------
    DenseError
    """
    arguments = [Value((inputs.shape[0],), inputs.tocsr()), *(_constant(array) for array in rest)]
    (out,) = _run(closed, arguments, None if cuts is None else (cuts, ()))
    return empty(out.size, inputs.shape[1]) if out.deps is None else out.deps


def _run(closed: Any, arguments: Sequence[Value], where: tuple[Cuts, Place] | None = None) -> list[Value]:
    known: dict[Any, Value] = {}

    def read(atom: Any) -> Value:
        if hasattr(atom, "val"):
            return _constant(atom.val)
        return known[atom]

    for variable, constant in zip(closed.jaxpr.constvars, closed.consts, strict=True):
        known[variable] = _constant(constant)
    known.update(zip(closed.jaxpr.invars, arguments, strict=True))
    for number, equation in enumerate(closed.jaxpr.eqns):
        here = None if where is None else (where[0], (*where[1], number))
        found = _apply(equation, [read(atom) for atom in equation.invars], here)
        known.update(zip(equation.outvars, found, strict=True))
    return [read(atom) for atom in closed.jaxpr.outvars]


def _constant(value: Any) -> Value:
    return Value(np.shape(value), None, lambda: np.asarray(value))


def _apply(equation: Any, values: list[Value], where: tuple[Cuts, Place] | None) -> list[Value]:
    name, params = equation.primitive.name, equation.params
    shapes = [tuple(out.aval.shape) for out in equation.outvars]
    if all(value.make is not None for value in values) and name != "random_wrap":
        return _lazily(equation, values, shapes)
    if name in CALLS:
        return _run(called(params), values[: len(called(params).jaxpr.invars)], where)
    if name == "cond":
        return _branches(params, values, shapes)
    if name == "scan" and params["length"] <= UNROLLED:
        return _scan(params, values)
    if name in FLAT or all(value.deps is None for value in values):
        return [Value(shape) for shape in shapes]
    if name == "split":
        return _split(params, values[0], shapes)
    rule = _rule(name)
    if rule is None:
        return [Value(shape, all_of(values, math.prod(shape))) for shape in shapes]
    value = Value(shapes[0], checked(rule(params, values, shapes[0], equation)))
    return [value if where is None else where[0].held(where[1], value)]


def _rule(name: str) -> Callable[..., Any] | None:
    for names, rule in (
        (POINTWISE, _pointwise),
        (MOVES, _moved),
        (INDEXED, _indexed),
        (SCATTERS, _scattered),
        (REDUCTIONS, _reduced),
        (CUMULATIVE, _accumulated),
        ({"dot_general"}, _product),
        ({"pad"}, _padded),
    ):
        if name in names:
            return rule
    return None


def _lazily(equation: Any, values: list[Value], shapes: list[tuple[int, ...]]) -> list[Value]:
    """The outputs of an operation on constants: computed if something asks for them."""
    made: list[Any] = []

    def compute() -> list[Any]:
        if not made:
            arrays = [value.value() for value in values]
            out = equation.primitive.bind(*arrays, **equation.params)
            made.extend(out if equation.primitive.multiple_results else [out])
        return made

    def output(place: int) -> Callable[[], np.ndarray]:
        return lambda: np.asarray(compute()[place])

    return [Value(shape, None, output(i)) for i, shape in enumerate(shapes)]


def called(params: dict[str, Any]) -> Any:
    """The program that an equation with these parameters calls."""
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        if key in params:
            return _closed(params[key])
    raise DenseError


def _closed(jaxpr: Any) -> Any:
    if hasattr(jaxpr, "consts"):
        return jaxpr
    from jax.extend.core import ClosedJaxpr

    return ClosedJaxpr(jaxpr, ())


# -- rules -----------------------------------------------------------------------------------------


def _pointwise(params: Any, values: list[Value], shape: tuple[int, ...], equation: Any) -> Any:
    name = equation.primitive.name
    operands = values[1:] if name == "select_n" else values
    total = None
    for i, value in enumerate(operands):
        if value.deps is None:
            continue
        deps = _spread(value, shape)
        if name == "mul" and len(operands) == 2:  # what is multiplied by nothing depends on nothing
            deps = _without_zeros(deps, operands[1 - i], shape)
        total = deps if total is None else total + deps
    return total


def _without_zeros(deps: Any, factor: Value, shape: tuple[int, ...]) -> Any:
    known = factor.value() if factor.size > 1 else None
    if known is None or np.all(known):
        return deps
    return kept(np.broadcast_to(known != 0, shape).ravel()) @ deps


def _spread(value: Value, shape: tuple[int, ...]) -> Any:
    if value.shape == shape:
        return value.deps
    places = np.broadcast_to(np.arange(value.size).reshape(value.shape), shape).ravel()
    return rows(value.deps, places)


def _moved(params: dict[str, Any], values: list[Value], shape: tuple[int, ...], equation: Any) -> Any:
    stacked, places = stack(values[:1] if equation.primitive.name != "concatenate" else values)
    first = places[0]
    match equation.primitive.name:
        case "concatenate":
            moved = np.concatenate(places, axis=params["dimension"])
        case "broadcast_in_dim":
            wide = [1] * len(shape)
            for axis, length in zip(params["broadcast_dimensions"], first.shape, strict=True):
                wide[axis] = length
            moved = np.broadcast_to(first.reshape(wide), shape)
        case "transpose":
            moved = np.transpose(first, params["permutation"])
        case "rev":
            moved = np.flip(first, params["dimensions"])
        case "slice":
            strides = params["strides"] or (1,) * len(first.shape)
            cuts = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
            moved = first[tuple(slice(*cut) for cut in cuts)]
        case _:
            moved = first.reshape(shape)
    return rows(stacked, moved.ravel())


def _split(params: dict[str, Any], value: Value, shapes: list[tuple[int, ...]]) -> list[Value]:
    places = np.arange(value.size).reshape(value.shape)
    pieces = np.split(places, np.cumsum(params["sizes"])[:-1], axis=params["axis"])
    return [Value(shape, rows(value.deps, piece.ravel())) for shape, piece in zip(shapes, pieces, strict=True)]


def _padded(params: dict[str, Any], values: list[Value], shape: tuple[int, ...], equation: Any) -> Any:
    from jax import lax

    stacked, (first, filling) = stack(values)
    moved = lax.pad(first, filling.reshape(()), params["padding_config"])
    return rows(stacked, np.asarray(moved).ravel())


def _indexed(params: dict[str, Any], values: list[Value], shape: tuple[int, ...], equation: Any) -> Any:
    indices = [value.value() for value in values[1:]]
    if any(index is None for index in indices) or values[0].deps is None:
        return all_of(values, math.prod(shape))
    places = np.arange(values[0].size, dtype=np.int32).reshape(values[0].shape)
    moved = np.asarray(equation.primitive.bind(places, *indices, **params)).ravel()
    inside = (moved >= 0) & (moved < values[0].size)
    picked = rows(values[0].deps, np.where(inside, moved, 0))
    return picked if inside.all() else kept(inside) @ picked


def _scattered(params: dict[str, Any], values: list[Value], shape: tuple[int, ...], equation: Any) -> Any:
    from jax import lax

    operand, index, updates = values[0], values[1].value(), values[2]
    if index is None:
        return all_of(values, math.prod(shape))
    numbers = params["dimension_numbers"]
    windows = iter(updates.shape[axis] for axis in numbers.update_window_dims)
    dropped = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
    sizes = [1 if axis in dropped else next(windows) for axis in range(len(shape))]
    as_gather = lax.GatherDimensionNumbers(
        offset_dims=numbers.update_window_dims,
        collapsed_slice_dims=numbers.inserted_window_dims,
        start_index_map=numbers.scatter_dims_to_operand_dims,
        operand_batching_dims=numbers.operand_batching_dims,
        start_indices_batching_dims=numbers.scatter_indices_batching_dims,
    )
    places = np.arange(operand.size, dtype=np.int32).reshape(shape)
    mode = lax.GatherScatterMode.FILL_OR_DROP
    targets = np.asarray(lax.gather(places, index, as_gather, tuple(sizes), mode=mode, fill_value=-1)).ravel()
    total = operand.deps
    if updates.deps is not None:
        added = sums(targets, operand.size) @ updates.deps
        total = added if total is None else total + added
    return total


def _reduced(params: dict[str, Any], values: list[Value], shape: tuple[int, ...], equation: Any) -> Any:
    value = values[0]
    left = [1 if axis in params["axes"] else length for axis, length in enumerate(value.shape)]
    groups = np.broadcast_to(np.arange(math.prod(shape)).reshape(left), value.shape).ravel()
    return sums(groups, math.prod(shape)) @ value.deps


def _accumulated(params: dict[str, Any], values: list[Value], shape: tuple[int, ...], equation: Any) -> Any:
    axis, length = params["axis"], shape[params["axis"]]
    if values[0].size * length > 2 * MOST:
        raise DenseError
    before = sparse.csr_array(np.tril(np.ones((length, length), dtype=bool)))
    before = before.T.tocsr() if params.get("reverse") else before
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    return times(kron(eye(outer), before, eye(inner)), values[0].deps)


def _product(params: dict[str, Any], values: list[Value], shape: tuple[int, ...], equation: Any) -> Any:
    """out[b, i, j] = Σ_k left[b, i, k] right[b, k, j]; a factor that is known counts where it is not 0."""
    (contracted, batched) = params["dimension_numbers"]
    sides = []
    for value, own, batch in zip(values, contracted, batched, strict=True):
        free = [axis for axis in range(len(value.shape)) if axis not in (*own, *batch)]
        order = [*batch, *free, *own]
        lengths = [math.prod(value.shape[axis] for axis in axes) for axes in (batch, free, own)]
        known = value.value() if value.deps is None else None
        pattern = np.ones(value.shape, dtype=bool) if known is None else known != 0
        places = np.arange(value.size).reshape(value.shape).transpose(order).reshape(lengths)
        sides.append((value, pattern.transpose(order).reshape(lengths), places))
    (left, left_pattern, left_places), (right, right_pattern, right_places) = sides
    total = None
    if left.deps is not None:
        maps = [kron(eye(left_pattern.shape[1]), pattern) for pattern in right_pattern]
        total = times(along(maps), rows(left.deps, left_places.ravel()))
    if right.deps is not None:
        maps = [kron(pattern, eye(right_pattern.shape[1])) for pattern in left_pattern]
        own = times(along(maps), rows(right.deps, right_places.transpose(0, 2, 1).ravel()))
        total = own if total is None else total + own
    return total


# -- loops and branches ----------------------------------------------------------------------------


def _branches(params: dict[str, Any], values: list[Value], shapes: list[tuple[int, ...]]) -> list[Value]:
    outs = [_run(branch, values[1:]) for branch in params["branches"]]
    return [_united([own[i] for own in outs], shape) for i, shape in enumerate(shapes)]


def _united(values: list[Value], shape: tuple[int, ...]) -> Value:
    total = None
    for value in values:
        if value.deps is not None:
            total = value.deps if total is None else total + value.deps
    return Value(shape, total)


def _scan(params: dict[str, Any], values: list[Value]) -> list[Value]:
    fixed, carry, series = _parts(params, values)
    carried = len(carry)
    order = range(params["length"])
    collected: dict[int, list[Value]] = {}
    for step in reversed(order) if params["reverse"] else order:
        outs = _run(params["jaxpr"], [*fixed, *carry, *(_element(value, step) for value in series)])
        carry = outs[:carried]
        collected[step] = outs[carried:]
    stacked = []
    for i in range(len(collected[0])) if collected else ():
        parts = [collected[step][i] for step in order]
        deps = None
        if any(part.deps is not None for part in parts):
            columns = next(part.deps.shape[1] for part in parts if part.deps is not None)
            full = [empty(part.size, columns) if part.deps is None else part.deps for part in parts]
            deps = checked(sparse.vstack(full, format="csr"))
        stacked.append(Value((len(parts), *parts[0].shape), deps))
    return [*carry, *stacked]


def _parts(params: dict[str, Any], values: list[Value]) -> tuple[list[Value], list[Value], list[Value]]:
    """What a loop is given: what stays, what is carried, and what it goes along; as JAX says it now, and until 0.11."""
    if "ft_in" in params:
        fixed, carry, series = (list(part) for part in params["ft_in"].update(values).unpack())
        return fixed, carry, series
    first = params["num_consts"]
    second = first + params["num_carry"]
    return values[:first], values[first:second], values[second:]


def _element(value: Value, step: int) -> Value:
    shape = value.shape[1:]
    size = math.prod(shape)
    if value.make is not None:
        return Value(shape, None, lambda: np.asarray(value.value())[step])
    return Value(shape, None if value.deps is None else value.deps[step * size : (step + 1) * size])
