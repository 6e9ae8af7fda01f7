"""What a comparison made by hand holds beyond the marginals: known figures, none computed by the package."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

from bayescompare.reasons import Code, Reason

LEVELS = np.arange(0.0025, 1.0, 0.005)
SCHOOLS = 8


def figure(value: float | None, mcse: float | None = None, reason: str | None = None) -> dict[str, Any]:
    """A figure as a comparison holds it."""
    return {"value": value, "mcse": mcse, "reason": reason}


def joint(d: int, ratio: float = 1.25) -> dict[str, Any]:
    """A posterior whose depths are a Gaussian's times a factor, with a second basin."""
    expected = stats.chi2(d).ppf(LEVELS)
    return {
        "typicality": figure(ratio, 0.012),
        "above": 0,
        "typicality_levels": LEVELS.tolist(),
        "typicality_quantiles": (ratio * expected).tolist(),
        "typicality_chi2": expected.tolist(),
        "joint_level": figure(0.21, 0.01),
        "mahalanobis": figure(1.4, 0.05),
        "mahalanobis_percentile": figure(0.02, 0.002),
        "k_hat": figure(0.84, 0.13, "the tails miss a part of the posterior"),
        "log_evidence": figure(-37.1),
        "log_evidence_psis": figure(None, None, "k-hat is 0.84, not below 0.7"),
        "basins": [
            {"log_density": -40.1, "found_by": "starts", "mass": figure(0.7), "share": figure(0.72, 0.05)},
            {"log_density": -43.9, "found_by": "draws", "mass": figure(0.3), "share": figure(0.28, 0.05)},
        ],
        "outside": figure(0.28, 0.05),
    }


def pointwise(n: int = SCHOOLS, seed: int = 3) -> dict[str, np.ndarray]:
    """Normal predictions of n observations, the plug-in's narrower."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(5.0, 3.0, n)
    observed = centre + rng.normal(0.0, 12.0, n)
    bands = {f"q{100 * q:g}": centre + 12.0 * stats.norm.ppf(q) for q in (0.025, 0.1, 0.5, 0.9, 0.975)}
    plugin = {f"plugin_{key}": 5.0 + 0.9 * (x - centre) for key, x in bands.items()}
    elpd = stats.norm(centre, 12.0).logpdf(observed)
    return {
        "observed": observed,
        "mean": centre,
        **bands,
        "plugin_mean": np.full(n, 5.0),
        **plugin,
        "elpd_loo": elpd,
        "k_hat": np.full(n, 0.3),
        "elpd_plugin": stats.norm(5.0, 10.8).logpdf(observed),
        "pit": stats.norm(centre, 12.0).cdf(observed),
        "plugin_pit": stats.norm(5.0, 10.8).cdf(observed),
        "variance_discarded": np.linspace(0.1, 0.2, n),
    }


def prediction(arrays: dict[str, np.ndarray], gain: float = -0.34, term: str = "y") -> dict[str, Any]:
    """The figures of one likelihood term."""
    n = len(arrays["observed"])
    figures = {
        "observations": n,
        "elpd_loo": figure(-30.72, 0.028),
        "elpd_plugin": figure(-30.72 - gain),
        "elpd_plugin_in_sample": figure(-29.96),
        "elpd_diff": figure(gain, 0.028),
        "elpd_loo_se": figure(1.48),
        "elpd_plugin_se": figure(1.67),
        "elpd_diff_se": figure(0.21),
        "k_hat_max": figure(0.53),
        "k_hat_bad": 0,
        "variance_discarded": figure(0.1496, 0.003),
        "coverage": [
            {
                "level": level,
                "posterior": figure(0.75, 0.14),
                "plugin": figure(0.625, 0.15),
                "difference": figure(0.125, 0.14),
            }
            for level in (0.5, 0.8, 0.95)
        ],
        "coverage_difference": figure(0.125, 0.14),
    }
    return {**figures, "terms": {term: dict(figures)}, "refits": n}


def decisions(scalar: str) -> tuple[dict[str, Any], ...]:
    """One loss of a number, and one choice."""
    common = {"expected_loss": figure(2.1, 0.03), "plugin_expected_loss": figure(2.4, 0.03)}
    return (
        {
            "loss": f"pinball(0.9) on {scalar}",
            "plugin_action": 0.0,
            "bayes_action": 7.9,
            "regret": figure(0.31, 0.02),
            "relative_regret": figure(0.148, 0.009),
            "flips": figure(None),
            "options": [],
            **common,
        },
        {
            "loss": f"best of {scalar}",
            "plugin_action": scalar,
            "bayes_action": scalar,
            "regret": figure(0.0, 0.01),
            "relative_regret": figure(None, None, "the loss of the Bayes action is 0"),
            "flips": figure(0.6, 0.01),
            "options": [{"name": scalar, "best": figure(0.4, 0.01)}, {"name": "b", "best": figure(0.6, 0.01)}],
            **common,
        },
    )


def sensitivity(labels: list[str], modes: bool = True) -> dict[str, Any]:
    """Of every scalar, to the power of prior and likelihood."""
    none = figure(None, None, "the MAP lies on a boundary or a kink")

    def of(i: int, sign: float) -> dict[str, Any]:
        return {
            "power_scaling": figure(0.12 / (1 + i), 0.008),
            "mean": figure(sign * 0.5 / (1 + i), 0.03),
            "mode": figure(sign * 0.4 / (1 + i), 0.0) if modes else none,
        }

    return {
        "prior": {label: of(i, -1.0) for i, label in enumerate(labels)},
        "likelihood": {label: of(i, 1.0) for i, label in enumerate(labels)},
    }


def path(labels: list[str], mle: np.ndarray, mode: np.ndarray) -> dict[str, Any]:
    """A straight path from MLE to MAP, without its first point."""
    powers = np.linspace(0.0, 1.0, 21)
    values = mle + powers[:, None] * (mode - mle)
    values[0] = math.nan
    return {
        "powers": powers.tolist(),
        "values": [[x if math.isfinite(x) else None for x in row] for row in values.tolist()],
        "log_likelihood": (-30.0 - powers).tolist(),
        "log_prior": (-9.0 + powers).tolist(),
        "reasons": [Reason(Code.NOT_IDENTIFIED, ("tau",)).to_json(), *[None] * 20],
        "names": labels,
    }


FINDINGS = (
    {
        "code": "constant_column",
        "severity": "warning",
        "variable": "x",
        "what": "column 2 of x is constant",
        "instead": "leave it out, or the intercept",
    },
    {
        "code": "improper_prior",
        "severity": "note",
        "variable": "mu",
        "what": "the prior of mu is flat",
        "instead": "say what is known of it",
    },
)

COST = {
    "arms": {
        "map": {"compile_seconds": 0.05, "seconds": 0.33, "evaluations": 966},
        "nuts": {"compile_seconds": 12.5, "seconds": 0.33, "evaluations": 45638},
        "refits": {"compile_seconds": 0.0, "seconds": 0.44, "evaluations": None},
    },
    "seconds_per_nat": 1.25,
}
