"""A comparison on disk: one DataTree, as netCDF or Zarr. No pickle."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import math
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..coordinates import array, called, filed, unnamed
from ..errors import MissingFileError, OutputError, ResultFileError
from ..reasons import Reason
from . import report_numbers
from .comparison import READABLE, SCHEMA, Comparison, Curves, ModelInfo
from .fit import Fit, Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from .report_numbers import ReportNumbers

_ARRAYS = ("estimate", "unconstrained", "draws", "unconstrained_draws")
#: Of a likelihood term's arrays those that have an entry for each observation, also where observations are vectors.
OF_OBSERVATIONS = {"elpd_loo", "elpd_plugin", "k_hat", "pit", "plugin_pit"}

_CURVES = ("x", "posterior", "laplace", "prior")


def write_text(path: Path, text: str) -> None:
    """Write whole or not at all."""
    with _draft(path) as draft:
        draft.write_text(text, encoding="utf-8")


def save(comparison: Comparison, path: Path) -> None:
    """Write a comparison, whole or not at all; see :meth:`Comparison.save`."""
    tree = to_tree(comparison)
    zarr = path.suffix == ".zarr"
    if zarr and importlib.util.find_spec("zarr") is None:
        raise OutputError(
            f"Cannot write {path}: zarr is not installed. Install it with: pip install 'bayescompare[zarr]'"
        )
    with _draft(path) as draft:
        if zarr:
            with warnings.catch_warnings():
                # Zarr warns that other programs may not know its consolidated metadata; xarray does.
                warnings.simplefilter("ignore")
                tree.to_zarr(draft, mode="w")
        else:
            tree.to_netcdf(draft, engine="h5netcdf")


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to, put there when all is written; nothing is left of it when that fails.

    Raises
    ------
    OutputError
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, f"there is no folder {path.parent}")
        yield draft
        if draft.is_dir() and path.is_dir():
            if not (path / "zarr.json").is_file():
                raise FileExistsError(errno.EEXIST, "a folder with other content has this name")
            shutil.rmtree(path)
        os.replace(draft, path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        if os.path.isdir(draft):
            shutil.rmtree(draft, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)


def open(path: str | os.PathLike[str]) -> Comparison | ReportNumbers:
    """Read a comparison that :meth:`Comparison.save` wrote, or the numbers of a report.

    Parameters
    ----------
    path : path-like
        What ends in ``.html`` is read as a report.

    Returns
    -------
    Comparison or ReportNumbers
        A report holds no draws: what comes back of it has its table, its verdict and its figures.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ResultFileError
        If it is damaged, or was not written by bayescompare.
    """
    import xarray as xr

    path = Path(path)
    if not path.exists():
        raise MissingFileError(f"There is no file {path}.")
    if path.suffix.lower() in (".html", ".htm"):
        return report_numbers.read(path)
    options: dict[str, Any] = (
        {"engine": "zarr", "consolidated": True} if path.suffix == ".zarr" else {"engine": "h5netcdf"}
    )
    try:
        with xr.open_datatree(path, **options) as tree:
            tree.load()
            return from_tree(tree)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ResultFileError(
            f"{path} is not a comparison that bayescompare saved, or it is damaged ({reason}). "
            "Save one with Comparison.save(path) or --save."
        ) from error


def to_tree(c: Comparison) -> xr.DataTree:
    """The comparison as a DataTree: ``posterior`` and ``sample_stats`` as ArviZ has them, the rest beside them."""
    import xarray as xr

    terms = filed(c.pointwise)
    meta: dict[str, Any] = {
        "schema": SCHEMA,
        "model": asdict(c.model),
        "verdict": {
            "overall": asdict(c.verdict.overall),
            "layers": {k: v.to_json() for k, v in c.verdict.layers.items()},
        },
        "findings": [dict(finding) for finding in c.findings],
        "joint": dict(c.joint),
        "prediction": dict(c.prediction),
        "decisions": list(c.decisions),
        "sensitivity": dict(c.sensitivity),
        "groups": list(c.groups),
        "path": dict(c.path),
        "ladder": list(c.ladder),
        "settings": dict(c.settings),
        "provenance": dict(c.provenance),
        "layout": dict(c.layout),
        "display": dict(c.display),
        "data": {new: name for name, new in filed(_names(c.data)).items()},
        "terms": {new: name for name, new in terms.items()},
        "fits": {name: _fit_meta(fit) for name, fit in c.fits.items()},
    }
    groups: dict[str, xr.Dataset] = {
        "/": xr.Dataset(attrs={"bayescompare": json.dumps(meta, default=_native)}),
        "/table": _table(c.table),
        "/curves": xr.Dataset(
            {name: (("scalar", "point"), getattr(c.curves, name)) for name in _CURVES},
            coords={"scalar": _text(c.curves.names)},
        ),
        "/observed_data": _renamed(c.data, {name: safe for safe, name in meta["data"].items()}),
    }
    if "nuts" in c.fits and c.fits["nuts"].draws is not None and c.layout:
        groups["/posterior"] = shaped(c.fits["nuts"], c.layout).assign_attrs(_origin(c))
        groups["/sample_stats"] = _sample_stats(c.fits["nuts"]).assign_attrs(_origin(c))
    for name, fit in c.fits.items():
        arrays = _fit_arrays(fit)
        if name == "nuts" and "/posterior" in groups:
            arrays = arrays.drop_vars(["draws", *(f"statistic_{each}" for each in fit.statistics)])
        groups[f"/fits/{name}"] = arrays
    for term, columns in c.pointwise.items():
        groups[f"/pointwise/{terms[term]}"] = xr.Dataset(_series(columns))
    return xr.DataTree.from_dict(groups)


def from_tree(tree: xr.DataTree) -> Comparison:
    """The comparison of a DataTree; KeyError or ValueError where it is not one."""
    meta = json.loads(tree.attrs["bayescompare"])
    if meta["schema"] not in READABLE:
        raise ValueError(f"its schema is {meta['schema']!r}, and this version reads {' and '.join(READABLE)}")
    model = meta["model"]
    model["formulas"] = tuple(tuple(row) for row in model["formulas"])
    model["free"] = tuple(model["free"])
    curves = tree["curves"].dataset
    groups = {name: tree["fits"][name].to_dataset() for name in meta["fits"]}
    if "posterior" in tree:
        groups["nuts"]["draws"] = (("chain", "draw", "scalar"), flat(tree["posterior"].dataset, meta["layout"]))
    for name, values in tree["sample_stats"].data_vars.items() if "sample_stats" in tree else ():
        groups["nuts"][f"statistic_{name}"] = (("chain", "draw"), values.values.astype(values.attrs["kept_as"]))
    found = Comparison(
        model=ModelInfo(**model),
        fits={name: _fit(groups[name], known) for name, known in meta["fits"].items()},
        table=_frame(tree["table"].dataset),
        verdict=report_numbers.verdict(meta["verdict"]),
        curves=Curves(tuple(str(n) for n in curves["scalar"].values), *(curves[n].values for n in _CURVES)),
        data=_data(tree["observed_data"].to_dataset(), meta["data"]),
        findings=tuple(meta["findings"]),
        joint=meta["joint"],
        prediction=meta["prediction"],
        pointwise=_pointwise(tree, meta.get("terms")),
        decisions=tuple(meta["decisions"]),
        sensitivity=meta["sensitivity"],
        groups=tuple(meta["groups"]),
        path=report_numbers.with_reasons(meta["path"]),
        ladder=tuple(meta.get("ladder", ())),
        settings=meta["settings"],
        provenance=meta["provenance"],
        layout=meta["layout"],
        display=meta.get("display", {}),
    )
    if "display" in meta:
        return found
    from .display import displayed  # made when a comparison is; files of earlier versions have none

    return displayed(found)


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


def _origin(c: Comparison) -> dict[str, Any]:
    """Who made the draws, and of which model: ArviZ's attributes, and ours under our name."""
    fit, found = c.fits["nuts"], c.fits["nuts"].diagnostics
    engine = found.get("engine")
    known = {
        "created_at": c.provenance.get("started"),
        "inference_library": engine,
        "sampler": found.get("sampler", "NUTS"),
        "inference_library_version": None if "origin" in found else c.provenance.get("versions", {}).get(engine),
        "tuning_steps": found.get("tune"),
        "sampling_time": fit.seconds,
        "thinning": found.get("thinning", 1),
        "bayescompare_fingerprint": c.model.fingerprint,
    }
    return {name: value for name, value in known.items() if value is not None}


def shaped(fit: Fit, layout: Mapping[str, Any]) -> xr.Dataset:
    """A fit's draws as variables of their own shapes, dims and coordinates, under names that a file can have."""
    import xarray as xr

    if fit.draws is None:
        return xr.Dataset()
    found = dataset(fit.draws, layout)
    return _renamed(found, filed(_names(found)))


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


def _series(columns: Mapping[str, np.ndarray]) -> dict[str, tuple[str, np.ndarray]]:
    """Arrays by observation; where observations are vectors, what is of their entries has a dimension of its own."""
    one_each = len({len(values) for values in columns.values()}) < 2
    return {
        key: ("observation" if one_each or key in OF_OBSERVATIONS else "value", values)
        for key, values in columns.items()
    }


# -- helpers ---------------------------------------------------------------------------------------


def _native(value: Any) -> Any:
    """NumPy's scalars and arrays for JSON."""
    return value.tolist()


def _names(dataset: xr.Dataset) -> list[str]:
    """Of its variables and dims."""
    return list(dict.fromkeys(str(name) for name in (*dataset.variables, *dataset.dims)))


def _data(dataset: xr.Dataset, names: Mapping[str, str]) -> xr.Dataset:
    data = _renamed(dataset, names)
    texts = {name: (each.dims, _objects(each.values)) for name, each in data.coords.items()}
    return data.assign_coords(texts)


def _objects(values: np.ndarray) -> np.ndarray:
    """Texts as Python's own, which Zarr reads as NumPy's."""
    return values.astype(object) if values.dtype.kind == "T" else values


def _pointwise(tree: xr.DataTree, terms: Mapping[str, str] | None) -> dict[str, dict[str, np.ndarray]]:
    if "pointwise" not in tree.children:
        return {}
    groups = tree["pointwise"].children
    if terms is None:  # a file of the first edition
        terms = {name: name.replace("\N{DIVISION SLASH}", "/") for name in groups}
    return {
        name: {str(key): each.values for key, each in groups[file].data_vars.items()} for file, name in terms.items()
    }


def _renamed(data: xr.Dataset, names: Mapping[str, str]) -> xr.Dataset:
    return data.rename({old: new for old, new in names.items() if old != new})


def _text(values: Any) -> np.ndarray:
    return np.array([str(v) for v in values], dtype=object)


def _table(table: pd.DataFrame) -> xr.Dataset:
    import xarray as xr

    columns = {
        name: ("scalar", _text(table[name]) if table[name].dtype.kind not in "fib" else table[name].to_numpy())
        for name in table.columns
    }
    return xr.Dataset(
        columns, coords={"scalar": _text(table.index)}, attrs={"columns": json.dumps(list(table.columns))}
    )


def _frame(dataset: xr.Dataset) -> pd.DataFrame:
    import pandas as pd

    columns = json.loads(dataset.attrs["columns"])
    values = {name: _objects(dataset[name].values) for name in columns}
    frame = pd.DataFrame(values, index=[str(n) for n in dataset["scalar"].values])
    frame.index.name = "name"
    return frame


def _fit_meta(fit: Fit) -> dict[str, Any]:
    return {
        "method": fit.method,
        "status": str(fit.status),
        "reasons": [reason.to_json() for reason in fit.reasons],
        "names": list(fit.names),
        "log_density": fit.log_density,
        "diagnostics": dict(fit.diagnostics),
        "seconds": fit.seconds,
        "compile_seconds": fit.compile_seconds,
        "evaluations": fit.evaluations,
        "statistics": list(fit.statistics),
    }


def _fit_arrays(fit: Fit) -> xr.Dataset:
    import xarray as xr

    dims = {
        "estimate": ("scalar",),
        "unconstrained": ("coordinate",),
        "draws": ("chain", "draw", "scalar"),
        "unconstrained_draws": ("chain", "draw", "coordinate"),
    }
    arrays = {name: (dims[name], getattr(fit, name)) for name in _ARRAYS if getattr(fit, name) is not None}
    statistics = {f"statistic_{name}": (("chain", "draw"), values) for name, values in fit.statistics.items()}
    return xr.Dataset({**arrays, **statistics})


def _fit(dataset: xr.Dataset, known: dict[str, Any]) -> Fit:
    arrays: dict[str, Any] = {name: dataset[name].values for name in _ARRAYS if name in dataset}
    statistics = {name: dataset[f"statistic_{name}"].values for name in known.pop("statistics")}
    known["status"] = Status(known["status"])
    known["reasons"] = tuple(Reason.from_json(reason) for reason in known["reasons"])
    known["names"] = tuple(known["names"])
    return Fit(**known, **arrays, statistics=statistics)
