"""What compilers keep on disk between processes: by their own caches alone, of bounded size.

``BAYESCOMPARE_CACHE=0`` switches it off.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

#: Bytes that each compiler's cache may take; what was not used for longest goes first.
LIMIT = 200_000_000


def allowed() -> bool:
    """Whether anything is kept."""
    return os.environ.get("BAYESCOMPARE_CACHE", "") != "0"


def folder(name: str) -> Path | None:
    """A folder in the user's cache of this package, made where it is not there; None where nothing can be kept."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = base / "bayescompare" / name
    if not allowed():
        return None
    with contextlib.suppress(OSError):
        found.mkdir(parents=True, exist_ok=True)
    return found if os.access(found, os.W_OK) else None


def trim(where: Path, pattern: str, limit: int = LIMIT) -> None:
    """Remove the oldest of the files of this pattern, until they take no more than ``limit`` bytes."""
    with contextlib.suppress(OSError):  # another process trims too, or the folder is not ours
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in where.glob(pattern))
        over = sum(size for _, size, _ in files) - limit
        for _, size, path in files:
            if over <= 0:
                break
            path.unlink(missing_ok=True)
            over -= size
