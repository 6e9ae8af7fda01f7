"""The private side of nutpie: all that is used of it, each behind a function that says what it needs.

The bounds in ``pyproject.toml`` keep out releases that may have moved it, until ``make canary`` has shown what did.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ..model.backends import Array

#: What nutpie calls the dimension of the unconstrained vector.
COORDINATE = "unconstrained_parameter"


def engine() -> Any:
    """The package nutpie, which is given ArviZ when it first uses it: ArviZ loads its plots, for a second, and nothing
    here draws them.

    Needs nutpie to name ArviZ as ``arviz`` and to use nothing of it while it is imported. If that moves: it loads at
    once, and no more.
    """
    if "arviz" in sys.modules or "nutpie" in sys.modules:
        return importlib.import_module("nutpie")
    later = ModuleType("arviz")
    later.__dict__["__getattr__"] = lambda name: getattr(importlib.import_module("arviz"), name)
    sys.modules["arviz"] = later
    try:
        return importlib.import_module("nutpie")
    finally:
        del sys.modules["arviz"]


def over_function(dimension: int, function: Callable[[Array], Any], start: Callable[[int], Array]) -> Any:
    """nutpie's model over a function that gives a log density and its gradient, started where ``start`` says by seed.

    Needs ``nutpie.compiled_pyfunc.from_pyfunc``. If it moves: nutpie's documentation of models from a Python function.
    """
    engine()
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


def over_machine_code(
    dimension: int, functions: tuple[Any, Any], data: tuple[np.ndarray, list[np.ndarray]], start: Callable[[int], Array]
) -> Any:
    """nutpie's model over C functions that numba compiled, the second of which stores nothing beside the unconstrained
    draws; ``data`` are what the functions get the address of, and what must outlive them.

    Needs ``nutpie.compile_pymc.CompiledPyMCModel`` with its private fields. If it moves: see what
    ``nutpie.compile_pymc_model`` makes with ``backend="numba"``.
    """
    engine()
    from nutpie.compile_pymc import CompiledPyMCModel

    value, nothing = functions
    return CompiledPyMCModel(
        dims={},
        reparameterized_names=[],
        compiled_logp_func=value,
        compiled_expand_func=nothing,
        initial_point_func=start,
        shared_data=dict(enumerate(data[1])),
        shared_var_keys={},
        user_data=data[0],
        n_expanded=0,
        shape_info=([], [], []),
        logp_func=None,
        expand_func=None,
        _n_dim=dimension,
        _shapes={},
        _coords={COORDINATE: [str(i) for i in range(dimension)]},
    )


def batches(trace: Any) -> list[Any]:
    """The chains of nutpie's own trace as Arrow record batches, tuning among them.

    Needs ``get_arrow_trace``, of what ``sample(..., return_raw_trace=True)`` gives. If it moves: leave out
    ``return_raw_trace`` and take the groups of the tree, which costs more than a small model's sampling.
    """
    _, chains = trace.get_arrow_trace()
    return list(chains)
