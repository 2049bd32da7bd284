from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.bound import weights_of
from vaejax.types import Example, Key, Params

Gradient = Callable[[Key, Params, Example], Any]  # with whatever else is a mean over the batch


def in_turn(gradient: Gradient, num_pieces: int) -> Gradient:
    """The mean of `gradient` over the pieces of a batch, weighted by what their examples weigh, in a `lax.scan`.

    A piece is told where its examples stand in the batch, so that they draw the same z in any piece. What fills up
    the last piece weighs nothing.
    """
    if num_pieces == 1:
        return gradient

    def mean(key: Key, params: Params, batch: Example) -> Any:
        pieces, weights = _pieces(batch, num_pieces)

        def add(sums: Any, at: tuple[Example, Array]) -> tuple[Any, None]:
            piece, weight = at
            mass = jnp.sum(weight)
            counted = jnp.where(mass > 0, weight, 1.0)  # the mean of a piece that weighs nothing is finite, times 0
            found = gradient(key, params, piece._replace(weight=counted))
            return jax.tree.map(lambda a, b: a + b * (mass / jnp.sum(weights)), sums, found), None

        first = jax.tree.map(lambda leaf: leaf[0], pieces)
        shapes = jax.eval_shape(gradient, key, params, first._replace(weight=weights[0]))
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.scan(add, zeros, (pieces, weights))[0]

    return mean


def _pieces(batch: Example, num_pieces: int) -> tuple[Example, Float[Array, "piece size"]]:
    """`[piece, example, ...]` on every leaf, with the place in the batch of each example; and their weights."""
    num = len(batch.x)
    size = -(-num // num_pieces)
    rows = jnp.arange(-(-num // size) * size).reshape(-1, size)
    weight = weights_of(batch)
    index = jnp.arange(num) if batch.index is None else batch.index
    within = jnp.minimum(rows, num - 1)
    pieces = jax.tree.map(lambda leaf: leaf[within], batch._replace(weight=None, index=index))
    return pieces, jnp.where(rows < num, weight[within], 0.0)
