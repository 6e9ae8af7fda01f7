"""Model templates: the decorator that makes one, the registry, and what their authors share.

``data``, ``options`` and ``predictors`` are checks that template files import; ``scaffold`` starts a user's file from a
template; ``library`` says where the template files are.
"""

from __future__ import annotations

from .registry import BrokenEntryWarning, Template, available, catalogue, get, template

__all__ = ["BrokenEntryWarning", "Template", "available", "catalogue", "get", "template"]
