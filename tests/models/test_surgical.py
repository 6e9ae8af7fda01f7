"""Hospital ranking: against quadrature over mean and spread, given which hospitals are independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.surgical import surgical
from scipy import special, stats

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

DATA = load("surgical")
HOSPITALS = DATA["hospital"]
DEATHS, OPERATIONS = np.array(DATA["deaths"]), np.array(DATA["operations"])


def logp(p: Point) -> float:
    b = p["mu"] + p["sigma"] * p["b_t"]
    return float(
        stats.norm(-2.5, 1).logpdf(p["mu"])
        + stats.halfnorm.logpdf(p["sigma"])
        + stats.norm.logpdf(p["b_t"]).sum()
        + stats.binom(OPERATIONS, special.expit(b)).logpmf(DEATHS).sum()
    )


@dataclass(frozen=True)
class Exact:
    """Posterior figures by quadrature; ``last`` is each hospital's probability of place 12, ``place`` J's law."""

    known: pd.DataFrame
    last: np.ndarray
    place: np.ndarray


def exact() -> Exact:
    b = np.linspace(-8, 0.5, 426)
    likelihood = stats.binom(OPERATIONS[:, None], special.expit(b)).pmf(DEATHS[:, None])
    likelihood /= likelihood.max(axis=1, keepdims=True)
    mu, sigma = np.linspace(-3.8, -1.3, 26), np.linspace(0.02, 2.5, 63)
    points = [(m, s) for m in mu for s in sigma]
    weights, sums = [], []
    j = HOSPITALS.index("J")
    for m, s in points:
        joint = likelihood * stats.norm(m, s).pdf(b)
        evidence = joint.sum(axis=1)
        density = joint / evidence[:, None]
        below = np.cumsum(density, axis=1) - density / 2
        weights.append(stats.norm(-2.5, 1).logpdf(m) + stats.halfnorm.logpdf(s) + np.log(evidence).sum())
        place = 1 + (below.sum(axis=0) * density).sum(axis=1) - 0.5  # less its own half
        # The square of a place needs pairs of hospitals: sums and sums of squares of independent indicators.
        total, squares = below.sum(axis=0) - below, (below * (1 - below)).sum(axis=0) - below * (1 - below)
        place_square = (((1 + total) ** 2 + squares) * density).sum(axis=1)
        others = np.delete(below, j, axis=0)
        sums.append(
            {
                "b": (density @ b, density @ b**2),
                "mortality": (density @ special.expit(b), density @ special.expit(b) ** 2),
                "place": (place, place_square),
                "last": (np.exp(np.log(below + 1e-300).sum(axis=0) - np.log(below + 1e-300)) * density).sum(axis=1),
                "law": _poisson_binomial(others) @ density[j],
            }
        )
    w = np.exp(np.array(weights) - max(weights))
    w /= w.sum()
    grid = np.array(points)
    rows = {
        "mu": (w @ grid[:, 0], w @ grid[:, 0] ** 2),
        "sigma": (w @ grid[:, 1], w @ grid[:, 1] ** 2),
    }
    for name in ("b", "mortality", "place"):
        first, second = (np.einsum("i,ij->j", w, [s[name][k] for s in sums]) for k in (0, 1))
        rows |= {f"{name}[{h}]": (first[i], second[i]) for i, h in enumerate(HOSPITALS)}
    known = pd.DataFrame({k: {"mean": a, "sd": np.sqrt(c - a**2)} for k, (a, c) in rows.items()}).T
    average = {name: np.einsum("i,ij->j", w, [s[name] for s in sums]) for name in ("last", "law")}
    return Exact(known, average["last"], average["law"])


def _poisson_binomial(p: np.ndarray) -> np.ndarray:
    """Law of the number of successes of independent trials, columnwise: shape (trials + 1, columns)."""
    law = np.zeros((len(p) + 1, p.shape[1]))
    law[0] = 1
    for row in p:
        law[1:] = law[1:] * (1 - row) + law[:-1] * row
        law[0] *= 1 - row
    return law


def test_builds() -> None:
    model = assert_builds(surgical, logp)
    for name in ("b_t", "mortality", "place", "deaths"):
        assert model.named_vars_to_dims[name] == ("hospital",)
    assert model.coords["hospital"] == tuple("ABCDEFGHIJKL")


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(surgical, {"prior_scale": 0.0}, "above 0")
    assert_refuses_data(surgical, {"deaths": [1]}, "no column 'operations'")
    assert_refuses_data(surgical, {"deaths": [1, 9], "operations": [5, 8]}, "more 'deaths' than 'operations'")
    assert_refuses_data(surgical, {"deaths": [1], "operations": [0]}, "'operations' are not above 0")
    own = surgical({"deaths": [1, 2], "operations": [50, 20], "hospital": ["north", "south"]})
    assert own.coords["hospital"] == ("north", "south")


def test_places_are_ranks_and_ties_share_the_better() -> None:
    model = surgical({"deaths": [2, 1, 2, 3], "operations": [50, 50, 50, 50]})
    (place,) = model.replace_rvs_by_values([model["place"]])
    point = {"mu": -2.0, "sigma_log__": 0.0, "b_t": np.array([0.3, -1.0, 0.3, 1.0])}
    found = model.compile_fn(place, mode="FAST_COMPILE", on_unused_input="ignore")(point)
    np.testing.assert_array_equal(found, [2, 1, 2, 4])


def test_map_is_scipys() -> None:
    from scipy.optimize import minimize

    def objective(x: np.ndarray) -> float:
        return -logp({"mu": x[0], "sigma": np.exp(x[1]), "b_t": x[2:]})

    found = minimize(objective, np.r_[-2.5, 0.0, np.zeros(12)], method="BFGS", options={"gtol": 1e-6})
    fit = bc.fit(surgical, "map")
    assert fit.ok
    assert fit.values["sigma"] == pytest.approx(np.exp(found.x[1]), rel=1e-4)
    rates = special.expit(found.x[0] + np.exp(found.x[1]) * found.x[2:])
    np.testing.assert_allclose([fit.values[f"mortality[{h}]"] for h in HOSPITALS], rates, rtol=1e-3)
    order = np.argsort(np.argsort(rates)) + 1
    np.testing.assert_array_equal([fit.values[f"place[{h}]"] for h in HOSPITALS], order)


@pytest.mark.slow
def test_the_docstring_is_true() -> None:
    found = exact()
    cumulative = np.cumsum(found.place)
    assert [1 + int((cumulative < p).sum()) for p in (0.05, 0.95)] == [2, 11]
    assert round(found.last[HOSPITALS.index("H")], 2) == 0.64
    assert [round(x, 2) for x in found.known.loc["sigma"]] == [0.45, 0.16]
    assert [round(100 * x, 1) for x in found.known.loc["mortality[A]"]] == [5.1, 2.0]
    mode = bc.fit(surgical, "map").values
    assert (round(mode["sigma"], 2), round(100 * mode["mortality[A]"], 1), mode["place[J]"]) == (1.42, 1.6, 9)
    places = [mode[f"place[{h}]"] for h in HOSPITALS]
    np.testing.assert_array_equal(places, stats.rankdata(DEATHS / OPERATIONS))
    assert round(bc.fit(surgical(prior_scale=0.2), "map").values["sigma"], 2) == 0.48


@pytest.mark.slow
def test_full_run() -> None:
    known = exact()
    result = bc.compare(surgical, random_seed=1)
    assert_posterior(result.table, known.known)
    assert result.table.loc["sigma", "rank"] > 0.99
    assert str(result.verdict.layers["location"].state) == "differs"
