"""The weighted log density: one compiled function behind every estimator.

    log p_w(u) = w_lik · log L(θ) + w_prior · log π(θ) + w_jac · log|J(u)|,    θ = T(u)

The weights, a weight per observation and the data are run-time inputs, so the graph is compiled once.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import UnsupportedModelError

if TYPE_CHECKING:
    import pymc as pm

Array = NDArray[np.float64]

#: Names of the weights' three entries, in order.
TERMS = ("likelihood", "prior", "jacobian")

#: Most rows evaluated in one batched call; batches are padded to one size so that each function compiles once.
CHUNK = 128

#: Rows up to which a batch is a loop over the function that is compiled already: a search asks for some thousand rows
#: in all, 60 µs each, and compiling its batched form takes longer. By size alone, so that a seed gives the same bits.
LOOPED = 64

#: Most bytes that one batched call returns: large rows go fewer at a time.
BATCH_BYTES = 1 << 26

# What PyTensor's and JAX's translation raise for a graph that they cannot express.
_UNTRANSLATABLE = (NotImplementedError, TypeError, ValueError, IndexError, AttributeError)


def without_compiler() -> Any:
    """A context in which PyTensor compiles nothing by C or numba: right for a graph that is evaluated a few times."""
    import pytensor

    return pytensor.config.change_flags(mode="FAST_COMPILE", cxx="")


class Compiled(Protocol):
    """The seam to a compiler: a function of arrays, and the same over rows of its first argument.

    Of the other arguments those at the positions ``mapped`` (the first of them is 0) have rows too.
    """

    backend: str

    def __call__(self, *args: Any) -> list[Array]: ...

    def batch(self, rows: Array, *args: Any, mapped: Sequence[int] = ()) -> list[Array]: ...

    def rows_at_once(self, *args: Any) -> int: ...


_NARROW = frozenset(np.dtype(name) for name in ("int8", "int16", "int32", "uint8", "uint16", "uint32"))


class JaxFunction:
    """A PyTensor graph translated to JAX and compiled by XLA."""

    backend = "jax"

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        _one_xla_thread()
        import pytensor

        with warnings.catch_warnings():
            # PyTensor's parameter checks have no translation: a parameter out of range gives NaN, which is log p = −∞.
            warnings.filterwarnings("ignore", message="Skipping .* as JAX tracing would remove it")
            function = pytensor.function(list(inputs), list(outputs), mode="JAX", on_unused_input="ignore")
        translated = function.vm.jit_fn
        narrow = any(np.dtype(variable.type.dtype) in _NARROW for variable in inputs)
        self._function = _widened(translated) if narrow else translated
        self._batched: dict[tuple[int | None, ...], Callable[..., Any]] = {}
        self._rows_at_once: dict[tuple[tuple[int, ...], ...], int] = {}
        self._packed: Callable[..., Any] | None = None

    def __call__(self, *args: Any) -> list[Array]:
        return [np.asarray(out) for out in self._function(*args)]

    def packed(self) -> Callable[..., Any]:
        """All outputs in one array: one crossing from the device instead of several."""
        import jax

        if self._packed is None:
            self._packed = jax.jit(lambda *a: jax.numpy.concatenate([out.ravel() for out in self._function(*a)]))
        return self._packed

    def batch(self, rows: Array, *args: Any, mapped: Sequence[int] = ()) -> list[Array]:
        import jax

        if len(rows) <= LOOPED:
            results = [self(row, *_of_row(args, mapped, i)) for i, row in enumerate(rows)]
            return [np.stack(parts) for parts in zip(*results, strict=True)]
        axes = (0, *(0 if i in mapped else None for i in range(len(args))))
        if axes not in self._batched:
            self._batched[axes] = jax.jit(jax.vmap(self._function, in_axes=axes))
        batched = self._batched[axes]
        # A power of two: few shapes to compile, little padding to waste.
        fitting = self.rows_at_once(rows[0], *_of_row(args, mapped, 0))
        size = min(fitting, 1 << max(len(rows) - 1, 0).bit_length())
        pieces = []
        for start in range(0, len(rows), size):
            count = min(size, len(rows) - start)
            pairs = zip((rows, *args), axes, strict=True)
            padded = [arg if axis is None else _padded(arg, start, size) for arg, axis in pairs]
            pieces.append([np.asarray(out)[:count] for out in batched(*padded)])
        return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]

    def rows_at_once(self, *args: Any) -> int:
        """How many rows like this one go into one batched call: a power of two."""
        import jax

        shapes = tuple(np.shape(arg) for arg in args)
        if shapes not in self._rows_at_once:
            size = 8 * sum(math.prod(out.shape) for out in jax.eval_shape(self._function, *args))
            fitting = max(BATCH_BYTES // max(size, 1), 1)
            self._rows_at_once[shapes] = min(CHUNK, 1 << (fitting.bit_length() - 1))
        return self._rows_at_once[shapes]


def _widened(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with whole numbers of 64 bits: JAX computes log Γ of narrower ones in single precision."""
    import jax

    def widened(*args: Any) -> Any:
        wide = [arg.astype(jax.numpy.int64) if arg.dtype in _NARROW else arg for arg in args]
        return function(*wide)

    compiled: Callable[..., Any] = jax.jit(widened)
    return compiled


def _of_row(args: Sequence[Any], mapped: Sequence[int], row: int) -> list[Any]:
    """The arguments of one row of a batch."""
    return [arg[row] if i in mapped else arg for i, arg in enumerate(args)]


def _padded(rows: Array, start: int, size: int) -> Array:
    """``size`` rows from ``start`` on; the last one again where there are no more."""
    piece = rows[start : start + size]
    return np.concatenate([piece, np.repeat(piece[-1:], size - len(piece), axis=0)])


def _one_xla_thread() -> None:
    """Keep XLA from splitting one small evaluation over all cores, unless the user has set it or JAX runs already.

    With two chains sampling side by side, splitting made each evaluation twice to four times slower.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "jax" not in sys.modules and "xla_cpu_multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()


class PyTensorFunction:
    """The same graph run by PyTensor itself, for operations that have no translation to JAX.

    ``FAST_COMPILE`` alone leaves out the rewrites that keep a density finite (``logit_p=800`` gives −inf),
    so ``stabilize`` is added.
    """

    backend = "pytensor"

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        import pytensor
        from pymc.logprob.utils import ParameterValueError
        from pytensor.compile.mode import get_mode

        mode = get_mode("FAST_COMPILE").including("stabilize")
        # Scans compile their inner graph with the global mode, which would be numba's (half a minute).
        with without_compiler():
            self._function = pytensor.function(list(inputs), list(outputs), mode=mode, on_unused_input="ignore")
        self._outside_support = ParameterValueError
        shapes = [out.type.shape for out in outputs]
        self._shapes = None if any(None in shape for shape in shapes) else shapes

    def __call__(self, *args: Any) -> list[Array]:
        try:
            outputs = [np.asarray(out) for out in self._function(*args)]
        except self._outside_support:
            # A parameter outside of its range has density zero; PyTensor raises where JAX gives NaN.
            if self._shapes is None:
                raise
            return [np.full(shape, np.nan) for shape in self._shapes]
        self._shapes = [out.shape for out in outputs]
        return outputs

    def batch(self, rows: Array, *args: Any, mapped: Sequence[int] = ()) -> list[Array]:
        results = [self(row, *_of_row(args, mapped, i)) for i, row in enumerate(rows)]
        return [np.stack(parts) for parts in zip(*results, strict=True)]

    def rows_at_once(self, *args: Any) -> int:
        """One: a batch is a loop here."""
        return 1


@dataclass(frozen=True)
class Block:
    """Where one free variable lives in the unconstrained vector."""

    name: str
    value_name: str
    transform: str | None
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        return self.start + self.size


class Graphs:
    """The symbolic terms of a model over one unconstrained vector ``u``; nothing is compiled here.

    Attributes
    ----------
    u : TensorVariable of shape (d,)
    data : dict of str to (shared variable, input variable)
        Data containers by name, as explicit inputs.
    reached : frozenset of str
        Free variables on which the likelihood or a Potential depends, other than through another's prior.
    """

    def __init__(self, model: pm.Model, point: Mapping[str, Array]) -> None:
        import pytensor.tensor as pt

        self.model = model
        self.blocks = _blocks(model, point)
        self.dimension = self.blocks[-1].stop if self.blocks else 0
        self.u = pt.vector("u", shape=(self.dimension,), dtype="float64")
        self.weights = pt.vector("weights", shape=(3,), dtype="float64")
        self.data: dict[str, tuple[Any, Any]] = {}
        self._replacements = self._over_u()

        free, observed = model.free_RVs, model.observed_RVs
        try:
            prior = model.logp(vars=free, jacobian=False, sum=False)
            likelihood = model.logp(vars=observed, sum=False) if observed else []
        except (NotImplementedError, ValueError, TypeError, RuntimeError) as error:
            raise UnsupportedModelError(f"PyMC cannot derive the model's log density: {error}") from error
        potentials = model.replace_rvs_by_values(model.potentials) if model.potentials else []
        transformed = [(rv, model.rvs_to_transforms[rv]) for rv in free]
        jacobian = [t.log_jac_det(model.rvs_to_values[rv], *rv.owner.inputs) for rv, t in transformed if t is not None]
        jacobian = model.replace_rvs_by_values(jacobian) if jacobian else []
        outputs = model.replace_rvs_by_values([*free, *model.deterministics])
        named = [
            *zip(model.potentials, potentials, strict=True),
            *zip(model.deterministics, outputs[len(free) :], strict=True),
        ]
        _refuse_randomness([(var.name, graph) for var, graph in named])
        self.reached = self._reached([*likelihood, *potentials])

        counts = [len(likelihood), len(potentials), len(prior), len(jacobian), len(outputs)]
        flat = self.explicit([*likelihood, *potentials, *prior, *jacobian, *outputs])
        pieces = iter(flat)
        self.likelihood, self.potentials, self.prior, self.jacobian, self.outputs = (
            [next(pieces) for _ in range(n)] for n in counts
        )
        self.observed = self.explicit([model.rvs_to_values[rv] for rv in observed])
        self.observation_weights = [pt.vector(f"{rv.name}_weights", dtype="float64") for rv in observed]

    def _reached(self, terms: list[Any]) -> frozenset[str]:
        """Free variables on which the likelihood or a Potential depends."""
        from pytensor.graph.traversal import ancestors

        known = set(ancestors(terms))
        return frozenset(rv.name for rv in self.model.free_RVs if self.model.rvs_to_values[rv] in known)

    def _over_u(self) -> dict[Any, Any]:
        """Value variables as slices of ``u``; lengths of dimensions as constants."""
        import pytensor.tensor as pt

        value_vars = [self.model.rvs_to_values[rv] for rv in self.model.free_RVs]
        replacements = {
            value: self.u[b.start : b.stop].reshape(b.shape).astype(value.dtype)
            for value, b in zip(value_vars, self.blocks, strict=True)
        }
        for length in self.model.dim_lengths.values():
            if hasattr(length, "get_value"):  # JAX needs shapes that are known
                replacements[length] = pt.constant(length.get_value(), dtype=length.dtype)
        return replacements

    def explicit(self, outputs: list[Any]) -> list[Any]:
        """The same graphs over ``u``, with every data container an explicit input."""
        from pytensor.compile.sharedvalue import SharedVariable
        from pytensor.graph.replace import clone_replace
        from pytensor.graph.traversal import ancestors
        from pytensor.tensor import TensorConstant, constant

        wider = {}
        for var in ancestors(outputs):
            known = any(shared is var for shared, _ in self.data.values())
            if isinstance(var, SharedVariable) and var not in self._replacements and not known and _is_array(var):
                name = var.name or f"shared_{len(self.data)}"
                self.data[name] = (var, var.type(name=name))
            if isinstance(var, TensorConstant) and var.type.dtype == "float32":
                # PyMC writes 0.5 as float32; times an integer that is float64 in PyTensor, and float32 in JAX.
                wider[var] = constant(var.data.astype("float64"))
        shared = dict(self.data.values())
        if wider:
            with contextlib.suppress(TypeError, ValueError):  # an operation that insists on single precision
                outputs = clone_replace(outputs, wider, rebuild_strict=False)
        replaced: list[Any] = clone_replace(outputs, {**self._replacements, **shared})
        return replaced

    def inverse(self) -> tuple[list[Any], list[Any]]:
        """Inputs and output of the map from the free variables' scalars to ``u``."""
        import pytensor.tensor as pt
        from pytensor.graph.replace import clone_replace

        free = self.model.free_RVs
        sizes = [math.prod(out.type.shape) for out in self.outputs[: len(free)]]
        stops = np.cumsum(sizes)
        x = pt.vector("x", shape=(int(stops[-1]),), dtype="float64")
        values = {
            rv: x[stop - size : stop].reshape(out.type.shape).astype(rv.dtype)
            for rv, out, size, stop in zip(free, self.outputs, sizes, stops, strict=False)
        }
        transforms = [self.model.rvs_to_transforms[rv] for rv in free]
        forward = [
            values[rv] if t is None else clone_replace([t.forward(values[rv], *rv.owner.inputs)], values)[0]
            for rv, t in zip(free, transforms, strict=True)
        ]
        (joined,) = self.explicit([pt.concatenate([pt.as_tensor(v).astype("float64").ravel() for v in forward])])
        return [x, *(inp for _, inp in self.data.values())], [joined]

    @property
    def inputs(self) -> list[Any]:
        """Inputs of the density: ``u``, weights, a vector of weights for each observed variable, data."""
        return [self.u, self.weights, *self.observation_weights, *(inp for _, inp in self.data.values())]

    def log_density(self) -> Any:
        """The weighted sum; a term of weight 0 leaves no NaN behind even where it is infinite."""
        import pytensor.tensor as pt

        def total(terms: list[Any]) -> Any:
            return sum((pt.sum(term) for term in terms), pt.constant(0.0))

        def weighted(weight: Any, term: Any) -> Any:
            return pt.switch(pt.eq(weight, 0.0), 0.0, weight * term)

        observed = [
            pt.sum(weighted(w, term.ravel())) for w, term in zip(self.observation_weights, self.likelihood, strict=True)
        ]
        likelihood = sum(observed, pt.constant(0.0)) + total(self.potentials)
        terms = (likelihood, total(self.prior), total(self.jacobian))
        return sum((weighted(self.weights[i], term) for i, term in enumerate(terms)), pt.constant(0.0))


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
        Which coordinates belong to a transformed variable.
    backend : str
        ``"jax"``, or ``"pytensor"`` where an operation has no translation.
    fallback : str or None
        Why it is not JAX.
    evaluations : int
        Evaluations of value and gradient so far, batched ones counted by the row.
    compile_seconds : float
        Wall time spent compiling so far.
    sampler_cache : dict
        What samplers compiled for this model, kept for other data of it.
    """

    def __init__(self, model: pm.Model, point: Mapping[str, Array]) -> None:
        self._model = model
        self.evaluations = 0
        self.compile_seconds = 0.0
        self.backend = "jax"
        self.fallback: str | None = None
        self.sampler_cache: dict[str, Any] = {}
        self._kept: dict[str, Any] = {}
        self._compiled: dict[str, Compiled] = {}
        started = time.perf_counter()
        self.graphs = Graphs(model, point)
        self.compile_seconds += time.perf_counter() - started
        self.blocks = self.graphs.blocks
        self.dimension = self.graphs.dimension
        self.transformed = np.concatenate([np.full(b.size, b.transform is not None) for b in self.blocks])
        self.start = np.concatenate([np.ravel(point[b.value_name]).astype(float) for b in self.blocks])
        self.data = {name: np.asarray(shared.get_value()) for name, (shared, _) in self.graphs.data.items()}
        inputs = [inp for _, inp in self.graphs.data.values()]
        self._compiled["observed"] = self._compile(PyTensorFunction, inputs, self.graphs.observed)
        self.sizes = self._sizes()
        self._arguments = self._device_arguments()

    # -- value and gradient ------------------------------------------------------------------

    def __call__(
        self, u: Array, weights: Sequence[float], observation_weights: Array | None = None
    ) -> tuple[float, Array]:
        """Log density in nats and its gradient at ``u``; −inf and zeros where the density is zero or NaN."""
        value, gradient = self._value("value", u)(u, np.asarray(weights, float), *self._rest(observation_weights))
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
        compiled = self._value("value", points[0])
        rest = self._rest(observation_weights)
        of_rows = observation_weights is not None and np.ndim(observation_weights) == 2
        mapped = range(1, 1 + len(self.sizes)) if of_rows else ()
        values, gradients = compiled.batch(points, np.asarray(weights, float), *rest, mapped=mapped)
        self.evaluations += len(points)
        bad = ~(np.isfinite(values) & np.isfinite(gradients).all(axis=1))
        return np.where(bad, -np.inf, values), np.where(bad[:, None], 0.0, gradients)

    def sampler_function(self) -> Callable[[Array], tuple[float, Array]]:
        """Log density (1, 1, 1) and gradient with as little Python around them as can be, for a sampler's inner
        loop."""
        compiled = self._value("value", self.start)
        weights, rest = np.ones(3), self._rest(None)
        if not isinstance(compiled, JaxFunction):
            return lambda u: self(u, (1.0, 1.0, 1.0))
        packed = compiled.packed()

        def evaluate(u: Array) -> tuple[float, Array]:
            out = np.array(packed(u, weights, *rest))
            return float(out[0]), out[1:]

        return evaluate

    def second_opinion(self, u: Array, weights: Sequence[float]) -> tuple[float, Array]:
        """Value and gradient by PyTensor's own route: compilers have silent faults too."""
        if "second" not in self._compiled:
            self._compiled["second"] = self._compile(PyTensorFunction, *self._gradient_graph())
        value, gradient = self._compiled["second"](u, np.asarray(weights, float), *self._rest(None))
        return float(value), gradient

    # -- the way back ------------------------------------------------------------------------

    def push(self, points: Array) -> Array:
        """All scalars of the model, free then Deterministic, for each row of unconstrained ``points``.

        Returns
        -------
        ndarray of shape (n, k)
            In the model's coordinates.
        """
        if "push" not in self._compiled:
            import pytensor.tensor as pt

            flat = [pt.as_tensor(out).astype("float64").ravel() for out in self.graphs.outputs]
            inputs = [self.graphs.u, *(inp for _, inp in self.graphs.data.values())]
            self._compiled["push"] = self._with_fallback(inputs, [pt.concatenate(flat)], points[0], self._data())
        (scalars,) = self._compiled["push"].batch(points, *self._data())
        return scalars

    def pull(self, free: Array) -> Array:
        """The inverse of :meth:`push` on the free variables: unconstrained points (n, d) of their scalars (n,
        k_free)."""
        if "pull" not in self._compiled:
            inputs, outputs = self.graphs.inverse()
            self._compiled["pull"] = self._with_fallback(inputs, outputs, free[0], self._data())
        (points,) = self._compiled["pull"].batch(free, *self._data())
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
            compiled.rows_at_once(example, *self._data())  # some translations fail only when they are traced
            return compiled
        except _UNTRANSLATABLE:
            return PyTensorFunction(inputs, outputs)

    def evaluate(self, compiled: Compiled, points: Array) -> list[Array]:
        """Its outputs for each row of ``points`` over this density's data; one size of batch, to compile once."""
        least = compiled.rows_at_once(points[0], *self._data())
        padded = _padded(points, 0, least) if len(points) < least else points
        return [out[: len(points)] for out in compiled.batch(padded, *self._data())]

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
            name: np.asarray(data[name], dtype=old.dtype) if name in data else old for name, old in self.data.items()
        }
        other.evaluations = 0
        other.sizes = other._sizes()
        other._arguments = other._device_arguments()
        return other

    def weighted(self, observation_weights: Array) -> Density:
        """This density with other weights of its observations, shape (N,), where a call gives none."""
        other = object.__new__(Density)
        other.__dict__.update(self.__dict__)
        other.evaluations = 0
        other._arguments = self._rest(observation_weights)
        return other

    def observed(self) -> list[Array]:
        """The observed variables' values, in the model's order, over this density's data."""
        return self._compiled["observed"](*self.data.values())

    @property
    def observations(self) -> int:
        """Number of observed scalars' log-likelihood terms."""
        return sum(self.sizes)

    # -- helpers -----------------------------------------------------------------------------

    def _value(self, key: str, example: Array) -> Compiled:
        if key not in self._compiled:
            inputs, outputs = self._gradient_graph()
            rest = (np.ones(3), *self._rest(None))
            self._compiled[key] = self._with_fallback(inputs, outputs, example, rest)
        return self._compiled[key]

    def _gradient_graph(self) -> tuple[list[Any], list[Any]]:
        import pytensor.gradient as tg
        from pytensor.graph.rewriting.utils import rewrite_graph

        # Before the gradient, as PyMC does: a gradient of what is not stable yet can be NaN where the density is not.
        # A parameter out of its range then gives −∞ in every backend; JAX would drop the check.
        rewrites = ("canonicalize", "stabilize", "local_check_parameter_to_ninf_switch")
        value = rewrite_graph(self.graphs.log_density(), include=rewrites, clone=True)
        gradient = tg.grad(value, self.graphs.u, disconnected_inputs="ignore")
        return self.graphs.inputs, [value, gradient]

    def _with_fallback(self, inputs: list[Any], outputs: list[Any], example: Array, rest: Sequence[Any]) -> Compiled:
        if self.fallback is None:
            try:
                compiled = self._compile(JaxFunction, inputs, outputs)
                compiled(example, *rest)  # some translations fail only when they are traced
                return compiled
            except _UNTRANSLATABLE as error:
                self.fallback = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
                self.backend = "pytensor"
        return self._compile(PyTensorFunction, inputs, outputs)

    def _compile(self, compiler: Callable[[Any, Any], Compiled], inputs: list[Any], outputs: list[Any]) -> Compiled:
        started = time.perf_counter()
        compiled = compiler(inputs, outputs)
        self.compile_seconds += time.perf_counter() - started
        return compiled

    def _data(self) -> list[Any]:
        return self._arguments[len(self.sizes) :]

    def _rest(self, observation_weights: Array | None) -> list[Any]:
        if observation_weights is None:
            return self._arguments
        cuts = np.cumsum(self.sizes)[:-1]
        return [*np.split(np.asarray(observation_weights, float), cuts, axis=-1), *self._data()]

    def _device_arguments(self) -> list[Any]:
        """Unit weights and data, put on the device once instead of at every call."""
        arrays = [*(np.ones(size) for size in self.sizes), *self.data.values()]
        if self.fallback is not None:
            return arrays
        _one_xla_thread()
        import jax

        jax.config.update("jax_enable_x64", True)
        return [jax.numpy.asarray(a) for a in arrays]

    def _sizes(self) -> list[int]:
        """Number of terms of each likelihood: its values' shape without the support's dimensions."""
        pairs = zip(self.observed(), self.graphs.likelihood, strict=True)
        return [math.prod(value.shape[: term.ndim]) for value, term in pairs]


def _blocks(model: pm.Model, point: Mapping[str, Array]) -> list[Block]:
    blocks: list[Block] = []
    start = 0
    for rv in model.free_RVs:
        value = model.rvs_to_values[rv]
        transform = model.rvs_to_transforms[rv]
        name = None if transform is None else getattr(transform, "name", type(transform).__name__)
        block = Block(rv.name, value.name, name, np.shape(point[value.name]), start)
        blocks.append(block)
        start = block.stop
    return blocks


def _refuse_randomness(graphs: list[tuple[str, Any]]) -> None:
    """Refuse a Deterministic or Potential that draws: it has no value at a mode, and another at every call."""
    from pytensor.graph.traversal import ancestors
    from pytensor.tensor.random.op import RandomVariable

    for name, graph in graphs:
        if any(a.owner is not None and isinstance(a.owner.op, RandomVariable) for a in ancestors([graph])):
            raise UnsupportedModelError(
                f"{name!r} depends on a random variable that is not part of the model (one made by .dist()). "
                "Give that variable a name in the model, or take it out."
            )


def _is_array(variable: Any) -> bool:
    from pytensor.tensor.type import TensorType

    return isinstance(variable.type, TensorType)
