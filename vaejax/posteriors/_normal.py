import jax
import jax.numpy as jnp

from vaejax.families import factorised
from vaejax.numerics import normal_log_prob
from vaejax.types import Event, Family, Key, Params, Parts, Stats


def normal() -> Family:
    """q(z|x) = N(z; mean, diag exp(log_scale)^2), reparameterised. Stats: two rows, mean and log_scale.

    Noise is drawn with the latent axis first, so a smaller latent size sees the same numbers.
    Kingma and Welling (2014), arXiv:1312.6114.

    >>> z, log_q = normal().sample(jax.random.key(0), (), jnp.zeros((2, 3)))
    >>> z.shape, log_q.shape
    ((3,), (3,))
    """
    return factorised("normal", 2, _sample, _log_prob, _mean)


def _sample(key: Key, params: Params, stats: Stats) -> Event:
    return stats[0] + jnp.exp(stats[1]) * jax.random.normal(key, stats.shape[1:], stats.dtype)


def _log_prob(params: Params, stats: Stats, z: Event) -> Parts:
    return normal_log_prob(z, stats[0], stats[1])


def _mean(params: Params, stats: Stats) -> Event:
    return stats[0]
