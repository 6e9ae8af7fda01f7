"""Factorisations of the latent block's precision, for many hyperparameters at once: log determinant, solutions, draws,
and the entries of the inverse where the precision has entries."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from .cholesky import Symbolic
from .pattern import Pattern

Array = NDArray[np.float64]

#: Largest block of a block-diagonal matrix, apart from its border.
LARGEST_BLOCK = 32

#: Most coordinates of the border: those that many blocks depend on.
LARGEST_BORDER = 64

#: Dimension up to which a matrix is factorised as a dense one where its blocks are large.
DENSE = 400

#: Dimension above which there is never a dense matrix.
MOST_DENSE = 2000


class NotPositiveError(Exception):
    """A matrix is not positive definite."""


class Factor(Protocol):
    """A factorised batch of B matrices of dimension n."""

    log_determinant: Array

    def solve(self, right: Array) -> Array:
        """H⁻¹ r for right sides of shape (B, n); of one matrix, for any number of them."""

    def draw(self, z: Array) -> Array:
        """L⁻ᵀ z for standard normal z of shape (B, n): draws with covariance H⁻¹."""

    def inverse(self) -> Array:
        """Entries of H⁻¹ where H has entries, (B, entries)."""


class Layout(Protocol):
    """How matrices of one pattern are factorised.

    Attributes
    ----------
    kind : str
        In words.
    """

    kind: str

    def factor(self, values: Array) -> Factor:
        """Factorise entries of shape (B, entries).

        Raises
        ------
        NotPositiveError
            If one of the B matrices is not positive definite.
        """


def layout_of(pattern: Pattern) -> Layout:
    """The factorisation that fits the pattern: blocks with a border, dense, or sparse."""
    n, full = pattern.size, pattern.matrix()
    if len(pattern.rows) == n * n:
        return Blocks(pattern, np.zeros(n, dtype=np.intp), np.zeros(n, dtype=bool))
    degrees = np.diff(full.indptr)
    order = np.argsort(-degrees, kind="stable")
    for size in (0, *(2**i for i in range(int(math.log2(LARGEST_BORDER)) + 1))):
        border = np.zeros(n, dtype=bool)
        border[order[:size]] = True
        inner = np.flatnonzero(~border)
        count, labels = connected_components(full[inner][:, inner], directed=False)
        if count and np.bincount(labels).max() <= LARGEST_BLOCK and size < n:
            border = _as_few(full, order, size)
            inner = np.flatnonzero(~border)
            block = np.full(n, -1, dtype=np.intp)
            block[inner] = connected_components(full[inner][:, inner], directed=False)[1]
            return Blocks(pattern, block, border)
    if n <= DENSE:
        return Blocks(pattern, np.zeros(n, dtype=np.intp), np.zeros(n, dtype=bool))
    return Sparse(pattern)


def _as_few(full: Any, order: NDArray[np.intp], most: int) -> NDArray[np.bool_]:
    """The smallest border of coordinates of high degree, at most so many, that leaves small blocks."""
    border = np.zeros(full.shape[0], dtype=bool)
    low, high = most // 2, most
    while low < high:
        middle = (low + high) // 2
        border[:] = False
        border[order[:middle]] = True
        inner = np.flatnonzero(~border)
        labels = connected_components(full[inner][:, inner], directed=False)[1]
        low, high = (low, middle) if np.bincount(labels).max() <= LARGEST_BLOCK else (middle + 1, high)
    border[:] = False
    border[order[:high]] = True
    return border


class Blocks:
    """Blocks of one size (smaller ones filled up) and a border: [[A, C], [Cᵀ, E]], A block-diagonal.

    One block without a border is a dense matrix.
    """

    def __init__(self, pattern: Pattern, block: NDArray[np.intp], border: NDArray[np.bool_]) -> None:
        n = pattern.size
        self.border = np.flatnonzero(border)
        self.inner = np.flatnonzero(~border)
        labels = block[self.inner]
        order = np.argsort(labels, kind="stable")
        self.inner = self.inner[order]
        sizes = np.bincount(labels)
        self.count, self.width = len(sizes), int(sizes.max())
        starts = np.cumsum([0, *sizes[:-1]])
        self.own = labels[order]
        self.position = np.arange(len(self.inner)) - starts[self.own]
        where_block, where_position = np.full(n, -1, dtype=np.intp), np.full(n, -1, dtype=np.intp)
        where_block[self.inner], where_position[self.inner] = self.own, self.position
        where_border = np.full(n, -1, dtype=np.intp)
        where_border[self.border] = np.arange(len(self.border))
        rows, columns = pattern.rows, pattern.columns
        self.in_blocks = np.flatnonzero(~border[rows] & ~border[columns])
        self.in_side = np.flatnonzero(~border[rows] & border[columns])
        self.mirrored = np.flatnonzero(border[rows] & ~border[columns])
        self.in_corner = np.flatnonzero(border[rows] & border[columns])
        self.at_blocks = where_block[rows], where_position[rows], where_position[columns]
        self.at_side = where_block[rows], where_position[rows], where_border[columns]
        self.at_mirrored = where_block[columns], where_position[columns], where_border[rows]
        self.at_corner = where_border[rows], where_border[columns]
        self.entries = len(rows)
        filled = np.zeros((self.count, self.width), dtype=bool)
        filled[self.own, self.position] = True
        self.filling = np.where(filled, 0.0, 1.0)
        dense = self.count == 1 and not len(self.border)
        self.kind = "dense" if dense else "block-diagonal" + (" with a border" if len(self.border) else "")

    def factor(self, values: Array) -> BlocksFactor:
        batch = len(values)
        a = np.zeros((batch, self.count, self.width, self.width))
        diagonal = np.arange(self.width)
        a[:, :, diagonal, diagonal] = self.filling
        block, row, column = (at[self.in_blocks] for at in self.at_blocks)
        a[:, block, row, column] = values[:, self.in_blocks]
        c = np.zeros((batch, self.count, self.width, len(self.border)))
        block, row, column = (at[self.in_side] for at in self.at_side)
        c[:, block, row, column] = values[:, self.in_side]
        e = np.zeros((batch, len(self.border), len(self.border)))
        row, column = (at[self.in_corner] for at in self.at_corner)
        e[:, row, column] = values[:, self.in_corner]
        return BlocksFactor(self, a, c, e)


class BlocksFactor:
    """The batch's Cholesky factors, block by block, and of the border's Schur complement."""

    def __init__(self, layout: Blocks, a: Array, c: Array, e: Array) -> None:
        self.layout, self.c = layout, c
        self.root = _cholesky(a)
        self.k = self._block_solve(c)
        schur = e - (np.swapaxes(c, -1, -2) @ self.k).sum(axis=1)
        self.corner = _cholesky(schur)
        self.log_determinant = 2 * (_log_diagonal(self.root).sum(axis=1) + _log_diagonal(self.corner))

    def _block_solve(self, right: Array) -> Array:
        """A⁻¹ r, right sides (B, blocks, width, m)."""
        if self.layout.width == 1:
            quotient: Array = right / self.root**2
            return quotient
        half = np.linalg.solve(self.root, right)
        return np.asarray(np.linalg.solve(np.swapaxes(self.root, -1, -2), half))

    def _split(self, right: Array) -> tuple[Array, Array]:
        layout = self.layout
        inner = np.zeros((len(right), layout.count, layout.width, 1))
        inner[:, layout.own, layout.position, 0] = right[:, layout.inner]
        return inner, right[:, layout.border, None]

    def _joined(self, inner: Array, corner: Array) -> Array:
        layout = self.layout
        found = np.empty((len(inner), len(layout.inner) + len(layout.border)))
        found[:, layout.inner] = inner[:, layout.own, layout.position, 0]
        found[:, layout.border] = corner[:, :, 0]
        return found

    def solve(self, right: Array) -> Array:
        inner, corner = self._split(right)
        y = self._block_solve(inner)
        if not len(self.layout.border):
            return self._joined(y, corner)
        left = corner - (np.swapaxes(self.c, -1, -2) @ y).sum(axis=1)
        x = np.linalg.solve(np.swapaxes(self.corner, -1, -2), np.linalg.solve(self.corner, left))
        return self._joined(y - self.k @ x[:, None], x)

    def draw(self, z: Array) -> Array:
        inner, corner = self._split(z)
        upper = np.swapaxes(self.root, -1, -2)
        y = inner / self.root if self.layout.width == 1 else np.linalg.solve(upper, inner)
        if not len(self.layout.border):
            return self._joined(y, corner)
        x = np.linalg.solve(np.swapaxes(self.corner, -1, -2), corner)
        return self._joined(y - self.k @ x[:, None], x)

    def inverse(self) -> Array:
        layout = self.layout
        found = np.empty((len(self.c), layout.entries))
        width = layout.width
        a = 1 / self.root**2 if width == 1 else self._block_solve(np.broadcast_to(np.eye(width), self.root.shape))
        if len(layout.border):
            size = len(layout.border)
            corner = np.linalg.solve(
                np.swapaxes(self.corner, -1, -2),
                np.linalg.solve(self.corner, np.broadcast_to(np.eye(size), self.corner.shape)),
            )
            side = -self.k @ corner[:, None]
            a = a - side @ np.swapaxes(self.k, -1, -2)
            row, column = (at[layout.in_corner] for at in layout.at_corner)
            found[:, layout.in_corner] = corner[:, row, column]
            for places, at in ((layout.in_side, layout.at_side), (layout.mirrored, layout.at_mirrored)):
                block, row, column = (index[places] for index in at)
                found[:, places] = side[:, block, row, column]
        block, row, column = (at[layout.in_blocks] for at in layout.at_blocks)
        found[:, layout.in_blocks] = a[:, block, row, column]
        return found


def _cholesky(a: Array) -> Array:
    if a.shape[-1] == 1:
        if not np.all(a > 0):
            raise NotPositiveError
        return np.sqrt(a)
    try:
        return np.asarray(np.linalg.cholesky(a))
    except np.linalg.LinAlgError as error:
        raise NotPositiveError from error


def _log_diagonal(root: Array) -> Array:
    return np.asarray(np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1))


class Sparse:
    """A sparse matrix that falls into no small blocks."""

    kind = "sparse"

    def __init__(self, pattern: Pattern) -> None:
        self.symbolic = Symbolic.of(pattern.matrix())
        self.places = self.symbolic.entries(pattern.rows, pattern.columns)
        self._last: tuple[Array, SparseFactor] | None = None

    def factor(self, values: Array) -> SparseFactor:
        """The last one is kept: Newton's last matrix is that of the log determinant."""
        if self._last is None or not np.array_equal(self._last[0], values):
            self._last = values.copy(), SparseFactor(self, [self._decomposed(own) for own in values])
        return self._last[1]

    def _decomposed(self, values: Array) -> Array:
        lower = np.zeros(len(self.symbolic.indices))
        lower[self.places] = values
        if not self.symbolic.factor(lower):
            raise NotPositiveError
        return lower


class SparseFactor:
    """The batch's factors, one by one."""

    def __init__(self, layout: Sparse, factors: list[Array]) -> None:
        self._places, self._symbolic, self._factors = layout.places, layout.symbolic, factors
        diagonal = layout.symbolic.starts[:-1]
        self.log_determinant = np.array([2 * np.log(own[diagonal]).sum() for own in factors])

    def solve(self, right: Array) -> Array:
        factors = self._factors * len(right) if len(self._factors) == 1 else self._factors
        return np.stack([self._symbolic.solve(own, row) for own, row in zip(factors, right, strict=True)])

    def draw(self, z: Array) -> Array:
        return np.stack([self._symbolic.draw(own, row) for own, row in zip(self._factors, z, strict=True)])

    def inverse(self) -> Array:
        return np.stack([self._symbolic.inverse(own)[self._places] for own in self._factors])
