"""What a report shows beyond figures: what is judged and counted for it, made once and kept with the comparison.

So a report is rendered from a file without computing anything; files of earlier versions get it when they are opened.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import bdtr, bdtrik, kolmogi

from ..metrics import gates
from ..metrics import verdict as v
from ..metrics.figure import Figure
from ..metrics.thresholds import DECREMENT_MAX, INFORMATIVE, MOVED, TOLD_APART
from ..reasons import NO_MODE_EXISTS, Code, Reason
from .comparison import Comparison
from .fit import Status

if TYPE_CHECKING:
    import pandas as pd

    from .fit import Fit

#: Bins of the histogram of ranks and of the calibration curve, and steps of the figure of PIT.
RANK_BINS, CALIBRATION_BINS, LEVELS = 20, 10, 100

#: Scalars with rank plots and traces, and draws of a chain that a trace shows.
WORST, TRACED = 2, 60

#: Observations of a bin of the calibration curve, at least.
PER_BIN = 10

#: Standard normal deviates that hold 95 % of a count.
BAND = 1.96

#: Scalars that the second of a pair is sought among.
AMONG = 100


def displayed(c: Comparison) -> Comparison:
    """The comparison with :attr:`Comparison.display` made of its other parts.

    ``checks`` of each gate, as :class:`bayescompare.metrics.gates.Check`; ``engines``, the one state of each fit;
    ``states`` of each scalar by layer and its
    ``severity``, the largest gap in margins; ``variables``, the worst state of each; ``ranks``, rank histograms and
    traces of the scalars whose R-hat is largest;
    ``terms``, by likelihood term the shares of PIT values, the calibration of what is 0 or 1, and two counts;
    ``elpd``, which arm predicts better; ``readings``
    of the sensitivity; ``moved``, whether the coordinates move the mode; ``pair``, two
    coordinates at once; ``cause``, the reason of the verdict, or None.
    """
    margins = v.Margins(**{k: x for k, x in c.settings.get("margins", {}).items() if k in v.Margins.__annotations__})
    columns = {str(k): c.table[k].to_numpy(float) for k in c.table.columns if c.table[k].dtype.kind in "fiu"}
    severity = _severity(c.table, columns, margins)
    display = {
        "checks": {"optimiser": _optimiser(c), "sampler": _sampler(c.fits.get("nuts"))},
        "engines": {name: _engine(c, name, fit, margins) for name, fit in c.fits.items()},
        "states": (states := _states(c.table, columns, margins)),
        "variables": _by_variable(c, states),
        "severity": severity,
        "ranks": _ranks(c),
        "terms": {term: _term(arrays) for term, arrays in c.pointwise.items()},
        "elpd": _better(c.prediction),
        "readings": _readings(c.sensitivity),
        "moved": bool((np.abs(columns["shift_coordinates"]) >= MOVED).any()),
        "pair": _pair(c, severity),
        "cause": _cause(c),
    }
    return replace(c, display=json.loads(json.dumps(display)))  # as it comes back from a file


#: Share of a prior's variance that the data take off, up to which they say little.
WEAK = 0.1

#: Skewness from which a marginal's mode and mean are called apart by its shape.
SKEWED = 0.5


def _cause(c: Comparison) -> dict[str, Any] | None:
    """Why the MAP, or its Laplace approximation, differs; None where nothing differs or no cause is known."""
    overall = c.verdict.overall
    if overall.state not in (v.State.DIFFERS, v.State.UNDECIDED):
        return None
    found = _of_location(c) if overall.deciding in ("location", "decision", "prediction", "coordinates") else None
    joint = c.verdict.layers.get("joint")
    if joint is not None and joint.criterion == "basins" and joint.state is v.State.DIFFERS:
        share = c.joint["basins"][0]["share"]["value"]
        found = Reason(Code.SEVERAL_MODES, (), {"modes": len(c.joint["basins"]), "share": share})
    spread = c.verdict.layers.get("spread")
    if found is None and spread is not None and spread.scalar and spread.state is v.State.DIFFERS:
        found = Reason(Code.CURVATURE, (spread.scalar,))
    return None if found is None else found.to_json()


def _of_location(c: Comparison) -> Reason | None:
    """An edge, a volume that the marginal mode takes in, or a skewed marginal."""
    layer = c.verdict.layers.get("location")
    if layer is None or layer.scalar is None or layer.state not in (v.State.DIFFERS, v.State.UNDECIDED):
        return None
    row = c.table.loc[layer.scalar]
    edge = layer.scalar if row["boundary"] else next(iter(c.fits["map"].diagnostics.get("boundary") or ()), None)
    if edge is not None and edge in c.table.index:
        return Reason(Code.AT_EDGE, (str(edge),), {"at": float(c.table.loc[edge, "map"])})
    latent = c.fits["marginal_map"].diagnostics.get("latent") if "marginal_map" in c.fits else None
    marginal = next((one for one in c.rungs if one["method"] == "marginal_map"), None)
    if latent and marginal and marginal["location"] and marginal["location"]["state"] != "differs":
        return Reason(Code.LATENT_VOLUME, tuple(map(str, latent)))
    if row["contraction"] <= WEAK:
        return Reason(Code.WEAKLY_IDENTIFIED, (layer.scalar,), {"contraction": float(row["contraction"])})
    if abs(row["skewness"]) >= SKEWED:
        return Reason(Code.SKEWED, (layer.scalar,), {"skewness": float(row["skewness"])})
    return None


# -- the gates -------------------------------------------------------------------------------------


def _optimiser(c: Comparison) -> list[dict[str, Any]]:
    mode = c.fits.get("map")
    if mode is None or "starts" not in mode.diagnostics:
        return []
    d, limit = mode.diagnostics, c.settings.get("mode", {}).get("decrement", DECREMENT_MAX)
    found = gates.optimiser_checks(d["starts_agree"], len(d["starts"]), d["newton_decrement"], limit)
    return [asdict(check) for check in found]


def _sampler(nuts: Fit | None) -> list[dict[str, Any]]:
    if nuts is None or "r_hat_max" not in nuts.diagnostics:
        return []
    d = nuts.diagnostics
    figures = gates.SamplerFigures(
        r_hat_max=d["r_hat_max"],
        ess_min=float(np.fmin(d["ess_min"], d["ess_tail_min"])),
        worst_r_hat="",
        worst_ess="",
        draws=d["chains"] * d["draws"],
        divergences=d.get("divergences"),
        e_bfmi_min=min(d["e_bfmi"]) if d.get("e_bfmi") else None,
    )
    return [asdict(check) for check in gates.sampler_checks(figures)]


#: Why a mode or an approximation is not there, where no search has failed.
NONE_EXISTS = NO_MODE_EXISTS | {Code.ONLY_IN_PRIORS, Code.RIDGE, Code.NOT_IDENTIFIED}
NOTHING_TO_DO = frozenset(
    {Code.NO_UNCONSTRAINED_MODE, Code.NO_WIDTH, Code.TOO_LARGE, Code.NO_MAP, Code.NO_MARGINAL_MODE}
)


def _engine(c: Comparison, name: str, fit: Fit, margins: v.Margins) -> str:
    """``sound``, ``failed``, ``unchecked``, ``undecided``, ``not_computed``, or ``none`` where no mode exists."""
    gate = c.verdict.layers.get({"map": "optimiser", "nuts": "sampler"}.get(name, ""))
    if gate is not None:
        return str(gate.state)
    codes = {reason.code for reason in fit.reasons}
    if fit.status is Status.NOT_RUN or (fit.status is Status.FAILED and codes & NOTHING_TO_DO):
        return "not_computed"
    if fit.status is not Status.OK:
        return "none" if codes & NONE_EXISTS else "failed"
    if name not in ("laplace", "marginal_laplace"):
        return "sound"
    k_hat, mcse = (fit.diagnostics.get(key, math.nan) for key in ("k_hat", "k_hat_mcse"))
    covers = v.criterion("laplace", "k_hat", Figure(k_hat, mcse), margins.k_hat, 1, Reason(Code.LAPLACE_K_HAT))
    told = {v.State.SAME: "sound", v.State.DIFFERS: "failed", v.State.UNDECIDED: "undecided"}
    return told.get(covers.state, "unchecked")


# -- by scalar -------------------------------------------------------------------------------------


def _states(table: pd.DataFrame, columns: dict[str, np.ndarray], margins: v.Margins) -> dict[str, dict[str, str]]:
    """Of location and spread, by scalar, as the verdict judges them; those not computed are left out."""
    names = tuple(map(str, table.index))
    figures = {
        "location": v.location_figures(names, columns, margins),
        "spread": v.spread_figures(names, columns, margins),
    }
    return {
        layer: {names[i]: state for state, mask in v.judge(found)[2].items() for i in np.flatnonzero(mask)}
        for layer, found in figures.items()
    }


def _by_variable(c: Comparison, states: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Of each variable the worst state of its scalars, in location and spread; without those not computed."""
    found: dict[str, str] = {}
    names = iter(map(str, c.table.index))
    for variable, of in c.layout.get("variables", {}).items():
        own = list(itertools.islice(names, math.prod(of["shape"])))
        told = {layer[name] for layer in states.values() for name in own if name in layer}
        worst = next((state for state in ("differs", "undecided", "same") if state in told), None)
        if worst:
            found[variable] = worst
    return found


def _severity(table: pd.DataFrame, columns: dict[str, np.ndarray], margins: v.Margins) -> dict[str, float]:
    """Largest gap of each scalar in margins, over location and spread; 0 where it has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(columns["z"]) / margins.location
        rank = np.abs(columns["rank"] - 0.5) / margins.rank
        ratio = np.where(columns["sd_ratio"] > 0, columns["sd_ratio"], np.nan)
        spread = np.abs(np.log(ratio)) / margins.spread
    largest = np.nan_to_num(np.fmax(np.where(np.isnan(z), rank, z), spread), nan=0.0)
    return dict(zip(map(str, table.index), largest.tolist(), strict=True))


def _ranks(c: Comparison) -> list[dict[str, Any]]:
    """Counts of pooled ranks by chain, and the chains thinned evenly, of the scalars whose R-hat is largest."""
    nuts = c.fits.get("nuts")
    if nuts is None or nuts.draws is None or nuts.draws.size == 0:
        return []
    place = {name: i for i, name in enumerate(nuts.names)}
    finite = np.isfinite(nuts.draws).all(axis=(0, 1))
    known = [
        (-math.inf if math.isnan(r_hat) else r_hat, -i, name)
        for i, (name, r_hat, sd) in enumerate(zip(c.table.index, c.table["r_hat"], c.table["sd"], strict=True))
        if name in place and finite[place[name]] and sd != 0
    ]
    worst = [name for _, _, name in sorted(known, reverse=True)[:WORST]]
    return [{"name": name, **_chains(np.asarray(nuts.draws[:, :, place[name]], dtype=float))} for name in worst]


def _chains(x: np.ndarray) -> dict[str, Any]:
    """The rank histogram of each chain, and the chain itself by draws evenly chosen."""
    rank = np.empty(x.size, dtype=np.int64)
    rank[np.argsort(x, axis=None, kind="stable")] = np.arange(x.size)
    bins = (rank.reshape(x.shape) * RANK_BINS) // x.size
    counts = [np.bincount(row, minlength=RANK_BINS).tolist() for row in bins]
    kept = np.unique(np.linspace(0, x.shape[1] - 1, min(x.shape[1], TRACED)).astype(int))
    return {"counts": counts, "trace": x[:, kept].tolist(), **_uniform(x.shape[1], RANK_BINS)}


def _uniform(n: int, bins: int) -> dict[str, float]:
    """Of a bin among so many: what is expected in it, and half the width of the band that holds 95 % of counts."""
    return {"expected": n / bins, "half": BAND * math.sqrt(n * (1 / bins) * (1 - 1 / bins))}


# -- prediction and sensitivity --------------------------------------------------------------------


def _term(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Of a likelihood term: shares of PIT values, calibration, how many observations lie outside of 95 %, or gain."""
    found: dict[str, Any] = {}
    for key in ("pit", "plugin_pit"):
        if key in arrays:
            known = arrays[key][np.isfinite(arrays[key])]
            found[key] = _pit(known)
    if "mean" in arrays and set(np.unique(arrays["observed"])) <= {0.0, 1.0}:
        found |= {
            key: _calibration(arrays[key], arrays["observed"]) for key in ("mean", "plugin_mean") if key in arrays
        }
    if "q2.5" in arrays:
        outside = (arrays["observed"] < arrays["q2.5"]) | (arrays["observed"] > arrays["q97.5"])
        found["outside"] = int(outside.sum())
    if "elpd_loo" in arrays and "elpd_plugin" in arrays:
        with np.errstate(invalid="ignore"):
            found["better"] = int((arrays["elpd_loo"] - arrays["elpd_plugin"] > 0).sum())
    return found


def _pit(values: np.ndarray) -> dict[str, Any]:
    """By how much the shares below each of even levels leave those of a uniform law, and half the width of the band
    that holds all of them with a probability of 95 % where it is one (Kolmogorov and Smirnov's, in Stephens's form:
    to 0.3 % from five values on).
    """
    n, levels = len(values), np.linspace(0.0, 1.0, LEVELS + 1)
    gap = np.searchsorted(np.sort(values), levels, side="right") / max(n, 1) - levels
    half = kolmogi(0.05) / (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) if n else 1.0
    return {"gap": gap.tolist(), "half": min(float(half), 0.975)}


def _calibration(predicted: np.ndarray, observed: np.ndarray) -> dict[str, list[float]]:
    """Of observations that are 0 or 1, in bins of like predictions: predicted and observed shares.

    ``low`` and ``high`` hold 95 % of the observed shares if the predictions hold.
    """
    order = np.argsort(predicted, kind="stable")
    bins = [part for part in np.array_split(order, min(CALIBRATION_BINS, max(len(order) // PER_BIN, 1))) if part.size]
    p, n = np.array([predicted[part].mean() for part in bins]), np.array([len(part) for part in bins])
    ends = np.stack([_counts(level, n, np.clip(p, 0.0, 1.0)) for level in (0.025, 0.975)]) / n
    shares = [float(observed[part].mean()) for part in bins]
    return {"predicted": p.tolist(), "observed": shares, "low": ends[0].tolist(), "high": ends[1].tolist()}


def _counts(level: float, n: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Quantiles of binomial counts: the least whose cumulative probability is at least ``level``."""
    inside = (p > 0) & (p < 1)
    least = np.ceil(bdtrik(level, n, np.where(inside, p, 0.5)))
    below = np.maximum(least - 1, 0)
    least = np.where(bdtr(below, n, p) >= level, below, least)
    return np.asarray(np.where(inside, least, n * p))


def _better(prediction: Mapping[str, Any]) -> str | None:
    """``posterior`` or ``plugin``, ``neither`` where their elpd cannot be told apart; None where it is not known."""
    gain, se = ((prediction.get(key) or {}).get("value") for key in ("elpd_diff", "elpd_diff_se"))
    if gain is None or se is None or math.isnan(gain + se):
        return None
    if abs(gain) <= TOLD_APART * se:
        return "neither"
    return "posterior" if gain > 0 else "plugin"


def _readings(sensitivity: Mapping[str, Any]) -> dict[str, str]:
    """By scalar: ``data`` decide, ``conflict`` of prior and data, or ``prior`` (a strong one, or weak data)."""
    found = {}
    for name, of_prior in sensitivity.get("prior", {}).items():
        prior, likelihood = (one["power_scaling"]["value"] for one in (of_prior, sensitivity["likelihood"][name]))
        if prior is None or likelihood is None or math.isnan(prior + likelihood):
            continue
        told = "conflict" if likelihood >= INFORMATIVE else "prior"
        found[name] = told if prior >= INFORMATIVE else "data"
    return found


# -- two coordinates -------------------------------------------------------------------------------


def _pair(c: Comparison, severity: Mapping[str, float]) -> dict[str, Any] | None:
    """The free scalar most off, and the one with which the Laplace approximation ties it most wrongly.

    None where there are not two free scalars, or where coordinates and scalars are not one to one.
    """
    from ..metrics.pair import Coordinates, pair

    nuts, d = c.fits.get("nuts"), c.model.parameters
    free = [str(name) for name in c.table.index[c.table["kind"] == "free"]]
    if nuts is None or nuts.unconstrained_draws is None or len(free) != d or d < 2:
        return None
    u = np.asarray(nuts.unconstrained_draws)
    laplace = c.fits["laplace"].unconstrained_draws if "laplace" in c.fits else None
    modes = [c.fits[name].unconstrained if name in c.fits else None for name in ("map", "unconstrained_map")]
    of = Coordinates(
        free,
        u.reshape(-1, d),
        u.reshape(-1, d) if nuts.draws is None else np.asarray(nuts.draws)[..., :d].reshape(-1, d),
        None if laplace is None else np.asarray(laplace).reshape(-1, d),
        *(np.full(d, math.nan) if at is None else at for at in modes),
    )
    first, *others = sorted(range(d), key=lambda i: -severity[free[i]])[:AMONG]
    found = pair(of, first, others)
    return None if found is None else asdict(found)
