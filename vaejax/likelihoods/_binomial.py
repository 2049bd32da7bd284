import math

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.families import factorised, levels_of
from vaejax.numerics import bernoulli_log_prob, require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats


def binomial(levels: Number = 256) -> Family:
    """P(x = k/n) = C(n, k) sigmoid(s)^k sigmoid(-s)^(n-k), n = levels - 1. Stats: one row, the logits.

    n draws of one pixel: cross-entropy on grey values times n, with the constant that makes it a probability.

    >>> family = binomial(17)
    >>> jnp.exp(family.log_prob((), jnp.zeros((1, 17)), jnp.linspace(0, 1, 17))).sum().round(4).item()
    1.0
    """
    num = require_count("levels", levels, least=2) - 1
    log_choices = np.array(
        [math.lgamma(num + 1) - math.lgamma(k + 1) - math.lgamma(num - k + 1) for k in range(num + 1)]
    )

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        constant = jnp.asarray(log_choices, stats.dtype)[jnp.round(x * num).astype(int)]
        return constant + num * bernoulli_log_prob(x, stats[0])

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        hits = jax.random.bernoulli(key, jax.nn.sigmoid(stats), (num, *stats.shape[1:]))
        return jnp.mean(hits, axis=0, dtype=stats.dtype)

    def mean(params: Params, stats: Stats) -> Event:
        return jax.nn.sigmoid(stats[0])

    return factorised("binomial", 1, sample, log_prob, mean, support=levels_of(num + 1))
