import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import UNIT_INTERVAL, factorised
from vaejax.numerics import bernoulli_log_prob
from vaejax.types import Event, Family, Key, Params, Parts, Stats

SMALL = 0.25  # below it the series is exact to 1e-14 and the closed form cancels


def continuous_bernoulli() -> Family:
    """p(x) = C(s) sigmoid(s)^x sigmoid(-s)^(1-x), C(s) = s / tanh(s/2), for x in [0, 1]. Stats: one row, s.

    Loaiza-Ganem and Cunningham (2019), arXiv:1907.06845: cross-entropy on grey values, made a density by its constant.

    >>> family = continuous_bernoulli()
    >>> family.log_prob((), jnp.zeros((1, 1)), jnp.array([0.3])).round(6).tolist()
    [0.0]
    """
    return factorised("continuous_bernoulli", 1, _sample, _log_prob, _mean, support=UNIT_INTERVAL)


def _log_constant(s: Array) -> Array:
    """log(s / tanh(s/2)); its series in y = s/2 is log 2 + y^2/3 - 7y^4/90 + 62y^6/2835 - 127y^8/18900 + ..."""
    small = jnp.abs(s) < SMALL
    y2 = jnp.square(jnp.where(small, s, 0.0) / 2)
    series = y2 * (1 / 3 + y2 * (-7 / 90 + y2 * (62 / 2835 + y2 * (-127 / 18900 + y2 * (146 / 66825)))))
    large = jnp.abs(jnp.where(small, 1.0, s))
    return jnp.where(small, jnp.log(2.0) + series, jnp.log(large) - jnp.log(jnp.tanh(large / 2)))


def _log_prob(params: Params, stats: Stats, x: Event) -> Parts:
    return bernoulli_log_prob(x, stats[0]) + _log_constant(stats[0])


def _mean(params: Params, stats: Stats) -> Event:
    """1 / (1 - exp(-s)) - 1/s; by mean(-s) = 1 - mean(s) nothing overflows."""
    s = stats[0]
    small = jnp.abs(s) < SMALL
    t = jnp.where(small, s, 0.0)
    series = 0.5 + t * (1 / 12 - jnp.square(t) * (1 / 720 - jnp.square(t) * (1 / 30240)))
    large = jnp.where(small, 1.0, jnp.abs(s))
    positive = -1 / jnp.expm1(-large) - 1 / large
    return jnp.where(small, series, jnp.where(s > 0, positive, 1 - positive))


def _sample(key: Key, params: Params, stats: Stats) -> Event:
    """The inverse of F(x) = expm1(s x) / expm1(s) at s < 0; at s > 0 that of 1 - x."""
    s = stats[0]
    u = jax.random.uniform(key, s.shape, s.dtype)
    flat = jnp.abs(s) < 1e-5
    negative = -jnp.where(flat, 1.0, jnp.abs(s))
    x = jnp.clip(jnp.log1p(u * jnp.expm1(negative)) / negative, 0.0, 1.0)
    return jnp.where(flat, u, jnp.where(s > 0, 1 - x, x))
