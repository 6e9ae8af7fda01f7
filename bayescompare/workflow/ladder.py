"""Every method of a comparison against the posterior, by the rule of the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..metrics import psis
from ..metrics import verdict as v
from ..metrics.ladder import Distances, Moments, distances, enough, moments
from ..reasons import Code, Reason, not_computed
from ..results.comparison import plain
from ..results.fit import Fit
from .gather import Gathered

if TYPE_CHECKING:
    import pandas as pd

#: Methods that begin at the unconstrained MAP that the comparison has found: its time is a part of theirs.
BEGIN_AT_MODE = ("laplace", "advi", "fullrank_advi")


def ladder(
    g: Gathered,
    fits: Mapping[str, Fit],
    table: pd.DataFrame,
    verdict: v.Verdict,
    margins: v.Margins,
    focus: Sequence[str],
) -> tuple[dict[str, Any], ...]:
    """A row for each method with a point or draws, the posterior's own the last; none where its gate is closed.

    ``location`` and ``spread`` are layers as the verdict's, over the scalars of ``focus`` that have an sd; a point has
    no spread.
    ``method_psis`` is what importance weights make of a method's draws, where their k-hat allows it.
    """
    if not v.is_open(verdict.layers["sampler"]):
        return ()
    judged = (table["sd"].to_numpy() > 0) & table.index.isin(focus)
    names, posterior = tuple(table.index), g.draws.shape[0] * g.draws.shape[1]
    rows = []
    for name, method, found, k_hat in _found(g, fits):
        row = _row(name, fits, method)
        if found is not None and np.isfinite(found.mean).any():
            location, spread = _layers(names, distances(g.draws, found), judged, posterior, margins)
            row |= {"location": location.to_json(), "spread": spread.to_json(), "k_hat": k_hat}
            row["enough"] = enough(location, spread, int(judged.sum()))
        rows.append(row)
    return tuple(plain(row) for row in [*rows, {**_row("nuts", fits, "nuts"), "enough": v.State.SAME}])


def _row(name: str, fits: Mapping[str, Fit], method: str) -> dict[str, Any]:
    """A row without figures."""
    fit = fits[method]
    needed = [fit, *([fits["unconstrained_map"]] if method in BEGIN_AT_MODE else [])]
    return {
        "method": name,
        "status": fit.status,
        "reasons": [reason.to_json() for reason in fit.reasons],
        "location": None,
        "spread": None,
        "k_hat": None,
        "seconds": sum(each.seconds for each in needed),
        "compile_seconds": sum(each.compile_seconds for each in needed),
        "gradients": sum(each.evaluations for each in needed),
        "enough": v.State.NOT_COMPUTED,
    }


def _found(g: Gathered, fits: Mapping[str, Fit]) -> Iterator[tuple[str, str, Moments | None, float | None]]:
    """Name of the rung, its method, what it says, k-hat of its draws' weights."""
    values = {"map": g.map, "unconstrained_map": g.map_unconstrained, "laplace": g.laplace, **g.others}
    for name, each in values.items():
        told = fits[name].diagnostics
        yield name, name, None if each is None else moments(each), told.get("k_hat")
        ratios = fits[name].statistics.get("log_ratio")
        if ratios is not None and each is not None and told.get("psis", {}).get("reason") is None:
            yield f"{name}_psis", name, _corrected(each.reshape(-1, each.shape[-1]), np.ravel(ratios)), told["k_hat"]
        response = told.get("linear_response")
        if response is not None:
            rung = f"{name}_linear_response"
            yield rung, name, _named(response, g.names, fits[name].diagnostics["draws"]), response["k_hat"]
            if response["psis"]["reason"] is None:
                yield f"{rung}_psis", name, _named(response["psis"], g.names, 0), response["k_hat"]


def _corrected(draws: np.ndarray, ratios: np.ndarray) -> Moments:
    found = psis.moments(draws, psis.importance(ratios), draws.mean(axis=0))
    return Moments(found.mean, found.mean_mcse, found.sd, found.sd_mcse)


def _named(told: Mapping[str, Any], names: tuple[str, ...], draws: int) -> Moments:
    """Moments by scalar, NaN for what is not among them; where they tell no errors, those of so many draws."""

    def of(key: str) -> np.ndarray:
        return np.array([told[key].get(name, np.nan) for name in names])

    mean, sd = of("mean"), of("sd")
    if draws:
        return Moments(mean, np.zeros_like(sd), sd, sd / np.sqrt(2 * draws))
    return Moments(mean, of("mean_mcse"), sd, of("sd_mcse"))


def _layers(
    names: tuple[str, ...], d: Distances, varies: np.ndarray, draws: int, margins: v.Margins
) -> tuple[v.Layer, v.Layer]:
    def figures(gap: np.ndarray, mcse: np.ndarray, margin: float) -> v.Figures:
        return v.Figures(names, np.where(varies, np.abs(gap), np.nan), mcse, np.full(len(names), margin))

    def z(i: int) -> Reason:
        return Reason(Code.Z, (names[i],), {"z": float(d.z[i]), "mcse": float(d.z_mcse[i])})

    def ratio(i: int) -> Reason:
        value = float(np.exp(d.log_ratio[i]))
        figures = {"sd_ratio": value, "mcse": value * float(d.log_ratio_mcse[i])}
        return Reason(Code.METHOD_SD_RATIO, (names[i],), figures)

    location, spread = (
        figures(d.z, d.z_mcse, margins.location),
        figures(d.log_ratio, d.log_ratio_mcse, margins.spread),
    )
    return (
        v.layer("location", location, draws, z, not_computed("no sd")),
        v.layer("spread", spread, draws, ratio, not_computed("a point has no sd")),
    )
