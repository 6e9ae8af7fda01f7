"""Linear algebra with a Hessian that is known by its products with vectors alone, where a dense one is too large."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from ...model.backends import Array

#: Residual, over the right-hand side, at which a system counts as solved. A direction of negative curvature is missed
#: only if a random vector has so small a part in it: by chance, less than once in 10,000 times at d = 10,000.
SOLVED = 1e-6

#: Most products that this may take.
PRODUCTS = 1000


def conjugate_gradients(product: Callable[[Array], Array], g: Array, tolerance: float) -> Array | None:
    """An ascent step p with H p ≈ g for H given by its products; None where a product is not finite.

    Where H is not positive along a direction the step goes that way instead (Steihaug's rule).
    """
    x = np.zeros_like(g)
    for p, curvature, square in _steps(product, g, tolerance, min(10 * len(g), 500)):
        if not math.isfinite(curvature):
            return None
        if curvature <= 0:
            return x if x.any() else p
        x += (square / curvature) * p
    return x


def _steps(
    product: Callable[[Array], Array], g: Array, tolerance: float, most: int
) -> Iterator[tuple[Array, float, float]]:
    """Conjugate gradients from 0: direction, curvature pᵀHp and squared residual before each step.

    They end where the residual is ``tolerance`` of g, or after ``most`` steps. Who takes them stops where the curvature
    is not positive.
    """
    r, p = g.copy(), g.copy()
    square = float(r @ r)
    goal = tolerance**2 * square
    for _ in range(most):
        if square <= goal:
            return
        hp = product(p)
        curvature = float(p @ hp)
        yield p, curvature, square
        r -= (square / curvature) * hp
        new = float(r @ r)
        p = r + (new / square) * p
        square = new


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

    most = min(10 * d, PRODUCTS)
    curvatures: list[float] = []
    squares: list[float] = []
    for _, curvature, square in _steps(product, np.random.default_rng(0).standard_normal(d), SOLVED, most):
        if not curvature > 0:
            return None
        curvatures.append(curvature)
        squares.append(square)
    if len(squares) == most:
        return None
    a = np.array(squares) / np.array(curvatures)
    b = np.array(squares[1:]) / np.array(squares[:-1])
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


def spaces(product: Callable[[Array], Array], start: Array, steps: int) -> tuple[Array, Array, Array]:
    """Krylov spaces of n symmetric matrices near the identity.

    Parameters
    ----------
    product : callable
        Each matrix times its row of (n, d).
    start : ndarray of shape (n, d)
        From where the Krylov spaces are spanned: with a part in every direction, as by chance.
    steps : int
        Their dimension: of a matrix that differs from the identity by one of rank r, r + 1 tell all.

    Returns
    -------
    lowest : ndarray of shape (n,)
        The lowest eigenvalue, less the residual of its estimate; −∞ where products are not finite.
    basis, within : ndarray of shape (n, steps, d), (n, steps, steps)
        Of each space, and the matrix within it.
    """
    basis, images = np.zeros((2, len(start), steps, start.shape[1]))
    new = start
    for j in range(steps):
        for _ in range(2):  # once leaves what rounding has left
            new = new - ((basis @ new[:, :, None]) * basis).sum(axis=1)
        basis[:, j] = new / np.maximum(np.linalg.norm(new, axis=1, keepdims=True), 1e-300)
        new = images[:, j] = product(basis[:, j])
    within = basis @ images.transpose(0, 2, 1)
    known = np.isfinite(within).all(axis=(1, 2))
    within[~known] = 0.0
    values, vectors = np.linalg.eigh((within + within.transpose(0, 2, 1)) / 2)
    lowest = vectors[:, :, 0]
    residual = ((images - values[:, :1, None] * basis) * lowest[:, :, None]).sum(axis=1)
    with np.errstate(invalid="ignore"):
        estimate = values[:, 0] - np.linalg.norm(residual, axis=1)
    return np.where(known, estimate, -math.inf), basis, within
