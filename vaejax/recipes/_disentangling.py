"""Posteriors whose aggregate is pressed to have independent latents."""

from typing import Any

from vaejax import objectives
from vaejax.model import vae
from vaejax.recipes._taught import GradientTransformation, taught
from vaejax.types import NetBuilder, Number, Trainer


def beta_tc(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    beta: Number = 6.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The total correlation of q(z) weighed by beta, q(z) by minibatch weighting; Adam at 1e-3.

    Chen et al. (2018), arXiv:1802.04942.

    >>> import vaejax as vj
    >>> beta_tc(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings["beta"]
    6.0
    """
    return taught(vae(encoder, decoder, **model), objectives.beta_tc(beta=beta), optimizer, 1e-3)


def factor_vae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    gamma: Number = 10.0,
    discriminator: NetBuilder | None = None,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The total correlation by a discriminator, weighed by gamma; Adam at 1e-4 for both.

    The discriminator's has moments 0.5 and 0.9, and its default is smaller than the paper's six layers of 1000.
    Kim and Mnih (2018), arXiv:1802.05983.

    >>> import vaejax as vj
    >>> factor_vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'gamma': 10.0}
    """
    import optax

    other = optax.adam(1e-4, b1=0.5, b2=0.9)
    return taught(
        vae(encoder, decoder, **model), objectives.factor(gamma, discriminator), optimizer, 1e-4, objective=other
    )


def dip_i(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    off_diagonal: Number = 10.0,
    diagonal: Number = 100.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The covariance of the posterior means is pressed to I; Adam at 1e-4.

    Kumar, Sattigeri and Balakrishnan (2018), arXiv:1711.00848.

    >>> import vaejax as vj
    >>> dip_i(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'off_diagonal': 10.0, 'diagonal': 100.0}
    """
    return taught(vae(encoder, decoder, **model), objectives.dip_i(off_diagonal, diagonal), optimizer, 1e-4)


def dip_ii(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    off_diagonal: Number = 10.0,
    diagonal: Number = 10.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The covariance of q(z) is pressed to I; Adam at 1e-4.

    Kumar, Sattigeri and Balakrishnan (2018), arXiv:1711.00848.

    >>> import vaejax as vj
    >>> dip_ii(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'off_diagonal': 10.0, 'diagonal': 10.0}
    """
    return taught(vae(encoder, decoder, **model), objectives.dip_ii(off_diagonal, diagonal), optimizer, 1e-4)
