"""What to do where the MAP will not do: by cause, only what was run, with its cost and the line that does it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..formatting import plain
from ..metrics.thresholds import K_HAT_MAX
from ..metrics.verdict import State
from ..reasons import Code, Reason
from .ladder import call, cheapest, is_worth, label, of_nuts, seconds, worth

if TYPE_CHECKING:
    from .comparison import Comparison

#: Methods whose draws tell by their own weights whether they stand for the posterior, and the rung that is meant.
OWN_CHECKS = {
    "marginal_laplace": "marginal_laplace",
    "laplace": "laplace_psis",
    "pathfinder": "pathfinder_psis",
    "fullrank_advi": "fullrank_advi_psis",
    "advi": "advi_psis",
}


@dataclass(frozen=True)
class Remedy:
    """What to do, in a sentence or two, and one line of Python on ``model`` that does it."""

    text: str
    code: str


def remedy(c: Comparison, *, clock: bool = True) -> Remedy | None:
    """What is enough and clearly cheaper than NUTS; else what the cause asks for, if anything was run that helps.

    Parameters
    ----------
    clock : bool
        False where the same must come out again: nothing rests on a time, and none is told.
    """
    overall = c.verdict.overall
    sampler = c.verdict.layers.get("sampler")
    if sampler is not None and sampler.state is State.FAILED:
        return _by_own_checks(c)
    if overall.state not in (State.DIFFERS, State.UNDECIDED):
        return None
    found = worth(c.rungs, clock=clock)
    if found is not None:
        said = f"{_upper(label(found['method']))} matches the posterior in location and spread"
        return Remedy(f"{said}{_cost(c, found, clock=clock)}.", call(found["method"]))
    reason = Reason.from_json(c.display["cause"]) if c.display.get("cause") else None
    make = None if reason is None else BY_CAUSE.get(reason.code)
    return None if make is None or reason is None else make(c, reason, clock)


def _upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _cost(c: Comparison, rung: Mapping[str, object], *, clock: bool) -> str:
    """``, in 0.4 s where NUTS took 12 s``; nothing without a clock."""
    if not clock or rung["seconds"] is None:
        return ""
    nuts = of_nuts(c.rungs)
    return f", in {seconds(rung)}" + (f" where NUTS took {seconds(nuts)}" if nuts else "")


def _by_own_checks(c: Comparison) -> Remedy | None:
    """Where NUTS failed: a method that covers the posterior by its importance weights."""
    top = c.fits.get("unconstrained_map")
    for name, rung in OWN_CHECKS.items():
        fit = c.fits.get(name)
        k_hat = math.nan if fit is None else fit.diagnostics.get("k_hat", math.nan)
        alone = name == "marginal_laplace" or (top is not None and len(top.diagnostics.get("modes", ())) == 1)
        if fit is not None and fit.ok and alone and k_hat < K_HAT_MAX:
            said = f"{_upper(label(rung))} is sound by its own checks (k-hat {k_hat:.2f})"
            return Remedy(f"{said}.", call(rung))
    return None


def _integrated(c: Comparison, reason: Reason, clock: bool) -> Remedy | None:
    """The marginal mode, where it is nearer to the mean by half; else the mode in the sampler's coordinates."""
    layer = c.verdict.layers["location"]
    row = c.table.loc[layer.scalar]
    gap = abs(row["map"] - row["mean"]) / 2
    fit = c.fits.get("marginal_map")
    if fit is not None and fit.ok and abs(row["marginal_map"] - row["mean"]) < gap:
        latent = ", ".join(fit.diagnostics["latent"])
        rung = next(r for r in c.rungs if r["method"] == "marginal_map")
        at = plain(row["marginal_map"], 2)
        said = f"With {latent} integrated out the mode of {layer.scalar} is {at}{_cost(c, rung, clock=clock)}."
        return Remedy(said, call("marginal_map"))
    if abs(row["map_unconstrained"] - row["mean"]) < gap:
        at = plain(row["map_unconstrained"], 2)
        said = f"A mode off the edge is that of the sampler's own coordinates, {layer.scalar} = {at}."
        return Remedy(said, call("unconstrained_map"))
    return None


def _modes(c: Comparison, reason: Reason, clock: bool) -> Remedy:
    shares = " and ".join(plain(100 * one["share"]["value"], 2) for one in c.joint["basins"][:2])
    said = f"Show the modes, each with its share of the posterior ({shares} % of the draws)."
    return Remedy(said, 'bc.fit(model, "unconstrained_map").diagnostics["modes"]')


def _as_a_point(c: Comparison, reason: Reason, clock: bool) -> Remedy | None:
    """What is enough as a point, where it is worth it; its interval is the posterior's."""
    found = cheapest(c.rungs, "location") if clock else None
    if found is None or not is_worth(found, c.rungs):
        return None
    said = f"As a point {label(found['method'])} is enough{_cost(c, found, clock=clock)}"
    return Remedy(f"{said}; the interval is the posterior's.", call(found["method"]))


def _prior(c: Comparison, reason: Reason, clock: bool) -> Remedy:
    name = reason.variables[0]
    said = f"What is said of {name} is its prior's: justify the prior, or compare with another."
    return Remedy(said, f"bc.compare(model, var_names=[{name!r}]).sensitivity['prior'][{name!r}]")


#: What each cause asks for.
BY_CAUSE: dict[Code, Callable[[Comparison, Reason, bool], Remedy | None]] = {
    Code.AT_EDGE: _integrated,
    Code.LATENT_VOLUME: _integrated,
    Code.SEVERAL_MODES: _modes,
    Code.SKEWED: _as_a_point,
    Code.CURVATURE: _as_a_point,
    Code.WEAKLY_IDENTIFIED: _prior,
}
