"""log p(x) by annealing, and what a bound loses, on linear models of which all is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import vaejax as vj
from vaejax import metrics
from vaejax.errors import VaejaxError

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
W, S = np.array([[1.5, 0.9], [0.2, 1.1], [-0.7, 0.4]]), 0.5
X = np.array([1.0, -0.8, 0.5])
PRECISION = np.eye(2) + W.T @ W / S**2  # of the posterior, which is no product of its latents
MEAN = np.linalg.solve(PRECISION, W.T @ X / S**2)
LOG_P = scipy.stats.multivariate_normal(np.zeros(3), W @ W.T + S**2 * np.eye(3)).logpdf(X)


def model(off=0.0, log_scale_off=0.0, **settings):
    """q is the best normal of independent latents, or one beside it."""

    def encoder(shape):
        stats = jnp.stack([jnp.asarray(MEAN) + off, jnp.asarray(-0.5 * np.log(np.diag(PRECISION))) + log_scale_off])
        stats = jnp.pad(stats, ((0, 0), (0, shape[1] - 2)), constant_values=0.7)
        return vj.Net(lambda *_: (), lambda params, inputs, key: stats)

    def decoder(shape):
        return vj.Net(lambda *_: (), lambda params, inputs, _: (jnp.asarray(W) @ inputs[1][:2])[None])

    sizes = {"data_shape": (3,), "latent_size": 2, **settings}
    made = vj.vae(encoder, decoder, likelihood=vj.likelihoods.normal(jnp.array(S)), **sizes)
    return made, made.init(KEY, vj.Example(jnp.zeros((1, 3)))), vj.Example(jnp.asarray(X))


@functools.partial(jax.jit, static_argnames=("steps", "chains", "start", "widest"))
def annealed(key, steps, chains, start=metrics.from_prior, log_scale_off=0.0, widest=None):
    made = model(log_scale_off=log_scale_off, max_latent_size=widest)
    return metrics.annealed_importance(key, *made, steps, chains, 5, start=start)


@pytest.mark.parametrize("start", [metrics.from_prior, metrics.from_posterior])
def test_annealing_ends_at_log_p_from_either_start(start):
    found = annealed(KEY, 100, 64, start, -0.5)
    assert abs(found.log_likelihood - LOG_P) < 4 * found.standard_error < 0.4
    assert 0.5 < found.acceptance < 0.9
    weights = np.exp(np.asarray(found.log_weights))
    np.testing.assert_allclose(found.log_likelihood, np.log(weights.mean()), rtol=1e-10)
    np.testing.assert_allclose(found.standard_error, weights.std() / weights.mean() / 8, rtol=1e-8)


def test_the_mean_weight_is_unbiased_after_few_steps_too():
    found = jax.vmap(lambda key: annealed(key, 4, 50).log_weights)(jax.random.split(KEY, 200))
    weights = np.exp(np.asarray(found) - LOG_P).ravel()
    assert abs(weights.mean() - 1) < 4 * weights.std() / np.sqrt(weights.size) < 0.2
    assert np.log(weights).mean() < -0.2  # each chain alone is a lower bound


def test_more_steps_bound_tighter():
    means = [annealed(KEY, steps, 64).log_weights.mean() for steps in (4, 20, 100)]
    assert means[0] + 0.2 < means[1] < means[2] - 0.02
    assert means[2] < LOG_P + 0.05


def test_annealing_does_not_need_a_q_that_covers_the_posterior():
    poor = model(log_scale_off=-3.0)
    found = annealed(KEY, 100, 64, log_scale_off=-3.0)
    iwae = jax.jit(lambda: metrics.importance(KEY, *poor, 6400).log_likelihood)()
    assert iwae < LOG_P - 0.3
    assert abs(found.log_likelihood - LOG_P) < 0.2
    assert found.log_likelihood > iwae + 0.2


def test_latents_out_of_use_change_nothing():
    found, expected = (annealed(KEY, 20, 8, widest=widest) for widest in (5, None))
    np.testing.assert_allclose(found.log_weights, expected.log_weights, rtol=1e-9)


def test_latents_that_are_no_numbers_are_refused():
    families = {"posterior": vj.posteriors.categorical(3), "prior": vj.priors.uniform_categorical(3)}
    made = vj.vae(vj.nets.mlp(), vj.nets.mlp(), data_shape=(3,), latent_size=2, **families)
    params, example = made.init(KEY, vj.Example(jnp.zeros((1, 3)))), vj.Example(jnp.zeros(3))
    for measure in (metrics.annealed_importance, functools.partial(metrics.inference_gap, log_likelihood=0.0)):
        with pytest.raises(VaejaxError, match=r"needs latents that are real numbers, got latents of shape \(3,\)"):
            measure(KEY, made, params, example)


# gaps


@functools.partial(jax.jit, static_argnames="widest")
def gaps(key, off, log_scale_off, widest=None):
    return metrics.inference_gap(key, *model(off, log_scale_off, max_latent_size=widest), LOG_P, 300, 40_000)


APPROXIMATION = 0.5 * (np.log(np.diag(PRECISION)).sum() - np.linalg.slogdet(PRECISION)[1])  # of independent latents


@pytest.mark.parametrize("widest", [None, 4])
def test_the_gaps_of_a_linear_model_are_known(widest):
    found = gaps(KEY, 0.3, 0.4, widest)
    amortization = 0.5 * 0.3**2 * PRECISION.sum() + 2 * (0.5 * np.exp(0.8) - 0.5 - 0.4)
    assert APPROXIMATION > 0.1
    assert amortization > 0.5
    np.testing.assert_allclose(found.approximation, APPROXIMATION, atol=0.03)
    np.testing.assert_allclose(found.amortization, amortization, atol=4 * found.error)
    assert found.error < 0.02
    np.testing.assert_allclose(found.approximation + found.amortization, LOG_P - found.elbo, rtol=1e-10)


def test_an_encoder_that_is_best_loses_nothing_by_amortization():
    found = gaps(KEY, 0.0, 0.0)
    assert abs(found.amortization) < 4 * found.error + 0.005
