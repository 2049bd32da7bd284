import math

import jax
import jax.numpy as jnp

from vaejax.families import factorised
from vaejax.types import Event, Family, Key, Params, Parts, Stats


def standard_laplace() -> Family:
    """p(z) = prod exp(-|z|) / 2: sharper at zero and with heavier tails than N(0, I), which favours its own axes.

    No stats, nothing learned. A rotation of z changes p(z), so latents are not free to turn; Mathieu et al. (2019),
    arXiv:1812.02833, argue so for priors of independent latents that are not normal. The rate is sampled.

    >>> standard_laplace().log_prob((), jnp.zeros((0, 1)), jnp.zeros(1)).item().__round__(4)
    -0.6931
    """
    return factorised("standard_laplace", 0, _sample, _log_prob, _mean)


def _sample(key: Key, params: Params, stats: Stats) -> Event:
    return jax.random.laplace(key, stats.shape[1:], stats.dtype)


def _log_prob(params: Params, stats: Stats, z: Event) -> Parts:
    return -jnp.abs(z) - math.log(2)


def _mean(params: Params, stats: Stats) -> Event:
    return jnp.zeros(stats.shape[1:], stats.dtype)
