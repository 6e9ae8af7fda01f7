"""Comparisons made by hand from synthetic draws, for every state that a report has to show.

Nothing here was computed by the package: a posterior is a set of draws from a known law, a MAP a point beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import gaussian_kde

from bayescompare.metrics.verdict import Layer, Overall, State, Verdict
from bayescompare.reasons import Code, Reason, told
from bayescompare.results.comparison import Comparison, Curves, ModelInfo
from bayescompare.results.display import displayed
from bayescompare.results.fit import Fit, Status
from tests.report import further

CHAINS, DRAWS, GRID = 4, 250, 100
NAN = math.nan
STATES = ("same", "differs", "undecided", "no_verdict", "spread_only")


@dataclass(frozen=True)
class Made:
    """How one comparison is made: where its MAPs lie and how wide its Laplace intervals are, in posterior sd."""

    shift: float = 0.0
    ratio: float = 1.0
    boundary: bool = False
    laplace: bool = True
    sd_exists: bool = True


MADE = {
    "same": Made(shift=0.03, ratio=1.02),
    "differs": Made(shift=-1.14, ratio=6.3),
    "undecided": Made(shift=-0.19, ratio=1.05),
    "no_verdict": Made(shift=NAN, laplace=False),
    "spread_only": Made(shift=0.04, ratio=0.61),
}


def names(k: int) -> list[str]:
    """``mu``, ``tau`` and the effects of as many schools as it takes."""
    return ["mu", "tau"][:k] + [f"theta[School {i}]" for i in range(1, k - 1)]


def make(
    state: str = "differs",
    k: int = 18,
    *,
    made: Made | None = None,
    labels: Sequence[str] | None = None,
    seed: int = 1,
    losses: bool = False,
) -> Comparison:
    """Make a comparison of k scalars in a state; ``labels`` gives them other names, ``losses`` names decisions."""
    made = made or MADE[state]
    labels = list(labels) if labels is not None else names(k)
    k = len(labels)
    rng = np.random.default_rng(seed)
    draws = 4 + 3.3 * rng.standard_normal((CHAINS, DRAWS, k))
    if k > 1:
        draws[:, :, 1] = np.abs(draws[:, :, 1] - 4)
    table = _table(labels, draws, made)
    arrays = further.pointwise()
    modes = np.nan_to_num(table["map"].to_numpy())
    comparison = Comparison(
        model=_model(labels),
        fits=_fits(labels, draws, table, state, made),
        table=table,
        verdict=_verdict(state, table, labels),
        curves=_curves(labels[:60], draws, table, made),
        data=_data(),
        settings={
            "seed": 1,
            "interval": 0.94,
            "margins": {"location": 0.2, "rank": 0.08, "spread": math.log(1.2), "variance_discarded": 0.05},
            "sampler": {"draws": DRAWS, "tune": 1000, "chains": CHAINS, "target_accept": 0.8},
        },
        provenance={
            "versions": {"bayescompare": "0.1.0", "pymc": "6.4.0", "nutpie": "0.16.11"},
            "platform": "a platform",
            "command": "bayescompare compare eight_schools --seed 1",
            "started": "2026-01-02T03:04:05+00:00",
            "seconds": 12.3,
            "cost": further.COST,
        },
        findings=further.FINDINGS,
        joint=further.joint(min(k, 10)),
        prediction=further.prediction(arrays),
        pointwise={"y": arrays},
        decisions=further.decisions(labels[0]) if losses else (),
        sensitivity=further.sensitivity(labels[:20]),
        groups=(_group(labels, table),) if k > 2 else (),
        path=further.path(labels, modes + 2.0, modes),
    )
    return displayed(comparison)


def _group(labels: list[str], table: pd.DataFrame) -> dict[str, Any]:
    z = np.nan_to_num(table["z"].to_numpy()[2:])
    return {
        "name": "theta",
        "count": len(z),
        "known": len(z),
        "worst": labels[2],
        "worst_z": float(z[0]),
        "median": float(np.median(np.abs(z))),
        "beyond": float((np.abs(z) > 0.2).mean()),
        "rms": float(np.sqrt((z**2).mean())),
    }


def _table(labels: list[str], draws: np.ndarray, made: Made) -> pd.DataFrame:
    k = len(labels)
    flat = draws.reshape(-1, k)
    mean, sd = flat.mean(axis=0), flat.std(axis=0, ddof=1)
    n = len(flat)
    fade = 1.0 / (1.0 + np.arange(k)) ** 0.7  # the first scalar is the most off
    z, ratio = made.shift * fade, np.exp(math.log(made.ratio) * fade)
    modes = mean + z * sd
    if made.boundary:
        modes[min(1, k - 1)] = 0.0
        z = (modes - mean) / sd
    error = sd / math.sqrt(n)
    laplace_sd = ratio * sd if made.laplace else np.full(k, NAN)
    q = np.quantile(flat, [0.03, 0.97, 0.25, 0.75, 0.5], axis=0)
    one = np.ones(k)
    columns: dict[str, Any] = {
        "kind": ["free" if i < 2 else "derived" for i in range(k)],
        "boundary": [made.boundary and i == min(1, k - 1) for i in range(k)],
        "map": modes,
        "map_unconstrained": modes + (0.3 * sd if made.laplace else NAN),
        "mle": NAN * one,
        "mean": mean,
        "median": q[4],
        "sd": sd,
        "eti_lb": q[0],
        "eti_ub": q[1],
        "hdi_lb": q[0],
        "hdi_ub": q[1],
        "eti50_lb": q[2],
        "eti50_ub": q[3],
        "mcse_mean": error,
        "mcse_sd": error / math.sqrt(2),
        "ess_bulk": n * one,
        "ess_tail": 0.9 * n * one,
        "r_hat": 1.001 + 0.001 * fade,
        "z": z,
        "z_mcse": np.sqrt(1 + z**2 / 2) / math.sqrt(n) * (z == z),
        "rank": (flat < modes).mean(axis=0) + np.where(np.isnan(modes), NAN, 0),
        "rank_mcse": 0.01 * one,
        "hdi_level": np.clip(np.abs(z), 0, 1),
        "hdi_level_mcse": 0.02 * one,
        "laplace_mean": modes + (0.3 * sd if made.laplace else NAN),
        "laplace_sd": laplace_sd,
        "laplace_lb": modes - 1.88 * laplace_sd,
        "laplace_ub": modes + 1.88 * laplace_sd,
        "sd_ratio": laplace_sd / sd,
        "sd_ratio_mcse": laplace_sd / sd / math.sqrt(2 * n),
        "w1": np.abs(z) + np.abs(np.log(laplace_sd / sd)),
        "w1_mcse": 0.02 * one,
        "w1_null": 0.03 * one,
        "quadratic_regret": z**2,
        "quadratic_regret_mcse": 2 * np.abs(z) / math.sqrt(n),
        "absolute_regret": 0.6 * z**2,
        "absolute_regret_mcse": 0.01 * one,
        "sign_probability": 0.9 * one,
        "sign_probability_mcse": 0.01 * one,
        "skewness": 0.1 * one,
        "entropy": np.log(sd) + 1.42,
        "width": np.exp(np.log(sd) + 1.42),
        "contraction": 0.5 * one,
        "contraction_mcse": 0.02 * one,
        "shift_coordinates": 0.3 * one,
        "shift_pushforward": 0.0 * one,
        "shift_shape": -z - 0.3,
        "shift_shape_mcse": error / sd,
        "reason": ["" if made.laplace else "no Laplace approximation at a boundary"] * k,
    }
    if not made.sd_exists:
        for column in ("sd", "z", "z_mcse", "sd_ratio", "sd_ratio_mcse", "w1", "contraction"):
            columns[column] = NAN * one
        columns["reason"] = ["its variance does not exist"] * k
    return pd.DataFrame(columns, index=pd.Index(labels, name="name"))


def _model(labels: list[str]) -> ModelInfo:
    return ModelInfo(
        name="eight_schools",
        title="Eight schools, synthetic",
        question="Eight coaching programmes, each with an estimated effect. How much do they differ?",
        description="A paragraph of the template's.\n\nAnother one.",
        finding="tau is set to 0",
        code='def eight_schools():\n    with pm.Model() as model:\n\tmu = pm.Normal("mu", 0, 5)  # <a & b>\n',
        formulas=(
            ("mu", "Normal(0, 5)", "free"),
            ("tau", "HalfCauchy(5)", "free"),
            ("theta", "mu + tau × theta_t", "deterministic"),
            ("y", "Normal(theta, sigma)", "observed"),
        ),
        free=tuple(labels[:2]),
        parameters=min(len(labels), 10),
        observations=8,
        fingerprint="0123abcd",
    )


def _data() -> xr.Dataset:
    school = ["Choate", "Deerfield", "Phillips <b>Andover</b>", "St. Paul's"]
    return xr.Dataset(
        {
            "y": ("school", np.array([28.0, 8.0, -3.0, 7.5])),
            "sigma": ("school", np.array([15, 10, 16, 11])),
            "x": (("row", "column"), np.arange(60.0).reshape(30, 2)),
            "n": ((), np.int64(4)),
        },
        coords={"school": school},
    )


def _fits(labels: list[str], draws: np.ndarray, table: pd.DataFrame, state: str, made: Made) -> dict[str, Fit]:
    bad = state == "no_verdict"
    starts = [{"kind": "jitter", "log_density": -42.3, "converged": True, "same_mode": not bad}] * 12
    mode = {
        "newton_decrement": 2e-13,
        "eigenvalue_min": 0.041,
        "condition": 293.0,
        "starts": starts,
        "starts_agree": 0 if bad else 12,
        "boundary": [labels[min(1, len(labels) - 1)]] if made.boundary else [],
        "optimiser": "L-BFGS-B, then saddle-free Newton",
    }
    nuts = {
        "engine": "nutpie",
        "backend": "numba",
        "chains": CHAINS,
        "draws": DRAWS,
        "tune": 1000,
        "target_accept": 0.8,
        "r_hat_max": 1.033 if bad else 1.002,
        "ess_min": 102.0 if bad else 900.0,
        "ess_tail_min": 640.0,
        "divergences": 30 if bad else 0,
        "e_bfmi": [0.97, 0.91, 0.98, 0.26 if bad else 0.95],
        "step_size": [0.4, 0.41, 0.39, 0.4],
    }
    status = Status.FAILED if bad else Status.OK
    why = (Reason(Code.GROWS_WITHOUT_LIMIT, ("tau",), {"to": "0"}),) if bad else ()
    found = tuple(labels)
    arguments: dict[str, Any] = {"names": found, "seconds": 0.47, "compile_seconds": 0.2, "evaluations": 900}
    modes = table["map"].to_numpy()
    return {
        "map": Fit(
            "map", status, why, estimate=modes, log_density=NAN if bad else -42.325, diagnostics=mode, **arguments
        ),
        "unconstrained_map": Fit(
            "unconstrained_map", Status.OK, (), estimate=modes, log_density=-40.056, diagnostics=mode, **arguments
        ),
        "laplace": Fit(
            "laplace",
            Status.OK if made.laplace else Status.NOT_RUN,
            () if made.laplace else (Reason(Code.NO_WIDTH, ("tau",), {"mode": "unconstrained", "place": "boundary"}),),
            estimate=modes,
            **arguments,
        ),
        "nuts": Fit("nuts", status, (), estimate=table["mean"].to_numpy(), draws=draws, diagnostics=nuts, **arguments),
    }


def _verdict(state: str, table: pd.DataFrame, labels: list[str]) -> Verdict:
    first = labels[0]
    k = len(labels)
    if state == "no_verdict":
        layers = [
            Layer("optimiser", State.FAILED, told("no mode: the density is unbounded as tau → 0")),
            Layer("sampler", State.FAILED, told("30 divergences, R-hat 1.033, ESS 102, E-BFMI 0.26")),
            Layer("location", State.NOT_COMPUTED, told("waits for both engines")),
            Layer("spread", State.NOT_COMPUTED, told("waits for both engines")),
        ]
        overall = Overall(
            State.NO_VERDICT,
            "No verdict.",
            "NUTS did not converge (30 divergences, R-hat 1.033), and the model has no mode.",
            "Write the model in its non-centred form. Nothing below says anything about MAP against posterior.",
            "optimiser",
        )
        return Verdict(overall, {layer.name: layer for layer in layers})
    z = abs(float(table["z"].iloc[0]))
    known = math.isfinite(z)
    ratio = float(table["sd_ratio"].iloc[0])
    location = {"differs": State.DIFFERS, "undecided": State.UNDECIDED}.get(state, State.SAME)
    spread = State.DIFFERS if state in ("differs", "spread_only") else State.SAME
    if math.isnan(ratio):
        spread = State.NOT_COMPUTED
    counts = {State.DIFFERS: (min(k, 5), min(k - 1, 1)), State.UNDECIDED: (0, 1)}
    layers = [
        Layer("optimiser", State.SOUND, told("best of 12 starts; 12 found it"), 2e-13),
        Layer("sampler", State.SOUND, told("R-hat ≤ 1.002, ESS ≥ 900, 0 divergences")),
        Layer("decision", State.NOT_COMPUTED, told("no loss was named"), applies=False),
        Layer(
            "location",
            location,
            told(f"{first}: z = −{z:.2f} ± 0.04" if known else f"{first}: rank 14 ± 1 %"),
            z if known else 0.36,
            0.04 if known else 0.01,
            0.2 if known else 0.08,
            first,
            k,
            *counts.get(location, (0, 0)),
        ),
        Layer(
            "prediction",
            location,
            told("15.0 ± 0.3 % of the predictive variance left out"),
            {"same": 0.01, "differs": 0.15}.get(location, 0.05),
            0.003,
            0.05,
            criterion="variance_discarded",
        ),
        Layer(
            "spread",
            spread,
            told(
                "there is no Laplace approximation"
                if math.isnan(ratio)
                else f"{first}: Laplace sd ratio {ratio:.2f} ± 0.02"
            ),
            None if math.isnan(ratio) else abs(math.log(ratio)),
            0.02,
            math.log(1.2),
            first,
            k,
            *((min(k, 7), 0) if spread is State.DIFFERS else (0, 0)),
        ),
        Layer(
            "joint",
            State.UNDECIDED,
            told("Pareto k-hat of the Laplace draws 0.84 ± 0.13"),
            0.84,
            0.13,
            0.7,
            criterion="k_hat",
        ),
        Layer("coordinates", State.DIFFERS, told(f"{first}: the mode moves by 0.3 sd"), 0.3, 0.01, 0.2, first, k, k, 0),
    ]
    said = {
        "same": ("Yes.", "The MAP and its Laplace intervals say what the posterior says."),
        "differs": (
            "No.",
            f"The MAP sets {first} {z:.2f} ± 0.04 posterior sd below its mean."
            if known
            else f"The MAP of {first} has rank 14 ± 1 %.",
        ),
        "undecided": ("Cannot tell yet.", f"The MAP of {first} sits {z:.2f} ± 0.04 posterior sd below its mean."),
        "spread_only": (
            "As a point, yes; as an interval, no.",
            f"The Laplace sd of {first} is {ratio:.2f} ± 0.01 times the posterior’s.",
        ),
    }[state]
    overall_state = State.DIFFERS if state == "spread_only" else State(state)
    deciding = "spread" if state == "spread_only" else "location"
    advice = "Report the NUTS posterior. If one number is needed, take its mean."
    overall = Overall(overall_state, *said, advice, deciding, as_point=state == "spread_only")
    return Verdict(overall, {layer.name: layer for layer in layers})


def _curves(labels: list[str], draws: np.ndarray, table: pd.DataFrame, made: Made) -> Curves:
    k = len(labels)
    flat = draws.reshape(-1, draws.shape[2])
    x = np.empty((k, GRID))
    posterior, laplace, prior = np.empty((k, GRID)), np.full((k, GRID), NAN), np.empty((k, GRID))
    for i in range(k):
        lower = 0.0 if i == 1 else -12.0
        x[i] = np.linspace(lower, 24.0, GRID)
        posterior[i] = gaussian_kde(flat[:, i])(x[i]) * (2 if i == 1 else 1)
        prior[i] = np.exp(-(x[i] ** 2) / 200) / math.sqrt(200 * math.pi) * (2 if i == 1 else 1)
        sd = float(table["laplace_sd"].iloc[i])
        if made.laplace and math.isfinite(sd):
            u = (x[i] - float(table["map_unconstrained"].iloc[i])) / sd
            laplace[i] = np.exp(-(u**2) / 2) / (sd * math.sqrt(2 * math.pi))
    return Curves(tuple(labels), x, posterior, laplace, prior)
