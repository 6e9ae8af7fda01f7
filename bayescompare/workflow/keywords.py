"""PyMC's and ArviZ's own words on the functions that users call, folded into the options that the methods take."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np

from ..errors import UsageError
from .options import Progress, Shown, Silent

#: Largest seed that NumPy, PyMC, nutpie and JAX all take.
LARGEST_SEED = 2**32 - 1

#: Keywords that an option goes by under another name.
FIELDS = {"nuts_sampler": "engine", "ci_prob": "interval", "budget": "whole"}


def renamed[**P, R](**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function take keywords by their old names too, with a DeprecationWarning that says the new one."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for old, new in names.items():
                if old not in kwargs:
                    continue
                if new in kwargs:
                    raise UsageError(f"{old} is the old name of {new}: give {new} alone.")
                warnings.warn(
                    f"{function.__name__}({old}=...) is now {function.__name__}({new}=...); the old name goes with "
                    "the next minor version.",
                    DeprecationWarning,
                    stacklevel=2,
                )
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


def folded[T](kind: type[T], options: T | None, keywords: Mapping[str, Any], own: Mapping[str, Any]) -> T | None:
    """Options with what was given by keyword.

    Parameters
    ----------
    kind : type
        The dataclass of options.
    options : optional
        What was given as such an object.
    keywords : Mapping
        What was given by keyword; None means that it was not.
    own : Mapping
        A template's own settings, where no object was given.

    Raises
    ------
    UsageError
        If a keyword is none of these options, or contradicts the object.
    """
    given = {FIELDS.get(name, name): value for name, value in keywords.items() if value is not None}
    if not given:
        return options
    fields: Mapping[str, Any] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    said = {FIELDS.get(name, name): name for name in keywords}
    for field, value in given.items():
        if field not in fields:
            raise UsageError(f"{said[field]} is no option here: {kind.__name__} has {', '.join(fields)}.")
        also = fields[field].default if options is None else getattr(options, field)
        if also not in (value, fields[field].default):
            object_ = f"{kind.__name__}({field}={also!r})"
            raise UsageError(f"{said[field]}={value!r} and {object_} contradict each other. Give one of them.")
    return kind(**{**own, **given}) if options is None else replace(options, **given)  # type: ignore[type-var]


def whole_seed(random_seed: int | np.random.Generator | None) -> int:
    """The seed that is meant: None is a new one each time, as in PyMC, and a Generator gives its next one.

    Raises
    ------
    UsageError
    """
    if random_seed is None:
        random_seed = np.random.default_rng()
    if isinstance(random_seed, np.random.Generator):
        return int(random_seed.integers(LARGEST_SEED))
    if isinstance(random_seed, bool) or not isinstance(random_seed, int | np.integer):
        raise UsageError(f"random_seed must be a whole number, a Generator or None, not {random_seed!r}.")
    if not 0 <= random_seed <= LARGEST_SEED:
        raise UsageError(f"random_seed must lie between 0 and {LARGEST_SEED}, not {random_seed}.")
    return int(random_seed)


def shown(progressbar: bool | Progress) -> Progress:
    """What tells how far a computation is: nothing, a line on stderr (in a notebook below the cell), or one's own."""
    if isinstance(progressbar, bool):
        return Shown() if progressbar else Silent()
    return progressbar
