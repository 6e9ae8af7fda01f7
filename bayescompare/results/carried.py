"""What a posterior that was made elsewhere carries: draws, its sampler's statistics, its data, and where it is from.

ArviZ's groups in a DataTree, an ``InferenceData`` or a file; a Dataset or a dict of arrays is the draws alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, MissingFileError, ResultFileError
from .sampler_statistics import RAW, STATISTICS

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

#: Dims of draws, in the order in which they come first.
DRAWS = ("chain", "draw")

GROUPS = ("posterior", "sample_stats", "observed_data", "constant_data")

#: Attributes by which programs say that of so many draws one was kept.
THINNING = ("thinning", "thin", "num_thin")

#: Statistics that tell that a sampler builds trees, as NUTS does.
TREES = ("tree_depth", "depth", "treedepth__", "n_leapfrog__")


@dataclass(frozen=True)
class Origin:
    """Where draws are from, as far as they tell.

    Attributes
    ----------
    saved : bool
        True if a comparison was saved with them.
    nuts : bool
        True if they are known to be of the No-U-Turn Sampler.
    thinning : int or None
        Of so many draws one was kept; None where nothing tells whether all were.
    fingerprint : str or None
        Of the model that they were made for.
    diagnostics : Mapping
        ``engine``, ``backend``, ``metric``, ``starts``, ``tune``, ``target_accept``, each None where it is not known.
    seconds, compile_seconds : float
    evaluations : int
    """

    saved: bool = False
    nuts: bool = False
    thinning: int | None = None
    fingerprint: str | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    compile_seconds: float = 0.0
    evaluations: int = 0


@dataclass(frozen=True)
class Carried:
    """A posterior from outside, as it came.

    Attributes
    ----------
    draws : xarray.Dataset
    statistics : dict of str to ndarray of shape (chains, draws)
        Under our names; only those of these draws, all of them finite.
    observed, constant : xarray.Dataset or None
    origin : Origin
    unconstrained : ndarray of shape (chains, draws, d) or None
        Where a comparison was saved: the draws where the sampler made them.
    """

    draws: xr.Dataset
    statistics: dict[str, Array]
    observed: xr.Dataset | None
    constant: xr.Dataset | None
    origin: Origin
    unconstrained: Array | None


def read(posterior: Any, names: set[str]) -> Carried:
    """Take apart what was given.

    Parameters
    ----------
    posterior : xarray.DataTree, xarray.Dataset, Mapping of str to array of shape (chains, draws, ...), or path
    names : set of str
        Of the model's variables: a statistic among the draws is none if it has such a name.

    Raises
    ------
    DataError
        If there are no draws in it.
    MissingFileError, ResultFileError
    """
    tree = _opened(posterior)
    found = {name: _group(tree, name) for name in GROUPS}
    draws = found["posterior"]
    if draws is None:
        raise DataError("There is no group `posterior` in what was given.")
    meta = _meta(tree)
    stats = found["sample_stats"]
    given = {} if stats is None else {str(name): stats[name] for name in stats.data_vars}
    if stats is None:  # draws that did not pass through ArviZ carry them beside the parameters
        given = {str(name): draws[name] for name in draws.data_vars if str(name) not in names}
    unconstrained = None
    if meta:
        kept = tree["fits/nuts"].to_dataset() if "fits/nuts" in tree else None
        if kept is not None and "unconstrained_draws" in kept:
            unconstrained = np.asarray(kept["unconstrained_draws"].values, dtype=float)
        if kept is not None and stats is None:  # as they were saved before there was a group for them
            given = {str(name).removeprefix("statistic_"): kept[name] for name in kept.data_vars}
    return Carried(
        draws,
        _statistics(given, draws),
        found["observed_data"],
        found["constant_data"],
        _origin(meta, draws, stats, given),
        unconstrained,
    )


def read_draws(posterior: Any) -> tuple[xr.Dataset, bool]:
    """The draws alone, and whether nothing was given beside them (no group ``sample_stats``).

    Raises
    ------
    DataError
        If there are none.
    MissingFileError, ResultFileError
    """
    tree = _opened(posterior)
    draws = _group(tree, "posterior")
    if draws is None:
        raise DataError("There is no group `posterior` in what was given.")
    return draws, _group(tree, "sample_stats") is None


def is_comparison(path: Path) -> bool:
    """True for a file that a comparison was saved to."""
    return bool(_meta(_opened(path)))


def _opened(posterior: Any) -> Any:
    """A file's content, or what was given."""
    import xarray as xr

    if not isinstance(posterior, str | os.PathLike):
        return posterior
    path = Path(posterior)
    if not path.exists():
        raise MissingFileError(f"There is no file {path}.")
    try:
        options: dict[str, Any] = {"engine": "zarr", "consolidated": False} if path.is_dir() else {"engine": "h5netcdf"}
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
        if name == "posterior" and name not in tree.children and DRAWS[0] in tree.dims:
            return tree.to_dataset()  # the group alone: tree["posterior"], or a file of draws without groups
        return tree[name].to_dataset() if name in tree.children else None
    if isinstance(tree, xr.Dataset):
        return tree if name == "posterior" else None
    if isinstance(tree, Mapping):
        if isinstance(tree.get("posterior"), Mapping | xr.Dataset | xr.DataTree):  # a dict of groups
            return None if name not in tree else _group({**tree[name]}, "posterior")
        return _from_arrays(tree) if name == "posterior" else None
    group = getattr(tree, name, None)  # ArviZ's InferenceData, before it was a DataTree
    if group is None and name == "posterior":
        raise DataError(
            f"The posterior is a {type(tree).__name__}. Give a DataTree, a Dataset, a dict of arrays with chains and "
            "draws first, or a file."
        )
    return group


def _from_arrays(arrays: Mapping[Any, Any]) -> xr.Dataset:
    """A Dataset of arrays with chains and draws first; of labelled arrays with the dims that they have."""
    import xarray as xr

    found = {}
    for key, value in arrays.items():
        if isinstance(value, xr.DataArray):
            found[str(key)] = value
            continue
        try:
            x = np.asarray(value)
        except ValueError as error:  # lists of several lengths
            raise DataError(f"The chains of {key} are of unequal length: cut them to the shortest.") from error
        if x.ndim < 2:
            raise DataError(f"The draws of {key} have the shape {x.shape}: chains and draws must come first.")
        dims = [*DRAWS, *(f"{key}_{i}" for i in range(x.ndim - 2))]
        found[str(key)] = xr.DataArray(x, dims=dims)
    try:
        return xr.Dataset(found)
    except ValueError as error:
        raise DataError(f"The arrays of the posterior do not fit together: {error}.") from error


def _statistics(given: Mapping[str, xr.DataArray], draws: xr.Dataset) -> dict[str, Array]:
    """Statistics of these draws under our names; one of other draws, or with a value missing, is left out."""
    found: dict[str, Array] = {}
    for theirs, ours in {**STATISTICS, **RAW}.items():
        if theirs not in given or ours in found:
            continue
        values = _of(draws, given[theirs], any_of=ours == "diverging")
        if values is not None and np.isfinite(values).all():
            found[ours] = values
    return found


def _of(draws: xr.Dataset, statistic: xr.DataArray, *, any_of: bool) -> Array | None:
    """A statistic by chain and draw, at the draws' own labels; None where it cannot be told which draws it is of."""
    if not set(DRAWS) <= set(statistic.dims) or statistic.dtype.kind not in "biuf":
        return None
    others = [dim for dim in statistic.dims if dim not in DRAWS]
    if others and not any_of:
        return None
    array = statistic.any(others) if others else statistic  # one for each of several step methods
    for dim in DRAWS:
        if dim in draws.coords and dim in array.coords:
            have, want = array.indexes[dim], draws.indexes[dim]
            if have.equals(want):
                continue
            places = have.get_indexer(want) if have.is_unique else np.array([-1])
            if (places < 0).any():
                return None
            array = array.isel({dim: places})
        if array.sizes[dim] != draws.sizes[dim]:
            return None
    return np.asarray(array.transpose(*DRAWS).values, dtype=float)


def _meta(tree: Any) -> dict[str, Any]:
    """What was saved with a comparison, or nothing."""
    try:
        found = json.loads(getattr(tree, "attrs", {}).get("bayescompare", "{}"))
    except (TypeError, ValueError):
        return {}
    fits = found.get("fits") if isinstance(found, dict) else None
    return found if isinstance(fits, dict) and "nuts" in fits and "model" in found else {}


def _origin(
    meta: Mapping[str, Any], draws: xr.Dataset, stats: xr.Dataset | None, given: Mapping[str, xr.DataArray]
) -> Origin:
    attrs = {**({} if stats is None else stats.attrs), **draws.attrs}
    engine = attrs.get("inference_library")
    known: dict[str, Any] = {
        "engine": None if engine is None else str(engine),
        "backend": None,
        "metric": None,
        "starts": None,
        "tune": _whole(attrs.get("tuning_steps")),
        "target_accept": None,
    }
    seconds = attrs.get("sampling_time", 0.0)
    found = Origin(
        nuts=attrs.get("sampler") == "NUTS" or any(name in given for name in TREES),
        thinning=_thinning(draws, _whole(next((attrs[name] for name in THINNING if name in attrs), None))),
        fingerprint=attrs.get("bayescompare_fingerprint"),
        diagnostics=known,
        seconds=float(seconds) if isinstance(seconds, int | float | np.number) else 0.0,
    )
    if not meta:
        return found
    fit = meta["fits"]["nuts"]
    before = fit["diagnostics"]
    return Origin(
        saved=True,
        nuts=before.get("sampler", "NUTS") == "NUTS",
        thinning=_thinning(draws, before.get("thinning", 1)),
        fingerprint=meta["model"].get("fingerprint"),
        diagnostics={name: before.get(name) for name in known},
        seconds=fit["seconds"],
        compile_seconds=fit["compile_seconds"],
        evaluations=fit["evaluations"],
    )


def _thinning(draws: xr.Dataset, said: int | None) -> int | None:
    """Of how many draws one was kept, by the labels of those that are left; None where that cannot be told."""
    if "draw" not in draws.coords or draws["draw"].dtype.kind not in "iu":
        return said if said is not None and said > 1 else None
    steps = np.unique(np.diff(draws["draw"].values))
    if len(steps) > 1 or (steps < 1).any():
        return None
    return int(steps[0] if len(steps) else 1) * (said or 1)


def _whole(x: Any) -> int | None:
    if not isinstance(x, int | float | np.number) or not np.isfinite(x):
        return None
    return int(x)
