"""How two comparisons differ: which figures moved by more than their Monte-Carlo errors, and what the verdicts say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..metrics.verdict import Verdict, critical
from .ladder import label

if TYPE_CHECKING:
    import pandas as pd

#: Columns of the table with the columns of their errors.
COLUMNS = {
    "mean": "mcse_mean",
    "sd": "mcse_sd",
    "z": "z_mcse",
    "rank": "rank_mcse",
    "hdi_level": "hdi_level_mcse",
    "sd_ratio": "sd_ratio_mcse",
    "w1": "w1_mcse",
    "absolute_regret": "absolute_regret_mcse",
    "sign_probability": "sign_probability_mcse",
}

#: Modes have no Monte-Carlo error; two searches of one mode agree to this, in posterior sd (as the starts of one do).
MODES, AGREEMENT = ("map", "map_unconstrained", "mle", "marginal_map"), 1e-3

#: Relative change of a figure that is rounding, also where it has no error: the evidence of a Gaussian, a level of 1.
ROUNDING = 1e-9

JOINT = ("typicality", "joint_level", "mahalanobis", "k_hat", "log_evidence_psis", "outside")
PREDICTION = ("elpd_loo", "elpd_plugin", "elpd_diff", "variance_discarded", "coverage_difference")
DECISIONS = ("regret", "relative_regret", "flips")


class Numbers(Protocol):
    """What can be compared: a comparison, or the numbers of a report."""

    @property
    def table(self) -> pd.DataFrame:
        """A row per scalar."""

    @property
    def verdict(self) -> Verdict:
        """Layers and the whole."""

    @property
    def joint(self) -> Mapping[str, Any]:
        """The joint figures."""

    @property
    def prediction(self) -> Mapping[str, Any]:
        """Predictive figures."""

    @property
    def decisions(self) -> tuple[Mapping[str, Any], ...]:
        """The losses that were named."""

    @property
    def sensitivity(self) -> Mapping[str, Any]:
        """To prior and likelihood."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What was asked for."""

    @property
    def rungs(self) -> tuple[Mapping[str, Any], ...]:
        """The ladder."""


@dataclass(frozen=True)
class Change:
    """A figure in both.

    Attributes
    ----------
    what : str
        The figure: a column of the table, or its name in the document.
    of : str
        The scalar, the loss or the part of the comparison that it is of.
    before, after : float
    mcse_before, mcse_after : float
        Monte-Carlo standard errors; 0 for a mode.
    errors : float
        Size of the change in joint Monte-Carlo errors, √(mcse_before² + mcse_after²); infinite where both are 0.
    beyond : bool
        Whether it is more than Monte-Carlo error, judged as the largest of all figures compared.
    """

    what: str
    of: str
    before: float
    after: float
    mcse_before: float
    mcse_after: float
    errors: float
    beyond: bool


@dataclass(frozen=True)
class Moved:
    """A gate, a layer or a method of the ladder whose state is another."""

    layer: str
    before: str
    after: str
    reason_before: str
    reason_after: str


@dataclass(frozen=True)
class Difference:
    """How two comparisons differ.

    Attributes
    ----------
    same_model : bool
        Whether graph, data and coordinates are the same.
    before, after : str
        The verdicts in a sentence each.
    verdict_changed : bool
    moved : tuple of Moved
        Layers whose state changed; one that is in neither verdict reads ``not there``.
    changes : tuple of Change
        Every figure that has an error in both, the largest change in errors first.
    multiple : float
        Joint errors beyond which a change counts: 2 for one figure, more for the largest of many.
    asked : tuple of (str, str, str)
        Settings that differ: name, before, after.
    only_before, only_after : tuple of str
        Scalars that one of the two has alone.
    rungs : tuple of Moved
        Methods that are enough in one and not in the other, or not there.
    """

    same_model: bool
    before: str
    after: str
    verdict_changed: bool
    moved: tuple[Moved, ...]
    changes: tuple[Change, ...]
    multiple: float
    asked: tuple[tuple[str, str, str], ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    rungs: tuple[Moved, ...] = ()

    @property
    def beyond(self) -> tuple[Change, ...]:
        """The changes that are more than Monte-Carlo error."""
        return tuple(change for change in self.changes if change.beyond)


def difference(before: Numbers, after: Numbers, *, same_model: bool) -> Difference:
    """Compare two comparisons, figure by figure.

    Parameters
    ----------
    before, after : Comparison or ReportNumbers
    same_model : bool
        Whether their fingerprints agree; see :func:`fingerprint`.
    """
    found = [*_table(before.table, after.table), *_others(before, after)]
    multiple = critical(max(len(found), 1))
    changes = []
    for what, of, (x, e), (y, f) in found:
        joint = math.hypot(e, f)
        gap = 0.0 if math.isclose(x, y, rel_tol=ROUNDING) else abs(y - x)
        errors = gap / joint if joint > 0 else (math.inf if gap > 0 else 0.0)
        changes.append(Change(what, of, x, y, e, f, errors, errors > multiple))
    modes = _modes(before.table, after.table)
    changes = sorted([*changes, *modes], key=lambda c: (not c.beyond, -c.errors))
    one, other = before.verdict, after.verdict
    first, second = (f"{v.overall.opening} {v.overall.sentence}" for v in (one, other))
    names = [[str(n) for n in side.table.index] for side in (before, after)]
    return Difference(
        same_model,
        first,
        second,
        one.overall.state is not other.overall.state or one.overall.deciding != other.overall.deciding,
        tuple(_moved(one, other)),
        tuple(changes),
        multiple,
        tuple(_settings(before.settings, after.settings)),
        tuple(n for n in names[0] if n not in set(names[1])),
        tuple(n for n in names[1] if n not in set(names[0])),
        tuple(_climbed(before.rungs, after.rungs)),
    )


def fingerprint(of: Any) -> str:
    """Fingerprint of the model of a comparison, or of a report."""
    model = of.model
    return str(model["fingerprint"] if isinstance(model, Mapping) else model.fingerprint)


type _Pair = tuple[str, str, tuple[float, float], tuple[float, float]]


def _table(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[_Pair]:
    shared = before.index.intersection(after.index)
    for column, error in COLUMNS.items():
        if not {column, error} <= set(before.columns) & set(after.columns):
            continue
        sides = [
            zip(frame.loc[shared, column].tolist(), frame.loc[shared, error].tolist(), strict=True)
            for frame in (before, after)
        ]
        for name, one, other in zip(shared, *sides, strict=True):
            if all(map(math.isfinite, (*one, *other))):
                yield column, str(name), one, other


def _modes(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[Change]:
    """Modes that are not the same point."""
    shared = before.index.intersection(after.index)
    for column in MODES:
        if not {column, "sd"} <= set(before.columns) & set(after.columns):
            continue
        values = [frame.loc[shared, key].tolist() for frame, key in ((before, column), (after, column), (before, "sd"))]
        for name, x, y, sd in zip(shared, *values, strict=True):
            if abs(y - x) > AGREEMENT * sd:  # False where any is NaN
                yield Change(column, str(name), x, y, 0.0, 0.0, math.inf, beyond=True)


def _others(before: Numbers, after: Numbers) -> Iterator[_Pair]:
    yield from _figures("joint", JOINT, before.joint, after.joint)
    yield from _figures("prediction", PREDICTION, before.prediction, after.prediction)
    losses = {str(one["loss"]): one for one in after.decisions}
    for one in before.decisions:
        yield from _figures(str(one["loss"]), DECISIONS, one, losses.get(str(one["loss"]), {}))
    for part in ("prior", "likelihood"):
        mine, theirs = before.sensitivity.get(part, {}), after.sensitivity.get(part, {})
        for name, figures in mine.items():
            for what, *pair in _figures(str(name), ("power_scaling",), figures, theirs.get(name, {})):
                yield (f"{what} of the {part}", *pair)  # type: ignore[misc]

    theirs = {rung["method"]: rung for rung in after.rungs}
    for rung in before.rungs:
        for layer in ("location", "spread"):
            sides = (_distance(one.get(layer)) for one in (rung, theirs.get(rung["method"], {})))
            yield from _figures(label(str(rung["method"])), (layer,), *({layer: side} for side in sides))


def _distance(layer: Mapping[str, Any] | None) -> dict[str, Any]:
    """The figure of a rung's layer as those of the document are."""
    return {"value": (layer or {}).get("figure"), "mcse": (layer or {}).get("mcse")}


def _figures(of: str, keys: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[_Pair]:
    for key in keys:
        one, other = _figure(before.get(key)), _figure(after.get(key))
        if all(map(math.isfinite, (*one, *other))):
            yield key, of, one, other


def _figure(of: Any) -> tuple[float, float]:
    """Value and error of a figure; NaN where there is none of either."""
    value, error = (of.get("value"), of.get("mcse")) if isinstance(of, Mapping) else (None, None)
    return (math.nan if value is None else float(value)), (math.nan if error is None else float(error))


def _moved(before: Verdict, after: Verdict) -> Iterator[Moved]:
    for name in (*before.layers, *(n for n in after.layers if n not in before.layers)):
        one, other = before.layers.get(name), after.layers.get(name)
        first, second = (("not there" if layer is None else str(layer.state)) for layer in (one, other))
        if first != second:
            yield Moved(name, first, second, one.reason.text if one else "", other.reason.text if other else "")


def _climbed(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Iterator[Moved]:
    """Methods whose *enough* is another; none where one of the two has no ladder."""
    one, other = ({str(rung["method"]): str(rung["enough"]) for rung in rungs} for rungs in (before, after))
    for method in (*one, *(m for m in other if m not in one)) if one and other else ():
        states = one.get(method, "not there"), other.get(method, "not there")
        if states[0] != states[1]:
            yield Moved(label(method), *states, "", "")


def _settings(before: Mapping[str, Any], after: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str, str]]:
    for key in (*before, *(k for k in after if k not in before)):
        one, other = before.get(key), after.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _settings(one, other, f"{inside}{key} ")
        elif one != other:
            yield f"{inside}{key}".replace("_", " "), _said(one), _said(other)


def _said(value: Any) -> str:
    return "not set" if value is None else str(value)
