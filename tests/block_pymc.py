"""A pytest plugin, ``-p tests.block_pymc``: in its process PyMC and its relatives are as good as not installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

BLOCKED = frozenset({"pymc", "pytensor", "nutpie", "jax", "jaxlib", "numpyro", "blackjax"})


class Blocker(MetaPathFinder):
    """Answers every question for a blocked package as if there were none."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {fullname!r} (blocked by {__name__})", name=fullname)
        return None


def pytest_configure() -> None:
    """Only as a plugin: a test that imports this module for its names must leave the others their PyMC."""
    sys.meta_path.insert(0, Blocker())
    find_spec = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> ModuleSpec | None:
        """What asks whether a package is there before it imports it (ArviZ's lazy loader) is told that it is not."""
        return None if name.partition(".")[0] in BLOCKED else find_spec(name, package)

    importlib.util.find_spec = found
