"""The observed variables of a model as graphs over ``u`` and the data: what draws them, and what follows from that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .backends import Array, PyTensorFunction
from .capabilities import depends_on
from .derived import is_derived, repeated
from .moments import NoMomentsError, distribution_name, moments, not_numbers
from .problem import Problem
from .pymc_internals import is_custom, is_partly_observed, replaced_by_values, resized


@dataclass(frozen=True)
class Observed:
    """One observed variable over ``u`` and the data.

    Attributes
    ----------
    rv, value : TensorVariable
        What draws it, and what was observed.
    many : TensorVariable
        What draws it several times over: the first axis has as many entries as ``count`` says.
    lacks : dict of str to str
        Why it has no ``"pointwise"`` terms, ``"moments"``, ``"intervals"`` or ``"cdf"``.
    moments : tuple of TensorVariable
        Mean and variance, which broadcast to the value; empty where there are none.
    log_cdf : tuple of TensorVariable
        log P(ỹ ≤ y), then log P(ỹ < y) where it is another; empty where there is none.
    """

    name: str
    rv: Any
    value: Any
    many: Any
    lacks: dict[str, str]
    moments: tuple[Any, ...]
    log_cdf: tuple[Any, ...]

    @property
    def distribution(self) -> str:
        """As PyMC names it."""
        return distribution_name(self.rv)


def observed(problem: Problem, count: Any) -> list[Observed]:
    """The observed variables of a model, in its order; ``count`` is a scalar input, the number of draws."""
    return [_observed(problem, index, count) for index in range(len(problem.model.observed_RVs))]


def _observed(problem: Problem, index: int, count: Any) -> Observed:
    original = problem.model.observed_RVs[index]
    rv, many, value = _over_u(problem, original, count)
    lacks: dict[str, str] = {}
    pair: tuple[Any, ...] = ()
    cdf: tuple[Any, ...] = ()
    try:
        pair = moments(rv)
    except NoMomentsError as error:
        lacks["moments"] = str(error)
    values = not_numbers(rv)
    if values:
        lacks["intervals"] = f"its values are {values}, which have no intervals"
    try:
        cdf = _log_cdf(rv, value)
    except (NotImplementedError, TypeError):
        lacks["cdf"] = f"PyMC has no distribution function of {distribution_name(rv)}"
    joint = _why_joint(problem, index, original, rv)
    if joint:
        lacks["pointwise"] = joint
    return Observed(original.name, rv, value, many, lacks, pair, cdf)


def _over_u(problem: Problem, original: Any, count: Any) -> list[Any]:
    """An observed variable's random graph, the same for ``count`` draws, and its value, over ``u`` and the data.

    It gets as many draws as there are values, not as many as its dimensions had when the model was built.
    """
    model = problem.model
    rv, value = _unscaled(original), model.rvs_to_values[original]
    rv, many = _sized(model, rv, value, count)
    others = {other: value for other, value in model.rvs_to_values.items() if other is not original}
    transforms = {other: transform for other, transform in model.rvs_to_transforms.items() if other is not original}
    graphs = replaced_by_values([rv, many], others, transforms)
    return _explicit(problem, [*graphs, value])


def _sized(model: Any, rv: Any, value: Any, count: Any) -> tuple[Any, Any]:
    """The variable with the size of its value, and ``count`` of them.

    Before its parameters are replaced: PyMC 6.4 resizes a CustomDist(dist=...) with those it was made with.
    """
    if is_derived(rv):
        return rv, repeated(rv, count, model.basic_RVs)
    inner = rv.owner.inputs[0] if is_partly_observed(rv.owner.op) else rv
    shape = tuple(inner.shape if inner is not rv else value.shape)[: inner.ndim - inner.owner.op.ndim_supp]
    many = resized(inner, (count, *shape))
    if inner is not rv:
        return rv, many[:, ~rv.owner.inputs[1]]
    return resized(rv, shape), many


def _unscaled(rv: Any) -> Any:
    """The variable itself, where PyMC scales its log density up to ``total_size``."""
    return rv.owner.inputs[0] if _is_scaled(rv) else rv


def _is_scaled(rv: Any) -> bool:
    return type(rv.owner.op).__name__ == "MinibatchRandomVariable"


def _explicit(problem: Problem, outputs: list[Any]) -> list[Any]:
    """Over ``u`` and the density's own data; a container that the density does not know keeps its value."""
    from pytensor.graph.replace import clone_replace
    from pytensor.tensor import constant

    graphs = problem.density.graphs
    known = dict(graphs.data)
    outputs = graphs.explicit(outputs)
    strays = {inp: constant(shared.get_value()) for name, (shared, inp) in graphs.data.items() if name not in known}
    graphs.data = known
    replaced: list[Any] = clone_replace(outputs, strays) if strays else outputs
    return replaced


def _log_cdf(rv: Any, value: Any) -> tuple[Any, ...]:
    import pytensor.tensor as pt
    from pymc import logcdf

    op = rv.owner.op
    if getattr(op, "ndim_supp", 0) > 0:
        raise NotImplementedError("a vector has no one distribution function")
    at = logcdf(rv, value, warn_rvs=False)
    kind = type(op).__name__
    if kind == "CensoredRV":  # all the mass beyond a bound lies on it
        base, lower, _ = rv.owner.inputs
        step = 1 if base.dtype.startswith("int") else 0
        return at, pt.switch(value <= lower, -math.inf, logcdf(base, value - step, warn_rvs=False))
    if rv.dtype.startswith(("int", "uint", "bool")):
        return at, logcdf(rv, value - 1, warn_rvs=False)
    if kind == "_HurdleRV":  # the rest of it is continuous
        return at, pt.switch(value <= 0, -math.inf, at)
    return (at,)


def _why_joint(problem: Problem, index: int, original: Any, rv: Any) -> str | None:
    """Why the log likelihood of an observed variable is no sum over its observations; None where it is one."""
    from pytensor.graph.traversal import ancestors

    model = problem.model
    name, term = distribution_name(rv), problem.density.graphs.likelihood[index]
    support = rv.ndim - term.ndim if is_derived(rv) else rv.owner.op.ndim_supp
    if _is_scaled(original):
        return "its log density is scaled up to total_size, so that a term is not one observation's"
    if type(rv.owner.op).__name__ == "PartialObservedRV" and support > 0:
        return f"its {name} is a joint density of observed and missing values"
    if support > 0 and rv.ndim == support:
        return f"its {name} is one joint density of all observations"
    if term.ndim != rv.ndim - support:
        return "its log density is one sum, not a term for each observation"
    for other in [*model.basic_RVs, *model.potentials]:
        if other is not original and any(a is original for a in ancestors([other])):
            return f"its observations are inputs of {other.name!r} too"
    if _entangled(problem, index, rv):
        return "the log density of an observation depends on other observations as well"
    return None


def _entangled(problem: Problem, index: int, rv: Any) -> bool:
    """Whether terms change with the values of other observations.

    Asked of a density of the user's own or derived, and of data that are also among their own parameters (a lagged
    response): one half of the values is changed, then the other, and the terms of the rest are compared.
    """
    import pytensor.tensor as pt
    from pymc import logp

    density = problem.density
    graphs, value = density.graphs, density.graphs.observed[index]
    inputs = {inp: name for name, (_, inp) in graphs.data.items()}
    above = set(depends_on(rv.owner.inputs))
    shared = [inputs[v] for v in depends_on([value]) if v in inputs and v in above]
    before = density.observed()[index]
    if before.size < 2 or not (shared or is_derived(rv) or is_custom(rv.owner.op)):
        return False

    y = pt.tensor(dtype=value.dtype, shape=(None,) * value.ndim)
    function = PyTensorFunction([graphs.u, y, *inputs], [logp(rv, y, warn_rvs=False)])
    # Not at the initial point, where a coefficient of 0 hides what it multiplies.
    u = density.start + np.random.default_rng(0).uniform(0.1, 1.0, density.dimension)
    (old,) = function(u, before, *density.data.values())
    for half in (0, 1):
        other = density.with_data({name: _half_raised(density.data[name], half) for name in shared})
        after = other.observed()[index] if shared else _half_raised(before, half)
        (new,) = function(u, after, *other.data.values())
        same = (before == after).reshape(*old.shape, -1).all(axis=-1)
        if not np.allclose(old[same], new[same], rtol=1e-10, atol=0.0, equal_nan=True):
            return True
    return False


def _half_raised(values: Array, half: int) -> Array:
    """The same with one added to about half of the rows: those of the one half (0), or the others (1)."""
    chosen = (np.random.default_rng(0).permutation(len(values)) < len(values) / 2) != half
    raised = values.copy()
    raised[chosen] = np.logical_not(values[chosen]) if values.dtype == bool else values[chosen] + 1
    return raised
