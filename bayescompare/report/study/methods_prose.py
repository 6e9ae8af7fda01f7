"""A study's sections in words: what was asked, methods to paste, glossary, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...formatting import NO_BREAK, count, counted, plain
from ...metrics.thresholds import K_HAT_MAX
from ..comparison.methods_text import REFERENCES
from ..parts import Code, Definitions, Details, Part, Prose, Section
from ..words import Name, Words, listed, name, visible
from . import findings as w
from .rows import Asked, Rows, Study, value_text

ORDER = ("coverage_", "width_", "bias", "rmse", "sd", "shift", "sd_ratio", "regret_", "sbc_")

SOURCES = {
    "Cook et al. 2006": (
        "@article{cook2006validation, author={Cook, S. R. and Gelman, A. and Rubin, D. B.}, title={Validation of "
        "software for Bayesian models using posterior quantiles}, journal={Journal of Computational and Graphical "
        "Statistics}, volume={15}, pages={675--692}, year={2006}}"
    ),
    "Säilynoja et al. 2022": (
        '@article{sailynoja2022graphical, author={S{\\"a}ilynoja, T. and B{\\"u}rkner, P.-C. and Vehtari, A.}, '
        "title={Graphical test for discrete uniformity and its applications in goodness-of-fit evaluation and multiple "
        "sample comparison}, journal={Statistics and Computing}, volume={32}, pages={32}, year={2022}}"
    ),
}

GLOSSARY = (
    (
        "Coverage",
        "coverage_",
        "Share of data sets whose interval holds the true value. It should be the interval’s level.",
    ),
    ("Width", "width_", "Mean length of the interval, in the parameter’s unit."),
    ("Bias, RMSE", "bias", "Mean, and root mean square, of estimate minus truth."),
    ("sd stated", "sd", "Mean of the sd that the method gives its estimate."),
    ("Shift", "shift", "Mean of estimate minus posterior mean, in posterior sd, on the same data."),
    ("sd ratio", "sd_ratio", "The method’s sd over the posterior’s. Below 1 the interval is too narrow."),
    ("Regret", "regret_", "Loss of deciding by the estimate, beyond deciding by the posterior mean on the same data."),
    (
        "elpd",
        "elpd",
        "Log density that a method’s distribution gives a second data set drawn at the same true parameters, as a mean "
        "over data sets, in nats per data set. Larger predicts better.",
    ),
    ("Plug-in elpd", "elpd_plugin", "The same by the MLE or the MAP alone, as if it were known without error."),
    ("elpd lost", "elpd_diff", "elpd of NUTS minus that of the method, on the same data. Positive is a loss."),
    ("Rank", "sbc_p", "Share of the method’s distribution below the truth; uniform if the posterior is exact."),
    ("Verdict", "location_same", "What the comparison says of a layer: same, differs or undecided, by its margins."),
    ("Failed", "failed", "A fit without an estimate, by its own account; its reason is in the study’s file."),
    ("Suspect", "suspect", "An estimate that its own audit doubts; it is in the figures."),
    ("At the edge", "at_bound", "An estimate on the boundary of its range, such as a scale of 0."),
    (
        "Pareto k-hat",
        "k_hat",
        f"How heavy a tail importance weights have. From {K_HAT_MAX} on reweighting does not hold.",
    ),
)


def order(rows: Rows) -> list[str]:
    """Measures by parameter, in the order of the table."""
    found = [m for m in dict.fromkeys(r.measure for r in rows.rows if r.parameter) if m in rows.measures]

    def place(measure: str) -> tuple[int, int]:
        at = next((i for i, b in enumerate(ORDER) if measure == b or (b.endswith("_") and measure.startswith(b))), 99)
        return at, found.index(measure)

    return sorted(found, key=place)


def summary(study: Study, rows: Rows) -> Words:
    """What was asked, in two sentences."""
    varied = [f"{visible(v.name)} ({_span(v.values)})" for v in rows.varied]
    over = (" over ", *listed(varied)) if varied else ()
    truths = {w.truth(plan) for plan in study.plans}
    truth = f"The truth is {truths.pop()}." if len(truths) == 1 else "Where the truth comes from differs by plan."
    methods = listed([w.method(m) for m in rows.methods])
    return ("Data simulated by the model itself", *over, ", fitted by ", *methods, f". {truth}")


def _span(values: tuple[Any, ...]) -> str:
    shown = [f"“{value_text(v)}”" if isinstance(v, str) and "," in v else value_text(v) for v in values]
    return ", ".join(shown) if len(shown) <= 8 else f"{shown[0]} to {shown[-1]}, {len(shown)} values"


def asked(study: Study, rows: Rows) -> Section:
    """Build the section on the plan."""
    parts: list[Part] = []
    facts: list[tuple[str, Words]] = []
    if rows.varied:
        grid: list[Any] = []
        for i, v in enumerate(rows.varied):
            grid += ["; " if i else "", name(v.name), f": {_span(v.values)}"]
        facts.append(("grid", tuple(grid)))
    several = len(study.plans) > 1
    for plan in study.plans:
        facts += _facts(plan, several)
    facts.append(("failures", w.failures(study, rows)))
    parts.append(Definitions(tuple(facts)))
    for plan in study.plans:
        what: Words = ("The plan, as TOML", *((": ", name(_short(plan.target))) if several else ()))
        parts.append(Details(what, (Code("Plan", visible(plan.toml.strip("\n"), keep="\n\t")),)))
    finding = (
        f"{count(sum(p.fits for p in study.plans))} fits were asked for, "
        f"{count(sum(p.done for p in study.plans))} are done.",
    )
    how = ("Every grid point is simulated and fitted many times; a figure is over those replicates.",)
    return Section("asked", "What was asked", how, finding, tuple(parts), link="Asked")


def _short(target: str) -> str:
    return target.rpartition("/")[2]


def _facts(plan: Asked, several: bool) -> list[tuple[str, Words]]:
    """What a plan asks for; of several plans, in one row each."""
    levels = ", ".join(f"{plain(100 * level)}{NO_BREAK}%" for level in plan.levels)
    options = ", ".join(f"{visible(str(k))} = {value_text(v)}" for k, v in plan.options.items())
    if several:
        said = f": {counted(plan.replicates, 'replicate')}, seed {plan.seed}; truth {w.truth(plan)}"
        return [("template", (name(_short(plan.target)), f"{said}; {options}" if options else said))]
    rows: list[tuple[str, Words]] = [("template", (name(_short(plan.target)),))]
    rows += [("options", (options,))] if options else []
    rows += [
        ("truth", (w.truth(plan),)),
        ("replicates", (f"{count(plan.replicates)} at each grid point",)),
        ("methods", listed([w.method(m) for m in plan.methods])),
        ("intervals", (f"central, {levels}",)),
        ("seed", (f"{plan.seed}; each cell’s own is made of it, its grid point and its number",)),
    ]
    return rows


def methods(study: Study, rows: Rows) -> Section:
    """Build the section that says in sentences what was done."""
    versions = dict(study.plans[0].identity) if study.plans else {}
    cited = ["Abril-Pla et al. 2023"]
    replicates = sorted({p.replicates for p in study.plans})
    each = count(replicates[0]) if len(replicates) == 1 else f"{count(replicates[0])} to {count(replicates[-1])}"
    said = [
        f"At each of {counted(len(rows.cells), 'grid point')}, {each} data sets were simulated from the model, written "
        f"in PyMC{_version(versions, 'pymc')} (Abril-Pla et al. 2023), and each was fitted by "
        f"{''.join(str(part) for part in listed([w.method(m) for m in rows.methods]))}."
    ]
    truths = {w.truth(plan) for plan in study.plans}
    said += [f"The true parameters were {truths.pop()}."] if len(truths) == 1 else []
    if "mle_wald" in rows.methods:
        said.append(
            "Wald intervals are the maximum-likelihood estimate ± z standard errors from the observed information."
        )
    if {"map_laplace", "psis_laplace"} & set(rows.methods):
        cited.append("Tierney and Kadane 1986")
        said.append(
            "The MAP maximises likelihood times prior in the model’s own coordinates; the Laplace approximation "
            "(Tierney and Kadane 1986) is the Gaussian at the mode on the unconstrained scale, mapped back."
        )
    if "psis_laplace" in rows.methods:
        cited.append("Vehtari et al. 2024")
        said.append("Its draws were reweighted by Pareto smoothed importance sampling (Vehtari et al. 2024).")
    if "nuts" in rows.methods:
        cited += ["Hoffman and Gelman 2014", "Vehtari et al. 2021"]
        said.append(_sampling(study, versions))
    if any(r.measure == "sbc_p" for r in study.rows):
        cited += ["Cook et al. 2006", "Säilynoja et al. 2022"]
        said.append(
            "Ranks of the truth (Cook et al. 2006) were tested for uniformity by their ECDF’s simultaneous band "
            "(Säilynoja et al. 2022)."
        )
    if any(r.measure.startswith("elpd") for r in study.rows):
        said.append(
            "Predictions are judged by the log predictive density, in nats, of a second data set of the same size that "
            "was drawn at the same true parameters."
        )
    said.append(
        "Every figure has the Monte-Carlo standard error over replicates; of shares it is that of a Jeffreys "
        f"posterior. Fits that failed are counted and are in no other figure. The study was made with "
        f"bayescompare{_version(versions, 'bayescompare')}."
    )
    known = REFERENCES | SOURCES
    bibtex = "\n".join(known[key] for key in sorted(cited))
    parts = (Prose((" ".join(said),)), Details(("BibTeX",), (Code("BibTeX", bibtex),)))
    return Section(
        "methods", "Methods, to paste", ("Plain sentences with what ran. BibTeX below.",), (), parts, link="Methods"
    )


def _sampling(study: Study, versions: Mapping[str, str]) -> str:
    found = study.plans[0].sampler if study.plans else {}
    said = "The posterior was sampled with the No-U-Turn Sampler (Hoffman and Gelman 2014"
    engine = str(found.get("engine", ""))
    said += f"; {visible(engine)}{_version(versions, engine)})" if engine else ")"
    if {"chains", "draws", "tune"} <= set(found):
        said += (
            f", {counted(int(found['chains']), 'chain')} of {counted(int(found['draws']), 'draw')} after "
            f"{count(int(found['tune']))} of tuning"
        )
    return f"{said}; a fit counts as sound by rank-normalised R-hat, ESS and divergences (Vehtari et al. 2021)."


def _version(versions: Mapping[str, str], package: str) -> str:
    found = versions.get(package)
    return f" {visible(str(found))}" if found else ""


def glossary(rows: Rows) -> Section:
    """Build the section that says what the words mean, of those that occur."""
    terms = tuple(
        (term, (meaning,))
        for term, beginning, meaning in GLOSSARY
        if any(m == beginning or (beginning.endswith("_") and m.startswith(beginning)) for m in rows.measures)
    )
    return Section("glossary", "Glossary", (), (), (Definitions(terms, glossary=True),))


def provenance(study: Study) -> Section:
    """Build the section on what ran, and with what."""
    rows: list[tuple[str, tuple[str | Name, ...]]] = []
    for plan in study.plans:
        identity = dict(plan.identity)
        file = identity.pop("the model's file", "")
        prints = identity.pop("plan", "")
        versions = ", ".join(f"{visible(k)} {visible(v)}" for k, v in identity.items())
        rows.append(("model", (name(_short(plan.target)), f", its file {visible(file[:16])}" if file else "")))
        rows += [("plan", (visible(prints[:16]),))] if prints else []
        if versions and ("versions", (versions,)) not in rows:
            rows.append(("versions", (versions,)))
    return Section("provenance", "Provenance", (), (), (Definitions(tuple(rows)),))
