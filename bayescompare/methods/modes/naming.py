"""Names of the unconstrained vector's coordinates."""

from __future__ import annotations

from ...model.problem import Problem


def coordinate(problem: Problem, i: int) -> str:
    """The variable that the coordinate belongs to; its scalar, where they are one for one: ``theta[Choate]``."""
    block = next(b for b in problem.density.blocks if b.start <= i < b.stop)
    start, stop, _, _ = problem.scalars.variables[block.name]
    return problem.scalars.names[start + i - block.start] if stop - start == block.size else block.name
