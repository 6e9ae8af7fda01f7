"""A file started from a template holds the same model, and can be changed."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bayescompare import models
from bayescompare.errors import UsageError
from bayescompare.model.problem import Problem
from bayescompare.templates import Template, template
from bayescompare.templates.loading import load_target
from bayescompare.templates.scaffold import starting_file


def started(folder: Path, name: str, stem: str) -> Path:
    path = folder / f"{stem}.py"
    path.write_text(starting_file(getattr(models, name), stem), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", models.__all__)
def test_every_template_starts_a_file_with_the_same_model(tmp_path: Path, name: str) -> None:
    path = started(tmp_path, name, f"my_{name}")
    target = load_target(str(path))
    assert target.name == f"my_{name}.py:my_{name}"
    assert target.title == f"My {name.replace('_', ' ')}"
    assert target.finding == ""
    assert target.description.startswith(f"My {name.replace('_', ' ')}: say here")
    assert Problem(target.model).fingerprint == Problem(getattr(models, name)()).fingerprint
    text = path.read_text(encoding="utf-8")
    for mark in ("[1]", "[3]", *(["[2]"] if "load(" in text else [])):
        assert text.count(f"# {mark}") == 1
    assert "from ." not in text


def test_options_and_data_of_the_template_work(tmp_path: Path) -> None:
    path = started(tmp_path, "eight_schools", "mine")
    target = load_target(str(path), {"y": [1.0, 2.0], "sigma": [1.0, 1.0]}, {"parametrisation": "centered"})
    assert [v.name for v in target.model.free_RVs] == ["mu", "tau", "theta"]
    assert target.sampler == {"target_accept": 0.95}
    with pytest.raises(Exception, match=r"^mine: no column 'sigma'"):
        load_target(str(path), {"y": [1.0]})


def test_only_the_speakers_name_is_changed(tmp_path: Path) -> None:
    text = started(tmp_path, "seeds", "mine").read_text(encoding="utf-8")  # whose data have a column of that name
    assert 'load("seeds")' in text
    assert 'events_in_trials("mine", table, "germinated", "seeds")' in text
    text = started(tmp_path, "item_response", "quiz").read_text(encoding="utf-8")
    assert 'f"quiz: there are {len(items)} columns' in text
    text = started(tmp_path, "horseshoe", "shrunken").read_text(encoding="utf-8")
    assert "\"shrunken: column 'y' has the same value" in text
    assert 'predictors("shrunken", load("diabetes")' in text


def test_the_head_says_how_to_run_it(tmp_path: Path) -> None:
    head = started(tmp_path, "eight_schools", "my-model").read_text(encoding="utf-8").splitlines()[:8]
    assert head[0] == "# My model, started from bayescompare's template `eight_schools`. It runs as it is:"
    assert "#     bayescompare compare my-model.py --report my-model.html" in head
    assert any("--data my_data.csv   (columns: see `data` in my_model's docstring)" in line for line in head)
    assert any("my-model.py --set parametrisation=noncentered" in line for line in head)


@pytest.mark.parametrize("stem", ["2nd", "a b", "class", "", "naïve!"])
def test_names_that_python_refuses(stem: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a model"):
        starting_file(models.eight_schools, stem)


@pytest.mark.parametrize("stem", ["pm", "columns", "table", "Any"])
def test_names_that_are_taken_in_the_template(stem: str) -> None:
    with pytest.raises(UsageError, match=f"'{stem}' is a name in the template's own code"):
        starting_file(models.eight_schools, stem)


def test_a_template_may_keep_its_name(tmp_path: Path) -> None:
    assert load_target(str(started(tmp_path, "eight_schools", "eight_schools"))).title == "Eight schools"


def test_a_template_without_source() -> None:
    @template(title="T", question="Q", finding="F", tags=(), parameters=1, observations=0)
    def typed(data: Any = None) -> Any:
        return None

    module = ModuleType("typed_at_a_prompt")
    typed.build.__module__ = module.__name__
    sys.modules[module.__name__] = module
    try:
        with pytest.raises(UsageError, match="The source of the template 'typed' cannot be had"):
            starting_file(typed, "mine")
    finally:
        del sys.modules[module.__name__]


BARE = """
import pymc as pm
from bayescompare import template

@template(title="Übung", question="Q", finding="F", tags=(), parameters=1, observations=1)
def bare(data=None):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", x, 1.0, observed=[1.0])
    return model
"""


def test_a_module_without_a_docstring(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(BARE, encoding="utf-8")
    theirs = load_target(str(tmp_path / "theirs.py")).template
    assert isinstance(theirs, Template)
    (tmp_path / "mine.py").write_text(starting_file(theirs, "mine"), encoding="utf-8")
    assert ast.get_docstring(ast.parse((tmp_path / "mine.py").read_text(encoding="utf-8")))
    target = load_target(str(tmp_path / "mine.py"))
    assert (target.title, [v.name for v in target.model.free_RVs]) == ("Mine", ["x"])
