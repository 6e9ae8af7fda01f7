"""Modes of posteriordb's posteriors: ``bayescompare.fit(model, "map")`` beside ``pm.find_MAP``, as points and as cost.

    python -m benchmarks.modes [--posteriors NAME,...] [--seeds N] [--processes N] [--product dot|sum] [--cold]
                               [--json OUT]

Two Markdown tables go to stdout. Points are told by their largest distance from the best known mode over the
reference's parameters, in posterior sd, and by how far they lie below it, in nats (negative: above it). ``find_MAP`` is
called as it comes, then with ``jitter=True`` once a seed; what it says is any warning but a ``FutureWarning``. A
point is *wrong* if it is further than 0.001 posterior sd from the best known mode, and wrong *without a word* if its
arm said nothing (ours: status ok).

Points come from one process, in which both arms run every seed (none with ``--seeds 0``). Cost comes from others, fresh
ones: as often as ``--processes`` says, one for each arm in turn, and a posterior's figure is their median. A first call
is that of the process which its arm began: with the imports that it needs, without building the model. *Again* is a
second ``fit`` from the same ``pm.Model``, whose compiled density is kept with it, *later* one with another seed;
``find_MAP`` compiles anew at every call. Warm: a process that does not count has filled the caches. Cold: each arm's
first call, with empty PyTensor and numba caches of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.posteriordb.reference import NAMES, Reference, data, reference

ROOT = Path(__file__).resolve().parent.parent
RIGHT = 1e-3
PLAIN = 0.1  # posterior sd: what anyone would call wrong
COLD_SAMPLE = (
    "earnings-logearn_height",
    "eight_schools-eight_schools_noncentered",
    "gp_pois_regr-gp_regr",
    "hmm_example-hmm_example",
    "nes1996-nes",
)

Call = dict[str, Any]


# -- one process ---------------------------------------------------------------------------------


def child(name: str, arms: Sequence[str], starts: Sequence[int | None], product: str) -> dict[str, list[Call]]:
    """Run the arms in this order in this process; None among the starts is ``find_MAP``'s own start."""
    import pytensor.tensor as pt

    from tests.posteriordb import translations

    if product == "dot":  # as users write it; the tests avoid its 40 s of compiling
        translations.product = pt.dot
    model, known = translations.MODELS[name](data(name)), reference(name)
    run = {"ours": run_ours, "find_MAP": run_find_map}
    return {arm: run[arm](model, known, starts) for arm in arms}


def timed(function: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, processor = time.perf_counter(), time.process_time()
    result = function()
    return result, {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}


def run_ours(model: Any, known: Reference, starts: Sequence[int | None]) -> list[Call]:
    """The first fit, the same again, then every other seed."""
    import bayescompare as bc

    seeds = [seed for seed in starts if seed is not None] or [0]
    calls = []

    def fit(kind: str, target: Any, seed: int) -> None:
        found, spent = timed(partial(bc.fit, target, "map", seed=seed))
        there = found.status is not bc.Status.FAILED
        calls.append(
            {
                "kind": kind,
                "seed": seed,
                "said": "" if found.ok else f"{found.status}: {'; '.join(found.reasons)}",
                "reasons": list(found.reasons),
                "sd": known.from_mode(found.values) if there else math.nan,
                "nats": known.log_density - found.log_density,
                "dimension": len(found.unconstrained) if there else None,
                "evaluations": found.evaluations,
                **spent,
            }
        )

    fit("first", model, seeds[0])
    if starts:
        fit("again", model, seeds[0])
        for seed in seeds[1:]:
            fit("later", model, seed)
    return calls


def run_find_map(model: Any, known: Reference, starts: Sequence[int | None]) -> list[Call]:
    """``find_MAP`` from each start, told by our density where it ended: its own value carries single precision."""
    import numpy as np
    import pymc as pm

    calls, points = [], []
    for i, seed in enumerate(starts or [None]):
        given = {} if seed is None else {"jitter": True, "random_seed": seed}
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                point, spent = timed(partial(pm.find_MAP, model=model, progressbar=False, **given))
            except pm.exceptions.SamplingError as error:  # no finite start: it does say so
                point, spent = None, {"seconds": math.nan, "processor": math.nan}
                heard.append(warnings.WarningMessage(str(error), UserWarning, "", 0))
        said = [str(w.message).partition("\n")[0] for w in heard if not issubclass(w.category, FutureWarning)]
        calls.append({"kind": "first" if i == 0 else "later", "seed": seed, "said": "; ".join(said), **spent})
        points.append(point)

    import bayescompare as bc

    density = bc.Problem(model).density
    for call, point in zip(calls, points, strict=True):
        if point is None:
            call.update(sd=math.nan, nats=math.nan)
            continue
        u = np.concatenate([np.ravel(point[block.value_name]) for block in density.blocks])
        call.update(
            sd=known.from_mode(scalars(point)), nats=known.log_density - density(u.astype(float), (1.0, 1.0, 0.0))[0]
        )
    return calls


def scalars(point: dict[str, Any]) -> dict[str, float]:
    """PyMC's point by scalar: ``beta[0]``."""
    found = {}
    for name, value in point.items():
        if value.ndim == 0:
            found[name] = float(value)
        else:
            found.update({f"{name}[{i}]": float(x) for i, x in enumerate(value.ravel())})
    return found


# -- all processes -------------------------------------------------------------------------------


def fresh(
    name: str, arms: Sequence[str], starts: Sequence[int | None], product: str, caches: Path | None = None
) -> dict[str, list[Call]]:
    """:func:`child` in a process of its own; with its own empty caches where a folder is given."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["OMP_NUM_THREADS"] = "1"
    if caches is not None:
        environment["PYTENSOR_FLAGS"] = f"base_compiledir={caches / 'pytensor'}"
        environment["NUMBA_CACHE_DIR"] = str(caches / "numba")
    asked = json.dumps([name, list(arms), list(starts), product])
    command = [sys.executable, "-m", "benchmarks.modes", "--child", asked]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    result: dict[str, list[Call]] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(name: str, seeds: int, processes: int, product: str, cold: bool) -> dict[str, list[Call]]:
    """Calls of one posterior: as points (``ours``, ``find_MAP``), and as cost (``ours_alone``, ``find_MAP_alone``)."""
    found: dict[str, list[Call]] = {"ours": [], "find_MAP": [], "ours_alone": [], "find_MAP_alone": []}
    if not cold:
        fresh(name, ["find_MAP"], [None, 0], product)
        if seeds:
            found |= fresh(name, ["ours", "find_MAP"], [None, *range(seeds)], product)
    for _ in range(processes):
        for arm, starts in (("ours", [0, 1]), ("find_MAP", [None, None])):
            with tempfile.TemporaryDirectory() as folder:
                caches = Path(folder) if cold else None
                found[f"{arm}_alone"] += fresh(name, [arm], [] if cold else starts, product, caches)[arm]
    return found


# -- tables --------------------------------------------------------------------------------------


def cost(arms: dict[str, list[Call]], clock: str, cold: bool) -> list[float]:
    """Ours first, find_MAP's first, their ratio; warm also ours again and later, find_MAP's second, and two ratios."""

    def middle(arm: str, kind: str) -> float:
        found = [call[clock] for call in arms[arm] if call["kind"] == kind]
        return statistics.median(found) if found else math.nan

    first, theirs = middle("ours_alone", "first"), middle("find_MAP_alone", "first")
    row = [first, theirs, first / theirs]
    if not cold:
        again, later = middle("ours_alone", "again"), middle("ours_alone", "later")
        second = middle("find_MAP_alone", "later")
        row += [again, later, second, again / second, later / second]
    return row


def wrong(calls: Sequence[Call], limit: float = RIGHT) -> list[Call]:
    return [c for c in calls if not c["sd"] <= limit]


def silent(calls: Sequence[Call]) -> list[Call]:
    return [c for c in calls if not c["said"]]


def small(value: float) -> str:
    """Few digits, whatever the size; what is rounding reads 0."""
    if math.isnan(value):
        return "–"
    return "0" if abs(value) < 1e-6 else f"{value:.2g}" if abs(value) < 1000 else f"{value:.1e}"


def worst(calls: Sequence[Call], key: str) -> str:
    found = [abs(c[key]) if math.isfinite(c[key]) else math.inf for c in calls]
    return small(max(found)) if found else "–"


def points_table(results: dict[str, dict[str, list[Call]]]) -> list[str]:
    rows = [
        "| posterior | d | ours: wrong | status | worst sd | worst nats | `find_MAP`: wrong | without a word "
        "| own start, sd | worst sd | worst nats |",
        "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, arms in results.items():
        a, b = arms["ours"], arms["find_MAP"]
        status = ", ".join(sorted({c["said"].partition(":")[0] or "ok" for c in a}))
        rows.append(
            f"| {name} | {a[0]['dimension']} | {len(wrong(a))}/{len(a)} | {status} | {worst(a, 'sd')} "
            f"| {worst(a, 'nats')} | {len(wrong(b))}/{len(b)} | {len(silent(wrong(b)))} "
            f"| {small(b[0]['sd'])} | {worst(b, 'sd')} | {worst(b, 'nats')} |"
        )
    rows.append("")
    for arm, called in (("ours", "bayescompare"), ("find_MAP", "`find_MAP`")):
        calls = [c for arms in results.values() for c in arms[arm]]
        for limit in (RIGHT, PLAIN):
            off = wrong(calls, limit)
            models = sum(bool(wrong(arms[arm], limit)) for arms in results.values())
            quiet = sum(bool(silent(wrong(arms[arm], limit))) for arms in results.values())
            rows.append(
                f"- {called}, further than {limit:g} posterior sd from the best known mode: {len(off)} of {len(calls)} "
                f"calls, {models} of {len(results)} models; without a word {len(silent(off))} calls, {quiet} models."
            )
        right = [c for c in calls if c["sd"] <= RIGHT]
        rows.append(f"- {called}, right and yet with a warning or a status: {len(right) - len(silent(right))} calls.")
    return rows


def seconds_table(results: dict[str, dict[str, list[Call]]], cold: bool) -> list[str]:
    heads = ["posterior", "ours first", "`find_MAP` first", "ratio"]
    if not cold:
        heads += ["ours again", "ours later", "`find_MAP` second", "ratio of again", "ratio of later"]
    rows = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    table = [cost(arms, "seconds", cold) for arms in results.values()]
    rows += [f"| {name} | {two_digits(row)} |" for name, row in zip(results, table, strict=True)]
    rows.append(f"| **median** | {two_digits(medians(table))} |")
    busy = medians([cost(arms, "processor", cold) for arms in results.values()])
    rows.append(f"| median, processor time | {two_digits(busy)} |")
    return rows


def medians(table: Sequence[Sequence[float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*table, strict=True)]


def two_digits(row: Sequence[float]) -> str:
    return " | ".join(f"{x:.2f}" for x in row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posteriors", help="names, by commas (default: all; cold: five of every kind)")
    parser.add_argument("--seeds", type=int, default=4, help="of the points; 0: cost alone")
    parser.add_argument("--processes", type=int, default=1, help="of each arm for its cost")
    parser.add_argument("--product", choices=["dot", "sum"], default="dot", help="how X and the coefficients multiply")
    parser.add_argument("--cold", action="store_true", help="empty caches; first calls only")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(child(*json.loads(asked.child))))
        return
    names = asked.posteriors.split(",") if asked.posteriors else COLD_SAMPLE if asked.cold else NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"no such posterior: {', '.join(sorted(unknown))}")
    load = os.getloadavg()[0]
    results = {}
    for name in names:
        print(name, file=sys.stderr, flush=True)
        results[name] = measure(name, asked.seeds, asked.processes, asked.product, asked.cold)
    print(
        f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"{'cold' if asked.cold else 'warm'} caches, X · beta as a {asked.product}; "
        f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after\n"
    )
    if not asked.cold and asked.seeds:
        print("\n".join(points_table(results)), end="\n\n")
    print("\n".join(seconds_table(results, asked.cold)))
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
