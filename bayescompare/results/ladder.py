"""The ladder of a comparison: what is the least that would have been enough, and what does it cost?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..formatting import plain

if TYPE_CHECKING:
    import pandas as pd

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
DERIVED = {"_psis": " with importance weights", "_linear_response": " with linear response"}

COLUMNS = ("figure", "mcse", "scalar", "state")


def label(method: str) -> str:
    """What a rung is called in a sentence: ``the Laplace approximation with importance weights``."""
    for ending, told in DERIVED.items():
        if method.endswith(ending):
            return f"{label(method.removesuffix(ending))}{told}"
    return LABELS.get(method, method)


def cheapest(rungs: Sequence[Rung], layer: str | None = None) -> Rung | None:
    """The rung below the posterior that takes least time, compiling among it, of those that are enough.

    Parameters
    ----------
    layer : {"location", "spread"}, optional
        Enough of this alone: a point estimate may be enough in location.
    """
    found = [r for r in rungs if r["method"] != "nuts" and _state(r, layer) == "same"]
    return min(found, key=time, default=None)


def time(rung: Rung) -> float:
    """Seconds, compiling among them; infinite where draws made elsewhere do not tell."""
    return math.inf if rung["seconds"] is None else float(rung["seconds"]) + float(rung["compile_seconds"] or 0.0)


def _state(rung: Rung, layer: str | None) -> str:
    if layer is None:
        return str(rung.get("enough"))
    return "not_computed" if rung[layer] is None else str(rung[layer]["state"])


def seconds(rung: Rung) -> str:
    """``0.42 s``, compiling among them."""
    return "in an unknown time" if rung["seconds"] is None else f"{plain(time(rung), 2)} s"


def frame(rungs: Sequence[Rung]) -> pd.DataFrame:
    """A row a method: ``status``, of ``location`` and ``spread`` the figure, ``_mcse``, ``_scalar`` and ``_state``,
    ``decision`` and its ``_state``, ``elpd_loss`` and its ``_se``, ``k_hat``, ``seconds``, ``compile_seconds``,
    ``gradients``, ``enough``."""
    import pandas as pd

    rows = []
    for rung in rungs:
        row = {"method": rung["method"], "status": rung["status"]}
        for layer in ("location", "spread"):
            told = rung[layer] or {}
            row |= {layer if key == "figure" else f"{layer}_{key}": told.get(key) for key in COLUMNS}
        decision, lost = rung.get("decision") or {}, rung.get("elpd_loss") or {}
        row |= {"decision": decision.get("figure"), "decision_state": decision.get("state")}
        row |= {"elpd_loss": lost.get("value"), "elpd_loss_se": lost.get("se")}
        row |= {key: rung.get(key) for key in ("k_hat", "seconds", "compile_seconds", "gradients", "enough")}
        rows.append(row)
    found = pd.DataFrame(rows)
    for key in ("location", "location_mcse", "spread", "spread_mcse", "decision", "elpd_loss", "elpd_loss_se", "k_hat"):
        if key in found:
            found[key] = found[key].astype(float)
    return found.set_index("method") if rows else found


#: A method is called cheaper, and advised, where it takes this many times less: a clock errs by as much.
CLEARLY = 1.5


def of_nuts(rungs: Sequence[Rung]) -> Rung | None:
    """The row of NUTS, where its draws were made here, so that its time is known."""
    return next((r for r in rungs if r["method"] == "nuts" and r["seconds"]), None)


def is_worth(rung: Rung, rungs: Sequence[Rung]) -> bool:
    """Whether it is clearly cheaper than NUTS; true where it is not known what NUTS took."""
    nuts = of_nuts(rungs)
    return nuts is None or CLEARLY * time(rung) <= time(nuts)


def worth(rungs: Sequence[Rung], *, clock: bool = True) -> Rung | None:
    """The rung to advise: of those that are enough the first that no other is clearly cheaper than, if it is worth it.

    What must come out the same again cannot rest on a clock: without one it is the ladder's first.
    """
    found = [r for r in rungs if r["method"] != "nuts" and _state(r, None) == "same"]
    if clock:
        found = [r for r in found if is_worth(r, rungs)]
        fastest = min(map(time, found), default=math.inf)
        found = [r for r in found if time(r) <= CLEARLY * fastest]
    return next(iter(found), None)


def sentence(rungs: Sequence[Rung]) -> str:
    """``marginal Laplace, 0.42 s (NUTS: 12 s); as a point the marginal MAP, 0.2 s``; empty where nothing was judged.

    What takes longer than NUTS is not called cheap.
    """
    if not rungs:
        return ""
    nuts = of_nuts(rungs)
    whole, point = worth(rungs), cheapest(rungs, "location")
    beside = f" (NUTS: {seconds(nuts)})" if nuts else ""
    if whole is not None:
        told = f"{label(whole['method'])}, {seconds(whole)}{beside}"
    elif cheapest(rungs) is not None and nuts is not None:
        told = f"NUTS itself, {seconds(nuts)}"
    else:
        told = f"none below NUTS{beside}"
    if point is not None and is_worth(point, rungs) and (whole is None or CLEARLY * time(point) <= time(whole)):
        told += f"; as a point {label(point['method'])}, {seconds(point)}"
    return told


def call(method: str) -> str:
    """The line that gives a rung: ``bc.fit(model, "laplace").diagnostics["psis"]``."""
    for ending in DERIVED:
        if method.endswith(ending):
            before = call(method.removesuffix(ending))
            return f'{before}{"" if "]" in before else ".diagnostics"}["{ending[1:]}"]'
    return f'bc.fit(model, "{method}")' if method in LABELS else method
