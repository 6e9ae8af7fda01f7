"""What the model's graph alone tells: improper priors, variables that no data reach, coordinates given twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...coordinates import labels
from ..problem import IMPROPER
from .finding import Finding, Severity

if TYPE_CHECKING:
    import pymc as pm


def findings(model: pm.Model) -> list[Finding]:
    """All of them."""
    return [*_reaches_no_data(model), *_duplicate_coordinates(model), *_improper(model)]


def _improper(model: pm.Model) -> list[Finding]:
    kinds = {rv.name: type(rv.owner.op).__name__.removesuffix("RV") for rv in model.free_RVs if rv.owner is not None}
    return [
        Finding(
            "improper_prior",
            Severity.NOTE,
            name,
            f"pm.{kind} is no probability distribution, so {name} has no prior to draw from: figures that compare "
            "prior and posterior are not computed.",
            f"If you know {name}'s order of magnitude, say so: "
            + ("pm.HalfNormal or pm.Exponential" if kind == "HalfFlat" else "pm.Normal")
            + " with a wide scale gives nearly the same posterior, and a prior that can be checked.",
        )
        for name, kind in kinds.items()
        if kind in IMPROPER
    ]


def _reaches_no_data(model: pm.Model) -> list[Finding]:
    """Free variables that no likelihood and no Potential depends on, directly or through other variables."""
    from pytensor.graph.traversal import ancestors

    observed = {rv.name for rv in model.observed_RVs}
    reached = set(ancestors([*model.observed_RVs, *model.potentials]))
    if not observed and not reached & set(model.free_RVs):  # a Potential that says nothing: the prior itself is studied
        what = "The model has no data: its posterior is its prior."
        instead = "Nothing, if that is what you want to see; or give a likelihood its data with observed=."
        return [Finding("reaches_no_data", Severity.NOTE, model.free_RVs[0].name, what, instead)]
    found = []
    for rv in model.free_RVs:
        # PyMC splits masked data into an observed and an unobserved part, which stand side by side in the graph.
        imputed = rv.name.endswith("_unobserved") and f"{rv.name.removesuffix('_unobserved')}_observed" in observed
        if rv not in reached and not imputed:
            found.append(
                Finding(
                    "reaches_no_data",
                    Severity.WARNING,
                    rv.name,
                    f"No likelihood and no Potential depends on {rv.name}, so the data say nothing about it: its "
                    "posterior is its prior, given the variables that it depends on.",
                    f"Use {rv.name} in the likelihood or take it out; for a prediction draw it afterwards, with "
                    "pm.sample_posterior_predictive.",
                )
            )
    return found


def _duplicate_coordinates(model: pm.Model) -> list[Finding]:
    """Dimensions of scalars (of free variables and Deterministics) in which two labels read alike."""
    found = []
    named = [var.name for var in (*model.free_RVs, *model.deterministics)]
    for dim, values in model.coords.items():
        users = [name for name in named if dim in model.named_vars_to_dims.get(name, ())]
        twice = {label: n for label, n in Counter(labels(values or ())).items() if n > 1}
        if not users or not twice:
            continue
        label, n = next(iter(twice.items()))
        times = "twice" if n == 2 else f"{n} times"
        more = f", and {len(twice) - 1} more labels" if len(twice) > 1 else ""
        found.append(
            Finding(
                "duplicate_coordinates",
                Severity.WARNING,
                users[0],
                f"The dimension {dim!r} has the label {label!r} {times}{more}: {n} scalars of {', '.join(users)} "
                "could not be told apart by name.",
                f'Give each element a label of its own: coords={{"{dim}": ...}} without repetition.',
            )
        )
    return found
