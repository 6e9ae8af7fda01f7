"""The three-way rule, the gates, and the order in which layers decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from bayescompare.metrics.figure import Figure
from bayescompare.metrics.gates import SamplerFigures, optimiser_gate, sampler_gate
from bayescompare.metrics.verdict import (
    SETTLE_MAX,
    Figures,
    Layer,
    Margins,
    Overall,
    State,
    Verdict,
    criterion,
    critical,
    draws_to_settle,
    judge,
    layer,
    location_figures,
    overall,
    spread_figures,
)
from bayescompare.reasons import Code, Reason, told

NAN = float("nan")


def figures(*rows: tuple[float, float], margin: float = 0.2) -> Figures:
    gap, mcse = np.array(rows).T
    return Figures(tuple(f"x[{i}]" for i in range(len(rows))), gap, mcse, np.full(len(rows), margin))


def made(f: Figures, draws: int = 4000) -> Layer:
    missing = told("nothing to look at")
    return layer("location", f, draws, lambda i: told(f"reason {f.names[i]}"), missing)


# -- the three-way rule ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "mcse", "state"),
    [
        (0.0, 0.0, State.SAME),
        (0.1, 0.05, State.SAME),  # g + 2s = δ
        (0.1, 0.0501, State.UNDECIDED),
        (0.2, 0.0, State.SAME),
        (0.2, 0.01, State.UNDECIDED),
        (0.3, 0.05, State.UNDECIDED),  # g − 2s = δ: not above
        (0.3, 0.0499, State.DIFFERS),
        (0.2 + 1e-9, 0.0, State.DIFFERS),
        (5.0, 3.0, State.UNDECIDED),
        (NAN, 0.01, State.NOT_COMPUTED),
        (0.1, NAN, State.NOT_COMPUTED),
        (np.inf, 0.1, State.NOT_COMPUTED),
    ],
)
def test_one_scalar(gap: float, mcse: float, state: State) -> None:
    assert judge(figures((gap, mcse)))[0] is state


@pytest.mark.parametrize(
    ("rows", "state", "worst"),
    [
        ([(0.0, 0.01), (0.1, 0.01)], State.SAME, 1),
        ([(0.0, 0.01), (0.2, 0.01), (0.1, 0.01)], State.UNDECIDED, 1),
        ([(0.9, 0.01), (0.2, 0.01), (1.2, 0.01)], State.DIFFERS, 2),
        ([(0.9, 0.5), (0.3, 0.01)], State.DIFFERS, 1),  # the furthest off is not known to differ
        ([(0.0, 0.01), (NAN, NAN)], State.SAME, 0),
        ([(NAN, NAN), (NAN, NAN)], State.NOT_COMPUTED, -1),
    ],
)
def test_many_scalars(rows: list[tuple[float, float]], state: State, worst: int) -> None:
    found, index, masks = judge(figures(*rows))
    assert (found, index) == (state, worst)
    assert np.all(sum(mask.astype(int) for mask in masks.values()) == np.isfinite([gap for gap, _ in rows]))


def test_the_worst_scalar_is_the_one_furthest_from_its_own_margin() -> None:
    f = Figures(("a", "b"), np.array([0.3, 0.2]), np.array([0.001, 0.001]), np.array([0.2, 0.08]))
    assert judge(f)[1] == 1


def test_critical_values() -> None:
    assert critical(0) == critical(1) == 2
    # Φ⁻¹(1 − 0.0228/k); 0.0228 is the upper tail of 2 errors.
    assert critical(2) == pytest.approx(2.2768, abs=2e-4)
    assert critical(10) == pytest.approx(2.8366, abs=2e-4)
    assert critical(1000) == pytest.approx(4.0771, abs=2e-4)
    for k in (2, 10, 1000):
        assert k * norm.sf(critical(k)) == pytest.approx(0.0228, rel=1e-9)


def test_more_scalars_need_more_errors_to_differ() -> None:
    one = (0.225, 0.01)  # 2.5 errors above the margin
    assert judge(figures(one))[0] is State.DIFFERS
    assert judge(figures(one, *[(0.0, 0.01)] * 9))[0] is State.UNDECIDED
    # Scalars that were not computed were not looked at.
    assert judge(figures(one, *[(NAN, NAN)] * 9))[0] is State.DIFFERS


def test_a_layer_counts_its_scalars() -> None:
    found = made(figures((0.9, 0.01), (1.2, 0.01), (0.21, 0.01), (0.0, 0.01), (NAN, NAN)))
    assert (found.scalars, found.differing, found.undecided) == (4, 2, 1)
    assert (found.scalar, found.figure, found.mcse, found.margin) == ("x[1]", 1.2, 0.01, 0.2)
    assert found.reason.text == "reason x[1]"
    assert found.draws_needed is None


def test_a_layer_without_figures_says_why() -> None:
    found = made(figures((NAN, 0.1)))
    assert (found.state, found.reason.text, found.figure, found.scalar) == (
        State.NOT_COMPUTED,
        "nothing to look at",
        None,
        None,
    )


# -- draws that would settle it --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "mcse", "multiple", "needed"),
    [
        (0.16, 0.04, 2.0, 16_000),  # twice the draws each way to halve 0.04: 2s = 0.04
        (0.24, 0.04, 2.0, 16_000),
        (0.24, 0.04, 3.0, 36_000),  # to differ among many
        (0.16, 0.04, 3.0, 16_000),  # to be the same is not
        (0.2, 0.04, 2.0, None),
        (0.3, 0.0, 2.0, None),
    ],
)
def test_draws_to_settle(gap: float, mcse: float, multiple: float, needed: int | None) -> None:
    found = draws_to_settle(gap, mcse, 0.2, 4000, multiple)
    assert found == (None if needed is None else pytest.approx(needed, abs=1))


@pytest.mark.parametrize("gap", [0.15, 0.19, 0.21, 0.3])
@pytest.mark.parametrize("others", [0, 19])
def test_so_many_draws_do_settle_it(gap: float, others: int) -> None:
    mcse = 0.06
    rest = [(0.0, 1e-4)] * others
    before = made(figures((gap, mcse), *rest))
    assert before.state is State.UNDECIDED
    needed = draws_to_settle(gap, mcse, 0.2, 4000, critical(1 + others))
    assert needed is not None
    for factor, settled in ((1.001, True), (0.999, False)):
        after = judge(figures((gap, mcse * np.sqrt(4000 / (factor * needed))), *rest))[0]
        assert (after is not State.UNDECIDED) is settled


def test_on_the_margin_no_draws_are_advised() -> None:
    at = made(figures((0.2, 0.02)))
    assert at.on_the_margin
    assert at.draws_needed is None
    # 2s/(δ − g) = √50 is the limit.
    far, near = (made(figures((0.2 - d, 0.02))) for d in (0.0057, 0.0056))
    assert (far.on_the_margin, near.on_the_margin) == (False, True)
    assert far.draws_needed is not None
    assert far.draws_needed <= SETTLE_MAX * 4000
    assert near.draws_needed is None


# -- figures of the layers -------------------------------------------------------------------------


def column(**given: float) -> dict[str, np.ndarray]:
    names = ("z", "z_mcse", "rank", "rank_mcse", "sd", "mcse_sd", "sd_ratio", "sd_ratio_mcse")
    return {name: np.array([given.get(name, NAN)]) for name in names}


def test_location_takes_z_or_else_rank() -> None:
    f = location_figures(("x",), column(z=-0.3, z_mcse=0.01, rank=0.9, rank_mcse=0.02, sd=1.0), Margins())
    assert (f.gap[0], f.mcse[0], f.margin[0]) == (0.3, 0.01, 0.2)
    f = location_figures(("x",), column(rank=0.3, rank_mcse=0.02), Margins(rank=0.1))
    assert (f.gap[0], f.mcse[0], f.margin[0]) == (pytest.approx(0.2), 0.02, 0.1)


def test_a_constant_has_no_location() -> None:
    f = location_figures(("x",), column(rank=0.5, rank_mcse=0.0, sd=0.0), Margins())
    assert judge(f)[0] is State.NOT_COMPUTED


@pytest.mark.parametrize("ratio", [1.3, 1 / 1.3])
def test_spread_is_symmetric_in_the_ratio(ratio: float) -> None:
    f = spread_figures(("x",), column(sd_ratio=ratio, sd_ratio_mcse=0.02 * ratio), Margins())
    assert f.gap[0] == pytest.approx(np.log(1.3))
    assert f.mcse[0] == pytest.approx(0.02)
    assert f.margin[0] == pytest.approx(np.log(1.2))


def test_spread_of_a_laplace_without_width_is_not_computed() -> None:
    f = spread_figures(("x",), column(sd_ratio=0.0, sd_ratio_mcse=0.0), Margins())
    assert judge(f)[0] is State.NOT_COMPUTED


# -- gates -----------------------------------------------------------------------------------------

SOUND = SamplerFigures(1.002, 1500.0, "tau", "mu", 4000, 0, 0.9)


def test_a_sound_sampler() -> None:
    gate = sampler_gate(SOUND)
    assert gate.state is State.SOUND
    assert gate.reason.text == "R-hat ≤ 1.002, ESS ≥ 1,500, 0 divergences"


@pytest.mark.parametrize(
    ("inside", "outside", "says"),
    [
        ({"r_hat_max": 1.01}, {"r_hat_max": 1.0101}, "R-hat 1.0101 for tau (at most 1.01 is required)"),
        ({"ess_min": 400.0}, {"ess_min": 399.0}, "ESS 399 for mu (at least 400 is required)"),
        ({}, {"ess_min": 399.7}, "ESS 399.7 for mu"),
        ({}, {"e_bfmi_min": 0.2996}, "E-BFMI 0.2996 (at least 0.3 is required)"),
        ({"divergences": 8}, {"divergences": 9}, "9 divergences in 4,000 draws (at most 0.2% are allowed)"),
        ({"e_bfmi_min": 0.3}, {"e_bfmi_min": 0.29}, "E-BFMI 0.29 (at least 0.3 is required)"),
        ({"not_finite": ()}, {"not_finite": ("tau",)}, "draws of tau are not finite"),
        ({"constant": ()}, {"constant": ("tau",)}, "draws of tau are constant"),
        ({}, {"r_hat_max": NAN}, "R-hat nan"),
        ({}, {"ess_min": NAN}, "ESS nan"),
        ({}, {"e_bfmi_min": NAN}, "E-BFMI nan"),
    ],
)
def test_each_limit_of_the_sampler(inside: dict[str, object], outside: dict[str, object], says: str) -> None:
    assert sampler_gate(replace(SOUND, **inside)).state is State.SOUND
    gate = sampler_gate(replace(SOUND, **outside))
    assert gate.state is State.FAILED
    assert says in gate.reason.text


def test_every_fault_is_named() -> None:
    gate = sampler_gate(SamplerFigures(1.2, 30.0, "tau", "mu", 4000, 400, 0.1))
    assert [fault.split(" ")[0] for fault in gate.reason.text.split("; ")] == ["R-hat", "ESS", "400", "E-BFMI"]


def test_a_few_divergences_are_said() -> None:
    assert "3 divergences" in sampler_gate(replace(SOUND, divergences=3)).reason.text


def test_what_a_posterior_does_not_carry_is_unchecked_not_failed() -> None:
    gate = sampler_gate(replace(SOUND, divergences=None, e_bfmi_min=None))
    assert gate.state is State.UNCHECKED
    assert gate.unchecked == ("divergences", "E-BFMI")
    assert sampler_gate(replace(SOUND, e_bfmi_min=None)).unchecked == ("E-BFMI",)
    assert sampler_gate(replace(SOUND, ess_min=1.0, divergences=None)).state is State.FAILED
    assert "divergences unchecked" in gate.reason.text
    assert "E-BFMI unchecked" in gate.reason.text


@pytest.mark.parametrize(
    ("status", "state"), [("ok", State.SOUND), ("suspect", State.FAILED), ("failed", State.FAILED)]
)
def test_the_optimiser(status: str, state: State) -> None:
    gate = optimiser_gate(status, (Reason(Code.UNTYPED, figures={"text": "a reason"}),), 12, 16, 1e-12)
    assert gate.state is state
    assert "a reason" in gate.reason.text
    assert ("best of 16 starts; 12 found it" in gate.reason.text) == (status == "ok")


# -- the whole -------------------------------------------------------------------------------------

GATES = {"optimiser": State.SOUND, "sampler": State.SOUND}


def decided(**states: State) -> tuple[State, str | None]:
    named = {**GATES, **states}
    return overall({name: Layer(name, state, told("")) for name, state in named.items()})


S, D, U, N = State.SAME, State.DIFFERS, State.UNDECIDED, State.NOT_COMPUTED


@pytest.mark.parametrize(
    ("location", "spread", "state", "deciding"),
    [
        (S, S, State.SAME, None),
        (D, S, State.DIFFERS, "location"),
        (D, D, State.DIFFERS, "location"),
        (S, D, State.DIFFERS, "spread"),
        (U, D, State.DIFFERS, "spread"),  # what differs decides before what is undecided
        (U, S, State.UNDECIDED, "location"),
        (U, U, State.UNDECIDED, "location"),
        (S, U, State.UNDECIDED, "spread"),
        (S, N, State.UNDECIDED, "spread"),
        (N, S, State.UNDECIDED, "location"),
        (D, N, State.DIFFERS, "location"),
        (N, D, State.DIFFERS, "spread"),
        (N, N, State.UNDECIDED, "location"),
    ],
)
def test_the_order_of_layers(location: State, spread: State, state: State, deciding: str | None) -> None:
    found, by = decided(location=location, spread=spread)
    assert found is state
    if deciding is not None:
        assert by == deciding


@pytest.mark.parametrize("gate", ["optimiser", "sampler"])
@pytest.mark.parametrize("state", [State.FAILED, State.NOT_COMPUTED])
def test_a_gate_that_is_not_sound_ends_it(gate: str, state: State) -> None:
    assert decided(**{gate: state, "location": S, "spread": S}) == (State.NO_VERDICT, gate)
    assert decided(**{gate: state, "location": D, "spread": D}) == (State.NO_VERDICT, gate)


@pytest.mark.parametrize("absent", ["location", "spread", "optimiser", "sampler"])
def test_never_the_same_while_something_is_missing(absent: str) -> None:
    layers = {name: Layer(name, state, told("")) for name, state in {**GATES, "location": S, "spread": S}.items()}
    del layers[absent]
    state, deciding = overall(layers)
    assert state is (State.NO_VERDICT if absent in GATES else State.UNDECIDED)
    assert deciding == absent


def test_a_layer_that_was_not_asked_for_does_not_count() -> None:
    layers = {name: Layer(name, state, told("")) for name, state in {**GATES, "location": S, "spread": S}.items()}
    absent = Layer("decision", N, told("no loss was named"), applies=False)
    assert overall({"decision": absent, **layers})[0] is State.SAME
    assert overall({"decision": replace(absent, applies=True), **layers}) == (State.UNDECIDED, "decision")


def test_same_only_if_all_that_is_expected_is_the_same() -> None:
    """Every combination of states of gates and layers: nothing failed at a gate, nothing differs in a layer."""
    states = list(State)
    same = [
        (o, s, a, b)
        for o in states
        for s in states
        for a in (S, D, U, N)
        for b in (S, D, U, N)
        if decided(optimiser=o, sampler=s, location=a, spread=b)[0] is State.SAME
    ]
    passing = (State.SOUND, State.UNCHECKED)
    assert same == [(o, s, S, S) for o in passing for s in passing]


@pytest.mark.parametrize("value", [-3.0, 3.0])
def test_a_criterion_keeps_the_side_of_its_figure(value: float) -> None:
    found = criterion("prediction", "elpd", Figure(value, 0.1), 1.0, 4000, told(""))
    assert (found.state, found.figure, found.below) == (State.DIFFERS, 3.0, value < 0)
    assert Layer.from_json(found.to_json()) == found


def test_a_verdict_and_its_layers_are_shown_in_one_line() -> None:
    answer = Overall(State.DIFFERS, "No.", "The MAP of tau is off.", "", "location")
    found = Verdict(answer, {"location": made(figures((1.0, 0.1)))})
    assert repr(found.layers["location"]) == "<Layer location: differs, reason x[0] (margin 0.2)>"
    assert repr(found) == "<Verdict: No. The MAP of tau is off. (location differs)>"
