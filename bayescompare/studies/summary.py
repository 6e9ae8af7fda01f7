"""What a study found: every measure of every method at every grid point, from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import verdict as v
from ..metrics.figure import Figure
from ..metrics.thresholds import K_HAT_MAX
from ..reasons import Code, Reason
from . import fresh_elpd
from . import measures as m
from .cells import FAILED, STATUSES
from .plan import Plan
from .store import Cells, Store

Array = NDArray[np.float64]

#: The parameter of what is about a fit as a whole.
ALL = ""


@dataclass(frozen=True)
class Measure:
    """One figure of a study.

    Attributes
    ----------
    cell : Mapping of str to value
        The grid point: the plan's varied names, each with its value; empty where nothing varies.
    method : str
        One of ``studies.plan.METHODS``.
    parameter : str
        A recorded scalar, as ``theta[Choate]``; empty for figures of the fit as a whole.
    measure : str
        See :func:`rows`.
    value : float
        NaN where it was not computed; ``reason`` says why.
    mcse : float or None
        Monte-Carlo standard error over replicates, in the unit of ``value``; None where there is none.
    n : int
        Replicates behind the figure.
    failed : int
        Replicates that were fitted, or could not be, and have no such figure. n + failed are those done so far.
    reason : str
        What the figure must be read with; empty where there is nothing.
    """

    cell: Mapping[str, Any]
    method: str
    parameter: str
    measure: str
    value: float
    mcse: float | None
    n: int
    failed: int
    reason: str = ""


def rows(store: Store, margins: v.Margins | None = None) -> Iterator[Measure]:
    """All measures of a study, grid point by grid point.

    By parameter, in its own unit unless said otherwise:

    - ``bias``: mean of estimate − truth; ``rmse``.
    - ``at_bound``: share of estimates that lie on the boundary of their range, as a scale at 0; of modes alone.
    - ``sd``: mean sd that the method states; ``coverage_90``: share of replicates whose central 90 % interval holds the
      truth, and ``width_90``: its mean width, for each level of the plan.
    - ``sbc_distance``, ``sbc_p``, ``sbc_chi2``, ``sbc_chi2_p``: uniformity of the truth's ranks, see
      ``studies.measures.Uniformity``. Only where the whole truth is drawn from the prior, or from the posterior to
      whose data the simulated ones are added, should they be uniform; elsewhere there is no p.
    - ``sbc_bias``: mean of ½ − rank, above 0 where the method's distribution lies above the truth and below 0 where it
      lies below (Yao et al. 2018, arXiv:1802.02538); ``sbc_asymmetry_p``: of the signed-rank test that the ranks are
      symmetric about ½.
    - ``risk_absolute``, ``risk_squared``: mean loss of deciding by the estimate; ``regret_absolute``,
      ``regret_squared``: what that is above the loss of NUTS's posterior mean in the same replicates.
    - ``shift``: mean of (estimate − posterior mean)/posterior sd, and ``sd_ratio``: geometric mean of the method's sd
      over NUTS's, in the same replicates.

    Of the fit as a whole (parameter ""):

    - ``failed``, ``suspect``: share of fits; ``seconds``: median time of a fit without compiling (of the cheap methods
      together, as they share their work, elpd included); ``k_hat``: mean, and ``k_hat_bad``: share above 0.7.
    - ``elpd``, where the plan asks for it: mean log predictive density of fresh data, a second data set of the same
      size drawn at each replicate's true parameters, in nats per data set; Σ_i log(mean of p(y_i | θ) over the method's
      draws), which for ``psis_laplace`` are weighted. ``elpd_plugin``: the same at the MLE or the MAP alone. Larger
      predicts better.
    - ``elpd_diff``: elpd of NUTS − elpd of the method, and ``elpd_plugin_diff``: elpd of NUTS − elpd_plugin of the
      method, in the same replicates: positive is what predicting by the method loses, in nats per data set.
    - ``location_same``, ``location_differs``, ``location_undecided`` and the same of ``spread``: shares of the
      replicates in which both fits are sound, by the verdict of the comparison's layer, the method in the place of the
      MAP and of Laplace, over the recorded scalars.

    Parameters
    ----------
    store : Store
    margins : Margins, optional
        Of the verdict.
    """
    plan = store.plan
    for point in plan.points:
        cell = dict(point.values)
        reference = store.cells(point.index, "nuts") if "nuts" in plan.methods else None
        for method in plan.methods:
            cells = reference if method == "nuts" and reference is not None else store.cells(point.index, method)
            if len(cells.replicates):
                yield from _Summary(plan, cell, method, cells, reference, margins or v.Margins()).rows()


@dataclass(frozen=True, eq=False)
class _Summary:
    """One grid point and method."""

    plan: Plan
    cell: Mapping[str, Any]
    method: str
    cells: Cells
    reference: Cells | None
    margins: v.Margins

    def rows(self) -> Iterator[Measure]:
        for j, name in enumerate(self.cells.names):
            yield from self._of_parameter(j, name)
        yield from self._of_fits()
        yield from self._elpd()
        yield from self._verdicts()

    def _row(self, parameter: str, measure: str, figure: Figure, n: int, reason: str = "") -> Measure:
        failed = len(self.cells.replicates) - n
        told = "; ".join(part for part in (str(figure.reason or ""), reason, self._lost(failed)) if part)
        return Measure(self.cell, self.method, parameter, measure, figure.value, figure.mcse, n, failed, told)

    def _lost(self, failed: int) -> str:
        """How many replicates are not in a figure, and the reason most often given."""
        if not failed:
            return ""
        reasons = Counter(r for r in self.cells.results.reasons if r)
        most = f", most often: {reasons.most_common(1)[0][0]}" if reasons else ""
        return f"{failed} of {len(self.cells.replicates)} replicates are not in it{most}"

    # -- by parameter --------------------------------------------------------------------------

    def _of_parameter(self, j: int, name: str) -> Iterator[Measure]:
        arrays, truth = self.cells.results.arrays, self.cells.truth[:, j]
        error = _column(arrays, "estimate", j, len(truth)) - truth
        known = np.isfinite(error)
        e, n = error[known], int(known.sum())
        yield self._row(name, "bias", m.mean(e), n)
        yield self._row(name, "rmse", m.rmse(e), n)
        yield self._row(name, "risk_absolute", m.mean(np.abs(e)), n)
        yield self._row(name, "risk_squared", m.mean(e**2), n)
        sd = _column(arrays, "sd", j, len(truth))
        stated = np.isfinite(sd)
        yield self._row(name, "sd", m.mean(sd[stated]), int(stated.sum()))
        if "at_bound" in arrays:
            kept = self.cells.results.status != FAILED
            yield self._row(name, "at_bound", m.share(arrays["at_bound"][kept, j] == 1), int(kept.sum()))
        yield from self._intervals(j, name, truth)
        yield from self._ranks(j, name)
        if self.reference is not None and self.method != "nuts":
            yield from self._against(j, name, error, sd)

    def _intervals(self, j: int, name: str, truth: Array) -> Iterator[Measure]:
        arrays = self.cells.results.arrays
        for i, level in enumerate(self.plan.levels):
            label = f"{100 * level:g}"
            lower, upper = (_column(arrays, end, j, len(truth), i) for end in ("lower", "upper"))
            known = ~(np.isnan(lower) | np.isnan(upper) | np.isnan(truth))
            held, n = (lower <= truth) & (truth <= upper), int(known.sum())
            missed = ""
            if n < len(truth) and not np.isnan(truth).all():
                missed = f"counted as misses they make it {held[known].sum() / len(truth):.3g}"
            yield self._row(name, f"coverage_{label}", m.share(held[known]), n, missed)
            width = (upper - lower)[known]
            yield self._row(name, f"width_{label}", m.mean(width[np.isfinite(width)]), int(np.isfinite(width).sum()))

    def _ranks(self, j: int, name: str) -> Iterator[Measure]:
        ranks = _column(self.cells.results.arrays, "rank", j, len(self.cells.truth))
        ranks = ranks[np.isfinite(ranks)]
        found = m.uniformity(ranks)
        p, chi2_p, fixed = found.p, Figure(found.chi2_p, None, found.chi2.reason), ""
        if not self._exchangeable():
            fixed = "the truth is fixed: ranks need not be uniform"
            p = chi2_p = Figure(np.nan)  # of what is not the hypothesis
        yield self._row(name, "sbc_bias", m.mean(0.5 - ranks), len(ranks))
        for measure, figure in {
            "sbc_asymmetry_p": Figure(np.nan) if fixed else Figure(m.asymmetry(ranks)),
            "sbc_distance": found.distance,
            "sbc_p": p,
            "sbc_chi2": found.chi2,
            "sbc_chi2_p": chi2_p,
        }.items():
            yield self._row(name, measure, figure, len(ranks), fixed)

    def _exchangeable(self) -> bool:
        """Whether the truth was drawn as an exact method's draws are."""
        return isinstance(self.plan.truth, str) and not any(name.startswith("truth.") for name in self.cell)

    def _against(self, j: int, name: str, error: Array, sd: Array) -> Iterator[Measure]:
        """What the method loses against NUTS in the same replicates."""
        mine, theirs, reference = self._paired()
        if reference is None:
            return
        k = len(reference.truth)
        arrays = reference.results.arrays
        mean, spread = (_column(arrays, key, j, k)[theirs] for key in ("estimate", "sd"))
        of_nuts, e, s = mean - reference.truth[theirs, j], error[mine], sd[mine]
        both = np.isfinite(of_nuts) & np.isfinite(e)
        n = int(both.sum())
        yield self._row(name, "regret_absolute", m.mean((np.abs(e) - np.abs(of_nuts))[both]), n)
        yield self._row(name, "regret_squared", m.mean((e**2 - of_nuts**2)[both]), n)
        with np.errstate(divide="ignore", invalid="ignore"):
            shift, ratio = (e - of_nuts) / spread, np.log(s / spread)
        moved, compared = np.isfinite(shift), np.isfinite(ratio)
        yield self._row(name, "shift", m.mean(shift[moved]), int(moved.sum()))
        log = m.mean(ratio[compared])
        value = float(np.exp(log.value))
        yield self._row(
            name,
            "sd_ratio",
            Figure(value, None if log.mcse is None else value * log.mcse, log.reason),
            int(compared.sum()),
        )

    def _paired(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Cells | None]:
        """Rows of the replicates that this method and NUTS have both done."""
        if self.reference is None or self.reference.names != self.cells.names:
            return np.empty(0, np.intp), np.empty(0, np.intp), None
        _, mine, theirs = np.intersect1d(
            self.cells.replicates, self.reference.replicates, assume_unique=True, return_indices=True
        )
        return mine, theirs, self.reference

    # -- of the fit as a whole -----------------------------------------------------------------

    def _of_fits(self) -> Iterator[Measure]:
        results, total = self.cells.results, len(self.cells.replicates)
        reasons = Counter(r for s, r in zip(results.status, results.reasons, strict=True) if r and s == FAILED)
        most = f"most often: {reasons.most_common(1)[0][0]}" if reasons else ""
        yield self._row(ALL, "failed", m.share(results.status == FAILED), total, most)
        yield self._row(ALL, "suspect", m.share(results.status == STATUSES.index("suspect")), total)
        for name in ("seconds", "k_hat", "r_hat", "ess", "divergences"):
            if name in results.arrays:
                values = results.arrays[name]
                values = values[np.isfinite(values)]
                if len(values):
                    figure = m.median(values) if name == "seconds" else m.mean(values)
                    yield self._row(ALL, name, figure, len(values))
                if name == "k_hat" and len(values):
                    yield self._row(ALL, "k_hat_bad", m.share(values > K_HAT_MAX), len(values))

    def _elpd(self) -> Iterator[Measure]:
        """Log predictive density of fresh data, and what it is below that of NUTS."""
        mine, theirs, reference = self._paired()
        for name, methods in fresh_elpd.METHODS.items():
            if not self.plan.elpd or self.method not in methods:
                continue
            own = _of_fit(self.cells, name)
            yield self._nats(name, own)
            if reference is not None and self.method != "nuts":
                with np.errstate(invalid="ignore"):  # neither gives the data a density
                    lost = _of_fit(reference, "elpd")[theirs] - own[mine]
                yield self._nats(f"{name}_diff", lost)

    def _nats(self, measure: str, x: Array) -> Measure:
        """Mean of the replicates that have a figure; infinite where fresh data have no density by a method."""
        x = x[~np.isnan(x)]
        infinite = x[np.isinf(x)]
        if not len(infinite):
            return self._row(ALL, measure, m.mean(x), len(x))
        reason = Reason(Code.NO_DENSITY_OF_FRESH, figures={"count": len(infinite), "of": len(x)})
        value = float(infinite[0]) if len(set(infinite)) == 1 else np.nan
        return self._row(ALL, measure, Figure(value, None, reason), len(x))

    def _verdicts(self) -> Iterator[Measure]:
        """Shares of the states of the location and spread layers."""
        if self.method == "nuts":
            return
        mine, theirs, reference = self._paired()
        if reference is None:
            return
        sound = (self.cells.results.status[mine] == 0) & (reference.results.status[theirs] == 0)
        mine, theirs = mine[sound], theirs[sound]
        states: dict[str, list[v.State]] = {"location": [], "spread": []}
        for i, j in zip(mine, theirs, strict=True):
            for layer, figures in self._figures(i, j).items():
                states[layer].append(v.judge(figures)[0])
        for layer, found in states.items():
            judged = np.array([state for state in found if state is not v.State.NOT_COMPUTED])
            for state in (v.State.SAME, v.State.DIFFERS, v.State.UNDECIDED):
                yield self._row(ALL, f"{layer}_{state}", m.share(judged == state), len(judged))

    def _figures(self, i: int, j: int) -> dict[str, v.Figures]:
        """The gaps of one replicate; the error of z to first order, as if mean and sd of the draws did not covary."""
        if self.reference is None:
            return {}
        names = self.cells.names
        mine = {key: a[i] for key, a in self.cells.results.arrays.items() if key in ("estimate", "sd")}
        nuts = {key: a[j] for key, a in self.reference.results.arrays.items()}
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (mine["estimate"] - nuts["estimate"]) / nuts["sd"]
            relative = nuts["mcse_sd"] / nuts["sd"]
            z_mcse = np.hypot(nuts["mcse_mean"] / nuts["sd"], z * relative)
            gap = np.abs(np.log(mine["sd"] / nuts["sd"]))
        full = np.full(len(names), 1.0)
        return {
            "location": v.Figures(names, np.abs(z), z_mcse, full * self.margins.location),
            "spread": v.Figures(names, gap, relative, full * self.margins.spread),
        }


def _of_fit(cells: Cells, name: str) -> Array:
    """An array of one figure a replicate; NaN where the method has no such array."""
    return cells.results.arrays.get(name, np.full(len(cells.replicates), np.nan))


def _column(arrays: Mapping[str, Array], name: str, j: int, length: int, level: int | None = None) -> Array:
    """An array's values of one scalar; NaN where the method has no such array."""
    if name not in arrays:
        return np.full(length, np.nan)
    return arrays[name][:, j] if level is None else arrays[name][:, level, j]
