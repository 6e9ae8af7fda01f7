"""The batched cheap arm of studies against a loop of ``pm.find_MAP``, side by side in one process.

    python -m benchmarks.cheap [--models NAME,...] [--replicates N] [--loop N] [--rounds N]

Replicates are data that the model itself simulates. The batch does MAP, its audit, Laplace draws, their PSIS weights,
intervals and ranks of every replicate; the loop does ``pm.find_MAP(progressbar=False)`` alone, on a model that is built
once and has its data swapped by ``pm.set_data``, as fast as PyMC lets a study be. Both are run once before they count,
so that caches are warm; then they take turns. Times are the median of rounds, per replicate: wall, and CPU of the
process, which other work on the machine disturbs less. *First call* of the batch is with tracing and compiling.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm

from bayescompare.errors import ModelError
from bayescompare.model.problem import Problem
from bayescompare.model.simulate import simulator
from bayescompare.models import eight_schools, radon, ridge_regression, wells
from bayescompare.studies.cheap_arms import CheapOptions, fit_batch
from bayescompare.templates.data import load

COUNTIES, HOUSEHOLDS = 10, 200


def radon_small() -> pm.Model:
    """The houses of the first ten counties."""
    table = load("radon")
    kept = [i for i, county in enumerate(table["county_idx"]) if county <= COUNTIES]
    return radon({name: [column[i] for i in kept] for name, column in table.items()})


def wells_small() -> pm.Model:
    return wells({name: column[:HOUSEHOLDS] for name, column in load("wells").items()})


MODELS: dict[str, Callable[[], pm.Model]] = {
    "eight_schools": eight_schools,
    "ridge_regression": ridge_regression,
    "wells_small": wells_small,
    "radon_small": radon_small,
}


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of wall and of CPU, and the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def simulated(model: pm.Model, count: int) -> tuple[dict[str, np.ndarray], float]:
    """Data of ``count`` draws of the prior predictive, and seconds a draw; draws without data are passed over."""
    draw = simulator(model)
    found: list[dict[str, np.ndarray]] = []
    seed, began = 0, time.perf_counter()
    while len(found) < count:
        seed += 1
        try:
            found.append(draw(seed)[1])
        except ModelError:
            continue
    return {n: np.stack([data[n] for data in found]) for n in found[0]}, (time.perf_counter() - began) / seed


def find_map_loop(model: pm.Model, data: dict[str, np.ndarray], rows: range) -> None:
    with model, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in rows:
            pm.set_data({name: array[row] for name, array in data.items()})
            pm.find_MAP(progressbar=False)


def measured(name: str, replicates: int, loop: int, rounds: int) -> str:
    """A row of the table."""
    model = MODELS[name]()
    problem = Problem(MODELS[name]())
    data, drawing = simulated(model, replicates)
    seeds = np.arange(replicates, dtype=np.uint64)
    options = CheapOptions(methods=("map_laplace", "psis_laplace"))

    def batch() -> Any:
        return fit_batch(problem, data, seeds=seeds, options=options)

    first, _, found = timed(batch)
    find_map_loop(model, data, range(1))
    mine, other = [], []
    for i in range(rounds):
        wall, cpu, _ = timed(batch)
        mine.append((wall / replicates, cpu / replicates))
        rows = range(i * loop, (i + 1) * loop)
        wall, cpu, _ = timed(lambda rows=rows: find_map_loop(model, data, rows))
        other.append((wall / loop, cpu / loop))
    (wall, cpu), (their_wall, their_cpu) = (
        [statistics.median(each[j] for each in times) for j in range(2)] for times in (mine, other)
    )
    status = Counter(found["map_laplace"].status)
    return (
        f"| {name} | {problem.dimension} | {1e3 * wall:.2f} / {1e3 * cpu:.2f} | {1e3 * their_wall:.0f} / "
        f"{1e3 * their_cpu:.0f} | {their_wall / wall:.0f} / {their_cpu / cpu:.0f} | {first:.1f} | "
        f"{1e3 * drawing:.2f} | {status['ok']} / {status['suspect']} / {status['failed']} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--replicates", type=int, default=1024)
    parser.add_argument("--loop", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} cores, ", end="")
    print(f"{asked.replicates:,} replicates, {asked.rounds} × {asked.loop} of find_MAP; wall / CPU\n")
    print("| model | d | batch, ms each | find_MAP, ms each | ratio | first call, s | simulating, ms each | status |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for name in asked.models.split(","):
        print(measured(name, asked.replicates, asked.loop, asked.rounds), flush=True)


if __name__ == "__main__":
    main()
