"""Observed variables that are computed from random ones without a name, as ``pm.observe`` makes them of Deterministics.

Such a variable is no distribution of its own: PyMC derives its log density, and its draws are the computation's.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .capabilities import is_distribution
from .pymc_internals import resized


def is_derived(rv: Any) -> bool:
    """Whether a variable of the model is a computation, not a distribution."""
    return not is_distribution(rv.owner.op)


def parameters(rv: Any) -> list[Any]:
    """What a variable's law is computed from: a distribution's parameters, or what is drawn and what is done to it (of
    rows with missing values, for example, the rows)."""
    op = rv.owner.op
    without = is_derived(rv) or getattr(op, "extended_signature", "") is None
    return list(rv.owner.inputs if without else op.dist_params(rv.owner))


def drawn(rv: Any, named: Collection[Any] = ()) -> list[Any]:
    """The distributions that a derived variable is computed from; what ``named`` variables come from is left out."""
    from pytensor.graph.traversal import ancestors

    above = ancestors([rv], blockers=[variable for variable in named if variable is not rv])
    return [v for v in above if v.owner is not None and v not in named and is_distribution(v.owner.op) and _is_value(v)]


def repeated(rv: Any, count: Any, named: Collection[Any]) -> Any:
    """A derived variable ``count`` times over, in a first axis: everything that it is computed from is drawn anew.

    Raises
    ------
    One of ``LIBRARY_ERRORS``, where an operation cannot be given that axis.
    """
    from pytensor.graph.replace import vectorize_graph
    from pytensor.graph.traversal import ancestors

    found = drawn(rv, named)
    # The others take the axis over from these, with their parameters.
    first = [v for v in found if not any(other is not v and other in set(ancestors([v])) for other in found)]
    return vectorize_graph(rv, replace={v: resized(v, (count,), expand=True) for v in first})


def _is_value(variable: Any) -> bool:
    """Not the state of a generator of random numbers, which a distribution returns as well."""
    from pytensor.tensor.type import TensorType

    return isinstance(variable.type, TensorType)
