"""The labelled result of a comparison: what was asked, what each method found, the table, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .verdict import Verdict

if TYPE_CHECKING:
    import os

    import numpy as np
    import pandas as pd
    import xarray as xr

    from ..fit.result import Fit


@dataclass(frozen=True)
class ModelInfo:
    """What a reader of the report is told about the model.

    Attributes
    ----------
    name : str
        A template's name, ``FILE.py:NAME``, or the model's own name.
    title, question, description : str
        From the template; for other models the title is the name, the others may be empty.
        ``description`` is plain text with blank lines between paragraphs.
    finding : str
        One line: what MAP does here, by the template's author; may be empty.
    code : str
        Source of the function that builds the model; empty where it cannot be had.
    formulas : tuple of (str, str, str)
        One row a variable: left side, right side, kind (``"free"``, ``"observed"``, ``"deterministic"``, ``"potential"``):
        ``("mu", "Normal(0, 5)", "free")``.
    free : tuple of str
        Names of the free variables.
    parameters : int
        Dimension d of the unconstrained space.
    observations : int
        Number of observed scalars.
    fingerprint : str
        Of graph, data and coordinates; equal in every process, different when any of them differs.
    """

    name: str
    title: str
    question: str
    description: str
    finding: str
    code: str
    formulas: tuple[tuple[str, str, str], ...]
    free: tuple[str, ...]
    parameters: int
    observations: int
    fingerprint: str


@dataclass(frozen=True)
class Curves:
    """Density curves of marginals, made when the comparison was made.

    Attributes
    ----------
    names : tuple of str
        The scalars that have curves: all where there are few, else the most severe.
    x : ndarray of shape (len(names), G)
        Grid, in the scalar's unit.
    posterior, laplace, prior : ndarray of shape (len(names), G)
        Densities on that grid; NaN where there is none.
    """

    names: tuple[str, ...]
    x: np.ndarray
    posterior: np.ndarray
    laplace: np.ndarray
    prior: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """How the point estimate sits within the posterior.

    Attributes
    ----------
    model : ModelInfo
    fits : Mapping of str to Fit
        ``map``, ``unconstrained_map``, ``laplace``, ``nuts``.
    table : pandas.DataFrame
        A row per scalar, indexed by its name, columns as documented in :func:`bayescompare.compare.marginal.columns`.
    verdict : Verdict
    curves : Curves
    data : xarray.Dataset
        The observed data, by name, with their dims and coordinates.
    settings : Mapping
        What was asked for, JSON-ready: seed, interval, margins, sampler.
    provenance : Mapping
        Versions, platform, command, start, seconds; JSON-ready.
    """

    model: ModelInfo
    fits: Mapping[str, Fit]
    table: pd.DataFrame
    verdict: Verdict
    curves: Curves
    data: xr.Dataset
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
