from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.numerics import require_count
from vaejax.types import Key, Scalar


class Clusters(NamedTuple):
    """inertia: the sum of squared distances of the codes to their centres, in the units of the codes squared."""

    labels: Int[Array, " num"]
    centres: Float[Array, "cluster latent"]
    inertia: Scalar


def k_means(
    key: Key, codes: Float[Array, "num latent"], num_clusters: int, num_starts: int = 10, most_steps: int = 300
) -> Clusters:
    """argmin sum_i |z_i - c(i)|^2 over centres: the best of several descents from spread-out codes.

    Lloyd's steps until no centre moves, each from a start by k-means++ (Arthur and Vassilvitskii 2007): a first code at
    random, and each next one with probability in proportion to its squared distance to the nearest so far. A minimum
    that depends on the key, and the lowest only with luck. An empty cluster keeps its centre.
    Cost: N x clusters distances a step; starts run one after another.
    Raises: VaejaxError where a count is no whole number above 0.

    >>> found = k_means(jax.random.key(0), jnp.array([[0.0], [1.0], [9.0], [10.0]]), 2)
    >>> found.inertia.item(), bool(found.labels[0] == found.labels[1] != found.labels[2])
    (1.0, True)
    """
    num_clusters, num_starts = require_count("num_clusters", num_clusters), require_count("num_starts", num_starts)

    def once(key: Key) -> Clusters:
        centres = _spread_out(key, codes, num_clusters)

        def moves(carry: tuple[Array, Array, Array]) -> Array:
            step, before, now = carry
            return (step < most_steps) & jnp.any(before != now)

        def move(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            return carry[0] + 1, carry[2], _means(codes, carry[2])

        start = (jnp.zeros((), int), centres, _means(codes, centres))
        centres = jax.lax.while_loop(moves, move, start)[2]
        squares = _squares(codes, centres)
        return Clusters(jnp.argmin(squares, axis=1), centres, jnp.sum(jnp.min(squares, axis=1)))

    found = jax.lax.map(once, jax.random.split(key, num_starts))
    best = jnp.argmin(found.inertia)
    return jax.tree.map(lambda leaf: leaf[best], found)


def _spread_out(key: Key, codes: Float[Array, "num latent"], num_clusters: int) -> Float[Array, "cluster latent"]:
    first_key, key = jax.random.split(key)
    first = codes[jax.random.randint(first_key, (), 0, len(codes))]

    def add(nearest: Float[Array, " num"], key: Key) -> tuple[Float[Array, " num"], Float[Array, " latent"]]:
        chosen = codes[jax.random.categorical(key, jnp.log(nearest))]  # of copies alone, any one
        return jnp.minimum(nearest, _squares(codes, chosen[None])[:, 0]), chosen

    keys = jax.random.split(key, num_clusters - 1)
    others = jax.lax.scan(add, _squares(codes, first[None])[:, 0], keys)[1]
    return jnp.concatenate([first[None], others])


def _squares(codes: Float[Array, "num latent"], centres: Float[Array, "cluster latent"]) -> Array:
    """To each centre, by differences, one centre at a time."""
    return jax.lax.map(lambda centre: jnp.sum(jnp.square(codes - centre[None]), axis=1), centres).T


def _means(codes: Float[Array, "num latent"], centres: Float[Array, "cluster latent"]) -> Array:
    """The centres after one step."""
    mine = jax.nn.one_hot(jnp.argmin(_squares(codes, centres), axis=1), len(centres), dtype=codes.dtype)
    counts = jnp.sum(mine, axis=0)[:, None]
    return jnp.where(counts > 0, mine.T @ codes / jnp.maximum(counts, 1), centres)
