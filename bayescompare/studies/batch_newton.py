"""Newton's steps to the top, for many replicates at once: what ``methods.modes.search`` does for one."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..methods.modes.curvature import WIDEST
from ..methods.modes.options import ModeOptions
from ..methods.modes.scales import scales
from ..methods.modes.search import STRIDE
from ..model.backends import Array
from .batch_density import Chunk, Index, Weights

Mask = NDArray[np.bool_]

#: Most evaluations of the curvature on the way to one mode; and where it leads along a curved valley.
STEPS, PATIENT = 25, 150

#: Decrement in nats at which Newton's steps end: 1e-8 posterior sd.
DONE = 1e-16

#: Largest decrement of a mode in nats.
CONVERGED = ModeOptions().decrement


@dataclass
class Tops:
    """Where Newton's steps ended in each of B replicates.

    ``held`` are coordinates that stay where they are; ``step`` is the one that would come next, and ``smallest`` the
    lowest eigenvalue of the curvature scaled to unit diagonal.
    """

    u: Array
    held: Mask
    value: Array
    decrement: Array
    gradient: Array
    h: Array
    smallest: Array
    step: Array

    @classmethod
    def nothing(cls, u: Array, held: Mask) -> Tops:
        """None is known yet."""
        b, d = u.shape
        value, decrement, smallest = (np.full(b, x) for x in (-np.inf, np.inf, np.nan))
        return cls(u.copy(), held.copy(), value, decrement, 0 * u, np.zeros((b, d, d)), smallest, 0 * u)

    def take(self, rows: Mask | Index | slice) -> Tops:
        """These rows alone."""
        return Tops(*(getattr(self, each.name)[rows].copy() for each in fields(self)))

    def put(self, rows: Mask | Index, others: Tops) -> None:
        """Others in place of these rows."""
        for each in fields(self):
            getattr(self, each.name)[rows] = getattr(others, each.name)


def polish(chunk: Chunk, u: Array, held: Mask, weights: Weights, active: Mask, most: int = STEPS) -> Tops:
    """Saddle-free Newton steps of the ``active`` rows, (B,), over the coordinates that are not ``held``, (B, d)."""
    far = chunk.density.transformed
    top = Tops.nothing(u, held)
    scale, length = np.tile(scales(chunk.density, weights), (len(u), 1)), np.ones(len(u))
    rows = np.flatnonzero(active)
    for i in range(most):
        if not len(rows):
            break
        trial = top.u[rows] + length[rows, None] * top.step[rows]
        new = newton(chunk, trial, held[rows], scale[rows], weights, rows)
        # Near the top the gain drowns in rounding; the step still improves the decrement.
        rises = new.value >= top.value[rows] - 1e-13 * np.maximum(1.0, np.abs(new.value))
        good = rises & np.isfinite(new.value) & np.isfinite(new.decrement)
        new.step *= np.minimum(1.0, STRIDE / np.maximum(np.abs(new.step * far).max(axis=1), 1e-300))[:, None]
        stopped = (new.decrement <= CONVERGED) & (new.decrement >= 0.1 * top.decrement[rows])
        stopped |= new.decrement <= DONE
        top.put(rows[good], new.take(good))
        length[rows] = np.where(good, 1.0, length[rows] / 2)
        scale[rows] = np.where(good[:, None], conditional_sd(new.h), scale[rows])
        # Not at once: only after the first step is the scale of the differences known.
        rows = rows[~(good & stopped & (i > 0)) & (length[rows] > 1e-6)]
    return top


def newton(chunk: Chunk, u: Array, held: Mask, scale: Array, weights: Weights, rows: Index) -> Tops:
    """The curvature at points (n, d), and what Newton's method makes of it; a decrement of NaN where there is none."""
    widest = np.where(chunk.density.transformed | chunk.density.circular, WIDEST, 1e3)
    unit = scales(chunk.density, weights)
    steps = 1e-3 * np.clip(scale, 1e-8 * np.minimum(unit, 1.0), widest * unit)
    for _ in range(3):  # shorter ones where the density is not finite within these
        value, gradient, h = chunk.local(u, steps, weights, rows)
        inside = np.isfinite(h).all(axis=(1, 2))
        if (inside | ~np.isfinite(value)).all():
            break
        steps = np.where(inside[:, None], steps, 1e-3 * steps)
    h = np.where(held[:, :, None] | held[:, None, :] | ~inside[:, None, None], np.eye(u.shape[1]), h)
    gradient = np.where(held, 0.0, gradient)
    eigenvalues, vectors, sd = spectra(h)
    slopes = (vectors * (gradient * sd)[:, :, None]).sum(axis=1)
    curvature = np.maximum(np.abs(eigenvalues), 1e-12)
    with np.errstate(over="ignore"):
        decrement = 0.5 * (slopes**2 / curvature).sum(axis=1)
    step = sd * (vectors * (slopes / curvature)[:, None, :]).sum(axis=2)
    decrement = np.where(inside, decrement, np.nan)
    return Tops(u, held, value, decrement, gradient, h, eigenvalues[:, 0], np.where(held, 0.0, step))


def conditional_sd(h: Array) -> Array:
    """1/√|diagonal|: the conditional sd of each coordinate, 1 where it has none; (n, d)."""
    diagonal = np.abs(np.diagonal(h, axis1=1, axis2=2))
    return np.asarray(1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)))


def spectra(h: Array) -> tuple[Array, Array, Array]:
    """Of each row of ``h`` (B, d, d), what :func:`bayescompare.methods.modes.curvature.spectrum` says of one."""
    sd = conditional_sd(h)
    eigenvalues, vectors = np.linalg.eigh(h * sd[:, :, None] * sd[:, None, :])
    return eigenvalues, vectors, sd
