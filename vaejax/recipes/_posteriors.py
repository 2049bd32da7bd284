"""Other posteriors than a diagonal normal."""

from typing import Any

from vaejax import objectives, posteriors, priors
from vaejax.model import vae
from vaejax.recipes._taught import GradientTransformation, taught
from vaejax.types import NetBuilder, Number, Trainer


def vae_iaf(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_layers: Number = 2,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The posterior is an inverse autoregressive flow; Adam at 1e-3.

    Kingma et al. (2016), arXiv:1606.04934.

    >>> import vaejax as vj
    >>> vae_iaf(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    made = vae(encoder, decoder, posterior=posteriors.iaf(num_layers), **model)
    return taught(made, objectives.elbo(), optimizer, 1e-3)


def vae_planar(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_layers: Number = 10,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The posterior is ten planar flows whose parameters come from the encoder; Adam at 1e-3.

    Rezende and Mohamed (2015), arXiv:1505.05770.

    >>> import vaejax as vj
    >>> vae_planar(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    made = vae(encoder, decoder, posterior=posteriors.planar(num_layers), **model)
    return taught(made, objectives.elbo(), optimizer, 1e-3)


def svae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Spherical VAE: z on the unit sphere, von Mises-Fisher posterior, uniform prior; Adam at 1e-3.

    Davidson et al. (2018), arXiv:1804.00891.

    >>> import vaejax as vj
    >>> svae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    made = vae(encoder, decoder, posterior=posteriors.von_mises_fisher(), prior=priors.uniform_sphere(), **model)
    return taught(made, objectives.elbo(), optimizer, 1e-3)
