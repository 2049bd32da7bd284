"""What objectives share that look at z itself, or at a term for each latent."""

import jax
from jaxtyping import Array, Float

from vaejax.bound import FOR_PRIOR, each
from vaejax.types import VAE, Example, Key, Params

Codes = Float[Array, "batch latent"]


def flat(z: Float[Array, "batch *latent"]) -> Codes:
    """One row of latents for each example."""
    return z.reshape(len(z), -1)


def active_of(model: VAE) -> Float[Array, " latent"]:
    """One for each number of a latent in use, in the order of `flat`."""
    return model.active().reshape(-1)


def prior_codes(key: Key, model: VAE, params: Params, batch: Example) -> Codes:
    """A draw from the prior for each example, independent of what is drawn for it with the same key."""
    key = jax.random.fold_in(key, FOR_PRIOR)
    return flat(each(lambda key, example: model.sample_prior(key, params, example), key, batch))
