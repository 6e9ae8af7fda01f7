"""The verdict: gates, layers, and the three-way rule (METRICS, "The verdict")."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """State of a layer, of a gate, or of the whole."""

    SAME = "same"
    DIFFERS = "differs"
    UNDECIDED = "undecided"
    NOT_COMPUTED = "not_computed"
    SOUND = "sound"
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
    """

    location: float = 0.2
    rank: float = 0.08
    spread: float = math.log(1.2)


@dataclass(frozen=True)
class Layer:
    """One line of the verdict: a gate (``optimiser``, ``sampler``) or a layer.

    Attributes
    ----------
    name : str
    state : State
        ``sound``/``failed``/``not_computed`` for gates; ``same``/``differs``/``undecided``/``not_computed`` for layers.
    reason : str
        One short phrase in plain words, with the scalar's name: ``"tau: z = −1.14 ± 0.04"``.
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
    """

    name: str
    state: State
    reason: str
    figure: float | None = None
    mcse: float | None = None
    margin: float | None = None
    scalar: str | None = None
    scalars: int = 0
    differing: int = 0
    undecided: int = 0
    draws_needed: int | None = None
    on_the_margin: bool = False


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
    """

    state: State
    opening: str
    sentence: str
    advice: str
    deciding: str | None = None


@dataclass(frozen=True)
class Verdict:
    """Gates and layers by name, in the order of the table, and what follows from them."""

    overall: Overall
    layers: dict[str, Layer] = field(default_factory=dict)
