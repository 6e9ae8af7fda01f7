"""The verdict in words, for each state."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayescompare import wording
from bayescompare.codes import Fact
from bayescompare.metrics import verdict as v
from bayescompare.metrics.gates import SamplerFigures, optimiser_gate, sampler_gate
from bayescompare.metrics.verdict import Layer, Margins, Overall, State
from bayescompare.reasons import Code, Reason, told
from bayescompare.results import sentence
from bayescompare.results.fit import Fit, Status

NAN = float("nan")
PLAIN = {
    "map": 0.0,
    "map_unconstrained": 0.0,
    "mean": 0.0,
    "sd": 1.0,
    "mcse_mean": 0.016,
    "mcse_sd": 0.011,
    "eti_lb": -1.9,
    "eti_ub": 1.9,
    "z": 0.0,
    "z_mcse": 0.016,
    "rank": 0.5,
    "rank_mcse": 0.008,
    "sd_ratio": 1.0,
    "sd_ratio_mcse": 0.011,
    "boundary": False,
}
SOUND = SamplerFigures(1.002, 1500.0, "tau", "mu", 4000, 0, 0.9)


def fit(method: str, status: Status = Status.OK, reasons: tuple[Reason, ...] = ()) -> Fit:
    return Fit(method, status, reasons, ("x",), np.zeros(1), diagnostics={"chains": 4, "draws": 1000})


def say(
    *,
    mode: Fit | None = None,
    sampler: SamplerFigures = SOUND,
    divergences: int = 0,
    laplace: str = "no Laplace approximation: the curvature is singular",
    **rows: dict[str, Any],
) -> Overall:
    """The sentence of scalars that differ from a perfect one in what is given."""
    mode = mode or fit("map")
    table = pd.DataFrame({name.replace("__", "["): {**PLAIN, **row} for name, row in rows.items()}).T
    table = table.astype({name: float for name in PLAIN if name != "boundary"})
    names, column = tuple(table.index), {name: table[name].to_numpy() for name in table.columns}
    layers = {
        "optimiser": optimiser_gate(str(mode.status), mode.reasons, 16, 16, 1e-12),
        "sampler": sampler_gate(sampler),
    }
    if all(gate.state is State.SOUND for gate in layers.values()):
        layers["location"] = v.layer(
            "location",
            v.location_figures(names, column, Margins()),
            4000,
            lambda i: sentence.location(names[i], column, i),
            told("no scalar has a MAP and an sd"),
        )
        layers["spread"] = v.layer(
            "spread",
            v.spread_figures(names, column, Margins()),
            4000,
            lambda i: sentence.spread(names[i], column, i),
            told(laplace),
        )
    else:
        layers |= {name: Layer(name, State.NOT_COMPUTED, told("a gate failed")) for name in ("location", "spread")}
    nuts = fit("nuts")
    found = sentence.overall(
        layers, table, mode, replace(nuts, diagnostics={**nuts.diagnostics, "divergences": divergences})
    )
    assert_style(found)
    return found


ADJECTIVES = re.compile(r"\b(large|small|big|huge|tiny|slight|considerabl|substantial|significant|very|severe)", re.I)


def assert_style(found: Overall) -> None:
    """One sentence, two at most; no adjective of size; a real minus; numbers that end."""
    assert found.sentence.endswith(".")
    assert len(re.findall(r"\.(?= |$)", found.sentence)) <= 2
    assert not ADJECTIVES.search(found.sentence)
    assert not re.search(r"-\d", found.sentence)
    assert "nan" not in found.sentence + found.advice
    assert found.advice.endswith(".")


def spoken(text: str) -> str:
    """With plain spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{THIN SPACE}", " ")


def test_same() -> None:
    found = say(mu={"z": 0.05, "z_mcse": 0.01}, tau={"z": -0.154, "z_mcse": 0.012, "sd_ratio": 0.97})
    assert (found.state, found.opening) == (State.SAME, "Yes.")
    assert spoken(found.sentence) == (
        "The MAP and its Laplace intervals say what the posterior says. "
        "No scalar is off by more than 0.154 ± 0.012 posterior sd."
    )
    assert "tau, 0.97 times" in found.advice


def test_differs() -> None:
    found = say(mu={}, tau={"z": -1.141, "z_mcse": 0.04, "mean": 3.6789, "mcse_mean": 0.06, "map": 1.0})
    assert (found.state, found.opening, found.deciding) == (State.DIFFERS, "No.", "location")
    assert spoken(found.sentence) == "The MAP of tau sits 1.14 ± 0.04 posterior sd below its posterior mean of 3.7."
    assert found.advice == "Report the NUTS posterior of tau. If one number is needed, take its mean or median."


def test_differs_above() -> None:
    found = say(mu={"z": 0.9, "z_mcse": 0.02, "mean": -0.333, "mcse_mean": 0.001})
    assert (
        spoken(found.sentence)
        == "The MAP of mu sits 0.90 ± 0.02 posterior sd above its posterior mean of \N{MINUS SIGN}0.33."
    )


def test_differs_on_the_boundary() -> None:
    found = say(
        tau={
            "boundary": True,
            "map": 0.0,
            "map_unconstrained": 2.52,
            "z": -1.141,
            "z_mcse": 0.04,
            "mean": 3.6789,
            "mcse_mean": 0.06,
            "sd_ratio": 16.7,
            "sd_ratio_mcse": 0.4,
            "eti_lb": 0.1,
            "eti_ub": 10.0,
        }
    )
    assert spoken(found.sentence) == (
        "The MAP sets tau to 0, the edge of its range, 1.14 ± 0.04 posterior sd below the posterior mean of 3.7."
    )
    assert found.advice.endswith("On the unconstrained scale the mode is at tau = 2.5, inside the posterior.")


@pytest.mark.parametrize(("value", "where"), [(20.0, "beyond the posterior on the other side"), (-9.0, "further out")])
def test_where_the_unconstrained_mode_goes(value: float, where: str) -> None:
    found = say(tau={"boundary": True, "map_unconstrained": value, "z": -1.0, "eti_lb": 0.1, "eti_ub": 10.0})
    assert found.advice.endswith(f"{where}.")


@pytest.mark.parametrize(("others", "words"), [(1, "1 other scalar differs too."), (2, "2 other scalars differ too.")])
def test_how_many_others(others: int, words: str) -> None:
    rows = {f"x{i}": {"z": 0.9, "z_mcse": 0.01} for i in range(others)}
    assert say(tau={"z": 2.0, "z_mcse": 0.01}, **rows).advice.endswith(words)


def test_without_sd_the_rank_decides() -> None:
    row = {"z": NAN, "z_mcse": NAN, "sd": NAN, "mcse_sd": NAN, "sd_ratio": NAN, "sd_ratio_mcse": NAN, "mean": NAN}
    found = say(mu={}, tau={**row, "rank": 0.123, "rank_mcse": 0.008})
    assert (found.state, found.deciding) == (State.DIFFERS, "location")
    assert spoken(found.sentence) == (
        "The MAP of tau is at the 12.3 ± 0.8 % point of its posterior, which has no standard deviation."
    )
    found = say(mu={}, tau={**row, "rank": 0.43, "rank_mcse": 0.01})
    assert found.state is State.UNDECIDED
    assert spoken(found.sentence) == "The MAP of tau is at rank 0.430 ± 0.010, and the margin is ½ ± 0.08."
    found = say(mu={}, tau={**row, "rank": 0.47, "rank_mcse": 0.01})
    assert found.state is State.SAME
    assert "No scalar\N{RIGHT SINGLE QUOTATION MARK}s rank is further from ½ than 0.030 ± 0.010." in spoken(
        found.sentence
    )


def test_as_a_point_yes() -> None:
    found = say(mu={}, beta__age={"sd_ratio": 0.61, "sd_ratio_mcse": 0.03})
    assert (found.state, found.deciding) == (State.DIFFERS, "spread")
    assert found.opening == "As a point, yes; as an interval, no."
    assert spoken(found.sentence) == (
        "The Laplace sd of beta[age is 0.61 ± 0.03 times the posterior\N{RIGHT SINGLE QUOTATION MARK}s."
    )
    assert found.advice == "Take the interval of the NUTS posterior; the MAP itself is near its mean."


def test_undecided_as_a_point_is_not_a_yes() -> None:
    found = say(mu={"z": 0.2, "z_mcse": 0.02, "sd_ratio": 0.61, "sd_ratio_mcse": 0.01})
    assert (found.opening, found.deciding) == ("No.", "spread")
    assert "near" not in found.advice


def test_a_location_that_was_not_computed_is_not_a_yes() -> None:
    found = say(mu={"z": NAN, "rank": NAN, "sd_ratio": 0.61, "sd_ratio_mcse": 0.01})
    assert (found.opening, found.deciding) == ("No.", "spread")
    assert "near" not in found.advice


def test_cannot_tell_yet() -> None:
    found = say(mu={}, sigma={"z": -0.185, "z_mcse": 0.02})
    assert (found.state, found.opening) == (State.UNDECIDED, "Cannot tell yet.")
    assert spoken(found.sentence) == (
        "The MAP of sigma sits 0.18 ± 0.02 posterior sd below its posterior mean, and the margin is 0.2."
    )
    # 4,000 · (2 · 0.02/0.015)²
    assert found.advice == "About 28,800 draws would settle it: 4 chains of 7,200 (--draws 7200)."


def test_cannot_tell_yet_on_the_margin() -> None:
    found = say(sigma={"z": -0.2, "z_mcse": 0.02})
    assert found.opening == "Cannot tell yet."
    assert found.advice.startswith("The figure lies on the margin, and more draws are not advised")


def test_cannot_tell_the_spread() -> None:
    found = say(sigma={"sd_ratio": 0.84, "sd_ratio_mcse": 0.02, "mcse_sd": 0.02})
    assert spoken(found.sentence) == (
        "The Laplace sd of sigma is 0.84 ± 0.02 times the posterior\N{RIGHT SINGLE QUOTATION MARK}s, "
        "and the margin is a factor of 1.2."
    )


def test_cannot_tell_without_a_layer() -> None:
    found = say(mu={"sd_ratio": NAN}, tau={"sd_ratio": NAN})
    assert (found.state, found.opening, found.deciding) == (State.UNDECIDED, "Cannot tell yet.", "spread")
    assert "could not be computed: no Laplace approximation: the curvature is singular" in found.sentence


NO_MODE = fit("map", Status.FAILED, (Reason(Code.GROWS_WITHOUT_LIMIT, ("tau",), {"to": "0"}),))
CHAOS = SamplerFigures(1.034, 88.0, "tau", "mu", 4000, 30, 0.9)


def test_no_mode() -> None:
    found = say(mode=NO_MODE, tau={"z": NAN, "map": NAN})
    assert (found.state, found.opening) == (State.DIFFERS, "No. There is no MAP.")
    assert found.sentence == "The density grows without limit as tau goes to 0. The posterior stands."
    assert found.advice.startswith("Report the NUTS posterior.")


def test_no_convergence_and_no_mode() -> None:
    found = say(mode=NO_MODE, sampler=CHAOS, tau={"z": NAN, "map": NAN})
    assert (found.state, found.opening) == (State.NO_VERDICT, "No verdict.")
    assert found.sentence.startswith("NUTS did not converge (")
    assert "30 divergences" in found.sentence
    assert "R-hat 1.034" in found.sentence
    assert found.sentence.endswith(", and the model has no mode: its density grows without limit as tau goes to 0.")


def test_no_convergence() -> None:
    found = say(sampler=CHAOS, tau={})
    assert (found.state, found.opening) == (State.NO_VERDICT, "No verdict.")
    assert "no mode" not in found.sentence
    assert "Raise the number of draws" in found.advice


def test_smaller_steps_are_for_divergences() -> None:
    assert "Raise target_accept or the number of draws" in say(sampler=CHAOS, divergences=30, tau={}).advice


def test_a_suspect_mode() -> None:
    found = say(mode=fit("map", Status.SUSPECT, (Reason(Code.DRAWS_ABOVE, figures={"draws": 3, "gain": 2.0}),)), tau={})
    assert (found.state, found.opening, found.deciding) == (State.NO_VERDICT, "No verdict.", "optimiser")
    assert "3 NUTS draws lie above this mode" in found.sentence
    assert "no MAP" not in found.opening


def test_reasons_of_the_layers() -> None:
    column = {"z": np.array([-1.141]), "z_mcse": np.array([0.04])}
    column |= {"sd_ratio": np.array([16.71]), "sd_ratio_mcse": np.array([0.4])}
    assert spoken(sentence.location("tau", column, 0).text) == "tau: z = \N{MINUS SIGN}1.14 ± 0.04"
    assert spoken(sentence.spread("tau", column, 0).text) == "tau: Laplace sd ratio 16.7 ± 0.4"


def test_a_large_mean_has_its_power_of_ten() -> None:
    written = sentence._mean(pd.Series({"mean": -3.21e50, "mcse_mean": 2e48}))
    assert written.replace("\N{NO-BREAK SPACE}", " ") == "−3.2 × 10⁵⁰"


@pytest.mark.parametrize(
    "mode", [fit("map"), NO_MODE, fit("map", Status.SUSPECT, (Reason(Code.ONE_START, figures={"starts": 16}),))]
)
@pytest.mark.parametrize("sampler", [SOUND, SamplerFigures(1.2, 20.0, "tau", "mu", 4000, 90, 0.9)])
def test_no_state_is_read_from_words(monkeypatch: pytest.MonkeyPatch, mode: Fit, sampler: SamplerFigures) -> None:
    """With bare codes for sentences, the verdict is the same."""

    def bare(reason: Fact) -> str:
        return str(reason.code)

    monkeypatch.setattr(wording, "WORDS", dict.fromkeys(Code, bare))
    silent = say(mode=mode, sampler=sampler, tau={})
    monkeypatch.undo()
    told = say(mode=mode, sampler=sampler, tau={})
    assert (silent.state, silent.opening, silent.deciding) == (told.state, told.opening, told.deciding)
