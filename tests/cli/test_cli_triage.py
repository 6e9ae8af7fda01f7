"""``bayescompare triage``: what is read, shown and written, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayescompare.workflow.triage as triages
from bayescompare.cli.triage import lines
from bayescompare.errors import NoFiniteStartError
from bayescompare.metrics.verdict import Layer, State
from bayescompare.reasons import told
from bayescompare.results.fit import Fit, Status
from bayescompare.workflow.triage import Answer, Triage

NAMES = ("mu", "tau", *(f"theta[{i}]" for i in range(9)))
COLUMNS = (
    "map",
    "map_unconstrained",
    "laplace_mean",
    "laplace_sd",
    "mean",
    "mean_mcse",
    "sd",
    "sd_mcse",
    "z",
    "z_mcse",
)

CRITERIA = {
    "location": Layer("location", State.DIFFERS, told("tau: z = −1.14 ± 0.04"), 1.14, 0.04, 0.2, "tau"),
    "spread": Layer("spread", State.SAME, told("mu: Laplace sd ratio 1.02 ± 0.01"), 0.02, 0.01, 0.18, "mu"),
    "k_hat": Layer("k_hat", State.UNDECIDED, told("Pareto k-hat 0.66 ± 0.07"), 0.66, 0.07, 0.7),
    "modes": Layer("modes", State.NOT_COMPUTED, told("the curvature is not positive definite")),
}


def figures() -> pd.DataFrame:
    """Eleven scalars; tau is furthest off, and theta[8] is not known."""
    frame = pd.DataFrame(0.0, index=pd.Index(NAMES, name="name"), columns=list(COLUMNS))
    frame["map"], frame["laplace_sd"], frame["sd"] = 4.0, 3.0, 3.2
    frame["mean"], frame["mean_mcse"] = 4.41, 0.04
    frame["z"], frame["z_mcse"] = np.arange(11) / 100, 0.012
    frame.loc["tau", ["map", "mean", "mean_mcse", "sd", "z", "z_mcse"]] = [1e-12, 3.624, 0.05, 3.17, -1.143, 0.04]
    frame.loc["theta[8]", ["mean", "mean_mcse", "sd", "z", "z_mcse"]] = np.nan
    return frame


def answer(given: Answer = Answer.WILL_CHANGE, status: Status = Status.OK) -> Triage:
    fit = Fit("map", status, (), NAMES, figures()["map"].to_numpy(), diagnostics={"boundary": ["tau"], "kink": []})
    reasons = ("tau: z = −1.14 ± 0.04", "and another")
    findings = (
        {"severity": "note", "variable": "mu", "what": "It is flat.", "instead": "-", "code": "improper_prior"},
        {"severity": "warning", "variable": "X", "what": "A column is constant.", "instead": "-", "code": "constant"},
    )
    flags = ("the MAP of tau lies on the edge of its range",)
    return Triage("eight_schools", given, reasons, CRITERIA, flags, figures(), {"map": fit}, findings, 1.25)


def plain(found: Triage) -> list[str]:
    """As on a terminal, which breaks no lines: there a space is a space."""
    shown = ("".join(text for text, _ in line) for line in lines(found))
    return [line.replace("\N{NO-BREAK SPACE}", " ").rstrip() for line in shown]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the library was asked; it answers with :func:`answer`."""
    calls: list[dict[str, Any]] = []

    def run(target: Any, **options: Any) -> Triage:
        print("what a library prints")
        calls.append({"target": target, **options})
        return answer()

    monkeypatch.setattr(triages, "run", run)
    return calls


# -- what is shown ---------------------------------------------------------------------------------


def test_what_is_printed() -> None:
    assert plain(answer()) == [
        "eight_schools",
        "NUTS will change your answer. tau: z = −1.14 ± 0.04; and another.",
        "",
        "◆ location  differs    tau: z = −1.14 ± 0.04",
        "● spread    same       mu: Laplace sd ratio 1.02 ± 0.01",
        "◐ k_hat     undecided  Pareto k-hat 0.66 ± 0.07",
        "◌ not computed: modes (the curvature is not positive definite)",
        "  the MAP of tau lies on the edge of its range",
        "  X: A column is constant.",
        "",
        "scalar    MAP    PSIS mean  PSIS sd  Laplace sd              z",
        "tau         0  3.62 ± 0.05     3.17           3   −1.14 ± 0.04",
        "theta[7]    4  4.41 ± 0.04      3.2           3  0.090 ± 0.012",
        "theta[6]    4  4.41 ± 0.04      3.2           3  0.080 ± 0.012",
        "theta[5]    4  4.41 ± 0.04      3.2           3  0.070 ± 0.012",
        "theta[4]    4  4.41 ± 0.04      3.2           3  0.060 ± 0.012",
        "theta[3]    4  4.41 ± 0.04      3.2           3  0.050 ± 0.012",
        "theta[2]    4  4.41 ± 0.04      3.2           3  0.040 ± 0.012",
        "theta[1]    4  4.41 ± 0.04      3.2           3  0.030 ± 0.012",
        "theta[0]    4  4.41 ± 0.04      3.2           3  0.020 ± 0.012",
        "and 2 more",
    ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (Answer.WILL_NOT_CHANGE, "NUTS will not change your answer."),
        (Answer.WILL_CHANGE, "NUTS will change your answer."),
        (Answer.CANNOT_SAY, "Cannot say without NUTS."),
    ],
)
def test_the_three_answers(given: Answer, sentence: str) -> None:
    assert plain(answer(given))[1].startswith(sentence)


def test_without_a_mode_there_is_no_table() -> None:
    shown = plain(answer(status=Status.FAILED))
    assert not any("PSIS" in line for line in shown)
    assert shown[-1] == "  X: A column is constant."


# -- the command -----------------------------------------------------------------------------------


def test_help(run: Any) -> None:
    assert "triage" in run("--help").stdout
    result = run("triage", "--help")
    assert result.exit_code == 0
    for option in ("--data", "--set", "--json", "--seed", "--margin", "--quiet", "--debug"):
        assert option in result.stdout


def test_it_shows_the_answer_and_nothing_that_a_library_prints(run: Any, asked: Any) -> None:
    result = run("triage", "eight_schools")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == plain(answer())
    assert "what a library prints" in result.stderr


def test_it_passes_on_what_was_asked(run: Any, asked: Any, file: str, tmp_path: Path) -> None:
    data = tmp_path / "d.json"
    data.write_text('{"y": [1, 2, 3]}')
    result = run("triage", file, "--data", data, "--set", "scale=2", "--seed", 7, "--margin", "location=0.5")
    assert result.exit_code == 0, result.output
    (call,) = asked
    assert call["target"].name == "mine.py:model"
    assert call["seed"] == 7
    assert (call["options"].margins.location, call["options"].margins.k_hat) == (0.5, 0.7)


def test_json_is_the_whole_document(run: Any, asked: Any, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    result = run("triage", "eight_schools", "--json", out)
    assert result.exit_code == 0, result.output
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document == answer().to_dict()
    assert document["answer"] == "will_change"
    assert document["table"][10]["mean"] is None
    assert result.stdout.splitlines() == plain(answer())  # beside it what is shown


def test_json_to_stdout_is_alone_there(run: Any, asked: Any) -> None:
    result = run("triage", "eight_schools", "--json", "-")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == answer().to_dict()


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no_such_template"], "no_such_template"),
        (["eight_schools", "--margin", "place=0.1"], "place"),
        (["eight_schools", "--margin", "location=-1"], "location"),
        (["eight_schools", "--seed", "-1"], "--seed"),
        (["eight_schools", "--json", "no/such/folder/out.json"], "no/such/folder"),
        (["eight_schools", "--draws", "10"], "--draws"),
    ],
)
def test_usage_is_exit_code_2(run: Any, asked: Any, arguments: list[str], words: str) -> None:
    result = run("triage", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert asked == []


def test_a_model_that_cannot_be_used_is_exit_code_3(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(target: Any, **options: Any) -> Triage:
        raise NoFiniteStartError("The density is zero or NaN at all of 16 starts.")

    monkeypatch.setattr(triages, "run", refuse)
    out = tmp_path / "out.json"
    result = run("triage", "eight_schools", "--json", out)
    assert result.exit_code == 3
    assert "The density is zero or NaN at all of 16 starts." in result.stderr
    assert result.stdout == ""
    assert not out.exists()


def test_a_whole_run(run: Any, file: str, tmp_path: Path) -> None:
    """Of a normal mean with a normal prior: its MAP is its posterior mean."""
    out = tmp_path / "out.json"
    result = run("triage", file, "--json", out, "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:2] == [
        "mine.py:model",
        "NUTS will not change your answer. x: z = 0; x: Laplace sd ratio 1.000 ± 0.016.",
    ]
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["answer"] == "will_not_change"
    assert document["table"][0]["map"] == pytest.approx(1.0)  # two observations and the prior: 3/3


def test_a_mode_that_does_not_exist_is_an_answer(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "spike.py"
    path.write_text(
        "import pymc as pm\n"
        "with pm.Model() as model:\n"
        "    x = pm.Gamma('x', 0.5, 1.0)\n"
        "    pm.Poisson('k', 1.0 + 0.0 * x, observed=1)\n"
    )
    result = run("triage", path, "--quiet")
    assert result.exit_code == 0, result.output
    assert "NUTS will change your answer. The MAP: no mode exists" in result.stdout
