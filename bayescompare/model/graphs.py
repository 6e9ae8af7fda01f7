"""The symbolic terms of a model's weighted log density, over one unconstrained vector; nothing is compiled here."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .capabilities import log_densities, own_operations, refuse_random, refuse_without_density

if TYPE_CHECKING:
    import pymc as pm

Array = NDArray[np.float64]


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

    @property
    def circular(self) -> bool:
        """True for an angle: u and u + 2π are one point."""
        return self.transform == "circular"


class Graphs:
    """The symbolic terms of a model over one unconstrained vector ``u``; nothing is compiled here.

    Attributes
    ----------
    u : TensorVariable of shape (d,)
    data : dict of str to (shared variable, input variable)
        Data containers by name, as explicit inputs.
    reached : frozenset of str
        Free variables on which the likelihood or a Potential depends, other than through another's prior.
    own : tuple of str
        Operations of the user's own, Python code that may raise.
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
        terms = log_densities(model)
        refuse_without_density(model, terms)
        prior = terms[: len(free)]
        likelihood = [_an_entry_an_event(rv, term) for rv, term in zip(observed, terms[len(free) :], strict=True)]
        potentials = model.replace_rvs_by_values(model.potentials) if model.potentials else []
        transformed = [(rv, model.rvs_to_transforms[rv]) for rv in free]
        jacobian = [t.log_jac_det(model.rvs_to_values[rv], *rv.owner.inputs) for rv, t in transformed if t is not None]
        jacobian = model.replace_rvs_by_values(jacobian) if jacobian else []
        outputs = model.replace_rvs_by_values([*free, *model.deterministics])
        # An angle is given as it stands in u: turned by whole circles, so that draws of it stay together.
        angles = [i for i, block in enumerate(self.blocks) if block.circular]
        for i in angles:
            outputs[i] = model.rvs_to_values[free[i]]
        named = zip(
            [*free, *observed, *model.potentials, *model.deterministics],
            [*terms, *potentials, *outputs[len(free) :]],
            strict=True,
        )
        refuse_random((var.name, graph) for var, graph in named)
        self.reached = self._reached([*likelihood, *potentials])

        counts = [len(likelihood), len(potentials), len(prior), len(jacobian), len(outputs)]
        flat = self.explicit([*likelihood, *potentials, *prior, *jacobian, *outputs])
        pieces = iter(flat)
        self.likelihood, self.potentials, self.prior, self.jacobian, self.outputs = (
            [next(pieces) for _ in range(n)] for n in counts
        )
        self.own = own_operations([*self.likelihood, *self.potentials, *self.prior, *self.jacobian])
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

        outputs = _without_sums_of_one(outputs)
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

    def scalars(self) -> Any:
        """All scalars of the model as one vector, free variables first."""
        import pytensor.tensor as pt

        return pt.concatenate([pt.as_tensor(out).astype("float64").ravel() for out in self.outputs])

    def inverse(self, shapes: Sequence[tuple[int, ...]]) -> tuple[list[Any], list[Any]]:
        """Inputs and output of the map from the free variables' scalars, of these shapes, to ``u``."""
        import pytensor.tensor as pt
        from pytensor.graph.replace import clone_replace

        free = self.model.free_RVs
        sizes = [math.prod(shape) for shape in shapes]
        stops = np.cumsum(sizes)
        x = pt.vector("x", shape=(int(stops[-1]),), dtype="float64")
        values = {
            rv: x[stop - size : stop].reshape(shape).astype(rv.dtype)
            for rv, shape, size, stop in zip(free, shapes, sizes, stops, strict=True)
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

    def log_density(self, always: Collection[str] = ()) -> Any:
        """The weighted sum; a term of weight 0 leaves no NaN behind even where it is infinite.

        The Jacobian of the free variables named ``always`` is not weighted: it counts.
        """
        import pytensor.tensor as pt

        def total(terms: list[Any]) -> Any:
            return sum((pt.sum(term) for term in terms), pt.constant(0.0))

        def weighted(weight: Any, term: Any) -> Any:
            return pt.switch(pt.eq(weight, 0.0), 0.0, weight * term)

        observed = [
            pt.sum(weighted(w, term.ravel())) for w, term in zip(self.observation_weights, self.likelihood, strict=True)
        ]
        likelihood = sum(observed, pt.constant(0.0)) + total(self.potentials)
        transformed = [block.name for block in self.blocks if block.transform is not None]
        jacobian = list(zip(transformed, self.jacobian, strict=True))
        counted = total([term for name, term in jacobian if name in always])
        terms = (likelihood, total(self.prior), total([term for name, term in jacobian if name not in always]))
        return sum((weighted(self.weights[i], term) for i, term in enumerate(terms)), counted)


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


def _an_entry_an_event(rv: Any, term: Any) -> Any:
    """A likelihood's terms with the axes of its batch alone: ``pm.CAR`` leaves one of length one to a single event."""
    support = getattr(rv.owner.op, "ndim_supp", None)
    extra = 0 if support is None else term.ndim - (rv.ndim - support)
    return term.sum(axis=tuple(range(extra))) if extra > 0 else term


def _without_sums_of_one(outputs: list[Any]) -> list[Any]:
    """The same graphs without sums over an axis that a scalar does not have, as ``pm.CAR`` has one of a scalar tau.

    Numba takes them for the scalar itself; NumPy and PyTensor's rewrites refuse them.
    """
    from pytensor.graph.replace import clone_replace
    from pytensor.graph.traversal import ancestors
    from pytensor.tensor.elemwise import CAReduce

    sums = [v for v in ancestors(outputs) if v.owner is not None and isinstance(v.owner.op, CAReduce)]
    scalars = {v: v.owner.inputs[0].astype(v.dtype) for v in sums if v.owner.inputs[0].ndim == 0 and v.owner.op.axis}
    without: list[Any] = clone_replace(outputs, scalars) if scalars else outputs
    return without


def _is_array(variable: Any) -> bool:
    from pytensor.tensor.type import TensorType

    return isinstance(variable.type, TensorType)
