from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Event, Latent, Scalar

Decode = Callable[[Latent], Event]


def metric(decode: Decode, z: Latent) -> Float[Array, "latent latent"]:
    """J^T J, J the derivative of `decode` at z: the squared length in x of a small step dz is dz^T J^T J dz.

    The metric that the decoder pulls back to the latents, of the mean of p(x|z) alone where `decode` is
    `partial(vj.decode, model, params)`. Any other function of a code will do: with z -> 2 arcsin sqrt(mean), for
    Bernoulli pixels, lengths are those of Fisher and Rao. z is one vector of all its numbers. Cost: one `jvp` for each.
    Arvanitidis, Hansen and Hauberg (2018), arXiv:1710.11379; Fisher-Rao: Arvanitidis et al. (2022), arXiv:2106.05367.

    >>> metric(lambda z: jnp.array([z[0], 2 * z[1]]), jnp.zeros(2)).tolist()
    [[1.0, 0.0], [0.0, 4.0]]
    """
    slopes = slopes_at(decode, z)
    return slopes.T @ slopes


def log_volume(decode: Decode, z: Latent, active: Latent | None = None) -> Scalar:
    """1/2 log det J^T J: how much of x, in log units, a unit of latent volume covers at z.

    Large where the decoder tears apart what is near in z, as between clusters. -inf where a latent does nothing at z.
    active: those that count, `model.active()`; `None` is all. From the singular values of J, whose condition is not
    squared. Cost: as `metric`.

    >>> round(float(log_volume(lambda z: jnp.array([z[0], 2 * z[1], 0.0]), jnp.zeros(2))), 4)
    0.6931
    """
    slopes = slopes_at(decode, z)
    unused = jnp.zeros(z.size) if active is None else 1 - active.reshape(-1)
    tall = jnp.concatenate([slopes, jnp.diag(unused.astype(slopes.dtype))])  # which adds ones to the singular values
    return jnp.sum(jnp.log(jnp.linalg.svd(tall, compute_uv=False)))


def length(curve: Float[Array, "num *point"]) -> Scalar:
    """The sum of distances from each point of a curve to the next, in the units of the points.

    `length(path)` is in z, `length(jax.vmap(decode)(path))` in x. It is that of the chords: below the length of the
    curve, by a share that falls with the square of their number.

    >>> float(length(jnp.array([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])))
    6.0
    """
    squared = jnp.sum(jnp.square(jnp.diff(curve.reshape(len(curve), -1), axis=0)), axis=1)
    return jnp.sum(jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1.0)), 0.0))


def slopes_at(decode: Decode, z: Latent) -> Float[Array, "entry latent"]:
    """J, events and codes as vectors.

    >>> slopes_at(lambda z: z[None] * 3, jnp.ones(2)).tolist()
    [[3.0, 0.0], [0.0, 3.0]]
    """
    return jax.jacfwd(lambda flat: decode(flat.reshape(z.shape)).reshape(-1))(z.reshape(-1))
