"""The log density as machine code for a sampler's inner loop: no Python between its steps, compiled once for a model
and kept on disk by numba."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from ..model import kept
from ..model.density import Density
from ..model.pymc_internals import kept_folder, kept_function, kept_key

#: What nutpie calls: dimension, u, and where gradient, log density and data lie. Anything but 0 is a point outside.
_LOG_DENSITY = """
def log_density(dim, u_, gradient_, value_, data_):
    u, gradient, out = carray(u_, ({d},)), carray(gradient_, ({d},)), carray(value_, ())
{arrays}
    try:
        value, slope = function(u{arguments})
    except Exception:
        return 1
    out[()] = value
    gradient[:] = slope
    total = 0.0 * value
    for i in range({d}):
        total += 0.0 * slope[i]
    return 0 if total == 0.0 else 3
"""

#: What nutpie calls to store more than the point itself: there is nothing more.
_NOTHING = """
def nothing(dim, expanded, u_, out_, data_):
    return 0
"""


def compiled(density: Density) -> tuple[Any, Any]:
    """numba's C functions of the density of weights (1, 1, 1) and of what is to be stored beside u.

    The density takes its data by address (:func:`addresses`), in arrays of these shapes. Without ``fastmath``, so that
    a seed gives the same draws whether numba's cache was full or empty: with it numba may reorder sums, and does so
    where it compiles functions into each other, but not where it takes them from its cache.
    """
    import numba
    import pytensor

    types: Any = numba.types
    numbers, anywhere = types.CPointer(types.double), types.voidptr
    inputs, outputs = density.at_unit_weights()
    with pytensor.config.change_flags(numba__fastmath=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's notes on caching are not the user's concern
        function = pytensor.function(inputs, outputs, mode="NUMBA", on_unused_input="ignore").vm.jit_fn
        source, names = _source(density, function)
        value = _c_function(
            "log_density", source, names, types.int64(types.uint64, *[numbers] * 3, anywhere), kept_key(function)
        )
        signature = types.int64(types.uint64, types.uint64, *[numbers] * 2, anywhere)
        return value, _c_function("nothing", _NOTHING, {}, signature, "")


def evaluation(density: Density, log_density: Any) -> Callable[[], int]:
    """A call of the compiled function at the density's start, as a sampler makes it, to be timed."""
    import ctypes

    data, arrays = addresses(density)
    floats = ctypes.POINTER(ctypes.c_double)
    places = (density.start.astype(float), np.empty(density.dimension), np.empty(1))

    def call(kept: Any = (data, arrays, places)) -> int:
        return int(log_density.ctypes(*arguments))

    arguments = (density.dimension, *(place.ctypes.data_as(floats) for place in places), data.ctypes.data)
    return call


def _source(density: Density, function: Any) -> tuple[str, dict[str, Any]]:
    from numba import carray  # type: ignore[attr-defined]

    arrays = list(density.data.values())
    lines = [f"    data = carray(data_, ({len(arrays)},), address)"] if arrays else []
    names: dict[str, Any] = {"carray": carray, "function": function, "address": np.uintp, "at": _at()}
    for i, array in enumerate(arrays):
        names[f"dtype_{i}"] = array.dtype
        lines.append(f"    data_{i} = carray(at(data[{i}]), {array.shape}, dtype_{i})")
    arguments = "".join(f", data_{i}" for i in range(len(arrays)))
    return _LOG_DENSITY.format(d=density.dimension, arrays="\n".join(lines), arguments=arguments), names


def _c_function(name: str, source: str, names: dict[str, Any], signature: Any, key: str | None) -> Any:
    """Compiled, or taken from numba's cache; without a key, compiled in every process."""
    import numba

    if not kept.allowed():
        key = None
    if key is not None:
        dtypes = [str(value) for label, value in names.items() if label.startswith("dtype")]
        parts = (key, source, *dtypes, *(version(package) for package in ("pytensor", "numba")))
        key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    # numba takes what it has cached back into a module that can be imported.
    function = kept_function(source, name, {"__name__": "numba", **names}, key)
    found = numba.cfunc(signature, cache=key is not None)(function)
    if key is not None and not found.cache_hits:
        kept.trim(kept_folder(), "*log_density-*.nbc")
    return found


def _at() -> Any:
    """The pointer to an address, for numba."""
    from numba.core import cgutils, types
    from numba.extending import intrinsic

    @intrinsic
    def at(_: Any, address: Any) -> Any:
        def pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], cgutils.voidptr_t)

        return types.voidptr(address), pointer

    return at


def addresses(density: Density) -> tuple[np.ndarray, list[np.ndarray]]:
    """Where the data lie, in the order of the compiled function; and the arrays, which must outlive its use."""
    arrays = [np.require(array, requirements=["C", "A", "O"]) for array in density.data.values()]
    return np.array([array.ctypes.data for array in arrays], dtype=np.uintp), arrays
