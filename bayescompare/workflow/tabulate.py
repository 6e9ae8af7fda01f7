"""From fits to figures: arrays go to ``metrics``, names and reasons come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FitError
from ..methods.laplace import k_hat
from ..methods.modes.basins import SAMPLE, Climbs
from ..metrics import joint as j
from ..metrics.coverage import paired_difference
from ..metrics.decision import Decision
from ..metrics.figure import Figure, as_json
from ..model.problem import Problem
from ..reasons import Code, Reason, not_computed
from ..results.fit import Fit, Status
from .arms import Heights
from .gather import Gathered
from .predicted import Predicted, margin_of_elpd

if TYPE_CHECKING:
    import pandas as pd

    from ..metrics.gates import SamplerFigures
    from ..metrics.verdict import Layer, Margins, Verdict
    from .options import CompareOptions

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

#: Laplace mass of a basin without a single draw from which the sampler is not believed.
UNSEEN = 0.9


def table(g: Gathered, fits: Mapping[str, Fit], options: CompareOptions) -> pd.DataFrame:
    """Every column of METRICS, a row per scalar and quantity."""
    import pandas as pd

    from ..metrics import table as marginal

    columns, reasons = marginal.table(
        marginal.Marginals(g.draws, g.map, g.map_unconstrained, g.mle, g.laplace, g.prior, options.interval, g.winding)
    )
    edges = {place: set(fits["map"].diagnostics.get(place, ())) for place in ("boundary", "kink")}
    front = {
        "kind": np.array(g.kinds, dtype=object),
        **{place: np.array([name in names for name in g.names]) for place, names in edges.items()},
    }
    columns |= _others(g, options.interval)
    shifts = fits["laplace"].diagnostics.get("shift_predicted", {})
    predicted = np.array([shifts.get(name, np.nan) for name in g.names])
    with np.errstate(divide="ignore", invalid="ignore"):
        columns["shift_coordinates_predicted"] = predicted / columns["sd"]
    frame = pd.DataFrame(
        {**front, **columns, "reason": np.array([str(one or "") for one in reasons], dtype=object)}, index=list(g.names)
    )
    frame.index.name = "name"
    return frame


def _others(g: Gathered, interval: float) -> dict[str, Array]:
    """The points of further methods by their names, of those with draws mean, sd and equal-tailed interval:
    ``marginal_mean``, ``marginal_sd``, ``marginal_lb``, ``marginal_ub``."""
    tail, columns = (1 - interval) / 2, {}
    for name, values in g.others.items():
        if values.ndim == 1:
            columns[name] = values
        else:
            short = name.removesuffix("_laplace")
            flat = values.reshape(-1, values.shape[-1])
            lower, upper = np.quantile(flat, [tail, 1 - tail], axis=0)
            columns |= {f"{short}_mean": flat.mean(axis=0), f"{short}_sd": flat.std(axis=0, ddof=1)}
            columns |= {f"{short}_lb": lower, f"{short}_ub": upper}
    return columns


@dataclass(frozen=True)
class Joint:
    """The joint figures of one comparison; see :mod:`bayescompare.metrics.joint`."""

    typicality: j.Typicality
    joint_level: Figure
    distance: j.Distance
    k_hat: Figure
    basins: j.Basins | None
    log_evidence: Figure
    log_evidence_psis: Figure
    why_no_basins: Reason


def joint(
    problem: Problem,
    fits: Mapping[str, Fit],
    heights: Heights,
    climbs: Climbs | None,
    why_no_basins: str | None = None,
) -> Joint:
    """Typicality, levels and distances of the MAP, k-hat, basins, evidence."""
    top, at, laplace = fits["unconstrained_map"], fits["map"], fits["laplace"]
    u, draws = at.unconstrained, fits["nuts"].unconstrained_draws
    if draws is None:
        raise FitError("NUTS returned no draws.", fits["nuts"])
    finite = u is not None and bool(np.isfinite(u).all())
    lp_map = problem.density(u, (1.0, 1.0, 1.0))[0] if finite and u is not None else np.nan
    nowhere = np.full(problem.dimension, np.nan)
    why = _why_no_laplace(fits)
    found, d = laplace.status is not Status.FAILED, laplace.diagnostics
    psis = d.get("psis", {})
    basins = None
    if climbs is not None:
        basins = j.basins(np.array([m["log_mass"] for m in climbs.modes]), climbs.assigned)
    return Joint(
        typicality=j.typicality(heights.unconstrained_map, top.log_density, problem.dimension),
        joint_level=j.joint_level(heights.unconstrained_map, lp_map),
        distance=j.mahalanobis(draws, nowhere if u is None else u),
        k_hat=k_hat(laplace) if found else Figure.missing(why),
        basins=basins,
        log_evidence=_evidence(problem, d.get("log_evidence"), None, why),
        log_evidence_psis=_evidence(
            problem,
            psis.get("log_evidence"),
            psis.get("log_evidence_mcse"),
            Reason.from_json(psis["reason"]) if psis.get("reason") else why,
        ),
        why_no_basins=not_computed(why_no_basins) if why_no_basins else Reason(Code.NO_BASINS),
    )


def no_joint(reason: str) -> Joint:
    """What stands for joint figures that could not be computed."""
    why = not_computed(reason)
    none, empty = Figure.missing(why), np.empty(0)
    typicality, distance = j.Typicality(none, 0, empty, empty, empty), j.Distance(none, none)
    return Joint(typicality, none, distance, none, None, none, none, why)


def _evidence(problem: Problem, value: float | None, mcse: float | None, why: Reason) -> Figure:
    if problem.improper:
        return Figure.missing(Reason(Code.NO_EVIDENCE, tuple(problem.improper)))
    return Figure.missing(why) if value is None else Figure(value, mcse)


def described(found: Joint, climbs: Climbs | None) -> dict[str, Any]:
    """The joint figures as the JSON document has them: each ``{value, mcse, reason}``."""
    t, basins = found.typicality, found.basins
    document: dict[str, Any] = {
        "typicality": as_json(t.mean_ratio),
        "above": t.above,
        "typicality_levels": t.levels.tolist(),
        "typicality_quantiles": t.quantiles.tolist(),
        "typicality_chi2": t.chi2.tolist(),
        "joint_level": as_json(found.joint_level),
        "mahalanobis": as_json(found.distance.distance),
        "mahalanobis_percentile": as_json(found.distance.percentile),
        "k_hat": as_json(found.k_hat),
        "log_evidence": as_json(found.log_evidence),
        "log_evidence_psis": as_json(found.log_evidence_psis),
        "basins": [],
        "outside": as_json(Figure.missing(found.why_no_basins) if basins is None else basins.outside),
    }
    if basins is not None and climbs is not None:
        document["basins"] = [
            {
                "log_density": one["log_density"],
                "found_by": one["found_by"],
                "mass": as_json(mass),
                "share": as_json(share),
            }
            for one, mass, share in zip(climbs.modes, basins.masses, basins.shares, strict=True)
        ]
    return document


@dataclass(frozen=True)
class Evidence:
    """What the layers are judged by, beyond the table."""

    joint: Joint
    predicted: Predicted
    decided: tuple[Decision, ...]
    why_undecided: str = ""


LAYERS = ("decision", "location", "prediction", "spread", "joint", "coordinates")


def verdict(
    fits: Mapping[str, Fit], table: pd.DataFrame, evidence: Evidence, margins: Margins, focus: Sequence[str]
) -> Verdict:
    """Gates, layers and the whole; of single scalars the layers look at those of ``focus``."""
    from ..metrics import gates
    from ..metrics import verdict as v
    from ..results import sentence

    mode, nuts = fits["map"], fits["nuts"]
    d = mode.diagnostics
    layers = {
        "optimiser": gates.optimiser_gate(
            str(mode.status), mode.reasons, d["starts_agree"], len(d["starts"]), d["newton_decrement"]
        ),
        "sampler": gates.sampler_gate(_sampler_figures(table, nuts)),
    }
    unseen = _unseen_mode(evidence.joint.basins)
    if unseen and v.is_open(layers["sampler"]):
        layers["sampler"] = replace(
            layers["sampler"], state=v.State.FAILED, reason=unseen, unchecked=(), faults=(unseen,)
        )
    if all(v.is_open(layers[gate]) for gate in layers):
        layers |= _layers(fits, table.loc[list(focus)], evidence, margins)
    else:
        layers |= {name: v.Layer(name, v.State.NOT_COMPUTED, Reason(Code.GATE_FAILED)) for name in LAYERS}
    return v.Verdict(sentence.overall(layers, table, mode, nuts), layers)


def _unseen_mode(basins: j.Basins | None) -> Reason | None:
    """A basin that by Laplace holds nearly all mass and no draw climbs to, if there is one.

    Chains that agree with each other can all be in the wrong place.
    """
    for mass, share in zip(basins.masses, basins.shares, strict=True) if basins is not None else ():
        if mass.known and mass.value > UNSEEN and share.value == 0:
            return Reason(Code.UNSEEN_MODE, figures={"mass": float(mass.value)})
    return None


def _layers(fits: Mapping[str, Fit], table: pd.DataFrame, evidence: Evidence, margins: Margins) -> dict[str, Layer]:
    """The layers, in the order in which they decide."""
    from ..metrics import verdict as v
    from ..results import sentence

    nuts = fits["nuts"].diagnostics
    draws = int(nuts["chains"] * nuts["draws"])
    names, column = tuple(table.index), {name: table[name].to_numpy() for name in table.columns if name != "kind"}

    def of(name: str, figures: v.Figures, say: Callable[..., Reason], missing: Reason) -> Layer:
        return v.layer(name, figures, draws, lambda i: say(names[i], column, i), missing)

    no_scalar, no_mode = Reason(Code.NO_SCALAR), Reason(Code.NO_UNCONSTRAINED_MAP)
    return {
        "decision": v.worst_of("decision", _decision_criteria(evidence, margins, draws)),
        "location": of("location", v.location_figures(names, column, margins), sentence.location, no_scalar),
        "prediction": v.worst_of("prediction", _prediction_criteria(evidence.predicted, margins, draws)),
        "spread": of("spread", v.spread_figures(names, column, margins), sentence.spread, _why_no_laplace(fits)),
        "joint": v.worst_of("joint", _joint_criteria(fits, evidence.joint, margins)),
        "coordinates": of("coordinates", v.coordinate_figures(names, column, margins), sentence.coordinates, no_mode),
    }


def _decision_criteria(evidence: Evidence, margins: Margins, draws: int) -> list[Layer]:
    from ..metrics import verdict as v
    from ..results import sentence

    def said(d: Decision) -> Reason:
        return sentence.criterion(Code.REGRET, d.relative_regret, loss=d.loss)

    if not evidence.decided:
        why = evidence.why_undecided
        reason = not_computed(why) if why else Reason(Code.NO_LOSS)
        return [v.Layer("decision", v.State.NOT_COMPUTED, reason, applies=bool(why))]
    return [
        v.criterion("decision", d.loss, d.relative_regret, margins.decision, draws, said(d)) for d in evidence.decided
    ]


def _prediction_criteria(predicted: Predicted, margins: Margins, draws: int) -> list[Layer]:
    """Variance discarded, elpd and coverage; one that cannot exist for this likelihood does not count."""
    from ..metrics import verdict as v
    from ..results import sentence

    total = predicted.total
    share, elpd, coverage = total.variance_discarded.share, total.elpd.elpd_diff, total.coverage.largest
    found = {
        "variance_discarded": (share, margins.variance_discarded, sentence.criterion(Code.VARIANCE_DISCARDED, share)),
        "elpd": (elpd, margin_of_elpd(total, margins.elpd), sentence.criterion(Code.ELPD_DIFF, elpd, "elpd_diff")),
        "coverage": (coverage, margins.coverage, sentence.criterion(Code.COVERAGE, coverage)),
    }
    criteria = []
    for key, (figure, margin, said) in found.items():
        why = predicted.applies[key]
        if key == "coverage" and why is None:
            why = _too_few(coverage, total.elpd.observations, margin)
        if why is not None:
            criteria.append(v.Layer("prediction", v.State.NOT_COMPUTED, why, criterion=key, applies=False))
        else:
            criteria.append(v.criterion("prediction", key, figure, margin, draws, said))
    return criteria


def _too_few(found: Figure, n: int, margin: float) -> Reason | None:
    """Why so few observations cannot tell the arms' coverage apart, if they cannot.

    Where even arms that agree on every observation would not come out the same, only a difference says something.
    """
    if not n:
        return None
    least = paired_difference(0, 0, n).mcse or 0.0
    if 2 * least <= margin or (found.mcse is not None and found.value - 2 * found.mcse > margin):
        return None
    return Reason(Code.TOO_FEW_OBSERVATIONS, figures={"observations": n, "margin": margin})


def _joint_criteria(fits: Mapping[str, Fit], found: Joint, margins: Margins) -> list[Layer]:
    """k-hat of the Laplace draws, and the share of the draws outside of the MAP's basin."""
    from ..metrics import verdict as v
    from ..results import sentence

    outside = Figure.missing(found.why_no_basins) if found.basins is None else found.basins.outside
    sample = int(fits["laplace"].diagnostics.get("draws", 0))
    tails = sentence.criterion(Code.LAPLACE_K_HAT, found.k_hat, "k_hat")
    return [
        # Of two that differ the first is told: where there are several modes a single Gaussian's k-hat is no news.
        v.criterion("joint", "basins", outside, margins.basins, SAMPLE, sentence.criterion(Code.OUTSIDE, outside)),
        v.criterion("joint", "k_hat", found.k_hat, margins.k_hat, sample, tails),
    ]


def _why_no_laplace(fits: Mapping[str, Fit]) -> Reason:
    return Reason(Code.NO_LAPLACE_SD, causes=fits["laplace"].reasons[:1])


def converged(nuts: Fit, table: pd.DataFrame) -> Fit:
    """The sampler's fit with its convergence, over the free variables' scalars, and the status that follows."""
    from ..metrics.diagnostics import e_bfmi
    from ..metrics.gates import sampler_gate
    from ..metrics.verdict import is_open

    free = table[table["kind"] == "free"]
    # Of draws that do not follow each other the energies' differences say nothing of the sampler's steps.
    energy = nuts.statistics.get("energy") if nuts.diagnostics.get("thinning", 1) == 1 else None
    figures = {
        "r_hat_max": _most(free["r_hat"], np.nanmax),
        "ess_min": _most(free["ess_bulk"], np.nanmin),
        "ess_tail_min": _most(free["ess_tail"], np.nanmin),
        "e_bfmi": None if energy is None else e_bfmi(energy).tolist(),
    }
    nuts = replace(nuts, diagnostics={**nuts.diagnostics, **figures})
    gate = sampler_gate(_sampler_figures(table, nuts))
    if is_open(gate):
        return nuts
    return replace(nuts, status=Status.SUSPECT, reasons=(*gate.faults, *nuts.reasons))


def _most(column: pd.Series, worst: Callable[[Array], float]) -> float:
    values = column.to_numpy()
    return float(worst(values)) if np.isfinite(values).any() else float("nan")


def _sampler_figures(table: pd.DataFrame, nuts: Fit) -> SamplerFigures:
    from ..metrics.gates import SamplerFigures

    free = table[table["kind"] == "free"]
    d = nuts.diagnostics
    ess = np.fmin(free["ess_bulk"].to_numpy(), free["ess_tail"].to_numpy())
    place = {name: i for i, name in enumerate(nuts.names)}
    draws = np.asarray(nuts.draws)[..., [place[name] for name in free.index]]
    return SamplerFigures(
        r_hat_max=d["r_hat_max"],
        ess_min=float(np.fmin(d["ess_min"], d["ess_tail_min"])),
        worst_r_hat=free.index[int(np.argmax(np.nan_to_num(free["r_hat"].to_numpy(), nan=-np.inf)))],
        worst_ess=free.index[int(np.argmin(np.nan_to_num(ess, nan=np.inf)))],
        draws=d["chains"] * d["draws"],
        divergences=d["divergences"],
        e_bfmi_min=None if d["e_bfmi"] is None else min(d["e_bfmi"]),
        not_finite=tuple(free.index[~np.isfinite(draws).all(axis=(0, 1))]),
        constant=tuple(free.index[(draws == draws[:1, :1]).all(axis=(0, 1))]),
    )
