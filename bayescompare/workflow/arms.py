"""The arms of a comparison, and the search that goes on where the draws show that it ended too early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..methods import laplace, mode
from ..methods.laplace import LaplaceOptions
from ..methods.modes.basins import SAMPLE, Climbs, climbs
from ..methods.modes.path import POINTS as POINTS_OF_PATH
from ..methods.modes.path import Path, path
from ..model.angles import nearest
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from .budget import Budget, duration

if TYPE_CHECKING:
    from .options import CompareOptions, Progress

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

#: Draws from which a search that ended too early begins again, and how often.
RESTARTS, ROUNDS = 4, 2

#: A draw lies above a mode from so many nats on: two evaluations' rounding is less.
ABOVE = 1e-6

#: Dimension up to which the path from the MLE to the MAP is followed.
PATH_DIMENSION = 200

#: Evaluations of a climb from a draw, more for each dimension; fewer climbs tell little of basins.
CLIMB, FEWEST_CLIMBS = 30, 16

#: Newton steps at a point of the path; fewer points draw no curve.
NEWTON, FEWEST_POINTS = 6, 5

#: Draws of the prior, for the contraction and the prior's curves.
PRIOR_DRAWS = 1000

POINTS = ("mle", "map", "unconstrained_map")


@dataclass(frozen=True)
class Heights:
    """Log densities of the posterior's draws, each of shape (chains, draws), nats: without and with the Jacobian."""

    map: Array
    unconstrained_map: Array


def modes(problem: Problem, seed: int, options: CompareOptions, progress: Progress) -> dict[str, Fit]:
    """The modes, and the Laplace approximation at the unconstrained one."""
    fits: dict[str, Fit] = {}
    for i, name in enumerate(POINTS):
        took = sum(fit.seconds for fit in fits.values()) / max(i, 1) * (len(POINTS) - i)
        left = f", about {duration(took)} left" if took > 1 else ""
        progress.stage(f"Searching for the modes: {i + 1} of {len(POINTS)}, {options.mode.starts} starts{left}")
        fits[name] = mode.fit(problem, name, seed=seed, options=options.mode)
    progress.stage(f"Laplace approximation: {options.laplace_draws:,} draws")
    fits["laplace"] = _laplace(problem, fits, seed, options)
    return fits


def _laplace(problem: Problem, fits: Mapping[str, Fit], seed: int, options: CompareOptions) -> Fit:
    settings = LaplaceOptions(options.laplace_draws, options.mode)
    return laplace.fit(problem, seed=seed, options=settings, at=fits["unconstrained_map"])


def heights(problem: Problem, nuts: Fit) -> Heights:
    """Log densities of all draws, under the weights of each mode that has a prior."""
    if nuts.unconstrained_draws is None:
        return Heights(np.empty((0, 0)), np.empty((0, 0)))
    chains, draws, d = nuts.unconstrained_draws.shape
    flat = nuts.unconstrained_draws.reshape(-1, d)
    found = [problem.density.values(flat, mode.WEIGHTS[name]).reshape(chains, draws) for name in POINTS[1:]]
    return Heights(*found)


def searched_again(
    problem: Problem, fits: dict[str, Fit], known: Heights, seed: int, options: CompareOptions
) -> dict[str, Fit]:
    """The fits, with the searches repeated from draws where a draw lies above the mode or no other start confirmed it.

    What is still below a draw after that is suspect.
    """
    draws = fits["nuts"].unconstrained_draws
    if draws is None:
        return fits
    flat = draws.reshape(-1, problem.dimension)
    fits = dict(fits)
    before = fits["unconstrained_map"]
    for name in POINTS[1:]:
        values = getattr(known, name).ravel()
        for _ in range(ROUNDS):
            found = fits[name]
            above = found.status is not Status.FAILED and values.max() > found.log_density + ABOVE
            if found.status is Status.OK and not above:
                break
            chosen = _restarts(values, above)
            if found.status is Status.FAILED:  # the usual starts have had their turn: the draws alone, first
                alone = replace(options.mode, starts=1)
                probe = mode.fit(problem, name, seed=seed, options=alone, above=flat[chosen])
                if probe.status is Status.FAILED:
                    break
            again = mode.fit(problem, name, seed=seed, options=options.mode, above=flat[chosen])
            better = again.status is not Status.FAILED and not again.log_density < found.log_density - ABOVE
            if found.status is Status.FAILED and not again.ok:
                break  # no mode exists: nothing that draws could tell
            fits[name] = again if better or found.status is Status.FAILED else found
        fits[name] = _check(fits[name], values)
    if fits["unconstrained_map"] is not before:
        fits["laplace"] = _laplace(problem, fits, seed, options)
    return fits


def _restarts(values: Array, above: bool) -> np.ndarray:
    """Rows to start from: the highest draws where those are above the mode, else some spread over all."""
    if above:
        return np.argsort(-values, kind="stable")[:RESTARTS]
    return np.linspace(0, len(values) - 1, RESTARTS).astype(int)


def _check(found: Fit, values: Array) -> Fit:
    """A draw of the posterior above the mode, under the mode's own weights, means that the search missed the mode."""
    if found.status is Status.FAILED:
        return found
    above = int(np.sum(values > found.log_density + ABOVE))
    if not above:
        return found
    figures = {"draws": above, "gain": float(values.max() - found.log_density)}
    reason = Reason(Code.DRAWS_ABOVE, figures=figures)
    return replace(found, status=Status.SUSPECT, reasons=(reason, *found.reasons))


def basins(problem: Problem, fits: Mapping[str, Fit], seed: int, budget: Budget) -> Climbs | None:
    """Which modes a sample of the draws climbs to; None where there is no mode, or no time."""
    draws = fits["nuts"].unconstrained_draws
    if draws is None or not np.isfinite(draws).all():
        return None
    if fits["unconstrained_map"].status is Status.FAILED:
        return None
    each = budget.gradient * (CLIMB + problem.dimension)
    sample = budget.afford("basins", SAMPLE, each, "climbs from draws", least=FEWEST_CLIMBS)
    if not sample:
        return None
    start = fits["map"].unconstrained
    return climbs(problem, fits["unconstrained_map"], draws, start=start, seed=seed, sample=sample)


def from_mle_to_map(problem: Problem, fits: Mapping[str, Fit], options: CompareOptions, budget: Budget) -> Path | None:
    """The path of the mode as the prior is turned on; None where the dimension is too large for it, or no time."""
    if problem.dimension > PATH_DIMENSION:
        return None
    points = POINTS_OF_PATH
    if fits["map"].status is not Status.FAILED:
        each = NEWTON * (2 * problem.dimension * budget.row + budget.gradient)
        points = budget.afford("path", POINTS_OF_PATH, each, "points of the path", least=FEWEST_POINTS)
    return path(problem, fits["map"], mle=fits["mle"], options=options.mode, points=points) if points else None


def on_one_branch(problem: Problem, fits: dict[str, Fit]) -> dict[str, Fit]:
    """The fits with each angle turned by whole circles to where the MAP, or without one the posterior, has it.

    A mode at 3.1 and a mean at −3.1 are neighbours; so what is computed of differences, and what is drawn on one axis,
    is that of the circle.
    """
    angles, circular = problem.angles, problem.density.circular
    if not len(angles):
        return fits
    centre = fits["map"].estimate[angles]
    centre = np.where(np.isfinite(centre), centre, np.nan_to_num(fits["nuts"].estimate[angles]))
    return {name: _turned(fit, angles, circular, centre) for name, fit in fits.items()}


def _turned(fit: Fit, angles: np.ndarray, circular: np.ndarray, centre: Array) -> Fit:
    at = np.where(np.isfinite(fit.estimate[angles]), fit.estimate[angles], centre)
    turn = nearest(at, centre) - at

    def turned(values: np.ndarray, places: np.ndarray) -> np.ndarray:
        new = values.copy()
        new[..., places] += turn
        return new

    return replace(
        fit,
        estimate=turned(fit.estimate, angles),
        unconstrained=None if fit.unconstrained is None else turned(fit.unconstrained, circular),
        draws=None if fit.draws is None else turned(fit.draws, angles),
        unconstrained_draws=None if fit.unconstrained_draws is None else turned(fit.unconstrained_draws, circular),
    )


def prior(problem: Problem, seed: int) -> Array | None:
    """Draws of the prior in the model's coordinates; None where it is improper or cannot be drawn from."""
    if problem.improper:
        return None
    points = problem.prior_points(PRIOR_DRAWS, seed)
    if points is None or not np.isfinite(points).all():
        return None
    scalars: Array = problem.gathered(points[None])[1][0]
    return scalars
