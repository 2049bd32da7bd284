from typing import NamedTuple

import jax
import jax.numpy as jnp

from vaejax.bound import keys_of
from vaejax.errors import VaejaxError
from vaejax.types import VAE, Example, Key, Params, Scalar

BLOCK = 64  # examples at a time


class DecoderUse(NamedTuple):
    """lost: nats per example of log p(x|z). standard_error: of that mean, over examples."""

    lost: Scalar
    standard_error: Scalar


def decoder_use(key: Key, model: VAE, params: Params, batch: Example) -> DecoderUse:
    """E log p(x|z) - log p(x|z'), z' the code of another example: what the decoder would lose without z, in nats.

    0 where the decoder does not look at z, as of a collapsed autoregressive one, whatever the rate says; the rate is
    what z says and this is what is heard. Unbiased for codes of another example of the batch: rows are taken once in a
    random order and each is given the code of the one before it. It is no bound on the information: a wrong code that
    is believed costs more than none, and a misjudged scale of the likelihood multiplies it. `weight` is not heeded:
    leave out rows that fill a batch. The standard error takes pairs as independent and is too
    large, by a half or so: each code is one's own once and another's once, and what depends on it alone cancels.
    Raises: VaejaxError of fewer than two examples.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 4))))
    >>> used = decoder_use(jax.random.key(1), model, params, vj.Example(jnp.ones((9, 4))))
    >>> bool(jnp.abs(used.lost) < 5 * used.standard_error)  # equal examples
    True
    """
    num = len(batch.x)
    if num < 2:
        raise VaejaxError(f"decoder_use needs two examples or more, got {num}: a code of another is given to each")
    order_key, key = jax.random.split(key)
    draw = jax.lax.map(
        lambda pair: model.sample(pair[0], params, pair[1]).z, (keys_of(key, batch), batch), batch_size=BLOCK
    )
    order = jax.random.permutation(order_key, num)
    other = jnp.zeros_like(order).at[order].set(jnp.roll(order, 1))

    def lost(row: tuple) -> Scalar:
        z, wrong, example = row
        return jnp.sum(model.log_likelihood(params, z, example)) - jnp.sum(model.log_likelihood(params, wrong, example))

    found = jax.lax.map(lost, (draw, draw[other], batch), batch_size=BLOCK)
    return DecoderUse(jnp.mean(found), jnp.std(found, ddof=1) / jnp.sqrt(num))
