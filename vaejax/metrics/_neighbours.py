"""Nearest neighbours by Euclidean distance, exact, in blocks of bounded memory."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vaejax.errors import VaejaxError
from vaejax.types import Scalar

BLOCK = 64  # queries at a time, each against every point


class Neighbours(NamedTuple):
    """In rising order of distance, among equals of place. Infinitely far where there are not so many."""

    squares: Float[Array, "query neighbour"]
    index: Int[Array, "query neighbour"]


def nearest(queries: Float[Array, "query dim"], points: Float[Array, "num dim"], num_neighbours: int) -> Neighbours:
    """The nearest of the points to each query."""
    return jax.lax.map(lambda q: _least(_squares(q, points, jnp.ones(())), num_neighbours), queries, batch_size=BLOCK)


def nearest_others(points: Float[Array, "num dim"], num_neighbours: int) -> tuple[Neighbours, Bool[Array, " num"]]:
    """The nearest distinct points to each, in units of the widest range, and whether it is the first of its copies.

    Only first copies are neighbours, and no point is one of its copies.
    Raises: VaejaxError where there are not more points than neighbours.
    """
    if len(points) <= num_neighbours:
        raise VaejaxError(f"expected more than {num_neighbours} points (one more than neighbours), got {len(points)}")
    scale = jnp.max(jnp.max(points, axis=0) - jnp.min(points, axis=0))
    scale = jnp.where(scale > 0, scale, 1.0)
    place = jnp.arange(len(points))

    def is_first(row: tuple[Int[Array, ""], Float[Array, " dim"]]) -> Bool[Array, ""]:
        return ~jnp.any((_squares(row[1], points, scale) == 0) & (place < row[0]))

    first = jax.lax.map(is_first, (place, points), batch_size=BLOCK)

    def one(point: Float[Array, " dim"]) -> Neighbours:
        squares = _squares(point, points, scale)
        return _least(jnp.where(first & (squares > 0), squares, jnp.inf), num_neighbours)

    found = jax.lax.map(one, points, batch_size=BLOCK)
    return found, first & jnp.isfinite(found.squares[:, -1])


def _squares(query: Float[Array, " dim"], points: Float[Array, "num dim"], scale: Scalar) -> Float[Array, " num"]:
    """Of the numbers as they came, by differences: these are 0 of copies alone, however a compiler orders the rest."""
    return jnp.sum(jnp.square((points - query[None]) / scale), axis=1)


def _least(squares: Float[Array, " num"], num_neighbours: int) -> Neighbours:
    least, index = jax.lax.top_k(-squares, num_neighbours)
    return Neighbours(-least, index)
