"""The audit of the model itself, before anything is fitted: what NUTS and MAP would converge to without a word.

Nothing here judges a posterior. What is found is wrong or doubtful in the model's own graph, in its data, or in what
its prior lets through to its likelihood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import DataError
from ..cache import problem_of
from ..problem import Problem
from ..refusals import check as refuse
from . import arithmetic, structure
from . import constant_columns as columns
from . import observed_data as data
from . import prior_draws as density
from .finding import Finding, Severity

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["Finding", "Severity", "audit", "check", "inspect"]

#: What is looked at, in the words of a reader.
LOOKED_AT = (
    "the arithmetic of integer constants",
    f"density and gradient at the initial point, around it and at {density.DRAWS} prior draws",
    "the support of priors and likelihoods",
    "improper priors",
    "variables that no data reach",
    "the data's types and values",
    "constant columns",
    "coordinates",
)


def inspect(model: pm.Model, *, seed: int = 0) -> tuple[Finding, ...]:
    """Look for what is wrong in a model that is built: see :func:`bayescompare.check`."""
    refuse(model)
    try:
        problem = problem_of(model)
    except DataError:
        found = [*data.values(model, {}), *structure.findings(model)]
        if not found:
            raise
        return _sorted(found)
    return audit(problem, seed=seed)


def audit(problem: Problem, *, seed: int = 0) -> tuple[Finding, ...]:
    """Look for what is wrong in a model that is made ready.

    Parameters
    ----------
    problem : Problem
        Its density is compiled here if it was not yet.
    seed : int
        Of the prior draws.

    Returns
    -------
    tuple of Finding
        Errors first.
    """
    model, containers = problem.model, problem.density.data
    found = arithmetic.findings(problem, seed)
    if not found:  # what a wrong constant makes of the density needs no second finding
        found = [*density.findings(problem, seed), *columns.findings(problem, seed)]
    found += [*data.values(model, containers), *data.constant(model, containers), *structure.findings(model)]
    return _sorted(found)


def arithmetic_of(problem: Problem, seed: int = 0) -> tuple[Finding, ...]:
    """The part that costs next to nothing and that no fit should go without: integer constants that overflow."""
    return tuple(arithmetic.findings(problem, seed))


def _sorted(found: list[Finding]) -> tuple[Finding, ...]:
    order = list(Severity)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))
