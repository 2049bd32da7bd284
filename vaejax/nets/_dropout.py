from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.errors import VaejaxError
from vaejax.numerics import concrete, require_number
from vaejax.types import Key, Number


def dropout(rate: Number, key: Key | None) -> Callable[[int, Array], Array]:
    """`(layer, h) -> h / (1 - rate)`, each entry with probability 1 - rate, else 0; h itself without a key.

    Every layer has draws of its own. Srivastava et al. (2014), JMLR 15.

    >>> drop = dropout(0.5, jax.random.key(0))
    >>> sorted(set(drop(0, jnp.ones(50)).tolist()))
    [0.0, 2.0]
    """
    if key is None or concrete(rate) == 0:
        return lambda layer, h: h

    def drop(layer: int, h: Array) -> Array:
        kept = jax.random.bernoulli(jax.random.fold_in(key, layer), 1 - rate, h.shape)
        return jnp.where(kept, h / (1 - rate), 0.0)

    return drop


def require_rate(rate: Number) -> Number:
    """`rate`, refused where it is known and not in [0, 1)."""
    require_number("dropout", rate, least=0.0)
    known = concrete(rate)
    if known is not None and known >= 1:
        raise VaejaxError(f"dropout must be a number from 0 to below 1, the part that is dropped, got {rate!r}")
    return rate
