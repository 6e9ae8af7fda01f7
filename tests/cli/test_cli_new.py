"""``bayescompare new`` writes a file that runs, and never over one that is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def test_new(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "my_model.py"
    result = run("new", path, "--from", "eight_schools")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{path}: started from eight_schools\n"
    assert f"bayescompare compare {path} --report {tmp_path / 'my_model.html'}" in result.stderr
    assert "def my_model(" in path.read_text(encoding="utf-8")


def test_a_file_that_is_there_is_left_alone(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "my_model.py"
    path.write_text("precious")
    result = run("new", path, "--from", "eight_schools")
    assert result.exit_code == 2
    assert f"{path} is there already, and is left as it is" in result.stderr
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [
        ("my_model.py", "eight_shcools", "Did you mean eight_schools?"),
        ("my_model.txt", "eight_schools", "A model's file ends in .py"),
        ("my_model", "eight_schools", "A model's file ends in .py"),
        ("2nd.py", "eight_schools", "'2nd' cannot be the name of a model"),
        ("none/my_model.py", "eight_schools", "No such file or directory"),
    ],
)
def test_what_cannot_be_started(run: Any, tmp_path: Path, file: str, name: str, said: str) -> None:
    result = run("new", tmp_path / file, "--from", name)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_from_is_asked_for(run: Any, tmp_path: Path) -> None:
    result = run("new", tmp_path / "my_model.py")
    assert result.exit_code == 2
    assert "Missing option '--from'" in result.stderr


@pytest.mark.slow
def test_the_started_file_compares(tmp_path: Path) -> None:
    def program(*arguments: str) -> str:
        command = [sys.executable, "-m", "bayescompare.cli", *arguments]
        done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    path = str(tmp_path / "my_model.py")
    program("new", path, "--from", "eight_schools")
    report = tmp_path / "my_model.html"
    found = json.loads(program("compare", path, "--report", str(report), "--json", "-", "--draws", "200", "--quiet"))
    assert found["model"]["name"] == "my_model.py:my_model"
    assert "My model: say here in a few lines" in report.read_text(encoding="utf-8")
