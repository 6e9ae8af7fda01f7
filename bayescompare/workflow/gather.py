"""What the table is computed from: the model's scalars by every method, and the quantities that the user named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..coordinates import labels as labels_of
from ..errors import FitError, UsageError
from ..model.angles import winds
from ..model.problem import Problem, unmoved
from ..results.datatree import dataset
from ..results.fit import Fit
from . import labels

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

#: From a Dataset of the model's variables, with dims ``chain`` and ``draw``, to a DataArray that has both.
Quantity = Callable[["xr.Dataset"], Any]


#: Methods of every comparison.
ALWAYS = ("mle", "map", "unconstrained_map", "laplace", "nuts")


@dataclass(frozen=True)
class Gathered:
    """Scalars by every method.

    Attributes
    ----------
    names : tuple of str
        The model's k scalars, then the user's quantities.
    kinds : tuple of str
        ``free``, ``derived`` or ``quantity``; ``constant`` for a free variable's scalar that cannot vary.
    draws : ndarray of shape (chains, draws, k)
    map, map_unconstrained, mle : ndarray of shape (k,)
        For a quantity g the plug-in value g(mode).
    laplace, prior : ndarray of shape (n, k) or None
    others : Mapping of str to ndarray
        What further methods found: a point, (k,), or draws, (chains, draws, k).
    winding : ndarray of bool of shape (k,)
        Angles whose draws go all round the circle.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    draws: Array
    map: Array
    map_unconstrained: Array
    mle: Array
    laplace: Array | None
    prior: Array | None
    others: Mapping[str, Array]
    winding: np.ndarray


def gather(
    problem: Problem, fits: Mapping[str, Fit], prior: Array | None, quantities: Mapping[str, Quantity] | None = None
) -> Gathered:
    """Line up what the methods found.

    Raises
    ------
    UsageError
        If a quantity raises, loses the dims ``chain`` and ``draw``, or has a scalar's name.
    """
    laplace, nuts = fits["laplace"], fits["nuts"]
    scalars = problem.scalars
    if nuts.draws is None:
        raise FitError("NUTS returned no draws.", nuts)
    kinds = tuple("free" if i < scalars.free else "derived" for i in range(len(scalars)))
    winding = np.zeros(len(scalars), dtype=bool)
    winding[problem.angles] = winds(nuts.draws[..., problem.angles])
    found = Gathered(
        scalars.names,
        kinds,
        nuts.draws,
        fits["map"].estimate,
        fits["unconstrained_map"].estimate,
        fits["mle"].estimate,
        None if laplace.draws is None else laplace.draws[0],
        prior,
        _others(fits),
        winding,
    )
    found = _with_constants(found, problem)
    layout = labels.layout(problem)
    for name, function in (quantities or {}).items():
        found = _with(found, name, function, layout)
    return found


def _others(fits: Mapping[str, Fit]) -> dict[str, Array]:
    found = {}
    for name, fit in fits.items():
        if name not in ALWAYS:
            found[name] = fit.estimate if fit.draws is None else fit.draws
    return found


def _with_constants(found: Gathered, problem: Problem) -> Gathered:
    """The same, where scalars that cannot vary are one number in every method, without its rounding."""
    fixed = problem.constant & unmoved(found.draws)
    if not fixed.any():
        return found
    value = found.draws[0, 0]

    def of(values: Array) -> Array:
        return np.where(fixed & np.isfinite(values), value, values)

    return replace(
        found,
        kinds=tuple(
            "constant" if one and kind == "free" else kind for one, kind in zip(fixed, found.kinds, strict=True)
        ),
        draws=of(found.draws),
        map=of(found.map),
        map_unconstrained=of(found.map_unconstrained),
        mle=of(found.mle),
        laplace=None if found.laplace is None else of(found.laplace),
        prior=None if found.prior is None else of(found.prior),
        others={method: of(values) for method, values in found.others.items()},
    )


def _with(found: Gathered, name: str, function: Quantity, layout: Mapping[str, Any]) -> Gathered:
    """One more quantity, at the end."""
    k = sum(kind != "quantity" for kind in found.kinds)

    def of(values: Array) -> Array:
        lifted = values[..., :k].reshape((1,) * (3 - values.ndim) + (*values.shape[:-1], k))
        new = _evaluated(name, function, lifted, layout)[0]
        return np.concatenate([values, new.reshape(*values.shape[:-1], -1)], axis=-1)

    labelled = _evaluated(name, function, found.draws[:1, :1, :k], layout)[1]
    if set(labelled) & set(found.names):
        raise UsageError(f"The quantity {name!r} has the name of a scalar of the model. Give it another name.")
    return Gathered(
        (*found.names, *labelled),
        (*found.kinds, *["quantity"] * len(labelled)),
        of(found.draws),
        of(found.map),
        of(found.map_unconstrained),
        of(found.mle),
        None if found.laplace is None else of(found.laplace),
        None if found.prior is None else of(found.prior),
        {method: of(values) for method, values in found.others.items()},
        np.append(found.winding, np.zeros(len(labelled), dtype=bool)),
    )


def _evaluated(name: str, function: Quantity, values: Array, layout: Mapping[str, Any]) -> tuple[Array, list[str]]:
    """Values of shape (chains, draws, m) and the m names."""
    import xarray as xr

    try:
        out = function(dataset(values, layout))
    except Exception as error:  # a user's function may raise anything
        raise UsageError(f"The quantity {name!r} raises {type(error).__name__}: {error}.") from error
    if not isinstance(out, xr.DataArray) or not {"chain", "draw"} <= set(out.dims):
        raise UsageError(
            f"The quantity {name!r} must return a DataArray with the dims chain and draw: its function is given the "
            'draws as an xarray.Dataset, as in lambda p: np.exp(p["beta"].sel(name="age")).'
        )
    others = [dim for dim in out.dims if dim not in ("chain", "draw")]
    out = out.transpose("chain", "draw", *others)
    labelled = [name]
    for dim in others:
        marks = labels_of(out[dim].values if dim in out.coords else range(out.sizes[dim]))
        labelled = [f"{head}{', ' if '[' in head else '['}{mark}" for head in labelled for mark in marks]
    if others:
        labelled = [f"{one}]" for one in labelled]
    return np.asarray(out.values, dtype=float).reshape(*out.shape[:2], -1), labelled
