import jax
import jax.numpy as jnp

from vaejax.families import factorised
from vaejax.numerics import normal_log_prob
from vaejax.types import Event, Family, Key, Params, Parts, Stats


def standard_normal() -> Family:
    """p(z) = N(0, I). No stats, nothing learned.

    >>> standard_normal().log_prob((), jnp.zeros((0, 1)), jnp.zeros(1)).item().__round__(4)
    -0.9189
    """
    return factorised("standard_normal", 0, _sample, _log_prob, _mean)


def _sample(key: Key, params: Params, stats: Stats) -> Event:
    return jax.random.normal(key, stats.shape[1:], stats.dtype)


def _log_prob(params: Params, stats: Stats, z: Event) -> Parts:
    return normal_log_prob(z, 0.0, 0.0)


def _mean(params: Params, stats: Stats) -> Event:
    return jnp.zeros(stats.shape[1:], stats.dtype)
