import math

import jax
import jax.numpy as jnp

from vaejax.families import ONE_HOT, factorised
from vaejax.numerics import require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats


def uniform_categorical(num_classes: Number = 8) -> Family:
    """p(z) = 1 / num_classes for each latent, z one-hot. No stats, nothing learned. For `posteriors.categorical`.

    >>> uniform_categorical(4).log_prob((), jnp.zeros((0, 1, 4)), jnp.eye(4)[:1]).item().__round__(4)
    -1.3863
    """
    num = require_count("num_classes", num_classes, least=2)

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        return jax.nn.one_hot(jax.random.randint(key, stats.shape[1:-1], 0, num), num, dtype=stats.dtype)

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        return jnp.full(z.shape[:-1], -math.log(num), z.dtype)

    def mean(params: Params, stats: Stats) -> Event:
        return jnp.full(stats.shape[1:], 1 / num, stats.dtype)

    return factorised("uniform_categorical", 0, sample, log_prob, mean, support=ONE_HOT, unit_shape=(num,))
