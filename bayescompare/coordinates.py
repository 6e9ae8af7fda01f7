"""Coordinates and names: how a label is written, which labels keep their type, and what is called what in a file.

A model's coordinates may be of any kind (pandas' MultiIndex, dates, intervals, enums); files hold whole numbers,
fractions, truth values, dates and text. What is not among those is kept as its text.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from typing import Any

import numpy as np

#: Years whose dates xarray keeps in nanoseconds.
FIRST_YEAR, LAST_YEAR = 1678, 2261

#: Bytes of a name that any file system takes, with room for an ending.
LONGEST = 200

_NOT_IN_FILES = str.maketrans({"/": "\N{DIVISION SLASH}", "\0": "\N{SYMBOL FOR NULL}"})


def labels(values: Iterable[Any]) -> list[str]:
    """Text of each label of a dimension: ``north, a`` of a MultiIndex, ``2024-03-01`` of dates without a time.

    >>> labels([("north", 1), ("south", 2)])
    ['north, 1', 'south, 2']
    """
    known = [_python(value) for value in values]
    tuples = [value for value in known if isinstance(value, tuple)]
    if tuples and len(tuples) == len(known) and len({len(value) for value in tuples}) == 1:
        return [", ".join(parts) for parts in zip(*(labels(level) for level in zip(*tuples, strict=True)), strict=True)]
    if known and all(_is_midnight(value) for value in known):
        return [value.date().isoformat() for value in known]
    return [", ".join(labels(value)) if isinstance(value, tuple) else str(value) for value in known]


def places(theirs: Iterable[Any], ours: Iterable[Any]) -> list[int] | None:
    """Where each of our labels stands among theirs, whichever type each has; None where one is missing or not unique.

    >>> places(["b", "a"], ["a", "b"]), places([1871, 1872], ["1872"]), places(["a"], ["b"])
    ([1, 0], [1], None)
    """
    for write in (_same_texts, labels, _texts):  # files hold labels of some kinds as texts
        have, want = write(theirs), write(ours)
        if have == want:
            return list(range(len(have)))
        place = {label: i for i, label in enumerate(have)}
        if len(place) == len(have) and set(want) <= set(place):
            return [place[label] for label in want]
    return None


def kept(values: Sequence[Any]) -> tuple[list[Any], bool]:
    """The labels of a dimension as JSON has them, and whether they are dates.

    Whole numbers, fractions and truth values stay what they are, dates become ISO 8601; all else becomes text.
    """
    known = [_python(value) for value in values]
    if known and all(_is_date(value) for value in known):
        return [value.isoformat() for value in known], True
    for fits in (_is_truth, _is_whole, _is_number):
        if known and all(fits(value) for value in known):
            return (known if fits is not _is_number else [float(value) for value in known]), False
    return labels(known), False


def array(values: Sequence[Any], *, dates: bool = False) -> np.ndarray:
    """What :func:`kept` gave, as the array of an xarray coordinate."""
    if dates:
        return np.array(list(values), dtype="datetime64[ns]")
    if all(isinstance(value, str) for value in values):
        return np.array(list(values), dtype=object)
    return np.array(list(values))


def unnamed(name: str, axes: int, taken: Collection[str]) -> list[str]:
    """Dims for a variable that has none, as ArviZ calls them; with an underscore where a variable has that name."""
    dims = [f"{name}_dim_{axis}" for axis in range(axes)]
    return list(distinct(dims, taken).values())


def distinct(names: Iterable[str], reserved: Collection[str] = ()) -> dict[str, str]:
    """Another name for each that is reserved, with underscores at its end; the others keep theirs.

    >>> distinct(["mu", "draw", "draw_"], {"chain", "draw"})
    {'mu': 'mu', 'draw': 'draw__', 'draw_': 'draw_'}
    """
    return _apart({name: name for name in names}, reserved)


def called(variables: Iterable[str], dims: Iterable[str]) -> dict[str, str]:
    """What each variable is called in a Dataset of draws with these dims."""
    return distinct(variables, {"chain", "draw", *dims})


def filed(names: Iterable[str]) -> dict[str, str]:
    """The name in a file of each: without what files cannot have in names (a slash parts groups), and none twice."""
    return _apart({name: _fit_for_files(name) for name in names}, ())


def _apart(wanted: dict[str, str], reserved: Collection[str]) -> dict[str, str]:
    taken = {*reserved, *(name for name, new in wanted.items() if name == new)}
    found = {}
    for name, new in wanted.items():
        if name != new or name in reserved:
            while new in taken:
                new += "_"
            taken.add(new)
        found[name] = new
    return found


def _fit_for_files(name: str) -> str:
    new = name.translate(_NOT_IN_FILES)
    if not new.strip("."):  # "." and ".." are folders
        new = new.replace(".", "\N{ONE DOT LEADER}") or "_"
    return new.encode()[:LONGEST].decode(errors="ignore")


def _python(value: Any) -> Any:
    """NumPy's scalars as Python's, where nothing is lost by it."""
    if isinstance(value, np.datetime64):
        exact = value.astype("datetime64[us]")
        whole = exact.item() if exact == value else None
        if isinstance(whole, datetime.date):
            return datetime.datetime(whole.year, whole.month, whole.day) if type(whole) is datetime.date else whole
        return str(value).replace("T", " ") if whole is None and value == value else value
    return value.item() if isinstance(value, np.bool_ | np.integer | np.floating | np.str_) else value


def _texts(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in values]


def _same_texts(values: Iterable[Any]) -> list[str]:
    return [_same_text(value) for value in values]


def _same_text(x: Any) -> str:
    """One text for one label, whichever type it has: 1871 and 1871.0, a date and its time stamp."""
    if isinstance(x, np.datetime64 | datetime.date):
        import pandas as pd

        return str(pd.Timestamp(x).isoformat())
    if isinstance(x, np.generic):
        return _same_text(x.item())
    if isinstance(x, float) and x.is_integer():
        return str(int(x))
    if isinstance(x, bytes):
        return x.decode(errors="replace")
    if isinstance(x, tuple):
        return str(tuple(_same_text(part) for part in x))
    return str(x)


def _is_midnight(value: Any) -> bool:
    """A moment without a time of day; pandas' NaT is a datetime that does not equal itself."""
    if not isinstance(value, datetime.datetime) or value != value or value.tzinfo is not None:
        return False
    return value.time() == datetime.time() and not getattr(value, "nanosecond", 0)


def _is_date(value: Any) -> bool:
    if not isinstance(value, datetime.date) or value != value or not FIRST_YEAR <= value.year <= LAST_YEAR:
        return False
    return getattr(value, "tzinfo", None) is None


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    return (isinstance(value, float) and not isinstance(value, Enum)) or _is_whole(value)
