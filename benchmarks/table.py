"""The table of marginals against ``arviz.summary`` on the same draws, one after the other in one process.

    python benchmarks/table.py [--scalars N] [--chains N] [--draws N] [--repeats N] [--profile]

The table has all of its columns: those of ``az.summary`` (mean, sd, interval, ESS, R-hat, Monte-Carlo errors) and the
rest (MAP, Laplace and prior included). Draws are autocorrelated and of three shapes (normal, exponential, lognormal).
"""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import statistics
import time

import arviz
import numpy as np
import xarray as xr
from scipy.signal import lfilter

from bayescompare.metrics.table import Marginals, table

RHO = 0.3


def draws(chains: int, draws: int, scalars: int) -> np.ndarray:
    """AR(1) normals, a third of them made exponential-like and a third lognormal."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((chains, draws + 100, scalars))
    x = lfilter([1.0], [1.0, -RHO], noise, axis=1)[:, 100:] * np.sqrt(1 - RHO**2)
    x[..., 1::3] = x[..., 1::3] ** 2
    x[..., 2::3] = np.exp(0.5 * x[..., 2::3])
    return np.ascontiguousarray(x)


def marginals(x: np.ndarray) -> Marginals:
    """With everything that a table can have: points, Laplace draws, prior draws."""
    rng = np.random.default_rng(1)
    k, centre, sd = x.shape[-1], x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    laplace = centre + sd * rng.standard_normal((4000, k))
    prior = centre + 3 * sd * rng.standard_normal((1000, k))
    return Marginals(x, centre - 0.3 * sd, centre - 0.2 * sd, centre, laplace, prior)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scalars", type=int, default=5000)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="print where the table's time goes")
    asked = parser.parse_args()
    x = draws(asked.chains, asked.draws, asked.scalars)
    given = marginals(x)
    posterior = xr.Dataset({"x": (("chain", "draw", "i"), x)})
    small = marginals(x[..., :10])
    table(small)  # imports and compilers of both are warm
    arviz.summary(posterior.isel(i=slice(10)), round_to="none")
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "theirs": []}
    for i in range(asked.repeats):
        for arm in ("ours", "theirs") if i % 2 == 0 else ("theirs", "ours"):
            wall, cpu = time.perf_counter(), time.process_time()
            if arm == "ours":
                columns, _ = table(given)
            else:
                arviz.summary(posterior, round_to="none")
            found[arm].append((time.perf_counter() - wall, time.process_time() - cpu))
    print(f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} cores, ", end="")
    print(f"{asked.scalars:,} scalars of {asked.chains} × {asked.draws:,} draws, median of {asked.repeats}\n")
    print(f"| seconds | bayescompare, {len(columns)} columns | az.summary | ratio |\n|---|---:|---:|---:|")
    for j, name in enumerate(("wall", "CPU")):
        mine, other = (statistics.median(run[j] for run in found[arm]) for arm in ("ours", "theirs"))
        print(f"| {name} | {mine:.1f} | {other:.1f} | {mine / other:.2f} |")
    if asked.profile:
        profile = cProfile.Profile()
        profile.runcall(table, given)
        pstats.Stats(profile).sort_stats("tottime").print_stats(20)


if __name__ == "__main__":
    main()
