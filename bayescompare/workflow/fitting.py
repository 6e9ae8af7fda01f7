"""One method alone."""

from __future__ import annotations

from typing import Any

from ..errors import FitError, UsageError
from ..methods import method as method_of
from ..methods.enumeration import discrete
from ..methods.enumeration import fit as by_enumeration
from ..methods.laplace import LaplaceOptions
from ..methods.marginal import MarginalOptions
from ..methods.modes.options import ModeOptions
from ..methods.sampler_options import SamplerOptions
from ..model.audit import arithmetic_of
from ..model.cache import problem_of
from ..model.problem import Problem
from ..reasons import joined
from ..results.fit import Fit
from ..templates.loading import load_target
from .audited import refuse_wrong
from .options import Progress, Silent, one_thread, sampler_options


def fit(
    model: Any,
    method: str,
    *,
    data: Any = None,
    seed: int = 0,
    options: ModeOptions | LaplaceOptions | MarginalOptions | SamplerOptions | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> Fit:
    """Run one method alone.

    Parameters
    ----------
    model : pymc.Model, bambi.Model, Template or Problem
        What is compiled is kept with a Problem, and with a pm.Model until it or its data change.
    method : {"map", "mle", "unconstrained_map", "laplace", "marginal_map", "marginal_laplace", "nuts"}
    data : optional
        For a template: the user's own data.
    seed : int
    options : ModeOptions, LaplaceOptions, MarginalOptions or SamplerOptions, optional
        The method's own.
    strict : bool
        Raise where the status is not ``ok``.
    progress : Progress, optional

    Returns
    -------
    Fit
        Where ``status`` is ``failed``, ``reasons`` say why and every value is NaN.

    Raises
    ------
    UnknownNameError, ModelError
    FitError
        If the method could not run, or with ``strict`` if its result is not ``ok``.
    """
    runner = method_of(method)
    progress = progress or Silent()
    if isinstance(model, Problem):
        problem = model
    else:
        target = load_target(model, data)
        if discrete(target.model):
            _check_options(method, options)
            return _strictly(by_enumeration(target.model, method, seed=seed, options=options), strict)  # type: ignore[arg-type]
        problem = problem_of(target.model)
        if method == "nuts":
            _check_options(method, options)
            options = sampler_options(options, target)  # type: ignore[arg-type]
    _check_options(method, options)
    wait = "Sampling" if method == "nuts" else "Searching for the mode"
    refuse_wrong(problem.density.once("arithmetic", lambda: arithmetic_of(problem, seed)))
    with progress.stage(wait, own_bar=method == "nuts" and progress.bar), one_thread():
        found = runner(problem, seed=seed, options=options, progress=progress.bar)
    return _strictly(found, strict)


def _strictly(found: Fit, strict: bool) -> Fit:
    if strict and not found.ok:
        raise FitError(f"{found.method} is {found.status}: {joined(found.reasons)}", found)
    return found


def _check_options(method: str, options: Any) -> None:
    marginal = dict.fromkeys(("marginal_map", "marginal_laplace"), MarginalOptions)
    wanted = {"nuts": SamplerOptions, "laplace": LaplaceOptions, **marginal}.get(method, ModeOptions)
    if options is not None and not isinstance(options, wanted):
        raise UsageError(f"{method} takes {wanted.__name__}, not {type(options).__name__}.")
