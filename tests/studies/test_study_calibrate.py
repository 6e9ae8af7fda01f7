"""Calibration of one model and its data: what is known of Laplace, ADVI and NUTS, and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest
from click.testing import CliRunner
from scipy.stats import norm

import bayescompare as bc
from bayescompare.cli import program
from bayescompare.errors import UsageError
from tests.studies import conjugate, plain_models

SHORT: dict[str, Any] = {"executor": "serial", "sampler": bc.SamplerOptions(draws=500, tune=500, chains=2)}


def words(found: bc.Calibration) -> str:
    return found.answer.replace("\N{NO-BREAK SPACE}", " ")


def skewed() -> pm.Model:
    """A rate from two exponential waiting times: its posterior is a Gamma, skewed on any scale that is not its log."""
    with pm.Model() as model:
        rate = pm.Gamma("rate", 2.0, 1.0)
        pm.Exponential("y", rate, observed=np.array([0.3, 2.0]))
    return model


def correlated() -> pm.Model:
    """Two means of which the data see the sum: the mean field's sds are too small, by √(1 − ρ²)."""
    with pm.Model() as model:
        a, b = pm.Normal("a", 0.0, 1.0), pm.Normal("b", 0.0, 1.0)
        pm.Normal("y", a + b, 0.5, observed=np.array([0.5, 1.0, 0.2]))
    return model


def test_an_exact_method_is_calibrated_with_its_errors() -> None:
    found = bc.calibrate(plain_models.arrays, methods=("map_laplace",), parameters=("b",), replicates=3500, **SHORT)
    assert found.methods["map_laplace"].judged.state == "same"
    assert words(found) == "Here, MAP + Laplace is calibrated."
    assert found.study.plan.truth == "posterior"
    assert found.study.plan.levels == (0.5, 0.8, 0.94)


def test_the_mean_field_is_too_narrow_where_parameters_are_correlated() -> None:
    """Over the prior the posterior of (a, b) has sd and correlation in closed form, and its marginal intervals cover
    2Φ(z √(1 − ρ²)) − 1."""
    found = bc.calibrate(correlated, truth="prior", methods=("map_laplace", "advi"), replicates=160, seed=1, **SHORT)
    precision = np.eye(2) + 3 / 0.25
    rho2 = precision[0, 1] ** 2 / precision[0, 0] ** 2
    for name in ("a", "b"):
        for held in found.methods["advi"].scalars[name].held:
            exact = 2 * norm.cdf(norm.ppf((1 + held.level) / 2) * np.sqrt(1 - rho2)) - 1
            assert held.share.value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 160))
    assert found.methods["advi"].judged.state == "differs"
    assert not found.methods["advi"].judged.biased
    assert found.methods["map_laplace"].judged.state == "undecided"
    assert "ADVI is not calibrated: its" in words(found)
    assert "MAP + Laplace shows no fault in 160 data sets" in words(found)


def test_the_map_in_its_own_coordinates_lies_below_a_skewed_posterior(tmp_path: Path) -> None:
    """Wald intervals around the MLE of a rate: 1/ȳ overestimates it by n/(n − 1), two times with n = 2."""
    found = bc.calibrate(skewed, truth="prior", methods=("mle_wald",), replicates=400, **SHORT)
    biased = found.methods["mle_wald"].judged.biased
    assert biased["rate"] > 0
    assert found.methods["mle_wald"].judged.state == "differs"
    assert ", too high" in found.answer
    found.to_html(tmp_path / "page.html")
    assert "MLE\N{NO-BREAK SPACE}+\N{NO-BREAK SPACE}Wald is not calibrated" in (tmp_path / "page.html").read_text(
        "utf-8"
    )


def run(*arguments: object) -> Any:
    return CliRunner().invoke(program, ["calibrate", *map(str, arguments)], prog_name="bayescompare")


def test_the_command_says_it_in_fifteen_lines_and_as_json(tmp_path: Path) -> None:
    target, out = f"{plain_models.__file__}:contained", tmp_path / "c.json"
    asked = ("--serial", "--replicates", "20", "--methods", "map_laplace,psis_laplace", "--store", tmp_path / "a.study")
    done = run(target, *asked, "--json", out, "--report", tmp_path / "c.html")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert len(lines) <= 15
    assert lines[1].startswith("Here, ")
    found = json.loads(out.read_text("utf-8"))
    assert found["schema"] == "bayescompare-calibration/1"
    assert found["answer"].replace("\N{NO-BREAK SPACE}", " ") == lines[1]
    assert set(found["methods"]) == {"map_laplace", "psis_laplace"}
    coverage = found["methods"]["map_laplace"]["scalars"]["b[0]"]["coverage"]
    assert [each["level"] for each in coverage] == [0.5, 0.8, 0.94]
    assert all(each["wilson"][0] <= each["held"] / each["of"] <= each["wilson"][1] for each in coverage)
    more = run(target, *asked[:1], "--replicates", "30", *asked[3:], "--json", "-")
    assert json.loads(more.stdout)["replicates"] == 30


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("no.py", 2, "no file"),
        (f"{plain_models.__file__}:custom", 3, "CustomDist y has no random method"),
        (f"{conjugate.__file__}:grouped", 4, "All fits failed"),
    ],
)
def test_exit_codes(target: str, code: int, words: str) -> None:
    done = run(target, "--serial", "--replicates", "2", "--methods", "mle_wald", "--truth", "prior")
    assert done.exit_code == code, done.output
    assert words in done.stderr


def test_what_is_asked_wrongly() -> None:
    with pytest.raises(UsageError, match="one model and its data"):
        bc.calibrate(skewed, grid={"n": (3,)})
    with pytest.raises(UsageError, match="margin"):
        bc.calibrate(skewed, margin=0.0)
    with pytest.raises(UsageError, match="truth"):
        bc.calibrate(skewed, truth="data")
