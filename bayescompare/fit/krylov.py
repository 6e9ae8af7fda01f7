"""Linear algebra with a Hessian that is known by its products with vectors alone, where a dense one is too large."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..compiled import Array

#: Residual, over the right-hand side, at which a system counts as solved. A direction of negative curvature is missed
#: only if a random vector has so small a part in it: by chance, less than once in 10,000 times at d = 10,000.
SOLVED = 1e-6

#: Most products that this may take.
PRODUCTS = 1000


def conjugate_gradients(product: Callable[[Array], Array], g: Array, tolerance: float) -> Array | None:
    """An ascent step p with H p ≈ g for H given by its products; None where a product is not finite.

    Where H is not positive along a direction the step goes that way instead (Steihaug's rule).
    """
    x, r = np.zeros_like(g), g.copy()
    p, square = r.copy(), float(r @ r)
    goal = tolerance * math.sqrt(square)
    for _ in range(min(10 * len(g), 500)):
        if math.sqrt(square) <= goal:
            break
        hp = product(p)
        curvature = float(p @ hp)
        if not math.isfinite(curvature):
            return None
        if curvature <= 0:
            return x if x.any() else p
        length = square / curvature
        x += length * p
        r -= length * hp
        new = float(r @ r)
        p = r + (new / square) * p
        square = new
    return x


def lowest(product: Callable[[Array], Array], d: int) -> tuple[float, Array]:
    """The lowest eigenvalue over the highest, and its direction where it is not positive; NaN where it is not known.

    To a few per cent, which its sign does not need. By conjugate gradients where all are positive: they come to an end
    only then, and Lanczos', which come to an end where one is not, need not where hundreds of the lowest lie close
    together, as those of a smooth field do.
    """
    ratio = _positive(product, d)
    return (ratio, np.zeros(d)) if ratio is not None else _lanczos(product, d)


def _positive(product: Callable[[Array], Array], d: int) -> float | None:
    """The lowest eigenvalue over the highest, if it is positive; None where that is not shown.

    Conjugate gradients whose curvatures are all positive make the residual larger along any direction of negative
    curvature and keep it along a flat one. So where the residual of a random right-hand side vanishes, it has no part
    in such a direction. Their coefficients are those of Lanczos' matrix, whose eigenvalues are near the extreme ones.
    """
    from scipy.linalg import eigvalsh_tridiagonal

    r = np.random.default_rng(0).standard_normal(d)
    p, square = r.copy(), float(r @ r)
    goal = SOLVED**2 * square
    lengths: list[float] = []
    shares: list[float] = []
    while square > goal:
        hp = product(p)
        curvature = float(p @ hp)
        if not curvature > 0 or len(lengths) == min(10 * d, PRODUCTS):
            return None
        lengths.append(square / curvature)
        r -= lengths[-1] * hp
        new = float(r @ r)
        shares.append(new / square)
        p = r + shares[-1] * p
        square = new
    a, b = np.array(lengths), np.array(shares[:-1])
    diagonal = 1 / a
    diagonal[1:] += b / a[:-1]
    found = eigvalsh_tridiagonal(diagonal, np.sqrt(b) / a[:-1])
    return float(found[0] / found[-1])


def _lanczos(product: Callable[[Array], Array], d: int) -> tuple[float, Array]:
    """The same by Lanczos; NaN where it did not converge."""
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    operator = LinearOperator((d, d), matvec=product, dtype=float)
    start = np.cos(np.arange(d))  # the same at every call
    try:
        top = eigsh(operator, k=1, which="LA", v0=start, tol=1e-2, return_eigenvectors=False)
        low, vectors = eigsh(operator, k=1, which="SA", v0=start, tol=1e-2, maxiter=100)
    except ArpackError:
        return math.nan, np.zeros(d)
    return float(low[0] / max(abs(float(top[0])), 1e-300)), vectors[:, 0]
