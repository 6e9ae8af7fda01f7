"""What changed from one comparison to another, and by more than Monte-Carlo error."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

import bayescompare as bc
from bayescompare.cli.diff import lines
from bayescompare.metrics.verdict import critical
from bayescompare.report import difference_to_html
from bayescompare.report.comparison.changes import ROWS
from bayescompare.results.comparison import Comparison
from bayescompare.results.difference import Difference, difference, fingerprint
from tests.report.factory import make
from tests.report.further import figure
from tests.report.test_ladder_in_words import NUTS, RUNGS, rung
from tests.report.test_report_html import ATTRIBUTES, HOSTILE, TAGS, Page


def compared(before: Comparison, after: Comparison) -> Difference:
    return difference(before, after, same_model=True)


def moved(comparison: Comparison, errors: float, column: str = "mean", error: str = "mcse_mean") -> Comparison:
    """With one scalar's figure moved by so many joint errors."""
    table = comparison.table.copy()
    table.loc["mu", column] += errors * math.sqrt(2) * table.loc["mu", error]
    return dataclasses.replace(comparison, table=table)


def test_a_comparison_does_not_differ_from_itself_or_from_its_report(tmp_path: Path) -> None:
    comparison = make("differs", losses=True)
    path = tmp_path / "r.html"
    comparison.to_html(path)
    for other in (comparison, bc.open(path)):
        found = difference(comparison, other, same_model=True)
        assert found.beyond == ()
        assert found.moved == ()
        assert found.asked == ()
        assert not found.verdict_changed
        assert len(found.changes) > 150
        assert all(change.errors == 0 for change in found.changes)


@pytest.mark.parametrize("near", [0.98, 1.02])
def test_a_change_counts_from_the_critical_multiple_on(near: float) -> None:
    comparison = make("differs")
    count = len(compared(comparison, comparison).changes)
    multiple = critical(count)
    found = compared(comparison, moved(comparison, near * multiple))
    assert found.multiple == multiple
    assert [(c.what, c.of) for c in found.beyond] == ([("mean", "mu")] if near > 1 else [])
    assert max(c.errors for c in found.changes) == pytest.approx(near * multiple)


def test_independent_runs_are_rarely_called_different() -> None:
    """Figures of one truth seen with their errors: at most 2 · 0.0228 of pairs of runs have one beyond."""
    rng = np.random.default_rng(0)
    comparison = make("differs", 6)
    wrong = 0
    runs = 200
    for _ in range(runs):
        pair = []
        for _ in range(2):
            table = comparison.table.copy()
            for column, error in (("mean", "mcse_mean"), ("sd", "mcse_sd"), ("z", "z_mcse")):
                table[column] += table[error] * rng.standard_normal(len(table))
            pair.append(
                dataclasses.replace(comparison, table=table[["mean", "mcse_mean", "sd", "mcse_sd", "z", "z_mcse"]])
            )
        wrong += bool(compared(*pair).beyond)
    expected = 2 * 0.0228
    assert wrong / runs < expected + 3 * math.sqrt(expected / runs)


def test_a_mode_that_is_another_point_is_a_change() -> None:
    comparison = make("differs")
    table = comparison.table.copy()
    table.loc["mu", "map"] += 0.002 * table.loc["mu", "sd"]
    table.loc["tau", "map"] += 0.0005 * table.loc["tau", "sd"]
    found = compared(comparison, dataclasses.replace(comparison, table=table))
    assert [(c.what, c.of) for c in found.beyond] == [("map", "mu")]


@pytest.mark.parametrize(("after", "changed"), [(np.nextafter(-2406.5853799599936, 0), False), (-2406.58, True)])
def test_a_figure_without_an_error_changes_by_more_than_rounding(after: float, changed: bool) -> None:
    comparison = make("differs")
    exact = (
        dataclasses.replace(comparison, joint={**comparison.joint, "log_evidence_psis": figure(value, 0.0)})
        for value in (-2406.5853799599936, after)
    )
    found = compared(*exact)
    assert [(c.what, c.of) for c in found.beyond] == [("log_evidence_psis", "joint")] * changed
    assert ("no error" in difference_to_html(found, ("a", "b"))) == changed


def test_figures_of_joint_prediction_decisions_and_sensitivity_are_compared() -> None:
    comparison = make("differs", losses=True)
    loss = {**comparison.decisions[0], "regret": figure(0.9, 0.02)}
    sensitivity = {**comparison.sensitivity, "prior": {**comparison.sensitivity["prior"]}}
    sensitivity["prior"]["mu"] = {**sensitivity["prior"]["mu"], "power_scaling": figure(0.5, 0.008)}
    other = dataclasses.replace(
        comparison,
        joint={**comparison.joint, "typicality": figure(2.0, 0.01)},
        prediction={**comparison.prediction, "variance_discarded": figure(0.3, 0.002)},
        decisions=(loss, comparison.decisions[1]),
        sensitivity=sensitivity,
    )
    assert {(c.what, c.of) for c in compared(comparison, other).beyond} == {
        ("typicality", "joint"),
        ("variance_discarded", "prediction"),
        ("regret", "pinball(0.9) on mu"),
        ("power_scaling of the prior", "mu"),
    }


def test_verdicts_layers_settings_and_scalars_that_differ_are_named() -> None:
    before, after = make("differs", 5), make("same", 4)
    after = dataclasses.replace(after, settings={**after.settings, "seed": 7, "sampler": {"draws": 500}})
    found = compared(before, after)
    assert found.verdict_changed
    assert {one.layer for one in found.moved} >= {"location", "spread", "prediction"}
    assert ("seed", "1", "7") in found.asked
    assert ("sampler draws", "250", "500") in found.asked
    assert ("sampler tune", "1000", "not set") in found.asked
    assert (found.only_before, found.only_after) == (("theta[School 3]",), ())


def test_fingerprints_are_read_of_both_kinds(tmp_path: Path) -> None:
    comparison = make("same", 3)
    path = tmp_path / "r.html"
    comparison.to_html(path)
    assert fingerprint(comparison) == fingerprint(bc.open(path)) == "0123abcd"


def checked(text: str) -> str:
    page = Page(text)
    assert page.raw["script"] == []
    assert len(page.raw["style"]) == 1
    assert {tag for tag, _ in page.elements} <= TAGS
    assert {key for _, attributes in page.elements for key in attributes} <= ATTRIBUTES
    policy = next(a["content"] or "" for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    return " ".join("".join(page.words).split())


def test_the_page_says_what_changed() -> None:
    before, after = make("differs", 5), make("same", 5)
    text = checked(difference_to_html(compared(before, after), ("a.nc", "b.html")))
    assert "The verdict changed." in text
    assert before.verdict.overall.sentence in text
    assert after.verdict.overall.sentence in text
    assert "a.nc before, b.html after" in text
    same = checked(difference_to_html(compared(before, before), ("a", "b")))
    assert "Nothing changed." in same
    assert "Every layer has the state it had." in same


def test_many_changes_are_cut_and_said_to_be() -> None:
    before = make("differs", 150)
    table = before.table.copy()
    table["mean"] += 10.0
    found = compared(before, dataclasses.replace(before, table=table))
    assert len(found.beyond) == 150
    text = checked(difference_to_html(found, ("a", "b")))
    assert f"{150 - ROWS} figures more moved" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    before = make("differs", labels=[text, "b", "c"])
    after = dataclasses.replace(
        make("same", labels=[text, "d", "e"]), settings={text: text, "sampler": {text: 1}}, decisions=()
    )
    rendered = difference_to_html(difference(before, after, same_model=False), (text, text))
    checked(rendered)
    assert "\u202e" not in rendered
    assert "\x1b" not in rendered


def test_a_method_that_is_no_longer_enough_is_told(tmp_path: Path) -> None:
    before = dataclasses.replace(make("differs"), rungs=RUNGS)
    worse = rung("laplace_psis", 0.4, "differs", "same", "differs")
    worse["location"] = {**worse["location"], "figure": 0.4}
    after = dataclasses.replace(before, rungs=(*RUNGS[:2], worse, NUTS))
    sides = []
    for of, name in ((before, "a"), (after, "b")):
        of.to_html(tmp_path / f"{name}.html")
        sides.append(bc.open(tmp_path / f"{name}.html"))
    for pair in ((before, after), sides):
        found = difference(*pair, same_model=True)  # type: ignore[arg-type]
        assert [(m.layer, m.before, m.after) for m in found.rungs] == [
            ("marginal Laplace", "same", "not there"),
            ("the Laplace approximation with importance weights", "same", "differs"),
        ]
        assert [(c.what, c.of, c.before, c.after) for c in found.beyond] == [
            ("location", "the Laplace approximation with importance weights", 0.1, 0.4)
        ]
        assert not found.verdict_changed
    assert "the ladder changed" in difference_to_html(found, ("a", "b"))
    told = "".join(text for line in lines(found) for text, _ in line)
    assert "marginal Laplace" in told
    assert compared(before, dataclasses.replace(after, rungs=())).rungs == ()
