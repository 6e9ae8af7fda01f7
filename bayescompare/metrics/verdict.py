"""The verdict: layers, and the three-way rule (METRICS, "The verdict"); its gates are in :mod:`.gates`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..reasons import NO_MODE_EXISTS, Code, Reason
from .figure import Figure
from .thresholds import K_HAT_MAX

Array = NDArray[np.float64]


class State(StrEnum):
    """State of a layer, of a gate, or of the whole."""

    SAME = "same"
    DIFFERS = "differs"
    UNDECIDED = "undecided"
    NOT_COMPUTED = "not_computed"
    SOUND = "sound"
    UNCHECKED = "unchecked"
    FAILED = "failed"
    NO_VERDICT = "no_verdict"


@dataclass(frozen=True)
class Margins:
    """How large a gap is still called the same.

    Attributes
    ----------
    location : float
        Of ``|z|``, in posterior sd.
    rank : float
        Of ``|rank - 1/2|``, where no sd exists.
    spread : float
        Of ``|log sd_ratio|``.
    decision : float
        Of the regret of the plug-in's action, as a share of the Bayes action's expected loss.
    variance_discarded : float
        Of the share of predictive variance that a plug-in leaves out.
    elpd : float
        Of ``|elpd_diff|``, in nats; two standard errors of the paired differences where that is more.
    coverage : float
        Of the difference of the arms' coverage.
    k_hat : float
        Of the Pareto k-hat of the Laplace draws.
    basins : float
        Of the share of draws outside of the MAP's basin.
    coordinates : float
        Of ``|shift_coordinates|``, in posterior sd.
    """

    location: float = 0.2
    rank: float = 0.08
    spread: float = math.log(1.2)
    decision: float = 0.05
    variance_discarded: float = 0.05
    elpd: float = 1.0
    coverage: float = 0.05
    k_hat: float = K_HAT_MAX
    basins: float = 0.05
    coordinates: float = 0.2

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0):
                raise UsageError(f"The margin of {name} must be above 0, not {value}.")


@dataclass(frozen=True)
class Layer:
    """One line of the verdict: a gate (``optimiser``, ``sampler``) or a layer.

    Attributes
    ----------
    name : str
    state : State
        ``sound``/``unchecked``/``failed`` for gates; ``same``/``differs``/``undecided``/``not_computed`` for layers.
    reason : Reason
        What is so, with the scalar's name and figures: ``tau: z = −1.14 ± 0.04``.
    figure, mcse, margin : float or None
        The gap of the worst scalar, its Monte-Carlo standard error and the margin, in the layer's unit
        (posterior sd for location, log ratio for spread).
    scalar : str or None
        The worst scalar.
    scalars : int
        How many scalars were looked at.
    differing, undecided : int
        How many of them differ, how many are undecided.
    draws_needed : int or None
        Number of draws that would settle an undecided layer, as far as its error tells.
    on_the_margin : bool
        The figure lies so near to its margin that more draws are not advised (over 50 times as many).
    criterion : str or None
        Which of its criteria a layer of several shows (``variance_discarded``, ``elpd``, ``coverage``, ``k_hat``,
        ``basins``).
    applies : bool
        False where the layer was not asked for or cannot exist, so that its absence does not count.
    unchecked : tuple of str
        What an ``unchecked`` gate could not look at, because the draws do not carry it: ``divergences``, ``E-BFMI``.
    faults : tuple of Reason
        What a ``failed`` sampler gate found wrong with the draws.
    below : bool
        True where the figure of a criterion, whose gap is its size, is below 0.
    """

    name: str
    state: State
    reason: Reason
    figure: float | None = None
    mcse: float | None = None
    margin: float | None = None
    scalar: str | None = None
    scalars: int = 0
    differing: int = 0
    undecided: int = 0
    draws_needed: int | None = None
    on_the_margin: bool = False
    criterion: str | None = None
    applies: bool = True
    unchecked: tuple[str, ...] = ()
    faults: tuple[Reason, ...] = ()
    below: bool = False

    def __repr__(self) -> str:
        margin = "" if self.margin is None else f" (margin {self.margin:g})"
        return f"<Layer {self.name}: {self.state}, {self.reason}{margin}>"

    def to_json(self) -> dict[str, Any]:
        """Its fields, JSON-ready."""
        return {
            **asdict(self),
            "reason": self.reason.to_json(),
            "faults": [fault.to_json() for fault in self.faults],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Layer:
        """Read what :meth:`to_json` gives, of earlier versions too."""
        several = {
            "reason": Reason.from_json(data["reason"]),
            "unchecked": tuple(data.get("unchecked", ())),
            "faults": tuple(Reason.from_json(fault) for fault in data.get("faults", ())),
        }
        return cls(**{**data, "state": State(data["state"]), **several})


@dataclass(frozen=True)
class Overall:
    """The answer to "can the MAP stand in for the posterior?".

    Attributes
    ----------
    state : State
        ``same``, ``differs``, ``undecided`` or ``no_verdict``.
    opening : str
        The first words: ``"Yes."``, ``"No."``, ``"As a point, yes; as an interval, no."``,
        ``"Cannot tell yet."``, ``"No verdict."``.
    sentence : str
        The rest: subject, figure ± error, reference point.
    advice : str
        What to do next.
    deciding : str or None
        Name of the gate or layer that decided.
    as_point : bool
        True where the MAP can stand in as a point, and its interval cannot.
    """

    state: State
    opening: str
    sentence: str
    advice: str
    deciding: str | None = None
    as_point: bool = False

    @property
    def compares(self) -> bool:
        """True if the layers were judged: both gates are open."""
        return self.state is not State.NO_VERDICT and self.deciding not in GATES


@dataclass(frozen=True)
class Verdict:
    """Gates and layers by name, in the order of the table, and what follows from them."""

    overall: Overall
    layers: dict[str, Layer] = field(default_factory=dict)

    def __repr__(self) -> str:
        states = ", ".join(f"{name} {layer.state}" for name, layer in self.layers.items())
        return f"<Verdict: {self.overall.opening} {self.overall.sentence} ({states})>"


#: Times the draws so far beyond which more draws are not advised.
SETTLE_MAX = 50

#: What must hold before any layer is judged.
GATES = ("optimiser", "sampler")

#: Layers of every model; the others are there where they apply.
ALWAYS = ("location", "spread")


@dataclass(frozen=True)
class Figures:
    """One criterion over k scalars: gaps, their errors, their margins, all of shape (k,); NaN where not computed."""

    names: tuple[str, ...]
    gap: Array
    mcse: Array
    margin: Array


def critical(scalars: int) -> float:
    """How many errors a gap must clear its margin by to *differ*: 2 for one figure, more for the worst of many.

    Without it one in five layers of ten scalars at the margin would be called different by chance.
    """
    return 2.0 if scalars <= 1 else NormalDist().inv_cdf(1 - 0.0228 / scalars)


def judge(f: Figures) -> tuple[State, int, dict[str, NDArray[np.bool_]]]:
    """Three-way rule over many scalars.

    Returns
    -------
    state, worst, masks
        The layer's state, the index of the scalar that shows it (−1 where none was computed), and which scalars
        are ``same``, ``differs``, ``undecided``.
    """
    known = np.isfinite(f.gap) & np.isfinite(f.mcse)
    excess = np.where(known, f.gap - f.margin, -np.inf)
    same = known & (f.gap + 2 * f.mcse <= f.margin)
    differs = known & (f.gap - critical(int(known.sum())) * f.mcse > f.margin)
    undecided = known & ~same & ~differs
    masks = {"same": same, "differs": differs, "undecided": undecided}
    if not known.any():
        return State.NOT_COMPUTED, -1, masks
    if differs.any():
        return State.DIFFERS, int(np.argmax(np.where(differs, excess / f.margin, -np.inf))), masks
    if undecided.any():
        return State.UNDECIDED, int(np.argmax(np.where(undecided, excess / f.margin, -np.inf))), masks
    return State.SAME, int(np.argmax(excess / f.margin)), masks


def draws_to_settle(gap: float, mcse: float, margin: float, draws: int, multiple: float) -> int | None:
    """Draws at which an error falling as 1/√n would take this gap clear of its margin; None at the margin itself."""
    distance = abs(gap - margin)
    needed = 2.0 if gap <= margin else multiple
    if distance == 0 or mcse == 0:
        return None
    return math.ceil(draws * (needed * mcse / distance) ** 2)


def layer(name: str, f: Figures, draws: int, describe: Callable[[int], Reason], missing: Reason) -> Layer:
    """The layer of one criterion.

    Parameters
    ----------
    describe : callable
        The reason for the scalar of this index.
    missing : Reason
        The reason where nothing could be computed.
    """
    state, worst, masks = judge(f)
    if state is State.NOT_COMPUTED:
        return Layer(name, state, missing)
    gap, mcse, margin = (float(a[worst]) for a in (f.gap, f.mcse, f.margin))
    looked_at = sum(int(mask.sum()) for mask in masks.values())
    needed = draws_to_settle(gap, mcse, margin, draws, critical(looked_at)) if state is State.UNDECIDED else None
    stuck = state is State.UNDECIDED and (needed is None or needed > SETTLE_MAX * draws)
    return Layer(
        name,
        state,
        describe(worst),
        gap,
        mcse,
        margin,
        f.names[worst],
        looked_at,
        int(masks["differs"].sum()),
        int(masks["undecided"].sum()),
        None if stuck else needed,
        stuck,
    )


def location_figures(names: tuple[str, ...], column: dict[str, Array], margins: Margins) -> Figures:
    """``|z|`` of each scalar, or ``|rank − ½|`` where its posterior has no sd (a constant has neither)."""
    has_sd = np.isfinite(column["z"]) & np.isfinite(column["z_mcse"])
    constant = np.isfinite(column["sd"]) & (column["sd"] == 0)
    rank = np.where(constant, np.nan, np.abs(column["rank"] - 0.5))
    return Figures(
        names,
        np.where(has_sd, np.abs(column["z"]), rank),
        np.where(has_sd, column["z_mcse"], column["rank_mcse"]),
        np.where(has_sd, margins.location, margins.rank),
    )


def spread_figures(names: tuple[str, ...], column: dict[str, Array], margins: Margins) -> Figures:
    """``|log sd_ratio|`` of each scalar, with the ratio's relative error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(np.log(column["sd_ratio"]))
        mcse = column["sd_ratio_mcse"] / column["sd_ratio"]
    return Figures(names, gap, mcse, np.full(len(names), margins.spread))


def coordinate_figures(names: tuple[str, ...], column: dict[str, Array], margins: Margins) -> Figures:
    """``|shift_coordinates|`` of each scalar; its error is that of the posterior's sd, by which it is divided."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(column["shift_coordinates"])
        mcse = gap * column["mcse_sd"] / column["sd"]
    return Figures(names, gap, mcse, np.full(len(names), margins.coordinates))


def criterion(name: str, key: str, figure: Figure, margin: float, draws: int, reason: Reason) -> Layer:
    """The layer of one figure: ``value`` against ``margin``; not computed where it has no value or no error.

    Parameters
    ----------
    key : str
        Name of the criterion.
    draws : int
        On which the figure's error rests.
    reason : Reason
        With the figure.
    """
    if not figure.known or figure.mcse is None:
        why = figure.reason or Reason(Code.NO_ERROR)
        return Layer(name, State.NOT_COMPUTED, why, criterion=key)
    one = Figures((key,), *(np.array([x]) for x in (abs(figure.value), figure.mcse, margin)))
    found = layer(name, one, draws, lambda _: reason, reason)
    return replace(found, scalar=None, criterion=key, below=bool(figure.value < 0))


def worst_of(name: str, criteria: Sequence[Layer]) -> Layer:
    """A layer of several criteria takes the worst of them: one that differs, is undecided, is missing, is the same."""
    ranks = {State.DIFFERS: 3, State.UNDECIDED: 2, State.NOT_COMPUTED: 1, State.SAME: 0}
    counted = [c for c in criteria if c.applies]
    if not counted:
        return replace(criteria[0], name=name)
    return max(counted, key=lambda c: ranks[c.state])  # of equal ones the first


def is_open(gate: Layer) -> bool:
    """True if the layers behind this gate may be judged: nothing that was checked failed."""
    return gate.state in (State.SOUND, State.UNCHECKED)


def stands_as_point(layers: Mapping[str, Layer], deciding: str | None) -> bool:
    """True where the spread alone differs: what comes before it did not, and none of it is open."""
    before = [layers[name] for name in ("decision", "location", "prediction") if name in layers]
    return deciding == "spread" and all(entry.state is State.SAME or not entry.applies for entry in before)


def overall(layers: dict[str, Layer]) -> tuple[State, str | None]:
    """State of the whole and the layer that decides; one that applies and is not computed can never count as same.

    A gate that failed, or is missing, allows no verdict; one with unchecked parts allows one, which must say so. Where
    the posterior is sound and the search found that no mode exists, that is the answer: it differs.

    Parameters
    ----------
    layers : dict of str to Layer
        In the order of the table.
    """
    for gate in GATES:
        if gate not in layers or not is_open(layers[gate]):
            alone = gate == "optimiser" and "sampler" in layers and is_open(layers["sampler"])
            none = alone and gate in layers and any(c.code in NO_MODE_EXISTS for c in layers[gate].reason.causes)
            return State.DIFFERS if none else State.NO_VERDICT, gate
    state, deciding = decided([entry for name, entry in layers.items() if name not in GATES])
    for name in ALWAYS:
        if state is State.SAME and name not in layers:
            return State.UNDECIDED, name
    return state, deciding


def decided(layers: Sequence[Layer]) -> tuple[State, str | None]:
    """State that layers have together, and the one that decides: the first that differs, else is undecided, else
    should be there and is not; else all are the same."""
    judged = [entry for entry in layers if entry.applies]
    for state in (State.DIFFERS, State.UNDECIDED, State.NOT_COMPUTED):
        for entry in judged:
            if entry.state is state:
                return State.UNDECIDED if state is State.NOT_COMPUTED else state, entry.name
    return State.SAME, judged[0].name if judged else None
