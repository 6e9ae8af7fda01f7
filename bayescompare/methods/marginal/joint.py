"""The joint density of latent block and hyperparameters through JAX: what the marginal one is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ...errors import UnsupportedModelError, first_line
from ...model.backends import UNTRANSLATABLE, Array, JaxFunction, padded
from ...model.density import Density
from .boolean import DenseError
from .dependence import dependence
from .factor import MOST_DENSE, Layout, layout_of
from .latent import Latent
from .pattern import FULL, Index, Pattern, dense, pattern_of

#: Bytes of one call's products of the Hessian with vectors, and what they pass through; more go one after the other.
BYTES = 1 << 26


@dataclass(frozen=True)
class Joint:
    """Compiled functions of u, in which x is the latent block and φ the rest.

    ``weights`` are of likelihood, prior and φ's Jacobian; that of x always counts.

    Attributes
    ----------
    latent, outer : ndarray of int
        Coordinates of x, shape (n,), and of φ, shape (m,).
    pattern : Pattern
        Of the Hessian in x.
    layout : Layout
        How that is factorised.
    local : points (B, d), weights -> values (B,), gradients (B, d), Hessian in x times each colour (B, colours, n)
    product : point (d,), vector (d,), weights -> Hessian in u times the vector, (d,)
    slope : point (d,), loads (colours, n), weights -> gradient, (d,), of the sum of loads times the colours' products
    """

    latent: Index
    outer: Index
    pattern: Pattern
    layout: Layout
    local: Callable[..., tuple[Array, Array, Array]]
    product: Callable[..., Array]
    slope: Callable[..., Array]


def joint(density: Density, latent: Latent) -> Joint:
    """Compile for this density and its data.

    Raises
    ------
    UnsupportedModelError
        If PyTensor cannot translate the density to JAX, or the latent block is too large for a dense Hessian and has no
        other.
    """
    names = tuple(block.name for block in latent.blocks)
    always = tuple(block.name for block in latent.blocks if block.transform is not None)
    value = density.through_jax(always)
    if value is None:
        lacking = ", ".join(density.no_gradient)
        why = f"{lacking} has no gradient" if lacking else density.fallback
        raise UnsupportedModelError(
            f"The marginal mode needs the density through JAX, and this one has no translation: {why}. "
            "The joint mode and NUTS do not need it."
        )
    shapes = [array.shape for array in density.data.values()]
    pattern, layout = density.once(
        f"marginal pattern {names} {_digest(density)}", lambda: _structure(density, value, latent)
    )
    key = f"marginal {names} {shapes} {_digest(density)}"
    made = density.once(key, lambda: _Functions(density, value, latent, pattern))
    rest = density.arguments(value)
    density.once(f"{key} traced", lambda: made.check(density.start, rest))
    return Joint(
        latent.coordinates,
        latent.others,
        pattern,
        layout,
        lambda points, weights: made.rows(points, weights, rest),
        lambda point, vector, weights: np.asarray(made.product(point, vector, weights, *rest)),
        lambda point, loads, weights: np.asarray(made.slope(point, loads, made.seeds, weights, *rest)),
    )


def _digest(density: Density) -> str:
    from hashlib import sha256

    digest = sha256()
    for array in density.data.values():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _structure(density: Density, value: JaxFunction, latent: Latent) -> tuple[Pattern, Layout]:
    """The pattern as the traced program has it; dense where it cannot be told and is small enough."""
    n = len(latent.coordinates)
    try:
        found = pattern_of(_dependence(density, value, latent))
    except DenseError:
        found = None
    if n > MOST_DENSE and (found is None or len(found.rows) > FULL * n * n):
        raise UnsupportedModelError(
            f"Every coordinate of the latent block ({', '.join(b.name for b in latent.blocks)}: {n:,}) depends on "
            f"every other, and a dense Hessian is made up to {MOST_DENSE:,} only. Where the effects are cumulated "
            "or centred, write their own prior instead (a random walk, an AR process, ZeroSumNormal); the zero-sum "
            "penalty of pm.ICAR ties all of its areas to each other, pm.CAR has none."
        )
    found = found or dense(n)
    return found, layout_of(found)


def _dependence(density: Density, value: JaxFunction, latent: Latent) -> Any:
    import jax

    rest = [np.asarray(argument) for argument in density.arguments(None)]

    def gradient(u: Any) -> Any:
        return value.traced(u, np.ones(3), *rest)[1][latent.coordinates]

    closed = jax.make_jaxpr(gradient)(density.start)
    n = len(latent.coordinates)
    inputs = sparse.csr_array(
        (np.ones(n, dtype=bool), (latent.coordinates, np.arange(n))), shape=(density.dimension, n)
    )
    return dependence(closed, inputs)


class _Functions:
    """JAX's functions of points, weights and data."""

    def __init__(self, density: Density, value: JaxFunction, latent: Latent, pattern: Pattern) -> None:
        import jax
        import jax.numpy as jnp

        x = latent.coordinates
        wide = np.zeros((pattern.count, density.dimension))
        wide[pattern.colours, x] = 1.0
        self.seeds = jnp.asarray(wide)  # an argument: XLA would fold a constant of this size for minutes
        each = 8 * (density.dimension + density.observations + sum(a.size for a in density.data.values()))
        together = int(max(min(BYTES // each, pattern.count), 1))
        self.colours, self.size = pattern.count, pattern.size
        self.batch = int(max(min(BYTES // (each * pattern.count), 256), 1))

        def product(u: Any, vector: Any, weights: Any, *rest: Any) -> Any:
            return jax.jvp(lambda v: value.traced(v, weights, *rest)[1], (u,), (vector,))[1]

        def coloured(u: Any, seeds: Any, weights: Any, *rest: Any) -> Any:
            def of_colour(seed: Any) -> Any:
                return product(u, seed, weights, *rest)[x]

            if pattern.count <= together:
                return jax.vmap(of_colour)(seeds)
            return jax.lax.map(of_colour, seeds, batch_size=together)

        def local(points: Any, seeds: Any, weights: Any, *rest: Any) -> Any:
            def one(u: Any) -> Any:
                height, slope = value.traced(u, weights, *rest)
                return height, slope, coloured(u, seeds, weights, *rest)

            return jax.vmap(one)(points)

        def slope(u: Any, loads: Any, seeds: Any, weights: Any, *rest: Any) -> Any:
            def loaded(v: Any) -> Any:
                if pattern.count <= together:
                    return jnp.sum(loads * coloured(v, seeds, weights, *rest))
                of_colour = jax.checkpoint(lambda seed, load: load @ product(v, seed, weights, *rest)[x])
                return jax.lax.scan(lambda total, pair: (total + of_colour(*pair), None), 0.0, (seeds, loads))[0]

            return jax.grad(loaded)(u)

        self.local, self.product, self.slope = jax.jit(local), jax.jit(product), jax.jit(slope)

    def check(self, u: Array, rest: list[Any]) -> None:
        """Trace all three, so that what JAX cannot differentiate so often is told before anything runs."""
        import jax

        loads = np.zeros((self.colours, self.size))
        try:
            seeds = self.seeds
            for function, args in (
                (self.local, (u[None], seeds)),
                (self.product, (u, u)),
                (self.slope, (u, loads, seeds)),
            ):
                jax.eval_shape(function, *args, np.ones(3), *rest)
        except UNTRANSLATABLE as error:
            raise UnsupportedModelError(
                f"The marginal mode needs three derivatives, and JAX has not all of them (no translation: "
                f"{first_line(error)}). The joint mode and NUTS do not need them."
            ) from error

    def rows(self, points: Array, weights: Array, rest: list[Any]) -> tuple[Array, Array, Array]:
        """``local`` of any number of points: one of them, or as many as were compiled for at a time."""
        size = 1 if len(points) == 1 else self.batch
        pieces = []
        for start in range(0, len(points), size):
            block = points if len(points) == size else padded(points, start, size)
            out = self.local(block, self.seeds, weights, *rest)
            pieces.append([np.asarray(part)[: len(points) - start] for part in out])
        value, gradient, products = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        return value, gradient, products
