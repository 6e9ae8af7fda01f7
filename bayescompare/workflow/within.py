"""A budget for the whole of a comparison: which methods fit into it, and what was left out."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace

from ..errors import UsageError
from ..formatting import count
from ..methods.sampler_options import SamplerOptions
from ..metrics.price import Basis
from .budget import RESERVE, duration

UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}

#: Draws a chain, and draws of tuning, below which NUTS is not worth running.
FEWEST = 250


def parse(text: str | float) -> float:
    """Seconds of ``60``, ``"60s"``, ``"5min"`` or ``"2h"``.

    Raises
    ------
    UsageError
    """
    found = re.fullmatch(rf"\s*(\d+(?:\.\d*)?|\.\d+)\s*({'|'.join(UNITS)})?\s*", str(text))
    seconds = float(found[1]) * UNITS[found[2] or "s"] if found else 0.0
    if not seconds > 0:
        raise UsageError(f"A budget is a time above 0, such as 60s, 5min or 2h, not {text!r}.")
    return seconds


@dataclass(frozen=True)
class Within:
    """Seconds for the whole, and when it began."""

    seconds: float
    began: float

    def left(self) -> float:
        """What is not spent yet; a second at least, so that what is left out can be said."""
        return max(self.seconds - (time.perf_counter() - self.began), 1.0)

    def sampler(self, basis: Basis, asked: SamplerOptions) -> tuple[SamplerOptions, tuple[dict[str, str], ...]]:
        """The sampler's options with draws and tuning halved until NUTS fits beside what follows it; a finding if so.

        Raises
        ------
        UsageError
            If it does not fit at all.
        """
        allowed, options = (1 - RESERVE) * self.left(), asked
        while basis.price(options.draws, options.tune).seconds > allowed:
            fewer = replace(options, draws=_half(options.draws), tune=_half(options.tune))
            if fewer == options:
                takes = duration(basis.price(options.draws, options.tune).seconds)
                raise UsageError(
                    f"NUTS does not fit into the budget of {duration(self.seconds)}: even {count(options.draws)} draws "
                    f"a chain would take about {takes}. Raise it, or ask `bayescompare triage`, which needs no NUTS."
                )
            options = fewer
        if options == asked:
            return options, ()
        takes = duration(basis.price(asked.draws, asked.tune).seconds)
        what = f"{count(options.draws)} of {count(asked.draws)} draws a chain were made: all would take about {takes}."
        instead = "Give it more time with --budget; what is undecided for want of draws says so."
        return options, ({"code": "thinned", "severity": "note", "variable": "nuts", "what": what, "instead": instead},)


def _half(draws: int) -> int:
    return min(draws, max(draws // 2, FEWEST))
