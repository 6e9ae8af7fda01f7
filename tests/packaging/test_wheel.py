"""The wheel does its job in an environment which has nothing else of ours, from a folder which is not the checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import bayescompare

REPOSITORY = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Standard output of a command that must succeed, with nothing of the checkout on Python's path."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        command, cwd=cwd, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution, built with the pinned backend."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=REPOSITORY)
    return folder


def package_files() -> set[str]:
    """Every file under version control which belongs to the package, where the wheel has it."""
    listed = run("git", "ls-files", "-z", "bayescompare", "models", cwd=REPOSITORY)
    moved = (re.sub("^models/", "bayescompare/templates/library/", name) for name in listed.split("\0") if name)
    return set(moved)


def test_wheel_holds_every_file_of_the_packages(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert package_files() - names == set()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"bayescompare"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    endings = {Path(name).suffix for name in names}
    assert endings >= {".py", ".json", ".css", ".j2", ".typed"}


def test_source_distribution_can_make_the_wheel(dist: Path, tmp_path: Path) -> None:
    (source,) = dist.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=folder)
    (built,), (wheel,) = tmp_path.glob("*.whl"), dist.glob("*.whl")
    assert set(zipfile.ZipFile(built).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_wheel_is_small_and_its_metadata_are_valid(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    assert wheel.stat().st_size <= 1_500_000
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Metadata.from_email(archive.read(name), validate=True)
    assert metadata.description_content_type == "text/markdown"
    assert metadata.description == (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_recipe_has_the_projects_dependencies() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recipe = (REPOSITORY / "packaging" / "recipe.yaml").read_text(encoding="utf-8")
    run_time = recipe.partition("  run:\n")[2].partition("\n\n")[0].splitlines()
    names = [line.removeprefix("    - ").replace(" ", "") for line in run_time]
    assert names == ["python>=${{python_min}}", *project["dependencies"]]
    assert f'python_min: "{project["requires-python"].removeprefix(">=")}"' in recipe


def test_every_file_that_names_the_version_names_the_same() -> None:
    """Those that a release edits, and the tag, where the commit has one (docs/decisions/0014-version.md)."""
    version = bayescompare.__version__
    assert f'version: "{version}"' in (REPOSITORY / "packaging" / "recipe.yaml").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version = {{{version}}}" in (REPOSITORY / "docs" / "how_to" / "papers.md").read_text(encoding="utf-8")
    tags = run("git", "tag", "--points-at", "HEAD", cwd=REPOSITORY).split()
    assert [tag for tag in tags if tag.startswith("v")] in ([], [f"v{version}"])


def test_the_wheel_and_the_source_distribution_have_the_version(dist: Path) -> None:
    names = sorted(path.name for path in dist.iterdir())
    version = bayescompare.__version__
    assert names == [f"bayescompare-{version}-py3-none-any.whl", f"bayescompare-{version}.tar.gz"]


@pytest.fixture(scope="module")
def empty(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the pinned run-time packages and the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    uv = (sys.executable, "-m", "uv")
    run(*uv, "venv", "--python", sys.executable, folder, cwd=dist)
    install = (*uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python")
    run(*install, "--require-hashes", "-r", REPOSITORY / "requirements" / "runtime.txt", cwd=dist)
    (wheel,) = dist.glob("*.whl")
    run(*install, "--no-deps", wheel, cwd=dist)
    run(*uv, "pip", "check", "--python", folder / "bin" / "python", cwd=dist)
    return folder


@pytest.mark.slow
def test_installed_wheel_compares(empty: Path, tmp_path: Path) -> None:
    program = empty / "bin" / "bayescompare"
    draws = ("--draws", "200", "--tune", "200")
    run(program, "compare", "eight_schools", "--report", "x.html", "--json", "x.json", *draws, cwd=tmp_path)
    report = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "eight schools" in report.lower()
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["schema"] == "bayescompare/2"


@pytest.mark.slow
def test_installed_wheel_lists_and_imports_templates(empty: Path, tmp_path: Path) -> None:
    python = empty / "bin" / "python"
    code = "import bayescompare; from bayescompare.models import wells; print(wells().name, bayescompare.__file__)"
    assert str(empty) in run(python, "-c", code, cwd=tmp_path)
    (tmp_path / "models.py").write_text("mine = 1")
    assert "1" in run(python, "-c", f"import models; {code}; print(models.mine)", cwd=tmp_path)
    names = json.loads(run(empty / "bin" / "bayescompare", "models", "--json", cwd=tmp_path))
    assert "eight_schools" in {each["name"] for each in names}
