"""Sentences for reasons: short, plain, with the names of the model. Nothing decides by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .codes import Code, Fact
from .figure_wording import FIGURES
from .formatting import counted, figure, percent, plain

_S = "\N{RIGHT SINGLE QUOTATION MARK}s"

#: Names that are told before the rest is counted.
NAMED = 5


def text(reason: Fact) -> str:
    """The sentence of a reason, without a full stop.

    Examples
    --------
    >>> from bayescompare.reasons import Reason
    >>> text(Reason(Code.ONE_START, figures={"starts": 16}))
    'only one of 16 starts ended here'
    """
    return WORDS[reason.code](reason)


def rise(reason: Fact) -> str:
    """How a density without a mode rises: what stands behind ``no mode exists:``."""
    return _RISES[reason.code](reason)


def fault(reason: Fact) -> str:
    """What is wrong with draws, without what is required."""
    return _FAULTS[reason.code](reason)


def divergences(n: int) -> str:
    """``1 divergence``, ``30 divergences``."""
    return f"{n:,} divergence{'' if n == 1 else 's'}"


def _names(reason: Fact) -> str:
    names = reason.variables
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _lying(names: Sequence[str]) -> str:
    """Up to five names, and how many more, with the verb."""
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return f"{shown} {'lies' if len(names) == 1 else 'lie'}"


def _growing(r: Fact) -> str:
    return f"grows without limit as {_names(r)} goes to {r.figures['to']}"


_RISES: dict[Code, Callable[[Fact], str]] = {
    Code.HIGHEST_AT_INFINITY: lambda r: f"the density is highest as {_names(r)} grows without limit",
    Code.GROWS_WITHOUT_LIMIT: lambda r: f"the density {_growing(r)}",
    Code.RISES_TOWARDS_A_LIMIT: lambda r: f"the density rises for ever along {_names(r)}, towards a limit",
}


def _no_mode(r: Fact) -> str:
    return f"no mode exists: {rise(r)}"


def _ridge(r: Fact) -> str:
    return f"the density is flat at the end of the search, along {_names(r)}: a ridge, not a mode"


def _saddle(r: Fact) -> str:
    return f"the density is not concave at the end of the search, along {_names(r)}: a saddle, not a mode"


def _not_converged(r: Fact) -> str:
    said = (
        f"the search did not end at a mode: the Newton decrement is {r.figures['decrement']:.1e} nats "
        f"after {r.figures['steps']} polishing steps"
    )
    return said + (f"; {_lying(r.variables)} at a kink that is not along one parameter" if r.variables else "")


def _non_centred(r: Fact) -> str:
    if r.variables:
        effects = " and ".join(r.variables)
        return f"use the posterior itself, the non-centred form of {effects}, or the marginal mode"
    return (
        "use the posterior itself, a prior whose density stays finite there, or, for the scale of group effects, "
        "the non-centred form or the marginal mode"
    )


_MODES: dict[Code, Callable[[Fact], str]] = {
    **dict.fromkeys(_RISES, _no_mode),
    Code.ONLY_IN_PRIORS: lambda r: (
        f"the MLE does not exist: the likelihood does not depend on {_names(r)}; only priors do, as in a hierarchical "
        "model"
    ),
    Code.RIDGE: _ridge,
    Code.SADDLE: _saddle,
    Code.NOT_IDENTIFIED: lambda r: (
        f"the density is flat along {_names(r)}: a ridge, not a mode: the data alone do not identify them"
    ),
    Code.PARTLY_IDENTIFIED: lambda r: f"{_ridge(r)}; what the data do not identify is NaN",
    Code.NOT_CONVERGED: _not_converged,
    Code.NO_USABLE_START: lambda r: f"the density is zero or NaN at all of {r.figures['starts']} starts",
    Code.OVER_TIME: lambda r: (
        f"left out: it takes more than the {float(r.figures['seconds']):.0f} s that it was given (--seconds, or "
        "CompareOptions.seconds, allows more)"
    ),
    Code.ERROR: lambda r: str(r.figures["message"]),
    Code.NO_MAP: lambda r: f"no MAP: {text(r.causes[0])}" if r.causes else "no MAP",
    Code.NO_MODE_TO_REFIT: lambda r: f"there is no {r.figures['method']} to leave observations out of",
    Code.NO_NEWTON_STEP: lambda r: "the curvature at the mode gives no Newton step",
    Code.NOT_FACTORISED: lambda r: str(r.figures["message"]),
    Code.NOT_ASKED_FOR: lambda r: "not asked for",
    Code.ADVICE_PRIOR: lambda r: "a prior that is a probability makes a mode",
    Code.ADVICE_PROPER_PRIOR: lambda r: f"the prior of {_names(r)} is no probability; one that is makes a mode",
    Code.ADVICE_POSTERIOR: lambda r: "use the posterior itself",
    Code.ADVICE_NON_CENTRED: _non_centred,
    Code.ADVICE_ALLOW_UNIDENTIFIED: lambda r: "allow_unidentified=True gives what is identified",
    Code.ON_BOUNDARY: lambda r: f"{_names(r)} lies on the boundary of its range",
    Code.ON_KINK: lambda r: f"{_lying(r.variables)} at a kink of the density",
    Code.HIGHEST_INTERIOR: lambda r: (
        f"the density has no maximum, for it {_growing(r)}: this is the highest of its interior modes"
    ),
    Code.EQUAL_MODES: lambda r: f"{r.figures['modes']} modes of one height were found: this is one of them",
    Code.EQUAL_STATES: lambda r: (
        f"{r.figures['states']} states of the discrete variables have this height: this is one of them"
    ),
    Code.ONE_START: lambda r: f"only one of {r.figures['starts']} starts ended here",
    Code.CURVATURE_UNKNOWN: lambda r: "whether the curvature is positive in every direction could not be computed",
    Code.HIGHER_END: lambda r: f"a start reached {r.figures['gain']:.3g} nats more than this mode and did not converge",
    Code.DRAWS_ABOVE: lambda r: (
        f"{r.figures['draws']} NUTS draws lie above this mode, by up to {r.figures['gain']:.3g} nats"
    ),
    Code.ROUTES_DIFFER: lambda r: f"density and gradient by another route differ by {r.figures['gap']:.1e}, relative",
    Code.WITHOUT_DERIVATIVES: lambda r: (
        f"found without derivatives, as {_names(r)} has no gradient, and audited by differences of the density"
    ),
    Code.STATES_WITHOUT_MODE: lambda r: (
        f"{r.figures['failed']} of {r.figures['states']} states have no mode: {_first(r)}"
    ),
}


def _first(r: Fact) -> str:
    """What the first cause says."""
    return text(r.causes[0]) if r.causes else "the search failed"


_LAPLACE: dict[Code, Callable[[Fact], str]] = {
    Code.NO_UNCONSTRAINED_MODE: lambda r: f"no unconstrained mode to approximate at: {_first(r)}",
    Code.NO_WIDTH: lambda r: f"the {r.figures['mode']} mode lies on a {r.figures['place']} ({_names(r)})",
    Code.TOO_LARGE: lambda r: (
        f"not computed: it needs a dense Hessian of {r.figures['parameters']:,} parameters; "
        f"ModeOptions(dense={r.figures['parameters']}) asks for it"
    ),
    Code.TOO_MANY: lambda r: (
        f"a full covariance of {r.figures['parameters']:,} parameters is not fitted, of {r.figures['limit']} at most"
    ),
    Code.NOT_POSITIVE_DEFINITE: lambda r: (
        "the curvature at the mode is not positive definite, so no Gaussian approximates the density there"
    ),
    Code.CREASED: lambda r: (
        "the density has kinks: between two of them, at the mode, its curvature is not that over the posterior's "
        "width, which is taken instead"
    ),
    Code.MODE_NOT_OK: lambda r: f"the mode is {r.figures['status']}: {'; '.join(text(cause) for cause in r.causes)}",
    Code.NO_LAPLACE: lambda r: "no Laplace approximation at the unconstrained mode",
    Code.DRAWS_OUTSIDE: lambda r: "the posterior's density is 0 at most draws of the approximation",
    Code.NO_TAIL: lambda r: "the weights' tail cannot be fitted",
    Code.K_HAT: lambda r: f"k-hat is {r.figures['k_hat']:.2f}, not below {r.figures['limit']}",
}


def _beyond(value: float, limit: float, places: int) -> str:
    """With so many decimals, or as many more as keep it apart from the limit that it has passed."""
    while places < 6 and f"{value:.{places}f}" == f"{limit:.{places}f}":
        places += 1
    return f"{value:,.{places}f}"


def _passed(r: Fact, key: str, places: int) -> str:
    return _beyond(float(r.figures[key]), float(r.figures["limit"]), places)


_FAULTS: dict[Code, Callable[[Fact], str]] = {
    Code.NOT_FINITE: lambda r: f"draws of {_names(r)} are not finite",
    Code.CONSTANT: lambda r: f"draws of {_names(r)} are constant",
    Code.R_HAT: lambda r: f"R-hat {_passed(r, 'r_hat', 3)} for {_names(r)}",
    Code.ESS: lambda r: f"ESS {_passed(r, 'ess', 0)} for {_names(r)}",
    Code.DIVERGENCES: lambda r: f"{divergences(int(r.figures['divergences']))} in {r.figures['draws']:,} draws",
    Code.E_BFMI: lambda r: f"E-BFMI {_passed(r, 'e_bfmi', 2)}",
    Code.UNSEEN_MODE: lambda r: (
        f"no draw lies in the basin of the mode that holds {100 * float(r.figures['mass']):.3g} % of the Laplace mass"
    ),
}

_SAMPLER: dict[Code, Callable[[Fact], str]] = {
    **_FAULTS,
    Code.NOT_BY_NUTS: lambda r: f"not by NUTS, as {_names(r)} has no gradient: by samplers of PyMC that need none",
    Code.R_HAT: lambda r: f"{fault(r)} (at most {r.figures['limit']} is required)",
    Code.ESS: lambda r: f"{fault(r)} (at least {r.figures['limit']:.0f} is required)",
    Code.DIVERGENCES: lambda r: f"{fault(r)} (at most {r.figures['limit']:.1%} are allowed)",
    Code.E_BFMI: lambda r: f"{fault(r)} (at least {r.figures['limit']} is required)",
}


def _not_gaussian(r: Fact) -> str:
    of = f", above all of {_names(r)}" if r.variables else ""
    return (
        f"not to be trusted: given the hyperparameters the latent block is not Gaussian enough{of} "
        f"(k-hat {r.figures['k_hat']:.2f}, not below {r.figures['limit']})"
    )


_MARGINAL: dict[Code, Callable[[Fact], str]] = {
    Code.NO_MARGINAL_MODE: lambda r: f"no marginal mode to approximate at: {_first(r)}",
    Code.MARGINAL_SINGULAR: lambda r: "the curvature at the marginal mode is singular",
    Code.LATENT_WITHOUT_MODE: lambda r: "the latent block has no mode at the marginal mode",
    Code.LATENT_SCALE: lambda r: (
        f"{_names(r)} is a positive scale: in the latent block Laplace's approximation is wrong for it; leave it to "
        "the hyperparameters"
    ),
    Code.LATENT_HIGHER_MODE: lambda r: (
        f"the latent block ({_names(r)}) has a mode {r.figures['gain']:.3g} nats higher than the one that was "
        "integrated at"
    ),
    Code.LATENT_SEVERAL_MODES: lambda r: (
        f"the latent block ({_names(r)}) has several modes: {r.figures['ends']} of {r.figures['starts']} starts ended "
        f"{r.figures['gain']:.3g} nats lower or less"
    ),
    Code.LATENT_NOT_GAUSSIAN: _not_gaussian,
    Code.HYPERPARAMETERS_NOT_MIXED: lambda r: (
        f"the chains over the hyperparameters have not mixed: R-hat {r.figures['r_hat']:.3f}"
    ),
    Code.HYPERPARAMETERS_DIVERGE: lambda r: (
        f"NUTS over the hyperparameters had {divergences(int(r.figures['divergences']))}"
    ),
    Code.HYPERPARAMETERS_WEIGHTS: lambda r: (
        f"importance sampling does not carry the hyperparameters (k-hat {r.figures['k_hat']:.2f}, "
        f"{r.figures['ess']:.0f} effective draws); fit --method marginal_laplace draws them by NUTS"
    ),
}


def _with_error(r: Fact, key: str) -> str:
    return str(figure(abs(float(r.figures[key])), float(r.figures["mcse"])))


def _share(r: Fact) -> str:
    return f"{percent(float(r.figures['share']), float(r.figures['mcse']))} %"


def _joined(r: Fact) -> str:
    return "; ".join(map(text, r.causes))


def _mode_found(r: Fact) -> str:
    said = f"best of {r.figures['starts']} starts; {r.figures['agreeing']} found it"
    return f"{said}; {_joined(r)}" if r.causes else said


def _sampler_sound(r: Fact) -> str:
    seen = [f"R-hat ≤ {r.figures['r_hat']:.3f}", f"ESS ≥ {r.figures['ess']:,.0f}"]
    known = r.figures.get("divergences")
    seen.append("divergences unchecked" if known is None else divergences(int(known)))
    return ", ".join(seen if "e_bfmi" in r.figures else [*seen, "E-BFMI unchecked"])


def _elpd_diff(r: Fact) -> str:
    side = "worse" if float(r.figures["elpd_diff"]) < 0 else "better"
    return f"the posterior predicts {_with_error(r, 'elpd_diff')} nats {side}"


def _other_modes(r: Fact) -> str:
    share = 100 * float(r.figures["share"])
    modes = counted(int(r.figures["modes"]), "mode")
    return f"{modes}; {share:.3g} % of the Laplace mass lies at others than the highest"


def _tails(r: Fact) -> str:
    more = f" and {len(r.variables) - NAMED} more" if len(r.variables) > NAMED else ""
    which = ", ".join(r.variables[:NAMED]) + more
    return f"the tails of {which} are too heavy for importance sampling: it gives no {r.figures['layer']} there"


def _tail(r: Fact) -> str:
    return f"a tail's Pareto k-hat is {r.figures['k_hat']:.2f} or more after its error"


_ROWS: dict[Code, Callable[[Fact], str]] = {
    Code.SOME_NOT_FINITE: lambda r: "some draws are not finite",
    Code.ONE_VALUE: lambda r: "constant in every draw",
    Code.WINDS: lambda r: "an angle whose draws wind round the circle: no mean, no sd, no interval",
    Code.NO_MEAN: lambda r: f"{_tail(r)}: no mean, no variance",
    Code.NO_VARIANCE: lambda r: f"{_tail(r)}: no variance",
    Code.TIES: lambda r: "many draws share one value: no density, so no entropy",
}

_LAYERS: dict[Code, Callable[[Fact], str]] = {
    Code.MODE_FOUND: _mode_found,
    Code.SEARCH_FAILED: lambda r: _joined(r) or "the search failed",
    Code.SAMPLER_SOUND: _sampler_sound,
    Code.SAMPLER_FAILED: _joined,
    Code.Z: lambda r: f"{_names(r)}: z = {figure(float(r.figures['z']), float(r.figures['mcse']))}",
    Code.RANK: lambda r: f"{_names(r)}: rank {_with_error(r, 'rank')}; its posterior has no sd",
    Code.SD_RATIO: lambda r: f"{_names(r)}: Laplace sd ratio {_with_error(r, 'sd_ratio')}",
    Code.SHIFT: lambda r: f"{_names(r)}: the mode moves by {_with_error(r, 'shift')} sd with the coordinates",
    Code.REGRET: lambda r: f"{r.figures['loss']}: acting on the MAP costs {_share(r)} more expected loss",
    Code.VARIANCE_DISCARDED: lambda r: f"{_share(r)} of the predictive variance left out",
    Code.ELPD_DIFF: _elpd_diff,
    Code.COVERAGE: lambda r: f"coverage differs by at most {_share(r)}",
    Code.LAPLACE_K_HAT: lambda r: f"Pareto k-hat of the Laplace draws {_with_error(r, 'k_hat')}",
    Code.TRIAGE_K_HAT: lambda r: f"Pareto k-hat {_with_error(r, 'k_hat')}: {_joined(r)}",
    Code.OUTSIDE: lambda r: f"{_share(r)} of the draws outside of the MAP’s basin",
    Code.METHOD_SD_RATIO: lambda r: f"{_names(r)}: sd ratio {_with_error(r, 'sd_ratio')}",
    Code.SECOND_MEAN: lambda r: (
        f"{_names(r)}: the second’s mean is {_with_error(r, 'shift')} sd "
        f"{'higher' if float(r.figures['shift']) > 0 else 'lower'}"
    ),
    Code.SECOND_MEDIAN: lambda r: f"{_names(r)}: the second’s median has rank {_with_error(r, 'rank')}",
    Code.SECOND_SD: lambda r: f"{_names(r)}: the second’s sd is {_with_error(r, 'sd_ratio')} times the first’s",
    Code.ENERGY: lambda r: f"energy distance {_with_error(r, 'energy')}, p = {plain(float(r.figures['p']), 2)}",
    Code.OTHER_MODES: _other_modes,
    Code.GATE_FAILED: lambda r: "a gate failed",
    Code.NO_LOSS: lambda r: "no loss was named",
    Code.NO_SCALAR: lambda r: "no scalar has a MAP and an sd",
    Code.NO_UNCONSTRAINED_MAP: lambda r: "there is no unconstrained MAP",
    Code.NO_LAPLACE_SD: lambda r: f"no Laplace approximation: {_joined(r)}" if r.causes else "no scalar has an sd",
    Code.TAILS_TOO_HEAVY: _tails,
    Code.TOO_FEW_OBSERVATIONS: lambda r: (
        f"{r.figures['observations']} observations are too few to tell the coverage of the two apart to "
        f"{100 * float(r.figures['margin']):g} %"
    ),
    Code.NOT_COMPUTED: lambda r: str(r.figures["message"]),
}

_CAUSES: dict[Code, Callable[[Fact], str]] = {
    Code.AT_EDGE: lambda r: f"the density is highest at the edge, {_names(r)} = {r.figures['at']:g}",
    Code.SEVERAL_MODES: lambda r: (
        f"there are {r.figures['modes']} modes, and that of the MAP holds {100 * float(r.figures['share']):.0f} % of "
        "the posterior"
    ),
    Code.LATENT_VOLUME: lambda r: f"the joint mode ignores the volume in {_names(r)}; the marginal mode does not",
    Code.WEAKLY_IDENTIFIED: lambda r: (
        f"the data say little of {_names(r)}: its posterior variance is {1 - float(r.figures['contraction']):.2f} of "
        "the prior's"
    ),
    Code.SKEWED: lambda r: f"the posterior of {_names(r)} is skewed (skewness {r.figures['skewness']:.1f})",
    Code.CURVATURE: lambda r: (
        f"the curvature at the mode is not that over the posterior{_S} width, above all for {_names(r)}"
    ),
}

#: The sentence of every code.
WORDS: dict[Code, Callable[[Fact], str]] = {
    **_MODES,
    **_LAPLACE,
    **_SAMPLER,
    **_MARGINAL,
    **_ROWS,
    **_LAYERS,
    **_CAUSES,
    **FIGURES,
    Code.OF_TERM: lambda r: f"{_names(r)}: {_joined(r)}",
    Code.UNTYPED: lambda r: str(r.figures["text"]),
}
