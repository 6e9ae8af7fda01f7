"""Two sets of draws: figures against closed forms, and how often a layer errs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import norm

from bayescompare.metrics.thresholds import P_VALUE_MAX
from bayescompare.metrics.two_samples import (
    differences,
    energy,
    location_figures,
    sample,
    spread_figures,
)
from bayescompare.metrics.verdict import Margins, State, judge
from bayescompare.results.draws import compare_draws

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A pair of runs: the second's first scalar may be moved or widened, its second correlated with its first."""

    scalars: int
    draws: int
    autocorrelation: float = 0.0
    shift: float = 0.0
    ratio: float = 1.0
    correlation: float = 0.0
    skewed: bool = False


def run(rng: np.random.Generator, case: Case) -> Array:
    """Draws of a stationary AR(1) with variance 1, (4 chains, draws, scalars)."""
    noise = rng.standard_normal((4, case.draws, case.scalars))
    if case.skewed:
        return np.asarray(rng.exponential(size=noise.shape))
    rho, innovation = case.autocorrelation, math.sqrt(1 - case.autocorrelation**2)
    noise[:, 0] /= innovation
    return np.asarray(lfilter([innovation], [1, -rho], noise, axis=1))


def pair(case: Case, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    a, b = run(rng, case), run(rng, case)
    if case.correlation:
        b[..., 1] = case.correlation * b[..., 0] + math.sqrt(1 - case.correlation**2) * b[..., 1]
    b[..., 0] = b[..., 0] * case.ratio + case.shift
    return a, b


def states(case: Case, seed: int) -> dict[str, State]:
    """What each layer says of a pair."""
    a, b = pair(case, seed)
    return {name: layer.state for name, layer in compare_draws({"x": a}, {"x": b}, random_seed=seed).layers.items()}


def test_figures_are_those_of_the_laws() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(2.0, 3.0, (4, 2000, 1)), rng.normal(3.5, 6.0, (2, 5000, 1))
    found = {name: float(column[0]) for name, column in differences(sample(a), sample(b)).items()}
    assert found["shift"] == pytest.approx(0.5, abs=4 * found["shift_mcse"])
    assert found["log_sd_ratio"] == pytest.approx(math.log(2), abs=4 * found["log_sd_ratio_mcse"])
    assert found["greater"] == pytest.approx(norm.cdf(1.5 / math.hypot(3, 6)), abs=4 * found["greater_mcse"])
    u = (np.arange(100_000) + 0.5) / 100_000
    assert found["w1"] == pytest.approx(np.abs(norm.ppf(u) - (0.5 + 2 * norm.ppf(u))).mean(), abs=0.05)
    assert found["w1_null"] < 0.05
    assert found["r_hat"] > 1.05


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_errors_are_the_spread_of_the_figures(rho: float) -> None:
    names = ("shift", "log_sd_ratio", "greater")
    case = Case(40, 500, rho, shift=0.3, ratio=1.3)
    a, b = pair(case, 2)
    b[..., 1:] = b[..., 1:] * 1.3 + 0.3
    found = differences(sample(a), sample(b))
    for name in names:
        errors = found[f"{name}_mcse"]
        assert np.std(found[name]) == pytest.approx(errors.mean(), rel=4 / math.sqrt(2 * case.scalars)), name


def test_a_law_without_variance_is_judged_by_its_median() -> None:
    rng = np.random.default_rng(3)
    a, b = (rng.standard_cauchy((4, 1000, 2)) for _ in range(2))
    b[..., 1] += 1.0
    found = differences(sample(a), sample(b))
    assert np.isnan(found["shift"]).all()
    assert found["rank"][0] == pytest.approx(0.5, abs=4 * found["rank_mcse"][0])
    assert found["rank"][1] == pytest.approx(0.75, abs=4 * found["rank_mcse"][1])
    state, worst, _ = judge(location_figures(("x", "y"), found, Margins()))
    assert (state, worst) == (State.DIFFERS, 1)


def test_constants_are_the_same_up_to_rounding() -> None:
    draws = np.random.default_rng(4).normal(size=(4, 500, 2))
    a, b = draws.copy(), draws[:, ::-1].copy()
    a[..., 1], b[..., 1] = 1.0, 1.0 + 1e-13
    assert compare_draws({"x": a}, {"x": b}).state is State.SAME
    b[..., 1] = 2.0
    found = compare_draws({"x": a}, {"x": b})
    assert found.layers["location"].state is State.DIFFERS
    assert found.layers["location"].scalar == "x[1]"


def test_a_shift_of_one_scalar_by_the_margin_has_the_energy_of_the_margin() -> None:
    a, b = pair(Case(3, 2000, shift=0.2), 5)
    found = energy(sample(a), sample(b), Margins())
    assert found.distance.mcse is not None
    assert found.distance.value == pytest.approx(found.margin, abs=4 * found.distance.mcse)
    assert found.margin == pytest.approx(0.04 * (2 / 3) * math.sqrt(1 / math.pi), rel=0.15)  # δ²(1 − 1/d)E[1/|X − X'|]


def test_few_effective_draws_are_not_compared_jointly() -> None:
    a, b = pair(Case(2, 60, 0.95), 6)
    found = compare_draws({"x": a}, {"x": b})
    assert found.layers["joint"].state is State.NOT_COMPUTED
    assert found.state is State.UNDECIDED


@pytest.mark.parametrize("case", [Case(5, 250), Case(5, 500, 0.8)], ids=["independent", "autocorrelated"])
def test_one_law_is_not_called_two(case: Case) -> None:
    found = [states(case, seed) for seed in range(20)]
    for layer in ("location", "spread", "joint"):
        assert sum(one[layer] is State.DIFFERS for one in found) <= 2, layer  # 20 · 0.0228 and two of its sd


def test_p_values_of_one_law_are_uniform_where_draws_are_correlated() -> None:
    case = Case(2, 400, 0.9)
    p = [energy(sample(a), sample(b), Margins()).p_value for a, b in (pair(case, seed) for seed in range(60))]
    assert sum(x <= 0.2 for x in p) <= 12 + 2.5 * math.sqrt(60 * 0.2 * 0.8)
    assert sum(x <= P_VALUE_MAX for x in p) <= 5


@pytest.mark.parametrize(
    ("case", "layer"),
    [
        (Case(5, 1000, shift=0.4), "location"),
        (Case(5, 1000, ratio=1.4), "spread"),
        (Case(2, 1000, correlation=0.9), "joint"),
    ],
)
def test_true_differences_are_found(case: Case, layer: str) -> None:
    assert [states(case, seed)[layer] for seed in range(3)] == [State.DIFFERS] * 3


def test_spread_looks_at_the_log_ratio_both_ways() -> None:
    a, b = pair(Case(2, 1000, ratio=1.5), 7)
    for one, other in ((a, b), (b, a)):
        figures = spread_figures(("x", "y"), differences(sample(one), sample(other)), Margins())
        assert judge(figures)[0] is State.DIFFERS
        assert figures.gap[0] == pytest.approx(math.log(1.5), abs=4 * figures.mcse[0])
