"""The network: MAP is weight decay, by scikit-learn and by hand-written backpropagation; far from the data."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.neural_network import MLPClassifier

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Point, assert_builds

type Array = np.ndarray[Any, Any]


def flowers() -> tuple[Array, Array, Array]:
    """Sepals of the labelled flowers, standardised; their labels; sepals of the others, on the same scale."""
    table = load("iris")
    X, y = np.column_stack([table["sepal_length"], table["sepal_width"]]), np.array(table["y"])
    known = X[y >= 0]
    X = (X - known.mean(axis=0)) / known.std(axis=0)
    return X[y >= 0], y[y >= 0], X[y < 0]


def logit(X: Array, w: Array, b: Array, v: Array, c: Any) -> Array:
    return c + np.tanh(X @ w + b) @ v


def logp(p: Point) -> float:
    X, y, _ = flowers()
    z = logit(X, p["w"], p["b"], p["v"], p["c"])
    sd = 2**0.5
    prior = stats.norm(0, sd).logpdf(p["w"]).sum() + stats.halfnorm(0, sd).logpdf(p["v"]).sum()
    prior += stats.norm(0, 2).logpdf(p["b"]).sum() + stats.norm(0, 2).logpdf(p["c"])
    return float(prior - np.logaddexp(0, np.where(y, -z, z)).sum())


def test_quick() -> None:
    assert_builds(models.neural_network_weight_decay, logp)
    model = models.neural_network_weight_decay()
    assert model.named_vars_to_dims["w"] == ("input", "unit")
    assert model.coords["input"] == ("sepal_length", "sepal_width")
    assert model.coords["new"] == tuple(range(1, 50, 5))
    drawn, _ = models.neural_network_weight_decay.simulate(seed=1)
    z = logit(flowers()[2], drawn["w"], drawn["b"], drawn["v"], drawn["c"])
    np.testing.assert_allclose(drawn["p"], 1 / (1 + np.exp(-z)), rtol=1e-10)
    assert len(models.neural_network_weight_decay(features="all").coords["input"]) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 0}, "hidden is 0, but must be a whole number from 1 to 20"),
        ({"weight_decay": -1}, "weight_decay is -1, but must be above 0"),
        ({"bias_scale": 0}, "bias_scale is 0"),
        ({"features": "petal"}, "only 'sepal' or 'all'"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^neural_network_weight_decay: .*{message}"):
        models.neural_network_weight_decay(**options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"y": [0, 1]}, "no column beside 'y'"),
        ({"y": [0, 1, 2], "x": [1.0, 2, 3]}, "1 of the 3 values in column 'y' are not 0, 1 or -1"),
        ({"y": [0, 1, -1], "x": [2.0, 2, 3]}, "'x' has the same value in every labelled row"),
        ({"y": [-1, -1], "x": [2.0, 3]}, "'x' has the same value in every labelled row"),
    ],
)
def test_data_that_do_not_fit(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^neural_network_weight_decay: .*{message}"):
        models.neural_network_weight_decay(data)


def test_own_data_without_new_rows() -> None:
    model = models.neural_network_weight_decay({"y": [0, 1, 1], "x": [1.0, 2, 5]}, hidden=2)
    assert "p" not in model.named_vars
    assert model.coords["unit"] == (1, 2)


def test_symmetries() -> None:
    model = models.neural_network_weight_decay(identified=False)
    density = model.compile_logp(mode="FAST_COMPILE")
    rng = np.random.default_rng(1)
    point = {key: rng.normal(size=np.shape(value)) for key, value in model.initial_point().items()}
    value = density(point)
    copies = 0
    for order, signs in itertools.product(itertools.permutations(range(3)), itertools.product((1.0, -1.0), repeat=3)):
        index, s = list(order), np.array(signs)
        copy = {"w": point["w"][:, index] * s, "b": point["b"][index] * s, "v": point["v"][index] * s, "c": point["c"]}
        assert density(copy) == pytest.approx(value, rel=1e-12)
        copies += 1
    assert copies == 48


def best_training(hidden: int, weight_decay: float, bias_scale: float, starts: int) -> tuple[float, Array]:
    """The lowest of many minima of the penalised loss, by hand-written backpropagation; the new flowers' p there."""
    X, y, new = flowers()
    shapes = [(2, hidden), (hidden,), (hidden,), ()]
    cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]

    def parts(u: Array) -> list[Array]:
        return [x.reshape(shape) for x, shape in zip(np.split(u, cuts), shapes, strict=True)]

    def loss(u: Array) -> tuple[float, Array]:
        w, b, v, c = parts(u)
        h = np.tanh(X @ w + b)
        z = c + h @ v
        value = np.logaddexp(0, np.where(y, -z, z)).sum()
        value += weight_decay * ((w**2).sum() + (v**2).sum()) / 2 + ((b**2).sum() + c**2) / (2 * bias_scale**2)
        dz = 1 / (1 + np.exp(-z)) - y
        da = dz[:, None] * v * (1 - h**2)
        gradient = [X.T @ da + weight_decay * w, da.sum(axis=0) + b / bias_scale**2]
        gradient += [h.T @ dz + weight_decay * v, dz.sum() + c / bias_scale**2]
        return float(value), np.concatenate([np.ravel(g) for g in gradient])

    rng = np.random.default_rng(0)
    size = 4 * hidden + 1
    ends = [optimize.minimize(loss, rng.normal(0, 1, size), jac=True, method="BFGS", options={"gtol": 1e-8})
            for _ in range(starts)]  # fmt: skip
    best = min(ends, key=lambda end: end.fun)
    w, b, v, c = parts(best.x)
    return float(best.fun), 1 / (1 + np.exp(-logit(new, w, b, v, c)))


def constant(hidden: int, weight_decay: float, bias_scale: float) -> float:
    """Minus log prior at 0, with v above 0: what separates minus the log posterior from the loss."""
    weights = -3 * hidden * stats.norm(0, weight_decay**-0.5).logpdf(0) - hidden * np.log(2)
    return float(weights - (hidden + 1) * stats.norm(0, bias_scale).logpdf(0))


@pytest.mark.parametrize(("hidden", "weight_decay"), [(2, 1.0), (3, 0.5)])
def test_map_is_training_with_weight_decay(hidden: int, weight_decay: float) -> None:
    lowest, p = best_training(hidden, weight_decay, 2.0, starts=60)

    fit = bc.fit(models.neural_network_weight_decay(hidden=hidden, weight_decay=weight_decay), "map")

    assert fit.status == "ok"
    assert -fit.log_density == pytest.approx(lowest + constant(hidden, weight_decay, 2.0), abs=1e-6)
    mine = [value for name, value in fit.values.items() if name.startswith("p[")]
    np.testing.assert_allclose(mine, p, atol=1e-4)


def test_map_is_scikit_learns() -> None:
    X, y, new = flowers()
    trained = []
    for seed in range(15):  # theirs stops at some minimum: the best of many trainings is the lowest
        network = MLPClassifier((2,), activation="tanh", solver="lbfgs", alpha=1.0, tol=1e-10, max_iter=20_000,
                                random_state=seed)  # fmt: skip
        trained.append(network.fit(X, y))
    best = min(trained, key=lambda network: network.loss_)

    wide = 1000.0  # their biases are not penalised
    fit = bc.fit(models.neural_network_weight_decay(hidden=2, weight_decay=1.0, bias_scale=wide), "map")

    assert -fit.log_density - constant(2, 1.0, wide) == pytest.approx(100 * best.loss_, abs=1e-3)
    mine = [value for name, value in fit.values.items() if name.startswith("p[")]
    np.testing.assert_allclose(mine, best.predict_proba(new)[:, 1], atol=1e-3)


@pytest.mark.slow
def test_what_the_docstring_says() -> None:
    model = models.neural_network_weight_decay()
    mode, other = (bc.fit(model, method, random_seed=1).values for method in ("map", "unconstrained_map"))
    nuts = bc.fit(model, "nuts", random_seed=1, options=bc.SamplerOptions(draws=2000, target_accept=0.95))
    assert nuts.draws is not None
    draws = dict(zip(nuts.names, nuts.draws.reshape(-1, len(nuts.names)).T, strict=True))

    for name in ("w[sepal_length, {}]", "w[sepal_width, {}]", "b[{}]", "v[{}]"):  # three units that are one
        assert [mode[name.format(h)] for h in (2, 3)] == pytest.approx([mode[name.format(1)]] * 2, abs=1e-4)
    assert mode["norm"] == pytest.approx(1.77, abs=0.01)
    assert draws["norm"].mean() == pytest.approx(3.8, abs=0.1)
    assert draws["norm"].std() == pytest.approx(0.8, abs=0.06)
    assert (draws["norm"] < mode["norm"]).mean() < 0.003

    assert mode["p[16]"] == pytest.approx(0.42, abs=0.005)
    assert other["p[16]"] == pytest.approx(0.91, abs=0.005)
    assert draws["p[16]"].mean() == pytest.approx(0.52, abs=0.03)
    assert draws["p[16]"].std() == pytest.approx(0.27, abs=0.02)


@pytest.mark.slow
def test_all_copies_of_the_mode_are_visited_and_agree() -> None:
    model = models.neural_network_weight_decay(identified=False)
    mode = bc.fit(models.neural_network_weight_decay(), "map").values
    copy = bc.fit(model, "map")
    assert copy.status == "ok"
    weights = [abs(value) for name, value in copy.values.items() if name.startswith("v[")]
    assert weights == pytest.approx([mode["v[1]"]] * 3, abs=1e-4)
    assert copy.values["p[16]"] == pytest.approx(mode["p[16]"], abs=1e-4)
    nuts = bc.fit(model, "nuts", random_seed=1, options=bc.SamplerOptions(draws=2000, target_accept=0.95))
    assert nuts.draws is not None
    for h in (1, 2, 3):
        positive = (nuts.draws[..., nuts.names.index(f"v[{h}]")] > 0).mean(axis=1)
        assert ((positive > 0.2) & (positive < 0.8)).all()  # each chain crosses from sign to sign


@pytest.mark.slow
@pytest.mark.parametrize(("features", "gain", "error"), [("sepal", -0.3, 0.3), ("all", -0.8, 0.2)])
def test_the_posterior_does_not_predict_better(features: str, gain: float, error: float) -> None:
    table = {name: np.array(column) for name, column in load("iris").items() if name != "flower"}
    names = ["sepal_length", "sepal_width", *(["petal_length", "petal_width"] if features == "all" else [])]
    known = table["y"] >= 0
    X, y = np.column_stack([table[name][known] for name in names]), table["y"][known]
    gains = []
    for seed in range(6):
        held = np.random.default_rng(seed).permutation(100)[60:]
        labels = y.copy()
        labels[held] = -1
        model = models.neural_network_weight_decay({"y": labels, **dict(zip(names, X.T, strict=True))})
        mode, nuts = (bc.fit(model, method, random_seed=seed) for method in ("map", "nuts"))
        assert nuts.draws is not None
        p = [i for i, name in enumerate(nuts.names) if name.startswith("p[")]
        truth = y[labels == -1] == 1
        score = [np.log(np.where(truth, q, 1 - q)).sum() for q in (mode.estimate[p], nuts.draws[..., p].mean((0, 1)))]
        gains.append(score[1] - score[0])
    assert np.mean(gains) == pytest.approx(gain, abs=0.1)
    assert np.std(gains) / np.sqrt(6) == pytest.approx(error, abs=0.1)
