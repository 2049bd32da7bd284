import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import factorised, levels_of
from vaejax.numerics import require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats

LOWEST, HIGHEST = -15.0, 15.0  # of log_scale: beyond them float32 has no differences left


def discretized_logistic(levels: Number = 256) -> Family:
    """P(x) = F(x + h) - F(x - h), h = 1/(2(n-1)), F logistic, for n levels; the outermost take the tails.

    Stats: two rows, mean and log_scale (held in [-15, 15]). Salimans et al. (2017), arXiv:1701.05517, one component.

    >>> family = discretized_logistic(17)
    >>> x = jnp.linspace(0, 1, 17)
    >>> jnp.exp(family.log_prob((), jnp.zeros((2, 17)), x)).sum().round(4).item()
    1.0
    """
    num = require_count("levels", levels, least=2)
    half = 0.5 / (num - 1)

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        mean, log_scale = stats[0], jnp.clip(stats[1], LOWEST, HIGHEST)
        inverse = jnp.exp(-log_scale)
        high, low = (x + half - mean) * inverse, (x - half - mean) * inverse
        inside = jax.nn.log_sigmoid(high) + jax.nn.log_sigmoid(-low) + _log1mexp(2 * half * inverse)
        lowest, highest = x < half, x > 1 - half
        return jnp.where(lowest, jax.nn.log_sigmoid(high), jnp.where(highest, jax.nn.log_sigmoid(-low), inside))

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        noise = jax.random.logistic(key, stats.shape[1:], stats.dtype)
        x = stats[0] + jnp.exp(jnp.clip(stats[1], LOWEST, HIGHEST)) * noise
        return jnp.round(jnp.clip(x, 0.0, 1.0) * (num - 1)) / (num - 1)

    def mean(params: Params, stats: Stats) -> Event:
        edges = (jnp.arange(num - 1) + 0.5).reshape(-1, *[1] * (stats.ndim - 1)) / (num - 1)
        above = jax.nn.sigmoid((stats[:1] - edges) * jnp.exp(-jnp.clip(stats[1:], LOWEST, HIGHEST)))
        return jnp.mean(above, axis=0)

    return factorised("discretized_logistic", 2, sample, log_prob, mean, support=levels_of(num))


def _log1mexp(width: Array) -> Array:
    """log(1 - exp(-width)) for width > 0."""
    return jnp.log(-jnp.expm1(-width))
