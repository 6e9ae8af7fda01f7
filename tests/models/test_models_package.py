"""``from bayescompare.models import NAME`` is always the Template, and loads that template's file alone."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bayescompare import models
from bayescompare.templates import Template, available, catalogue
from bayescompare.templates.library import FOLDER
from bayescompare.templates.registry import Summary

ROOT = Path(__file__).parents[2]


def test_names() -> None:
    assert models.__all__ == dir(models) == sorted(path.stem for path in (ROOT / "models").glob("[!_]*.py"))
    assert "eight_schools" in models.__all__


@pytest.mark.parametrize("name", models.__all__)
def test_template(name: str) -> None:
    template = getattr(models, name)
    assert isinstance(template, Template)
    assert template.name == name
    for text in (template.title, template.question, template.finding):
        assert text
        assert len(text) <= 110  # `bayescompare models` gives each template a line
    assert not re.search(r"\d\.\d|\d %|±", template.finding)  # it speaks of no run
    assert template.tags


@pytest.mark.parametrize("name", models.__all__)
def test_its_file_teaches(name: str) -> None:
    doc = inspect.getdoc(sys.modules[getattr(models, name).build.__module__])
    assert doc is not None
    assert "MAP" in "\n".join(doc.splitlines()[:20])
    for section in ("Question", "Data", "Model", "What MAP does, and why", "Options", "References"):
        assert f"\n{section}\n{'-' * len(section)}\n" in doc


def test_what_is_read_of_a_file_is_what_it_says_when_imported() -> None:
    assert catalogue() == {name: Summary.of(template) for name, template in available().items()}


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"no template 'nine_schools'; it has .*eight_schools, "):
        _ = models.nine_schools


IMPORTS = {
    "the documented way": "from bayescompare.models import wells",
    "as an attribute": "import bayescompare.models; wells = bayescompare.models.wells",
    "beside the file": "import bayescompare.templates.library.wells; from bayescompare.models import wells",
    "star": "from bayescompare.models import *",
}


@pytest.mark.parametrize("code", IMPORTS.values(), ids=IMPORTS)
def test_every_import_gives_the_template(code: str) -> None:
    found: dict[str, object] = {}
    exec(code, found)
    assert found["wells"] is models.wells


def test_only_the_template_asked_for_is_loaded(tmp_path: Path) -> None:
    python(
        tmp_path,
        "import sys, types, bayescompare.models as models\n"
        "dir(models); models.__all__\n"
        "assert not {'pymc', 'numpy'} & set(sys.modules), 'the names alone'\n"
        "sys.modules['pymc'] = types.ModuleType('pymc')\n"
        "from bayescompare.models import wells\n"
        "loaded = [n for n in sys.modules if n.startswith('bayescompare.templates.library.')]\n"
        "assert loaded == ['bayescompare.templates.library.wells'], loaded\n",
    )


def test_in_a_checkout_models_is_the_same() -> None:
    python(
        ROOT,
        "import models, bayescompare.models\n"
        "assert models.__all__ == dir(models) == bayescompare.models.__all__\n"
        "from models import wells\n"
        "assert wells is bayescompare.models.wells\n",
    )


THEIRS = {"models.py": "mine = 1", "models/__init__.py": "mine = 1"}


@pytest.mark.parametrize("file", THEIRS)
def test_a_users_own_models_is_left_alone(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(THEIRS[file])
    python(
        tmp_path,
        "import models\n"
        "assert models.mine == 1\n"
        "from bayescompare.models import wells\n"
        "from bayescompare.templates import available\n"
        "assert available()['wells'] is wells\n"
        "assert models.__file__.startswith(sys.path[0])\n",
    )


def test_the_data_have_sources_and_licences() -> None:
    folder = FOLDER / "data"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for name in {entry.name for entry in folder.iterdir()} - {"README.md"}:
        assert f"`{name}`" in readme
    for source, holder in (("posteriordb", "Stan Developers and their Assignees"), ("scikit-learn", "scikit-learn")):
        licence = (folder / f"LICENSE-{source}").read_text(encoding="utf-8")
        assert holder in licence
        assert "Redistribution and use in source and binary forms" in licence


def python(folder: Path, code: str) -> None:
    """Run code in a new process that sees ``folder`` first, then the checkout's package."""
    head = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", head + code], check=True, env=environment, cwd=folder)
