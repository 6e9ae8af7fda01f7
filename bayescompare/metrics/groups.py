"""Vectors in a line each: how many of a variable's scalars are shifted, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """A vector variable's shifts.

    Attributes
    ----------
    name : str
    count : int
        Scalars.
    known : int
        Those that have a z; the rest of the figures is of these.
    worst : int or None
        Position in the table of the scalar with the largest \\|z\\|; None where none has one.
    worst_z : float
        Its z, posterior sd, signed.
    median : float
        Of \\|z\\|, posterior sd.
    beyond : float
        Share with \\|z\\| above the margin, 0 to 1.
    rms : float
        Root mean square of z, posterior sd.
    """

    name: str
    count: int
    known: int
    worst: int | None
    worst_z: float
    median: float
    beyond: float
    rms: float


def groups(z: Array, variables: Mapping[str, tuple[int, int]], margin: float) -> tuple[Group, ...]:
    """Summaries of each variable of two scalars or more.

    Parameters
    ----------
    z : ndarray of shape (k,)
        The table's column; NaN where a scalar has none.
    variables : mapping of str to (start, stop)
        Where each variable's scalars are.
    margin : float
        Above which \\|z\\| counts as shifted.
    """
    return tuple(
        _group(name, z[start:stop], start, margin) for name, (start, stop) in variables.items() if stop - start > 1
    )


def _group(name: str, z: Array, start: int, margin: float) -> Group:
    known = z[np.isfinite(z)]
    if not known.size:
        return Group(name, len(z), 0, None, np.nan, np.nan, np.nan, np.nan)
    size = np.abs(known)
    worst = int(np.nanargmax(np.where(np.isfinite(z), np.abs(z), np.nan)))
    return Group(
        name,
        len(z),
        len(known),
        start + worst,
        float(z[worst]),
        float(np.median(size)),
        float((size > margin).mean()),
        float(np.sqrt((known**2).mean())),
    )
