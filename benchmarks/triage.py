"""What ``bayescompare.triage`` says, beside what the full comparison finds: its hit rate, and every miss.

    python -m benchmarks.triage [--models NAME,...] [--seed N] [--json KEPT] [--published]

All templates with their defaults, and the posteriors of posteriordb, with the draws that their tests take. Each model
gets a process of its own, in which triage runs first. Markdown goes to stdout; what KEPT holds is not run again.
``--published`` takes the comparisons of the templates from their published reports (``reports/*.html``).

*Will change* is right where the full comparison's location or spread layer differs, or where it finds no MAP either;
*will not change* where both are the same (a spread that cannot be computed leaves the location alone). A comparison
whose layer is undecided, or whose sampler did not converge, judges nothing. What may never happen is *will not change*
on a model without a mode: the benchmark ends with an error then.
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
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

#: Longest that one model may take, in seconds.
LIMIT = 3600

ANSWERS = {"will_not_change": "will not change", "will_change": "will change", "cannot_say": "cannot say"}


# -- one process ---------------------------------------------------------------------------------------


def names(published: bool) -> list[str]:
    """Templates, then posteriors, which have no reports."""
    from bayescompare import models
    from tests.posteriordb.reference import NAMES

    return list(models.__all__) if published else [*models.__all__, *NAMES]


def child(name: str, seed: int, published: bool) -> dict[str, Any]:
    """Triage and comparison of one model, as documents."""
    import bayescompare as bc
    from bayescompare import models

    options = None
    if name in models.__all__:
        model: Any = getattr(models, name)
    else:
        from tests.posteriordb.test_reference_posteriors import SAMPLER
        from tests.posteriordb.test_reference_posteriors import model as posterior

        model = posterior(name)
        options = bc.CompareOptions(sampler=bc.SamplerOptions(**SAMPLER.get(name, {})))
    quick = bc.triage(model, random_seed=seed)
    if published:
        return {"triage": quick.to_dict(), **report(name)}
    began = time.perf_counter()
    whole = bc.compare(model, random_seed=seed, options=options)
    return {"triage": quick.to_dict(), "full": whole.to_dict(), "seconds": time.perf_counter() - began}


def report(name: str) -> dict[str, Any]:
    """The published comparison of a template, as far as it is asked for."""
    import bayescompare as bc

    page = bc.open(ROOT / "reports" / f"{name}.html")
    layers = {key: layer.to_json() for key, layer in page.verdict.layers.items()}
    full = {"model": page.model, "fits": page.fits, "verdict": {"layers": layers}}
    return {"full": full, "seconds": page.provenance.get("seconds", math.nan)}


def measured(name: str, seed: int, published: bool) -> dict[str, Any]:
    """The same from a fresh process, or its last words."""
    command = [sys.executable, "-m", "benchmarks.triage", "--one", name, "--seed", str(seed)]
    command += ["--published"] if published else []
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return {"error": f"did not end within {LIMIT} s"}
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# -- what it means -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One model: what triage said and why, what the full comparison found and why, and whether that was right."""

    name: str
    parameters: int
    said: str
    because: str
    seconds: float
    found: str
    in_full: str
    full_seconds: float
    no_mode: bool

    @property
    def right(self) -> bool | None:
        """None where triage did not answer, or nothing could be judged."""
        if self.said == "cannot_say" or self.found not in ANSWERS:
            return None
        return self.said == self.found


def row(name: str, document: Mapping[str, Any]) -> Row:
    quick, full = document["triage"], document["full"]
    found, why = truth(full["verdict"]["layers"], full["fits"]["map"])
    return Row(
        name,
        int(full["model"]["parameters"]),
        quick["answer"],
        "; ".join(quick["reasons"]),
        quick["seconds"],
        found,
        why,
        document["seconds"],
        full["fits"]["map"]["status"] == "failed",
    )


def truth(layers: Mapping[str, Any], mode: Mapping[str, Any]) -> tuple[str, str]:
    """What the full comparison says of triage's question, and its words for it."""
    if mode["status"] == "failed":
        return "will_change", mode["reasons"][0]["text"]
    if layers["sampler"]["state"] != "sound":
        return "sampler failed", layers["sampler"]["reason"]["text"]
    if layers["optimiser"]["state"] != "sound":
        return "mode suspect", layers["optimiser"]["reason"]["text"]
    asked = [layers[layer] for layer in ("location", "spread") if layers[layer]["state"] != "not_computed"]
    why = "; ".join(f"{layer['state']}: {layer['reason']}" for layer in asked)
    states = {layer["state"] for layer in asked}
    if "differs" in states:
        return "will_change", why
    if "undecided" in states:
        return "undecided", why
    return "will_not_change", why


# -- the report ----------------------------------------------------------------------------------------


def table(rows: Sequence[Row]) -> list[str]:
    lines = ["| model | scalars | triage | s | full comparison | s | right | triage says | the full comparison says |"]
    lines.append("|---|---:|---|---:|---|---:|---|---|---|")
    for r in rows:
        right = {True: "yes", False: "**no**", None: "–"}[r.right]
        said, found = ANSWERS[r.said], ANSWERS.get(r.found, r.found)
        cells = [r.name, str(r.parameters), said, f"{r.seconds:.1f}", found, f"{r.full_seconds:.0f}", right]
        lines.append(f"| {' | '.join([*cells, cell(r.because), cell(r.in_full)])} |")
    return lines


def cell(text: str) -> str:
    return text.replace("|", r"\|")


def summary(rows: Sequence[Row]) -> list[str]:
    judged = [r for r in rows if r.found in ANSWERS]
    answered = [r for r in judged if r.right is not None]
    hits = sum(bool(r.right) for r in answered)
    lines = ["| full comparison | " + " | ".join(ANSWERS.values()) + " |", "|---|---:|---:|---:|"]
    for found in (*list(ANSWERS)[:2], "neither"):
        of = [r for r in rows if (r.found if r.found in ANSWERS else "neither") == found]
        counts = [str(sum(r.said == said for r in of)) for said in ANSWERS]
        lines.append(f"| {ANSWERS.get(found, 'undecided or not judged')} | {' | '.join(counts)} |")
    lines += ["", f"Hit rate: {hits} of {len(answered)} answers are right ({share(hits, len(answered))}); "]
    lines[-1] += (
        f"{len(answered)} of {len(judged)} models that can be judged got one ({share(len(answered), len(judged))})."
    )
    quick, full = ([getattr(r, key) for r in rows] for key in ("seconds", "full_seconds"))
    if rows:
        lines.append(f"Median cost: {statistics.median(quick):.1f} s, and {statistics.median(full):.1f} s in full.")
    return lines


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="names, with commas between (all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="keep both documents of every model here")
    parser.add_argument("--published", action="store_true", help="templates against their reports")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(child(asked.one, asked.seed, asked.published)))
        return
    kept = json.loads(asked.json.read_text(encoding="utf-8")) if asked.json and asked.json.exists() else {}
    documents: dict[str, Any] = {name: document for name, document in kept.items() if "error" not in document}
    for name in asked.models.split(",") if asked.models else names(asked.published):
        if name in documents:
            continue
        documents[name] = measured(name, asked.seed, asked.published)
        print(f"{name}: {documents[name].get('error', 'done')}", file=sys.stderr, flush=True)
        if asked.json:
            asked.json.write_text(json.dumps(documents), encoding="utf-8")
    rows = [row(name, document) for name, document in documents.items() if "error" not in document]
    print(
        f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} cores, seed {asked.seed}\n"
    )
    print("\n".join([*summary(rows), "", *table(rows)]))
    for name, document in documents.items():
        if "error" in document:
            print(f"\n{name}: {document['error']}")
    never = [r.name for r in rows if r.no_mode and r.said == "will_not_change"]
    if never:
        sys.exit(f"triage said that nothing would change where there is no mode: {', '.join(never)}")


if __name__ == "__main__":
    main()
