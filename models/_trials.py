"""Columns of events among trials: the data of a binomial model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayescompare.errors import DataError
from models._counts import whole_numbers
from models._data import columns


def events_in_trials(owner: str, data: Any, events: str, trials: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two columns of whole numbers, the events and the trials that they happened in; each of shape (n,).

    In a model say ``n=pm.Data(..., trials).astype("int64")``: ``pm.Data`` keeps whole numbers in 32 bits, and of those
    JAX takes a binomial coefficient in single precision.

    Raises
    ------
    DataError
        What :func:`models._data.columns` refuses; a value that is not whole; more events than trials.
    """
    table = columns(owner, data, {events: "nonnegative", trials: "positive"})
    k, n = (whole_numbers(owner, name, table[name]) for name in (events, trials))
    broken = np.flatnonzero(k > n)
    if broken.size:
        row = broken[0]
        raise DataError(
            f"{owner}: {broken.size} of the {len(k)} rows have more {events!r} than {trials!r}; the first is row "
            f"{row}, counted from 0, with {k[row]} in {n[row]}. Check which column is which."
        )
    return k, n
