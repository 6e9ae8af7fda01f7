"""What every method needs of a PyMC model: its density, its scalars' names, starts, and a fingerprint."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import coordinates
from ..errors import LIBRARY_ERRORS, DataError, ModelError, UnsupportedModelError, first_line
from .angles import on_one_branch, winds
from .backends import Array, without_compiler
from .capabilities import refuse
from .density import Density
from .graph_text import graph_text
from .initial_points import Draw, initial_point, prior_draw
from .refusals import check, check_data

if TYPE_CHECKING:
    import pymc as pm

#: Distributions with a density but no draws: they have no prior to start from or to compare with.
IMPROPER = ("Flat", "HalfFlat")

#: Points at which a scalar is looked at to see whether it moves at all; spread over size that is rounding.
CONSTANT_POINTS, ROUNDING = 8, 1e-12


@dataclass(frozen=True)
class Scalars:
    """The k scalars of a model, free variables first, then Deterministics.

    Attributes
    ----------
    names : tuple of str
        As ArviZ names them, with coordinates: ``theta[Choate]``.
    variables : dict of str to (start, stop, shape, dims)
        Where each variable's scalars are, in C order.
    free : int
        How many of them belong to free variables.
    """

    names: tuple[str, ...]
    variables: dict[str, tuple[int, int, tuple[int, ...], tuple[str, ...]]]
    free: int

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class Problem:
    """A PyMC model made ready for every method.

    Parameters
    ----------
    model : pymc.Model
        With continuous free variables and at least one observed variable or Potential. It is never changed.

    Raises
    ------
    UnsupportedModelError
        If it has no free or no observed variables, or discrete free ones (named).
    DataError
        If the observed data hold NaN or infinite values.
    """

    model: pm.Model
    data: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check(self.model)
        check_data(_observed(self.model))

    @cached_property
    def initial_point(self) -> dict[str, Array]:
        """PyMC's initial point: values on the unconstrained scale, by value variable."""
        try:
            return initial_point(self.model)
        except LIBRARY_ERRORS as error:
            refuse(self.model)  # what is wrong may be known by a better name
            raise ModelError(
                f"The model has no initial point: {first_line(error)}. Check its shapes and its data."
            ) from error

    @cached_property
    def density(self) -> Density:
        """The weighted log density, compiled once."""
        density = Density(self.model, self.initial_point)
        return density if self.data is None else density.with_data(self.data)

    @cached_property
    def angles(self) -> np.ndarray:
        """Places of the angles among the scalars, in the order of the circular coordinates of u."""
        places = [np.arange(*self.scalars.variables[b.name][:2]) for b in self.density.blocks if b.circular]
        return np.concatenate(places) if places else np.array([], dtype=int)

    def gathered(self, points: Array) -> tuple[Array, Array, Array]:
        """Draws in u, (chains, draws, d), and of the scalars, (chains, draws, k), angles on one branch; the scalars'
        means, NaN for angles whose draws wind round the circle."""
        circular = self.density.circular
        if circular.any():
            points = points.copy()
            points[..., circular] = on_one_branch(points[..., circular])
        chains, draws, d = points.shape
        scalars = self.density.push(points.reshape(-1, d)).reshape(chains, draws, -1)
        mean = scalars.mean(axis=(0, 1))
        mean[self.angles[winds(points[..., circular])]] = np.nan
        return points, scalars, mean

    @property
    def dimension(self) -> int:
        """Length d of the unconstrained vector."""
        return self.density.dimension

    def with_data(self, **data: Any) -> Problem:
        """The same model on other data (by the names of its ``pm.Data``); nothing is compiled again.

        Raises
        ------
        DataError
            If the model has no such data container, or the values hold NaN.
        """
        new = {name: self._checked(name, value) for name, value in data.items()}
        check_data(new)
        changed = any(value.shape != self.density.data[name].shape for name, value in new.items())
        if changed:
            self._check_dims({**self.density.data, **new})
        other = replace(self, data={**(self.data or {}), **new})
        other.__dict__["initial_point"] = self.initial_point
        other.__dict__["density"] = self.density.with_data(new)
        if changed:
            other._check_shapes()
        else:
            other.__dict__["scalars"] = self.scalars
        if "_prior_function" in self.__dict__:
            other.__dict__["_prior_function"] = self._prior_function
        return other

    def weighted(self, observation_weights: Array) -> Problem:
        """The same problem with weights of its observations, (N,); weight 0 leaves one out. Nothing is compiled."""
        other = object.__new__(Problem)
        other.__dict__.update(self.__dict__, density=self.density.weighted(observation_weights))
        return other

    def _checked(self, name: str, value: Any) -> Array:
        """The value of a data container as an array of the container's own type."""
        known = self.density.data
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise DataError(f"The model has no data container {name!r} (it has: {names}). Only pm.Data can be swapped.")
        old, new = known[name], np.asarray(value)
        if new.ndim != old.ndim:
            raise DataError(f"Data {name!r} must have {old.ndim} dimensions, not {new.ndim}.")
        if new.dtype.kind not in "biuf":
            raise DataError(f"The data of {name!r} are of type {new.dtype}, not numbers. Convert them before use.")
        if not np.can_cast(new.dtype, old.dtype, "same_kind"):
            check_data({name: new})
        converted = new.astype(old.dtype)
        if not np.can_cast(new.dtype, old.dtype, "same_kind") and not np.array_equal(converted, new):
            raise DataError(
                f"Data {name!r} are whole numbers ({old.dtype}) in the model, and the new ones are not. "
                "Build the model with floats there, so that nothing is cut off."
            )
        return converted

    def _check_dims(self, data: Mapping[str, Array]) -> None:
        """Containers that share a dimension must agree on its length, and a free variable's dimension is fixed."""
        dims = self.model.named_vars_to_dims
        lengths: dict[str, dict[str, int]] = {}
        for name, value in data.items():
            for dim, length in zip(dims.get(name, ()), value.shape, strict=False):
                lengths.setdefault(str(dim), {})[name] = length
        for rv in self.model.free_RVs:
            _, _, shape, names = self.scalars.variables[rv.name]
            for dim, length in zip(names, shape, strict=False):
                lengths.setdefault(dim, {})[rv.name] = length
        for dim, found in lengths.items():
            if len(set(found.values())) > 1:
                told = ", ".join(f"{length} in {name}" for name, length in found.items())
                raise DataError(
                    f"Dimension {dim!r} would have different lengths: {told}. "
                    "Swap data of one dimension together; a free variable's length needs the model built anew."
                )

    def _check_shapes(self) -> None:
        try:
            self.density(self.density.start, (1.0, 1.0, 1.0))
        except (TypeError, ValueError, IndexError, UnsupportedModelError) as error:
            told = ", ".join(f"{name} {value.shape}" for name, value in self.density.data.items())
            raise DataError(f"The data's shapes do not fit the model together: {told}.") from error

    @cached_property
    def scalars(self) -> Scalars:
        """Names and places of the model's scalars."""
        names: list[str] = []
        places: dict[str, tuple[int, int, tuple[int, ...], tuple[str, ...]]] = {}
        free = len(self.model.free_RVs)
        count = 0
        for i, var in enumerate([*self.model.free_RVs, *self.model.deterministics]):
            shape = self._shape(i)
            dims = tuple(str(dim) for dim in self.model.named_vars_to_dims.get(var.name, ()))
            places[var.name] = (len(names), len(names) + int(np.prod(shape, dtype=int)), shape, dims)
            names.extend(labels(self.model, var.name, dims, shape))
            if i < free:
                count = len(names)
        return Scalars(tuple(names), places, count)

    @cached_property
    def constant(self) -> NDArray[np.bool_]:
        """Of each scalar whether it is one number wherever the parameters are, as the first entry of a correlation's
        Cholesky factor; shape (k,). An indicator that never changed at a few points counts, too: look at its draws."""
        moved = np.random.default_rng(0).normal(size=(CONSTANT_POINTS, self.dimension))
        with np.errstate(all="ignore"):
            return unmoved(self.density.push(self.density.start + moved))

    @cached_property
    def improper(self) -> tuple[str, ...]:
        """Free variables whose prior is not a probability (``pm.Flat``)."""
        return tuple(
            rv.name
            for rv in self.model.free_RVs
            if rv.owner is not None and type(rv.owner.op).__name__ in _IMPROPER_OPS
        )

    @cached_property
    def group_scales(self) -> dict[str, tuple[str, ...]]:
        """Positive free variables that stand among the parameters of other free variables' priors, and of which.

        Those are the group scales of centred hierarchies; in a non-centred one the scale stands in no prior.
        """
        positive = {block.name for block in self.density.blocks if block.transform == "log"}
        return {name: children for name, children in self.group_parents.items() if name in positive}

    @cached_property
    def group_parents(self) -> dict[str, tuple[str, ...]]:
        """Free variables of any kind that stand among the parameters of priors of several scalars, and of which."""
        from pytensor.graph.traversal import ancestors

        several = {block.name for block in self.density.blocks if block.size > 1}
        found: dict[str, list[str]] = {}
        for child in self.model.free_RVs:
            if child.name in several and child.owner is not None:
                above = set(ancestors(child.owner.inputs))
                for rv in self.model.free_RVs:
                    if rv is not child and rv in above:
                        found.setdefault(rv.name, []).append(child.name)
        return {name: tuple(children) for name, children in found.items()}

    def prior_points(self, draws: int, seed: int) -> Array | None:
        """Draws from the prior on the unconstrained scale; improper variables stay at their initial value.

        Returns
        -------
        ndarray of shape (draws, d) or None
            A row is NaN where a drawn parameter lies out of the range that a prior beneath it takes. None where the
            model cannot be drawn from (a custom density without a random method).
        """
        if self._prior_function is None:
            return None
        seeds = np.random.SeedSequence(seed).generate_state(draws)
        data, draw = list(self.density.data.values()), self._prior_function
        return np.array([draw(int(s), data) for s in seeds], dtype=float).reshape(draws, self.dimension)

    def unconstrain(self, values: Mapping[str, Array]) -> Array:
        """Draws of the free variables, each (chains, draws, ...), on the unconstrained scale: (chains, draws, d)."""
        pieces = [np.asarray(values[rv.name], dtype=float) for rv in self.model.free_RVs]
        chains, draws = pieces[0].shape[:2]
        free = np.concatenate([piece.reshape(chains * draws, -1) for piece in pieces], axis=1)
        return self.density.pull(free).reshape(chains, draws, -1)

    @cached_property
    def _prior_function(self) -> Draw | None:
        containers, values = self.density.graphs.data.values(), list(self.density.data.values())
        return prior_draw(self.model, containers, values, size=self.dimension, improper=self.improper)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of graph, data and coordinates: the same in every process, another when any differs."""
        digest = sha256()
        digest.update(repr(sorted((k, coordinates.labels(v or ())) for k, v in self.model.coords.items())).encode())
        dims = {k: [str(d) for d in v] for k, v in self.model.named_vars_to_dims.items()}
        digest.update(repr(sorted(dims.items())).encode())
        graphs = self.density.graphs
        terms = [*graphs.likelihood, *graphs.potentials, *graphs.prior, *graphs.jacobian, *graphs.outputs]
        digest.update(repr([(b.name, b.transform, b.shape) for b in graphs.blocks]).encode())
        digest.update(repr(self.scalars.names).encode())
        digest.update(repr([v.name for v in (*self.model.observed_RVs, *self.model.potentials)]).encode())
        digest.update(graph_text(terms).encode())
        for name, value in sorted(self.density.data.items()):
            digest.update(f"{name} {value.dtype} {value.shape}".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()

    def _shape(self, i: int) -> tuple[int, ...]:
        """Of the i-th output: free variables, then Deterministics."""
        static = self.density.graphs.outputs[i].type.shape
        return self._computed_shapes[i] if None in static else tuple(static)

    @cached_property
    def _computed_shapes(self) -> list[tuple[int, ...]]:
        return self.shapes(self.density.graphs.outputs)

    def shapes(self, outputs: Sequence[Any]) -> list[tuple[int, ...]]:
        """Shapes of graphs over ``u`` and the data; what a graph does not say is computed."""
        import pytensor

        static = [tuple(out.type.shape) for out in outputs]
        if not any(None in shape for shape in static):
            return static
        graphs = self.density.graphs
        inputs = [graphs.u, *(inp for _, inp in graphs.data.values())]
        with without_compiler():
            function = pytensor.function(inputs, [out.shape for out in outputs], on_unused_input="ignore")
        return [tuple(int(n) for n in s) for s in function(self.density.start, *self.density.data.values())]

    @cached_property
    def observed(self) -> dict[str, Array]:
        """Observed values by variable."""
        if not self.data:
            return _observed(self.model)
        return dict(zip((rv.name for rv in self.model.observed_RVs), self.density.observed(), strict=True))


_IMPROPER_OPS = tuple(f"{name}RV" for name in IMPROPER)


def unmoved(values: Array) -> NDArray[np.bool_]:
    """Of values of shape (..., k) which scalars are the same everywhere but for rounding; NaN counts as moving."""
    flat = values.reshape(-1, values.shape[-1])
    with np.errstate(all="ignore"):
        low, high = flat.min(axis=0), flat.max(axis=0)
        same: NDArray[np.bool_] = high - low <= ROUNDING * np.maximum(-low, high)
    return same


def _observed(model: pm.Model) -> dict[str, Array]:
    with without_compiler():
        return {rv.name: np.asarray(_value_of(model.rvs_to_values[rv])) for rv in model.observed_RVs}


def _value_of(variable: Any) -> Any:
    """The value of a variable that depends on data alone."""
    from pytensor.graph.basic import Constant

    if isinstance(variable, Constant):
        return variable.data
    return variable.eval() if variable.owner is not None else variable.get_value()


def labels(model: pm.Model, name: str, dims: tuple[str, ...], shape: tuple[int, ...]) -> list[str]:
    """Names of a variable's scalars as ArviZ gives them: with coordinates where they fit, positions where not."""
    if not shape:
        return [name]
    axes = []
    for axis, n in enumerate(shape):
        values = model.coords.get(dims[axis]) if axis < len(dims) else None
        axes.append(coordinates.labels(range(n) if values is None or len(values) != n else values))
    return [f"{name}[{', '.join(index)}]" for index in itertools.product(*axes)]
