import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.bound import log_weight
from vaejax.metrics import BLOCK, effective_sample_size
from vaejax.numerics import require_count
from vaejax.types import VAE, Example, Key, Latent, Number, Params, Scalar

from ._types import Imputer, Latents


def importance_resampling(num_samples: Number = 1000) -> Imputer:
    """z_k ~ q(z|x_obs), each with weight p(x_obs, z_k) / q(z_k|x_obs): exact as draws grow, where q covers p(z|x_obs).

    For models trained with missing data (`Example.observed`, an importance-weighted objective), whose encoder knows
    what zeros in place of missing values mean. One that was trained on complete examples takes them for black pixels:
    its q is then far off, few draws carry all the weight, and `Latents.ess` says so; take `metropolis_within_gibbs`.
    A q that misses a mode can not be seen in its own weights; `vj.metrics.reliability` of the same example fits their
    tail. Where q is one point (a codebook, an autoencoder) every draw is the same: the ess is then at most 1.
    Cost: as many decodings, and encodings for every 16. Memory: the latents.
    Mattei and Frellsen (2019), arXiv:1812.02633 (MIWAE).
    Raises: VaejaxError where the likelihood has not one part for each entry, so that no entry can be left out.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> example = vj.Example(jnp.ones(4), observed=jnp.array([True, True, False, True]))
    >>> importance_resampling(50).latents(jax.random.key(1), model, params, example).z.shape
    (50, 2)
    """
    num = require_count("num_samples", num_samples)

    def latents(key: Key, model: VAE, params: Params, example: Example) -> Latents:
        def one(key: Key) -> tuple[Latent, Scalar]:
            draw = model.sample(key, params, example)
            return draw.z, log_weight(model, params, example, draw.z, draw.log_q)

        z, log_weights = jax.lax.map(one, jax.random.split(key, num), batch_size=min(BLOCK, num))
        return Latents(z, log_weights, _ess(z, log_weights))

    return Imputer("importance_resampling", latents)


def _ess(z: Array, log_weights: Float[Array, " num"]) -> Scalar:
    """That of the weights, and not above 1 where all draws are one."""
    ess = effective_sample_size(log_weights)
    return jnp.where(jnp.all(z == z[:1]), jnp.minimum(ess, 1.0), ess)
