"""Models with discrete variables: enumeration against SciPy's brute force, and refusals that say what to write."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats
from scipy.special import logsumexp

import bayescompare as bc
from bayescompare.errors import NoFiniteStartError, UnsupportedModelError
from bayescompare.methods.enumeration import discrete
from bayescompare.reasons import Code, Reason
from bayescompare.results.fit import Status

Y = np.array([0.2, 3.1, 2.6])
RATE = np.array([0.3, 0.6, 0.5])

# Constants of PyMC's densities are in part logarithms in single precision (tests/test_density.py): 6e-8 each.
SINGLE = 5e-7


def built(build: Callable[[], Any], **coords: list[str]) -> pm.Model:
    with pm.Model(coords=coords) as model:
        build()
    return model


# -- discrete variables alone ----------------------------------------------------------------------


def switches() -> None:
    """Three switches add 3 each to three means, and share a fourth of noise."""
    on = pm.Bernoulli("on", RATE, dims="switch")
    level = pm.DiscreteUniform("level", 1, 4)
    pm.Deterministic("count", on.sum())
    pm.Normal("y", 3.0 * on, 0.5 * level, observed=Y, dims="switch")


def by_brute_force() -> list[tuple[tuple[int, ...], float]]:
    """Every state with its log density, the highest first."""
    found = []
    for *on, level in itertools.product((0, 1), (0, 1), (0, 1), (1, 2, 3, 4)):
        value = stats.bernoulli(RATE).logpmf(on).sum() - math.log(4)
        found.append(((*on, level), value + stats.norm(3 * np.array(on), 0.5 * level).logpdf(Y).sum()))
    return sorted(found, key=lambda pair: -pair[1])


def test_enumeration_is_brute_force() -> None:
    found = bc.fit(built(switches, switch=["a", "b", "c"]), "map")
    expected = by_brute_force()
    assert found.status is Status.OK, found.reasons
    assert found.names == ("on[a]", "on[b]", "on[c]", "level", "count")
    best, height = expected[0]
    assert found.estimate.tolist() == [*best, sum(best[:3])]
    assert found.log_density == pytest.approx(height, abs=SINGLE)
    assert found.diagnostics["states"] == 32 == found.evaluations
    assert found.diagnostics["enumerated"] == ["on (0 to 1, 3 of them)", "level (1 to 4)"]
    total = logsumexp([value for _, value in expected])
    told = found.diagnostics["best_states"]
    assert len(told) == 10
    for state, (truth, value) in zip(told, expected, strict=False):
        assert state["state"] == list(truth)
        assert state["log_density"] == pytest.approx(value, abs=SINGLE)
        assert state["probability"] == pytest.approx(math.exp(value - total), rel=2 * SINGLE)


def categorical() -> None:
    which = pm.Categorical("which", np.array([0.2, 0.5, 0.3]))
    pm.Poisson("k", pm.math.exp(which.astype("float64")), observed=np.array([2, 3]))


def binomial() -> None:
    n = pm.Binomial("n", 6, 0.4)
    m = pm.BetaBinomial("m", alpha=1.5, beta=2.0, n=3)
    pm.Normal("y", n + 0.5 * m, 1.0, observed=Y)


def uniform_from_below() -> None:
    shift = pm.DiscreteUniform("shift", -5, -2, shape=2)
    pm.Normal("y", shift, 2.0, observed=Y[:2])


CASES: list[tuple[Callable[[], Any], list[range], Callable[..., float]]] = [
    (
        categorical,
        [range(3)],
        lambda w: math.log([0.2, 0.5, 0.3][w]) + stats.poisson(math.exp(w)).logpmf([2, 3]).sum(),
    ),
    (
        binomial,
        [range(7), range(4)],
        lambda n, m: (
            stats.binom(6, 0.4).logpmf(n)
            + stats.betabinom(3, 1.5, 2.0).logpmf(m)
            + stats.norm(n + m / 2, 1).logpdf(Y).sum()
        ),
    ),
    (
        uniform_from_below,
        [range(-5, -1)] * 2,
        lambda a, b: -2 * math.log(4) + stats.norm([a, b], 2).logpdf(Y[:2]).sum(),
    ),
]


@pytest.mark.parametrize(("build", "ranges", "density"), CASES, ids=[case[0].__name__ for case in CASES])
def test_every_finite_distribution(
    build: Callable[[], Any], ranges: list[range], density: Callable[..., float]
) -> None:
    values = {state: density(*state) for state in itertools.product(*ranges)}
    best = max(values, key=lambda state: values[state])
    found = bc.fit(built(build), "map")
    assert found.estimate.tolist() == list(best)
    assert found.log_density == pytest.approx(values[best], abs=SINGLE)
    assert found.diagnostics["states"] == len(values)
    total = logsumexp(list(values.values()))
    assert found.diagnostics["best_states"][0]["probability"] == pytest.approx(math.exp(values[best] - total), rel=1e-6)


def test_states_of_one_height_are_said() -> None:
    def build() -> None:
        on = pm.Bernoulli("on", 0.5, shape=2)
        pm.Normal("y", on.sum(), 1.0, observed=1.0)

    found = bc.fit(built(build), "map")
    assert found.reasons == (Reason(Code.EQUAL_STATES, figures={"states": 2}),)
    assert found.estimate.tolist() == [0, 1]


def test_states_of_no_density_are_not_told() -> None:
    def build() -> None:
        on = pm.Bernoulli("on", 0.5, shape=2)
        pm.Uniform("y", 1.0 * on[0], 1.0 + on[0], observed=1.5)

    found = bc.fit(built(build), "map")
    assert [state["state"] for state in found.diagnostics["best_states"]] == [[1, 0], [1, 1]]
    assert [state["probability"] for state in found.diagnostics["best_states"]] == pytest.approx([0.5, 0.5])
    assert found.log_density == pytest.approx(2 * math.log(0.5), abs=SINGLE)
    json.dumps(found.diagnostics, allow_nan=False)


def test_density_zero_at_every_state() -> None:
    def build() -> None:
        on = pm.Bernoulli("on", 0.5)
        pm.Uniform("y", 1.0 * on, 1.0 + on, observed=7.0)

    with pytest.raises(NoFiniteStartError, match="zero or NaN at all 2 states"):
        bc.fit(built(build), "map")


# -- with continuous variables beside them ---------------------------------------------------------


def change_point() -> None:
    """Counts whose rate changes once: Gamma rates on both sides, which have closed forms."""
    when = pm.DiscreteUniform("when", 1, 5)
    rate = pm.Gamma("rate", 2.0, 1.0, shape=2)
    pm.Poisson("k", pm.math.where(np.arange(6) < when, rate[0], rate[1]), observed=COUNTS)


COUNTS = np.array([1, 0, 2, 6, 5, 7])


def gamma_mode(counts: np.ndarray) -> tuple[float, float]:
    """Posterior Gamma(a, b) of a rate: its mode, and the joint density there."""
    a, b = 2.0 + counts.sum(), 1.0 + len(counts)
    top = (a - 1) / b
    return top, stats.gamma(2.0).logpdf(top) + stats.poisson(top).logpmf(counts).sum()


def test_a_mixed_model_has_a_search_for_each_state() -> None:
    found = bc.fit(built(change_point), "map", random_seed=2)
    tops = {when: (gamma_mode(COUNTS[:when]), gamma_mode(COUNTS[when:])) for when in range(1, 6)}
    heights = {when: left[1] + right[1] - math.log(5) for when, (left, right) in tops.items()}
    best = max(heights, key=lambda when: heights[when])
    assert best == 3
    assert found.status is Status.OK, found.reasons
    assert found.names == ("when", "rate[0]", "rate[1]")
    assert found.estimate.tolist() == pytest.approx([best, tops[best][0][0], tops[best][1][0]], rel=1e-7)
    assert found.log_density == pytest.approx(heights[best], abs=SINGLE)
    assert found.diagnostics["states"] == 5
    told = {state["state"][0]: state["log_density"] for state in found.diagnostics["best_states"]}
    assert told == pytest.approx(heights, abs=SINGLE)
    assert "probability" not in found.diagnostics["best_states"][0]
    assert found.diagnostics["newton_decrement"] <= 1e-8
    assert found.evaluations > 5 * 16


def test_a_state_without_a_mode_makes_the_answer_suspect() -> None:
    """Switched on, the shape of a Gamma falls below 1, and its density has no maximum."""

    def build() -> None:
        on = pm.Bernoulli("on", 0.5)
        pm.Gamma("x", 2.0 - 1.5 * on, 1.0)
        pm.Normal("y", 0.0, 1.0, observed=0.0)

    found = bc.fit(built(build), "map")
    assert found.status is Status.SUSPECT
    assert "1 of 2 states have no mode" in found.reasons[-1].text
    assert found.estimate.tolist() == pytest.approx([0.0, 1.0], rel=1e-7)


def test_strict_holds_for_enumeration() -> None:
    assert bc.fit(built(switches, switch=["a", "b", "c"]), "map", strict=True).ok


# -- refusals --------------------------------------------------------------------------------------


def infinite() -> None:
    n = pm.Poisson("n", 3.0)
    pm.Normal("y", n, 1.0, observed=Y)


def dependent() -> None:
    n = pm.DiscreteUniform("n", 1, 4)
    m = pm.Binomial("m", n, 0.5)
    pm.Normal("y", m, 1.0, observed=Y)


def many() -> None:
    on = pm.Bernoulli("on", 0.5, shape=13)
    pm.Normal("y", on.sum(), 1.0, observed=Y)


def many_searches() -> None:
    on = pm.Bernoulli("on", 0.5, shape=8)
    mu = pm.Normal("mu", 0.0, 1.0)
    pm.Normal("y", mu + on.sum(), 1.0, observed=Y)


def holes() -> None:
    counts = np.ma.masked_array([[1, 2, 0], [1, 1, 1]], [[False] * 3, [False, True, True]])
    with pytest.warns(pm.exceptions.ImputationWarning):
        pm.Multinomial("counts", 3, [0.2, 0.3, 0.5], observed=counts)


REFUSED = [
    (holes, "counts_unobserved is discrete, and the states of Multinomial are not enumerated"),
    (infinite, "n is discrete, and the states of Poisson are not enumerated"),
    (dependent, "The support of m depends on another variable"),
    (many, r"8,192 joint states, and at most 4,096 are enumerated: on \(0 to 1, 13 of them\)"),
    (many_searches, "256 joint states, and at most 128 are enumerated"),
]


@pytest.mark.parametrize(("build", "words"), REFUSED, ids=[build.__name__ for build, _ in REFUSED])
def test_what_is_not_enumerated_names_marginalisation(build: Callable[[], Any], words: str) -> None:
    with pytest.raises(UnsupportedModelError, match=words) as caught:
        bc.fit(built(build), "map")
    assert "marginalisation" in str(caught.value)
    assert "logsumexp" in str(caught.value)


@pytest.mark.parametrize("method", ["mle", "unconstrained_map", "laplace", "nuts"])
def test_other_methods_need_a_gradient(method: str) -> None:
    with pytest.raises(UnsupportedModelError, match=rf"{method} needs a gradient.*\(when\) lack.*marginalisation"):
        bc.fit(built(change_point), method)


def test_a_comparison_points_to_what_can_be_had() -> None:
    with pytest.raises(UnsupportedModelError, match=r"Discrete free variables have no gradient: when.*enumeration"):
        bc.compare(built(change_point))


def test_which_variables_are_discrete() -> None:
    assert [rv.name for rv in discrete(built(change_point))] == ["when"]
    assert discrete(built(lambda: pm.Poisson("k", pm.Gamma("r", 2.0, 1.0), observed=3))) == []


def test_a_random_density_is_refused_by_name() -> None:
    with pm.Model() as model:
        batch = pm.Minibatch(np.zeros(50), batch_size=5)
        pm.Normal("y", pm.Bernoulli("k", 0.5), 1.0, observed=batch, total_size=50)
    with pytest.raises(UnsupportedModelError, match="'y' cannot be used: it uses a random subset of the data"):
        bc.fit(model, "map")
