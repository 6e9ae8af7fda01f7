"""The verdict in words: one sentence with its deciding figure, and what to do next.

Subject, figure ± error, reference point; no adjective of size; names as in the model.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..formatting import LARGE, count, figure, fixed, percent, plain, point
from ..metrics.thresholds import ESS_MIN, NEARLY_MIXED, R_HAT_MAX
from ..metrics.verdict import GATES, Layer, Overall, State, stands_as_point
from ..reasons import NO_MODE_EXISTS, Code, Reason
from ..wording import fault, rise

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..metrics.figure import Figure
    from .fit import Fit

_S = "\N{RIGHT SINGLE QUOTATION MARK}s"


def location(name: str, column: dict[str, np.ndarray[Any, Any]], i: int) -> Reason:
    """``tau: z = −1.14 ± 0.04``."""
    key, code = ("z", Code.Z) if math.isfinite(column["z"][i]) else ("rank", Code.RANK)
    return _fact(code, name, **{key: column[key][i], "mcse": column[f"{key}_mcse"][i]})


def spread(name: str, column: dict[str, np.ndarray[Any, Any]], i: int) -> Reason:
    """``tau: Laplace sd ratio 16.7 ± 0.4``."""
    return _fact(Code.SD_RATIO, name, sd_ratio=column["sd_ratio"][i], mcse=column["sd_ratio_mcse"][i])


def coordinates(name: str, column: dict[str, np.ndarray[Any, Any]], i: int) -> Reason:
    """``tau: the mode moves by 0.92 ± 0.02 sd with the coordinates``."""
    gap = abs(column["shift_coordinates"][i])
    return _fact(Code.SHIFT, name, shift=gap, mcse=gap * column["mcse_sd"][i] / column["sd"][i])


def criterion(code: Code, found: Figure, key: str = "share", **more: str) -> Reason:
    """What a figure says, under the key that its code has for it: ``coverage differs by at most 2 ± 1 %``."""
    return Reason(code, figures={key: float(found.value), "mcse": float(found.mcse or 0.0), **more})


def _fact(code: Code, name: str, **figures: float) -> Reason:
    return Reason(code, (name,), {key: float(value) for key, value in figures.items()})


def overall(layers: dict[str, Layer], table: pd.DataFrame, mode: Fit, nuts: Fit) -> Overall:
    """State, opening, sentence and advice of the whole; what of the sampler was not checked is said with it."""
    from ..metrics.verdict import overall as rule

    state, deciding = rule(layers)
    found = _answer(state, str(deciding), layers, table, (mode, nuts))
    missing = layers["sampler"].unchecked if "sampler" in layers else ()
    if not missing or layers["sampler"].state is State.FAILED:
        return found
    said = f"The draws came without what shows {' and '.join(missing)}, so these were not checked."
    return replace(found, sentence=f"{found.sentence} {said}")


def _answer(
    state: State, deciding: str, layers: dict[str, Layer], table: pd.DataFrame, fits: tuple[Fit, Fit]
) -> Overall:
    nuts = fits[1]
    posterior = "NUTS posterior" if by_nuts(nuts) else "posterior"
    if state is State.NO_VERDICT:
        return _no_verdict(layers, fits, deciding)
    layer = layers[deciding]
    if state is State.DIFFERS and deciding in GATES:
        return _no_map(layer, posterior)
    if state is State.DIFFERS:
        return _differs(layer, layers, table, posterior)
    if state is State.UNDECIDED:
        return _undecided(layer, table, nuts)
    return _same(layers, table)


def by_nuts(fit: Fit) -> bool:
    """True where the draws are known to be of the No-U-Turn Sampler; those brought from elsewhere need not be."""
    return bool(fit.diagnostics.get("sampler", "NUTS") == "NUTS")


def _no_verdict(layers: dict[str, Layer], fits: tuple[Fit, Fit], deciding: str) -> Overall:
    mode, nuts = fits
    posterior = "NUTS posterior" if by_nuts(nuts) else "posterior"
    optimiser, sampler = layers["optimiser"], layers["sampler"]
    no_mode = next((r for r in mode.reasons if r.code in NO_MODE_EXISTS), None)
    rises = "" if no_mode is None else rise(no_mode)
    if sampler.state is State.FAILED:
        faults = ", ".join(map(fault, sampler.faults))
        sentence = f"{'NUTS' if by_nuts(nuts) else 'The sampler'} did not converge ({faults})"
        if rises:
            sentence += f", and the model has no mode: {rises.replace('the density', 'its density')}"
        advice = f"Trust neither answer yet. {_better_draws(sampler, nuts)}"
        return Overall(State.NO_VERDICT, "No verdict.", sentence + ".", advice, deciding)
    return Overall(
        State.NO_VERDICT,
        "No verdict.",
        f"The search for the MAP is not to be trusted: {optimiser.reason}. The posterior stands.",
        f"Report the {posterior}.",
        deciding,
    )


def _better_draws(sampler: Layer, nuts: Fit) -> str:
    """What to do about draws that failed their checks: more of them where they were only too few."""
    figures = {fault.code: fault.figures for fault in sampler.faults}
    ess = float(figures.get(Code.ESS, {}).get("ess", ESS_MIN))
    r_hat = float(figures.get(Code.R_HAT, {}).get("r_hat", R_HAT_MAX))
    if by_nuts(nuts) and figures.keys() <= {Code.ESS, Code.R_HAT} and ess > 0 and r_hat <= NEARLY_MIXED:
        drawn = nuts.diagnostics["chains"] * nuts.diagnostics["draws"]
        short = max(ESS_MIN / ess, (r_hat - 1) / (R_HAT_MAX - 1))
        return f"The draws were too few: about {_draws(1.5 * drawn * short, nuts)}."  # half as many again: both vary
    smaller_steps = "target_accept or " if nuts.diagnostics.get("divergences") else ""
    return (
        f"Raise {smaller_steps}the number of draws, or write the model so that it is easier to sample (for group "
        "effects, the non-centred form)."
    )


def _no_map(optimiser: Layer, posterior: str) -> Overall:
    rises = rise(next(r for r in optimiser.reason.causes if r.code in NO_MODE_EXISTS))
    return Overall(
        State.DIFFERS,
        "No. There is no MAP.",
        f"{rises[:1].upper()}{rises[1:]}. The posterior stands.",
        f"Report the {posterior}. Where the variable that is named is the scale of group effects, the model's "
        "non-centred form has a mode.",
        optimiser.name,
    )


def _differs(layer: Layer, layers: dict[str, Layer], table: pd.DataFrame, posterior: str) -> Overall:
    deciding = layer.name
    row = table.loc[layer.scalar] if layer.scalar is not None else None
    if deciding == "location" and row is not None:
        also = f" {_others(layer)}" if layer.differing > 1 else ""
        advice = f"Report the {posterior} of {layer.scalar}. If one number is needed, take its mean or median.{also}"
        unconstrained = row["map_unconstrained"]
        if row["boundary"] and math.isfinite(unconstrained) and unconstrained != row["map"]:
            advice += (
                f" On the unconstrained scale the mode is at {layer.scalar} = {plain(unconstrained, 2)}, "
                f"{_where(unconstrained, row)}."
            )
        return Overall(State.DIFFERS, "No.", _location_sentence(layer, row), advice, deciding)
    if deciding != "spread" or row is None:
        sentence, advice = _other(layer, posterior)
        return Overall(State.DIFFERS, "No.", sentence, advice, deciding)
    ratio = str(figure(row["sd_ratio"], row["sd_ratio_mcse"]))
    as_point = stands_as_point(layers, deciding)
    sentence = f"The Laplace sd of {layer.scalar} is {ratio} times the posterior{_S}."
    near = "; the MAP itself is near its mean" if as_point else ""
    advice = f"Take the interval of the {posterior}{near}."
    opening = "As a point, yes; as an interval, no." if as_point else "No."
    return Overall(State.DIFFERS, opening, sentence, advice, deciding, as_point)


def _other(layer: Layer, posterior: str = "posterior") -> tuple[str, str]:
    """What is so of a layer that is neither location nor spread, and what to do; a sentence each."""
    gap = figure(layer.figure or 0.0, layer.mcse or 0.0)
    share = percent(layer.figure or 0.0, layer.mcse or 0.0)
    if layer.name == "coordinates":
        return (
            f"The mode of {layer.scalar} moves by {gap} posterior sd with the coordinates it is looked for in.",
            f"Say in which coordinates the mode was taken, or report the posterior of {layer.scalar}, which does not "
            "depend on them.",
        )
    return {
        "decision": (
            f"Acting on the MAP costs {share} % more expected loss than acting on the posterior.",
            "Take the Bayes action: it minimises the expected loss over the posterior draws.",
        ),
        "variance_discarded": (
            f"Predictions from the MAP leave out {share} % of their variance.",
            "Predict with the posterior predictive distribution.",
        ),
        "elpd": (
            f"Left-out observations are predicted {gap} nats {_better(layer)} by the posterior than by the MAP.",
            "Predict with the posterior predictive distribution."
            if _better(layer) == "better"
            else "The plug-in predicts better here: look at the prior and the model before either is used.",
        ),
        "coverage": (
            f"Predictive intervals of the two differ in coverage by {share} percentage points.",
            "Take predictive intervals from the posterior predictive distribution.",
        ),
        "k_hat": (
            f"The Laplace approximation does not cover the posterior: its Pareto k-hat is {gap}.",
            f"Take intervals and joint statements from the {posterior}.",
        ),
        "basins": (
            f"{share} % of the draws lie outside of the MAP{_S} basin.",
            "Report the posterior: one mode stands for a part of it only.",
        ),
    }["decision" if layer.name == "decision" else layer.criterion or layer.name]


def _better(layer: Layer) -> str:
    return "worse" if layer.below else "better"


def _others(layer: Layer) -> str:
    n = layer.differing - 1
    return f"{count(n)} other scalar{'s differ' if n > 1 else ' differs'} too."


def _location_sentence(layer: Layer, row: pd.Series) -> str:
    name = layer.scalar
    if not math.isfinite(row["z"]):
        rank = figure(100 * row["rank"], 100 * row["rank_mcse"])
        return f"The MAP of {name} is at the {rank} % point of its posterior, which has no standard deviation."
    distance = figure(abs(row["z"]), row["z_mcse"])
    side = "below" if row["z"] < 0 else "above"
    mean = _mean(row)
    if row["boundary"]:
        return (
            f"The MAP sets {name} to {point(row['map'], exact=True)}, the edge of its range, "
            f"{distance} posterior sd {side} the posterior mean of {mean}."
        )
    return f"The MAP of {name} sits {distance} posterior sd {side} its posterior mean of {mean}."


def _mean(row: pd.Series) -> str:
    places = 1 - math.floor(math.log10(abs(row["mcse_mean"]))) - 1 if row["mcse_mean"] > 0 else 3
    ordinary = 1 <= abs(row["mean"]) < LARGE
    return fixed(row["mean"], max(places - 1, 0)) if ordinary else plain(row["mean"], 2)


def _where(value: float, row: pd.Series) -> str:
    if value > row["eti_ub"]:
        return "beyond the posterior on the other side" if row["z"] < 0 else "further out"
    if value < row["eti_lb"]:
        return "beyond the posterior on the other side" if row["z"] > 0 else "further out"
    return "inside the posterior"


def _undecided(layer: Layer, table: pd.DataFrame, nuts: Fit) -> Overall:
    if layer.state is State.NOT_COMPUTED:
        sentence = f"The layer {layer.name} could not be computed: {layer.reason}."
        posterior = "NUTS posterior" if by_nuts(nuts) else "posterior"
        advice = f"Where the other layers agree the MAP may serve; report the {posterior} where this layer matters."
        return Overall(State.UNDECIDED, "Cannot tell yet.", sentence, advice, layer.name)
    margin = plain(layer.margin or 0.0, 2)
    if layer.name not in ("location", "spread"):
        sentence = f"{_other(layer)[0].removesuffix('.')}, and the margin is {_margin(layer)}."
        return Overall(State.UNDECIDED, "Cannot tell yet.", sentence, _settle(layer, nuts), layer.name)
    row = table.loc[layer.scalar]
    if layer.name == "location" and math.isfinite(row["z"]):
        side = "below" if row["z"] < 0 else "above"
        sentence = (
            f"The MAP of {layer.scalar} sits {figure(abs(row['z']), row['z_mcse'])} posterior sd {side} its posterior "
            f"mean, and the margin is {margin}."
        )
    elif layer.name == "location":
        rank = figure(row["rank"], row["rank_mcse"])
        sentence = f"The MAP of {layer.scalar} is at rank {rank}, and the margin is ½ ± {margin}."
    else:
        ratio = figure(row["sd_ratio"], row["sd_ratio_mcse"])
        sentence = (
            f"The Laplace sd of {layer.scalar} is {ratio} times the posterior{_S}, "
            f"and the margin is a factor of {plain(math.exp(layer.margin or 0.0), 2)}."
        )
    return Overall(State.UNDECIDED, "Cannot tell yet.", sentence, _settle(layer, nuts), layer.name)


def _margin(layer: Layer) -> str:
    """The margin in the unit of the sentence."""
    margin = layer.margin or 0.0
    if layer.name == "decision" or layer.criterion in ("variance_discarded", "coverage", "basins"):
        return f"{plain(100 * margin, 2)} %"
    return plain(margin, 2)


def _settle(layer: Layer, nuts: Fit) -> str:
    if layer.criterion == "k_hat":
        return "More draws of the Laplace approximation would tell; they are cheap (--laplace-draws)."
    if layer.on_the_margin or layer.draws_needed is None:
        return "The figure lies on the margin, and more draws are not advised: decide what margin matters here."
    return f"About {_draws(layer.draws_needed, nuts, 'settle it')}."


def _draws(total: float, nuts: Fit, purpose: str = "do") -> str:
    """``4,000 draws would settle it: 4 chains of 1,000 (--draws 1000)``."""
    chains = int(nuts.diagnostics["chains"])
    each = math.ceil(total / chains / 100) * 100
    return f"{count(chains * each)} draws would {purpose}: {chains} chains of {count(each)} (--draws {each})"


def _same(layers: dict[str, Layer], table: pd.DataFrame) -> Overall:
    location, spread = layers["location"], layers["spread"]
    row = table.loc[location.scalar]
    if math.isfinite(row["z"]):
        largest = f"No scalar is off by more than {figure(abs(row['z']), row['z_mcse'])} posterior sd."
    else:
        largest = f"No scalar{_S} rank is further from ½ than {figure(location.figure or 0.0, location.mcse or 0.0)}."
    ratio = table.loc[spread.scalar]["sd_ratio"]
    advice = (
        "The MAP is fine here, and so are its Laplace intervals: "
        f"the sd that is furthest off is that of {spread.scalar}, {plain(ratio, 3)} times the posterior{_S}."
    )
    sentence = f"The MAP and its Laplace intervals say what the posterior says. {largest}"
    return Overall(State.SAME, "Yes.", sentence, advice, None)
