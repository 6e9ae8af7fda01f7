"""Models and data that no method here can treat, refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DataError, UnsupportedModelError
from .backends import Array


def check(model: Any) -> None:
    """Refuse by name what no method here can treat.

    Raises
    ------
    UnsupportedModelError
    """
    import pymc as pm

    if not isinstance(model, pm.Model):
        raise UnsupportedModelError(
            f"Expected a pymc.Model or a Template, got {type(model).__name__}. "
            "A function that returns a model must be called first."
        )
    if not model.free_RVs:
        raise UnsupportedModelError(
            "The model has no free random variables, so there is nothing to estimate. "
            "Give at least one parameter a prior, inside the model's context."
        )
    if not model.observed_RVs and not model.potentials:
        raise UnsupportedModelError(
            "The model has no observed variables, so there is nothing to learn from. "
            "Pass the data to the likelihood with observed=..., or add a pm.Potential."
        )
    discrete = [rv.name for rv in model.free_RVs if rv.dtype.startswith(("int", "uint", "bool"))]
    data = {rv.name for rv in model.observed_RVs}
    missing = [name for name in discrete if f"{name.removesuffix('_unobserved')}_observed" in data]
    if missing:
        raise UnsupportedModelError(
            f"{', '.join(missing)}: missing values of discrete data, which PyMC makes free variables; they have no "
            "gradient. Leave them out of the data: where observations are independent given the parameters, missing "
            "ones say nothing of those."
        )
    if discrete:
        raise UnsupportedModelError(
            f"Discrete free variables have no gradient: {', '.join(discrete)}. Sum them out of the likelihood "
            "(marginalisation): pm.Mixture, or a logsumexp over their states in a pm.Potential. The MAP alone can be "
            "had by enumeration where their joint support is small: bayescompare fit --method map."
        )


def check_data(values: Mapping[str, Array]) -> None:
    """Refuse data that are no finite numbers.

    Raises
    ------
    DataError
    """
    for name, value in values.items():
        if value.dtype == object:
            raise DataError(f"The data of {name!r} are of type object, not numbers. Convert them before use.")
        if np.issubdtype(value.dtype, np.floating) and not np.all(np.isfinite(value)):
            bad = int(np.sum(~np.isfinite(value)))
            raise DataError(
                f"The data of {name!r} hold {bad} NaN or infinite value{'s' if bad > 1 else ''} of {value.size}. "
                "Drop them, or pass a masked array to the likelihood so that PyMC imputes them."
            )
