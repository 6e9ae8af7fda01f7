"""A conjugate model for the tests of studies: mu ~ N(0, 1), n observations N(mu, sigma²), sigma known or not."""

import contextlib
import multiprocessing
import os
import resource
import signal
from collections.abc import Iterator

import numpy as np
import psutil
import pymc as pm


def normal(n: int = 4, fault: str = "") -> pm.Model:
    """The posterior of mu is N(Σy/(n + 1), 1/(n + 1)); ``fault`` names what goes wrong instead."""
    if fault == "raises":
        raise RuntimeError("there is no such model")
    if fault == "kills" and multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "memory":
        with little_memory():
            np.ones(1 << 30)
    with pm.Model() as model:
        y = pm.Data("y_data", np.zeros(n))
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=y)
    return model


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """256 MiB more than the process has, and the system gives it none."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + (1 << 28), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def scaled(n: int = 4) -> pm.Model:
    """With a scale whose true value can be fixed where no data come of it."""
    with pm.Model() as model:
        y = pm.Data("y_data", np.zeros(n))
        mu = pm.Normal("mu", 0.0, 1.0)
        sigma = pm.LogNormal("sigma", 0.0, 0.5)
        pm.Normal("y", mu, sigma, observed=y)
    return model


def constant() -> pm.Model:
    """Its data are a constant of the graph."""
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=np.zeros(3))
    return model


def joint(n: int = 4) -> pm.Model:
    """Its observations are one vector."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.MvNormal("y", mu * np.ones(n), np.eye(n), observed=pm.Data("y_data", np.zeros(n)))
    return model


def grouped(groups: int = 3, prior: float = 5.0) -> pm.Model:
    """Groups' means around a common one: the likelihood says nothing of mu and tau."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, prior)
        tau = pm.HalfNormal("tau", prior)
        z = pm.Normal("z", 0.0, 1.0, shape=groups)
        pm.Normal("y", mu + tau * z, 1.0, observed=np.zeros(groups))
    return model
