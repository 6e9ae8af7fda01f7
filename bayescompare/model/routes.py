"""The compiled functions of a model's weighted log density, and the back end that each of them goes through.

Small models run by PyTensor's own code, larger ones and many rows through JAX where everything has a translation
(docs/decisions/0002-three-routes-to-a-number.md).
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property, partial
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
)
from .capabilities import as_model_error, lacking_gradient
from .differences import ByDifferences
from .graphs import Graphs
from .products import sums_of_products

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pymc as pm

#: A search takes so many evaluations, and so many more for each dimension; where PyTensor needs less time for all of
#: them, in µs, than JAX for its import and compile, the model is small (:class:`bayescompare.model.backends.BySize`).
EVALUATIONS, EVALUATIONS_EACH, AFFORDABLE = 600, 40, 8e5

#: A search this many times as long goes on through JAX: to show that a density has no mode takes tens of thousands of
#: evaluations.
PATIENCE = 4


class Routes:
    """What :class:`bayescompare.model.density.Density` is made of: graphs, compiled functions and their arguments."""

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

    # -- other graphs ----------------------------------------------------------------------------

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

    # -- value and gradient ----------------------------------------------------------------------

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

    # -- compiling -------------------------------------------------------------------------------

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

    # -- arguments -------------------------------------------------------------------------------

    def observed(self) -> list[Array]:
        """The observed variables' values, in the model's order, over this density's data."""
        return self._compiled["observed"](*self.data.values())

    def arguments(self, compiled: Compiled | None = None) -> list[Any]:
        """What a compiled function takes after u and the weights: weights of the observations, and the data; for JAX
        put on the device once instead of at every call."""
        if compiled is None or compiled.backend != "jax":
            return self._arguments
        if self._on_device is None:
            self._on_device = self._device_arguments()
        return self._on_device

    def _data(self, compiled: Compiled | None = None) -> list[Any]:
        return self.arguments(compiled)[len(self.sizes) :]

    def _rest(self, compiled: Compiled, observation_weights: Array | None) -> list[Any]:
        known = self.arguments(compiled)
        return known if observation_weights is None else self._split(observation_weights, known)

    def _split(self, observation_weights: Array, known: list[Any]) -> list[Any]:
        """Weights by observed variable in place of those in the arguments ``known``."""
        parts = np.split(np.asarray(observation_weights, float), np.cumsum(self.sizes), axis=-1)
        return [*parts[: len(self.sizes)], *known[len(self.sizes) :]]

    def _unit_arguments(self) -> list[Any]:
        return [*(np.ones(size) for size in self.sizes), *self.data.values()]

    def _device_arguments(self) -> list[Any]:
        import jax

        start_jax()
        return [jax.numpy.asarray(a) for a in self._arguments]

    def _sizes(self) -> list[int]:
        """Number of terms of each likelihood: its values' shape without the support's dimensions."""
        pairs = zip(self.observed(), self.graphs.likelihood, strict=True)
        return [math.prod(value.shape[: term.ndim]) for value, term in pairs]
