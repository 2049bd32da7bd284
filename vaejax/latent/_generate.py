import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from vaejax.errors import VaejaxError
from vaejax.samplers import Codes, Sampler
from vaejax.types import VAE, Event, Example, Key, Params, Scalar
from vaejax.verbs import decode

from ._codes import code_of, latent_of


def prior_of(model: VAE, context: PyTree = None) -> Sampler:
    """p(z), or p(z|context), as a sampler whose parameters are the model's own: nothing is fitted.

    So it is tempered, rejected, repaired and generated from like any other.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> prior = prior_of(model)
    >>> prior.log_prob(params, prior.sample(jax.random.key(1), params)).shape
    ()
    """
    shown = Example(jnp.zeros(model.data_shape), context)

    def fit(key: Key, codes: Codes) -> Params:
        raise VaejaxError("a prior was trained with its model and is not fitted: its parameters are the model's params")

    def sample(key: Key, params: Params) -> Float[Array, " size"]:
        return code_of(model, model.sample_prior(key, params, shown))

    def log_prob(params: Params, code: Float[Array, " size"]) -> Scalar:
        return jnp.sum(model.log_prior(params, latent_of(model, code), shown))

    return Sampler("prior", fit, sample, log_prob)


def generate_from(
    key: Key, model: VAE, params: Params, sampler: Sampler, fitted: Params, context: PyTree = None
) -> Event:
    """One new example x ~ p(x|z), z from a sampler that was fitted to the model's codes.

    context: what the decoder is told; the codes are those of every context the sampler was fitted to, so fit it to
    codes of the one that is wanted where q(z|x, context) depends on it.
    Raises: VaejaxError where the sampler was fitted to codes of another size.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> sampler = vj.samplers.gaussian_mixture(2)
    >>> fitted = sampler.fit(jax.random.key(1), jax.random.normal(jax.random.key(2), (50, 2)))
    >>> generate_from(jax.random.key(3), model, params, sampler, fitted).shape
    (4,)
    """
    of_code, of_x = jax.random.split(key)
    z = latent_of(model, sampler.sample(of_code, fitted))
    return model.sample_likelihood(of_x, params, z, Example(jnp.zeros(model.data_shape), context))


def generate_mean_from(
    key: Key, model: VAE, params: Params, sampler: Sampler, fitted: Params, context: PyTree = None
) -> Event:
    """The mean of p(x|z) at one code of a fitted sampler, without the noise of p(x|z): what pictures show.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> generate_mean_from(jax.random.key(1), model, params, prior_of(model), params).shape
    (4,)
    """
    return decode(model, params, latent_of(model, sampler.sample(key, fitted)), context)
