"""Options of the marginal mode and of the marginal Laplace approximation."""

from __future__ import annotations

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
        (``CELLS`` in all).
    mode : ModeOptions
        Of the search over the hyperparameters.
    sampled_above : int
        Hyperparameters above which these are sampled by NUTS without a try at importance sampling.
    """

    latent: tuple[str, ...] = ()
    draws: int = 4000
    mode: ModeOptions = field(default_factory=lambda: ModeOptions(starts=4))
    sampled_above: int = 20

    def __post_init__(self) -> None:
        if isinstance(self.latent, str):
            raise UsageError(f"latent must be names of variables, not one text: ({self.latent!r},).")
        if self.draws < 25:
            raise UsageError(f"The marginal Laplace approximation needs at least 25 draws, not {self.draws}.")
