"""What depends on the answer, and what the answer depends on: decisions, the power of prior and likelihood, vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ..methods import mode
from ..methods.modes.curvature import DENSE, hessian, jacobian, own_scale
from ..metrics import sensitivity as s
from ..metrics.decision import Decision, decide
from ..metrics.figure import Figure, as_json
from ..metrics.groups import groups as summarised
from ..metrics.losses import Loss, parse, resolve
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from .arms import Heights
from .gather import Gathered

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

#: Scalars whose sensitivity is told: all of a model's, or the most severe of many.
MOST = 100


def losses(asked: Sequence[str | Loss] | None) -> tuple[Loss, ...]:
    """The losses that were named.

    Raises
    ------
    UnknownNameError, UsageError
        For one that cannot be read.
    """
    return tuple(parse(loss) if isinstance(loss, str) else loss for loss in asked or ())


def decisions(g: Gathered, asked: Sequence[str | Loss] | None) -> tuple[Decision, ...]:
    """Each loss by plug-in and by posterior.

    Raises
    ------
    UnknownNameError, UsageError
        If a loss is on a scalar that is not there.
    """
    found = []
    for loss in losses(asked):
        chosen = resolve(loss, g.names)
        found.append(decide(loss, g.draws[..., chosen], g.map[chosen], tuple(g.names[i] for i in chosen)))
    return tuple(found)


def sensitivity(
    problem: Problem, fits: Mapping[str, Fit], g: Gathered, table: pd.DataFrame, heights: Heights
) -> dict[str, Any]:
    """Of the posterior, its means and the mode to the power of prior and likelihood, by scalar.

    Each scalar has, for ``prior`` and ``likelihood``: ``power_scaling``, ``mean`` and ``mode``, each
    ``{value, mcse, reason}``; the most severe scalars of many.
    """
    draws = fits["nuts"].unconstrained_draws
    if draws is None:
        return {}
    flat = draws.reshape(-1, problem.dimension)
    log_prior = problem.density.values(flat, (0.0, 1.0, 0.0)).reshape(heights.map.shape)
    parts = {"prior": log_prior, "likelihood": heights.map - log_prior}
    order = np.argsort(-np.abs(np.nan_to_num(table["z"].to_numpy())), kind="stable")[:MOST]
    chosen = np.sort(order)
    x = g.draws[..., chosen]
    improper = f"the prior of {', '.join(problem.improper)} is improper" if problem.improper else None
    out: dict[str, Any] = {}
    for name, heights_of in parts.items():
        columns = {
            "power_scaling": s.power_scaling(x, heights_of),
            "mean": s.mean_derivative(x, heights_of),
            "mode": _mode(problem, fits["map"], table, chosen, name),
        }
        out[name] = {
            g.names[i]: {key: as_json(_figure(column, row)) for key, column in columns.items()}
            for row, i in enumerate(chosen)
        }
        if name == "prior" and improper:
            out["note"] = f"{improper}: a flat prior adds nothing, whatever its power"
    return out


def _figure(of: s.Derivative, i: int) -> Figure:
    if not np.isfinite(of.value[i]):
        return Figure.missing(of.reason or Reason(Code.NOT_ASKED_FOR))
    return Figure(float(of.value[i]), float(of.mcse[i]))


def _mode(problem: Problem, best: Fit, table: pd.DataFrame, chosen: np.ndarray, name: str) -> s.Derivative:
    """J H⁻¹ ∇ of the MAP; a quantity of the user's has none."""
    k = len(problem.scalars)
    weights = mode.WEIGHTS["map"]
    nothing = np.full(len(chosen), np.nan)
    u = best.unconstrained
    reason = None
    if best.status is Status.FAILED or u is None:
        reason = Reason(Code.NO_MAP)
    elif not np.isfinite(u).all() or best.diagnostics["kink"]:
        reason = Reason(Code.MAP_AT_EDGE)
    elif problem.dimension > DENSE:
        reason = Reason(Code.NO_DENSE_HESSIAN, figures={"parameters": problem.dimension})
    if reason is not None or u is None:
        return s.Derivative(nothing, nothing, reason)
    precision = hessian(problem.density, u, weights)
    scale = own_scale(precision)
    precision = hessian(problem.density, u, weights, scale)
    part = (0.0, 1.0, 0.0) if name == "prior" else (1.0, 0.0, 0.0)
    columns = {key: table[key].to_numpy()[:k] for key in ("sd", "mcse_sd")}
    found = s.mode_derivative(
        precision,
        problem.density(u, part)[1],
        jacobian(problem.density, u, scale),
        sd=columns["sd"],
        mcse_sd=columns["mcse_sd"],
        free=np.ones(problem.dimension, dtype=bool),
    )
    wide = [np.concatenate([values, np.full(len(table) - k, np.nan)])[chosen] for values in (found.value, found.mcse)]
    return s.Derivative(wide[0], wide[1], found.reason or Reason(Code.NO_GRADIENT))


def groups(problem: Problem, table: pd.DataFrame, margin: float) -> list[dict[str, Any]]:
    """A line for each vector variable: how many of its scalars are shifted, and by how much."""
    places = {name: (start, stop) for name, (start, stop, _, _) in problem.scalars.variables.items()}
    found = [asdict(one) for one in summarised(table["z"].to_numpy(), places, margin)]
    for one in found:
        one["worst"] = None if one["worst"] is None else str(table.index[one["worst"]])
    return found
