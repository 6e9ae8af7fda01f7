"""PyMC's checks of parameters (``sigma > 0``) as conditions, apart from the density that they guard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..pymc_internals import is_parameter_check


def conditions(term: Any) -> list[tuple[str, Any]]:
    """The conditions that a log density depends on: what each says, and a boolean graph."""
    from pytensor.graph.traversal import ancestors

    nodes = [var.owner for var in ancestors([term]) if var.owner is not None]
    return [(node.op.msg, condition) for node in nodes if is_parameter_check(node.op) for condition in node.inputs[1:]]


def without_checks(terms: Sequence[Any]) -> list[Any]:
    """The terms with their checks taken out: a number everywhere, instead of an exception where a check fails."""
    from pytensor.graph.replace import clone_replace
    from pytensor.graph.traversal import toposort

    # From the inside out: what stands in for an outer check is cloned with the inner ones taken out already.
    guarded = {node.outputs[0]: node.inputs[0] for node in toposort(terms) if is_parameter_check(node.op)}
    bare: list[Any] = clone_replace(list(terms), guarded, rebuild_strict=False)
    return bare
