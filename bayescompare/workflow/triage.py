"""Triage: modes, Laplace and importance sampling, and whether NUTS is worth its price.

Modes with their audit, Laplace, and the posterior's moments by importance sampling from it, or where its weights do not
carry them from the marginal Laplace approximation, in seconds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from ..methods import laplace, mode
from ..methods.laplace import LaplaceOptions
from ..metrics import psis
from ..metrics import verdict as v
from ..metrics.figure import Figure
from ..metrics.price import Price
from ..model.cache import problem_of
from ..model.problem import Problem, unmoved
from ..reasons import NO_MODE_EXISTS, Code, Reason
from ..results.comparison import SCHEMA, fit_to_dict, plain
from ..results.fit import Fit, Status
from ..templates.loading import Target, load_target
from . import others
from .audited import audited
from .keywords import renamed, shown, whole_seed
from .layers import Layers
from .options import CompareOptions, Progress, Silent, one_thread, sampler_options
from .price import price
from .sampling import guide

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

#: Draws of Laplace in the second and last round, where the first left something undecided.
MORE_DRAWS = 32_000

#: The approximation whose weights carry the moments of hierarchies, and seconds that it may take.
BETTER, SECONDS = "marginal_laplace", 60.0

#: Share of the Laplace mass outside of the MAP's mode from which the answer is another.
OTHER_MODES = 0.05

#: Margins that a figure must clear, by two of its errors, where k-hat is so near its limit that importance sampling
#: itself may be off (by 0.17 posterior sd at most, on 47 posteriors).
CLEAR = 2.0

#: Distances below this, in posterior sd, are rounding.
ROUNDING = 1e-9


class Answer(StrEnum):
    """Whether NUTS would change what the MAP and its Laplace interval say."""

    WILL_NOT_CHANGE = "will_not_change"
    WILL_CHANGE = "will_change"
    CANNOT_SAY = "cannot_say"


WORDS = {
    Answer.WILL_NOT_CHANGE: "NUTS will not change your answer.",
    Answer.WILL_CHANGE: "NUTS will change your answer.",
    Answer.CANNOT_SAY: "Cannot say without NUTS.",
}


@dataclass(frozen=True)
class Triage:
    """What can be told without NUTS.

    Attributes
    ----------
    name : str
        Of the model.
    answer : Answer
    reasons : tuple of str
        What decided, first.
    criteria : Mapping of str to Layer
        ``location``: the MAP against the posterior mean by importance sampling, posterior sd; ``spread``: log of the
        Laplace sd over the posterior's; ``k_hat``; ``modes``: Laplace mass outside of the MAP's mode. Each by the
        three-way rule of the verdict.
    flags : tuple of str
        Scalars on the edge of their range and scales of group effects, in words.
    table : pandas.DataFrame
        A row per scalar: ``map``, ``map_unconstrained``, ``laplace_mean``, ``laplace_sd``, ``mean``, ``mean_mcse``,
        ``sd``, ``sd_mcse`` (posterior, by importance sampling), ``z``, ``z_mcse``; NaN where k-hat is not below 0.7.
    fits : Mapping of str to Fit
        ``map``, ``unconstrained_map``, ``laplace``; ``marginal_laplace`` where the moments are from it.
    findings : tuple of Mapping
        Of the audit of the model itself.
    seconds : float
    price : Price, optional
        What NUTS would cost.
    """

    name: str
    answer: Answer
    reasons: tuple[str, ...]
    criteria: Mapping[str, v.Layer]
    flags: tuple[str, ...]
    table: pd.DataFrame
    fits: Mapping[str, Fit]
    findings: tuple[Mapping[str, str], ...] = ()
    seconds: float = field(default=0.0, compare=False)
    price: Price | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The whole result as JSON-ready data."""
        rows = self.table.to_dict(orient="records")
        document: dict[str, Any] = plain(
            {
                "schema": SCHEMA,
                "model": {"name": self.name},
                "answer": str(self.answer),
                "sentence": WORDS[self.answer],
                "reasons": list(self.reasons),
                "criteria": {name: layer.to_json() for name, layer in self.criteria.items()},
                "flags": list(self.flags),
                "fits": {name: fit_to_dict(fit) for name, fit in self.fits.items()},
                "table": [{"name": name, **row} for name, row in zip(self.table.index, rows, strict=True)],
                "findings": list(self.findings),
                "seconds": self.seconds,
                "price": None if self.price is None else asdict(self.price),
            }
        )
        return document

    def __repr__(self) -> str:
        return f"<Triage of {self.name}: {WORDS[self.answer]} {self.reasons[0]}>"


@renamed(seed="random_seed", progress="progressbar")
def triage(
    model: Any = None,
    data: Any = None,
    *,
    random_seed: int | np.random.Generator | None = 0,
    progressbar: bool | Progress = False,
    options: CompareOptions | None = None,
) -> Triage:
    """Find the modes, approximate the posterior by Laplace, and say whether NUTS would change the answer.

    The answer is that of the full comparison's location and spread layers, with the posterior's moments from
    importance sampling of the Laplace draws, or of the marginal Laplace draws where those do not carry them; it is
    trusted only where their k-hat is below 0.7 by two of its errors, or a figure clears twice its margin.

    Parameters
    ----------
    model : pymc.Model, bambi.Model or Template, optional
        Within ``with model:`` it is that model.
    data : optional
        For a template: the user's own data.
    random_seed : int, Generator or None
        One seed gives one result; None takes a new one, which the result tells.
    progressbar : bool or Progress
        Say what is being waited for, on stderr or below a notebook's cell.
    options : CompareOptions, optional
        Its margins, search and Laplace draws.

    Raises
    ------
    ModelError
        If the model cannot be used.
    """
    target, seed = load_target(model, data), whole_seed(random_seed)
    return run(target, seed=seed, options=options, progress=shown(progressbar))


def run(
    target: Target, *, seed: int = 0, options: CompareOptions | None = None, progress: Progress | None = None
) -> Triage:
    """Triage of a loaded target."""
    options, progress = options or CompareOptions(), progress or Silent()
    began = time.perf_counter()
    problem = problem_of(target.model)
    with one_thread():
        with progress.stage("Compiling the model"):
            findings = audited(problem, seed) if options.audit else ()
        with progress.stage("Searching for the modes"):
            fits = {
                name: mode.fit(problem, name, seed=seed, options=options.mode) for name in ("map", "unconstrained_map")
            }
        with progress.stage("Approximating the posterior"):
            found = _approximated(problem, fits, seed, options)
            if found.answer is Answer.CANNOT_SAY and _undecided(found):
                found = _approximated(problem, fits, seed, _with_more_draws(options))
        expected = price(problem, found.fits, sampler_options(options.sampler, target), guide(found.fits))
    return replace(found, name=target.name, findings=findings, seconds=time.perf_counter() - began, price=expected)


def _with_more_draws(options: CompareOptions) -> CompareOptions:
    marginal = replace(options.marginal, draws=max(MORE_DRAWS, options.marginal.draws))
    return replace(options, laplace_draws=max(MORE_DRAWS, options.laplace_draws), marginal=marginal)


def _approximated(problem: Problem, modes: Mapping[str, Fit], seed: int, options: CompareOptions) -> Triage:
    """The answer by Laplace's approximation; by the marginal one where its weights do not carry the posterior."""
    settings = LaplaceOptions(options.laplace_draws, options.mode)
    fits = {**modes, "laplace": laplace.fit(problem, seed=seed, options=settings, at=modes["unconstrained_map"])}
    found = _judged(problem, fits, options)
    if found.criteria["k_hat"].state is v.State.SAME:
        return found
    better = others.attempt(BETTER, problem, others.Given(seed, SECONDS), options, Layers())
    return _judged(problem, {**fits, BETTER: better}, options) if better is not None and better.ok else found


def _judged(problem: Problem, fits: Mapping[str, Fit], options: CompareOptions) -> Triage:
    """The answer from the better of the approximations."""
    basis = BETTER if BETTER in fits else "laplace"
    top = fits[BETTER if BETTER in fits else "unconstrained_map"]
    modes = _other_modes(top)
    # An approximation at one mode says nothing of the mass at others, and its k-hat cannot see it.
    table = _table(problem, fits, None if modes.state is v.State.DIFFERS else fits[basis])
    criteria = {**_criteria(fits[basis], modes, table, options.margins), "modes": modes}
    answer, reasons = _answer(fits["map"], top, criteria)
    return Triage("", answer, reasons, criteria, _flags(problem, fits["map"]), table, fits)


def _undecided(found: Triage) -> bool:
    return any(layer.state is v.State.UNDECIDED for layer in found.criteria.values())


def _table(problem: Problem, fits: Mapping[str, Fit], basis: Fit | None) -> pd.DataFrame:
    """A row per scalar, the posterior's moments by importance sampling of the draws of ``basis``; NaN without one."""
    import pandas as pd

    names = problem.scalars.names
    nothing = np.full(len(names), np.nan)
    columns = {"map": fits["map"].estimate, "map_unconstrained": fits["unconstrained_map"].estimate}
    columns |= dict.fromkeys(
        ("laplace_mean", "laplace_sd", "mean", "mean_mcse", "sd", "sd_mcse", "z", "z_mcse"), nothing
    )
    if fits["laplace"].draws is not None:
        drawn = fits["laplace"].draws[0]
        columns |= {"laplace_mean": drawn.mean(axis=0), "laplace_sd": drawn.std(axis=0, ddof=1)}
    if basis is not None and basis.draws is not None:
        draws = basis.draws[0]
        moments = psis.moments(draws, psis.importance(basis.statistics["log_ratio"][0]), columns["map"])
        columns |= {key: getattr(moments, key) for key in ("mean", "sd", "z")}
        # Hyperparameters were drawn again by their weights, so that some draws share them.
        shared = max(len(draws) / (basis.diagnostics.get("outer_ess") or len(draws)), 1.0) ** 0.5
        columns |= {key: shared * getattr(moments, key) for key in ("mean_mcse", "sd_mcse", "z_mcse")}
        rounding = np.abs(columns["z"]) < ROUNDING
        columns |= {key: np.where(rounding, 0.0, columns[key]) for key in ("z", "z_mcse")}
        fixed = problem.constant & unmoved(draws)
        columns |= {key: np.where(fixed, np.nan, columns[key]) for key in ("z", "z_mcse", "mean_mcse", "sd_mcse")}
        columns |= {key: np.where(fixed, 0.0, columns[key]) for key in ("laplace_sd", "sd")}
    return pd.DataFrame(columns, index=pd.Index(names, name="name"))


def _criteria(basis: Fit, modes: v.Layer, table: pd.DataFrame, margins: v.Margins) -> dict[str, v.Layer]:
    names = tuple(table.index)
    column = {key: table[key].to_numpy() for key in table.columns}
    d = basis.diagnostics
    draws = 0 if basis.draws is None else basis.draws.shape[1]
    why = basis.reasons[0] if basis.reasons else Reason(Code.NO_LAPLACE)
    k_hat = laplace.k_hat(basis) if d else Figure.missing(why)
    unusable = None if d else why
    if modes.state is v.State.DIFFERS:
        unusable = modes.reason
    elif d and d["psis"].get("reason"):
        unusable = Reason.from_json(d["psis"]["reason"])
    with np.errstate(divide="ignore", invalid="ignore"):
        location = v.Figures(names, np.abs(column["z"]), column["z_mcse"], np.full(len(names), margins.location))
        gap = np.abs(np.log(column["laplace_sd"] / column["sd"]))
        spread = v.Figures(names, gap, column["sd_mcse"] / column["sd"], np.full(len(names), margins.spread))

    def z(i: int) -> Reason:
        return Reason(Code.Z, (names[i],), {"z": float(column["z"][i]), "mcse": float(column["z_mcse"][i])})

    def ratio(i: int) -> Reason:
        value = float(column["laplace_sd"][i] / column["sd"][i])
        error = value * float(column["sd_mcse"][i] / column["sd"][i])
        return Reason(Code.SD_RATIO, (names[i],), {"sd_ratio": value, "mcse": error})

    # Where weights are usable at all: the scalars whose own tails are too heavy for them.
    varies = (column["laplace_sd"] > 0) & np.isfinite(column["map"]) & (unusable is None)
    lost = {key: np.flatnonzero(varies & np.isnan(column[key])) for key in ("z", "sd")}
    figures = {"k_hat": k_hat.value, "mcse": k_hat.mcse or 0.0}
    said = Reason(Code.TRIAGE_K_HAT, figures=figures, causes=(k_hat.reason,) if k_hat.reason else ())
    return {
        "location": _with_all(
            v.layer("location", location, draws, z, unusable or Reason(Code.NO_MAP)), names, lost["z"]
        ),
        "spread": _with_all(
            v.layer("spread", spread, draws, ratio, unusable or Reason(Code.NO_SCALAR)), names, lost["sd"]
        ),
        "k_hat": v.criterion("k_hat", "k_hat", k_hat, margins.k_hat, draws, said),
    }


def _with_all(layer: v.Layer, names: tuple[str, ...], lost: np.ndarray) -> v.Layer:
    """The layer, undecided where it is the same for all scalars but those that importance sampling cannot tell of."""
    if not len(lost) or layer.state is v.State.DIFFERS:
        return layer
    reason = Reason(Code.TAILS_TOO_HEAVY, tuple(names[i] for i in lost), {"layer": layer.name})
    return v.Layer(layer.name, v.State.UNDECIDED, reason)


def _other_modes(top: Fit) -> v.Layer:
    """Share of the Laplace mass that lies at other modes than the highest; exact, for what the starts found."""
    modes = top.diagnostics["modes"]
    masses = np.array([m["log_mass"] for m in modes])
    if not len(modes):
        return v.Layer("modes", v.State.NOT_COMPUTED, Reason(Code.NO_UNCONSTRAINED_MAP))
    if not np.isfinite(masses).all():
        return v.Layer("modes", v.State.NOT_COMPUTED, Reason(Code.NOT_POSITIVE_DEFINITE))
    shares = np.exp(masses - masses.max())
    outside = float(1 - shares[0] / shares.sum())
    said = Reason(Code.OTHER_MODES, figures={"modes": len(modes), "share": outside})
    state = v.State.DIFFERS if outside > OTHER_MODES else v.State.SAME
    return v.Layer("modes", state, said, outside, 0.0, OTHER_MODES)


def _answer(best: Fit, top: Fit, criteria: Mapping[str, v.Layer]) -> tuple[Answer, tuple[str, ...]]:
    """The answer, and what decided."""
    if best.status is Status.FAILED:
        none_exists = any(reason.code in NO_MODE_EXISTS for reason in best.reasons)
        why = best.reasons[0] if best.reasons else "the search failed"
        return Answer.WILL_CHANGE if none_exists else Answer.CANNOT_SAY, (f"The MAP: {why}",)
    if best.status is not Status.OK:
        return Answer.CANNOT_SAY, (f"The MAP is {best.status}: {best.reasons[0]}",)
    if criteria["modes"].state is v.State.DIFFERS:
        return Answer.WILL_CHANGE, (criteria["modes"].reason.text,)
    edges = best.diagnostics["boundary"]
    if edges and not set(edges) & set(top.diagnostics["boundary"]) and top.status is Status.OK:
        # The posterior has no mass on the edge itself, and the density in u is highest inside.
        where = ", ".join(edges[:5])
        return Answer.WILL_CHANGE, (
            f"The MAP of {where} lies on the edge of its range, where no posterior mean can be",
        )
    if criteria["k_hat"].state is v.State.DIFFERS:
        return Answer.WILL_CHANGE, (criteria["k_hat"].reason.text,)
    for layer in (criteria["location"], criteria["spread"]):
        if layer.state is v.State.DIFFERS and (criteria["k_hat"].state is v.State.SAME or _clear(layer)):
            return Answer.WILL_CHANGE, (layer.reason.text,)
    open_: dict[Reason, list[str]] = {}
    for name, each in criteria.items():
        if each.state is not v.State.SAME:
            open_.setdefault(each.reason, []).append(name)
    if top.status is not Status.OK:
        return Answer.CANNOT_SAY, (f"The unconstrained MAP is {top.status}: {top.reasons[0]}",)
    if open_:
        return Answer.CANNOT_SAY, tuple(f"{', '.join(names)}: {reason}" for reason, names in open_.items())
    return Answer.WILL_NOT_CHANGE, (criteria["location"].reason.text, criteria["spread"].reason.text)


def _clear(layer: v.Layer) -> bool:
    """Whether a figure is beyond what importance sampling could be wrong by."""
    if layer.figure is None or layer.mcse is None or layer.margin is None:
        return False
    return layer.figure - 2 * layer.mcse > CLEAR * layer.margin


def _flags(problem: Problem, best: Fit) -> tuple[str, ...]:
    """Scalars on the edge of their range or on a kink, and variables that are the scale or precision of others."""
    flags = [f"the MAP of {name} lies on the edge of its range" for name in best.diagnostics["boundary"]]
    flags += [f"the MAP of {name} lies at a kink of the density" for name in best.diagnostics["kink"]]
    flags += [
        f"{scale} sets the spread of {', '.join(groups)}, which a joint mode makes too small"
        for scale, groups in problem.group_scales.items()
    ]
    return tuple(flags)
