"""A study's result: the store, and what can be asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OutputError, UnknownNameError, UsageError
from ..report import study_to_html
from ..results.storage import write_text
from . import summary
from .cells import STATUSES
from .plan import Plan, Point
from .report_rows import PageOptions, page_of
from .store import Cells, Store
from .summary import Measure

if TYPE_CHECKING:
    import pandas as pd

WRITERS = (".csv", ".parquet")


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study found so far.

    Attributes
    ----------
    path : Path
        The study's file.
    """

    path: Path

    @cached_property
    def plan(self) -> Plan:
        """The plan that the file holds."""
        with Store.read(self.path) as store:
            return store.plan

    @property
    def done(self) -> int:
        """Fits that are in the file, of ``plan.fits``."""
        with Store.read(self.path) as store:
            return store.counts()[0]

    @property
    def failed(self) -> int:
        """Of those, fits that failed."""
        with Store.read(self.path) as store:
            return store.counts()[1]

    def reasons(self) -> Counter[str]:
        """Why fits failed, and how many of each reason."""
        found: Counter[str] = Counter()
        for _, _, cells in self.blocks():
            found.update(reason for reason in cells.results.reasons if reason)
        return found

    def blocks(self) -> Iterator[tuple[Point, str, Cells]]:
        """Arrays of each grid point and method, in the plan's order."""
        with Store.read(self.path) as store:
            for point in self.plan.points:
                for method in self.plan.methods:
                    yield point, method, store.cells(point.index, method)

    def rows(self) -> list[Measure]:
        """Every measure; see :func:`bayescompare.studies.summary.rows`."""
        with Store.read(self.path) as store:
            return list(summary.rows(store))

    def summary(self) -> pd.DataFrame:
        """Every measure as a table: a column for each name that varies, then those of :class:`Measure`, where ``n`` is
        called ``replicates``. A varied name that is also one of those has ``grid.`` before it."""
        import pandas as pd

        flat = []
        for row in self.rows():
            entries = asdict(row)
            cell, n = entries.pop("cell"), entries.pop("n")
            rest = {name: value for name, value in entries.items() if name not in ("failed", "reason")}
            rest |= {"replicates": n, "failed": row.failed, "reason": row.reason}
            flat.append({**_named(cell, rest), **rest})
        return pd.DataFrame(flat)

    def cells(self) -> pd.DataFrame:
        """Every estimate: a row for each grid point, replicate, method and recorded scalar."""
        import pandas as pd

        frames = list(self._frames())
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def ranks(self, point: int, method: str, parameter: str) -> np.ndarray:
        """Ranks of the truth, of the replicates that have one, for ECDF plots
        (:func:`bayescompare.studies.measures.ecdf`)."""
        with Store.read(self.path) as store:
            found = store.cells(point, method)
        if parameter not in found.names:
            raise UnknownNameError(f"No parameter {parameter!r} was recorded; there are {', '.join(found.names)}.")
        ranks = found.results.arrays.get("rank", np.empty((0, len(found.names))))[:, found.names.index(parameter)]
        return ranks[np.isfinite(ranks)]

    def export(self, path: str | Path) -> None:
        """Write every estimate (:meth:`cells`) to a ``.csv`` or ``.parquet`` file, grid point by grid point.

        Raises
        ------
        UsageError, OutputError
        """
        path = Path(path)
        if path.suffix not in WRITERS:
            raise UsageError(f"An export ends in {' or '.join(WRITERS)}, not as {path.name}.")
        try:
            _csv(path, self._frames()) if path.suffix == ".csv" else _parquet(path, self._frames())
        except OSError as error:
            raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error

    def to_html(self, path: str | Path, options: PageOptions | None = None) -> None:
        """Write the study's report: one self-contained HTML file, which holds every measure as CSV and JSON.

        Parameters
        ----------
        path : path-like
        options : PageOptions, optional
            Title, question, finding, and the measure that the study is about.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        write_text(Path(path), study_to_html(page_of(self, options)))

    def _frames(self) -> Iterator[pd.DataFrame]:
        """:meth:`cells`, one grid point and method at a time, which bounds the memory."""
        for point, method, found in self.blocks():
            if len(found.replicates):
                yield _frame(self.plan, point, method, found)

    def __repr__(self) -> str:
        return f"<StudyResult of {self.plan.target}: {self.done} of {self.plan.fits} fits, {self.failed} failed>"


def _frame(plan: Plan, point: Point, method: str, found: Cells) -> pd.DataFrame:
    import pandas as pd

    names = found.names or ("",)
    count, k = len(found.replicates), len(names)

    def each(values: Any) -> np.ndarray:
        return np.repeat(np.asarray(values), k)

    def flat(array: np.ndarray | None) -> np.ndarray:
        return np.full(count * k, np.nan) if array is None or array.size == 0 else array.ravel()

    arrays = found.results.arrays
    columns: dict[str, Any] = {
        "replicate": each(found.replicates),
        "method": method,
        "parameter": np.tile(names, count),
    }
    columns |= {"truth": flat(found.truth), "estimate": flat(arrays.get("estimate")), "sd": flat(arrays.get("sd"))}
    for i, level in enumerate(plan.levels):
        for end in ("lower", "upper"):
            whole = arrays.get(end)
            columns[f"{end}_{100 * level:g}"] = flat(None if whole is None else whole[:, i])
    for name in ("rank", "mcse_mean", "mcse_sd"):
        columns[name] = flat(arrays.get(name))
    for name in ("k_hat", "log_density", "r_hat", "ess", "divergences", "seconds"):
        columns[name] = each(arrays.get(name, np.full(count, np.nan)))
    for name in ("elpd", "elpd_plugin") if plan.elpd else ():
        columns[name] = each(arrays.get(name, np.full(count, np.nan)))
    columns["status"] = each([STATUSES[s] for s in found.results.status])
    columns["reason"] = each(np.array(found.results.reasons, dtype=object))
    varied = {name: [value] * (count * k) for name, value in _named(point.values, columns).items()}
    return pd.DataFrame({**varied, **columns})


def _named(cell: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Names that vary, apart from the names of other columns."""
    return {f"grid.{name}" if name in others else name: value for name, value in cell.items()}


def _csv(path: Path, frames: Iterator[pd.DataFrame]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for i, frame in enumerate(frames):
            frame.to_csv(file, index=False, header=i == 0)


def _parquet(path: Path, frames: Iterator[pd.DataFrame]) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UsageError("Parquet files need the package pyarrow: pip install pyarrow.") from error
    writer = None
    try:
        for frame in frames:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table.cast(writer.schema))
    finally:
        if writer is not None:
            writer.close()
