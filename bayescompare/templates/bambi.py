"""Models of Bambi, told by what they are: Bambi itself is never imported here."""

from __future__ import annotations

from typing import Any

from ..errors import UsageError


def is_model(value: object) -> bool:
    """Whether it is a ``bambi.Model``, built or not."""
    return any(
        base.__module__.partition(".")[0] == "bambi" and base.__name__ == "Model" for base in type(value).__mro__
    )


def as_pymc(value: Any) -> Any:
    """The PyMC model of a Bambi model, which is built if it is not yet; anything else as it is."""
    if not is_model(value):
        return value
    if not value.built:
        value.build()
    return value.backend.model


def held_out(value: Any) -> Any:
    """The PyMC model of a Bambi model on data that were not seen; anything else as it is.

    Raises
    ------
    UsageError
        If it centres its predictors: at other means than those that the intercept belongs to.
    """
    if is_model(value) and getattr(value, "center_predictors", False):
        raise UsageError(
            "Bambi centres the predictors of each model at its own means, so the held-out data would be predicted with "
            "another intercept. Make both models with bmb.Model(..., center_predictors=False)."
        )
    return as_pymc(value)
