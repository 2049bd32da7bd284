import math

import jax
import jax.numpy as jnp

from vaejax.families import factorised, levels_of
from vaejax.types import Event, Family, Key, Params, Parts, Stats


def uniform_bernoulli() -> Family:
    """p(z) = 1/2 for each z in {0, 1}. No stats, nothing learned. For `posteriors.bernoulli`.

    >>> uniform_bernoulli().log_prob((), jnp.zeros((0, 1)), jnp.zeros(1)).item().__round__(4)
    -0.6931
    """
    return factorised("uniform_bernoulli", 0, _sample, _log_prob, _mean, support=levels_of(2))


def _sample(key: Key, params: Params, stats: Stats) -> Event:
    return jax.random.bernoulli(key, 0.5, stats.shape[1:]).astype(stats.dtype)


def _log_prob(params: Params, stats: Stats, z: Event) -> Parts:
    return jnp.full(z.shape, -math.log(2), z.dtype)


def _mean(params: Params, stats: Stats) -> Event:
    return jnp.full(stats.shape[1:], 0.5, stats.dtype)
