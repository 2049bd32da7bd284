from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.decoding import NOISE, net_key
from vaejax.numerics import require_number
from vaejax.types import VAE, Draw, Event, Example, Key, Latent, Number, Params, Parts

Corrupt = Callable[[Key, Event], Event]


def denoising(model: VAE, corrupt: Corrupt) -> VAE:
    """q sees `corrupt(key, x)` in training and the likelihood x itself; in evaluation nothing is corrupted.

    With a normal posterior training maximises the denoising variational bound, E over noisy x' of the bound with
    q(z|x'): no larger than the bound with their mixture as posterior, which is a bound on log p(x). With
    `vj.posteriors.point()` it is the denoising autoencoder. An example is in training where it has a key, as every one
    has in a trainer's step. Im et al. (2017), arXiv:1511.06406; Vincent et al. (2008), doi:10.1145/1390156.1390294.

    corrupt: `vj.variants.zeroed(0.2)`, `vj.variants.gaussian_noise(0.1)`, or any function of a key and one x.

    >>> import vaejax as vj
    >>> model = denoising(vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2), zeroed(0.5))
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.encode(model, params, jnp.zeros(4)).shape
    (2,)
    """

    def noisy(example: Example) -> Example:
        key = net_key(example, NOISE)
        return example if key is None else example._replace(x=corrupt(key, example.x))

    def sample(key: Key, params: Params, example: Example) -> Draw:
        return model.sample(key, params, noisy(example))

    def log_posterior(params: Params, z: Latent, example: Example) -> Parts:
        return model.log_posterior(params, z, noisy(example))

    return model._replace(
        sample=sample, log_posterior=log_posterior, compact=lambda: denoising(model.compact(), corrupt)
    )


def zeroed(rate: Number = 0.2) -> Corrupt:
    """Each value is 0 with this probability, else it is kept.

    >>> zeroed(1.0)(jax.random.key(0), jnp.ones(2)).tolist()
    [0.0, 0.0]
    """
    require_number("rate", rate, least=0.0, most=1.0)

    def corrupt(key: Key, x: Array) -> Array:
        return jnp.where(jax.random.bernoulli(key, rate, x.shape), 0.0, x)

    return corrupt


def gaussian_noise(scale: Number = 0.1) -> Corrupt:
    """N(0, scale^2) is added to each value.

    >>> gaussian_noise(0.0)(jax.random.key(0), jnp.ones(2)).tolist()
    [1.0, 1.0]
    """
    require_number("scale", scale, least=0.0)

    def corrupt(key: Key, x: Array) -> Array:
        return x + scale * jax.random.normal(key, x.shape, x.dtype)

    return corrupt
