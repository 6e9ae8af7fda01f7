"""Thirty rats: against quadrature over the three scales, the lines integrated out; and the published figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.rats import rats
from scipy import optimize, stats

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

DATA = {name: np.array(column) for name, column in load("rats").items()}
WEEK, RAT, WEIGHT = (DATA["day"] - 22) / 7, DATA["rat"] - 1, DATA["weight"]


def scales_logp(p: Point) -> float:
    return float(
        stats.norm(250, 100).logpdf(p["mu_alpha"])
        + stats.norm(0, 50).logpdf(p["mu_beta"])
        + stats.halfnorm(scale=50).logpdf(p["sigma_alpha"])
        + stats.halfnorm(scale=20).logpdf(p["sigma_beta"])
        + stats.halfnorm(scale=20).logpdf(p["sigma_y"])
    )


def noncentered_logp(p: Point) -> float:
    alpha = p["mu_alpha"] + p["sigma_alpha"] * p["alpha_t"]
    beta = p["mu_beta"] + p["sigma_beta"] * p["beta_t"]
    prior = stats.norm.logpdf(p["alpha_t"]).sum() + stats.norm.logpdf(p["beta_t"]).sum()
    return float(scales_logp(p) + prior + stats.norm(alpha[RAT] + beta[RAT] * WEEK, p["sigma_y"]).logpdf(WEIGHT).sum())


def centered_logp(p: Point) -> float:
    prior = stats.norm(p["mu_alpha"], p["sigma_alpha"]).logpdf(p["alpha"]).sum()
    prior += stats.norm(p["mu_beta"], p["sigma_beta"]).logpdf(p["beta"]).sum()
    mean = p["alpha"][RAT] + p["beta"][RAT] * WEEK
    return float(scales_logp(p) + prior + stats.norm(mean, p["sigma_y"]).logpdf(WEIGHT).sum())


def least_squares() -> tuple[np.ndarray, np.ndarray, float]:
    """Each rat's own line (at the middle day, per week) and the residual sum of squares; days are balanced."""
    table = WEIGHT[np.lexsort((WEEK, RAT))].reshape(30, 5).astype(float)
    week = np.arange(-2.0, 3.0)
    alpha, beta = table.mean(axis=1), table @ week / 10
    return alpha, beta, float(((table - alpha[:, None] - beta[:, None] * week) ** 2).sum())


@dataclass(frozen=True)
class Half:
    """Averages or slopes given the noise: log evidence and moments of their mean, over a grid of their spread."""

    log_evidence: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def half(estimates: np.ndarray, error: float, spread: np.ndarray, prior_mean: float, prior_sd: float) -> Half:
    variance = spread**2 + error**2
    n = len(estimates)
    within = ((estimates - estimates.mean()) ** 2).sum()
    log_evidence = -0.5 * ((n - 1) * np.log(variance) + within / variance)
    total = prior_sd**2 + variance / n
    log_evidence += -0.5 * (np.log(total) + (estimates.mean() - prior_mean) ** 2 / total)
    precision = 1 / prior_sd**2 + n / variance
    mean = (prior_mean / prior_sd**2 + n * estimates.mean() / variance) / precision
    return Half(log_evidence, mean, 1 / precision)


def exact() -> pd.DataFrame:
    """Posterior means and sds by quadrature."""
    alpha, beta, residual = least_squares()
    sigma_alpha, sigma_beta = np.linspace(6, 45, 261), np.linspace(1, 11, 251)
    sums: dict[str, list[float]] = {}
    logs = []
    for sigma_y in np.linspace(4, 9.5, 111):
        a = half(alpha, sigma_y / np.sqrt(5), sigma_alpha, 250, 100)
        b = half(beta, sigma_y / np.sqrt(10), sigma_beta, 0, 50)
        log_a = a.log_evidence + stats.halfnorm(scale=50).logpdf(sigma_alpha)
        log_b = b.log_evidence + stats.halfnorm(scale=20).logpdf(sigma_beta)
        w_a, w_b = np.exp(log_a - log_a.max()), np.exp(log_b - log_b.max())
        log_y = stats.halfnorm(scale=20).logpdf(sigma_y) - 90 * np.log(sigma_y) - residual / (2 * sigma_y**2)
        logs.append(log_y + log_a.max() + log_b.max() + np.log(w_a.sum()) + np.log(w_b.sum()))
        w_a, w_b = w_a / w_a.sum(), w_b / w_b.sum()
        new_rat = np.sqrt(sigma_alpha[:, None] ** 2 + 4 * sigma_beta**2 + sigma_y**2)
        means = {
            "mu_alpha": (w_a @ a.mean, w_a @ (a.mean**2 + a.variance)),
            "mu_beta": (w_b @ b.mean, w_b @ (b.mean**2 + b.variance)),
            "sigma_alpha": (w_a @ sigma_alpha, w_a @ sigma_alpha**2),
            "sigma_beta": (w_b @ sigma_beta, w_b @ sigma_beta**2),
            "sigma_y": (sigma_y, sigma_y**2),
            "new_rat_sd": (w_a @ new_rat @ w_b, w_a @ new_rat**2 @ w_b),
        }
        birth = means["mu_alpha"][0] - 22 / 7 * means["mu_beta"][0]
        variance = sum(c**2 * (m[1] - m[0] ** 2) for c, m in ((1, means["mu_alpha"]), (22 / 7, means["mu_beta"])))
        means["birth_weight"] = (birth, birth**2 + variance)
        for name, pair in means.items():
            sums.setdefault(name, []).append(pair)
    weight = np.exp(np.array(logs) - max(logs))
    weight /= weight.sum()
    first, second = ({name: weight @ np.array(pairs)[:, k] for name, pairs in sums.items()} for k in (0, 1))
    return pd.DataFrame({"mean": first, "sd": {name: np.sqrt(second[name] - first[name] ** 2) for name in first}})


def test_builds() -> None:
    model = assert_builds(rats, noncentered_logp)
    assert model.named_vars_to_dims["alpha"] == model.named_vars_to_dims["beta_t"] == ("rat",)
    assert model.coords["rat"] == tuple(range(1, 31))


def test_centered() -> None:
    model = assert_builds(rats, centered_logp, parametrisation="centered")
    assert [v.name for v in model.free_RVs][-2:] == ["alpha", "beta"]


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(rats, {"parametrisation": "both"}, "'noncentered' or 'centered'")
    assert_refuses(rats, {"prior_scale": -2}, "above 0")
    assert_refuses_data(rats, {"weight": [1.0], "day": [3]}, "no column 'rat'")
    assert_refuses_data(rats, {"weight": [0.0], "day": [3], "rat": [1]}, "'weight' are not above 0")
    assert_refuses_data(rats, {"weight": [1.0, 2], "day": [3, 4], "rat": ["a"]}, "weight 2, rat 1")
    own = rats({"weight": [90.0, 120, 95, 130], "day": [0, 14, 0, 14], "rat": ["x", "x", "y", "y"]})
    assert own.coords["rat"] == ("x", "y")
    np.testing.assert_array_equal(own["week"].get_value(), [-1, 1, -1, 1])


def test_map_is_scipys() -> None:
    """The joint mode by another way: given five numbers each rat's line has a closed form."""
    alpha, beta, residual = least_squares()

    def profile(x: np.ndarray) -> float:
        mu_alpha, mu_beta = x[:2]
        sigma_alpha, sigma_beta, sigma_y = np.exp(x[2:])
        names = ("mu_alpha", "mu_beta", "sigma_alpha", "sigma_beta", "sigma_y")
        p = dict(zip(names, [mu_alpha, mu_beta, sigma_alpha, sigma_beta, sigma_y], strict=True))
        fit = residual
        prior = 0.0
        for estimates, n, mu, sigma in ((alpha, 5, mu_alpha, sigma_alpha), (beta, 10, mu_beta, sigma_beta)):
            # Each rat's t minimises n (estimate - mu - sigma t)² / sigma_y² + t².
            t = sigma * (estimates - mu) / (sigma**2 + sigma_y**2 / n)
            fit += n * ((estimates - mu - sigma * t) ** 2).sum()
            prior += stats.norm.logpdf(t).sum()
        return -(scales_logp(p) + prior - 150 * np.log(sigma_y) - fit / (2 * sigma_y**2))

    start = np.r_[243, 43, np.log([30, 10, 5])]
    options = {"xatol": 1e-8, "fatol": 1e-12, "maxiter": 9999}
    found = optimize.minimize(profile, start, method="Nelder-Mead", options=options)
    fit = bc.fit(rats, "map")
    assert fit.ok
    names = ["mu_alpha", "mu_beta", "sigma_alpha", "sigma_beta", "sigma_y"]
    np.testing.assert_allclose([fit.values[name] for name in names], np.r_[found.x[:2], np.exp(found.x[2:])], rtol=1e-5)


def test_posterior_is_the_published_one() -> None:
    """BUGS examples, volume 1 (Rats): alpha0 106.6 ± 3.66, beta.c 6.19 ± 0.11 a day, sigma 6.09 ± 0.46.

    Their priors are vaguer, which is worth a few hundredths of a posterior sd.
    """
    known = exact()
    published = {"birth_weight": (1, 106.6, 3.66), "mu_beta": (7, 6.19, 0.11), "sigma_y": (1, 6.09, 0.46)}
    for name, (factor, mean, sd) in published.items():
        assert known.loc[name, "mean"] / factor == pytest.approx(mean, abs=0.1 * sd)
        assert known.loc[name, "sd"] / factor == pytest.approx(sd, rel=0.05)


@pytest.mark.slow
def test_the_docstring_is_true() -> None:
    known = exact().round(1).T.to_dict("list")
    assert known["mu_alpha"] == [242.7, 2.8]
    assert known["mu_beta"] == [43.3, 0.8]
    assert known["sigma_alpha"] == [14.9, 2.1]
    assert known["sigma_beta"] == [3.7, 0.7]
    assert known["sigma_y"] == [6.1, 0.5]
    assert known["new_rat_sd"] == [17.8, 1.9]
    mode, wider = (bc.fit(rats(prior_scale=s), "map").values for s in (1.0, 2.0))
    assert [round(mode[name], 1) for name in ("mu_alpha", "mu_beta", "sigma_y")] == [242.7, 43.0, 4.7]
    assert [round(mode[name]) for name in ("sigma_alpha", "sigma_beta", "new_rat_sd")] == [62, 21, 75]
    for name in ("sigma_alpha", "sigma_beta"):
        assert (mode[name] - exact().loc[name, "mean"]) / exact().loc[name, "sd"] > 20
        assert round(wider[name] / mode[name], 1) == 1.4


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(rats, random_seed=1)
    assert_posterior(result.table, exact())
    assert result.table.loc[["sigma_alpha", "sigma_beta", "new_rat_sd"], "rank"].min() == 1
    assert result.table.loc[["mu_alpha", "mu_beta"], "z"].abs().max() < 0.5
    assert str(result.verdict.layers["location"].state) == "differs"
