"""Transforms, data of every kind, names and coordinates, and what a model can be made of beside distributions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.distributions import transforms as tr
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from bayescompare.errors import DataError, UnsupportedModelError

from .registry import animal

Y = np.array([0.4, 0.9, 1.7, 0.6, 2.6])
MEAN = {"mu": float(Y.sum() / 6)}  # of Normal(0, 1) under Normal(mu, 1): a mode, and the posterior mean


def level(observed: object, **more: object) -> pm.Model:
    """The conjugate model of a mean: what changes is how the data are given."""
    with pm.Model(**more) as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=observed)
    return model


# -- transforms --------------------------------------------------------------------------------------------------------


def transformed(transform: object, initval: object, shape: tuple[int, ...] = (), prior: str = "Normal") -> pm.Model:
    with pm.Model() as model:
        parameters = {"lower": 0.0, "upper": 1.0} if prior == "Uniform" else {"mu": 0.0, "sigma": 2.0}
        x = getattr(pm, prior)("x", **parameters, shape=shape, initval=initval, transform=transform)
        pm.Normal("y", x, 0.5, observed=np.asarray(initval) + np.zeros((3, *shape)))
    return model


@animal()
def transform_log() -> pm.Model:
    return transformed(tr.log, 1.5)


@animal()
def transform_log_exp_m1() -> pm.Model:
    return transformed(tr.log_exp_m1, 1.5)


@animal()
def transform_logodds() -> pm.Model:
    return transformed(tr.logodds, 0.3)


@animal()
def transform_interval() -> pm.Model:
    return transformed(tr.Interval(-1.0, 3.0), 0.5)


@animal()
def transform_interval_below() -> pm.Model:
    return transformed(tr.Interval(None, 3.0), 0.5)


@animal()
def transform_interval_of_parameters() -> pm.Model:
    """Bounds that depend on another variable."""
    with pm.Model() as model:
        low = pm.Normal("low", -1.0, 0.5)
        bounded = tr.Interval(bounds_fn=lambda rng, size, mu, sigma: (mu - 1.0, None))
        x = pm.Normal("x", low, 1.0, transform=bounded)
        pm.Normal("y", x, 0.5, observed=Y)
    return model


@animal()
def transform_ordered() -> pm.Model:
    return transformed(tr.ordered, [-0.5, 0.2, 1.0], (3,))


@animal()
def transform_ordered_rows() -> pm.Model:
    return transformed(tr.ordered, [[-0.5, 0.2, 1.0], [0.0, 0.5, 0.7]], (2, 3))


@animal()
def transform_simplex() -> pm.Model:
    return transformed(tr.simplex, [0.2, 0.3, 0.5], (3,))


@animal()
def transform_sum_to_1() -> pm.Model:
    """A vector whose last entry is what the others leave."""
    return transformed(tr.sum_to_1, [0.2, 0.3, 0.5], (3,))


@animal()
def transform_circular() -> pm.Model:
    return transformed(tr.circular, 0.5)


@animal()
def transform_zero_sum_first_axis() -> pm.Model:
    return transformed(tr.ZeroSumTransform([0]), [[0.5, -0.2], [-0.5, 0.2]], (2, 2))


@animal()
def transform_zero_sum_last_axis() -> pm.Model:
    return transformed(tr.ZeroSumTransform([-1]), [[0.5, -0.5], [-0.2, 0.2]], (2, 2))


@animal()
def transform_zero_sum_middle_of_three() -> pm.Model:
    values = np.zeros((2, 3, 2))
    return transformed(tr.ZeroSumTransform([1]), values, (2, 3, 2))


@animal()
def transform_chain() -> pm.Model:
    return transformed(tr.Chain([tr.log, tr.ordered]), [0.5, 1.0, 2.0], (3,))


@animal()
def transform_chain_of_interval() -> pm.Model:
    """PyMC chains a transform to the one that the distribution has."""
    return transformed(tr.ordered, [0.2, 0.4, 0.7], (3,), "Uniform")


@animal()
def transform_none() -> pm.Model:
    """A scale without its transform: half of the line has no density."""
    with pm.Model() as model:
        s = pm.HalfNormal("s", 1.0, default_transform=None)
        pm.Normal("y", 0.0, s, observed=Y)
    return model


@animal()
def transform_cholesky_packed() -> pm.Model:
    """A covariance in packed form."""
    with pm.Model() as model:
        packed = pm.LKJCholeskyCov("packed", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0), compute_corr=False)
        chol = pm.expand_packed_triangular(2, packed)
        pm.MvNormal("y", np.zeros(2), chol=chol, observed=Y[:4].reshape(2, 2))
    return model


# -- data --------------------------------------------------------------------------------------------------------------


@animal(mode=MEAN, mean=MEAN)
def data_list() -> pm.Model:
    return level(list(Y))


@animal(mode=MEAN, mean=MEAN)
def data_tuple() -> pm.Model:
    return level(tuple(Y))


@animal(mode=MEAN, mean=MEAN)
def data_array_float32() -> pm.Model:
    return level((Y * 10).astype("float32").astype("float64") / 10)


@animal(mode={"mu": 11 / 6}, mean={"mu": 11 / 6})
def data_integers() -> pm.Model:
    return level(np.array([1, 2, 2, 4, 2]))


@animal(mode={"mu": 3 / 6}, mean={"mu": 3 / 6})
def data_booleans() -> pm.Model:
    return level(np.array([True, False, True, True, False]))


@animal(mode=MEAN, mean=MEAN)
def data_series() -> pm.Model:
    return level(pd.Series(Y, index=pd.date_range("2020-01-01", periods=5), name="size"))


@animal(mode=MEAN, mean=MEAN)
def data_frame() -> pm.Model:
    return level(pd.DataFrame({"size": Y}))


@animal(mode=MEAN, mean=MEAN)
def data_frame_column() -> pm.Model:
    return level(pd.DataFrame({"size": Y, "name": list("abcde")})["size"])


@animal(mode={"mu": float(Y[:4].sum() / 5)})
def data_series_with_nan() -> pm.Model:
    """PyMC takes a NaN in a Series as a value to impute."""
    return level(pd.Series([*Y[:4], np.nan]))


@animal(mode={"mu": float(Y[:4].sum() / 5)}, mean={"mu": float(Y[:4].sum() / 5)})
def data_masked() -> pm.Model:
    return level(np.ma.masked_array(Y, [False] * 4 + [True]))


@animal(mode=MEAN, mean=MEAN)
def data_masked_without_holes() -> pm.Model:
    return level(np.ma.masked_array(Y, np.zeros(5, bool)))


@animal()
def data_all_masked() -> pm.Model:
    return level(np.ma.masked_array(Y, np.ones(5, bool)))


@animal()
def data_with_nan() -> pm.Model:
    """NaN in an array: PyMC imputes, as of a masked array."""
    return level(np.array([*Y[:4], np.nan]))


@animal(refused=DataError, names=("y",))
def data_with_infinity() -> pm.Model:
    return level(np.array([*Y[:4], np.inf]))


@animal(refused=UnsupportedModelError, names=("y_unobserved",))
def data_masked_counts() -> pm.Model:
    """Missing counts are discrete unknowns."""
    with pm.Model() as model:
        mu = pm.LogNormal("mu", 0.5, 0.5)
        pm.Poisson("y", mu, observed=np.ma.masked_array([1, 2, 0, 3], [False, False, True, False]))
    return model


@animal(mode={"mu": 0.2}, mean={"mu": 0.2})
def data_one_row() -> pm.Model:
    return level(np.array([0.4]))


@animal(mode={"mu": 0.2}, mean={"mu": 0.2})
def data_scalar() -> pm.Model:
    return level(0.4)


@animal()
def data_no_rows() -> pm.Model:
    """A prior predictive model: nothing was observed."""
    return level(np.zeros(0))


@animal(mode=MEAN, mean=MEAN)
def data_no_rows_beside_some() -> pm.Model:
    """One of two likelihoods has no rows."""
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, observed=Y)
        pm.Normal("z", mu, 1.0, observed=np.zeros(0))
    return model


@animal(mode=MEAN)
def data_matrix_of_one_column() -> pm.Model:
    return level(Y[:, None])


@animal(mode={"mu": float(Y.sum() * 2 / 11)})
def data_three_axes() -> pm.Model:
    return level(np.stack([Y, Y])[:, :, None])


@animal(mode=MEAN, mean=MEAN)
def data_container() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, observed=pm.Data("values", Y))
    return model


@animal()
def data_container_of_integers() -> pm.Model:
    """Groups by number, and counts."""
    with pm.Model(coords={"group": ["a", "b"]}) as model:
        group = pm.Data("which", np.array([0, 1, 1, 0, 1]))
        counts = pm.Data("counts", np.array([1, 2, 0, 3, 2]))
        rate = pm.Gamma("rate", 2.0, 1.0, dims="group")
        pm.Poisson("y", rate[group], observed=counts)
    return model


@animal()
def data_container_of_booleans() -> pm.Model:
    with pm.Model() as model:
        treated = pm.Data("treated", np.array([True, False, True, True, False]))
        effect = pm.Normal("effect")
        pm.Normal("y", pt.where(treated, effect, 0.0), 1.0, observed=Y)
    return model


@animal()
def data_container_of_frame() -> pm.Model:
    frame = pd.DataFrame({"age": Y, "size": Y[::-1]})
    with pm.Model(coords={"column": list(frame.columns), "row": frame.index}) as model:
        x = pm.Data("x", frame, dims=("row", "column"))
        slope = pm.Normal("slope", dims="column")
        pm.Normal("y", x @ slope, 1.0, observed=Y, dims="row")
    return model


@animal()
def data_container_in_shape() -> pm.Model:
    """A length that the data decide."""
    with pm.Model() as model:
        x = pm.Data("x", Y)
        slope = pm.Normal("slope")
        pm.Normal("y", slope * x, 1.0, shape=x.shape, observed=Y)
    return model


@animal()
def data_two_likelihoods() -> pm.Model:
    with pm.Model() as model:
        rate = pm.LogNormal("rate", 0.0, 0.5)
        pm.Poisson("counts", rate, observed=[1, 0, 2])
        pm.Exponential("waits", rate, observed=Y)
    return model


@animal(refused=UnsupportedModelError, names=("y",))
def minibatch() -> pm.Model:
    """Every evaluation on other rows: there is no density."""
    with pm.Model() as model:
        mu = pm.Normal("mu")
        batch = pm.Minibatch(np.tile(Y, 20), batch_size=10)
        pm.Normal("y", mu, 1.0, observed=batch, total_size=100)
    return model


@animal()
def total_size() -> pm.Model:
    """A likelihood that is multiplied."""
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, observed=Y, total_size=50)
    return model


# -- how a model is made -----------------------------------------------------------------------------------------------


@animal(mode=MEAN, mean=MEAN)
def made_by_observe() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, shape=5)
    return pm.observe(model, {"y": Y})


@animal(mode={"mu": float((Y - 1).sum() / 6)})
def made_by_observe_of_shift() -> pm.Model:
    """What is observed is a function of a distribution: PyMC derives the density."""
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Deterministic("y", pm.Normal.dist(mu, 1.0, shape=5) + 1.0)
    return pm.observe(model, {"y": Y})


@animal(mode={"mu": float(np.log(Y).sum() / 6)})
def made_by_observe_of_exp() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Deterministic("y", pt.exp(pm.Normal.dist(mu, 1.0, shape=5)))
    return pm.observe(model, {"y": Y})


@animal()
def made_by_observe_of_clip() -> pm.Model:
    """Censoring by hand: a mixture of densities and masses."""
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Deterministic("y", pt.clip(pm.Normal.dist(mu, 1.0, shape=5), -1.0, 1.7))
    return pm.observe(model, {"y": np.minimum(Y, 1.7)})


@animal(refused=UnsupportedModelError, names=("y",))
def made_by_observe_of_free() -> pm.Model:
    """The variable beneath is free as well: no density is left for what was observed."""
    with pm.Model() as model:
        mu = pm.Normal("mu")
        x = pm.Normal("x", mu, 1.0, shape=5)
        pm.Deterministic("y", x + 1.0)
    return pm.observe(model, {"y": Y})


@animal(refused=UnsupportedModelError, names=("y",))
def made_by_observe_of_sum() -> pm.Model:
    """No density can be derived of a sum."""
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Deterministic("y", pm.Normal.dist(mu, 1.0) + pm.HalfNormal.dist(1.0))
    return pm.observe(model, {"y": 1.2})


@animal(mode=MEAN, mean=MEAN)
def made_by_do() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu")
        s = pm.HalfNormal("s")
        pm.Normal("y", mu, s, observed=Y)
    return pm.do(model, {"s": 1.0})


@animal(mode=MEAN, mean=MEAN)
def potential_alone() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Potential("y", pm.logp(pm.Normal.dist(mu, 1.0), Y))
    return model


@animal(mode=MEAN, mean=MEAN)
def potential_scalar() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Potential("y", -0.5 * ((Y - mu) ** 2).sum())
    return model


@animal()
def potential_constraint() -> pm.Model:
    """An order by a Potential that is zero or −∞."""
    with pm.Model() as model:
        x = pm.Normal("x", [0.0, 1.0], 1.0, shape=2)
        pm.Potential("order", pt.switch(x[0] < x[1], 0.0, -np.inf))
        pm.Normal("y", x, 0.5, observed=np.array([[0.4, 0.9]] * 3))
    return model


@animal("CustomDist", "DensityDist", mode=MEAN, mean=MEAN)
def custom_by_logp() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.CustomDist("y", mu, logp=lambda value, m: -0.5 * (value - m) ** 2, observed=Y)
    return model


@animal("CustomDist", mode=MEAN, mean=MEAN)
def custom_by_logp_with_random() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.CustomDist(
            "y",
            mu,
            logp=lambda value, m: -0.5 * (value - m) ** 2,
            random=lambda m, rng=None, size=None: rng.normal(m, 1.0, size=size),
            observed=Y,
        )
    return model


@animal("CustomDist", mode=MEAN, mean=MEAN)
def custom_by_dist() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.CustomDist("y", mu, dist=lambda m, size: m + pm.Normal.dist(0.0, 1.0, size=size), observed=Y)
    return model


@animal("CustomDist", mean={"x": float((Y * 4).sum() / 21)})
def custom_free_by_logp() -> pm.Model:
    with pm.Model() as model:
        x = pm.CustomDist("x", 1.0, logp=lambda value, s: -0.5 * (value / s) ** 2)
        pm.Normal("y", x, 0.5, observed=Y)
    return model


@animal("CustomDist")
def custom_free_by_dist() -> pm.Model:
    with pm.Model() as model:
        x = pm.CustomDist("x", 1.0, dist=lambda s, size: pt.exp(pm.Normal.dist(0.0, s, size=size)))
        pm.Normal("y", x, 0.5, observed=Y)
    return model


@animal("CustomDist")
def custom_rows() -> pm.Model:
    """A custom density of vectors."""
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        pm.CustomDist(
            "y",
            mu,
            logp=lambda value, m: -0.5 * ((value - m) ** 2).sum(axis=-1),
            signature="(n)->(n)",
            observed=Y[:4].reshape(2, 2),
        )
    return model


@animal("Simulator", refused=UnsupportedModelError, names=("y",))
def simulator() -> pm.Model:
    """A likelihood that can only be simulated."""
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Simulator("y", lambda rng, m, size: rng.normal(m, 1.0, size=size), mu, epsilon=1.0, observed=Y)
    return model


class Square(Op):
    """A user's operation in NumPy, with or without a gradient."""

    itypes, otypes = [pt.dscalar], [pt.dscalar]

    def __init__(self, gradient: bool) -> None:
        self.gradient = gradient

    def perform(self, node: Apply, inputs: list, outputs: list) -> None:
        outputs[0][0] = np.asarray(inputs[0] ** 2)

    def pullback(self, inputs: list, outputs: list, gradients: list) -> list:
        if not self.gradient:
            raise NotImplementedError("Square has no gradient")
        return [2 * inputs[0] * gradients[0]]


def squared(gradient: bool) -> pm.Model:
    with pm.Model() as model:
        x = pm.LogNormal("x", 0.0, 0.5)
        pm.Normal("y", Square(gradient)(x), 1.0, observed=Y)
    return model


@animal(without=("pathfinder",))
def black_box_with_gradient() -> pm.Model:
    """Nothing goes through JAX."""
    return squared(gradient=True)


@animal(refused=UnsupportedModelError, names=("Square",))
def black_box_without_gradient() -> pm.Model:
    """NUTS is refused by name; a mode is found without derivatives."""
    return squared(gradient=False)


@animal(mode=MEAN, mean=MEAN)
def deterministic_of_every_type() -> pm.Model:
    """Whole numbers, truth values, a constant, an empty one."""
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Deterministic("above", mu > 0)
        pm.Deterministic("rank", pt.argsort(pt.stack([mu, pt.constant(0.0)])))
        pm.Deterministic("one", pt.constant(1.0))
        pm.Deterministic("none", mu * np.zeros(0))
        pm.Deterministic("matrix", mu * np.ones((2, 2)))
        pm.Normal("y", mu, 1.0, observed=Y)
    return model


@animal(mode={"theta": 4.0})
def edge_of_the_data() -> pm.Model:
    """The support ends at the largest datum, where the density is highest."""
    with pm.Model() as model:
        theta = pm.Pareto("theta", alpha=1.5, m=1.0, initval=6.0)
        pm.Uniform("y", 0.0, theta, observed=np.array([1.0, 3.0, 2.0, 4.0]))
    return model


@animal()
def angle_without_a_circle() -> pm.Model:
    """An angle with a prior on an interval, and data at its ends: two modes."""
    with pm.Model() as model:
        mu = pm.Uniform("mu", -np.pi, np.pi)
        pm.VonMises(
            "y", mu=mu, kappa=pm.HalfNormal("kappa", 10.0), observed=np.array([3.1, -3.1, 3.0, -3.05, 3.13, 2.9])
        )
    return model


@animal()
def one_column_twice() -> pm.Model:
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 10.0, shape=2)
        pm.Normal("y", np.column_stack([Y, Y]) @ b, 1.0, observed=2 * Y)
    return model


@animal(mode={"a": 0.0, "b": 0.0})
def bound_of_another() -> pm.Model:
    """A bound that moves with another variable, as in a stationary GARCH."""
    with pm.Model() as model:
        a = pm.Uniform("a", 0.0, 1.0)
        b = pm.Uniform("b", 0.0, 1 - a)
        pm.Exponential("y", 1.0 / (1.0 + 5 * a + b), observed=np.full(4, 0.1))
    return model


@animal(refused=UnsupportedModelError, names=("y_unobserved", "Leave them out"))
def missing_counts() -> pm.Model:
    with pm.Model() as model:
        pm.Poisson("y", pm.Exponential("mu", 1.0), observed=np.ma.masked_values([1, 2, -1, 4], -1))
    return model


@animal()
def step_function() -> pm.Model:
    """A change point: the density is flat between the data."""
    with pm.Model() as model:
        when = pm.Uniform("when", 0.0, 5.0)
        before, after = pm.Normal("before"), pm.Normal("after", 2.0)
        pm.Normal("y", pt.switch(np.arange(5) < when, before, after), 1.0, observed=Y)
    return model


@animal()
def kink() -> pm.Model:
    """A hinge in the mean."""
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.Normal("y", pt.maximum(x, 0.3), 1.0, observed=Y)
    return model


@animal(refused=UnsupportedModelError)
def nothing_observed() -> pm.Model:
    with pm.Model() as model:
        pm.Normal("x")
    return model


@animal(refused=UnsupportedModelError)
def nothing_free() -> pm.Model:
    with pm.Model() as model:
        pm.Normal("y", 0.0, 1.0, observed=Y)
    return model


@animal()
def float32() -> pm.Model:
    """Built in single precision."""
    with pytensor.config.change_flags(floatX="float32"), pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        s = pm.HalfNormal("s", 1.0)
        pm.Normal("y", mu, s, observed=Y.astype("float32"))
    return model


@animal()
def float32_data_only() -> pm.Model:
    with pm.Model() as model:
        slope = pm.Normal("slope")
        pm.Normal("y", slope * pm.Data("x", Y.astype("float32")), 1.0, observed=Y.astype("float32"))
    return model


# -- names and coordinates ---------------------------------------------------------------------------------------------


def grouped(coordinate: object, name: str = "group") -> pm.Model:
    with pm.Model(coords={name: coordinate}) as model:
        effect = pm.Normal("effect", dims=name)
        pm.Normal("y", effect, 1.0, observed=Y[:3], dims=name)
    return model


@animal()
def coordinate_strings() -> pm.Model:
    return grouped(["a", "b", "c"])


@animal()
def coordinate_integers() -> pm.Model:
    return grouped([1871, 1872, 1873])


@animal()
def coordinate_floats() -> pm.Model:
    return grouped([0.1, 0.25, 1e-9])


@animal()
def coordinate_booleans() -> pm.Model:
    return grouped([True, False, None])


@animal()
def coordinate_dates() -> pm.Model:
    return grouped(pd.date_range("2020-01-01", periods=3))


@animal()
def coordinate_dates_with_zone() -> pm.Model:
    return grouped(pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin"))


@animal()
def coordinate_numpy_dates() -> pm.Model:
    return grouped(np.array(["2020-01", "2020-02", "2020-03"], dtype="datetime64[M]"))


@animal()
def coordinate_durations() -> pm.Model:
    return grouped(pd.to_timedelta([1, 2, 3], unit="h"))


@animal()
def coordinate_periods() -> pm.Model:
    return grouped(pd.period_range("2020-01", periods=3, freq="M"))


@animal()
def coordinate_intervals() -> pm.Model:
    return grouped(pd.IntervalIndex.from_breaks([0, 1, 2, 3]))


@animal()
def coordinate_categories() -> pm.Model:
    return grouped(pd.CategoricalIndex(["low", "mid", "high"], ordered=True))


@animal()
def coordinate_multiindex() -> pm.Model:
    return grouped(pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["letter", "number"]))


@animal()
def coordinate_tuples() -> pm.Model:
    return grouped([("a", 1), ("a", 2), ("b", 1)])


@animal()
def coordinate_mixed() -> pm.Model:
    return grouped(["a", 1, 2.5])


@animal()
def coordinate_missing() -> pm.Model:
    return grouped(["a", None, np.nan])


@animal()
def coordinate_twice_the_same() -> pm.Model:
    return grouped(["a", "a", "b"])


@animal()
def coordinate_odd_strings() -> pm.Model:
    return grouped(["a, b", "[x]", ""])


@animal()
def coordinate_by_length() -> pm.Model:
    with pm.Model() as model:
        model.add_coord("group", length=3)
        effect = pm.Normal("effect", dims="group")
        pm.Normal("y", effect, 1.0, observed=Y[:3], dims="group")
    return model


@animal()
def coordinate_named_as_its_variable() -> pm.Model:
    return grouped(["a", "b", "c"], "y_dim_0")


@animal()
def dims_without_coordinates() -> pm.Model:
    """A dim that PyMC knows of the data alone."""
    with pm.Model() as model:
        x = pm.Data("x", Y, dims="row")
        slope = pm.Normal("slope")
        pm.Normal("y", slope * x, 1.0, observed=Y, dims="row")
    return model


def named(*names: str, dim: str = "group") -> pm.Model:
    with pm.Model(coords={dim: ["a", "b"]}) as model:
        total = sum(pm.Normal(name, dims=dim) for name in names)
        pm.Normal("y", total, 1.0, observed=Y[:2], dims=dim)
    return model


@animal()
def name_of_xarray() -> pm.Model:
    return named("draw", "chain", "sample")


@animal()
def name_of_ours() -> pm.Model:
    return named("observation", "scalar", "posterior", "y_mean", "name")


@animal()
def name_of_dims() -> pm.Model:
    return named("effect", dim="chain_id")


@animal()
def name_unicode() -> pm.Model:
    return named("μ", "größe", "变量")


@animal()
def name_with_signs() -> pm.Model:
    return named("a b", "a::b", "a[0]", "a.b", "<b>", "a-b", "%s {x}")


@animal()
def name_like_pymc() -> pm.Model:
    return named("x_log__", "x_interval__", "lp")


@animal()
def name_likelihood_of_mean() -> pm.Model:
    """A likelihood called as a column of ours."""
    with pm.Model() as model:
        mean = pm.Normal("mean")
        pm.Normal("mean_mcse", mean, 1.0, observed=Y)
    return model


@animal()
def nested_models() -> pm.Model:
    """Prefixes with ::."""
    with pm.Model(name="outer") as model:
        mu = pm.Normal("mu")
        with pm.Model(name="inner"):
            s = pm.HalfNormal("s")
        pm.Normal("y", mu, s, observed=Y)
    return model


@animal()
def nested_models_of_one_name() -> pm.Model:
    with pm.Model() as model:
        parts = []
        for name in ("left", "right"):
            with pm.Model(name=name):
                parts.append(pm.Normal("mu"))
        pm.Normal("y", parts[0] + parts[1], 1.0, observed=Y)
    return model
