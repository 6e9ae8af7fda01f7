"""What the MAP throws away, in single figures: those that tell most, each with its error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...formatting import NO_BREAK, Number, counted, figure, percent, plain
from ..parts import Headline
from ..words import Link, Words, name
from .phrases import BETTER, most_discarded, real, shown, worst_decision
from .scalars import Scalars

if TYPE_CHECKING:
    from ...results.comparison import Comparison

TABLE = Link("Every scalar", "table")
PREDICTION = Link("Prediction", "prediction")


def headlines(comparison: Comparison, scalars: Scalars) -> list[Headline]:
    """The four figures that tell most, of those that there are, the first first."""
    found = [
        _discarded(comparison),
        _shift(scalars),
        _laplace_sd(scalars),
        _regret(comparison) or _gain(comparison),
        *(make(scalars) for make in (_absolute_regret, _distance, _level, _quadratic_regret, _percentile)),
    ]
    return [headline for headline in found if headline is not None][:4]


def _discarded(comparison: Comparison) -> Headline | None:
    found = comparison.prediction.get("variance_discarded")
    number = shown(found, share=True)
    if not isinstance(number, Number):
        return None
    most = most_discarded(comparison)
    text: Words = (PREDICTION,)
    if most is not None and most[1] > 0:
        text = ("Most for ", most[0], f", {percent(most[1]).alone}{NO_BREAK}%. ", PREDICTION)
    return Headline("Predictive variance discarded", number, "%", text)


def _regret(comparison: Comparison) -> Headline | None:
    worst = worst_decision(comparison)
    if worst is None:
        return None
    number = shown(worst["relative_regret"], share=True)
    if not isinstance(number, Number):
        return None
    text = (name(worst["loss"]), ": acting on the MAP, not on the posterior. ", Link("Decisions", "decisions"))
    return Headline("Largest extra expected loss", number, "%", text)


def _gain(comparison: Comparison) -> Headline | None:
    """What keeping the posterior is worth; its error is that over the observations."""
    found = comparison.prediction
    value, se = (real(found.get(key, {}).get("value")) for key in ("elpd_diff", "elpd_diff_se"))
    if math.isnan(value) or math.isnan(se):
        return None
    n = counted(int(found["observations"]), "observation")
    better = comparison.display.get("elpd")
    if better in BETTER:
        said = f"The {BETTER[better]} predicts better; ± is the SE over {n}. "
    else:
        said = f"No detectable gain over {n}; ± is the SE over them. "
    return Headline("Gain in leave-one-out elpd", figure(value, se), "nats", (said, PREDICTION))


def _shift(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("z")
    if worst is None:
        return None
    text = (worst.shown, f": MAP {worst.mode}, posterior mean {worst.mean}. ", Link("Marginals", "marginals"))
    return Headline("Largest shift of a parameter", figure(worst["z"], worst["z_mcse"]), "sd", text)


def _laplace_sd(scalars: Scalars) -> Headline | None:
    rows = [s for s in scalars.rows if s["sd_ratio"] > 0 and math.isfinite(s["sd_ratio"])]
    if not rows:
        return None
    worst = max(rows, key=lambda s: abs(math.log(s["sd_ratio"])))
    against = f": Laplace sd {plain(worst['laplace_sd'], 3)}, posterior sd {plain(worst['sd'], 3)}. "
    text = (worst.shown, against, TABLE)
    return Headline("Laplace sd farthest off", figure(worst["sd_ratio"], worst["sd_ratio_mcse"]), "×", text)


def _absolute_regret(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("absolute_regret")
    if worst is None:
        return None
    number = percent(worst["absolute_regret"], worst["absolute_regret_mcse"])
    text = (worst.shown, ": reporting the MAP, not the median. ", TABLE)
    return Headline("Largest extra absolute error", number, "%", text)


def _distance(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("w1")
    if worst is None:
        return None
    null = worst["w1_null"]
    aside = f": the same law would give about {plain(null, 1)}. " if math.isfinite(null) else ": Wasserstein distance. "
    number = figure(worst["w1"], worst["w1_mcse"])
    return Headline("Largest distance of a Laplace marginal", number, "sd", (worst.shown, aside, TABLE))


def _level(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("hdi_level")
    if worst is None:
        return None
    number = percent(worst["hdi_level"], worst["hdi_level_mcse"])
    return Headline("Widest HDI needed to reach a MAP", number, "%", (worst.shown, f": MAP {worst.mode}. ", TABLE))


def _quadratic_regret(scalars: Scalars) -> Headline | None:
    worst = scalars.worst("quadratic_regret")
    if worst is None:
        return None
    number = figure(worst["quadratic_regret"], worst["quadratic_regret_mcse"])
    text = (worst.shown, ": in posterior variances, reporting the MAP, not the mean. ", TABLE)
    return Headline("Largest extra squared error", number, "×", text)


def _percentile(scalars: Scalars) -> Headline | None:
    rows = [s for s in scalars.rows if math.isfinite(s["rank"])]
    if not rows:
        return None
    worst = max(rows, key=lambda s: abs(s["rank"] - 0.5))
    number = percent(worst["rank"], worst["rank_mcse"])
    return Headline("Percentile of the MAP farthest out", number, "%", (worst.shown, f": MAP {worst.mode}. ", TABLE))
