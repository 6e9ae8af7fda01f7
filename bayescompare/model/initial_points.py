"""Points on the unconstrained scale to start from: a model's initial point, and draws of its prior."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .backends import Array, without_compiler
from .pymc_internals import compiled_draws, generators_of, initial_point_graphs, reseed, with_own_generators

if TYPE_CHECKING:
    import pymc as pm

Draw = Callable[[int, Sequence[Array]], Array]


def initial_point(model: pm.Model) -> dict[str, Array]:
    """What ``model.initial_point(0)`` gives, by value variable."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Support point not defined")  # a draw of the prior serves as well
        graphs = with_own_generators(_graphs(model, model.rvs_to_initial_values))
    with without_compiler():
        compiled = compiled_draws([], graphs)
    reseed(generators_of(compiled), 0)
    names = [model.rvs_to_values[rv].name for rv in model.free_RVs]
    return dict(zip(names, (np.asarray(value) for value in compiled()), strict=True))


def _graphs(model: pm.Model, strategies: Mapping[Any, Any]) -> list[Any]:
    import warnings

    with warnings.catch_warnings():
        # Of a distribution that has no point of its own PyMC takes a draw. A start is as good as another here.
        warnings.filterwarnings("ignore", "Support point not defined", UserWarning)
        return initial_point_graphs(model, strategies)


def prior_draw(
    model: pm.Model,
    containers: Collection[tuple[Any, Any]],
    values: Sequence[Array],
    *,
    size: int,
    improper: Collection[str],
) -> Draw | None:
    """A function of a seed and the data that draws the prior once; None where the model cannot be drawn from.

    A draw with a parameter out of the range that a prior beneath it takes is NaN.

    Parameters
    ----------
    containers : collection of (shared variable, input variable)
        Data containers.
    values : sequence of ndarray
        Their values, for a first draw that shows whether there is one.
    size : int
        Of the unconstrained vector.
    improper : collection of str
        Variables that stay at their initial value.
    """
    from pytensor.graph.replace import clone_replace
    from pytensor.graph.traversal import ancestors

    try:
        draws = {rv: "support_point" if rv.name in improper else "prior" for rv in model.free_RVs}
        graphs = without_scipy(with_own_generators(_graphs(model, draws)))
        # PyMC's expression is over copies of the containers, which share their storage.
        inputs = {id(shared.container): inp for shared, inp in containers}
        copies = [v for v in ancestors(graphs) if id(getattr(v, "container", None)) in inputs]
        graphs = clone_replace(graphs, {v: inputs[id(v.container)] for v in copies})
        with without_compiler():
            compiled = compiled_draws([inp for _, inp in containers], graphs)
        generators = generators_of(compiled)
    except (NotImplementedError, ValueError, TypeError):
        return None

    def draw(seed: int, data: Sequence[Array]) -> Array:
        reseed(generators, seed)
        try:
            return np.concatenate([np.ravel(value) for value in compiled(*data)])
        except ValueError:  # a parameter that was drawn out of another's range: such a draw has no density
            return np.full(size, np.nan)

    try:
        draw(0, values)
    except (NotImplementedError, TypeError):  # a density of the user's own, without draws
        return None
    return draw


def without_scipy(graphs: list[Any]) -> list[Any]:
    """The same laws, drawn by NumPy where PyTensor would import ``scipy.stats``: a quarter of a second."""
    from pytensor.graph.fg import FunctionGraph

    graph = FunctionGraph(outputs=graphs, clone=True)
    for node in graph.toposort():
        law = _LAWS.get(getattr(node.op, "name", None) or "")
        if law is not None and len(node.outputs) == 2:
            rng, size, *parameters = node.inputs
            old = node.outputs[1]
            graph.replace(old, old.type.filter_variable(law(rng, size, *parameters)), import_missing=True)
    return list(graph.outputs)


def _standard(law: str, rng: Any, size: Any, like: Any) -> tuple[Any, Any]:
    """The generator that follows, and draws of a standard law in the shape of ``like``."""
    import pytensor.tensor as pt

    drawn: tuple[Any, Any] = getattr(pt.random, law)(
        pt.zeros_like(like), pt.ones_like(like), size=size, rng=rng, return_next_rng=True
    )
    return drawn


def _half_normal(rng: Any, size: Any, loc: Any, scale: Any) -> Any:
    return loc + scale * abs(_standard("normal", rng, size, loc + scale)[1])


def _cauchy(rng: Any, size: Any, loc: Any, scale: Any) -> Any:
    import pytensor.tensor as pt

    return loc + scale * pt.tan(np.pi * (_standard("uniform", rng, size, loc + scale)[1] - 0.5))


def _half_cauchy(rng: Any, size: Any, scale: Any) -> Any:
    import pytensor.tensor as pt

    return scale * pt.tan(np.pi / 2 * _standard("uniform", rng, size, scale)[1])


def _student(rng: Any, size: Any, df: Any, loc: Any, scale: Any) -> Any:
    import pytensor.tensor as pt

    following, z = _standard("normal", rng, size, df + loc + scale)
    wide = df + pt.zeros_like(loc + scale)
    square = 2.0 * pt.random.gamma(wide / 2.0, scale=1.0, size=size, rng=following, return_next_rng=True)[1]
    return loc + scale * z * pt.sqrt(df / square)


def _half_student(rng: Any, size: Any, df: Any, scale: Any) -> Any:
    return abs(_student(rng, size, df, 0.0, scale))


#: By the names that PyTensor and PyMC give them; from a generator, a size and the parameters.
_LAWS: dict[str, Callable[..., Any]] = {
    "halfnormal": _half_normal,
    "cauchy": _cauchy,
    "halfcauchy": _half_cauchy,
    "t": _student,
    "halfstudentt": _half_student,
}
