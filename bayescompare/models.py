"""The model templates by name: each is one file with a model, its data's source, and what MAP does to it.

>>> from bayescompare.models import eight_schools
>>> eight_schools()                                  # a new pymc.Model on the template's own data
>>> eight_schools({"y": effects, "sigma": errors})   # the same model on yours

A template's file is loaded when its name is first asked for, and no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .templates.registry import built_in, built_in_names

if TYPE_CHECKING:
    from .templates import Template

__all__ = built_in_names()


def __getattr__(name: str) -> Template:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no template {name!r}; it has {', '.join(__all__)}")
    return built_in(name)


def __dir__() -> list[str]:
    return list(__all__)
