"""Every kind of bad input: its message, its exit code, and that no file is left half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bayescompare.errors import BayesCompareError, ResultFileError

REPOSITORY = Path(__file__).parents[2]

HEAD = "import numpy as np\nimport pymc as pm\n\n\ndef model():\n    with pm.Model() as m:\n"
TAIL = "    return m\n"


def model(*lines: str) -> str:
    """A file whose function builds a model of these lines."""
    return HEAD + "".join(f"        {line}\n" for line in lines) + TAIL


SOUND = model("x = pm.Normal('x', 0.0, 1.0)", "pm.Normal('y', x, 1.0, observed=[1.0, 2.0])")

# What a user may ask wrongly: arguments after TARGET (OUT is a folder that can be written to), and what is said.
USAGE = {
    "no target": ([], "Missing argument 'TARGET'"),
    "no such command's option": (["FILE", "--dras", "1"], "No such option '--dras'"),
    "unknown template": (["eight_shcools"], "Did you mean eight_schools?"),
    "missing file": (["OUT/none.py"], "There is no file OUT/none.py"),
    "missing file with a name": (["OUT/none.py:model"], "There is no file OUT/none.py"),
    "not a Python file": (["OUT/notes.txt"], "a model's file ends in .py"),
    "missing data": (["FILE", "--data", "OUT/none.json"], "There is no data file OUT/none.json"),
    "data of another kind": (["FILE", "--data", "OUT/notes.txt"], "must end in .json, .csv, .parquet"),
    "data that are not taken": (["FILE", "--data", "OUT/data.json"], "mine.py:model takes no data"),
    "unknown option": (["eight_schools", "--set", "parametrization=centered"], "Did you mean parametrisation?"),
    "unknown option of a file": (["FILE", "--set", "n=1"], "mine.py:model has no option 'n'. It has none."),
    "option out of range": (["eight_schools", "--set", "parametrisation=both"], "'noncentered' or 'centered'"),
    "option without a value": (["FILE", "--set", "n"], "--set takes NAME=VALUE, not 'n'"),
    "unknown engine": (["FILE", "--engine", "stan"], "'stan' is not one of 'nutpie', 'pymc', 'numpyro', 'blackjax'"),
    "no draws": (["FILE", "--draws", "0"], "0 is not in the range x>=1"),
    "no tuning": (["FILE", "--tune", "-1"], "-1 is not in the range x>=1"),
    "no chains": (["FILE", "--chains", "0"], "0 is not in the range x>=1"),
    "half a draw": (["FILE", "--draws", "1.5"], "'1.5' is not a valid integer range"),
    "target of one": (["FILE", "--target-accept", "1"], "1 does not lie between 0 and 1"),
    "negative seed": (["FILE", "--seed", "-1"], "-1 is not in the range 0<=x<="),
    "interval of one": (["FILE", "--interval", "1"], "1 does not lie between 0 and 1"),
    "interval that is none": (["FILE", "--interval", "nan"], "nan does not lie between 0 and 1"),
    "interval in words": (["FILE", "--interval", "wide"], "wide does not lie between 0 and 1"),
    "margin of no layer": (["FILE", "--margin", "place=1"], "these have: location"),
    "margin below zero": (["FILE", "--margin", "location=-1"], "location must be a positive number, not '-1'"),
    "report is a folder": (["FILE", "--report", "OUT"], "Cannot write OUT: it is a folder"),
    "report in no folder": (["FILE", "--report", "OUT/none/r.html"], "the folder OUT/none does not exist"),
    "json under a file": (["FILE", "--json", "OUT/notes.txt/r.json"], "OUT/notes.txt is not a folder"),
    "save is a folder": (["FILE", "--save", "OUT"], "Cannot write OUT: it is a folder"),
    "one file for two": (["FILE", "--report", "OUT/r", "--json", "OUT/r"], "the same file is named twice"),
    "report to stdout": (["FILE", "--report", "-"], "Only --json can be written to standard output"),
    "report on the model": (["FILE", "--report", "FILE"], "the same file is named twice"),
}

# Models that cannot be used: the file's text, and what is said.
MODELS = {
    "syntax": ("def model(:\n", "mine.py does not import: line 1: SyntaxError"),
    "import": ("import no_such_thing\n", "line 1: ModuleNotFoundError: No module named 'no_such_thing'"),
    "raises at import": ("x = 1\n1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
    "no model": ("x = 1\n", "mine.py holds no model"),
    "two models": (SOUND + SOUND.replace("def model", "def build"), "more than one model: model, build"),
    "raises": (HEAD + "        raise RuntimeError('bad luck')\n", "raises: line 7: RuntimeError: bad luck"),
    "raises with two lines": ("def model():\n    raise ValueError('a\\nb')\n", "line 2: ValueError: a\nb"),
    "returns nothing": ("def model():\n    pass\n", "mine.py:model returns nothing; it must return the pm.Model"),
    "no free variables": (model("pm.Normal('y', 0.0, 1.0, observed=[1.0])"), "no free random variables"),
    "no observed variables": (model("pm.Normal('x', 0.0, 1.0)"), "no observed variables"),
    "NaN data": (
        model("x = pm.Normal('x', 0.0, 1.0)", "d = pm.Data('d', [1.0, np.nan])", "pm.Normal('y', x, 1.0, observed=d)"),
        "line 8: NotImplementedError: Masked arrays or arrays with `nan` entries are not supported",
    ),
    "NaN covariates": (
        model("x = pm.Normal('x', 0.0, 1.0)", "pm.Normal('y', x * [1.0, np.nan], 1.0, observed=[1.0, 2.0])"),
        {"compare": "an array that it depends on holds 1 NaN or infinite value", "fit": "zero or NaN at all of"},
    ),
    "infinite data": (
        model("x = pm.Normal('x', 0.0, 1.0)", "pm.Normal('y', x, 1.0, observed=[1.0, np.inf])"),
        "'y' hold 1 NaN or infinite value of 2",
    ),
    "discrete variables": (
        model("n = pm.Poisson('n', 3.0)", "pm.Normal('y', n, 1.0, observed=[1.0])"),
        {"compare": "Discrete free variables have no gradient: n", "fit": "the states of Poisson are not enumerated"},
    ),
    "zero density": (
        model("x = pm.Normal('x', 0.0, 1.0)", "pm.Exponential('y', x**2 + 1.0, observed=[-1.0])"),
        {"compare": "y[0] = −1 cannot", "fit": "zero or NaN at all of"},
    ),
    "NaN density": (
        model("x = pm.Normal('x', 0.0, 1.0)", "pm.Potential('p', pm.math.log(-1.0 - x**2))"),
        {"compare": "The log density of p is NaN or infinite", "fit": "zero or NaN at all of"},
    ),
}

DATA = {
    "damaged": ('{"y": [1, 2', "data.json is damaged"),
    "ragged": ('{"y": [[1], [2, 3]], "sigma": [1, 2]}', "the rows of 'y' differ in length"),
    "missing column": ('{"y": [1, 2]}', "sigma"),
    "unequal": ('{"y": [1, 2], "sigma": [1]}', "different lengths"),
    "null": ('{"y": [1, null], "sigma": [1, 2]}', "eight_schools"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a sound model and some files; outputs go to ``out`` in it."""
    (tmp_path / "mine.py").write_text(SOUND)
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("notes")
    (out / "data.json").write_text('{"y": [1, 2]}')
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def spoken(result: Any) -> str:
    """What was said on stderr; there must be no traceback, and nothing on stdout."""
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return str(result.stderr)


@pytest.mark.parametrize("case", USAGE)
def test_usage(run: Any, folder: Path, case: str) -> None:
    arguments, said = USAGE[case]

    def placed(text: str) -> str:
        return text.replace("OUT", str(folder / "out")).replace("FILE", str(folder / "mine.py"))

    before = contents(folder)
    result = run("compare", *map(placed, arguments))
    assert placed(said) in spoken(result)
    assert result.exit_code == 2
    assert contents(folder) == before


@pytest.mark.parametrize("command", [["compare"], ["fit", "--method", "map"]], ids=["compare", "fit"])
@pytest.mark.parametrize("case", MODELS)
def test_model(run: Any, folder: Path, case: str, command: list[str]) -> None:
    text, said = MODELS[case]
    (folder / "mine.py").write_text(text)
    before = contents(folder)
    result = run(*command, folder / "mine.py", "--json", folder / "out" / "r.json")
    assert (said if isinstance(said, str) else said[command[0]]) in spoken(result)
    assert result.exit_code == 3, result.stderr
    assert contents(folder) == before


@pytest.mark.parametrize("case", DATA)
def test_data(run: Any, folder: Path, case: str) -> None:
    text, said = DATA[case]
    path = folder / "out" / "data.json"
    path.write_text(text)
    result = run("compare", "eight_schools", "--data", path)
    assert said in spoken(result)
    assert result.exit_code == 3


def test_outputs_are_checked_before_the_model_is_read(run: Any, folder: Path) -> None:
    (folder / "mine.py").write_text("raise SystemExit('this must not run')\n")
    result = run("compare", folder / "mine.py", "--report", folder / "none" / "r.html")
    assert result.exit_code == 2
    assert "does not exist" in spoken(result)


def test_unknown_method(run: Any, folder: Path) -> None:
    result = run("fit", folder / "mine.py", "--method", "mop")
    assert "Unknown method 'mop'" in spoken(result)
    assert result.exit_code == 2


def test_unknown_command(run: Any) -> None:
    result = run("compre", "eight_schools")
    assert "No such command 'compre'" in spoken(result)
    assert result.exit_code == 2


def test_mode_that_does_not_exist(run: Any, folder: Path) -> None:
    """For ``fit`` a failure, written all the same."""
    out = folder / "out" / "fit.json"
    result = run("fit", "eight_schools", "--set", "parametrisation=centered", "--method", "map", "--json", out)
    assert result.exit_code == 4
    assert "no mode" in result.stderr
    assert '"status": "failed"' in out.read_text()


# --- what main makes of errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["before", "after"])
def test_debug_shows_the_traceback(run: Any, folder: Path, where: str) -> None:
    command = ["compare", str(folder / "none.py")]
    result = run(*(["--debug", *command] if where == "before" else [*command, "--debug"]))
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.rstrip().splitlines()[-1].startswith("Error: There is no file")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ResultFileError("It is damaged."), 5, "Error: It is damaged.\n"),
        (BayesCompareError("Something."), 1, "Error: Something.\n"),
        (KeyboardInterrupt(), 130, "Stopped. Nothing was written.\n"),
        (
            TypeError("a bug"),
            1,
            "Internal error: TypeError: a bug. Run it again with --debug for the traceback.\n",
        ),
    ],
)
def test_exit_codes(run: Any, library: Any, folder: Path, error: BaseException, code: int, said: str) -> None:
    library.result = error
    result = run("compare", folder / "mine.py", "--report", folder / "out" / "r.html")
    assert result.exit_code == code
    assert result.stderr.removeprefix("what a library prints\n").lstrip("\n") == said
    assert not (folder / "out" / "r.html").exists()


def test_ctrl_c_counts_though_the_sampler_catches_it(run: Any, library: Any, folder: Path) -> None:
    def catches(*_: Any, **__: Any) -> Any:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            return library.result

    library.run = catches
    before = signal.getsignal(signal.SIGINT)
    result = run("compare", folder / "mine.py", "--report", folder / "out" / "r.html")
    assert result.exit_code == 130
    assert not (folder / "out" / "r.html").exists()
    assert signal.getsignal(signal.SIGINT) is before


# --- in a process of its own ------------------------------------------------------------------------------------------


def start(*arguments: object, path: Path | None = None) -> subprocess.Popen[str]:
    found = os.pathsep.join(str(p) for p in (path, REPOSITORY) if p)
    return subprocess.Popen(
        [sys.executable, "-m", "bayescompare.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("engine", ["numpyro", "blackjax"])
def test_engine_not_installed(folder: Path, engine: str) -> None:
    hook = folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(f"import sys\nsys.modules[{engine!r}] = None\n")
    (folder / "mine.py").write_text("raise SystemExit('this must not run')\n")
    process = start("compare", folder / "mine.py", "--engine", engine, path=hook)
    out, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert out == ""
    assert f"The engine {engine} is not installed" in said
    assert f"pip install 'bayescompare[{engine}]'" in said


def test_ctrl_c_while_sampling(folder: Path) -> None:
    out = folder / "out"
    before = contents(out)
    process = start(
        *("compare", folder / "mine.py", "--draws", 50_000_000, "--chains", 2),
        *("--report", out / "r.html", "--json", out / "r.json", "--save", out / "r.nc"),
    )
    try:
        stderr = process.stderr
        assert stderr is not None
        said = ""
        while "sampling" not in said.lower():  # said after some seconds
            line = stderr.readline()
            assert line, said
            said += line
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        out_text, rest = process.communicate(timeout=60)
    finally:
        process.kill()  # else a failed test leaves a sampler behind that takes all memory
    assert process.returncode == 130, said + rest
    assert out_text == ""
    assert "Traceback" not in said + rest
    assert rest.rstrip().endswith("Stopped. Nothing was written.")
    assert contents(out) == before
