"""Where a study's cells are kept: one SQLite file, written by the coordinator alone, a transaction for each block.

A block is there whole or not at all, whenever the process ends; arrays are kept as bytes of float64, a method's block
to a row, with a checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingFileError, OutputError, PlanError, ResultFileError
from .cells import ARRAYS, Block, Results
from .plan import BLOCKS, Plan, arm_of
from .store_bytes import checksum, packed, to_array, to_bytes, unpacked

Array = NDArray[np.float64]

#: SQLite's application_id of our files ("bcst"), and the version of the tables.
APPLICATION, VERSION = 0x62637374, 1

_HEADER = b"SQLite format 3\x00"

_TABLES = f"""
CREATE TABLE plan (
    one INTEGER PRIMARY KEY CHECK (one = 1), toml TEXT NOT NULL, identity TEXT NOT NULL);
CREATE TABLE blocks (
    point INTEGER NOT NULL, arm TEXT NOT NULL, block INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
    failed INTEGER NOT NULL, died INTEGER NOT NULL, compile_seconds REAL NOT NULL, names TEXT NOT NULL,
    truth BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (point, arm, block));
CREATE TABLE results (
    point INTEGER NOT NULL, method TEXT NOT NULL, block INTEGER NOT NULL, status BLOB NOT NULL, reasons TEXT NOT NULL,
    {", ".join(f"{name} BLOB" for name in ARRAYS)},
    checksum INTEGER NOT NULL, PRIMARY KEY (point, method, block));
"""


@dataclass(frozen=True, eq=False)
class Cells:
    """All replicates so far of one grid point and method, in order.

    Attributes
    ----------
    replicates : ndarray of int of shape (R,)
    names : tuple of str
        The k recorded scalars.
    truth : ndarray of shape (R, k)
    results : Results
        With rows of NaN where a fit failed.
    """

    replicates: NDArray[np.intp]
    names: tuple[str, ...]
    truth: Array
    results: Results


class Store:
    """A study's file, open for writing (:meth:`create_or_resume`) or for reading (:meth:`read`); a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    # -- opening -------------------------------------------------------------------------------

    @classmethod
    def create_or_resume(cls, path: Path, plan: Plan) -> Store:
        """Open the file for writing; one that is not there is made.

        Raises
        ------
        OutputError
            If it cannot be written, or another process is writing it.
        ResultFileError
            If it is damaged or no study; it is left as it is.
        PlanError
            If it holds another plan, or one that other versions or another model file ran. One that asks for more
            replicates or methods is no other.
        """
        empty = not path.exists() or path.stat().st_size == 0
        if not path.parent.is_dir():
            raise OutputError(f"Cannot write {path}: there is no folder {path.parent}.")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise OutputError(f"Cannot write {path}: permission denied. What it holds can be read, not continued.")
        if not empty:
            _check_header(path)
        with _said(path):
            connection = sqlite3.connect(path, timeout=1, isolation_level=None)
        store = cls(path, connection)
        try:
            with _said(path):
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN EXCLUSIVE")
                if empty:
                    store._make(plan)
                connection.execute("COMMIT")
            store._check()
            store._check_plan(plan)
        except BaseException:
            connection.close()
            raise
        return store

    @classmethod
    def read(cls, path: Path) -> Store:
        """Open the file for reading.

        Raises
        ------
        MissingFileError, ResultFileError
        """
        if not path.is_file():
            raise MissingFileError(f"There is no study {path}.")
        _check_header(path)
        # After a kill SQLite has to undo what was half written, for which it must be able to write.
        mode = "rw" if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else "ro"
        with _said(path):
            connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=1)
        store = cls(path, connection)
        try:
            store._check()
        except BaseException:
            connection.close()
            raise
        return store

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make(self, plan: Plan) -> None:
        run = self._connection.execute
        for statement in _TABLES.split(";"):
            run(statement)
        run(f"PRAGMA application_id = {APPLICATION}")
        run(f"PRAGMA user_version = {VERSION}")
        run("INSERT INTO plan VALUES (1, ?, ?)", (plan.to_toml(), json.dumps(plan.identity())))

    def _check(self) -> None:
        """Ours, of a version that is known, and whole."""
        with _said(self.path):
            (application,) = self._connection.execute("PRAGMA application_id").fetchone()
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION:
                raise ResultFileError(f"{self.path} is a database, but not of a study; it is left as it is.")
            if version != VERSION:
                raise ResultFileError(f"{self.path} has tables of version {version}; this release knows {VERSION}.")
            found = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != ("ok",):
            raise ResultFileError(f"{self.path} is damaged ({str(found[0]).splitlines()[-1]}); it is left as it is.")

    def _check_plan(self, plan: Plan) -> None:
        before, now = self.identity, plan.identity()
        changed = [name for name in now if before.get(name) != now[name]]
        if changed == ["plan"] and _is_more_of(self.plan, plan):
            with _said(self.path), _transaction(self._connection) as run:
                run("UPDATE plan SET toml = ?, identity = ?", (plan.to_toml(), json.dumps(now)))
            return
        if "plan" in changed:
            raise PlanError(
                f"{self.path} holds another plan{_difference(self.plan, plan)}. Continue it with its own plan, or "
                "name another file."
            )
        if changed:
            told = ", ".join(
                name if len(now[name]) == 64 else f"{name} ({before.get(name)}, now {now[name]})" for name in changed
            )
            raise PlanError(
                f"{self.path} was begun with another version of {told}: its rows would not be of one kind. "
                "Go back to that version, or name another file."
            )

    # -- writing -------------------------------------------------------------------------------

    def add(self, block: Block) -> None:
        """Write a finished block, in one transaction.

        Raises
        ------
        OutputError
            If that fails (a full disk); every block before it stays.
        """
        names, truth = json.dumps(block.names), to_bytes(block.truth)
        head = (*block.key, block.replicates.start, len(block.replicates), block.failed, int(block.died))
        rows = []
        for method, results in block.results.items():
            values = [None if (a := results.arrays.get(name)) is None else to_bytes(a) for name in self._arrays]
            content = (results.status.tobytes(), packed(results.reasons), *values)
            rows.append((block.point, method, block.block, *content, checksum(content)))
        marks = ", ".join("?" * (6 + len(self._arrays)))
        with _said(self.path), _transaction(self._connection) as run:
            run(
                "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*head, block.compile_seconds, names, truth, checksum((names, truth))),
            )
            for row in rows:
                run(f"INSERT OR REPLACE INTO results VALUES ({marks})", row)

    # -- reading -------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        """The plan that the file holds."""
        with _said(self.path):
            (text,) = self._connection.execute("SELECT toml FROM plan").fetchone()
        if hashlib.sha256(text.encode()).hexdigest() != self.identity.get("plan"):
            raise ResultFileError(f"{self.path} is damaged: its plan; it is left as it is.")
        return Plan.from_toml(str(text))

    @property
    def identity(self) -> dict[str, str]:
        """What the plan was begun with: versions of packages, the model's file."""
        with _said(self.path):
            (text,) = self._connection.execute("SELECT identity FROM plan").fetchone()
            found: dict[str, str] = json.loads(text)
        return found

    def finished(self) -> dict[tuple[int, str, int], int]:
        """Keys of the blocks that are done, with all replicates and methods that the plan now asks of them, each with
        the number of its fits that failed."""
        plan, held = self.plan, self._methods()
        with _said(self.path):
            rows = self._connection.execute(
                "SELECT point, arm, block, count, failed FROM blocks WHERE died = 0"
            ).fetchall()
        return {
            (point, arm, block): failed
            for point, arm, block, count, failed in rows
            if count == min(BLOCKS[arm], plan.replicates - block * BLOCKS[arm])
            and held[point, arm, block] >= set(plan.arms[arm])
        }

    def counts(self) -> tuple[int, int]:
        """Fits that are in the file, and those of them that failed."""
        held = self._methods()
        with _said(self.path):
            rows = self._connection.execute("SELECT point, arm, block, count, failed FROM blocks").fetchall()
        return sum(len(held[tuple(key)]) * count for *key, count, _ in rows), sum(row[-1] for row in rows)

    def _methods(self) -> dict[tuple[int, str, int], set[str]]:
        """Methods of each block."""
        found: dict[tuple[int, str, int], set[str]] = {}
        with _said(self.path):
            rows = self._connection.execute("SELECT point, method, block FROM results").fetchall()
        for point, method, block in rows:
            found.setdefault((point, arm_of(method), block), set()).add(method)
        return found

    def cells(self, point: int, method: str) -> Cells:
        """Everything of one grid point and method.

        Raises
        ------
        ResultFileError
            If a row's checksum is not that of its content.
        """
        arm = arm_of(method)
        query = (
            "SELECT b.first, b.count, b.names, b.truth, b.checksum, r.checksum, r.status, r.reasons, "
            f"{', '.join(f'r.{name}' for name in self._arrays)} "
            "FROM blocks b JOIN results r ON r.point = b.point AND r.block = b.block "
            "WHERE b.point = ? AND b.arm = ? AND r.method = ? ORDER BY b.block"
        )
        with _said(self.path):
            rows = self._connection.execute(query, (point, arm, method)).fetchall()
        names = self.names(point)
        k, levels = len(names), len(self.plan.levels)
        replicates, truths, statuses = [], [], []
        reasons: list[str] = []
        axes_of = {name: ARRAYS[name] for name in self._arrays}
        pieces: dict[str, list[Array]] = {name: [] for name in axes_of}
        for first, count, named, truth, truth_sum, row_sum, status, reason, *arrays in rows:
            if truth_sum != checksum((named, truth)) or row_sum != checksum((status, reason, *arrays)):
                raise ResultFileError(f"{self.path} is damaged: block {first} of grid point {point}, {method}.")
            replicates.append(np.arange(first, first + count))
            truths.append(to_array(truth, (count, k)))
            statuses.append(np.frombuffer(status, dtype=np.uint8))
            reasons.extend(unpacked(reason, count))
            for (name, axes), value in zip(axes_of.items(), arrays, strict=True):
                shape = (count, *({"L": levels, "k": k}[axis] for axis in axes))
                pieces[name].append(np.full(shape, np.nan) if value is None else to_array(value, shape))
        kept = {name: np.concatenate(found) for name, found in pieces.items() if found}
        status = np.concatenate([np.empty(0, np.uint8), *statuses])
        return Cells(
            np.concatenate([np.empty(0, np.intp), *replicates]),
            names,
            np.concatenate([np.empty((0, k)), *truths]),
            Results(status, tuple(reasons), kept),
        )

    @cached_property
    def _arrays(self) -> tuple[str, ...]:
        """Names of the arrays that the file has room for: one begun before there was elpd has none for that."""
        with _said(self.path):
            found = {row[1] for row in self._connection.execute("PRAGMA table_info(results)")}
        return tuple(name for name in ARRAYS if name in found)

    def names(self, point: int) -> tuple[str, ...]:
        """The recorded scalars of a grid point; none where no block of it had a model."""
        query = "SELECT names FROM blocks WHERE point = ? AND names <> '[]' LIMIT 1"
        with _said(self.path):
            found = self._connection.execute(query, (point,)).fetchone()
            return tuple(json.loads(found[0])) if found else ()

    def compile_seconds(self) -> float:
        """What all workers together waited for models to be compiled."""
        with _said(self.path):
            (total,) = self._connection.execute("SELECT total(compile_seconds) FROM blocks").fetchone()
        return float(total)


# -- faults ----------------------------------------------------------------------------------------------


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[Any]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection.execute
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            raise OutputError(f"{path} is being written by another process. One study at a time has a file.") from error
        if "malformed" in text or "decode" in text:
            raise ResultFileError(f"{path} is damaged ({text}); it is left as it is.") from error
        raise OutputError(
            f"{path} cannot be written: {text}. What was finished is kept; make room, and run the same command again."
        ) from error
    except (sqlite3.DatabaseError, ValueError) as error:  # JSON that is none
        raise ResultFileError(f"{path} is damaged or no study ({error}); it is left as it is.") from error


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(len(_HEADER))
    except OSError as error:
        raise ResultFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    if head != _HEADER:
        raise ResultFileError(f"{path} is not a study's file; it is left as it is. Name another one.")


def _is_more_of(before: Plan, now: Plan) -> bool:
    """Whether one plan is another with more replicates or methods: what is there stays as it is."""
    same = replace(before, replicates=now.replicates, methods=now.methods) == now
    return same and now.replicates >= before.replicates and set(now.methods) >= set(before.methods)


def _difference(before: Plan, now: Plan) -> str:
    """The first key in which two plans differ."""
    from dataclasses import fields

    for f in fields(Plan):
        old, new = getattr(before, f.name), getattr(now, f.name)
        if old != new:
            return f": {f.name} was {old!r}, and is {new!r} now"
    return ""
