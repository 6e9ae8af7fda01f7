"""Plain observed arrays put into data containers, so that a study can redraw them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.pymc_internals import copy_of

if TYPE_CHECKING:
    import pymc as pm


def swappable(model: pm.Model) -> pm.Model:
    """The model itself, or a copy whose observed arrays, constants of the graph, are in containers of their names."""
    import pytensor
    from pytensor.graph.basic import Constant

    plain = [rv.name for rv in model.observed_RVs if isinstance(model.rvs_to_values[rv], Constant)]
    if not plain:
        return model
    copy = copy_of(model)
    for name in plain:
        rv = copy[name]
        old = copy.rvs_to_values[rv]
        new = pytensor.shared(old.data, name=name)
        copy.rvs_to_values[rv] = new
        copy.values_to_rvs[new] = copy.values_to_rvs.pop(old)
    return copy
