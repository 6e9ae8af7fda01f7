"""Item response: against an independent marginal likelihood (own quadrature), the published one, and its posterior."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.item_response import item_response
from scipy import optimize, special, stats

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

LSAT = load("lsat")
ITEMS = [f"item_{i}" for i in range(1, 6)]
ANSWERS, PEOPLE = np.column_stack([LSAT[item] for item in ITEMS]), np.array(LSAT["people"])
#: Every fourth of the 1,000 people, in the order of the patterns.
QUARTER = np.bincount(np.repeat(np.arange(32), PEOPLE)[::4], minlength=32)
NAMES = [f"{name}[{item}]" for name in ("discrimination", "easiness") for item in ITEMS]

# A fine grid, where the template has 31 Gauss-Hermite nodes.
ABILITY = np.linspace(-7, 7, 141)
WEIGHT = stats.norm.pdf(ABILITY) * (ABILITY[1] - ABILITY[0])


def prior_logp(discrimination: np.ndarray, easiness: np.ndarray) -> np.ndarray:
    scale = stats.lognorm(0.5).logpdf(discrimination).sum(axis=-1)
    return scale + stats.norm(0, 3).logpdf(easiness).sum(axis=-1)


def explicit_logp(p: Point) -> float:
    logit = p["discrimination"] * p["ability"][:, None] + p["easiness"]
    answers = np.repeat(ANSWERS, QUARTER, axis=0)
    likelihood = stats.bernoulli(special.expit(logit)).logpmf(answers).sum()
    return float(prior_logp(p["discrimination"], p["easiness"]) + stats.norm.logpdf(p["ability"]).sum() + likelihood)


def marginal_likelihood(discrimination: np.ndarray, easiness: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Log likelihood with abilities integrated out; discriminations and easinesses in rows, (points, 5)."""
    logit = discrimination[:, :, None] * ABILITY + easiness[:, :, None]
    right, wrong = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
    each = np.einsum("pi,dia->dpa", ANSWERS, right) + np.einsum("pi,dia->dpa", 1 - ANSWERS, wrong)
    return special.logsumexp(each, axis=2, b=WEIGHT) @ people


def marginal_posterior(x: np.ndarray) -> np.ndarray:
    """Over rows of log discriminations and easinesses, Jacobian included, for 250 people."""
    discrimination, easiness = np.exp(x[:, :5]), x[:, 5:]
    likelihood = marginal_likelihood(discrimination, easiness, QUARTER)
    return likelihood + prior_logp(discrimination, easiness) + x[:, :5].sum(axis=1)


def exact(draws: int = 16_000) -> pd.DataFrame:
    """Posterior figures by importance sampling from a Student t at the marginal mode, with their own errors."""
    start = np.r_[np.zeros(5), 2.7, 1.0, 0.2, 1.3, 2.0]
    found = optimize.minimize(lambda x: -marginal_posterior(x[None])[0], start, method="BFGS", options={"gtol": 1e-3})
    proposal = stats.multivariate_t(found.x, 1.3 * found.hess_inv, df=7, seed=np.random.default_rng(4))
    x = proposal.rvs(draws)
    log_weight = np.concatenate([marginal_posterior(piece) for piece in np.array_split(x, 40)]) - proposal.logpdf(x)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    values = np.column_stack([np.exp(x[:, :5]), x[:, 5:]])
    mean = weight @ values
    square = (values - mean) ** 2
    variance = weight @ square
    mean_error = np.sqrt(weight**2 @ square)
    sd_error = np.sqrt(weight**2 @ (square - variance) ** 2) / (2 * np.sqrt(variance))
    columns = {"mean": mean, "sd": np.sqrt(variance), "mean_error": mean_error, "sd_error": sd_error}
    return pd.DataFrame(columns, index=NAMES)


def test_builds() -> None:
    model = assert_builds(item_response, explicit_logp)
    assert model.named_vars_to_dims["ability"] == ("person",)
    assert model.named_vars_to_dims["answer"] == ("person", "item")
    assert model.coords["item"] == tuple(ITEMS)


@pytest.mark.parametrize(("n", "people"), [(250, QUARTER), (1000, PEOPLE)])
def test_integrated(n: int, people: np.ndarray) -> None:
    def logp(p: Point) -> float:
        likelihood = marginal_likelihood(p["discrimination"][None], p["easiness"][None], people)[0]
        return float(prior_logp(p["discrimination"], p["easiness"]) + likelihood)

    model = assert_builds(item_response, logp, abilities="integrated", n=n)
    assert [v.name for v in model.free_RVs] == ["discrimination", "easiness"]
    np.testing.assert_array_equal(model["people"].get_value(), people)


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(item_response, {"abilities": "none"}, "'explicit' or 'integrated'")
    assert_refuses(item_response, {"n": 1001}, "whole number from 50 to 1000")
    assert_refuses(item_response, {"prior_scale": 0}, "above 0")
    assert_refuses_data(item_response, {"people": [1, 2], "a": [0, 1]}, "1 columns of answers", "at least 2")
    assert_refuses_data(item_response, {"a": [0, 1], "b": [1, 2]}, "'b' are not 0 or 1")
    assert_refuses_data(item_response, {"a": [0, 1], "b": [1, 0], "people": [1, 2.5]}, "'people' are not whole numbers")
    persons = item_response({"a": [0, 1, 1], "b": [1, 0, 1]})
    assert persons.coords["person"] == (1, 2, 3)
    patterns = item_response({"a": [0, 1], "b": [1, 0], "people": [2, 0]})
    np.testing.assert_array_equal(patterns["answers"].get_value(), [[0, 1], [0, 1]])


def test_the_independent_likelihood_is_the_published_one() -> None:
    """Marginal maximum likelihood by the R package ltm (Rizopoulos 2006, Journal of Statistical Software 17(5)), its
    standard example: discriminations, difficulties (minus easiness over discrimination), log likelihood."""
    discrimination = np.array([[0.8254, 0.7229, 0.8905, 0.6886, 0.6575]])
    difficulty = np.array([[-3.3597, -1.3696, -0.2799, -1.8659, -3.1236]])
    at = marginal_likelihood(discrimination, -discrimination * difficulty, PEOPLE)[0]
    assert at == pytest.approx(-2466.653, abs=0.001)

    def objective(x: np.ndarray) -> float:
        return -marginal_likelihood(x[None, :5], x[None, 5:], PEOPLE)[0]

    start = np.r_[discrimination[0], -(discrimination * difficulty)[0]]
    gradient = optimize.approx_fprime(start, objective, 1e-6)
    assert np.abs(gradient).max() < 0.5  # against standard errors of 0.1 to 0.26: less than 0.01 nats from the top


def test_integrated_mode_is_scipys() -> None:
    def objective(x: np.ndarray) -> float:
        return -(marginal_posterior(x[None])[0] - x[:5].sum())

    start = np.r_[np.zeros(5), 2.7, 1.0, 0.2, 1.3, 2.0]
    found = optimize.minimize(objective, start, method="BFGS", options={"gtol": 1e-4})
    fit = bc.fit(item_response(abilities="integrated"), "map")
    assert fit.ok
    expected = np.r_[np.exp(found.x[:5]), found.x[5:]]
    np.testing.assert_allclose([fit.values[name] for name in NAMES], expected, atol=1e-4)


def test_explicit_mode_is_scipys() -> None:
    """The joint mode by another way: each ability has its own best value, given the ten items' numbers."""
    mode = bc.fit(item_response, "map")
    assert mode.ok

    def best(discrimination: np.ndarray, easiness: np.ndarray) -> float:
        ability = np.zeros((32, 1))
        for _ in range(200):  # damped Newton, each pattern by itself; the density of an ability is log-concave
            p = special.expit(discrimination * ability + easiness)
            slope = ((ANSWERS - p) * discrimination).sum(axis=1, keepdims=True) - ability
            curvature = (p * (1 - p) * discrimination**2).sum(axis=1, keepdims=True) + 1
            ability += np.clip(slope / curvature, -0.02, 0.02)
        logit = discrimination * ability + easiness
        each = (ANSWERS * logit - np.logaddexp(0, logit)).sum(axis=1) + stats.norm.logpdf(ability[:, 0])
        return float(prior_logp(discrimination, easiness) + QUARTER @ each)

    found = np.array([mode.values[name] for name in NAMES])
    top = best(found[:5], found[5:])
    assert top == pytest.approx(mode.log_density, abs=1e-5)
    rng = np.random.default_rng(0)
    for _ in range(40):  # no neighbour is higher, however far
        near = found * np.exp(rng.normal(0, 0.1, 10))
        assert best(near[:5], near[5:]) < top
    assert best(np.full(5, 0.9), np.array([2.8, 1.0, 0.23, 1.3, 2.1])) < top - 10  # the posterior's own middle


@pytest.mark.slow
def test_the_docstring_is_true() -> None:
    known = exact()
    assert [round(x, 2) for x in known.loc["discrimination[item_3]", ["mean", "sd"]]] == [0.93, 0.34]
    explicit, integrated = (bc.fit(item_response(abilities=a), "map").values for a in ("explicit", "integrated"))
    assert round(explicit["discrimination[item_3]"]) == 48
    assert round(integrated["discrimination[item_3]"], 2) == 0.84
    z = [(integrated[name] - known.loc[name, "mean"]) / known.loc[name, "sd"] for name in NAMES]
    assert max(map(abs, z)) == pytest.approx(0.32, abs=0.02)  # errors of importance sampling


@pytest.mark.slow
def test_more_people_do_not_help() -> None:
    fit = bc.fit(item_response(n=1000), "map")
    assert fit.values["discrimination[item_3]"] == pytest.approx(846, rel=0.001)


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(item_response, random_seed=1)
    assert_posterior(result.table, exact())
    assert result.table.loc[NAMES[1:3], "rank"].min() == 1
    assert str(result.verdict.layers["location"].state) == "differs"


@pytest.mark.slow
def test_full_run_integrated() -> None:
    result = bc.compare(item_response(abilities="integrated"), random_seed=1)
    assert_posterior(result.table, exact())
