import jax
import jax.numpy as jnp

from vaejax.families import factorised, levels_of
from vaejax.numerics import require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats


def categorical(levels: Number = 256) -> Family:
    """P(x = k/(n-1)) = softmax(s)_k, k = 0, ..., n-1, n = `levels`. Stats: n rows, the logits of each entry.

    A mass function of any form on the grey levels, which knows nothing of their order: what it gives to one level says
    nothing of the next. Cost: the decoder has n outputs for each entry (256 times those of `bernoulli`).
    Van den Oord, Kalchbrenner and Kavukcuoglu (2016), arXiv:1601.06759 (PixelRNN).

    >>> family = categorical(4)
    >>> family.mean((), jnp.array([[0.0], [-90.0], [-90.0], [0.0]])).item()
    0.5
    """
    num = require_count("levels", levels, least=2)

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        index = jnp.round(x * (num - 1)).astype(int)
        return jnp.take_along_axis(jax.nn.log_softmax(stats, axis=0), index[None], axis=0)[0]

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        return jax.random.categorical(key, stats, axis=0).astype(stats.dtype) / (num - 1)

    def mean(params: Params, stats: Stats) -> Event:
        return jnp.tensordot(jnp.linspace(0, 1, num, dtype=stats.dtype), jax.nn.softmax(stats, axis=0), 1)

    return factorised("categorical", num, sample, log_prob, mean, support=levels_of(num))
