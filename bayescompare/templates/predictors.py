"""The predictors of a regression: whatever columns stand beside the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from .data import Array, Kind, columns, names


def predictors(
    owner: str, data: Any, outcome: str = "y", kind: Kind = "real", *, other: Sequence[str] = ()
) -> tuple[list[str], Array, Array]:
    """Names and values of all columns beside ``outcome``, and the outcome.

    Parameters
    ----------
    owner : str
        The template's name, for messages.
    data : Mapping or pandas.DataFrame
    outcome : str
    kind : {"real", "positive", "nonnegative", "binary"}
        What the outcome must hold.
    other : sequence of str
        Columns that are no predictors.

    Returns
    -------
    names : list of str, of length p
    X : ndarray of shape (n, p)
        Raw values.
    y : ndarray of shape (n,)

    Raises
    ------
    DataError
        No predictor; a predictor with the same value in every row; or what ``data.columns`` refuses.
    """
    found = [name for name in names(owner, data) if name != outcome and name not in other]
    if not found:
        raise DataError(f"{owner}: there is no column beside {outcome!r} in the data. Add at least one predictor.")
    arrays = columns(owner, data, {outcome: kind, **dict.fromkeys(found, "real")})
    X = np.column_stack([arrays[name] for name in found])
    constant = X.min(axis=0) == X.max(axis=0)  # not sd == 0: rounding can leave it a little above
    if constant.any():
        raise DataError(
            f"{owner}: column {found[int(constant.argmax())]!r} has the same value in every row, so it predicts "
            f"nothing and cannot be standardised. Leave it out."
        )
    return found, X, arrays[outcome]


def standardised(X: Array) -> Array:
    """Each column with mean 0 and sd 1."""
    result: Array = (X - X.mean(axis=0)) / X.std(axis=0)
    return result
