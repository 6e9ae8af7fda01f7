"""What NUTS will cost, before it is paid: gradients a draw by the mode's curvature, and a gradient timed."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ..methods.machine_code import evaluation
from ..methods.nutpie import Guide, choose_backend, machine_coded
from ..methods.sampler_options import SamplerOptions
from ..metrics.price import Basis, Price, gradients_a_draw
from ..model.problem import Problem
from ..results.fit import Fit
from .budget import ROWS, duration

#: Seconds of compiling where nothing is cached, by backend.
COMPILING = {"numba": 5.0, "jax": 1.0, "pytensor": 0.0}

#: Seconds of sampling from which on the sampler's own code is compiled and timed: many small operations, as on vectors
#: that are gathered by an index, take numba a fortieth of what they take elsewhere.
LONG = 10.0

#: Runs of the density that is timed, and calls of machine code in each, of what takes less than some seconds.
RUNS, CALLS, SHORT = 10, 20, 1e-3

#: Seconds of a gradient beyond the density itself: nutpie's own step, and Python's where it goes through that.
STEP = {"numba": 5e-7, "jax": 1e-5, "pytensor": 1e-5}


def basis(
    problem: Problem, fits: Mapping[str, Fit], options: SamplerOptions, guide: Guide, left: float = math.inf
) -> Basis | None:
    """What the price of NUTS by nutpie is made of; None where another engine samples, or the model has no gradient.

    Parameters
    ----------
    fits : Mapping of str to Fit
        ``unconstrained_map`` and ``laplace``, whose condition and k-hat tell how many gradients a draw takes.
    left : float
        Seconds that there are, which compiling must fit into.
    """
    if options.engine != "nutpie" or problem.density.no_gradient:
        return None
    mode, laplace = fits["unconstrained_map"].diagnostics, fits["laplace"].diagnostics
    backend = options.backend if options.backend != "auto" else choose_backend(problem)
    condition, k_hat = mode.get("condition"), laplace.get("k_hat")
    if guide.metric(problem.dimension) == "low_rank":  # the metric follows the correlations
        condition = 1.0
    found = Basis(
        gradients_a_draw(
            problem.dimension,
            math.nan if condition is None else condition,
            math.nan if k_hat is None else k_hat,
            options.target_accept or 0.8,
        ),
        _gradient(problem, backend) + STEP[backend],
        COMPILING[backend],
        options.chains,
        min(options.chains, os.cpu_count() or 1),
    )
    sampling = found.price(options.draws, options.tune).seconds - found.compile_seconds
    if backend != "numba" or sampling < LONG or left < found.compile_seconds:
        return found
    began = time.perf_counter()
    call = evaluation(problem.density, machine_coded(problem.density)[0])
    spent = time.perf_counter() - began
    calls = CALLS if found.gradient_seconds < SHORT else 1
    seconds = _processor_time(lambda: [call() for _ in range(calls)]) / calls
    return replace(found, gradient_seconds=seconds + STEP[backend], compile_seconds=0.0, compiled=spent)


def price(problem: Problem, fits: Mapping[str, Fit], options: SamplerOptions, guide: Guide) -> Price | None:
    """The price of NUTS with these options; None where it is not known."""
    found = basis(problem, fits, options, guide)
    return None if found is None else found.price(options.draws, options.tune)


def _gradient(problem: Problem, backend: str) -> float:
    """Seconds of density and gradient as the sampler will compute them; numba's take about what a batch's row does."""
    u, weights = problem.density.start, (1.0, 1.0, 1.0)
    if backend == "numba":
        rows = np.repeat(u[None], ROWS, axis=0)
        of_rows = _processor_time(lambda: problem.density.batch(rows, weights)) / ROWS
        return min(of_rows, _processor_time(lambda: problem.density(u, weights)))
    evaluate = problem.density.sampler_function()
    return _processor_time(lambda: evaluate(u))


def _processor_time(work: Callable[[], object]) -> float:
    """Seconds of processor time, the least of some runs after one that may compile: what else runs does not count."""
    work()
    found = []
    for _ in range(RUNS):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def told(found: Price) -> str:
    """``about 40 s (25 to 70 s); ten times the draws: 6 min``."""
    ends = f"{duration(found.lower)} to {duration(found.upper)}"
    return f"about {duration(found.seconds)} ({ends}); ten times the draws: {duration(found.longer)}"
