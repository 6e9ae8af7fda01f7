"""bayescompare: how a MAP estimate sits within its posterior, and what uncertainty it throws away.

Importing this imports nothing else: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Three subpackages share their names with functions. Loading them first, and dropping the names that doing so binds,
# leaves ``bayescompare.compare``, ``bayescompare.fit`` and ``bayescompare.study`` to mean the functions for good.
from . import compare as _compare  # noqa: F401
from . import fit as _fit  # noqa: F401
from . import study as _study  # noqa: F401

del compare, fit, study  # noqa: F821

if TYPE_CHECKING:
    from .audit import Finding, check
    from .compare.comparison import Comparison
    from .compare.page import ReportNumbers
    from .compare.storage import open
    from .compare.verdict import Margins, Verdict
    from .errors import BayesCompareError
    from .fit.laplace import LaplaceOptions
    from .fit.mode import ModeOptions
    from .fit.nuts import SamplerOptions
    from .fit.result import Fit, Status
    from .methods.marginal import MarginalOptions
    from .problem import Problem
    from .study.plan import Plan
    from .study.result import StudyResult
    from .study.run import study
    from .templates import Template, template
    from .workflow import CompareOptions, compare, fit
    from .workflow.triage import Triage, triage

__version__ = "0.1.0"

_HOME = {
    "BayesCompareError": "errors",
    "CompareOptions": "workflow",
    "Comparison": "compare.comparison",
    "Finding": "audit",
    "Fit": "fit.result",
    "LaplaceOptions": "fit.laplace",
    "MarginalOptions": "methods.marginal",
    "Margins": "compare.verdict",
    "ModeOptions": "fit.mode",
    "Plan": "study.plan",
    "Problem": "problem",
    "ReportNumbers": "compare.page",
    "SamplerOptions": "fit.nuts",
    "Status": "fit.result",
    "StudyResult": "study.result",
    "Template": "templates",
    "Triage": "workflow.triage",
    "Verdict": "compare.verdict",
    "check": "audit",
    "compare": "workflow",
    "fit": "workflow",
    "open": "compare.storage",
    "study": "study.run",
    "triage": "workflow.triage",
    "template": "templates",
}

__all__ = [
    "BayesCompareError",
    "CompareOptions",
    "Comparison",
    "Finding",
    "Fit",
    "LaplaceOptions",
    "MarginalOptions",
    "Margins",
    "ModeOptions",
    "Plan",
    "Problem",
    "ReportNumbers",
    "SamplerOptions",
    "Status",
    "StudyResult",
    "Template",
    "Triage",
    "Verdict",
    "check",
    "compare",
    "fit",
    "open",
    "study",
    "template",
    "triage",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
