"""Users' own data: dicts and DataFrames are taken, and what does not fit is refused with advice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayescompare import models
from bayescompare.errors import DataError

OWN: dict[str, dict[str, Any]] = {
    "eight_schools": {"y": [1, 2.5, -3], "sigma": [1, 2, 3]},
    "jellybeans": {"guess": [310, 402, 355, 290]},
    "radon": {"log_radon": [0.1, 1, 2, 0.5], "floor_measure": [0, 1, 0, 1], "county_idx": ["Cook", "Aitkin"] * 2},
    "ridge_regression": {"y": [1.0, 2, 4], "height": [3, 2, 7], "weight": [1, 9, 8]},
    "wells": {"switched": [0, 1, 1], "dist": [10.0, 0, 99], "arsenic": [0.5, 2, 3], "educ": [0, 5, 12]},
}

AS = {
    "lists": dict,
    "arrays": lambda data: {name: np.array(column) for name, column in data.items()},
    "DataFrame": pd.DataFrame,
    "filtered DataFrame": lambda data: pd.DataFrame(data).set_index(np.arange(7, 7 + len(next(iter(data.values()))))),
    "nullable dtypes": lambda data: pd.DataFrame(data).convert_dtypes(),
}


@pytest.mark.parametrize("name", OWN)
def test_own_data(name: str) -> None:
    template = getattr(models, name)
    model = template(OWN[name])
    assert set(model.named_vars) == set(template().named_vars)
    logp = model.compile_logp(mode="FAST_COMPILE")
    assert np.isfinite(logp(model.initial_point()))


@pytest.mark.parametrize("form", AS)
@pytest.mark.parametrize("name", OWN)
def test_every_form_of_data_is_read_alike(name: str, form: str) -> None:
    template = getattr(models, name)
    read, expected = template(AS[form](OWN[name])), template(OWN[name])
    assert read.coords == expected.coords
    for data in expected.data_vars:
        np.testing.assert_array_equal(read[data.name].get_value(), data.get_value())


def test_own_labels() -> None:
    assert models.eight_schools(OWN["eight_schools"]).coords["school"] == (1, 2, 3)
    named = {**OWN["eight_schools"], "school": ["a", "b", "c"]}
    assert models.eight_schools(named).coords["school"] == ("a", "b", "c")
    radon = models.radon(OWN["radon"])
    assert radon.coords["county"] == ("Aitkin", "Cook")
    assert list(radon["county_idx"].get_value()) == [1, 0, 1, 0]
    assert models.ridge_regression(OWN["ridge_regression"]).coords["predictor"] == ("height", "weight")
    # Any column beside y may be a predictor, even one that is named like an argument in our own code.
    odd = {"y": [1, 2, 4], "owner": [1, 2, 2], "data": [3, 2, 1], "kinds": [1, 0, 0]}
    assert models.ridge_regression(odd).coords["predictor"] == ("owner", "data", "kinds")


def test_columns_that_are_not_wanted_are_left_alone() -> None:
    models.wells({**OWN["wells"], "village": ["x", None, "z"], "N": 3})


def test_gaps_in_group_numbers_are_closed() -> None:
    model = models.radon({**OWN["radon"], "county_idx": [7.0, 3.0, 7.0, 90.0]})
    assert model.coords["county"] == (3, 7, 90)
    assert list(model["county_idx"].get_value()) == [1, 0, 1, 2]


WRONG: list[tuple[str, Any, list[str]]] = [
    # template, what is changed in OWN or data outright, what the message must say
    ("eight_schools", {"y": None}, ["no column 'y'", "Wanted: y, sigma; found: sigma", "Add or rename"]),
    ("eight_schools", pd.DataFrame({"effect": [1.0]}), ["'y', 'sigma'", "found: effect"]),
    ("eight_schools", [1, 2, 3], ["are a list", "no named columns", "dict of arrays or a pandas DataFrame"]),
    ("eight_schools", {"sigma": [1, 2]}, ["different lengths (y 3, sigma 2)", "same number"]),
    ("eight_schools", {"sigma": [1, 0, 3]}, ["1 of the 3 values in column 'sigma' are not above 0", "0 in row 1"]),
    ("eight_schools", {"y": [1, float("nan"), 3]}, ["column 'y' are not finite", "nan in row 1", "Drop these rows"]),
    ("eight_schools", {"y": [1, None, 3]}, ["column 'y' are not finite", "Drop these rows"]),
    ("eight_schools", {"y": [1, 2, float("inf")]}, ["not finite", "inf in row 2"]),
    ("eight_schools", {"y": ["1", "2", "3"]}, ["'y' holds values that are not numbers", "'1'", "Convert"]),
    ("eight_schools", {"y": [1j, 2, 3]}, ["'y' holds values that are not numbers"]),
    ("eight_schools", {"y": pd.array([1, None, 3], dtype="Int64")}, ["column 'y'", "missing"]),
    ("eight_schools", {"y": [[1, 2], [3]]}, ["'y' is a table or nested list"]),
    ("eight_schools", {"y": 3.0}, ["'y' is a single value", "one for each observation"]),
    ("eight_schools", {"y": [], "sigma": []}, ["'y' is empty"]),
    ("eight_schools", {"school": ["a", "b"]}, ["different lengths (school 2, the other columns 3)"]),
    ("eight_schools", {"school": ["a", "b", "a"]}, ["'school' names 'a' more than once", "unique"]),
    ("eight_schools", {"school": ["a", None, "b"]}, ["1 of the 3 labels in column 'school' are missing", "row 1"]),
    ("jellybeans", {"guess": [300, -2]}, ["'guess' are not above 0", "-2 in row 1"]),
    ("radon", {"floor_measure": [0, 1, 2, 0]}, ["'floor_measure' are not 0 or 1", "2 in row 2", "recode"]),
    ("radon", {"county_idx": [1, 2, 3]}, ["different lengths (log_radon 4, county_idx 3)"]),
    ("radon", {"county_idx": [1, float("nan"), 3, 4]}, ["labels in column 'county_idx' are missing"]),
    ("radon", {"county_idx": None}, ["no column 'county_idx'"]),
    ("ridge_regression", {"y": None}, ["no column 'y'"]),
    ("ridge_regression", {"height": None, "weight": None}, ["no column beside 'y'", "at least one predictor"]),
    ("ridge_regression", {"height": [0.1] * 3}, ["'height' has the same value in every row", "Leave it out"]),
    ("ridge_regression", {"sex": ["f", "m", "f"]}, ["'sex' holds values that are not numbers", "'f'"]),
    ("wells", {"switched": [0, 1, 2]}, ["'switched' are not 0 or 1"]),
    ("wells", {"dist": [-1, 2, 3]}, ["'dist' are not 0 or above", "-1 in row 0"]),
]


@pytest.mark.parametrize(("name", "change", "phrases"), WRONG, ids=[f"{w[0]}: {w[2][0]}" for w in WRONG])
def test_data_that_do_not_fit(name: str, change: Any, phrases: list[str]) -> None:
    data = change
    if isinstance(change, dict):
        data = {key: column for key, column in {**OWN[name], **change}.items() if column is not None}
    with pytest.raises(DataError) as caught:
        getattr(models, name)(data)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    for phrase in phrases:
        assert phrase in message
