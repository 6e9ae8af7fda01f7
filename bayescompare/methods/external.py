"""A posterior brought from outside: draws that PyMC, nutpie, NumPyro, CmdStan or an earlier run made, checked against
the model before anything is compared with them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..coordinates import called, filed
from ..errors import DataError
from ..model.backends import Array
from ..model.problem import Problem
from ..results.carried import DRAWS, Carried, read
from ..results.fit import Fit, Status
from .invariance import Drift, drift
from .labelled import in_order
from .laplace import importance
from .modes.naming import coordinate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

#: Draws at which the log density is computed again.
CHECKED = 16

#: Difference of log densities from draw to draw, relative to their size, that rounding explains: of double precision,
#: and of draws that are kept in single precision or in six digits.
ROUNDING, COARSE = 1e-6, 1e-4

#: Relative size of the last digit of a number in single precision or in six digits.
LAST_DIGIT = 1e-6

#: Weights under which a sampler's log density may have been kept: with the Jacobian or without.
KEPT = ((1.0, 1.0, 1.0), (1.0, 1.0, 0.0))

#: Coordinates of a saved run and of its draws in the model's own are the same to this, relative to their size.
SAME = 1e-9


def bring(problem: Problem, posterior: Any, fingerprint: str | None = None) -> Fit:
    """Take draws that were made elsewhere for draws of this model's posterior, if they are.

    Variables are found by name, their entries by the labels of their coordinates. Draws of a comparison that was saved
    with this model are taken as they are. Of others the log density that came with them is held against the model's;
    where there is none, steps that leave the model's posterior as it is must leave the draws as they are.

    Parameters
    ----------
    problem : Problem
    posterior : xarray.DataTree, xarray.Dataset, Mapping of str to array of shape (chains, draws, ...), or path
        As ArviZ has it. What it holds beyond the model's free variables is left alone.
    fingerprint : str, optional
        Of the model that the draws were made for, where it is known; saved comparisons tell it themselves.

    Returns
    -------
    Fit
        With the statistics that the posterior carries. Diagnostics: ``origin`` (``saved`` or ``elsewhere``),
        ``sampler`` (``NUTS``, or None where it is not known), ``thinning`` (None where it is not known), what is known
        of ``engine``, ``backend``, ``metric``, ``starts``, ``tune`` and
        ``target_accept``, ``divergences`` (None where they are not known), and
        ``unchecked``: which of ``data``, ``log density`` and ``invariance`` could not be looked at.

    Raises
    ------
    DataError
        If names, labels, shapes, data, ranges or log densities differ: the message says which, and how.
    MissingFileError, ResultFileError
    """
    carried = read(posterior, set(problem.model.named_vars))
    fingerprint = fingerprint or carried.origin.fingerprint
    values = _values(problem, carried.draws)
    coarse = any(_coarse(x) for x in values.values())
    points = _points(problem, values, carried.unconstrained, coarse)
    unchecked = [] if _same_data(problem, carried.observed, problem.observed) else ["data"]
    if not _same_density(problem, points, carried.statistics.get("lp"), coarse):
        unchecked.append("log density")
        if fingerprint is not None and fingerprint != problem.fingerprint:
            raise DataError(
                "The posterior is of another model, or of other data: its fingerprint is "
                f"{fingerprint[:12]}…, the model's {problem.fingerprint[:12]}…."
            )
        _same_data(problem, carried.constant, problem.density.data)
        if not _stays(problem, points):
            unchecked.append("invariance")
    return _fit(problem, carried, points, unchecked)


def take(problem: Problem, name: str, draws: Any) -> Fit:
    """Take draws that another method made, for what they are: no claim to be the posterior's, so none is checked.

    Variables and their entries are found as in :func:`bring`. Where the draws tell their own log density (``lq`` or
    ``log_q`` among the sampler's statistics, on the unconstrained scale), k-hat of their importance weights is told.

    Returns
    -------
    Fit
        ``seconds`` is NaN where the draws do not tell it.

    Raises
    ------
    DataError, MissingFileError, ResultFileError
    """
    carried = read(draws, set(problem.model.named_vars))
    values = _values(problem, carried.draws)
    points = _unconstrained(problem, values, any(_coarse(x) for x in values.values()))
    points, scalars, mean = problem.gathered(points)
    log_q, told, statistics = carried.statistics.get("log_q"), {}, {}
    if log_q is not None:
        flat = points.reshape(-1, points.shape[-1])
        ratios = problem.density.values(flat, (1.0, 1.0, 1.0)) - log_q.ravel()
        told = importance(problem.scalars.names, scalars.reshape(len(flat), -1), ratios)
        statistics = {"log_ratio": ratios.reshape(log_q.shape)}
    return replace(
        _drawn(problem, name, points, scalars, mean),
        statistics=statistics,
        diagnostics={**told, "origin": "elsewhere", "chains": len(points), "draws": points.shape[1]},
        seconds=carried.origin.seconds or math.nan,
    )


def _drawn(problem: Problem, method: str, points: Array, scalars: Array, mean: Array) -> Fit:
    """A fit that is known by its draws."""
    return Fit(
        method=method,
        status=Status.OK,
        reasons=(),
        names=problem.scalars.names,
        estimate=mean,
        draws=scalars,
        unconstrained_draws=points,
    )


def _fit(problem: Problem, carried: Carried, points: Array, unchecked: list[str]) -> Fit:
    chains, length, _ = points.shape
    points, scalars, mean = problem.gathered(points)
    kept, origin = carried.statistics, carried.origin
    return replace(
        _drawn(problem, "nuts", points, scalars, mean),
        statistics=kept,
        diagnostics={
            **origin.diagnostics,
            "origin": "saved" if origin.saved else "elsewhere",
            "sampler": "NUTS" if origin.nuts else None,
            "thinning": origin.thinning,
            "chains": chains,
            "draws": length,
            "divergences": int(kept["diverging"].sum()) if "diverging" in kept else None,
            "unchecked": unchecked,
        },
        seconds=origin.seconds,
        compile_seconds=origin.compile_seconds,
        evaluations=origin.evaluations,
    )


# -- draws -----------------------------------------------------------------------------------------


def _points(problem: Problem, values: Mapping[str, np.ndarray], made: Array | None, coarse: bool) -> Array:
    """The draws on the unconstrained scale: where the sampler made them, if these are the same draws."""
    points = _unconstrained(problem, values, coarse)
    if made is not None and made.shape == points.shape and np.allclose(made, points, rtol=SAME, atol=SAME):
        return made
    return points


def _values(problem: Problem, draws: xr.Dataset) -> dict[str, np.ndarray]:
    """Draws of the free variables in the model's order, shapes checked."""
    found = {}
    beside = called(problem.scalars.variables, map(str, problem.model.coords))
    in_file = filed(beside.values())
    for rv in problem.model.free_RVs:
        name = rv.name if rv.name in draws.data_vars else in_file[beside[rv.name]]
        if name not in draws.data_vars:
            names = ", ".join(str(name) for name in list(draws.data_vars)[:12])
            todo = "Rename its variables."
            if rv.name.removesuffix("_offset") in draws.data_vars:
                todo = "Bambi leaves it out unless the model is fitted with omit_offsets=False."
            raise DataError(f"The posterior has no variable {rv.name!r}; it has {names}. {todo}")
        array = draws[name]
        if not set(DRAWS) <= set(array.dims):
            raise DataError(f"{rv.name} has the dims {tuple(array.dims)}, and needs chain and draw.")
        if array.dtype.kind not in "biuf":
            raise DataError(f"Draws of {rv.name} are of type {array.dtype}, not numbers.")
        values = in_order(problem, rv.name, array, problem.scalars.variables[rv.name][2])
        if not values.size:
            raise DataError("The posterior has no draws.")
        lost = np.argwhere(~np.isfinite(values))
        if len(lost):
            raise DataError(
                f"{len(lost):,} of {values.size:,} values of {rv.name} in the posterior are not finite, the first in "
                f"chain {lost[0][0]}, draw {lost[0][1]}. Cut chains that were filled up with NaN to the shortest."
            )
        found[rv.name] = values
    return found


def _unconstrained(problem: Problem, values: Mapping[str, np.ndarray], coarse: bool) -> Array:
    """Draws where the sampler moves; one that rounding put on the edge of its range goes inside by a last digit."""
    points = problem.unconstrain(values)
    for name in _outside(problem, points) if coarse else ():
        for inwards in (1 - LAST_DIGIT, 1 + LAST_DIGIT):
            again = problem.unconstrain({**values, name: inwards * np.asarray(values[name], dtype=float)})
            points = np.where(np.isfinite(points), points, again)
    outside = _outside(problem, points)
    if outside:
        raise DataError(f"Draws of {', '.join(outside)} lie outside of the range that the model gives it.")
    return points


def _outside(problem: Problem, points: Array) -> list[str]:
    blocks = problem.density.blocks
    return [b.name for b in blocks if not np.isfinite(points[..., b.start : b.stop]).all()]


def _coarse(values: np.ndarray) -> bool:
    """True for numbers that were kept in single precision, or printed with six digits."""
    if values.dtype.kind != "f":
        return False
    some = np.asarray(values, dtype=float).ravel()[:1000]
    with np.errstate(over="ignore"):
        if np.array_equal(some, some.astype(np.float32).astype(float)):
            return True
    return all(float(f"{x:.6g}") == x for x in some)


# -- data ------------------------------------------------------------------------------------------


def _same_data(problem: Problem, theirs: xr.Dataset | None, ours: Mapping[str, np.ndarray]) -> bool:
    """True if every variable is there and the same; what differs is refused."""
    known = theirs is not None
    in_file = filed(ours)
    for name, values in ours.items():
        there = name if theirs is None or name in theirs else in_file[name]
        if theirs is None or there not in theirs:
            known = False
            continue
        found = in_order(problem, name, theirs[there], values.shape)
        if found.dtype.kind not in "biuf" or values.dtype.kind not in "biuf":
            continue
        differing = ~np.isclose(found, values, rtol=1e-6, atol=1e-12, equal_nan=True)
        if differing.any():
            i = int(np.flatnonzero(differing)[0])
            raise DataError(
                f"The data of {name} differ in {int(differing.sum())} of {values.size} values; the first is "
                f"{found.ravel()[i]:g} there and {values.ravel()[i]:g} in the model."
            )
    return known


# -- density ---------------------------------------------------------------------------------------


def _same_density(problem: Problem, points: Array, lp: Array | None, coarse: bool) -> bool:
    """True if the sampler's log density and ours differ by a constant; False where it kept none.

    Some samplers leave constants out, some keep the potential energy, which is its negative.
    """
    if lp is None:
        return False
    flat = points.reshape(-1, points.shape[-1])
    some = np.unique(np.linspace(0, len(flat) - 1, CHECKED).astype(int))
    theirs = lp.ravel()[some]
    coarse |= _coarse(theirs)
    gaps, sizes = [], []
    for weights in KEPT:
        ours, slopes = problem.density.batch(flat[some], weights)
        size = max(1.0, float(np.abs(ours).max())) * (COARSE if coarse else ROUNDING)
        if coarse:  # what a last digit of the draws, and of their log density, makes of it
            size += 10 * LAST_DIGIT * float(np.abs(theirs).max())
            size += LAST_DIGIT * float((np.abs(slopes) * np.maximum(np.abs(flat[some]), 1)).sum(axis=1).max())
        for sign in (1.0, -1.0):
            gaps.append(float(np.ptp(ours - sign * theirs)))
            sizes.append(size)
    if not any(gap <= size for gap, size in zip(gaps, sizes, strict=True)):
        raise DataError(
            f"The log density that came with the draws and the model's differ by {min(gaps):.3g} nats from draw to "
            "draw: they are not of one model. Compare priors, data and parametrisation."
        )
    return True


def _stays(problem: Problem, points: Array) -> bool:
    """True if the draws stay where they are as draws of this posterior do; False where they are too few to tell.

    Raises
    ------
    DataError
        If they move.
    """

    def batch(rows: Array) -> tuple[Array, Array]:
        return problem.density.batch(rows, (1.0, 1.0, 1.0))

    flat = points.reshape(-1, points.shape[-1])
    heights, _ = batch(flat[np.unique(np.linspace(0, len(flat) - 1, CHECKED).astype(int))])
    if not np.isfinite(heights).all():
        raise DataError("The model's density is zero at draws of the posterior: they are not of this model.")
    found = drift(batch, points)
    if found is None:
        return False
    if found.found:
        raise DataError(
            "The draws are not of this model's posterior, or had not come to it: under steps that would leave it as it "
            f"is, {_told(problem, found)}. Compare priors, data, "
            "parametrisation and the order of coordinates."
        )
    return True


def _told(problem: Problem, found: Drift) -> str:
    """What moves, and how far."""
    said = []
    worst = found.worst
    if worst is not None:
        name = coordinate(problem, worst)
        if found.location[worst]:
            said.append(f"the mean of {name} moves by {found.location[worst]:.2g} posterior sd")
        elif found.spread[worst]:
            said.append(f"the variance of {name} moves by {found.spread[worst]:.2g} posterior variances")
    if found.height:
        said.append(f"the mean log density moves by {found.height:.3g} nats")
    return " and ".join(said)
