"""What a model says of its observations given its parameters: log likelihoods, moments, distribution functions, draws.

Everything is a graph over the one unconstrained vector ``u`` and the data containers, compiled through the seam of
:mod:`bayescompare.model.density`, once for a model: other data (a hold-out) compile nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LIBRARY_ERRORS
from .backends import CHUNK, Array
from .derived import is_derived, parameters
from .drawing import Simulator, said
from .moments import bounded, not_numbers
from .observed import Observed, observed
from .problem import Problem
from .pymc_internals import is_custom


@dataclass(frozen=True)
class Term:
    """One term of the log likelihood: an observed variable, or a Potential.

    Attributes
    ----------
    name : str
        As in the model.
    distribution : str
        As PyMC names it: ``"Normal"``, ``"MvNormal"``, ``"Potential"``.
    observations : int
        Terms N of the log likelihood: one for each scalar, or each vector of a multivariate distribution; 1 where the
        distribution is joint over all of them; 0 for a Potential.
    scalars : int
        Observed numbers M: more than ``observations`` where these are vectors.
    discrete : bool
        Its values are whole numbers.
    numeric : bool
        Its values are numbers on a line; False for labels (Categorical) and angles, which have no mean.
    bounded : bool
        Its values lie in an interval that no parameter moves, so that every moment exists, of the posterior predictive
        too.
    lacks : Mapping of str to str
        What cannot be had, and why: ``"pointwise"`` (it does not factorise over observations), ``"moments"`` (no closed
        form: two draws for each point may stand in where it is ``numeric``), ``"intervals"`` (its values have no
        order), ``"draws"``, ``"some draws"`` (few, for which others stand), ``"cdf"``.
    """

    name: str
    distribution: str
    observations: int
    scalars: int
    discrete: bool
    numeric: bool
    bounded: bool
    lacks: Mapping[str, str]

    @property
    def factorises(self) -> bool:
        """True if its log likelihood is a sum over observations, each in a term of its own."""
        return "pointwise" not in self.lacks


class Predictive:
    """Predictions of a problem's observations at unconstrained points.

    Its methods return one array for each observed variable that has what is asked for, by name; ``terms`` say why
    others have not. Points have shape (n, d); an infinite coordinate is a parameter on the bound of its range.

    Parameters
    ----------
    problem : Problem
        Its data are those predicted: ``Predictive(problem.with_data(...))`` for data held out, where nothing is
        compiled again unless a shape changes.

    Attributes
    ----------
    terms : tuple of Term
        Observed variables in the model's order, then Potentials.
    places : dict of str to slice
        Where an observed variable's observations stand among all N of the model, in the order of the density's
        observation weights.

    Notes
    -----
    Observations are independent given the parameters as far as the model's graph tells: a lagged response that was
    computed outside of the model is a predictor like any other.
    """

    def __init__(self, problem: Problem) -> None:
        self._density = problem.density
        self._count, self._variables = self._density.once("observed variables", lambda: _with_draws(problem))
        self._lacks = {variable.name: dict(variable.lacks) for variable in self._variables}
        values = zip(self._variables, self._density.observed(), self._density.sizes, strict=True)
        u = self._density.graphs.u
        terms = [_term(variable, value, size, u, self._lacks[variable.name]) for variable, value, size in values]
        self.terms = (*terms, *(_potential(potential.name) for potential in problem.model.potentials))
        stops = np.cumsum(self._density.sizes).tolist()
        self.places = {
            term.name: slice(stop - term.observations, stop) for term, stop in zip(terms, stops, strict=True)
        }

    def log_likelihood(self, points: Array) -> dict[str, Array]:
        """Log likelihood of each observation at each point, in nats.

        Returns
        -------
        dict of str to ndarray of shape (n, N)
            For every observed variable; one that does not factorise has a single column, its joint log density.
        """
        names = [term.name for term in self.terms[: len(self._variables)]]
        return self._evaluated("log likelihood", names, lambda: self._density.graphs.likelihood, points)

    def moments(self, points: Array) -> dict[str, tuple[Array, Array]]:
        """Mean E[ỹ | θ] and variance Var(ỹ | θ) of a new observation in the place of each one.

        Returns
        -------
        dict of str to (ndarray of shape (n, M), ndarray of shape (n, M))
            In the observation's unit and its square; infinite, or NaN, where the distribution has none at that point.
        """
        import pytensor.tensor as pt

        variables = self._with("moments")

        def graphs() -> list[Any]:
            return [part + pt.zeros_like(v.value, dtype="float64") for v in variables for part in v.moments]

        keys = [f"{v.name} {part}" for v in variables for part in ("mean", "variance")]
        found = self._evaluated("moments", keys, graphs, points)
        return {v.name: (found[f"{v.name} mean"], found[f"{v.name} variance"]) for v in variables}

    def log_cdf(self, points: Array) -> dict[str, tuple[Array, Array]]:
        """Logarithms of P(ỹ ≤ y | θ) and P(ỹ < y | θ) at each observation: the probability integral transform.

        Returns
        -------
        dict of str to (ndarray of shape (n, N), ndarray of shape (n, N))
            The two are equal for a continuous distribution and differ by the probability of y elsewhere.
        """
        variables = self._with("cdf")

        def graphs() -> list[Any]:
            return [graph for v in variables for graph in v.log_cdf]

        keys = [f"{v.name} {part}" for v in variables for part in ("at", "below")[: len(v.log_cdf)]]
        found = self._evaluated("cdf", keys, graphs, points)
        return {v.name: (found[f"{v.name} at"], found.get(f"{v.name} below", found[f"{v.name} at"])) for v in variables}

    def draws(self, points: Array, *, draws: int = 1, seed: int = 0) -> dict[str, Array]:
        """Predictive draws: new observations in the place of all, ``draws`` times for each point.

        Parameters
        ----------
        points : ndarray of shape (n, d)
        draws : int
            Independent given the point.
        seed : int
            One seed gives the same draws.

        Returns
        -------
        dict of str to ndarray of shape (n, draws, M)
            Without a variable of which draws fail; its term lacks ``"draws"`` from then on.
        """
        blocks = list(self._simulated(points, draws, seed))
        names = [v.name for v in self._with("draws")] if blocks else []
        return {name: np.concatenate([block[name] for block in blocks]) for name in names}

    # -- one observation at each point -------------------------------------------------------

    def log_likelihood_of(self, observations: NDArray[np.intp], points: Array) -> Array:
        """Log likelihood of one observation at each point, as after leaving it out.

        Parameters
        ----------
        observations : ndarray of int of shape (n,)
            Places among all N of the model (``places``).
        points : ndarray of shape (n, d)

        Returns
        -------
        ndarray of shape (n,)
        """
        return self._of(observations, points, lambda rows: [self.log_likelihood(rows)])[0]

    def log_cdf_of(self, observations: NDArray[np.intp], points: Array) -> tuple[Array, Array]:
        """log P(ỹ ≤ y | θ) and log P(ỹ < y | θ) of one observation at each point, (n,) each; NaN where it has none."""

        def both(rows: Array) -> list[dict[str, Array]]:
            found = self.log_cdf(rows)
            return [{name: pair[part] for name, pair in found.items()} for part in (0, 1)]

        at, below = self._of(observations, points, both)
        return at, below

    def draws_of(self, observations: NDArray[np.intp], points: Array, *, draws: int, seed: int = 0) -> Array:
        """Predictive draws of one observation at each point, (n, draws); NaN where it has none or is a vector.

        All observations are drawn, and one is kept: the time goes with n · draws · M.
        """
        chosen = []
        for start, block in zip(range(0, len(points), CHUNK), self._simulated(points, draws, seed), strict=True):
            columns = {name: each for name, each in block.items() if each.shape[2] == self._size(name)}
            chosen.append(self._chosen(observations[start : start + CHUNK], columns))
        return np.concatenate(chosen) if chosen else np.full((len(points), draws), np.nan)

    def _size(self, name: str) -> int:
        return self.places[name].stop - self.places[name].start

    def _of(
        self, observations: NDArray[np.intp], points: Array, evaluated: Callable[[Array], list[dict[str, Array]]]
    ) -> list[Array]:
        blocks: list[list[Array]] = []
        for start in range(0, len(points), CHUNK):
            chosen = observations[start : start + CHUNK]
            blocks.append([self._chosen(chosen, part) for part in evaluated(points[start : start + CHUNK])])
        return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]

    def _chosen(self, observations: NDArray[np.intp], found: dict[str, Array]) -> Array:
        """Of arrays whose first axis is that of the points and whose last that of the observations, one each."""
        values: Array | None = None
        for name, columns in found.items():
            values = np.full((len(observations), *columns.shape[1:-1]), np.nan) if values is None else values
            column = observations - self.places[name].start
            own = np.flatnonzero((column >= 0) & (column < columns.shape[-1]))
            values[own] = columns[own, ..., column[own]]
        return np.full(len(observations), np.nan) if values is None else values

    # -- helpers -----------------------------------------------------------------------------

    def _with(self, what: str) -> list[Observed]:
        return [v for v in self._variables if what not in self._lacks[v.name]]

    def _simulated(self, points: Array, draws: int, seed: int) -> Iterator[dict[str, Array]]:
        """Blocks of the draws, in the points' order; a variable of which a draw fails is in no further block."""
        drawn = [v for v in self._variables if "draws" not in v.lacks]
        if self._with("draws"):
            simulator = self._density.once("simulator", lambda: Simulator(self._density, self._count, drawn))
            lacks = {v.name: self._lacks[v.name] for v in drawn}
            yield from simulator(self._density, points, draws, seed, lacks)

    def _evaluated(
        self, key: str, names: list[str], graphs: Callable[[], list[Any]], points: Array
    ) -> dict[str, Array]:
        if not names:
            return {}

        def compiled() -> Any:
            flat = [graph.astype("float64").ravel() for graph in graphs()]
            # Again: what PyMC adds to a graph has constants in single precision, and takes their roots there.
            return self._density.translated(self._density.graphs.explicit(flat), points[0])

        function = self._density.once(f"predictive {key}", compiled)
        return dict(zip(names, self._density.evaluate(function, points), strict=True))


def _with_draws(problem: Problem) -> tuple[Any, list[Observed]]:
    """The observed variables, each with why it cannot be drawn, and the input that says how many draws.

    A density of the user's own may have no draws, and NumPy draws no counts out of a number of trials that is a float.
    """
    import pytensor.tensor as pt

    density, count = problem.density, pt.lscalar("draws")
    variables = observed(problem, count)
    for variable, value in zip(variables, density.observed(), strict=True):
        op = variable.rv.owner.op
        if is_derived(variable.rv) or is_custom(op, symbolic=True):
            try:
                draw = Simulator(density, count, [variable]).one(density, density.start, 2)
            except NotImplementedError:
                variable.lacks["draws"] = f"its {variable.distribution} has no random method"
                continue
            except LIBRARY_ERRORS as error:
                variable.lacks["draws"] = said(variable, error)
                continue
            if draw.size != 2 * value.size:
                variable.lacks["draws"] = f"its {variable.distribution} does not draw as many as its size asks for"
        elif type(op).__name__ == "BinomialRV" and parameters(variable.rv)[0].dtype.startswith("float"):
            variable.lacks["draws"] = (
                f"its {variable.distribution} has a number of trials n of type float, of which there are no draws "
                "(give whole numbers)"
            )
    return count, variables


def _term(variable: Observed, value: Array, observations: int, u: Any, lacks: Mapping[str, str]) -> Term:
    return Term(
        name=variable.name,
        distribution=variable.distribution,
        observations=observations,
        scalars=value.size,
        discrete=value.dtype.kind in "iub",
        numeric=not not_numbers(variable.rv),
        bounded=bounded(variable.rv, u),
        lacks=lacks,
    )


def _potential(name: str) -> Term:
    why = "a Potential has no observations, so its term is not predicted"
    lacks = dict.fromkeys(("pointwise", "moments", "draws", "cdf"), why)
    return Term(name, "Potential", 0, 0, discrete=False, numeric=False, bounded=False, lacks=lacks)
