"""A density as searches see it: heights, slopes and curvatures of many points at once, each under a row's own data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...model.backends import Array
from ...model.density import Density
from .scales import scales

Mask = NDArray[np.bool_]
Index = NDArray[np.intp]

#: Largest scale of differences in a transformed coordinate: its transform bends over lengths of one.
WIDEST = 10.0

#: Times that differences are taken over shorter steps where the density is not finite within these.
SHORTENED = 4


class Surface(Protocol):
    """Densities of one shape, one for each row."""

    @property
    def density(self) -> Density:
        """What they have in common."""
        ...

    @property
    def weights(self) -> tuple[float, ...]:
        """Of likelihood, prior and Jacobian."""
        ...

    def local(self, u: Array, steps: Array, rows: Index, least: Array) -> tuple[Array, Array, Array]:
        """Heights (n,), gradients (n, d) and −∇² (n, d, d) at points (n, d) by central differences over ``steps``.

        −∇² is NaN along the coordinates within whose steps the density is not finite, and may be where the height is
        below ``least``, (n,).
        """
        ...


@dataclass(frozen=True, eq=False)
class Alone:
    """One density, whatever the row."""

    density: Density
    weights: tuple[float, ...]
    observation_weights: Array | None = None

    def local(self, u: Array, steps: Array, rows: Index, least: Array) -> tuple[Array, Array, Array]:
        found = [self._at(*each) for each in zip(u, steps, least, strict=True)]
        values, gradients, curvatures = (np.stack(each) for each in zip(*found, strict=True))
        return values, gradients, curvatures

    def _at(self, u: Array, steps: Array, least: float) -> tuple[float, Array, Array]:
        value, gradient = self.density(u, self.weights, self.observation_weights)
        if not (np.isfinite(value) and value >= least):
            return value, gradient, np.full((len(u), len(u)), np.nan)
        h, outside = differences(self.density, u, self.weights, steps, self.observation_weights)
        h[outside] = h[:, outside] = np.nan
        return value, gradient, h


def differences(
    density: Density, u: Array, weights: tuple[float, ...], steps: Array, observation_weights: Array | None = None
) -> tuple[Array, Mask]:
    """−∇² by central differences over ``steps``, and over which of them the density is not finite."""
    d = len(u)
    shifts = np.diag(steps)
    values, gradients = density.batch(np.concatenate([u + shifts, u - shifts]), weights, observation_weights)
    outside = ~np.isfinite(values).reshape(2, d).all(axis=0)
    h = -(gradients[:d] - gradients[d:]) / (2 * steps[:, None])
    return (h + h.T) / 2, outside


def local(
    surface: Surface, u: Array, scale: Array | None, rows: Index, least: Array | None = None, held: Mask | None = None
) -> tuple[Array, Array, Array]:
    """Heights, gradients and −∇² at points (n, d); that is NaN where the density is not finite however near.

    Parameters
    ----------
    scale : ndarray of shape (n, d), optional
        Laplace sd of each coordinate where known, its unit (:mod:`.scales`) elsewhere; steps are 1e-3 of it.
    least : ndarray of shape (n,), optional
        Height below which no curvature is asked for.
    held : ndarray of bool of shape (n, d), optional
        Coordinates along which it is not asked for either.
    """
    density, unit = surface.density, scales(surface.density, surface.weights)
    least = np.full(len(u), -np.inf) if least is None else least
    widest = np.where(density.transformed | density.circular, WIDEST, 1e3)
    scale = np.tile(unit, (len(u), 1)) if scale is None else scale
    steps = 1e-3 * np.clip(scale, 1e-8 * np.minimum(unit, 1.0), widest * unit)
    for _ in range(SHORTENED):  # a raw column overflows at a step that is common elsewhere
        value, gradient, h = surface.local(u, steps, rows, least)
        outside = np.isnan(np.diagonal(h, axis1=1, axis2=2)) & (np.isfinite(value) & (value >= least))[:, None]
        outside = outside if held is None else outside & ~held
        if not outside.any():
            break
        steps = np.where(outside, 1e-3 * steps, steps)
    return value, gradient, h
