"""bayescompare: how a MAP estimate sits within its posterior, and what uncertainty it throws away.

Importing this imports nothing else: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import BayesCompareError
    from .methods.laplace import LaplaceOptions
    from .methods.marginal import MarginalOptions
    from .methods.modes.options import ModeOptions
    from .methods.sampler_options import SamplerOptions
    from .metrics.verdict import Margins, Verdict
    from .model.audit import Finding
    from .model.problem import Problem
    from .results.comparison import Comparison
    from .results.draws import DrawsComparison, compare_draws
    from .results.fit import Fit, Status
    from .results.report_numbers import ReportNumbers
    from .results.storage import open
    from .studies.calibrate import Calibration, calibrate
    from .studies.plan import Plan
    from .studies.result import StudyResult
    from .studies.run import study
    from .templates import Template, template
    from .workflow.check import check
    from .workflow.compare import compare
    from .workflow.fitting import fit
    from .workflow.options import CompareOptions
    from .workflow.triage import Triage, triage

__version__ = "0.1.0"

_HOME = {
    "BayesCompareError": "errors",
    "Calibration": "studies.calibrate",
    "CompareOptions": "workflow.options",
    "Comparison": "results.comparison",
    "DrawsComparison": "results.draws",
    "Finding": "model.audit",
    "Fit": "results.fit",
    "LaplaceOptions": "methods.laplace",
    "MarginalOptions": "methods.marginal",
    "Margins": "metrics.verdict",
    "ModeOptions": "methods.modes.options",
    "Plan": "studies.plan",
    "Problem": "model.problem",
    "ReportNumbers": "results.report_numbers",
    "SamplerOptions": "methods.sampler_options",
    "Status": "results.fit",
    "StudyResult": "studies.result",
    "Template": "templates",
    "Triage": "workflow.triage",
    "Verdict": "metrics.verdict",
    "calibrate": "studies.calibrate",
    "check": "workflow.check",
    "compare": "workflow.compare",
    "compare_draws": "results.draws",
    "fit": "workflow.fitting",
    "open": "results.storage",
    "study": "studies.run",
    "triage": "workflow.triage",
    "template": "templates",
}

__all__ = [
    "BayesCompareError",
    "Calibration",
    "CompareOptions",
    "Comparison",
    "DrawsComparison",
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
    "calibrate",
    "check",
    "compare",
    "compare_draws",
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
