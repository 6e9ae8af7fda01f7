"""What each command reads, calls, shows and writes."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayescompare.cli import terminal as terminals
from bayescompare.cli.summary import summary
from bayescompare.cli.terminal import Terminal
from bayescompare.errors import FitError
from bayescompare.metrics.verdict import Layer, Overall, State, Verdict
from bayescompare.reasons import Code, Reason, told
from bayescompare.results.fit import Fit, Status
from tests.report.factory import STATES, make

KEYS = ["name", "title", "tags", "options", "parameters", "observations", "finding"]


def plain(lines: Any) -> str:
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


# --- help, version, models --------------------------------------------------------------------------------------------


def test_help(run: Any) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in ("compare", "fit", "models", "new", "--version", "--debug"):
        assert name in result.stdout


@pytest.mark.parametrize("command", ["compare", "fit", "models", "new"])
def test_help_of_each_command(run: Any, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--debug" in result.stdout


def test_version(run: Any) -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert re.match(r"bayescompare \S+", result.stdout)


def test_models(run: Any) -> None:
    result = run("models")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    first = lines.index("eight_schools  Eight schools")
    assert lines[first + 1 : first + 5] == [
        "  10 parameters, 8 observations; hierarchical, classic, real-data",
        "  MAP sets tau to 0, the edge, so all schools get one effect; the posterior lets",
        "  them differ.",
        "",
    ]
    assert max(map(len, lines)) <= 80
    assert "bayescompare new my_model.py --from NAME" in result.stderr


def test_models_by_tag(run: Any) -> None:
    every = json.loads(run("models", "--json").stdout)
    for tags in (["hierarchical"], ["hierarchical", "real-data"]):
        options = [word for tag in tags for word in ("--tag", tag)]
        found = [each["name"] for each in json.loads(run("models", "--json", *options).stdout)]
        assert found == [each["name"] for each in every if set(tags) <= set(each["tags"])]
        assert 0 < len(found) < len(every)
    listed = run("models", "--tag", "hierarchical").stdout
    assert "eight_schools  " in listed
    assert "jellybeans  " not in listed


def test_models_of_tags_that_no_template_has_together(run: Any) -> None:
    result = run("models", "--tag", "classic", "--tag", "illustrative")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No template has all of the tags classic, illustrative." in result.stderr
    assert json.loads(run("models", "--tag", "classic", "--tag", "illustrative", "--json").stdout) == []


def test_models_of_an_unknown_tag(run: Any) -> None:
    result = run("models", "--tag", "hierarchic")
    assert result.exit_code == 2
    assert "No template has the tag 'hierarchic'. These are there: " in result.stderr
    assert "hierarchical" in result.stderr


def test_models_json(run: Any) -> None:
    found = {each["name"]: each for each in json.loads(run("models", "--json").stdout)}
    schools = found["eight_schools"]
    assert list(schools) == KEYS
    assert schools["parameters"] == 10
    assert schools["observations"] == 8
    assert schools["options"] == {"parametrisation": "noncentered"}
    assert isinstance(schools["tags"], list)


def test_models_loads_no_pymc() -> None:
    code = """
import sys
from bayescompare.cli import program
try:
    program.main(["models", "--json"])
except SystemExit as end:
    assert not end.code
HEAVY = {"arviz", "jax", "pandas", "pymc", "pytensor", "scipy", "xarray"}
assert not HEAVY & set(sys.modules), HEAVY & set(sys.modules)
from bayescompare import models
assert type(models.eight_schools().basic_RVs[0].name) is str  # PyMC comes when it is needed
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_models_names_a_broken_entry(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    broken = importlib.metadata.EntryPoint("broken", "no_such_module_anywhere:x", "bayescompare.models")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [broken])
    result = run("models")
    assert result.exit_code == 0
    assert "eight_schools" in result.stdout
    assert "Warning: The template 'broken' (no_such_module_anywhere:x) is left out." in result.stderr


# --- compare ----------------------------------------------------------------------------------------------------------


def test_compare_shows_the_verdict(run: Any, library: Any) -> None:
    result = run("compare", "eight_schools")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "eight_schools: 10 parameters, 8 observations",
        "No. The MAP sets tau to 0, 1.14 ± 0.04 sd below the mean.",
        "Report NUTS.",
        "Thrown away: largest shift −1.14 ± 0.04 sd (tau)",
        "◆ differs: location",
        "◐ undecided: coordinates (mu)",
        "● same: spread",
        "● sound: optimiser, sampler",
        "",
        "scalar          MAP  mean  94 % interval              z",
        "tau               0  3.62   0.12 to 10.1   −1.14 ± 0.04",
        "mu             4.62  4.41   −1.8 to 10.6  0.063 ± 0.012",
        "theta[Choate]  4.62  6.22   −3.0 to 17.0              –",
        "not computed: decision, joint",
    ]
    assert "--report OUT.html" in result.stderr


def test_compare_passes_on_what_was_asked(run: Any, library: Any, file: str, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text('{"y": [1, 2, 3]}')
    result = run(
        *("compare", file, "--data", tmp_path / "d.json", "--set", "scale=2", "--draws", 5, "--tune", 6, "--chains", 2),
        *("--target-accept", 0.9, "--seed", 7, "--engine", "pymc", "--interval", 0.8, "--margin", "location=0.5"),
    )
    assert result.exit_code == 0, result.output
    (asked,) = library.asked
    assert asked["target"].name == "mine.py:model"
    assert asked["seed"] == 7
    sampler = asked["options"].sampler
    assert (sampler.draws, sampler.tune, sampler.chains, sampler.target_accept) == (5, 6, 2, 0.9)
    assert sampler.engine == "pymc"
    assert asked["options"].interval == 0.8
    assert (asked["options"].margins.location, asked["options"].margins.rank) == (0.5, 0.08)


@pytest.mark.parametrize(("given", "accept"), [([], 0.95), (["--target-accept", "0.9"], 0.9)])
def test_the_users_sampler_settings_come_before_the_templates(
    run: Any, library: Any, given: list[str], accept: float
) -> None:
    assert run("compare", "eight_schools", *given).exit_code == 0
    sampler = library.asked[0]["options"].sampler
    assert (sampler.target_accept, sampler.draws, sampler.engine) == (accept, 1000, "nutpie")


def test_compare_writes(run: Any, library: Any, tmp_path: Path) -> None:
    report, document, saved = (tmp_path / name for name in ("out.html", "out.json", "out.nc"))
    result = run("compare", "eight_schools", "--report", report, "--json", document, "--save", saved, "--reproducible")
    assert result.exit_code == 0, result.output
    assert report.read_text() == "<!doctype html> True"
    assert saved.read_bytes() == b"netcdf"
    found = json.loads(document.read_text())
    assert found["schema"] == "bayescompare/2"
    assert found["verdict"]["overall"]["state"] == "differs"
    assert found["table"][2]["z"] is None
    assert "seconds" not in found["provenance"]
    assert f"Report: {report}" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "out.json", "out.nc"]


def test_json_to_stdout_is_json_alone(run: Any, library: Any) -> None:
    result = run("compare", "eight_schools", "--json", "-")
    assert json.loads(result.stdout)["model"]["name"] == "eight_schools"
    assert "what a library prints" in result.stderr


def test_quiet(run: Any, library: Any) -> None:
    result = run("compare", "eight_schools", "--quiet")
    assert result.stdout.startswith("eight_schools")
    assert result.stderr == "what a library prints\n"
    assert library.asked[0]["progress"].bar is False


def test_nothing_is_left_when_a_file_cannot_be_finished(run: Any, library: Any, tmp_path: Path) -> None:
    def full(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    object.__setattr__(library.result, "save", full)
    result = run("compare", "eight_schools", "--report", tmp_path / "a.html", "--save", tmp_path / "a.nc")
    assert result.exit_code == 2
    assert "Cannot write" in result.stderr
    assert "No space left on device" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_summary_of_many_scalars(library: Any) -> None:
    import pandas as pd

    table = pd.DataFrame({"map": np.zeros(40), "mean": np.arange(40.0), "z": -np.arange(40.0)}, map(str, range(40)))
    object.__setattr__(library.result, "table", table)
    text = plain(summary(library.result))
    assert re.search(r"^39 ", text, re.MULTILINE)
    assert re.search(r"^38 ", text, re.MULTILINE)
    assert not re.search(r"^30 ", text, re.MULTILINE)
    shown = len(re.findall(r"^\d+ ", text, re.MULTILINE))
    assert f"and {40 - shown} more with smaller gaps" in text


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("scalars", [1, 18, 300])
def test_a_summary_has_fifteen_lines_with_the_report(state: str, scalars: int) -> None:
    comparison = make(state, scalars, losses=True)
    lines = plain(summary(comparison)).replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert len(lines) <= 14
    assert lines[1].startswith(comparison.verdict.overall.opening)
    assert lines[2] == comparison.verdict.overall.advice
    told = "\n".join(lines)
    for name, layer in comparison.verdict.layers.items():
        word = "not computed" if layer.state is State.NOT_COMPUTED else str(layer.state)
        assert re.search(rf"{word}: .*\b{name}\b", told), name
    if state != "no_verdict":
        assert "Thrown away: " in told
        assert "predictive variance 15.0 ± 0.3 %" in told
        rows = [line for line in lines if re.match(r"(mu|tau|theta\[)", line)]
        assert len(rows) >= min(2, scalars)


@pytest.mark.parametrize(
    ("gate", "header"), [("optimiser", ["scalar", "mean", "94", "%", "interval"]), ("sampler", None)]
)
def test_nothing_is_compared_where_a_gate_failed(library: Any, gate: str, header: list[str] | None) -> None:
    result = library.result
    result.verdict.layers["sampler"] = Layer("sampler", State.SOUND, told(""))
    result.verdict.layers[gate] = Layer(gate, State.FAILED, told("why"))
    overall = Overall(State.NO_VERDICT, "No verdict.", "Because.", "")
    object.__setattr__(result, "verdict", Verdict(overall, result.verdict.layers))
    lines = plain(summary(result)).splitlines()
    table = [line.split() for line in lines if line.startswith("scalar")]
    assert table == ([header] if header else [])
    assert any(line.startswith("tau ") for line in lines) is (header is not None)


# --- fit --------------------------------------------------------------------------------------------------------------


def fit(status: Status = Status.OK, *reasons: str, draws: bool = False) -> Fit:
    values = np.array([1.0, -2.5]) if status is not Status.FAILED else np.full(2, np.nan)
    array = np.array([[[0.0, -3.0], [2.0, -2.0]]]) if draws else None
    known = tuple(Reason(Code.ERROR, figures={"message": reason}) for reason in reasons)
    return Fit("laplace" if draws else "map", status, known, ("x", "y[a]"), values, draws=array)


def test_fit_shows_values(run: Any, library: Any, file: str) -> None:
    library.result = fit(Status.OK, "y[a] lies on the boundary of its range")
    result = run("fit", file, "--method", "map", "--seed", 3)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "● mine.py:model, map: ok",
        "  y[a] lies on the boundary of its range",
        "",
        "scalar  estimate",
        "x              1",
        "y[a]        −2.5",
    ]
    assert (library.asked[0]["method"], library.asked[0]["random_seed"]) == ("map", 3)


def test_fit_with_draws_shows_sd(run: Any, library: Any, file: str) -> None:
    library.result = fit(draws=True)
    lines = run("fit", file, "--method", "laplace").stdout.splitlines()
    assert lines[2:] == ["scalar  mean     sd", "x          1   1.41", "y[a]    −2.5  0.707"]


def test_fit_shows_ten_rows_of_many(run: Any, library: Any, file: str) -> None:
    names = tuple(f"x[{i}]" for i in range(8006))
    draws = np.random.default_rng(0).normal(size=(2, 3, len(names)))
    library.result = Fit("nuts", Status.OK, (), names, draws.mean(axis=(0, 1)), draws=draws)
    lines = run("fit", file, "--method", "nuts").stdout.splitlines()
    assert sum(line.startswith("x[") for line in lines) == 10
    assert lines[-1].startswith("and 7,996 more")


@pytest.mark.parametrize("raised", [True, False])
def test_failed_fit_is_exit_4_and_written_all_the_same(
    run: Any, library: Any, file: str, tmp_path: Path, raised: bool
) -> None:
    failed = fit(Status.FAILED, "no mode: the density grows without limit as tau goes to 0")
    library.result = FitError("no mode", failed) if raised else failed
    result = run("fit", file, "--method", "map", "--json", tmp_path / "out.json")
    assert result.exit_code == 4
    assert "no mode: the density grows without limit" in result.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["schema"] == "bayescompare/2"
    assert found["fits"]["map"]["status"] == "failed"
    assert found["fits"]["map"]["reasons"] == [reason.to_json() for reason in failed.reasons]
    assert found["fits"]["map"]["values"] == {"x": None, "y[a]": None}


def test_fit_that_raises_without_a_fit(run: Any, library: Any, file: str) -> None:
    library.result = FitError("the engine gave up")
    result = run("fit", file, "--method", "nuts", "--json", "-")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["fits"]["nuts"]["reasons"] == [
        {"code": "error", "variables": [], "figures": {"message": "the engine gave up"}, "text": "the engine gave up"}
    ]


def test_suspect_fit_is_exit_0_and_says_so(run: Any, library: Any, file: str) -> None:
    library.result = fit(Status.SUSPECT, "only one of 16 starts ended here")
    result = run("fit", file, "--method", "map")
    assert result.exit_code == 0
    assert "map: suspect\n  only one of 16 starts ended here" in result.stdout


# --- the terminal -----------------------------------------------------------------------------------------------------


class Stream(io.TextIOWrapper):
    def __init__(self, encoding: str, tty: bool) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch) -> Any:
    def stdout(encoding: str = "utf-8", tty: bool = False, **environment: str) -> Stream:
        for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", **environment}.items():
            monkeypatch.setenv(name, value)
        stream = Stream(encoding, tty)
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return stdout


LINE = (("◆ theta[red] ", "bold red"), ("z = −1.14 ± 0.04", ""))


@pytest.mark.parametrize("settings", [{}, {"tty": True, "NO_COLOR": "1"}, {"tty": True, "TERM": "dumb"}])
def test_plain_text(stdout: Any, settings: Any) -> None:
    stream = stdout(**settings)
    Terminal().show([LINE])
    assert stream.text() == "◆ theta[red] z = −1.14 ± 0.04\n"


def test_colour_on_a_terminal(stdout: Any) -> None:
    stream = stdout(tty=True)
    Terminal().show([LINE])
    assert "\x1b[1;31m" in stream.text()
    assert re.sub(r"\x1b\[[\d;]*m", "", stream.text()) == "◆ theta[red] z = −1.14 ± 0.04\n"


@pytest.mark.parametrize("tty", [False, True])
def test_ascii_where_the_encoding_has_no_more(stdout: Any, tty: bool) -> None:
    stream = stdout("ascii", tty)
    Terminal().show([LINE, (("θ 10⁻⁷ – ✕ ◐ ◌ ● 1\N{NO-BREAK SPACE}×\N{THIN SPACE}2", ""),)])
    text = re.sub(r"\x1b\[[\d;]*m", "", stream.text())
    assert text == "# theta[red] z = -1.14 +/- 0.04\n? 10-7 - x ? - * 1 x 2\n"


def test_names_cannot_command_the_terminal(stdout: Any) -> None:
    stream = stdout()
    Terminal().show([(("\x1b[2Jtau\u202e", ""),)])
    assert stream.text() == "\\x1b[2Jtau\\u202e\n"


def test_stage_in_a_pipe_speaks_only_when_it_takes_long(stdout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    stream = stdout()
    terminal = Terminal()
    with terminal.stage("quick"):
        pass
    monkeypatch.setattr(terminals, "PATIENCE", 0.0)
    with terminal.stage("slow"):
        for _ in range(200):
            if stream.text():
                break
            time.sleep(0.01)
    assert stream.text() == "slow …\n"
    terminal.quiet = True
    with terminal.stage("quiet"):
        time.sleep(0.05)
    assert stream.text() == "slow …\n"
    assert terminal.bar is False


def test_stage_on_a_terminal_spins_and_leaves(stdout: Any) -> None:
    stream = stdout(tty=True)
    terminal = Terminal()
    assert terminal.bar is True
    with terminal.stage("compiling [red]"):
        pass
    assert "compiling [red]" in stream.text()
    with terminal.stage("bars", own_bar=True):
        pass
    assert stream.text().count("bars …") == 1


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    command = f"{sys.executable} -m bayescompare.cli models --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[", "")


def test_what_is_rounding_beside_its_own_width_is_printed_as_zero() -> None:
    from bayescompare.cli.fit import lines

    errors = {"a": 1.1, "b": 1e-17, "c": float("nan")}
    fit = Fit(
        "map", "ok", (), tuple(errors), np.array([4.7e-16, 4.7e-16, 2.0]), diagnostics={"standard_errors": errors}
    )
    shown = plain(lines("m", fit)).replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert [row.split()[:2] for row in shown[-3:]] == [["a", "0"], ["b", "4.7"], ["c", "2"]]
