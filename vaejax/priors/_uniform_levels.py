import math

import jax
import jax.numpy as jnp

from vaejax.families import factorised
from vaejax.numerics import require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats, Support


def uniform_levels(num_levels: Number = 5) -> Family:
    """p(z) = 1 / num_levels for each of the levels from -1 to 1. No stats, nothing learned. For `posteriors.fsq`.

    >>> uniform_levels(5).log_prob((), jnp.zeros((0, 1)), jnp.zeros(1)).item().__round__(4)
    -1.6094
    """
    last = require_count("num_levels", num_levels, least=2) - 1

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        return jax.random.randint(key, stats.shape[1:], 0, last + 1).astype(stats.dtype) * (2 / last) - 1

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        return jnp.full(z.shape, -math.log(last + 1), z.dtype)

    def mean(params: Params, stats: Stats) -> Event:
        return jnp.zeros(stats.shape[1:], stats.dtype)

    return factorised("uniform_levels", 0, sample, log_prob, mean, support=Support(last + 1, -1.0, 1.0))
