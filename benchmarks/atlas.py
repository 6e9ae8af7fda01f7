"""Method by model: how far each method is from the posterior, by k-hat and by cost, of comparisons that are there.

    python -m benchmarks.atlas [FILE ...] [--json OUT]

FILE: pages (``reports/*.html`` by default), documents of ``compare --json``, or saved comparisons (``.nc``); nothing is
sampled. Pages that were written to be reproducible tell no times, their gradients stand. Markdown goes to stdout: how
often each method is enough, then a row for each method of each model; ``--json`` writes the same as data, a mapping of
model to its rungs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bayescompare as bc
from bayescompare.errors import ResultFileError
from bayescompare.formatting import plain
from bayescompare.results.ladder import label

ROOT = Path(__file__).resolve().parent.parent
STATES = ("same", "undecided", "differs", "not_computed")
type Rungs = Sequence[Mapping[str, Any]]


def read(path: Path) -> tuple[str, Rungs] | None:
    """A model's name and its ladder; None where the file is no comparison, or an earlier one without a ladder."""
    try:
        if path.suffix == ".json":
            document = json.loads(path.read_text(encoding="utf-8"))
            name, rungs = document["model"]["name"], document.get("ladder", ())
        else:
            found = bc.open(path)
            name = found.model["name"] if isinstance(found.model, Mapping) else found.model.name
            rungs = found.rungs
    except (ResultFileError, AttributeError, KeyError):
        return None
    return (str(name), rungs) if rungs else None


def counts(atlas: Mapping[str, Rungs]) -> str:
    """By method, of how many models it is enough."""
    rows = [
        "| method | models | enough | undecided | not enough | a point, or failed |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    methods = dict.fromkeys(str(r["method"]) for rungs in atlas.values() for r in rungs if r["method"] != "nuts")
    for method in methods:
        states = [str(r["enough"]) for rungs in atlas.values() for r in rungs if r["method"] == method]
        told = " | ".join(str(states.count(state)) for state in STATES)
        rows.append(f"| {label(method)} | {len(states)} | {told} |")
    return "\n".join(rows)


def rows(atlas: Mapping[str, Rungs]) -> str:
    """A row for each method of each model: the worst scalar's distance in location and spread, k-hat, cost."""
    found = [
        "| model | method | location, sd | spread, log ratio | k-hat | elpd lost | gradients | s | enough |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name, rungs in atlas.items():
        for r in rungs:
            lost = (r.get("elpd_loss") or {}).get("value")
            figures = [_figure(r, "location"), _figure(r, "spread"), r.get("k_hat"), lost, r.get("gradients")]
            told = [*(_told(x) for x in figures), _told(r.get("seconds")), str(r["enough"]).replace("_", " ")]
            found.append(f"| {name} | {label(str(r['method']))} | {' | '.join(told)} |")
    return "\n".join(found)


def _figure(rung: Mapping[str, Any], layer: str) -> float | None:
    return (rung.get(layer) or {}).get("figure")


def _told(value: float | None) -> str:
    return "–" if value is None else plain(float(value), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    files = asked.files or sorted((ROOT / "reports").glob("*.html"))
    atlas = dict(found for path in files if (found := read(path)) is not None)
    if asked.json:
        asked.json.write_text(json.dumps(atlas, indent=1), encoding="utf-8")
    print(f"{len(atlas)} comparisons.\n\n{counts(atlas)}\n\n{rows(atlas)}")


if __name__ == "__main__":
    main()
