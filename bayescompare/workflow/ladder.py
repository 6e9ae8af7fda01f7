"""Every method of a comparison against the posterior, by the rule of the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..formatting import figure
from ..metrics import verdict as v
from ..metrics.ladder import Distances, distances
from ..results.comparison import plain
from ..results.fit import Fit
from .gather import Gathered

if TYPE_CHECKING:
    import pandas as pd


def ladder(
    g: Gathered, fits: Mapping[str, Fit], table: pd.DataFrame, verdict: v.Verdict, margins: v.Margins
) -> tuple[dict[str, Any], ...]:
    """A row for each method with a point or draws; none where the posterior's own gate is closed.

    ``location`` and ``spread`` are layers as the verdict's, over the scalars that have an sd; a point has no spread.
    """
    if not v.is_open(verdict.layers["sampler"]):
        return ()
    found = {"map": g.map, "unconstrained_map": g.map_unconstrained, "laplace": g.laplace, **g.others}
    sd = table["sd"].to_numpy()
    names, posterior = tuple(table.index), g.draws.shape[0] * g.draws.shape[1]
    rows = []
    for name, values in found.items():
        fit = fits[name]
        told = None
        if values is not None and np.isfinite(values).any():
            told = _layers(names, distances(g.draws, values), sd > 0, posterior, margins)
        rows.append(
            {
                "method": name,
                "status": str(fit.status),
                "reasons": [reason.to_json() for reason in fit.reasons],
                "location": told and told[0].to_json(),
                "spread": told and told[1].to_json(),
                "seconds": fit.seconds,
                "compile_seconds": fit.compile_seconds,
                "gradients": fit.evaluations,
            }
        )
    return tuple(plain(row) for row in rows)


def _layers(
    names: tuple[str, ...], d: Distances, varies: np.ndarray, draws: int, margins: v.Margins
) -> tuple[v.Layer, v.Layer]:
    def figures(gap: np.ndarray, mcse: np.ndarray, margin: float) -> v.Figures:
        return v.Figures(names, np.where(varies, np.abs(gap), np.nan), mcse, np.full(len(names), margin))

    def ratio(i: int) -> str:
        value = float(np.exp(d.log_ratio[i]))
        return f"{names[i]}: sd ratio {figure(value, value * d.log_ratio_mcse[i])}"

    location, spread = (
        figures(d.z, d.z_mcse, margins.location),
        figures(d.log_ratio, d.log_ratio_mcse, margins.spread),
    )
    return (
        v.layer("location", location, draws, lambda i: f"{names[i]}: z = {figure(d.z[i], d.z_mcse[i])}", "no sd"),
        v.layer("spread", spread, draws, ratio, "a point has no sd"),
    )
