"""Run the shipped studies and write their reports: ``make studies``, or ``python reports/studies/publish.py NAME ...``.

Cells are kept in ``artefacts/studies``: a study that was interrupted goes on, one that is done is only rendered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scipy.stats import chi2

import bayescompare as bc
from bayescompare.formatting import NO_BREAK, figure, fixed
from bayescompare.report import study_to_html
from bayescompare.report.study.rows import Focus, Rows, Value
from bayescompare.studies.report_rows import PageOptions, page_of
from bayescompare.studies.result import StudyResult

HERE = Path(__file__).parent
STORES, PAGES = Path("artefacts/studies"), HERE.parent


@dataclass(frozen=True)
class Shipped:
    """A study that is published: its plans, in files of their names, and what its page says beside its figures."""

    title: str
    question: str
    plans: tuple[str, ...]
    focus: Focus
    told: Callable[[Rows], Told]


Told = tuple[str, str]
"""A heading of two lines at most, and what is told below it."""


def share(found: Value) -> str:
    """A share: ``78 %``."""
    return f"{fixed(100 * found.value, 1 if 0 < found.value < 0.01 else 0)}{NO_BREAK}%"


def held(found: Value) -> str:
    """A share with Wilson's 95 % interval: ``78 % (75 to 81)``."""
    low, high = (fixed(100 * end, 1 if 0 < end < 0.01 else 0) for end in found.span)
    return f"{share(found)} ({low} to {high})"


def ends(rows: Rows) -> tuple[Any, Any]:
    """The lowest and the highest value of a study's axis."""
    values = rows.axis.values if rows.axis else (0,)
    return min(values), max(values)


def of_groups(rows: Rows) -> Told:
    """How often the groups' sd is estimated as 0, and how often it must be; which estimate is nearer the truth.

    With both sds 1 the maximum of the marginal likelihood lies at 0 where the sum of squares, 2 χ² on J − 1 degrees of
    freedom, is at most J.
    """
    few, many = ({"groups": j, "form": "marginal"} for j in ends(rows))
    gamma = {**few, "form": "marginal, gamma prior"}
    low, high = (rows.get(cell, "mle_wald", "tau", "at_bound") for cell in (few, many))
    exact = fixed(100 * float(chi2.cdf(few["groups"] / 2, few["groups"] - 1)), 0)
    kept = rows.get(gamma, "map_laplace", "tau", "at_bound")
    joint, mean = (rows.get({**many, "form": "joint"}, m, "tau", "bias") for m in ("map_laplace", "nuts"))
    near, far = (rows.get(few, m, "tau", "rmse") for m in ("map_laplace", "nuts"))
    better = near.value + 2 * near.error < far.value - 2 * far.error
    surprise = (
        f" With {few['groups']} groups the marginal mode is nearer the truth than the posterior mean, which the prior "
        f"pulls up: RMSE {figure(near.value, near.error)} against {figure(far.value, far.error)}."
    )
    return (
        f"With {few['groups']} groups the marginal MLE of their sd is 0 in {share(low)} of data sets, with "
        f"{many['groups']} in {share(high)}; a gamma prior ends that.",
        f"The sd is truly 1. By maximum likelihood, {held(low)} against {exact}{NO_BREAK}% by theory; under Chung et "
        f"al.’s gamma prior, {held(kept)}.{surprise if better else ''} The mode of the joint density misses to the "
        f"other side, by {figure(joint.value, joint.error)} with {many['groups']} groups, where the posterior mean is "
        f"off by {figure(mean.value, mean.error)}.",
    )


def of_effects(rows: Rows) -> Told:
    """How often the marginal mode of the groups' sd is 0, by prior, and what the marginal approximation's interval
    covers beside NUTS's."""
    few, _ = ends(rows)
    plain, kept = ({"groups": few, "prior": prior} for prior in ("half-normal", "gamma"))
    low, never = (rows.get(cell, "marginal_map", "tau", "at_bound") for cell in (plain, kept))
    covers = [rows.get(plain, m, "tau", "coverage_90") for m in ("map_laplace", "marginal_laplace", "nuts")]
    return (
        f"With {few} groups the marginal mode of their sd, truly 1, is 0 in {share(low)} of data sets; under a gamma "
        f"prior in {share(never)}.",
        f"Under a half-normal prior the mode is 0 in {held(low)} of data sets, under Chung et al.’s gamma prior in "
        f"{held(never)}. Under the former the 90{NO_BREAK}% interval of marginal Laplace covers the truth in "
        f"{held(covers[1])}, that of NUTS in {held(covers[2])}, that of MAP + Laplace in {held(covers[0])}.",
    )


def of_coverage(rows: Rows) -> Told:
    """Where the intervals of MAP + Laplace hold the truth least, and what those of NUTS do there."""
    found = [(c, p, rows.get(c, "map_laplace", p, "coverage_90")) for c in rows.cells for p in rows.at(c)]
    cell, worst, low = min((each for each in found if each[2].known), key=lambda each: each[2].value)
    others = [rows.get(cell, m, worst, "coverage_90") for m in ("nuts", "marginal_laplace")]
    beside = f", that of marginal Laplace in {held(others[1])}" if others[1].known else ""
    means = [rows.pooled([c], "map_laplace", Focus("coverage_90")) for c in rows.cells]
    least, largest = min(means, key=lambda v: v.value), max(means, key=lambda v: v.value)
    return (
        f"The 90{NO_BREAK}% interval of MAP + Laplace for {worst} of {cell['template']} covers the truth in "
        f"{share(low)} of data sets; that of NUTS in {share(others[0])}.",
        f"MAP + Laplace {held(low)}, NUTS {held(others[0])}{beside}. A mean over parameters, {share(least)} to "
        f"{share(largest)} by template, does not show it.",
    )


def of_data_size(rows: Rows) -> Told:
    """From how many observations on MAP + Laplace says of location and of spread what NUTS says."""
    cells = sorted(rows.cells, key=lambda c: c["n"])
    few, many = cells[0], cells[-1]
    location, spread = (enough(rows, cells, "map_laplace", f"{layer}_same") for layer in ("location", "spread"))
    low, high = (held(rows.get(c, "map_laplace", "", "location_same")) for c in (few, many))
    psis = held(rows.get(cells[0], "psis_laplace", "", "location_same"))
    return (
        f"MAP says of location what NUTS says with {location} observations; of spread, with {spread}.",
        f"That is in most data sets, of a logistic regression with 4 coefficients: location is the same in {low} with "
        f"{few['n']} observations and in {high} with {many['n']:,}; reweighted by PSIS, in {psis} with {few['n']}.",
    )


def enough(rows: Rows, cells: Sequence[Mapping[str, Any]], method: str, measure: str) -> str:
    """From which size on a layer is the same in more than half of the data sets, or that it lies beyond the grid."""
    sizes = [c["n"] for c in cells]
    short = [c["n"] for c in cells if not rows.get(c, method, "", measure).value > 0.5]
    beyond = [n for n in sizes if not short or n > max(short)]
    return f"{beyond[0]:,} or more" if beyond else f"more than {sizes[-1]:,}"


def of_prior(rows: Rows) -> Told:
    """What a strong prior does to the estimate and to its interval, at both ends."""
    sds = ends(rows)
    pulls = [rows.get({"prior_sd": sd}, "map_laplace", "count", "bias") for sd in sds]
    covers = [rows.get({"prior_sd": sd}, "map_laplace", "count", "coverage_90") for sd in sds]
    strong, weak = (figure(-v.value, v.error) for v in pulls)
    return (
        f"A prior of sd {sds[0]}, centred 70 off, pulls the MAP by {fixed(-pulls[0].value, 0)} jellybeans; one of sd "
        f"{sds[1]} by {fixed(-pulls[1].value, 0)}.",
        f"370 are in the jar and the prior says 300: the MAP is pulled down by {strong} under the one and by {weak} "
        f"under the other, and its 90{NO_BREAK}% interval covers the truth in {held(covers[0])} and in "
        f"{held(covers[1])} of data sets.",
    )


SHIPPED = {
    "data_size": Shipped(
        "How much data until MAP is enough",
        "At how many observations does MAP + Laplace of a logistic regression say what NUTS says?",
        ("data_size",),
        Focus("location_same", "map_laplace"),
        of_data_size,
    ),
    "groups": Shipped(
        "How many groups until their spread is not zero",
        "How often is the sd between groups estimated as 0, by the number of groups and by what is maximised?",
        ("groups",),
        Focus("at_bound", "map_laplace", "tau"),
        of_groups,
    ),
    "effects": Shipped(
        "The marginal mode of a groups’ sd: its collapse, and the end of it",
        "How often is the marginal mode of the sd between groups 0, and what do the marginal methods’ intervals cover?",
        ("effects",),
        Focus("at_bound", "marginal_map", "tau"),
        of_effects,
    ),
    "coverage": Shipped(
        "How often intervals cover, over five templates",
        "How often do the intervals of cheap methods and of NUTS hold the truth?",
        tuple(
            f"coverage_{name}"
            for name in ("eight_schools", "gamma_coordinates", "negative_binomial", "separation", "surgical")
        ),
        Focus("coverage_90", "map_laplace"),
        of_coverage,
    ),
    "prior_strength": Shipped(
        "What prior strength does: the jellybeans’ pull",
        "How far does a prior that is 70 jellybeans off pull the estimate from ten guesses, by its sd?",
        ("prior_strength",),
        Focus("bias", "map_laplace", "count"),
        of_prior,
    ),
}


def publish(name: str) -> Path:
    """Run a study, as far as it is not done, and write its page."""
    shipped = SHIPPED[name]
    STORES.mkdir(parents=True, exist_ok=True)
    found: dict[str, StudyResult] = {}
    for plan in shipped.plans:
        found[plan.removeprefix(f"{name}_")] = bc.study(
            bc.Plan.from_toml(HERE / f"{plan}.toml"), store=STORES / f"{plan}.study"
        )
    results = found if len(found) > 1 else next(iter(found.values()))
    page = page_of(results, PageOptions(shipped.title, shipped.question, focus=shipped.focus))
    finding, detail = shipped.told(Rows(page.rows))
    page = replace(page, finding=finding, detail=detail)
    path = PAGES / f"study_{name}.html"
    path.write_text(study_to_html(page), encoding="utf-8")
    return path


if __name__ == "__main__":
    for name in sys.argv[1:] or SHIPPED:
        print(publish(name))
