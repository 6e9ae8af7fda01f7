"""Two posteriors side by side: variables found by name, dims by name, entries by the labels of their coordinates."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from ..coordinates import labels, places
from ..errors import DataError, UnknownNameError
from .carried import DRAWS, Array, read_draws
from .sampler_statistics import RAW, STATISTICS

if TYPE_CHECKING:
    import xarray as xr

#: Names and labels that a message tells.
TOLD = 6


@dataclass(frozen=True)
class Matched:
    """Draws of the scalars that both have, and the variables that one has alone.

    Attributes
    ----------
    names : tuple of str
        ``theta[Choate]``, as ArviZ names them.
    a, b : ndarray of shape (chains, draws, k)
        Each with its own chains and draws.
    only_a, only_b : tuple of str
    """

    names: tuple[str, ...]
    a: Array
    b: Array
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def matched(a: Any, b: Any, var_names: Sequence[str] | str | None = None) -> Matched:
    """Line up two posteriors.

    Raises
    ------
    DataError
        If one has no draws, they have no variable in common, or shapes or labels of one differ.
    UnknownNameError
        If a variable of ``var_names`` is not in both.
    MissingFileError, ResultFileError
    """
    first, second = _draws(a, "first"), _draws(b, "second")
    names = _chosen(first, second, var_names)
    pieces = [_pair(name, first[name], second[name]) for name in names]
    return Matched(
        tuple(scalar for scalars, _, _ in pieces for scalar in scalars),
        np.concatenate([x for _, x, _ in pieces], axis=-1),
        np.concatenate([y for _, _, y in pieces], axis=-1),
        () if var_names else tuple(name for name in first if name not in second),
        () if var_names else tuple(name for name in second if name not in first),
    )


def _draws(given: Any, which: str) -> dict[str, xr.DataArray]:
    """Variables with chains, draws and numbers; of draws without a group of their own not the sampler's statistics."""
    if isinstance(given, str | os.PathLike) and os.fspath(given).lower().endswith((".html", ".htm")):
        raise DataError(f"{os.fspath(given)} is a report, and holds no draws. Save the comparison, and give that file.")
    draws, alone = read_draws(getattr(given, "posterior", given) if hasattr(given, "fits") else given)
    statistics = {*STATISTICS, *RAW} if alone else set()
    found = {
        str(name): array
        for name, array in draws.data_vars.items()
        if set(DRAWS) <= set(array.dims) and array.dtype.kind in "biuf" and name not in statistics and array.size
    }
    if not found:
        raise DataError(
            f"The {which} posterior has no draws: no variable with the dims chain and draw that holds numbers."
        )
    return found


def _chosen(a: dict[str, xr.DataArray], b: dict[str, xr.DataArray], var_names: Sequence[str] | str | None) -> list[str]:
    asked = [var_names] if isinstance(var_names, str) else list(var_names or ())
    for name in asked:
        for which, side in (("first", a), ("second", b)):
            if name not in side:
                raise UnknownNameError(f"The {which} posterior has no variable {name!r}; it has {_told(side)}.")
    names = asked or [name for name in a if name in b]
    if not names:
        raise DataError(
            f"The two posteriors have no variable in common: the first has {_told(a)}; the second has {_told(b)}. "
            "Rename the variables of one."
        )
    return names


def _pair(name: str, a: xr.DataArray, b: xr.DataArray) -> tuple[list[str], Array, Array]:
    """Names of one variable's scalars, and its draws on both sides, (chains, draws, scalars)."""
    dims, others = ([str(dim) for dim in side.dims if dim not in DRAWS] for side in (a, b))
    if set(dims) != set(others):  # dims that one side does not name are found by place
        if len(dims) != len(others):
            shapes = [tuple(side.sizes[dim] for dim in names) for side, names in ((a, dims), (b, others))]
            raise DataError(f"{name} has the shape {shapes[0]} in the first posterior and {shapes[1]} in the second.")
        b = b.rename({old: f"{new} " for old, new in zip(others, dims, strict=True)})
        b = b.rename({f"{new} ": new for new in dims})
    for dim in dims:
        b = _in_order(name, dim, a, b)
    marks = [labels(a[dim].values) if dim in a.coords else [str(i) for i in range(a.sizes[dim])] for dim in dims]
    scalars = [f"{name}[{', '.join(at)}]" if at else name for at in product(*marks)]
    sides = [np.asarray(side.transpose(*DRAWS, *dims).values, dtype=float) for side in (a, b)]
    one, other = (x.reshape(*x.shape[:2], -1) for x in sides)
    return scalars, one, other


def _in_order(name: str, dim: str, a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """The second with the first's order of entries along a dim."""
    if a.sizes[dim] != b.sizes[dim]:
        raise DataError(
            f"{name} has {a.sizes[dim]} entries along {dim} in the first posterior and {b.sizes[dim]} in the second."
        )
    ours, theirs = (side[dim].values if dim in side.coords else np.arange(side.sizes[dim]) for side in (a, b))
    found = places(theirs, ours)
    if found is not None:
        return b.isel({dim: found})
    if any(side.dtype.kind in "iu" and np.array_equal(side, np.arange(len(side))) for side in (ours, theirs)):
        return b  # positions, not labels
    have = labels(theirs)
    missing = [label for label in labels(ours) if label not in have]
    if not missing:
        raise DataError(f"A posterior has several entries of {name} with one label of {dim}: give each its own.")
    raise DataError(
        f"The second posterior has no {name} for {dim} {_told(missing)}: its labels of {dim} are {_told(have)}. Give "
        "both the same labels."
    )


def _told(names: Any) -> str:
    known = [str(name) for name in names]
    return ", ".join(known[:TOLD]) + (", …" if len(known) > TOLD else "")
