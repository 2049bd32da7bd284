import jax
import jax.numpy as jnp

from vaejax.families import factorised, levels_of
from vaejax.numerics import bernoulli_log_prob, require_number, with_gradient_of
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats


def bernoulli(temperature: Number = 1.0) -> Family:
    """q(z = 1|x) = sigmoid(s), for each z in {0, 1}. Stats: one row, the logits.

    A sample is exactly 0 or 1: whether s + l, l logistic noise, is above 0. Its gradient is that of sigmoid((s + l) /
    temperature), straight through: the binary concrete. Every value is that of the discrete model, exactly, and only
    gradients are biased, as those of `categorical`, of which this is the one of two classes.
    Maddison, Mnih and Teh (2017), arXiv:1611.00712; Jang, Gu and Poole (2017), arXiv:1611.01144.

    >>> z, log_q = bernoulli().sample(jax.random.key(0), (), jnp.array([[-90.0, 90.0]]))
    >>> z.tolist(), log_q.tolist()
    ([0.0, 1.0], [0.0, 0.0])
    """
    require_number("temperature", temperature, above=0.0)

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        noisy = stats[0] + jax.random.logistic(key, stats.shape[1:], stats.dtype)
        return with_gradient_of(jnp.where(noisy > 0, 1.0, 0.0), jax.nn.sigmoid(noisy / temperature))

    return factorised("bernoulli", 1, sample, _log_prob, _mean, support=levels_of(2))


def _log_prob(params: Params, stats: Stats, z: Event) -> Parts:
    return bernoulli_log_prob(z, stats[0])


def _mean(params: Params, stats: Stats) -> Event:
    return jax.nn.sigmoid(stats[0])
