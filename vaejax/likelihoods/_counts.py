"""Log masses and draws of counts. No two large terms cancel in them, so float32 will do for counts of a million."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.numerics import LOG_2PI
from vaejax.types import Key

from ._log_gamma import stirling_remainder

LOG_MEAN = (-20.0, 20.0)  # below it is zero in all but name, above counts leave int32
LOG_DISPERSION = (-15.0, 20.0)  # above it is the Poisson's in all but name
LARGEST = 21.0  # log of the largest rate that is drawn from: int32 ends at 21.5


def held_log_mean(log_mean: Array) -> Array:
    """`log_mean` within [-20, 20]."""
    return jnp.clip(log_mean, *LOG_MEAN)


def poisson_log_mass(x: Array, log_mean: Array) -> Array:
    """x log m - m - log x!, as -[x log(x/m) + m - x] - [log x! - x log x + x]: the mode's mass, and the way to it."""
    mean = jnp.exp(log_mean)
    some = jnp.maximum(x, 1.0)
    deviance = jnp.where(x > 0, x * _excess((mean - x) / some, mean / some), mean)
    return -deviance - _log_factorial_remainder(x)


def negative_binomial_log_mass(x: Array, log_mean: Array, log_dispersion: Array) -> Array:
    """log of Gamma(x + r) / (Gamma(r) x!) (r/(r + m))^r (m/(r + m))^x; r -> inf makes it the Poisson's, term by term.

    Two deviances, of x from its share of x + r and of r from its own, neither of which is negative, and what is left of
    the gammas. Loader (2000), "Fast and accurate computation of binomial probabilities", for any real r.
    """
    log_r = jnp.clip(log_dispersion, *LOG_DISPERSION)
    mean, r = jnp.exp(log_mean), jnp.exp(log_r)
    failures, successes = jax.nn.sigmoid(log_mean - log_r), jax.nn.sigmoid(log_r - log_mean)
    some = jnp.maximum(x, 1.0)
    of_x = x * _excess((mean - x) * successes / some, (x + r) / some * failures)
    of_r = r * _excess((x - mean) / (r + mean), (x + r) / (r + mean))
    gammas = stirling_remainder(x + r) - stirling_remainder(r) - 0.5 * jnp.log1p(x / r)
    return gammas - of_r - jnp.where(x > 0, of_x, mean * successes) - _log_factorial_remainder(x)


def poisson_draw(key: Key, log_mean: Array) -> Array:
    """A count, as a float."""
    rate = jnp.exp(jnp.minimum(log_mean, LARGEST))
    return jax.random.poisson(key, rate).astype(rate.dtype)


def negative_binomial_draw(key: Key, log_mean: Array, log_dispersion: Array) -> Array:
    """A Poisson count whose rate is m times a gamma variable of mean 1 and variance 1/r."""
    of_rate, of_count = jax.random.split(key)
    log_r = jnp.broadcast_to(jnp.clip(log_dispersion, *LOG_DISPERSION), log_mean.shape)
    log_gamma = jax.random.loggamma(of_rate, jnp.exp(log_r).astype(log_mean.dtype), dtype=log_mean.dtype)
    return poisson_draw(of_count, log_mean + log_gamma - log_r)


def _excess(t: Array, ratio: Array) -> Array:
    """t - log(1 + t), at least zero; `ratio` is 1 + t without the cancellation where t is close to -1."""
    v = t / (2 + t)
    v2 = jnp.square(v)
    series = v * (t - 2 * v2 * (1 / 3 + v2 * (1 / 5 + v2 * (1 / 7 + v2 * (1 / 9 + v2 * (1 / 11 + v2 / 13))))))
    cancels = t < -0.9
    log_ratio = jnp.where(cancels, jnp.log(jnp.where(cancels, ratio, 1.0)), jnp.log1p(jnp.where(cancels, 0.0, t)))
    return jnp.where(jnp.abs(v) < 0.1, series, t - log_ratio)


def _log_factorial_remainder(x: Array) -> Array:
    """log x! - x log x + x, for counts."""
    some = jnp.maximum(x, 1.0)
    return jnp.where(x > 0, 0.5 * (LOG_2PI + jnp.log(some)) + stirling_remainder(some), 0.0)
