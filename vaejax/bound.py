"""The terms of the bound on log p(x), for one draw of z; what objectives and metrics are made of.

Whether a parameter acts for q or for p is told by the function it is given to, never by its name: `sample` and
`log_posterior` are q's, `log_prior` and `log_likelihood` are p's. An estimator that treats the two apart stops the
gradient of the params that it gives to one of them, which is right for a parameter that both use.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float, Shaped

from vaejax.errors import VaejaxError
from vaejax.families import one_per_latent
from vaejax.types import VAE, Draw, Example, Key, Latent, Params, Parts, Scalar

FOR_NETWORKS, FOR_PRIOR, FOR_UPKEEP, FOR_SHUFFLE, FOR_BETA = (2**32 - 1 - at for at in range(5))
"""Places where no example of a batch stands: what is drawn from there is independent of the draws of z (`keys_of`)."""


class Terms(NamedTuple):
    """One draw z ~ q(z|x), in nats.

    distortion: -log p(x|z). rate: KL(q || p), in closed form where one is known.
    log_weight: log p(x|z) + log p(z) - log q(z|x) at z; its exponential has expectation p(x).
    """

    distortion: Scalar
    rate: Scalar
    log_weight: Scalar


def log_weight(model: VAE, params: Params, example: Example, z: Latent, log_q: Parts) -> Scalar:
    """log p(x|z) + log p(z) - log q(z|x), nats."""
    log_likelihood = jnp.sum(model.log_likelihood(params, z, example))
    return log_likelihood + jnp.sum(model.log_prior(params, z, example)) - jnp.sum(log_q)


def terms_of(model: VAE, params: Params, example: Example, draw: Draw) -> Terms:
    """The terms at a draw that is already there."""
    log_likelihood = jnp.sum(model.log_likelihood(params, draw.z, example))
    log_prior = jnp.sum(model.log_prior(params, draw.z, example))
    return Terms(-log_likelihood, jnp.sum(draw.rate), log_likelihood + log_prior - jnp.sum(draw.log_q))


def held_log_posterior(name: str, model: VAE, params: Params, example: Example, z: Latent) -> Parts:
    """log q(z|x) with the gradient by z alone: the parameters of q are held. `name` is who asks.

    Raises: VaejaxError where q has a density only along its own samples.
    """
    try:
        return model.log_posterior(stop_gradient(params), z, example)
    except VaejaxError as error:
        raise VaejaxError(
            f"{name} needs log q(z|x) at a given z, and this posterior does not give it ({error}); use elbo or iwae, "
            "which need it only along a sample"
        ) from error


def drawn(key: Key, model: VAE, params: Params, batch: Example) -> tuple[Draw, Terms]:
    """One draw of z for each example of a batch, and its terms."""

    def one(key: Key, example: Example) -> tuple[Draw, Terms]:
        draw = model.sample(key, params, example)
        return draw, terms_of(model, params, example, draw)

    return each(one, key, batch)


def terms(key: Key, model: VAE, params: Params, example: Example) -> Terms:
    """Distortion, rate and log importance weight of one example at one draw of z.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> x = vj.Example(jnp.zeros((1, 4)))
    >>> params = model.init(jax.random.key(0), x)
    >>> terms(jax.random.key(1), model, params, vj.Example(jnp.zeros(4))).rate.shape
    ()
    """
    return terms_of(model, params, example, model.sample(key, params, example))


def each(function: Any, key: Key, batch: Example) -> Any:
    """`function(key, example)` over a batch; an example's key comes from its place in it alone."""
    return jax.vmap(function)(keys_of(key, batch), batch)


def weights_of(batch: Example) -> Float[Array, " batch"]:
    """What each example counts; one where it was not said."""
    return jnp.ones(len(batch.x)) if batch.weight is None else batch.weight.astype(float)


def latents_of(model: VAE) -> Float[Array, " latent"]:
    """One for each latent in use, of however many numbers."""
    return one_per_latent(model.active())


def require_per_latent(name: str, what: str, parts: Parts, z: Latent) -> None:
    """Refuses by shape what has not one part per latent. `name` is who asks, `what` is what has the parts."""
    if parts.shape not in (z.shape, z.shape[:1]):  # a latent of several numbers has one part
        raise VaejaxError(
            f"{name} needs {what} in one part for each latent of shape {z.shape}, got parts of shape {parts.shape}: "
            "its latents depend on each other, so that none has a term of its own; use one that factorises, or do "
            f"without {name}"
        )


def keys_of(key: Key, batch: Example) -> Shaped[Array, " batch"]:
    """A key for each example, from its place in the batch: a part of a batch that knows its places draws as the whole.

    >>> whole = keys_of(jax.random.key(0), Example(jnp.zeros((5, 4))))
    >>> part = keys_of(jax.random.key(0), Example(jnp.zeros((2, 4)), index=jnp.array([3, 4])))
    >>> bool((whole[3:] == part).all())
    True
    """
    index = jnp.arange(len(batch.x)) if batch.index is None else batch.index
    return jax.vmap(lambda place: jax.random.fold_in(key, place))(index)
