"""Templates by name and from other packages, and models from a user's file."""

from __future__ import annotations

import importlib.metadata
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from bayescompare.errors import DataError, MissingFileError, ModelFileError, UnknownNameError, UsageError
from bayescompare.templates import BrokenEntryWarning, Template, available, get, registry, template
from bayescompare.templates.loading import load_target

MODEL = "import pymc as pm\nwith pm.Model() as {name}:\n    x = pm.Normal('x', 0.0, 1.0)\n"
FUNCTION = (
    "def {head}:\n    import pymc as pm\n    with pm.Model() as m:\n        pm.Normal('x', 0.0, 1.0)\n    return m\n"
)


@template(title="Own", question="?", finding="!", tags=(), parameters=1, observations=0, sampler={"draws": 7})
def own(data: Any = None, *, scale: float = 1.0, wide: bool = False) -> Any:
    """A model of these tests.

    Parameters
    ----------
    scale : float
    """
    import pymc as pm

    with pm.Model() as model:
        pm.Normal("x", 0.0, scale, observed=None if data is None else data["x"])
    return model


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(text: str, name: str = "mine.py") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def offer(monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, str]) -> None:
    found = [importlib.metadata.EntryPoint(name, value, registry.ENTRY_POINTS) for name, value in entries]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found)


# --- the registry -----------------------------------------------------------------------------------------------------


def test_built_in_templates_are_there_and_sorted() -> None:
    found = available()
    assert list(found) == sorted(found)
    assert found["eight_schools"].name == "eight_schools"
    assert all(isinstance(value, Template) for value in found.values())
    assert all(found[name].name == name for name in found)
    assert all(found[name].focus for name in registry.built_in_names())


def test_get_gives_the_same_template() -> None:
    assert get("eight_schools") is available()["eight_schools"]


def test_scanning_leaves_the_templates_importable() -> None:
    available()
    from bayescompare.models import eight_schools

    assert isinstance(eight_schools, Template)


def test_unknown_name_suggests() -> None:
    with pytest.raises(UnknownNameError, match=r"no template 'eight_shcools'. Did you mean eight_schools\?"):
        get("eight_shcools")


def test_templates_of_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, ("theirs", f"{__name__}:own"))
    assert available()["theirs"] is own
    assert get("theirs") is own


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("broken", "no_such_module_anywhere:x", "No module named 'no_such_module_anywhere'"),
        ("broken", f"{__name__}:MODEL", "is a str, not a Template"),
        ("eight_schools", f"{__name__}:own", "'eight_schools' is taken"),
    ],
)
def test_a_broken_entry_is_named_and_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    offer(monkeypatch, (name, value), ("theirs", f"{__name__}:own"))
    with pytest.warns(BrokenEntryWarning, match=f"{name}.*is left out") as caught:
        found = available()
    assert why in str(caught[0].message)
    assert {"theirs", "eight_schools"} <= set(found)
    if name == "broken":
        with pytest.raises(ModelFileError, match=why):
            get("broken")


def test_broken_entry_does_not_touch_get_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, ("broken", "no_such_module_anywhere:x"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get("eight_schools").name == "eight_schools"


# --- templates as targets ---------------------------------------------------------------------------------------------


def test_template_by_name() -> None:
    target = load_target("eight_schools", options={"parametrisation": "centered"})
    assert target.name == "eight_schools"
    assert target.template is get("eight_schools")
    assert target.title
    assert target.question
    assert target.finding
    assert target.code.startswith("def eight_schools(")
    assert target.description.startswith("Eight schools")
    assert "---" not in target.description
    assert "theta_t" not in target.model.named_vars
    assert target.sampler == get("eight_schools").sampler


def test_template_object_with_data() -> None:
    target = load_target(own, {"x": [1.0, 2.0]}, {"scale": 2})
    assert [v.name for v in target.model.observed_RVs] == ["x"]
    assert target.description == "Templates by name and from other packages, and models from a user's file."
    assert target.sampler == {"draws": 7}


def test_unknown_option_lists_options() -> None:
    with pytest.raises(UnknownNameError, match=r"no option 'scael'. Did you mean scale\? It has: scale, wide."):
        load_target(own, options={"scael": 1})


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"wide": "no"}, "'wide' is true or false, not 'no'"),
        ({"wide": 1}, "true or false"),
        ({"scale": "big"}, r"'scale' is a number \(as 1.0\), not 'big'"),
        ({"scale": True}, "is a number"),
    ],
)
def test_option_of_another_kind(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        load_target(own, options=options)


def test_template_that_the_data_do_not_fit() -> None:
    with pytest.raises(DataError, match=r"own cannot be built with these data: line .*KeyError: 'x'"):
        load_target(own, {"z": [1.0]})


# --- a user's file ----------------------------------------------------------------------------------------------------


def test_the_only_model(write: Any) -> None:
    target = load_target(write('"""Mine.\n\nIt is ``so``."""\n' + MODEL.format(name="chosen") + "same = chosen\n"))
    assert target.name == "mine.py:chosen"
    assert target.title == "mine.py:chosen"
    assert target.description == "Mine.\n\nIt is so."
    assert "with pm.Model() as chosen" in target.code
    assert target.template is None


def test_named_among_two(write: Any) -> None:
    path = write(MODEL.format(name="a") + MODEL.format(name="b"))
    assert load_target(f"{path}:b").name == "mine.py:b"
    with pytest.raises(ModelFileError, match=r"more than one model: a, b. Say which: mine.py:a"):
        load_target(path)


def test_parts_private_and_imported_models_do_not_count(write: Any) -> None:
    write(MODEL.format(name="theirs"), "neighbour.py")
    path = write(
        "from neighbour import theirs\n" + MODEL.format(name="whole") + "    with pm.Model('part') as part:\n"
        "        pm.Normal('y', 0.0, 1.0)\n" + MODEL.format(name="_private")
    )
    assert load_target(path).name == "mine.py:whole"
    assert load_target(f"{path}:theirs").name == "mine.py:theirs"
    assert "neighbour" in sys.modules
    assert str(Path(path).parent) not in sys.path
    del sys.modules["neighbour"]


def test_models_come_before_functions(write: Any) -> None:
    path = write(FUNCTION.format(head="build()") + MODEL.format(name="ready"))
    assert load_target(path).name == "mine.py:ready"


@pytest.mark.parametrize(
    "text",
    [
        "import pymc as pm\n" + FUNCTION.format(head="anything() -> pm.Model"),
        "from pymc import Model\n" + FUNCTION.format(head="anything() -> 'Model'"),
        FUNCTION.format(head="anything()"),
        FUNCTION.format(head="_inner()") + "def model():\n    return _inner()\n",
        "def helper(x):\n    return x\n" + FUNCTION.format(head="anything()"),
        "from bayescompare.templates.loading import load_target\n" + FUNCTION.format(head="anything()"),
    ],
)
def test_functions_that_count(write: Any, text: str) -> None:
    assert load_target(write(text)).name in ("mine.py:anything", "mine.py:model")


def test_template_in_a_file(write: Any) -> None:
    path = write(
        "from bayescompare.templates import template\n"
        "@template(title='T', question='Q', finding='F', tags=(), parameters=1, observations=0)\n"
        + FUNCTION.format(head="mine(data=None, *, n=1)")
    )
    target = load_target(path, options={"n": 2})
    assert (target.name, target.title, target.template is not None) == ("mine.py:mine", "T", True)
    assert target.code.startswith("def mine(data=None, *, n=1):")


def test_two_functions(write: Any) -> None:
    with pytest.raises(ModelFileError, match="more than one model: one, two"):
        load_target(write(FUNCTION.format(head="one()") + FUNCTION.format(head="two()")))


@pytest.mark.parametrize("text", ["", "x = 1\n", "def helper(x):\n    return x\n"])
def test_no_model(write: Any, text: str) -> None:
    with pytest.raises(ModelFileError, match=r"mine.py holds no model"):
        load_target(write(text))


def test_no_such_name(write: Any) -> None:
    with pytest.raises(ModelFileError, match=r"mine.py holds no 'chose'. Did you mean chosen\?"):
        load_target(write(MODEL.format(name="chosen")) + ":chose")


def test_named_thing_is_no_model(write: Any) -> None:
    with pytest.raises(ModelFileError, match=r"mine.py:x is a int, not a pm.Model"):
        load_target(write("x = 1\n") + ":x")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1\ny = 1 / 0\n", "broken.py does not import: line 2: ZeroDivisionError: division by zero"),
        ("x = 1\ndef f(:\n", "broken.py does not import: line 2: SyntaxError: invalid syntax"),
        ("import no_such_thing\n", "line 1: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("import sys\nsys.exit(3)\n", "line 2: SystemExit: 3"),
    ],
)
def test_file_that_does_not_import(write: Any, text: str, why: str) -> None:
    path = write(text, "broken.py")
    with pytest.raises(ModelFileError, match=why):
        load_target(path)
    assert not [name for name in sys.modules if name.startswith("_bayescompare_file_broken")]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"There is no file .*none\.py"):
        load_target(str(tmp_path / "none.py"))
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(MissingFileError, match="is a folder"):
        load_target(str(tmp_path / "folder.py"))


def test_not_a_python_file(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("")
    with pytest.raises(UsageError, match=r"a model's file ends in .py"):
        load_target(str(tmp_path / "model.txt"))


def test_a_changed_file_is_read_again(write: Any) -> None:
    assert load_target(write(MODEL.format(name="a"))).name == "mine.py:a"
    assert load_target(write(MODEL.format(name="b"))).name == "mine.py:b"
    assert not list(Path(write("")).parent.glob("__pycache__"))


def test_files_of_one_name_are_two_modules(write: Any, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    first = write(FUNCTION.format(head="a()"))
    second = write(FUNCTION.format(head="b()"), "sub/mine.py")
    assert [load_target(path).name for path in (first, second, first)] == ["mine.py:a", "mine.py:b", "mine.py:a"]


# --- a user's function ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "data", "options"),
    [
        ("f()", None, {}),
        ("f(data)", {"x": 1}, {}),
        ("f(data=None)", None, {}),
        ("f(data=None)", {"x": 1}, {}),
        ("f(table, n=3)", {"x": 1}, {"n": 4}),
        ("f(n=3)", None, {"n": 4}),
        ("f(n)", None, {"n": 4}),
        ("f(*, n)", None, {"n": 4}),
        ("f(**k)", None, {"n": 4}),
        ("f(*data)", {"x": 1}, {}),
    ],
)
def test_functions_are_called_with_what_they_take(write: Any, head: str, data: Any, options: dict[str, Any]) -> None:
    assert load_target(write(FUNCTION.format(head=head)), data, options).name == "mine.py:f"


@pytest.mark.parametrize(
    ("head", "data", "options", "error", "why"),
    [
        ("f()", {"x": 1}, {}, UsageError, "mine.py:f takes no data"),
        ("f(n=3)", {"x": 1}, {}, UsageError, "takes no data"),
        ("f(*, data)", {"x": 1}, {}, UsageError, "takes no data"),
        ("f(data)", None, {}, UsageError, "takes data as its argument 'data': give a file with --data"),
        ("f(data, n)", {"x": 1}, {}, UsageError, "needs a value for n: give it as --set n=VALUE"),
        ("f(data)", {"x": 1}, {"n": 3}, UnknownNameError, "no option 'n'. It has none"),
        ("f(data, m=1)", {"x": 1}, {"n": 3}, UnknownNameError, "no option 'n'. It has: m."),
    ],
)
def test_functions_called_wrongly(
    write: Any, head: str, data: Any, options: dict[str, Any], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        load_target(write(FUNCTION.format(head=head)), data, options)


def test_function_that_raises(write: Any) -> None:
    text = "def model():\n    x = 1\n    raise RuntimeError('bad luck')\n"
    with pytest.raises(ModelFileError, match=r"mine.py:model raises: line 3: RuntimeError: bad luck"):
        load_target(write(text))


@pytest.mark.parametrize(("value", "why"), [("None", "returns nothing"), ("{}", "returns a dict")])
def test_function_that_returns_something_else(write: Any, value: str, why: str) -> None:
    with pytest.raises(ModelFileError, match=why):
        load_target(write(f"def model():\n    return {value}\n"))


def test_finished_model_takes_neither_data_nor_options(write: Any) -> None:
    path = write(MODEL.format(name="m"))
    with pytest.raises(UsageError, match="cannot take data"):
        load_target(path, {"x": 1})
    with pytest.raises(UsageError, match="cannot take the option 'n'"):
        load_target(path, options={"n": 1})


def test_model_object() -> None:
    import pymc as pm

    with pm.Model(name="") as model:
        pm.Normal("x", 0.0, 1.0)
    target = load_target(model)
    assert (target.model, target.name, target.code) == (model, "model", "")


def test_a_description_has_no_markup(tmp_path: Path) -> None:
    """Backticks and the stars of emphasis go; the stars of arithmetic stay."""
    path = tmp_path / "mine.py"
    said = '"""A mode is *the*\\nhighest *point of a density*: ``tau**2`` and 2 * x * y."""\n'
    path.write_text(f"{said}import pymc as pm\nwith pm.Model() as model:\n    pm.Normal('mu')\n", encoding="utf-8")
    text = load_target(f"{path}:model").description
    assert text == "A mode is the\nhighest point of a density: tau**2 and 2 * x * y."
