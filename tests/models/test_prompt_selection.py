"""Choosing a prompt: modes by profile and by the beta-binomial, the posterior and its decisions by quadrature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize, special, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import assert_builds

type Array = np.ndarray[Any, Any]


def counts() -> tuple[list[str], Array, Array]:
    table = load("prompts")
    return table["prompt"], np.array(table["solved"]), np.array(table["tried"])


def log_prior(mean: Any, concentration: Any) -> Any:
    return stats.beta(2, 2).logpdf(mean) + stats.expon(scale=20).logpdf(concentration)


def test_quick() -> None:
    assert_builds(models.prompt_selection)
    assert_builds(models.prompt_selection, parametrisation="marginal")
    model = models.prompt_selection()
    names, solved, tried = counts()
    assert model.coords["prompt"] == tuple(names)
    a, b = 0.7 * 30, 0.3 * 30
    p = np.linspace(0.4, 0.8, 10)
    expected = log_prior(0.7, 30) + stats.beta(a, b).logpdf(p).sum() + stats.binom(tried, p).logpmf(solved).sum()
    point = {
        "mean_logodds__": special.logit(0.7),
        "concentration_log__": np.log(30),
        "accuracy_logodds__": special.logit(p),
    }
    density = model.compile_logp(jacobian=False, mode="FAST_COMPILE")
    assert float(density(point)) == pytest.approx(expected, rel=1e-8)


def test_simulated_best_and_regret() -> None:
    parameters, data = models.prompt_selection.simulate(seed=3)
    accuracy = parameters["accuracy"]
    assert list(parameters["best"]) == list((accuracy == accuracy.max()).astype(float))
    np.testing.assert_allclose(parameters["regret"], accuracy.max() - accuracy, rtol=1e-12)
    assert (data["solved_data"] <= counts()[2]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parametrisation": "centred"}, "only 'joint' or 'marginal'"),
        ({"concentration": 0}, "concentration is 0, but must be above 0"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^prompt_selection: .*{message}"):
        models.prompt_selection(**options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"solved": [1, 2]}, "no column 'tried'"),
        ({"solved": [1, 5], "tried": [4, 4]}, "1 of the 2 rows have counts that are above 'tried'"),
        ({"solved": [1, 0.5], "tried": [4, 4]}, "are not whole"),
        ({"solved": [1, 2], "tried": [4, 4], "prompt": ["a", "a"]}, "more than once"),
    ],
)
def test_data_that_do_not_fit(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^prompt_selection: .*{message}"):
        models.prompt_selection(data)


def test_joint_mode_by_profile() -> None:
    names, solved, tried = counts()

    def accuracies(u: Array) -> tuple[float, float, Array]:
        mean, concentration = special.expit(u[0]), np.exp(u[1])
        return mean, concentration, (solved + mean * concentration - 1) / (tried + concentration - 2)

    def loss(u: Array) -> float:
        mean, c, p = accuracies(u)
        likelihood = stats.binom(tried, p).logpmf(solved).sum()
        return -float(log_prior(mean, c) + stats.beta(mean * c, (1 - mean) * c).logpdf(p).sum() + likelihood)

    end = optimize.minimize(loss, [0.7, 3.5], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
    mean, concentration, p = accuracies(end.x)

    fit = bc.fit(models.prompt_selection(), "map")

    assert fit.status == "ok"
    assert fit.values["mean"] == pytest.approx(mean, abs=1e-6)
    assert fit.values["concentration"] == pytest.approx(concentration, rel=1e-5)
    np.testing.assert_allclose([fit.values[f"accuracy[{name}]"] for name in names], p, atol=1e-6)
    assert fit.values["best[work this out]"] == 1
    assert fit.values["regret[work this out]"] == 0
    # In other coordinates another prompt wins.
    assert bc.fit(models.prompt_selection(), "unconstrained_map").values["best[step by step]"] == 1


def test_marginal_mode_is_that_of_the_beta_binomial() -> None:
    _, solved, tried = counts()

    def loss(u: Array) -> float:
        mean, c = special.expit(u[0]), np.exp(u[1])
        return -float(log_prior(mean, c) + stats.betabinom(tried, mean * c, (1 - mean) * c).logpmf(solved).sum())

    end = optimize.minimize(loss, [0.7, 3.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})

    fit = bc.fit(models.prompt_selection(parametrisation="marginal"), "map")

    assert fit.status == "ok"
    assert fit.values["mean"] == pytest.approx(special.expit(end.x[0]), abs=1e-6)
    assert fit.values["concentration"] == pytest.approx(np.exp(end.x[1]), rel=1e-5)
    assert fit.values["concentration"] == pytest.approx(16, abs=0.5)


def exact() -> dict[str, Array]:
    """By quadrature over mean and concentration: of each prompt E accuracy, P(best), E regret; of the two, means."""
    _, solved, tried = counts()
    mean, c = np.meshgrid(np.linspace(0.42, 0.88, 47), np.exp(np.linspace(0.3, 5.4, 52)), indexing="ij")
    log = log_prior(mean, c) + np.log(c)  # the grid is even in log concentration
    for n, k in zip(tried, solved, strict=True):
        log = log + stats.betabinom(n, mean * c, (1 - mean) * c).logpmf(k)
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    x = np.linspace(0.0005, 0.9995, 500)
    best, top = np.zeros(len(tried)), 0.0
    expected = np.array([(weights * (mean * c + k) / (c + n)).sum() for n, k in zip(tried, solved, strict=True)])
    for m, k, w in zip(mean.ravel(), c.ravel(), weights.ravel(), strict=True):
        if w < 1e-7:
            continue
        a, b = (m * k + solved)[:, None], ((1 - m) * k + tried - solved)[:, None]
        cdf = special.betainc(a, b, x)
        log_pdf = (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - special.betaln(a, b)
        others = np.exp(np.log(np.maximum(cdf, 1e-300)).sum(axis=0) - np.log(np.maximum(cdf, 1e-300)))
        best += w * (np.exp(log_pdf) * others).mean(axis=1)
        top += w * (1 - cdf.prod(axis=0)).mean()
    scalars = {"mean": np.array([(weights * mean).sum()]), "concentration": np.array([(weights * c).sum()])}
    return {**scalars, "accuracy": expected, "best": best, "regret": top - expected}


@pytest.mark.slow
def test_posterior_and_decision_by_quadrature() -> None:
    import arviz_stats as az

    names, _, _ = counts()
    nuts = bc.fit(models.prompt_selection(), "nuts", random_seed=1, options=bc.SamplerOptions(draws=2000))
    assert nuts.draws is not None
    reference = exact()
    assert reference["best"].sum() == pytest.approx(1, abs=2e-3)  # the quadrature's own error
    for variable, values in reference.items():
        for name, value in zip(names, values, strict=False):
            scalar = variable if len(values) == 1 else f"{variable}[{name}]"
            x = nuts.draws[..., nuts.names.index(scalar)]
            assert x.mean() == pytest.approx(value, abs=4 * az.mcse(x) + 2e-3 * abs(value)), scalar

    # What the docstring says.
    mode = bc.fit(models.prompt_selection(), "map").values
    first, second = mode["accuracy[work this out]"], mode["accuracy[step by step]"]
    assert first - second == pytest.approx(0.002, abs=0.001)
    assert reference["best"][0] == pytest.approx(0.367, abs=0.002)
    assert reference["regret"][0] == pytest.approx(0.049, abs=0.001)
    regret = nuts.draws[..., nuts.names.index("regret[work this out]")]
    assert np.quantile(regret, 0.97) == pytest.approx(0.19, abs=0.02)
    at_mode = [mode[f"accuracy[{name}]"] for name in names]
    assert (min(at_mode), max(at_mode)) == pytest.approx((0.655, 0.725), abs=0.002)
    assert (reference["accuracy"].min(), reference["accuracy"].max()) == pytest.approx((0.58, 0.76), abs=0.005)
    concentration = nuts.draws[..., nuts.names.index("concentration")]
    assert (concentration < mode["concentration"]).mean() == pytest.approx(0.97, abs=0.01)


@pytest.mark.slow
def test_thompson_sampling_picks_by_the_probability_of_being_best() -> None:
    # Independent of NUTS: hyperparameters from a grid, accuracies from their Beta, and each draw's winner is tried.
    _, solved, tried = counts()
    rng = np.random.default_rng(1)
    mean, c = np.meshgrid(np.linspace(0.42, 0.88, 200), np.exp(np.linspace(0.3, 5.4, 200)), indexing="ij")
    log = log_prior(mean, c) + np.log(c)
    for n, k in zip(tried, solved, strict=True):
        log = log + stats.betabinom(n, mean * c, (1 - mean) * c).logpmf(k)
    weights = np.exp(log - log.max()).ravel()
    pick = rng.choice(weights.size, 40_000, p=weights / weights.sum())
    m, k = mean.ravel()[pick, None], c.ravel()[pick, None]
    winners = rng.beta(m * k + solved, (1 - m) * k + tried - solved).argmax(axis=1)
    share = np.bincount(winners, minlength=10) / len(winners)
    error = np.sqrt(share * (1 - share) / len(winners))
    assert (np.abs(share - exact()["best"]) < 4 * error + 1e-3).all()
