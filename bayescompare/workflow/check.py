"""The audit of a model alone, before anything is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..model.audit import Finding, inspect
from ..templates.loading import load_target
from .keywords import renamed, whole_seed

if TYPE_CHECKING:
    import numpy as np


@renamed(seed="random_seed")
def check(
    model: Any = None, data: Any = None, *, random_seed: int | np.random.Generator | None = 0
) -> tuple[Finding, ...]:
    """Look for what is wrong in a model before it is fitted.

    Parameters
    ----------
    model : pymc.Model, bambi.Model or Template, optional
        Within ``with model:`` it is that model.
    data : optional
        For a template: the user's own data.
    random_seed : int, Generator or None
        Of the prior draws; the same seed gives the same findings.

    Returns
    -------
    tuple of Finding
        Errors first, then warnings, then notes; empty where nothing was found. Data that no method takes (NaN, for
        example) are findings here, not exceptions.

    Raises
    ------
    ModelError
        If the model cannot be built, has nothing free or nothing observed, or has discrete free variables.
    """
    return inspect(load_target(model, data).model, seed=whole_seed(random_seed))
