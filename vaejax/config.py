"""What the command line is asked for: a grid of beta x latent size x seed of one kind of model on one data set."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from vaejax.numerics import require_count, require_margin, require_number
from vaejax.plans import mesh_sizes, plan_of

LikelihoodName = Literal[
    "bernoulli",
    "binomial",
    "continuous_bernoulli",
    "discretized_logistic",
    "logistic_mixture",
    "categorical",
    "normal",
    "learned_normal",
    "optimal_normal",
    "laplace",
    "learned_laplace",
    "student_t",
    "poisson",
    "negative_binomial",
    "zero_inflated_negative_binomial",
]
PosteriorName = Literal["normal", "full_normal", "low_rank_normal", "iaf", "planar"]
PriorName = Literal["standard_normal", "mixture", "flow", "vamp"]


class Defaults(NamedTuple):
    """What is used with a kind of network where nothing else is asked for."""

    hidden: tuple[int, ...]
    learning_rate: tuple[float, ...]


DEFAULTS = {
    "mlp": Defaults((64, 64), (1.2e-2,)),
    "conv": Defaults((256,), (2e-3,)),
}


@dataclass(frozen=True)
class Config:
    """What is trained: a grid of beta x latent size x seed of one kind of model on one data set."""

    data: str = "digits"
    """A data set (digits), or a .npy or .npz file of uint8 or of floats in [0, 1]."""
    beta: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    """Weights of the KL term."""
    latent_size: tuple[int, ...] = (2, 4, 8, 16, 32)
    """Numbers of latents."""
    widest: int | None = None
    """How many latents there is room for. By default the largest of them; what is trained does not depend on it."""
    seeds: int = 2
    """How often each is trained, with one seed after another."""
    first_seed: int = 0
    """The first of them."""
    epochs: int = 250
    """Passes over the training split."""
    likelihood: LikelihoodName | None = None
    """p(x|z). By default one that is a distribution on the data: binomial for the digits."""
    posterior: PosteriorName = "normal"
    """q(z|x): diagonal, any covariance, of low rank and a diagonal, or a flow."""
    prior: PriorName = "standard_normal"
    """p(z): N(0, I), a learned mixture of 10 normals, a learned flow, or the VampPrior with 50 pseudo-inputs."""
    binarise: Literal["auto", "none", "threshold", "dynamic", "static", "held_out"] = "auto"
    """Grey values become 0 or 1: by a threshold at one half, drawn anew each time, or drawn once, with --draw-seed
    (held_out: once for validation and test, anew in training).
    Auto: as the data set is commonly used (drawn anew for mnist and fashion_mnist), else none."""
    draw_seed: int = 777
    """Of the draw that is made once."""
    levels: int | None = None
    """How many levels uint8 data have, 0 to levels - 1. By default 256, or 2 where nothing exceeds 1."""
    net: Literal["mlp", "conv"] = "mlp"
    """Dense layers, or for images convolutions and then dense layers (and back in the decoder)."""
    hidden: tuple[int, ...] | None = None
    """Widths of the dense layers of encoder and decoder. By default 64 64, with convolutions 256."""
    width: tuple[int, ...] | None = None
    """One width for all of them, in place of --hidden. Several make an axis, and a program each."""
    channels: tuple[int, ...] = (32, 64)
    """Channels of the convolutions, 4 x 4 with stride 2; in the decoder in reverse order."""
    learning_rate: tuple[float, ...] | None = None
    """Of Adam, at the start; it falls to zero as (1 - t)^4. Several make an axis. By default 1.2e-2, with convolutions
    2e-3."""
    weight_decay: tuple[float, ...] | None = None
    """Adam's becomes AdamW's: a step also takes the learning rate times this off every weight. Several make an axis."""
    warm_up: float = 0.0
    """Epochs in which beta rises from 0 to its value, in a line."""
    batch_size: int = 128
    """Examples in a step."""
    num_samples: int | None = None
    """Draws of z for the importance-weighted log likelihood. By default 128, or 16 for over 1,000 test examples."""
    plan: str = "auto"
    """How members go through training: together, in_turn (one after another), or like at_once=8,shared,lanes=2: groups
    of 8 with one seed, whose batches are drawn once, on 2 threads. Auto: the fastest on this machine."""
    mesh: str | None = None
    """The devices, like grid=4,data=2: members over 4 pairs, the batch of a step over the two of a pair. By default
    members over all devices. A processor has as many as XLA_FLAGS=--xla_force_host_platform_device_count=8 says."""
    patience: int | None = None
    """Epochs without a better held-out bound after which a member's training ends. By default none ends before the
    last."""
    margin: float = 0.005
    """What a smaller latent size may lose, as a part of the best log likelihood."""
    margin_nats: float | None = None
    """The same in nats per example, in place of that part."""


ALWAYS, ASKED = ("beta", "latent_size", "learning_rate"), ("width", "weight_decay")  # axes, of every grid or of some


def axes_of(config: Config) -> dict[str, list[Any]]:
    """The axes of the grid, in the order of the table."""
    rates = _usual_rates(config) if config.learning_rate is None else config.learning_rate
    asked: dict[str, Any] = {name: getattr(config, name) for name in ASKED}
    return {
        "beta": list(config.beta),
        "latent_size": list(config.latent_size),
        "learning_rate": list(rates),
        **{name: list(values) for name, values in asked.items() if values is not None},
        "seed": list(range(config.first_seed, config.first_seed + config.seeds)),
    }


def _usual_rates(config: Config) -> tuple[float, ...]:
    """Those of the usual network, smaller in proportion where layers are wider: with Adam, wide ones diverge else."""
    usual = DEFAULTS[config.net]
    widest = max((*(config.hidden or usual.hidden), *(config.width or ())))
    return tuple(float(f"{rate * min(1.0, max(usual.hidden) / max(widest, 1)):.3g}") for rate in usual.learning_rate)


def widest_of(config: Config) -> int:
    """How many latents the arrays have room for."""
    return max(config.latent_size, default=1) if config.widest is None else config.widest


def check(config: Config) -> None:
    """Refuse numbers that nothing can be trained with. Raises: VaejaxError."""
    require_count("seeds", config.seeds)
    require_count("epochs", config.epochs)
    require_count("batch_size", config.batch_size)
    if config.num_samples is not None:
        require_count("num_samples", config.num_samples)
    require_count("first_seed", config.first_seed, least=0)
    require_number("warm_up", config.warm_up, least=0.0)
    for rate in config.learning_rate or ():
        require_number("learning_rate", rate, above=0.0)
    for decay in config.weight_decay or ():
        require_number("weight_decay", decay, least=0.0)
    for width in config.width or ():
        require_count("width", width)
    if config.widest is not None:
        require_count("widest", config.widest, least=max(config.latent_size, default=1))
    for beta in config.beta:
        require_number("beta", beta, least=0.0)
    for size in config.latent_size:
        require_count("latent_size", size)
    if config.patience is not None:
        require_count("patience", config.patience)
    require_margin(config.margin, config.margin_nats)
    _check_engine(config)


def _check_engine(config: Config) -> None:
    """How and where members are trained. Whether there are such devices is asked where they are used."""
    if config.plan != "auto":
        plan_of(config.plan)
    if config.mesh is not None:
        mesh_sizes(config.mesh)
