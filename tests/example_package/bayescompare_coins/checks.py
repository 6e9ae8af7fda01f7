"""Checks of the user's data; :class:`bayescompare.errors.DataError` makes them exit code 3."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayescompare.errors import DataError


def counts(data: Mapping[str, Any], name: str) -> NDArray[np.int64]:
    """A column of whole numbers."""
    if name not in data:
        raise DataError(f"coins: no column {name!r} in the data. Give 'heads' and 'tosses', a number for each coin.")
    values = np.asarray(data[name])
    if values.ndim != 1 or not np.array_equal(values, values.round()):
        raise DataError(f"coins: column {name!r} must be a list of whole numbers.")
    return values.astype(np.int64)
