"""Which of the codes a fit looks at."""

import jax
from jaxtyping import Array, Float

from vaejax.types import Key

BATCH = 256


def batch_of(key: Key, codes: Float[Array, "num size"]) -> Float[Array, "batch size"]:
    """So many of them at random, with replacement; not more than there are."""
    return codes[jax.random.randint(key, (min(BATCH, len(codes)),), 0, len(codes))]


def at_most(key: Key, codes: Float[Array, "num size"], most: int) -> Float[Array, "kept size"]:
    """All of them, or so many at random without replacement."""
    return codes if len(codes) <= most else jax.random.choice(key, codes, (most,), replace=False)
