"""Mixed models that lme4 and glmmTMB have fitted, as PyMC models: flat priors on fixed effects and sds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

ANSWERS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "mixed_models.json").read_text(encoding="utf-8"))


def groups(column: list[Any]) -> tuple[np.ndarray, int]:
    """Which level each row has, in their order of appearance, and how many there are."""
    levels = list(dict.fromkeys(column))
    return np.array([levels.index(value) for value in column]), len(levels)


def one_way(name: str, group: str, response: str, *, centred: bool = False) -> pm.Model:
    """A normal response by group: dyestuff, dyestuff2, pulp."""
    data = ANSWERS[name]["data"]
    index, count = groups(data[group])
    with pm.Model() as model:
        mu = pm.Flat("mu")
        sd = pm.HalfFlat("sd")
        sigma = pm.HalfFlat("sigma")
        if centred:
            effect = pm.Normal("b", 0.0, sd, shape=count)
        else:
            effect = pm.Deterministic("b", sd * pm.Normal("z", 0.0, 1.0, shape=count))
        pm.Normal("y", mu + effect[index], sigma, observed=np.array(data[response], dtype=float))
    return model


def sleepstudy() -> pm.Model:
    data = ANSWERS["sleepstudy"]["data"]
    index, count = groups(data["Subject"])
    days = np.array(data["Days"], dtype=float)
    with pm.Model() as model:
        beta = pm.Flat("beta", shape=2)
        sd = pm.HalfFlat("sd", shape=2)
        correlation = pm.Uniform("correlation", -1.0, 1.0)
        sigma = pm.HalfFlat("sigma")
        z = pm.Normal("z", 0.0, 1.0, shape=(2, count))
        intercept = pm.Deterministic("intercept", sd[0] * z[0])
        slope = pm.Deterministic("slope", sd[1] * (correlation * z[0] + pt.sqrt(1 - correlation**2) * z[1]))
        mean = beta[0] + intercept[index] + (beta[1] + slope[index]) * days
        pm.Normal("y", mean, sigma, observed=np.array(data["Reaction"]))
    return model


def cbpp() -> pm.Model:
    data = ANSWERS["cbpp_glmmTMB"]["data"]
    index, count = groups(data["herd"])
    period = np.array([int(p) for p in data["period"]])
    with pm.Model() as model:
        beta = pm.Flat("beta", shape=4)
        sd = pm.HalfFlat("sd")
        z = pm.Normal("z", 0.0, 1.0, shape=count)
        b = pm.Deterministic("b", sd * z)
        eta = beta[0] + pt.concatenate([[0.0], beta[1:]])[period - 1] + b[index]
        pm.Binomial("y", n=np.array(data["size"]), logit_p=eta, observed=np.array(data["incidence"]))
    return model


def epil2() -> pm.Model:
    data = ANSWERS["epil2_poisson"]["data"]
    index, count = groups(data["subject"])
    treated = (np.array(data["trt"]) == "progabide").astype(float)
    base, age, visit = (np.array(data[name], dtype=float) for name in ("Base", "Age", "Visit"))
    columns = np.column_stack([np.ones_like(base), base, treated, age, visit, base * treated])
    with pm.Model() as model:
        beta = pm.Flat("beta", shape=6)
        sd = pm.HalfFlat("sd")
        b = pm.Normal("b", 0.0, sd, shape=count)
        pm.Poisson("y", pt.exp(columns @ beta + b[index]), observed=np.array(data["y"]))
    return model


def ohio() -> pm.Model:
    """537 children, four yes-or-no answers each."""
    data = ANSWERS["ohio_laplace"]["data"]
    answers = np.repeat([[int(a) for a in text] for text in data["answers"]], data["children"], axis=0)
    smoke = np.repeat(np.array(data["smoke"], dtype=float), data["children"])
    ages = np.array(data["ages"], dtype=float)
    with pm.Model() as model:
        beta = pm.Flat("beta", shape=3)
        sd = pm.HalfFlat("sd")
        z = pm.Normal("z", 0.0, 1.0, shape=len(answers))
        eta = beta[0] + beta[1] * ages + (beta[2] * smoke + sd * z)[:, None]
        pm.Bernoulli("y", logit_p=eta, observed=answers)
    return model
