"""The sections beyond the marginals: what their figures show, where positions and counts can be checked by hand."""

from __future__ import annotations

import dataclasses
import math
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayescompare.metrics.verdict import State
from bayescompare.report.comparison.document import build
from bayescompare.report.figures import Graph, Node, Plot, Series
from bayescompare.report.parts import Details, Part, Prose, Section, Strips, Table
from bayescompare.report.svg.axes import plot, strip
from bayescompare.report.svg.graphs import graph
from bayescompare.report.words import Name, plain_text
from bayescompare.results.comparison import Comparison
from bayescompare.results.display import displayed
from bayescompare.workflow.by_observation import frequencies
from tests.report import further
from tests.report.factory import Made, make


def section(comparison: Comparison, wanted: str) -> Section:
    return next(s for s in build(comparison).sections if s.id == wanted)


def parts(found: Section, kind: type[Any]) -> list[Any]:
    """All parts of a kind, those behind a summary too."""

    def walk(several: tuple[Part, ...]) -> list[Part]:
        return [p for part in several for p in (part, *(walk(part.parts) if isinstance(part, Details) else []))]

    return [part for part in walk(found.parts) if isinstance(part, kind)]


def words(found: Section) -> str:
    return plain_text(found.finding).replace("\N{NO-BREAK SPACE}", " ")


def with_observations(n: int, whole: bool = False) -> Comparison:
    arrays = further.pointwise(n)
    if whole:
        arrays["observed"] = np.round(arrays["observed"])
    prediction = further.prediction(arrays)
    return displayed(dataclasses.replace(make("differs"), pointwise={"y": arrays}, prediction=prediction))


def series(part: Plot, kind: str, css: str | None = None) -> list[Series]:
    return [s for s in part.series if s.kind == kind and css in (None, s.css)]


# -- prediction ------------------------------------------------------------------------------------


def test_few_observations_have_a_line_each_with_both_predictions() -> None:
    arrays = further.pointwise()
    strips = parts(section(make("differs"), "prediction"), Strips)
    assert [len(part.rows) for part in strips] == [8, 2]
    marks = strips[0].rows[0].cells[0].marks
    assert [(m.kind, m.css) for m in marks] == [
        ("thin", "post"),
        ("thick", "post"),
        ("thin", "map"),
        ("thick", "map"),
        ("dot", "obs"),
    ]
    assert (marks[0].start, marks[0].end) == (arrays["q2.5"][0], arrays["q97.5"][0])
    assert (marks[3].start, marks[3].end) == (arrays["plugin_q10"][0], arrays["plugin_q90"][0])
    assert marks[4].start == arrays["observed"][0]
    gains = [row.cells[2].replace("\N{MINUS SIGN}", "-") for row in strips[0].rows]
    assert [float(text) for text in gains] == pytest.approx(arrays["elpd_loo"] - arrays["elpd_plugin"], abs=0.005)
    pit = [mark.start for mark in strips[1].rows[0].cells[0].marks]
    assert pit == sorted(arrays["pit"])


def test_many_observations_have_bands_gains_and_histograms() -> None:
    n = 400
    comparison = with_observations(n)
    arrays = comparison.pointwise["y"]
    bands, gains, pit = parts(section(comparison, "prediction"), Plot)
    assert len(series(bands, "points")[0].x) == 150
    assert "150 of 400" in plain_text(bands.caption)
    outer, inner = series(bands, "area")
    assert all(a >= b for a, b in zip(outer.y, inner.y, strict=True))
    assert list(series(bands, "area")[0].y) == sorted(series(bands, "area")[0].y)
    drawn = series(gains, "points")[0]
    gain = arrays["elpd_loo"] - arrays["elpd_plugin"]
    assert (drawn.y[0], drawn.y[-1]) == (gain.min(), gain.max())
    assert list(drawn.y) == sorted(drawn.y)
    line = series(pit, "line", "post")[0]
    below = [np.mean(arrays["pit"] <= level) - level for level in line.x]
    assert line.y == pytest.approx(below, abs=1e-12)
    # A uniform sample leaves the band, anywhere, one time in twenty.
    half = series(pit, "area", "zone")[0].y[0]
    samples = np.random.default_rng(0).random((2000, n))
    leaves = np.mean([stats.kstest(sample, "uniform").statistic > half for sample in samples])
    assert leaves == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 2000))


def with_data(comparison: Comparison, term: str, labels: Any, values: np.ndarray) -> Comparison:
    data = xr.Dataset({term: (("t",), values)}, coords={"t": labels})
    return displayed(dataclasses.replace(comparison, data=data))


def test_two_values_have_a_calibration_curve_alone() -> None:
    comparison = with_observations(100)
    arrays = {**comparison.pointwise["y"], "observed": (np.arange(100) % 2).astype(float)}
    arrays["mean"] = np.linspace(0.02, 0.98, 100)
    shown = displayed(dataclasses.replace(comparison, pointwise={"y": arrays}))
    assert [p.title for p in parts(section(shown, "prediction"), Plot)] == [
        "Calibration of y",
        "elpd gain of each observation of y",
    ]
    curve = shown.display["terms"]["y"]["mean"]
    sizes = [len(part) for part in np.array_split(np.arange(100), len(curve["low"]))]
    for end, level in (("low", 0.025), ("high", 0.975)):
        np.testing.assert_array_equal(curve[end], stats.binom.ppf(level, sizes, curve["predicted"]) / sizes)


@pytest.mark.parametrize(
    ("labels", "marks"),
    [
        (np.arange("2001-03", "2003-08", dtype="datetime64[M]").astype("datetime64[ns]"), ("2001-03", "2001-07")),
        ([f"1999-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(29)], ("1999-01-05", "1999-01-13")),
        (np.arange(1850, 1879), ("1850", "1870")),
    ],
)
def test_dates_and_years_are_in_order_along_an_axis_that_says_them(labels: Any, marks: tuple[str, ...]) -> None:
    comparison = with_observations(29)
    arrays = comparison.pointwise["y"]
    found = section(with_data(comparison, "y", labels, arrays["observed"]), "prediction")
    bands = parts(found, Plot)[0]
    assert series(bands, "points")[0].y == tuple(arrays["observed"])
    assert set(marks) <= {label for _, label in bands.x.marks}
    assert all(bands.x.lower <= at <= bands.x.upper for at, _ in bands.x.marks)


def test_numbered_rows_are_no_order_and_names_have_a_line_each() -> None:
    comparison = with_observations(18)
    observed = comparison.pointwise["y"]["observed"]
    numbered = section(with_data(comparison, "y", np.arange(1, 19), observed), "prediction")
    assert parts(numbered, Plot)[0].x.label == "observation, by predicted median"
    names = [f"hospital {chr(65 + i)}" for i in range(18)]
    named = parts(section(with_data(comparison, "y", names, observed), "prediction"), Strips)[0]
    assert [plain_text(row.header) for row in named.rows] == names


def test_a_joint_density_has_its_replications_in_order() -> None:
    comparison = with_observations(30)
    none = further.figure(None, None, "one joint density")
    arrays = {k: x for k, x in comparison.pointwise["y"].items() if "elpd" not in k and "pit" not in k}
    found = further.prediction(dict(comparison.pointwise["y"]))
    found["terms"]["y"]["elpd_loo"] = none
    comparison = displayed(dataclasses.replace(comparison, prediction=found, pointwise={"y": arrays}))
    bands = parts(section(comparison, "prediction"), Plot)[0]
    assert series(bands, "points")[0].y == tuple(arrays["observed"])
    assert "whole new series" in plain_text(bands.caption)


def test_counts_have_a_hanging_rootogram() -> None:
    rng = np.random.default_rng(5)
    observed, replicated = rng.poisson(3.0, 100).astype(float), rng.poisson(3.0, (400, 100)).astype(float)
    comparison = with_observations(100)
    found = further.prediction(dict(comparison.pointwise["y"]))
    found["terms"]["y"]["counts"] = frequencies(observed, replicated, replicated)
    arrays = {**comparison.pointwise["y"], "observed": observed}
    comparison = displayed(dataclasses.replace(comparison, prediction=found, pointwise={"y": arrays}))
    drawn = parts(section(comparison, "prediction"), Plot)
    assert not any("PIT" in plot.title for plot in drawn)
    bars = series(drawn[0], "bars")[0]
    seen = np.bincount(np.minimum(observed, len(bars.y) - 1).astype(int), minlength=len(bars.y))
    assert (np.array(bars.y) - np.array(bars.base)) ** 2 == pytest.approx(seen, abs=1e-9)
    expected = 100 * stats.poisson(3.0).pmf(np.arange(len(bars.y) - 1))
    assert np.array(bars.y[:-1]) ** 2 == pytest.approx(expected, abs=5 * math.sqrt(25 / 400))


def test_prediction_says_what_it_costs() -> None:
    comparison = make("differs")
    arrays = dict(comparison.pointwise["y"])

    def said(gain: float, share: float | None = 0.1496) -> str:
        found = further.prediction(arrays, gain)
        found["variance_discarded"] = further.figure(share, 0.003 if share else None, "not numbers")
        return words(section(displayed(dataclasses.replace(comparison, prediction=found)), "prediction"))

    left_out = "Predictions from the MAP leave out 15.0 ± 0.3 % of their variance; "
    assert said(-0.34) == left_out + "no detectable gain in elpd over 8 observations."
    assert said(2.0) == left_out + "the posterior predicts left-out observations 2.0 ± 0.2 nats better."
    assert said(-2.0, None) == "The plug-in predicts left-out observations 2.0 ± 0.2 nats better."


def test_what_was_not_computed_has_its_reason_in_place() -> None:
    comparison = make("differs")
    arrays = {"observed": comparison.pointwise["y"]["observed"]}
    none = further.figure(None, None, "the likelihood does not factorise")
    found = further.prediction(dict(comparison.pointwise["y"]))
    for key in ("elpd_loo", "elpd_plugin", "elpd_plugin_in_sample", "elpd_diff", "elpd_diff_se", "variance_discarded"):
        found[key] = found["terms"]["y"][key] = none
    found |= {"coverage": [], "coverage_difference": none}
    comparison = dataclasses.replace(comparison, prediction=found, pointwise={"y": arrays})
    text = " ".join(plain_text(p.words) for p in parts(section(comparison, "prediction"), Prose))
    assert text.count("the likelihood does not factorise") == 0
    assert section(comparison, "prediction").parts == ()
    one_line = "elpd, variance and coverage not computed: the likelihood does not factorise."
    assert words(section(comparison, "prediction")) == one_line


def test_several_likelihoods_have_a_table() -> None:
    comparison = make("differs")
    arrays = dict(comparison.pointwise["y"])
    found = further.prediction(arrays)
    found["terms"] = {f"y{i}": found["terms"]["y"] for i in range(5)}
    comparison = dataclasses.replace(comparison, prediction=found, pointwise={f"y{i}": arrays for i in range(5)})
    tables = {table.label: table for table in parts(section(comparison, "prediction"), Table)}
    assert len(tables["Prediction by likelihood"].rows) == 5
    assert "2\N{NO-BREAK SPACE}more likelihoods without a figure here." in [
        plain_text(p.words) for p in parts(section(comparison, "prediction"), Prose)
    ]


# -- the joint picture -----------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 10, 300])
def test_the_histogram_of_depths_holds_all_draws_and_stands_beside_chi_squared(d: int) -> None:
    comparison = make("differs")
    model = dataclasses.replace(comparison.model, parameters=d)
    found = section(dataclasses.replace(comparison, model=model, joint=further.joint(d)), "joint")
    drawn = parts(found, Plot)[0]
    bars, reference = series(drawn, "bars")[0], series(drawn, "line", "ref")[0]
    # The outermost half level on either side (0.25 %) has no quantile.
    assert sum(bars.y) == pytest.approx(1.0, abs=0.006)
    law = stats.chi2(d, scale=1.25)
    assert bars.y == pytest.approx(np.diff(law.cdf(bars.x)), abs=0.012)
    width = bars.x[1] - bars.x[0]
    assert reference.y == pytest.approx(width * stats.chi2(d).pdf(reference.x), rel=1e-9)
    assert words(found).startswith(f"On average the draws lie {f'{1.25 * d / 2:.3g}'} nats below the mode")
    assert (drawn.off is not None) == (d == 300)


def test_a_map_on_the_boundary_is_off_the_axis() -> None:
    comparison = make("differs")
    fit = dataclasses.replace(comparison.fits["map"], unconstrained=np.array([0.0, -np.inf]))
    found = section(dataclasses.replace(comparison, fits=dict(comparison.fits) | {"map": fit}), "joint")
    off = parts(found, Plot)[0].off
    assert off is not None
    assert off[1] == "MAP: on the boundary, T is infinite"


def test_basins_are_bars_of_draws_and_of_laplace_mass() -> None:
    basins = parts(section(make("differs"), "joint"), Strips)[0]
    assert [[mark.end for mark in row.cells[0].marks] for row in basins.rows] == [[0.72, 0.7], [0.28, 0.3]]


# -- coordinates and path --------------------------------------------------------------------------


def test_the_steps_from_map_to_mean_add_up() -> None:
    comparison = make("differs")
    row = comparison.table.iloc[0]
    steps = parts(section(comparison, "coordinates"), Strips)[0].rows
    bars = [next(m for m in r.cells[0].marks if m.kind == "bar") for r in steps[1:]]
    assert [bar.start for bar in bars] == pytest.approx([0.0, bars[0].end, bars[1].end])
    assert bars[-1].end == pytest.approx(-row["z"])


def test_the_path_is_in_posterior_sd_from_the_mean() -> None:
    comparison = make("differs")
    drawn = parts(section(comparison, "coordinates"), Plot)[0]
    lines = [s for s in drawn.series if s.css == "map path"]
    assert len(lines) == 6
    table = comparison.table
    for line in lines:
        row = table.loc[line.label]
        assert math.isnan(line.y[0])
        assert line.y[-1] == pytest.approx((row["map"] - row["mean"]) / row["sd"])
        assert line.y[-1] - line.y[1] == pytest.approx(-1.9 / row["sd"])
    assert "At 0 there is no mode: the density is flat" in plain_text(drawn.caption)


def test_without_an_unconstrained_mode_or_a_path_there_is_a_sentence() -> None:
    comparison = make("differs", made=Made(shift=-1.1, laplace=False))
    table = comparison.table.assign(shift_coordinates=math.nan)
    found = section(dataclasses.replace(comparison, table=table, path={}), "coordinates")
    assert words(found) == "No unconstrained mode was found to set beside the MAP."
    assert parts(found, Plot) == []


def test_coordinates_that_do_not_matter_are_said_not_to() -> None:
    comparison = make("same")
    table = comparison.table.assign(shift_coordinates=0.0, shift_pushforward=0.0)
    assert "the same on the model’s own scale" in words(
        section(displayed(dataclasses.replace(comparison, table=table)), "coordinates")
    )


# -- sensitivity and decisions ---------------------------------------------------------------------


def test_sensitivity_has_two_columns_of_dots_with_errors() -> None:
    strips = parts(section(make("differs"), "sensitivity"), Strips)[0]
    assert len(strips.rows) == 9
    prior, likelihood, reading = strips.rows[0].cells
    assert [m.start for m in prior.marks] == pytest.approx([-0.56, -0.5, -0.4])
    assert [m.start for m in likelihood.marks] == pytest.approx([0.44, 0.5, 0.4])
    assert prior.axis.upper == likelihood.axis.upper == -prior.axis.lower
    assert reading == "prior and data may conflict"
    assert strips.rows[3].cells[2] == "the data decide"  # 0.12/4 is below 0.05


def test_a_mode_without_sensitivity_says_why() -> None:
    comparison = dataclasses.replace(make("differs"), sensitivity=further.sensitivity(["mu"], modes=False))
    caption = plain_text(parts(section(comparison, "sensitivity"), Strips)[0].caption)
    assert "For the MAP there is none: the MAP lies on a boundary or a kink." in caption


def test_decisions_show_actions_regrets_and_choices() -> None:
    found = section(make("differs", losses=True), "decisions")
    table = parts(found, Table)[0]
    assert [plain_text(row.header) for row in table.rows] == ["pinball(0.9) on mu", "best of mu"]
    assert str(table.rows[0].cells[1]) == "7.9"
    choices = parts(found, Strips)[0]
    assert [row.cells[0].marks[0].end for row in choices.rows] == [0.4, 0.6]
    assert "Acting on the MAP costs 14.8 ± 0.9 % more expected loss" in words(found)


def test_an_error_larger_than_its_figure_is_not_put_into_words() -> None:
    comparison = make("differs", losses=True)
    several = [{**one, "relative_regret": further.figure(0.0001, 0.0005)} for one in comparison.decisions]
    found = words(section(dataclasses.replace(comparison, decisions=tuple(several)), "decisions"))
    assert found == "Acting on the MAP costs no detectable extra loss: pinball(0.9) on mu."


def test_the_authors_marks_of_stress_and_code_are_not_shown() -> None:
    comparison = make("differs")
    said = "Also called *ridge* or **L2**, with ``tau`` and 2 * x * y. One * alone."
    model = dataclasses.replace(comparison.model, description=said)
    texts = [plain_text(p.words) for p in parts(section(dataclasses.replace(comparison, model=model), "asked"), Prose)]
    assert "Also called ridge or L2, with tau and 2 * x * y. One * alone." in texts


# -- the whole -------------------------------------------------------------------------------------


def test_where_the_sampler_failed_no_section_claims_a_result_and_without_a_map_the_posterior_stands() -> None:
    comparison = make("no_verdict")
    sound = dataclasses.replace(comparison.verdict.layers["sampler"], state=State.SOUND)
    layers = dict(comparison.verdict.layers) | {"sampler": sound}
    stands = dataclasses.replace(comparison, verdict=dataclasses.replace(comparison.verdict, layers=layers))
    for wanted in ("prediction", "joint", "coordinates", "sensitivity"):
        assert "For diagnosis only" in words(section(comparison, wanted))
        assert "For diagnosis only" not in words(section(stands, wanted))
    for wanted in ("joint", "coordinates"):
        assert words(section(stands, wanted)) == "There is no MAP to set beside the posterior."
        assert section(stands, wanted).parts == ()


def test_the_model_is_a_graph_whose_nodes_have_the_states_of_their_scalars() -> None:
    comparison = make("differs")
    rows = (
        ("mu", "free", "", ()),
        ("theta", "free", "school (8)", ("mu",)),
        ("y", "observed", "school (8)", ("theta",)),
    )
    variables = {"mu": "same", "theta": "differs"}
    comparison = dataclasses.replace(
        comparison,
        model=dataclasses.replace(comparison.model, graph=rows),
        display={**comparison.display, "variables": variables},
    )
    found = parts(section(comparison, "asked"), Graph)[0]
    predicted = str(comparison.verdict.layers["prediction"].state)
    assert [n.state for n in found.nodes] == ["same", "differs", predicted]
    drawn = ElementTree.fromstring(str(graph(found)))
    boxes = [(e.get("class"), [t.text for t in e.iter("text")]) for e in drawn if e.tag == "svg"]
    assert boxes == [("o c-same", ["mu"]), ("o c-differs", ["theta"]), (f"o c-{predicted}", ["y"])]
    places = [(float(e.get("x", "nan")), float(e.get("y", "nan"))) for e in drawn if e.tag == "svg"]
    assert [y for _, y in places] == sorted({y for _, y in places})  # each below what it is made of
    plate = next(e for e in drawn if e.get("class") == "plate")
    left, right = float(plate.get("x", "nan")), float(plate.get("x", "nan")) + float(plate.get("width", "nan"))
    assert [left < x < right for x, _ in places] == [False, True, True]


@pytest.mark.parametrize("n", [1, 3, 20])
def test_no_node_of_a_graph_lies_on_another(n: int) -> None:
    names = [f"x{i}" for i in range(n)]
    nodes = [Node(Name(x), "free", ("", "a", "b")[i % 3], tuple(names[: i // 4]), "") for i, x in enumerate(names)]
    drawn = ElementTree.fromstring(str(graph(Graph(tuple(nodes), ()))))
    places = [(float(e.get("x", "nan")), float(e.get("y", "nan"))) for e in drawn if e.tag == "svg"]
    wide = float(drawn.get("width", "nan"))
    node = {float(e.get("width", "nan")) for e in drawn.iter("rect") if "node" in str(e.get("class"))}.pop()
    for i, (x, y) in enumerate(places):
        assert 0 <= x <= wide - node
        assert all(abs(x - a) >= node or abs(y - b) >= 34 for a, b in places[:i])


def test_eight_variables_side_by_side_fit_a_column() -> None:
    nodes = tuple(Node(Name(f"variable_{i}"), "free", "", (), "") for i in range(8))
    drawn = ElementTree.fromstring(str(graph(Graph(nodes, ()))))
    assert float(drawn.get("width", "nan")) <= 940


def test_cost_and_vectors_and_findings_have_tables() -> None:
    sections = {s.id: s for s in build(make("differs")).sections}
    labels = {s: [t.label for t in parts(sections[s], Table)] for s in ("asked", "table", "diagnostics")}
    assert "Warnings and notes" in labels["asked"]
    assert "Vectors" in labels["table"]
    assert "Cost by arm" in labels["diagnostics"]
    again = {s.id: s for s in build(make("differs"), reproducible=True).sections}
    assert "Cost by arm" not in [t.label for t in parts(again["diagnostics"], Table)]


def test_what_is_not_there_has_no_section() -> None:
    bare = dataclasses.replace(
        make("same"), joint={}, prediction={}, pointwise={}, sensitivity={}, path={}, groups=(), findings=()
    )
    assert [s.id for s in build(bare).sections] == [
        "location",
        "marginals",
        "coordinates",
        "asked",
        "table",
        "diagnostics",
        "methods",
        "glossary",
        "provenance",
    ]


@pytest.mark.parametrize("state", ["same", "differs", "no_verdict"])
def test_every_position_drawn_is_a_number(state: str) -> None:
    for found in build(make(state, losses=True)).sections:
        drawn = [str(plot(p)) for p in parts(found, Plot)]
        drawn += [str(strip(row.cells[0])) for p in parts(found, Strips) for row in p.rows]
        assert not any("nan" in text or "inf%" in text for text in drawn)


def test_methods_cite_what_was_done() -> None:
    text = "".join(str(p.words) for p in parts(section(make("differs"), "methods"), Prose))
    for work in ("Vehtari et al. 2017", "Kallioinen et al. 2024"):
        assert work in text
    assert "Magnusson" not in text
    many = with_observations(40)
    many = dataclasses.replace(many, prediction={**many.prediction, "refits": 20})
    assert "Magnusson" in "".join(str(p.words) for p in parts(section(many, "methods"), Prose))
