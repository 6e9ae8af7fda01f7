"""The report: a comparison as one HTML file, or as a fragment for a notebook.

Importing this costs nothing; what it needs is imported when something is rendered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..results.comparison import Comparison
    from ..results.difference import Difference
    from ..results.draws import DrawsComparison
    from .gallery.index import Index, Origin
    from .study.rows import Study

__all__ = ["difference_to_html", "draws_to_html", "fragment", "index_to_html", "study_to_html", "to_html"]


def to_html(comparison: Comparison, *, reproducible: bool = False, origin: Origin | None = None) -> str:
    """Render a comparison as one self-contained HTML page.

    Parameters
    ----------
    comparison : Comparison
    reproducible : bool
        Leave out times, platform and command, so that two runs with one seed give the same bytes.
    origin : Origin, optional
        The template it was made from: for a page of a gallery.

    Returns
    -------
    str
        The page. It loads nothing, and reads without JavaScript.
    """
    from . import html

    return html.to_html(comparison, reproducible=reproducible, origin=origin)


def fragment(comparison: Comparison) -> str:
    """Render the first screen for a notebook.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
        HTML whose style touches nothing outside of it; no script.
    """
    from . import html

    return html.fragment(comparison)


def difference_to_html(found: Difference, names: tuple[str, str]) -> str:
    """Render how two comparisons differ as one self-contained HTML page.

    Parameters
    ----------
    found : Difference
    names : tuple of (str, str)
        What the two are called: their files.

    Returns
    -------
    str
        The page. It loads nothing and holds no script.
    """
    from . import html

    return html.difference_to_html(found, names)


def draws_to_html(found: DrawsComparison, names: tuple[str, str]) -> str:
    """Render how two sets of draws differ as one self-contained HTML page.

    Parameters
    ----------
    found : DrawsComparison
    names : tuple of (str, str)
        What the two are called.

    Returns
    -------
    str
        The page. It loads nothing, and has no script.
    """
    from . import html

    return html.draws_to_html(found, names)


def index_to_html(index: Index) -> str:
    """Render the index of a gallery as one self-contained HTML page.

    Parameters
    ----------
    index : Index
        Made of the reports in its folder by :func:`bayescompare.report.gallery.index.read`.

    Returns
    -------
    str
        The page. It loads nothing, links the reports beside it, and reads without JavaScript.
    """
    from . import html

    return html.index_to_html(index)


def study_to_html(study: Study) -> str:
    """Render a study as one self-contained HTML page.

    Parameters
    ----------
    study : Study
        Its rows and what was asked, as pure data.

    Returns
    -------
    str
        The page. It loads nothing, and reads without JavaScript.
    """
    from . import html

    return html.study_to_html(study)
