"""Options of the sampler."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError


@dataclass(frozen=True)
class SamplerOptions:
    """Options of the sampler.

    Attributes
    ----------
    draws, tune : int
        Draws kept and draws for adaptation, per chain.
    chains : int
    target_accept : float, optional
        Between 0 and 1. None: the template's own setting, or 0.8 (nutpie, PyMC, NumPyro and BlackJAX agree on it).
    engine : {"nutpie", "pymc", "numpyro", "blackjax"}
    backend : {"auto", "numba", "jax"}
        What compiles the density for nutpie. ``auto`` takes numba where it is cheap and JAX where a cold compile is
        dear.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float | None = None
    engine: str = "nutpie"
    backend: str = "auto"

    def __post_init__(self) -> None:
        for name in ("draws", "tune", "chains"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if self.target_accept is not None and not 0 < self.target_accept < 1:
            raise UsageError(f"target_accept must lie between 0 and 1, not {self.target_accept}.")
        if self.backend not in ("auto", "numba", "jax"):
            raise UsageError(f"backend must be auto, numba or jax, not {self.backend!r}.")
