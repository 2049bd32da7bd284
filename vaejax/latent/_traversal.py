from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import VAE, Event, Example, Number, Params
from vaejax.verbs import decode, encode


class Traversal(NamedTuple):
    """latents: which was moved in each row, that of the highest rate first. images: means of p(x|z)."""

    latents: Int[Array, " row"]
    images: Float[Array, "row step *event"]


def traversal(
    model: VAE,
    params: Params,
    x: Any,
    rates: Float[Array, " latent"],
    *,
    values: Float[Array, " step"] | None = None,
    num: Number = 10,
) -> Traversal:
    """Decoded means as one latent at a time takes each of `values`, the others staying where q(z|x) has its mean.

    rates: what latents are ordered by, like the mean rate of each over examples,
    `vj.evaluation.rates_of(key, model, params, examples).mean(0)`; the `num` largest are shown. values: -2.5 to 2.5 in
    9 steps by default, where N(0, 1) has 99% of its mass. In a hierarchy the latents below stay as they are.
    Raises: VaejaxError where latents are of several numbers (one-hot, or of a codebook), which have no order, or where
    there is not one rate for each.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=3)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> found = traversal(model, params, jnp.zeros(4), jnp.array([0.1, 2.0, 1.0]), num=2)
    >>> found.latents.tolist(), found.images.shape
    ([1, 2], (2, 9, 4))
    """
    z = encode(model, params, x)
    if z.ndim != 1:
        raise VaejaxError(f"traversal needs latents of one number each, and codes of this model are of shape {z.shape}")
    if rates.shape != z.shape:
        raise VaejaxError(f"expected a rate for each of {len(z)} latents, got an array of shape {rates.shape}")
    order = jnp.argsort(-jnp.asarray(rates), stable=True)[: require_count("num", num)]
    steps = jnp.linspace(-2.5, 2.5, 9, dtype=z.dtype) if values is None else jnp.asarray(values)
    context = x.context if isinstance(x, Example) else None

    def image(latent: Array, value: Array) -> Event:
        return decode(model, params, z.at[latent].set(value), context)

    return Traversal(order, jax.vmap(lambda latent: jax.vmap(lambda value: image(latent, value))(steps))(order))
