"""The private side of nutpie: all that is used of it, each behind a function that says what it needs.

The bounds in ``pyproject.toml`` keep out releases that may have moved it, until ``make canary`` has shown what did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..model.backends import Array

#: What nutpie calls the dimension of the unconstrained vector.
COORDINATE = "unconstrained_parameter"


def over_function(dimension: int, function: Callable[[Array], Any], start: Callable[[int], Array]) -> Any:
    """nutpie's model over a function that gives a log density and its gradient, started where ``start`` says by seed.

    Needs ``nutpie.compiled_pyfunc.from_pyfunc``. If it moves: nutpie's documentation of models from a Python function.
    """
    from nutpie.compiled_pyfunc import from_pyfunc

    return from_pyfunc(
        ndim=dimension,
        make_logp_fn=lambda: function,
        make_expand_fn=lambda *seeds: lambda u: {"u": u},
        make_initial_point_fn=start,
        expanded_dtypes=[np.dtype("float64")],
        expanded_shapes=[(dimension,)],
        expanded_names=["u"],
    )


def without_labels(compiled: Any) -> Any:
    """A compiled model that names its unconstrained coordinates alone: a model's own labels may be of kinds that Arrow
    does not know.

    Needs ``dims`` and ``_coords``, fields of nutpie's dataclass ``CompiledPyMCModel``. If they move: see what its
    ``coords`` gives back.
    """
    return replace(compiled, dims={}, _coords={COORDINATE: compiled.coords[COORDINATE]})


def data_of(compiled: Any) -> set[str]:
    """Names of the data containers that a compiled model takes by ``with_data``.

    Needs ``shared_var_keys``. If it moves: see what ``with_data`` checks names against.
    """
    return {variable.name for variable in compiled.shared_var_keys}


def places(compiled: Any) -> dict[str, slice] | None:
    """Where each value variable lies in nutpie's unconstrained vector; None for a model over a function.

    Needs ``shape_info``: names, slices and shapes. If it moves: compare one draw with the density's own order.
    """
    if not hasattr(compiled, "shape_info"):
        return None
    names, slices, _ = compiled.shape_info
    return dict(zip(names, slices, strict=True))


def batches(trace: Any) -> list[Any]:
    """The chains of nutpie's own trace as Arrow record batches, tuning among them.

    Needs ``get_arrow_trace``, of what ``sample(..., return_raw_trace=True)`` gives. If it moves: leave out
    ``return_raw_trace`` and take the groups of the tree, which costs more than a small model's sampling.
    """
    _, chains = trace.get_arrow_trace()
    return list(chains)
