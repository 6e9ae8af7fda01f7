"""The marginal mode and marginal Laplace: against NUTS over the templates, and against their size.

    python -m benchmarks.marginal templates [NAME ...]
    python -m benchmarks.marginal scale [logistic | crossed | walk | areas] [--rows N]

``templates`` compares with the posteriors of the published reports (``reports/*.html``), so nothing is sampled: the
worst scalar's distance from the mean of NUTS, in posterior sd, with its Monte-Carlo error from both sets of draws, and
the largest ratio of sds with its own. A Markdown table goes to stdout. ``scale`` fits simulated models with large
latent blocks and tells processor seconds, first and once compiled, and the memory used.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import BayesCompareError
from bayescompare.methods.marginal import MarginalOptions
from bayescompare.model.problem import Problem

REPORTS = Path(__file__).parent.parent / "reports"

#: Templates with a block of Gaussian effects or coefficients, and hyperparameters of it.
TEMPLATES = (
    "baseball",
    "eight_schools",
    "item_response",
    "measurement_error",
    "pilots",
    "poisson_glmm",
    "prophet_trend",
    "radon",
    "rats",
    "robust_regression",
    "seeds",
    "state_elections",
    "stochastic_volatility",
    "surgical",
    "survival",
)

#: Blocks that are not Gaussian a priori, and are named.
NAMED = {"baseball": ("ability",)}


def templates(names: list[str]) -> None:
    """Print the table of templates."""
    heads = ("template", "latent block", "n, m", "MAP", "Laplace", "marginal MAP", "marginal Laplace", "spread")
    print("| " + " | ".join((*heads, "corrected", "k-hat")) + " |")
    print("|---|---|---:|---:|---:|---:|---:|---|---:|---:|")
    for name in names:
        try:
            print(row(name), flush=True)
        except BayesCompareError as error:
            print(f"| {name} | {str(error).split('. ')[0]} | | | | | | | | |", flush=True)


def row(name: str) -> str:
    """A template's line."""
    page = bc.open(REPORTS / f"{name}.html")
    known = page.table.set_index("name") if "name" in page.table else page.table
    problem = Problem(getattr(models, name)())
    options = MarginalOptions(latent=NAMED.get(name, ()))
    mode = bc.fit(problem, "marginal_map", options=options)
    began = time.process_time()
    whole = bc.fit(problem, "marginal_laplace", options=options)
    print(f"{name}: marginal Laplace {time.process_time() - began:.1f} s of processor time", file=sys.stderr)

    def distance(values: dict[str, float], draws: float = math.inf) -> str:
        own = [s for s in known.index if np.isfinite(values.get(s, math.nan))]
        if not own:
            return "none"
        z = {s: abs(values[s] - known["mean"][s]) / known["sd"][s] for s in own}
        worst = max(own, key=z.__getitem__)
        error = math.hypot(known["mcse_mean"][worst] / known["sd"][worst], 1 / math.sqrt(draws))
        return f"{plain(z[worst])} ± {error:.2f}" if math.isfinite(draws) else plain(z[worst])

    told = whole.diagnostics
    draws = min(told.get("outer_ess") or math.inf, told.get("draws", math.inf))
    corrected = told["psis"].get("mean") if "psis" in told else None
    spread = "–"
    if "sd" in told:
        logs = {s: math.log(told["sd"][s] / known["sd"][s]) for s in known.index if told["sd"].get(s, 0) > 0}
        worst = max(logs, key=lambda s: abs(logs[s]))
        error = math.hypot(known["mcse_sd"][worst] / known["sd"][worst], 1 / math.sqrt(2 * draws))
        spread = f"× {math.exp(logs[worst]):.2f} ± {error:.2f} ({worst})"
    cells = [
        name,
        ", ".join(told["latent"]) + f" ({told['factorisation']})",
        f"{told['latent_size']}, {len(told['hyperparameters'])}",
        distance(page.fits["map"].get("values") or {}),
        distance(page.fits["laplace"].get("mean") or {}),
        f"{distance(mode.values)}{marked(mode)}",
        f"{distance(whole.values, draws)}{marked(whole)}",
        spread,
        distance(corrected) if corrected else "–",
        f"{told['k_hat']:.2f}" if "k_hat" in told else "–",
    ]
    return "| " + " | ".join(cells) + " |"


def plain(x: float) -> str:
    """Two digits."""
    return f"{x:.2f}" if x < 10 else f"{x:,.0f}"


def marked(fit: Any) -> str:
    """A fit's status where it is not ok."""
    return "" if fit.ok else f" {fit.status}"


# -- scale -----------------------------------------------------------------------------------------


def logistic(rows: int) -> pm.Model:
    """A tenth as many groups as rows: a random intercept and a slope."""
    groups = rows // 10
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    b = rng.normal(0, 0.7, groups)
    g = np.repeat(np.arange(groups), 10)
    y = rng.random(rows) < 1 / (1 + np.exp(-(-0.5 + 0.8 * x + b[g])))
    with pm.Model() as model:
        intercept, slope, sd = pm.Flat("intercept"), pm.Flat("slope"), pm.HalfFlat("sd")
        z = pm.Normal("z", 0.0, 1.0, shape=groups)
        pm.Bernoulli("y", logit_p=intercept + slope * x + sd * z[g], observed=y.astype(int))
    return model


def crossed(rows: int) -> pm.Model:
    """Three rows a person and thirty an item, crossed."""
    people, items = rows // 3, rows // 30
    rng = np.random.default_rng(1)
    person, item = rng.integers(0, people, rows), rng.integers(0, items, rows)
    y = 1.0 + rng.normal(0, 0.8, people)[person] + rng.normal(0, 0.5, items)[item] + rng.normal(size=rows)
    with pm.Model() as model:
        mu, sigma = pm.Normal("mu", 0.0, 10.0), pm.HalfNormal("sigma", 2.0)
        sds = [pm.HalfNormal(f"sd_{name}", 2.0) for name in ("person", "item")]
        a = pm.Normal("person", 0.0, sds[0], shape=people)
        b = pm.Normal("item", 0.0, sds[1], shape=items)
        pm.Normal("y", mu + a[person] + b[item], sigma, observed=y)
    return model


def walk(rows: int) -> pm.Model:
    """Counts along a random walk of their log rate."""
    rng = np.random.default_rng(2)
    level = 1.0 + np.cumsum(rng.normal(0, 0.05, rows))
    with pm.Model() as model:
        sd = pm.HalfNormal("sd", 0.5)
        x = pm.GaussianRandomWalk("x", sigma=sd, init_dist=pm.Normal.dist(0.0, 5.0), shape=rows)
        pm.Poisson("y", pt.exp(x), observed=rng.poisson(np.exp(level)))
    return model


def areas(rows: int) -> pm.Model:
    """Counts in a square of areas with an intrinsic autoregression."""
    side = round(rows**0.5)
    n = side * side
    at = np.arange(n).reshape(side, side)
    near = np.zeros((n, n))
    for first, second in ((at[:, 1:], at[:, :-1]), (at[1:], at[:-1])):
        near[first.ravel(), second.ravel()] = near[second.ravel(), first.ravel()] = 1.0
    rng = np.random.default_rng(3)
    smooth = np.sin(at // side / 5.0) + np.cos(at % side / 7.0)
    with pm.Model() as model:
        mu, sd = pm.Normal("mu", 0.0, 3.0), pm.HalfNormal("sd", 1.0)
        x = pm.ICAR("x", W=near, sigma=1.0)
        pm.Poisson("y", pt.exp(mu + sd * x), observed=rng.poisson(np.exp(1 + smooth.ravel())))
    return model


#: Models, and their usual number of rows.
MODELS = {
    "logistic": (logistic, 100_000),
    "crossed": (crossed, 90_000),
    "walk": (walk, 10_000),
    "areas": (areas, 2_025),
}


def scale(name: str, rows: int | None) -> None:
    """Fit one of the large models twice."""
    build, usual = MODELS[name]
    problem = Problem(build(rows or usual))
    for time_of in ("first", "compiled"):
        began = time.process_time()
        fit = bc.fit(problem, "marginal_map")
        told = fit.diagnostics
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        values = {key: round(value, 5) for key, value in fit.values.items() if "[" not in key}
        print(
            f"{name}, {rows or usual:,} rows, {told['latent_size']:,} latent ({told['factorisation']}, "
            f"{told['hessian_products']} products), {time_of}: {time.process_time() - began:.1f} s of processor time, "
            f"{told['outer_evaluations']} evaluations, {memory:.2f} GiB; {fit.status}: {values}, {fit.log_density:.3f}",
            flush=True,
        )


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("templates").add_argument("names", nargs="*")
    sizes = commands.add_parser("scale")
    sizes.add_argument("names", nargs="*", choices=[*MODELS, []])
    sizes.add_argument("--rows", type=int)
    asked = parser.parse_args()
    if asked.command == "templates":
        templates(asked.names or list(TEMPLATES))
    else:
        for name in asked.names or MODELS:
            scale(name, asked.rows)


if __name__ == "__main__":
    main()
