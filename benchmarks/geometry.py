"""NUTS with the metric and the starts that a comparison chooses, beside nutpie's diagonal metric from jittered starts.

    python -m benchmarks.geometry [--models NAME,...] [--seed N]

Templates with their own settings, posteriors of posteriordb with the sampler's defaults. Gradients are of tuning and
draws together; ESS is the smallest of the unconstrained coordinates' bulk ESS. A ratio below 1 is a gain.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import nutpie as engine
import pyarrow
from arviz_stats.base import array_stats

from bayescompare import models
from bayescompare.methods import laplace, mode, nutpie
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.model.backends import Array
from bayescompare.model.problem import Problem
from bayescompare.templates.loading import load_target
from bayescompare.workflow import sampling
from bayescompare.workflow.options import one_thread, sampler_options

#: Coordinates whose ESS and R-hat are computed, evenly spread.
COORDINATES = 100


def posterior(name: str) -> Any:
    from tests.posteriordb.test_reference_posteriors import model

    return model(name)


def run(compiled: Any, options: SamplerOptions, seed: int, adaptation: str) -> dict[str, float]:
    """One run of four chains: gradients, smallest ESS, largest R-hat, divergences, processor seconds."""
    began = time.process_time()
    settings = {} if options.target_accept is None else {"target_accept": options.target_accept}
    trace = engine.sample(
        compiled,
        draws=options.draws,
        tune=options.tune,
        chains=options.chains,
        cores=1,
        seed=seed,
        adaptation=adaptation,
        progress_bar=False,
        save_warmup=False,
        store_unconstrained=True,
        return_raw_trace=True,
        **settings,
    )
    seconds = time.process_time() - began
    steps, points, divergences = 0, [], 0
    for batch in trace.get_arrow_trace()[1]:
        steps += int(np.sum(pyarrow.array(batch.column("n_steps")).to_numpy(zero_copy_only=False)))
        kept = ~pyarrow.array(batch.column("tuning")).to_numpy(zero_copy_only=False)
        rows = pyarrow.array(batch.column("unconstrained_draw")).flatten().to_numpy(zero_copy_only=False)
        points.append(rows.reshape(len(kept), -1)[kept])
        divergences += int(pyarrow.array(batch.column("diverging")).to_numpy(zero_copy_only=False)[kept].sum())
    draws: Array = np.stack(points)
    some = np.unique(np.linspace(0, draws.shape[-1] - 1, COORDINATES).astype(int))
    axes = {"chain_axis": 0, "draw_axis": 1}
    ess = min(float(array_stats.ess(draws[..., i], method="bulk", **axes)) for i in some)
    r_hat = max(float(array_stats.rhat(draws[..., i], **axes)) for i in some)
    return {"gradients": steps, "ess": ess, "r_hat": r_hat, "divergences": divergences, "seconds": seconds}


def row(name: str, seed: int) -> str:
    """A model's row of the table."""
    target = load_target(name if name in models.__all__ else posterior(name))
    options = sampler_options(SamplerOptions(**target.sampler), target)
    problem = Problem(target.model)
    with one_thread():
        fits = {"unconstrained_map": mode.fit(problem, "unconstrained_map", seed=seed)}
        fits["laplace"] = laplace.fit(problem, seed=seed, at=fits["unconstrained_map"])
        guide = sampling.guide(fits)
        backend, before = nutpie.compiled_model(problem, options.backend, nutpie.Guide())
        _, now = nutpie.compiled_model(problem, options.backend, guide)
        old = run(before, options, seed, "diag")
        new = run(now, options, seed, guide.metric(problem.dimension))
    told = guide.told(problem.dimension)
    ratios = [new["gradients"] / old["gradients"], (new["gradients"] / new["ess"]) / (old["gradients"] / old["ess"])]
    cells = [name, problem.dimension, backend, told["metric"], told["starts"]]
    cells += [f"{old['gradients']:,}", f"{new['gradients']:,}", f"{ratios[0]:.2f}", f"{ratios[1]:.2f}"]
    cells += [f"{old['r_hat']:.3f}", f"{new['r_hat']:.3f}", f"{old['divergences']}, {new['divergences']}"]
    cells += [f"{old['seconds']:.1f}, {new['seconds']:.1f}"]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def main() -> None:
    from tests.posteriordb.reference import NAMES

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join([*models.__all__, *NAMES]))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(
        "| model | d | backend | metric | starts | gradients before | now | ratio | per effective draw | R-hat before "
        "| now | divergences | processor seconds |"
    )
    print("|---|---:|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name in asked.models.split(","):
        print(row(name, asked.seed), flush=True)


if __name__ == "__main__":
    main()
