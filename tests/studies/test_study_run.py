"""Studies from end to end on a conjugate model: the same rows wherever they are computed, whatever fails, whenever it
is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conjugate import normal

import bayescompare as bc
from bayescompare.errors import OutputError, UnknownNameError, UsageError
from bayescompare.model.simulate import simulator
from bayescompare.studies import cells
from bayescompare.studies.run import Done

HERE = Path(__file__).parent
MODEL = f"{HERE / 'conjugate.py'}:normal"
SHORT = bc.SamplerOptions(draws=300, tune=200, chains=2)
PLAN = bc.Plan(MODEL, {"n": (2, 9)}, replicates=10, methods=("map_laplace", "nuts"), seed=4, sampler=SHORT)


def same_rows(a: bc.StudyResult, b: bc.StudyResult) -> None:
    """Bit by bit, times apart."""
    pd.testing.assert_frame_equal(*(r.cells().drop(columns="seconds") for r in (a, b)), check_exact=True)


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> bc.StudyResult:
    return bc.study(PLAN, store=tmp_path_factory.mktemp("serial") / "a.study", executor="serial")


def test_everything_is_there_once(serial: bc.StudyResult) -> None:
    frame = serial.cells()
    assert len(frame) == 40
    assert not frame.duplicated(["n", "replicate", "method"]).any()
    assert (serial.done, serial.failed) == (40, 0)
    assert repr(serial).endswith("40 of 40 fits, 0 failed>")


def test_two_processes_give_the_same_rows(serial: bc.StudyResult) -> None:
    same_rows(serial, bc.study(PLAN, workers=2))


def test_an_executor_of_the_users_gives_the_same_rows(serial: bc.StudyResult) -> None:
    with ThreadPoolExecutor(2) as executor:
        same_rows(serial, bc.study(PLAN, executor=executor, workers=2))


class Stop:
    """Interrupts a study once so many fits are done."""

    def __init__(self, fits: int) -> None:
        self.fits = fits
        self.seen: list[Done] = []

    def update(self, done: Done) -> None:
        self.seen.append(done)
        if self.fits <= done.fits < done.of:
            raise KeyboardInterrupt


def test_an_interrupted_study_goes_on_where_it_stopped(serial: bc.StudyResult, tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    with pytest.raises(KeyboardInterrupt):
        bc.study(PLAN, store=path, executor="serial", progress=Stop(16))
    # Elsewhere, in another order: what is there is not computed again, and the rows are those of one run.
    rest = Stop(10**9)
    with ThreadPoolExecutor(1) as executor:
        found = bc.study(PLAN, store=path, executor=executor, workers=1, progress=rest)
    assert rest.seen[0].fits >= 16
    assert rest.seen[-1].fits == rest.seen[-1].of == 40
    same_rows(serial, found)
    idle = Stop(0)
    same_rows(serial, bc.study(PLAN, store=path, executor="serial", progress=idle))
    assert not idle.seen


def test_figures_are_those_of_the_closed_form(serial: bc.StudyResult) -> None:
    from bayescompare.studies import cells

    # The same seeds give the data again; of the posterior N(Σy/3, 1/3) the MAP is the mean, and Laplace is exact.
    simulate = simulator(normal(2))
    frame = serial.cells().query("n == 2")
    for replicate in range(4):
        parameters, data = simulate(cells.seeds(PLAN, PLAN.points[0], replicate).data)
        mean, sd = data["y_data"].sum() / 3, np.sqrt(1 / 3)
        mine = frame[frame["replicate"] == replicate].set_index("method")
        assert (mine["truth"] == parameters["mu"]).all()
        found = mine.loc["map_laplace"]
        assert found["estimate"] == pytest.approx(mean, abs=1e-6)
        assert found["sd"] == pytest.approx(sd, rel=1e-6)
        found = mine.loc["nuts"]
        assert found["estimate"] == pytest.approx(mean, abs=5 * found["mcse_mean"])
        assert found["sd"] == pytest.approx(sd, abs=5 * found["mcse_sd"])
        # The 5 % quantile's error is 2.1 times that of the mean: √(p(1 − p))/φ.
        assert found["lower_90"] == pytest.approx(mean - 1.645 * sd, abs=5 * 2.1 * found["mcse_mean"])


def test_one_bad_cell_of_twenty_is_recorded_and_the_rest_goes_on() -> None:
    sigmas = (*np.linspace(0.5, 2, 19), -1.0)
    plan = bc.Plan(
        f"{HERE / 'conjugate.py'}:scaled",
        {"truth.sigma": sigmas},
        replicates=1,
        methods=("nuts",),
        truth={"mu": 0.5},
        sampler=SHORT,
    )
    frame = bc.study(plan, executor="serial").cells()
    bad = frame["truth.sigma"] == -1.0
    assert (frame["status"][bad] == "failed").all()
    assert frame["estimate"][bad].isna().all()
    assert frame["reason"][bad].str.contains("no data: The prior draw of seed .* gives no data").all()
    assert (frame["status"][~bad] != "failed").all()
    assert np.isfinite(frame["estimate"][~bad]).all()
    by = frame[~bad].set_index("parameter")["truth"]
    assert (by["mu"] == 0.5).all()
    assert by["sigma"].tolist() == pytest.approx(sigmas[:-1])


def test_a_point_without_a_model_is_recorded_and_the_rest_goes_on() -> None:
    plan = bc.Plan(MODEL, {"fault": ("raises", "")}, replicates=5, methods=("nuts",), sampler=SHORT)
    found = bc.study(plan, executor="serial")
    frame = found.cells()
    bad = frame["fault"] == "raises"
    assert bad.sum() == 5
    assert (frame["status"][bad] == "failed").all()
    assert frame["reason"][bad].str.contains("there is no such model").all()
    assert (frame["status"][~bad] != "failed").all()
    rows = [row for row in found.rows() if row.measure == "failed"]
    assert [(row.value, row.n) for row in rows] == [(1.0, 5), (0.0, 5)]
    assert "there is no such model" in rows[0].reason


def test_what_no_cell_can_do_is_said_in_each() -> None:
    plan = bc.Plan(MODEL, methods=("nuts",), replicates=1, parameters=("nu",))
    frame = bc.study(plan, executor="serial").cells()
    assert frame["status"].tolist() == ["failed"]
    assert "no parameter 'nu'. It has: mu" in frame["reason"][0]


@pytest.mark.parametrize(
    ("truth", "told"), [({"nu": 1.0}, "'nu' is no free variable"), ({"mu": [1.0, 2.0]}, "must be of shape")]
)
def test_a_truth_that_cannot_be_is_refused_at_once(truth: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        bc.study(bc.Plan(MODEL, methods=("nuts",), replicates=1, truth=truth), executor="serial")


def test_parameters_may_be_variables_or_scalars() -> None:
    plan = bc.Plan("eight_schools", replicates=1, methods=("nuts",), parameters=("theta[Choate]", "tau"), sampler=SHORT)
    frame = bc.study(plan, executor="serial").cells()
    assert frame["parameter"].tolist() == ["tau", "theta[Choate]"]
    assert np.isfinite(frame["rank"]).all()


def test_unknown_executors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="processes, serial, dask"):
        bc.study(PLAN, executor="threads")
    with pytest.raises(OutputError):
        bc.study(PLAN, store=tmp_path / "no" / "a.study", executor="serial")


def test_export(serial: bc.StudyResult, tmp_path: Path) -> None:
    serial.export(tmp_path / "a.csv")
    serial.export(tmp_path / "a.parquet")
    frame = serial.cells()
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "a.csv", keep_default_na=False, na_values=["nan", ""]).drop(columns="reason"),
        frame.drop(columns="reason"),
        check_dtype=False,
    )
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), frame, check_dtype=False)
    with pytest.raises(UsageError, match=r"\.csv or \.parquet"):
        serial.export(tmp_path / "a.xlsx")


@pytest.mark.slow
def test_a_worker_that_is_killed_each_time_fails_its_block_and_no_other() -> None:
    plan = bc.Plan(MODEL, {"fault": ("", "kills")}, replicates=4, methods=("nuts",), sampler=SHORT)
    frame = bc.study(plan, workers=1).cells()
    bad = frame["fault"] == "kills"
    assert (frame["status"][bad] == "failed").all()
    assert frame["reason"][bad].str.contains("the worker died 3 times").all()
    assert (frame["status"][~bad] != "failed").all()


def test_a_worker_without_memory_fails_its_block_says_so_and_goes_on() -> None:
    """The allocation is refused by the system; where it kills the worker instead, the test above says what follows."""
    plan = bc.Plan(MODEL, {"fault": ("memory", "")}, replicates=4, methods=("map_laplace",))
    frame = bc.study(plan, workers=1).cells()
    bad = frame["fault"] == "memory"
    assert bad.sum() == (~bad).sum() == 4
    assert (frame["status"][bad] == "failed").all()
    assert frame["reason"][bad].str.contains("Unable to allocate 8.00 GiB").all()
    assert (frame["status"][~bad] == "ok").all()


@pytest.fixture(scope="module", autouse=True)
def _models_are_dropped() -> Iterator[None]:
    yield
    cells._KEPT.clear()
