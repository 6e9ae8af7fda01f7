"""Every method of a comparison against the posterior, by the rule of the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..metrics import psis
from ..metrics import verdict as v
from ..metrics.decision import acted
from ..metrics.ladder import Distances, Moments, distances, enough, moments
from ..metrics.losses import Loss, resolve
from ..reasons import Code, Reason, not_computed
from ..results import sentence
from ..results.comparison import plain
from ..results.fit import Fit
from .consequences import losses
from .gather import Gathered

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

#: Methods that begin at the unconstrained MAP that the comparison has found: its time is a part of theirs.
BEGIN_AT_MODE = ("laplace", "advi", "fullrank_advi")


@dataclass(frozen=True)
class Rung:
    """What a method says, or what was made of it.

    Attributes
    ----------
    name, method : str
        Of the rung, and of the fit that it rests on.
    found : Moments, optional
    k_hat : float, optional
        Of its draws' weights.
    own : ndarray of shape (k,) or (..., k), optional
        Its point or draws, to act on.
    """

    name: str
    method: str
    found: Moments | None
    k_hat: float | None
    own: Array | None = None


@dataclass(frozen=True)
class Judged:
    """By what rungs are judged: the scalars in focus, the losses, the margins, and elpd lost by method."""

    focus: Sequence[str]
    losses: Sequence[str | Loss] | None
    margins: v.Margins
    elpd: Mapping[str, Mapping[str, float]]


def ladder(
    g: Gathered, fits: Mapping[str, Fit], table: pd.DataFrame, verdict: v.Verdict, by: Judged
) -> tuple[dict[str, Any], ...]:
    """A row for each method with a point or draws, the posterior's own the last; none where its gate is closed.

    ``location`` and ``spread`` are layers as the verdict's, over the scalars in focus that have an sd; a point has
    no spread. ``decision`` is the regret of acting on it, where a loss was named.
    ``method_psis`` is what importance weights make of a method's draws, where their k-hat allows it.
    """
    if not v.is_open(verdict.layers["sampler"]):
        return ()
    judged = (table["sd"].to_numpy() > 0) & table.index.isin(by.focus)
    names, posterior = tuple(table.index), g.draws.shape[0] * g.draws.shape[1]
    rows = []
    for rung in _found(g, fits):
        row = {**_row(rung.name, fits, rung.method), "elpd_loss": by.elpd.get(rung.name)}
        if rung.found is not None and np.isfinite(rung.found.mean).any():
            location, spread = _layers(names, distances(g.draws, rung.found), judged, posterior, by.margins)
            decision = _decision(g, rung.own, by)
            row |= {"location": location.to_json(), "spread": spread.to_json(), "k_hat": rung.k_hat}
            row |= {"decision": decision.to_json() if decision else None}
            row["enough"] = enough(location, spread, int(judged.sum()), decision)
        rows.append(row)
    return tuple(plain(row) for row in [*rows, {**_row("nuts", fits, "nuts"), "enough": v.State.SAME}])


def _decision(g: Gathered, own: Array | None, by: Judged) -> v.Layer | None:
    """The worst of the losses that were named, acting on a method's point or draws; None where none was."""
    layers = []
    for loss in losses(by.losses):
        chosen = resolve(loss, g.names)
        names = tuple(g.names[i] for i in chosen)
        if own is None:
            return v.Layer("decision", v.State.NOT_COMPUTED, not_computed("it has no draws to act on"))
        regret = acted(loss, g.draws[..., chosen], own[..., chosen], names).relative_regret
        said = sentence.criterion(Code.REGRET, regret, loss=str(loss))
        layers.append(v.criterion("decision", str(loss), regret, by.margins.decision, g.draws[..., 0].size, said))
    return v.worst_of("decision", layers) if layers else None


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
        "decision": None,
        "elpd_loss": None,
        "k_hat": None,
        "seconds": sum(each.seconds for each in needed),
        "compile_seconds": sum(each.compile_seconds for each in needed),
        "gradients": sum(each.evaluations for each in needed),
        "enough": v.State.NOT_COMPUTED,
    }


def _found(g: Gathered, fits: Mapping[str, Fit]) -> Iterator[Rung]:
    values = {"map": g.map, "unconstrained_map": g.map_unconstrained, "laplace": g.laplace, **g.others}
    for name, each in values.items():
        told = fits[name].diagnostics
        yield Rung(name, name, None if each is None else moments(each), told.get("k_hat"), each)
        ratios = fits[name].statistics.get("log_ratio")
        if ratios is not None and each is not None and told.get("psis", {}).get("reason") is None:
            draws = each.reshape(-1, each.shape[-1])
            yield Rung(f"{name}_psis", name, *_corrected(draws, np.ravel(ratios), told["k_hat"]))
        response = told.get("linear_response")
        if response is not None:
            rung = f"{name}_linear_response"
            yield Rung(rung, name, _named(response, g.names, fits[name].diagnostics["draws"]), response["k_hat"])
            if response["psis"]["reason"] is None:
                yield Rung(f"{rung}_psis", name, _named(response["psis"], g.names, 0), response["k_hat"])


def _corrected(draws: Array, ratios: Array, k_hat: float) -> tuple[Moments, float, Array]:
    """Moments by importance weights, their k-hat, and draws taken again by them, at even distances."""
    weights = psis.importance(ratios)
    found = psis.moments(draws, weights, draws.mean(axis=0))
    shares = np.cumsum(np.exp(weights.log_weights))
    again = np.searchsorted(shares / shares[-1], (np.arange(len(draws)) + 0.5) / len(draws))
    return Moments(found.mean, found.mean_mcse, found.sd, found.sd_mcse), k_hat, draws[again]


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
