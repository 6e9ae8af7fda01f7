"""The banana: against quadrature over the amplitude, given which the level is normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.banana import banana
from scipy import stats

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

Y = np.array(load("banana")["y"])


def logp(p: Point) -> float:
    prior = stats.norm(0, 2)
    return float(
        prior.logpdf(p["level"])
        + prior.logpdf(p["amplitude"])
        + stats.norm(p["level"] + p["amplitude"] ** 2, 1).logpdf(Y).sum()
    )


@dataclass(frozen=True)
class Exact:
    """Posterior figures by quadrature, prior sd 2 and noise 1."""

    known: pd.DataFrame
    map: float
    below_map: float


def exact() -> Exact:
    tau, error = 2.0, 1 / np.sqrt(len(Y))
    b = np.linspace(-12, 12, 100_001)
    log_weight = stats.norm.logpdf(Y.mean() - b**2, 0, np.hypot(error, tau)) + stats.norm.logpdf(b, 0, tau)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    precision = 1 / tau**2 + 1 / error**2
    level = (Y.mean() - b**2) / error**2 / precision
    mean = {"level": weight @ level, "amplitude": weight @ b, "size": weight @ abs(b)}
    square = {"level": weight @ level**2 + 1 / precision, "amplitude": weight @ b**2, "size": weight @ b**2}
    known = pd.DataFrame({"mean": mean, "sd": {k: np.sqrt(square[k] - mean[k] ** 2) for k in mean}})
    top = Y.mean() / error**2 / precision
    return Exact(known, top, weight @ stats.norm.cdf((top - level) * np.sqrt(precision)))


def test_builds() -> None:
    model = assert_builds(banana, logp)
    assert model.named_vars_to_dims["y"] == ("measurement",)
    assert [v.name for v in model.free_RVs] == ["level", "amplitude"]


def test_the_data_are_what_their_source_says() -> None:
    np.testing.assert_array_equal(Y, np.random.default_rng(2026).normal(-1 + 1.0**2, 1, 25).round(2))


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(banana, {"noise": 0}, "above 0")
    assert_refuses(banana, {"prior_scale": float("nan")}, "finite number")
    assert_refuses_data(banana, {"y": [float("nan")]}, "not finite")
    assert banana({"y": [0.1, 0.3]}).coords["measurement"] == (1, 2)


def test_mode_is_the_tip() -> None:
    fit = bc.fit(banana(), "map")
    assert fit.ok
    assert fit.values["level"] == pytest.approx(exact().map, rel=1e-6)
    assert fit.values["amplitude"] == pytest.approx(0, abs=1e-6)


def test_above_one_half_the_mode_splits() -> None:
    # With prior sd 2 and noise 1, exact up to the ridge's width: level 1/2, amplitude² = mean - 1/2.
    fit = bc.fit(banana({"y": np.full(400, 2.5)}), "map")
    assert fit.values["level"] == pytest.approx(0.5, rel=1e-6)
    assert fit.values["size"] == pytest.approx(np.sqrt(2.0), rel=0.001)


def test_the_docstring_is_true() -> None:
    known, below = exact().known, exact().below_map
    assert round(known["mean"]["level"], 2) == -0.87
    assert round(below, 2) == 0.86
    assert [round(known[c]["size"], 2) for c in ("mean", "sd")] == [0.76, 0.50]
    # -∇² of the log density at the tip: diagonal, 1/4 + 25 for the level, 1/4 - 2·25·(mean - level) for the amplitude.
    curvature = {"level": 0.25 + 25, "amplitude": 0.25 - 50 * (Y.mean() - exact().map)}
    ratio = {name: known["sd"][name] * np.sqrt(curvature[name]) for name in curvature}
    assert round(ratio["level"], 1) == 4.8
    assert round(1 / ratio["amplitude"], 1) == 2.1
    assert round(exact().map, 2) == -0.06


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(banana, random_seed=1)
    assert_posterior(result.table, exact().known)
    level = result.table.loc["level"]
    assert abs(level["rank"] - exact().below_map) <= 5 * level["rank_mcse"]
    assert str(result.verdict.overall.state) == "differs"
    assert str(result.verdict.layers["spread"].state) == "differs"
