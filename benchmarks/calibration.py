"""How often the verdict errs by chance: each layer at the edge of its margin, where both answers are false.

    python -m benchmarks.calibration

Of 500 seeds each, 4 chains of 250 draws from a known law whose mode is put exactly at the margin's edge, and the same
inside it and beyond: how often the layer says *same*, *differs* and *undecided*. Then the layers beyond location, each
with what it judges at its margin: a method's sd, the regret of a point under squared loss, the share of 200 draws of 4
chains outside of the MAP's basin, and k-hat of 4,000 weights whose tail is a Pareto law. Two Markdown tables go to
stdout.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from bayescompare.metrics import joint, psis
from bayescompare.metrics.decision import decide
from bayescompare.metrics.figure import Figure
from bayescompare.metrics.ladder import Moments, distances
from bayescompare.metrics.losses import parse
from bayescompare.metrics.verdict import Figures, Margins, State, criterion, judge
from bayescompare.reasons import not_computed
from tests.metrics.test_compare_calibration import CASES, SEEDS, layers

PLACES = {0.0: "at 0", 1.0: "at the margin", 3.0: "at three margins"}
DRAWS, M = (4, 250), Margins()
SAID = (State.SAME, State.DIFFERS, State.UNDECIDED)


def judged(figure: Figure, margin: float) -> State:
    return criterion("", "", figure, margin, 1000, not_computed("")).state


def spread(rng: np.random.Generator, times: float, scalars: int = 1) -> State:
    """A method's sd, known, against normal draws."""
    nothing, sd = np.zeros(scalars), np.full(scalars, math.exp(times * M.spread))
    found = distances(rng.standard_normal((*DRAWS, scalars)), Moments(nothing, nothing, sd, nothing))
    names = tuple(map(str, range(scalars)))
    return judge(Figures(names, np.abs(found.log_ratio), found.log_ratio_mcse, np.full(scalars, M.spread)))[0]


def decision(rng: np.random.Generator, times: float) -> State:
    """The relative regret of a point is z², of normal draws."""
    point = np.array([math.sqrt(times * M.decision)])
    found = decide(parse("squared on x"), rng.standard_normal((*DRAWS, 1)), point)
    return judged(found.relative_regret, M.decision)


def basins(rng: np.random.Generator, times: float) -> State:
    assigned = (rng.random((4, 50)) < times * M.basins).astype(int)
    return judged(joint.basins(np.zeros(2), assigned).outside, M.basins)


def k_hat(rng: np.random.Generator, times: float) -> State:
    """Weights u^(−k) of uniform u."""
    return judged(psis.importance(-times * M.k_hat * np.log(rng.random(4000))).k_hat, M.k_hat)


LAYERS: dict[str, Callable[[np.random.Generator, float], State]] = {
    "spread, 1 scalar": spread,
    "spread, 20 scalars": lambda rng, times: spread(rng, times, 20),
    "decision": decision,
    "joint, basins": basins,
    "joint, k-hat": k_hat,
}


def false(times: float, counts: list[int]) -> int:
    """How many of *same* and *differs* are false where the truth is so many margins away."""
    return sum(counts[:2]) if times == 1 else counts[0] if times > 1 else counts[1]


def main() -> None:
    """Print the tables."""
    print(f"| marginals | scalars | true distance | same | differs | undecided | of {SEEDS} seeds, false |")
    print("|---|---:|---|---:|---:|---:|---|")
    for name in ("normal", "exponential"):
        for scalars in (1, 20):
            for inside, where in PLACES.items():
                states = layers(CASES[name], scalars, inside)
                counts = [states.count(state) for state in SAID]
                print(f"| {name} | {scalars} | {where} | {' | '.join(map(str, counts))} | {false(inside, counts)} |")
    others()


def others() -> None:
    print(f"\n| layer | true distance | same | differs | undecided | of {SEEDS} seeds, false |")
    print("|---|---|---:|---:|---:|---|")
    for name, layer in LAYERS.items():
        for times in (0.5, 1.0, 1.5):
            states = [layer(np.random.default_rng([7, seed]), times) for seed in range(SEEDS)]
            counts = [states.count(state) for state in SAID]
            where = {0.5: "half the margin", 1.0: "at the margin", 1.5: "at one and a half"}[times]
            print(f"| {name} | {where} | {' | '.join(map(str, counts))} | {false(times, counts)} |", flush=True)


if __name__ == "__main__":
    main()
