"""The ladder: every method against the posterior, from cheap to dear, and the cheapest that is enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...formatting import NO_BREAK
from ...results import ladder
from ...results.remedy import remedy
from ..figures import Strip
from ..parts import Rung, State
from ..words import Words, mark

if TYPE_CHECKING:
    from ...results.comparison import Comparison

#: What draws a strip: what it says, then its marks.
type Drawer = Callable[..., Strip]


def cheapest(comparison: Comparison, *, reproducible: bool) -> str | None:
    """The method to advise: the fastest that gives what the posterior gives, in location and spread; None for none."""
    found = ladder.worth(comparison.rungs, clock=not reproducible)
    return None if found is None else str(found["method"])


def strip(comparison: Comparison, *, reproducible: bool) -> tuple[Rung, ...]:
    """A rung a method, the posterior's own last; without times in the order in which they were run."""
    rows = [row for row in comparison.rungs if row["method"] != "nuts"]
    nuts = [row for row in comparison.rungs if row["method"] == "nuts"]
    if not reproducible:
        rows.sort(key=ladder.time)
    return tuple(_rung(row, reproducible=reproducible) for row in (*rows, *nuts))


def _rung(row: Mapping[str, Any], *, reproducible: bool) -> Rung:
    method = str(row["method"])
    under = "" if reproducible else ladder.seconds(row).replace(" ", NO_BREAK)
    if method == "nuts":
        return Rung("NUTS", method, State("sound"), under)
    states = [row[layer]["state"] for layer in ("location", "spread") if row.get(layer)]
    state = next((state for state in ("differs", "undecided", "same") if state in states), "not_computed")
    point = bool(states) and states[-1] == "not_computed"
    named = ladder.label(method).removeprefix("the ")
    said = ", ".join(filter(None, ("no interval" if point else "", under)))
    return Rung(f"{named[0].upper()}{named[1:]}", method, State(state), said)


def advice(comparison: Comparison, names: Sequence[str], *, reproducible: bool) -> Words:
    """What to do: what is enough, or what the cause asks for, else the verdict's own advice."""
    overall, found = comparison.verdict.overall, remedy(comparison, clock=not reproducible)
    if found is None:
        return mark(overall.advice, names)
    enough = cheapest(comparison, reproducible=reproducible) is not None and overall.compares
    return mark(found.text if enough else f"{overall.advice} {found.text}", names)


def code(comparison: Comparison, *, reproducible: bool) -> str:
    """One line of Python that does it; none where neither answer is to be trusted."""
    found = remedy(comparison, clock=not reproducible)
    if found is not None:
        return found.code
    sampler = comparison.verdict.layers.get("sampler")
    if sampler is None or str(sampler.state) == "failed":
        return ""
    return ladder.call("laplace" if str(comparison.verdict.overall.state) == "same" else "nuts")
