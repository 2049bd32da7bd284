"""A logistic variable cut into the cells of n levels, of which the outermost take the tails."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.types import Key

LOWEST, HIGHEST = -15.0, 15.0  # of log_scale: beyond them float32 has no differences left
FARTHEST = 1e30  # scales from the mean: a mass that is further out would overflow


def held(log_scale: Array) -> Array:
    """`log_scale` within the bounds in which its cells can be told apart."""
    return jnp.clip(log_scale, LOWEST, HIGHEST)


def log_mass(levels: int, x: Array, mean: Array, log_scale: Array) -> Array:
    """log[F((x + h - mean)/scale) - F((x - h - mean)/scale)], h = 1/(2(n-1)), F logistic; no tail is lost."""
    half = 0.5 / (levels - 1)
    inverse = jnp.exp(-held(log_scale))
    high, low = (jnp.clip((edge - mean) * inverse, -FARTHEST, FARTHEST) for edge in (x + half, x - half))
    inside = jax.nn.log_sigmoid(high) + jax.nn.log_sigmoid(-low) + _log1mexp(2 * half * inverse)
    lowest, highest = x < half, x > 1 - half
    return jnp.where(lowest, jax.nn.log_sigmoid(high), jnp.where(highest, jax.nn.log_sigmoid(-low), inside))


def draw(key: Key, levels: int, mean: Array, log_scale: Array) -> Array:
    """The level in whose cell a logistic draw falls."""
    x = mean + jnp.exp(held(log_scale)) * jax.random.logistic(key, mean.shape, mean.dtype)
    return jnp.round(jnp.clip(x, 0.0, 1.0) * (levels - 1)) / (levels - 1)


def mean_level(levels: int, mean: Array, log_scale: Array) -> Array:
    """The mean of the levels: the mean over the edges between cells of the probability to lie above."""
    edges = (jnp.arange(levels - 1) + 0.5).reshape(-1, *[1] * mean.ndim) / (levels - 1)
    return jnp.mean(jax.nn.sigmoid((mean[None] - edges) * jnp.exp(-held(log_scale))[None]), axis=0)


def _log1mexp(width: Array) -> Array:
    """log(1 - exp(-width)) for width > 0."""
    return jnp.log(-jnp.expm1(-width))
