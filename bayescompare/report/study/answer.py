"""A calibration's answer in one sentence: which method's intervals hold what they say, and which way the others err."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ...formatting import NO_BREAK, counted, percent
from ...metrics.calibration import Held, Judged, Scalar
from .findings import method


class Found(Protocol):
    """One method of a calibration, as :class:`bayescompare.studies.calibrate.Calibrated` is."""

    @property
    def scalars(self) -> Mapping[str, Scalar]: ...
    @property
    def judged(self) -> Judged: ...
    @property
    def failed(self) -> int: ...
    @property
    def fits(self) -> int: ...


def answer(methods: Mapping[str, Found], replicates: int, here: bool) -> str:
    """One sentence."""
    by_state = {state: [k for k, v in methods.items() if v.judged.state == state] for state in STATES}
    told = []
    if by_state["same"]:
        told.append(f"{_names(by_state['same'])} {_is(by_state['same'])} calibrated")
    if by_state["differs"]:
        which = by_state["differs"]
        examples = "; ".join(_fault(k, methods[k], alone=len(which) == 1) for k in which[:2])
        told.append(f"{_names(which)} {_is(which)} not{'' if told else ' calibrated'}: {examples}")
    if by_state["undecided"]:
        size = counted(replicates, "data set")
        told.append(f"{_names(by_state['undecided'])} {_shows(by_state['undecided'])} no fault in {size}")
    if by_state["not_computed"]:
        failing = by_state["not_computed"]
        told.append(f"{_names(failing)} mostly {'fails' if len(failing) == 1 else 'fail'}")
    lost = [k for k, v in methods.items() if v.scalars and v.failed > LOST * v.fits]
    if lost:
        shares = ", ".join(f"{method(k)} {_share(methods[k].failed / methods[k].fits)}" for k in lost)
        told.append(f"fits that failed are left out ({shares})")
    where = "Here" if here else "Over the prior"
    return f"{where}, {'; '.join(told)}."


#: States, and the share of failed fits from which the sentence says so.
STATES, LOST = ("same", "differs", "undecided", "not_computed"), 0.02


def _names(methods: Sequence[str]) -> str:
    names = [method(each) for each in methods]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is(methods: Sequence[str]) -> str:
    return "is" if len(methods) == 1 else "are"


def _shows(methods: Sequence[str]) -> str:
    return "shows" if len(methods) == 1 else "show"


def _fault(key: str, found: Found, *, alone: bool) -> str:
    """Where it is farthest off, and to which side."""
    name = found.judged.worst
    held = farthest(found.scalars[name])
    whose = "its" if alone else f"the {method(key)}"
    level = f"{100 * held.level:g}{NO_BREAK}%"
    side = bias(found, name)
    return f"{whose} {level} interval of {name} holds the truth in {_share(held.share.value)}{side and ', ' + side}"


def farthest(scalar: Scalar) -> Held:
    """The level whose coverage is farthest from nominal, in errors."""
    return max(scalar.held, key=lambda h: abs(h.share.value - h.level) / (h.share.mcse or 1.0) if h.size else -1.0)


def bias(found: Found, name: str) -> str:
    """To which side of the truth a method's distribution lies; empty where it is not known."""
    value = found.judged.biased.get(name, 0.0)
    return "" if value == 0 else "too high" if value > 0 else "too low"


def _share(value: float) -> str:
    return f"{percent(value)}{NO_BREAK}%"
