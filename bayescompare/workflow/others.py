"""The methods beyond those that every comparison has: which of them run, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import TimeLimitError, UsageError
from ..methods import METHODS, marginal, method, variational
from ..methods.external import take
from ..methods.marginal import MarginalOptions
from ..methods.pathfinder import PathfinderOptions
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status

if TYPE_CHECKING:
    from .layers import Layers
    from .options import CompareOptions
    from .within import Within

#: Seconds that a method may take however fast NUTS was, compiling apart.
LEAST = 30.0

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
    begins : callable, optional
        Runs it from the unconstrained MAP, where it can be told that; else it finds its own start.
    """

    suits: Callable[[Problem, CompareOptions], bool]
    options: Callable[[CompareOptions, float], Any]
    begins: Callable[..., Fit] | None = None


@dataclass(frozen=True)
class Given:
    """What a method is given: a seed, seconds, the unconstrained MAP where it is known, and the least that it needs."""

    seed: int
    seconds: float
    mode: Fit | None = None
    least: float = 0.0


def _marginal_options(options: CompareOptions, seconds: float) -> MarginalOptions:
    return replace(options.marginal, seconds=min(options.marginal.seconds, seconds))


def _has_latent(problem: Problem, options: CompareOptions) -> bool:
    return marginal.applies(problem, options.marginal)


def _variational_options(options: CompareOptions, seconds: float) -> variational.VariationalOptions:
    return variational.VariationalOptions(draws=options.laplace_draws, mode=options.mode)


def _pathfinder_options(options: CompareOptions, seconds: float) -> PathfinderOptions:
    return PathfinderOptions(draws=options.laplace_draws)


def _only_asked(problem: Problem, options: CompareOptions) -> bool:
    return False


#: Every such method; one is added by its line here.
OTHERS = {
    "marginal_map": Other(_has_latent, _marginal_options),
    "marginal_laplace": Other(_has_latent, _marginal_options),
    "pathfinder": Other(_only_asked, _pathfinder_options),
    **dict.fromkeys(("advi", "fullrank_advi"), Other(_only_asked, _variational_options, variational.fit)),
}


def run(
    problem: Problem,
    fits: Mapping[str, Fit],
    seed: int,
    options: CompareOptions,
    layers: Layers,
    within: Within | None = None,
) -> dict[str, Fit]:
    """Fits by the methods that were asked for, or that suit; one that fails is a failed fit with its reason.

    None takes longer than NUTS did, or than the comparison was given; within a budget for the whole each has half of
    what is left, and none begins that has less than the search for the mode took.
    """
    nuts = fits["nuts"]
    limit = max(nuts.seconds + nuts.compile_seconds, LEAST, options.seconds or 0.0)
    if not nuts.seconds > 0:
        limit = max(limit, UNKNOWN)
    mode, found = fits["unconstrained_map"], {}
    for name in OTHERS:
        given = Given(seed, limit, mode)
        if within is not None:
            given = Given(seed, min(limit, within.left() / 2), mode, least=mode.seconds)
        fit = attempt(name, problem, given, options, layers)
        if fit is not None:
            found[name] = fit
    return found


def attempt(name: str, problem: Problem, given: Given, options: CompareOptions, layers: Layers) -> Fit | None:
    """The fit by one of these methods, failed where it fails; None where it was not asked for, or does not suit."""
    other = OTHERS[name]
    if options.methods is None:
        wanted = layers.compute(name, partial(other.suits, problem, options), lambda _: False)
    else:
        wanted = name in options.methods
    if not wanted:
        return None
    without = partial(_without, name, problem, Status.NOT_RUN)
    if given.seconds < given.least:
        return without(Reason(Code.OVER_TIME, figures={"seconds": given.seconds}))
    told = {"seed": given.seed, "options": other.options(options, given.seconds)}
    work = partial(method(name), problem, **told)
    if other.begins is not None:
        work = partial(other.begins, problem, name, at=given.mode, **told)
    work = partial(_in_time, work, without, given.seconds)
    return layers.compute(name, work, partial(_failed, name, problem))


def _in_time(work: Callable[[], Fit], without: Callable[[Reason], Fit], seconds: float) -> Fit:
    """The fit; where it takes longer than it was given, one that was not run, with the time that it took."""
    began = time.perf_counter()
    try:
        return work()
    except TimeLimitError:
        took = time.perf_counter() - began
        return replace(without(Reason(Code.OVER_TIME, figures={"seconds": seconds})), seconds=took)


def taken(problem: Problem, draws: Mapping[str, Any]) -> dict[str, Fit]:
    """Draws of methods that were run elsewhere, by their names.

    Raises
    ------
    UsageError
        If a name is that of a method here; ``DataError`` where draws do not fit the model.
    """
    for name in draws:
        if name in METHODS:
            raise UsageError(f"others: {name!r} is the name of a method here. Give the draws another one.")
    return {name: take(problem, name, each) for name, each in draws.items()}


def _failed(name: str, problem: Problem, why: str) -> Fit:
    return _without(name, problem, Status.FAILED, Reason(Code.ERROR, figures={"message": why}))


def _without(name: str, problem: Problem, status: Status, reason: Reason) -> Fit:
    names = problem.scalars.names
    return Fit(name, status, (reason,), names, np.full(len(names), np.nan))
