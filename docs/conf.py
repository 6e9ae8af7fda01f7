"""The documentation site: ``make docs`` builds it into build/site, without a network."""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import links  # noqa: E402

import bayescompare  # noqa: E402
from bayescompare.templates.registry import catalogue  # noqa: E402

project, author, copyright = "bayescompare", "the bayescompare authors", "the bayescompare authors"
version = release = bayescompare.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}

#: Tutorials run as the site is built; EXECUTE=off shows their code alone.
nb_execution_mode = os.environ.get("EXECUTE", "force")
nb_execution_timeout = 300
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_output_stderr = "remove"
suppress_warnings = ["myst-nb.lexer"] if nb_execution_mode == "off" else []  # a kernel tells the language

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "pydata_sphinx_theme"
html_title = "bayescompare"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 6,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

#: Links from a page of docs/ to the published reports, which are HTML already.
REPORT = re.compile(r"\[([^\]]+)\]\(\.\./reports/([^)]+)\)")

#: A template's line in the table of templates.md.
TEMPLATE = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def template_pages(app: Any) -> None:
    """A page for each template, from its docstring."""
    folder = Path(app.srcdir) / "models"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, one in catalogue().items():
        tree = ast.parse((ROOT / "models" / f"{name}.py").read_text("utf-8"))
        title, _, prose = (ast.get_docstring(tree) or "").partition("\n")
        body = tree.body[1].lineno
        (folder / f"{name}.rst").write_text(
            f"{name}\n{'=' * len(name)}\n\n**{title}**\n\n.. raw:: html\n\n"
            f'   <p><a href="../reports/{name}.html">Its report</a> · {one.parameters} parameters, '
            f"{one.observations} observations</p>\n\n{prose}\n\nCode\n----\n\n"
            f".. literalinclude:: ../../models/{name}.py\n   :lines: {body}-\n",
            encoding="utf-8",
        )


def linked(app: Any, name: str, source: list[str]) -> None:
    """Links to reports as HTML, for no page of this site stands there; links to the templates' pages."""
    up = "../" * name.count("/")
    source[0] = REPORT.sub(rf'<a href="{up}reports/\2">\1</a>', source[0])
    if name == "templates":
        source[0] = TEMPLATE.sub(r"| [`\1`](models/\1.rst) |", source[0])
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\nmodels/*\n```\n"


def add_reports(app: Any, error: Exception | None) -> None:
    """The reports beside the pages; then every link within the site is followed."""
    if error is None and app.builder.name == "html":
        out = Path(app.outdir)
        shutil.copytree(ROOT / "reports", out / "reports", dirs_exist_ok=True, ignore=shutil.ignore_patterns("studies"))
        links.check(out)


def setup(app: Any) -> None:
    app.connect("builder-inited", template_pages)
    app.connect("source-read", linked)
    app.connect("build-finished", add_reports)
