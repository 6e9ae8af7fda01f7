"""How labels and names are written, and what a file keeps of them."""

from __future__ import annotations

import datetime
from enum import Enum, IntEnum
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayescompare.coordinates import array, distinct, filed, kept, labels, unnamed


class Colour(Enum):
    RED = 1


class Rank(IntEnum):
    LOW = 1


CASES: dict[str, tuple[Any, list[str], str]] = {
    "multiindex": (
        pd.MultiIndex.from_product([["north", "south"], pd.date_range("2024-03-01", periods=1)]),
        ["north, 2024-03-01", "south, 2024-03-01"],
        "O",
    ),
    "tuples": ([("a", 1), ("b",)], ["a, 1", "b"], "O"),
    "dates": (pd.date_range("2024-03-01", periods=2), ["2024-03-01", "2024-03-02"], "M"),
    "hours": (pd.date_range("2024-03-01", periods=2, freq="h"), ["2024-03-01 00:00:00", "2024-03-01 01:00:00"], "M"),
    "zoned": (pd.date_range("2024-03-01", periods=1, tz="Europe/Berlin"), ["2024-03-01 00:00:00+01:00"], "O"),
    "numpy dates": (np.array(["2024-03", "1871-01"], "M8[M]"), ["2024-03-01", "1871-01-01"], "M"),
    "days": ([datetime.date(2024, 3, 1)], ["2024-03-01"], "M"),
    "early": ([datetime.date(1066, 10, 14)], ["1066-10-14"], "O"),
    "not a date": ([pd.Timestamp("2024-03-01"), pd.NaT], ["2024-03-01 00:00:00", "NaT"], "O"),
    "nanoseconds": ([pd.Timestamp(1)], ["1970-01-01 00:00:00.000000001"], "M"),
    "periods": (pd.period_range("2024-01", periods=2, freq="M"), ["2024-01", "2024-02"], "O"),
    "intervals": (pd.interval_range(0, 2), ["(0, 1]", "(1, 2]"], "O"),
    "categories": (pd.Categorical(["b", "a"]), ["b", "a"], "O"),
    "lengths": (pd.to_timedelta([1, 2], unit="D"), ["1 days 00:00:00", "2 days 00:00:00"], "O"),
    "years": (np.array([1871, 1872]), ["1871", "1872"], "i"),
    "large": ([10**30], [str(10**30)], "O"),
    "fractions": (np.array([0.1, 2.0]), ["0.1", "2.0"], "f"),
    "truth": (np.array([True, False]), ["True", "False"], "b"),
    "none": ([None, "a"], ["None", "a"], "O"),
    "mixed": ([1, "a", 0.5], ["1", "a", "0.5"], "O"),
    "numpy strings": (np.array(["µ", "b"]), ["µ", "b"], "O"),
    "enums": ([Colour.RED], ["Colour.RED"], "O"),
    "integer enums": ([Rank.LOW], ["1"], "O"),
}


@pytest.mark.parametrize("kind", CASES)
def test_labels_and_what_is_kept_of_them(kind: str) -> None:
    values, written, dtype = CASES[kind]
    assert labels(tuple(values)) == written
    content, dates = kept(tuple(values))
    found = array(content, dates=dates)
    assert found.dtype.kind == dtype
    assert labels(found) == written


def test_names_that_are_taken_get_an_underscore_and_the_others_stay() -> None:
    assert distinct(["draw", "mu", "draw_"], {"draw"}) == {"draw": "draw__", "mu": "mu", "draw_": "draw_"}
    assert unnamed("y", 2, {"y", "y_dim_1"}) == ["y_dim_0", "y_dim_1_"]


def test_names_in_files_have_no_slash_and_differ() -> None:
    odd = ["a/b", "a∕b", "a∕b_", ".", "..", "", "é" * 300, "é" * 301, "x\0y", "温度", "a::b", "<b>", "1|g"]
    found = filed(odd)
    assert list(found) == odd
    assert len(set(found.values())) == len(odd)
    for name in found.values():
        assert name
        assert name.strip(".")
        assert not set(name) & {"/", "\0"}
        assert len(name.encode()) < 250
    assert [found[name] for name in odd[-4:]] == odd[-4:]
