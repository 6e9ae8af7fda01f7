"""What NUTS was said to cost before it ran, beside what it cost.

    python -m benchmarks.price [--models NAME,...] [--draws N] [--json KEPT]

Templates with their defaults and posteriors of posteriordb, one after the other in one process, two chains of
``--draws`` draws after as many of tuning. Times are processor time, that of sampling over the number of cores, so that
it does not matter what else runs. Markdown goes to stdout; what KEPT holds is not run again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from bayescompare.errors import BayesCompareError
from bayescompare.methods import laplace, mode, nuts
from bayescompare.methods.laplace import LaplaceOptions
from bayescompare.methods.modes.options import ModeOptions
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.metrics.price import TUNING
from bayescompare.model.problem import Problem
from bayescompare.templates.registry import built_in, built_in_names
from bayescompare.workflow import price, sampling

CHAINS = 2


def names() -> list[str]:
    """Templates, then posteriors of posteriordb."""
    from tests.posteriordb.reference import NAMES

    return [*built_in_names(), *NAMES]


def measured(name: str, draws: int) -> dict[str, Any]:
    """Price and cost of one model."""
    if name in built_in_names():
        template = built_in(name)
        model, own = template(), template.sampler
    else:
        from tests.posteriordb.test_reference_posteriors import model as posterior

        model, own = posterior(name), {}
    problem, few = Problem(model), ModeOptions(starts=4)
    fits = {"unconstrained_map": mode.fit(problem, "unconstrained_map", options=few)}
    fits["laplace"] = laplace.fit(problem, options=LaplaceOptions(1000, few), at=fits["unconstrained_map"])
    options = SamplerOptions(draws=draws, tune=draws, chains=CHAINS, target_accept=own.get("target_accept"))
    guide = sampling.guide(fits)
    basis = price.basis(problem, fits, options, guide)
    if basis is None:
        return {}
    began = time.process_time()
    nuts.prepare(problem, options)
    compiled = time.process_time()
    found = nuts.run(problem, options=options, guide=guide)
    took = (time.process_time() - compiled) / basis.cores
    said = basis.price(draws, draws)
    return {
        "said": said.seconds - said.compile_seconds,
        "took": took,
        "lower": said.lower,
        "upper": said.upper,
        "compiling": compiled - began,
        "gradients_said": basis.gradients,
        "gradients": found.evaluations / (CHAINS * draws),
        "gradient_said": basis.gradient_seconds,
        "gradient": took * basis.cores / (found.evaluations * (1 + TUNING)),
    }


def table(kept: dict[str, dict[str, Any]]) -> str:
    """Markdown: a row a model, and how often the interval held."""
    rows = [
        "| model | said, s | took, s | gradients a draw, said | made | compiling, s |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    known = {name: each for name, each in kept.items() if each}
    held = 0
    for name, r in known.items():
        held += r["lower"] <= r["took"] + r["compiling"] <= r["upper"]
        rows.append(
            f"| {name} | {r['said']:.2g} | {r['took']:.2g} | {r['gradients_said']:.1f} | {r['gradients']:.1f} "
            f"| {r['compiling']:.2g} |"
        )
    off = sorted(r["said"] / r["took"] for r in known.values())
    tenths = statistics.quantiles(off, n=20) if len(off) > 1 else [off[0]] * 19
    return "\n".join(rows) + (
        f"\n\nThe interval held for {held} of {len(known)} models. Sampling alone: said over took is {tenths[9]:.2f} "
        f"in the median, {tenths[0]:.2f} to {tenths[18]:.2f} in nine of ten."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=lambda text: text.split(","))
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    kept: dict[str, dict[str, Any]] = json.loads(asked.json.read_text()) if asked.json and asked.json.exists() else {}
    for name in asked.models or names():
        if name in kept:
            continue
        try:
            kept[name] = measured(name, asked.draws)
        except BayesCompareError as error:
            print(f"{name}: {error}", file=sys.stderr)
            kept[name] = {}
        if asked.json:
            asked.json.write_text(json.dumps(kept))
    print(table(kept))


if __name__ == "__main__":
    main()
