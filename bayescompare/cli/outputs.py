"""Files that are written: checked before anything runs, and whole or not there at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import OutputError


def check(outputs: Iterable[Path | None], inputs: Iterable[Path | None] = ()) -> None:
    """Make sure that every file can be written, and that none takes the place of another or of an input.

    Raises
    ------
    OutputError
    """
    taken = {_real(path) for path in inputs if path is not None}
    for path in outputs:
        if path is None:
            continue
        if path.is_dir():
            raise OutputError(f"Cannot write {path}: it is a folder.")
        folder = path.parent
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise OutputError(f"Cannot write {path}: the folder {folder} {what}.")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise OutputError(f"Cannot write {path}: permission denied.")
        real = _real(path)
        if not _is_replaceable(real):
            continue
        if not os.access(real.parent, os.W_OK | os.X_OK):
            raise OutputError(f"Cannot write {path}: the folder {real.parent} cannot be written to.")
        if real in taken:
            raise OutputError(f"Cannot write {path}: the same file is named twice.")
        taken.add(real)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Hand out a name beside ``path`` to write to, and put that file in its place at the end.

    After an error or Ctrl-C the new file is removed and what was at ``path`` is untouched. A device or a named pipe is
    written to directly.

    Raises
    ------
    OutputError
        If the file cannot be written after all (a full disk).
    """
    real = _real(path)
    if not _is_replaceable(real):
        yield path
        return
    draft = real.with_name(f".{real.stem}.{os.urandom(4).hex()}{real.suffix}")
    try:
        yield draft
        os.replace(draft, real)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            shutil.rmtree(draft) if draft.is_dir() else draft.unlink(missing_ok=True)  # Zarr is a folder


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_replaceable(real: Path) -> bool:
    return real.is_file() or not real.exists()
