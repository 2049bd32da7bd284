"""The sphere of the latents in use."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.errors import VaejaxError
from vaejax.families import both, in_use
from vaejax.numerics import concrete
from vaejax.types import Key, Latent, Scalar, Stats


def narrower(active: Array | None, more: Array) -> Array:
    """One mask, if there is one, and another. Raises: VaejaxError where they are known to leave 1 latent."""
    left = both(active, more)
    known = concrete(left)
    if known is not None:
        _require_two(int(known.sum()))
    return left


def size_of(stats: Stats, active: Array | None) -> Scalar:
    """The number of dimensions; NaN where it is traced and turns out to be 1. Raises: VaejaxError where it is 1."""
    if active is None:
        _require_two(stats.shape[1])
        return jnp.asarray(stats.shape[1], stats.dtype)
    size = jnp.sum(active).astype(stats.dtype)
    return jnp.where(size > 1, size, jnp.nan)


def unit(latents: Latent) -> Latent:
    """Its direction.

    >>> unit(jnp.array([3.0, 4.0])).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    squared = latents @ latents
    return latents / jnp.sqrt(jnp.maximum(squared, jnp.finfo(latents.dtype).tiny))


def uniform(key: Key, stats: Stats, active: Array | None) -> Latent:
    """A draw from the whole sphere; the latent axis is first, so fewer latents see the same numbers."""
    return unit(in_use(active)(jax.random.normal(key, stats.shape[1:], stats.dtype)))


def _require_two(size: int) -> None:
    if size < 2:
        raise VaejaxError(f"a sphere needs 2 latents or more, got {size}: on the one there is are two points")
