"""What is imported is declared, and what is pinned lies within the bounds that are declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS = {"bayescompare", "tests", "benchmarks", "models"}

#: Packages that are not imported by the name that they are installed by.
INSTALLED_AS = {"sklearn": "scikit-learn"}


def imported(*folders: str) -> set[str]:
    """Packages of others that the files of these folders import, by the names that they are installed by."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(str(node.module).partition(".")[0])
    beside = {path.stem for folder in folders for path in (ROOT / folder).rglob("*.py")}
    others = found - set(sys.stdlib_module_names) - OURS - beside
    return {canonicalize_name(INSTALLED_AS.get(name, name)) for name in others}


def required(*lists: list[str]) -> list[Requirement]:
    return [Requirement(line) for each in lists for line in each]


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(each.name) for each in requirements}


RUNTIME = required(PROJECT["project"]["dependencies"])
EXTRAS = required(*PROJECT["project"]["optional-dependencies"].values())
TEST = required(PROJECT["dependency-groups"]["test"])


def test_what_the_package_imports_is_declared() -> None:
    assert imported("bayescompare", "models") - names(RUNTIME + EXTRAS) == set()


def test_what_the_tests_import_is_declared() -> None:
    from_extras = {"matplotlib", "dask"}  # of arviz-plots[matplotlib], and of distributed
    assert imported("tests", "benchmarks") - names(RUNTIME + EXTRAS + TEST) - from_extras == set()


@pytest.mark.parametrize("file", ["dev.txt", "runtime.txt"])
def test_what_is_pinned_lies_within_the_bounds(file: str) -> None:
    text = (ROOT / "requirements" / file).read_text("utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
    for each in RUNTIME if file == "runtime.txt" else RUNTIME + TEST:
        assert each.specifier.contains(pinned[canonicalize_name(each.name)]), each
