import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.numerics import require_number
from vaejax.types import Number


def bits_per_dimension(
    log_likelihood: Float[Array, "..."], num_dims: Number, step: Number = 1.0
) -> Float[Array, "..."]:
    """-(log p(x) / D + log step) / log 2, from nats per example to bits for each of the D entries of x.

    step: 1 for a mass function. For a density at dequantised levels, the distance between two levels in the units of x:
        1/256 where 256 grey levels were given uniform noise and divided by 256. p(x) step^D is then a lower bound on
        the mass of the levels, in expectation (Theis et al. 2016, arXiv:1511.01844); without it a density gives bits
        that can be made as low as one likes by scaling x, and compare with no one's.
    D counts every entry: 3,072 for 32 x 32 pixels of 3 colours. A lower bound on log p gives an upper bound on bits.
    Raises: VaejaxError where a number is known and not positive.

    >>> bits_per_dimension(jnp.array(-784 * 8 * math.log(2)), 784).item()
    8.0
    """
    for name, number in (("num_dims", num_dims), ("step", step)):
        require_number(name, number, above=0.0)
    return -(log_likelihood / num_dims + jnp.log(step)) / math.log(2)
