"""The templates' own data, and checks of the data that users bring.

Data are columns by name: a dict of lists or arrays, or a pandas DataFrame. Columns that a template does not want
are left alone. Whatever does not fit raises :class:`bayescompare.errors.DataError`, before any model is built.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .library import FOLDER

Array = NDArray[np.float64]
Kind = Literal["real", "positive", "nonnegative", "binary"]

# What each kind of column must hold: in words, and as a test of each value.
_KINDS: dict[Kind, tuple[str, Callable[[Array], NDArray[np.bool_]]]] = {
    "real": ("a number", np.isfinite),
    "positive": ("above 0", lambda x: x > 0),
    "nonnegative": ("0 or above", lambda x: x >= 0),
    "binary": ("0 or 1", lambda x: (x == 0) | (x == 1)),
}


def load(name: str) -> dict[str, list[Any]]:
    """The columns of ``models/data/<name>.json``; sources are in ``models/data/README.md``."""
    text = (FOLDER / "data" / f"{name}.json").read_text(encoding="utf-8")
    columns: dict[str, list[Any]] = json.loads(text)
    return columns


def columns(owner: str, data: Any, kinds: Mapping[str, Kind]) -> dict[str, Array]:
    """The wanted columns as equally long arrays of finite numbers.

    Parameters
    ----------
    owner : str
        The template's name, for messages.
    data : Mapping or pandas.DataFrame
    kinds : Mapping of str to {"real", "positive", "nonnegative", "binary"}
        Wanted columns, and what each must hold.

    Returns
    -------
    dict of str to ndarray of shape (n,)

    Raises
    ------
    DataError
        No columns at all, a column missing, empty, of another length, not numeric, NaN or infinite, out of range.
    """
    table = _table(owner, data, kinds)
    arrays = {name: _numbers(owner, name, table[name], kind) for name, kind in kinds.items()}
    equally_long(owner, {name: len(array) for name, array in arrays.items()})
    return arrays


def names(owner: str, data: Any) -> list[str]:
    """The names of all columns that ``data`` has."""
    return list(_table(owner, data, ()))


def labels(owner: str, data: Any, name: str, length: int) -> list[Any]:
    """Coordinate labels from the optional column ``name``; 1, 2, ... where there is none."""
    table = _table(owner, data, ())
    if name not in table:
        return list(range(1, length + 1))
    found = _labels(owner, name, table[name])
    equally_long(owner, {name: len(found), "the other columns": length})
    if len(set(found)) < length:
        repeated = next(label for label in found if found.count(label) > 1)
        raise DataError(
            f"{owner}: column {name!r} names {repeated!r} more than once, but each row needs its own name. "
            f"Make the names unique, or leave the column out."
        )
    return found


def groups(owner: str, data: Any, name: str) -> tuple[list[Any], NDArray[np.int64]]:
    """The distinct labels of a column of group names or numbers, sorted, and each row's position among them."""
    found = _labels(owner, name, _table(owner, data, (name,))[name])
    distinct = sorted(set(found))
    position = {label: i for i, label in enumerate(distinct)}
    return distinct, np.array([position[label] for label in found], dtype=np.int64)


def equally_long(owner: str, lengths: dict[str, int]) -> None:
    """Raise DataError unless all lengths are the same."""
    if len(set(lengths.values())) > 1:
        counted = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(
            f"{owner}: the columns have different lengths ({counted}), but each row is one observation. "
            f"Give every column the same number of values."
        )


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


def events_in_trials(owner: str, data: Any, events: str, trials: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two columns of whole numbers, the events and the trials that they happened in; each of shape (n,).

    In a model say ``n=pm.Data(..., trials).astype("int64")``: ``pm.Data`` keeps whole numbers in 32 bits, and of those
    JAX takes a binomial coefficient in single precision.

    Raises
    ------
    DataError
        What :func:`columns` refuses; a value that is not whole; more events than trials.
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


def _table(owner: str, data: Any, wanted: Iterable[str]) -> dict[str, Any]:
    # Dicts and DataFrames both have keys(); pandas need not be imported to ask.
    if not hasattr(data, "keys") or not hasattr(data, "__getitem__"):
        raise DataError(
            f"{owner}: the data are a {type(data).__name__}, which has no named columns. "
            f"Give a dict of arrays or a pandas DataFrame{_with_columns(wanted)}."
        )
    table = {str(name): data[name] for name in data.keys()}  # noqa: SIM118 - keys() is what was asked for above
    missing = [name for name in wanted if name not in table]
    if missing:
        found = ", ".join(table) or "none"
        raise DataError(
            f"{owner}: no column {_quoted(missing)} in the data. Wanted: {', '.join(wanted)}; found: {found}. "
            f"Add or rename columns."
        )
    return table


def _numbers(owner: str, name: str, column: Any, kind: Kind) -> Array:
    raw = _column(owner, name, column)
    try:
        # Text is refused even where it would parse: "1" is more often a mistake in reading a file than a number.
        text = raw.dtype.kind not in "biufO" or (raw.dtype.kind == "O" and any(isinstance(x, str) for x in raw))
        array: Array | None = None if text else raw.astype(np.float64)
    except (TypeError, ValueError):
        array = None
    if array is None:
        raise DataError(
            f"{owner}: column {name!r} holds values that are not numbers (the first value is {raw.tolist()[0]!r}). "
            f"Convert the column to numbers, and drop or fill what is missing."
        )
    meaning, holds = _KINDS[kind]
    for bad, what, advice in (
        (~np.isfinite(array), "are not finite (NaN, missing or infinite)", "Drop these rows or fill them in."),
        (~holds(array), f"are not {meaning}", f"Each must be {meaning}: correct or recode them."),
    ):
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise DataError(
                f"{owner}: {bad.sum()} of the {len(array)} values in column {name!r} {what}; the first is "
                f"{array[row]:g} in row {row}, counted from 0. {advice}"
            )
    return array


def _labels(owner: str, name: str, column: Any) -> list[Any]:
    import pandas as pd  # here, so that templates can be listed without it

    raw = _column(owner, name, column)
    missing = np.flatnonzero(pd.isna(raw))
    if missing.size:
        raise DataError(
            f"{owner}: {missing.size} of the {len(raw)} labels in column {name!r} are missing; the first in row "
            f"{missing[0]}, counted from 0. Drop these rows or fill them in."
        )
    found = raw.tolist()
    if all(isinstance(label, int | float) and float(label).is_integer() for label in found):
        return [int(label) for label in found]
    return [str(label) for label in found]


def _column(owner: str, name: str, column: Any) -> NDArray[Any]:
    try:
        raw = np.asarray(column)
    except ValueError:  # rows of different lengths
        raw = np.empty((0, 0))
    if raw.ndim != 1 or not raw.size:
        shape = "a single value" if raw.ndim == 0 else "empty" if raw.ndim == 1 else "a table or nested list"
        raise DataError(
            f"{owner}: column {name!r} is {shape}, but must be a list of values, one for each observation. "
            f"Give a list or a one-dimensional array."
        )
    return raw


def _with_columns(wanted: Iterable[str]) -> str:
    listed = ", ".join(wanted)
    return f" with the columns {listed}" if listed else ""


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(repr(word) for word in words)
