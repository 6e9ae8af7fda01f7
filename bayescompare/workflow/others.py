"""The methods beyond those that every comparison has: which of them run, and for how long."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..methods import marginal, method
from ..methods.marginal import MarginalOptions
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status

if TYPE_CHECKING:
    from .layers import Layers
    from .options import CompareOptions

#: Seconds that a method may take however fast NUTS was.
LEAST = 15.0

#: The same where the draws were made elsewhere, in an unknown time.
UNKNOWN = 60.0


@dataclass(frozen=True)
class Other:
    """A method beyond MAP, Laplace and NUTS.

    Attributes
    ----------
    suits : callable
        Whether it is cheap for a model, and so runs where nothing else is asked.
    options : callable
        Its own options, of the comparison's and of the seconds it may take.
    """

    suits: Callable[[Problem, CompareOptions], bool]
    options: Callable[[CompareOptions, float], Any]


def _marginal_options(options: CompareOptions, seconds: float) -> MarginalOptions:
    return replace(options.marginal, seconds=min(options.marginal.seconds, seconds))


def _has_latent(problem: Problem, options: CompareOptions) -> bool:
    return marginal.applies(problem, options.marginal)


#: Every such method; one is added by its line here.
OTHERS = {
    "marginal_map": Other(_has_latent, _marginal_options),
    "marginal_laplace": Other(_has_latent, _marginal_options),
}


def run(problem: Problem, nuts: Fit, seed: int, options: CompareOptions, layers: Layers) -> dict[str, Fit]:
    """Fits by the methods that were asked for, or that suit; one that fails is a failed fit with its reason.

    None takes longer than NUTS did, unless the comparison was given all time there is.
    """
    limit = math.inf if options.seconds == math.inf else max(nuts.seconds + nuts.compile_seconds, LEAST)
    if not nuts.seconds > 0:
        limit = max(limit, UNKNOWN)
    found = {name: attempt(name, problem, limit, seed, options, layers) for name in OTHERS}
    return {name: fit for name, fit in found.items() if fit is not None}


def attempt(
    name: str, problem: Problem, seconds: float, seed: int, options: CompareOptions, layers: Layers
) -> Fit | None:
    """The fit by one of these methods, failed where it fails; None where it was not asked for, or does not suit."""
    other = OTHERS[name]
    if options.methods is None:
        wanted = layers.compute(name, partial(other.suits, problem, options), lambda _: False)
    else:
        wanted = name in options.methods
    if not wanted:
        return None
    work = partial(method(name), problem, seed=seed, options=other.options(options, seconds))
    return layers.compute(name, work, partial(_failed, name, problem))


def _failed(name: str, problem: Problem, why: str) -> Fit:
    names = problem.scalars.names
    reason = Reason(Code.ERROR, figures={"message": why})
    return Fit(name, Status.FAILED, (reason,), names, np.full(len(names), np.nan))
