"""From a study that ran to its page: every part of it that the store has, and nothing that it has not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bayescompare as bc
from bayescompare.errors import OutputError, UsageError
from bayescompare.methods.sampler_options import SamplerOptions
from bayescompare.report import study_to_html
from bayescompare.studies.report_rows import PageOptions, page_of
from tests.report.test_report_study import check, table_of, text_of

MODELS = Path(__file__).parents[2] / "reports" / "studies" / "study_models.py"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> bc.StudyResult:
    """Modes of three groups with their effects integrated out: often the groups' sd is 0."""
    plan = bc.Plan(
        f"{MODELS}:groups",
        grid={"groups": (3,), "form": ("marginal",)},
        replicates=70,
        methods=("mle_wald", "map_laplace"),
        parameters=("mu", "tau"),
        seed=5,
    )
    return bc.study(plan, store=tmp_path_factory.mktemp("page") / "groups.study", executor="serial")


def test_the_page_holds_the_plan_the_rows_and_how_far_it_is(result: bc.StudyResult) -> None:
    page = page_of(result, PageOptions(title="Groups"))
    (asked,) = page.plans
    assert (asked.fits, asked.done, asked.failed) == (140, 140, result.failed)
    assert asked.toml == result.plan.to_toml()
    assert [(r.method, r.parameter, r.measure) for r in page.rows] == [
        (r.method, r.parameter, r.measure) for r in result.rows()
    ]
    curves = {(e.method, e.parameter) for e in page.ecdfs}
    assert ("map_laplace", "tau") in curves
    table = table_of(check(study_to_html(page)).document)
    assert [row["value"] for row in table if row["value"] is not None] == pytest.approx(
        [r.value for r in result.rows() if np.isfinite(r.value)], rel=1e-5
    )


def test_a_share_at_the_edge_is_that_of_the_estimates_at_zero(result: bc.StudyResult) -> None:
    for _, method, cells in result.blocks():
        tau = cells.results.arrays["estimate"][:, cells.names.index("tau")]
        (row,) = [r for r in result.rows() if (r.method, r.parameter, r.measure) == (method, "tau", "at_bound")]
        kept = np.isfinite(tau)
        assert row.n == kept.sum()
        assert row.value == np.mean(tau[kept] == 0)
        assert 0 < row.value < 1
    (mu,) = {r.value for r in result.rows() if r.measure == "at_bound" and r.parameter == "mu"}
    assert mu == 0


def test_several_studies_are_told_apart(result: bc.StudyResult) -> None:
    page = page_of({"one": result, "other <b>": result})
    assert [dict(cell)["template"] for cell in {id(r.cell): r.cell for r in page.rows}.values()] == ["one", "other <b>"]
    text = text_of(check(study_to_html(page)))
    assert "other <b>" in text


def test_a_name_that_tells_studies_apart_cannot_vary(tmp_path: Path) -> None:
    plan = bc.Plan("jellybeans", grid={"template": (1,)}, replicates=1, methods=("map_laplace",))
    from bayescompare.studies.store import Store

    with Store.create_or_resume(tmp_path / "a.study", plan):
        pass
    with pytest.raises(UsageError, match="template"):
        page_of({"a": bc.StudyResult(tmp_path / "a.study")})


def test_a_study_that_has_not_begun_has_a_report(tmp_path: Path) -> None:
    plan = bc.Plan("jellybeans", replicates=5, sampler=SamplerOptions(chains=2))
    from bayescompare.studies.store import Store

    with Store.create_or_resume(tmp_path / "a.study", plan):
        pass
    found = bc.StudyResult(tmp_path / "a.study")
    found.to_html(tmp_path / "a.html")
    text = text_of(check((tmp_path / "a.html").read_text(encoding="utf-8")))
    assert "No figure could be computed" in text
    assert "20 are not done" in text
    with pytest.raises(OutputError):
        found.to_html(tmp_path / "nowhere" / "a.html")
