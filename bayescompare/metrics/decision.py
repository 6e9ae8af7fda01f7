"""Does the uncertainty that a point estimate throws away change a decision, and what does that cost?

The plug-in acts as if the MAP were true, the Bayes action has the least posterior expected loss. Plain arrays in,
figures out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ..reasons import Code, Reason
from . import diagnostics as mc
from .estimates import mean, share
from .figure import Figure
from .losses import CHOICES, Loss, best_action, evaluate

Array = NDArray[np.float64]

#: Quantiles of the draws at which a search for a function's best action begins.
GRID = 65

#: Doublings of the range within which that search looks for a minimum.
WIDEN = 40

ACTS = ("do not act", "act")


@dataclass(frozen=True)
class Option:
    """One of the choices of ``best of`` or ``least of``: its name, and the probability that it is the best."""

    name: str
    best: Figure


@dataclass(frozen=True)
class Decision:
    """A decision by plug-in and by posterior.

    Attributes
    ----------
    loss : str
        In words: ``pinball(0.9) on tau``.
    plugin_action, bayes_action : float, str or None
        A number; ``act`` or ``do not act``; a scalar's name. None where there is none.
    regret : Figure
        Posterior expected extra loss of the plug-in's action, ≥ 0, in the loss's unit. Its error is first-order:
        that of the mean difference of losses. Where both actions are the same one of a few, and the regret is 0, it
        is half of what the best rival's advantage and two errors of it come to, if above 0.
    relative_regret : Figure
        regret / expected loss of the Bayes action.
    expected_loss, plugin_expected_loss : Figure
        Of the Bayes action and of the plug-in's; for ``best of`` what the best has more than the chosen one, for
        ``least of`` less.
    flips : Figure
        Probability that the action best for the true value is not the plug-in's, 0 to 1; for choices only.
    options : tuple of Option
        Of ``best of`` and ``least of``.
    """

    loss: str
    plugin_action: float | str | None
    bayes_action: float | str | None
    regret: Figure
    relative_regret: Figure
    expected_loss: Figure
    plugin_expected_loss: Figure
    flips: Figure
    options: tuple[Option, ...] = ()

    @classmethod
    def missing(cls, loss: Loss, reason: Reason, plugin_action: float | str | None = None) -> Decision:
        """No figure, and why."""
        none = Figure.missing(reason)
        return cls(str(loss), plugin_action, None, none, none, none, none, none)


def decide(loss: Loss, draws: Array, plugin: Array, names: tuple[str, ...] = ()) -> Decision:
    """Compare the plug-in's action with the Bayes action.

    Parameters
    ----------
    loss : Loss
    draws : ndarray of shape (chains, draws, k)
        Of the loss's scalars, or of predicted values: one, or k choices.
    plugin : ndarray of shape (k,)
        Their MAP, or plug-in prediction.
    names : tuple of str, optional
        Of the choices; ``loss.targets`` without them.
    """
    if not np.isfinite(plugin).all():
        return Decision.missing(loss, Reason(Code.NO_FINITE_MAP))
    if not np.isfinite(draws).all():
        return Decision.missing(loss, Reason(Code.SOME_NOT_FINITE))
    if loss.name in CHOICES:
        sign = 1.0 if loss.name == CHOICES[0] else -1.0
        return _best_of(loss, sign * draws, sign * plugin, names or loss.targets)
    x, m = draws[..., 0], float(plugin[0])
    if loss.function is None and loss.name == "threshold":
        return _threshold(loss, x, m)
    if loss.actions:
        return _finite(loss, x, m)
    return _continuous(loss, x, m)


def acted(loss: Loss, draws: Array, own: Array, names: tuple[str, ...] = ()) -> Decision:
    """What it costs to act on what a method says, by the posterior's draws.

    Parameters
    ----------
    own : ndarray of shape (k,) or (..., k)
        A method's point, or its draws, for which the best action is taken; of a user's function only points tell one.
    """
    return decide(loss, draws, own if own.ndim == 1 else _leading(loss, own.reshape(-1, own.shape[-1])), names)


def _leading(loss: Loss, own: Array) -> Array:
    """A point that leads to the action which is best for these draws."""
    if loss.name in CHOICES:
        return np.asarray(own.mean(axis=0))
    if loss.function is not None:
        return np.full(1, np.nan)
    x = own[:, 0]
    if loss.name != "threshold":
        return np.array([best_action(loss, x)])
    c, false_positive, false_negative = loss.arguments
    acts = false_negative * (x > c).mean() > false_positive * (x <= c).mean()
    return np.array([c + (1 + abs(c)) * (1 if acts else -1)])


# -- any number is an action -----------------------------------------------------------------------


def _continuous(loss: Loss, x: Array, m: float) -> Decision:
    if loss.function is None:
        plugin, bayes = m, best_action(loss, x)
    else:
        at_map, over_draws = _search(loss, np.array([m]), x), _search(loss, x, x)
        if at_map is None or over_draws is None:
            return Decision.missing(loss, Reason(Code.NO_MINIMUM))
        plugin, bayes = at_map, over_draws
        at, there = (float(evaluate(loss, a, np.array([m]))[0]) for a in (m, plugin))
        plugin = m if at <= there + 1e-12 * abs(there) else plugin
    with np.errstate(over="ignore", invalid="ignore"):
        mine, theirs = evaluate(loss, plugin, x), evaluate(loss, bayes, x)
    reason, unsure = _tails(loss, x, mine, theirs)
    if reason:
        return Decision.missing(loss, reason, plugin)
    # Kinked losses differ by a bounded amount, and squared ones by a multiple of x: those have an error.
    extra = _mean(mine - theirs, unsure if loss.function or loss.name == "linex" else None)
    return Decision(
        str(loss),
        plugin,
        bayes,
        Figure(max(extra.value, 0.0), extra.mcse, extra.reason),  # a mean of −1e−17 is 0
        _relative(mine - theirs, theirs, unsure),
        _mean(theirs, unsure),
        _mean(mine, unsure),
        Figure.missing(Reason(Code.ANY_ACTION)),
    )


def _tails(loss: Loss, x: Array, *losses: Array) -> tuple[Reason | None, Reason | None]:
    """Why the expected losses do not exist, and why their errors are not known.

    The tails asked are those of what the loss grows like, x, x² or exp(−Ax): the losses themselves have kinks.
    """
    if not all(np.isfinite(each).all() for each in losses):
        return Reason(Code.INFINITE_LOSS), None
    if loss.function is None and loss.name not in CHOICES:
        losses = (_growth(loss, x),)
    rows = np.stack(losses).reshape(len(losses), -1)
    deviation = rows - rows.mean(axis=1, keepdims=True)
    variance = (deviation**2).mean(axis=1)
    moving = variance > 0
    kurtosis = np.where(moving, (deviation**4).mean(axis=1) / np.where(moving, variance, 1.0) ** 2, 0.0)
    index = float(mc.tail_index(rows, kurtosis).max())
    if index >= 1:
        return Reason(Code.NO_EXPECTED_LOSS, figures={"k_hat": index}), None
    return None, Reason(Code.TAIL_WITHOUT_ERROR, figures={"k_hat": index}) if index >= 0.5 else None


def _growth(loss: Loss, x: Array) -> Array:
    if loss.name == "squared":
        return np.asarray((x - x.mean()) ** 2)
    if loss.name == "linex":
        return np.exp(-loss.arguments[0] * (x - x.mean()))
    return x


def _mean(losses: Array, unsure: Reason | None = None) -> Figure:
    """Mean of losses (chains, draws); without an error where their tails leave it none."""
    if unsure:
        return Figure(float(losses.mean()), None, unsure)
    return mean(losses)


def _relative(extra: Array, best: Array, unsure: Reason | None) -> Figure:
    """Regret over the Bayes action's expected loss, with the error of the ratio."""
    expected = float(best.mean())
    if expected == 0:
        return Figure.missing(Reason(Code.NOTHING_LOST))
    ratio = max(float(extra.mean()), 0.0) / expected
    error = _mean((extra - ratio * best) / expected, unsure)
    return Figure(ratio, error.mcse, error.reason)


def _search(loss: Loss, x: Array, scale: Array) -> float | None:
    """The action of least mean loss over ``x``: from the quantiles of ``scale`` to the best one's neighbours."""

    def risk(action: float) -> float:
        value = float(evaluate(loss, action, x).mean())
        return value if math.isfinite(value) else math.inf

    grid = np.unique(np.append(np.quantile(scale, np.linspace(0, 1, GRID)), x if x.size == 1 else []))
    risks = [risk(a) for a in grid]
    i = int(np.argmin(risks))
    width = float(np.ptp(grid)) or 1.0
    lower, upper = (float(grid[max(i - 1, 0)]), float(grid[min(i + 1, len(grid) - 1)]))
    if i in (0, len(grid) - 1):
        lower, upper = _widen(risk, float(grid[i]), -1.0 if i == 0 else 1.0, width, (lower, upper))
    if not math.isfinite(lower + upper):
        return None
    found = minimize_scalar(risk, bounds=(lower, upper), method="bounded", options={"xatol": 1e-10 * width})
    return float(found.x) if found.fun < risks[i] else float(grid[i])


def _widen(
    risk: Callable[[float], float], start: float, sign: float, step: float, inner: tuple[float, float]
) -> tuple[float, float]:
    """A bracket of the minimum beyond the end of the grid; infinite where the loss still falls far out."""
    best, far = risk(start), start
    for _ in range(WIDEN):
        far += sign * step
        if risk(far) >= best:
            return (min(far, inner[0]), max(far, inner[1]))
        best, step = risk(far), 2 * step
    return (-math.inf, math.inf)


# -- a few actions ---------------------------------------------------------------------------------


def _threshold(loss: Loss, x: Array, m: float) -> Decision:
    c = loss.arguments[0]
    losses = np.stack([evaluate(loss, a, x) for a in (0.0, 1.0)])
    plugin = int(m > c)
    flips = share(((x > c) != (m > c)).astype(float), x)
    return _choice(loss, losses, plugin, ACTS, flips)


def _finite(loss: Loss, x: Array, m: float) -> Decision:
    losses = np.stack([evaluate(loss, a, x) for a in loss.actions])
    plugin = int(np.argmin([evaluate(loss, a, np.array([m]))[0] for a in loss.actions]))
    flips = share((losses.argmin(axis=0) != plugin).astype(float), x)
    return _choice(loss, losses, plugin, loss.actions, flips)


def _best_of(loss: Loss, draws: Array, plugin: Array, names: tuple[str, ...]) -> Decision:
    x = np.moveaxis(draws, -1, 0)
    top = x.max(axis=0)
    winners = (x == top) / (x == top).sum(axis=0)
    favourite = int(np.argmax(plugin))
    lead = [x[i] - np.delete(x, i, axis=0).max(axis=0) for i in range(len(x))]
    options = tuple(Option(name, share(winners[i], lead[i])) for i, name in enumerate(names))
    flips = share(1 - winners[favourite], lead[favourite])
    reason, unsure = _tails(loss, draws, *x)
    if reason:
        return Decision.missing(loss, reason, names[favourite])
    return _choice(loss, top - x, favourite, names, flips, options, unsure)


def _choice(
    loss: Loss,
    losses: Array,
    plugin: int,
    actions: tuple[float, ...] | tuple[str, ...],
    flips: Figure,
    options: tuple[Option, ...] = (),
    unsure: Reason | None = None,
) -> Decision:
    """From the losses of each action, (actions, chains, draws)."""
    if not np.isfinite(losses).all():
        return Decision.missing(loss, Reason(Code.INFINITE_LOSS), actions[plugin])
    expected = [_mean(each, unsure) for each in losses]
    bayes = int(np.argmin([f.value for f in expected]))
    if expected[plugin].value <= expected[bayes].value:
        bayes = plugin
    regret, relative = _regret(losses, plugin, bayes, unsure)
    return Decision(
        str(loss), actions[plugin], actions[bayes], regret, relative, expected[bayes], expected[plugin], flips, options
    )


def _regret(losses: Array, plugin: int, bayes: int, unsure: Reason | None) -> tuple[Figure, Figure]:
    expected = float(losses[bayes].mean())
    if plugin != bayes:
        extra = losses[plugin] - losses[bayes]
        regret = _mean(extra, unsure)
        if expected > 0:
            return regret, _relative(extra, losses[bayes], unsure)
        reason = Reason(Code.LOSES_IN_NO_DRAW)
        least = 0.5 * float(losses[plugin].max()) / (losses[bayes].size + 1)
        return regret, Figure(regret.value / least, (regret.mcse or 0.0) / least, reason)
    if unsure:
        return Figure(0.0, None, unsure), Figure(0.0, None, unsure)
    rivals = [mean(losses[plugin] - each) for i, each in enumerate(losses) if i != plugin]
    # An advantage of the best rival that two errors would make: the rule g + 2s ≤ δ then asks what it should.
    error = max(max(f.value + 2 * (f.mcse or 0.0) for f in rivals), 0.0) / 2
    return Figure(0.0, error), Figure(0.0, error / expected if expected > 0 else 0.0)
