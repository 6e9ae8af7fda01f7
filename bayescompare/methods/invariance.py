"""Whether draws can be of a density, from the density alone: steps that leave it as it is must leave its draws as they
are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..metrics.diagnostics import mcse_of_mean
from ..model.backends import Array

#: Log densities (n,) and gradients (n, d) of points (n, d).
Batch = Callable[[Array], tuple[Array, Array]]

#: Sizes of the steps, in a scale of the coordinates: each of them leaves the density as it is, whatever its shape.
STEPS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)

#: Draws that are moved, at most, and fewer than which tell nothing.
MOVED, FEWEST = 600, 20

#: Standard errors, and scales of the coordinate, that a mean may move before the draws are not believed; a variance may
#: move by so many squares of the scale, the log density by so many nats.
ERRORS, LOCATION, SPREAD, NATS = 6.0, 0.25, 0.3, 1.0


@dataclass(frozen=True)
class Drift:
    """How far the draws move that should stay.

    Attributes
    ----------
    location, spread : ndarray of shape (d,)
        Change of the mean, in the coordinate's scale, and of the mean square about it; those within chance are 0.
    height : float
        Change of the mean log density, nats; 0 within chance.
    """

    location: Array
    spread: Array
    height: float

    @property
    def found(self) -> bool:
        return bool(self.height or self.location.any() or self.spread.any())

    @property
    def worst(self) -> int | None:
        """The coordinate that moves most, if one does."""
        size = np.maximum(np.abs(self.location), np.sqrt(np.abs(self.spread)))
        return int(np.argmax(size)) if size.any() else None


def drift(batch: Batch, draws: Array, seed: int = 0) -> Drift | None:
    """Move draws by Metropolis-adjusted Langevin steps and see whether they stay where they are, as a whole.

    Draws of the density do, be it heavy-tailed, cut off or of several modes, as every step leaves the density
    invariant. The errors count the draws' autocorrelation and the differences of their chains.

    Parameters
    ----------
    batch : callable
    draws : ndarray of shape (chains, draws, d)
        All of finite density.
    seed : int

    Returns
    -------
    Drift or None
        None where the draws are too few to tell.
    """
    chains, length, d = draws.shape
    each = min(length, max(MOVED // chains, 1))
    if each < 4 or chains * each < FEWEST:
        return None
    before = draws[:, np.linspace(0, length - 1, each).astype(int)]
    start = before.reshape(-1, d)
    height, slope = batch(start)
    scale = _scale(start, slope)
    narrow = np.minimum(scale, np.where(start.std(axis=0) > 0, start.std(axis=0), scale))  # where an edge is near
    sizes = [step * scale for step in STEPS] + [step * narrow for step in STEPS]
    after, end = _moved(batch, (start, height, slope), sizes, np.random.default_rng(seed))
    centre = start.mean(axis=0)
    pieces = {
        "location": (after - start) / narrow,
        "spread": ((after - centre) / narrow) ** 2 - ((start - centre) / narrow) ** 2,
        "height": (end - height)[:, None],
    }
    least = {"location": LOCATION, "spread": SPREAD, "height": NATS}
    beyond = {name: _beyond(x.reshape(chains, each, -1), least[name]) for name, x in pieces.items()}
    return Drift(beyond["location"], beyond["spread"], float(beyond["height"][0]))


def _scale(points: Array, slopes: Array) -> Array:
    """The density's scale along each coordinate: a Gaussian's sd, from whichever points it is looked at."""
    spread, steep = points.std(axis=0), slopes.std(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt(spread / steep)
    usable = np.isfinite(found) & (found > 0)
    return np.where(usable, found, np.where(spread > 0, spread, 1.0))


def _moved(
    batch: Batch, begin: tuple[Array, Array, Array], sizes: list[Array], rng: np.random.Generator
) -> tuple[Array, Array]:
    """Points after steps of these sizes, and their log densities; ``begin`` has both, and the gradients."""
    points, height, slope = (x.copy() for x in begin)
    for size in sizes:
        ahead = points + 0.5 * size**2 * slope + size * rng.standard_normal(points.shape)
        new_height, new_slope = batch(ahead)
        with np.errstate(invalid="ignore", over="ignore"):
            there = ((ahead - points - 0.5 * size**2 * slope) / size) ** 2
            back = ((points - ahead - 0.5 * size**2 * new_slope) / size) ** 2
            ratio = new_height - height + 0.5 * (there - back).sum(axis=1)
        taken = np.log(rng.random(len(points))) < np.nan_to_num(ratio, nan=-np.inf)
        points[taken], height[taken], slope[taken] = ahead[taken], new_height[taken], new_slope[taken]
    return points, height


def _beyond(change: Array, least: float) -> Array:
    """Mean changes (k,) of (chains, draws, k), 0 where they are small or within chance."""
    rows = np.moveaxis(change, -1, 0)
    mean = rows.mean(axis=(1, 2))
    independent = rows.std(axis=(1, 2)) / np.sqrt(rows[0].size)
    error = np.fmax(independent, mcse_of_mean(rows))
    return np.where(np.abs(mean) > np.maximum(ERRORS * error, least), mean, 0.0)
