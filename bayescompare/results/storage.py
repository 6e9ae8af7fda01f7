"""A comparison on disk: one DataTree, as netCDF or Zarr. No pickle."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..coordinates import filed
from ..errors import MissingFileError, OutputError, ResultFileError
from ..reasons import Reason
from . import datatree, report_numbers
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
        if path.exists() and not (path.is_file() or path.is_dir()):  # a device would be replaced by a file
            raise OSError(errno.EINVAL, "it is neither a file nor a folder")
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
    """The comparison as a DataTree: the groups that ArviZ knows, and the rest beside them."""
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
        "ladder": list(c.rungs),
        "settings": dict(c.settings),
        "provenance": dict(c.provenance),
        "layout": dict(c.layout),
        "display": dict(c.display),
        "data": {new: name for name, new in filed(datatree.names_of(c.data)).items()},
        "terms": {new: name for name, new in terms.items()},
        "fits": {name: _fit_meta(fit) for name, fit in c.fits.items()},
    }
    known = datatree.of_comparison(c)
    groups: dict[str, xr.Dataset] = {
        **known,
        "/": xr.Dataset(attrs={"bayescompare": json.dumps(meta, default=_native)}),
        "/table": _table(c.table),
        "/curves": xr.Dataset(
            {name: (("scalar", "point"), getattr(c.curves, name)) for name in _CURVES},
            coords={"scalar": _text(c.curves.names)},
        ),
    }
    for name, fit in c.fits.items():
        arrays = _fit_arrays(fit)
        if datatree.GROUPS.get(name) in known:
            arrays = arrays.drop_vars("draws")
        if name == "nuts" and "sample_stats" in known:
            arrays = arrays.drop_vars([f"statistic_{each}" for each in fit.statistics])
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
    model["graph"] = tuple((*row[:3], tuple(row[3])) for row in model.get("graph", ()))
    curves = tree["curves"].dataset
    groups = {name: tree["fits"][name].to_dataset() for name in meta["fits"]}
    for method, group in datatree.GROUPS.items():
        if group in tree and "draws" not in groups[method]:
            draws = datatree.flat(tree[group].dataset, meta["layout"])
            groups[method]["draws"] = (("chain", "draw", "scalar"), draws)
    for name, values in tree["sample_stats"].data_vars.items() if "sample_stats" in tree else ():
        groups["nuts"][f"statistic_{name}"] = (("chain", "draw"), values.values.astype(values.attrs["kept_as"]))
    found = Comparison(
        model=ModelInfo(**model),
        fits={name: _fit(groups[name], known) for name, known in meta["fits"].items()},
        table=_frame(tree["table"].dataset),
        verdict=report_numbers.verdict(meta["verdict"]),
        curves=Curves(tuple(str(n) for n in curves["scalar"].values), *(curves[n].values for n in _CURVES)),
        data=_data(tree["observed_data"].to_dataset(), meta["data"]),
        prior=datatree.flat(tree["prior"].dataset, meta["layout"])[0] if "prior" in tree else None,
        log_likelihood=_data(tree["log_likelihood"].to_dataset(), meta["data"]) if "log_likelihood" in tree else None,
        new_inputs=tree["new_inputs"].to_dataset().drop_attrs() if "new_inputs" in tree else None,
        findings=tuple(meta["findings"]),
        joint=meta["joint"],
        prediction=meta["prediction"],
        pointwise=_pointwise(tree, meta.get("terms")),
        decisions=tuple(meta["decisions"]),
        sensitivity=meta["sensitivity"],
        groups=tuple(meta["groups"]),
        path=report_numbers.with_reasons(meta["path"]),
        rungs=tuple(meta.get("ladder", ())),
        settings=meta["settings"],
        provenance=meta["provenance"],
        layout=meta["layout"],
        display=meta.get("display", {}),
    )
    if "display" in meta:
        return found
    from .display import displayed  # made when a comparison is; files of earlier versions have none

    return displayed(found)


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


def _data(dataset: xr.Dataset, names: Mapping[str, str]) -> xr.Dataset:
    here = datatree.names_of(dataset)
    data = datatree.renamed(dataset, {new: old for new, old in names.items() if new in here})
    texts = {name: (each.dims, _objects(each.values)) for name, each in data.coords.items()}
    return data.assign_coords(texts).drop_attrs(deep=False)


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
