"""What is predicted of each observation, as arrays for figures and tables, and how often each count is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..metrics import prediction as p
from ..model.predictive import Predictive, Term
from ..results.fit import Fit, Status

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

#: Plug-in draws of each observation, and the probabilities of the bands that are drawn.
PLUGIN_DRAWS = 1000
BANDS = (0.025, 0.1, 0.5, 0.9, 0.975)

#: Of a table of counts: replications, bins, and the observations from which on it says something.
REPLICATIONS, BINS, FEW = 400, 24, 20


def with_replications(inputs: p.Inputs, term: Term, drawn: Array | None, shape: tuple[int, ...]) -> p.Inputs:
    """With draws of new observations, where one density is of all of them: they are replications of the whole."""
    joint = not term.factorises and term.numeric and "intervals" not in term.lacks
    if inputs.draws is not None or drawn is None or not joint or drawn.shape[-1] != inputs.y.size:
        return inputs
    return replace(inputs, draws=drawn[:, 0].reshape(*shape, -1))


def plugin_draws(term: Term, inputs: p.Inputs, predictive: Predictive, mode: Fit, seed: int) -> Array | None:
    """Draws of the MAP's own predictions, (draws, M); None where there are none."""
    if inputs.draws is None or mode.status is Status.FAILED or mode.unconstrained is None:
        return None
    few = min(PLUGIN_DRAWS, inputs.draws[..., 0].size)
    drawn = predictive.draws(mode.unconstrained[None], draws=few, seed=seed).get(term.name)
    return None if drawn is None else drawn[0]


def pointwise(
    term: Term, inputs: p.Inputs, found: p.Prediction, predictive: Predictive, mode: Fit, drawn: Array | None
) -> dict[str, Array]:
    """Arrays by observation; the plug-in's bands are the MAP's own predictions."""
    out: dict[str, Array] = {"observed": inputs.y}
    if inputs.means is not None:
        out["mean"] = inputs.means.mean(axis=(0, 1))
    if inputs.draws is not None:
        bands = np.quantile(inputs.draws.reshape(-1, inputs.draws.shape[-1])[: PLUGIN_DRAWS * 4], BANDS, axis=0)
        out |= {f"q{100 * q:g}": row for q, row in zip(BANDS, bands, strict=True)}
    if mode.status is not Status.FAILED and mode.unconstrained is not None:
        moments = predictive.moments(mode.unconstrained[None]).get(term.name)
        if moments is not None:
            out["plugin_mean"] = moments[0][0]
    if drawn is not None:
        rows = np.quantile(drawn, BANDS, axis=0)
        out |= {f"plugin_q{100 * q:g}": row for q, row in zip(BANDS, rows, strict=True)}
    if found.loo is not None and found.plugin is not None:
        out |= {"elpd_loo": found.loo.elpd, "k_hat": found.loo.k_hat}
        exact, near = found.plugin.exact, found.plugin.approximate
        out["elpd_plugin"] = exact if near is None else np.where(np.isfinite(exact), exact, near)
    for name, arm in (("pit", found.pit), ("plugin_pit", found.plugin_pit)):
        if arm is not None:
            out[name] = arm.pit
    if found.variance_discarded.pointwise.size:
        out["variance_discarded"] = found.variance_discarded.pointwise
    return out


def frequencies(observed: Array, draws: Array | None, plugin: Array | None) -> dict[str, Any]:
    """How often each count was observed and is predicted, JSON-ready; empty where the outcome is no count.

    ``from`` where each bin begins, ``width`` its values; ``observed``, and of the replications ``mean``, ``low`` and
    ``high`` (95 %); ``plugin`` the mean of the MAP's.

    Examples
    --------
    >>> y = np.repeat([0.0, 1.0, 2.0, 5.0], 10)
    >>> found = frequencies(y, np.tile(y, (3, 1)), None)
    >>> found["observed"], found["mean"], found["width"]
    ([10, 10, 10, 0, 0, 10], [10.0, 10.0, 10.0, 0.0, 0.0, 10.0], 1)
    """
    if draws is None or len(observed) < FEW or not _counts(observed) or observed.max() < 2:
        return {}
    flat = draws.reshape(-1, draws.shape[-1])
    flat = flat[:: -(-len(flat) // REPLICATIONS)]
    if not _counts(flat):
        return {}
    top = max(float(observed.max()), float(np.quantile(flat, 0.995)))
    width = int((top + 1) // BINS) + 1
    edges = np.arange(0, top + width + 1, width)

    def table(rows: Array) -> Array:
        return np.array([np.histogram(np.minimum(row, top), edges)[0] for row in rows], dtype=float)

    replicated = table(flat)
    low, high = np.quantile(replicated, (0.025, 0.975), axis=0)
    found: Mapping[str, Any] = {
        "from": edges[:-1].astype(int).tolist(),
        "width": width,
        "observed": table(observed[None])[0].astype(int).tolist(),
        "mean": replicated.mean(axis=0).tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
    }
    return {**found, **({} if plugin is None else {"plugin": table(plugin[:REPLICATIONS]).mean(axis=0).tolist()})}


def _counts(values: Array) -> bool:
    """Whether they are whole numbers, none below 0."""
    return bool(np.isfinite(values).all() and (values >= 0).all() and (values == np.round(values)).all())
