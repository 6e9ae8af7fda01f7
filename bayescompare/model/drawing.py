"""New observations drawn from a model at many points: PyMC's own draws, what enters them computed for all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import LIBRARY_ERRORS, first_line
from .backends import CHUNK, Array, without_compiler
from .density import Density
from .observed import Observed
from .pymc_internals import compiled_draws, generators_of, reseed, takes_generator

#: Of so many points one may have no draws.
RARE = 100


class Simulator:
    """Draws of observed variables.

    What their parameters are computed from ``u`` by is evaluated for many points at once; the draws are then PyMC's
    own, a point and a variable at a time.

    Parameters
    ----------
    density : Density
    count : TensorVariable
        The input that says how many draws.
    variables : list of Observed
        Over the inputs of ``density`` and ``count``.
    """

    def __init__(self, density: Density, count: Any, variables: list[Observed]) -> None:
        from pytensor.graph.replace import clone_replace

        graphs = density.graphs
        outputs = [variable.many for variable in variables]
        parameters = _parameters(outputs, graphs.u, count)
        stands = {parameter: parameter.type() for parameter in parameters}
        outputs = clone_replace(outputs, stands) if stands else outputs
        self._variables = variables
        self._dtypes = [parameter.dtype for parameter in parameters]
        self._parameters = density.translated(parameters, density.start) if parameters else None
        inputs = [count, *stands.values(), *(inp for _, inp in graphs.data.values())]
        with without_compiler():
            self._draw = [compiled_draws(inputs, output) for output in outputs]
        for function in self._draw:
            function.trust_input = True
        self._generators = [rng for function in self._draw for rng in generators_of(function)]

    def __call__(
        self, density: Density, points: Array, draws: int, seed: int, lacks: Mapping[str, dict[str, str]]
    ) -> Iterator[dict[str, Array]]:
        """Draws over the data of ``density``, in blocks of points: arrays (points, draws, M), by variable.

        Where a draw fails, as rejection far out in a tail may, that of the point before stands for it, and
        ``lacks["some draws"]`` of the variable says so; one of which more than one in :data:`RARE` fails is drawn no
        more, and ``lacks["draws"]`` says why.
        """
        reseed(self._generators, seed)
        fixed, count = list(density.data.values()), np.asarray(draws)
        lost, last = dict.fromkeys(lacks, 0), dict[str, Array | None]()
        for start in range(0, len(points), CHUNK):
            block: dict[str, list[Array | None]] = {v.name: [] for v in self._variables if "draws" not in lacks[v.name]}
            for parameters in self._rows(density, points[start : start + CHUNK]):
                for variable, draw in zip(self._variables, self._draw, strict=True):
                    name = variable.name
                    if name not in block:
                        continue
                    try:
                        last[name] = np.reshape(draw(count, *parameters, *fixed), (draws, -1))
                    except LIBRARY_ERRORS as error:
                        lost[name] += 1
                        if lost[name] * RARE > len(points):
                            lacks[name]["draws"] = said(variable, error)
                            del block[name]
                            continue
                        lacks[name]["some draws"] = f"at {lost[name]} of {len(points):,} points {said(variable, error)}"
                    block[name].append(last.get(name))
            yield {name: _stacked(rows) for name, rows in block.items()}

    def one(self, density: Density, point: Array, draws: int) -> Array:
        """Draws of the first variable at one point, as its random method gives them."""
        (parameters,) = self._rows(density, point[None])
        drawn: Array = self._draw[0](np.asarray(draws), *parameters, *density.data.values())
        return drawn

    def _rows(self, density: Density, points: Array) -> Iterator[list[Array]]:
        """The parameters at each point."""
        if self._parameters is None:
            yield from ([] for _ in points)
            return
        blocks = density.evaluate(self._parameters, points)
        blocks = [block.astype(dtype, copy=False) for block, dtype in zip(blocks, self._dtypes, strict=True)]
        yield from ([block[i, ...] for block in blocks] for i in range(len(points)))


def _stacked(rows: list[Array | None]) -> Array:
    """Rows in one array; the first stands for those before it that are lost."""
    first = next(row for row in rows if row is not None)
    return np.stack([first if row is None else row for row in rows])


def said(variable: Observed, error: Exception) -> str:
    """Why there are no draws of a variable, as a part of a sentence."""
    return f"its {variable.distribution} could not be drawn from ({type(error).__name__}: {first_line(error)})"


def _parameters(variables: list[Any], u: Any, count: Any) -> list[Any]:
    """What depends on ``u`` alone, not on chance or the number of draws, where it enters what does."""
    from pytensor.graph.traversal import toposort

    drawn: set[Any] = {count}
    moving, found = {u}, []
    for node in toposort(variables):
        if takes_generator(node) or any(inp in drawn for inp in node.inputs):
            drawn.update(node.outputs)
            found += [inp for inp in node.inputs if inp in moving and inp not in drawn and inp not in found]
        elif any(inp in moving for inp in node.inputs):
            moving.update(node.outputs)
    return found
