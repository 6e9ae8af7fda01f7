"""The rows of a study, from cells that are made up so that each figure is known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayescompare as bc
from bayescompare import wording
from bayescompare.codes import Code
from bayescompare.studies.cells import FAILED, Block, Results, failed, tasks
from bayescompare.studies.store import Store
from bayescompare.studies.summary import Measure, rows

PLAN = bc.Plan("jellybeans", {"n": (5, 10)}, replicates=40, methods=("map_laplace", "nuts"), levels=(0.9,))
SUSPECT = 1


def filled(path: Path, plan: bc.Plan = PLAN) -> list[Measure]:
    """Truth 0 for both parameters. NUTS: mean 1, sd 2. MAP: mean 2 (a) and 1 (b), sd 1; its first replicate failed."""
    with Store.create_or_resume(path, plan) as store:
        for task in tasks(plan):
            count = len(task.replicates)
            if task.arm == "nuts" and task.point == 1 and task.block == 0:
                store.add(failed(task, "no memory"))
                continue
            ones = np.ones((count, 2))
            means, sd = (ones, 2.0) if task.arm == "nuts" else (ones * [2.0, 1.0], 1.0)
            arrays = {"estimate": means, "sd": sd * ones, "rank": 0.3 * ones, "seconds": 0.25 * ones[:, 0]}
            arrays |= {"lower": (means - 1.5 * sd)[:, None], "upper": (means + 1.5 * sd)[:, None]}
            arrays |= {"mcse_mean": 0.01 * ones, "mcse_sd": 0.01 * ones} if task.arm == "nuts" else {}
            status = np.zeros(count, dtype=np.uint8)
            reasons = [""] * count
            if task.arm == "cheap":
                status[0], reasons[0] = FAILED, "no mode"
                status[1], reasons[1] = SUSPECT, "few starts agree"
                arrays = {
                    key: np.where(np.arange(count).reshape(-1, *[1] * (a.ndim - 1)) == 0, np.nan, a)
                    for key, a in arrays.items()
                }
            method = plan.arms[task.arm][0]
            results = {method: Results(status, tuple(reasons), arrays)}
            store.add(Block(*task.key, task.replicates, ("a", "b"), 0.0 * ones, results))
    with Store.read(path) as store:
        return list(rows(store))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, str, str, str], Measure]:
    measures = filled(tmp_path_factory.mktemp("summary") / "a.study")
    keyed = {(m.cell["n"], m.method, m.parameter, m.measure): m for m in measures}
    assert len(keyed) == len(measures)
    return keyed


def test_errors_of_the_estimate(found: dict[tuple[int, str, str, str], Measure]) -> None:
    for measure, value in {"bias": 2, "rmse": 2, "risk_absolute": 2, "risk_squared": 4, "sd": 1}.items():
        row = found[5, "map_laplace", "a", measure]
        assert (row.value, row.mcse, row.n, row.failed) == (value, 0, 39, 1)
        assert "1 of 40 replicates are not in it, most often:" in row.reason


def test_failures_are_counted_against_coverage(found: dict[tuple[int, str, str, str], Measure]) -> None:
    held = found[5, "map_laplace", "b", "coverage_90"]
    assert (held.value, held.n, held.failed) == (1, 39, 1)
    assert "counted as misses they make it 0.975" in held.reason
    assert found[5, "map_laplace", "a", "coverage_90"].value == 0
    assert found[5, "map_laplace", "a", "width_90"].value == 3
    assert found[10, "nuts", "a", "coverage_90"].n == 36
    assert found[10, "nuts", "", "failed"].value == pytest.approx(0.1)
    assert found[10, "nuts", "", "failed"].reason == "most often: no memory"
    assert found[5, "map_laplace", "", "failed"].value == pytest.approx(1 / 40)
    assert found[5, "map_laplace", "", "suspect"].value == pytest.approx(1 / 40)
    assert found[5, "map_laplace", "", "seconds"].value == 0.25


def test_regret_against_nuts_is_over_the_same_replicates(found: dict[tuple[int, str, str, str], Measure]) -> None:
    for n, both in ((5, 39), (10, 36)):
        assert found[n, "map_laplace", "a", "regret_absolute"].value == 1
        assert found[n, "map_laplace", "a", "regret_squared"].value == 3
        assert found[n, "map_laplace", "b", "regret_squared"].value == 0
        assert found[n, "map_laplace", "a", "regret_squared"].n == both
        assert found[n, "map_laplace", "a", "shift"].value == 0.5
        assert found[n, "map_laplace", "a", "sd_ratio"].value == pytest.approx(0.5)
    assert (5, "nuts", "a", "regret_squared") not in found


def test_verdicts_of_location_and_spread(found: dict[tuple[int, str, str, str], Measure]) -> None:
    # z = 0.5 against a margin of 0.2, and sd a half: both differ in each replicate in which both fits are sound.
    for layer in ("location", "spread"):
        row = found[5, "map_laplace", "", f"{layer}_differs"]
        assert (row.value, row.n) == (1, 38)
        assert found[5, "map_laplace", "", f"{layer}_same"].value == 0
        assert row.mcse == pytest.approx(math.sqrt(38.5 * 0.5 / (39**2 * 40)))


def test_elpd_is_paired_and_says_where_there_is_no_density(tmp_path: Path) -> None:
    plan = replace(PLAN, grid={}, replicates=4, elpd=True, methods=("mle_wald", "map_laplace", "nuts"))
    elpd = {"map_laplace": [np.nan, -6.0, -5.0, -4.0], "nuts": [-3.0, -3.0, -3.0, -1.0]}
    plugin = {"map_laplace": [np.nan, -7.0, -5.0, -5.0], "mle_wald": [-4.0, -np.inf, -4.0, -4.0]}
    with Store.create_or_resume(tmp_path / "a.study", plan) as store:
        for task in tasks(plan):
            results = {}
            for method in plan.arms[task.arm]:
                status = np.zeros(4, dtype=np.uint8)
                status[0] = FAILED if method == "map_laplace" else 0
                both = {"elpd": elpd.get(method), "elpd_plugin": plugin.get(method)}
                arrays = {name: np.array(values) for name, values in both.items() if values is not None}
                results[method] = Results(status, ("no mode" if status[0] else "", "", "", ""), arrays)
            store.add(Block(*task.key, task.replicates, ("a",), np.zeros((4, 1)), results))
    with Store.read(tmp_path / "a.study") as store:
        found = {(m.method, m.measure): m for m in rows(store) if m.measure.startswith("elpd")}
    assert set(found) == {
        *((m, "elpd") for m in ("map_laplace", "nuts")),
        *((m, f"elpd_plugin{end}") for m in ("mle_wald", "map_laplace") for end in ("", "_diff")),
        ("map_laplace", "elpd_diff"),
    }
    lost = found["map_laplace", "elpd_diff"]
    assert (lost.value, lost.n, lost.failed) == (pytest.approx(np.mean([3, 2, 3])), 3, 1)
    assert lost.mcse == pytest.approx(np.std([3, 2, 3], ddof=1) / math.sqrt(3))
    assert "1 of 4 replicates are not in it, most often: no mode" in lost.reason
    assert (found["nuts", "elpd"].value, found["nuts", "elpd"].n) == (-2.5, 4)
    none = found["mle_wald", "elpd_plugin_diff"]
    assert (none.value, none.mcse, none.n) == (np.inf, None, 4)
    assert none.reason == "in 1 of 4 replicates some fresh data have no density"


def test_ranks_of_a_fixed_truth_are_marked(tmp_path: Path, found: dict[tuple[int, str, str, str], Measure]) -> None:
    assert found[5, "nuts", "a", "sbc_distance"].value == pytest.approx(0.7, abs=0.026)  # looked at each fortieth
    fixed = filled(tmp_path / "a.study", replace(PLAN, truth={"count": 0.0}))
    row = next(m for m in fixed if m.measure == "sbc_p")
    assert "the truth is fixed" in row.reason


def test_a_study_that_is_not_finished_has_rows_of_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    with Store.create_or_resume(path, PLAN) as store:
        assert list(rows(store)) == []
        store.add(failed(next(tasks(PLAN)), "no model"))
    with Store.read(path) as store:
        found = list(rows(store))
    assert {(m.parameter, m.measure, m.value) for m in found if m.measure == "failed"} == {("", "failed", 1.0)}


def test_the_summary_is_a_table(tmp_path: Path) -> None:
    measures = filled(tmp_path / "a.study")
    frame = bc.StudyResult(tmp_path / "a.study").summary()
    assert list(frame.columns) == [
        "n",
        "method",
        "parameter",
        "measure",
        "value",
        "mcse",
        "replicates",
        "failed",
        "reason",
    ]
    assert len(frame) == len(measures)


def test_nothing_is_read_from_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """With bare codes for sentences, a study with failed fits among its own has the same figures."""
    plan = bc.Plan("separation", replicates=6, methods=("mle_wald", "map_laplace", "psis_laplace"), seed=3)

    def figures() -> pd.DataFrame:
        found = bc.study(plan, executor="serial").summary().drop(columns="reason")
        return found[~found["measure"].str.startswith("seconds")]

    told = figures()
    assert told["failed"].max() > 0
    monkeypatch.setattr(wording, "WORDS", dict.fromkeys(Code, lambda reason: str(reason.code)))
    pd.testing.assert_frame_equal(figures(), told)
