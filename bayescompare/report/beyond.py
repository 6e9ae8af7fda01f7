"""The sections beyond the marginals: prediction, decisions, the joint picture, coordinates, sensitivity, cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..numbers import NO_BREAK, NONE, Number, count, counted, figure, percent, plain
from .parts import Cell, Column, Details, Heading, Part, Prose, Row, Section, Table
from .scalars import NAN, Scalar, Scalars
from .words import Words, name, visible

if TYPE_CHECKING:
    from ..compare.comparison import Comparison

#: Scalars and observations that a table of these sections shows.
ROWS = 9

#: Powers of the prior that the table of the path shows.
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def sections(comparison: Comparison, scalars: Scalars) -> tuple[Section, ...]:
    """Those that have something to show, in the order in which the layers decide."""
    made = (
        decisions(comparison),
        prediction(comparison),
        jointly(comparison),
        coordinates(comparison, scalars),
        sensitivity(comparison, scalars),
    )
    return tuple(section for section in made if section is not None)


def shown(of: Mapping[str, Any] | None, share: bool = False) -> Cell:
    """A figure ``{value, mcse, reason}`` as a cell; – where there is none."""
    if not of or of.get("value") is None or math.isnan(_real(of["value"])):
        return NONE
    value, error = _real(of["value"]), _real(of.get("mcse"))
    return percent(value, error) if share else figure(value, error)


def _real(x: Any) -> float:
    return float(x) if isinstance(x, int | float) else NAN


def _why(of: Mapping[str, Any] | None) -> str:
    return visible(str((of or {}).get("reason") or ""))


# -- prediction ------------------------------------------------------------------------------------


def prediction(comparison: Comparison) -> Section | None:
    """Build the section on what a plug-in prediction throws away."""
    found = comparison.prediction
    if not found:
        return None
    how = (
        "Each observation is predicted without itself: by the posterior with PSIS-LOO, by the plug-in with the mode "
        "found again without it.",
    )
    share = found["variance_discarded"]
    finding: Words = ()
    if share["value"] is not None:
        finding = (
            "Predictions from the MAP leave out ",
            percent(share["value"], _real(share["mcse"])),
            " % of their variance.",
        )
    terms: Mapping[str, Any] = found["terms"]
    parts: list[Part] = [_predictive_table(found)]
    parts += _notes(found)
    if len(terms) > 1:
        rows = tuple(
            Row(
                (name(term),),
                (
                    *(shown(one[key]) for key in ("elpd_loo", "elpd_plugin", "elpd_diff")),
                    shown(one["variance_discarded"], True),
                ),
            )
            for term, one in terms.items()
        )
        columns = _columns("likelihood", "elpd, posterior", "elpd, plug-in", "difference", "variance left out, %")
        parts += [Heading(("By likelihood",)), Table("Prediction by likelihood", columns, rows)]
    parts += _observations(comparison)
    return Section("prediction", "Prediction", how, finding, tuple(parts))


def _predictive_table(found: Mapping[str, Any]) -> Table:
    none: Cell = NONE
    rows = [
        Row(
            ("expected log predictive density, nats",),
            (shown(found["elpd_loo"]), shown(found["elpd_plugin"]), shown(found["elpd_diff"])),
        ),
        Row(("  the same, each observation seen",), (none, shown(found["elpd_plugin_in_sample"]), none)),
        Row(
            ("predictive variance that is parameter uncertainty, %",),
            (shown(found["variance_discarded"], True), "0", none),
        ),
    ]
    rows += [
        Row(
            (f"coverage of {plain(100 * one['level'], 3)}{NO_BREAK}% intervals, %",),
            tuple(shown(one[key], True) for key in ("posterior", "plugin", "difference")),
        )
        for one in found["coverage"]
    ]
    columns = _columns("", "posterior", "plug-in", "difference")
    return Table("Prediction by posterior and plug-in", columns, tuple(rows))


def _notes(found: Mapping[str, Any]) -> list[Part]:
    """Why a figure is missing, and what is to be known of the others."""
    said = []
    for key, what in (("elpd_diff", "elpd"), ("variance_discarded", "Variance"), ("coverage_difference", "Coverage")):
        if found[key]["value"] is None and _why(found[key]):
            said.append(f"{what}: not computed, for {_why(found[key])}.")
    if found["k_hat_bad"]:
        said.append(
            f"{counted(found['k_hat_bad'], 'observation')} cannot be left out by reweighting the draws (Pareto k-hat)."
        )
    if found.get("refits"):
        said.append(f"The mode was found again {count(found['refits'])} times.")
    return [Prose((" ".join(said),), small=True)] if said else []


def _observations(comparison: Comparison) -> list[Part]:
    """The observations that the two arms predict most differently."""
    parts: list[Part] = []
    for term, arrays in comparison.pointwise.items():
        if "elpd_loo" not in arrays or "elpd_plugin" not in arrays:
            continue
        gap = arrays["elpd_loo"] - arrays["elpd_plugin"]
        order = sorted(range(len(gap)), key=lambda i: -abs(gap[i]) if math.isfinite(gap[i]) else math.inf)[:ROWS]
        labels = _labels(comparison, term, len(gap))
        keys = ("observed", "mean", "plugin_mean", "elpd_loo", "elpd_plugin", "k_hat")
        rows = tuple(
            Row((labels[i],), tuple(plain(float(arrays[key][i]), 3) if key in arrays else NONE for key in keys))
            for i in order
        )
        columns = _columns(
            "observation", "observed", "posterior mean", "plug-in mean", "elpd, posterior", "elpd, plug-in", "k-hat"
        )
        left = len(gap) - len(rows)
        inner: list[Part] = [Table(f"Observations of {term}", columns, rows)]
        if left > 0:
            inner.append(
                Prose(
                    (
                        f"The {len(rows)} that the two predict most differently; --json and --save hold "
                        f"{count(left)} more.",
                    ),
                    small=True,
                )
            )
        parts.append(Details((name(term), ", by observation"), tuple(inner)))
    return parts


def _labels(comparison: Comparison, term: str, n: int) -> list[Any]:
    data = comparison.data
    if term in data and data[term].ndim == 1 and data[term].dims[0] in data.coords and data[term].size == n:
        return [name(label) for label in data.coords[data[term].dims[0]].values]
    return [f"{i + 1}" for i in range(n)]


# -- decisions -------------------------------------------------------------------------------------


def decisions(comparison: Comparison) -> Section | None:
    """Build the section on the decisions that were named."""
    if not comparison.decisions:
        return None
    how = ("The plug-in acts as if the MAP were true; the Bayes action has the least expected loss over the draws.",)
    rows = tuple(
        Row(
            (name(one["loss"]),),
            (
                _action(one["plugin_action"]),
                _action(one["bayes_action"]),
                shown(one["regret"]),
                shown(one["relative_regret"], True),
                shown(one["flips"], True),
            ),
        )
        for one in comparison.decisions
    )
    columns = _columns("loss", "plug-in acts", "Bayes acts", "regret", "of the Bayes loss, %", "best action differs, %")
    parts: list[Part] = [Table("Decisions", columns, rows)]
    for one in comparison.decisions:
        if one["options"]:
            best = tuple(Row((name(option["name"]),), (shown(option["best"], True),)) for option in one["options"])
            parts.append(
                Details((name(one["loss"]),), (Table(str(one["loss"]), _columns("choice", "is the best, %"), best),))
            )
    worst = max(comparison.decisions, key=lambda one: _real(one["relative_regret"]["value"]))
    cost = shown(worst["relative_regret"], True)
    finding: Words = ()
    if isinstance(cost, Number):
        finding = ("Acting on the MAP costs ", cost, " % more expected loss: ", name(worst["loss"]), ".")
    return Section("decisions", "Decisions", how, finding, tuple(parts))


def _action(action: Any) -> Cell:
    if isinstance(action, int | float):
        return plain(float(action), 4)
    return NONE if action is None else name(action)


# -- the joint picture -----------------------------------------------------------------------------


def jointly(comparison: Comparison) -> Section | None:
    """Build the section on where the mode lies among all coordinates at once."""
    found = comparison.joint
    if not found:
        return None
    d = comparison.model.parameters
    how = (
        "In the coordinates in which NUTS moves. A Gaussian’s draws sit d/2 nats below its mode: in many dimensions no "
        "draw is near it.",
    )
    ratio = shown(found["typicality"])
    finding: Words = ()
    if isinstance(ratio, Number):
        depth = plain(_real(found["typicality"]["value"]) * d / 2, 3)
        finding = (
            f"The draws lie {depth} nats below the mode on average; a Gaussian’s in {count(d)} dimensions lie "
            f"{plain(d / 2, 3)}.",
        )
    facts = (
        ("typicality: depth below the mode, relative to a Gaussian’s", "typicality", False),
        ("draws denser than the MAP, %", "joint_level", True),
        ("distance of the MAP from the mean, posterior sd", "mahalanobis", False),
        ("draws nearer to the mean than the MAP, %", "mahalanobis_percentile", True),
        ("Pareto k-hat of the Laplace draws", "k_hat", False),
        ("log evidence by Laplace, nats", "log_evidence", False),
        ("log evidence by importance sampling, nats", "log_evidence_psis", False),
    )
    rows = tuple(Row((what,), (shown(found[key], share), _why(found[key]))) for what, key, share in facts)
    parts: list[Part] = [
        Table("Joint figures", (Column(("",)), Column(("figure",), number=True), Column(("what it says",))), rows)
    ]
    basins: Sequence[Mapping[str, Any]] = found["basins"]
    if basins:
        lines = tuple(
            Row(
                ("the MAP’s" if i == 0 else f"mode {i + 1}",),
                (
                    plain(_real(one["log_density"]), 5),
                    shown(one["mass"], True),
                    shown(one["share"], True),
                    "a draw" if one["found_by"] == "draws" else "the starts",
                ),
            )
            for i, one in enumerate(basins)
        )
        columns = _columns("basin", "log density, nats", "Laplace mass, %", "draws, %", "found by")
        parts += [Heading((counted(len(basins), "basin"),)), Table("Basins", columns, lines)]
    return Section("joint", "The joint picture", how, finding, tuple(parts))


# -- coordinates -----------------------------------------------------------------------------------


def coordinates(comparison: Comparison, scalars: Scalars) -> Section:
    """Build the ledger of the modes: what each is, and how the shifts from MAP to mean add up."""
    how = (
        "A mode moves with the coordinates it is looked for in; a posterior does not. The three shifts add up to the "
        "distance from the MAP to the posterior mean.",
    )
    worst = scalars.worst("shift_coordinates")
    finding: Words = ("No unconstrained mode was found to set beside the MAP.",)
    if worst is not None:
        moved = plain(abs(worst["shift_coordinates"]), 2)
        finding = ("Counting the Jacobian moves the mode of ", worst.shown, f" by {moved} posterior sd.")
    rows = scalars.by_gap("shift_coordinates")[:ROWS]
    points = ("mle", "map", "map_unconstrained", "laplace_mean", "mean")
    where = tuple(Row((s.shown,), tuple(_point(s, key) for key in points)) for s in rows)
    shifts = ("shift_coordinates", "shift_coordinates_predicted", "shift_pushforward", "shift_shape")
    how_far = tuple(Row((s.shown,), (*(plain(s[key], 2) for key in shifts), plain(-s["z"], 2))) for s in rows)
    parts: list[Part] = [
        Table("Modes", _columns("scalar", "MLE", "MAP", "unconstrained MAP", "Laplace mean", "posterior mean"), where),
        Table(
            "Shifts, in posterior sd",
            _columns("scalar", "by coordinates", "the same, first order", "by push-forward", "by shape", "MAP to mean"),
            how_far,
        ),
    ]
    mle = comparison.fits.get("mle")
    if mle is not None and str(mle.status) == "failed" and mle.reasons:
        parts.append(Prose((f"There is no MLE: {visible(mle.reasons[0])}.",), small=True))
    parts += _path(comparison, scalars)
    return Section("coordinates", "Coordinates", how, finding, tuple(parts))


def _point(s: Scalar, key: str) -> str:
    return s.mode if key == "map" else plain(s[key], 4)


def _path(comparison: Comparison, scalars: Scalars) -> list[Part]:
    """Where the mode goes as the prior is turned on, of the scalars that it moves most."""
    path = comparison.path
    if not path:
        return []
    powers = [float(x) for x in path["powers"]]
    chosen = [min(range(len(powers)), key=lambda i: abs(powers[i] - p)) for p in POWERS]
    known = {s.name: s for s in scalars.rows}
    names = [n for n in path["names"] if n in known]
    spans = {}
    for j, n in enumerate(path["names"]):
        column = [_real(row[j]) for row in path["values"]]
        finite = [x for x in column if math.isfinite(x)]
        spans[n] = (
            (max(finite) - min(finite)) / known[n]["sd"]
            if len(finite) > 1 and n in known and known[n]["sd"] > 0
            else -1.0
        )
    order = sorted(names, key=lambda n: -spans[n])[:ROWS]
    place = {n: j for j, n in enumerate(path["names"])}
    rows = tuple(
        Row((known[n].shown,), (*(plain(_real(path["values"][i][place[n]]), 4) for i in chosen), known[n].mean))
        for n in order
    )
    columns = _columns("scalar", *(f"prior to the {p:g}" if p else "MLE" for p in POWERS), "posterior mean")
    return [
        Heading(("From MLE to MAP: the mode as the prior is turned on",)),
        Table("Path from MLE to MAP", columns, rows),
    ]


# -- sensitivity -----------------------------------------------------------------------------------


def sensitivity(comparison: Comparison, scalars: Scalars) -> Section | None:
    """Build the section on what the power of prior and likelihood moves."""
    found = comparison.sensitivity
    if not found:
        return None
    how = (
        "What a small change of the power of the prior, or of the likelihood, does to the marginal, its mean, the MAP.",
    )
    prior, likelihood = found["prior"], found["likelihood"]
    order = sorted(prior, key=lambda n: -_missing(prior[n]["power_scaling"]))[:ROWS]
    keys = ("power_scaling", "mean", "mode")
    rows = tuple(
        Row((name(n),), (*(shown(prior[n][key]) for key in keys), *(shown(likelihood[n][key]) for key in keys)))
        for n in order
    )
    columns = _columns("scalar", "marginal", "mean, sd", "MAP, sd", "marginal", "mean, sd", "MAP, sd")
    table = Table("Sensitivity", columns, rows, groups=(("", 1), ("to the prior", 3), ("to the likelihood", 3)))
    first = order[0] if order else None
    finding: Words = ()
    if first is not None:
        moved = shown(prior[first]["power_scaling"])
        finding = (
            "The prior tells most on ",
            name(first),
            ": power-scaling sensitivity ",
            moved if isinstance(moved, Number) else NONE,
            ".",
        )
    small = Prose(("Above 0.05 a component is called informative (Kallioinen et al. 2024).",), small=True)
    return Section("sensitivity", "Sensitivity", how, finding, (table, small))


def _missing(of: Mapping[str, Any]) -> float:
    value = _real(of["value"])
    return value if math.isfinite(value) else -1.0


# -- cost and findings -----------------------------------------------------------------------------


def cost(comparison: Comparison) -> list[Part]:
    """What each arm cost, for the section on diagnostics."""
    found = comparison.provenance.get("cost")
    if not found:
        return []
    rows = tuple(
        Row(
            (arm.replace("_", " "),),
            (
                plain(_real(one["compile_seconds"]), 3),
                plain(_real(one["seconds"]), 3),
                NONE if one["evaluations"] is None else count(one["evaluations"]),
            ),
        )
        for arm, one in found["arms"].items()
    )
    parts: list[Part] = [
        Heading(("What it cost",)),
        Table("Cost by arm", _columns("arm", "compiling, s", "running, s", "density evaluations"), rows),
    ]
    nat = found.get("seconds_per_nat")
    if nat is not None:
        parts.append(Prose((f"A nat of elpd cost {plain(_real(nat), 3)} s of sampling.",), small=True))
    return parts


def findings(comparison: Comparison) -> list[Part]:
    """What the audit of the model itself said, for the section on what was asked."""
    rows = tuple(
        Row((name(one["variable"]),), (one["severity"], visible(one["what"]), visible(one["instead"])))
        for one in comparison.findings
    )
    if not rows:
        return []
    columns = tuple(Column((text,)) for text in ("variable", "", "found in the model", "what to do"))
    return [Heading(("The model’s own audit",)), Table("Audit of the model", columns, rows)]


def _columns(first: str, *others: str) -> tuple[Column, ...]:
    return (Column((first,)), *(Column((text,), number=True) for text in others))
