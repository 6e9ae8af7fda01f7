"""The weighted log density: one compiled function behind every estimator.

    log p_w(u) = w_lik · log L(θ) + w_prior · log π(θ) + w_jac · log|J(u)|,    θ = T(u)

The weights, a weight per observation and the data are run-time inputs, so the graph is compiled once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .backends import Array, PyTensorFunction, without_compiler
from .creases import Creases
from .creases import find as find_creases
from .differences import ByDifferences
from .routes import Routes


@lru_cache(maxsize=64)
def _vector(weights: tuple[float, ...]) -> Array:
    """The same array for the same weights, which nobody can change."""
    found = np.array(weights, dtype=float)
    found.flags.writeable = False
    return found


class Density(Routes):
    """The compiled weighted log density of a model, its gradient, and the map back to the model's scalars.

    Parameters
    ----------
    model : pymc.Model
    point : Mapping of str to ndarray
        An initial point (value variables by name), for the shapes.

    Attributes
    ----------
    dimension : int
        Length d of the unconstrained vector.
    transformed : ndarray of bool of shape (d,)
        Which coordinates belong to a variable with a transform that has bounds: an angle's has none.
    circular : ndarray of bool of shape (d,)
        Which coordinates are angles.
    evaluations : int
        Evaluations of value and gradient so far, batched ones counted by the row.
    compile_seconds : float
        Wall time spent compiling so far.
    sampler_cache : dict
        What samplers compiled for this model, kept for other data of it.
    scales : dict
        Units of the coordinates that searches found for these data, by weights.

    Raises
    ------
    UnsupportedModelError
        By name, if the density does not exist, is random, or cannot be built or compiled.
    """

    # -- value and gradient ------------------------------------------------------------------

    def __call__(
        self, u: Array, weights: Sequence[float], observation_weights: Array | None = None
    ) -> tuple[float, Array]:
        """Log density in nats and its gradient at ``u``; −inf and zeros where the density is zero or NaN."""
        compiled = self._value_now()
        value, gradient = compiled(u, _vector(tuple(weights)), *self._rest(compiled, observation_weights))
        self.evaluations += 1
        if not np.isfinite(value) or not np.all(np.isfinite(gradient)):
            return -math.inf, np.zeros_like(gradient)
        return float(value), gradient

    def batch(
        self, points: Array, weights: Sequence[float], observation_weights: Array | None = None
    ) -> tuple[Array, Array]:
        """The same for each row of ``points``: values of shape (n,), gradients of shape (n, d).

        Observation weights of shape (n, N) are one row for each point.
        """
        compiled = self._value_now()
        rest = self._rest(compiled, observation_weights)
        of_rows = observation_weights is not None and np.ndim(observation_weights) == 2
        mapped = range(1, 1 + len(self.sizes)) if of_rows else ()
        values, gradients = compiled.batch(points, _vector(tuple(weights)), *rest, mapped=mapped)
        self.evaluations += len(points)
        bad = ~(np.isfinite(values) & np.isfinite(gradients).all(axis=1))
        return np.where(bad, -np.inf, values), np.where(bad[:, None], 0.0, gradients)

    def values(self, points: Array, weights: Sequence[float]) -> Array:
        """The values alone, (n,): the same numbers, at less cost where the gradient is by differences."""
        compiled = self._value_now()
        if not isinstance(compiled, ByDifferences):
            return self.batch(points, weights)[0]
        found = compiled.values(points, _vector(tuple(weights)), *self._rest(compiled, None))
        self.evaluations += len(points)
        return np.where(np.isfinite(found), found, -np.inf)

    @property
    def no_gradient(self) -> tuple[str, ...]:
        """Operations that have no gradient, by name; the density's is by differences then."""
        return self._gradient_graph[2]

    @property
    def raised(self) -> str | None:
        """What an operation of the user's own said when it last raised; the density is NaN there."""
        return getattr(self._value(), "raised", None)

    def begin_search(self) -> None:
        """Count evaluations from here on as one search's, so that its bits do not depend on what was before it."""
        self._began = self.evaluations

    def sampler_function(self) -> Callable[[Array], tuple[float, Array]]:
        """Log density (1, 1, 1) and gradient with as little Python around them as can be, for a sampler's inner
        loop."""
        compiled = self.through_jax()
        if compiled is None:
            lock = threading.Lock()  # Python code, SciPy's solvers among it, is not made for two chains at once

            def one_at_a_time(u: Array) -> tuple[float, Array]:
                with lock:
                    return self(u, (1.0, 1.0, 1.0))

            return one_at_a_time
        packed, weights, rest = compiled.packed(), np.ones(3), self._rest(compiled, None)

        def evaluate(u: Array) -> tuple[float, Array]:
            out = np.array(packed(u, weights, *rest))
            return float(out[0]), out[1:]

        return evaluate

    def traced(self) -> Callable[[Any], Any] | None:
        """The log density (1, 1, 1) as a function of JAX, to be traced further; None where there is no translation."""
        compiled = self.through_jax()
        if compiled is None:
            return None
        rest = self._rest(compiled, None)
        return lambda u: compiled.traced(u, np.ones(3), *rest)[0]

    def at_unit_weights(self) -> tuple[list[Any], list[Any]]:
        """Graphs of log density and gradient where every weight is 1: inputs, ``u`` and the data, and outputs."""
        import pytensor.tensor as pt
        from pytensor.graph.replace import clone_replace

        graphs, (_, outputs, _) = self.graphs, self._gradient_graph
        ones = {weights: pt.ones(size) for weights, size in zip(graphs.observation_weights, self.sizes, strict=True)}
        inputs = [graphs.u, *(inp for _, inp in graphs.data.values())]
        return inputs, clone_replace(outputs, {graphs.weights: pt.ones(3), **ones}, rebuild_strict=False)

    def second_opinion(self, u: Array, weights: Sequence[float]) -> tuple[float, Array]:
        """Value and gradient by another route than the search's: compilers have silent faults too.

        Where the search goes through JAX, that is PyTensor's own; where it goes by PyTensor, the graph before its last
        rewriting, one operation after the other.
        """
        if "second" not in self._compiled:
            plain = self._value().backend == "pytensor"
            self._compiled["second"] = self._plain(rewritten=not plain)
        second = self._compiled["second"]
        value, gradient = second(u, _vector(tuple(weights)), *self._rest(second, None))
        return float(value), gradient

    # -- the way back ------------------------------------------------------------------------

    def push(self, points: Array) -> Array:
        """All scalars of the model, free then Deterministic, for each row of unconstrained ``points``.

        Returns
        -------
        ndarray of shape (n, k)
            In the model's coordinates; angles as they stand in u, turned by whole circles.
        """
        if "push" not in self._compiled:
            inputs = [self.graphs.u, *(inp for _, inp in self.graphs.data.values())]
            example = (points[0], *self._data())
            self._compiled["push"] = self._like_value(inputs, [self.graphs.scalars()], example)
        (scalars,) = self._compiled["push"].batch(points, *self._data(self._compiled["push"]))
        return scalars

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of the free variables, in the model's coordinates; computed where the graph does not tell them."""
        return self.once("shapes", self._shapes)

    def _shapes(self) -> list[tuple[int, ...]]:
        import pytensor

        outputs = self.graphs.outputs[: len(self.blocks)]
        if not any(None in out.type.shape for out in outputs):
            return [tuple(out.type.shape) for out in outputs]
        inputs = [self.graphs.u, *(inp for _, inp in self.graphs.data.values())]
        with without_compiler():
            function = pytensor.function(inputs, [out.shape for out in outputs], on_unused_input="ignore")
        return [tuple(map(int, shape)) for shape in function(self.start, *self.data.values())]

    def pull(self, free: Array) -> Array:
        """The inverse of :meth:`push` on the free variables: unconstrained points (n, d) of their scalars (n,
        k_free)."""
        if "pull" not in self._compiled:
            inputs, outputs = self.graphs.inverse(self.shapes)
            self._compiled["pull"] = self._like_value(inputs, outputs, (free[0], *self._data()))
        (points,) = self._compiled["pull"].batch(free, *self._data(self._compiled["pull"]))
        return points

    # -- other graphs ------------------------------------------------------------------------

    @property
    def creases(self) -> Creases:
        """Where the graph may have kinks."""
        found: Creases = self.once("creases", lambda: find_creases(self.graphs))
        return found

    def crease_shapes(self, point: Array) -> tuple[tuple[int, ...], ...]:
        """Shapes of the creases' arguments over this density's data."""
        inputs = [self.graphs.u, *(inp for _, inp in self.graphs.data.values())]
        shapes = PyTensorFunction(inputs, [argument.shape for argument in self.creases.arguments])
        return tuple(tuple(int(n) for n in shape) for shape in shapes(point, *self._data()))

    def creases_at(self, points: Array) -> Array:
        """The arguments of the creases at each row of ``points``, (n, m): 0 on a crease."""
        import pytensor.tensor as pt

        if "creases" not in self._compiled:
            inputs = [self.graphs.u, *(inp for _, inp in self.graphs.data.values())]
            joined = pt.concatenate([argument.ravel() for argument in self.creases.arguments])
            self._compiled["creases"] = self._beside_value(inputs, [joined], (points[0], *self._data()))
        compiled = self._compiled["creases"]
        return compiled.batch(points, *self._data(compiled))[0]

    def pieces(self, points: Array, weights: Sequence[float], signs: Sequence[Array]) -> tuple[Array, Array]:
        """Values (n,) and gradients (n, d) of the smooth pieces with these ``signs``, one row for each point.

        NaN where a piece, continued beyond its creases, has no value.
        """
        rows = [np.asarray(sign, float) for sign in signs]
        if "pieces" not in self._compiled:
            creases = self.creases
            example = (points[0], np.ones(3), *self._arguments, *(sign[0] for sign in rows))
            outputs, _ = self._with_gradient(creases.piece)
            self._compiled["pieces"] = self._beside_value([*self.graphs.inputs, *creases.signs], outputs, example)
        compiled = self._compiled["pieces"]
        rest = self._rest(compiled, None)
        mapped = range(1 + len(rest), 1 + len(rest) + len(rows))
        values, gradients = compiled.batch(points, _vector(tuple(weights)), *rest, *rows, mapped=mapped)
        self.evaluations += len(points)
        return values, gradients

    # -- data --------------------------------------------------------------------------------

    def with_data(self, data: Mapping[str, Any]) -> Density:
        """This density over other data; nothing is compiled again unless a shape changes.

        Parameters
        ----------
        data : Mapping of str to array
            New values by the data containers' names; the others stay.
        """
        other = object.__new__(Density)
        other.__dict__.update(self.__dict__)
        other.data = {
            # Copies: what a search computes of the data once must not be of an array that its owner changes later.
            name: np.array(data[name], dtype=old.dtype) if name in data else old
            for name, old in self.data.items()
        }
        other.evaluations = other._began = 0
        other.scales = {}
        other.sizes = other._sizes()
        other._arguments, other._on_device = other._unit_arguments(), None
        return other

    def weighted(self, observation_weights: Array) -> Density:
        """This density with other weights of its observations, shape (N,), where a call gives none."""
        other = object.__new__(Density)
        other.__dict__.update(self.__dict__)
        other.evaluations = other._began = 0
        other._arguments, other._on_device = self._split(np.array(observation_weights, float), self._arguments), None
        return other

    @property
    def observations(self) -> int:
        """Number of observed scalars' log-likelihood terms."""
        return sum(self.sizes)
