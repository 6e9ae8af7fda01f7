"""Models with discrete free variables: the MAP by exact enumeration where their joint support is small.

Every state of the discrete variables is tried; with continuous variables beside them each state gets a search for the
mode of its own, and the highest is the joint MAP.
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import NoFiniteStartError, UnsupportedModelError
from ..model.backends import Array, without_compiler
from ..model.capabilities import refuse
from ..model.derived import parameters
from ..model.moments import distribution_name
from ..model.problem import Problem, labels
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from . import mode
from .modes.options import ModeOptions

if TYPE_CHECKING:
    import pymc as pm

#: Most joint states that are enumerated, alone and with a search for each.
STATES, SEARCHES = 4096, 128

#: Most states that are told with their probabilities.
TOLD = 10

INSTEAD = (
    "Sum them out of the likelihood (marginalisation): pm.Mixture, or a logsumexp over their states in a pm.Potential; "
    "the model is then continuous and every method works."
)


@dataclass(frozen=True)
class Support:
    """The values that one discrete variable can take, each of its elements alike."""

    name: str
    low: int
    high: int
    shape: tuple[int, ...]
    labels: tuple[str, ...]

    @property
    def states(self) -> int:
        return int((self.high - self.low + 1) ** math.prod(self.shape))

    def __str__(self) -> str:
        return f"{self.name} ({self.low} to {self.high}{f', {math.prod(self.shape)} of them' if self.shape else ''})"


def discrete(model: pm.Model) -> list[Any]:
    """The model's discrete free variables."""
    return [rv for rv in model.free_RVs if rv.dtype.startswith(("int", "uint", "bool"))]


def fit(model: pm.Model, method: str, *, seed: int = 0, options: ModeOptions | None = None) -> Fit:
    """The joint MAP of a model with discrete free variables.

    Parameters
    ----------
    model : pymc.Model
    method : {"map"}
    seed : int
        Of the searches for the continuous variables.
    options : ModeOptions, optional

    Returns
    -------
    Fit
        Discrete scalars first. Diagnostics: ``enumerated`` (each variable with its support), ``states`` (how many),
        ``best_states`` (with their log densities and, where every variable is discrete, their posterior
        probabilities), and, with continuous variables, those of the best state's mode.

    Raises
    ------
    UnsupportedModelError
        If the density is random, a support is infinite, depends on another variable, or the joint one is too large; or
        for another method.
    """
    began = time.perf_counter()
    names = ", ".join(rv.name for rv in discrete(model))
    if method != "map":
        raise UnsupportedModelError(
            f"{method} needs a gradient, which discrete free variables ({names}) lack. {INSTEAD}"
        )
    refuse(model)
    supports = [_support(model, rv) for rv in discrete(model)]
    continuous = len(supports) < len(model.free_RVs)
    states, most = math.prod(s.states for s in supports), SEARCHES if continuous else STATES
    if states > most:
        raise UnsupportedModelError(
            f"The discrete free variables have {states:,} joint states, and at most {most:,} are enumerated: "
            f"{', '.join(map(str, supports))}. {INSTEAD}"
        )
    found = _mixed(model, supports, seed, options) if continuous else _alone(model, supports)
    found.diagnostics["enumerated"] = [str(s) for s in supports]  # type: ignore[index]
    found.diagnostics["states"] = states  # type: ignore[index]
    return found if continuous else _timed(found, time.perf_counter() - began)


def _timed(found: Fit, seconds: float) -> Fit:
    from dataclasses import replace

    return replace(found, seconds=seconds)


def _support(model: pm.Model, rv: Any) -> Support:
    """Its support, where that is finite and known before anything else is."""
    from pytensor.graph.traversal import ancestors

    kind = type(rv.owner.op).__name__
    given = parameters(rv)
    if kind not in _RANGES:
        raise UnsupportedModelError(
            f"{rv.name} is discrete, and the states of {distribution_name(rv)} are not enumerated. {INSTEAD}"
        )
    size, bounds = _RANGES[kind]
    free = set(model.free_RVs)
    if any(free & set(ancestors([given[i]])) for i in size) and kind != "CategoricalRV":
        raise UnsupportedModelError(f"The support of {rv.name} depends on another variable. {INSTEAD}")
    with without_compiler():
        shape = tuple(int(n) for n in model.eval_rv_shapes()[rv.name])
        if kind == "CategoricalRV":
            low, high = 0, int(given[0].shape[-1].eval()) - 1
        else:
            low, high = bounds([np.asarray(given[i].eval()) for i in size])
    dims = tuple(str(d) for d in model.named_vars_to_dims.get(rv.name, ()))
    return Support(rv.name, low, high, shape, tuple(labels(model, rv.name, dims, shape)))


#: Of each distribution: which parameters its support depends on, and the lowest and highest value from them.
_RANGES: dict[str, tuple[tuple[int, ...], Any]] = {
    "BernoulliRV": ((), lambda p: (0, 1)),
    "CategoricalRV": ((0,), None),
    "DiscreteUniformRV": ((0, 1), lambda p: (int(p[0].min()), int(p[1].max()))),
    "BinomialRV": ((0,), lambda p: (0, int(p[0].max()))),
    "BetaBinomialRV": ((0,), lambda p: (0, int(p[0].max()))),
}


def _every(supports: list[Support]) -> Any:
    """All joint states, each a dict of arrays by variable."""
    ranges = [range(s.low, s.high + 1) for s in supports for _ in range(math.prod(s.shape))]
    for values in itertools.product(*ranges):
        rest = list(values)
        state = {}
        for s in supports:
            n = math.prod(s.shape)
            state[s.name], rest = np.array(rest[:n], dtype=np.int64).reshape(s.shape), rest[n:]
        yield state


def _flat(state: dict[str, Array]) -> list[int]:
    return [int(x) for values in state.values() for x in np.ravel(values)]


def _alone(model: pm.Model, supports: list[Support]) -> Fit:
    """Every variable is discrete: the posterior itself, state by state."""
    import pytensor

    with without_compiler():
        values = [model.rvs_to_values[rv] for rv in model.free_RVs]
        function = pytensor.function(
            values,
            [model.logp(), *model.replace_rvs_by_values(model.deterministics)],
            on_unused_input="ignore",
            mode=pytensor.compile.mode.get_mode("FAST_COMPILE").including("stabilize"),
        )
    states = list(_every(supports))
    order = [rv.name for rv in model.free_RVs]
    outputs = [
        function(*(state[name].astype(v.dtype) for name, v in zip(order, values, strict=True))) for state in states
    ]
    heights = np.array([float(out[0]) for out in outputs])
    heights = np.where(np.isnan(heights), -np.inf, heights)
    if not np.isfinite(heights).any():
        raise NoFiniteStartError(f"The density is zero or NaN at all {len(states)} states of the discrete variables.")
    weights = np.exp(heights - heights.max())
    probabilities = weights / weights.sum()
    ranked = np.argsort(-heights, kind="stable")
    best = int(ranked[0])
    names = [label for s in supports for label in s.labels]
    estimate = [float(x) for x in _flat(states[best])]
    for deterministic, value in zip(model.deterministics, outputs[best][1:], strict=True):
        dims = tuple(str(d) for d in model.named_vars_to_dims.get(deterministic.name, ()))
        names += labels(model, deterministic.name, dims, np.shape(value))
        estimate += np.ravel(value).astype(float).tolist()
    told = [
        {"state": _flat(states[i]), "log_density": float(heights[i]), "probability": float(probabilities[i])}
        for i in ranked[:TOLD]
        if np.isfinite(heights[i])
    ]
    return _fit(tuple(names), np.array(estimate), heights[ranked], told, {"evaluations": len(states)})


def _mixed(model: pm.Model, supports: list[Support], seed: int, options: ModeOptions | None) -> Fit:
    """A search for the continuous variables at every state of the discrete ones, on one compiled density."""
    import pymc as pm
    import pytensor

    first = next(iter(_every(supports)))
    shared = {
        s.name: pytensor.shared(first[s.name].astype(model[s.name].dtype), name=f"{s.name}_state") for s in supports
    }
    problem = Problem(pm.observe(model, shared))
    fits = []
    for state in _every(supports):
        swapped = problem.with_data(**{f"{name}_state": value for name, value in state.items()})
        try:
            fits.append((state, mode.fit(swapped, "map", seed=seed, options=options)))
        except NoFiniteStartError:
            continue  # a state of zero density
    sound = [(state, f) for state, f in fits if f.status is not Status.FAILED]
    failed = [f for _, f in fits if f.status is Status.FAILED]
    if not sound:
        reason = failed[0].reasons[0].text if failed else "the density is zero at every state"
        raise NoFiniteStartError(f"No state of the discrete variables has a mode: {reason}.")
    sound.sort(key=lambda pair: -pair[1].log_density)
    state, best = sound[0]
    lost = {"failed": len(failed), "states": len(fits)}
    reasons = (Reason(Code.STATES_WITHOUT_MODE, figures=lost, causes=failed[0].reasons[:1]),) if failed else ()
    names = (*(label for s in supports for label in s.labels), *best.names)
    told = [{"state": _flat(s), "log_density": f.log_density} for s, f in sound[:TOLD]]
    extra = {
        **best.diagnostics,
        "evaluations": sum(f.evaluations for _, f in fits),
        "seconds": sum(f.seconds for _, f in fits),
        "status": Status.SUSPECT if failed else best.status,
        "reasons": (*best.reasons, *reasons),
    }
    heights = np.array([f.log_density for _, f in sound])
    return _fit(names, np.concatenate([_flat(state), best.estimate]), heights, told, extra)


def _fit(
    names: tuple[str, ...], estimate: Array, heights: Array, told: list[dict[str, Any]], extra: dict[str, Any]
) -> Fit:
    """The joint MAP; states of one height are said."""
    ties = int((heights >= heights[0] - 1e-9).sum())
    reasons = extra.pop("reasons", ())
    reasons += (Reason(Code.EQUAL_STATES, figures={"states": ties}),) if ties > 1 else ()
    status, evaluations, seconds = (extra.pop(key, other) for key, other in _DEFAULTS)
    return Fit(
        method="map",
        status=status,
        reasons=tuple(reasons),
        names=names,
        estimate=estimate,
        log_density=float(heights[0]),
        diagnostics={"boundary": [], "kink": [], **extra, "best_states": told},
        seconds=seconds,
        evaluations=evaluations,
    )


_DEFAULTS = (("status", Status.OK), ("evaluations", 0), ("seconds", 0.0))
