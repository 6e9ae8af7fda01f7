"""Codes of facts, and what a fact consists of. What decides looks at these; nothing decides by a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol


class Code(StrEnum):
    """What is so. Names in ``variables`` and keys of ``figures`` are told with each."""

    # -- no mode exists ---------------------------------------------------------------------------
    #: The density is highest as these scalars grow without limit.
    HIGHEST_AT_INFINITY = "highest_at_infinity"
    #: It grows without limit as this variable goes to ``to`` (``"0"``, ``"infinity"``, ``"the edge of its range"``).
    GROWS_WITHOUT_LIMIT = "grows_without_limit"
    #: It rises for ever along these variables, towards a limit.
    RISES_TOWARDS_A_LIMIT = "rises_towards_a_limit"
    # -- no mode was found ------------------------------------------------------------------------
    #: The likelihood does not depend on these variables: there is no MLE.
    ONLY_IN_PRIORS = "only_in_priors"
    #: Flat along these variables where the search ended.
    RIDGE = "ridge"
    #: Not concave along these variables where the search ended.
    SADDLE = "saddle"
    #: A ridge of the likelihood along these variables: the data alone do not identify them.
    NOT_IDENTIFIED = "not_identified"
    #: The same, where that was allowed: what the data do not identify is NaN.
    PARTLY_IDENTIFIED = "partly_identified"
    #: The Newton decrement is ``decrement`` nats after ``steps`` steps; these scalars, if any, lie at a slanting kink.
    NOT_CONVERGED = "not_converged"
    #: The density is zero or NaN at all of ``starts`` starts.
    NO_USABLE_START = "no_usable_start"
    #: It was left out: it takes more than the ``seconds`` that it was given.
    OVER_TIME = "over_time"
    #: An error ended the method; ``message`` is what it said.
    ERROR = "error"
    #: No MAP to begin at; the cause says why.
    NO_MAP = "no_map"
    #: No mode by ``method`` to leave observations out of.
    NO_MODE_TO_REFIT = "no_mode_to_refit"
    #: The curvature at the mode gives no Newton step.
    NO_NEWTON_STEP = "no_newton_step"
    #: The likelihood of an observation does not factorise; ``message`` says which distribution and why.
    NOT_FACTORISED = "not_factorised"
    #: A replicate's place that holds none.
    NOT_ASKED_FOR = "not_asked_for"
    # -- what to do -------------------------------------------------------------------------------
    #: A prior that is a probability makes a mode.
    ADVICE_PRIOR = "advice_prior"
    #: The priors of these variables are no probabilities; one that is makes a mode.
    ADVICE_PROPER_PRIOR = "advice_proper_prior"
    #: Use the posterior itself.
    ADVICE_POSTERIOR = "advice_posterior"
    #: Use the posterior, the marginal mode, or the non-centred form (of these group effects, where they are known).
    ADVICE_NON_CENTRED = "advice_non_centred"
    #: ``allow_unidentified=True`` gives what is identified.
    ADVICE_ALLOW_UNIDENTIFIED = "advice_allow_unidentified"
    # -- where a mode lies ------------------------------------------------------------------------
    #: This scalar lies on the boundary of its range.
    ON_BOUNDARY = "on_boundary"
    #: These scalars lie at a kink of the density.
    ON_KINK = "on_kink"
    #: The highest interior mode of a density that grows without limit as this variable goes to ``to``.
    HIGHEST_INTERIOR = "highest_interior"
    #: One of ``modes`` modes of one height.
    EQUAL_MODES = "equal_modes"
    #: One of ``states`` states of the discrete variables of one height.
    EQUAL_STATES = "equal_states"
    # -- how far a mode can be trusted ------------------------------------------------------------
    #: Only one of ``starts`` starts ended here.
    ONE_START = "one_start"
    #: Whether the curvature is positive in every direction could not be computed.
    CURVATURE_UNKNOWN = "curvature_unknown"
    #: A start reached ``gain`` nats more and did not converge.
    HIGHER_END = "higher_end"
    #: ``draws`` NUTS draws lie above the mode, by up to ``gain`` nats.
    DRAWS_ABOVE = "draws_above"
    #: Density and gradient by another route differ by ``gap``, relative.
    ROUTES_DIFFER = "routes_differ"
    #: Found without derivatives, as these operations have no gradient.
    WITHOUT_DERIVATIVES = "without_derivatives"
    #: ``failed`` of ``states`` states of the discrete variables have no mode; the cause is that of the first.
    STATES_WITHOUT_MODE = "states_without_mode"
    # -- Laplace ----------------------------------------------------------------------------------
    #: No unconstrained mode to approximate at; the cause says why.
    NO_UNCONSTRAINED_MODE = "no_unconstrained_mode"
    #: The mode (``mode``: unconstrained or marginal) lies on a boundary or kink (``place``), at these scalars.
    NO_WIDTH = "no_width"
    #: A dense Hessian of ``parameters`` parameters was not asked for.
    TOO_LARGE = "too_large"
    #: A full covariance of ``parameters`` parameters, over ``limit``, is not fitted.
    TOO_MANY = "too_many"
    #: The curvature at the mode is not positive definite.
    NOT_POSITIVE_DEFINITE = "not_positive_definite"
    #: The curvature at the mode is that between two kinks; the one over the posterior's width was taken.
    CREASED = "creased"
    #: The mode approximated at is ``status``; the causes are its reasons.
    MODE_NOT_OK = "mode_not_ok"
    #: No Laplace approximation at the unconstrained mode; what follows says why.
    NO_LAPLACE = "no_laplace"
    #: The posterior's density is 0 at most draws of the approximation.
    DRAWS_OUTSIDE = "draws_outside"
    #: The tail of the importance weights cannot be fitted.
    NO_TAIL = "no_tail"
    #: Pareto ``k_hat`` of the importance weights is not below ``limit``.
    K_HAT = "k_hat"
    # -- the sampler ------------------------------------------------------------------------------
    #: The draws are not by NUTS, as these operations have no gradient.
    NOT_BY_NUTS = "not_by_nuts"
    #: Some draws of this scalar are not finite.
    NOT_FINITE = "not_finite"
    #: All draws of this scalar are one value.
    CONSTANT = "constant"
    #: R-hat of this scalar is ``r_hat``, above ``limit``.
    R_HAT = "r_hat"
    #: The effective sample size of this scalar is ``ess``, below ``limit``.
    ESS = "ess"
    #: ``divergences`` in ``draws`` draws, more than the share ``limit``.
    DIVERGENCES = "divergences"
    #: E-BFMI is ``e_bfmi``, below ``limit``.
    E_BFMI = "e_bfmi"
    #: No draw lies in the basin of the mode that holds the share ``mass`` of the Laplace mass.
    UNSEEN_MODE = "unseen_mode"
    # -- marginal modes ---------------------------------------------------------------------------
    #: No marginal mode to approximate at; the cause says why.
    NO_MARGINAL_MODE = "no_marginal_mode"
    #: The curvature at the marginal mode is singular.
    MARGINAL_SINGULAR = "marginal_singular"
    #: The latent block has no mode at the marginal mode.
    LATENT_WITHOUT_MODE = "latent_without_mode"
    #: These positive scales are in the latent block.
    LATENT_SCALE = "latent_scale"
    #: The latent block (these variables) has a mode ``gain`` nats higher than the one integrated at.
    LATENT_HIGHER_MODE = "latent_higher_mode"
    #: The latent block (these variables) has several modes: ``ends`` of ``starts`` starts ended ``gain`` nats lower.
    LATENT_SEVERAL_MODES = "latent_several_modes"
    #: Not Gaussian enough given the hyperparameters, above all in these scalars: ``k_hat`` is not below ``limit``.
    LATENT_NOT_GAUSSIAN = "latent_not_gaussian"
    #: The chains over the hyperparameters have not mixed: ``r_hat``.
    HYPERPARAMETERS_NOT_MIXED = "hyperparameters_not_mixed"
    #: NUTS over the hyperparameters had ``divergences``.
    HYPERPARAMETERS_DIVERGE = "hyperparameters_diverge"
    #: The importance weights of the hyperparameters do not carry them: ``k_hat``, and ``ess`` effective draws.
    HYPERPARAMETERS_WEIGHTS = "hyperparameters_weights"
    # -- a scalar's row ---------------------------------------------------------------------------
    #: Some of its draws are not finite.
    SOME_NOT_FINITE = "some_not_finite"
    #: All of its draws are one value.
    ONE_VALUE = "one_value"
    #: An angle whose draws wind round the circle.
    WINDS = "winds"
    #: A tail's Pareto ``k_hat`` leaves it neither mean nor variance.
    NO_MEAN = "no_mean"
    #: A tail's Pareto ``k_hat`` leaves it no variance.
    NO_VARIANCE = "no_variance"
    #: Many draws share one value, so that it has no density.
    TIES = "ties"
    # -- gates and layers -------------------------------------------------------------------------
    #: ``agreeing`` of ``starts`` starts reach the mode; causes are what is to be known of it.
    MODE_FOUND = "mode_found"
    #: The search for the mode failed; causes say why.
    SEARCH_FAILED = "search_failed"
    #: ``r_hat``, ``ess``, and where they are known ``divergences`` and ``e_bfmi``, are as required.
    SAMPLER_SOUND = "sampler_sound"
    #: The sampler is not to be trusted; causes are its faults.
    SAMPLER_FAILED = "sampler_failed"
    #: Of this scalar the MAP lies ``z`` posterior sd from the mean.
    Z = "z"
    #: This scalar's posterior has no sd; the MAP is at this ``rank``.
    RANK = "rank"
    #: Of this scalar the Laplace sd over the posterior's is ``sd_ratio``.
    SD_RATIO = "sd_ratio"
    #: The mode of this scalar moves by ``shift`` posterior sd with the coordinates.
    SHIFT = "shift"
    #: Acting on the MAP costs the share ``share`` more expected loss, by the loss ``loss``.
    REGRET = "regret"
    #: The share ``share`` of the predictive variance is left out.
    VARIANCE_DISCARDED = "variance_discarded"
    #: The posterior predicts ``elpd_diff`` nats better.
    ELPD_DIFF = "elpd_diff"
    #: Coverage differs by at most the share ``share``.
    COVERAGE = "coverage"
    #: Pareto ``k_hat`` of the Laplace draws.
    LAPLACE_K_HAT = "laplace_k_hat"
    #: The same, with what it ``says``, where it stands for the posterior.
    TRIAGE_K_HAT = "triage_k_hat"
    #: The share ``share`` of the draws lies outside of the MAP's basin.
    OUTSIDE = "outside"
    #: Of this scalar the method's sd over the posterior's is ``sd_ratio``.
    METHOD_SD_RATIO = "method_sd_ratio"
    #: Of two sets of draws the second's mean of this scalar lies ``shift`` of the first's sd higher.
    SECOND_MEAN = "second_mean"
    #: The first has no sd of this scalar; the second's median has this ``rank`` in it.
    SECOND_MEDIAN = "second_median"
    #: The second's sd of this scalar is ``sd_ratio`` times the first's.
    SECOND_SD = "second_sd"
    #: Jointly the two are ``energy`` apart, with ``p``.
    ENERGY = "energy"
    #: The share ``share`` of the Laplace mass lies at other modes than the highest of ``modes``.
    OTHER_MODES = "other_modes"
    #: A gate failed, so that nothing is compared.
    GATE_FAILED = "gate_failed"
    #: No loss was named.
    NO_LOSS = "no_loss"
    #: No scalar has a MAP and an sd.
    NO_SCALAR = "no_scalar"
    #: There is no unconstrained MAP.
    NO_UNCONSTRAINED_MAP = "no_unconstrained_map"
    #: There is no Laplace approximation, and so no sd of one; the cause, if any, says why.
    NO_LAPLACE_SD = "no_laplace_sd"
    #: The tails of these scalars are too heavy for importance sampling, which gives no ``layer`` there.
    TAILS_TOO_HEAVY = "tails_too_heavy"
    #: ``observations`` are too few to tell coverages apart to ``margin``.
    TOO_FEW_OBSERVATIONS = "too_few_observations"
    #: What a layer is judged by was not computed; ``message`` says why.
    NOT_COMPUTED = "not_computed"
    # -- why a verdict is what it is -------------------------------------------------------------
    #: The density is highest at the edge of this scalar's range, ``at``.
    AT_EDGE = "at_edge"
    #: The posterior has ``modes`` modes, and the MAP's holds the share ``share``.
    SEVERAL_MODES = "several_modes"
    #: The joint mode ignores the volume in these variables: the marginal mode does not differ.
    LATENT_VOLUME = "latent_volume"
    #: The data say little of this scalar: ``contraction`` is what they take off its prior's variance.
    WEAKLY_IDENTIFIED = "weakly_identified"
    #: The posterior of this scalar is skewed by ``skewness``.
    SKEWED = "skewed"
    #: The curvature at the mode is not that over the posterior's width, above all of this scalar.
    CURVATURE = "curvature"
    # -- why there is no figure, or how it must be read -----------------------------------------
    #: As of the likelihood term named; the cause is the term's own.
    OF_TERM = "of_term"
    #: Its Monte-Carlo error is not known.
    NO_ERROR = "no_error"
    #: A tail's Pareto ``k_hat`` leaves it no error.
    TAIL_WITHOUT_ERROR = "tail_without_error"
    #: There is no finite MAP to act on.
    NO_FINITE_MAP = "no_finite_map"
    #: The expected loss has no minimum within reach of the draws.
    NO_MINIMUM = "no_minimum"
    #: The loss is infinite at some draws.
    INFINITE_LOSS = "infinite_loss"
    #: A tail's Pareto ``k_hat`` leaves no expected loss.
    NO_EXPECTED_LOSS = "no_expected_loss"
    #: The action is any number, so that it hardly ever is the plug-in's.
    ANY_ACTION = "any_action"
    #: The Bayes action loses nothing in any draw.
    NOTHING_LOST = "nothing_lost"
    #: It loses in no draw, and counts as if it did in half of one.
    LOSES_IN_NO_DRAW = "loses_in_no_draw"
    #: The predictive variance of ``count`` of ``of`` observations does not exist.
    INFINITE_VARIANCE = "infinite_variance"
    #: That of ``count`` of ``of`` observations is 0.
    ZERO_VARIANCE = "zero_variance"
    #: The parameters move the width of the predictions, not their mean.
    MEAN_FIXED = "mean_fixed"
    #: ``count`` of ``of`` observations have a k-hat above ``limit``, up to ``worst`` where that is told.
    K_HAT_BAD = "k_hat_bad"
    #: An observation has no density under any draw.
    NO_DENSITY = "no_density"
    #: Every observation was mended.
    ALL_MENDED = "all_mended"
    #: The MAP without one observation was not found for ``count`` of ``of``.
    REFITS_FAILED = "refits_failed"
    #: The one-step MAP without one observation has no density for some.
    ONE_STEP_FAILED = "one_step_failed"
    #: One observation has no standard error.
    ONE_OBSERVATION = "one_observation"
    #: ``draws`` are too few for a Pareto tail, which takes ``limit``.
    FEW_FOR_TAIL = "few_for_tail"
    #: The posterior's density is infinite at a draw of the approximation.
    DENSITY_INFINITE = "density_infinite"
    #: What a ``k_hat`` says of the approximation it is of; weights are usable below ``limit``.
    K_HAT_SAYS = "k_hat_says"
    #: Some draws have no finite log density.
    HEIGHT_NOT_FINITE = "height_not_finite"
    #: The MAP has no finite unconstrained coordinates.
    NO_COORDINATES = "no_coordinates"
    #: ``draws`` do not span ``dimensions``.
    DRAWS_DO_NOT_SPAN = "draws_do_not_span"
    #: ``draws`` effective ones are too few for a covariance in ``dimensions``.
    FEW_FOR_COVARIANCE = "few_for_covariance"
    #: The density of the component that is scaled is 0 at some draws.
    COMPONENT_ZERO = "component_zero"
    #: The MAP lies on a boundary or a kink.
    MAP_AT_EDGE = "map_at_edge"
    #: ``parameters`` are too many for a dense Hessian.
    NO_DENSE_HESSIAN = "no_dense_hessian"
    #: A quantity of the user's has no gradient.
    NO_GRADIENT = "no_gradient"
    #: No draws.
    NO_DRAWS = "no_draws"
    #: Too few effective draws.
    FEW_EFFECTIVE_DRAWS = "few_effective_draws"
    #: The priors of these variables are no probabilities: there is no evidence.
    NO_EVIDENCE = "no_evidence"
    #: Without an unconstrained mode there are no basins.
    NO_BASINS = "no_basins"
    #: The observations are vectors.
    VECTORS = "vectors"
    #: There are no observations.
    NO_ROWS = "no_rows"
    #: There is no observed variable.
    NO_OBSERVED = "no_observed"
    #: The observations are not numbers.
    NOT_NUMBERS = "not_numbers"
    #: The likelihood has no moments; ``message`` says why.
    NO_MOMENTS = "no_moments"
    #: Its values have no intervals; ``message`` says why.
    NO_INTERVALS = "no_intervals"
    #: It cannot be drawn from; ``message`` says why.
    NOT_DRAWN = "not_drawn"
    #: No replicate has this figure.
    NO_REPLICATE = "no_replicate"
    #: A single replicate has no Monte-Carlo error.
    ONE_REPLICATE = "one_replicate"
    #: ``ranks`` are too few.
    FEW_RANKS = "few_ranks"
    #: In ``count`` of ``of`` replicates some fresh data have no density.
    NO_DENSITY_OF_FRESH = "no_density_of_fresh"
    # -- files ------------------------------------------------------------------------------------
    #: A reason of a file of version 1, which has sentences only: ``text``.
    UNTYPED = "untyped"


#: Codes that say that there is no mode, not merely that none was found.
NO_MODE_EXISTS = frozenset({Code.HIGHEST_AT_INFINITY, Code.GROWS_WITHOUT_LIMIT, Code.RISES_TOWARDS_A_LIMIT})


class Fact(Protocol):
    """What a sentence is made of: see :class:`bayescompare.reasons.Reason`."""

    @property
    def code(self) -> Code: ...

    @property
    def variables(self) -> tuple[str, ...]: ...

    @property
    def figures(self) -> Mapping[str, float | int | str]: ...

    @property
    def causes(self) -> Sequence[Fact]: ...
