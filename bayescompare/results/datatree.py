"""What ArviZ works on: draws, statistics and data as a DataTree of the groups that it knows."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from ..coordinates import array, called, filed, unnamed

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from .comparison import Comparison
    from .fit import Fit

#: The group of each fit that has draws.
GROUPS = {"nuts": "posterior", "laplace": "laplace", "marginal_laplace": "marginal"}


def of_comparison(c: Comparison) -> dict[str, xr.Dataset]:
    """The groups of a comparison; see :meth:`Comparison.to_datatree`."""
    groups, ours = {}, _ours(c.provenance.get("started"))
    for name, fit in c.fits.items() if c.layout else ():
        if name not in GROUPS or fit.draws is None:
            continue
        about = {**ours, **_origin(fit, c.provenance), "bayescompare_fingerprint": c.model.fingerprint}
        groups[GROUPS[name]] = shaped(fit.draws, c.layout).assign_attrs(about)
        if name == "nuts":
            groups["sample_stats"] = _sample_stats(fit).assign_attrs(about)
    if c.prior is not None and c.layout:
        groups["prior"] = shaped(c.prior[None], c.layout).assign_attrs(ours)
    if c.log_likelihood is not None:
        groups["log_likelihood"] = in_file(c.log_likelihood).assign_attrs(ours)
    if c.new_inputs is not None:
        groups["new_inputs"] = c.new_inputs.assign_attrs(ours)
    groups["observed_data"] = in_file(c.data).assign_attrs(ours)
    return groups


def of_fit(fit: Fit) -> dict[str, xr.Dataset]:
    """The groups of one fit; see :meth:`Fit.to_datatree`."""
    about = {**_ours(None), **_origin(fit, {})}
    scalars: dict[str, Any] = {name: {"shape": [], "dims": []} for name in fit.names}
    layout = fit.layout or {"variables": scalars, "coords": {}}
    if fit.draws is None:
        point = shaped(fit.estimate[None, None], layout).isel(chain=0, draw=0, drop=True)
        return {"mode": point.assign_attrs(about)}
    groups = {"posterior": shaped(fit.draws, layout).assign_attrs(about)}
    return groups | ({"sample_stats": _sample_stats(fit).assign_attrs(about)} if fit.statistics else {})


def summary(fit: Fit, **asked: Any) -> pd.DataFrame:
    """See :meth:`Fit.summary`."""
    import arviz_stats
    import pandas as pd

    if fit.draws is not None:
        kind = "all" if fit.method == "nuts" else "stats"  # independent draws need no diagnostics
        drawn: pd.DataFrame = arviz_stats.summary(fit.to_datatree(), kind=kind, round_to="none", **asked)
        return drawn
    errors = fit.diagnostics.get("standard_errors", {})
    table = pd.DataFrame(
        {"estimate": fit.estimate, "sd": [errors.get(name, math.nan) for name in fit.names]}, fit.names
    )
    wanted = asked["var_names"]
    if wanted is None:
        return table
    variables = [name.partition("[")[0] for name in fit.names]
    return table[np.isin(variables, [wanted] if isinstance(wanted, str) else list(wanted))]


def _ours(created: str | None) -> dict[str, Any]:
    """ArviZ's attributes of a group: when it was made, and by what."""
    found = {
        "created_at": created or datetime.now(UTC).isoformat(timespec="seconds"),
        "creation_library": "bayescompare",
        "creation_library_language": "Python",
    }
    with contextlib.suppress(PackageNotFoundError):
        found["creation_library_version"] = version("bayescompare")
    return found


def _sample_stats(fit: Fit) -> xr.Dataset:
    """The sampler's statistics as ArviZ has them."""
    import xarray as xr

    chains, draws = (0, 0) if fit.draws is None else fit.draws.shape[:2]
    variables = {
        name: (
            ("chain", "draw"),
            values.astype(bool) if name == "diverging" else values,
            {"kept_as": str(values.dtype)},
        )
        for name, values in fit.statistics.items()
    }
    return xr.Dataset(variables, coords={"chain": np.arange(chains), "draw": np.arange(draws)})


def _origin(fit: Fit, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Who made the draws: ArviZ's attributes, and what else a reader needs to know of them."""
    if fit.method != "nuts":
        return {"inference_library": "bayescompare", "method": fit.method, "sampling_time": fit.seconds}
    found = fit.diagnostics
    engine = found.get("engine")
    known = {
        "inference_library": engine,
        "sampler": found.get("sampler", "NUTS"),
        "inference_library_version": None if "origin" in found else provenance.get("versions", {}).get(engine),
        "tuning_steps": found.get("tune"),
        "sampling_time": fit.seconds,
        "thinning": found.get("thinning", 1),
    }
    return {name: value for name, value in known.items() if value is not None}


def shaped(draws: np.ndarray, layout: Mapping[str, Any]) -> xr.Dataset:
    """Draws as variables of their own shapes, dims and coordinates, under names that a file can have."""
    return in_file(dataset(draws, layout))


def in_file(data: xr.Dataset) -> xr.Dataset:
    """The same under names that a file can have."""
    return renamed(data, filed(names_of(data)))


def dataset(values: np.ndarray, layout: Mapping[str, Any]) -> xr.Dataset:
    """Values of shape (chains, draws, k) as variables of their own shapes, dims and coordinates.

    A variable called as a dimension (``draw``) has an underscore at its end here.
    """
    import xarray as xr

    dims, names = _dims(layout), called(layout["variables"], layout["coords"])
    variables, start = {}, 0
    for name, place in layout["variables"].items():
        shape = tuple(place["shape"])
        stop = start + math.prod(shape)
        part = values[..., start:stop].reshape(*values.shape[:2], *shape)
        variables[names[name]] = (("chain", "draw", *dims[name]), part)
        start = stop
    used = {
        pair for name, place in layout["variables"].items() for pair in zip(dims[name], place["shape"], strict=True)
    }
    dates = layout.get("dates", ())
    coords = {
        dim: array(marks, dates=dim in dates) for dim, marks in layout["coords"].items() if (dim, len(marks)) in used
    }
    chains, draws = values.shape[:2]
    return xr.Dataset(variables, coords={"chain": np.arange(chains), "draw": np.arange(draws), **coords})


def flat(posterior: xr.Dataset, layout: Mapping[str, Any]) -> np.ndarray:
    """The inverse of :func:`shaped`: draws of shape (chains, draws, k)."""
    names = called(layout["variables"], layout["coords"])
    files = filed(names.values())
    pieces = [np.asarray(posterior[files[names[name]]].values, dtype=float) for name in layout["variables"]]
    return np.concatenate([piece.reshape(*piece.shape[:2], -1) for piece in pieces], axis=-1)


def _dims(layout: Mapping[str, Any]) -> dict[str, list[str]]:
    """The dims of each variable; those that have no name are called as ArviZ calls them.

    So are those whose length is another than their coordinate's (or than where they came first), which PyMC lets pass,
    and one that a variable has twice: a Dataset has one length for a dimension.
    """
    variables = layout["variables"]
    lengths = {dim: len(marks) for dim, marks in layout["coords"].items()}
    found = {}
    for name, place in variables.items():
        own = unnamed(name, len(place["shape"]), variables)
        dims: list[str] = []
        for axis, (dim, length) in enumerate(zip(place["dims"], place["shape"], strict=False)):
            fits = lengths.setdefault(dim, length) == length and dim not in dims
            dims.append(dim if fits else own[axis])
        found[name] = [*dims, *own[len(dims) :]]
    return found


def names_of(dataset: xr.Dataset) -> list[str]:
    """Of its variables and dims."""
    return list(dict.fromkeys(str(name) for name in (*dataset.variables, *dataset.dims)))


def renamed(data: xr.Dataset, names: Mapping[str, str]) -> xr.Dataset:
    return data.rename({old: new for old, new in names.items() if old != new})
