"""A policy tuned to preferences (RLHF) is a MAP estimate, and it believes every reward that it was tuned to.

Rewards learned from comparisons, and a penalty on drifting away from a reference policy: the best policy is then the
reference times exp(reward / beta). With a prior on the rewards, which is a prior on the policy centred on the
reference, training finds MAP. Here it promises 1.99 more reward than the reference gives. The posterior expects 1.54 ±
0.56 of that same policy, and the truth (the data are made up) is 1.48. Giving the best of 64 answers: 2.29 promised,
1.78 expected, 1.69 true. The more a policy is optimised, the more of its gain is noise that was optimised too.

Why MAP promises too much: how far the rewards spread is learned, and the joint mode puts ``reward_scale`` at 1.97,
where the posterior says 1.0 ± 0.3 (MAP lies at its 99th percentile). The prior that should have held the policy back
is as wide as it can be. With the scale given (``reward_scale=1``) MAP promises 1.25, a little less than the posterior
expects (1.34).

Question
--------
Which of 16 answers to one question should a language model give, after 80 comparisons, without leaving its reference
policy far behind?

Data
----
Illustrative, made up: 16 answers with rewards drawn from Normal(0, 1) and a reference policy over them; 80 pairs drawn
from that policy, and for each which one was preferred, with Bradley-Terry odds. So the answers that the reference
hardly gives are hardly compared. Nobody was asked, and no language model. Columns as in data for direct preference
optimisation: ``first``, ``second``, ``first_preferred``, and both log probabilities under the reference.

Model
-----
::

    reward_scale         ~ HalfNormal(1)                            unless given
    reward_k             ~ Normal(0, reward_scale)                  log odds of being preferred to an answer of reward 0
    first preferred      ~ Bernoulli(logit⁻¹(reward_first - reward_second))
    policy_k             ∝ reference_k exp(reward_k / beta)
    drift                = KL(policy || reference), in nats

``reward`` is written non-centred where its scale is learned, by ``reward_t`` ~ Normal(0, 1).

What MAP does, and why
----------------------
The policy at MAP maximises expected reward less beta · KL, with MAP's rewards: a test finds the same policy by direct
search. Put the rewards as beta · log(policy / reference), and the likelihood is the loss of direct preference
optimisation (Rafailov et al. 2023); another test minimises that, with the prior as an L2 penalty, over policies. The
penalty is what limits drift: with ``reward_scale`` 0.25, 1 and 4 MAP drifts by 0.07, 1.23 and 1.89 nats. Learned, the
scale runs up as in ``radon``: a wider scale lets every ``reward_t`` be smaller, and small ones are the likeliest.

:func:`tuned` and :func:`best_of_n` give the policies in closed form. The mode has one reward for each answer, so it
cannot tell a good answer from a lucky one.

Options
-------
beta : what one nat of drift costs in reward (0.5)
reward_scale : sd of the rewards' prior; learned where none is given

References
----------
Rafailov, R., et al. (2023). Direct preference optimization: your language model is secretly a reward model. NeurIPS.
arXiv:2305.18290.
Korbak, T., Perez, E., and Buckley, C. L. (2022). RL with KL penalties is better viewed as Bayesian inference. EMNLP.
arXiv:2205.11275.
Gao, L., Schulman, J., and Hilton, J. (2023). Scaling laws for reward model overoptimization. ICML. arXiv:2210.10760.
Bradley, R. A., and Terry, M. E. (1952). Rank analysis of incomplete block designs. Biometrika 39, 324-345.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import ArrayLike, NDArray

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import Array, columns, groups, load
from bayescompare.templates.options import positive


@template(
    title="A policy from preferences (RLHF)",
    question="Which of 16 answers should a language model give, after 80 comparisons, near its reference policy?",
    finding="MAP's policy promises more reward than the posterior expects, and more than it gets.",
    tags=("hierarchical", "decision", "language-models", "illustrative"),
    parameters=17,
    observations=80,
    focus=("policy",),
    losses=("best of reward",),
    sampler={"target_accept": 0.95},  # the funnel below a reward_scale of 0.5 needs short steps
)
def rlhf_policy(data: Any = None, *, beta: float = 0.5, reward_scale: float | None = None) -> pm.Model:
    """Bradley-Terry rewards, and the policy that they and a reference policy make.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``first`` and ``second`` (names of the answers compared), ``first_preferred`` (0 or 1), ``logp_first``
        and ``logp_second`` (log probabilities under the reference policy).
    beta : float
        Strength of the KL penalty: what one nat of drift costs in reward.
    reward_scale : float, optional
        Sd of the rewards' prior, in log odds of being preferred; learned where none is given.
    """
    owner = "rlhf_policy"
    strength = positive(owner, "beta", beta)
    fixed = None if reward_scale is None else positive(owner, "reward_scale", reward_scale)
    answers, first, second, preferred, reference = _read(owner, load("preferences") if data is None else data)

    with pm.Model(coords={"answer": answers, "comparison": range(1, len(first) + 1)}) as model:
        a = pm.Data("first", first, dims="comparison")
        b = pm.Data("second", second, dims="comparison")
        log_reference = pm.Data("log_reference", reference, dims="answer")
        observed = pm.Data("first_preferred_data", preferred, dims="comparison")

        if fixed is None:
            scale = pm.HalfNormal("reward_scale", 1.0)
            standard = pm.Normal("reward_t", 0.0, 1.0, dims="answer")
            reward = pm.Deterministic("reward", scale * standard, dims="answer")
        else:
            reward = pm.Normal("reward", 0.0, fixed, dims="answer")
        tilted = log_reference + reward / strength
        log_policy = tilted - pm.math.logsumexp(tilted)
        policy = pm.Deterministic("policy", pm.math.exp(log_policy), dims="answer")
        pm.Deterministic("drift", (policy * (log_policy - log_reference)).sum())
        pm.Bernoulli("first_preferred", logit_p=reward[a] - reward[b], observed=observed, dims="comparison")
    return model


def tuned(reference: ArrayLike, reward: ArrayLike, beta: float) -> Array:
    """The policy that maximises expected reward less ``beta`` times its KL divergence from the reference.

    Parameters
    ----------
    reference, reward : array_like of shape (k,)
        Probabilities, and rewards.

    Returns
    -------
    ndarray of shape (k,)
    """
    r = np.asarray(reward, dtype=float)
    weights = np.asarray(reference, dtype=float) * np.exp((r - r.max()) / beta)
    return np.asarray(weights / weights.sum())


def best_of_n(reference: ArrayLike, reward: ArrayLike, n: int) -> Array:
    """The policy of drawing ``n`` answers from the reference and giving the one with the highest reward.

    Parameters
    ----------
    reference, reward : array_like of shape (k,)
        Probabilities, and rewards, no two of them the same.

    Returns
    -------
    ndarray of shape (k,)
        The answer of rank j is given if all n draws rank at most j and not all below: F_j^n - F_(j-1)^n.
    """
    order = np.argsort(np.asarray(reward, dtype=float))
    cdf = np.concatenate([[0.0], np.cumsum(np.asarray(reference, dtype=float)[order])])
    policy = np.empty(len(order))
    policy[order] = np.diff((cdf / cdf[-1]) ** n)
    return policy


def _read(owner: str, data: Any) -> tuple[list[Any], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Array]:
    """Names of the answers, who was compared with whom, who was preferred, log reference policy over the answers."""
    table = columns(owner, data, {"first_preferred": "binary", "logp_first": "real", "logp_second": "real"})
    (names_1, first), (names_2, second) = (groups(owner, data, name) for name in ("first", "second"))
    answers = sorted({*names_1, *names_2}, key=str)
    place = {name: i for i, name in enumerate(answers)}
    first, second = (np.array([place[n] for n in names])[i] for names, i in ((names_1, first), (names_2, second)))
    if len(first) != len(table["logp_first"]) or len(second) != len(first):
        raise DataError(f"{owner}: the columns have different lengths. Give every column the same number of values.")
    if (first == second).any():
        row = int((first == second).argmax())
        raise DataError(f"{owner}: row {row}, counted from 0, compares {answers[first[row]]!r} with itself. Drop it.")
    reference = np.full(len(answers), np.nan)
    for index, logp in ((first, table["logp_first"]), (second, table["logp_second"])):
        reference[index] = logp
    for index, logp in ((first, table["logp_first"]), (second, table["logp_second"])):
        unlike = np.abs(reference[index] - logp) > 1e-6
        if unlike.any():
            row = int(unlike.argmax())
            raise DataError(
                f"{owner}: answer {answers[index[row]]!r} has one log probability in row {row}, counted from 0, and "
                f"another elsewhere. The reference policy must give each answer one."
            )
    return answers, first, second, table["first_preferred"].astype(int), reference - np.logaddexp.reduce(reference)
