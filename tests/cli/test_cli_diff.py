"""``bayescompare diff``: two reports or saved comparisons, on the terminal, as JSON and as a page."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.report.factory import make


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A report that differs, and one that says the same."""
    paths = tmp_path / "a.html", tmp_path / "b.html"
    make("differs", 5).to_html(paths[0])
    make("same", 5).to_html(paths[1])
    return paths


def test_it_says_what_changed(run: Any, files: tuple[Path, Path]) -> None:
    done = run("diff", *files)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("The verdict changed.")
    assert ["location", "differs", "same"] in [line.split() for line in done.stdout.splitlines()]
    assert "joint errors" in done.stdout
    assert "more than" in done.stdout


def test_the_same_file_twice_has_no_change(run: Any, files: tuple[Path, Path]) -> None:
    done = run("diff", files[0], files[0])
    assert done.exit_code == 0
    assert done.stdout.startswith("Nothing changed. None of")


def test_a_saved_comparison_and_its_report_are_the_same(run: Any, tmp_path: Path) -> None:
    comparison = make("differs", 5)
    comparison = dataclasses.replace(comparison, layout={})
    comparison.save(tmp_path / "a.nc")
    comparison.to_html(tmp_path / "a.html")
    done = run("diff", tmp_path / "a.nc", tmp_path / "a.html")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Nothing changed.")


def test_json_holds_every_change(run: Any, files: tuple[Path, Path], tmp_path: Path) -> None:
    done = run("diff", *files, "--json", "-")
    document = json.loads(done.stdout)
    assert document["verdict_changed"] is True
    assert document["same_model"] is True
    assert any(change["beyond"] for change in document["changes"])
    run("diff", *files, "--json", tmp_path / "d.json")
    assert json.loads((tmp_path / "d.json").read_text(encoding="utf-8")) == document


def test_the_page_is_written_whole(run: Any, files: tuple[Path, Path], tmp_path: Path) -> None:
    done = run("diff", *files, "--report", tmp_path / "d.html")
    assert done.exit_code == 0
    assert "Report:" in done.stdout
    text = (tmp_path / "d.html").read_text(encoding="utf-8").strip()
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>")


def test_what_cannot_be_compared_has_its_exit_code(run: Any, files: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    other.write_text("<p>hello", encoding="utf-8")
    assert run("diff", files[0], other).exit_code == 5
    assert run("diff", files[0], tmp_path / "none.html").exit_code == 2
    assert run("diff", *files, "--report", files[0]).exit_code == 2
    assert run("diff", *files, "--report", "-").exit_code == 2
    assert run("diff", files[0]).exit_code == 2


@pytest.fixture
def draws(tmp_path: Path) -> tuple[Path, Path]:
    """Draws of one law, the second's ``mu`` moved."""
    rng = np.random.default_rng(1)
    paths = tmp_path / "a.nc", tmp_path / "b.nc"
    for path, moved in zip(paths, (0.0, 1.0), strict=True):
        variables = {name: (("chain", "draw"), rng.normal(size=(4, 300))) for name in ("mu", "tau")}
        posterior = xr.Dataset(variables)
        posterior["mu"] += moved
        xr.DataTree.from_dict({"posterior": posterior}).to_netcdf(path, engine="h5netcdf")
    return paths


def test_draws_that_any_program_saved_are_compared(run: Any, draws: tuple[Path, Path], tmp_path: Path) -> None:
    done = run("diff", *draws, "--report", tmp_path / "d.html", "--json", tmp_path / "d.json")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("They differ. mu: the second’s mean is")
    assert json.loads((tmp_path / "d.json").read_text(encoding="utf-8"))["state"] == "differs"
    assert "They differ." in (tmp_path / "d.html").read_text(encoding="utf-8")
    assert run("diff", *draws, "--var-names", "tau").stdout.startswith("The same.")


def test_fail_if_has_an_exit_code_of_its_own(run: Any, draws: tuple[Path, Path], files: tuple[Path, Path]) -> None:
    assert run("diff", *draws, "--fail-if", "differs").exit_code == 6
    assert run("diff", *draws, "--fail-if", "undecided").exit_code == 0
    assert run("diff", draws[0], draws[0], "--fail-if", "differs", "--fail-if", "undecided").exit_code == 0
    assert run("diff", *files, "--fail-if", "differs").exit_code == 6
    assert run("diff", files[0], files[0], "--fail-if", "differs").exit_code == 0
