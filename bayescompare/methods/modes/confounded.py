"""Likelihoods that cannot tell some parameters apart, told before any search: an MLE of them does not exist.

With untransformed coordinates x and the others s held, a direction v with ∇ₓℓ(x, s)·v = 0 at every x is one along
which the likelihood never changes: mu + c, z − c/σ where group effects are mu + σz. Gradients at as many random x as
there are directions, of the terms in random combinations, show all of them by their rank. Where every random s has such
a direction, every s has, by continuity, and no point is the only highest.
"""

from __future__ import annotations

import math

import numpy as np

from ...model.backends import Array
from ...model.density import Density
from ...model.graphs import Block
from .scales import scales

#: The likelihood and Potentials alone.
LIKELIHOOD = (1.0, 0.0, 0.0)

#: Values of the transformed coordinates that are looked at, and gradients beyond the number of directions at each.
LOOKED, SPARE = 3, 5

#: A block, or an axis of a larger one, up to this size has each of its elements as a direction; most directions.
SHORT, MOST = 30, 200

#: Singular values, of unit columns and relative to the largest, up to which a direction is flat, and from which it is
#: not; in between nothing is said.
NOTHING, SOMETHING = 1e-11, 1e-8

#: Steps along a direction, in units of its coordinates, over which the log likelihood must stay as it is, relative to
#: it.
STEPS, SAME = np.array([1.0, -1.0, 30.0, -30.0, 1e3, -1e3]), 1e-9


def confounded(density: Density) -> tuple[str, ...]:
    """Free variables along which the likelihood is flat everywhere; none where that is not certain.

    Looked for are shifts of single coordinates and of whole blocks against one another, as the effects of all groups
    against their mean: at most :data:`MOST` directions, so that the cost is linear in data and parameters.
    """
    blocks = [b for b in density.blocks if b.transform is None]
    shifts = [_shifts(block, density.dimension) for block in blocks]
    owners = np.repeat(np.arange(len(blocks)), [len(each) for each in shifts])
    if density.no_gradient or not 2 <= len(owners) <= MOST or not np.isfinite(density.start).all():
        return ()
    basis, rng = np.concatenate(shifts) * scales(density, LIKELIHOOD), np.random.default_rng(0)
    shares = np.zeros(len(owners))
    for _ in range(LOOKED):
        flat = _flat(density, basis, rng)
        if flat is None:
            return ()
        shares += flat
    by_block = np.bincount(owners, shares)
    return tuple(block.name for block, share in zip(blocks, by_block, strict=True) if share > 0.1 * by_block.max())


def _shifts(block: Block, d: int) -> Array:
    """Directions of one block, (p, d): of each element, or of all that share an index of a short axis, or of all."""
    short = [axis for axis, size in enumerate(block.shape) if size <= SHORT]
    if block.size <= SHORT:
        labels = np.arange(block.size)
    elif short:
        labels = np.indices(block.shape)[short[-1]].ravel()
    else:
        labels = np.zeros(block.size, dtype=int)
    found = np.zeros((int(labels.max(initial=-1)) + 1, d))
    found[labels, np.arange(block.start, block.stop)] = 1.0
    return found


def _flat(density: Density, basis: Array, rng: np.random.Generator) -> Array | None:
    """Shares (p,) of the directions in what is flat where the transformed coordinates have some random value."""
    unit = scales(density, LIKELIHOOD)
    moved = basis.any(axis=0)
    place = density.start + np.where(moved, 0.0, unit * rng.uniform(-1, 1, density.dimension))
    rows = []
    for _ in range(len(basis) + SPARE):
        u = place + np.where(moved, unit * rng.uniform(-1, 1, density.dimension), 0.0)
        value, gradient = density(u, LIKELIHOOD, rng.standard_normal(density.observations))
        if not math.isfinite(value):
            return None
        rows.append(basis @ gradient)
    slopes = np.stack(rows)
    size = np.linalg.norm(slopes, axis=0)
    if not size.all():  # saturated, or beyond a kink: nothing is seen from here
        return None
    _, singular, vectors = np.linalg.svd(slopes / size, full_matrices=False)
    relative = singular / singular[0]
    flat = relative < NOTHING
    if not flat.any() or relative[~flat].min() < SOMETHING:
        return None
    along = (rng.standard_normal(flat.sum()) @ vectors[flat]) / size
    way = along / np.abs(along).max() @ basis
    heights = density.batch(u + STEPS[:, None] * way, LIKELIHOOD)[0]
    still = np.abs(heights - density(u, LIKELIHOOD)[0]) <= SAME * max(1.0, float(np.abs(heights).max()))
    return (vectors[flat] ** 2).sum(axis=0) if still.all() else None
