"""How far a method's marginals are from the posterior's: location and spread of scalars, with Monte-Carlo errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import diagnostics as mc
from .table import BLOCK, Array
from .verdict import Layer, State, decided


@dataclass(frozen=True)
class Moments:
    """What a method says of k scalars, each array of shape (k,): means and sds with their errors, NaN for none."""

    mean: Array
    mean_mcse: Array
    sd: Array
    sd_mcse: Array


@dataclass(frozen=True)
class Distances:
    """Of k scalars, each array of shape (k,).

    Attributes
    ----------
    z, z_mcse : ndarray
        (the method's point or mean − the posterior's mean) / the posterior's sd.
    log_ratio, log_ratio_mcse : ndarray
        log of the method's sd over the posterior's; NaN for a point, which has none.
    """

    z: Array
    z_mcse: Array
    log_ratio: Array
    log_ratio_mcse: Array


def moments(found: Array) -> Moments:
    """Of a point, (k,), or of draws, (n, k) or (chains, draws, k)."""
    k = found.shape[-1]
    if found.ndim == 1:
        nothing = np.full(k, np.nan)
        return Moments(found, np.zeros(k), nothing, nothing)
    chains = found if found.ndim == 3 else found[None]
    parts = [slice(start, start + BLOCK) for start in range(0, k, BLOCK)]
    with np.errstate(all="ignore"):
        return Moments(*np.concatenate([_moments(chains[..., part]) for part in parts], axis=-1))


def _moments(draws: Array) -> Array:
    x, mean, sd, squares = _standardised(draws)
    return np.stack([mean, mc.mcse_of_mean(x) * sd, sd, sd * mc.mcse_of_mean(squares) / 2])


def distances(draws: Array, found: Moments) -> Distances:
    """Distances of a method's moments from the posterior's draws, (chains, draws, k).

    Errors are of first order, of both; what does not vary in the posterior has neither.
    """
    rows = np.stack([found.mean, found.mean_mcse, found.sd, found.sd_mcse])
    parts = [slice(start, start + BLOCK) for start in range(0, draws.shape[-1], BLOCK)]
    with np.errstate(all="ignore"):
        pieces = [_distances(draws[..., part], *rows[:, part]) for part in parts]
    return Distances(*np.concatenate(pieces, axis=-1))


def _distances(draws: Array, point: Array, point_mcse: Array, own_sd: Array, own_sd_mcse: Array) -> Array:
    v, mean, sd, squares = _standardised(draws)
    sd = np.where(sd == 0, np.nan, sd)
    z = (point - mean) / sd
    of_z = np.hypot(mc.mcse_of_mean(v + z[:, None, None] / 2 * squares), point_mcse / sd)
    of_ratio = np.hypot(mc.mcse_of_mean(squares) / 2, own_sd_mcse / own_sd)
    return np.stack([z, of_z, np.log(own_sd / sd), of_ratio])


def _standardised(draws: Array) -> tuple[Array, Array, Array, Array]:
    """Standardised draws, scalars first; means, sds, and the squares less one."""
    x = np.ascontiguousarray(np.moveaxis(draws, -1, 0))
    sd, mean = np.sqrt(mc.variance(x)), x.mean(axis=(1, 2))
    v = (x - mean[:, None, None]) / sd[:, None, None]
    return v, mean, sd, v * v - 1


def enough(location: Layer, spread: Layer, scalars: int, decision: Layer | None = None) -> State:
    """Whether a method would have done: both the same, for every one of so many scalars, and the decision where one was
    asked about. A point is never enough."""
    state = decided([location, spread, *([decision] if decision else [])])[0]
    if spread.state is State.NOT_COMPUTED and location.state is not State.DIFFERS:
        return State.NOT_COMPUTED
    known = min(location.scalars, spread.scalars) == scalars
    return state if known or state is not State.SAME else State.UNDECIDED
