"""The numbers of the gallery's pages beside those of an earlier commit: by field the largest difference, and where.

python benchmarks/pages.py REVISION [--pages reports]

Differences of what has a Monte-Carlo error are in such errors (of both pages together), all others of a scalar's
coordinates in posterior sd, the rest as they are. Fields that one of the two does not have are counted.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import bayescompare as bc

#: Columns of the table whose error has a name of its own, and those that have the unit of the scalar.
ERRORS = {"mean": "mcse_mean", "sd": "mcse_sd"}
IN_UNITS = {
    *("map", "map_unconstrained", "mle", "median", "laplace_mean", "laplace_sd", "laplace_lb", "laplace_ub", "width"),
    *("eti_lb", "eti_ub", "eti50_lb", "eti50_ub", "hdi_lb", "hdi_ub"),
}
PARTS = ("joint", "prediction", "sensitivity", "decisions")


def figures(path: str, at: Any) -> Iterator[tuple[str, str, float, float | None]]:
    """Field, place, value and error of every ``{value, mcse}`` below."""
    if isinstance(at, Mapping):
        if "value" in at and "mcse" in at:
            yield path.rpartition(".")[2], path, at["value"], at["mcse"]
        else:
            for key, value in at.items():
                yield from figures(f"{path}.{key}", value)
    elif isinstance(at, list | tuple):
        for i, value in enumerate(at):
            yield from figures(f"{path}.{i}", value)


def numbers(page: bc.ReportNumbers) -> dict[tuple[str, str], tuple[float, float, str]]:
    """Of every field at every place: value, error or unit, and which of the two that is."""
    found: dict[tuple[str, str], tuple[float, float, str]] = {}
    for name, row in page.table.iterrows():
        for column, value in row.items():
            error = row.get(ERRORS.get(column, f"{column}_mcse"), math.nan)
            if column.endswith("mcse") or column.startswith("mcse") or not isinstance(value, float):
                continue
            unit = (
                (error, "MCSE")
                if error > 0
                else (row["sd"], "sd")
                if column in IN_UNITS and row["sd"] > 0
                else (1.0, "")
            )
            found[column, str(name)] = (value, *unit)
    for part in PARTS:
        for field, place, value, error in figures(part, getattr(page, part)):
            found[f"{part}: {field}", place] = (
                math.nan if value is None else value,
                *((error, "MCSE") if error else (1.0, "")),
            )
    return found


def opened(path: Path) -> bc.ReportNumbers | None:
    page = bc.open(path)
    return page if isinstance(page, bc.ReportNumbers) else None


def earlier(revision: str, page: Path, folder: Path) -> Path | None:
    """The page as that commit has it, if it does."""
    done = subprocess.run(
        ["git", "show", f"{revision}:./{page.name}"], cwd=page.parent, capture_output=True, check=False
    )
    if done.returncode:
        return None
    copy = folder / page.name
    copy.write_bytes(done.stdout)
    return copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("--pages", type=Path, default=Path("reports"))
    asked = parser.parse_args()
    worst: dict[str, tuple[float, str, str]] = {}
    compared, only = 0, {"before": 0, "now": 0}
    for page in sorted(asked.pages.glob("*.html")):
        if page.stem in ("index", "atlas") or page.stem.startswith("study_"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            copy = earlier(asked.revision, page, Path(folder))
            before, now = (None if copy is None else opened(copy)), opened(page)
        if before is None or now is None:
            print(f"{page.stem}: not on both sides")
            continue
        compared += 1
        for layer in before.verdict.layers.keys() | now.verdict.layers.keys():
            states = [str(side.verdict.layers[layer].state) for side in (before, now) if layer in side.verdict.layers]
            if len(set(states)) > 1:
                print(f"{page.stem}: {layer} was {states[0]}, is {states[1]}")
        first, second = numbers(before), numbers(now)
        only["before"] += len(first.keys() - second.keys())
        only["now"] += len(second.keys() - first.keys())
        for (field, place), (value, scale, unit) in first.items():
            other, rescale, _ = second.get((field, place), (math.nan, math.nan, ""))
            where = f"{page.stem}, {place}"
            if math.isnan(value) != math.isnan(other) and (field, place) in second:
                print(f"{where}: {field} was {value:.6g}, is {other:.6g}")
            whole = math.hypot(scale, rescale) if unit == "MCSE" else scale
            gap = abs(value - other) / whole if value != other else 0.0
            if gap > worst.get(field, (-1.0,))[0]:
                worst[field] = (gap, unit, f"{where}: {value:.6g}, {other:.6g}")
    print(f"{compared} pages; numbers that only one side has: {only['before']} before, {only['now']} now")
    for field, (gap, unit, where) in sorted(worst.items(), key=lambda each: (each[1][1], -each[1][0])):
        print(f"{field:40} {gap:10.3g} {unit:4}  {where}")


if __name__ == "__main__":
    main()
