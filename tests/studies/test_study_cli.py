"""``bayescompare study``: flags, plans, files and exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import bayescompare as bc
from bayescompare.cli import program
from bayescompare.cli.study import span, told
from bayescompare.studies.run import Done

HERE = Path(__file__).parent
MODEL = f"{HERE / 'conjugate.py'}:normal"
SHORT = ("--methods", "nuts", "--draws", "200", "--tune", "200", "--chains", "2", "--serial")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(program, ["study", *map(str, arguments)], prog_name="bayescompare")


def test_a_study_from_flags_to_files(tmp_path: Path) -> None:
    store, export, summary = (tmp_path / name for name in ("a.study", "cells.csv", "summary.csv"))
    asked = (MODEL, "--vary", "n=2,9", "--replicates", "5", "--seed", "3", "--store", store, *SHORT)
    done = run(*asked, "--export", export, "--summary", summary)
    assert done.exit_code == 0, done.output
    assert "10 fits, none failed" in done.stdout
    assert [line.split()[:3] for line in done.stdout.splitlines()[-2:]] == [["nuts", "2", "mu"], ["nuts", "9", "mu"]]
    result = bc.StudyResult(store)
    assert result.plan.sampler == bc.SamplerOptions(draws=200, tune=200, chains=2)
    assert len(pd.read_csv(export)) == 10
    assert pd.read_csv(summary).shape == result.summary().shape
    again = run(*asked)
    assert (again.exit_code, again.stdout) == (0, done.stdout)
    fewer = run(MODEL, "--vary", "n=2,9", "--replicates", "4", "--seed", "3", "--store", store, *SHORT)
    assert fewer.exit_code == 2
    assert "holds another plan" in fewer.stderr


def test_a_plan_from_flags_to_toml_and_back(tmp_path: Path) -> None:
    file, again = tmp_path / "plan.toml", tmp_path / "again.toml"
    done = run(
        "eight_schools", "--vary", "parametrisation=centered,noncentered", "--vary", "truth.tau=0,[5, 6]", "--truth",
        "mu=4.5", "--levels", "0.5,0.8", "--parameters", "tau, mu", "--methods", "map_laplace,nuts", "--chains", "3",
        "--write-plan", file,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    plan = bc.Plan.from_toml(file)
    assert plan == bc.Plan(
        "eight_schools",
        {"parametrisation": ("centered", "noncentered"), "truth.tau": (0, [5, 6])},
        truth={"mu": 4.5},
        levels=(0.5, 0.8),
        parameters=("tau", "mu"),
        methods=("map_laplace", "nuts"),
        sampler=bc.SamplerOptions(chains=3),
    )
    assert run("--plan", file, "--write-plan", again).exit_code == 0
    assert again.read_bytes() == file.read_bytes()
    run("--plan", file, "--replicates", "7", "--set", "x=1", "--elpd", "--write-plan", again)
    assert bc.Plan.from_toml(again).replicates == 7
    assert bc.Plan.from_toml(again).options == {"x": 1}
    assert bc.Plan.from_toml(again).elpd
    run("--plan", again, "--write-plan", file)
    assert bc.Plan.from_toml(file).elpd


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "TARGET, or a plan"),
        (("jellybeans",), 2, "--store FILE"),
        (("jellybeans", "--store", "{}/a.study", "--serial", "--dask", "local"), 2, "exclude each other"),
        (("jellybeans", "--store", "{}/a.study", "--plan", "{}/p.toml"), 2, "one of the two"),
        (("--plan", "{}/p.toml", "--store", "{}/a.study"), 2, "no plan"),
        (("no_such", "--store", "{}/a.study"), 2, "no template"),
        (("{}/no.py", "--store", "{}/a.study"), 2, "no file"),
        (("jellybeans", "--store", "{}/a.study", "--vary", "m=1"), 2, "no option 'm'"),
        (("jellybeans", "--store", "{}/a.study", "--vary", "n"), 2, "NAME=a,b,c"),
        (("jellybeans", "--store", "{}/a.study", "--methods", "vi"), 2, "Unknown method"),
        (("jellybeans", "--store", "{}/a.study", "--levels", "x"), 2, "--levels"),
        (("jellybeans", "--store", "{}/a.study", "--export", "{}/a.xlsx"), 2, "ends in"),
        (("jellybeans", "--store", "{}/no/a.study"), 2, "no folder"),
        ((f"{HERE / 'conjugate.py'}:joint", "--store", "{}/a.study", "--elpd"), 2, "no elpd at the only grid point"),
        (("jellybeans", "--store", "{}/foreign"), 5, "not a study"),
    ],
)
def test_what_is_asked_wrongly(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    (tmp_path / "foreign").write_text("something else")
    done = run(*(argument.format(tmp_path) for argument in arguments))
    assert done.exit_code == code, done.output
    assert words in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "a.study").exists()


def test_a_dry_run_counts_and_estimates() -> None:
    done = run(
        MODEL, "--vary", "n=2,9", "--vary", "truth.mu=0,1", "--replicates", "30", "--dry-run", "--workers", "2", *SHORT
    )
    assert done.exit_code == 0, done.output
    for words in (
        "4 grid points × 30 replicates = 120 cells",
        "120 fits by nuts",
        "2 models to compile",
        "with 2 workers",
    ):
        assert words in done.stdout


def test_progress_is_told_in_words() -> None:
    assert told(Done(0, 1000, 0, 1.0, None)) == "0 of 1,000 fits, starting"
    assert told(Done(20, 1000, 3, 1.0, 200.0)) == "20 of 1,000 fits, 3 failed, about 3 min left"
    assert told(Done(1000, 1000, 0, 1.0, 0.0)) == "1,000 of 1,000 fits"
    assert [span(s) for s in (40, 89, 100, 5399, 9000)] == ["40 s", "89 s", "2 min", "90 min", "2.5 h"]


PLAIN = """
import numpy as np
import pymc as pm

Y = np.zeros(9)

def model(contained=False, random=True):
    def logp(value, mean):
        return pm.logp(pm.Normal.dist(mean, 1.0), value)

    with pm.Model() as built:
        x = pm.Normal("x", 0.0, 1.0)
        y = pm.Data("data", Y) if contained else Y
        if random:
            pm.Normal("y", x, 1.0, observed=y)
        else:
            pm.CustomDist("y", x, logp=logp, observed=y)
    return built
"""
CHEAP = ("--methods", "map_laplace", "--replicates", "5", "--serial")


def test_observed_arrays_are_drawn_anew_without_a_container(tmp_path: Path) -> None:
    file = tmp_path / "plain.py"
    file.write_text(PLAIN, encoding="utf-8")
    tables = []
    for contained in ("False", "True"):
        store, summary = tmp_path / f"{contained}.study", tmp_path / f"{contained}.csv"
        done = run(f"{file}:model", "--set", f"contained={contained}", "--store", store, "--summary", summary, *CHEAP)
        assert done.exit_code == 0, done.output
        assert "5 fits, none failed" in done.stdout
        found = pd.read_csv(summary)
        tables.append(found[found["measure"].isin(("bias", "rmse"))] if "measure" in found else found)
    kept = [column for column in tables[0].columns if tables[0][column].dtype == float and "seconds" not in column]
    pd.testing.assert_frame_equal(tables[0][kept], tables[1][kept])


def test_a_study_whose_fits_all_failed_says_why_first(tmp_path: Path) -> None:
    done = run(f"{HERE / 'conjugate.py'}:grouped", "--store", tmp_path / "a.study", *CHEAP, "--methods", "mle_wald")
    assert done.exit_code == 4
    assert re.search(r"All 5 fits failed, \d of them because of this: \S", done.stderr)
    assert done.stdout == ""


def test_what_has_no_draws_is_refused_before_anything_runs(tmp_path: Path) -> None:
    file = tmp_path / "plain.py"
    file.write_text(PLAIN, encoding="utf-8")
    done = run(f"{file}:model", "--set", "random=False", "--store", tmp_path / "a.study", *CHEAP)
    assert done.exit_code == 3
    assert "CustomDist y has no random method. Give it one" in done.stderr
    assert not (tmp_path / "a.study").exists()


def test_rows_and_data_by_flags(tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    pd.DataFrame({"x": [1.0, 2.0], "y": [0.5, 1.0]}).to_csv(data, index=False)
    asked = ("--data", data, "--vary", "n=3,20", "--store", tmp_path / "a.study", *CHEAP)
    done = run(f"{HERE / 'plain_models.py'}:of_data", *asked)
    assert done.exit_code == 0, done.output
    assert "10 fits, none failed" in done.stdout
