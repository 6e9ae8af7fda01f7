"""What other tools return on the museum's models today, beside bayescompare: the README's table.

    python benchmarks/museum.py [--arm pymc|numpyro|bayescompare] [EXHIBIT ...]

PyMC by ``pm.find_MAP`` with its defaults (``compute_hessian=True`` where the exhibit is about standard errors).
NumPyro by SVI, Adam(0.05), 5,000 steps, key 0, in its default 32 bits: ``AutoDelta`` for a mode,
``AutoLaplaceApproximation`` for standard errors. Each tool runs in a process of its own.

A finite number is marked **silent** where no warning came with it and it is off by more than 1 % of the larger of 1 and
the true value (a standard error by more than 5 %: NumPyro's come from 4,000 draws), or where no such number exists.
PyMC's FutureWarnings, which speak of its defaults and not of the result, do not count.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from exhibits import Exhibit

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "museum")]
museum: Any = import_module("exhibits")

#: Scalars shown of a model that has no true mode.
SHOWN = {"hierarchy": ("gamma", "sigma_a"), "gamma_half": ("x",), "beta_spike": ("B",), "all_successes": ("p",)}

#: Order of the arms and of their columns.
ARMS = {"pymc": "PyMC", "numpyro": "NumPyro", "bayescompare": "bayescompare"}

#: Warnings that do not speak of the result.
CHATTER = (FutureWarning, DeprecationWarning)


# -- what is said of a result -----------------------------------------------------------------------------------------


def scalars(values: Mapping[str, Any]) -> dict[str, float]:
    """Arrays by name as scalars by name."""
    flat: dict[str, float] = {}
    for name, value in values.items():
        value = np.asarray(value, dtype=float)
        flat |= {f"{name}{list(i) if i else ''}".replace(" ", ""): float(value[i]) for i in np.ndindex(value.shape)}
    return flat


def wrong(exhibit: Exhibit, values: Mapping[str, float], errors: Mapping[str, float]) -> bool:
    """True where a finite number is off, or should not be there."""
    if exhibit.errors:
        return any(
            math.isfinite(errors[name]) and not abs(errors[name] - true) <= 0.05 * true
            for name, true in exhibit.errors.items()
        )
    if "map" not in exhibit.truth:
        return any(math.isfinite(values[name]) for name in SHOWN[exhibit.name])
    shown = mirrored(exhibit.name, {name: values[name] for name in exhibit.truth["map"]})
    return any(
        math.isfinite(shown[name]) and abs(shown[name] - true) > 0.01 * max(1.0, abs(true))
        for name, true in exhibit.truth["map"].items()
    )


def mirrored(name: str, values: dict[str, float]) -> dict[str, float]:
    """A mirror image of a mode, turned to the one that is written down."""
    if name == "factor" and values["w"] < 0:
        return {scalar: -x for scalar, x in values.items()}
    if name == "unordered_mixture":
        return dict(zip(values, sorted(values.values()), strict=True))
    return values


def sentence(
    exhibit: Exhibit, values: Mapping[str, float], errors: Mapping[str, float], caught: list[warnings.WarningMessage]
) -> str:
    names = exhibit.errors or exhibit.truth.get("map") or SHOWN[exhibit.name]
    sign = "±" if exhibit.errors else "="
    numbers = errors if exhibit.errors else values
    said = ", ".join(f"{name} {sign} {numbers[name]:.4g}" for name in names)
    told = list(dict.fromkeys(str(w.message).strip() for w in caught if not issubclass(w.category, CHATTER)))
    if told:
        return f"{said}; warns: {shorten(told[0], 80, placeholder=' ...').rstrip(': ')}"
    return f"{said} **silent**" if wrong(exhibit, values, errors) else said


# -- the arms ---------------------------------------------------------------------------------------------------------


def run_pymc(exhibit: Exhibit) -> str:
    import pymc as pm

    values: Any
    with exhibit.build() as model, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if exhibit.errors:
            found = pm.find_MAP(progressbar=False, compute_hessian=True, return_inferencedata=True)
            values = {name: x.values[0, 0] for name, x in found["posterior"].items()}
            sd = np.sqrt(np.diag(found["fit"]["covariance_matrix"].values))
            errors = delta(exhibit, values, dict(zip((rv.name for rv in model.free_RVs), sd, strict=True)))
        else:
            values, errors = pm.find_MAP(progressbar=False), {}
    if exhibit.name == "gamma_poisson":
        return f"log rate ± {errors['rate']:.4g} (documented as without the Jacobian)"
    return sentence(exhibit, scalars(values), errors, caught)


def delta(exhibit: Exhibit, values: Mapping[str, Any], sd: dict[str, float]) -> dict[str, float]:
    """From the unconstrained scale, where PyMC's covariance is, to the model's: by the delta method, by hand."""
    if exhibit.name != "heights":
        return sd
    slope, noise = float(values["beta"]), float(values["sigma"])
    return {**sd, "beta": slope * sd["beta"], "sigma": noise * (1 - noise / 50) * sd["sigma"]}


def run_bayescompare(exhibit: Exhibit) -> str:
    import bayescompare as bc

    found = bc.fit(problem := bc.Problem(exhibit.build()), "map")
    if not found.ok:
        return f"{found.status}: {found.reasons[0]}"
    if exhibit.name == "integer_prior":
        return "; ".join(f"{f.severity}: {f.what.split('. ')[0]}. {f.instead}" for f in bc.check(problem.model))
    if exhibit.name == "gamma_poisson":
        found = bc.fit(problem, "laplace")
        errors = {"log rate": found.diagnostics["unconstrained_sd"][0]}
    else:
        errors = found.diagnostics["standard_errors"]
    said = sentence(exhibit, found.values, errors, [])
    return f"{said} ({found.reasons[0]})" if found.reasons else said


def run_numpyro(exhibit: Exhibit) -> str:
    import jax
    import numpyro
    from numpyro.infer import SVI, Trace_ELBO, init_to_value
    from numpyro.infer.autoguide import AutoDelta, AutoLaplaceApproximation

    model = numpyro_models()[exhibit.name]
    options = {}
    if exhibit.name == "epidemic_from_a_bad_start":
        options = {"init_loc_fn": init_to_value(values={"log_first": 5.0, "rate": 1.0})}
    guide = (AutoLaplaceApproximation if exhibit.errors else AutoDelta)(model, **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        svi = SVI(model, guide, numpyro.optim.Adam(0.05), Trace_ELBO())
        params = svi.run(jax.random.PRNGKey(0), 5_000, progress_bar=False).params
        values, errors = scalars(guide.median(params)), {}
        if exhibit.errors:
            draws = guide.sample_posterior(jax.random.PRNGKey(1), params, sample_shape=(4_000,))
            errors = {name: float(np.std(x)) for name, x in draws.items()}
            if exhibit.name == "gamma_poisson":
                errors = {"log rate": float(np.std(np.log(draws["rate"])))}
    return sentence(exhibit, values, errors, caught)


def numpyro_models() -> dict[str, Callable[[], None]]:
    """The exhibits once more, in NumPyro."""
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from numpyro import sample

    flat, positive = dist.constraints.real, dist.constraints.positive

    def prior(name: str, law: Any) -> Callable[[], None]:
        def model() -> None:
            sample(name, law)

        return model

    def beacon_at_the_start() -> None:
        position = sample("position", dist.Normal(0.0, 10.0).expand([2]).to_event(1))
        distance = jnp.sqrt(((position - museum.BEACONS) ** 2).sum(axis=-1))
        sample("range", dist.Normal(distance, 0.5), obs=museum.RANGES)

    def epidemic_from_a_bad_start() -> None:
        start, rate = sample("log_first", dist.Normal(0.0, 3.0)), sample("rate", dist.Normal(0.0, 1.0))
        sample("cases", dist.Poisson(jnp.exp(start + rate * museum.DAYS)), obs=museum.CASES)

    def raw_columns() -> None:
        b = sample("b", dist.ImproperUniform(flat, (), (3,)))
        sigma = sample("sigma", dist.ImproperUniform(positive, (), ()))
        sample("earnings", dist.Normal(museum.COLUMNS @ b, sigma), obs=museum.EARNINGS)

    def factor() -> None:
        w, z = sample("w", dist.Normal(0.0, 1.0)), sample("z", dist.Normal(0.0, 1.0))
        sample("y", dist.Normal(w * z, 0.1), obs=1.0)

    def unordered_mixture() -> None:
        mu = sample("mu", dist.Normal(0.0, 3.0).expand([2]).to_event(1))
        mixture = dist.MixtureSameFamily(dist.Categorical(jnp.array([0.5, 0.5])), dist.Normal(mu, 0.7))
        sample("y", mixture, obs=museum.CLUSTERS)

    def two_hills() -> None:
        x = sample("x", dist.Normal(0.0, 20.0))
        sample("y", dist.StudentT(2.0, x, 0.5), obs=museum.SENSORS)

    def shifted_lognormal() -> None:
        nu = sample("nu", dist.Normal(-1.0, 2.0))
        sigma = sample("sigma", dist.TruncatedNormal(0.8, 2.0, low=0.0))
        tau = sample("tau", dist.Uniform(0.0, museum.RESPONSE_TIMES.min()))
        numpyro.factor("rt", dist.LogNormal(nu, sigma).log_prob(museum.RESPONSE_TIMES - tau).sum())

    def hierarchy() -> None:
        gamma = sample("gamma", dist.Normal(0.0, 10.0))
        sigma_a, sigma_y = sample("sigma_a", dist.HalfNormal(10.0)), sample("sigma_y", dist.HalfNormal(10.0))
        alpha = sample("alpha", dist.Normal(gamma, sigma_a).expand([6]).to_event(1))
        sample("y", dist.Normal(alpha[museum.COUNTIES], sigma_y), obs=museum.LOG_RADON)

    def all_successes() -> None:
        sample("y", dist.Binomial(5, sample("p", dist.Beta(0.5, 0.5))), obs=5)

    def uniform_prior() -> None:
        sample("x", dist.Normal(sample("mu", dist.Uniform(9.0, 12.0)), 1.0), obs=10.0)

    def gamma_poisson() -> None:
        sample("k", dist.Poisson(sample("rate", dist.Gamma(2.5, 1.5))), obs=museum.COUNTS)

    def ridge() -> None:
        a, b = (sample(name, dist.ImproperUniform(flat, (), ())) for name in "ab")
        sample("y", dist.Normal(a + b, 1.0), obs=museum.PAIR)

    def sum_of_two(name: str) -> Callable[[], None]:
        spread, noise = museum.WEAK[name]

        def model() -> None:
            a, b = sample("a", dist.Normal(0.0, spread)), sample("b", dist.Normal(0.0, spread))
            sample("y", dist.Normal(a + b, noise), obs=museum.PAIR)

        return model

    def line(x: np.ndarray, y: np.ndarray, centre: tuple[float, float], most: float) -> Callable[[], None]:
        def model() -> None:
            alpha, beta = sample("alpha", dist.Normal(*centre)), sample("beta", dist.LogNormal(0.0, 1.0))
            sigma = sample("sigma", dist.Uniform(0.0, most))
            sample("y", dist.Normal(alpha + beta * (x - x.mean()), sigma), obs=y)

        return model

    def integer_prior() -> None:
        tau = sample("tau", dist.FoldedDistribution(dist.StudentT(3, 0, 36)))
        sample("y", dist.Normal(0.0, tau), obs=museum.SPREAD)

    return {
        "beacon_at_the_start": beacon_at_the_start,
        "epidemic_from_a_bad_start": epidemic_from_a_bad_start,
        "raw_columns": raw_columns,
        "factor": factor,
        "unordered_mixture": unordered_mixture,
        "two_hills": two_hills,
        "shifted_lognormal": shifted_lognormal,
        "hierarchy": hierarchy,
        "gamma_one": prior("x", dist.Gamma(1.0, 1.0)),
        "gamma_half": prior("x", dist.Gamma(0.5, 1.0)),
        "beta_spike": prior("B", dist.Beta(0.2, 0.00002)),
        "all_successes": all_successes,
        "exponential": prior("x", dist.Exponential(1.0)),
        "uniform_prior": uniform_prior,
        "gamma_poisson": gamma_poisson,
        "ridge": ridge,
        "weakly_identified": sum_of_two("weakly_identified"),
        "stiff": sum_of_two("stiff"),
        "heights": line(museum.WEIGHT, museum.ADULT_HEIGHT, (178.0, 20.0), 50.0),
        "misaligned": line(museum.STUDENT_HEIGHT, museum.STUDENT_WEIGHT, (50.0, 10.0), 10.0),
        "integer_prior": integer_prior,
    }


# -- the table --------------------------------------------------------------------------------------------------------


def run_arm(arm: str, names: list[str]) -> dict[str, str]:
    """All exhibits by one tool, in this process; an error is what the tool returned."""
    runner = {"pymc": run_pymc, "numpyro": run_numpyro, "bayescompare": run_bayescompare}[arm]
    found = {}
    for name in names:
        try:
            found[name] = runner(museum.EXHIBITS[name])
        except (ValueError, RuntimeError, ArithmeticError) as error:
            found[name] = f"raises {type(error).__name__}: {shorten(str(error), 80, placeholder=' ...')}"
        print(f"{arm}: {name}: {found[name]}", file=sys.stderr, flush=True)
    return found


def in_a_process_of_its_own(arm: str, names: list[str]) -> dict[str, str]:
    if find_spec(arm) is None:
        return dict.fromkeys(names, "not installed")
    command = [sys.executable, __file__, "--arm", arm, *names]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, str] = json.loads(out)
    return found


def true(exhibit: Exhibit) -> str:
    numbers = exhibit.errors or exhibit.truth.get("map", {})
    sign = "±" if exhibit.errors else "="
    if not numbers or any(math.isnan(x) for x in numbers.values()):
        return "no standard error exists" if numbers else "no mode exists"
    return ", ".join(f"{name} {sign} {x:.4g}" for name, x in numbers.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="EXHIBIT", help="all where none is named")
    parser.add_argument("--arm", choices=[*ARMS], help="one tool alone, as JSON")
    asked = parser.parse_args()
    names = asked.names or list(museum.EXHIBITS)
    if unknown := set(names) - set(museum.EXHIBITS):
        parser.error(f"no exhibit {', '.join(sorted(unknown))}; there are {', '.join(museum.EXHIBITS)}")
    if asked.arm:
        with contextlib.redirect_stdout(sys.stderr):  # tools print
            found = run_arm(asked.arm, names)
        print(json.dumps(found))
        return
    results = {arm: in_a_process_of_its_own(arm, names) for arm in ARMS}
    titles = [
        f"{title} {version(arm)}" if arm != "bayescompare" else title for arm, title in ARMS.items() if find_spec(arm)
    ]
    print(f"{time.strftime('%Y-%m-%d')}\n")
    print("| exhibit | report | true |", " | ".join(titles), "|")
    print("|---|---|---|" + "---|" * len(titles))
    for name in names:
        exhibit = museum.EXHIBITS[name]
        reports = (
            ", ".join(f"[{short}]({url})" for short, url in exhibit.reports.items()) or "No thread: measured here."
        )
        cells = [results[arm][name].replace("|", "\\|") for arm in ARMS if find_spec(arm)]
        print(f"| {name.replace('_', ' ')} | {exhibit.reported} {reports} | {true(exhibit)} |", " | ".join(cells), "|")
    told = ", ".join(
        f"{sum('**silent**' in x for x in results[arm].values())} by {title}" for arm, title in ARMS.items()
    )
    print(f"\nSilently wrong on these {len(names)} models: {told}. Threads of other tools: as reported, not run here.")


if __name__ == "__main__":
    main()
