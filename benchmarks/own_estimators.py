"""What own estimators save against ``arviz_stats``, in processor time, one after the other in one process.

python benchmarks/own_estimators.py [--scalars N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from arviz_stats.base import array_stats

from bayescompare.metrics import diagnostics, kde, psis


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one run, after one that warms up."""
    work()
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scalars", type=int, default=50)
    k = parser.parse_args().scalars
    rng = np.random.default_rng(1)
    x = rng.standard_normal((k, 4, 1000))
    x += 0.01 * np.cumsum(x, axis=-1)
    flat = x.reshape(k, -1)
    grid = np.linspace(flat.min(axis=1), flat.max(axis=1), 128, axis=1)
    ratios = rng.standard_normal((k, 1000))

    def ours() -> None:
        diagnostics.convergence(x)
        diagnostics.ess_tail(x, *np.quantile(flat, [0.05, 0.95], axis=1))
        diagnostics.mcse_of_mean(x)

    def theirs() -> None:
        array_stats.ess(x, method="bulk")
        array_stats.ess(x, method="tail", prob=(0.05, 0.95))
        array_stats.rhat(x)
        array_stats.mcse(x, method="mean")

    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "ESS, R-hat, MCSE (4 x 1000)": (ours, theirs),
        "PSIS (1000)": (lambda: psis.smooth(ratios), lambda: array_stats.psislw(ratios)),
        "densities (4000)": (lambda: kde.curve(flat, grid), lambda: array_stats.kde(flat, grid_len=128)),
    }
    for what, (own, other) in pairs.items():
        mine, arviz = seconds(own), seconds(other)
        print(f"{what:28} {k:6} rows   own {1e3 * mine / k:6.2f} ms a row   arviz_stats {1e3 * arviz / k:6.2f}")


if __name__ == "__main__":
    main()
