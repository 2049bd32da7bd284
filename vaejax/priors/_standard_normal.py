import jax
import jax.numpy as jnp

from vaejax.families import factorised, per_latent
from vaejax.numerics import normal_log_prob, require_count
from vaejax.types import Event, Family, Key, Params, Parts, Shape, Stats


def standard_normal(unit_shape: Shape = ()) -> Family:
    """p(z) = N(0, I). No stats, nothing learned. `unit_shape` (8,): each latent is 8 numbers, one part.

    >>> standard_normal().log_prob((), jnp.zeros((0, 1)), jnp.zeros(1)).item().__round__(4)
    -0.9189
    """
    unit_shape = tuple(require_count("an entry of unit_shape", size) for size in unit_shape)

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        return per_latent(normal_log_prob(z, 0.0, 0.0), unit_shape)

    return factorised("standard_normal", 0, _sample, log_prob, _mean, unit_shape=unit_shape)


def _sample(key: Key, params: Params, stats: Stats) -> Event:
    return jax.random.normal(key, stats.shape[1:], stats.dtype)


def _mean(params: Params, stats: Stats) -> Event:
    return jnp.zeros(stats.shape[1:], stats.dtype)
