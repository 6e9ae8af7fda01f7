"""Data files: what is read from JSON, CSV and Parquet."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError, MissingFileError, UsageError

if TYPE_CHECKING:
    import numpy as np


def read_data(path: Path) -> Any:
    """Read a data file.

    Returns
    -------
    dict or pandas.DataFrame
        From JSON a dict of arrays (and of single numbers and texts, as they are); null among numbers is NaN.
        From CSV and Parquet a DataFrame.

    Raises
    ------
    MissingFileError
        If the file is not there.
    UsageError
        If it is of another kind, or cannot be opened.
    DataError
        If its content is damaged.
    """
    if not path.exists():
        raise MissingFileError(f"There is no data file {path}.")
    if path.is_dir():
        raise UsageError(f"The data file {path} is a folder.")
    readers = {".json": _read_json, ".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"The data file {path} must end in {', '.join(readers)}: its ending says how to read it.")
    try:
        return reader(path)
    except OSError as error:
        raise UsageError(f"The data file {path} cannot be opened: {error.strerror or error}.") from error
    except ValueError as error:  # what JSON, pandas and pyarrow raise on damaged content, decoding errors included
        raise DataError(f"The data file {path} is damaged: {str(error).strip().rstrip('.')}.") from error


def _read_json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unique)
    if not isinstance(content, dict):
        raise ValueError("it must hold an object: names, each with an array or a number")
    return {name: _array(name, value) for name, value in content.items()}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is there twice")
    return dict(pairs)


def _array(name: str, value: Any) -> np.ndarray | float | int | str | bool:
    import numpy as np

    if value is None:
        return math.nan
    if isinstance(value, int | float | str):
        return value
    if isinstance(value, dict):
        raise ValueError(f"{name!r} holds an object where an array is meant")
    kinds = {type(leaf) for leaf in _leaves(value)}
    if dict in kinds:
        raise ValueError(f"{name!r} holds objects where numbers are meant")
    if str in kinds and len(kinds) > 1:
        raise ValueError(f"{name!r} mixes text with something else")
    if kinds & {type(None), float}:
        kind: type | None = float
    else:
        kind = None
    try:
        array = np.array(value, dtype=kind)
    except ValueError:
        raise ValueError(f"the rows of {name!r} differ in length") from None
    return array.astype(float) if array.dtype == object else array


def _leaves(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


def _read_csv(path: Path) -> Any:
    import pandas as pd

    return _rows(pd.read_csv(path))


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    try:
        return _rows(pd.read_parquet(path))
    except ImportError as error:
        raise UsageError("Parquet files need the package pyarrow: pip install pyarrow.") from error


def _rows(frame: Any) -> Any:
    if len(frame) == 0:
        raise ValueError("it holds no rows")
    return frame
