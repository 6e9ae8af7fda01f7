"""A package of somebody else's, installed into a folder: its template is found, listed, fitted, and started from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the example package, built by the pinned backend and without a network."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable, "--offline"]
    command += ["--no-deps", "--no-build-isolation", "--target", str(folder), str(HERE / "example_package")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def run(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(HERE.parent), str(installed), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "bayescompare.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_it_is_listed_among_the_others(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "models", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert found["coins"]["title"] == "Coins"
    assert found["coins"]["options"] == {"a": 2.0, "b": 2.0}
    assert "eight_schools" in found
    tagged = run(installed, "models", "--tag", "example", "--json", cwd=tmp_path)
    assert [each["name"] for each in json.loads(tagged.stdout)] == ["coins"]


def test_it_is_fitted_with_options_and_own_data(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text('{"heads": [4, 9], "tosses": [10, 12]}', encoding="utf-8")
    arguments = ("fit", "coins", "--method", "map", "--set", "a=3", "--data", "own.json", "--json", "-")
    done = run(installed, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)["fits"]["map"]["values"]
    assert values["bias[1]"] == pytest.approx((4 + 3 - 1) / (10 + 3 + 2 - 2), rel=1e-6)
    assert values["bias[2]"] == pytest.approx((9 + 3 - 1) / (12 + 3 + 2 - 2), rel=1e-6)


def test_its_data_errors_are_exit_code_3(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text('{"heads": [4, 9]}', encoding="utf-8")
    done = run(installed, "fit", "coins", "--method", "map", "--data", "own.json", cwd=tmp_path)
    assert done.returncode == 3
    assert "coins: no column 'tosses' in the data" in done.stderr


def test_a_model_is_started_from_it(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "new", "mine.py", "--from", "coins", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "mine.py").read_text(encoding="utf-8")
    assert "from bayescompare_coins.checks import counts" in text  # a relative import would not work there
    done = run(installed, "fit", "mine.py", "--method", "map", "--json", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["fits"]["map"]["values"]["bias[1]"] == pytest.approx(3 / 5, rel=1e-6)


def test_without_the_package_there_is_no_such_template(tmp_path: Path) -> None:
    done = run(tmp_path, "fit", "coins", "--method", "map", cwd=tmp_path)
    assert done.returncode == 2
    assert "There is no template 'coins'" in done.stderr
