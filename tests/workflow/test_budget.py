"""What the stages after the sampling may cost: halved, or left out with the reason, and told."""

from __future__ import annotations

import math

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.workflow.budget import SHARES, Budget, duration
from bayescompare.workflow.options import CompareOptions

Y = np.random.default_rng(16).normal(0.5, 1.0, 30)


def test_without_a_limit_all_is_done() -> None:
    budget = Budget()
    assert budget.afford("path", 21, 1e9, "points") == 21
    assert budget.findings() == ()


def test_counts_are_halved_until_they_fit() -> None:
    budget = Budget(seconds=100.0)
    each = SHARES["path"] * 100.0 / 6  # six points fit
    assert budget.afford("path", 21, each, "points", least=5) == 5
    assert "5 points were used: 21 points would take about 35 s" in budget.thinned["path"]
    assert budget.left_out == {}


def test_what_is_too_little_is_left_out_with_its_time() -> None:
    budget = Budget(seconds=10.0)
    assert budget.afford("prediction", 4000, 0.18, "draws", least=100) == 0
    assert "4,000 draws would take about 12 min" in budget.left_out["prediction"]
    (finding,) = budget.findings()
    assert (finding["code"], finding["variable"]) == ("not_computed", "prediction")


@pytest.mark.parametrize(("seconds", "words"), [(0.01, "1 s"), (99.0, "99 s"), (720.0, "12 min"), (10800.0, "3 h")])
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("seconds", [1e-9, math.inf])
def test_a_comparison_without_time_says_what_it_left_out(seconds: float) -> None:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=Y)
    sampler = SamplerOptions(draws=200, tune=200, chains=2)
    result = bc.compare(model, options=CompareOptions(sampler=sampler, seconds=seconds))
    left_out = {f["variable"] for f in result.findings if f["code"] == "not_computed"}
    if seconds == math.inf:
        assert left_out == set()
        assert math.isfinite(result.prediction["elpd_diff"]["value"])
    else:
        assert left_out == {"basins", "prediction", "path"}
        assert "left out" in result.prediction["elpd_diff"]["reason"]["text"]
        assert "left out" in result.joint["outside"]["reason"]["text"]
    assert result.table.loc["mu", "mean"] == pytest.approx(
        Y.sum() / 31, abs=0.1
    )  # the posterior stands: N(Σy/31, 1/31)


def test_what_takes_long_is_told_with_its_count_and_time() -> None:
    told: list[str] = []
    budget = Budget(100.0, tell=told.append)
    budget.afford("basins", 64, 0.2, "climbs from draws")
    budget.afford("path", 20, 0.01, "points of the path")
    assert told == ["Comparing: 64 climbs from draws, about 13 s"]
