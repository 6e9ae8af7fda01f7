"""A study as its report needs it: rows, what was asked, why fits failed, and ECDFs of the least uniform ranks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..errors import UsageError
from ..report.study.findings import TEMPLATE
from ..report.study.rows import Asked, Ecdf, Focus, Study
from . import measures
from .cells import STATUSES
from .plan import Plan, Point
from .store import Cells, Store
from .summary import Measure

#: Parameters and grid points whose ECDFs are drawn, and reasons of failure that are told.
CURVES, REASONS = 6, 5


class Result(Protocol):
    """What a page is made of: a :class:`bayescompare.StudyResult`."""

    @property
    def path(self) -> Path: ...

    @property
    def plan(self) -> Plan: ...

    def rows(self) -> list[Measure]: ...

    def blocks(self) -> Iterator[tuple[Point, str, Cells]]: ...

    def ranks(self, point: int, method: str, parameter: str) -> np.ndarray: ...


@dataclass(frozen=True)
class PageOptions:
    """What a study's page says beside its figures.

    Attributes
    ----------
    title, question : str
    finding : str
        One sentence. Empty: made of ``focus``, from the rows.
    detail : str
        What is told below it.
    focus : Focus, optional
        The measure that the study is about; by default the coverage of 90 % intervals.
    """

    title: str = ""
    question: str = ""
    finding: str = ""
    detail: str = ""
    focus: Focus | None = None


def page_of(results: Result | Mapping[str, Result], options: PageOptions | None = None) -> Study:
    """Gather what the report of a study, or of several on one page, is made of.

    Parameters
    ----------
    results : StudyResult or Mapping of str to StudyResult
        Of several, each by what it is called; that becomes the value of ``template`` in the grid.
    options : PageOptions, optional

    Raises
    ------
    UsageError
        If a plan of several varies something called ``template``.
    """
    options = options or PageOptions()
    several = isinstance(results, Mapping)
    named: Mapping[str, Result] = results if isinstance(results, Mapping) else {"": results}
    rows: list[Measure] = []
    plans, curves = [], []
    for name, result in named.items():
        if several and TEMPLATE in result.plan.grid:
            raise UsageError(f'A plan varies "{TEMPLATE}", which is what tells studies on one page apart.')
        mark = {TEMPLATE: name} if several else {}
        own = _marked(result.rows(), mark)
        rows += own
        plans.append(_asked(result))
        curves += _ecdfs(result, own, mark)
    told = (options.title, options.question, options.finding, options.detail, options.focus)
    return Study(rows, tuple(plans), *told, ecdfs=tuple(curves))


def _marked(rows: list[Measure], mark: Mapping[str, Any]) -> list[Measure]:
    """Rows whose grid points say which study they are of."""
    if not mark:
        return rows
    cells = {id(row.cell): {**mark, **row.cell} for row in rows}
    return [replace(row, cell=cells[id(row.cell)]) for row in rows]


def _asked(result: Result) -> Asked:
    """The plan, how far it is, and why fits failed."""
    plan = result.plan
    done = failed = 0
    reasons: Counter[str] = Counter()
    for _, _, cells in result.blocks():
        lost = cells.results.status == STATUSES.index("failed")
        done += len(lost)
        failed += int(lost.sum())
        reasons.update(cells.results.reasons[i] for i in np.flatnonzero(lost))
    with Store.read(result.path) as store:
        identity = store.identity
    return Asked(
        target=str(plan.target),
        replicates=plan.replicates,
        methods=plan.methods,
        truth=plan.truth,
        levels=plan.levels,
        seed=plan.seed,
        fits=plan.fits,
        done=done,
        failed=failed,
        toml=plan.to_toml(),
        draws=plan.draws,
        options=plan.options,
        sampler={key: value for key, value in asdict(plan.sampler).items() if value is not None},
        identity=identity,
        reasons=tuple(reasons.most_common(REASONS)),
    )


def _ecdfs(result: Result, rows: list[Measure], mark: Mapping[str, Any]) -> list[Ecdf]:
    """ECDFs of all methods where the ranks of one are the least uniform; none where the truth is fixed."""
    least: dict[tuple[int, str], float] = {}
    cells = {point.index: {**mark, **point.values} for point in result.plan.points}
    places = {tuple(map(repr, cell.items())): i for i, cell in cells.items()}
    for row in rows:
        if row.measure == "sbc_p" and math.isfinite(row.value):
            at = places[tuple(map(repr, row.cell.items()))], row.parameter
            least[at] = min(least.get(at, math.inf), row.value)
    curves = []
    for point, parameter in sorted(least, key=lambda at: least[at])[:CURVES]:
        for method in result.plan.methods:
            ranks = result.ranks(point, method, parameter)
            if len(ranks) >= 10:
                found = measures.ecdf(ranks)
                parts = (tuple(map(float, found[key])) for key in ("z", "ecdf", "lower", "upper"))
                curves.append(Ecdf(cells[point], method, parameter, *parts))
    return curves
