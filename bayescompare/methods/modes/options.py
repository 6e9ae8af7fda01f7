"""Options of the search for modes."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import UsageError
from ...metrics.thresholds import DECREMENT_MAX
from .curvature import DENSE


@dataclass(frozen=True)
class ModeOptions:
    """Options of the search.

    Attributes
    ----------
    starts : int
        Initial point, jittered points and prior draws, in all.
    decrement : float
        Largest Newton decrement of a mode, in nats: the estimated distance to the top.
    agreement : float
        Two ends are the same height if they differ by no more than this, in nats.
    newton_steps : int
        Most polishing steps from one end.
    dense : int
        Dimension up to which a dense Hessian is made; above, Newton steps go by conjugate gradients.
    allow_unidentified : bool
        For the MLE: where the data do not identify all parameters, return what they do identify, the rest NaN.
    """

    starts: int = 16
    decrement: float = DECREMENT_MAX
    agreement: float = 1e-3
    newton_steps: int = 60
    dense: int = DENSE
    allow_unidentified: bool = False

    def __post_init__(self) -> None:
        for name in ("starts", "newton_steps"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}.")
        for name in ("decrement", "agreement"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be above 0, not {getattr(self, name)}.")
