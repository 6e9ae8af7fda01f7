"""Eighteen batters: against quadrature over the mean and the concentration, given which abilities are Beta."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.baseball import baseball
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

DATA = load("baseball")
HITS, AT_BATS = np.array(DATA["hits"]), np.array(DATA["at_bats"])
SD = 0.8


def hyper_logp(mean: np.ndarray, kappa: np.ndarray) -> np.ndarray:
    return stats.beta(2, 6).logpdf(mean) + stats.lognorm(SD, scale=np.exp(5)).logpdf(kappa)


def explicit_logp(p: Point) -> float:
    a, b = p["mean"] * p["kappa"], (1 - p["mean"]) * p["kappa"]
    ability = stats.beta(a, b).logpdf(p["ability"]).sum()
    return float(hyper_logp(p["mean"], p["kappa"]) + ability + stats.binom(AT_BATS, p["ability"]).logpmf(HITS).sum())


def integrated_logp(p: Point) -> float:
    a, b = p["mean"] * p["kappa"], (1 - p["mean"]) * p["kappa"]
    return float(hyper_logp(p["mean"], p["kappa"]) + stats.betabinom(AT_BATS, a, b).logpmf(HITS).sum())


@dataclass(frozen=True)
class Exact:
    """Posterior figures by quadrature: of the hyperparameters and abilities, and of the abilities' expectations."""

    known: pd.DataFrame
    expected: pd.DataFrame


def exact() -> Exact:
    mean = np.linspace(0.15, 0.42, 271)[:, None]
    log_kappa = np.linspace(1, 10, 361)[None, :]
    kappa = np.exp(log_kappa)
    a, b = mean * kappa, (1 - mean) * kappa
    log_weight = hyper_logp(mean, kappa) + log_kappa
    for hits, n in zip(HITS, AT_BATS, strict=True):
        log_weight = log_weight + special.betaln(hits + a, n - hits + b) - special.betaln(a, b)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()

    rows, expected = {}, {}
    for name, value, variance in (("mean", mean, 0.0), ("kappa", kappa, 0.0)):
        rows[name] = _moments(weight, value, variance)
    for player, hits, n in zip(DATA["player"], HITS, AT_BATS, strict=True):
        ability = (hits + a) / (n + kappa)
        rows[f"ability[{player}]"] = _moments(weight, ability, ability * (1 - ability) / (n + kappa + 1))
        expected[f"ability[{player}]"] = _moments(weight, ability, 0.0)
    frames = [pd.DataFrame(table, index=["mean", "sd"]).T for table in (rows, {**rows, **expected})]
    return Exact(*frames)


def _moments(weight: np.ndarray, value: np.ndarray, variance: np.ndarray | float) -> tuple[float, float]:
    first = (weight * value).sum()
    return first, np.sqrt((weight * (value**2 + variance)).sum() - first**2)


def test_builds() -> None:
    model = assert_builds(baseball, explicit_logp)
    assert model.named_vars_to_dims["ability"] == ("player",)
    assert model.coords["player"][0] == "Roberto Clemente"


def test_integrated() -> None:
    model = assert_builds(baseball, integrated_logp, abilities="integrated")
    assert [v.name for v in model.free_RVs] == ["mean", "kappa"]
    assert model.named_vars_to_dims["ability"] == ("player",)


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(baseball, {"abilities": "implicit"}, "'explicit' or 'integrated'")
    assert_refuses(baseball, {"kappa_sd": 0}, "above 0")
    assert_refuses_data(baseball, {"hits": [3]}, "no column 'at_bats'")
    assert_refuses_data(baseball, {"hits": [3, 5], "at_bats": [4, 4]}, "more 'hits' than 'at_bats'", "row 1", "5 in 4")
    assert_refuses_data(baseball, {"hits": [3.5], "at_bats": [4]}, "'hits' are not whole numbers")
    assert baseball({"hits": [3, 1], "at_bats": [9, 9]}).coords["player"] == (1, 2)


def test_james_stein_is_efron_and_morris_own() -> None:
    """What the paper states of its data: on the arcsine scale 0.209 of a player's deviation is kept; squared errors."""
    x = np.sqrt(45) * np.arcsin(2 * HITS / AT_BATS - 1)
    shrinkage = (len(x) - 3) / ((x - x.mean()) ** 2).sum()
    assert round(1 - shrinkage, 3) == 0.209
    # Totals of squared errors in the rest of the season, in units of a measurement's variance; the paper works with
    # averages of three digits, which moves them by about 0.01.
    rest = np.array(DATA["rest_hits"]) / np.array(DATA["rest_at_bats"])
    theta = np.sqrt(45) * np.arcsin(2 * rest - 1)
    stein = x.mean() + (1 - shrinkage) * (x - x.mean())
    assert ((x - theta) ** 2).sum() == pytest.approx(17.56, abs=0.02)
    assert ((stein - theta) ** 2).sum() == pytest.approx(5.01, abs=0.02)


def test_explicit_mode_is_one_ability_for_all() -> None:
    fit = bc.fit(baseball, "map")
    assert fit.ok
    abilities = [value for name, value in fit.values.items() if name.startswith("ability[")]
    assert np.ptp(abilities) < 0.001
    # To leading order in 1/kappa the eighteen densities at their common top give +9 log kappa.
    assert np.log(fit.values["kappa"]) == pytest.approx(5 + 8 * SD**2, abs=0.02)


def test_integrated_mode_is_scipys() -> None:
    def objective(x: np.ndarray) -> float:
        return -integrated_logp({"mean": special.expit(x[0]), "kappa": np.exp(x[1])})

    found = optimize.minimize(objective, [-1.0, 5.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    fit = bc.fit(baseball(abilities="integrated"), "map")
    assert fit.ok
    assert fit.values["mean"] == pytest.approx(special.expit(found.x[0]), rel=1e-5)
    assert fit.values["kappa"] == pytest.approx(np.exp(found.x[1]), rel=1e-5)


@pytest.mark.slow
def test_the_docstring_is_true() -> None:
    known = exact().known
    assert [round(x, -1) for x in known.loc["kappa"]] == [240, 200]
    means = known["mean"].iloc[2:].to_numpy()
    assert (round(means.min(), 2), round(means.max(), 2)) == (0.24, 0.29)
    explicit, integrated = (bc.fit(baseball(abilities=a), "map").values for a in ("explicit", "integrated"))
    assert (round(explicit["kappa"], -2), round(integrated["kappa"])) == (24_600, 116)
    assert round(integrated["ability[Roberto Clemente]"], 3) == 0.303
    assert round(integrated["ability[Max Alvis]"], 3) == 0.234
    rest = np.array(DATA["rest_hits"]) / np.array(DATA["rest_at_bats"])
    assert round(rest[DATA["player"].index("Walt Williams")], 3) == 0.256

    def squared_error(values: dict[str, float]) -> float:
        return round(np.mean((np.array([values[f"ability[{p}]"] for p in DATA["player"]]) - rest) ** 2), 4)

    raw = {f"ability[{p}]": h / n for p, h, n in zip(DATA["player"], HITS, AT_BATS, strict=True)}
    estimates = (raw, explicit, integrated, dict(known["mean"]))
    assert [squared_error(e) for e in estimates] == [0.0042, 0.0014, 0.0012, 0.0012]


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(baseball, random_seed=1)
    assert_posterior(result.table, exact().known)
    assert result.table.loc["kappa", "rank"] == 1
    assert str(result.verdict.layers["location"].state) == "differs"


@pytest.mark.slow
def test_full_run_integrated() -> None:
    result = bc.compare(baseball(abilities="integrated"), random_seed=1)
    assert_posterior(result.table, exact().expected)
