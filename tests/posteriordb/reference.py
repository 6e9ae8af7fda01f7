"""What is known of each posterior: data, moments, quantiles, and the best known mode. Needs no PyMC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data"

#: Data sets that another one holds too.
SAME_DATA = {"kidiq_with_mom_work": "kidiq"}


@dataclass(frozen=True)
class Reference:
    """What is known of a posterior, by parameter; ``ess`` of the draws that the quantiles are of."""

    names: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    mcse_mean: np.ndarray
    mcse_sd: np.ndarray
    map: np.ndarray
    ess: np.ndarray
    log_density: float
    quantiles: np.ndarray

    def rank(self, points: np.ndarray) -> np.ndarray:
        """Share of reference draws below each point."""
        levels = np.linspace(0, 1, self.quantiles.shape[1])
        return np.array([np.interp(m, q, levels) for m, q in zip(points, self.quantiles, strict=True)])

    def rank_error(self, rank: np.ndarray) -> np.ndarray:
        """Binomial, of at least one draw; and the grid of quantiles has steps of 1/1000."""
        p = np.clip(rank, 1 / self.ess, 1 - 1 / self.ess)
        error: np.ndarray = np.sqrt(p * (1 - p) / self.ess + 0.001**2 / 12)
        return error

    def from_mode(self, values: Mapping[str, float]) -> float:
        """The largest distance of a point from the best known mode, in posterior sd.

        Parameters
        ----------
        values : Mapping of str to float
            By the names of bayescompare.
        """
        point = np.array([values[ours(name)] for name in self.names])
        return float(np.max(np.abs(point - self.map) / self.sd))


@cache
def _everything() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((DATA / "reference.json").read_text(encoding="utf-8"))
    return found


NAMES = tuple(_everything())


def reference(name: str) -> Reference:
    known = _everything()[name]
    with np.load(DATA / "quantiles.npz") as grids:
        quantiles = grids[name].astype(float)
    numbers = {key: np.array(known[key], dtype=float) for key in ("mean", "sd", "mcse_mean", "mcse_sd", "map", "ess")}
    return Reference(tuple(known["names"]), log_density=known["log_density"], quantiles=quantiles, **numbers)


def data(name: str) -> dict[str, Any]:
    """The data of a posterior, which is named after them: ``data-model``."""
    held = name.partition("-")[0]
    found: dict[str, Any] = json.loads((DATA / f"{SAME_DATA.get(held, held)}.json").read_text(encoding="utf-8"))
    return found


def ours(name: str) -> str:
    """``beta[1]`` of Stan is ``beta[0]`` here."""
    variable, _, index = name.partition("[")
    return f"{variable}[{int(index[:-1]) - 1}]" if index else name
