"""How often the verdict errs by chance: the location layer at the edge of its margin, where both answers are false.

    python -m benchmarks.calibration

Of 500 seeds each, 4 chains of 250 draws from a known law whose mode is put exactly at the margin's edge, and the same
inside it and beyond: how often the layer says *same*, *differs* and *undecided*. A Markdown table goes to stdout.
"""

from __future__ import annotations

from bayescompare.metrics.verdict import State
from tests.metrics.test_compare_calibration import CASES, SEEDS, layers

PLACES = {0.0: "at 0", 1.0: "at the margin", 3.0: "at three margins"}


def main() -> None:
    """Print the table."""
    print(f"| marginals | scalars | true distance | same | differs | undecided | of {SEEDS} seeds, false |")
    print("|---|---:|---|---:|---:|---:|---|")
    for name in ("normal", "exponential"):
        for scalars in (1, 20):
            for inside, where in PLACES.items():
                states = layers(CASES[name], scalars, inside)
                counts = [states.count(state) for state in (State.SAME, State.DIFFERS, State.UNDECIDED)]
                false = {0.0: counts[1], 1.0: counts[0] + counts[1], 3.0: counts[0]}[inside]
                print(f"| {name} | {scalars} | {where} | {' | '.join(map(str, counts))} | {false} |")


if __name__ == "__main__":
    main()
