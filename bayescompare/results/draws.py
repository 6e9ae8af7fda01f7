"""Two posteriors, whoever made them: are they the same, by more than Monte-Carlo error? No model is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ..formatting import counted, plain
from ..metrics import two_samples as two
from ..metrics.gates import SamplerFigures, sampler_gate
from ..metrics.thresholds import P_VALUE_MAX
from ..metrics.undefined import Columns
from ..metrics.verdict import Layer, Margins, State, criterion, decided, layer
from ..reasons import Code, Reason, not_computed
from .comparison import plain as json_ready
from .comparison import rows
from .matched import Matched, matched

if TYPE_CHECKING:
    import os

    import pandas as pd

#: Of the JSON document.
SCHEMA = "bayescompare.draws/1"

OPENINGS = {State.SAME: "The same.", State.DIFFERS: "They differ.", State.UNDECIDED: "Cannot tell yet."}


@dataclass(frozen=True)
class DrawsComparison:
    """How two sets of draws differ.

    Attributes
    ----------
    state : State
        ``same``, ``differs`` or ``undecided``: the worst of the layers.
    opening, sentence : str
        The answer in words.
    layers : Mapping of str to Layer
        ``location``, ``spread``, ``joint``, each with figure, error, margin and worst scalar.
    table : pandas.DataFrame
        A row per scalar: ``mean_a``, ``sd_a`` and the same of b with their errors and ESS, and the columns of
        :func:`bayescompare.metrics.two_samples.differences`.
    chains, draws : tuple of (int, int)
        Of the first and of the second set.
    p_value : float
        Of one joint law, by permutation of blocks.
    only_a, only_b : tuple of str
        Variables that one has alone.
    not_finite : tuple of str
        Scalars left out, as both sets hold draws of them that are not finite.
    faults : Mapping of str to tuple of Reason
        What R-hat and ESS say against the draws of ``a`` and of ``b``.
    margins : Margins
    """

    state: State
    opening: str
    sentence: str
    layers: Mapping[str, Layer]
    table: pd.DataFrame
    chains: tuple[int, int]
    draws: tuple[int, int]
    p_value: float
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    not_finite: tuple[str, ...]
    faults: Mapping[str, tuple[Reason, ...]]
    margins: Margins

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON-ready data: numbers unrounded, NaN and infinity as None."""
        found: dict[str, Any] = json_ready(
            {
                "schema": SCHEMA,
                "state": self.state,
                "opening": self.opening,
                "sentence": self.sentence,
                "layers": {name: entry.to_json() for name, entry in self.layers.items()},
                "table": [{"name": name, **row} for name, row in zip(self.table.index, rows(self.table), strict=True)],
                "chains": self.chains,
                "draws": self.draws,
                "p_value": self.p_value,
                "only_a": self.only_a,
                "only_b": self.only_b,
                "not_finite": self.not_finite,
                "faults": {side: [fault.to_json() for fault in found] for side, found in self.faults.items()},
                "margins": asdict(self.margins),
            }
        )
        return found

    def to_html(self, path: str | os.PathLike[str], *, names: tuple[str, str] = ("A", "B")) -> None:
        """Write the page: one self-contained HTML file.

        Parameters
        ----------
        path : path-like
        names : tuple of (str, str)
            What the two are called.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        from ..report import draws_to_html
        from .storage import write_text

        write_text(Path(path), draws_to_html(self, names))

    def __repr__(self) -> str:
        return f"<DrawsComparison of {counted(len(self.table), 'scalar')}: {self.opening} {self.sentence}>"


def compare_draws(
    a: Any,
    b: Any,
    *,
    var_names: Sequence[str] | str | None = None,
    margins: Margins | None = None,
    random_seed: int = 0,
) -> DrawsComparison:
    """Say whether two sets of draws are of one posterior: two samplers, two versions, an approximation and NUTS.

    Variables are found by name, their entries by the labels of their coordinates; chains are respected. A layer is
    *same* where its figure and two errors lie within the margin, and *differs* where the figure lies beyond it by more
    than its errors, as the worst of so many scalars.

    Parameters
    ----------
    a, b : DataTree, Dataset, Mapping of arrays with chains and draws first, Comparison, or path (netCDF, Zarr)
        ``a`` is the reference: differences are in its posterior sd.
    var_names : sequence of str, optional
        Variables to compare; default: all that both have.
    margins : Margins, optional
        ``location``, ``rank`` and ``spread`` are used.
    random_seed : int
        Of the permutations.

    Returns
    -------
    DrawsComparison

    Raises
    ------
    DataError
        If one has no draws, they have nothing in common, or shapes, labels or finite draws differ.
    UnknownNameError
        If a variable of ``var_names`` is not in both.
    MissingFileError, ResultFileError

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> a, b = ({"mu": rng.normal(size=(4, 1000))} for _ in range(2))
    >>> compare_draws(a, b).opening
    'The same.'
    >>> compare_draws(a, {"mu": b["mu"] + 0.5}).layers["location"].state
    <State.DIFFERS: 'differs'>
    """
    margins = margins or Margins()
    sides, bad = _finite(matched(a, b, var_names))
    first, second = two.sample(sides.a), two.sample(sides.b)
    columns = two.differences(first, second)
    jointly = two.energy(first, second, margins, random_seed)
    draws = min(sides.a[..., 0].size, sides.b[..., 0].size)
    layers = {
        "location": _location(sides.names, columns, margins, draws),
        "spread": _spread(sides.names, columns, margins, draws),
        "joint": _joint(jointly, draws),
    }
    state, deciding = decided(list(layers.values()))
    return DrawsComparison(
        state=state,
        opening=OPENINGS[state],
        sentence=_sentence(state, layers[deciding or "location"], len(sides.names), margins),
        layers=layers,
        table=_table(sides.names, first, second, columns),
        chains=(sides.a.shape[0], sides.b.shape[0]),
        draws=(sides.a.shape[1], sides.b.shape[1]),
        p_value=jointly.p_value,
        only_a=sides.only_a,
        only_b=sides.only_b,
        not_finite=bad,
        faults={"a": _faults(sides.names, first), "b": _faults(sides.names, second)},
        margins=margins,
    )


def _finite(sides: Matched) -> tuple[Matched, tuple[str, ...]]:
    """Without the scalars that are not finite in both, and their names."""
    one, other = (np.isfinite(x).all(axis=(0, 1)) for x in (sides.a, sides.b))
    for i in np.flatnonzero(one != other)[:1]:
        which = "second" if one[i] else "first"
        raise DataError(
            f"Some draws of {sides.names[i]} are not finite in the {which} posterior alone. Find out why, or leave it "
            "out with var_names."
        )
    if not one.any():
        raise DataError("No scalar has finite draws in both posteriors.")
    kept = tuple(name for name, ok in zip(sides.names, one, strict=True) if ok)
    bad = tuple(name for name, ok in zip(sides.names, one, strict=True) if not ok)
    return Matched(kept, sides.a[..., one], sides.b[..., one], sides.only_a, sides.only_b), bad


def _location(names: tuple[str, ...], c: Columns, margins: Margins, draws: int) -> Layer:
    def describe(i: int) -> Reason:
        if math.isnan(c["shift"][i]):
            figures = {"rank": float(c["rank"][i]), "mcse": float(c["rank_mcse"][i])}
            return Reason(Code.SECOND_MEDIAN, (names[i],), figures)
        return Reason(Code.SECOND_MEAN, (names[i],), {"shift": float(c["shift"][i]), "mcse": float(c["shift_mcse"][i])})

    missing = not_computed("no scalar has a location")
    return layer("location", two.location_figures(names, c, margins), draws, describe, missing)


def _spread(names: tuple[str, ...], c: Columns, margins: Margins, draws: int) -> Layer:
    def describe(i: int) -> Reason:
        ratio = math.exp(float(c["log_sd_ratio"][i]))
        error = ratio * float(c["log_sd_ratio_mcse"][i])
        return Reason(Code.SECOND_SD, (names[i],), {"sd_ratio": ratio, "mcse": error})

    missing = not_computed("no scalar has an sd in both")
    return layer("spread", two.spread_figures(names, c, margins), draws, describe, missing)


def _joint(found: two.Energy, draws: int) -> Layer:
    distance = found.distance
    figures = {"energy": distance.value, "mcse": distance.mcse or math.nan, "p": found.p_value}
    made = criterion("joint", "energy", distance, found.margin, draws, Reason(Code.ENERGY, figures=figures))
    if made.state is State.DIFFERS and found.p_value > P_VALUE_MAX:
        return Layer(**{**vars(made), "state": State.UNDECIDED})
    return made


def _sentence(state: State, deciding: Layer, scalars: int, margins: Margins) -> str:
    if state is State.SAME:
        return (
            f"Of {counted(scalars, 'scalar')} no mean is off by more than {plain(margins.location, 2)} sd and no sd by "
            f"a factor of more than {plain(math.exp(margins.spread), 3)}; jointly they agree as well."
        )
    if deciding.state is State.NOT_COMPUTED:
        return f"The layer {deciding.name} could not be computed: {deciding.reason}."
    others = deciding.differing - 1 if state is State.DIFFERS else deciding.undecided - 1
    more = f", and so {'is' if others == 1 else 'are'} {counted(others, 'other')}" if others > 0 else ""
    beyond = "beyond the margin of" if state is State.DIFFERS else "too near to the margin of"
    margin = deciding.margin or math.nan
    return f"{deciding.reason}, {beyond} {plain(math.exp(margin) if deciding.name == 'spread' else margin, 2)}{more}."


def _table(names: tuple[str, ...], a: two.Sample, b: two.Sample, columns: Columns) -> pd.DataFrame:
    import pandas as pd

    kept: tuple[str, ...] = ("mean", "mcse_mean", "sd", "mcse_sd", "median", "eti_lb", "eti_ub", "eti50_lb", "eti50_ub")
    kept += ("ess_bulk", "ess_tail")
    sides = {f"{key}_{side}": x.columns[key] for side, x in (("a", a), ("b", b)) for key in kept}
    reasons = [str(one or other or "") for one, other in zip(a.reasons, b.reasons, strict=True)]
    return pd.DataFrame({**sides, **columns, "reason": reasons}, index=pd.Index(names, name="name"))


def _faults(names: tuple[str, ...], side: two.Sample) -> tuple[Reason, ...]:
    """What R-hat and ESS say against one set; nothing of scalars that are constant."""
    r_hat = np.nan_to_num(side.columns["r_hat"], nan=1.0)
    ess = np.nan_to_num(np.fmin(side.columns["ess_bulk"], side.columns["ess_tail"]), nan=np.inf)
    i, j = int(np.argmax(r_hat)), int(np.argmin(ess))
    size = side.draws[..., 0].size
    found = SamplerFigures(float(r_hat[i]), float(ess[j]), names[i], names[j], size, None, None)
    return sampler_gate(found).faults
