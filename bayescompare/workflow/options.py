"""What a comparison is asked, and whom it tells how far it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import UnknownNameError, UsageError
from ..methods import METHODS
from ..methods.marginal import MarginalOptions
from ..methods.modes.options import ModeOptions
from ..methods.sampler_options import SamplerOptions
from ..metrics.losses import Loss
from ..metrics.thresholds import INTERVAL
from ..metrics.verdict import Margins

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..templates.loading import Target
    from .gather import Quantity


class Progress(Protocol):
    """What a long computation tells while it runs."""

    @property
    def bar(self) -> bool:
        """True if a sampler may draw its own progress bar."""

    def stage(self, text: str, *, own_bar: bool = False) -> AbstractContextManager[object]:
        """Say what is being waited for, from this call to the end of the ``with`` block, or to the next stage.

        The text names a stage, and where they are known its count and how long it takes.
        """


class Silent:
    """No progress."""

    bar = False

    def stage(self, text: str, *, own_bar: bool = False) -> AbstractContextManager[object]:
        return contextlib.nullcontext()


class Shown:
    """Progress on stderr while something runs; in a notebook, below the cell."""

    bar = True

    def stage(self, text: str, *, own_bar: bool = False) -> AbstractContextManager[object]:
        from rich.console import Console

        return contextlib.nullcontext() if own_bar else Console(stderr=True).status(f"{text} ...")


@dataclass(frozen=True)
class CompareOptions:
    """Options of a comparison.

    Attributes
    ----------
    sampler : SamplerOptions, optional
        None: the template's own settings, or the defaults.
    mode : ModeOptions
    methods : sequence of str, optional
        Which methods run beside MLE, MAP, Laplace and NUTS, by name. None: all that are cheap for the model.
    marginal : MarginalOptions
        Of the marginal MAP and the marginal Laplace approximation.
    laplace_draws : int
        Draws of the Laplace approximation.
    margins : Margins
        How large a gap is still called the same.
    interval : float
        Probability of intervals.
    loo_refits : int
        Observations of a likelihood term up to which each gets a refit of the mode without it; above, one Newton step
        for all, mended by exact refits of a subsample.
    until_settled : bool
        Go on sampling, to twice and again twice the draws, until no layer is undecided or the budget is spent.
    budget : int
        Draws per chain at which that ends, in multiples of the sampler's draws.
    seconds : float, optional
        Time for what follows the sampling (basins, leave-one-out refits, predictive draws, the path): stages that would
        take more than their share are thinned or left out, and a finding says so. None: three times what NUTS took and
        30 s, in all; ``math.inf``: no limit, so that the same seed gives the same result at any speed.
    whole : float, optional
        Seconds for the whole comparison, from its start: what does not fit is done in part or left out, and said. In
        place of ``seconds``; ``compare(budget="60s")`` and ``--budget`` set it.
    audit : bool
        Look at the model itself first (:func:`bayescompare.check`), and refuse it where what would be computed is not
        what the model says.
    """

    sampler: SamplerOptions | None = None
    mode: ModeOptions = field(default_factory=ModeOptions)
    methods: Sequence[str] | None = None
    marginal: MarginalOptions = field(default_factory=lambda: MarginalOptions(sampled=False))
    laplace_draws: int = 4000
    margins: Margins = field(default_factory=Margins)
    interval: float = INTERVAL
    loo_refits: int = 1000
    until_settled: bool = False
    budget: int = 8
    seconds: float | None = None
    whole: float | None = None
    audit: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.interval < 1:
            raise UsageError(f"interval must lie between 0 and 1, not {self.interval}.")
        if isinstance(self.methods, str):
            raise UsageError(f"methods must be a sequence of names, not one text: ({self.methods!r},).")
        unknown = [name for name in self.methods or () if name not in METHODS]
        if unknown:
            raise UnknownNameError(f"Unknown method {unknown[0]!r}. There are: {', '.join(METHODS)}.")
        if self.laplace_draws < 2:
            raise UsageError(f"laplace_draws must be at least 2, not {self.laplace_draws}.")
        for name in ("loo_refits", "budget"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError(f"seconds must be above 0, not {self.seconds}.")
        if self.whole is not None and (self.seconds is not None or self.until_settled):
            other = "until_settled" if self.seconds is None else "seconds (what follows the sampling)"
            raise UsageError(f"A budget for the whole and {other} contradict each other. Give one of them.")


@dataclass(frozen=True)
class Asked:
    """What a comparison is asked beyond the model.

    Attributes
    ----------
    posterior : optional
        Draws made elsewhere; nothing is sampled then.
    quantities : Mapping of str to callable
        From the draws as an ``xarray.Dataset`` to a DataArray.
    losses : sequence of str or Loss
        Decisions: ``"pinball(0.9) on tau"``, ``"best of theta"``. None: the template's own.
    held_out : pymc.Model or Mapping, optional
        The model on data that were not seen, or new values of its data containers.
    others : Mapping of str to draws
        What further methods found, by their names.
    var_names : sequence of str
        Variables, scalars or quantities that verdict and ladder speak of; all where it is empty. None: the quantities
        that were named, or the template's focus.
    predictors : Mapping of str to array, optional
        New values of data containers, to predict at.
    """

    posterior: Any = None
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    losses: Sequence[str | Loss] | None = None
    held_out: Any = None
    others: Mapping[str, Any] = field(default_factory=dict)
    var_names: Sequence[str] | None = None
    predictors: Mapping[str, Any] | None = None


def sampler_options(asked: SamplerOptions | None, target: Target) -> SamplerOptions:
    """What was asked for; the template's own settings where nothing was."""
    if asked is None:
        return SamplerOptions(**target.sampler)
    if asked.target_accept is None:
        return replace(asked, target_accept=target.sampler.get("target_accept"))
    return asked


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS to one thread: calls are small; threads waiting for each other made the search ten times slower."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
