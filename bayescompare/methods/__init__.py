"""The methods: one a file, one protocol, one registry."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import UnknownNameError, UnsupportedModelError

if TYPE_CHECKING:
    from ..model.problem import Problem
    from ..results.fit import Fit


class Method(Protocol):
    """What every method is: a function of a problem that returns a :class:`Fit`, or raises."""

    def __call__(self, problem: Problem, *, seed: int = 0, options: Any = None, progress: bool = False) -> Fit: ...


#: Where each method lives in the package; loaded when asked for.
METHODS = {
    "advi": "variational:run_advi",
    "fullrank_advi": "variational:run_fullrank",
    "laplace": "laplace:run",
    "map": "mode:run_map",
    "marginal_laplace": "marginal:run_laplace",
    "marginal_map": "marginal:run_map",
    "mle": "mode:run_mle",
    "nuts": "nuts:run",
    "pathfinder": "pathfinder:run",
    "unconstrained_map": "mode:run_unconstrained_map",
}

#: What each method needs beyond a log density that is the same at every call. A mode is found without derivatives where
#: there are none, and the Laplace approximation's curvature is by differences then; the marginal methods need the
#: density through JAX, and say so themselves.
NEEDS: dict[str, tuple[str, ...]] = {
    "advi": (),
    "fullrank_advi": (),
    "laplace": (),
    "map": (),
    "marginal_laplace": (),
    "marginal_map": (),
    "mle": (),
    "nuts": ("gradient",),
    "pathfinder": (),
    "unconstrained_map": (),
}

#: The engine of ``"nuts"`` that has samplers for a density without a gradient, too.
WITHOUT_GRADIENT = "pymc"


def require(problem: Problem, name: str, engine: str = "") -> None:
    """Refuse a method that needs what the model's graph cannot do, before anything runs.

    Parameters
    ----------
    engine : str
        What samples, for ``"nuts"``.

    Raises
    ------
    UnsupportedModelError
        Names the operation.
    """
    lacking = problem.density.no_gradient
    if lacking and "gradient" in NEEDS[name] and engine != WITHOUT_GRADIENT:
        raise UnsupportedModelError(
            f"NUTS needs the gradient of the log density, and {', '.join(lacking)} has none. Sample by PyMC's own "
            f"samplers that need none (--engine {WITHOUT_GRADIENT}), find the MAP without derivatives (fit --method "
            "map), or give the operation a pullback."
        )


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
