"""What objectives share that look at z itself, or at a term for each latent."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.bound import each
from vaejax.errors import VaejaxError
from vaejax.types import VAE, Example, Key, Latent, Params, Parts

FOR_PRIOR = 2**32 - 2  # no example stands at this place in a batch: draws from the prior are independent of those of z

Codes = Float[Array, "batch latent"]


def flat(z: Float[Array, "batch *latent"]) -> Codes:
    """One row of latents for each example."""
    return z.reshape(len(z), -1)


def active_of(model: VAE) -> Float[Array, " latent"]:
    """One for each number of a latent in use, in the order of `flat`."""
    return model.active().reshape(-1)


def latents_of(model: VAE) -> Float[Array, " latent"]:
    """One for each latent in use, of however many numbers."""
    active = model.active()
    return active.reshape(len(active), -1)[:, 0]


def require_per_latent(name: str, what: str, parts: Parts, z: Latent) -> None:
    """Refuses by shape what has not one part per latent. `name` is who asks, `what` is what has the parts."""
    if parts.shape not in (z.shape, z.shape[:1]):  # a latent of several numbers has one part
        raise VaejaxError(
            f"{name} needs {what} in one part for each latent of shape {z.shape}, got parts of shape {parts.shape}: "
            "its latents depend on each other; use one that factorises, or another objective"
        )


def prior_codes(key: Key, model: VAE, params: Params, batch: Example) -> Codes:
    """A draw from the prior for each example, independent of what is drawn for it with the same key."""
    key = jax.random.fold_in(key, FOR_PRIOR)
    return flat(each(lambda key, example: model.sample_prior(key, params, example), key, batch))


def weights_of(batch: Example) -> Float[Array, " batch"]:
    """What each example counts; one where it was not said."""
    return jnp.ones(len(batch.x)) if batch.weight is None else batch.weight.astype(float)
