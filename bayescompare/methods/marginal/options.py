"""Options of the marginal mode and of the marginal Laplace approximation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ...errors import UsageError
from ..modes.options import ModeOptions


@dataclass(frozen=True)
class MarginalOptions:
    """Options of the marginal methods.

    Attributes
    ----------
    latent : tuple of str
        Free variables to integrate out; empty: all vectors of them whose prior, given the others, is Gaussian.
    draws : int
        Draws of the marginal Laplace approximation; fewer where a draw has so many scalars that they would not fit
        (``CELLS`` in all), or so dense a block that they would take minutes (``PRODUCTS``).
    mode : ModeOptions
        Of the search over the hyperparameters, which has two starts at most where the block is very large.
    sampled_above : int
        Hyperparameters above which these are sampled by NUTS without a try at importance sampling.
    sampled : bool
        Whether NUTS may draw the hyperparameters at all; without it the approximation is suspect where the importance
        weights do not carry it.
    seconds : float
        Time after which a fit is given up, with a ``FitError``; what is compiled at one go is waited for.
    """

    latent: tuple[str, ...] = ()
    draws: int = 4000
    mode: ModeOptions = field(default_factory=lambda: ModeOptions(starts=4))
    sampled_above: int = 20
    sampled: bool = True
    seconds: float = math.inf

    def __post_init__(self) -> None:
        if isinstance(self.latent, str):
            raise UsageError(f"latent must be names of variables, not one text: ({self.latent!r},).")
        if self.draws < 25:
            raise UsageError(f"The marginal Laplace approximation needs at least 25 draws, not {self.draws}.")
