import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vaejax import verbs
from vaejax.report._portrait import Portrait
from vaejax.types import VAE, Key, Params

STEPS = 9
REACH = 2.5  # standard deviations of the prior, to either side


def portrait_of(
    key: Key, model: VAE, params: Params, examples: Float[Array, "num *event"], num_samples: int = 32, num_rows: int = 8
) -> Portrait:
    """What a member draws: means of p(x|z), for examples, for draws of the prior, and along one latent at a time.

    A traversal starts at the first example; latents come in the order of their rate, the most informative first.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4, 4), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4, 4)))
    >>> portrait_of(jax.random.key(1), model, params, jnp.zeros((3, 4, 4))).traversal.shape
    (2, 9, 4, 4)
    """
    sample_key, rate_key = jax.random.split(key)
    codes = jax.jit(jax.vmap(lambda x: verbs.encode(model, params, x)))(examples)
    decode = jax.jit(jax.vmap(lambda z: verbs.decode(model, params, z)))
    rates = _rates(rate_key, model, params, examples, codes.shape[1])
    order = np.argsort(-rates, kind="stable")[:num_rows]
    values = jnp.linspace(-REACH, REACH, STEPS)
    rows = [decode(jnp.tile(codes[0], (STEPS, 1)).at[:, latent].set(values)) for latent in order]
    labels = tuple(
        f"latent {latent + 1}{f', rate {rates[latent]:.2f} nats' if rates.any() else ''}" for latent in order
    )
    keys = jax.random.split(sample_key, num_samples)
    drawn = jax.jit(jax.vmap(lambda key: verbs.generate_mean(key, model, params)))(keys)
    return Portrait(*(np.asarray(a) for a in (examples, decode(codes), drawn, jnp.stack(rows))), labels)


def _rates(key: Key, model: VAE, params: Params, examples: Array, num_latents: int) -> np.ndarray:
    """The mean rate of each latent, nats; zeros where the rate does not come per latent."""
    keys = jax.random.split(key, len(examples))
    rate = jax.jit(jax.vmap(lambda key, x: verbs.sample(key, model, params, x).rate))(keys, examples)
    return np.asarray(jnp.mean(rate, 0)) if rate.shape[1:] == (num_latents,) else np.zeros(num_latents)
