"""Studies whose coordinator or worker is killed at random moments: nothing is lost, doubled or changed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

import bayescompare as bc
from bayescompare.studies.store import Store

MODEL = f"{Path(__file__).parent / 'conjugate.py'}:normal"
PLAN = bc.Plan(
    MODEL,
    {"n": (2, 9)},
    replicates=120,
    methods=("nuts",),
    seed=9,
    sampler=bc.SamplerOptions(draws=100, tune=100, chains=2),
)

COORDINATOR = """
import sys
import bayescompare as bc
if __name__ == "__main__":
    bc.study(bc.Plan.from_toml(sys.argv[2]), store=sys.argv[1], executor=sys.argv[3], workers=2)
"""


def rows(result: bc.StudyResult) -> pd.DataFrame:
    return result.cells().drop(columns="seconds")


def start(path: Path, plan: bc.Plan, executor: str) -> subprocess.Popen[bytes]:
    """A coordinator in a process of its own."""
    script = path.with_suffix(".py")
    script.write_text(COORDINATOR, encoding="utf-8")
    return subprocess.Popen([sys.executable, str(script), str(path), plan.to_toml(), executor])


def writes(path: Path, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the coordinator writes a block; False where it has ended before."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    size = path.stat().st_size if path.exists() else 0
    while process.poll() is None:
        if path.exists() and path.stat().st_mtime_ns != before and path.stat().st_size > max(size, 30_000):
            return True
        time.sleep(0.01)
    return False


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Its worker processes, without the resource tracker and without those that have just ended."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # the error of a zombie, too
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def killed_again_and_again(path: Path, plan: bc.Plan, kills: int) -> Iterator[str]:
    """Start, wait for a block, wait a little more, kill; what was killed."""
    rng = np.random.default_rng(kills)
    for i in range(kills):
        executor = ("processes", "serial")[i % 2]
        process = start(path, plan, executor)
        if not writes(path, process):
            yield "nothing"
            continue
        time.sleep(rng.uniform(0, 0.5))
        workers = children(process) if executor == "processes" else []
        if workers and rng.integers(2):
            with suppress(psutil.NoSuchProcess):
                workers[int(rng.integers(len(workers)))].kill()
            time.sleep(rng.uniform(0, 2))
            yield "worker"
        at_work = process.poll() is None
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert not alive, "workers must not outlive their coordinator"
        yield "coordinator" if at_work else "nothing"


def check(tmp_path: Path, plan: bc.Plan, kills: int) -> int:
    """What the kills leave behind against a run without any; how often a coordinator at work was killed."""
    path = tmp_path / "killed.study"
    seen = list(killed_again_and_again(path, plan, kills))
    with Store.read(path) as store:
        assert store.counts()[0] > 0
    left = bc.study(plan, store=path, executor="serial")
    whole = bc.study(plan, store=tmp_path / "whole.study", executor="serial")
    pd.testing.assert_frame_equal(rows(left), rows(whole), check_exact=True)
    assert left.done == plan.fits
    return seen.count("coordinator")


def test_three_kills(tmp_path: Path) -> None:
    assert check(tmp_path, PLAN, 3) > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills(tmp_path: Path) -> None:
    assert check(tmp_path, replace(PLAN, replicates=4000), 50) == 50


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    process = start(path, PLAN, "processes")
    assert writes(path, process)
    children(process)[0].kill()
    assert process.wait() == 0
    with Store.read(path) as store:
        assert store.counts() == (PLAN.fits, 0)
