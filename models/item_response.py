"""A test of five questions: MAP finds one that decides everything, and it is an artefact.

In the two-parameter logistic model a person's ability and a question's discrimination are multiplied. Nobody's
ability is known from five answers, so 250 abilities are estimated along with 5 discriminations. MAP gives question 3 a
discrimination of 48: a step function that sorts people into able and unable. Its posterior has 0.93 ± 0.34, much like
that of the other four.

The reason is not a lack of people. Each brings an unknown of its own, so the mode of everything together gets no
better with more of them: with 1,000 the discrimination is 846. Neyman and Scott (1948) showed the like for maximum
likelihood. The cure has been standard in testing since Bock and Aitkin (1981): integrate the abilities out
(``abilities="integrated"``). The mode of what is left is 0.84, and none of the ten numbers is more than 0.32
posterior sd from its posterior mean.

Question
--------
How hard are five questions of a test, and how well do they tell the able from the unable?

Data
----
The Law School Admission Test, section 6: answers of 1,000 people to five questions, right (1) or wrong, as the number
of ``people`` for each pattern of ``item_1`` to ``item_5``. Bock and Lieberman (1970); from the BUGS examples (LSAT),
by way of posteriordb (BSD-3-Clause).

Model
-----
::

    discrimination_i   ~ LogNormal(0, prior_scale)
    easiness_i         ~ Normal(0, 3)
    ability_p          ~ Normal(0, 1)
    answer_pi          ~ Bernoulli(logit⁻¹(discrimination_i * ability_p + easiness_i))

Integrated, the likelihood of a pattern is its average over ability, by Gauss-Hermite quadrature with 31 nodes.

What MAP does, and why
----------------------
Abilities are likeliest near 0. A large discrimination keeps its predictions with abilities shrunk towards 0, and each
of the 250 gains a little. What it costs is volume: a sharp question leaves each ability less room to be wrong. The
joint mode does not count that.

Options
-------
abilities : "explicit" (default) or "integrated"
n : how many of the 1,000 people to use, 50 to 1000 (250), spread evenly over the patterns. Your own data are used
whole.
prior_scale : sd of the log discriminations' prior (0.5)

References
----------
Bock, R. D., and Lieberman, M. (1970). Fitting a response model for n dichotomously scored items. Psychometrika 35,
179-197.
Bock, R. D., and Aitkin, M. (1981). Marginal maximum likelihood estimation of item parameters: application of an EM
algorithm. Psychometrika 46, 443-459.
Neyman, J., and Scott, E. L. (1948). Consistent estimates based on partially consistent observations. Econometrica 16,
1-32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import Array, columns, load, names, whole_numbers
from bayescompare.templates.options import choice, positive, whole


@template(
    title="Item response",
    question="How hard are five questions of a test, and how well do they tell the able from the unable?",
    finding="MAP of 250 abilities and 5 questions: one discrimination runs far beyond its posterior.",
    tags=("hierarchical", "psychometrics", "quadrature", "real-data"),
    parameters=260,
    observations=1250,
    focus=("discrimination", "easiness"),
    sampler={"draws": 2000},  # discriminations move slowly: 4 x 1000 draws leave R-hat at 1.01
)
def item_response(data: Any = None, *, abilities: str = "explicit", n: int = 250, prior_scale: float = 0.5) -> pm.Model:
    """Two-parameter logistic model of right and wrong answers.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        A row for each pattern of answers, or each person: columns of 0 and 1, one for each item, and, if you like,
        ``people``, how many gave that pattern.
    abilities : {"explicit", "integrated"}
        Whether each person's ability is a free variable, or integrated out.
    n : int
        How many of the shipped people to use; your own data are used whole.
    prior_scale : float
        Sd of the prior of the log discriminations.
    """
    chosen = choice("item_response", "abilities", abilities, ("explicit", "integrated"))
    scale = positive("item_response", "prior_scale", prior_scale)
    items, answers, people = _patterns(load("lsat") if data is None else data)
    if data is None:
        people = _spread(people, whole("item_response", "n", n, 50, int(people.sum())))

    with pm.Model(coords={"item": items}) as model:
        discrimination = pm.LogNormal("discrimination", 0.0, scale, dims="item")
        easiness = pm.Normal("easiness", 0.0, 3.0, dims="item")
        if chosen == "explicit":
            model.add_coord("person", range(1, int(people.sum()) + 1))
            observed = pm.Data("answers", np.repeat(answers, people, axis=0), dims=("person", "item"))
            ability = pm.Normal("ability", 0.0, 1.0, dims="person")
            logit = discrimination * ability[:, None] + easiness
            pm.Bernoulli("answer", logit_p=logit, observed=observed, dims=("person", "item"))
        else:
            model.add_coord("pattern", range(1, len(people) + 1))
            right = pm.Data("answers", answers.astype(float), dims=("pattern", "item"))
            count = pm.Data("people", people.astype(float), dims="pattern")
            nodes, weights = np.polynomial.hermite_e.hermegauss(31)
            logit = discrimination[:, None] * nodes + easiness[:, None]
            # log p of a right answer is minus softplus(-logit); of a wrong one that less the logit.
            each = (right[:, :, None] * logit - pt.softplus(logit)).sum(axis=1)
            log_average = pt.logsumexp(each + np.log(weights / weights.sum()), axis=1)
            pm.Potential("likelihood", (count * log_average).sum())
    return model


def _patterns(data: Any) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Names of the items, answers of shape (patterns, items), and people for each pattern."""
    found = names("item_response", data)
    items = [name for name in found if name != "people"]
    if len(items) < 2:
        raise DataError(
            f"item_response: there are {len(items)} columns of answers in the data, but abilities need at least 2. "
            f"Give a column of 0 and 1 for each item."
        )
    table: dict[str, Array] = columns("item_response", data, dict.fromkeys(items, "binary"))
    answers = np.column_stack([table[name] for name in items]).astype(np.int64)
    if "people" not in found:
        return items, answers, np.ones(len(answers), dtype=np.int64)
    people = columns("item_response", data, {items[0]: "binary", "people": "nonnegative"})["people"]
    return items, answers, whole_numbers("item_response", "people", people)


def _spread(people: np.ndarray[Any, np.dtype[np.int64]], n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """People for each pattern of ``n`` that are taken evenly from all."""
    total = int(people.sum())
    pattern = np.repeat(np.arange(len(people)), people)
    return np.bincount(pattern[np.arange(n) * total // n], minlength=len(people))
