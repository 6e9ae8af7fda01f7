"""The density at prior draws: parameters out of range, density zero or NaN, gradients that are not finite.

Prior draws are wild, and sound models overflow at some of them (an ODE that explodes, a Cholesky factor that does not
exist). So shares are judged, not single draws: a condition on parameters (``sigma > 0``) may fail at less than
:data:`VIOLATED` of the draws, a density may be zero or NaN at up to :data:`TOLERATED` of the others. Either is an error
only where it is so everywhere: at every prior draw, at the initial point and around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import counted, plain
from ..backends import PyTensorFunction
from .checks import conditions, without_checks
from .finding import Finding, Severity
from .observed_data import distribution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..backends import Array
    from ..problem import Problem

    type Flags = NDArray[np.bool_]

#: Prior draws at which the model is evaluated.
DRAWS = 64

#: Points around the initial point: half of them within ±1, half of them N(0, 3²) away, on the unconstrained scale.
AROUND = 16

#: A condition on parameters, or a gradient where the density is finite, may fail at less than this share of the draws.
VIOLATED = 0.1

#: A density may be zero or NaN at up to this share of the draws: overflow far out in a wide prior is no fault (62 % for
#: cutpoints with a N(0, 100²) prior on the logit scale).
TOLERATED = 0.9

_ALL = (1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Points:
    """Where the model is looked at.

    Attributes
    ----------
    rows : ndarray of shape (n, d)
        Prior draws, then the initial point, then points around it.
    draws : int
        How many of them are prior draws. Draws that cannot be had (a parameter of a prior out of range) or have no
        place on the unconstrained scale (unordered draws of an ordered variable) are left out.
    """

    rows: Array
    draws: int

    def judged(self, *, free: bool = False) -> slice:
        """The points whose share counts: prior draws; where there are hardly any, the initial point and those around.

        A free variable whose own parameters are out of range has no draws there, so it is judged around the initial
        point as soon as some draws are missing.
        """
        enough = DRAWS if free else DRAWS // 8
        return slice(0, self.draws) if self.draws >= enough else slice(self.draws, None)

    def told(self, bad: Flags, *, free: bool = False) -> str:
        """A share in words: ``31 of 64 prior draws``."""
        judged = self.judged(free=free)
        where = "prior draws" if judged.stop is not None else "points around the initial point"
        return f"{int(bad[judged].sum())} of {len(bad[judged])} {where}"


@dataclass(frozen=True, eq=False)
class Term:
    """A term of the log density and the variable that it belongs to."""

    variable: Any
    graph: Any

    @property
    def name(self) -> str:
        return str(self.variable.name)


def points(problem: Problem, seed: int) -> Points:
    """Prior draws, the initial point, and points around it."""
    start = problem.density.start
    rng = np.random.default_rng(seed)
    near, far = rng.uniform(-1, 1, (AROUND // 2, len(start))), 3 * rng.standard_normal((AROUND // 2, len(start)))
    drawn = []
    for each in np.random.SeedSequence(seed).generate_state(DRAWS):
        try:
            draw = problem.prior_points(1, int(each))
        except ValueError:  # NumPy: scale < 0
            continue
        if draw is not None and np.isfinite(draw).all():
            drawn.append(draw[0])
    return Points(np.array([*drawn, start, *(start + near), *(start + far)]), len(drawn))


def findings(problem: Problem, seed: int) -> list[Finding]:
    """What fails at too many points: conditions on parameters first, then density and gradient where these hold."""
    where = points(problem, seed)
    violated, broken = _conditions(problem, where)
    finite = np.array([np.isfinite(problem.density(u, _ALL)[0]) for u in where.rows])
    bad = ~finite & ~broken
    judged = where.judged()
    left = np.sum(~broken[judged])
    if not left or np.sum(bad[judged]) < VIOLATED * left:
        return violated
    return [*violated, *_diagnosis(problem, where, bad, broken)]


def _terms(problem: Problem) -> list[Term]:
    model, graphs = problem.model, problem.density.graphs
    transformed = [rv for rv in model.free_RVs if model.rvs_to_transforms[rv] is not None]
    owners = [*model.free_RVs, *model.observed_RVs, *model.potentials, *transformed]
    terms = [*graphs.prior, *graphs.likelihood, *graphs.potentials, *graphs.jacobian]
    return [Term(variable, graph) for variable, graph in zip(owners, terms, strict=True)]


def _evaluated(problem: Problem, outputs: Sequence[Any], rows: Array) -> list[list[Array]]:
    """Values of some graphs over the unconstrained vector at each point, by PyTensor's own route."""
    graphs, data = problem.density.graphs, list(problem.density.data.values())
    function = PyTensorFunction([graphs.u, *(inp for _, inp in graphs.data.values())], outputs)
    return [function(u, *data) for u in rows]


# -- conditions on parameters ------------------------------------------------------------------------------------------


def _conditions(problem: Problem, where: Points) -> tuple[list[Finding], Flags]:
    """A finding for each condition that fails too often, and whether any fails, by point."""
    asked: dict[Any, tuple[Any, str]] = {}
    for term in _terms(problem):
        for message, condition in conditions(term.graph):
            asked.setdefault(condition, (term.variable, message))
    if not asked:
        return [], np.zeros(len(where.rows), dtype=bool)
    fails = ~np.array(_evaluated(problem, without_checks(list(asked)), where.rows)).astype(bool)
    found = []
    for (condition, (variable, message)), failed in zip(asked.items(), fails.T, strict=True):
        free = variable in problem.model.free_RVs
        # A matrix that is not positive definite is rounding as often as a prior's fault.
        limit = TOLERATED if "posdef" in message else VIOLATED
        if failed[where.judged(free=free)].mean() >= limit:
            found.append(_violation(problem, variable, message, _source(problem, condition, variable), failed, where))
    return found, fails.any(axis=1)


def _source(problem: Problem, condition: Any, variable: Any) -> str:
    """Free variables that a condition on a variable's parameters depends on; empty where only constants and data
    enter."""
    from pytensor.graph.traversal import ancestors

    if problem.density.graphs.u not in set(ancestors([condition])):
        return ""
    behind = set(ancestors(variable.owner.inputs))
    return ", ".join(rv.name for rv in problem.model.free_RVs if rv in behind) or str(variable.name)


def _violation(problem: Problem, variable: Any, message: str, source: str, failed: Flags, where: Points) -> Finding:
    name, free = variable.name, variable in problem.model.free_RVs
    kind = "a Potential" if variable in problem.model.potentials else distribution(variable)
    at = where.told(failed, free=free)
    why = (
        f"That fails at {at}: the prior of {source} puts mass where the density of {name} does not exist."
        if source
        else "Its constants and data do not meet that."
    )
    return Finding(
        "outside_support",
        Severity.ERROR if failed.all() else Severity.WARNING,
        name,
        f"{name} ({kind}) needs {message}. {why}",
        _restrict(message, source),
    )


def _restrict(message: str, source: str) -> str:
    if not source:
        return "Check the constants and the data that its parameters are made of."
    if "posdef" in message:
        return f"Add a small constant to the matrix's diagonal, or keep {source} from values that make it singular."
    if "sum(p)" in message or "<= 1" in message:
        return (
            "Map what you have into the range: pm.math.invlogit(...) for one probability (or logit_p=), "
            "pm.math.softmax(...) for several; or give a pm.Beta or pm.Dirichlet prior."
        )
    if ">" in message:
        return (
            "Take the exponential, pm.math.exp(...), or a prior on the positive numbers: pm.Exponential, pm.LogNormal, "
            "pm.HalfNormal."
        )
    return f"Choose priors of {source} under which it always holds."


# -- density and gradient ----------------------------------------------------------------------------------------------


def _diagnosis(problem: Problem, where: Points, bad: Flags, broken: Flags) -> list[Finding]:
    """Which term is not finite at the points where the density or its gradient is not."""
    terms = _terms(problem)
    rows, judged = np.flatnonzero(bad), where.judged()
    values = _evaluated(problem, without_checks([term.graph for term in terms]), where.rows[rows])
    off, zero = np.zeros((2, len(bad), len(terms)), dtype=bool)
    off[rows] = [[not np.isfinite(value).all() for value in at] for at in values]
    zero[rows] = [[np.isneginf(value[~np.isfinite(value)]).all() for value in at] for at in values]
    nothing = broken | off.any(axis=1)
    # A Potential of −inf is a constraint that was meant: it counts only where it leaves nothing.
    meant = np.array([term.variable in problem.model.potentials for term in terms])
    blamed = off if nothing.all() else off & ~(meant & zero)
    left = np.sum(~broken[judged])
    if not nothing.all() and np.sum(blamed.any(axis=1)[judged]) <= TOLERATED * left:
        gradient = bad & ~off.any(axis=1)
        return _gradient(problem, where, gradient) if np.sum(gradient[judged]) >= VIOLATED * left else []
    worst = int(blamed.sum(axis=0).argmax())
    at = where.told(blamed.any(axis=1)) + (" and everywhere around the initial point" if nothing.all() else "")
    severity = Severity.ERROR if nothing.all() else Severity.WARNING
    if zero[off[:, worst], worst].all():
        of_worst = [each[worst] for each, i in zip(values, rows, strict=True) if off[i, worst]]
        return [_zero(problem, terms[worst].name, at, np.isneginf(of_worst).all(axis=0), severity)]
    return [_not_finite(problem, terms[worst].name, at, severity)]


def _zero(problem: Problem, name: str, at: str, never: Flags, severity: Severity) -> Finding:
    """Density zero: data that no parameters allow (``never``), or hardly any of the prior's."""
    observed = problem.observed.get(name)
    which, instead = (
        "",
        (
            f"Widen or move the priors of {name}'s parameters, or choose a likelihood with a wider support; "
            f"pm.sample_prior_predictive shows what the prior makes of {name}."
        ),
    )
    if observed is not None and never.any() and never.shape == observed.shape:
        first = tuple(np.argwhere(never)[0])
        label = f"{name}[{', '.join(map(str, first))}]" if first else name
        seen = f"{label} = {plain(float(observed[first]))}"
        among = f"{int(never.sum())} of its {counted(observed.size, 'value')} cannot occur, the first "
        which = f": {among}{seen}" if observed.size > 1 else f": {seen} cannot occur"
        instead = (
            "Check these values; if they are right, choose a likelihood whose support holds them, or priors under "
            "which it does."
        )
        if np.issubdtype(observed.dtype, np.integer) and observed[first] < 0:
            instead += (
                " PyMC keeps whole numbers in 32 bits, where 2,147,483,648 and more turn negative; not so floats."
            )
    return Finding("outside_support", severity, name, f"The density of {name} is zero at {at}{which}.", instead)


def _not_finite(problem: Problem, name: str, at: str, severity: Severity) -> Finding:
    holes = _holes(problem, name)
    what = f"The log density of {name} is NaN or infinite at {at}{f': {holes}' if holes else ''}."
    instead = (
        "Drop or fill the missing values before they enter the model, or make them free variables."
        if holes
        else f"Narrow the priors that {name} depends on, or write its parameters so that they cannot overflow "
        "(pm.math.logsumexp, pm.math.log_softmax, logit_p= in place of p=); model.debug() shows them."
    )
    return Finding("density_not_finite", severity, name, what, instead)


def _holes(problem: Problem, name: str) -> str:
    """Data behind a variable that hold NaN or infinite values, in words."""
    from pytensor.graph.basic import Constant
    from pytensor.graph.traversal import ancestors

    told = []
    for var in ancestors([problem.model[name]]):
        array = var.data if isinstance(var, Constant) else problem.density.data.get(var.name)
        if isinstance(array, np.ndarray) and array.ndim and array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            told.append(f"{var.name or 'an array that it depends on'} holds {counted(bad, 'NaN or infinite value')}")
    return ", ".join(told)


def _gradient(problem: Problem, where: Points, suspect: Flags) -> list[Finding]:
    """The term whose gradient is not finite though its value is; derived as PyMC does, after the stabilising
    rewrites."""
    import pytensor.gradient as tg
    import pytensor.tensor as pt
    from pytensor.graph.rewriting.utils import rewrite_graph

    terms = _terms(problem)
    sums = [pt.sum(graph).astype("float64") for graph in without_checks([term.graph for term in terms])]
    sums = rewrite_graph(sums, include=("canonicalize", "stabilize"))
    slopes = [tg.grad(each, problem.density.graphs.u, disconnected_inputs="ignore") for each in sums]
    rows = np.flatnonzero(suspect)
    off = np.zeros((len(suspect), len(terms)), dtype=bool)
    off[rows] = ~np.isfinite(_evaluated(problem, slopes, where.rows[rows])).all(axis=2)
    bad = off.any(axis=1)
    if np.mean(bad[where.judged()]) < VIOLATED:
        return []
    name = terms[int(off.sum(axis=0).argmax())].name
    return [
        Finding(
            "gradient_not_finite",
            Severity.ERROR if bad.all() else Severity.WARNING,
            name,
            f"The log density of {name} is finite and its gradient is not at {where.told(bad)}: a search or NUTS that "
            "comes there is stuck.",
            "Look for a root, a norm or a power at 0, or for a bound that cuts off (pm.math.clip) where a function is "
            "steep, and keep its argument away from there: pm.math.sqrt(x + 1e-12), for example.",
        )
    ]
