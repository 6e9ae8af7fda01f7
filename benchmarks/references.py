"""Every method on posteriordb's posteriors, judged twice: against NUTS draws of ours and against the reference draws.

    python -m benchmarks.references [--posteriors NAME,...] [--methods NAME,...] [--out benchmarks/references.json]

The reference's marginals are known by moments and quantiles: as many draws as it has effective ones are taken from them
at even distances. A posterior's rungs are kept as soon as they are there; one that the file holds is not sampled again.
``python -m benchmarks.atlas`` reads the file, and samples nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.model.problem import Problem
from bayescompare.results.ladder import COLUMNS
from bayescompare.workflow import arms, others, tabulate
from bayescompare.workflow import sampling as rounds
from bayescompare.workflow.gather import Gathered, gather
from bayescompare.workflow.ladder import Judged, ladder
from bayescompare.workflow.layers import Layers
from bayescompare.workflow.options import CompareOptions, Silent, one_thread
from bayescompare.workflow.predicted import unpredicted
from tests.posteriordb.reference import NAMES, Reference, ours, reference
from tests.posteriordb.test_reference_posteriors import SAMPLER, model

STORED = Path(__file__).resolve().parent / "references.json"
METHODS = ("marginal_map", "marginal_laplace", "advi", "fullrank_advi")


def draws(known: Reference, seed: int) -> np.ndarray:
    """Draws of each marginal, (chains, draws, k): quantiles at even levels in random order, with its mean and sd."""
    n = 1000 * max(int(known.ess.min()) // 1000, 1)
    rng, levels = np.random.default_rng(seed), np.linspace(0, 1, known.quantiles.shape[1])
    found = np.column_stack([rng.permutation(np.interp((np.arange(n) + 0.5) / n, levels, q)) for q in known.quantiles])
    found = known.mean + known.sd * (found - found.mean(axis=0)) / found.std(axis=0, ddof=1)
    return found.reshape(-1, 1000, len(known.names))


def referred(g: Gathered, known: Reference, seed: int) -> Gathered:
    """The same, with the reference's draws in the place of ours, for the scalars that it knows."""
    found = draws(known, seed)
    theirs = np.zeros((*found.shape[:2], len(g.names)))
    theirs[..., [g.names.index(ours(name)) for name in known.names]] = found
    return replace(g, draws=theirs)


def judged(name: str, methods: Sequence[str], seed: int = 1) -> dict[str, Any]:
    """The ladder of a posterior by our draws, and by the reference's, over the scalars that the reference knows."""
    known, problem = reference(name), Problem(model(name))
    options = CompareOptions(sampler=SamplerOptions(**SAMPLER.get(name, {})), methods=methods)
    with one_thread():
        fits = arms.modes(problem, seed, options, Silent())
        suited = [m for m in methods if not m.startswith("marginal") or others.OTHERS[m].suits(problem, options)]
        sampling = rounds.Sampling(options.sampler, seed, bool(problem.improper), rounds.guide(fits))
        fits["nuts"] = next(rounds.posterior(problem, None, sampling, options, Silent()))
        fits |= others.run(problem, fits, seed, replace(options, methods=suited), Layers())
    g = gather(problem, fits, None)
    table = tabulate.table(g, fits, options)
    fits["nuts"] = tabulate.converged(fits["nuts"], table)
    nothing = tabulate.Evidence(tabulate.no_joint("not asked for"), unpredicted("not asked for"), (), "")
    verdict = tabulate.verdict(fits, table, nothing, options.margins, g.names)
    by = Judged([ours(n) for n in known.names], (), options.margins, {})
    return {
        "sampler": str(verdict.layers["sampler"].state),
        "rungs": kept(ladder(g, fits, table, verdict, by)),
        "reference": kept(ladder(referred(g, known, seed), fits, table, verdict, by)),
    }


def kept(rungs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rungs without their times, which are of one machine at one hour, and without the words of their layers."""
    found = []
    for r in rungs:
        layers = {key: r[key] and {k: short(r[key][k]) for k in COLUMNS} for key in ("location", "spread")}
        own = {key: short(r[key]) for key in ("method", "status", "k_hat", "gradients", "enough")}
        found.append({**own, **layers})
    return found


def short(value: Any) -> Any:
    """Six digits of a number."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posteriors", default=",".join(NAMES))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--out", type=Path, default=STORED)
    asked = parser.parse_args()
    held = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else {}
    for name in asked.posteriors.split(","):
        if name not in held:
            held[name] = judged(name, asked.methods.split(","))
            asked.out.write_text(json.dumps(held) + "\n", encoding="utf-8")
            print(name, held[name]["sampler"], flush=True)


if __name__ == "__main__":
    main()
