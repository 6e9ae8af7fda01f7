"""Truths from the posterior of the data at hand: calibration where these data are, not everywhere the prior allows.

Säilynoja, Schmitt, Bürkner and Vehtari (2025, arXiv:2502.03279): a truth is a draw of p(θ | y), data are replicated
from it, and the fit is to both, p(θ | y, y_rep). With p(θ | y) in the prior's place this is simulation-based
calibration, so that ranks of an exact method are uniform.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError, UnsupportedModelError
from ..methods.nuts import run
from ..methods.sampler_options import SamplerOptions
from ..model.backends import without_compiler
from ..model.problem import Problem
from ..model.pymc_internals import copy_of, is_partly_observed, twin_of
from ..model.simulate import container, fresh_data
from .nuts_arm import doubts

if TYPE_CHECKING:
    import pymc as pm

Array = NDArray[np.float64]

#: What the replicated data are called, after the data at hand.
REPLICATED = "_replicated"


def conditioned(model: pm.Model) -> pm.Model:
    """A copy that observes everything twice: the data at hand, and as many replicated ones with the same parameters.

    Parameters
    ----------
    model : pymc.Model
        Its observed values are in containers: see :func:`bayescompare.studies.swappable.swappable`.

    Raises
    ------
    UnsupportedModelError
        If nothing is observed, or values are missing within one joint distribution.
    """
    import pytensor

    if not model.observed_RVs:
        raise UnsupportedModelError(
            "No data can be replicated: the model has no observed variable, its likelihood is a Potential. Write it as "
            "a distribution: pm.CustomDist with a random method."
        )
    copy = copy_of(model)
    for rv in list(copy.observed_RVs):
        if is_partly_observed(rv.owner.op):
            raise UnsupportedModelError(
                f"{rv.name}: values are missing within one joint distribution, so no data can be replicated beside "
                "them. Draw truths from the prior."
            )
        held = container(copy, rv)
        with without_compiler():
            values = np.asarray(copy.rvs_to_values[rv].eval(), dtype=rv.dtype)
        twin = twin_of(rv, [each for each in copy.basic_RVs if each is not rv])
        copy.register_rv(twin, rv.name + REPLICATED, observed=pytensor.shared(values, name=held.name + REPLICATED))
    return copy


def drawer(
    model: pm.Model, seed: int, options: SamplerOptions
) -> Callable[[int], tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]]:
    """A function of a seed that draws parameters from the posterior of the data at hand, and replicated data.

    Parameters
    ----------
    model : pymc.Model
        As for :func:`conditioned`.
    seed : int
        Of NUTS, which is run once, on one core, so that the draws are the same in every process.
    options : SamplerOptions

    Raises
    ------
    FitError
        If NUTS's draws are not to be trusted.
    UnsupportedModelError, ModelError
        As :func:`bayescompare.model.simulate.fresh_data`.
    """
    problem = Problem(model)
    anew = fresh_data(model)
    sampled = run(problem, seed=seed, options=replace(options, draws=max(options.draws, 1000)), cores=1)
    doubt = doubts(sampled, problem)
    if sampled.draws is None or doubt:
        raise FitError(
            f"Truths cannot be drawn from the posterior of the data at hand, as NUTS is not to be trusted: {doubt} "
            "Take more draws or a higher target_accept, or truths from the prior.",
            sampled,
        )
    draws = sampled.draws.reshape(-1, sampled.draws.shape[-1])

    def draw(seed: int) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        rng = np.random.default_rng(seed)
        parameters = by_variable(problem, draws[rng.integers(len(draws))])
        data = anew(parameters, int(rng.integers(2**32)))
        return parameters, {name + REPLICATED: value for name, value in data.items()}

    return draw


def try_out(model: pm.Model) -> None:
    """Replicate data once, at the initial point: to find out before anything runs what cannot be drawn."""
    conditioned(model)
    problem = Problem(model)
    fresh_data(model)(by_variable(problem, problem.density.push(problem.density.start[None])[0]), 0)


def by_variable(problem: Problem, scalars: Array) -> dict[str, NDArray[Any]]:
    """Scalars as values of the variables."""
    found: Mapping[str, Any] = problem.scalars.variables
    return {name: scalars[start:stop].reshape(shape) for name, (start, stop, shape, _) in found.items()}
