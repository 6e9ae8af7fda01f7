"""Run the shipped studies and write their reports: ``make studies``, or ``python reports/studies/publish.py NAME ...``.

Cells are kept in ``artefacts/studies``: a study that was interrupted goes on, one that is done is only rendered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from scipy.stats import chi2

import bayescompare as bc
from bayescompare.formatting import NO_BREAK, figure, percent
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
    finding: Callable[[Rows], str] | None = None


def share(found: Value) -> str:
    """A share with its error: ``78 ± 1 %``."""
    return f"{percent(found.value, found.error)}{NO_BREAK}%"


def of_groups(rows: Rows) -> str:
    """How often the groups' sd is estimated as 0, and how often it must be.

    With both sds 1 the maximum of the marginal likelihood lies at 0 where the sum of squares, 2 χ² on J − 1 degrees of
    freedom, is at most J.
    """
    few, many = ({"groups": j, "form": "marginal"} for j in (min(rows.axis.values), max(rows.axis.values)) if rows.axis)
    low, high = (share(rows.get(cell, "mle_wald", "tau", "at_bound")) for cell in (few, many))
    exact = percent(float(chi2.cdf(few["groups"] / 2, few["groups"] - 1)))
    kept = share(rows.get({**few, "form": "marginal, gamma prior"}, "map_laplace", "tau", "at_bound"))
    joint, mean = (rows.get({**many, "form": "joint"}, m, "tau", "bias") for m in ("map_laplace", "nuts"))
    return (
        f"With {few['groups']} groups the marginal maximum-likelihood estimate of their sd, truly 1, is 0 in {low} of "
        f"data sets ({exact}{NO_BREAK}% by theory), with {many['groups']} in {high}; under Chung et al.’s gamma prior "
        f"the mode is 0 in {kept} even with {few['groups']}, and the mode of the joint density misses to the other "
        f"side, by {figure(joint.value, joint.error)} with {many['groups']}, its posterior mean by "
        f"{figure(mean.value, mean.error)}."
    )


def of_effects(rows: Rows) -> str:
    """How often the marginal mode of the groups' sd is 0, by prior, and what the marginal approximation's interval
    covers beside NUTS's."""
    few = min(rows.axis.values) if rows.axis else 3
    plain, kept = ({"groups": few, "prior": prior} for prior in ("half-normal", "gamma"))
    low, never = (share(rows.get(cell, "marginal_map", "tau", "at_bound")) for cell in (plain, kept))
    covers = [share(rows.get(plain, m, "tau", "coverage_90")) for m in ("map_laplace", "marginal_laplace", "nuts")]
    return (
        f"With {few} groups the marginal mode of their sd, truly 1, is 0 in {low} of data sets under a half-normal "
        f"prior and in {never} under Chung et al.’s gamma prior; under the former the 90{NO_BREAK}% interval of "
        f"marginal Laplace covers it in {covers[1]}, that of NUTS in {covers[2]}, that of MAP + Laplace in {covers[0]}."
    )


def of_coverage(rows: Rows) -> str:
    """Where the intervals of MAP + Laplace hold the truth least, what NUTS's do there, and the mean over parameters."""
    worst = []
    for cell in rows.cells:
        found = {p: rows.get(cell, "map_laplace", p, "coverage_90") for p in rows.at(cell)}
        parameter = min((p for p, v in found.items() if v.known), key=lambda p: found[p].value)
        worst.append((found[parameter].value, parameter, cell, found[parameter]))
    (_, p, first, low), (_, q, second, next_low) = sorted(worst, key=lambda entry: entry[0])[:2]
    nuts = [rows.get(cell, "nuts", name, "coverage_90") for name, cell in ((p, first), (q, second))]
    means = [rows.pooled([cell], "map_laplace", Focus("coverage_90")) for cell in rows.cells]
    least, most = min(means, key=lambda v: v.value), max(means, key=lambda v: v.value)
    return (
        f"The 90{NO_BREAK}% interval of MAP + Laplace covers {p} of {first['template']} in {share(low)} of data sets "
        f"and {q} of {second['template']} in {share(next_low)}, where that of NUTS covers in {share(nuts[0])} and "
        f"{share(nuts[1])}; a mean over parameters, {share(least)} to {share(most)} by template, does not show it."
    )


def of_prior(rows: Rows) -> str:
    """What a strong prior does to the estimate and to its interval, at both ends."""
    told = []
    for sd in (min(rows.axis.values), max(rows.axis.values)) if rows.axis else ():
        bias, held = (rows.get({"prior_sd": sd}, "map_laplace", "count", m) for m in ("bias", "coverage_90"))
        told.append((sd, figure(-bias.value, bias.error), share(held)))
    (strong, pull, covers), (weak, less, most) = told
    return (
        f"A prior of sd {strong} around 300 pulls the MAP of the 370 jellybeans down by {pull}, and its "
        f"90{NO_BREAK}% interval covers the truth in {covers} of data sets; one of sd {weak} pulls by {less}, and the "
        f"interval covers in {most}."
    )


SHIPPED = {
    "data_size": Shipped(
        "How much data until MAP is enough",
        "At how many observations does MAP + Laplace of a logistic regression say what NUTS says?",
        ("data_size",),
        Focus("location_same", "map_laplace"),
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
        "How often does the interval of MLE + Wald, MAP + Laplace, PSIS-Laplace and NUTS hold the truth?",
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
    page = page_of(results, PageOptions(shipped.title, shipped.question, "", shipped.focus))
    if shipped.finding is not None:
        page = replace(page, finding=shipped.finding(Rows(page.rows)))
    path = PAGES / f"study_{name}.html"
    path.write_text(study_to_html(page), encoding="utf-8")
    return path


if __name__ == "__main__":
    for name in sys.argv[1:] or SHIPPED:
        print(publish(name))
