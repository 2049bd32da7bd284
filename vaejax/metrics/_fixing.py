from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.types import Key


class Fixing(NamedTuple):
    """Codes that share one value of a factor, from whatever can make them: a table, or a renderer and an encoder.

    num_factors: the factors are 0, 1, ..., num_factors - 1.
    share: `(key, factor, num) -> [num, latent]`, codes of `num` examples that have the same value of the factor, which
        is drawn too, and differ in all else at random. `factor` is traced and `num` is not.
    codes: of examples of any kind, for how far each latent varies.
    """

    num_factors: int
    share: Callable[[Key, Int[Array, ""], int], Float[Array, "num latent"]]
    codes: Float[Array, "any latent"]


def fixing(codes: Float[Array, "num latent"], factors: Int[Array, "num factor"]) -> Fixing:
    """`Fixing` from a finite data set: the rows of a table that have the value of a row drawn at random.

    Rows are drawn with replacement, and a value as often as the table has it (uniformly, where all combinations are
    there once). In a small table the same row may come twice, whose latents do not differ at all: have many rows for
    each value. With a renderer, make the `Fixing` from a function that draws factors, renders and encodes.

    >>> factors = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> drawn = fixing(factors.astype(float), factors).share(jax.random.key(0), jnp.array(1), 5)
    >>> bool((drawn[:, 1] == drawn[0, 1]).all())
    True
    """
    order = jnp.argsort(factors, axis=0)  # of each factor, the rows by its value
    ordered = jnp.take_along_axis(factors, order, axis=0)

    def share(key: Key, factor: Int[Array, ""], num: int) -> Float[Array, "num latent"]:
        row_key, rest_key = jax.random.split(key)
        row = jax.random.randint(row_key, (), 0, len(factors))
        value, column = factors[row, factor], ordered[:, factor]
        first, end = (jnp.searchsorted(column, value, side=side) for side in ("left", "right"))
        return codes[order[jax.random.randint(rest_key, (num,), first, end), factor]]

    return Fixing(factors.shape[1], share, codes)
