"""Arrays that were made elsewhere, in the model's own order: dims by name, entries by their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..coordinates import labels, places
from ..errors import DataError
from ..model.problem import Problem
from ..results.carried import DRAWS

if TYPE_CHECKING:
    import xarray as xr

#: Labels that a message names.
NAMED = 5


def in_order(problem: Problem, name: str, array: xr.DataArray, shape: tuple[int, ...]) -> np.ndarray:
    """The values of one of the model's variables, with the dims and entries in the model's order.

    Dims that the model names are found by name, others by place. Where both sides have labels, entries are found by
    them; further entries are left out.

    Parameters
    ----------
    problem : Problem
    name : str
        Of the variable.
    array : xarray.DataArray
        Its dims ``chain`` and ``draw``, if it has them, come first in the result.
    shape : tuple of int
        Of the variable in the model.

    Raises
    ------
    DataError
        If a label of the model's is missing, or the shape is another.
    """
    model = problem.model
    dims = tuple(str(dim) for dim in model.named_vars_to_dims.get(name, ()))
    others = [dim for dim in array.dims if dim not in DRAWS]
    if len(dims) == len(shape) and set(dims) == {str(dim) for dim in others}:
        others.sort(key=lambda dim: dims.index(str(dim)))
    array = array.transpose(*(dim for dim in DRAWS if dim in array.dims), *others)
    found = tuple(array.sizes[dim] for dim in others)
    if len(found) != len(shape):
        raise DataError(f"{name} has the shape {found} in the posterior, and {shape} in the model.")
    for axis, dim in enumerate(others[: len(dims)]):
        ours = model.coords.get(dims[axis])
        if ours is not None and len(ours) == shape[axis] and dim in array.coords and array[dim].ndim == 1:
            places = _places(name, dims[axis], array[dim].values, ours)
            array = array if places is None else array.isel({dim: places})
    found = tuple(array.sizes[dim] for dim in others)
    if found != shape:
        raise DataError(f"{name} has the shape {found} in the posterior, and {shape} in the model.")
    return np.asarray(array.values)


def _places(name: str, dim: str, theirs: np.ndarray, ours: Sequence[Any]) -> list[int] | None:
    """Where each of the model's labels stands in theirs; None where theirs are positions."""
    found = places(theirs, ours)
    if found is not None:
        return found
    if theirs.dtype.kind in "iu" and np.array_equal(theirs, np.arange(len(theirs))):
        return None
    have, want = labels(theirs), labels(ours)
    missing = [label for label in want if label not in have]
    if not missing:
        raise DataError(
            f"The posterior has several entries of {name} with one label of {dim}: it cannot be told apart."
        )
    told = ", ".join(missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
    has = ", ".join(have[:NAMED]) + (", …" if len(have) > NAMED else "")
    raise DataError(
        f"The posterior has no {name} for {dim} {told}: its labels of {dim} are {has}. Give the draws the model's."
    )
