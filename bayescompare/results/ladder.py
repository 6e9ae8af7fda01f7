"""The ladder of a comparison: what is the least that would have been enough, and what does it cost?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..formatting import plain
from ..metrics.verdict import Overall, State, Verdict

if TYPE_CHECKING:
    import pandas as pd

    from .fit import Fit

type Rung = Mapping[str, Any]

#: What methods are called in a sentence.
LABELS = {
    "map": "the MAP",
    "unconstrained_map": "the unconstrained MAP",
    "laplace": "the Laplace approximation",
    "marginal_map": "the marginal MAP",
    "marginal_laplace": "marginal Laplace",
    "advi": "mean-field ADVI",
    "fullrank_advi": "full-rank ADVI",
    "pathfinder": "Pathfinder",
    "nuts": "NUTS",
}

#: What the name of a rung that rests on another method's draws ends with, and what it is called.
DERIVED = {"_psis": ", corrected by importance weights", "_linear_response": " with linear response"}

COLUMNS = ("figure", "mcse", "scalar", "state")


def label(method: str) -> str:
    """What a rung is called in a sentence: ``the Laplace approximation, corrected by importance weights``."""
    for ending, told in DERIVED.items():
        if method.endswith(ending):
            return f"{label(method.removesuffix(ending))}{told}"
    return LABELS.get(method, method)


def cheapest(rungs: Sequence[Rung], layer: str | None = None) -> Rung | None:
    """The rung below the posterior that takes least time among those that are enough.

    Parameters
    ----------
    layer : {"location", "spread"}, optional
        Enough of this alone: a point estimate may be enough in location.
    """
    found = [r for r in rungs if r["method"] != "nuts" and _state(r, layer) == "same"]
    return min(found, key=time, default=None)


def time(rung: Rung) -> float:
    """Seconds; infinite where draws made elsewhere do not tell."""
    return math.inf if rung["seconds"] is None else float(rung["seconds"])


def _state(rung: Rung, layer: str | None) -> str:
    if layer is None:
        return str(rung.get("enough"))
    return "not_computed" if rung[layer] is None else str(rung[layer]["state"])


def seconds(rung: Rung) -> str:
    """``0.42 s``."""
    return "in an unknown time" if rung["seconds"] is None else f"{plain(rung['seconds'], 2)} s"


def frame(rungs: Sequence[Rung]) -> pd.DataFrame:
    """A row a method: ``status``, of ``location`` and ``spread`` the figure, ``_mcse``, ``_scalar`` and ``_state``,
    ``k_hat``, ``seconds``, ``compile_seconds``, ``gradients``, ``enough``."""
    import pandas as pd

    rows = []
    for rung in rungs:
        row = {"method": rung["method"], "status": rung["status"]}
        for layer in ("location", "spread"):
            told = rung[layer] or {}
            row |= {layer if key == "figure" else f"{layer}_{key}": told.get(key) for key in COLUMNS}
        row |= {key: rung.get(key) for key in ("k_hat", "seconds", "compile_seconds", "gradients", "enough")}
        rows.append(row)
    found = pd.DataFrame(rows)
    for key in ("location", "location_mcse", "spread", "spread_mcse", "k_hat"):
        if key in found:
            found[key] = found[key].astype(float)
    return found.set_index("method") if rows else found


def sentence(rungs: Sequence[Rung]) -> str:
    """``marginal Laplace, 0.42 s (NUTS: 12 s); as a point the marginal MAP, 0.2 s``; empty where nothing was judged."""
    if not rungs:
        return ""
    whole, point = cheapest(rungs), cheapest(rungs, "location")
    nuts = next((f" (NUTS: {seconds(r)})" for r in rungs if r["method"] == "nuts" and r["seconds"]), "")
    told = f"{label(whole['method'])}, {seconds(whole)}{nuts}" if whole else f"none below NUTS{nuts}"
    if point is not None and (whole is None or time(point) < time(whole)):
        told += f"; as a point {label(point['method'])}, {seconds(point)}"
    return told


def worth(rungs: Sequence[Rung], *, clock: bool = True) -> Rung | None:
    """The rung to advise: the cheapest that is enough, if it is cheaper than NUTS; without a clock the ladder's first.

    What must come out the same again cannot rest on a clock.
    """
    if not clock:
        return next((r for r in rungs if r["method"] != "nuts" and _state(r, None) == "same"), None)
    found, nuts = cheapest(rungs), next((r for r in rungs if r["method"] == "nuts" and r["seconds"]), None)
    return None if found is None or (nuts is not None and time(found) >= time(nuts)) else found


def advice(overall: Overall, rungs: Sequence[Rung]) -> str:
    """The verdict's advice; where it differs, with what would have been enough, both costs, and the line to run."""
    found = worth(rungs)
    if found is None or overall.state is not State.DIFFERS:
        return overall.advice
    nuts = next((f" against {seconds(r)} of NUTS" for r in rungs if r["method"] == "nuts" and r["seconds"]), "")
    told, line = label(found["method"]), call(found["method"])
    runs = f": {line}" if line != found["method"] else ""
    return f"{overall.advice} {told[0].upper()}{told[1:]} would have been enough, {seconds(found)}{nuts}{runs}.".strip()


def integrated(verdict: Verdict, fits: Mapping[str, Fit], table: pd.DataFrame) -> Verdict:
    """The verdict with an advice that says what the marginal mode gives, where the joint mode of a scale is off."""
    found, layer = fits.get("marginal_map"), verdict.layers.get(verdict.overall.deciding or "")
    if found is None or not found.ok or layer is None or layer.state is not State.DIFFERS or layer.scalar is None:
        return verdict
    if layer.scalar not in found.diagnostics["hyperparameters"]:
        return verdict
    row = table.loc[layer.scalar]
    if not abs(row["marginal_map"] - row["mean"]) < abs(row["map"] - row["mean"]) / 2:
        return verdict
    latent = ", ".join(found.diagnostics["latent"])
    said = (
        f"The joint mode ignores how uncertain {latent} is; with it integrated out the mode of {layer.scalar} is "
        f"{plain(row['marginal_map'], 2)}."
    )
    return replace(verdict, overall=replace(verdict.overall, advice=f"{verdict.overall.advice} {said}".strip()))


def call(method: str) -> str:
    """The line that gives a rung: ``bc.fit(model, "laplace").diagnostics["psis"]``."""
    for ending in DERIVED:
        if method.endswith(ending):
            before = call(method.removesuffix(ending))
            return f'{before}{"" if "]" in before else ".diagnostics"}["{ending[1:]}"]'
    return f'bc.fit(model, "{method}")' if method in LABELS else method
