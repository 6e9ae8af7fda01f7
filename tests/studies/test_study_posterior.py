"""Truths from the posterior of the data at hand, against closed forms; methods one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.errors import FitError, UnsupportedModelError, UsageError
from bayescompare.studies.posterior_truth import REPLICATED, conditioned, drawer
from bayescompare.studies.swappable import swappable
from tests.studies import conjugate, plain_models

Y = np.array([1.0, 3.0, 2.0, 2.5])
SHORT = bc.SamplerOptions(draws=500, tune=500, chains=2)


def known() -> pm.Model:
    """The posterior of mu is N(Σy/5, 1/5), and N((Σy + Σy′)/9, 1/9) with as many replicated data."""
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=Y)
    return model


def improper() -> pm.Model:
    """A flat prior, and a Potential that is one: neither can be drawn from, and both have a posterior."""
    with pm.Model() as model:
        mu, tau = pm.Flat("mu"), pm.Normal("tau", 0.0, 1.0)
        pm.Potential("soft", -((mu - tau) ** 2))
        pm.Normal("y", mu, 1.0, observed=pm.Data("y_data", Y))
    return model


def test_the_fit_is_to_the_data_at_hand_and_to_the_replicated_ones() -> None:
    problem = bc.Problem(conditioned(swappable(known())))
    new = np.array([0.0, 1.0, -1.0, 0.5])
    found = bc.fit(problem.with_data(**{f"y{REPLICATED}": new}), "laplace")
    exact = (Y.sum() + new.sum()) / 9
    assert bc.fit(problem.with_data(**{f"y{REPLICATED}": new}), "map").values["mu"] == pytest.approx(exact, abs=1e-6)
    assert found.draws is not None
    assert found.draws.std() == pytest.approx(1 / 3, abs=4 / 3 / np.sqrt(2 * 4000))


def test_truths_are_draws_of_the_posterior_and_data_are_made_of_them() -> None:
    draw = drawer(swappable(known()), 1, SHORT)
    found = [draw(seed) for seed in range(400)]
    mu = np.array([parameters["mu"] for parameters, _ in found])
    y = np.array([data[f"y{REPLICATED}"] for _, data in found])
    assert mu.mean() == pytest.approx(Y.sum() / 5, abs=4 * np.sqrt(0.2) * np.sqrt(1 / 400 + 1 / 300))
    assert mu.std() == pytest.approx(np.sqrt(0.2), rel=4 * np.sqrt(1 / 800 + 1 / 600))
    noise = y - mu[:, None]
    assert noise.mean() == pytest.approx(0, abs=4 / np.sqrt(1600))
    assert noise.std() == pytest.approx(1, rel=4 / np.sqrt(3200))
    assert draw(3)[1][f"y{REPLICATED}"].tolist() == y[3].tolist()


def test_an_exact_method_is_calibrated_here() -> None:
    """Laplace of a normal posterior is exact: 512 ranks, uniform; MAP ± z sd covers what it says."""
    asked: dict[str, Any] = {"methods": ("map_laplace",), "replicates": 512, "truth": "posterior", "sampler": SHORT}
    result = bc.study(known, executor="serial", levels=(0.5, 0.8), **asked)
    found = {row.measure: row for row in result.rows()}
    assert found["sbc_p"].value > 0.001
    assert found["sbc_asymmetry_p"].value > 0.001
    assert found["sbc_bias"].value == pytest.approx(0, abs=4 / np.sqrt(12 * 512))
    for level in (0.5, 0.8):
        error = np.sqrt(level * (1 - level) / 512)
        assert found[f"coverage_{100 * level:g}"].value == pytest.approx(level, abs=4 * error)


def test_what_has_a_posterior_but_no_prior_to_draw_from() -> None:
    asked: dict[str, Any] = {"methods": ("map_laplace",), "replicates": 3, "truth": "posterior", "sampler": SHORT}
    assert bc.study(improper, executor="serial", **asked).failed == 0


def test_what_cannot_be_replicated_is_refused() -> None:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Potential("likelihood", -(((Y - mu) ** 2).sum()) / 2)
    with pytest.raises(UnsupportedModelError, match="no observed variable"):
        conditioned(model)
    with pytest.raises(UnsupportedModelError, match="CustomDist y has no random method"):
        bc.study(plain_models.custom, truth="posterior", executor="serial")
    with pytest.raises(UsageError, match="cannot be had with elpd"):
        bc.Plan("wells", truth="posterior", elpd=True)
    with pytest.raises(FitError, match="NUTS is not to be trusted"):
        drawer(swappable(known()), 1, bc.SamplerOptions(draws=1000, tune=1, chains=1))


SINGLE = ("marginal_map", "marginal_laplace", "pathfinder", "advi", "fullrank_advi")


def test_every_method_is_an_arm(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"executor": "serial", "replicates": 2, "grid": {"groups": (4,), "prior": (1.0,)}}
    first = bc.study(conjugate.grouped, store=tmp_path / "a.study", methods=("map_laplace",), **asked)
    before = first.cells()
    wider = bc.study(conjugate.grouped, store=tmp_path / "a.study", methods=("map_laplace", *SINGLE), **asked)
    after = wider.cells()
    assert set(after["method"]) == {"map_laplace", *SINGLE}
    same = ["truth", "estimate", "sd", "rank", "status"]
    own = after[after["method"] == "map_laplace"].reset_index(drop=True)
    assert own[same].equals(before[same])
    fitted = after[(after["status"] != "failed") & after["parameter"].isin(("mu", "tau"))]
    assert set(fitted["method"]) == {"map_laplace", *SINGLE}
    assert np.isfinite(fitted[["truth", "estimate"]].to_numpy()).all()
    drawn = fitted[~fitted["method"].isin(("map_laplace", "marginal_map"))]  # a mode at tau = 0 has no sd
    assert np.isfinite(drawn[["sd", "rank", "lower_90", "upper_90"]].to_numpy()).all()
