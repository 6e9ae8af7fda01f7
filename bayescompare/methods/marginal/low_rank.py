"""Factorisations of a sparse matrix plus one of low rank, H = S + Uᵀ C, by Woodbury's identity."""

from __future__ import annotations

import numpy as np
from scipy.linalg import sqrtm

from .factor import Array, Factor, Layout, NotPositiveError
from .pattern import Pattern


class LowRank:
    """A layout of S, and U and C after its entries: (entries of S, U, C), the latter of shape (rank, n).

    S alone may be singular, as that of an intrinsic autoregression is: for each row of C an entry of the diagonal of S
    is doubled, and taken off again with the part of low rank.
    """

    def __init__(self, pattern: Pattern, layout: Layout, rank: int) -> None:
        self.pattern, self.layout, self.rank = pattern, layout, rank
        self.kind = f"{layout.kind}, plus rank {rank}"

    def split(self, values: Array) -> tuple[Array, Array, Array]:
        """Entries of S, (B, entries), and U and C, (B, rank, n)."""
        entries, n = len(self.pattern.rows), self.pattern.size
        u, c = values[:, entries:].reshape(len(values), 2, self.rank, n).swapaxes(0, 1)
        return values[:, :entries], u, c

    def factor(self, values: Array) -> LowRankFactor:
        s, u, c = self.split(values)
        s, batch = s.copy(), np.arange(len(s))
        units = np.zeros_like(c)
        added = np.zeros_like(c)
        for k in range(self.rank):
            own = np.abs(c[:, k]).argmax(axis=1)
            diagonal = self.pattern.diagonal[own]
            size = s[batch, diagonal]
            units[batch, k, own], added[batch, k, own] = 1.0, -size
            s[batch, diagonal] += size
        return LowRankFactor(
            self, self.layout.factor(s), np.concatenate([u, added], axis=1), np.concatenate([c, units], axis=1)
        )


class LowRankFactor:
    """The batch's factors of S, and of I + C S⁻¹ Uᵀ."""

    def __init__(self, layout: LowRank, base: Factor, u: Array, c: Array) -> None:
        self._layout, self._base, self._c = layout, base, c
        self._u_rows, self._c_rows = (
            np.stack([base.solve(rows[:, k]) for k in range(rows.shape[1])], axis=1) for rows in (u, c)
        )
        self._corner = np.eye(c.shape[1]) + c @ self._u_rows.swapaxes(1, 2)
        if not np.all(np.isfinite(self._corner)) or not np.all(np.linalg.eigvals(self._corner).real > 0):
            raise NotPositiveError
        self.log_determinant = base.log_determinant + np.linalg.slogdet(self._corner)[1]

    def solve(self, right: Array) -> Array:
        found = self._base.solve(right)
        shares = np.linalg.solve(self._corner, self._c @ found[:, :, None])
        solved: Array = found - (self._u_rows.swapaxes(1, 2) @ shares)[:, :, 0]
        return solved

    def draw(self, z: Array) -> Array:
        """(I + A)^−½ L⁻ᵀ z, A = S⁻¹ Uᵀ C: its square is H⁻¹ S, and (I + A)^−½ = I + S⁻¹ Uᵀ g(C S⁻¹ Uᵀ) C."""
        found = self._base.draw(z)
        roots = np.stack([np.asarray(sqrtm(own)).real for own in self._corner])
        shares = np.linalg.solve(roots @ (np.eye(roots.shape[1]) + roots), self._c @ found[:, :, None])
        drawn: Array = found - (self._u_rows.swapaxes(1, 2) @ shares)[:, :, 0]
        return drawn

    def inverse(self) -> Array:
        """The derivative of the log determinant: entries of H⁻¹ where S has entries, C H⁻¹, and U H⁻¹."""
        rows, columns, rank = self._layout.pattern.rows, self._layout.pattern.columns, self._layout.rank
        scaled = np.linalg.solve(self._corner, self._c_rows)
        entries = self._base.inverse() - np.einsum("bke,bke->be", self._u_rows[:, :, rows], scaled[:, :, columns])
        by_c = scaled[:, :rank]
        by_u = np.linalg.solve(self._corner.swapaxes(1, 2), self._u_rows)
        return np.concatenate([entries, by_c.reshape(len(entries), -1), by_u[:, :rank].reshape(len(entries), -1)], 1)
