"""What the command line trains: a grid of beta x latent size x seed, of one kind of model on one data set."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import optax

from vaejax import data as sources
from vaejax import likelihoods, nets, objectives, schedules
from vaejax.data import Data
from vaejax.errors import VaejaxError
from vaejax.families import REALS
from vaejax.model import vae
from vaejax.numerics import require_count, require_number
from vaejax.train import by_name, trainer
from vaejax.types import Family, Number, Shape, Trainer

LikelihoodName = Literal[
    "bernoulli",
    "binomial",
    "continuous_bernoulli",
    "discretized_logistic",
    "normal",
    "learned_normal",
    "optimal_normal",
]


@dataclass(frozen=True)
class Config:
    """What is trained: a grid of beta x latent size x seed of one kind of model on one data set."""

    data: str = "digits"
    """A data set (digits), or a .npy or .npz file of uint8 or of floats in [0, 1]."""
    beta: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    """Weights of the KL term."""
    latent_size: tuple[int, ...] = (2, 4, 8, 16, 32)
    """Numbers of latents."""
    seeds: int = 2
    """How often each is trained, with seeds 0, 1, ..."""
    epochs: int = 250
    """Passes over the training split."""
    likelihood: LikelihoodName | None = None
    """p(x|z). By default one that is a distribution on the data: binomial for the digits."""
    binarise: Literal["none", "threshold", "dynamic"] = "none"
    """Grey values become 0 or 1: by a threshold at one half, or drawn anew each time."""
    levels: int | None = None
    """How many levels uint8 data have, 0 to levels - 1. By default 256, or 2 where nothing exceeds 1."""
    hidden: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers of encoder and decoder."""
    learning_rate: tuple[float, ...] = (1.2e-2,)
    """Of Adam, at the start; it falls to zero as (1 - t)^4. Several make an axis."""
    batch_size: int = 128
    """Examples in a step."""
    num_samples: int = 128
    """Draws of z for the importance-weighted log likelihood."""
    margin: float = 0.005
    """What a smaller latent size may lose, as a part of the best bound."""


class Choice(NamedTuple):
    """A likelihood by name: made for data of so many levels; optimizers of their own for parts of the parameters."""

    make: Callable[[int], Family]
    optimizers: Mapping[str, optax.GradientTransformation] = MappingProxyType({})


LIKELIHOODS: Mapping[str, Choice] = {
    "bernoulli": Choice(lambda levels: likelihoods.bernoulli()),
    "binomial": Choice(likelihoods.binomial),
    "continuous_bernoulli": Choice(lambda levels: likelihoods.continuous_bernoulli()),
    "discretized_logistic": Choice(likelihoods.discretized_logistic),
    "normal": Choice(lambda levels: likelihoods.normal()),
    "learned_normal": Choice(lambda levels: likelihoods.learned_normal()),
    "optimal_normal": Choice(lambda levels: likelihoods.optimal_normal(), {"likelihood": optax.sgd(1.0)}),
}
BINARISE: Mapping[str, Callable[[Data], Data]] = {
    "none": lambda data: data,
    "threshold": sources.binarise_threshold,
    "dynamic": sources.binarise_dynamic,
}


def read_data(config: Config) -> Data:
    """The data as the likelihood that was asked for may see them. Raises: DataError."""
    if config.likelihood is None:
        return BINARISE[config.binarise](sources.load(config.data, levels=config.levels))
    make = LIKELIHOODS[config.likelihood].make
    if make(2).support == REALS and config.binarise == "none":
        return sources.load(config.data, levels=config.levels, likelihood=make(2))
    data = BINARISE[config.binarise](sources.load(config.data, levels=config.levels))
    return sources.fitted(data, make(data.levels or 256))


class Facts(NamedTuple):
    """All that a member must know of the data, so that it can be built again without them."""

    data_shape: Shape
    likelihood: Family
    num_train: int


def facts_of(data: Data) -> Facts:
    """What a member must know of these data."""
    return Facts(data.data_shape, data.likelihood, len(data.train))


def noted(facts: Facts) -> dict[str, Any]:
    """Facts as JSON; `facts_from` reads them back."""
    levels = facts.likelihood.support.levels
    named = {"likelihood": facts.likelihood.name, "levels": levels}
    return {"shape": list(facts.data_shape), "num_train": facts.num_train, **named}


def facts_from(found: Mapping[str, Any]) -> Facts:
    """What `noted` wrote."""
    likelihood = LIKELIHOODS[found["likelihood"]].make(found["levels"] or 2)
    return Facts(tuple(found["shape"]), likelihood, found["num_train"])


def member_of(config: Config, facts: Facts) -> Callable[..., Trainer]:
    """The member that the command line trains: two MLPs, and Adam at a learning rate that falls as (1 - t)^4."""
    num_steps = config.epochs * math.ceil(facts.num_train / min(config.batch_size, facts.num_train))
    optimizers = LIKELIHOODS[facts.likelihood.name].optimizers

    def member(beta: Number, latent_size: Number, learning_rate: Number) -> Trainer:
        net = nets.mlp(*config.hidden)
        model = vae(
            net,
            net,
            data_shape=facts.data_shape,
            latent_size=latent_size,
            max_latent_size=max(config.latent_size),
            likelihood=facts.likelihood,
        )
        rate = schedules.scaled(learning_rate, optax.polynomial_schedule(1.0, 0.0, 4, num_steps))
        optimizer = by_name(optax.adam(rate), **optimizers) if optimizers else optax.adam(rate)
        return trainer(model, objectives.elbo(beta), optimizer)

    return member


def axes_of(config: Config) -> dict[str, list[Any]]:
    """The axes of the grid, in the order of the table."""
    return {
        "beta": list(config.beta),
        "latent_size": list(config.latent_size),
        "learning_rate": list(config.learning_rate),
        "seed": list(range(config.seeds)),
    }


def check(config: Config) -> None:
    """Refuse numbers that nothing can be trained with. Raises: VaejaxError."""
    require_count("seeds", config.seeds)
    require_count("epochs", config.epochs)
    require_count("batch_size", config.batch_size)
    require_count("num_samples", config.num_samples)
    for rate in config.learning_rate:
        require_number("learning_rate", rate, above=0.0)
    for beta in config.beta:
        require_number("beta", beta, least=0.0)
    for size in config.latent_size:
        require_count("latent_size", size)
    if not 0 < config.margin < 1:
        raise VaejaxError(f"margin must be a part of the best bound, between 0 and 1, got {config.margin!r}")
