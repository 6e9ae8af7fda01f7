"""Newton's steps to the top, for many searches at once: each row has its own point, and its own data or weights.

A single search is one row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from ...model.backends import Array
from .curvature import curvature_along, own_scale, spectrum
from .krylov import conjugate_gradients
from .scales import scales
from .surface import Index, Mask, Surface, local

#: Longest Newton step of a transformed coordinate: it may run to a bound, where the density levels off and a step by
#: its curvature would land where rounding is all that is left.
STRIDE = 5.0

#: Decrement in nats at which Newton's steps end in any case: 1e-10 posterior sd.
EXACT = 1e-20

#: Loss of height over it, or over 1, that may be rounding: near the top the gain drowns in it, and the step still
#: improves the decrement.
NOISE = 1e-13

#: Most points that are looked at for each step: where it loses height it is halved.
LOOKS = 3


@dataclass(frozen=True, eq=False)
class Tops:
    """Where Newton's steps ended in each of B rows.

    Attributes
    ----------
    u : ndarray of shape (B, d)
    held : ndarray of bool of shape (B, d)
        Coordinates that stay where they are.
    value, decrement : ndarray of shape (B,)
        Height, and what a step by the curvature would add to it, nats.
    gradient, h : ndarray of shape (B, d), (B, d, d)
        ``h`` is −∇², with ones for what is held; (B, 0, 0) where it is known by its products alone.
    smallest : ndarray of shape (B,)
        The lowest eigenvalue of the curvature scaled to unit diagonal.
    step : ndarray of shape (B, d)
        The one that would come next.
    steps : ndarray of int of shape (B,)
        That were taken.
    """

    u: Array
    held: Mask
    value: Array
    decrement: Array
    gradient: Array
    h: Array
    smallest: Array
    step: Array
    steps: Index

    @classmethod
    def nothing(cls, u: Array, held: Mask, dense: bool = True) -> Tops:
        """None is known yet."""
        b, d = u.shape
        value, decrement, smallest = (np.full(b, x) for x in (-np.inf, np.inf, np.nan))
        h = np.zeros((b, d, d) if dense else (b, 0, 0))
        gradient, step = np.zeros((2, b, d))
        return cls(u.copy(), held.copy(), value, decrement, gradient, h, smallest, step, np.zeros(b, dtype=int))

    def take(self, rows: Mask | Index | slice) -> Tops:
        """These rows alone."""
        return Tops(*(getattr(self, each.name)[rows].copy() for each in fields(self)))

    def put(self, rows: Mask | Index, others: Tops) -> None:
        """Others in place of these rows."""
        for each in fields(self):
            getattr(self, each.name)[rows] = getattr(others, each.name)


@dataclass(frozen=True, eq=False)
class Climb:
    """How far a climb goes.

    Attributes
    ----------
    most : int
        Steps.
    decrement : float
        Largest of a mode, nats.
    lines : ndarray of shape (d,), optional
        Where a coordinate has a kink; NaN where none is known. A step that would cross one ends on it, and stays.
    lost : callable, optional
        Whether a point is so far out that the climb is given up.
    dense : bool
        Whether the curvature is made whole; else steps go by its products with vectors.
    done : float
        Decrement at which it ends once the scale of the differences is known.
    shortest : float
        Share of a step below which that is given up.
    """

    most: int
    decrement: float
    lines: Array | None = None
    lost: Callable[[Array], bool] | None = None
    dense: bool = True
    done: float = EXACT
    shortest: float = 1e-12


def polish(surface: Surface, u: Array, held: Mask, rows: Index, climb: Climb) -> Tops:
    """Saddle-free Newton steps of these ``rows`` from ``u``, (n, d), over the coordinates that are not ``held``.

    A row that has no density where it begins, or no curvature, has a height of −∞.
    """
    far, look = surface.density.transformed, newton if climb.dense else by_products
    top = Tops.nothing(u, held, climb.dense)
    scale, length = np.tile(scales(surface.density, surface.weights), (len(u), 1)), np.ones(len(u))
    going = np.arange(len(u))
    for i in range(LOOKS * climb.most):
        if not len(going):
            break
        trial = top.u[going] + length[going, None] * top.step[going]
        on, near = top.held[going], scale[going]
        if climb.lines is not None:
            trial, on, near = _stopped_at(climb.lines, top.u[going], trial, on, near)
        least = top.value[going] - NOISE * np.maximum(1.0, np.abs(top.value[going]))
        new = look(surface, trial, on, near, rows[going], least)
        good = (new.value >= least) & np.isfinite(new.value) & np.isfinite(new.decrement)
        longest = np.abs(np.where(far, new.step, 0.0)).max(axis=1)
        new.step[:] *= np.minimum(1.0, STRIDE / np.maximum(longest, 1e-300))[:, None]
        new.steps[:] = top.steps[going] + (i > 0)
        stopped = (new.decrement <= climb.decrement) & (new.decrement >= 0.1 * top.decrement[going])
        stopped &= (new.held == top.held[going]).all(axis=1)
        # Not at once: only after the first step is the scale of the differences known.
        stopped = (stopped | (new.decrement <= climb.done)) & (i > 0) | (new.decrement <= EXACT)
        top.put(going[good], new.take(good))
        length[going] = np.where(good, 1.0, length[going] / 2)
        if climb.dense:
            scale[going] = np.where(good[:, None], own_scale(new.h), near)
        ended = good & (stopped | (new.steps >= climb.most)) | ~good & ((i == 0) | (length[going] < climb.shortest))
        if climb.lost is not None:
            ended |= [climb.lost(each) for each in top.u[going]]
        going = going[~ended]
    return top


def _stopped_at(lines: Array, u: Array, trial: Array, held: Mask, scale: Array) -> tuple[Array, Mask, Array]:
    """A step that would cross a kink ends on it and stays; differences stop halfway to one."""
    with np.errstate(invalid="ignore"):
        trial = np.where(~held & ((u - lines) * (trial - lines) < 0), lines, trial)
        on = held | (trial == lines)
        reach = np.where(on | np.isnan(lines), np.inf, np.maximum(np.abs(trial - lines) / 2, 1e-12))
    return trial, on, np.minimum(scale, 1e3 * reach)


def newton(
    surface: Surface, u: Array, held: Mask, scale: Array | None, rows: Index, least: Array | None = None
) -> Tops:
    """The curvature at points (n, d), and what Newton's method makes of it; a decrement of NaN where there is none."""
    value, gradient, h = local(surface, u, scale, rows, least, held)
    h = np.where(held[:, :, None] | held[:, None, :], np.eye(u.shape[1]), h)
    inside = np.isfinite(h).all(axis=(1, 2))
    h = np.where(inside[:, None, None], h, np.eye(u.shape[1]))
    eigenvalues, vectors, sd = spectrum(h)
    slopes = (vectors * (np.where(held, 0.0, gradient) * sd)[:, :, None]).sum(axis=1)
    curvature = np.maximum(np.abs(eigenvalues), 1e-12)
    with np.errstate(over="ignore"):
        decrement = 0.5 * (slopes**2 / curvature).sum(axis=1)
    step = np.where(held, 0.0, sd * (vectors * (slopes / curvature)[:, None, :]).sum(axis=2))
    decrement = np.where(inside, decrement, np.nan)
    return Tops(u, held, value, decrement, gradient, h, eigenvalues[:, 0], step, np.zeros(len(u), dtype=int))


def by_products(surface: Surface, u: Array, held: Mask, scale: Array | None, rows: Index, least: Array) -> Tops:
    """The same for one point where a dense Hessian is too large: by conjugate gradients on its products."""
    top = Tops.nothing(u, held, dense=False)
    top.value[0], top.gradient[0] = surface.density(u[0], surface.weights)
    top.decrement[0] = math.nan
    if top.value[0] >= least[0]:
        free = np.flatnonzero(~held[0])
        g = top.gradient[0, free]
        step = conjugate_gradients(products(surface, u[0], free), g, min(0.1, math.sqrt(float(np.linalg.norm(g)))))
        if step is not None:
            top.step[0, free], top.decrement[0] = step, 0.5 * abs(float(g @ step))
    return top


def products(surface: Surface, u: Array, free: Index) -> Callable[[Array], Array]:
    """−∇² over the ``free`` coordinates of a point, (d,), times vectors."""

    def product(v: Array) -> Array:
        whole = np.zeros(len(u))
        whole[free] = v
        along: Array = curvature_along(surface.density, u, whole, surface.weights)[free]
        return along

    return product
