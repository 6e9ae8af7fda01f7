"""A neural network trained with weight decay is a MAP estimate: here a network whose three hidden units are one.

Weight decay is a normal prior, the training loss is minus the log posterior, and training finds a mode. The cheapest
way to fit these data is to make all three hidden units copies of each other, so MAP does: its weights have length 1.8,
the posterior's 3.8 ± 0.8, and not one draw in 300 has less. The networks that the posterior holds are larger and all
different.

Show it flowers of a kind that it never saw. For one of them MAP says "virginica" with 42 %. Take the mode in other
coordinates (the logs of the output weights), and it says 91 %: there the units differ. Both are modes of one
posterior, which says 52 ± 27 %: it does not know. Near the data the two agree, and there the posterior even predicts a
little worse.

Question
--------
Is an iris versicolor or virginica, by its sepals? And what does the answer mean for a flower of neither kind?

Data
----
Fisher's irises (1936), as scikit-learn ships them: length and width of sepals and petals in cm, of 50 versicolor
(``y`` = 0), 50 virginica (1), and every fifth of the 50 setosa (-1: no label; predicted only). Predictors are
standardised by the labelled flowers.

Model
-----
::

    w_jh, v_h  ~ Normal(0, 1/√weight_decay)           weights into and out of hidden unit h; v above 0
    b_h, c     ~ Normal(0, bias_scale)
    logit_i    = c + Σ_h v_h tanh(b_h + Σ_j w_jh x_ij)
    y_i        ~ Bernoulli(logit⁻¹(logit_i))

``p`` is the probability for the unlabelled flowers, ``norm`` the length of all weights. Swapping two units, or turning
all signs around one, changes nothing: each set of weights has 3! · 2³ = 48 copies. Output weights above 0 leave 6 of
them. With ``identified=False`` MAP has 8 copies, the posterior mean of every weight is 0, and ``p`` is the same.

What MAP does, and why
----------------------
It equals scikit-learn's ``MLPClassifier(activation="tanh", alpha=weight_decay)`` with a wide prior on the biases,
which a test holds: the same loss, and the same minimum as the best of many trainings. Its tanh bends, so three units
under a small load give more for their squared weights than one under a large load: the mode spreads the work evenly.
Away from the data a network says whatever its few surviving units say there; the posterior averages over all networks
that fit, and these disagree.

Does it predict better? No. Over six splits into 60 and 40 flowers, its log score on the 40 differs from MAP's by -0.3
± 0.3 nats, and with the petals as well (``features="all"``) by -0.8 ± 0.2. Wenzel et al. (2020) find the same for deep
networks: with priors such as these the Bayes posterior predicts worse than training does.

Options
-------
hidden : hidden units, 1 to 20 (3)
weight_decay : the penalty's factor, for a loss that is a sum over rows (0.5: a prior sd of 1.4)
bias_scale : sd of the biases' prior (2)
features : "sepal" (default) or "all"
identified : output weights above 0 (True)

References
----------
MacKay, D. J. C. (1992). A practical Bayesian framework for backpropagation networks. Neural Computation 4, 448-472.
Neal, R. M. (1996). Bayesian Learning for Neural Networks. Springer.
Wenzel, F., et al. (2020). How good is the Bayes posterior in deep neural networks really? ICML. arXiv:2002.02405.
Fisher, R. A. (1936). The use of multiple measurements in taxonomic problems. Annals of Eugenics 7, 179-188.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import Array, columns, labels, load, names
from bayescompare.templates.options import choice, positive, whole


@template(
    title="Neural network with weight decay",
    question="Is an iris versicolor or virginica, by its sepals; and what of a flower of neither kind?",
    finding="MAP makes three hidden units one, and is too sure of a flower never seen.",
    tags=("classification", "neural-network", "weight-decay", "multimodal", "real-data"),
    parameters=13,
    observations=100,
    focus=("p",),
    sampler={"target_accept": 0.95},  # where units swap, the posterior bends,
)
def neural_network_weight_decay(
    data: Any = None,
    *,
    hidden: int = 3,
    weight_decay: float = 0.5,
    bias_scale: float = 2.0,
    features: str = "sepal",
    identified: bool = True,
) -> pm.Model:
    """One hidden layer of tanh units, normal priors on weights and biases.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``y``: 0 or 1, or -1 for a row without a label, which is predicted only. Every other column but
        ``flower`` (names of the rows, if you like) is a predictor.
    hidden : int
        Hidden units.
    weight_decay : float
        The penalty's factor: ``weight_decay / 2`` times the sum of squared weights, added to the summed loss.
    bias_scale : float
        Sd of the biases' prior.
    features : {"sepal", "all"}
        Of the shipped flowers: length and width of the sepals alone, or of the petals too.
    identified : bool
        Output weights above 0. False: any sign, with 2^hidden copies of each mode.
    """
    owner = "neural_network_weight_decay"
    units = whole(owner, "hidden", hidden, 1, 20)
    tau = 1 / np.sqrt(positive(owner, "weight_decay", weight_decay))
    spread = positive(owner, "bias_scale", bias_scale)
    table = _flowers(choice(owner, "features", features, ("sepal", "all"))) if data is None else data
    inputs, values, y, rows = _read(owner, table)
    known = y >= 0
    values = (values - values[known].mean(axis=0)) / values[known].std(axis=0)
    coords = {
        "input": inputs,
        "unit": range(1, units + 1),
        "row": [r for r, k in zip(rows, known, strict=True) if k],
        "new": [r for r, k in zip(rows, known, strict=True) if not k],
    }

    with pm.Model(coords=coords) as model:
        X = pm.Data("X", values[known], dims=("row", "input"))
        X_new = pm.Data("X_new", values[~known], dims=("new", "input"))
        observed = pm.Data("y_data", y[known].astype(int), dims="row")

        w = pm.Normal("w", 0.0, tau, dims=("input", "unit"))
        b = pm.Normal("b", 0.0, spread, dims="unit")
        v = pm.HalfNormal("v", tau, dims="unit") if identified else pm.Normal("v", 0.0, tau, dims="unit")
        c = pm.Normal("c", 0.0, spread)

        def logit(x: Any) -> Any:
            # Not x @ w: PyTensor compiles its matrix product for 40 s, once on each machine; a sum compiles at once.
            return c + (v * pm.math.tanh(b + (x[:, :, None] * w).sum(1))).sum(-1)

        pm.Deterministic("norm", pm.math.sqrt((w**2).sum() + (v**2).sum()))
        if not known.all():
            pm.Deterministic("p", pm.math.sigmoid(logit(X_new)), dims="new")
        pm.Bernoulli("y", logit_p=logit(X), observed=observed, dims="row")
    return model


def _flowers(features: str) -> dict[str, list[Any]]:
    shipped = load("iris")
    dropped = () if features == "all" else ("petal_length", "petal_width")
    return {name: column for name, column in shipped.items() if name not in dropped}


def _read(owner: str, data: Any) -> tuple[list[str], Array, Array, list[Any]]:
    """Names and values of the predictors, labels, and names of the rows."""
    inputs = [name for name in names(owner, data) if name not in ("y", "flower")]
    if not inputs:
        raise DataError(f"{owner}: there is no column beside 'y' in the data. Add at least one predictor.")
    arrays = columns(owner, data, dict.fromkeys(["y", *inputs], "real"))
    y = arrays["y"]
    strange = ~np.isin(y, (-1.0, 0.0, 1.0))
    if strange.any():
        row = int(strange.argmax())
        raise DataError(
            f"{owner}: {strange.sum()} of the {len(y)} values in column 'y' are not 0, 1 or -1 (no label); the first "
            f"is {y[row]:g} in row {row}, counted from 0. Recode them."
        )
    values = np.column_stack([arrays[name] for name in inputs])
    labelled = values[y >= 0]
    constant = labelled.min(axis=0) == labelled.max(axis=0) if len(labelled) else np.ones(len(inputs), bool)
    if constant.any():
        raise DataError(
            f"{owner}: column {inputs[int(constant.argmax())]!r} has the same value in every labelled row, so it "
            f"predicts nothing and cannot be standardised. Leave it out, or label more rows."
        )
    return inputs, values, y, labels(owner, data, "flower", len(y))
