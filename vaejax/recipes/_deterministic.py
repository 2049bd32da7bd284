"""A point for each x, which is no distribution: no number of these is a bound on log p(x)."""

from typing import Any

from vaejax import objectives, posteriors, variants
from vaejax.model import vae
from vaejax.recipes._taught import GradientTransformation, taught
from vaejax.types import NetBuilder, Number, Trainer
from vaejax.variants import Corrupt


def ae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Autoencoder: the distortion alone; Adam at 1e-3.

    Hinton and Salakhutdinov (2006), doi:10.1126/science.1127647.

    >>> import vaejax as vj
    >>> ae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'beta': 0.0}
    """
    made = vae(encoder, decoder, posterior=posteriors.point(), **model)
    return taught(made, objectives.elbo(0.0), optimizer, 1e-3)


def rae_l2(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    beta: Number = 1e-4,
    decay: Number = 1e-6,
    learning_rate: Number = 1e-3,
    **model: Any,
) -> Trainer:
    """Regularised autoencoder: beta |z|^2/2 and the squares of the decoder's weights; Adam at 1e-3.

    Weights decay by the gradient of decay |w|^2/2 added before Adam, as an L2 term of the loss does; beta and decay
    weigh against a sum over x. Ghosh et al. (2020), arXiv:1903.12436.

    >>> import vaejax as vj
    >>> rae_l2(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'beta': 0.0001}
    """
    import optax

    made = vae(encoder, decoder, posterior=posteriors.point(), **model)
    decayed = optax.chain(optax.add_decayed_weights(decay), optax.adam(learning_rate))
    return taught(made, objectives.elbo(beta), None, learning_rate, decoder=decayed)


def rae_gp(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    beta: Number = 1e-4,
    weight: Number = 1e-6,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Regularised autoencoder: beta |z|^2/2 and the square of the decoder's derivative; Adam at 1e-3.

    Ghosh et al. (2020), arXiv:1903.12436.

    >>> import vaejax as vj
    >>> rae_gp(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'beta': 0.0001, 'weight': 1e-06}
    """
    made = vae(encoder, decoder, posterior=posteriors.point(), **model)
    return taught(made, objectives.gradient_penalty(beta, weight), optimizer, 1e-3)


def dae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    corrupt: Corrupt | None = None,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Denoising autoencoder: x from x with a quarter of its values zero; Adam at 1e-3.

    Vincent et al. (2008), doi:10.1145/1390156.1390294.

    >>> import vaejax as vj
    >>> dae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'beta': 0.0}
    """
    made = variants.denoising(
        vae(encoder, decoder, posterior=posteriors.point(), **model), corrupt or variants.zeroed(0.25)
    )
    return taught(made, objectives.elbo(0.0), optimizer, 1e-3)


def dvae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    corrupt: Corrupt | None = None,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Denoising VAE: q sees x with noise in training, p explains x itself; Adam at 1e-3.

    Im et al. (2017), arXiv:1511.06406.

    >>> import vaejax as vj
    >>> dvae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'beta': 1.0}
    """
    made = variants.denoising(vae(encoder, decoder, **model), corrupt or variants.gaussian_noise(0.1))
    return taught(made, objectives.elbo(), optimizer, 1e-3)
