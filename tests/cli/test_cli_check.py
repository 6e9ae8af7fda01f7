"""``bayescompare check``: what is read, shown and written, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import bayescompare as bc
from bayescompare.model import audit
from bayescompare.model.audit import LOOKED_AT, Finding, Severity
from bayescompare.workflow import check

FAULTY = """
import pymc as pm

def model(data=None, *, scale=36):
    print("what a user's file prints")
    with pm.Model() as m:
        x = pm.HalfStudentT("x", nu=3, sigma=scale)
        pm.Normal("y", pm.Flat("a"), x, observed=[1.0, 2.0] if data is None else data["y"])
    return m
"""

FINDINGS = (
    Finding("outside_support", Severity.ERROR, "y", "y cannot be −3.", "Check it."),
    Finding("constant_column", Severity.WARNING, "b[0]", "It is 1.", "Take it out."),
    Finding("constant_column", Severity.WARNING, "b[1]", "It is 2.", "Take it out."),
    Finding("improper_prior", Severity.NOTE, "a", "It is flat.", "Say more."),
)


@pytest.fixture
def faulty(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(FAULTY, encoding="utf-8")
    return str(path)


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what the audit answers."""

    def answer(found: tuple[Finding, ...]) -> None:
        def inspect(model: Any) -> tuple[Finding, ...]:
            print("what a library prints")
            return found

        monkeypatch.setattr(audit, "inspect", inspect)

    return answer


def test_help(run: Any) -> None:
    assert "check" in run("--help").stdout
    result = run("check", "--help")
    assert result.exit_code == 0
    for option in ("--data", "--set", "--json", "--quiet", "--debug"):
        assert option in result.stdout


def test_an_error_is_exit_code_3(run: Any, faulty: str) -> None:
    result = run("check", faulty)
    assert result.exit_code == 3
    first, error, instead, note, _ = result.stdout.splitlines()
    assert first == "mine.py:model: 1 error, 1 note"
    assert error.startswith("✕ error, x: PyTensor computes 36 ** 2 in int8: 16 instead of 1,296.")
    assert instead == "  Write floats in x: 36.0 for 36."
    assert note.startswith("◌ note, a: pm.Flat is no probability distribution")
    assert "Error" not in result.stderr


def test_options_reach_the_model(run: Any, faulty: str, tmp_path: Path) -> None:
    data = tmp_path / "d.json"
    data.write_text('{"y": [2, 2, 2]}')
    result = run("check", faulty, "--set", "scale=36.0", "--data", data)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "mine.py:model: 1 warning, 1 note"
    assert "All 3 values of y are 2" in result.stdout


def test_findings_are_shown_in_order(run: Any, answer: Any) -> None:
    answer(FINDINGS)
    result = run("check", "eight_schools", "--quiet")
    assert result.exit_code == 3
    assert result.stdout.splitlines() == [
        "eight_schools: 1 error, 2 warnings, 1 note",
        "✕ error, y: y cannot be −3.",
        "  Check it.",
        "◐ warning, b[0]: It is 1.",
        "  Take it out.",
        "◐ warning, b[1]: It is 2.",
        "  Take it out.",
        "◌ note, a: It is flat.",
        "  Say more.",
    ]


def test_nothing_found_is_said_with_what_was_looked_at(run: Any, answer: Any) -> None:
    answer(())
    result = run("check", "eight_schools")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first == "eight_schools: nothing found."
    assert all(what in second for what in LOOKED_AT)


def test_warnings_and_notes_are_exit_code_0(run: Any, answer: Any) -> None:
    answer(FINDINGS[1:])
    assert run("check", "eight_schools").exit_code == 0


def test_json(run: Any, answer: Any, tmp_path: Path) -> None:
    answer(FINDINGS[:2])
    out = tmp_path / "out.json"
    assert run("check", "eight_schools", "--json", out).exit_code == 3
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document == {
        "schema": "bayescompare/2",
        "model": {"name": "eight_schools"},
        "findings": [
            {
                "code": "outside_support",
                "severity": "error",
                "variable": "y",
                "what": "y cannot be −3.",
                "instead": "Check it.",
            },
            {
                "code": "constant_column",
                "severity": "warning",
                "variable": "b[0]",
                "what": "It is 1.",
                "instead": "Take it out.",
            },
        ],
    }
    result = run("check", "eight_schools", "--json", "-")
    assert json.loads(result.stdout) == document
    assert "what a library prints" in result.stderr


def test_bad_input(run: Any, faulty: str, tmp_path: Path) -> None:
    assert run("check", "no_such_template").exit_code == 2
    assert run("check", faulty, "--set", "no_such_option=1").exit_code == 2
    assert run("check", faulty, "--json", tmp_path / "nowhere" / "out.json").exit_code == 2
    assert run("check", faulty, "--json", faulty).exit_code == 2
    assert "FAULTY" not in Path(faulty).read_text(encoding="utf-8")
    (tmp_path / "broken.py").write_text("import pymc as pm\nraise ValueError('no')\n", encoding="utf-8")
    assert run("check", tmp_path / "broken.py").exit_code == 3


def test_a_model_that_no_method_takes_is_refused(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FAULTY.replace('pm.Flat("a")', 'pm.Poisson("k", 3.0)'), encoding="utf-8")
    result = run("check", path)
    assert result.exit_code == 3
    assert "no gradient: k" in result.stderr
    assert result.stdout == ""


def test_the_same_findings_from_python() -> None:
    assert bc.Finding is Finding
    assert bc.check is check.check
