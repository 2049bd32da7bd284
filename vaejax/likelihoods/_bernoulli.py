import jax

from vaejax.families import factorised, levels_of
from vaejax.numerics import bernoulli_log_prob
from vaejax.types import Event, Family, Key, Params, Parts, Stats


def bernoulli() -> Family:
    """P(x = 1) = sigmoid(s), for x in {0, 1}. Stats: one row, the logits.

    Finite in value and gradient at every finite float32 logit. Grey values have no probability under it: cross-entropy
    on them is no likelihood, and `sweep` refuses them.

    >>> import jax.numpy as jnp
    >>> family = bernoulli()
    >>> family.log_prob((), jnp.full((1, 2), 90.0), jnp.array([1.0, 0.0])).tolist()
    [0.0, -90.0]
    """
    return factorised("bernoulli", 1, _sample, _log_prob, _mean, support=levels_of(2))


def _sample(key: Key, params: Params, stats: Stats) -> Event:
    return jax.random.bernoulli(key, jax.nn.sigmoid(stats[0])).astype(stats.dtype)


def _log_prob(params: Params, stats: Stats, x: Event) -> Parts:
    return bernoulli_log_prob(x, stats[0])


def _mean(params: Params, stats: Stats) -> Event:
    return jax.nn.sigmoid(stats[0])
