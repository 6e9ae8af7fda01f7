"""Saving and opening a comparison, and its JSON document."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats.base import array_stats

from bayescompare.errors import MissingFileError, OutputError, ResultFileError
from bayescompare.results.comparison import SCHEMA, VOLATILE, Comparison
from bayescompare.results.datatree import dataset, flat
from bayescompare.results.storage import open as open_comparison
from bayescompare.results.storage import write_text
from tests.metrics.handmade import CHAINS, DRAWS, NAMES, SCHOOLS, make

FORMATS = ("nc", "zarr")


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return make()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.nc"


@pytest.fixture(params=FORMATS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "zarr":
        pytest.importorskip("zarr")
    return tmp_path / f"größe 1.{request.param}"


def same(one: Any, other: Any, where: str = "") -> None:
    """Equal in type and to the last bit, NaN included."""
    if dataclasses.is_dataclass(one):
        assert type(one) is type(other), where
        for field in dataclasses.fields(one):
            same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            same(one[key], other[key], f"{where}[{key}]")
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, err_msg=where)
        assert one.dtype == other.dtype, where
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    elif isinstance(one, xr.Dataset):
        xr.testing.assert_identical(one, other)
    elif isinstance(one, float) and math.isnan(one):
        assert math.isnan(other), where
    else:
        assert type(one) is type(other), where
        assert one == other, where


def test_round_trip(comparison: Comparison, path: Path) -> None:
    comparison.save(path)
    same(comparison, open_comparison(path))
    assert comparison.to_dict() == open_comparison(str(path)).to_dict()


def test_saving_again_gives_the_same(comparison: Comparison, file: Path) -> None:
    comparison.save(file)
    again = open_comparison(file)
    again.save(file)  # over the file it came from
    same(comparison, open_comparison(file))


def test_the_posterior_has_arvizs_form(comparison: Comparison, file: Path) -> None:
    comparison.save(file)
    with xr.open_datatree(file, engine="h5netcdf") as tree:
        posterior = tree["posterior"].dataset.load()
    assert set(posterior.data_vars) == {"mu", "σ∕noise", "theta", "free"}
    assert posterior["theta"].sizes == {"chain": CHAINS, "draw": DRAWS, "school∕year": 3, "term": 2}
    assert list(posterior["school∕year"].values) == list(SCHOOLS)
    mu, theta = posterior["mu"], posterior["theta"].sel({"school∕year": SCHOOLS[2], "term": "2"})
    for name, variable in (("mu", mu), (f"theta[{SCHOOLS[2]}, 2]", theta)):
        ess = array_stats.ess(variable.transpose("chain", "draw").values)
        assert ess == pytest.approx(comparison.table.loc[name, "ess_bulk"], rel=1e-8)


def test_a_dim_of_two_lengths_and_one_that_comes_twice() -> None:
    """PyMC lets both pass: cumulative models of Bambi have a threshold less than categories, a covariance (d, d)."""
    layout = {
        "coords": {"category": ["a", "b", "c"]},
        "variables": {
            "threshold": {"shape": [2], "dims": ["category"]},
            "p": {"shape": [3], "dims": ["category"]},
            "cov": {"shape": [3, 3], "dims": ["category", "category"]},
        },
    }
    values = np.arange(28.0).reshape(1, 2, 14)
    found = dataset(values, layout)
    assert found["threshold"].dims == ("chain", "draw", "threshold_dim_0")
    assert found["cov"].dims == ("chain", "draw", "category", "cov_dim_1")
    np.testing.assert_array_equal(found["p"].sel(category="b").values, values[..., 3])
    np.testing.assert_array_equal(flat(found, layout), values)


def test_the_posterior_of_a_comparison_is_that_of_its_file(comparison: Comparison, file: Path) -> None:
    comparison.save(file)
    xr.testing.assert_identical(comparison.posterior, open_comparison(file).posterior)


def test_a_comparison_without_draws_or_layout(comparison: Comparison, file: Path) -> None:
    nuts = dataclasses.replace(comparison.fits["nuts"], unconstrained_draws=None, statistics={})
    bare = dataclasses.replace(comparison, fits={**comparison.fits, "nuts": nuts}, layout={})
    bare.save(file)
    same(bare, open_comparison(file))


def test_no_pickle(comparison: Comparison, tmp_path: Path) -> None:
    comparison.save(tmp_path / "a.nc")
    content = (tmp_path / "a.nc").read_bytes()
    assert b"numpy" not in content  # a pickle names the module of what it holds
    assert b"bayescompare.compare" not in content


# -- what cannot be read ---------------------------------------------------------------------------


def test_no_such_file(tmp_path: Path) -> None:
    for name in ("no.nc", "no.zarr", "folder/no.nc"):
        with pytest.raises(MissingFileError, match="no"):
            open_comparison(tmp_path / name)


@pytest.mark.parametrize("keep", [0, 1, 100, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_file(comparison: Comparison, tmp_path: Path, keep: float) -> None:
    file = tmp_path / "a.nc"
    comparison.save(file)
    content = file.read_bytes()
    file.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(ResultFileError, match="damaged"):
        open_comparison(file)


@pytest.mark.parametrize("content", [b"", b"not a file of ours", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"])
def test_something_else(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.nc").write_bytes(content)
    with pytest.raises(ResultFileError):
        open_comparison(tmp_path / "a.nc")


def test_a_foreign_netcdf(path: Path) -> None:
    tree = xr.DataTree.from_dict({"/posterior": xr.Dataset({"mu": (("chain", "draw"), np.zeros((2, 3)))})})
    if path.suffix == ".zarr":
        tree.to_zarr(path, consolidated=False)
    else:
        tree.to_netcdf(path, engine="h5netcdf")
    with pytest.raises(ResultFileError, match="not a comparison that bayescompare saved"):
        open_comparison(path)


@pytest.mark.parametrize(
    "meta",
    ["{", "[]", "{}", json.dumps({"schema": "bayescompare/99"}), json.dumps({"schema": SCHEMA}), "null"],
)
def test_ours_in_name_only(tmp_path: Path, meta: str) -> None:
    file = tmp_path / "a.nc"
    xr.DataTree.from_dict({"/": xr.Dataset(attrs={"bayescompare": meta})}).to_netcdf(file, engine="h5netcdf")
    with pytest.raises(ResultFileError):
        open_comparison(file)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for name in ("a.nc", "a.zarr"):
        (tmp_path / name).mkdir()
        with pytest.raises(ResultFileError):
            open_comparison(tmp_path / name)


# -- what cannot be written ------------------------------------------------------------------------


def left(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_such_folder(comparison: Comparison, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(OutputError, match="Cannot write"):
        comparison.save(tmp_path / "no" / f"a.{suffix}")
    with pytest.raises(OutputError, match="Cannot write"):
        write_text(tmp_path / "no" / "a.html", "text")
    assert left(tmp_path) == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_no_file_is_not_replaced(comparison: Comparison, tmp_path: Path, suffix: str) -> None:
    pipe = tmp_path / f"a.{suffix}"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="neither a file nor a folder"):
        comparison.save(pipe)
    with pytest.raises(OutputError, match="neither a file nor a folder"):
        write_text(pipe, "text")
    assert pipe.is_fifo()
    assert left(tmp_path) == [pipe.name]


def test_a_folder_of_that_name(comparison: Comparison, path: Path) -> None:
    path.mkdir()
    (path / "mine").write_text("mine")
    with pytest.raises(OutputError, match="Cannot write"):
        comparison.save(path)
    with pytest.raises(OutputError, match="Cannot write"):
        write_text(path, "text")
    assert left(path.parent) == [path.name]
    assert (path / "mine").read_text() == "mine"


def test_a_name_that_is_too_long(comparison: Comparison, tmp_path: Path) -> None:
    for suffix in FORMATS:
        with pytest.raises(OutputError, match="Cannot write"):
            comparison.save(tmp_path / f"{'a' * 300}.{suffix}")
    assert left(tmp_path) == []


def test_a_file_below_a_file(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for suffix in FORMATS:
        with pytest.raises(OutputError, match="Cannot write"):
            comparison.save(tmp_path / "file" / f"a.{suffix}")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_failure_leaves_the_old_file(comparison: Comparison, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison.save(file)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OutputError, match="No space left"):
            comparison.save(file)
    assert left(file.parent) == [file.name]
    same(comparison, open_comparison(file))


# -- the document ----------------------------------------------------------------------------------


def test_the_document_is_strict_json(comparison: Comparison) -> None:
    document = comparison.to_dict()
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text) == document


def test_the_document_has_what_is_promised(comparison: Comparison) -> None:
    document = comparison.to_dict()
    assert document["schema"] == SCHEMA
    promised = {"schema", "model", "fits", "table", "joint", "prediction", "decisions", "sensitivity", "verdict"}
    assert promised | {"provenance"} <= set(document)
    assert set(document["verdict"]["overall"]) >= {"state", "sentence", "advice"}
    for layer in document["verdict"]["layers"].values():
        assert set(layer) >= {"state", "reason", "figure", "mcse", "margin"}
    assert document["fits"]["map"]["values"] == {
        name: None if math.isnan(x) else x for name, x in comparison.fits["map"].values.items()
    }
    assert [row["name"] for row in document["table"]] == list(NAMES)


def test_numbers_are_unrounded_and_nan_is_null(comparison: Comparison) -> None:
    rows = comparison.to_dict()["table"]
    for row, (_, given) in zip(rows, comparison.table.iterrows(), strict=True):
        for name in comparison.table.columns:
            if isinstance(given[name], float):
                expected = given[name] if math.isfinite(given[name]) else None
                assert row[name] == expected, name
            else:
                assert row[name] == given[name], name
    assert rows[5]["map"] is None
    assert type(rows[0]["boundary"]) is bool


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_a_reproducible_document_has_nothing_of_the_run(comparison: Comparison) -> None:
    whole, reproducible = comparison.to_dict(), comparison.to_dict(reproducible=True)
    assert set(VOLATILE) <= set(keys(whole))
    assert not set(VOLATILE) & set(keys(reproducible))
    assert set(keys(whole)) - set(keys(reproducible)) == set(VOLATILE)


def test_another_run_gives_the_same_reproducible_document(comparison: Comparison) -> None:
    later = dataclasses.replace(
        comparison,
        fits={
            name: dataclasses.replace(fit, seconds=99.0, compile_seconds=98.0) for name, fit in comparison.fits.items()
        },
        provenance={**comparison.provenance, "started": "later", "seconds": 97.0, "command": "c", "platform": "p"},
    )
    assert later.to_dict() != comparison.to_dict()
    assert later.to_dict(reproducible=True) == comparison.to_dict(reproducible=True)
