"""One method alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import FitError, UsageError
from ..methods import method as method_of
from ..methods.enumeration import discrete
from ..methods.enumeration import fit as by_enumeration
from ..methods.laplace import LaplaceOptions
from ..methods.marginal import MarginalOptions
from ..methods.modes.options import ModeOptions
from ..methods.pathfinder import PathfinderOptions
from ..methods.sampler_options import SamplerOptions
from ..methods.variational import VariationalOptions
from ..model.audit import arithmetic_of
from ..model.cache import problem_of
from ..model.problem import Problem
from ..reasons import joined
from ..results.fit import Fit
from ..templates.loading import load_target
from . import labels
from .audited import refuse_wrong
from .keywords import folded, renamed, shown, whole_seed
from .options import Progress, one_thread, sampler_options

if TYPE_CHECKING:
    import numpy as np


@renamed(seed="random_seed", progress="progressbar")
def fit(
    model: Any = None,
    method: str = "map",
    *,
    data: Any = None,
    draws: int | None = None,
    tune: int | None = None,
    chains: int | None = None,
    target_accept: float | None = None,
    nuts_sampler: str | None = None,
    random_seed: int | np.random.Generator | None = 0,
    progressbar: bool | Progress = False,
    options: ModeOptions | LaplaceOptions | MarginalOptions | VariationalOptions | SamplerOptions | None = None,
    strict: bool = False,
) -> Fit:
    """Run one method alone.

    Parameters
    ----------
    model : pymc.Model, bambi.Model, Template or Problem, optional
        Within ``with model:`` it is that model. What is compiled is kept with a Problem, and with a pm.Model until it
        or its data change.
    method : str
        ``map``, ``mle``, ``unconstrained_map``, ``laplace``, ``marginal_map``, ``marginal_laplace``, ``advi``,
        ``fullrank_advi``, ``pathfinder`` or ``nuts``.
    data : optional
        For a template: the user's own data.
    draws, tune, chains, target_accept, nuts_sampler : optional
        As in :func:`pymc.sample`, for ``nuts``; ``draws`` for the Laplace and variational methods, too.
    random_seed : int, Generator or None
        One seed gives one result; None takes a new one, which the result tells.
    progressbar : bool or Progress
        Say what is being waited for, on stderr or below a notebook's cell.
    options : ModeOptions, LaplaceOptions, MarginalOptions, VariationalOptions or SamplerOptions, optional
        The method's own, with everything else that can be set.
    strict : bool
        Raise where the status is not ``ok``.

    Returns
    -------
    Fit
        Where ``status`` is ``failed``, ``reasons`` say why and every value is NaN.

    Raises
    ------
    UnknownNameError, ModelError
    UsageError
        If the method has no such option, or what is given contradicts itself.
    FitError
        If the method could not run, or with ``strict`` if its result is not ``ok``.
    """
    runner, progress, seed = method_of(method), shown(progressbar), whole_seed(random_seed)
    _check_options(method, options)
    keywords = {
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "target_accept": target_accept,
        "nuts_sampler": nuts_sampler,
    }
    if isinstance(model, Problem):
        problem = model
        options = folded(_options(method), options, keywords, {})
    else:
        target = load_target(model, data)
        options = folded(_options(method), options, keywords, target.sampler if method == "nuts" else {})
        if discrete(target.model):
            return _strictly(by_enumeration(target.model, method, seed=seed, options=options), strict)
        problem = problem_of(target.model)
        if method == "nuts":
            options = sampler_options(options, target)
    wait = "Sampling" if method == "nuts" else "Searching for the mode"
    refuse_wrong(problem.density.once("arithmetic", lambda: arithmetic_of(problem, seed)))
    with progress.stage(wait, own_bar=method == "nuts" and progress.bar), one_thread():
        found = runner(problem, seed=seed, options=options, progress=progress.bar)
    return _strictly(replace(found, layout=labels.layout(problem)), strict)


def _strictly(found: Fit, strict: bool) -> Fit:
    if strict and not found.ok:
        raise FitError(f"{found.method} is {found.status}: {joined(found.reasons)}", found)
    return found


def _options(method: str) -> Any:
    """The type of a method's options."""
    marginal = dict.fromkeys(("marginal_map", "marginal_laplace"), MarginalOptions)
    variational = dict.fromkeys(("advi", "fullrank_advi"), VariationalOptions)
    own = {"nuts": SamplerOptions, "laplace": LaplaceOptions, "pathfinder": PathfinderOptions}
    return {**own, **marginal, **variational}.get(method, ModeOptions)


def _check_options(method: str, options: Any) -> None:
    wanted = _options(method)
    if options is not None and not isinstance(options, wanted):
        raise UsageError(f"{method} takes {wanted.__name__}, not {type(options).__name__}.")
