"""The report: a comparison as one HTML file, or as a fragment for a notebook.

Importing this costs nothing; what renders, :mod:`bayescompare.report.html`, is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .html import difference_to_html, draws_to_html, fragment, index_to_html, page_to_html, study_to_html, to_html

__all__ = [
    "difference_to_html",
    "draws_to_html",
    "fragment",
    "index_to_html",
    "page_to_html",
    "study_to_html",
    "to_html",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(".html", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
