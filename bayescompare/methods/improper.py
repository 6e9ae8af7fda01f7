"""Posteriors that are improper, or nearly so: by a density that has a limit, and by chains that run off to where it is
rounding."""

from __future__ import annotations

import numpy as np

from ..errors import FitError
from ..model.backends import Array
from ..model.problem import Problem
from ..reasons import Code
from ..results.fit import Fit
from .modes.naming import coordinate
from .modes.scales import scales

#: Draws that are looked at.
LOOKED_AT = 16

#: A relative step of the coordinates after which a density is what its gradient says, and how often it is tried.
STEP, TRIES = 1e-12, 4

#: Nats by which the density may miss that, absolutely and relative to its own size.
NOISE, RELATIVE = 1e-3, 1e-8

#: A coordinate has run off where it is so far from the model's initial point: of a logarithm a factor of 5e8.
FAR = 20.0

#: Coordinates that are named.
NAMED = 5

#: Points beyond the dimension at which gradients are taken, and their part in a direction, each coordinate's gradients
#: scaled to length 1, up to which the density is constant along it.
MORE, CONSTANT = 10, 1e-12


def refuse_limit(problem: Problem, mode: Fit) -> None:
    """Refuse a posterior whose density rises towards a limit along parameters with flat priors, or is constant along
    them: it has no integral.

    Parameters
    ----------
    problem : Problem
    mode : Fit
        The search for the unconstrained mode.

    Raises
    ------
    FitError
    """
    for reason in mode.reasons:
        if reason.code is Code.RISES_TOWARDS_A_LIMIT and set(reason.variables) <= set(problem.improper):
            told = ", ".join(reason.variables)
            raise FitError(
                f"The posterior is improper along {told}: its density rises for ever towards a limit, as it does where "
                f"the data are separated, and the prior there is flat. Give {told} a prior that is a probability."
            )
    ridge = _endless_ridge(problem) if any(reason.code is Code.RIDGE for reason in mode.reasons) else []
    if ridge:
        told = ", ".join(ridge[:NAMED])
        raise FitError(
            f"The posterior is improper along {told}: the priors there are flat, and the data do not tell "
            f"{'these apart' if len(ridge) > 1 else told}, so that the density is constant along a line. "
            f"Give {told} a prior that is a probability, or leave it out."
        )


def _endless_ridge(problem: Problem) -> list[str]:
    """Coordinates with flat priors along which, together, the density is constant: no gradient has a part in that
    direction, wherever it is taken."""
    density, weights = problem.density, (1.0, 1.0, 1.0)
    rng = np.random.default_rng(0)
    spread = rng.standard_normal((2 * problem.dimension + MORE, problem.dimension))
    gradients = density.batch(density.start + scales(density, weights) * spread, weights)[1]
    gradients = gradients[np.isfinite(gradients).all(axis=1)]
    if len(gradients) < problem.dimension + MORE // 2:
        return []
    size = np.linalg.norm(gradients, axis=0)
    _, values, directions = np.linalg.svd(gradients / np.where(size > 0, size, 1.0), full_matrices=False)
    if values[-1] > CONSTANT:
        return []
    along = np.flatnonzero(np.abs(directions[-1]) > 1e-6)
    flat = {i for b in density.blocks if b.name in problem.improper for i in range(b.start, b.stop)}
    return [coordinate(problem, int(i)) for i in along] if flat.issuperset(along.tolist()) else []


def refuse_runaway(problem: Problem, points: Array) -> None:
    """Refuse draws that ran off to where the density is rounding.

    Parameters
    ----------
    problem : Problem
    points : ndarray of shape (chains, draws, d)

    Raises
    ------
    FitError
        It names the coordinates along which the posterior is improper.
    """
    flat = points.reshape(-1, points.shape[-1])
    some = flat[np.unique(np.linspace(len(flat) // 2, len(flat) - 1, LOOKED_AT).astype(int))]
    far = np.abs(some - problem.density.start).max(axis=0)
    gone = np.flatnonzero(far > FAR)
    if not gone.size or not _is_rounding(problem, some):
        return
    names = list(dict.fromkeys(coordinate(problem, int(i)) for i in gone))
    told = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    flat_priors = [name for name in problem.improper if any(each.partition("[")[0] == name for each in names)]
    advice = (
        f"The priors of {', '.join(flat_priors)} are flat, and the data do not bound them: give them priors that are "
        "probabilities."
        if flat_priors
        else "The density grows there without limit, as it does where a scale can go to 0 because data have no noise, "
        "or it does not fall: give these parameters priors that keep them away from there."
    )
    raise FitError(
        f"The posterior is improper, or nearly so, along {told}: the chains run off to where the log density is "
        f"rounding. {advice}"
    )


def _is_rounding(problem: Problem, points: Array) -> bool:
    """True if the log density at most of these points is not what its gradient says a last digit on."""
    weights = (1.0, 1.0, 1.0)
    values, slopes = problem.density.batch(points, weights)
    rng = np.random.default_rng(0)
    missed = np.zeros(len(points))
    for _ in range(TRIES):
        step = STEP * np.maximum(np.abs(points), 1.0) * rng.choice([-1.0, 1.0], points.shape)
        there, _ = problem.density.batch(points + step, weights)
        with np.errstate(invalid="ignore"):
            gap = np.abs(there - values - (slopes * step).sum(axis=1))
        missed = np.maximum(missed, np.where(np.isfinite(gap), gap, np.inf))
    allowed = NOISE + RELATIVE * np.where(np.isfinite(values), np.abs(values), 0.0)
    return bool(np.mean(missed > allowed) > 0.5)
