"""Predictions where nobody looked: the model's own, at new values of its predictors, by MAP and by posterior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ..model.predictive import Predictive
from ..model.problem import Problem
from ..model.simulate import container
from ..results.fit import Fit, Status

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

#: Draws of each arm.
DRAWS = 1000

STATISTICS = ("mean", "lb", "ub")


@dataclass(frozen=True)
class NewInputs:
    """New values of data containers, in blocks of as many rows as the model has: nothing is compiled again.

    Attributes
    ----------
    given : Mapping of str to ndarray of shape (m, ...)
    rows : int
        Rows of the model's own data.
    blocks : tuple of Problem
        The last is filled up with its last row.
    """

    given: Mapping[str, Array]
    rows: int
    blocks: tuple[Problem, ...]

    @property
    def count(self) -> int:
        return len(next(iter(self.given.values())))


def taken(problem: Problem, given: Mapping[str, Any] | None) -> NewInputs | None:
    """The new inputs, checked; None where none were given.

    Raises
    ------
    DataError
        If they do not fit the model's data containers, or each other.
    """
    if given is None or not len(given):
        return None
    arrays = {name: np.asarray(value) for name, value in given.items()}
    known = problem.density.data
    for name, value in arrays.items():
        old = known.get(name)
        if old is None or not old.ndim:
            rows = ", ".join(key for key, data in known.items() if data.ndim) or "none"
            raise DataError(f"predictors: the model has no pm.Data {name!r} with rows (it has: {rows}).")
        if value.shape[1:] != old.shape[1:] or value.ndim != old.ndim or not len(value):
            wanted = "one number a row" if old.ndim == 1 else f"rows of shape {old.shape[1:]}"
            raise DataError(f"predictors: {name!r} must hold {wanted}, not an array of shape {value.shape}.")
    lengths = {name: len(value) for name, value in arrays.items()}
    sizes = {len(known[name]) for name in arrays}
    if len(set(lengths.values())) > 1 or len(sizes) > 1:
        told = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise DataError(f"predictors: all must have one number of rows ({told}), and be of one table in the model.")
    size, count = sizes.pop(), next(iter(lengths.values()))
    outcomes = {getattr(container(problem.model, rv), "name", None) for rv in problem.model.observed_RVs}
    beside = [name for name, data in known.items() if data.ndim and len(data) == size and name not in outcomes]
    missing = sorted(set(beside) - set(arrays))
    if missing:
        raise DataError(f"predictors: {', '.join(missing)} must be given too, with a row for each input.")
    blocks = []
    for start in range(0, count, size):
        chosen = np.minimum(np.arange(start, start + size), count - 1)
        blocks.append(problem.with_data(**{name: value[chosen] for name, value in arrays.items()}))
    return NewInputs(arrays, size, tuple(blocks))


def predicted(new: NewInputs, fits: Mapping[str, Fit], interval: float, seed: int) -> xr.Dataset:
    """Means and equal-tailed intervals of a new observation at each input.

    Returns
    -------
    xarray.Dataset
        ``input``, dims ``new`` and ``column``; ``prediction``, dims ``term``, ``new``, ``arm`` (``plug-in``,
        ``marginal Laplace`` where there is one, ``posterior``) and ``statistic`` (``mean``, ``lb``, ``ub``).

    Raises
    ------
    DataError
        If no observed variable has an observation for each input.
    """
    import xarray as xr

    arms = dict(_arms(fits))
    terms = {
        term.name: {arm: np.empty((0, DRAWS)) for arm in arms}
        for term in Predictive(new.blocks[0]).terms
        if term.scalars == new.rows and term.numeric and "draws" not in term.lacks
    }
    if not terms:
        raise DataError("No observed variable has one number to be predicted for each row of the predictors")
    for i, block in enumerate(new.blocks):
        predictive = Predictive(block)
        for arm, points in arms.items():
            found = predictive.draws(points, seed=seed + i)
            for name, known in terms.items():
                known[arm] = np.concatenate([known[arm], found[name][:, 0].T])
    figures = [[_figures(known[arm][: new.count], interval) for arm in arms] for known in terms.values()]
    columns = dict(_columns(new.given))
    return xr.Dataset(
        {
            "input": (("new", "column"), np.stack(list(columns.values()), axis=-1).astype(float)),
            "prediction": (("term", "arm", "statistic", "new"), np.array(figures)),
        },
        coords={
            "column": list(columns),
            "term": list(terms),
            "arm": list(arms),
            "statistic": list(STATISTICS),
            "new": np.arange(new.count),
        },
    )


def _arms(fits: Mapping[str, Fit]) -> Iterator[tuple[str, Array]]:
    """By arm the unconstrained points that are predicted from."""
    mode = fits["map"]
    if mode.status is not Status.FAILED and mode.unconstrained is not None and np.isfinite(mode.unconstrained).all():
        yield "plug-in", np.repeat(mode.unconstrained[None], DRAWS, axis=0)
    for name, arm in (("marginal_laplace", "marginal Laplace"), ("nuts", "posterior")):
        fit = fits.get(name)
        if fit is not None and fit.unconstrained_draws is not None and fit.status is not Status.FAILED:
            flat = fit.unconstrained_draws.reshape(-1, fit.unconstrained_draws.shape[-1])
            yield arm, flat[np.linspace(0, len(flat) - 1, DRAWS).astype(int)]


def _figures(draws: Array, interval: float) -> Array:
    """Mean and ends, (3, rows), of draws (rows, draws)."""
    tail = (1 - interval) / 2
    return np.stack([draws.mean(axis=1), *np.quantile(draws, [tail, 1 - tail], axis=1)])


def _columns(given: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Each column of the inputs by its name: ``x``, ``X[0]``."""
    for name, values in given.items():
        flat = values.reshape(len(values), -1)
        for j in range(flat.shape[1]):
            yield (name if values.ndim == 1 else f"{name}[{j}]"), flat[:, j]
