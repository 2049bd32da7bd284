import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Shaped

from vaejax.decoding import seen
from vaejax.metrics import BLOCK
from vaejax.numerics import require_count
from vaejax.types import VAE, Event, Example, Key, Latent, Number, Params

from ._types import Imputer, Latents


def completions(
    key: Key, model: VAE, params: Params, example: Example, imputer: Imputer, num: Number = 20
) -> Shaped[Array, "num *event"]:
    """Multiple imputation: `num` draws of p(x_mis|x_obs) of equal weight; what was observed is as it was seen.

    Whatever one computes of a complete example, a class or a regression, is computed of each, and its spread over them
    is what is not known for what is missing (Rubin 1987). Latents are resampled by their weights, systematically (a
    chain's are thinned evenly), and each draw has its own noise of p(x|z). With more draws than `Latents.ess`,
    draws share latents and differ by that noise alone.
    Memory: the draws.
    Raises: VaejaxError as the imputer, and where `num` is no whole number above 0.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> example = vj.Example(jnp.array([1.0, jnp.nan, 3.0, 4.0]), observed=jnp.array([True, False, True, True]))
    >>> drawn = completions(jax.random.key(1), model, params, example, vj.imputers.importance_resampling(50), 5)
    >>> drawn.shape, drawn[0, jnp.array([0, 2, 3])].tolist()
    ((5, 4), [1.0, 3.0, 4.0])
    """
    latents_key, draw_key = jax.random.split(key)
    found = imputer.latents(latents_key, model, params, example)
    return completions_of(draw_key, model, params, example, found, require_count("num", num))


def completions_of(
    key: Key, model: VAE, params: Params, example: Example, latents: Latents, num: int
) -> Shaped[Array, "num *event"]:
    """Of latents that are already there."""
    pick_key, draw_key = jax.random.split(key)
    z = latents.z[_resampled(pick_key, weights_of(latents), num)]

    def one(key_and_z: tuple[Key, Latent]) -> Event:
        return completed(key_and_z[0], model, params, example, key_and_z[1])

    return jax.lax.map(one, (jax.random.split(draw_key, num), z), batch_size=min(BLOCK, num))


def completed(key: Key, model: VAE, params: Params, example: Example, z: Latent) -> Event:
    """x as it was seen, and a draw of p(x|z) where it was not."""
    drawn = model.sample_likelihood(key, params, z, example)
    return filled(example, drawn.astype(example.x.dtype))


def filled(example: Example, x: Event) -> Event:
    """x where it was not observed, and elsewhere what was seen, to the bit."""
    return example.x if example.observed is None else jnp.where(example.observed, seen(example), x)


def weights_of(latents: Latents) -> Array:
    """Summing to one; all the same where no draw has any weight, of which the ess, 0, tells."""
    log_weights = jnp.where(jnp.any(latents.log_weights > -jnp.inf), latents.log_weights, 0.0)
    return jax.nn.softmax(log_weights)


def _resampled(key: Key, weights: Array, num: int) -> Int[Array, " num"]:
    """Places such that each is taken num x its weight times, rounded up or down at random: systematic resampling."""
    heights = (jax.random.uniform(key, (), weights.dtype) + jnp.arange(num)) / num
    total = jnp.cumsum(weights)
    return jnp.minimum(jnp.searchsorted(total, heights * total[-1], side="right"), len(weights) - 1)
