"""Curvature of the weighted log density, by differences of its exact gradient, and what follows from it.

Differences need no graph of their own, cover every model, and lose nothing that a mode needs: a Hessian compiled by
JAX was silently wrong on some Gaussian processes.
"""

from __future__ import annotations

import math

import numpy as np

from ...model.backends import Array
from ...model.density import Density
from .surface import Alone, differences, local

#: Dimension up to which a dense Hessian is made without being asked for.
DENSE = 1000

#: Curvature (scaled to unit diagonal) below this is rounding: differences of the gradient carry about 1e-11.
RIDGE = 1e-10

#: Curvature up to which a direction of a ridge counts as flat: the ridge's own curve makes it look less so.
FLAT = 1e-5

#: Factor by which curvatures at a mode and over the density's width differ grossly, log of one by which they are alike,
#: and most widths that are tried.
GROSS, CLOSE, WIDTHS = 1.5, 0.1, 30

#: A scalar is free of a flat direction if it changes along it by less than this share of its own steepest change.
UNTOUCHED = 1e-4


def hessian(
    density: Density,
    u: Array,
    weights: tuple[float, ...],
    scale: Array | None = None,
    *,
    observation_weights: Array | None = None,
) -> Array:
    """−∇² log p_w at ``u`` by central differences of the exact gradient.

    Parameters
    ----------
    scale : ndarray of shape (d,), optional
        Laplace sd of each coordinate where known, its unit (:mod:`.scales`) elsewhere; the step is 1e-3 of it.
    observation_weights : ndarray of shape (n,), optional

    Returns
    -------
    ndarray of shape (d, d)
        Symmetric, per unit of u squared; NaN where the density is not finite within a step.
    """
    surface = Alone(density, weights, observation_weights)
    found: Array = local(surface, u[None], None if scale is None else scale[None], np.zeros(1, dtype=int))[2][0]
    return found


def over_its_width(density: Density, u: Array, h: Array, weights: tuple[float, ...]) -> Array | None:
    """The curvature over the width of the density, where that at ``u``, ``h``, is another by far; else None.

    Between two kinks a piece's own curvature is not the density's. The width is that of which the curvature over it
    says the same.
    """
    wide = h
    for i in range(WIDTHS):
        steps = own_scale(wide)
        found, outside = differences(density, u, weights, steps)
        agree = np.abs(np.log(np.abs(np.diag(found)) * steps**2 + 1e-300))
        if outside.any() or (i == 0 and agree.max() < math.log(GROSS)):
            return None
        wide = found
        if agree.max() < CLOSE:
            return wide
    return None


def curvature_along(density: Density, u: Array, direction: Array, weights: tuple[float, ...]) -> Array:
    """−∇² log p_w times ``direction``, by one central difference of the gradient: shape (d,).

    NaN where the density is not finite within the step.
    """
    length = float(np.linalg.norm(direction))
    if length == 0:
        return np.zeros_like(u)
    step = 1e-4 * max(1.0, float(np.linalg.norm(u)) / math.sqrt(len(u))) / length
    values, gradients = density.batch(np.stack([u + step * direction, u - step * direction]), weights)
    if not np.isfinite(values).all():
        return np.full_like(u, np.nan)
    product: Array = (gradients[1] - gradients[0]) / (2 * step)
    return product


def spectrum(h: Array) -> tuple[Array, Array, Array]:
    """Eigenvalues (ascending) and eigenvectors of ``h`` scaled to unit diagonal, and the scale 1/√|diagonal|.

    Of one matrix or of many, (..., d, d). Unit diagonal first: raw columns differ by orders of magnitude.
    """
    sd = own_scale(h)
    eigenvalues, vectors = np.linalg.eigh(h * sd[..., :, None] * sd[..., None, :])
    return eigenvalues, vectors, sd


def own_scale(h: Array) -> Array:
    """1/√|diagonal|: each coordinate's conditional sd; 1 where it has none."""
    diagonal = np.abs(np.diagonal(h, axis1=-2, axis2=-1))
    scale: Array = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    return scale


def marginal_sd(h: Array) -> Array:
    """Marginal sd of the Gaussian with precision ``h``; infinite where it has none."""
    own = own_scale(h)
    try:
        return own * np.sqrt(np.abs(np.diag(np.linalg.inv(h * own[:, None] * own))))
    except np.linalg.LinAlgError:
        return np.full(len(h), np.inf)


def cholesky(precision: Array) -> Array | None:
    """Lower Cholesky factor, or None where ``precision`` is not positive definite to rounding."""
    if not np.all(np.isfinite(precision)) or np.any(np.diag(precision) <= 0):
        return None
    if len(precision) and spectrum(precision)[0][0] < RIDGE:
        return None
    return np.linalg.cholesky(precision)


def jacobian(density: Density, u: Array, scale: Array) -> Array:
    """dθ/du of all k scalars at ``u``, by central differences of the map back: shape (k, d).

    Parameters
    ----------
    scale : ndarray of shape (d,)
        Laplace sd of each coordinate; the step is 1e-3 of it, so the relative error is about 1e-6.
    """
    d = len(u)
    shortest, longest = np.where(density.transformed, 1e-8, 1e-18), np.where(density.transformed, 1e1, 1e18)
    steps = 1e-3 * np.clip(np.where(np.isfinite(scale), scale, 1e1), shortest, longest)
    steps = np.maximum(steps, 1e-9 * np.abs(u))
    shifts = np.diag(steps)
    scalars = density.push(np.concatenate([u + shifts, u - shifts]))
    return ((scalars[:d] - scalars[d:]) / (2 * steps[:, None])).T


def standard_errors(density: Density, u: Array, h: Array) -> Array:
    """Delta method: √diag(J H⁻¹ Jᵀ), in the model's coordinates, shape (k,).

    Where the gradient is zero the curvature of a density changes with the coordinates as a tensor does, so at a mode
    this is the same as inverting the curvature in the model's own coordinates: for the MLE, the observed information.
    """
    factor = cholesky(h)
    if factor is None:
        return np.full(density.push(u[None]).shape[1], np.nan)
    j = jacobian(density, u, marginal_sd(h))
    return np.sqrt((np.linalg.solve(factor, j.T) ** 2).sum(axis=0))


def identified(density: Density, u: Array, h: Array, free: np.ndarray) -> np.ndarray:
    """Which of the k scalars do not change along the directions in which ``h`` is flat: boolean, shape (k,).

    ``h`` is over the coordinates ``free``; the others lie on a bound, which is known.
    """
    eigenvalues, vectors, sd = spectrum(h)
    flat = vectors[:, eigenvalues <= FLAT]
    scale = np.ones(len(u))
    scale[free] = np.minimum(sd, 1.0)
    slopes = jacobian(density, u, scale)[:, free] * sd
    along, whole = np.linalg.norm(slopes @ flat, axis=1), np.linalg.norm(slopes, axis=1)
    found: np.ndarray = along <= UNTOUCHED * whole
    return found
