"""Studies as cost: a replicate of MAP + NUTS beside ``pm.find_MAP`` + ``pm.sample``, workers, memory, the store.

    python -m benchmarks.studies [--replicates N] [--sample N] [--workers N] [--cheap-cells N]

Eight schools (non-centred), data drawn from the prior; NUTS draws 4 × (500 + 500). A study's time is that of
``bc.study`` with its workers started and its models compiled, as both are once a study; what they take is told apart.
The loop calls ``pm.find_MAP`` and ``pm.sample`` on data drawn alike in one warm process with the same number of cores,
``pm.set_data`` between them, progress bars off; its first replicate does not count. Memory is what is resident, after a
quarter, a half and all of the fits.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import bayescompare as bc
from bayescompare.studies.cells import Task, run
from bayescompare.studies.plan import CHEAP

METHODS = ("map_laplace", "nuts")


def plan(replicates: int, methods: tuple[str, ...] = METHODS) -> bc.Plan:
    return bc.Plan("eight_schools", replicates=replicates, methods=methods, sampler=bc.SamplerOptions(500, 500))


class Clock:
    """When fits were done, and the memory of the processes then."""

    def __init__(self) -> None:
        self.times: list[tuple[float, int]] = []
        self.memory: list[tuple[int, float, float]] = []

    def update(self, done: Any) -> None:
        import psutil

        now = time.perf_counter()
        if not self.times or done.fits != self.times[-1][1]:
            self.times.append((now, done.fits))
            me = psutil.Process()
            workers = [c.memory_info().rss for c in me.children() if "spawn_main" in " ".join(c.cmdline())]
            self.memory.append((done.fits, me.memory_info().rss / 2**20, max(workers, default=0) / 2**20))

    def tell(self) -> None:
        done = [m for m in self.memory if m[0]]
        for fits, mine, theirs in (done[len(done) // 4], done[len(done) // 2], done[-1]):
            print(f"memory after {fits:,} fits: coordinator {mine:.0f} MiB, largest worker {theirs:.0f} MiB")


def warm(workers: int, methods: tuple[str, ...]) -> ProcessPoolExecutor:
    """Workers that have compiled the model: each arm is handed to all of them at once, as all are idle."""
    executor = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    asked = plan(512, methods)
    for arm in asked.arms:
        tasks = [Task(asked, 0, arm, block) for block in range(workers)]
        for future in [executor.submit(run, task) for task in tasks]:
            future.result()
    return executor


def ours(replicates: int, workers: int, folder: Path, methods: tuple[str, ...] = METHODS) -> tuple[float, Clock]:
    """Seconds a replicate once everything is compiled; memory."""
    clock = Clock()
    began = time.perf_counter()
    with warm(workers, methods) as executor, tempfile.TemporaryDirectory(dir=folder) as place:
        warmed = time.perf_counter() - began
        began = time.perf_counter()
        path = Path(place) / "a.study"
        result = bc.study(plan(replicates, methods), store=path, workers=workers, executor=executor, progress=clock)
        seconds = time.perf_counter() - began
        found, began = result.rows(), time.perf_counter()
        rows = len(result.rows())
        told = time.perf_counter() - began
        medians = {m.method: round(m.value, 4) for m in found if m.measure == "seconds"}
        print(f"{', '.join(methods)}, {workers} workers, {replicates:,} replicates: {seconds:.1f} s, ", end="")
        print(f"{1000 * seconds / replicates:.2f} ms a replicate; {warmed:.1f} s to start and compile before that")
        print(f"{result.failed} fits failed; median seconds of a fit: {medians}")
        print(f"file: {path.stat().st_size / 2**20:.1f} MiB; {rows} rows of the summary in {told:.1f} s")
        clock.tell()
    return seconds / replicates, clock


def loop(sample: int, cores: int) -> float:
    """Seconds a replicate of ``pm.find_MAP`` and ``pm.sample``."""
    import pymc as pm

    from bayescompare.model.simulate import simulator
    from bayescompare.models import eight_schools

    model = eight_schools()
    simulate = simulator(model)
    times = []
    for seed in range(sample + 1):
        data = simulate(seed)[1]
        began = time.perf_counter()
        with model, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pm.set_data(data)
            pm.find_MAP(progressbar=False)
            pm.sample(
                500,
                tune=500,
                chains=4,
                cores=cores,
                random_seed=seed,
                progressbar=False,
                quiet=True,
                target_accept=0.95,
            )
        times.append(time.perf_counter() - began)
    return sum(times[1:]) / sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--sample", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cheap-cells", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one, _ = ours(asked.replicates, 1, Path(folder))
        several, _ = ours(asked.replicates, asked.workers, Path(folder))
        print(
            f"a replicate: {one:.4f} s with 1 worker, {several:.4f} s with {asked.workers}: {one / several:.2f} times"
        )
        if asked.sample:
            theirs = loop(asked.sample, asked.workers)
            print(f"pm.find_MAP + pm.sample: {theirs:.3f} s a replicate, {theirs / several:.0f} times as long")
        if asked.cheap_cells:
            ours(asked.cheap_cells, asked.workers, Path(folder), CHEAP)


if __name__ == "__main__":
    main()
