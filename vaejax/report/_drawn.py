import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vaejax import verbs
from vaejax.report._portrait import Portrait
from vaejax.types import VAE, Example, Key, Params

STEPS = 9
TAIL = 0.0062  # of the draws of the prior beyond either end of a traversal: 2.5 standard deviations of N(0, 1)
DRAWS = 2000  # of the prior, which tell its ends


def portrait_of(
    key: Key,
    model: VAE,
    params: Params,
    examples: Example | Float[Array, "num *event"],
    num_samples: int = 32,
    num_rows: int = 8,
) -> Portrait:
    """What a member draws: means of p(x|z), for examples, for draws of the prior, and along one latent at a time.

    A traversal starts at the first example and moves a latent from one end of the prior to the other; latents come in
    the order of their rate, the most informative first. Draws of the prior have the contexts of the examples in turn.
    Latents of several numbers are not traversed.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4, 4), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4, 4)))
    >>> portrait_of(jax.random.key(1), model, params, jnp.zeros((3, 4, 4))).traversal.shape
    (2, 9, 4, 4)
    """
    sample_key, rate_key, end_key = jax.random.split(key, 3)
    batch = examples if isinstance(examples, Example) else Example(jnp.asarray(examples))
    codes = jax.jit(jax.vmap(lambda example: verbs.encode(model, params, example)))(batch)
    decode = jax.jit(jax.vmap(lambda z, context: verbs.decode(model, params, z, context)))
    rates = _rates(rate_key, model, params, batch, codes.shape[1])
    order = np.argsort(-rates, kind="stable")[: num_rows if codes.ndim == 2 else 0]
    values = _ends_of_prior(end_key, model, params, batch) if order.size else jnp.zeros((STEPS, 0))
    still = jax.tree.map(lambda leaf: jnp.stack([leaf[0]] * STEPS), batch.context)
    rows = [decode(jnp.tile(codes[0], (STEPS, 1)).at[:, latent].set(values[:, latent]), still) for latent in order]
    labels = tuple(
        f"latent {latent + 1}{f', rate {rates[latent]:.2f} nats' if rates.any() else ''}" for latent in order
    )
    keys = jax.random.split(sample_key, num_samples)
    contexts = jax.tree.map(lambda leaf: leaf[jnp.arange(num_samples) % len(leaf)], batch.context)
    drawn = jax.jit(jax.vmap(lambda key, context: verbs.generate_mean(key, model, params, context)))(keys, contexts)
    pictures = (batch.x, decode(codes, batch.context), drawn)
    return Portrait(*(np.asarray(a) for a in pictures), np.stack(rows) if rows else None, labels)


def _ends_of_prior(key: Key, model: VAE, params: Params, batch: Example) -> Float[Array, "steps latent"]:
    """Evenly spaced values of each latent, from a low percentile of its prior to a high one."""
    rows = jnp.arange(DRAWS) % len(batch.x)
    examples = jax.tree.map(lambda leaf: leaf[rows], batch)
    draw = jax.jit(jax.vmap(lambda key, example: model.sample_prior(key, params, example)))
    low, high = jnp.quantile(draw(jax.random.split(key, DRAWS), examples), jnp.array([TAIL, 1 - TAIL]), axis=0)
    return jnp.linspace(low, high, STEPS)


def _rates(key: Key, model: VAE, params: Params, batch: Example, num_latents: int) -> np.ndarray:
    """The mean rate of each latent, nats; zeros where the rate does not come per latent."""
    keys = jax.random.split(key, len(batch.x))
    rate = jax.jit(jax.vmap(lambda key, example: verbs.sample(key, model, params, example).rate))(keys, batch)
    return np.asarray(jnp.mean(rate, 0)) if rate.shape[1:] == (num_latents,) else np.zeros(num_latents)
