"""Models as users write them: no template, data in containers, in plain arrays, or handed to a function."""

import numpy as np
import pymc as pm

ROWS = 12
X = np.linspace(-1.0, 1.0, 2 * ROWS).reshape(ROWS, 2)
GROUP = np.arange(ROWS) % 3
Y = np.sin(np.arange(ROWS))


def contained() -> pm.Model:
    """Three data containers: predictors, groups, and what is observed."""
    with pm.Model(coords={"row": range(ROWS), "group": list("abc")}) as model:
        x = pm.Data("x", X)
        group = pm.Data("group_of", GROUP, dims="row")
        y = pm.Data("y_data", Y, dims="row")
        a = pm.Normal("a", 0.0, 1.0, dims="group")
        b = pm.Normal("b", 0.0, 1.0, shape=2)
        pm.Normal("y", a[group] + (x * b).sum(-1), 0.5, observed=y, dims="row")
    return model


def arrays() -> pm.Model:
    """The same with plain arrays in the place of the containers."""
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0, shape=3)
        b = pm.Normal("b", 0.0, 1.0, shape=2)
        mean = pm.Deterministic("mean", a[GROUP] + (X * b).sum(-1))
        pm.Normal("y", mean, 0.5, observed=Y)
    return model


def missing() -> pm.Model:
    """Two of the observed values are missing."""
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=np.where(np.arange(ROWS) < 2, np.nan, Y))
    return model


def standardised() -> pm.Model:
    """What is observed is computed of a container."""
    with pm.Model() as model:
        y = pm.Data("y_data", Y)
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=(y - Y.mean()) / Y.std())
    return model


def of_data(data, *, sd: float = 1.0) -> pm.Model:  # type: ignore[no-untyped-def]
    """A function of data."""
    with pm.Model() as model:
        x, y = (np.asarray(data[name], dtype=float) for name in ("x", "y"))
        pm.Normal("y", x * pm.Normal("b", 0.0, sd), 1.0, observed=y)
    return model


def soft() -> pm.Model:
    """A Potential weighs what is drawn."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Potential("soft", -(mu**2))
        pm.Normal("y", mu, 1.0, observed=Y)
    return model


def custom() -> pm.Model:
    """A density without a random method."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.CustomDist("y", mu, logp=lambda value, mean: pm.logp(pm.Normal.dist(mean, 1.0), value), observed=Y)
    return model


def two_lengths() -> pm.Model:
    """Two observed variables with different numbers of rows."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=Y)
        pm.Normal("z", mu, 1.0, observed=Y[:5])
    return model


def by_row() -> pm.Model:
    """A free variable with a value for each row."""
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0, shape=ROWS), 1.0, observed=Y)
    return model


built = contained()
