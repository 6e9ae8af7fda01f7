"""The study's file: what goes in comes out, and nothing that is damaged, foreign or full is made worse."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bayescompare as bc
from bayescompare.errors import MissingFileError, OutputError, PlanError, ResultFileError
from bayescompare.studies.cells import ARRAYS, FAILED, Block, Results, Task, failed, tasks
from bayescompare.studies.store import Store

PLAN = bc.Plan("jellybeans", {"n": (5, 10)}, replicates=140, levels=(0.5, 0.8, 0.9))


def made(task: Task, k: int = 3, seed: int = 0) -> Block:
    """A block of made-up figures: the store does not look at what it holds."""
    rng = np.random.default_rng([seed, task.point, task.block, len(task.arm)])
    count, sizes = len(task.replicates), {"L": len(task.plan.levels), "k": k}
    results = {}
    for method in task.plan.arms[task.arm]:
        arrays = {name: rng.normal(size=(count, *(sizes[a] for a in axes))) for name, axes in ARRAYS.items()}
        arrays.pop("r_hat" if method != "nuts" else "k_hat")
        status = rng.integers(0, 3, count).astype(np.uint8)
        results[method] = Results(status, tuple(f"“{s}”" if s else "" for s in status), arrays)
    names = tuple(f"x[{i}]" for i in range(k))
    return Block(*task.key, task.replicates, names, rng.normal(size=(count, k)), results)


def filled(path: Path, plan: bc.Plan = PLAN) -> list[Block]:
    blocks = [made(task) for task in tasks(plan)]
    with Store.create_or_resume(path, plan) as store:
        for block in blocks:
            store.add(block)
    return blocks


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    blocks = filled(tmp_path / "a.study")
    with Store.read(tmp_path / "a.study") as store:
        assert store.plan == PLAN
        assert set(store.finished()) == {b.key for b in blocks}
        assert store.counts() == (PLAN.fits, sum(b.failed for b in blocks))
        for point in (0, 1):
            for method in PLAN.methods:
                mine = [b for b in blocks if b.point == point and method in b.results]
                cells = store.cells(point, method)
                assert cells.names == mine[0].names
                assert cells.replicates.tolist() == list(range(140))
                assert np.array_equal(cells.truth, np.concatenate([b.truth for b in mine]))
                results = [b.results[method] for b in mine]
                assert np.array_equal(cells.results.status, np.concatenate([r.status for r in results]))
                assert cells.results.reasons == tuple(reason for r in results for reason in r.reasons)
                for name in ARRAYS:
                    if name in results[0].arrays:
                        whole = np.concatenate([r.arrays[name] for r in results])
                        assert np.array_equal(cells.results.arrays[name], whole)
                    else:
                        assert np.isnan(cells.results.arrays[name]).all()


def test_a_block_that_failed_as_a_whole_is_rows_of_nan(tmp_path: Path) -> None:
    first, second = [task for task in tasks(PLAN) if task.arm == "cheap"][:2]
    with Store.create_or_resume(tmp_path / "a.study", PLAN) as store:
        store.add(failed(first, "no model"))
        assert store.names(0) == ()
        store.add(made(second))
        cells = store.cells(0, "map_laplace")
    assert cells.truth.shape == (140, 3)
    assert np.isnan(cells.truth[:128]).all()
    assert np.isnan(cells.results.arrays["lower"][:128]).all()
    assert np.isfinite(cells.results.arrays["lower"][128:]).all()
    assert (cells.results.status[:128] == FAILED).all()
    assert cells.results.reasons[:128] == ("no model",) * 128


def test_a_block_whose_worker_died_is_tried_again(tmp_path: Path) -> None:
    task = next(tasks(PLAN))
    with Store.create_or_resume(tmp_path / "a.study", PLAN) as store:
        store.add(failed(task, "the worker died", died=True))
        assert store.finished() == {}
        assert store.counts() == (3 * 128, 3 * 128)
        store.add(made(task))
        assert set(store.finished()) == {task.key}
        assert len(store.cells(0, "mle_wald").replicates) == 128


def test_a_file_from_before_there_was_elpd_opens_and_goes_on(tmp_path: Path) -> None:
    path, old = tmp_path / "a.study", [name for name in ARRAYS if name not in ("elpd", "elpd_plugin")]
    first, *rest = (made(task) for task in tasks(PLAN))
    with Store.create_or_resume(path, PLAN) as store:
        store._connection.execute("ALTER TABLE results DROP COLUMN elpd")
        store._connection.execute("ALTER TABLE results DROP COLUMN elpd_plugin")
    with Store.create_or_resume(path, PLAN) as store:
        store.add(first)
    with Store.create_or_resume(path, PLAN) as store:
        for block in rest:
            store.add(block)
    with Store.read(path) as store:
        cells = store.cells(1, "nuts")
    whole = [block.results["nuts"].arrays["sd"] for block in rest if block.point == 1 and "nuts" in block.results]
    assert list(cells.results.arrays) == old
    assert np.array_equal(cells.results.arrays["sd"], np.concatenate(whole))
    assert bc.StudyResult(path).plan == PLAN


def test_another_plan_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    filled(path)
    before = path.read_bytes()
    with pytest.raises(PlanError, match="another plan: replicates was 140, and is 80 now") as caught:
        Store.create_or_resume(path, replace(PLAN, replicates=80))
    assert caught.value.exit_code == 2
    assert path.read_bytes() == before


def test_another_version_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    filled(path)
    with sqlite3.connect(path) as connection:
        identity = json.loads(connection.execute("SELECT identity FROM plan").fetchone()[0])
        connection.execute("UPDATE plan SET identity = ?", (json.dumps({**identity, "numpy": "1.0"}),))
    connection.close()
    with pytest.raises(PlanError, match=rf"numpy \(1\.0, now {np.__version__}\)"):
        Store.create_or_resume(path, PLAN)


@pytest.mark.parametrize("content", [b"text", b"\x89HDF\r\n\x1a\n" + bytes(100), b"SQLite format 3\x00" + b"x" * 5000])
def test_foreign_files_are_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.study"
    path.write_bytes(content)
    for opened in (lambda: Store.create_or_resume(path, PLAN), lambda: Store.read(path)):
        with pytest.raises(ResultFileError) as caught:
            opened()
        assert caught.value.exit_code == 5
    assert path.read_bytes() == content


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE plan (toml)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ResultFileError, match="not of a study"):
        Store.create_or_resume(path, PLAN)
    assert path.read_bytes() == before


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    # What a kill between making the file and its first transaction leaves.
    (tmp_path / "a.study").touch()
    filled(tmp_path / "a.study")


def test_damage_is_recognised_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    filled(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    unnoticed = 0
    for place in rng.integers(100, len(whole), 60):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        path.write_bytes(broken)
        try:
            with Store.read(path) as store:
                for point in (0, 1):
                    for method in PLAN.methods:
                        store.cells(point, method)
        except ResultFileError:
            continue
        unnoticed += 1  # it can only lie where nothing is kept: between the rows of a page
        path.write_bytes(whole)
        with Store.read(path) as store:
            good = [store.cells(p, m).results.arrays["sd"] for p in (0, 1) for m in PLAN.methods]
        path.write_bytes(broken)
        with Store.read(path) as store:
            same = [store.cells(p, m).results.arrays["sd"] for p in (0, 1) for m in PLAN.methods]
        assert all(np.array_equal(a, b) for a, b in zip(good, same, strict=True))
    assert unnoticed < 30


def test_a_cut_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    filled(path)
    content = path.read_bytes()[: len(path.read_bytes()) // 2]
    path.write_bytes(content)
    with pytest.raises(ResultFileError):
        Store.create_or_resume(path, PLAN)
    assert path.read_bytes() == content


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with Store.create_or_resume(tmp_path / "a.study", PLAN) as store:
        store.add(made(next(tasks(PLAN))))
        with pytest.raises(OutputError, match="written by another process"):
            Store.create_or_resume(tmp_path / "a.study", PLAN)


def test_missing_and_unwritable_places(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        Store.read(tmp_path / "a.study")
    with pytest.raises(OutputError, match="no folder"):
        Store.create_or_resume(tmp_path / "no" / "a.study", PLAN)


READ_ONLY = """
import os, sys
from pathlib import Path
import bayescompare as bc
from bayescompare.errors import OutputError
from bayescompare.studies.store import Store
if os.getuid() == 0:
    os.setuid(65534)  # root may write anything
path, plan = Path(sys.argv[1]), bc.Plan.from_toml(sys.argv[2])
try:
    Store.create_or_resume(path, plan)
except OutputError as error:
    with Store.read(path) as store:
        print(error.exit_code, len(store.finished()), store.cells(0, "nuts").truth.shape)
"""


def test_a_read_only_file_can_be_read_and_not_continued() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to other users
        path = Path(folder) / "a.study"
        blocks = filled(path)
        path.chmod(0o444)
        path.parent.chmod(0o755)
        command = [sys.executable, "-c", READ_ONLY, str(path), PLAN.to_toml()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[0] == f"2 {len(blocks)} (140, 3)", done.stderr


def test_a_full_disk_keeps_what_is_finished(tmp_path: Path) -> None:
    # The limit of a file's size makes the same writes fail that a full disk does.
    path = tmp_path / "a.study"
    plan = replace(PLAN, replicates=1280)
    blocks = [made(task) for task in tasks(plan) if task.arm == "cheap"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept: list[Block] = []
    with Store.create_or_resume(path, plan) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        try:
            with pytest.raises(OutputError, match="make room, and run the same command again") as caught:
                kept.extend(store.add(block) or block for block in blocks)  # type: ignore[func-returns-value]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 2
    assert 0 < len(kept) < len(blocks)
    with Store.create_or_resume(path, plan) as store:
        assert set(store.finished()) == {b.key for b in kept}
        for block in blocks[len(kept) :]:
            store.add(block)
        assert np.array_equal(store.cells(1, "mle_wald").truth, np.concatenate([b.truth for b in blocks if b.point]))


def test_sqlite_full_is_told_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    with Store.create_or_resume(path, PLAN) as store:
        pages = path.stat().st_size // 4096
        store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(OutputError, match="full"):
            store.add(made(next(tasks(PLAN))))
        assert store.finished() == {}


KILLED = """
import os, signal, sys, threading, time
sys.path.insert(0, sys.argv[3])
from pathlib import Path
import bayescompare as bc
from bayescompare.studies.cells import tasks
from bayescompare.studies.store import Store
from test_study_store import made
plan = bc.Plan.from_toml(sys.argv[2])
blocks = [made(task) for task in tasks(plan)]
with Store.create_or_resume(Path(sys.argv[1]), plan) as store:
    missing = [b for b in blocks if b.key not in store.finished()]
    delay = float(sys.argv[4])
    threading.Thread(target=lambda: (time.sleep(delay), os.kill(os.getpid(), signal.SIGKILL)), daemon=True).start()
    for block in missing:
        store.add(block)
"""


def test_a_writer_that_is_killed_leaves_whole_blocks(tmp_path: Path) -> None:
    path, plan = tmp_path / "a.study", replace(PLAN, replicates=320)
    rng = np.random.default_rng(11)
    command = [sys.executable, "-c", KILLED, str(path), plan.to_toml(), str(Path(__file__).parent)]
    ends = []
    for _ in range(3):
        ends.append(subprocess.run([*command, str(rng.uniform(0.001, 0.02))], check=False).returncode)
    assert ends.count(-9) >= 2
    filled_again = {task.key for task in tasks(plan)}
    subprocess.run([*command, "1000"], check=True)
    with Store.read(path) as store:
        assert set(store.finished()) == filled_again
        cells = store.cells(1, "nuts")
        expected = [made(task) for task in tasks(plan) if task.arm == "nuts" and task.point == 1]
        assert np.array_equal(cells.truth, np.concatenate([b.truth for b in expected]))
        assert cells.replicates.tolist() == list(range(320))
    assert not os.path.exists(f"{path}-journal")
