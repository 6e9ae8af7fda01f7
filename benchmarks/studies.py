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
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import bayescompare as bc

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

    def steady(self) -> float:
        """Seconds a fit between the first finished block and the last."""
        (start, first), (end, last) = next(t for t in self.times if t[1]), self.times[-1]
        return (end - start) / (last - first)


def ours(replicates: int, workers: int, folder: Path) -> tuple[float, float, Clock]:
    """Whole seconds; seconds a replicate once everything is compiled; memory."""
    clock = Clock()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        result = bc.study(plan(replicates), store=Path(place) / "a.study", workers=workers, progress=clock)
        whole = time.perf_counter() - began
        frame = result.cells()
    seconds = frame.groupby("method")["seconds"]
    print(f"| {workers} workers, {replicates} replicates | {whole:.1f} s | {result.failed} failed |")
    print("seconds of a fit, median:", seconds.median().round(4).to_dict())
    return whole, clock.steady() * len(METHODS), clock


def loop(sample: int, cores: int) -> float:
    """Seconds a replicate of ``pm.find_MAP`` and ``pm.sample``."""
    import pymc as pm

    from bayescompare.simulate import simulator
    from models import eight_schools

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


def cheap(cells: int, workers: int, folder: Path) -> None:
    """A large study of the cheap arm: its time, its file, its summary."""
    from bayescompare.study.plan import CHEAP

    with tempfile.TemporaryDirectory(dir=folder) as place:
        path, clock = Path(place) / "a.study", Clock()
        began = time.perf_counter()
        result = bc.study(plan(cells, CHEAP), store=path, workers=workers, progress=clock)
        ran = time.perf_counter() - began
        began = time.perf_counter()
        rows = result.rows()
        print(
            f"cheap arm: {cells:,} cells in {ran:.0f} s, {1000 * clock.steady() * len(CHEAP):.2f} ms a cell once "
            f"compiled; file {path.stat().st_size / 2**20:.1f} MiB; {len(rows)} rows in "
            f"{time.perf_counter() - began:.1f} s"
        )
        _tell_memory(clock)


def _tell_memory(clock: Clock) -> None:
    done = [m for m in clock.memory if m[0]]
    for fits, mine, theirs in (done[len(done) // 4], done[len(done) // 2], done[-1]):
        print(f"memory after {fits:,} fits: coordinator {mine:.0f} MiB, largest worker {theirs:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--sample", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cheap-cells", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("study:")
        _, one, _ = ours(asked.replicates, 1, Path(folder))
        _, several, clock = ours(asked.replicates, asked.workers, Path(folder))
        _tell_memory(clock)
        print(
            f"a replicate: {one:.4f} s with 1 worker, {several:.4f} s with {asked.workers}: {one / several:.2f} times"
        )
        theirs = loop(asked.sample, asked.workers)
        print(f"pm.find_MAP + pm.sample: {theirs:.3f} s a replicate, {theirs / several:.0f} times as long")
        if asked.cheap_cells:
            cheap(asked.cheap_cells, asked.workers, Path(folder))


if __name__ == "__main__":
    main()
