"""Checks of columns that must hold whole numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayescompare.errors import DataError
from models._data import Array


def whole_numbers(owner: str, name: str, values: Array) -> NDArray[np.int64]:
    """``values`` as integers, if each is a whole number.

    Raises
    ------
    DataError
    """
    broken = np.flatnonzero(values != np.round(values))
    if broken.size:
        raise DataError(
            f"{owner}: {broken.size} of the {len(values)} values in column {name!r} are not whole numbers; the first "
            f"is {values[broken[0]]:g} in row {broken[0]}, counted from 0. The column must hold counts."
        )
    return values.astype(np.int64)
