"""What is advised where the MAP will not do, and that the line that does it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

import bayescompare as bc
from bayescompare.codes import Code
from bayescompare.metrics.verdict import Layer, Overall, State, Verdict
from bayescompare.reasons import Reason
from bayescompare.results.comparison import Comparison
from bayescompare.results.fit import Fit, Status
from bayescompare.results.remedy import remedy
from bayescompare.templates import get
from tests.report import factory
from tests.report.test_ladder_in_words import NUTS, RUNGS, rung

pd = pytest.importorskip("pandas")


def comparison(cause: Reason | None, rungs: tuple[dict[str, Any], ...] = (), marginal: float = np.nan) -> Comparison:
    """A scale with its MAP at 0, its mean at 0.4 and its marginal mode where it is told."""
    columns = {"map": [0.0], "map_unconstrained": [0.9], "marginal_map": [marginal], "mean": [0.4]}
    location = Layer("location", State.DIFFERS, "", scalar="tau")
    found = {"latent": ["theta"], "hyperparameters": ["tau"]}
    names = ("tau",)
    return replace(
        factory.make(),
        fits={
            "unconstrained_map": Fit("map", Status.OK, (), names, np.ones(1), diagnostics={"modes": [{}]}),
            "laplace": Fit("laplace", Status.OK, (), names, np.ones(1), diagnostics={"k_hat": 0.9}),
            "marginal_map": Fit("marginal_map", Status.OK, (), names, np.array([marginal]), diagnostics=found),
            "marginal_laplace": Fit("marginal_laplace", Status.OK, (), names, np.ones(1), diagnostics={"k_hat": 0.3}),
        },
        table=pd.DataFrame(columns, index=["tau"]),
        verdict=Verdict(
            Overall(State.DIFFERS, "No.", "", "Report it.", "location"),
            {"sampler": Layer("sampler", State.SOUND, ""), "location": location},
        ),
        rungs=rungs,
        display={"cause": None if cause is None else cause.to_json()},
    )


def test_what_is_enough_comes_first_with_both_costs() -> None:
    found = remedy(comparison(Reason(Code.AT_EDGE, ("tau",), {"at": 0.0}), RUNGS))
    assert found is not None
    assert found.text.endswith("matches the posterior in location and spread, in 0.4 s where NUTS took 12 s.")
    assert found.code == 'bc.fit(model, "laplace").diagnostics["psis"]'
    without = remedy(comparison(None, RUNGS), clock=False)
    assert without is not None
    assert without.text == "Marginal Laplace matches the posterior in location and spread."


def test_where_the_verdict_is_the_same_nothing_is_advised() -> None:
    c = comparison(None, RUNGS)
    overall = replace(c.verdict.overall, state=State.SAME)
    assert remedy(replace(c, verdict=replace(c.verdict, overall=overall))) is None


@pytest.mark.parametrize(("marginal", "method"), [(0.32, "marginal_map"), (0.0, None), (np.nan, None)])
def test_at_an_edge_it_is_the_marginal_mode_if_that_is_nearer(marginal: float, method: str | None) -> None:
    rungs = (rung("marginal_map", 0.2, "same", "not_computed", "not_computed"), NUTS)
    found = remedy(comparison(Reason(Code.AT_EDGE, ("tau",), {"at": 0.0}), rungs, marginal))
    assert (found is None) is (method is None)
    if found is not None:
        said = "With theta integrated out the mode of tau is 0.32, in 0.2 s where NUTS took 12 s."
        assert (found.text, found.code) == (said, 'bc.fit(model, "marginal_map")')


def test_where_nuts_failed_it_is_a_method_that_is_sound_by_its_own_checks() -> None:
    c = comparison(None)
    layers = {**c.verdict.layers, "sampler": Layer("sampler", State.FAILED, "")}
    overall = replace(c.verdict.overall, state=State.NO_VERDICT)
    found = remedy(replace(c, verdict=Verdict(overall, layers)))
    assert found is not None
    assert found.text == "Marginal Laplace is sound by its own checks (k-hat 0.30)."
    assert found.code == 'bc.fit(model, "marginal_laplace")'


def edge() -> pm.Model:
    return get("eight_schools")()


def modes() -> pm.Model:
    with pm.Model() as model:
        pm.NormalMixture("x", w=[0.6, 0.4], mu=[-1.7, 1.7], sigma=1.0)
        pm.Potential("no_data", pt.zeros(()))
    return model


def skewed() -> pm.Model:
    with pm.Model() as model:
        rate = pm.Gamma("rate", 0.1, 0.1)
        pm.Poisson("y", rate, observed=[2])
    return model


def weak() -> pm.Model:
    with pm.Model() as model:
        pm.Gamma("rate", 1.5, 1.0)
        pm.Potential("no_data", pt.zeros(()))
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "codes"),
    [
        (edge, {Code.AT_EDGE, Code.LATENT_VOLUME}),
        (modes, {Code.SEVERAL_MODES}),
        (skewed, {Code.SKEWED}),
        (weak, {Code.WEAKLY_IDENTIFIED}),
    ],
)
def test_the_line_of_every_advice_runs(build: Any, codes: set[Code]) -> None:
    model = build()
    result = bc.compare(model, draws=2000, tune=500, target_accept=0.95)
    assert Reason.from_json(result.display["cause"]).code in codes
    dear = tuple({**row, "enough": "differs"} for row in result.rungs)
    for c in (result, replace(result, rungs=dear)):
        found = remedy(c)
        if found is not None:
            assert eval(found.code, {"bc": bc, "model": model}) is not None
    if codes & {Code.SEVERAL_MODES, Code.WEAKLY_IDENTIFIED}:
        assert found is not None
