"""The posterior's arm: sampled once, brought from outside, or sampled on until the verdict is settled; and what it all
cost."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..methods.external import bring
from ..methods.nutpie import Guide
from ..methods.nuts import growing, pilot, prepare, run
from ..methods.sampler_options import SamplerOptions
from ..metrics.price import Price
from ..metrics.thresholds import K_HAT_MAX
from ..metrics.verdict import State, Verdict
from ..model.problem import Problem
from ..results.comparison import Comparison
from ..results.fit import Fit
from ..results.storage import to_tree
from .budget import duration
from .price import told

if TYPE_CHECKING:
    from .options import CompareOptions, Progress
    from .predicted import Predicted

#: Criteria that more draws of the posterior do not settle.
NOT_BY_DRAWS = ("k_hat", "basins")

#: Pareto k-hat of the Laplace draws up to which the curvature at the mode tells of the posterior's correlations: to
#: start there it must be below 0.7.
K_HAT_LEANS = 1.0


#: Seconds of sampling after which it is told how long it will take, and at most so many later again.
FIRST, LATER = 5.0, 300.0


@dataclass(frozen=True)
class Sampling:
    """How to sample; ``doubtful`` where the density may have no end, so that a short run comes first; ``guide``
    what the mode tells of the posterior; ``price`` what it will cost, where that is known; ``compiled`` the seconds of
    compiling that are spent already."""

    options: SamplerOptions
    seed: int
    doubtful: bool
    guide: Guide
    price: Price | None = None
    compiled: float = 0.0


def guide(fits: Mapping[str, Fit]) -> Guide:
    """What the mode and its Laplace approximation tell the sampler, where they are to be trusted.

    Of a funnel the curvature at the mode says nothing of elsewhere, and the importance weights show it. Chains that all
    start at one of several modes would agree and be wrong: they start there only where every start of the search led to
    the one mode.
    """
    mode, laplace = fits["unconstrained_map"], fits["laplace"]
    k_hat = laplace.diagnostics.get("k_hat", math.inf)
    if not (mode.ok and laplace.ok and k_hat < K_HAT_LEANS) or laplace.unconstrained_draws is None:
        return Guide()
    near = len(mode.diagnostics["modes"]) == 1 and k_hat < K_HAT_MAX
    return Guide(laplace.unconstrained_draws[0] if near else None, mode.diagnostics["condition"])


def posterior(
    problem: Problem, brought: Any, sampling: Sampling, options: CompareOptions, progress: Progress
) -> Iterator[Fit]:
    """One fit, or with ``until_settled`` one at each doubling of the draws, the budget the last."""
    if brought is not None:
        with progress.stage("Checking the posterior"):
            yield bring(problem, to_tree(brought) if isinstance(brought, Comparison) else brought)
        return
    sampler, seed = sampling.options, sampling.seed
    takes = "" if sampling.price is None else f" (NUTS: {told(sampling.price)})"
    with progress.stage(f"Compiling the sampler{takes}"):
        compiling = sampling.compiled + prepare(problem, sampler)
    if sampling.doubtful:
        with progress.stage("Sampling a little"):
            pilot(problem, seed=seed, options=sampler)
    if not options.until_settled:
        with progress.stage(f"Sampling{takes}", own_bar=progress.bar):
            drawn = run(
                problem, seed=seed, options=sampler, progress=progress.bar or _Told(progress), guide=sampling.guide
            )
        yield replace(drawn, compile_seconds=drawn.compile_seconds + compiling)
        return
    lengths = [sampler.draws * min(2**i, options.budget) for i in range(options.budget.bit_length() + 1)]
    fits = growing(problem, sorted(set(lengths)), seed=seed, options=sampler, guide=sampling.guide)
    while True:
        with progress.stage("Sampling"):
            longer = next(fits, None)
        if longer is None:
            return
        yield replace(longer, compile_seconds=longer.compile_seconds + compiling)


class _Told:
    """Says how far the sampling is and how long it will take, where no bar does, at growing distances."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._began, self._next = progress, time.perf_counter(), FIRST

    def __call__(self, made: int, wanted: int) -> None:
        took = time.perf_counter() - self._began
        if took >= self._next and 0 < made < wanted:
            self._next = took + min(took, LATER)
            left = duration(took * (wanted - made) / made)
            self._progress.stage(f"Sampling: {made:,} of {wanted:,} draws, tuning among them, about {left} left")


def settled(verdict: Verdict) -> bool:
    """True if no layer is undecided that more draws would settle, and no gate is closed that they might open."""
    layers = verdict.layers.values()
    if any(layer.name == "sampler" and layer.state is State.FAILED for layer in layers):
        return False
    open_ = [layer for layer in layers if layer.state is State.UNDECIDED]
    return all(layer.on_the_margin or layer.criterion in NOT_BY_DRAWS for layer in open_)


def cost(fits: Mapping[str, Fit], predicted: Predicted) -> dict[str, Any]:
    """Seconds and evaluations of each arm, and what a nat of elpd cost: seconds that NUTS took beyond the MAP's."""
    arms: dict[str, dict[str, float | None]] = {
        name: {"compile_seconds": f.compile_seconds, "seconds": f.seconds, "evaluations": f.evaluations}
        for name, f in fits.items()
    }
    arms["refits"] = {"compile_seconds": 0.0, "seconds": predicted.refit_seconds, "evaluations": None}
    nuts = fits["nuts"]
    more = nuts.seconds + nuts.compile_seconds - fits["map"].seconds - fits["map"].compile_seconds
    gain = predicted.total.elpd.elpd_diff
    return {"arms": arms, "seconds_per_nat": more / gain.value if gain.known and gain.value > 0 else None}
