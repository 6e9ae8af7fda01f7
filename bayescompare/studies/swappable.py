"""Observed values put into data containers, so that a study can redraw them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.backends import without_compiler
from ..model.pymc_internals import copy_of
from ..model.simulate import container, predict_themselves

if TYPE_CHECKING:
    import pymc as pm


def swappable(model: pm.Model) -> pm.Model:
    """The model itself, or a copy whose observed values that are no container of their own are in one of their name:
    plain arrays, what is computed of a container, and a container that several variables share."""
    import pytensor

    plain = [rv.name for rv in model.observed_RVs if container(model, rv) is None]
    if not plain or predict_themselves(model):
        return model
    copy = copy_of(model)
    for name in plain:
        rv = copy[name]
        old = copy.rvs_to_values[rv]
        with without_compiler():
            new = pytensor.shared(old.eval(), name=name)
        copy.rvs_to_values[rv] = new
        copy.values_to_rvs[new] = rv
        copy.values_to_rvs.pop(old, None)
    return copy
