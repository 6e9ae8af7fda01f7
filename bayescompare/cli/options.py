"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import MissingFileError

if TYPE_CHECKING:
    from ..methods.sampler_options import SamplerOptions
    from ..templates.loading import Target

ENGINES = ("nutpie", "pymc", "numpyro", "blackjax")
LARGEST_SEED = 2**32 - 1
SAMPLER = ("draws", "tune", "chains", "target_accept", "engine")

STDOUT = Path("-")
"""Where a file is asked for: standard output."""

FILE = click.Path(path_type=Path)


class Share(click.ParamType[float]):
    """A number between 0 and 1, both excluded (NaN too, which click's own range lets pass)."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it, or fail with exit code 2."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number < 1:
            self.fail(f"{value} does not lie between 0 and 1.", param, ctx)
        return number


def model_options[F: Callable[..., Any]](function: F) -> F:
    """TARGET, and what its model is built from."""
    for decorate in (
        click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an option of the model."),
        click.option("--data", type=FILE, metavar="FILE", help="Data for the model: .json, .csv or .parquet."),
        click.argument("target", metavar="TARGET"),
    ):
        function = decorate(function)
    return function


def sampler_options[F: Callable[..., Any]](function: F) -> F:
    """What is asked of the sampler; None where nothing is."""
    count, seed = click.IntRange(min=1), click.IntRange(0, LARGEST_SEED)
    for decorate in (
        click.option("--seed", type=seed, default=0, metavar="N", help="Random seed.  [default: 0]"),
        click.option("--engine", type=click.Choice(ENGINES), help="What samples.  [default: nutpie]"),
        click.option("--target-accept", type=Share(), metavar="P", help="Target acceptance rate of NUTS."),
        click.option("--chains", type=count, metavar="N", help="Chains.  [default: 4]"),
        click.option("--tune", type=count, metavar="N", help="Draws for adaptation, per chain.  [default: 1000]"),
        click.option("--draws", type=count, metavar="N", help="Draws kept, per chain.  [default: 1000]"),
    ):
        function = decorate(function)
    return function


def sampler(given: Mapping[str, Any], own: Mapping[str, Any]) -> SamplerOptions:
    """The sampler's options: what the user gave, before what the template wants, before the defaults."""
    from ..methods.sampler_options import SamplerOptions

    asked = {name: given[name] for name in SAMPLER if given[name] is not None}
    return SamplerOptions(**{**own, **asked})


def file_of(target: str) -> Path | None:
    """The file that TARGET names, if it names one."""
    file, ending, _ = target.rpartition(".py")
    return Path(file + ending) if file else None


def load(target: str, data: Path | None, pairs: tuple[str, ...]) -> Target:
    """Read the data, then build the model.

    What a user's file prints goes to stderr: stdout is for results.
    """
    import contextlib
    import sys

    from ..templates.data_files import read_data
    from ..templates.loading import load_target
    from .inputs import settings

    options = settings(pairs)
    file = file_of(target)
    if file is not None and not file.exists():
        raise MissingFileError(f"There is no file {file}.")
    with contextlib.redirect_stdout(sys.stderr):
        return load_target(target, None if data is None else read_data(data), options)
