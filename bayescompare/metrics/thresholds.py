"""Every threshold that a figure is judged by, but for the margins (:class:`bayescompare.metrics.verdict.Margins`).

Each has its home here alone; ``methods`` and ``studies`` have those of their algorithms.
"""

#: Probability of intervals, unless another is asked for.
INTERVAL = 0.94

#: What the sampler must reach, on the free variables' scalars; of divergences the share of all draws.
R_HAT_MAX = 1.01
NEARLY_MIXED = 1.05  # an R-hat up to which more draws are the remedy, and not another form of the model
ESS_MIN = 400.0
DIVERGENCES_MAX = 0.002
E_BFMI_MIN = 0.3

#: Starts that must agree on a mode, and its largest Newton decrement, nats.
STARTS_MIN = 2
DECREMENT_MAX = 1e-8

#: Pareto k-hat from which importance weights are not relied on.
K_HAT_MAX = 0.7

#: Power-scaling sensitivity from which a part of the model is called informative (Kallioinen et al. 2024).
INFORMATIVE = 0.05

#: Standard errors that a difference must exceed to be told apart from 0.
TOLD_APART = 2.0

#: Largest p-value that can be called a difference: that of two errors beyond, one-sided.
P_VALUE_MAX = 0.0228

#: Posterior sd by which a mode must move to be another point.
MOVED = 0.005

#: Share of a study's fits without an estimate up to which the others are set against NUTS.
LOST_MAX = 0.02

#: Level of the tests of uniform ranks, over the number of tests.
RANKS_LEVEL = 0.05
