"""Modes on the boundary, for many replicates at once: what ``methods.modes.boundaries`` does for one."""

from __future__ import annotations

import numpy as np

from ..methods.modes import boundaries
from ..methods.modes.options import ModeOptions
from .batch_density import Chunk, Weights
from .batch_newton import Mask, Tops, polish, spectra

#: Where a mode inside is looked for when one lies on a bound: distances from the middle of its range, in u.
DEPTHS = (*boundaries.INWARD, -1.0, -2.0, -3.0)

#: Difference of heights, in nats, up to which they are one height.
AGREEMENT = ModeOptions().agreement


def runs(chunk: Chunk, top: Tops) -> Mask:
    """Transformed coordinates that run to a bound: wide, and at no top of their own; (B, d)."""
    eigenvalues, vectors, sd = spectra(top.h)
    with np.errstate(divide="ignore", over="ignore"):
        width = sd * np.sqrt((vectors**2 / np.abs(eigenvalues)[:, None, :]).sum(axis=2))
    curvature = np.diagonal(top.h, axis1=1, axis2=2)
    settled = (curvature > boundaries.SETTLED) & (np.abs(top.gradient) < 1e-3 * curvature)
    running: Mask = (width > boundaries.BOUNDARY_SD) & chunk.density.transformed & ~settled
    return running


def on_bounds(chunk: Chunk, top: Tops, running: Mask, weights: Weights) -> Tops:
    """The tops with coordinates put on their bound where the density does not fall towards it, the others polished.

    Where it is higher inside, the mode there; where nothing is held, or that mode runs too, no end of a search.
    """
    b = len(top.u)
    bounded = _straight(chunk, top, running, weights)
    u, held = bounded.u.copy(), bounded.held
    bounds = held.any(axis=1)
    inside = bounded.take(slice(None))
    for place in range(int(held.sum(axis=1).max(initial=0))):
        deep = bounds & (held.sum(axis=1) > place)
        i = np.argsort(~held, axis=1, kind="stable")[:, place]
        inner = bounded.u.copy()
        for depth in DEPTHS:  # one-sided slope and second order both count
            inner[np.arange(b), i] = np.copysign(1.0, u[np.arange(b), i]) * depth
            trial = polish(chunk, inner, held, weights, deep)
            higher = deep & (trial.value > inside.value + AGREEMENT)
            inside.put(higher, trial.take(higher))
            inner = trial.u
    renewed = bounds & (inside.value > bounded.value)
    new = polish(chunk, inside.u, np.zeros_like(held), weights, renewed)
    new.decrement[runs(chunk, new).any(axis=1)] = np.inf
    bounded.put(renewed, new.take(renewed))
    return bounded


def _straight(chunk: Chunk, top: Tops, running: Mask, weights: Weights) -> Tops:
    """The others polished with coordinates put towards where the density does not fall, as far out as it is known."""
    d = top.u.shape[1]
    mixed = [block.transform == "simplex" for block in chunk.density.blocks for _ in range(block.size)]
    bounded = Tops.nothing(top.u, np.zeros_like(running))
    left = running.any(axis=1)
    for distance in boundaries.PLACES:
        if not left.any():
            break
        points = np.repeat(top.u[left, None], 2 * d, axis=1)
        points[:, np.arange(d), np.arange(d)] = -distance
        points[:, np.arange(d, 2 * d), np.arange(d)] = distance
        level = np.zeros((len(left), 2 * d), dtype=bool)
        heights = chunk.values(points, weights, np.flatnonzero(left))
        level[left] = heights >= (top.value[left] - AGREEMENT)[:, None]
        low, high = level[:, :d], level[:, d:]
        # Both: the density does not depend on it. A simplex's coordinates mix its scalars, none can be put on a bound.
        held = running & (low ^ high) & ~np.array(mixed)
        polished = polish(
            chunk, np.where(held, np.where(high, distance, -distance), top.u), held, weights, held.any(axis=1)
        )
        known = left & np.isfinite(polished.value)
        bounded.put(known, polished.take(known))
        left &= ~known
    return bounded


def thins(chunk: Chunk, top: Tops, converged: Mask) -> Mask:
    """Rows where a scalar of a simplex vanishes: whether it lies on the boundary, the single search tells."""
    thin = np.zeros(len(converged), dtype=bool)
    rows = np.flatnonzero(converged)
    for _, (start, stop) in boundaries.simplexes(chunk.density) if len(rows) else ():
        thin[rows] |= (chunk.push(top.u[rows, None], rows)[:, 0, start:stop] < boundaries.EDGE).any(axis=1)
    return thin
