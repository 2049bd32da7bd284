"""Diagonal normal posterior, N(0, I) prior; the objective makes the recipe."""

from typing import Any

from vaejax import objectives, variants
from vaejax.model import vae as model_of
from vaejax.recipes._taught import GradientTransformation, taught
from vaejax.types import NetBuilder, Number, Trainer


def vae(
    encoder: NetBuilder, decoder: NetBuilder, *, optimizer: GradientTransformation | None = None, **model: Any
) -> Trainer:
    """The VAE: the ELBO, Adam at 1e-3. `model` is what `vj.vae` takes: data_shape, latent_size, likelihood, ...

    Kingma and Welling (2014), arXiv:1312.6114.

    >>> import vaejax as vj
    >>> vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.formula
    'E_q log p(x|z) - beta KL(q(z|x) || p(z))'
    """
    return taught(model_of(encoder, decoder, **model), objectives.elbo(), optimizer, 1e-3)


def beta_vae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    beta: Number = 4.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Beta-VAE: the KL weighed by beta. Adam at 1e-4, as in the study of Locatello et al. (2019), arXiv:1811.12359.

    Higgins et al. (2017), openreview Sy2fzU9gl.

    >>> import vaejax as vj
    >>> beta_vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'beta': 4.0}
    """
    return taught(model_of(encoder, decoder, **model), objectives.elbo(beta), optimizer, 1e-4)


def capacity_vae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    capacity: Number = 25.0,
    weight: Number = 1000.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The rate is held at a capacity, which the paper raises from 0 to 25 nats; Adam at 5e-4.

    Raise it with `vj.scheduled` and `vj.schedules.linear`. Burgess et al. (2018), arXiv:1804.03599.

    >>> import vaejax as vj
    >>> capacity_vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings["capacity"]
    25.0
    """
    return taught(model_of(encoder, decoder, **model), objectives.capacity(weight, capacity), optimizer, 5e-4)


def free_bits(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    nats: Number = 0.25,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Each latent may cost `nats` on average for nothing, so that none is given up early; Adam at 1e-3.

    Kingma et al. (2016), arXiv:1606.04934, appendix C.8.

    >>> import vaejax as vj
    >>> free_bits(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'nats': 0.25}
    """
    return taught(model_of(encoder, decoder, **model), objectives.free_bits(nats), optimizer, 1e-3)


def geco(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    distortion: Number = 25.0,
    multiplier_rate: Number = 1e-2,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The smallest rate at which the distortion is at most this; the multiplier moves by SGD on its logarithm.

    Rezende and Viola (2018), arXiv:1810.00597.

    >>> import vaejax as vj
    >>> geco(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings["distortion"]
    25.0
    """
    import optax

    moves = optax.sgd(multiplier_rate)
    return taught(model_of(encoder, decoder, **model), objectives.geco(distortion), optimizer, 1e-3, objective=moves)


def multi_rate(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    low: Number = 0.1,
    high: Number = 10.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """One training for every beta between two: networks are told log beta (`vj.variants.at_beta`); Adam at 1e-3.

    Bae et al. (2023), arXiv:2212.03905.

    >>> import vaejax as vj
    >>> multi_rate(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'low': 0.1, 'high': 10.0}
    """
    made = variants.multi_rate(model_of(encoder, decoder, **model))
    return taught(made, objectives.multi_rate(low, high), optimizer, 1e-3)
