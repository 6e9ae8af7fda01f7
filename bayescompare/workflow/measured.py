"""One round of a comparison: what is measured of the methods against the draws that there are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..methods.modes.basins import Climbs
from ..metrics.decision import Decision
from ..metrics.verdict import Verdict
from ..model.problem import Problem
from ..results.fit import Fit
from . import arms, consequences, focus, others, tabulate
from .budget import Budget
from .gather import Gathered, gather
from .layers import Layers
from .options import Asked, CompareOptions, Progress
from .predicted import Predicted, predict, unpredicted
from .within import Within

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Given:
    """What stays the same from round to round.

    Attributes
    ----------
    held_out : Problem, optional
        The model on data that were not seen.
    elsewhere : dict of str to Fit
        Draws of other methods that were made elsewhere.
    layers : Layers
        The door that every layer goes through; it keeps why some were not computed.
    prior : ndarray of shape (n, k), optional
        Draws of the prior in the model's coordinates.
    within : Within, optional
        The budget for the whole.
    """

    problem: Problem
    asked: Asked
    held_out: Problem | None
    elsewhere: dict[str, Fit]
    seed: int
    options: CompareOptions
    layers: Layers
    prior: np.ndarray | None
    within: Within | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """What a round comes to.

    Attributes
    ----------
    fits : dict of str to Fit
        With the searches that draws asked for, and the methods beyond MAP, Laplace and NUTS.
    focus : tuple of str
        The scalars that the verdict is about.
    """

    fits: dict[str, Fit]
    heights: arms.Heights
    budget: Budget
    gathered: Gathered
    table: pd.DataFrame
    climbs: Climbs | None
    joint: tabulate.Joint
    predicted: Predicted
    decided: tuple[Decision, ...]
    focus: tuple[str, ...]
    verdict: Verdict


def measure(given: Given, fits: dict[str, Fit], progress: Progress) -> Measured:
    """Measure these fits, NUTS among them, and judge."""
    problem, seed, options, layers = given.problem, given.seed, given.options, given.layers
    heights = arms.heights(problem, fits["nuts"])
    fits = layers.compute(
        "further search", partial(arms.searched_again, problem, fits, heights, seed, options), lambda _: fits
    )
    if not others.OTHERS.keys() & fits.keys():
        fits = fits | others.run(problem, fits, seed, options, layers, given.within) | given.elsewhere
    seconds = options.seconds if given.within is None else given.within.left()
    budget = Budget.after(problem, fits, seconds, progress.stage)
    fits = arms.on_one_branch(problem, fits)
    gathered = gather(problem, fits, given.prior, given.asked.quantities)
    table = tabulate.table(gathered, fits, options)
    fits["nuts"] = tabulate.converged(fits["nuts"], table)
    climbs = layers.compute("basins", partial(arms.basins, problem, fits, seed, budget), lambda _: None)
    why_none = layers.failed.get("basins") or budget.left_out.get("basins")
    joint = layers.compute(
        "joint", partial(tabulate.joint, problem, fits, heights, climbs, why_none), tabulate.no_joint
    )
    predicted = layers.compute(
        "prediction", partial(predict, problem, fits, seed, options.loo_refits, given.held_out, budget), unpredicted
    )
    decided = layers.compute("decision", partial(consequences.decisions, gathered, given.asked.losses), lambda _: ())
    evidence = tabulate.Evidence(joint, predicted, decided, layers.failed.get("decision", ""))
    named = focus.focal(given.asked.var_names, tuple(table.index))
    verdict = tabulate.verdict(fits, table, evidence, options.margins, named)
    return Measured(fits, heights, budget, gathered, table, climbs, joint, predicted, decided, named, verdict)
