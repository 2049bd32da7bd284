import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Scalar

from ._images import require_alike


def mean_squared_error(x: Float[Array, "..."], y: Float[Array, "..."]) -> Scalar:
    """mean_i (x_i - y_i)^2 over the entries of one example, in squared units of x.

    The sum that other papers print is this times the number of entries, and a normal likelihood's distortion that sum
    over 2 scale^2, with a constant. Raises: VaejaxError where the shapes differ.

    >>> float(mean_squared_error(jnp.array([0.0, 1.0]), jnp.array([0.0, 0.5])))
    0.125
    """
    require_alike(x, y)
    return jnp.mean(jnp.square(x - y))
