"""Kernels that tell two codes apart: k(a, b) is 1 where they are equal and falls with their distance."""

from collections.abc import Callable

import jax.numpy as jnp

from vaejax.numerics import require_number
from vaejax.types import Latent, Number, Scalar

Kernel = Callable[[Latent, Latent], Scalar]


def rbf(width: Number = 1.0) -> Kernel:
    """exp(-|a - b|^2 / (2 width^2)): the Gaussian kernel.

    It sees differences at about its width; draws from a prior N(0, I) of n latents are sqrt(2 n) apart, so give one of
    about sqrt(n). It is never taken from the number of latents there are: a model of 2 latents among 5 would differ
    from that of 2. Raises: VaejaxError where the width is known and not above 0.

    >>> round(float(rbf(2.0)(jnp.zeros(2), jnp.array([2.0, 2.0]))), 4)
    0.3679
    """
    require_number("width", width, above=0.0)
    return lambda a, b: jnp.exp(-_squared(a, b) / (2 * width**2))


def inverse_multiquadratic(width: Number = 1.0) -> Kernel:
    """1 / (1 + |a - b|^2 / (2 width^2)): falls slowly, so that codes far from the prior feel it too.

    That of Tolstikhin et al. (2018), arXiv:1711.01558, with their constant C = 2 width^2. Its width: see `rbf`.
    Raises: VaejaxError where the width is known and not above 0.

    >>> float(inverse_multiquadratic(2.0)(jnp.zeros(2), jnp.array([2.0, 2.0])))
    0.5
    """
    require_number("width", width, above=0.0)
    return lambda a, b: 1 / (1 + _squared(a, b) / (2 * width**2))


def _squared(a: Latent, b: Latent) -> Scalar:
    return jnp.sum(jnp.square(a - b))
