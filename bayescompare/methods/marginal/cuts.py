"""Sums over the latent block on which all of it depends, as a penalty on Σ x makes it: cut out of the traced gradient.

With its few sums t held, the gradient g(x, t(x)) has a sparse derivative, and ∂g/∂x = S + Uᵀ C, of rank no larger than
the number of sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .boolean import DenseError, Value

#: Most entries of an array of the program that is cut, and most of all of them together.
FEW, MOST_CUT = 16, 24

#: An equation's place: its number in the program, then in the function that this one calls, and so on.
Place = tuple[int, ...]


@dataclass
class Cuts:
    """Arrays of a program that are held.

    Attributes
    ----------
    inputs : int
        n; what is cut counts as an input after these.
    least : int
        Inputs on which an array of few entries depends where it is cut.
    sizes : dict of tuple to int
        Entries of each, by its place, in the program's order.
    needs : list of csr_array
        What they depend on.
    """

    inputs: int
    least: int
    sizes: dict[Place, int] = field(default_factory=dict)
    needs: list[Any] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.sizes.values())

    def held(self, place: Place, value: Value) -> Value:
        """The value, or in its place inputs of its own."""
        if value.deps is None or value.size > FEW:
            return value
        wide = np.unique(value.deps.indices)
        if np.searchsorted(wide, self.inputs) < self.least:
            return value
        first = self.inputs + self.total
        if first + value.size > self.inputs + MOST_CUT:
            raise DenseError
        self.sizes[place] = value.size
        self.needs.append(value.deps)
        own = np.arange(value.size)
        ones = np.ones(value.size, dtype=bool)
        return Value(value.shape, sparse.csr_array((ones, (own, first + own)), shape=value.deps.shape))

    def used(self, deps: Any) -> dict[Place, int]:
        """Those that the output depends on, directly or through others."""
        wanted = set(deps.indices[deps.indices >= self.inputs].tolist())
        kept = {}
        start = self.inputs + self.total
        for (place, size), needs in zip(reversed(self.sizes.items()), reversed(self.needs), strict=True):
            start -= size
            if wanted & set(range(start, start + size)):
                wanted |= set(needs.indices[needs.indices >= self.inputs].tolist())
                kept[place] = size
        return dict(reversed(kept.items()))


def with_cuts(closed: Any, cuts: dict[Place, int], inner: Callable[[Any], Any]) -> Callable[..., tuple[Any, Any]]:
    """The program as a function of the held arrays and of its arguments: its output, and what the arrays would be.

    With None in their place nothing is held.

    Parameters
    ----------
    closed : ClosedJaxpr
    cuts : dict of tuple to int
    inner : callable
        The program that an equation with these parameters calls.
    """
    import jax.numpy as jnp

    starts = dict(zip(cuts, np.cumsum([0, *cuts.values()])[:-1].tolist(), strict=True))

    def run(program: Any, arguments: list[Any], held: Any, place: Place, sums: list[Any]) -> list[Any]:
        known: dict[Any, Any] = dict(zip(program.jaxpr.constvars, program.consts, strict=True))
        known.update(zip(program.jaxpr.invars, arguments, strict=True))
        for number, equation in enumerate(program.jaxpr.eqns):
            here = (*place, number)
            values = [atom.val if hasattr(atom, "val") else known[atom] for atom in equation.invars]
            if here not in cuts and any(cut[: len(here)] == here for cut in cuts):
                called = inner(equation.params)
                out = run(called, values[: len(called.jaxpr.invars)], held, here, sums)
            else:
                bound = equation.primitive.get_bind_params(equation.params)  # with functions apart until JAX 0.12
                functions, params = bound if isinstance(bound, tuple) else ((), bound)
                out = equation.primitive.bind(*functions, *values, **params)
                out = list(out) if equation.primitive.multiple_results else [out]
            if here in cuts:
                sums.append(out[0].ravel())
                if held is not None:
                    out = [held[starts[here] : starts[here] + cuts[here]].reshape(out[0].shape)]
            known.update(zip(equation.outvars, out, strict=True))
        return [atom.val if hasattr(atom, "val") else known[atom] for atom in program.jaxpr.outvars]

    def function(held: Any, *arguments: Any) -> tuple[Any, Any]:
        sums: list[Any] = []
        (out,) = run(closed, list(arguments), held, (), sums)
        return out, jnp.concatenate(sums)

    return function


def factors(function: Callable[..., tuple[Any, Any]], at: NDArray[np.intp], u: Any, *rest: Any) -> tuple[Any, Any]:
    """U and C, (count, n) each, at a point: ∂g/∂x = S + Uᵀ C."""
    import jax
    import jax.numpy as jnp

    sums = function(None, u, *rest)[1]
    by_sum, among = jax.jacfwd(lambda held: function(held, u, *rest))(sums)
    by_point = jax.jacrev(lambda v: function(sums, v, *rest)[1])(u)
    return by_sum.T, jnp.linalg.solve(jnp.eye(len(sums)) - among, by_point[:, at])
