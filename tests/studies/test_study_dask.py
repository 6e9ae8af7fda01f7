"""Studies on a Dask cluster: a real scheduler and two worker processes on loopback."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import bayescompare as bc
from bayescompare.errors import UsageError
from bayescompare.studies.run import Done

pytest.importorskip("distributed")

MODEL = f"{Path(__file__).parent / 'conjugate.py'}:normal"
PLAN = bc.Plan(
    MODEL,
    {"n": (2, 9)},
    replicates=80,
    methods=("nuts",),
    seed=2,
    sampler=bc.SamplerOptions(draws=100, tune=100, chains=2),
)


def rows(result: bc.StudyResult) -> pd.DataFrame:
    return result.cells().drop(columns="seconds")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Address of a scheduler, and its two workers, without nannies that would start them again."""
    file = tmp_path / "scheduler.json"
    base = [sys.executable, "-m", "distributed.cli."]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def command(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        line = [*base[:2], base[2] + name, "--scheduler-file", str(file), "--no-dashboard", *arguments]
        return subprocess.Popen(line, **quiet)  # type: ignore[call-overload, no-any-return]

    scheduler = command("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    workers: list[subprocess.Popen[bytes]] = []
    try:
        while not file.exists() or not file.read_text():
            assert scheduler.poll() is None
            time.sleep(0.1)
        workers += [command("dask_worker", "--no-nanny", "--nthreads", "1") for _ in range(2)]
        import json

        address = json.loads(file.read_text())["address"]
        _wait_for(address, 2)
        yield address, workers
    finally:
        for process in [*workers, scheduler]:
            process.kill()
            process.wait()


def _wait_for(address: str, workers: int) -> None:
    from distributed import Client

    with Client(address) as client:
        client.wait_for_workers(workers, timeout=120)


class Kill:
    """Kills a process once some fits are done."""

    def __init__(self, process: subprocess.Popen[bytes], fits: int) -> None:
        self.process, self.fits, self.at = process, fits, -1

    def update(self, done: Done) -> None:
        if done.fits >= self.fits and self.at < 0:
            self.at = done.fits
            self.process.kill()


def test_a_killed_dask_worker_costs_nothing_but_time(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, workers = cluster
    kill = Kill(workers[0], 12)
    found = bc.study(PLAN, store=tmp_path / "a.study", executor=f"dask:{address}", progress=kill)
    assert 12 <= kill.at < PLAN.fits
    assert (found.done, found.failed) == (PLAN.fits, 0)
    whole = bc.study(PLAN, executor="serial")
    pd.testing.assert_frame_equal(rows(found), rows(whole), check_exact=True)


def test_a_scheduler_that_is_not_there_is_told() -> None:
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}), pytest.raises(UsageError, match="No Dask"):
        bc.study(PLAN, executor="dask:tcp://127.0.0.1:9")


@pytest.mark.slow
def test_a_local_cluster_gives_the_same_rows() -> None:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    plan = bc.Plan(MODEL, replicates=8, methods=("nuts",), sampler=PLAN.sampler)
    found, whole = (bc.study(plan, executor=where, workers=2) for where in ("dask:local", "serial"))
    pd.testing.assert_frame_equal(rows(found), rows(whole), check_exact=True)
