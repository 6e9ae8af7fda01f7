"""Predictors of the regressions: every column beside the outcome, each with mean 0 and sd 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayescompare.errors import DataError
from models._data import Array, Kind, columns, names


def standardised(owner: str, data: Any, outcome: str = "y", kind: Kind = "real") -> tuple[list[str], Array, Array]:
    """Names of the predictors, their values standardised by their own mean and sd, and the outcome as it is.

    Parameters
    ----------
    owner : str
        The template's name, for messages.
    data : Mapping or pandas.DataFrame
        The outcome and at least one predictor.
    outcome : str
    kind : {"real", "positive", "nonnegative", "binary"}
        What the outcome must hold.

    Returns
    -------
    names : list of str, of length p
    X : ndarray of shape (n, p)
    y : ndarray of shape (n,)

    Raises
    ------
    DataError
        As :func:`models._data.columns`; no predictor; a predictor that is the same in every row.
    """
    predictors = [name for name in names(owner, data) if name != outcome]
    if not predictors:
        raise DataError(f"{owner}: there is no column beside {outcome!r} in the data. Add at least one predictor.")
    kinds: dict[str, Kind] = {outcome: kind, **dict.fromkeys(predictors, "real")}
    arrays = columns(owner, data, kinds)
    raw = np.column_stack([arrays[name] for name in predictors])
    constant = raw.min(axis=0) == raw.max(axis=0)  # not sd == 0: rounding can leave it a little above
    if constant.any():
        raise DataError(
            f"{owner}: column {predictors[int(constant.argmax())]!r} has the same value in every row, so it "
            f"predicts nothing and cannot be standardised. Leave it out."
        )
    return predictors, (raw - raw.mean(axis=0)) / raw.std(axis=0), arrays[outcome]
