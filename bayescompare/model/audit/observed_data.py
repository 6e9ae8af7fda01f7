"""The observed data: of the wrong type, not finite, cut to whole numbers, or all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import plain
from ..backends import without_compiler
from ..derived import parameters
from ..pymc_internals import printed_name
from .finding import Finding, Severity

if TYPE_CHECKING:
    import pymc as pm

    from ..backends import Array

#: Distributions whose last parameter is the scale, and whose density at the location is 1/scale and more.
LOCATION_SCALE = ("Normal", "StudentT", "Laplace", "Cauchy", "Logistic", "LogNormal", "Gumbel")


def values(model: pm.Model, containers: Mapping[str, Array]) -> list[Finding]:
    """Observed data that are not numbers, not finite, or not whole where the likelihood counts.

    Parameters
    ----------
    model : pymc.Model
    containers : Mapping of str to ndarray
        Values of data containers that stand in place of the model's own.

    Notes
    -----
    PyMC casts an array of floats to a count's whole numbers when the model is built, so fractions can only be seen in a
    data container (``pm.Data``), which keeps them.
    """
    found = []
    for rv, value in _observed(model, containers):
        name = rv.name
        if value.dtype.kind not in "biuf":
            found.append(
                Finding(
                    "data_not_numbers",
                    Severity.ERROR,
                    name,
                    f"The data of {name} are of type {value.dtype}, not numbers.",
                    "Convert them before they enter the model: np.asarray(values, dtype=float), or codes of categories "
                    "from pandas.factorize.",
                )
            )
        elif not np.isfinite(value).all():
            bad = int(np.sum(~np.isfinite(value)))
            found.append(
                Finding(
                    "data_not_finite",
                    Severity.ERROR,
                    name,
                    f"{bad} of the {value.size} values of {name} {'is' if bad == 1 else 'are'} NaN or infinite.",
                    "Drop them, or pass np.ma.masked_invalid(values) to the likelihood so that PyMC imputes them.",
                )
            )
        elif rv.dtype.startswith(("int", "uint")) and value.dtype.kind == "f" and np.any(value % 1 != 0):
            fractions = value[value % 1 != 0]
            kind = "is no whole number" if len(fractions) == 1 else "are no whole numbers"
            found.append(
                Finding(
                    "data_not_whole",
                    Severity.ERROR,
                    name,
                    f"{name} is a count, and {len(fractions)} of its {value.size} values {kind}: PyMC cuts "
                    f"{plain(float(fractions[0]))} to {plain(float(np.trunc(fractions[0])))} without a word.",
                    "Give the counts themselves (np.rint(values).astype(int) where they were rounded), or use a "
                    "likelihood of real numbers, such as pm.Gamma or pm.LogNormal.",
                )
            )
    return found


def constant(model: pm.Model, containers: Mapping[str, Array]) -> list[Finding]:
    """Data that are all the same under a likelihood whose scale is free: the density grows without bound."""
    from pytensor.graph.traversal import ancestors

    free = set(model.free_RVs)
    behind = {rv: free & set(ancestors([rv])) for rv in model.observed_RVs}
    found = []
    for rv, value in _observed(model, containers):
        kind = distribution(rv)
        if kind not in LOCATION_SCALE or not value.size or np.ptp(value.astype(float)) != 0:
            continue
        location, scale = parameters(rv)[-2:]
        scales = free & set(ancestors([scale]))
        elsewhere = set().union(*(behind[other] for other in model.observed_RVs if other is not rv))
        if scales and not scales & elsewhere and free & set(ancestors([location])):
            told = ", ".join(sorted(str(s.name) for s in scales))
            count = f"All {value.size} values" if value.size > 1 else "The only value"
            found.append(
                Finding(
                    "constant_data",
                    Severity.WARNING,
                    rv.name,
                    f"{count} of {rv.name} {'are' if value.size > 1 else 'is'} {plain(float(value.flat[0]))}: with its "
                    f"mean there, the likelihood grows without bound as its scale ({told}) goes to 0, so MAP and MLE "
                    "need not exist.",
                    f"Check the data; if they are right, fix the scale or give {told} a prior that keeps it away from "
                    "0, such as pm.InverseGamma.",
                )
            )
    return found


def distribution(rv: Any) -> str:
    """Name of a random variable's distribution, as PyMC writes it: ``Normal``."""
    op = rv.owner.op
    return printed_name(op) or type(op).__name__.removesuffix("RV")


def _observed(model: pm.Model, containers: Mapping[str, Array]) -> Iterator[tuple[Any, np.ndarray]]:
    """Observed variables with their data as they were given, before PyMC casts them to the likelihood's type."""
    for rv in model.observed_RVs:
        value = _before_cast(model.rvs_to_values[rv])
        if hasattr(value, "get_value"):
            given: Any = containers.get(value.name, value.get_value())
        else:
            with without_compiler():
                given = value.eval()
        if isinstance(given, np.ndarray | np.generic):  # not a sparse matrix
            yield rv, np.asarray(given)


def _before_cast(value: Any) -> Any:
    from pytensor.scalar import Cast

    while value.owner is not None and isinstance(getattr(value.owner.op, "scalar_op", None), Cast):
        value = value.owner.inputs[0]
    return value
