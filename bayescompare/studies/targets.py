"""The model of a grid point: what a plan's target names, built with the point's options and rows."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MissingFileError, PlanError, UsageError
from ..templates import Template, available, bambi, get
from ..templates.data_files import read_data
from ..templates.loading import Target, load_target, options_of
from . import rows_anew

KEPT = ".model"
"""How a file ends that keeps a model, or a function and its data, for other processes."""

FILE = re.compile(r"(?P<file>.+\.py)(?P<rest>(?::\w+)?)")


class NamelessError(UsageError):
    """The target is at hand, but no other process could load it."""


def built(target: str, options: Mapping[str, Any], *, data: str = "", seed: int = 0) -> Target:
    """Build the model of a grid point.

    Parameters
    ----------
    target : str
    options : Mapping
        ``n`` is the number of rows where the target's function has no option of that name: rows of the data, or of the
        model itself, drawn with replacement; the same ones wherever ``seed`` and ``n`` are the same.
    data : str
        A file of data; empty for none.
    seed : int

    Raises
    ------
    UsageError, ModelError
        As :func:`bayescompare.templates.loading.load_target`.
    """
    options = dict(options)
    what, table = _kept(Path(target)) if target.endswith(KEPT) else (target, None)
    if data:
        table = read_data(Path(data))
    if rows_anew.ROWS not in options or rows_anew.ROWS in (options_of(what) or {}):
        return load_target(what, table, options)
    n = options.pop(rows_anew.ROWS)
    rng = np.random.default_rng([seed, n] if isinstance(n, int) and n > 0 else 0)
    if table is not None:
        return load_target(what, rows_anew.of_data(table, n, rng), options)
    found = load_target(what, None, options)
    return replace(found, model=rows_anew.of_model(found.model, n, rng))


def name_of(target: Any) -> str:
    """A target as text, from which other processes can load it.

    Raises
    ------
    NamelessError
        If there is none.
    """
    if isinstance(target, str):
        return target
    if isinstance(target, Template) and available().get(target.name) is target:
        return target.name
    function = target.build if isinstance(target, Template) else target
    name = getattr(function, "__qualname__", "")
    try:
        file = inspect.getsourcefile(function)
    except TypeError:
        file = None
    if not file or not name.isidentifier() or not Path(file).is_file():
        raise NamelessError(
            "A plan's model is built in other processes: give a template, its name, FILE.py:NAME, or a function that "
            "is defined in a file. bc.study(model, ...) takes any model."
        )
    return f"{file}:{name}"


def source_of(target: str) -> str:
    """SHA-256 of the file that holds the target."""
    match = FILE.fullmatch(target)
    if target.endswith(KEPT):
        file = target
    else:
        file = match["file"] if match else str(inspect.getsourcefile(get(target).build))
    return digest(Path(file))


def digest(path: Path) -> str:
    """SHA-256 of a file.

    Raises
    ------
    MissingFileError
    """
    if not path.is_file():
        raise MissingFileError(f"There is no file {path}.")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def keep(target: Any, data: Any, path: Path) -> str:
    """Keep a model, or a function and its data, in a file, from which other processes load it.

    Raises
    ------
    UsageError
        If it cannot be kept.
    PlanError
        If the file holds something else.
    """
    import pickle

    import cloudpickle

    content = (bambi.as_pymc(target), data)
    try:
        new = cloudpickle.dumps(content)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"The model cannot be handed to other processes: {error}. Write a function that builds it into a file, and "
            "name that: FILE.py:NAME."
        ) from error
    if not path.exists():
        path.write_bytes(new)
    elif path.read_bytes() != new and not _same(_kept(path), content):
        raise PlanError(f"{path} keeps another model, or other data. Go on with those, or name another store.")
    return str(path)


def _kept(path: Path) -> tuple[Any, Any]:
    import pickle

    if not path.is_file():
        raise MissingFileError(f"There is no file {path}, which keeps the study's model.")
    found: tuple[Any, Any] = pickle.loads(path.read_bytes())
    return found


def _same(before: tuple[Any, Any], now: tuple[Any, Any]) -> bool:
    """Whether both are models, of one density and with the same data."""
    import pymc as pm

    from ..model.problem import Problem

    models = [each for each, _ in (before, now) if isinstance(each, pm.Model)]
    return len(models) == 2 and Problem(models[0]).fingerprint == Problem(models[1]).fingerprint
