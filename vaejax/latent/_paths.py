from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import Latent, Number

Path = Callable[[Latent, Latent, Number], Float[Array, "num *latent"]]
"""From one code to another, both ends among the `num` points."""


def linear(z0: Latent, z1: Float[Array, "..."], num: Number) -> Float[Array, "num *latent"]:
    """(1 - t) z0 + t z1 at evenly spaced t, ends included.

    Between two draws of N(0, I) of d latents it passes nearer to 0, by a factor of 0.7 for large d, than a model has
    seen codes in training. Raises: VaejaxError where the codes differ in shape, or there are fewer than 2 points.

    >>> linear(jnp.zeros(2), jnp.ones(2), 3).tolist()
    [[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]
    """
    t = steps_of(z0, z1, num).reshape(-1, *[1] * z0.ndim)
    return (1 - t) * z0[None] + t * z1[None]


def spherical(z0: Latent, z1: Float[Array, "..."], num: Number) -> Float[Array, "num *latent"]:
    """Direction along the great circle between those of the codes at constant speed, norm linear from one to the other.

    Of codes of one norm it is the slerp of Shoemake (1985), doi:10.1145/325165.325242; White (2016), arXiv:1609.04468.
    Of two draws of N(0, I) it keeps the norm that codes have; of a model whose latents lie on a sphere, where `encode`
    gives points inside, it is the path to take. A code of zero has no direction and takes that of the other, so that
    the path is straight; so it is, through 0, between opposite codes, of whose great circles none is the shortest.
    All numbers of a code are one vector, whatever its shape. Raises: as `linear`.

    >>> spherical(jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]), 3).round(3).tolist()
    [[1.0, 0.0], [0.7070000171661377, 0.7070000171661377], [0.0, 1.0]]
    """
    t = steps_of(z0, z1, num)[:, None]
    first, last = z0.reshape(-1), z1.reshape(-1)
    (u, long), (v, wide) = _polar(first), _polar(last)
    u, v = jnp.where(long > 0, u, v), jnp.where(wide > 0, v, u)
    across = v - (u @ v) * u
    sideways, apart = _polar(across)
    along = jnp.where(long + wide > 0, u @ v, 1.0)  # two zeros have no angle, and no derivative of one
    angle = jnp.arctan2(apart, along)
    opposite = (apart < 8 * jnp.finfo(u.dtype).eps) & (along < 0)
    turned = jnp.cos(t * angle) * u[None] + jnp.sin(t * angle) * sideways[None]
    found = ((1 - t) * long + t * wide) * turned
    found = jnp.where(opposite, (1 - t) * first[None] + t * last[None], found)
    found = found.at[0].set(first).at[-1].set(last)  # to the last bit
    return found.reshape(-1, *z0.shape)


def latent_by_latent(z0: Latent, z1: Float[Array, "..."], num: Number) -> Float[Array, "num *latent"]:
    """The first latents from z1, none at the beginning and all at the end, and the others from z0.

    For discrete latents, one-hot, levels or vectors of a codebook: with draws of q(z|x) for ends, every point is a code
    that there is, which is true of no point of a line between them. Raises: as `linear`.

    >>> latent_by_latent(jnp.zeros(2), jnp.ones(2), 3).tolist()
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    """
    t = steps_of(z0, z1, num)
    exchanged = jnp.arange(len(z0))[None] < jnp.round(t * len(z0))[:, None]
    return jnp.where(exchanged.reshape(*exchanged.shape, *[1] * (z0.ndim - 1)), z1[None], z0[None])


def steps_of(z0: Latent, z1: Float[Array, "..."], num: Number) -> Float[Array, " num"]:
    """From 0 to 1. Raises: VaejaxError where there is no path of so many points between such codes.

    >>> steps_of(jnp.zeros(2), jnp.ones(2), 3).tolist()
    [0.0, 0.5, 1.0]
    """
    if z0.shape != z1.shape or not z0.shape:
        raise VaejaxError(
            f"expected two codes of one shape, like (8,), got {z0.shape} and {z1.shape}; map over pairs with jax.vmap"
        )
    return jnp.linspace(0.0, 1.0, require_count("num", num, least=2), dtype=z0.dtype)


def _polar(vector: Float[Array, " size"]) -> tuple[Float[Array, " size"], Float[Array, ""]]:
    """Direction and length; the direction of zero is zero."""
    squared = vector @ vector
    length = jnp.sqrt(jnp.where(squared > 0, squared, 1.0))
    return vector / length, jnp.where(squared > 0, length, 0.0)
