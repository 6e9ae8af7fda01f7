"""What a report holds of its comparison: the numbers inside the page, without the draws."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ResultFileError
from ..metrics.verdict import Layer, Overall, State, Verdict, stands_as_point
from ..reasons import Reason
from .comparison import READABLE

if TYPE_CHECKING:
    import pandas as pd

_EMBEDDED = re.compile(r'<script type="application/json" id="bayescompare">(.*?)</script>', re.DOTALL)
_WORDS = ("kind", "reason")
_FLAGS = ("boundary", "kink")


@dataclass(frozen=True)
class ReportNumbers:
    """The numbers of a report, as its page holds them: no draws, no curves, no data.

    NaN and infinity are one in a page: both read NaN.

    Attributes
    ----------
    model : Mapping
        ``name``, ``title``, ``parameters``, ``observations``, ``fingerprint``.
    table : pandas.DataFrame
        The rows that the page shows, as :attr:`Comparison.table` has them.
    table_left_out : int
        Scalars that the page left out.
    verdict : Verdict
    cause : str
        Code of why the verdict is what it is; empty where none is known.
    joint, prediction, decisions, sensitivity, groups, findings, path, settings, provenance, rungs
        As in :class:`Comparison`.
    pointwise : Mapping
        By likelihood term, lists over its observations; ``left_out`` where the page has no room for them.
    fits : Mapping of str to Mapping
        Status, reasons (as :meth:`Reason.to_json` gives them) and diagnostics of each fit.
    """

    model: Mapping[str, Any]
    table: pd.DataFrame
    table_left_out: int
    verdict: Verdict
    joint: Mapping[str, Any]
    prediction: Mapping[str, Any]
    pointwise: Mapping[str, Any]
    decisions: tuple[Mapping[str, Any], ...]
    sensitivity: Mapping[str, Any]
    groups: tuple[Mapping[str, Any], ...]
    findings: tuple[Mapping[str, str], ...]
    path: Mapping[str, Any]
    fits: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    rungs: tuple[Mapping[str, Any], ...] = ()
    cause: str = ""

    def __repr__(self) -> str:
        overall = self.verdict.overall
        return f"<ReportNumbers of {self.model['name']}: {overall.opening} {overall.sentence}>"


def read(path: Path) -> ReportNumbers:
    """Read the numbers of a report.

    Raises
    ------
    ResultFileError
        If it is no report of bayescompare's, or is damaged.
    """
    try:
        found = _EMBEDDED.search(path.read_text(encoding="utf-8"))
        if found is None:
            raise ValueError("it holds no numbers of bayescompare's")
        return _numbers(json.loads(found.group(1)))
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ResultFileError(
            f"{path} is not a report that bayescompare wrote, or it is damaged ({reason}). "
            "Write one with Comparison.to_html(path) or --report."
        ) from error


def verdict(document: Mapping[str, Any]) -> Verdict:
    """The verdict of a JSON document or a saved file."""
    layers = {name: Layer.from_json(entry) for name, entry in document["layers"].items()}
    overall = {**document["overall"], "state": State(document["overall"]["state"])}
    as_point = overall["state"] is State.DIFFERS and stands_as_point(layers, overall["deciding"])
    return Verdict(Overall(**{"as_point": as_point, **overall}), layers)  # earlier versions do not say it


def _numbers(document: Any) -> ReportNumbers:
    if not isinstance(document, dict) or document.get("schema") not in READABLE:
        raise ValueError(f"this version reads the schemas {' and '.join(READABLE)}")
    mappings = ("model", "joint", "prediction", "pointwise", "sensitivity", "path", "fits", "settings", "provenance")
    kept: dict[str, Any] = {key: document[key] for key in mappings}
    if not all(isinstance(value, dict) for value in kept.values()) or not isinstance(kept["model"].get("name"), str):
        raise ValueError("a part of it is of another kind than it should be")
    kept["fits"] = {name: with_reasons(fit) for name, fit in kept["fits"].items()}
    kept["path"] = with_reasons(kept["path"])
    return ReportNumbers(
        table=_table(document["table"]),
        table_left_out=int(document.get("table_left_out", 0)),
        verdict=verdict(document["verdict"]),
        decisions=tuple(document["decisions"]),
        groups=tuple(document["groups"]),
        findings=tuple(document["findings"]),
        rungs=tuple(document.get("ladder", ())),
        cause=str((document["verdict"].get("cause") or {}).get("code", "")),
        **kept,
    )


def with_reasons(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A fit or a path with its reasons as objects: version 1 has sentences, and an empty one for none."""
    given = entry.get("reasons")
    if given is None:
        return dict(entry)
    typed = [Reason.from_json(one).to_json() if isinstance(one, str) and one else one or None for one in given]
    return {**entry, "reasons": typed}


def _table(given: Any) -> pd.DataFrame:
    import pandas as pd

    # Pages of earlier versions have a mapping a row.
    rows = given if isinstance(given, list) else [dict(zip(given["columns"], x, strict=True)) for x in given["data"]]
    columns = [key for key in rows[0] if key != "name"] if rows else []
    values: dict[str, Any] = {}
    for column in columns:
        cells = [row[column] for row in rows]
        if column in _WORDS:
            values[column] = pd.Series([str(cell) for cell in cells], dtype=object)
        elif column in _FLAGS:
            values[column] = pd.Series([bool(cell) for cell in cells], dtype=bool)
        else:
            values[column] = pd.Series([float("nan") if cell is None else float(cell) for cell in cells])
    frame = pd.DataFrame(values, columns=columns)
    frame.index = pd.Index([str(row["name"]) for row in rows], name="name")
    return frame
