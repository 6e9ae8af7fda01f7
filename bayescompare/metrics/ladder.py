"""How far a method's marginals are from the posterior's: location and spread of scalars, with Monte-Carlo errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import diagnostics as mc
from .table import BLOCK, Array


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


def distances(draws: Array, found: Array) -> Distances:
    """Distances of a point, (k,), or of draws, (n, k), from the posterior's draws, (chains, draws, k).

    Errors are of first order, of both sets of draws; what does not vary in the posterior has neither.
    """
    parts = [slice(start, start + BLOCK) for start in range(0, draws.shape[-1], BLOCK)]
    with np.errstate(all="ignore"):
        pieces = [_block(draws[..., part], found[..., part]) for part in parts]
    return Distances(*np.concatenate(pieces, axis=-1))


def _block(draws: Array, found: Array) -> Array:
    x = np.ascontiguousarray(np.moveaxis(draws, -1, 0))
    sd = np.sqrt(mc.variance(x))
    sd[sd == 0] = np.nan
    mean = x.mean(axis=(1, 2))
    v = (x - mean[:, None, None]) / sd[:, None, None]
    squares = v * v - 1
    if found.ndim == 1:
        z = (found - mean) / sd
        nothing = np.full_like(z, np.nan)
        return np.stack([z, mc.mcse_of_mean(v + z[:, None, None] / 2 * squares), nothing, nothing])
    own = np.ascontiguousarray(found.T)[:, None]
    own_sd, own_mean = np.sqrt(mc.variance(own)), own.mean(axis=(1, 2))
    z = (own_mean - mean) / sd
    own_squares = ((own - own_mean[:, None, None]) / own_sd[:, None, None]) ** 2 - 1
    of_z = np.hypot(mc.mcse_of_mean(v + z[:, None, None] / 2 * squares), mc.mcse_of_mean(own) / sd)
    of_ratio = np.hypot(mc.mcse_of_mean(squares), mc.mcse_of_mean(own_squares)) / 2
    return np.stack([z, of_z, np.log(own_sd / sd), of_ratio])
