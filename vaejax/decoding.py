"""p(x|z) of a network and a family, for every model that has one; what an example hides from its networks."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.errors import VaejaxError
from vaejax.families import known_mean
from vaejax.types import Event, Example, Family, Key, Latent, Net, Params, Parts

ENCODER, DECODER, PRIOR_NET, CLASSIFIER, NOISE = range(5)  # what draws from the key of an example


class Decoding(NamedTuple):
    """The functions of a `VAE` that know p(x|z)."""

    decode: Callable[[Params, Latent, Example], Event]
    log_likelihood: Callable[[Params, Latent, Example], Parts]
    sample_likelihood: Callable[[Key, Params, Latent, Example], Event]


def decoding(net: Net, likelihood: Family, active: Latent) -> Decoding:
    """p(x|z), where the network sees the context and the latents in use."""
    x_mean = known_mean(likelihood)

    def stats(params: Params, z: Latent, example: Example) -> Array:
        return net.apply(params["decoder"], (example.context, _one(z, active) * active), net_key(example, DECODER))

    def decode(params: Params, z: Latent, example: Example) -> Event:
        return x_mean(params["likelihood"], stats(params, z, example))

    def log_likelihood(params: Params, z: Latent, example: Example) -> Parts:
        parts = likelihood.log_prob(params["likelihood"], stats(params, z, example), seen(example))
        return parts if example.observed is None else _observed(parts, example.observed)

    def sample_likelihood(key: Key, params: Params, z: Latent, example: Example) -> Event:
        return likelihood.sample(key, params["likelihood"], stats(params, z, example))[0]

    return Decoding(decode, log_likelihood, sample_likelihood)


def seen(example: Example) -> Event:
    """x with zeros where it was not observed, so that what stands there does not matter, NaN included."""
    return example.x if example.observed is None else jnp.where(example.observed, example.x, 0.0)


def net_key(example: Example, whose: int) -> Key | None:
    """The key of one of those that draw in training; `None` in evaluation."""
    return None if example.key is None else jax.random.fold_in(example.key, whose)


def _one(z: Latent, active: Array) -> Latent:
    if z.shape != active.shape:
        raise VaejaxError(f"expected one z of shape {active.shape}, got {z.shape}; map over a batch with jax.vmap")
    return z


def _observed(parts: Parts, observed: Array) -> Parts:
    if parts.shape != observed.shape:
        raise VaejaxError(
            f"a mask of observed entries {observed.shape} needs a likelihood with one part per entry, got {parts.shape}"
        )
    return jnp.where(observed, parts, 0.0)
