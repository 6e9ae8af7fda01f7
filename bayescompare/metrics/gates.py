"""The verdict's gates: what optimiser and sampler must show before any layer is judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..reasons import Code, Reason
from .thresholds import DIVERGENCES_MAX, E_BFMI_MIN, ESS_MIN, R_HAT_MAX, STARTS_MIN
from .verdict import Layer, State


@dataclass(frozen=True)
class Check:
    """One figure of an engine, what is required of it, and whether it holds.

    Attributes
    ----------
    name : str
        ``divergences``, ``r_hat``, ``ess``, ``e_bfmi``, ``starts`` or ``decrement`` (nats).
    figure, limit : float
        The limit of ``divergences`` is a share of ``total``.
    held : bool
    total : int
        Draws, or starts, that are counted among; 0 where nothing is counted.
    """

    name: str
    figure: float
    limit: float
    held: bool
    total: int = 0


def optimiser_gate(status: str, reasons: tuple[Reason, ...], agreeing: int, starts: int, figure: float) -> Layer:
    """Sound if the mode passed its audit.

    Parameters
    ----------
    status : str
        Of the MAP's fit.
    reasons : tuple of Reason
    agreeing, starts : int
        Starts that ended at the mode, and starts in all.
    figure : float
        Newton decrement, nats.
    """
    if status == "ok":
        found = Reason(Code.MODE_FOUND, (), {"agreeing": agreeing, "starts": starts}, reasons[:1])
        return Layer("optimiser", State.SOUND, found, figure)
    return Layer("optimiser", State.FAILED, Reason(Code.SEARCH_FAILED, causes=reasons), figure)


@dataclass(frozen=True)
class SamplerFigures:
    """Convergence of the sampler over the free variables' scalars; None where a posterior does not carry it."""

    r_hat_max: float
    ess_min: float
    worst_r_hat: str
    worst_ess: str
    draws: int
    divergences: int | None
    e_bfmi_min: float | None
    not_finite: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()


def sampler_gate(f: SamplerFigures) -> Layer:
    """Sound if R-hat, ESS, divergences and E-BFMI reach what is required and every draw is finite and moves.

    Unchecked if nothing that is known fails, but divergences or energies are not known.
    """
    faults = tuple(_faults(f))
    if faults:
        failed = Reason(Code.SAMPLER_FAILED, causes=faults)
        return Layer("sampler", State.FAILED, failed, f.r_hat_max, None, R_HAT_MAX, f.worst_r_hat, faults=faults)
    seen = Reason(Code.SAMPLER_SOUND, figures={c.name: c.figure for c in sampler_checks(f)})
    known = {"divergences": f.divergences, "E-BFMI": f.e_bfmi_min}
    unchecked = tuple(name for name, value in known.items() if value is None)
    state = State.UNCHECKED if unchecked else State.SOUND
    return Layer("sampler", state, seen, f.r_hat_max, None, R_HAT_MAX, f.worst_r_hat, unchecked=unchecked)


def _faults(f: SamplerFigures) -> Iterator[Reason]:
    if f.not_finite:
        yield Reason(Code.NOT_FINITE, f.not_finite[:1])
    if f.constant:
        yield Reason(Code.CONSTANT, f.constant[:1])
    of = {"r_hat": (f.worst_r_hat,), "ess": (f.worst_ess,)}
    for check in sampler_checks(f):
        if not check.held:
            counted = {"draws": check.total} if check.total else {}
            figures = {check.name: check.figure, **counted, "limit": check.limit}
            yield Reason(Code(check.name), of.get(check.name, ()), figures)


def sampler_checks(f: SamplerFigures) -> tuple[Check, ...]:
    """R-hat, ESS, and of divergences and E-BFMI what is known. NaN holds nothing."""
    checks = [
        Check("r_hat", f.r_hat_max, R_HAT_MAX, f.r_hat_max <= R_HAT_MAX),
        Check("ess", f.ess_min, ESS_MIN, f.ess_min >= ESS_MIN),
    ]
    if f.divergences is not None:
        held = f.divergences <= DIVERGENCES_MAX * f.draws
        checks.append(Check("divergences", f.divergences, DIVERGENCES_MAX, held, f.draws))
    if f.e_bfmi_min is not None:
        checks.append(Check("e_bfmi", f.e_bfmi_min, E_BFMI_MIN, f.e_bfmi_min >= E_BFMI_MIN))
    return tuple(checks)


def optimiser_checks(agreeing: int, starts: int, decrement: float, limit: float) -> tuple[Check, ...]:
    """Starts that agree, and the Newton decrement against its ``limit``, nats."""
    return (
        Check("starts", agreeing, STARTS_MIN, agreeing >= STARTS_MIN, starts),
        Check("decrement", decrement, limit, decrement <= limit),
    )
