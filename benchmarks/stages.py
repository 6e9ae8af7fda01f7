"""Where a comparison's seconds go: processor seconds of each stage, and the memory held after it.

    python benchmarks/stages.py TEMPLATE

Run it twice: the first run fills the caches. Stages are the functions of the workflow; a line's seconds hold those of
the lines that are indented beneath it, which come before it.
"""

from __future__ import annotations

import functools
import os
import resource
import sys
import tempfile
import time
from importlib import import_module
from typing import Any

#: Module and function of each stage, with how far it is indented.
STAGES = (
    *(("workflow.compare", name, 0) for name in ("require", "audited", "_told", "displayed")),
    *(("workflow.arms", name, 0) for name in ("modes", "prior", "heights", "searched_again", "basins")),
    *(("workflow.arms", name, 1) for name in ("from_mle_to_map", "_laplace")),
    *(("workflow.sampling", name, 0) for name in ("prepare", "run")),
    ("workflow.others", "attempt", 0),
    *(("workflow.tabulate", name, 0) for name in ("table", "joint")),
    ("workflow.measured", "predict", 0),
    *(("workflow.predicted", name, 1) for name in ("_affordable", "_refitted", "_with_plugin", "_mended")),
    *(("workflow.consequences", name, 1) for name in ("sensitivity",)),
    ("workflow.curves", "drawn", 1),
)


def resident() -> float:
    """Megabytes."""
    with open("/proc/self/statm") as figures:
        return int(figures.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def line(label: str, seconds: float) -> None:
    if seconds >= 0.05:
        print(f"| {label} | {seconds:.2f} | {resident():.0f} |", flush=True)


def timed(module: str, name: str, indent: int) -> None:
    """Put a stopwatch around a function of the package."""
    home = import_module(f"bayescompare.{module}")
    function = getattr(home, name)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        began = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            of = f" {args[0]}" if args and isinstance(args[0], str) else ""
            line(f"{'— ' * indent}{name.strip('_').replace('_', ' ')}{of}", time.process_time() - began)

    setattr(home, name, wrapped)


def main() -> None:
    from bayescompare.workflow.compare import compare

    print("| stage | CPU s | MB after it |\n|---|---:|---:|")
    line("imports", time.process_time())
    for stage in STAGES:
        timed(*stage)
    comparison = compare(sys.argv[1])
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        comparison.to_html(f"{folder}/report.html")
    line("report", time.process_time() - began)
    line("all", time.process_time())
    print(f"\nPeak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
