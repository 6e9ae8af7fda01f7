"""What NUTS will cost is said before it is paid, and a budget is kept to."""

from __future__ import annotations

import math
import time

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.errors import UsageError
from bayescompare.methods.machine_code import evaluation
from bayescompare.methods.nutpie import machine_coded
from bayescompare.metrics.price import Basis
from bayescompare.model.problem import Problem
from bayescompare.workflow import price
from bayescompare.workflow.options import CompareOptions
from bayescompare.workflow.price import told
from bayescompare.workflow.within import FEWEST, Within, parse

Y = np.random.default_rng(7).normal(0.5, 1.0, 20)
SLOW = Basis(gradients=10.0, gradient_seconds=1e-3, compile_seconds=1.0, chains=2, cores=2)


def model() -> pm.Model:
    with pm.Model() as found:
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=Y)
    return found


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("5 min", 300), ("2h", 7200), (90, 90), ("0.5s", 0.5)])
def test_a_budget_is_a_time(text: str, seconds: float) -> None:
    assert parse(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "0", "1 day", "inf"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 60s"):
        parse(text)


def test_draws_are_halved_until_they_fit_and_that_is_said() -> None:
    asked = bc.SamplerOptions()
    fitted, (finding,) = Within(20.0, time.perf_counter()).sampler(SLOW, asked)
    assert (fitted.draws, fitted.tune) == (500, 500)
    assert finding["what"].startswith("500 of 1,000 draws a chain were made: all would take about 24 s")
    assert Within(1000.0, time.perf_counter()).sampler(SLOW, asked) == (asked, ())


def test_where_even_the_fewest_do_not_fit_it_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match=f"even {FEWEST} draws a chain would take about 7 s.*triage"):
        Within(5.0, time.perf_counter()).sampler(SLOW, bc.SamplerOptions())


@pytest.mark.parametrize("more", [{"seconds": 9.0}, {"until_settled": True}])
def test_a_budget_and_what_it_takes_the_place_of_contradict_each_other(more: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="contradict each other"):
        CompareOptions(whole=60.0, **more)  # type: ignore[arg-type]


def test_triage_and_comparison_know_the_price() -> None:
    found = bc.triage(model())
    assert found.price is not None
    assert found.price.lower < found.price.seconds < found.price.upper < math.inf
    assert found.to_dict()["price"]["seconds"] == found.price.seconds
    assert told(found.price).startswith("about ")
    result = bc.compare(model(), budget="10min", draws=300, tune=300, chains=2)
    assert result.provenance["cost"]["price"]["gradients"] == pytest.approx(found.price.gradients)
    assert result.settings["whole"] == 600


def test_a_long_run_is_priced_by_the_sampler_s_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it takes to compile is NUTS's own, and is not said to be paid again."""
    problem = Problem(model())
    assert evaluation(problem.density, machine_coded(problem.density)[0])() == 0
    monkeypatch.setattr(price, "LONG", 0.0)
    result = bc.compare(model(), draws=300, tune=300, chains=2)
    assert result.provenance["cost"]["price"]["compile_seconds"] == 0.0
    assert result.fits["nuts"].compile_seconds > 0.0


def test_a_comparison_that_leaves_no_time_for_nuts_is_refused() -> None:
    with pytest.raises(UsageError, match="NUTS does not fit"):
        bc.compare(model(), budget=1e-3, draws=10**9)
