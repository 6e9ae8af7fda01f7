"""How often two sets of draws are called different by chance, and how often a true difference is found.

    python -m benchmarks.draws

Pairs of runs of one law, 4 chains each, independent draws and draws with autocorrelation ρ (of AR(1)), then the same
with one scalar of the second moved or widened, or two of them correlated: how often each layer says *differs*,
*undecided* and *same*. A Markdown table goes to stdout.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from bayescompare.metrics.verdict import State
from tests.metrics.test_compare_two_samples import Case, states

PAIRS = 500
LAYERS = ("location", "spread", "joint")


@dataclass(frozen=True)
class Line:
    """A line of the table."""

    name: str
    case: Case


LINES = (
    Line("one law", Case(1, 250)),
    Line("one law", Case(10, 250)),
    Line("one law, ρ = 0.5", Case(10, 500, 0.5)),
    Line("one law, ρ = 0.9", Case(10, 1000, 0.9)),
    Line("one law, exponential", Case(10, 250, skewed=True)),
    Line("moved by 0.4 sd", Case(10, 250, shift=0.4)),
    Line("moved by 0.4 sd", Case(10, 1000, shift=0.4)),
    Line("moved by 0.4 sd, ρ = 0.9", Case(10, 1000, 0.9, shift=0.4)),
    Line("sd ratio 1.4", Case(10, 250, ratio=1.4)),
    Line("sd ratio 1.4", Case(10, 1000, ratio=1.4)),
    Line("sd ratio 1.4, ρ = 0.9", Case(10, 1000, 0.9, ratio=1.4)),
    Line("correlation 0.8", Case(2, 1000, correlation=0.8)),
)


def main(pairs: int = PAIRS) -> None:
    """Print the table."""
    print(f"| second set, {pairs} pairs | scalars | draws | {' | '.join(LAYERS)} |")
    print(f"|---|---:|---:|{'---:|' * len(LAYERS)}")
    for line in LINES:
        found = [states(line.case, seed) for seed in range(pairs)]
        cells = []
        for layer in LAYERS:
            counts = [
                sum(one[layer] is state for one in found) for state in (State.DIFFERS, State.UNDECIDED, State.SAME)
            ]
            cells.append(" / ".join(map(str, counts)))
        print(f"| {line.name} | {line.case.scalars} | 4 × {line.case.draws:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
