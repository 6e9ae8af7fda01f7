"""Calibration here: for one model and its data, what each method's intervals cover, and which method is calibrated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from ..metrics.calibration import Held, Judged, Scalar, judged
from ..metrics.verdict import Margins
from ..report.study.answer import answer
from ..report.study.rows import Focus
from . import measures
from .cells import FAILED
from .plan import Plan
from .report_rows import PageOptions
from .result import StudyResult
from .run import study
from .store import Cells

#: Levels of the intervals, and the methods that are looked at where none are named.
LEVELS, METHODS = (0.5, 0.8, 0.94), ("map_laplace", "psis_laplace", "marginal_laplace", "nuts")

SCHEMA = "bayescompare-calibration/1"


@dataclass(frozen=True, eq=False)
class Calibrated:
    """One method.

    Attributes
    ----------
    scalars : Mapping of str to Scalar
    judged : Judged
    failed, fits : int
        Fits that failed, and all: coverage is that of the others; of a method that mostly fails there is none.
    reason : str
        Why fits failed, most often.
    """

    scalars: Mapping[str, Scalar]
    judged: Judged
    failed: int
    fits: int
    reason: str


@dataclass(frozen=True, eq=False)
class Calibration:
    """What :func:`calibrate` found.

    Attributes
    ----------
    study : StudyResult
        Every fit.
    methods : Mapping of str to Calibrated
    margin : float
        Of coverage, within which a method is calibrated.
    """

    study: StudyResult
    methods: Mapping[str, Calibrated]
    margin: float

    @property
    def name(self) -> str:
        """Of the model."""
        return Path(self.study.plan.target).name

    @property
    def answer(self) -> str:
        """One sentence: which method is calibrated, and which is not."""
        return answer(self.methods, self.study.plan.replicates, self.study.plan.truth == "posterior")

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, under ``schema``."""
        plan = self.study.plan
        return {
            "schema": SCHEMA,
            "model": self.name,
            "truth": plan.truth,
            "replicates": plan.replicates,
            "margin": self.margin,
            "answer": self.answer,
            "methods": {name: _as_dict(found) for name, found in self.methods.items()},
        }

    def to_html(self, path: str | Path) -> None:
        """Write the page: one self-contained HTML file.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        differs = (name for name, found in self.methods.items() if found.judged.state == "differs")
        subject = next(differs, next(iter(self.methods)))
        here = "for this model and these data" if self.study.plan.truth == "posterior" else "over this model's prior"
        question = f"How often do each method's intervals hold the truth, {here}?"
        focus = Focus(f"coverage_{100 * self.study.plan.levels[-1]:g}", subject)
        self.study.to_html(path, PageOptions(f"Calibration of {self.name}", question, self.answer, focus=focus))

    def __repr__(self) -> str:
        return f"<Calibration of {self.name}: {self.answer}>"


def calibrate(
    model: Any = None,
    *,
    truth: str = "posterior",
    replicates: int = 200,
    methods: tuple[str, ...] | None = None,
    margin: float = Margins().coverage,
    **asked: Any,
) -> Calibration:
    """Find out what each method's 50, 80 and 94 % intervals cover for this model and these data.

    Parameters
    ----------
    model : pymc.Model, bambi.Model, Template, function or str, optional
        As for :func:`bayescompare.study`. Within ``with model:`` it is that model.
    truth : {"posterior", "prior"}
        Truths are drawn from the posterior given the model's own data, to which the data simulated from them are added
        (posterior SBC); or from the prior.
    replicates : int
        A method is called calibrated only where so many data sets could have shown a fault of ``margin``: at 5 points
        that takes some 2,000. With fewer, one without fault is said to show none.
    methods : tuple of str, optional
        Of ``studies.plan.METHODS``; by default MAP + Laplace, PSIS-Laplace, the marginal Laplace approximation where
        the model has a latent block, and NUTS.
    margin : float
        How far off nominal the coverage of a calibrated method may be.
    **asked
        As for :func:`bayescompare.study`: ``store=``, ``data=``, ``parameters=``, ``seed=``, ``executor=``, ...

    Returns
    -------
    Calibration

    Raises
    ------
    UsageError, ModelError
        As :func:`bayescompare.study`.
    """
    if truth not in ("posterior", "prior"):
        raise UsageError(f'truth is "posterior" or "prior", not {truth!r}.')
    if "grid" in asked:
        raise UsageError("calibrate looks at one model and its data: vary options by bc.study(..., grid=).")
    if not 0 < margin < 1:
        raise UsageError(f"margin must lie between 0 and 1, not {margin}.")
    plan = {"levels": LEVELS, **asked, "truth": truth, "replicates": replicates}
    found = study(model, methods=METHODS if methods is None else methods, **plan)
    return calibration(found, margin, drop_refused=methods is None)


def calibration(found: StudyResult, margin: float = Margins().coverage, *, drop_refused: bool = False) -> Calibration:
    """The calibration that a study of one grid point shows; without the methods that fitted nothing, if asked."""
    if len(found.plan.points) > 1:
        raise UsageError("A calibration is of one grid point, and this study has several.")
    methods = {method: _of(found.plan, cells, margin) for _, method, cells in found.blocks()}
    if drop_refused and not all(each.failed == each.fits for each in methods.values()):
        methods = {k: v for k, v in methods.items() if k != "marginal_laplace" or v.failed < v.fits}
    return Calibration(found, methods, margin)


def _of(plan: Plan, cells: Cells, margin: float) -> Calibrated:
    arrays, truth = cells.results.arrays, cells.truth
    scalars = {}
    for j, name in enumerate(cells.names):
        held = []
        for i, level in enumerate(plan.levels):
            lower, upper = arrays["lower"][:, i, j], arrays["upper"][:, i, j]
            known = np.isfinite(truth[:, j]) & ~np.isnan(lower) & ~np.isnan(upper)
            inside = (lower <= truth[:, j]) & (truth[:, j] <= upper) & known
            held.append(Held(level, int(inside.sum()), int(known.sum())))
        ranks = arrays["rank"][:, j]
        ranks = ranks[np.isfinite(ranks)]
        if 2 * len(ranks) >= len(truth):  # those that are left of fewer are the easy data sets
            scalars[name] = Scalar(tuple(held), measures.mean(0.5 - ranks), measures.uniformity(ranks).p.value)
    failed = cells.results.status == FAILED
    reasons = [cells.results.reasons[i] for i in np.flatnonzero(failed)]
    reason = max(set(reasons), key=lambda each: (reasons.count(each), each), default="")
    return Calibrated(scalars, judged(scalars, margin), int(failed.sum()), len(failed), reason)


def _as_dict(found: Calibrated) -> dict[str, Any]:
    return {
        "state": str(found.judged.state),
        "worst": found.judged.worst or None,
        "ranks_leave_band": found.judged.ranks_leave,
        "failed": found.failed,
        "fits": found.fits,
        "reason": found.reason or None,
        "scalars": {
            name: {
                "coverage": [
                    {"level": h.level, "held": h.count, "of": h.size, "wilson": [_number(end) for end in h.wilson]}
                    for h in scalar.held
                ],
                "bias": _number(scalar.bias.value),
                "bias_mcse": None if scalar.bias.mcse is None else _number(scalar.bias.mcse),
                "ranks_p": _number(scalar.p),
            }
            for name, scalar in found.scalars.items()
        },
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
