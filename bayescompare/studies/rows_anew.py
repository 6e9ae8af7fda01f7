"""Another number of rows: a data set's or a model's own rows, drawn with replacement, for ``n=`` in a grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LIBRARY_ERRORS, UnsupportedModelError, UsageError, first_line
from ..model.backends import without_compiler
from ..model.pymc_internals import copy_of, is_partly_observed, takes_generator

if TYPE_CHECKING:
    import pymc as pm

#: What the option is called where the model's function has none of that name.
ROWS = "n"

#: What to do where that cannot be.
INSTEAD = "Give a function of n that builds the model."

type Index = NDArray[np.intp]


def of_data(data: Any, n: Any, rng: np.random.Generator) -> Any:
    """Rows of a data frame, or of a mapping's arrays of the length that most of them have."""
    if not isinstance(data, Mapping):
        places = _places(len(data), n, rng)
        return data.iloc[places].reset_index(drop=True) if hasattr(data, "iloc") else np.asarray(data)[places]
    lengths = Counter(len(value) for value in data.values() if np.ndim(value))
    if not lengths:
        raise UsageError(f"The data have no rows to draw {n} of: {', '.join(data)} are single numbers.")
    length = max(lengths, key=lambda each: (lengths[each], each))
    places = _places(length, n, rng)
    return {k: np.asarray(v)[places] if np.ndim(v) and len(v) == length else v for k, v in data.items()}


def of_model(model: pm.Model, n: Any, rng: np.random.Generator) -> pm.Model:
    """A copy whose observed variables, data containers and plain arrays have n rows in the place of theirs.

    Raises
    ------
    UnsupportedModelError
        If the observed variables differ in their number of rows, or a free variable has a value for each row.
    """
    import pytensor
    from pytensor.graph.basic import Constant
    from pytensor.graph.traversal import ancestors

    if any(each.owner is not None and is_partly_observed(each.owner.op) for each in model.observed_RVs):
        raise UnsupportedModelError(f"n= cannot draw rows anew where some of their values are missing. {INSTEAD}")
    length = _length(model)
    copy = copy_of(model)
    places = _places(length, n, rng)
    _set_containers(copy, length, places)
    found = ancestors([*copy.observed_RVs, *copy.deterministics, *copy.rvs_to_values.values()], blockers=copy.free_RVs)
    rows = {
        v: pytensor.tensor.constant(v.data[places], name=v.name)
        for v in found
        if isinstance(v, Constant) and np.ndim(v.data) and len(v.data) == length
    }
    try:
        _rebuild(copy, rows, length, len(places))
        with without_compiler():
            lengths = [len(value.eval()) for rv in copy.observed_RVs for value in (rv, copy.rvs_to_values[rv])]
    except LIBRARY_ERRORS as error:
        raise UnsupportedModelError(f"The model cannot have {n} rows: {first_line(error)}. {INSTEAD}") from error
    if set(lengths) != {n}:  # a series, as a rule, whose length is a number of steps
        raise UnsupportedModelError(f"The model has no rows that could be drawn anew one by one. {INSTEAD}")
    return copy


def _places(length: int, n: Any, rng: np.random.Generator) -> Index:
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise UsageError(f"n is the number of rows to draw, a whole number of at least 1, not {n!r}.")
    return rng.integers(length, size=n)


def _length(model: pm.Model) -> int:
    """Rows of the observed variables."""
    values = {rv.name: model.rvs_to_values[rv].eval() for rv in model.observed_RVs}
    lengths = {name: len(value) if value.ndim else 1 for name, value in values.items()}
    if len(set(lengths.values())) != 1:
        told = ", ".join(f"{rows} in {name}" for name, rows in lengths.items()) or "none is observed"
        raise UnsupportedModelError(
            f"n= draws rows of the model anew, and its observed variables have no common number of rows ({told}). "
            f"{INSTEAD}"
        )
    length = next(iter(lengths.values()))
    shapes = model.eval_rv_shapes()
    own = [rv.name for rv in model.free_RVs if length in shapes[rv.name] and length > 1]
    if own:
        raise UnsupportedModelError(
            f"n= draws rows of the model anew, but the free variable {', '.join(own)} has {length} values itself, as "
            f"many as there are rows. {INSTEAD}"
        )
    return length


def _set_containers(model: pm.Model, length: int, places: Index) -> None:
    """Rows of the data containers, and the dimensions of as many labels."""
    from pytensor.compile.sharedvalue import SharedVariable

    for variable in model.named_vars.values():
        value = variable.get_value() if isinstance(variable, SharedVariable) else None
        if value is not None and np.ndim(value) and len(value) == length:
            variable.set_value(value[places])
    for dim, size in model.dim_lengths.items():
        if isinstance(size, SharedVariable) and int(size.get_value()) == length:
            model.set_dim(dim, len(places), None if model.coords[dim] is None else range(len(places)))


def _rebuild(model: pm.Model, changed: dict[Any, Any], before: int, now: int) -> None:
    """Put other constants into what is computed from them: observed variables, their values, Deterministics."""
    from pytensor.graph.traversal import toposort
    from pytensor.tensor.basic import Alloc

    values = [model.rvs_to_values[rv] for rv in model.observed_RVs]
    for node in toposort([*model.observed_RVs, *model.deterministics, *values], blockers=model.free_RVs):
        inputs = [changed.get(each, each) for each in node.inputs]
        if takes_generator(node) or isinstance(node.op, Alloc):
            inputs = [_size(each, before, now) for each in inputs]
        if any(new is not old for new, old in zip(inputs, node.inputs, strict=True)):
            changed.update(zip(node.outputs, node.clone_with_new_inputs(inputs, strict=False).outputs, strict=True))
    for old in model.observed_RVs:
        new, value = changed.get(old, old), model.rvs_to_values[old]
        new.name, model.named_vars[old.name] = old.name, new
        for table in (model.rvs_to_values, model.rvs_to_transforms, model.rvs_to_initial_values):
            if old in table:
                table[new] = table.pop(old)
        model.values_to_rvs.pop(value)
        model.rvs_to_values[new] = changed.get(value, value)
        model.values_to_rvs[model.rvs_to_values[new]] = new
    for old in model.deterministics:
        new = changed.get(old, old)
        new.name, model.named_vars[old.name] = old.name, new
    for variables in (model.observed_RVs, model.deterministics):
        renewed = [changed.get(each, each) for each in variables]
        variables.clear()  # of PyMC's lists an item cannot be replaced
        variables.extend(renewed)


def _size(variable: Any, before: int, now: int) -> Any:
    """A constant shape or length with the new number of rows in the first place; anything else as it is."""
    import pytensor.tensor as pt
    from pytensor.graph.basic import Constant

    if not isinstance(variable, Constant) or getattr(variable.type, "dtype", "") not in ("int64", "int32", "int8"):
        return variable
    old = np.atleast_1d(variable.data)
    if old.ndim != 1 or not old.size or old[0] != before:
        return variable
    return pt.constant(np.array([now, *old[1:]]).reshape(np.shape(variable.data)), dtype="int64")
