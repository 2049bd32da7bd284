"""log p(x) of a model by two routes that share no density of z: through q, and by draws of the prior alone."""

import jax
import jax.numpy as jnp
import numpy as np

import vaejax as vj


def log_p_through_q(model, params, example, num=20_000, key=0):
    """log mean p(x, z) / q(z|x) over z ~ q(z|x), and its standard error."""
    keys = jax.random.split(jax.random.key(key), num)
    return _log_mean(jax.jit(jax.vmap(lambda key: vj.terms(key, model, params, example).log_weight))(keys))


def log_p_by_the_prior(model, params, example, num=100_000, key=1):
    """log mean p(x|z) over z ~ p(z), and its standard error: no density of z is asked for."""

    def one(key):
        z = model.sample_prior(key, params, example)
        return jnp.sum(model.log_likelihood(params, z, example))

    return _log_mean(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(key), num)))


def _log_mean(log_weights):
    weights = np.asarray(log_weights, float)
    top = weights.max()
    scaled = np.exp(weights - top)
    return top + np.log(scaled.mean()), scaled.std() / scaled.mean() / np.sqrt(len(scaled))


def assert_routes_meet(model, params, example):
    """Within 5 standard errors of both, which must be small enough to say something."""
    (through, one), (by, other) = log_p_through_q(model, params, example), log_p_by_the_prior(model, params, example)
    error = np.hypot(one, other)
    assert error < 0.1
    assert abs(through - by) < 5 * error, (through, by, error)
