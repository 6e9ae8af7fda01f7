"""The weighted log density: one compiled function behind every estimator.

    log p_w(u) = w_lik · log L(θ) + w_prior · log π(θ) + w_jac · log|J(u)|,    θ = T(u)

The weights, a weight per observation and the data are run-time inputs, so the graph is compiled once.
"""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LIBRARY_ERRORS, UnsupportedModelError, first_line
from .backends import (
    LOOPED,
    UNTRANSLATABLE,
    Array,
    BySize,
    Compiled,
    JaxFunction,
    PyTensorFunction,
    padded,
    start_jax,
    through_jax,
    without_compiler,
)
from .capabilities import as_model_error, lacking_gradient
from .creases import Creases
from .creases import find as find_creases
from .differences import ByDifferences
from .graphs import Graphs
from .products import sums_of_products

if TYPE_CHECKING:
    import pymc as pm

#: A search takes so many evaluations, and so many more for each dimension; where PyTensor needs less time for all of
#: them, in µs, than JAX for its import and compile, the model is small (:class:`bayescompare.model.backends.BySize`).
EVALUATIONS, EVALUATIONS_EACH, AFFORDABLE = 600, 40, 8e5

#: A search this many times as long goes on through JAX: to show that a density has no mode takes tens of thousands of
#: evaluations.
PATIENCE = 4


@lru_cache(maxsize=64)
def _vector(weights: tuple[float, ...]) -> Array:
    """The same array for the same weights, which nobody can change."""
    found = np.array(weights, dtype=float)
    found.flags.writeable = False
    return found


class Density:
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

    def __init__(self, model: pm.Model, point: Mapping[str, Array]) -> None:
        self._model = model
        self.evaluations = self._began = 0
        self.compile_seconds = 0.0
        self._untranslatable: str | None = None  # why JAX cannot have it
        self.sampler_cache: dict[Any, Any] = {}
        self.scales: dict[tuple[float, ...], Array] = {}
        self._kept: dict[str, Any] = {}
        self._compiled: dict[str, Compiled] = {}
        started = time.perf_counter()
        with as_model_error("Its graph cannot be built"):
            self.graphs = Graphs(model, point)
        self.compile_seconds += time.perf_counter() - started
        self.blocks = self.graphs.blocks
        self.dimension = self.graphs.dimension
        bounded = [np.full(b.size, b.transform is not None and not b.circular) for b in self.blocks]
        self.transformed = np.concatenate(bounded)
        self.circular = np.concatenate([np.full(b.size, b.circular) for b in self.blocks])
        self.start = np.concatenate([np.ravel(point[b.value_name]).astype(float) for b in self.blocks])
        self.data = {name: np.asarray(shared.get_value()) for name, (shared, _) in self.graphs.data.items()}
        if self.graphs.own:
            self._untranslatable = f"{self.graphs.own[0]} has no translation"
        inputs = [inp for _, inp in self.graphs.data.values()]
        self._compiled["observed"] = self._compile(PyTensorFunction, inputs, self.graphs.observed)
        self.sizes = self._sizes()
        self._arguments = self._unit_arguments()
        self._on_device: list[Any] | None = None

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

    def once[Kept](self, key: str, make: Callable[[], Kept]) -> Kept:
        """What ``make`` builds, built once for this model and kept for all its data; its time counts as compiling."""
        if key not in self._kept:
            started = time.perf_counter()
            self._kept[key] = make()
            self.compile_seconds += time.perf_counter() - started
        kept: Kept = self._kept[key]
        return kept

    def translated(self, outputs: Sequence[Any], example: Array) -> Compiled:
        """A function of ``u`` and the data: through JAX or, where that fails, by PyTensor, for this function alone."""
        inputs = [self.graphs.u, *(inp for _, inp in self.graphs.data.values())]
        try:
            compiled = JaxFunction(inputs, outputs)
            compiled.rows_at_once(example, *self._data(compiled))  # some translations fail only when they are traced
            return compiled
        except UNTRANSLATABLE:
            return PyTensorFunction(inputs, outputs)

    def evaluate(self, compiled: Compiled, points: Array) -> list[Array]:
        """Its outputs for each row of ``points`` over this density's data; one size of batch, to compile once."""
        data = self._data(compiled)
        least = compiled.rows_at_once(points[0], *data)
        rows = padded(points, 0, least) if len(points) < least else points
        return [out[: len(points)] for out in compiled.batch(rows, *data)]

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

    def observed(self) -> list[Array]:
        """The observed variables' values, in the model's order, over this density's data."""
        return self._compiled["observed"](*self.data.values())

    @property
    def observations(self) -> int:
        """Number of observed scalars' log-likelihood terms."""
        return sum(self.sizes)

    @property
    def backend(self) -> str:
        """What single points and few rows go through: ``"jax"``, or ``"pytensor"`` where the model is small or an
        operation has no translation."""
        return self._value().backend

    @property
    def fallback(self) -> str | None:
        """Why it cannot be JAX, as far as was tried."""
        value = self._compiled.get("value")
        return value.fallback if isinstance(value, BySize) else self._untranslatable

    def through_jax(self, always: tuple[str, ...] = ()) -> JaxFunction | None:
        """Value and gradient through JAX whatever the model's size, or None where an operation has no translation.

        The Jacobian of the free variables named ``always`` counts whatever its weight is.
        """
        if always:
            inputs, outputs, lacking = self._gradient_of(self.graphs.log_density(always))
            if lacking:
                return None
            example = (self.start, np.ones(3), *self._arguments)
            return self.once(f"value {always}", lambda: self._by_jax(inputs, outputs, example))
        value = self._value()
        if isinstance(value, BySize):
            value = value.for_many(self.start, np.ones(3), *self._arguments)
        return value if isinstance(value, JaxFunction) else None

    # -- helpers -----------------------------------------------------------------------------

    def _value(self) -> Compiled:
        if "value" not in self._compiled:
            inputs, outputs, _ = self._gradient_graph
            example = (self.start, np.ones(3), *self._arguments)
            plain = self._plain()
            with as_model_error("Its log density cannot be evaluated"):
                plain(*example)
            if not isinstance(plain, PyTensorFunction) or self.graphs.own:
                self._refuse_chance(plain, example)
                self._compiled["value"] = plain
            elif plain.cost(*example) * self._usual_evaluations < AFFORDABLE:
                self._compiled["value"] = self._by_size(plain, inputs, outputs)
            else:
                self._compiled["value"] = self._by_jax(inputs, outputs, example) or plain
            if isinstance(self._compiled["value"], JaxFunction):
                self._compiled["second"] = plain
        return self._compiled["value"]

    def _plain(self, *, rewritten: bool = True) -> PyTensorFunction | ByDifferences:
        """Value and gradient by PyTensor; the gradient by differences where the graph has none."""
        inputs, outputs, lacking = self._gradient_graph
        make = partial(PyTensorFunction, rewritten=rewritten, own=bool(self.graphs.own))
        compiled = self._compile(make, inputs, outputs)
        return ByDifferences(compiled) if lacking else compiled

    def _refuse_chance(self, compiled: Compiled, example: Sequence[Any]) -> None:
        """An operation of the user's own may draw, and no graph tells."""
        first, second = (compiled(*example)[0] for _ in range(2))
        if np.isfinite(first) and np.isfinite(second) and first != second:
            raise UnsupportedModelError(
                f"The log density is random: two values at one point differ by {abs(first - second):.3g} nats. "
                f"{', '.join(self.graphs.own)} must give one value for one input."
            )

    def _value_now(self) -> Compiled:
        """The same, but through JAX in a search that turned out to be long."""
        value = self._value()
        if isinstance(value, BySize) and self.evaluations - self._began > PATIENCE * self._usual_evaluations:
            return value.for_many(self.start, np.ones(3), *self._arguments)
        return value

    @property
    def _usual_evaluations(self) -> int:
        return EVALUATIONS + EVALUATIONS_EACH * self.dimension

    def arguments(self, compiled: Compiled | None = None) -> list[Any]:
        """What a compiled function takes after u and the weights: weights of the observations, and the data."""
        return self._arguments_for(compiled)

    @cached_property
    def _gradient_graph(self) -> tuple[list[Any], list[Any], tuple[str, ...]]:
        return self._gradient_of(self.graphs.log_density())

    def _gradient_of(self, density: Any) -> tuple[list[Any], list[Any], tuple[str, ...]]:
        """Inputs, value and gradient; or the value alone, and which operations have no gradient."""
        return self.graphs.inputs, *self._with_gradient(density)

    def _with_gradient(self, density: Any) -> tuple[list[Any], tuple[str, ...]]:
        """A density over ``u``, made stable, and its gradient; or the density alone, and what has no gradient."""
        import pytensor.gradient as tg
        from pytensor.graph.rewriting.utils import rewrite_graph

        # Before the gradient, as PyMC does: a gradient of what is not stable yet can be NaN where the density is not.
        # A parameter out of its range then gives −∞ in every backend; JAX would drop the check.
        rewrites = ("canonicalize", "stabilize", "local_check_parameter_to_ninf_switch")
        with as_model_error("Its graph cannot be rewritten"):
            value = rewrite_graph(density, include=rewrites, custom_rewrite=sums_of_products(), clone=True)
        try:
            with warnings.catch_warnings():  # of operations that call their gradient by its old name
                warnings.simplefilter("ignore", FutureWarning)
                gradient = tg.grad(value, self.graphs.u, disconnected_inputs="ignore")
        except LIBRARY_ERRORS as error:
            lacking = lacking_gradient([value], [self.graphs.u]) or (first_line(error),)
            return [value], lacking
        return [value, gradient], ()

    def _like_value(self, inputs: list[Any], outputs: list[Any], example: Sequence[Any]) -> Compiled:
        """Another graph of the model, compiled as its density is."""
        beside = self._beside_value(inputs, outputs, example)
        if isinstance(beside, PyTensorFunction) and isinstance(self._value(), BySize):
            return self._by_size(beside, inputs, outputs)
        return beside

    def _beside_value(self, inputs: list[Any], outputs: list[Any], example: Sequence[Any]) -> Compiled:
        """The same, but where the model is small never through JAX, however many rows are asked for."""
        compiled = None if isinstance(self._value(), BySize) else self._by_jax(inputs, outputs, example)
        return compiled if compiled is not None else self._compile(PyTensorFunction, inputs, outputs)

    def _by_size(self, plain: PyTensorFunction, inputs: list[Any], outputs: list[Any]) -> BySize:
        return BySize(plain, inputs, outputs, few=max(LOOPED, 2 * self.dimension))

    def _by_jax(self, inputs: list[Any], outputs: list[Any], example: Sequence[Any]) -> JaxFunction | None:
        if self._untranslatable is not None:
            return None
        found = self._timed(lambda: through_jax(inputs, outputs, *example))
        if isinstance(found, JaxFunction):
            return found
        self._untranslatable = found
        return None

    def _compile[Made](self, compiler: Callable[[Any, Any], Made], inputs: list[Any], outputs: list[Any]) -> Made:
        return self._timed(lambda: compiler(inputs, outputs))

    def _timed[Made](self, make: Callable[[], Made]) -> Made:
        started = time.perf_counter()
        with as_model_error("PyTensor cannot compile it"):
            made = make()
        self.compile_seconds += time.perf_counter() - started
        return made

    def _data(self, compiled: Compiled | None = None) -> list[Any]:
        return self._arguments_for(compiled)[len(self.sizes) :]

    def _rest(self, compiled: Compiled, observation_weights: Array | None) -> list[Any]:
        known = self._arguments_for(compiled)
        return known if observation_weights is None else self._split(observation_weights, known)

    def _split(self, observation_weights: Array, known: list[Any]) -> list[Any]:
        """Weights by observed variable in place of those in the arguments ``known``."""
        cuts = np.cumsum(self.sizes)[:-1]
        return [*np.split(np.asarray(observation_weights, float), cuts, axis=-1), *known[len(self.sizes) :]]

    def _unit_arguments(self) -> list[Any]:
        return [*(np.ones(size) for size in self.sizes), *self.data.values()]

    def _arguments_for(self, compiled: Compiled | None) -> list[Any]:
        """Weights and data; for JAX put on the device once instead of at every call."""
        if compiled is None or compiled.backend != "jax":
            return self._arguments
        if self._on_device is None:
            self._on_device = self._device_arguments()
        return self._on_device

    def _device_arguments(self) -> list[Any]:
        import jax

        start_jax()
        return [jax.numpy.asarray(a) for a in self._arguments]

    def _sizes(self) -> list[int]:
        """Number of terms of each likelihood: its values' shape without the support's dimensions."""
        pairs = zip(self.observed(), self.graphs.likelihood, strict=True)
        return [math.prod(value.shape[: term.ndim]) for value, term in pairs]
