"""What an animal of the zoo is: a small model that shows one feature of PyMC, and what must come of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pymc as pm

from bayescompare.errors import BayesCompareError

Build = Callable[[], pm.Model]

ANIMALS: dict[str, Animal] = {}


@dataclass(frozen=True)
class Animal:
    """A model and what is expected of it.

    Attributes
    ----------
    name : str
    build : callable
        Makes the model.
    shows : tuple of str
        PyMC's names of the distributions that it shows.
    mode : Mapping of str to float
        The MAP by a closed form, or by hand, for some of its scalars.
    mean : Mapping of str to float
        The posterior mean, likewise.
    refused : type, optional
        The error of a comparison, where the model cannot be used.
    names : tuple of str
        What that error's message must name.
    without : tuple of str
        Methods that refuse it, though it can be compared.
    ending : tuple of str
        Words of which one must stand in the reasons of the MAP, where it has none.
    """

    name: str
    build: Build
    shows: tuple[str, ...] = ()
    mode: Mapping[str, float] = field(default_factory=dict)
    mean: Mapping[str, float] = field(default_factory=dict)
    refused: type[BayesCompareError] | None = None
    names: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()

    def model(self) -> pm.Model:
        """The model; what PyMC warns of when it is built is no matter of ours."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.build()


def register(animal: Animal) -> None:
    if animal.name in ANIMALS:
        raise ValueError(f"two animals are called {animal.name}")
    ANIMALS[animal.name] = animal


def animal(*shows: str, **expected: object) -> Callable[[Build], Build]:
    """Enter a function that builds a model, under its own name."""

    def enter(build: Build) -> Build:
        register(Animal(build.__name__, build, shows, **expected))  # type: ignore[arg-type]
        return build

    return enter
