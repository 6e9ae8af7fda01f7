"""The latent block: free variables that are Gaussian given the others, found from the model's graph or named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnknownNameError, UnsupportedModelError
from ...model.derived import parameters
from ...model.graphs import Block
from ...model.problem import Problem

#: Distributions that are Gaussian whatever their parameters are.
GAUSSIAN = {
    "NormalRV": "normal",
    "MvNormalRV": "multivariate normal",
    "ZeroSumNormalRV": "zero-sum normal",
    "CARRV": "conditional autoregression",
    "ICARRV": "intrinsic conditional autoregression",
    "MatrixNormalRV": "matrix normal",
    "KroneckerNormalRV": "Kronecker normal",
}

#: Processes that are Gaussian where the distributions that they are made of are, and where those stand in their inputs.
PROCESSES = {"RandomWalkRV": ("random walk", (0, 1)), "AutoRegressiveRV": ("autoregression", (2,))}

#: Which parameters of a distribution tell where it is; the others are scales, correlations, shapes.
LOCATIONS = {"NormalRV": (0,), "MvNormalRV": (0,), "CARRV": (0,), "MatrixNormalRV": (0,), "KroneckerNormalRV": (0,)}

#: Transforms that leave a Gaussian variable Gaussian.
LINEAR = (None, "zerosum")


@dataclass(frozen=True)
class Latent:
    """A latent block.

    Attributes
    ----------
    blocks : tuple of Block
    coordinates, others : ndarray of int
        Of the block and of the hyperparameters, in u.
    why : dict of str to str
        Of every free variable, what it was taken for, in words.
    named : bool
        True where the user named it.
    """

    blocks: tuple[Block, ...]
    coordinates: NDArray[np.intp]
    others: NDArray[np.intp]
    why: dict[str, str]
    named: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(block.name for block in self.blocks)


def latent_block(problem: Problem, asked: Sequence[str] | None = None) -> Latent:
    """Which free variables are integrated out.

    Parameters
    ----------
    problem : Problem
    asked : sequence of str, optional
        Free variables by name, also with other priors: they are then integrated in unconstrained coordinates.

    Raises
    ------
    UnknownNameError
        If no free variable has one of the names.
    UnsupportedModelError
        If no block is Gaussian, or no hyperparameter is left.
    """
    blocks = {block.name: block for block in problem.density.blocks}
    if asked:
        why = {name: "named" if name in asked else "hyperparameter" for name in blocks}
        unknown = [name for name in asked if name not in blocks]
        if unknown:
            raise UnknownNameError(
                f"No free variable is named {', '.join(map(repr, unknown))}. There are: {', '.join(blocks)}."
            )
        taken = [name for name in blocks if name in asked]
    else:
        kinds = _kinds(problem)
        why = {name: str(kind) for name, kind in kinds.items()}
        taken = [name for name in blocks if kinds[name].gaussian]
    if not taken:
        looked = "; ".join(f"{name}: {kind}" for name, kind in why.items())
        raise UnsupportedModelError(
            f"The model has no block of Gaussian effects to integrate out ({looked}). "
            "Name one (latent=...) to integrate it in unconstrained coordinates all the same."
        )
    chosen = tuple(blocks[name] for name in taken)
    coordinates = np.concatenate([np.arange(block.start, block.stop) for block in chosen])
    others = np.setdiff1d(np.arange(problem.dimension), coordinates)
    if not len(others):
        raise UnsupportedModelError(
            f"All free variables are Gaussian ({', '.join(taken)}), so there is no hyperparameter to find the marginal "
            "mode of: the joint mode and its Laplace approximation are the same thing here."
        )
    return Latent(chosen, coordinates, others, why, bool(asked))


@dataclass(frozen=True)
class _Kind:
    """Whether a free variable is Gaussian given the others, and of what kind it is, in words."""

    gaussian: bool
    words: str

    def __str__(self) -> str:
        return f"Gaussian: {self.words}" if self.gaussian else self.words


def _kinds(problem: Problem) -> dict[str, _Kind]:
    """Of every free variable."""
    blocks = {block.name: block for block in problem.density.blocks}
    variables = {rv.name: rv for rv in problem.model.free_RVs}
    kinds = {name: _kind(rv, blocks[name]) for name, rv in variables.items()}
    changed = True
    while changed:  # one that is taken out can take no other out, so this ends
        changed = False
        for name, rv in variables.items():
            if not kinds[name].gaussian:
                continue
            scaled = [
                other
                for other, kind in kinds.items()
                if other != name and kind.gaussian and _scales(rv, variables[other])
            ]
            if scaled:
                kinds[name], changed = _Kind(False, f"a parameter of the prior of {', '.join(scaled)}"), True
    return kinds


def _kind(rv: Any, block: Block) -> _Kind:
    operation = type(rv.owner.op).__name__
    if not block.shape:
        return _Kind(False, "a scalar")
    if block.transform not in LINEAR:
        return _Kind(False, f"transformed ({block.transform})")
    if operation in GAUSSIAN:
        return _Kind(True, GAUSSIAN[operation])
    if operation in PROCESSES:
        process, places = PROCESSES[operation]
        parts = [type(rv.owner.inputs[place].owner.op).__name__ for place in places]
        other = [name.removesuffix("RV") for name in parts if name not in GAUSSIAN]
        return _Kind(not other, f"{process} of {', '.join(other)}" if other else process)
    return _Kind(False, operation.removesuffix("RV"))


def _scales(rv: Any, child: Any) -> bool:
    """Whether the variable stands in a parameter of the other's prior that is not its location."""
    from pytensor.graph.traversal import ancestors

    places = LOCATIONS.get(type(child.owner.op).__name__, ())
    return any(rv in set(ancestors([p])) for i, p in enumerate(parameters(child)) if i not in places)
