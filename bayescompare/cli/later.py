"""Import large packages later: when something in them is asked for.

Templates import PyMC at their top, which takes seconds; to list templates, nothing in it is needed.
:class:`importlib.util.LazyLoader` is not enough: ``import pytensor.tensor as pt`` would load all of PyTensor at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

HEAVY = ("arviz", "jax", "pandas", "pymc", "pytensor", "scipy", "xarray")


class _Later(ModuleType):
    """Stands for a module until an attribute of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _restore()
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname.partition(".")[0] in HEAVY else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def imported_later() -> Iterator[None]:
    """Within this block, heavy packages that are not loaded yet are loaded when first used, not when imported."""
    if any(name in sys.modules for name in HEAVY):
        yield
        return
    sys.meta_path.insert(0, _Finder())
    try:
        yield
    finally:
        _restore()


def _restore() -> None:
    """Let imports be imports again; the stand-ins that are bound already find their modules by themselves."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    for name in [name for name, module in sys.modules.items() if isinstance(module, _Later)]:
        del sys.modules[name]
