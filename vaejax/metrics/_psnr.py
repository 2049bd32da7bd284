import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.numerics import require_number
from vaejax.types import Number, Scalar

from ._mean_squared_error import mean_squared_error


def psnr(x: Float[Array, "..."], y: Float[Array, "..."], data_range: Number = 1.0) -> Scalar:
    """Peak signal-to-noise ratio, 10 log10(data_range^2 / mean squared error) of one example, in decibel.

    data_range: the largest value less the smallest that x may have, 1 of what `vj.data` gives, not what it happens to
    have. Infinite where x and y are equal. The mean over images is above the PSNR of their mean error (Jensen); papers
    print either. Raises: VaejaxError where the shapes differ, or the range is known and not above 0.

    >>> round(float(psnr(jnp.zeros((8, 8)), jnp.full((8, 8), 0.1))), 3)
    20.0
    """
    require_number("data_range", data_range, above=0.0)
    return 10 * jnp.log10(data_range**2 / mean_squared_error(x, y))
