"""``from models import NAME`` is always the Template, and loads that template's file alone."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import models
from bayescompare.templates import Template

NAMES = sorted(path.stem for path in Path(models.__file__).parent.glob("[!_]*.py"))


def test_names() -> None:
    assert models.__all__ == NAMES
    assert set(NAMES) <= set(dir(models))
    assert models.__bayescompare__ is True


@pytest.mark.parametrize("name", NAMES)
def test_template(name: str) -> None:
    template = getattr(models, name)
    assert isinstance(template, Template)
    assert template.name == name
    for text in (template.title, template.question, template.finding):
        assert text
        assert len(text) <= 110  # `bayescompare models` gives each template a line
    assert template.tags


@pytest.mark.parametrize("name", NAMES)
def test_its_file_teaches(name: str) -> None:
    doc = inspect.getdoc(sys.modules[getattr(models, name).build.__module__])
    assert doc is not None
    assert "MAP" in "\n".join(doc.splitlines()[:20])
    for section in ("Question", "Data", "Model", "What MAP does, and why", "Options", "References"):
        assert f"\n{section}\n{'-' * len(section)}\n" in doc


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"no template 'nine_schools'; it has .*eight_schools, "):
        _ = models.nine_schools


def test_type_checkers_know_every_template() -> None:
    (branch,) = [node for node in ast.parse(Path(models.__file__).read_text()).body if isinstance(node, ast.If)]
    named = [node.names[0].asname for node in branch.body if isinstance(node, ast.ImportFrom)]
    assert named[1:] == NAMES  # the first is Template


# Templates are listed without loading PyMC, so their files may name it but must not use it when they are imported.
WITHOUT_PYMC = "import sys, types; sys.modules['pymc'] = types.ModuleType('pymc')"

ORDERS = {
    "package first": "from models import wells",
    "submodule first": "import models.wells; from models import wells",
    "as": "import models.wells as wells",
    "importlib": "import importlib; importlib.import_module('models.wells'); from models import wells",
    "from the file": "from models.wells import wells",
    "file, then package": "from models.wells import wells as first; from models import wells; assert wells is first",
    "package, then file": "from models import wells as first; import models.wells; from models import wells; "
    "assert wells is first",
    "another first": "from models import radon; import models.wells; from models import wells",
    "star": "from models import *",
    "attribute": "import models; wells = models.wells",
}


def test_any_order_of_imports() -> None:
    # One interpreter for all orders, for speed; each order starts without the package.
    script = (
        f"{WITHOUT_PYMC}\n"
        "from bayescompare.templates import Template\n"
        f"for order in {list(ORDERS.values())!r}:\n"
        "    for name in [n for n in sys.modules if n.split('.')[0] == 'models']:\n"
        "        del sys.modules[name]\n"
        "    found = {}\n"
        "    exec(order, found)\n"
        "    assert type(found['wells']) is Template, order\n"
        "    assert type(sys.modules['models.wells']).__name__ == 'module', order\n"
        "    assert type(sys.modules['models'].wells) is Template, order\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env=_environment())


def test_lazy() -> None:
    script = (
        "import sys, models\n"
        "dir(models); models.__all__\n"
        "assert not {'pymc', 'numpy', 'models.wells'} & set(sys.modules), 'the package alone'\n"
        f"{WITHOUT_PYMC}\n"
        "from models import wells\n"
        "loaded = {n for n in sys.modules if n.startswith('models.') and not n.startswith('models._')}\n"
        "assert loaded == {'models.wells'}, loaded\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env=_environment())


def test_the_data_have_sources_and_licences() -> None:
    folder = files("models") / "data"
    data = {entry.name for entry in folder.iterdir()}
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for name in data - {"README.md"}:
        assert f"`{name}`" in readme
    for source, holder in (("posteriordb", "Stan Developers and their Assignees"), ("scikit-learn", "scikit-learn")):
        licence = (folder / f"LICENSE-{source}").read_text(encoding="utf-8")
        assert holder in licence
        assert "Redistribution and use in source and binary forms" in licence


def _environment() -> dict[str, str]:
    root = str(Path(models.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
