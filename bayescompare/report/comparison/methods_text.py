"""The sections in words: methods to paste, glossary, provenance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...formatting import NO_BREAK, count, counted, fixed, plain
from ...metrics.thresholds import INFORMATIVE, K_HAT_MAX
from ...results.sentence import by_nuts
from ..parts import Code, Definitions, Details, Part, Prose, Section
from ..words import Words, name, visible
from . import focal
from . import gates as engines
from . import phrases as shown
from .scalars import Scalars

if TYPE_CHECKING:
    from ...results.comparison import Comparison
    from ...results.fit import Fit

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("MAP", "The point of highest likelihood times prior in the model’s own coordinates, no Jacobian."),
    ("Unconstrained MAP", "The highest point of the density that NUTS samples, Jacobian included, mapped back."),
    ("Laplace", "The Gaussian at the unconstrained MAP with its curvature, mapped back."),
    ("z", "MAP minus posterior mean, in posterior sd."),
    ("Rank", "Posterior probability below the MAP: its percentile in the marginal."),
    (
        "HDI level",
        "Mass of the smallest highest-density interval that reaches the MAP: 0 at the marginal’s own peak, 100 % far "
        "out in the tail. Estimated from draws it is biased upwards near a peak.",
    ),
    ("ETI", "Equal-tailed interval: as much of the posterior lies below it as above."),
    ("sd ratio", "Laplace sd over posterior sd. Below 1 the cheap interval is too narrow."),
    (
        "W₁",
        "Wasserstein distance between the Laplace and posterior marginals, in posterior sd. Two samples of one law do "
        "not give 0.",
    ),
    ("Quadratic regret", "Extra expected squared error of the MAP against the mean, in posterior variances: z²."),
    ("Absolute regret", "Extra expected absolute error of the MAP against the median, relative to the median’s."),
    ("Contraction", "1 minus posterior variance over prior variance: how much the data told."),
    (
        "Shifts",
        "By coordinates: MAP to unconstrained MAP. By push-forward: on to the Laplace mean. By shape: on to the mean.",
    ),
    (
        "Variance left out",
        "Share of a predictive variance that comes from not knowing the parameters: what a plug-in prediction lacks.",
    ),
    (
        "elpd",
        "Expected log predictive density, in nats: how well observations are predicted that were not seen. Here each "
        "in turn is left out.",
    ),
    ("PIT", "Probability that was predicted below what was then observed. Evenly spread where predictions hold."),
    ("Regret", "What acting on the MAP costs in expected loss, over the posterior, beyond the best action."),
    ("T", "Twice the log density lost from the mode to a draw. A Gaussian’s has a χ² law with d degrees of freedom."),
    ("Pareto k-hat", f"How heavy a tail importance weights have. From {K_HAT_MAX} on reweighting does not hold."),
    ("Basin", "The points from which the way uphill leads to one mode."),
    (
        "Power scaling",
        f"How far a marginal moves when prior or likelihood is raised to a power near 1. From {INFORMATIVE} on it is "
        "called informative.",
    ),
    ("Newton decrement", "Estimated distance of a mode from the top of its density, in nats."),
    ("R-hat, ESS", "Whether the chains agree, and how many independent draws theirs are worth."),
    ("E-BFMI", "Whether the sampler’s momentum lets it cross the energies of the posterior."),
    ("MCSE", "Monte-Carlo standard error: what more draws would reduce."),
    ("Margin", "The gap that counts as no difference, set before looking."),
)

REFERENCES = {
    "Abril-Pla et al. 2023": (
        "@article{abrilpla2023pymc, author={Abril-Pla, O. and Andreani, V. and Carroll, C. and Dong, L. and "
        "Fonnesbeck, C. J. and Kochurov, M. and Kumar, R. and Lao, J. and Luhmann, C. C. and Martin, O. A. and "
        "Osthege, M. and Vieira, R. and Wiecki, T. and Zinkov, R.}, title={PyMC: a modern, and comprehensive "
        "probabilistic programming framework in Python}, journal={PeerJ Computer Science}, volume={9}, "
        "pages={e1516}, year={2023}}"
    ),
    "Hoffman and Gelman 2014": (
        "@article{hoffman2014nuts, author={Hoffman, M. D. and Gelman, A.}, title={The No-U-Turn Sampler: adaptively "
        "setting path lengths in Hamiltonian Monte Carlo}, journal={Journal of Machine Learning Research}, "
        "volume={15}, pages={1593--1623}, year={2014}}"
    ),
    "Kallioinen et al. 2024": (
        '@article{kallioinen2024powerscaling, author={Kallioinen, N. and Paananen, T. and B{\\"u}rkner, P.-C. and '
        "Vehtari, A.}, title={Detecting and diagnosing prior and likelihood sensitivity with power-scaling}, "
        "journal={Statistics and Computing}, volume={34}, pages={57}, year={2024}}"
    ),
    "Magnusson et al. 2020": (
        "@inproceedings{magnusson2020loo, author={Magnusson, M. and Vehtari, A. and Jonasson, J. and Andersen, M.}, "
        "title={Leave-one-out cross-validation for Bayesian model comparison in large data}, booktitle={Proceedings of "
        "the 23rd International Conference on Artificial Intelligence and Statistics}, series={Proceedings of Machine "
        "Learning Research}, volume={108}, pages={341--351}, year={2020}}"
    ),
    "Paananen et al. 2021": (
        '@article{paananen2021implicitly, author={Paananen, T. and Piironen, J. and B{\\"u}rkner, P.-C. and Vehtari, '
        "A.}, title={Implicitly adaptive importance sampling}, journal={Statistics and Computing}, volume={31}, "
        "pages={16}, year={2021}}"
    ),
    "Tierney and Kadane 1986": (
        "@article{tierney1986, author={Tierney, L. and Kadane, J. B.}, title={Accurate approximations for posterior "
        "moments and marginal densities}, journal={Journal of the American Statistical Association}, volume={81}, "
        "pages={82--86}, year={1986}}"
    ),
    "Vehtari et al. 2017": (
        "@article{vehtari2017loo, author={Vehtari, A. and Gelman, A. and Gabry, J.}, title={Practical Bayesian model "
        "evaluation using leave-one-out cross-validation and WAIC}, journal={Statistics and Computing}, volume={27}, "
        "pages={1413--1432}, year={2017}}"
    ),
    "Vehtari et al. 2021": (
        "@article{vehtari2021rhat, author={Vehtari, A. and Gelman, A. and Simpson, D. and Carpenter, B. and "
        'B{\\"u}rkner, P.-C.}, title={Rank-normalization, folding, and localization: an improved R-hat for assessing '
        "convergence of MCMC}, journal={Bayesian Analysis}, volume={16}, pages={667--718}, year={2021}}"
    ),
    "Vehtari et al. 2024": (
        "@article{vehtari2024psis, author={Vehtari, A. and Simpson, D. and Gelman, A. and Yao, Y. and Gabry, J.}, "
        "title={Pareto smoothed importance sampling}, journal={Journal of Machine Learning Research}, volume={25}, "
        "number={72}, pages={1--58}, year={2024}}"
    ),
}


def methods(comparison: Comparison, scalars: Scalars) -> Section:
    """Build the section that says in sentences what was done, with the settings that ran."""
    versions = _versions(comparison)
    fits = comparison.fits
    cited = ["Abril-Pla et al. 2023"]
    said = [f"The model was written in PyMC{_version(versions, 'pymc')} (Abril-Pla et al. 2023)."]
    if "map" in fits:
        _, starts = engines.agreement(fits["map"])
        sought = f"; it was sought from {counted(starts, 'start')}" if starts else ""
        said.append(
            "The maximum a posteriori estimate maximises the likelihood times the prior in the model’s own "
            f"coordinates, without the Jacobian of any transform{sought}."
        )
    if "laplace" in fits:
        cited.append("Tierney and Kadane 1986")
        said.append(
            "The Laplace approximation (Tierney and Kadane 1986) is the Gaussian at the mode of the density on the "
            "unconstrained scale, Jacobian included, mapped back to the model’s coordinates."
        )
    marginal = fits.get("marginal_map") or fits.get("marginal_laplace")
    if marginal is not None and marginal.diagnostics:
        said.append(
            f"The marginal MAP is the mode of {', '.join(marginal.diagnostics['hyperparameters'])} with "
            f"{', '.join(marginal.diagnostics['latent'])} integrated out by Laplace’s approximation."
        )
    nuts = fits.get("nuts")
    if nuts is not None:
        cited += ["Hoffman and Gelman 2014", "Vehtari et al. 2021"] if by_nuts(nuts) else ["Vehtari et al. 2021"]
        said += _sampling(nuts, versions)
    said += _further(comparison, cited)
    margins = scalars.margins
    location, spread = plain(margins["location"], 3), plain(100 * math.expm1(margins["spread"]), 3)
    said.append(
        f"Intervals are equal-tailed with probability {plain(scalars.probability)}. The MAP was called the same where "
        f"its distance from the posterior mean and two of its errors lay within {location} posterior sd, and the "
        f"Laplace sd where it lay so within {spread}{NO_BREAK}% of the posterior’s."
    )
    own = _version(versions, "bayescompare")
    said.append(f"The comparison was made with bayescompare{own}. Every ± is one Monte-Carlo standard error.")
    bibtex = "\n".join(REFERENCES[key] for key in sorted(cited))
    results = [Prose(one) for one in _results(comparison, scalars)]
    parts: tuple[Part, ...] = (*results, Prose((" ".join(said),)), Details(("BibTeX",), (Code("BibTeX", bibtex),)))
    how = ("A sentence for each result, then the methods with the settings that ran, then BibTeX.",)
    return Section("methods", "Results and methods, to paste", how, (), parts, link="To paste")


def _results(comparison: Comparison, scalars: Scalars) -> list[Words]:
    """A sentence for each focal quantity: both estimates with their intervals; none where the draws do not hold."""
    sampler = comparison.verdict.layers.get("sampler")
    if sampler is None or str(sampler.state) == "failed":
        return []
    said: list[Words] = []
    for s in focal.chosen(comparison, scalars):
        ends = f"{plain(s['laplace_lb'], 3)} to {plain(s['laplace_ub'], 3)}"
        laplace = f" ({scalars.percent} Laplace interval {ends})" if math.isfinite(s["laplace_lb"]) else ""
        mode = f"MAP {s.mode}{laplace}; " if math.isfinite(s["map"]) else ""
        said.append((s.shown, f": {mode}posterior mean {s.mean} ({scalars.percent} interval {s.eti})."))
    return said


def _further(comparison: Comparison, cited: list[str]) -> list[str]:
    """What was done beyond the marginals, a sentence each; what is cited is added to the list."""
    said = []
    predicted = comparison.prediction
    if predicted and shown.value(predicted["elpd_diff"]) == shown.value(predicted["elpd_diff"]):
        cited += ["Vehtari et al. 2017", "Vehtari et al. 2024"]
        refits = int(shown.real(predicted.get("refits", 0)))
        n = int(predicted["observations"])
        said.append(
            "Predictions were compared by expected log predictive density: of the posterior by leave-one-out "
            "cross-validation with Pareto smoothed importance sampling (Vehtari et al. 2017, 2024), of the plug-in by "
            "finding the mode again without each observation."
        )
        if 0 < refits < n:
            cited.append("Magnusson et al. 2020")
            said.append(
                f"The mode was found again for {count(refits)} of {count(n)} observations, a random subsample, and for "
                "the others by one Newton step, mended by the difference estimator (Magnusson et al. 2020)."
            )
        if shown.value(predicted["k_hat_max"]) > K_HAT_MAX:
            cited.append("Paananen et al. 2021")
            said.append(
                "Observations whose Pareto k-hat was too high were left out by moving the draws, where that brought it "
                "down (Paananen et al. 2021)."
            )
    if comparison.sensitivity:
        cited.append("Kallioinen et al. 2024")
        said.append(
            "Sensitivity to the prior and to the likelihood was measured by power scaling (Kallioinen et al. 2024)."
        )
    return said


def glossary() -> Section:
    """Build the section that says what the words mean."""
    rows = tuple((term, (meaning.replace(" %", f"{NO_BREAK}%"),)) for term, meaning in GLOSSARY)
    return Section("glossary", "Glossary", (), (), (Definitions(rows, glossary=True),))


def provenance(comparison: Comparison, *, reproducible: bool) -> Section:
    """Build the section on what ran, where and with which seed."""
    found, settings = comparison.provenance, comparison.settings
    rows: list[tuple[str, Words]] = [("model", (name(comparison.model.name),))]
    if "seed" in settings:
        rows.append(("seed", (visible(str(settings["seed"])),)))
    rows.append(("fingerprint", (visible(comparison.model.fingerprint) or "not computed",)))
    settings_text = _settings({k: v for k, v in settings.items() if k != "seed"})
    if settings_text:
        rows.append(("settings", (settings_text,)))
    versions = _versions(comparison)
    if versions:
        rows.append(("versions", (", ".join(f"{visible(k)} {visible(v)}" for k, v in versions.items()),)))
    if not reproducible:
        if found.get("platform"):
            rows.append(("platform", (visible(str(found["platform"])),)))
        started, seconds = found.get("started"), engines.number(found, "seconds")
        lasted = f"{fixed(seconds, 0 if seconds >= 10 else 1)}{NO_BREAK}s in all" if not math.isnan(seconds) else ""
        if started or lasted:
            rows.append(("started", (", ".join(filter(None, (visible(str(started or "")), lasted))),)))
        if found.get("command"):
            rows.append(("command", (visible(str(found["command"])),)))
    return Section("provenance", "Provenance", (), (), (Definitions(tuple(rows)),))


def _sampling(nuts: Fit, versions: Mapping[str, str]) -> list[str]:
    """How the draws were made, as far as that is known; of draws made elsewhere it is said that they were."""
    found = nuts.diagnostics
    engine = visible(str(found.get("engine") or ""))
    if "origin" not in found and not by_nuts(nuts):
        said = f"The posterior was sampled by samplers of {engine}{_version(versions, engine)} that need no gradient"
    elif "origin" not in found:
        by = f"; {engine}{_version(versions, engine)}" if engine else ""
        said = f"The posterior was sampled with the No-U-Turn Sampler (Hoffman and Gelman 2014{by})"
    elif by_nuts(nuts):
        by = f"; {engine}" if engine else ""
        said = f"The draws of the posterior were made before, with the No-U-Turn Sampler (Hoffman and Gelman 2014{by})"
    else:
        said = "The draws of the posterior were made elsewhere" + (f", with {engine}" if engine else "")
        said += ", by a method that they do not tell"
    chains, draws, tune = (engines.number(found, key) for key in ("chains", "draws", "tune"))
    if not math.isnan(chains + draws):
        said += f", {counted(int(chains), 'chain')} of {counted(int(draws), 'draw')}"
        said += f" after {count(tune)} of tuning" if not math.isnan(tune) else ""
    accept = engines.number(found, "target_accept")
    said += f", target acceptance {plain(accept, 3)}" if not math.isnan(accept) else ""
    judged = "Convergence was judged by rank-normalised R-hat and by bulk and tail ESS (Vehtari et al. 2021)."
    return [f"{said}.", judged]


def _versions(comparison: Comparison) -> dict[str, str]:
    found = comparison.provenance.get("versions", {})
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, Mapping) else {}


def _version(versions: Mapping[str, str], package: str) -> str:
    version = {k.lower(): v for k, v in versions.items()}.get(package.lower())
    return f" {visible(version)}" if version else ""


def _settings(settings: Mapping[str, Any]) -> str:
    """Settings on one line: ``interval 0.94, margins (location 0.2, ...)``."""
    said = []
    for key, value in settings.items():
        if value is None:
            continue
        if isinstance(value, Mapping):
            inner = _settings(value)
            text = f"({inner})" if inner else ""
        elif isinstance(value, float):
            text = plain(value, 4)
        else:
            text = visible(str(value))
        if text:
            said.append(f"{visible(str(key)).replace('_', ' ')} {text}")
    return ", ".join(said)
