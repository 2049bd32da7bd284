"""Balls round points that reach to the k-th nearest of the others, in memory that does not grow with N^2."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import Number

AT_ONCE = 2**20  # distances


def require_sets(real: Float[Array, "..."], generated: Float[Array, "..."], k: Number, both: bool) -> int:
    """k; refused where a point that needs a ball has no k others, or the sizes differ."""
    k = require_count("k", k)
    least = min(len(real), len(generated)) if both else len(real)
    if real.shape[1:] != generated.shape[1:] or least <= k or not len(generated):
        raise VaejaxError(
            f"expected two sets of features of one size, with more than k = {k} rows, got {real.shape} and "
            f"{generated.shape}"
        )
    return k


def centred(real: Float[Array, "num size"], generated: Float[Array, "other size"]) -> tuple[Array, Array]:
    """Both, moved alike: distances stay, and lose less to rounding."""
    middle = jnp.mean(real, axis=0, keepdims=True)
    return real - middle, generated - middle


def squared_radii(points: Float[Array, "num size"], k: int) -> Float[Array, " num"]:
    """The squared distance of each point to the k-th nearest of the others."""

    def one(distances: Array, index: Array) -> Array:
        others = jnp.where(jnp.arange(len(points)) == index, jnp.inf, distances)
        return jnp.min(jax.lax.fori_loop(0, k - 1, lambda _, left: _without_least(left), others))

    return _by_rows(one, points, points)


def _without_least(distances: Array) -> Array:
    """One at a time: for a small k it takes a tenth of the time of a sort on a CPU."""
    return jnp.where(jnp.arange(len(distances)) == jnp.argmin(distances), jnp.inf, distances)


def balls_with(
    points: Float[Array, "num size"], centres: Float[Array, "other size"], radii: Float[Array, " other"]
) -> Int[Array, " num"]:
    """In how many of the balls each point lies, their edges included."""
    return _by_rows(lambda distances, _: jnp.sum(distances <= radii), points, centres)


def balls_hit(
    points: Float[Array, "num size"], centres: Float[Array, "other size"], radii: Float[Array, " other"]
) -> Bool[Array, " other"]:
    """Whether each ball has a point."""
    return _by_rows(lambda distances, _: jnp.min(distances), centres, points) <= radii


def _by_rows(function: Callable[[Array, Array], Array], a: Array, b: Array) -> Array:
    """`function(|a_i - b|^2, i)` for each row of a, many at once."""
    squares = jnp.sum(jnp.square(b), axis=1)

    def one(row: tuple[Array, Array]) -> Array:
        point, index = row
        product = jnp.matmul(b, point, precision=jax.lax.Precision.HIGHEST)
        return function(jnp.maximum(jnp.sum(jnp.square(point)) + squares - 2 * product, 0.0), index)

    return jax.lax.map(one, (a, jnp.arange(len(a))), batch_size=max(1, min(len(a), AT_ONCE // len(b))))
