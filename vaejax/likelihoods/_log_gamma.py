"""What is left of log Gamma when its large terms, which cancel in densities, are taken away by hand."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.numerics import LOG_2PI

LARGE = 8.0  # from here the series below is exact in float64
SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)  # B_2k / (2k (2k-1))


def stirling_remainder(a: Array) -> Array:
    """log Gamma(a) - [(a - 1/2) log a - a + 1/2 log(2 pi)], for a > 0: close to 1/(12 a).

    >>> stirling_remainder(jnp.array(1.0)).item().__round__(4)  # 1 - log(2 pi)/2
    0.0811
    """
    large = a >= LARGE
    inverse = 1 / jnp.where(large, a, LARGE)
    series = inverse * jnp.polyval(jnp.asarray(SERIES[::-1], inverse.dtype), jnp.square(inverse))
    small = jnp.where(large, 1.0, a)
    direct = jax.lax.lgamma(1 + small) - (small + 0.5) * jnp.log(small) + small - LOG_2PI / 2
    return jnp.where(large, series, direct)


def log_half_step(a: Array) -> Array:
    """log Gamma(a + 1/2) - log Gamma(a) - 1/2 log a, for a > 0: falls to zero as a grows.

    >>> log_half_step(jnp.array(0.5)).item().__round__(4)  # log sqrt(2/pi)
    -0.2258
    """
    return a * jnp.log1p(0.5 / a) - 0.5 + stirling_remainder(a + 0.5) - stirling_remainder(a)
