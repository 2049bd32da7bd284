"""Latents with a few values each."""

from typing import Any

from vaejax import objectives, posteriors, priors, variants
from vaejax.model import vae
from vaejax.recipes._taught import GradientTransformation, taught
from vaejax.types import NetBuilder, Number, Trainer


def vq_vae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_codes: Number = 512,
    code_size: int = 64,
    commitment: Number = 0.25,
    decay: Number = 0.99,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """VQ-VAE: each of `latent_size` latents is the nearest of 512 codes of 64 numbers, which are running means.

    Adam at 2e-4, codes that are not used are moved to the data. The prior is uniform over codes: the rate is latents
    times log 512. van den Oord, Vinyals and Kavukcuoglu (2017), arXiv:1711.00937.

    >>> import vaejax as vj
    >>> vq_vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2, 64)
    """
    point = vae(
        encoder, decoder, posterior=posteriors.point((code_size,)), prior=priors.standard_normal((code_size,)), **model
    )
    made = variants.vector_quantised(point, num_codes, commitment=commitment, decay=decay)
    return taught(made, objectives.elbo(), optimizer, 2e-4)


def fsq(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_levels: Number = 5,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Each latent is rounded to one of 5 levels, the same number for all; Adam at 1e-3.

    Mentzer et al. (2024), arXiv:2309.15505.

    >>> import vaejax as vj
    >>> fsq(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    made = vae(encoder, decoder, posterior=posteriors.fsq(num_levels), prior=priors.uniform_levels(num_levels), **model)
    return taught(made, objectives.elbo(), optimizer, 1e-3)


def categorical_vae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_classes: Number = 10,
    temperature: Number = 1.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Latents are one of ten classes each, by Gumbel-softmax with straight-through; Adam at 1e-3.

    Let the temperature fall with `vj.scheduled`. Jang, Gu and Poole (2017), arXiv:1611.01144.

    >>> import vaejax as vj
    >>> categorical_vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2, 10)
    """
    made = vae(
        encoder,
        decoder,
        posterior=posteriors.categorical(num_classes, temperature),
        prior=priors.uniform_categorical(num_classes),
        **model,
    )
    return taught(made, objectives.elbo(), optimizer, 1e-3)


def bernoulli_vae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    temperature: Number = 1.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Latents are 0 or 1, by the binary concrete distribution with straight-through; Adam at 1e-3.

    Maddison, Mnih and Teh (2017), arXiv:1611.00712.

    >>> import vaejax as vj
    >>> bernoulli_vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    made = vae(encoder, decoder, posterior=posteriors.bernoulli(temperature), prior=priors.uniform_bernoulli(), **model)
    return taught(made, objectives.elbo(), optimizer, 1e-3)
