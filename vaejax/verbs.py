"""What one does with a model and its parameters, one example at a time; `jax.vmap` maps any of it over a batch.

Arrays become an `Example` here, at the door; an `Example` passes, so a context or a mask may be given.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from vaejax import bound
from vaejax.bound import Terms
from vaejax.errors import VaejaxError
from vaejax.types import VAE, Draw, Event, Example, Key, Latent, Params


def init(key: Key, model: VAE, batch: Any) -> Params:
    """Parameters of a model, from a batch of examples `[num, *data_shape]`.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> sorted(init(jax.random.key(0), model, jnp.zeros((1, 4))))
    ['decoder', 'encoder', 'likelihood', 'posterior', 'prior', 'prior_net']
    """
    return model.init(key, batch if isinstance(batch, Example) else Example(jnp.asarray(batch, float)))


def encode(model: VAE, params: Params, x: Any) -> Latent:
    """The mean of q(z|x), for one example.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> jax.vmap(lambda x: encode(model, params, x))(jnp.zeros((5, 4))).shape
    (5, 2)
    """
    return model.encode(params, _example(model, x))


def sample(key: Key, model: VAE, params: Params, x: Any) -> Draw:
    """z ~ q(z|x), with log q(z|x) and the rate KL(q || p) in parts, nats.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> sample(jax.random.key(1), model, params, jnp.zeros(4)).z.shape
    (2,)
    """
    return model.sample(key, params, _example(model, x))


def decode(model: VAE, params: Params, z: Latent, context: PyTree = None) -> Event:
    """The mean of p(x|z), for one latent.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> decode(model, params, jnp.zeros(2)).shape
    (4,)
    """
    return model.decode(params, z, _contextual(model, context))


def generate(key: Key, model: VAE, params: Params, context: PyTree = None) -> Event:
    """One new example x ~ p(x|z), z ~ p(z). `generate_mean` leaves out the noise of p(x|z).

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> jax.vmap(lambda key: generate(key, model, params))(jax.random.split(jax.random.key(1), 9)).shape
    (9, 4)
    """
    prior_key, likelihood_key = jax.random.split(key)
    example = _contextual(model, context)
    return model.sample_likelihood(likelihood_key, params, model.sample_prior(prior_key, params, example), example)


def generate_mean(key: Key, model: VAE, params: Params, context: PyTree = None) -> Event:
    """The mean of p(x|z) at one draw z ~ p(z): what pictures of samples usually show, without the noise of p(x|z).

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> generate_mean(jax.random.key(1), model, params).shape
    (4,)
    """
    example = _contextual(model, context)
    return model.decode(params, model.sample_prior(key, params, example), example)


def reconstruct(model: VAE, params: Params, x: Any) -> Event:
    """The mean of p(x|z) at the mean of q(z|x).

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> reconstruct(model, params, jnp.zeros(4)).shape
    (4,)
    """
    example = _example(model, x)
    return model.decode(params, model.encode(params, example), example)


def terms(key: Key, model: VAE, params: Params, x: Any) -> Terms:
    """Distortion, rate and log importance weight of one example at one draw of z ~ q(z|x), nats.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> terms(jax.random.key(1), model, params, jnp.zeros(4)).distortion.shape
    ()
    """
    return bound.terms(key, model, params, _example(model, x))


def _example(model: VAE, x: Any) -> Example:
    example = x if isinstance(x, Example) else Example(jnp.asarray(x))
    if example.x.shape != model.data_shape:
        batch = " (a batch: map over it with jax.vmap)" if example.x.shape[1:] == model.data_shape else ""
        raise VaejaxError(f"expected one example of shape {model.data_shape}, got {example.x.shape}{batch}")
    return example if jnp.issubdtype(example.x.dtype, jnp.floating) else _refuse_integers(example.x)


def _refuse_integers(x: Array) -> Example:
    raise VaejaxError(f"expected x as floats as the model was trained on, got {x.dtype}: scale it first, like x / 255")


def _contextual(model: VAE, context: PyTree) -> Example:
    """An example of which only the context is looked at."""
    return Example(jnp.zeros(model.data_shape), context)
