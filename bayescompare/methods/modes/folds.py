"""Which creases of a density are kinks, and along which coordinates: asked of the graph, and of the gradient there.

A density whose graph has no operation with a crease is smooth, and no kink is looked for in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.backends import Array
from ...model.density import Density

Mask = NDArray[np.bool_]

#: Weights under which a crease is looked at.
EVERYTHING = (1.0, 1.0, 1.0)

#: Elements of each operation that are put on their crease, to see whether the gradient jumps there.
LOOKED = 3

#: Steps to a crease, and the longest of them in a transformed coordinate.
STEPS, STRIDE = 40, 2.0

#: A jump of the gradient, relative to it, that is no rounding; of the density itself, one that is no kink.
JUMP, BREAK = 1e-6, 1e-6


@dataclass(frozen=True, eq=False)
class Folds:
    """What is known of a density's creases.

    Attributes
    ----------
    shapes : tuple of tuple of int
        Of the arrays that are 0 on the creases.
    kinked : ndarray of bool of shape (m,)
        Elements of all arrays together across whose 0 the gradient jumps.
    along : ndarray of int
        Coordinates along which a kink may lie by itself, at one place whatever the others are.
    across : bool
        Whether kinks lie across coordinates, as those of |y − a − bx| do.
    """

    shapes: tuple[tuple[int, ...], ...]
    kinked: Mask
    along: np.ndarray
    across: bool

    @property
    def smooth(self) -> bool:
        """Whether the density has no kink at all."""
        return not (self.across or len(self.along))

    def split(self, signs: Array) -> list[Array]:
        """Rows of signs, (n, m), as the arrays that the pieces take."""
        stops = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        parts = np.split(signs, stops[:-1], axis=-1)
        return [part.reshape(len(signs), *shape) for part, shape in zip(parts, self.shapes, strict=True)]


def folds(density: Density, dense: int) -> Folds:
    """The kinks that this density's graph may have, looked at once for all its data of one shape.

    Parameters
    ----------
    density : Density
    dense : int
        Dimension above which each coordinate that reaches a crease may have one, and none is taken to lie across.
    """
    key = f"folds {dense} {[array.shape for array in density.data.values()]}"
    found: Folds = density.once(key, lambda: _looked_at(density, dense))
    return found


def _looked_at(density: Density, dense: int) -> Folds:
    if density.no_gradient:  # one by differences cannot tell a jump from what is steep
        return Folds((), np.zeros(0, dtype=bool), np.zeros(0, dtype=int), across=False)
    creases = density.creases
    vague = np.array(sorted(creases.vague), dtype=int)
    if not creases.arguments:
        return Folds((), np.zeros(0, dtype=bool), vague, across=False)
    plain = np.flatnonzero(~density.transformed)
    if density.dimension > dense:
        reached = np.array(sorted(creases.reached), dtype=int)
        along = np.union1d(np.intersect1d(reached, plain), vague)
        return Folds((), np.zeros(0, dtype=bool), along.astype(int), across=False)
    u = density.start + 0.1 * np.cos(np.arange(density.dimension))
    shapes = density.crease_shapes(u)
    touches, only = _support(density, u)
    kinked = np.zeros(len(touches), dtype=bool)
    found = Folds(shapes, kinked, vague, across=False)
    stop = 0
    for shape in shapes:
        start, stop = stop, stop + int(np.prod(shape))
        elements = start + np.flatnonzero(touches[start:stop])
        looked = elements[np.linspace(0, len(elements) - 1, LOOKED).astype(int)] if len(elements) else elements
        kinked[start:stop] = any(_jumps(density, found, u, int(k)) for k in np.unique(looked))
    single = kinked & (touches == 1) & np.isin(only, plain)
    along = np.union1d(vague, np.unique(only[single])).astype(int)
    return Folds(shapes, kinked & (touches > 0), along, across=bool((kinked & (touches > 0) & ~single).any()))


def _support(density: Density, u: Array) -> tuple[np.ndarray, np.ndarray]:
    """How many coordinates each crease's argument depends on, and the last of them."""
    base = density.creases_at(u[None])[0]
    touches, only = np.zeros(len(base), dtype=int), np.full(len(base), -1)
    for i in range(len(u)):
        moved = u.copy()
        moved[i] += 0.1 * max(1.0, abs(u[i]))
        changed = density.creases_at(moved[None])[0] != base
        touches += changed
        only[changed] = i
    return touches, only


def _jumps(density: Density, found: Folds, u: Array, k: int) -> bool:
    """Whether the gradient jumps, and the density does not, where one argument is 0."""
    on = _put_on(lambda v: float(density.creases_at(v[None])[0][k]), u, density.transformed)
    if on is None:
        return False
    signs = np.where(density.creases_at(on[None])[0] < 0, -1.0, 1.0)
    both = np.stack([signs, signs])
    both[:, k] = -1.0, 1.0
    with np.errstate(all="ignore"):
        values, gradients = density.pieces(np.stack([on, on]), EVERYTHING, found.split(both))
        jump, size = np.abs(gradients[1] - gradients[0]), np.abs(gradients).max()
        gap = abs(values[1] - values[0])
    if not (np.isfinite(values).all() and np.isfinite(gradients).all()):
        return False
    return bool(jump.max() > JUMP * max(size, 1e-300) and gap <= BREAK * max(1.0, abs(values[0])))


def _put_on(argument: Callable[[Array], float], u: Array, far: Mask) -> Array | None:
    """A point where the argument is 0, by Newton's steps; None where there is none near."""
    u = u.copy()
    for _ in range(STEPS):
        value = argument(u)
        if not np.isfinite(value):
            return None
        slope = np.zeros(len(u))
        for i in range(len(u)):
            h = 1e-5 * max(1.0, abs(u[i]))
            ahead, behind = u.copy(), u.copy()
            ahead[i] += h
            behind[i] -= h
            slope[i] = (argument(ahead) - argument(behind)) / (2 * h)
        with np.errstate(over="ignore"):
            square = float((slope**2).sum())
        if not (np.isfinite(square) and square > 0):
            return None
        step = -value * slope / square
        if np.abs(step).max() <= 1e-9 * max(1.0, np.abs(u).max()):
            return u + step
        u += step * min(1.0, STRIDE / max(np.abs(step[far]).max(initial=0.0), 1e-300))
    return None
