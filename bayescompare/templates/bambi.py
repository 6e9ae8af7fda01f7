"""Models of Bambi, told by what they are: Bambi itself is never imported here."""

from __future__ import annotations

from typing import Any


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
