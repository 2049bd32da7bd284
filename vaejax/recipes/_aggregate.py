"""q(z) as a whole is drawn to p(z)."""

from typing import Any

from vaejax import objectives, posteriors
from vaejax.model import vae
from vaejax.objectives import Kernel
from vaejax.recipes._taught import GradientTransformation, taught
from vaejax.types import NetBuilder, Number, Trainer


def info_vae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    alpha: Number = 0.0,
    weight: Number = 10.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The rate weighed down, and a maximum mean discrepancy of q(z) to p(z); Adam at 1e-3.

    Zhao, Song and Ermon (2019), arXiv:1706.02262.

    >>> import vaejax as vj
    >>> info_vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'alpha': 0.0, 'weight': 10.0}
    """
    return taught(vae(encoder, decoder, **model), objectives.info_vae(alpha, weight), optimizer, 1e-3)


def wae_mmd(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    weight: Number = 10.0,
    kernel: Kernel | None = None,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Wasserstein autoencoder: a point posterior, and a maximum mean discrepancy of its codes to p(z); Adam at 1e-3.

    Tolstikhin et al. (2018), arXiv:1711.01558, weight 10.

    >>> import vaejax as vj
    >>> wae_mmd(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'weight': 10.0}
    """
    made = vae(encoder, decoder, posterior=posteriors.point(), **model)
    return taught(made, objectives.wae(weight, kernel), optimizer, 1e-3)


def aae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    weight: Number = 1.0,
    discriminator: NetBuilder | None = None,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Adversarial autoencoder: a point posterior, whose codes a discriminator must not tell from draws of p(z).

    Adam at 1e-3, the discriminator's at 1e-4 with moments 0.5, 0.9. Makhzani et al. (2016), arXiv:1511.05644.

    >>> import vaejax as vj
    >>> aae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'weight': 1.0}
    """
    import optax

    made = vae(encoder, decoder, posterior=posteriors.point(), **model)
    other = optax.adam(1e-4, b1=0.5, b2=0.9)
    return taught(made, objectives.adversarial(weight, discriminator), optimizer, 1e-3, objective=other)
