"""A posterior brought from outside: draws that PyMC, nutpie, NumPyro, CmdStan or an earlier run made, checked against
the model before anything is compared with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled import Array
from ..coordinates import called, filed
from ..errors import DataError, MissingFileError, ResultFileError
from ..problem import Problem
from .result import Fit, Status
from .statistics import named_statistics

if TYPE_CHECKING:
    import xarray as xr

#: Draws at which the log density is computed again.
CHECKED = 16

#: Difference of log densities from draw to draw, relative to their size, that single precision explains.
ROUNDING = 1e-4

#: Weights under which a sampler's log density may have been kept: with the Jacobian or without.
KEPT = ((1.0, 1.0, 1.0), (1.0, 1.0, 0.0))


def bring(problem: Problem, posterior: Any, fingerprint: str | None = None) -> Fit:
    """Take draws that were made elsewhere for draws of this model's posterior, if they are.

    Parameters
    ----------
    problem : Problem
    posterior : xarray.DataTree, xarray.Dataset, Mapping of str to array of shape (chains, draws, ...), or path
        As ArviZ has it. What it holds beyond the model's free variables is left alone.
    fingerprint : str, optional
        Of the model that the draws were made for, where it is known.

    Returns
    -------
    Fit
        With the statistics that the posterior carries; what it does not carry is unchecked. ``unchecked`` among the
        diagnostics names what could not be compared.

    Raises
    ------
    DataError
        If names, shapes, data, ranges or log densities differ: the message says which, and how.
    MissingFileError, ResultFileError
    """
    tree = _opened(posterior)
    draws, statistics, observed = _group(tree, "posterior"), _group(tree, "sample_stats"), _group(tree, "observed_data")
    if fingerprint is not None and fingerprint != problem.fingerprint:
        raise DataError(
            "The posterior is of another model, or of other data: its fingerprint is "
            f"{fingerprint[:12]}…, the model's {problem.fingerprint[:12]}…."
        )
    values = _values(problem, draws)
    unchecked = [] if observed is not None and _same_data(problem, observed) else ["data"]
    points = problem.unconstrain(values)
    if not np.isfinite(points).all():
        outside = [
            block.name
            for block in problem.density.blocks
            if not np.isfinite(points[..., block.start : block.stop]).all()
        ]
        raise DataError(f"Draws of {', '.join(outside)} lie outside of the range that the model gives it.")
    kept = {} if statistics is None else named_statistics(statistics)
    if not _same_density(problem, points, kept):
        unchecked.append("log density")
    chains, length, d = points.shape
    scalars = problem.density.push(points.reshape(-1, d)).reshape(chains, length, -1)
    return Fit(
        method="nuts",
        status=Status.OK,
        reasons=(),
        names=problem.scalars.names,
        estimate=scalars.mean(axis=(0, 1)),
        draws=scalars,
        unconstrained_draws=points,
        statistics={name: x for name, x in kept.items() if name != "lp"},
        diagnostics={
            "engine": "from outside",
            "backend": None,
            "chains": chains,
            "draws": length,
            "tune": None,
            "target_accept": None,
            "divergences": int(kept["diverging"].sum()) if "diverging" in kept else None,
            "unchecked": unchecked,
        },
    )


def _opened(posterior: Any) -> Any:
    """A file's content, or what was given."""
    import xarray as xr

    if not isinstance(posterior, str | Path):
        return posterior
    path = Path(posterior)
    if not path.exists():
        raise MissingFileError(f"There is no file {path}.")
    try:
        options: dict[str, Any] = {"engine": "zarr"} if path.suffix == ".zarr" else {"engine": "h5netcdf"}
        with xr.open_datatree(path, **options) as tree:
            return tree.load()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise ResultFileError(
            f"{path} is no posterior that xarray can read ({type(error).__name__}: {error})."
        ) from error


def _group(tree: Any, name: str) -> xr.Dataset | None:
    """A group of a DataTree; a Dataset or dict of arrays is the posterior itself."""
    import xarray as xr

    if isinstance(tree, xr.DataTree):
        return tree[name].to_dataset() if name in tree.children else None
    if isinstance(tree, xr.Dataset):
        return tree if name == "posterior" else None
    if isinstance(tree, Mapping):
        if name != "posterior":
            return None
        arrays = {key: np.asarray(value) for key, value in tree.items()}
        return xr.Dataset(
            {key: (["chain", "draw", *(f"{key}_{i}" for i in range(x.ndim - 2))], x) for key, x in arrays.items()}
        )
    group = getattr(tree, name, None)  # ArviZ's InferenceData, before it was a DataTree
    if group is None and name == "posterior":
        raise DataError(
            f"The posterior is a {type(tree).__name__}. Give a DataTree, a Dataset, a dict of arrays with chains and "
            "draws first, or a file."
        )
    return group


def _values(problem: Problem, draws: xr.Dataset | None) -> dict[str, Array]:
    """Draws of the free variables, shapes checked."""
    if draws is None:
        raise DataError("There is no group `posterior` in what was given.")
    found = {}
    beside = called(problem.scalars.variables, map(str, problem.model.coords))
    in_file = filed(beside.values())
    for rv in problem.model.free_RVs:
        name = rv.name if rv.name in draws.data_vars else in_file[beside[rv.name]]
        if name not in draws.data_vars:
            names = ", ".join(str(name) for name in list(draws.data_vars)[:12])
            raise DataError(f"The posterior has no variable {rv.name!r}; it has {names}. Rename its variables.")
        array = draws[name]
        if not {"chain", "draw"} <= set(array.dims):
            raise DataError(f"{rv.name} has the dims {tuple(array.dims)}, and needs chain and draw.")
        values = np.asarray(array.transpose("chain", "draw", ...).values, dtype=float)
        wanted = problem.scalars.variables[rv.name][2]
        if values.shape[2:] != wanted:
            raise DataError(f"{rv.name} has the shape {values.shape[2:]} in the posterior, and {wanted} in the model.")
        if not np.isfinite(values).all():
            raise DataError(f"Draws of {rv.name} are not finite.")
        found[rv.name] = values
    return found


def _same_data(problem: Problem, observed: xr.Dataset) -> bool:
    """True if every observed variable is there and the same; what differs is refused."""
    known = True
    for name, values in problem.observed.items():
        if name not in observed:
            known = False
            continue
        theirs = np.asarray(observed[name].values)
        if theirs.shape != values.shape:
            raise DataError(f"The data of {name} have the shape {theirs.shape} there, and {values.shape} in the model.")
        differing = ~np.isclose(theirs, values, rtol=1e-6, atol=1e-12)
        if differing.any():
            i = int(np.flatnonzero(differing)[0])
            raise DataError(
                f"The data of {name} differ in {int(differing.sum())} of {values.size} values; the first is "
                f"{theirs.ravel()[i]:g} there and {values.ravel()[i]:g} in the model."
            )
    return known


def _same_density(problem: Problem, points: Array, kept: dict[str, Array]) -> bool:
    """True if the sampler's log density and ours differ by a constant; False where it kept none.

    Some samplers leave constants out, some keep the potential energy, which is its negative.
    """
    if "lp" not in kept:
        return False
    flat = points.reshape(-1, points.shape[-1])
    some = np.unique(np.linspace(0, len(flat) - 1, CHECKED).astype(int))
    theirs = kept["lp"].ravel()[some]
    gaps = []
    for weights in KEPT:
        ours, _ = problem.density.batch(flat[some], weights)
        for sign in (1.0, -1.0):
            gap = ours - sign * theirs
            gaps.append(float(np.ptp(gap)) / max(1.0, float(np.abs(ours).max())))
    if min(gaps) > ROUNDING:
        apart = min(gaps) * max(1.0, float(np.abs(theirs).max()))
        raise DataError(
            f"The log density that came with the draws and the model's differ by {apart:.3g} nats from draw to draw: "
            "they are not of one model. Compare priors, data and parametrisation."
        )
    return True
