"""Pilots: against quadrature over the three scales, all effects integrated out of the balanced design."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.pilots import pilots
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

DATA = {name: np.array(column) for name, column in load("pilots").items()}
TREATMENT, AIRPORT, RECOVERED = DATA["treatment"] - 1, DATA["airport"] - 1, DATA["recovered"]
#: Treatments by airports.
TABLE = RECOVERED[np.lexsort((AIRPORT, TREATMENT))].reshape(5, 8)


def logp(p: Point) -> float:
    scales = [p[f"sigma_{name}"] for name in ("treatment", "airport", "y")]
    mean = p["mu"] + scales[0] * p["treatment_t"][TREATMENT] + scales[1] * p["airport_t"][AIRPORT]
    return float(
        stats.norm(0.5, 0.5).logpdf(p["mu"])
        + stats.halfnorm.logpdf(scales).sum()
        + stats.norm.logpdf(p["treatment_t"]).sum()
        + stats.norm.logpdf(p["airport_t"]).sum()
        + stats.norm(mean, scales[2]).logpdf(RECOVERED).sum()
    )


def sums_of_squares() -> tuple[float, float, float, float]:
    """Of treatments (4 degrees of freedom), airports (7) and the rest (28); and the grand mean."""
    grand = TABLE.mean()
    rows, columns = TABLE.mean(axis=1) - grand, TABLE.mean(axis=0) - grand
    rest = TABLE - grand - rows[:, None] - columns
    return 8 * (rows**2).sum(), 5 * (columns**2).sum(), (rest**2).sum(), grand


def exact() -> pd.DataFrame:
    """Posterior means and sds by quadrature; the square roots of two scales spread the grid where they are small."""
    of_treatments, of_airports, of_rest, grand = sums_of_squares()
    root = np.linspace(0.001, 1.3, 200)
    treatment, t_step = (root**2)[:, None, None], np.log(root)[:, None, None]
    airport = np.exp(np.linspace(np.log(0.08), np.log(3), 150))[None, :, None]
    noise = np.linspace(0.13, 0.45, 90)[None, None, :]
    v, v_t, v_a = noise**2, noise**2 + 8 * treatment**2, noise**2 + 5 * airport**2
    total = (v_t + v_a - v) / 40 + 0.25
    log = -0.5 * (28 * np.log(v) + of_rest / v + 4 * np.log(v_t) + of_treatments / v_t)
    log = log - 0.5 * (7 * np.log(v_a) + of_airports / v_a + np.log(total) + (grand - 0.5) ** 2 / total)
    log = log - 0.5 * (treatment**2 + airport**2 + noise**2) + t_step + np.log(airport)
    weight = np.exp(log - log.max())
    weight /= weight.sum()

    error = total - 0.25  # of the grand mean, given the scales
    mu = (0.5 * error + 0.25 * grand) / total
    variances = treatment**2, airport**2, noise**2
    rows = {
        "mu": (mu, mu**2 + 0.25 * error / total),
        "sigma_treatment": (treatment, treatment**2),
        "sigma_airport": (airport, airport**2),
        "sigma_y": (noise, noise**2),
    }
    for name, part in zip(("treatment", "airport", "noise"), variances, strict=True):
        share = part / sum(variances)
        rows[f"share[{name}]"] = (share, share**2)
    moments = {name: [(weight * x).sum() for x in pair] for name, pair in rows.items()}
    return pd.DataFrame({name: {"mean": a, "sd": np.sqrt(b - a**2)} for name, (a, b) in moments.items()}).T


def test_builds() -> None:
    model = assert_builds(pilots, logp)
    assert model.named_vars_to_dims["treatment_t"] == ("treatment",)
    assert model.named_vars_to_dims["airport_t"] == ("airport",)
    assert model.coords["source"] == ("treatment", "airport", "noise")


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(pilots, {"prior_scale": 0}, "above 0")
    assert_refuses_data(pilots, {"recovered": [0.5], "treatment": [1]}, "no column 'airport'")
    below = {"recovered": [-0.5], "treatment": [1], "airport": [1]}
    assert_refuses_data(pilots, below, "'recovered' are not 0 or above")
    wrong = {"recovered": [0.5, 1], "treatment": [1, 2], "airport": [1]}
    assert_refuses_data(pilots, wrong, "recovered 2, treatment 2, airport 1")
    own = pilots({"recovered": [0.5, 1, 0, 1], "treatment": ["a", "a", "b", "b"], "airport": ["x", "y", "x", "y"]})
    assert (own.coords["treatment"], own.coords["airport"]) == (("a", "b"), ("x", "y"))


def test_map_is_scipys() -> None:
    """The joint mode by another way: given the scales everything else is linear, so three are left to search."""
    X = np.column_stack([np.ones(40), np.eye(5)[TREATMENT], np.eye(8)[AIRPORT]])

    def best(x: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        treatment, airport, noise = np.exp(x)
        scale = np.r_[0.5, np.full(5, treatment), np.full(8, airport)]
        A = X * scale
        t = np.linalg.solve(A.T @ A + noise**2 * np.eye(14), A.T @ (RECOVERED - 0.5))
        p = {"mu": 0.5 + 0.5 * t[0], "sigma_treatment": treatment, "sigma_airport": airport, "sigma_y": noise}
        p |= {"treatment_t": t[1:6], "airport_t": t[6:]}
        return logp(p), p

    options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 9999}
    found = optimize.minimize(lambda x: -best(x)[0], np.log([0.2, 0.5, 0.2]), method="Nelder-Mead", options=options)
    expected = best(found.x)[1]
    fit = bc.fit(pilots, "map")
    assert fit.ok
    for name in ("mu", "sigma_treatment", "sigma_airport", "sigma_y"):
        assert fit.values[name] == pytest.approx(expected[name], rel=1e-5)


@pytest.mark.slow
def test_the_docstring_is_true() -> None:
    known = exact().round(2).T.to_dict("list")
    assert known["sigma_treatment"] == pytest.approx([0.06, 0.07])
    assert known["sigma_airport"] == pytest.approx([0.38, 0.13])
    assert [known[f"share[{s}]"][0] for s in ("treatment", "noise")] == pytest.approx([0.03, 0.28])
    mode = bc.fit(pilots, "map").values
    assert [round(mode[f"sigma_{s}"], 2) for s in ("treatment", "airport")] == [0.31, 0.94]
    assert [round(mode[f"share[{s}]"], 2) for s in ("treatment", "noise")] == [0.09, 0.03]
    assert round(bc.fit(pilots, "unconstrained_map").values["sigma_treatment"], 1) == 1.0


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(pilots, random_seed=1)
    assert_posterior(result.table, exact())
    assert result.table.loc[["sigma_treatment", "sigma_airport"], "rank"].min() > 0.97
    assert str(result.verdict.layers["location"].state) == "differs"
