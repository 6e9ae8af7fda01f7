"""One whole comparison against the script that a PyMC user would write, as whole processes, side by side.

    python benchmarks/end_to_end.py [--templates a,b] [--repeats N] [--cold] [--json OUT]

The script: ``pm.find_MAP``, ``pm.sample`` with the template's settings, ``az.summary``, ``az.plot_dist`` saved as PNG
(of the first variables that have at most 40 elements together).
Each pair runs back to back, its order swapped at every repeat; cold runs get an empty PyTensor and numba cache each.
Wall time is of the whole process, imports included; processor time is that of all its threads and children, which
another process on the machine hardly changes; memory is its peak resident set. Ratios are ours / theirs, of medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEMPLATES = (
    *("eight_schools", "jellybeans", "radon", "ridge_regression", "wells"),
    *("stochastic_volatility", "rats", "neural_network_weight_decay"),
)

PLAIN = """
import warnings
warnings.simplefilter("ignore")
import arviz as az
import pymc as pm
from bayescompare.models import {name} as template

model = template()
with model:
    point = pm.find_MAP(progressbar=False)
    idata = pm.sample({settings}random_seed=0, progressbar=False)
print(az.summary(idata))
sizes = dict((name, x[0, 0].size) for name, x in idata.posterior.items())
shown = []
for name in sizes:  # ArviZ draws 40 panels at most
    if sum(map(sizes.get, [*shown, name])) <= 40:
        shown.append(name)
az.plot_dist(idata, var_names=shown[:8], backend="matplotlib").savefig("{out}")
"""


def run(command: list[str], environment: dict[str, str], folder: Path) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak megabytes of one process; its failure is an error here."""
    log = folder / "log.txt"
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{log.read_text()[-3000:]}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def commands(name: str, settings: str, folder: Path) -> dict[str, list[str]]:
    """The two processes of a pair."""
    script = folder / "plain.py"
    script.write_text(PLAIN.format(name=name, settings=settings, out=folder / "plain.png"))
    ours = [sys.executable, "-m", "bayescompare.cli", "compare", name, "--report", str(folder / "r.html"), "--quiet"]
    return {"ours": ours, "plain": [sys.executable, str(script)]}


def measure(name: str, settings: str, repeats: int, cold: bool) -> dict[str, list[tuple[float, float, float]]]:
    """All runs of one template, by arm."""
    found: dict[str, list[tuple[float, float, float]]] = {"ours": [], "plain": []}
    with tempfile.TemporaryDirectory() as work:
        shared = Path(work) / "shared"
        shared.mkdir()
        if not cold:  # fill the caches first
            for command in commands(name, settings, shared).values():
                run(command, caches(shared), shared)
        for i in range(repeats):
            order = ["ours", "plain"] if i % 2 == 0 else ["plain", "ours"]
            for arm in order:
                folder = Path(tempfile.mkdtemp(dir=work)) if cold else shared
                found[arm].append(run(commands(name, settings, folder)[arm], caches(folder), folder))
    return found


def caches(folder: Path) -> dict[str, str]:
    """An environment whose compile caches lie in this folder."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # a usual machine keeps bytecode
    return {
        **kept,
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "MPLBACKEND": "agg",
    }


def sampler_settings() -> dict[str, str]:
    """Each template's own sampler settings, as arguments of ``pm.sample``."""
    code = (
        "import json, models; names = " + repr(TEMPLATES) + "; "
        "print(json.dumps({n: dict(getattr(models, n).sampler) for n in names}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return {name: "".join(f"{k}={v}, " for k, v in given.items()) for name, given in json.loads(out).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--templates", default=",".join(TEMPLATES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="empty caches for every run")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    settings = sampler_settings()
    print(f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} cores, ", end="")
    print("cold" if asked.cold else "warm", f"caches, median of {asked.repeats}\n")
    print("| template | ours, s | script, s | ratio | ours, CPU s | script | ratio | ours, MB | script | ratio |")
    print("|---|" + "---:|" * 9)
    results, ratios = {}, []
    for name in asked.templates.split(","):
        runs = results[name] = measure(name, settings[name], asked.repeats, asked.cold)
        medians = {arm: [statistics.median(column) for column in zip(*each, strict=True)] for arm, each in runs.items()}
        pairs = list(zip(medians["ours"], medians["plain"], strict=True))
        ratios.append([ours / plain for ours, plain in pairs])
        cells = [f"{x:.{n}f}" for n, (a, b) in zip((1, 1, 0), pairs, strict=True) for x in (a, b)]
        for i, ratio in enumerate(ratios[-1]):
            cells.insert(3 * i + 2, f"{ratio:.2f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    means = [statistics.geometric_mean(column) for column in zip(*ratios, strict=True)]
    print(f"| geometric mean | {' | '.join(f'| | {mean:.2f}' for mean in means)} |")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
