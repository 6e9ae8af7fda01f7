"""The one result type of every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr

    from ..reasons import Reason


class Status(StrEnum):
    """How far a fit can be trusted.

    ``suspect`` and ``failed`` both close the gate of the verdict.
    """

    OK = "ok"
    SUSPECT = "suspect"
    FAILED = "failed"
    NOT_RUN = "not_run"


@dataclass(frozen=True)
class Fit:
    """What one method found, whichever method it was.

    Attributes
    ----------
    method : str
        Name in the registry: ``"map"``, ``"unconstrained_map"``, ``"laplace"``, ``"nuts"``, ...
    status : Status
        ``ok``, ``suspect``, ``failed`` or ``not_run``.
    reasons : tuple of Reason
        Why the status is what it is; also what a reader should know of an ``ok`` fit. ``str`` of one is its sentence.
    names : tuple of str
        The k scalars of the model, free variables first, then Deterministics, as ArviZ names them.
    estimate : ndarray of shape (k,)
        The method's point in the model's coordinates: a mode; for Laplace and NUTS the mean of the draws.
        NaN throughout when the fit failed, so that a failure cannot be read as a number.
    unconstrained : ndarray of shape (d,) or None
        The mode in unconstrained coordinates; infinite entries where the mode lies on a boundary.
    log_density : float
        In nats, under the method's own weights; NaN when failed.
    draws : ndarray of shape (chains, draws, k) or None
        Draws in the model's coordinates.
    unconstrained_draws : ndarray of shape (chains, draws, d) or None
        The same draws where the sampler moves.
    statistics : Mapping of str to ndarray of shape (chains, draws)
        The sampler's own statistics (``diverging``, ``energy``, ``lp``, ``n_steps``, ...).
    diagnostics : Mapping
        Figures of the method, JSON-ready; keys are documented with each method.
    seconds : float
        Wall time of the method itself, without compiling.
    compile_seconds : float
        Wall time of compiling done for this method.
    evaluations : int
        Evaluations of the log density with its gradient.
    layout : Mapping
        Shapes, dims and coordinates of the variables, as in a Comparison; empty where each scalar is its own.
    """

    method: str
    status: Status
    reasons: tuple[Reason, ...]
    names: tuple[str, ...]
    estimate: np.ndarray
    unconstrained: np.ndarray | None = None
    log_density: float = float("nan")
    draws: np.ndarray | None = None
    unconstrained_draws: np.ndarray | None = None
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    compile_seconds: float = 0.0
    evaluations: int = 0
    layout: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True if the status is ``ok``."""
        return self.status is Status.OK

    @property
    def values(self) -> dict[str, float]:
        """The estimate by scalar name."""
        return {name: float(x) for name, x in zip(self.names, self.estimate, strict=True)}

    def to_datatree(self) -> xr.DataTree:
        """What ArviZ works on: draws as ``posterior`` (with ``sample_stats``), a point as ``mode``."""
        import xarray as xr

        from .datatree import of_fit

        return xr.DataTree.from_dict(of_fit(self))

    def summary(
        self, *, var_names: str | Sequence[str] | None = None, ci_prob: float = 0.94, ci_kind: str = "eti"
    ) -> pd.DataFrame:
        """A row per scalar, as ``az.summary`` gives it, unrounded; of a mode its estimate and standard error.

        Parameters
        ----------
        var_names : str or sequence of str, optional
            Variables.
        ci_prob : float
            Probability of the intervals.
        ci_kind : {"eti", "hdi"}
        """
        from .datatree import summary

        return summary(self, var_names=var_names, ci_prob=ci_prob, ci_kind=ci_kind)

    def __repr__(self) -> str:
        shape = "" if self.draws is None else f", {self.draws.shape[0]} × {self.draws.shape[1]} draws"
        why = f": {self.reasons[0]}" if self.reasons and not self.ok else ""
        return f"<Fit {self.method} {self.status}{why}; {len(self.names)} scalars{shape}, {self.seconds:.2f} s>"
