"""Triage against posteriors known in closed form: what it says, why, and that it never calls a missing mode fine."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats

import bayescompare as bc
import bayescompare.workflow.triage as triages
from bayescompare import wording
from bayescompare.errors import FaultyModelError, UnsupportedModelError
from bayescompare.metrics.verdict import State
from bayescompare.reasons import Code, Reason
from bayescompare.results.fit import Status
from bayescompare.workflow.triage import MORE_DRAWS, Answer, Triage

ERRORS = 4.0

Build = Callable[[], Any]


def built(build: Build) -> pm.Model:
    with pm.Model() as model:
        build()
    return model


@cache
def triage(build: Build) -> Triage:
    return bc.triage(built(build), random_seed=1)


# -- models ----------------------------------------------------------------------------------------


def aside() -> None:
    """An observation that says nothing, for a model that is all prior."""
    pm.Normal("aside", 0.0, 1.0, observed=0.0)


def normal() -> None:
    mu = pm.Normal("mu", 1.0, 2.0, shape=2)
    pm.Deterministic("difference", mu[0] - mu[1])
    pm.Normal("y", mu, 1.5, observed=np.array([0.3, 2.0]))


def many_counts() -> None:
    """Posterior Gamma(300.5, 100): z = −1/√300.5."""
    rate = pm.Gamma("rate", 0.5, 1e-3)
    pm.Poisson("k", rate, observed=np.full(100, 3))


def few_counts() -> None:
    """Gamma(6.5, 2): z = −0.39."""
    rate = pm.Gamma("rate", 0.5, 1e-3)
    pm.Poisson("k", rate, observed=np.full(2, 3))


def at_the_margin() -> None:
    """Gamma(24.5, 8): z = −0.202, and 0.2 is the margin."""
    rate = pm.Gamma("rate", 0.5, 1e-3)
    pm.Poisson("k", rate, observed=np.full(8, 3))


def no_events() -> None:
    rate = pm.Exponential("rate", 1.0)
    pm.Poisson("k", rate, observed=np.array([0, 0]))


def spike() -> None:
    pm.Gamma("x", 0.5, 1.0)
    aside()


def separated() -> None:
    b = pm.Flat("b")
    pm.Bernoulli("y", logit_p=b * np.array([-2.0, -1.0, 1.0, 2.0]), observed=np.array([0, 0, 1, 1]))


def centred() -> None:
    mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
    theta = pm.Normal("theta", mu, tau, shape=4)
    pm.Normal("y", theta, 10.0, observed=np.array([28.0, 8.0, -3.0, 7.0]))


def ridge() -> None:
    pm.Normal("y", pm.Flat("a") + pm.Flat("b"), 1.0, observed=np.array([0.5, 1.0]))


def two_modes() -> None:
    x = pm.NormalMixture("x", w=np.array([0.3, 0.7]), mu=np.array([-5.0, 5.0]), sigma=1.0)
    pm.Normal("y", x, 100.0, observed=0.0)


def lasso() -> None:
    a = pm.Laplace("a", 0.0, 1.0, shape=2)
    pm.Normal("y", a, 1.0, observed=np.array([0.5, 3.0]))


def heavy_tails() -> None:
    pm.Cauchy("x", 0.0, 1.0, shape=40)
    aside()


def group_scale() -> None:
    """Centred, with a prior that keeps tau off 0: it has a joint mode, 0.6 sd below the posterior mean."""
    tau = pm.Gamma("tau", 3.0, 1.0)
    theta = pm.Normal("theta", 0.0, tau, shape=4)
    pm.Normal("y", theta, 1.0, observed=np.array([3.0, -2.0, 4.0, -5.0]))


# -- what it says ----------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [normal, many_counts])
def test_nothing_will_change(build: Build) -> None:
    found = triage(build)
    assert found.answer is Answer.WILL_NOT_CHANGE, found.reasons
    assert all(layer.state is State.SAME for layer in found.criteria.values())
    assert list(found.criteria) == ["location", "spread", "k_hat", "modes"]
    assert found.reasons == (found.criteria["location"].reason.text, found.criteria["spread"].reason.text)
    assert found.flags == ()


CHANGES: list[tuple[Build, str]] = [
    (few_counts, "rate: z = −0.39"),
    (no_events, "The MAP of rate lies on the edge of its range, where no posterior mean can be"),
    (spike, "The MAP: no mode exists: the density grows without limit as x goes to 0"),
    (separated, "The MAP: no mode exists: the density rises for ever along b, towards a limit"),
    (two_modes, "2\N{NO-BREAK SPACE}modes; 30 % of the Laplace mass lies at others than the highest"),
    (heavy_tails, "Pareto k-hat"),
    pytest.param(group_scale, "tau: z = −0.5", marks=pytest.mark.slow),  # type: ignore[list-item]
    pytest.param(centred, "no mode exists: the density grows without limit as tau", marks=pytest.mark.slow),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("build", "words"), CHANGES)
def test_something_will_change(build: Build, words: str) -> None:
    found = triage(build)
    assert found.answer is Answer.WILL_CHANGE, found.reasons
    assert words in found.reasons[0]


def test_without_a_map_location_says_that_and_spread_is_judged() -> None:
    """Gamma(0.95): its density is infinite at 0, that of its logarithm has a mode."""

    def build() -> None:
        pm.Gamma("x", 0.95, 1.0)
        aside()

    found = triage(build)
    assert found.criteria["location"].reason == Reason(Code.NO_MAP)
    assert found.criteria["k_hat"].state is not State.NOT_COMPUTED


UNSURE: list[tuple[Build, str]] = [
    (at_the_margin, "location: rate: z = −0.20"),
    (ridge, "The MAP: the density is flat at the end of the search, along a, b"),
    (lasso, "location, spread, k_hat: the unconstrained mode lies on a kink (a[0])"),
]


@pytest.mark.parametrize(("build", "words"), UNSURE)
def test_nothing_can_be_said(build: Build, words: str) -> None:
    found = triage(build)
    assert found.answer is Answer.CANNOT_SAY, found.reasons
    assert words in found.reasons[0]


def test_one_start_alone_is_no_ground_for_an_answer() -> None:
    found = bc.triage(built(normal), options=bc.CompareOptions(mode=bc.ModeOptions(starts=1)))
    assert found.answer is Answer.CANNOT_SAY
    assert found.reasons == ("The MAP is suspect: only one of 1 starts ended here",)


def test_a_large_model_names_the_dense_hessian() -> None:
    options = bc.CompareOptions(mode=bc.ModeOptions(dense=1))
    found = bc.triage(built(normal), options=options)
    assert found.answer is Answer.CANNOT_SAY
    assert "needs a dense Hessian of 2 parameters; ModeOptions(dense=2) asks for it" in found.reasons[0]


@pytest.mark.parametrize("build", [spike, separated, ridge, pytest.param(centred, marks=pytest.mark.slow)])
def test_a_model_without_a_mode_is_never_called_fine(build: Build) -> None:
    found = triage(build)
    assert found.fits["map"].status is Status.FAILED
    assert found.answer is not Answer.WILL_NOT_CHANGE
    assert np.isnan(found.table["map"]).all()
    assert np.isnan(found.table["z"]).all()


@pytest.mark.parametrize(
    ("figure", "answer"),
    [(0.39, Answer.CANNOT_SAY), (0.41, Answer.CANNOT_SAY), (0.43, Answer.WILL_CHANGE), (0.0, Answer.CANNOT_SAY)],
)
def test_near_the_limit_of_k_hat_only_what_clears_twice_its_margin_is_an_answer(figure: float, answer: Answer) -> None:
    """k-hat 0.66 ± 0.05: importance sampling itself may be off by 0.17 sd."""
    found = triage(many_counts)
    near = replace(found.criteria["k_hat"], state=State.UNDECIDED, figure=0.66, mcse=0.05)
    state = State.DIFFERS if figure > 0.2 else State.SAME
    location = replace(found.criteria["location"], state=state, figure=figure, mcse=0.01)
    criteria = {**found.criteria, "k_hat": near, "location": location}
    said, reasons = triages._answer(found.fits["map"], found.fits["unconstrained_map"], criteria)
    assert said is answer
    assert reasons == (location.reason.text,) if answer is Answer.WILL_CHANGE else "k_hat: " in reasons[-1]


def test_margins_are_the_users() -> None:
    """A Gamma(6.5, 2) is 0.39 sd off, which half a sd allows."""
    options = bc.CompareOptions(margins=bc.Margins(location=0.5))
    found = bc.triage(built(few_counts), random_seed=1, options=options)
    assert found.answer is Answer.WILL_NOT_CHANGE, found.reasons
    assert found.criteria["location"].margin == 0.5


# -- with what figures -----------------------------------------------------------------------------


def test_its_table_is_the_posterior() -> None:
    """Gamma(6.5, 2.001): MAP, both modes' coordinates, mean, sd and z."""
    row = triage(few_counts).table.loc["rate"]
    a, b = 6.5, 2.001
    law = stats.gamma(a, scale=1 / b)
    assert row["map"] == pytest.approx((a - 1) / b, rel=1e-7)
    assert row["map_unconstrained"] == pytest.approx(a / b, rel=1e-7)
    assert abs(row["mean"] - law.mean()) < ERRORS * row["mean_mcse"]
    assert abs(row["sd"] - law.std()) < ERRORS * row["sd_mcse"]
    assert abs(row["z"] + 1 / math.sqrt(a)) < ERRORS * row["z_mcse"]
    lognormal = stats.lognorm(1 / math.sqrt(a), scale=a / b)
    n = triage(few_counts).fits["laplace"].diagnostics["draws"]
    assert abs(row["laplace_mean"] - lognormal.mean()) < ERRORS * lognormal.std() / math.sqrt(n)
    kurtosis = float(lognormal.stats("k"))
    assert abs(row["laplace_sd"] / lognormal.std() - 1) < ERRORS * math.sqrt((kurtosis + 2) / (4 * n))


def schools() -> None:
    mu, tau = pm.Normal("mu", 0.0, 10.0), pm.HalfNormal("tau", 10.0)
    z = pm.Normal("z", 0.0, 1.0, shape=8)
    pm.Normal("y", mu + tau * z, SIGMA, observed=SCHOOLS)


SCHOOLS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def test_of_a_hierarchy_the_marginal_laplace_approximation_has_the_moments() -> None:
    """Against quadrature over tau, given which all is normal."""
    tau = np.linspace(1e-3, 60.0, 6000)
    precision = 1 / (SIGMA**2 + tau[:, None] ** 2)
    of_mu = precision.sum(axis=1) + 0.01
    mean = (precision @ SCHOOLS) / of_mu
    log_density = 0.5 * (np.log(precision).sum(axis=1) - np.log(of_mu) + of_mu * mean**2 - precision @ SCHOOLS**2)
    weight = np.exp(log_density - log_density.max() - tau**2 / 200)
    weight /= weight.sum()
    found = triage(schools)
    exact = {"tau": weight @ tau, "mu": weight @ mean}
    for name, value in exact.items():
        row = found.table.loc[name]
        assert abs(row["mean"] - value) < ERRORS * row["mean_mcse"], (name, row["mean"], value)
    assert found.criteria["k_hat"].state is State.SAME
    assert found.answer is Answer.WILL_CHANGE
    assert found.criteria["location"].scalar == "tau"


def test_its_criteria_are_of_the_table() -> None:
    found = triage(few_counts)
    row, location, spread = found.table.loc["rate"], found.criteria["location"], found.criteria["spread"]
    assert location.figure == abs(row["z"])
    assert location.mcse == row["z_mcse"]
    assert location.scalar == "rate"
    assert spread.figure == pytest.approx(abs(math.log(row["laplace_sd"] / row["sd"])))
    assert spread.mcse == pytest.approx(row["sd_mcse"] / row["sd"])
    assert found.criteria["k_hat"].figure == found.fits["laplace"].diagnostics["k_hat"]
    assert (location.margin, spread.margin) == (0.2, math.log(1.2))


def test_a_mass_elsewhere_is_the_mixtures_weight() -> None:
    found = triage(two_modes)
    layer = found.criteria["modes"]
    assert layer.figure == pytest.approx(0.3, abs=1e-3)
    assert layer.margin == 0.05
    # An approximation of the higher mode alone knows nothing of the posterior's mean.
    assert found.table[["mean", "sd", "z"]].isna().all(axis=None)
    assert {found.criteria[name].state for name in ("location", "spread")} == {"not_computed"}
    assert found.criteria["location"].reason == layer.reason


@pytest.mark.parametrize(("build", "draws"), [(normal, 4000), (at_the_margin, MORE_DRAWS)])
def test_what_is_undecided_gets_more_draws_once(build: Build, draws: int) -> None:
    assert triage(build).fits["laplace"].diagnostics["draws"] == draws


@pytest.mark.parametrize("build", [few_counts, spike, ridge, lasso])
def test_nothing_is_read_from_words(monkeypatch: pytest.MonkeyPatch, build: Build) -> None:
    """With bare codes for sentences, answer and states are the same."""
    told = triage(build)
    monkeypatch.setattr(wording, "WORDS", dict.fromkeys(Code, lambda reason: str(reason.code)))
    silent = triage(build)
    assert silent.answer is told.answer
    assert len(silent.reasons) == len(told.reasons)
    assert {key: each.state for key, each in silent.criteria.items()} == {
        key: each.state for key, each in told.criteria.items()
    }


def test_rounding_is_no_distance() -> None:
    """A Gaussian's MAP is its mean: z is 0 to rounding, and shown as 0."""
    table = triage(normal).table
    assert (table["z"] == 0).all()
    assert (table["z_mcse"] == 0).all()


def test_flags() -> None:
    assert triage(no_events).flags == ("the MAP of rate lies on the edge of its range",)
    assert triage(lasso).flags == ("the MAP of a[0] lies at a kink of the density",)


@pytest.mark.slow
def test_flags_of_a_hierarchy() -> None:
    assert triage(group_scale).flags == ("tau sets the spread of theta, which a joint mode makes too small",)


# -- the contract ----------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [normal, few_counts, no_events, spike, ridge])
def test_the_document_is_ready_for_json(build: Build) -> None:
    found = triage(build)
    document = found.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    keys = ["schema", "model", "answer", "sentence", "reasons", "criteria", "flags", "fits", "table", "findings"]
    assert list(document) == [*keys, "seconds", "price"]
    assert document["schema"] == "bayescompare/2"
    assert document["answer"] == found.answer
    assert document["sentence"].endswith(".")
    assert set(document["fits"]) == {"map", "unconstrained_map", "laplace"}
    assert [row["name"] for row in document["table"]] == list(found.table.index)
    if found.fits["map"].status is Status.FAILED:
        assert document["fits"]["map"]["status"] == "failed"
        assert all(row["map"] is None for row in document["table"])


def test_one_seed_gives_one_result() -> None:
    first, again, other = (bc.triage(built(few_counts), random_seed=seed).to_dict() for seed in (1, 1, 2))
    for document in (first, again, other):
        del document["seconds"], document["price"]
        for fit in document["fits"].values():
            del fit["seconds"], fit["compile_seconds"]
    assert first == again
    assert first["table"] != other["table"]
    assert first["answer"] == other["answer"]


def test_repr_is_one_line() -> None:
    assert repr(triage(no_events)).startswith("<Triage of ")
    assert "NUTS will change your answer. The MAP of rate" in repr(triage(no_events))
    assert "\n" not in repr(triage(no_events))


def test_it_takes_templates_and_their_data() -> None:
    from bayescompare.models import ridge_regression

    found = bc.triage(ridge_regression)
    assert found.name == "ridge_regression"
    assert found.answer is Answer.WILL_NOT_CHANGE, found.reasons


def test_findings_of_the_models_audit_are_in_it() -> None:
    assert [(f["variable"], f["code"]) for f in triage(spike).findings] == [("x", "reaches_no_data")]
    quiet = bc.triage(built(spike), options=bc.CompareOptions(audit=False))
    assert quiet.findings == ()


def test_a_model_that_computes_something_else_is_refused() -> None:
    def build() -> None:
        s = pm.HalfStudentT("s", nu=3, sigma=36)
        pm.Normal("y", 0.0, s, observed=np.array([1.0, 2.0]))

    with pytest.raises(FaultyModelError, match="int8"):
        bc.triage(built(build))


def test_discrete_variables_are_refused() -> None:
    def build() -> None:
        pm.Normal("y", pm.Bernoulli("on", 0.5), 1.0, observed=0.0)

    with pytest.raises(UnsupportedModelError, match="on"):
        bc.triage(built(build))


def test_progress_is_told_what_is_waited_for() -> None:
    told: list[str] = []

    class Listener:
        bar = False

        def stage(self, text: str, *, own_bar: bool = False) -> Any:
            told.append(text)
            return nullcontext()

    bc.triage(built(normal), progressbar=Listener())
    assert told == ["Compiling the model", "Searching for the modes", "Approximating the posterior"]


@pytest.mark.slow
@pytest.mark.parametrize("build", [normal, many_counts, few_counts, no_events, group_scale])
def test_it_says_what_the_full_comparison_finds(build: Build) -> None:
    layers = bc.compare(built(build), random_seed=1).verdict.layers
    differs = State.DIFFERS in (layers["location"].state, layers["spread"].state)
    assert triage(build).answer is (Answer.WILL_CHANGE if differs else Answer.WILL_NOT_CHANGE)
