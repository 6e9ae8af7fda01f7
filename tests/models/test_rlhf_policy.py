"""RLHF: MAP's policy is the KL-regularised optimum and the penalised DPO minimum; its promises against the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bayescompare.templates.library.rlhf_policy import best_of_n, tuned
from scipy import optimize, special, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.results.fit import Fit
from bayescompare.templates.data import load
from tests.models.checks import Point, assert_builds

type Array = np.ndarray[Any, Any]

ANSWERS = list("ABCDEFGHIJKLMNOP")
TRUE = np.random.default_rng(2026).normal(0, 1, 16)  # as in models/data/README.md


def comparisons() -> tuple[Array, Array, Array, Array]:
    """Who was compared with whom, whether the first was preferred, and the reference policy."""
    table = load("preferences")
    first, second = (np.array([ANSWERS.index(name) for name in table[key]]) for key in ("first", "second"))
    reference = np.empty(16)
    reference[first], reference[second] = np.exp(table["logp_first"]), np.exp(table["logp_second"])
    return first, second, np.array(table["first_preferred"]), reference / reference.sum()


def of(values: dict[str, float], variable: str) -> Array:
    return np.array([values[f"{variable}[{name}]"] for name in ANSWERS])


def logp(p: Point) -> float:
    first, second, preferred, _ = comparisons()
    reward = p["reward_scale"] * p["reward_t"]
    odds = reward[first] - reward[second]
    prior = stats.halfnorm.logpdf(p["reward_scale"]) + stats.norm.logpdf(p["reward_t"]).sum()
    return float(prior - np.logaddexp(0, np.where(preferred, -odds, odds)).sum())


def test_quick() -> None:
    assert_builds(models.rlhf_policy, logp)
    assert_builds(models.rlhf_policy, reward_scale=1.0)
    model = models.rlhf_policy()
    assert model.coords["answer"] == tuple(ANSWERS)
    np.testing.assert_allclose(np.exp(model["log_reference"].get_value()), comparisons()[3], rtol=1e-12)
    drawn, _ = models.rlhf_policy.simulate(seed=1)
    policy, reference = drawn["policy"], comparisons()[3]
    np.testing.assert_allclose(policy, tuned(reference, drawn["reward"], 0.5), rtol=1e-10)
    assert drawn["drift"] == pytest.approx((policy * np.log(policy / reference)).sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"beta": 0}, "beta is 0, but must be above 0"), ({"reward_scale": -1.0}, "reward_scale is -1.0, but")],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^rlhf_policy: {message}"):
        models.rlhf_policy(**options)


OWN = {"first": ["a", "b"], "second": ["b", "c"], "first_preferred": [1, 0], "logp_first": [-1.0, -2.0],
       "logp_second": [-2.0, -3.0]}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logp_first": None}, "no column 'logp_first'"),
        ({"first_preferred": [1, 2]}, "'first_preferred' are not 0 or 1"),
        ({"second": ["b", "b"]}, "row 1, counted from 0, compares 'b' with itself"),
        ({"logp_first": [-1.0, -2.5]}, "answer 'b' has one log probability in row 1, .* another elsewhere"),
        ({"first": ["a"]}, "different lengths"),
    ],
)
def test_data_that_do_not_fit(change: Any, message: str) -> None:
    data = {key: value for key, value in {**OWN, **change}.items() if value is not None}
    with pytest.raises(DataError, match=f"^rlhf_policy: .*{message}"):
        models.rlhf_policy(data)


def test_own_data() -> None:
    model = models.rlhf_policy(OWN)
    assert model.coords["answer"] == ("a", "b", "c")
    reference = np.exp([-1.0, -2.0, -3.0])
    np.testing.assert_allclose(np.exp(model["log_reference"].get_value()), reference / reference.sum(), rtol=1e-12)


@pytest.mark.parametrize("options", [{}, {"reward_scale": 1.0}, {"beta": 0.3, "reward_scale": 1.0}])
def test_map_is_the_kl_regularised_optimum(options: dict[str, float]) -> None:
    beta, reference = options.get("beta", 0.5), comparisons()[3]
    fit = bc.fit(models.rlhf_policy(**options), "map")
    assert fit.status == "ok"
    reward, policy = of(fit.values, "reward"), of(fit.values, "policy")

    def loss(theta: Array) -> tuple[float, Array]:
        """Minus the reward expected, plus beta KL; and the gradient by the logits theta of the policy."""
        log_p = special.log_softmax(theta)
        p, each = np.exp(log_p), beta * (log_p - np.log(reference)) - reward
        return float(p @ each), p * (each - p @ each)

    end = optimize.minimize(loss, np.log(reference), jac=True, method="BFGS", options={"gtol": 1e-10})
    np.testing.assert_allclose(special.softmax(end.x), policy, atol=1e-6)
    np.testing.assert_allclose(tuned(reference, reward, beta), policy, rtol=1e-9)
    assert fit.values["drift"] == pytest.approx((policy * np.log(policy / reference)).sum(), rel=1e-9)


@pytest.mark.parametrize(("reward_scale", "beta"), [(1.0, 0.5), (0.25, 0.5), (4.0, 0.1)])
def test_map_minimises_the_dpo_loss_with_a_penalty(reward_scale: float, beta: float) -> None:
    first, second, preferred, reference = comparisons()
    winner, loser = np.where(preferred, first, second), np.where(preferred, second, first)

    def loss(theta: Array) -> tuple[float, Array]:
        """Rafailov et al. (2023, eq. 7) for the policy with logits theta, and an L2 pull to the reference's logits."""
        reward = beta * (theta - np.log(reference))
        margin = reward[winner] - reward[loser]
        value = np.logaddexp(0, -margin).sum() + (reward**2).sum() / (2 * reward_scale**2)
        slope = reward / reward_scale**2
        wrong = special.expit(-margin)
        np.add.at(slope, winner, -wrong)
        np.add.at(slope, loser, wrong)
        return float(value), beta * slope

    end = optimize.minimize(loss, np.log(reference), jac=True, method="BFGS", options={"gtol": 1e-9})

    fit = bc.fit(models.rlhf_policy(reward_scale=reward_scale, beta=beta), "map")

    assert fit.status == "ok"
    np.testing.assert_allclose(of(fit.values, "policy"), special.softmax(end.x), atol=1e-6)


def test_the_priors_strength_limits_drift() -> None:
    drifts = [bc.fit(models.rlhf_policy(reward_scale=scale), "map").values["drift"] for scale in (0.25, 1.0, 4.0)]
    assert drifts == pytest.approx([0.07, 1.23, 1.89], abs=0.005)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_best_of_n(n: int) -> None:
    _, _, _, reference = comparisons()
    policy = best_of_n(reference, TRUE, n)
    assert policy.sum() == pytest.approx(1, rel=1e-12)
    draws = np.random.default_rng(n).choice(16, (20_000, n), p=reference)
    given = draws[np.arange(len(draws)), TRUE[draws].argmax(axis=1)]
    share = np.bincount(given, minlength=16) / len(given)
    assert (np.abs(share - policy) < 4 * np.sqrt(policy * (1 - policy) / len(given)) + 1e-4).all()
    kl = special.rel_entr(policy, reference).sum()
    assert kl <= np.log(n) - (n - 1) / n + 1e-12  # the bound that is often taken for the value


def promised_and_expected(mode: Fit, nuts: Fit, policy: Any) -> tuple[float, Array]:
    """Gain over the reference of the policy that MAP's rewards make: by those rewards, and by each draw's."""
    reference = comparisons()[3]
    q = policy(reference, of(mode.values, "reward")) - reference
    assert nuts.draws is not None
    columns = [nuts.names.index(f"reward[{name}]") for name in ANSWERS]
    return float(q @ of(mode.values, "reward")), nuts.draws.reshape(-1, len(nuts.names))[:, columns] @ q


@pytest.mark.slow
def test_what_the_docstring_says() -> None:
    reference = comparisons()[3]

    def tune(reference: Array, reward: Array) -> Array:
        return tuned(reference, reward, 0.5)

    def best_of_64(reference: Array, reward: Array) -> Array:
        return best_of_n(reference, reward, 64)

    options = bc.SamplerOptions(draws=2000, target_accept=0.95)
    mode, nuts = (
        bc.fit(models.rlhf_policy(), "map"),
        bc.fit(models.rlhf_policy(), "nuts", random_seed=1, options=options),
    )
    assert nuts.draws is not None
    for policy, promise, mean, true in ((tune, 1.99, 1.54, 1.48), (best_of_64, 2.29, 1.78, 1.69)):
        promised, expected = promised_and_expected(mode, nuts, policy)
        assert promised == pytest.approx(promise, abs=0.005)
        assert expected.mean() == pytest.approx(mean, abs=0.04)
        gain = (policy(reference, of(mode.values, "reward")) - reference) @ TRUE
        assert gain == pytest.approx(true, abs=0.005)
    assert promised_and_expected(mode, nuts, tune)[1].std() == pytest.approx(0.56, abs=0.03)

    scale = nuts.draws[..., nuts.names.index("reward_scale")]
    assert mode.values["reward_scale"] == pytest.approx(1.97, abs=0.005)
    assert (scale.mean(), scale.std()) == pytest.approx((1.0, 0.33), abs=0.04)
    assert (scale < mode.values["reward_scale"]).mean() == pytest.approx(0.99, abs=0.008)

    known = models.rlhf_policy(reward_scale=1.0)
    mode, nuts = bc.fit(known, "map"), bc.fit(known, "nuts", random_seed=1)
    promised, expected = promised_and_expected(mode, nuts, tune)
    assert promised == pytest.approx(1.25, abs=0.01)
    assert expected.mean() == pytest.approx(1.34, abs=0.03)
