"""What the command line trains, from what it was asked for."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import optax
from jax.sharding import Mesh

from vaejax import data as sources
from vaejax import likelihoods, nets, objectives, posteriors, priors, schedules, variants
from vaejax.config import DEFAULTS, Config, check, widest_of
from vaejax.data import Data
from vaejax.errors import VaejaxError
from vaejax.families import COUNTS, REALS
from vaejax.grid import Until, mesh_of, patience
from vaejax.model import vae
from vaejax.numerics import require_count
from vaejax.plans import Plan, plan_of
from vaejax.train import by_name, scheduled, trainer
from vaejax.types import VAE, Family, NetBuilder, Number, Shape, Trainer


class Choice(NamedTuple):
    """A likelihood by name: made for data of so many levels; optimizers of their own for parts of the parameters."""

    make: Callable[[int], Family]
    optimizers: Mapping[str, optax.GradientTransformation] = MappingProxyType({})


LIKELIHOODS: Mapping[str, Choice] = {
    "bernoulli": Choice(lambda levels: likelihoods.bernoulli()),
    "binomial": Choice(likelihoods.binomial),
    "continuous_bernoulli": Choice(lambda levels: likelihoods.continuous_bernoulli()),
    "discretized_logistic": Choice(likelihoods.discretized_logistic),
    "logistic_mixture": Choice(likelihoods.logistic_mixture),
    "categorical": Choice(likelihoods.categorical),
    "normal": Choice(lambda levels: likelihoods.normal()),
    "learned_normal": Choice(lambda levels: likelihoods.learned_normal()),
    "optimal_normal": Choice(lambda levels: likelihoods.optimal_normal(), {"likelihood": optax.sgd(1.0)}),
    "laplace": Choice(lambda levels: likelihoods.laplace()),
    "learned_laplace": Choice(lambda levels: likelihoods.learned_laplace()),
    "student_t": Choice(lambda levels: likelihoods.student_t()),
    "poisson": Choice(lambda levels: likelihoods.poisson()),
    "negative_binomial": Choice(lambda levels: likelihoods.negative_binomial()),
    "zero_inflated_negative_binomial": Choice(lambda levels: likelihoods.zero_inflated_negative_binomial()),
}
POSTERIORS: Mapping[str, Callable[[int], Family]] = {  # for so many latents at most
    "normal": lambda widest: posteriors.normal(),
    "full_normal": posteriors.full_normal,
    "low_rank_normal": lambda widest: posteriors.low_rank_normal(),
    "iaf": lambda widest: posteriors.iaf(),
    "planar": lambda widest: posteriors.planar(),
}
PRIORS: Mapping[str, Callable[[], Family]] = {
    "standard_normal": priors.standard_normal,
    "mixture": priors.mixture,
    "flow": priors.coupling_flow,
    "vamp": priors.standard_normal,
}
VARIANTS: Mapping[str, Callable[[VAE], VAE]] = {"vamp": variants.vamp}  # priors that take the place of one, given q
Binarise: TypeAlias = Callable[[Data, int], Data]
BINARISE: Mapping[str, Binarise] = {
    "auto": lambda data, seed: data,
    "none": lambda data, seed: sources.grey(data) if data.levels != 2 and data.support.levels == 2 else data,
    "threshold": lambda data, seed: sources.binarise_threshold(data),
    "dynamic": lambda data, seed: sources.binarise_dynamic(data),
    "static": sources.binarise_static,
    "held_out": sources.binarise_held_out,
}
Nets: TypeAlias = Callable[[tuple[int, ...], tuple[int, ...]], tuple[NetBuilder, NetBuilder]]
NETS: Mapping[str, Nets] = {  # from the widths of dense layers and the channels of convolutions
    "mlp": lambda hidden, channels: (nets.mlp(*hidden), nets.mlp(*hidden)),
    "conv": lambda hidden, channels: (
        nets.conv(*channels, hidden=hidden),
        nets.deconv(*channels[::-1], hidden=hidden),
    ),
}
MANY = 1000  # test examples


def require_known(config: Config) -> None:
    """Raises: VaejaxError where a name stands for nothing, or a number is none that something is trained with."""
    tables: dict[str, Mapping[str, Any]] = {
        "net": NETS,
        "posterior": POSTERIORS,
        "prior": PRIORS,
        "likelihood": LIKELIHOODS,
        "binarise": BINARISE,
    }
    for name, table in tables.items():
        asked = getattr(config, name)
        if asked not in table and (name, asked) != ("likelihood", None):
            raise VaejaxError(f"{name} must be one of {', '.join(table)}, got {asked!r}")
    check(config)


def asked_plan(config: Config) -> Plan | None:
    """How the members are to be trained; `None` is the fastest."""
    return None if config.plan == "auto" else plan_of(config.plan)


def asked_mesh(config: Config) -> Mesh | None:
    """The devices to train on; `None` is all of them. Raises: VaejaxError where there are fewer."""
    return None if config.mesh is None else mesh_of(config.mesh)


def until_of(config: Config) -> Until | None:
    """When a member's training ends before the last epoch."""
    return None if config.patience is None else patience(config.patience)


def num_samples_of(config: Config, data: Data) -> int:
    """Draws of z for the log likelihood: fewer where there are more examples to average over."""
    return config.num_samples or (16 if len(data.test) > MANY else 128)


def read_data(config: Config) -> Data:
    """The data as the likelihood that was asked for may see them. Raises: DataError."""
    if config.likelihood is None:
        return BINARISE[config.binarise](sources.load(config.data, levels=config.levels), config.draw_seed)
    make, binarise = LIKELIHOODS[config.likelihood].make, config.binarise
    if binarise == "auto" and config.likelihood != "bernoulli":
        binarise = "none"
    if binarise == "none" and make(2).support in (REALS, COUNTS) and Path(config.data).suffix in (".npy", ".npz"):
        return sources.load(config.data, levels=config.levels, likelihood=make(2))  # any reals may be in a file
    data = BINARISE[binarise](sources.load(config.data, levels=config.levels), config.draw_seed)
    return sources.fitted(data, make(data.levels or 256))


class Facts(NamedTuple):
    """All that a member must know of the data, so that it can be built again without them.

    form: how further examples are stored and seen, data without an example; `None` where that was not noted.
    """

    data_shape: Shape
    likelihood: Family
    num_train: int
    form: Data | None = None


def facts_of(data: Data) -> Facts:
    """What a member must know of these data."""
    return Facts(data.data_shape, data.likelihood, len(data.train), sources.form_of(data))


def noted(facts: Facts) -> dict[str, Any]:
    """Facts as JSON; `facts_from` reads them back."""
    levels = facts.likelihood.support.levels
    named = {"likelihood": facts.likelihood.name, "levels": levels}
    form = {} if facts.form is None else {"form": sources.noted_form(facts.form)}
    return {"shape": list(facts.data_shape), "num_train": facts.num_train, **named, **form}


def facts_from(found: Mapping[str, Any]) -> Facts:
    """What `noted` wrote. Raises: VaejaxError where it is something else."""
    try:
        likelihood = LIKELIHOODS[found["likelihood"]].make(found["levels"] or 2)
        form = sources.form_from(found["form"], found["name"], likelihood) if found.get("form") else None
        return Facts(tuple(map(int, found["shape"])), likelihood, require_count("num_train", found["num_train"]), form)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VaejaxError(f"what config.json notes of the data is damaged: {type(error).__name__} {error}") from error


def as_it_is(model: VAE) -> VAE:
    """A model that starts as it would."""
    return model


def member_of(config: Config, facts: Facts, started: Callable[[VAE], VAE] = as_it_is) -> Callable[..., Trainer]:
    """The member that the command line trains, with Adam or AdamW at a learning rate that falls as (1 - t)^4.

    started: the model with other parameters to start from, as those of a source.
    """
    num_steps = config.epochs * math.ceil(facts.num_train / min(config.batch_size, facts.num_train))
    optimizers = LIKELIHOODS[facts.likelihood.name].optimizers
    hidden, widest = config.hidden or DEFAULTS[config.net].hidden, widest_of(config)

    def member(
        beta: Number,
        latent_size: Number,
        learning_rate: Number,
        width: int | None = None,
        weight_decay: Number | None = None,
    ) -> Trainer:
        widths = hidden if width is None else (width,) * len(hidden)
        encoder, decoder = NETS[config.net](widths, config.channels)
        encoder = nets.viewed(encoder) if facts.likelihood.support == COUNTS else encoder
        model = vae(
            encoder,
            decoder,
            data_shape=facts.data_shape,
            latent_size=latent_size,
            max_latent_size=widest,
            likelihood=facts.likelihood,
            posterior=POSTERIORS[config.posterior](widest),
            prior=PRIORS[config.prior](),
        )
        model = started(VARIANTS.get(config.prior, as_it_is)(model))
        rate = schedules.scaled(learning_rate, optax.polynomial_schedule(1.0, 0.0, 4, num_steps))
        stepped = optax.adam(rate) if weight_decay is None else optax.adamw(rate, weight_decay=weight_decay)
        optimizer = by_name(stepped, **optimizers) if optimizers else stepped
        if not config.warm_up:
            return trainer(model, objectives.elbo(beta), optimizer)
        rising = schedules.linear(0.0, beta, config.warm_up * num_steps / config.epochs)
        return scheduled(lambda step: trainer(model, objectives.elbo(rising(step)), optimizer))

    return member
