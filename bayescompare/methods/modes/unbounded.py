"""Densities without a maximum: along which parameter they grow without limit, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...model.backends import Array
from ...model.problem import Problem
from ...reasons import Code, Reason
from .audits import Audit, Heights, Polish
from .boundaries import put
from .end import End
from .options import ModeOptions
from .ways import OUT, beyond

#: Where a coordinate that runs off is led out from, if it is further out already: rounding is small there still.
NEAR = 20.0

#: And from where again, the others left as they are, if it came so far: log(rate + 1e-12), say, levels off late.
FAR = 100.0

#: A coordinate without a transform this small may be on its way to 0.
COLLAPSED = 1e-4

#: Steps out from there, each by one: in a logarithm, or in the coordinate itself.
STEPS = 7

#: Most Newton steps of the others from one place to the next: they begin where they were best.
FOLLOWING = 10

#: Most coordinates that are led out.
LOOKED = 3


@dataclass(frozen=True)
class Runaway:
    """A free variable along which the density grows without limit, the others at their best.

    Attributes
    ----------
    name : str
    to : str
        Where it goes: ``"0"``, ``"infinity"``, ``"minus infinity"``, ``"the edge of its range"``.
    children : tuple of str
        Group effects whose prior it is a parameter of.
    """

    name: str
    to: str
    children: tuple[str, ...]

    @property
    def reasons(self) -> list[Reason]:
        """That there is no mode, and what to do."""
        rises = Reason(Code.GROWS_WITHOUT_LIMIT, (self.name,), {"to": self.to})
        return [rises, Reason(Code.ADVICE_NON_CENTRED, self.children)]


def runaway(problem: Problem, end: End, options: ModeOptions) -> Audit[Runaway | None]:
    """Along which variable the density rises without limit, the others following, if along any.

    Looked at are transformed coordinates, and those that are not but stand among the parameters of group effects, a
    scale that was given no transform, or a logarithm of one; and what has all but come to 0.
    """
    if end.lost and end.ways is not None:
        i, side = next(iter(end.ways.found.items()))
        return along(problem, i, side * _out(OUT))
    for i, path in _candidates(problem, end):
        if (yield from _rises(problem, end.u, (i, path), options)):
            return along(problem, i, path)
    for i in np.flatnonzero(problem.density.transformed & (np.abs(end.u) > FAR)).tolist():
        path = np.copysign(FAR + np.arange(float(STEPS)), end.u[i])
        points = np.repeat(end.u[None], STEPS, axis=0)
        points[:, i] = path
        heights = yield Heights(points)
        if _endless(heights, options):
            return along(problem, i, path)
    return None


def way_out(problem: Problem, u: Array, options: ModeOptions) -> Audit[tuple[int, float] | None]:
    """The transformed coordinate along which it rises without limit from :data:`OUT` on, and to which side."""
    density = problem.density
    away = np.where(density.transformed & np.isfinite(density.start), u - density.start, 0.0)
    for i in np.argsort(-np.abs(away), kind="stable")[:LOOKED].tolist():
        side = math.copysign(1.0, away[i])
        out = beyond(density.start[i], side)
        path = side * (out + np.arange(float(STEPS)))
        if side * u[i] > out and (yield from _rises(problem, u, (i, path), options)):
            return i, side
    return None


def _rises(problem: Problem, u: Array, way: tuple[int, Array], options: ModeOptions) -> Audit[bool]:
    """Led further out, with the others at their best: a bounded density levels off, an endless one does not."""
    density, (i, path) = problem.density, way
    briefly = replace(options, newton_steps=min(options.newton_steps, FOLLOWING))
    off = np.flatnonzero(density.transformed & (np.abs(u) > NEAR))  # they run off too: each for itself
    trial = put(End("way out", u, -math.inf), {int(j): math.copysign(NEAR, u[j]) for j in off})
    heights = []
    for step, place in enumerate(path):
        trial = yield Polish(put(trial, {i: place}), briefly if step else options)
        heights.append(trial.value)
        if step == STEPS // 2 and not heights[step] - heights[0] > options.agreement:
            return False
    return _endless(heights, options)


def _endless(heights: Sequence[float], options: ModeOptions) -> bool:
    """True if the density gained as much over the later steps as over the earlier ones."""
    first, second = heights[STEPS // 2] - heights[0], heights[-1] - heights[STEPS // 2]
    return bool(first > options.agreement and second > 0.5 * first)


def along(problem: Problem, coordinate: int, path: Array) -> Runaway:
    """The name of what runs off along this coordinate, whose values further out are ``path``."""
    block = next(b for b in problem.density.blocks if b.start <= coordinate < b.stop)
    return Runaway(block.name, _goal(block.transform, path), problem.group_parents.get(block.name, ()))


def _candidates(problem: Problem, end: End) -> Iterator[tuple[int, Array]]:
    """Coordinates that may run off, and the way out of each."""
    far = problem.density.transformed
    furthest = np.argsort(-np.abs(end.u) * far, kind="stable")[:LOOKED]
    for i in furthest[far[furthest]]:
        yield int(i), np.copysign(_out(abs(end.u[i])), end.u[i])
    blocks = [b for b in problem.density.blocks if b.transform is None]
    among = {b.name for b in blocks if b.name in problem.group_parents}
    plain = np.array(
        [i for b in blocks for i in range(b.start, b.stop) if b.name in among or collapsed(end.u[i])], dtype=int
    )
    depths = -np.log(np.maximum(np.abs(end.u[plain]), math.exp(-NEAR)))
    for k in np.argsort(-depths, kind="stable")[:LOOKED]:
        if depths[k] > 0:
            yield int(plain[k]), np.copysign(np.exp(-_out(depths[k])), end.u[plain[k]])
    for i in plain[np.argsort(-np.abs(end.u[plain]), kind="stable")[:LOOKED]]:
        if abs(end.u[i]) > 1:
            yield int(i), np.copysign(_out(abs(end.u[i])), end.u[i])


def collapsed(x: float) -> bool:
    """So near to 0 that it may be on its way there, as x in Normal(0, |x|) is where the data are 0."""
    return 0 < abs(x) < COLLAPSED


def _out(distance: float) -> Array:
    return min(distance, NEAR) + np.arange(float(STEPS))


def _goal(transform: str | None, path: Array) -> str:
    if transform is None:
        return "0" if abs(path[-1]) < abs(path[0]) else "infinity" if path[-1] > 0 else "minus infinity"
    if "log" in transform and "odds" not in transform:
        return "0" if path[-1] < 0 else "infinity"
    return "the edge of its range"
