"""The report as data: what is on the first screen, in which order, and with which figures."""

from __future__ import annotations

import dataclasses
import math

import pytest

from bayescompare.metrics.verdict import Layer, State
from bayescompare.reasons import told
from bayescompare.report import to_html
from bayescompare.report.comparison.document import build
from bayescompare.report.comparison.headlines import headlines
from bayescompare.report.comparison.scalars import read
from bayescompare.report.figures import Multiples, Ranks
from bayescompare.report.parts import Details, Headline, LayerRow, Section, Table
from bayescompare.report.parts import State as Shown
from bayescompare.report.svg.primitives import Scale, forest_row, gauge
from bayescompare.report.words import Link, plain_text
from bayescompare.results.comparison import Comparison
from bayescompare.results.display import displayed
from tests.report.factory import Made, make
from tests.report.further import prediction


def heads_of(comparison: Comparison) -> list[Headline]:
    return headlines(comparison, read(comparison))


def within[Kind](section: Section, kind: type[Kind]) -> Kind:
    """The first part of a kind, those that are folded too."""
    folded = [inner for part in section.parts for inner in (part.parts if isinstance(part, Details) else (part,))]
    return next(part for part in folded if isinstance(part, kind))


def test_the_forest_holds_nine_scalars_the_most_shifted_first() -> None:
    forest = build(make("differs", 18)).first.forest
    assert len(forest.rows) == 9
    shifts = [abs(row.mode) for row in forest.rows]
    assert shifts == sorted(shifts, reverse=True)
    assert plain_text(forest.heading) == "Where the MAP sits: the nine scalars it moves most"
    assert plain_text(build(make("same", 1)).first.forest.heading) == "Where the MAP sits: the one scalar"
    assert plain_text(build(make("same", 3)).first.forest.heading) == "Where the MAP sits: all three scalars"


def test_the_four_figures_have_errors_and_say_where_their_evidence_is() -> None:
    heads = heads_of(make("differs"))
    assert [head.label for head in heads] == [
        "Predictive variance discarded",
        "Largest shift of a parameter",
        "Laplace sd farthest off",
        "Gain in leave-one-out elpd",
    ]
    assert [str(head.number).replace("\N{NO-BREAK SPACE}", " ") for head in heads[:1]] == ["15.0 ± 0.3"]
    for head in heads:
        assert head.number.error
    assert [plain_text(head.text).split(" ")[0] for head in heads[1:3]] == ["mu:", "mu:"]
    links = [part.section for head in heads for part in head.text if isinstance(part, Link)]
    assert links == ["prediction", "marginals", "table", "prediction"]
    assert [head.unit for head in heads] == ["%", "sd", "×", "nats"]


def test_a_decision_that_was_asked_for_takes_the_place_of_elpd() -> None:
    head = heads_of(make("differs", losses=True))[3]
    assert head.label == "Largest extra expected loss"
    assert str(head.number).replace("\N{NO-BREAK SPACE}", " ") == "14.8 ± 0.9"
    assert "pinball(0.9) on mu" in plain_text(head.text)


@pytest.mark.parametrize(
    ("gain", "said"),
    [(-0.34, "No detectable gain"), (-1.5, "The plug-in predicts better"), (1.5, "The posterior predicts better")],
)
def test_the_gain_is_read_by_its_error_over_observations(gain: float, said: str) -> None:
    comparison = make("differs")
    found = prediction(dict(comparison.pointwise["y"]), gain)
    head = heads_of(displayed(dataclasses.replace(comparison, prediction=found)))[3]
    assert plain_text(head.text).startswith(said)


def test_without_prediction_other_figures_take_its_place() -> None:
    heads = heads_of(dataclasses.replace(make("differs"), prediction={}, pointwise={}))
    assert [head.label for head in heads] == [
        "Largest shift of a parameter",
        "Laplace sd farthest off",
        "Largest extra absolute error",
        "Largest distance of a Laplace marginal",
    ]


def test_warnings_of_the_models_audit_stand_under_the_layers_and_notes_do_not() -> None:
    first = build(make("differs")).first
    assert [plain_text(said) for said in first.warnings] == ["column 2 of x is constant"]
    many = tuple(make("differs").findings[:1]) * 5
    warnings = build(dataclasses.replace(make("differs"), findings=many)).first.warnings
    assert [plain_text(said).replace("\N{NO-BREAK SPACE}", " ") for said in warnings[3:]] == ["and 2 more warnings"]


def test_without_laplace_other_figures_take_its_place() -> None:
    heads = heads_of(make("differs", made=Made(shift=-1.1, laplace=False)))
    assert len(heads) == 4
    assert not any("Laplace" in head.label for head in heads)


def test_where_a_gate_failed_nothing_is_compared() -> None:
    first = build(make("no_verdict")).first
    assert first.state == "failed"
    assert first.forest.grey
    assert all(math.isnan(row.mode) for row in first.forest.rows)
    assert all(row.mode_text == "none" for row in first.forest.rows)
    assert [head.label for head in first.heads] == [
        "Divergences",
        "Worst R-hat",
        "Smallest ESS",
        "The MAP",
    ]
    assert all("required" in plain_text(head.text) for head in first.heads[:3])
    assert "the density is unbounded" in plain_text(first.heads[3].text)


def test_a_mode_that_does_not_exist_is_said_where_only_the_optimiser_failed() -> None:
    comparison = make("no_verdict")
    nuts = make("same").fits["nuts"]
    layers = dict(comparison.verdict.layers) | {"sampler": make("same").verdict.layers["sampler"]}
    comparison = dataclasses.replace(
        comparison,
        fits=dict(comparison.fits) | {"nuts": nuts},
        verdict=dataclasses.replace(comparison.verdict, layers=layers),
    )
    first = build(displayed(comparison)).first
    assert plain_text(first.forest.heading) == "The posterior"
    assert first.heads[0].label == "The MAP"
    assert str(first.heads[0].number) == "none"
    assert all("held" in plain_text(head.text) for head in first.heads[1:])


def test_layers_appear_as_they_come_with_margins_in_peoples_units() -> None:
    first = build(make("same")).first
    assert [row.name for row in first.layers] == ["joint", "coordinates"]
    assert [row.name for row in first.rest] == [
        "optimiser",
        "sampler",
        "decision",
        "location",
        "prediction",
        "spread",
    ]
    said = "Sound: optimiser, sampler. Same: location, prediction, spread. Not computed: decision."
    assert plain_text(first.rest_line) == said
    margins = [row.margin.replace("\N{NO-BREAK SPACE}", " ") for row in (*first.rest, *first.layers)]
    assert margins == ["", "", "", "≤ 0.2 sd", "≤ 5 %", "≤ 20 %", "≤ 0.7", "≤ 0.2 sd"]


def test_focal_quantities_are_the_users_else_those_that_differ_a_variable_each() -> None:
    comparison = make("differs")
    assert [one.name.text for one in build(comparison).first.focal] == ["mu", "tau", "theta[School 1]"]
    table = comparison.table.assign(kind=["quantity" if name == "tau" else "free" for name in comparison.table.index])
    first = build(dataclasses.replace(comparison, table=table)).first
    assert [one.name.text for one in first.focal] == ["tau"]
    rows = first.focal[0].strips.rows
    assert [plain_text(row.header) for row in rows] == ["posterior", "MAP, Laplace"]


def test_the_axis_of_a_scale_does_not_leave_its_range() -> None:
    for made in (Made(shift=-1.14), Made(shift=-1.14, boundary=True)):
        for one in build(make("differs", made=made)).first.focal:
            axis = one.strips.axes[0]
            assert axis is not None
            assert axis.lower >= 0.0 or one.name.text != "tau"


def test_a_margin_is_in_the_unit_of_its_criterion() -> None:
    comparison = make("same")
    layers = {
        "prediction": Layer("prediction", State.SAME, told(""), 0.5, 0.01, 1.0, criterion="elpd"),
        "joint": Layer("joint", State.SAME, told(""), 0.01, 0.01, 0.05, criterion="basins"),
        "decision": Layer("decision", State.SAME, told(""), 0.01, 0.01, 0.05, criterion="squared on mu"),
    }
    verdict = dataclasses.replace(comparison.verdict, layers=layers)
    rows = build(dataclasses.replace(comparison, verdict=verdict)).first.rest
    assert [row.margin.replace("\N{NO-BREAK SPACE}", " ") for row in rows] == ["≤ 1 nats", "≤ 5 %", "≤ 5 %"]


def test_the_table_keeps_the_models_order_and_the_verdicts_rule() -> None:
    comparison = make("differs", 18)
    sections = {section.id: section for section in build(comparison).sections}
    table = within(sections["table"], Table)
    assert [plain_text(row.header) for row in table.rows] == list(comparison.table.index)
    states = [cell.kind for row in table.rows for cell in row.cells if isinstance(cell, Shown)]
    assert states[0] == "differs"
    assert set(states) <= {"same", "differs", "undecided"}
    assert sum(span for _, span in table.groups) == len(table.columns)


def test_rank_histograms_count_every_draw() -> None:
    comparison = make("same")
    section = next(s for s in build(comparison).sections if s.id == "diagnostics")
    ranks = within(section, Ranks)
    assert ranks.counts.sum(axis=1).tolist() == [250] * 4
    assert ranks.counts.sum(axis=0).tolist() == [50] * 20


def test_the_large_marginal_is_the_scalar_that_decides() -> None:
    comparison = make("differs")
    location = dataclasses.replace(comparison.verdict.layers["location"], scalar="theta[School 3]")
    layers = dict(comparison.verdict.layers) | {"location": location}
    comparison = dataclasses.replace(comparison, verdict=dataclasses.replace(comparison.verdict, layers=layers))
    section = next(s for s in build(comparison).sections if s.id == "marginals")
    assert "theta[School 3]" in plain_text(section.finding)


@pytest.mark.parametrize(("gap", "drawn"), [(0.5, "circle"), (9.0, "dash"), (math.nan, "")])
def test_gauges(gap: float, drawn: str) -> None:
    svg = str(gauge(LayerRow("location", Shown("same"), (), gap, 0.1, "")))
    assert drawn in svg
    assert bool(svg) == (not math.isnan(gap))


def test_what_leaves_the_axis_ends_in_an_arrowhead() -> None:
    forest = build(make("differs", made=Made(shift=40.0, ratio=100.0))).first.forest
    svg = str(forest_row(forest.rows[0], forest))
    assert 'class="mf" d="M7 0' in svg
    assert 'class="la"' in svg
    assert 'class="map"' not in svg


def test_positions_stay_on_the_axis() -> None:
    scale = Scale(-2.0, 2.0)
    assert scale(0.0) == 50.0
    assert scale.clipped(9.0) == 100.0
    assert not scale.holds(math.nan)


def test_severity_looks_at_location_and_spread_in_margins() -> None:
    rows = read(make("spread_only", 5))
    assert rows.by_severity[0].name == "mu"
    assert rows.worst("mle") is None


def test_where_spread_decides_the_marginals_are_ordered_by_it() -> None:
    section = next(s for s in build(make("spread_only")).sections if s.id == "marginals")
    multiples = within(section, Multiples)
    assert multiples.heading == "The next 8, by Laplace sd ratio"
    assert all(curve.label.startswith("sd ratio") for curve in multiples.curves)


def test_a_model_without_a_question_gets_one() -> None:
    comparison = make("same")
    model = dataclasses.replace(comparison.model, question="")
    sections = build(dataclasses.replace(comparison, model=model)).sections
    text = plain_text(next(section for section in sections if section.id == "asked").finding)
    assert text.endswith("How far is its MAP from its posterior?")


def test_the_marginal_mode_has_a_mark_of_its_own_in_the_forest_and_columns_in_the_table() -> None:
    made = make("differs")
    table = made.table.assign(marginal_map=made.table["mean"] + made.table["sd"], marginal_sd=2 * made.table["sd"])
    page = to_html(dataclasses.replace(made, table=table))
    assert page.count('<path class="xf" d="M-4') == 9
    for words in ("marginal MAP</li>", "marginal Laplace sd"):
        assert words in page
    assert "marginal MAP" not in to_html(made)
