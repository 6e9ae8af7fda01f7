"""Model templates: each file here holds one model, its data's source, and what MAP does to it.

>>> from models import eight_schools
>>> eight_schools()                                  # a new pymc.Model on the template's own data
>>> eight_schools({"y": effects, "sigma": errors})   # the same model on yours

``from models import NAME`` loads that template's file and no other. A template is a file ``NAME.py`` that defines
``NAME``; files whose name starts with an underscore are helpers.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayescompare.templates import Template

    # For type checkers and editors only: without these lines they would take each name for the file, a module.
    from models.ar import ar as ar
    from models.banana import banana as banana
    from models.baseball import baseball as baseball
    from models.capture_recapture import capture_recapture as capture_recapture
    from models.cauchy_location import cauchy_location as cauchy_location
    from models.change_point import change_point as change_point
    from models.eight_schools import eight_schools as eight_schools
    from models.elastic_net import elastic_net as elastic_net
    from models.funnel import funnel as funnel
    from models.gamma_coordinates import gamma_coordinates as gamma_coordinates
    from models.gaussian_process import gaussian_process as gaussian_process
    from models.growth_curve import growth_curve as growth_curve
    from models.high_dimensional_gaussian import high_dimensional_gaussian as high_dimensional_gaussian
    from models.horseshoe import horseshoe as horseshoe
    from models.item_response import item_response as item_response
    from models.jellybeans import jellybeans as jellybeans
    from models.lasso_regression import lasso_regression as lasso_regression
    from models.llm_calibration import llm_calibration as llm_calibration
    from models.local_level import local_level as local_level
    from models.logistic_weight_decay import logistic_weight_decay as logistic_weight_decay
    from models.lotka_volterra import lotka_volterra as lotka_volterra
    from models.measurement_error import measurement_error as measurement_error
    from models.mixture import mixture as mixture
    from models.negative_binomial import negative_binomial as negative_binomial
    from models.neural_network_weight_decay import neural_network_weight_decay as neural_network_weight_decay
    from models.pilots import pilots as pilots
    from models.poisson_glmm import poisson_glmm as poisson_glmm
    from models.prompt_selection import prompt_selection as prompt_selection
    from models.prophet_trend import prophet_trend as prophet_trend
    from models.radon import radon as radon
    from models.rats import rats as rats
    from models.ridge_regression import ridge_regression as ridge_regression
    from models.rlhf_policy import rlhf_policy as rlhf_policy
    from models.robust_regression import robust_regression as robust_regression
    from models.seeds import seeds as seeds
    from models.separation import separation as separation
    from models.state_elections import state_elections as state_elections
    from models.stochastic_volatility import stochastic_volatility as stochastic_volatility
    from models.surgical import surgical as surgical
    from models.survival import survival as survival
    from models.wells import wells as wells
    from models.zero_inflated import zero_inflated as zero_inflated

#: How the registry tells this package from another one that is named ``models``.
__bayescompare__ = True

__all__ = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


class _Package(ModuleType):
    """This package's own type: a template's name always means the Template, never the file it comes from.

    Python ends the import of a submodule by setting it as an attribute of its package, so that after
    ``import models.eight_schools`` the name ``models.eight_schools`` would be a module, and
    ``from models import eight_schools`` would depend on what was imported before. Setting the Template in the
    module's place, at that very moment, makes the order of imports irrelevant. The module itself stays in
    ``sys.modules``, where ``from models.eight_schools import ...`` finds it.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and name in __all__:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Template:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no template {name!r}; it has {', '.join(__all__)}")
    template: Template = getattr(import_module(f"{__name__}.{name}"), name)
    return template


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
