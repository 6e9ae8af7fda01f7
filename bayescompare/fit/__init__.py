"""The methods: one a file, one protocol, one registry."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import UnknownNameError

if TYPE_CHECKING:
    from ..problem import Problem
    from .result import Fit


class Method(Protocol):
    """What every method is: a function of a problem that returns a :class:`Fit`, or raises."""

    def __call__(self, problem: Problem, *, seed: int = 0, options: Any = None, progress: bool = False) -> Fit: ...


#: Where each method lives; loaded when asked for.
METHODS = {
    "laplace": "laplace:run",
    "map": "mode:run_map",
    "mle": "mode:run_mle",
    "nuts": "nuts:run",
    "unconstrained_map": "mode:run_unconstrained_map",
}


def method(name: str) -> Method:
    """The method of this name.

    Raises
    ------
    UnknownNameError
    """
    if name not in METHODS:
        raise UnknownNameError(f"Unknown method {name!r}. There are: {', '.join(METHODS)}.")
    module, _, function = METHODS[name].partition(":")
    found: Method = getattr(import_module(f".{module}", __name__), function)
    return found
