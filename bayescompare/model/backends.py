"""From a symbolic graph to a function of arrays: the seam to a compiler, one class wide, and what stands behind it."""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import first_line
from . import kept
from .numpy_code import Straight, can_be_straight
from .products import sums_of_products
from .pymc_internals import parameter_error

Array = NDArray[np.float64]

#: Most rows evaluated in one batched call; batches are padded to one size so that each function compiles once.
CHUNK = 128

#: Rows up to which a batch is a loop over the function that is compiled already: a search asks for some thousand rows
#: in all, 60 µs each, and compiling its batched form takes longer. By size alone, so that a seed gives the same bits.
LOOPED = 64

#: Most bytes that one batched call returns: large rows go fewer at a time.
BATCH_BYTES = 1 << 26

#: Arrays that NumPy combines in one call, the result among them not counted; and PyTensor's place for what comes last.
OPERANDS, LAST = 31, 100.0

# What PyTensor's and JAX's translation raise for a graph that they cannot express.
UNTRANSLATABLE = (NotImplementedError, TypeError, ValueError, IndexError, AttributeError)


def without_compiler() -> Any:
    """A context in which PyTensor compiles nothing by C or numba: right for a graph that is evaluated a few times."""
    import pytensor

    return pytensor.config.change_flags(mode=_own_constants(), cxx="")


@cache
def _plain_mode() -> Any:
    """``FAST_COMPILE`` without PyTensor's virtual machine, whose first use imports setuptools: a tenth of a second."""
    from pytensor.compile.mode import FAST_COMPILE, Mode

    return Mode("py", FAST_COMPILE.provided_optimizer).register((_few_operands(), LAST))


@cache
def _few_operands() -> Any:
    """PyTensor's rewriter of sums and products of more terms than NumPy takes in one call: some at a time."""
    from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
    from pytensor.scalar.basic import Add, Mul
    from pytensor.tensor.elemwise import Elemwise

    def some_at_a_time(_: Any, node: Any) -> list[Any] | None:
        if len(node.inputs) <= OPERANDS or not isinstance(node.op.scalar_op, Add | Mul):
            return None
        first, *rest = node.inputs
        for start in range(0, len(rest), OPERANDS - 1):
            first = Elemwise(node.op.scalar_op)(first, *rest[start : start + OPERANDS - 1])
        return [first]

    return dfs_rewriter(node_rewriter([Elemwise])(some_at_a_time))


@cache
def _own_constants() -> Any:
    """The plain mode where no constant is a view of another array.

    A constant that PyTensor shares between graphs can be made read-only after a view of it was, and of such a view
    NumPy's ``broadcast_arrays``, by which SciPy draws, makes no other.
    """
    from pytensor.graph.rewriting.basic import graph_rewriter
    from pytensor.tensor import TensorConstant

    def copied(graph: Any) -> None:
        for variable in [v for v in graph.variables if isinstance(v, TensorConstant)]:
            if not variable.data.flags.owndata:
                graph.replace(variable, TensorConstant(variable.type, variable.data.copy()), import_missing=True)

    last = 100.0
    return _plain_mode().register((graph_rewriter(copied), last))


@cache
def _jax_mode() -> Any:
    from pytensor.compile.mode import get_mode

    specialized = 2.5  # behind PyTensor's own rewrites of sums
    return get_mode("JAX").register((sums_of_products(), specialized))


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
        start_jax()
        import pytensor

        with warnings.catch_warnings():
            # PyTensor's parameter checks have no translation: a parameter out of range gives NaN, which is log p = −∞.
            warnings.filterwarnings("ignore", message="Skipping .* as JAX tracing would remove it")
            function = pytensor.function(list(inputs), list(outputs), mode=_jax_mode(), on_unused_input="ignore")
        translated = function.vm.jit_fn
        narrow = any(np.dtype(variable.type.dtype) in _NARROW for variable in inputs)
        self._function = _widened(translated) if narrow else translated
        self._batched: dict[tuple[int | None, ...], Callable[..., Any]] = {}
        self._rows_at_once: dict[tuple[tuple[int, ...], ...], int] = {}
        self._packed: Callable[..., Any] | None = None

    def __call__(self, *args: Any) -> list[Array]:
        return [np.asarray(out) for out in self._function(*args)]

    @property
    def traced(self) -> Callable[..., Any]:
        """The function of JAX itself, to be differentiated or traced further: a list of outputs."""
        return self._function

    def packed(self) -> Callable[..., Any]:
        """All outputs in one array: one crossing from the device instead of several."""
        import jax

        if self._packed is None:
            self._packed = jax.jit(lambda *a: jax.numpy.concatenate([out.ravel() for out in self._function(*a)]))
        return self._packed

    def batch(self, rows: Array, *args: Any, mapped: Sequence[int] = ()) -> list[Array]:
        import jax

        if len(rows) <= LOOPED:
            return _one_by_one(self, rows, args, mapped)
        axes = (0, *(0 if i in mapped else None for i in range(len(args))))
        if axes not in self._batched:
            self._batched[axes] = jax.jit(jax.vmap(self._function, in_axes=axes))
        batched = self._batched[axes]
        # A power of two: few shapes to compile, little padding to waste.
        fitting = self.rows_at_once(rows[0], *of_row(args, mapped, 0))
        size = min(fitting, 1 << max(len(rows) - 1, 0).bit_length())

        def pieces() -> Iterator[list[Array]]:
            for start in range(0, len(rows), size):
                pairs = zip((rows, *args), axes, strict=True)
                block = [arg if axis is None else padded(arg, start, size) for arg, axis in pairs]
                yield [np.asarray(out)[: len(rows) - start] for out in batched(*block)]

        return _joined(pieces(), len(rows))

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


def _one_by_one(function: Compiled, rows: Array, args: Sequence[Any], mapped: Sequence[int]) -> list[Array]:
    """A batch as a loop."""
    calls = (function(row, *of_row(args, mapped, i)) for i, row in enumerate(rows))
    return _joined(([out[None] for out in outputs] for outputs in calls), len(rows))


def _joined(pieces: Iterable[list[Array]], rows: int) -> list[Array]:
    """Outputs of so many rows from those of some rows each, which are let go one after the other."""
    joined: list[Array] = []
    stop = 0
    for piece in pieces:
        joined = joined or [np.empty((rows, *out.shape[1:]), out.dtype) for out in piece]
        start, stop = stop, stop + len(piece[0])
        for whole, out in zip(joined, piece, strict=True):
            whole[start:stop] = out
    return joined


def of_row(args: Sequence[Any], mapped: Sequence[int], row: int) -> list[Any]:
    """The arguments of one row of a batch."""
    return [arg[row] if i in mapped else arg for i, arg in enumerate(args)]


def padded(rows: Array, start: int, size: int) -> Array:
    """``size`` rows from ``start`` on; the last one again where there are no more."""
    piece = rows[start : start + size]
    return np.concatenate([piece, np.repeat(piece[-1:], size - len(piece), axis=0)])


def start_jax() -> None:
    """JAX in double precision, one thread an evaluation unless the user has set it or JAX runs already.

    With two chains sampling side by side, XLA's splitting of one small evaluation over all cores made each two to four
    times slower.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "jax" not in sys.modules and "xla_cpu_multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    import jax

    jax.config.update("jax_enable_x64", True)
    cache = kept.folder("jax") if jax.config.jax_compilation_cache_dir is None else None  # the user's own stays
    if cache is not None:
        jax.config.update("jax_compilation_cache_dir", str(cache))
        jax.config.update("jax_compilation_cache_max_size", kept.LIMIT)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)


class PyTensorFunction:
    """The same graph run by PyTensor and NumPy: nothing to compile, and no slower than JAX where arrays are small.

    ``FAST_COMPILE`` alone leaves out the rewrites that keep a density finite (``logit_p=800`` gives −inf),
    so ``stabilize`` is added.

    Parameters
    ----------
    rewritten : bool
        False: the graph as it is, by PyTensor's own implementation of each operation.
    own : bool
        It holds operations of the user's own: where one raises, the outputs are NaN.

    Attributes
    ----------
    raised : str or None
        What an operation said when it last raised.
    """

    backend = "pytensor"

    def __init__(
        self, inputs: Sequence[Any], outputs: Sequence[Any], *, rewritten: bool = True, own: bool = False
    ) -> None:
        import pytensor
        from pytensor.compile.mode import FAST_COMPILE, Mode

        # A scan's gradient needs the virtual machine. Its inner graph is compiled with the global mode, which would be
        # numba's (half a minute).
        plain = FAST_COMPILE.register((_few_operands(), LAST)) if _has_scan(outputs) else _plain_mode()
        mode = plain.including("stabilize") if rewritten else Mode(plain.linker, _few_operands())
        with pytensor.config.change_flags(mode=plain, cxx=""):
            function = pytensor.function(list(inputs), list(outputs), mode=mode, on_unused_input="ignore")
            straight = rewritten and can_be_straight(function.maker.fgraph, inputs)
            self._function = Straight(function.maker.fgraph) if straight else function
        # A parameter outside of its range has density zero; PyTensor raises where JAX gives NaN.
        impossible = (parameter_error(), ArithmeticError, np.linalg.LinAlgError)
        # A user's own operation may raise anything.
        self._outside_support: tuple[type[Exception], ...] = (Exception,) if own else impossible
        self.raised: str | None = None
        shapes = [out.type.shape for out in outputs]
        self._shapes = None if any(None in shape for shape in shapes) else shapes

    def __call__(self, *args: Any) -> list[Array]:
        try:
            outputs = [np.asarray(out) for out in self._function(*args)]
        except self._outside_support as error:
            if self._shapes is None:
                raise
            self.raised = f"{type(error).__name__}: {first_line(error)}"
            return [np.full(shape, np.nan) for shape in self._shapes]
        self._shapes = [out.shape for out in outputs]
        return outputs

    def batch(self, rows: Array, *args: Any, mapped: Sequence[int] = ()) -> list[Array]:
        return _one_by_one(self, rows, args, mapped)

    def rows_at_once(self, *args: Any) -> int:
        """One: a batch is a loop here."""
        return 1

    def cost(self, *args: Any) -> float:
        """What a call with such arguments takes, in µs, by its arrays' sizes; infinite where that is not known."""
        try:
            return self._function.cost(*args) if isinstance(self._function, Straight) else math.inf
        except self._outside_support:
            return math.inf


def _has_scan(graphs: Sequence[Any]) -> bool:
    from pytensor.graph.traversal import ancestors
    from pytensor.scan.op import Scan

    return any(var.owner is not None and isinstance(var.owner.op, Scan) for var in ancestors(graphs))


class BySize:
    """A small graph: by PyTensor where few rows are asked for, through JAX where many are.

    By the number of rows alone, so that a seed gives the same bits. JAX takes half a second to import and as long to
    compile, in which a small model's search is over.

    Attributes
    ----------
    fallback : str or None
        Why it is not JAX where many rows are asked for.
    """

    backend = "pytensor"

    def __init__(self, plain: PyTensorFunction, inputs: Sequence[Any], outputs: Sequence[Any], few: int) -> None:
        self._plain, self._inputs, self._outputs, self._few = plain, inputs, outputs, few
        self._jax: JaxFunction | None = None
        self.fallback: str | None = None

    def __call__(self, *args: Any) -> list[Array]:
        return self._plain(*args)

    def batch(self, rows: Array, *args: Any, mapped: Sequence[int] = ()) -> list[Array]:
        if len(rows) <= self._few:
            return self._plain.batch(rows, *args, mapped=mapped)
        return self.for_many(rows[0], *of_row(args, mapped, 0)).batch(rows, *args, mapped=mapped)

    def rows_at_once(self, *args: Any) -> int:
        return self.for_many(*args).rows_at_once(*args)

    def for_many(self, *example: Any) -> Compiled:
        """Through JAX, compiled when it is first asked for; PyTensor's where an operation has no translation."""
        if self._jax is None and self.fallback is None:
            found = through_jax(self._inputs, self._outputs, *example)
            if isinstance(found, str):
                self.fallback = found
            else:
                self._jax = found
        return self._jax or self._plain


def through_jax(inputs: Sequence[Any], outputs: Sequence[Any], *example: Any) -> JaxFunction | str:
    """The graph through JAX, or why not; some translations fail only when they are traced, so one call is made."""
    try:
        compiled = JaxFunction(inputs, outputs)
        compiled(*example)
        return compiled
    except UNTRANSLATABLE as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
