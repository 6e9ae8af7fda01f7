"""The data sets of a block: drawn from the model with seeds of their own, and with fresh ones for elpd."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BayesCompareError, UnknownNameError, UnsupportedModelError

if TYPE_CHECKING:
    from ..model.problem import Problem

Array = NDArray[np.float64]
type Fresh = Callable[[Mapping[str, NDArray[Any]], int], Mapping[str, NDArray[Any]]]
"""What draws data anew: see :func:`bayescompare.model.simulate.fresh_data`."""


#: Scalars that are recorded where the plan names none: the free ones always, all of them up to so many.
RECORDED = 100


@dataclass(frozen=True)
class Seeds:
    """Seeds of one cell: of its data, of the cheap methods, of NUTS, of its fresh data, of the other methods."""

    data: int
    cheap: int
    nuts: int
    fresh: int
    single: int


@dataclass(frozen=True, eq=False)
class Replicate:
    """A simulated data set: its place in the block, its seeds, its data, the truth of all k scalars, and fresh data for
    elpd."""

    place: int
    seeds: Seeds
    data: Mapping[str, NDArray[Any]]
    truth: Array
    fresh: Mapping[str, NDArray[Any]] | None


def simulated(
    problem: Problem, simulate: Callable[[int], Any], fresh: Fresh | None, seeds: Sequence[Seeds]
) -> Iterator[Replicate | tuple[int, str]]:
    """A data set for each of the seeds; a place and a reason where one could not be drawn."""
    for place, seed in enumerate(seeds):
        try:
            parameters, data = simulate(seed.data)
            _check_swappable(problem, data)
            new = None if fresh is None else fresh(parameters, seed.fresh)
            yield Replicate(place, seed, data, _truth(problem, parameters), new)
        except Exception as error:  # a user's model may raise anything; the study goes on
            yield place, f"no data: {said(error)}"


def _check_swappable(problem: Problem, data: Mapping[str, NDArray[Any]]) -> None:
    constant = [name for name in data if name not in problem.density.data]
    if constant:
        raise UnsupportedModelError(
            f"The data of {', '.join(constant)} are a constant of the model, so that they cannot be swapped. Put them "
            f'into pm.Data("{constant[0]}_data", ...) and hand that to observed=.'
        )


def _truth(problem: Problem, parameters: Mapping[str, NDArray[Any]]) -> Array:
    """The true scalars, in order; NaN for a Deterministic of the data."""
    found = np.full(len(problem.scalars), np.nan)
    for name, (start, stop, *_) in problem.scalars.variables.items():
        if name in parameters:
            found[start:stop] = np.ravel(parameters[name])
    return found


def stacked(data: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Data sets by name, one row each."""
    return {name: np.stack([each[name] for each in data]) for name in data[0]}


def said(error: Exception) -> str:
    """An error in one line."""
    first = next(iter(str(error).strip().splitlines()), "")
    return first if isinstance(error, BayesCompareError) and first else f"{type(error).__name__}: {first}".rstrip(": ")


def recorded(problem: Problem, parameters: Sequence[str] | None) -> NDArray[np.intp]:
    """Which of a model's scalars a study records.

    Raises
    ------
    UnknownNameError
        If the model has no such variable or scalar.
    """
    scalars = problem.scalars
    if parameters is None:
        return np.arange(len(scalars) if len(scalars) <= RECORDED else scalars.free)
    found: list[int] = []
    for name in parameters:
        if name in scalars.variables:
            start, stop, *_ = scalars.variables[name]
            found.extend(range(start, stop))
        elif name in scalars.names:
            found.append(scalars.names.index(name))
        else:
            raise UnknownNameError(f"The model has no parameter {name!r}. It has: {', '.join(scalars.variables)}.")
    return np.array(sorted(set(found)), dtype=np.intp)
