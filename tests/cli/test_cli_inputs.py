"""Data files, NAME=VALUE pairs, and files to be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayescompare.cli import outputs
from bayescompare.cli.inputs import margins, settings
from bayescompare.cli.options import file_of
from bayescompare.errors import DataError, MissingFileError, OutputError, UnknownNameError, UsageError
from bayescompare.templates.data_files import read_data

LAYERS = ("location", "rank", "spread")


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("n=8", 8),
        ("n=2.5", 2.5),
        ("n=-1e-3", -0.001),
        ("n=TRUE", True),
        ("n=false", False),
        ("n=None", None),
        ("n=normal", "normal"),
        ("n='8'", "8"),
        ("n=[1, 2]", [1, 2]),
        ("n=a=b", "a=b"),
        ("n=", ""),
        ("n=__import__('os')", "__import__('os')"),
        (" n = 8 ", 8),
    ],
)
def test_settings(pair: str, value: Any) -> None:
    found = settings([pair])
    assert found == {"n": value}
    assert type(found["n"]) is type(value)


@pytest.mark.parametrize("pairs", [["n"], ["=8"], [" = 8"], ["n=1", "n=2"]])
def test_settings_wrong(pairs: list[str]) -> None:
    with pytest.raises(UsageError, match="--set"):
        settings(pairs)


def test_margins() -> None:
    assert margins(["location=0.1", "spread=1"], LAYERS) == {"location": 0.1, "spread": 1.0}


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "wide", ""])
def test_margins_out_of_range(text: str) -> None:
    with pytest.raises(UsageError, match="location must be a positive number"):
        margins([f"location={text}"], LAYERS)


def test_margin_of_no_layer() -> None:
    with pytest.raises(UnknownNameError, match="these have: location, rank, spread"):
        margins(["place=1"], LAYERS)


@pytest.mark.parametrize(
    ("target", "file"),
    [("a.py", "a.py"), ("x/a.py:m", "x/a.py"), ("a.py/b.py:m", "a.py/b.py"), ("eight_schools", None)],
)
def test_file_of(target: str, file: str | None) -> None:
    assert file_of(target) == (file and Path(file))


# --- data -------------------------------------------------------------------------------------------------------------


def read(tmp_path: Path, text: str, name: str = "data.json") -> Any:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_data(path)


def test_json(tmp_path: Path) -> None:
    text = (
        '\ufeff{"J": 3, "s": 0.5, "w": "a", "y": [1, 2], "x": [[1, 2], [3, 4.5]], "g": ["a", "b"], "b": [true, false]}'
    )
    data = read(tmp_path, text)
    assert (data["J"], data["s"], data["w"]) == (3, 0.5, "a")
    assert data["y"].dtype.kind == "i"
    assert data["x"].tolist() == [[1.0, 2.0], [3.0, 4.5]]
    assert data["g"].tolist() == ["a", "b"]
    assert data["b"].dtype == bool


def test_json_null_is_nan(tmp_path: Path) -> None:
    data = read(tmp_path, '{"y": [1, null, 3], "x": NaN, "z": null, "n": [[null], [2]]}')
    np.testing.assert_array_equal(data["y"], [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(data["n"], [[np.nan], [2.0]])
    assert np.isnan(data["x"])
    assert np.isnan(data["z"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"y": [1, 2', "Expecting"),
        ("", "Expecting value"),
        ("[1, 2]", "must hold an object"),
        ('{"y": [[1, 2], [3]]}', "the rows of 'y' differ in length"),
        ('{"y": [1, "a"]}', "'y' mixes text"),
        ('{"y": {"a": 1}}', "'y' holds an object"),
        ('{"y": [{"a": 1}]}', "'y' holds objects"),
        ('{"y": [1], "y": [2]}', "'y' is there twice"),
    ],
)
def test_json_damaged(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(DataError, match=f"data.json is damaged: .*{why}"):
        read(tmp_path, text)


def test_json_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_bytes('{"é": [1]}'.encode("latin-1"))
    with pytest.raises(DataError, match=r"damaged: 'utf-8' codec"):
        read_data(tmp_path / "data.json")


def test_csv(tmp_path: Path) -> None:
    frame = read(tmp_path, "a,b\n1,x\n2,y\n", "data.csv")
    assert isinstance(frame, pd.DataFrame)
    assert frame["a"].tolist() == [1, 2]


@pytest.mark.parametrize(("text", "why"), [("", "No columns"), ("a,b\n", "holds no rows"), ('a,b\n1,"2\n', "EOF")])
def test_csv_damaged(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(DataError, match=why):
        read(tmp_path, text, "data.csv")


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "data.parquet")
    assert read_data(tmp_path / "data.parquet")["a"].tolist() == [1, 2]
    with pytest.raises(DataError, match="is damaged"):
        read(tmp_path, "no parquet", "bad.parquet")


def test_data_file_wrong(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="There is no data file"):
        read_data(tmp_path / "none.json")
    with pytest.raises(UsageError, match="is a folder"):
        read_data(tmp_path)
    with pytest.raises(UsageError, match=r"must end in .json, .csv, .parquet"):
        read(tmp_path, "", "data.txt")


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_outputs_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("old")
    outputs.check([tmp_path / "new.html", tmp_path / "old.html", None], [tmp_path / "model.py"])
    assert (tmp_path / "old.html").read_text() == "old"
    assert not (tmp_path / "new.html").exists()


def test_outputs_that_cannot(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path, why in [
        (tmp_path, "it is a folder"),
        (tmp_path / "none" / "out", "does not exist"),
        (file / "out", "is not a folder"),
    ]:
        with pytest.raises(OutputError, match=why):
            outputs.check([path])


def test_outputs_named_twice(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="named twice"):
        outputs.check([tmp_path / "out", tmp_path / "." / "out"])
    with pytest.raises(OutputError, match="named twice"):
        outputs.check([tmp_path / "model.py"], [tmp_path / "model.py"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root can write anywhere")
def test_outputs_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="permission denied"):
            outputs.check([tmp_path / "out"])
    finally:
        tmp_path.chmod(0o700)


def test_replacing_is_whole_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    path.write_text("old")

    def interrupted() -> None:
        with outputs.replacing(path) as draft:
            draft.write_text("half")
            assert draft.suffix == ".html"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    with outputs.replacing(path) as draft:
        draft.write_text("new")
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["out.html"]


def test_replacing_follows_links(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with outputs.replacing(tmp_path / "link") as draft:
        draft.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_replacing_what_was_not_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Cannot write"), outputs.replacing(tmp_path / "out"):
        pass


def test_a_folder_half_written_is_removed(tmp_path: Path) -> None:
    def interrupted() -> None:
        with outputs.replacing(tmp_path / "out.zarr") as draft:
            draft.mkdir()
            (draft / "part").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_devices_are_written_to_directly() -> None:
    outputs.check([Path(os.devnull)])
    with outputs.replacing(Path(os.devnull)) as draft:
        draft.write_text("gone")
    assert not Path(os.devnull).is_file()
