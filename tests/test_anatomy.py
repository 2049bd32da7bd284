"""What a model's rate consists of, against Gaussians whose every term is known, and whether a decoder hears z."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

import vaejax as vj
from vaejax import metrics
from vaejax.errors import VaejaxError

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(0)
A = np.array([[1.0, 0.0], [1.0, 0.4]])  # the mean of q(z|x) is A x + OFF, x ~ N(0, I)
OFF, LOG_SCALE = np.array([0.3, -0.2]), np.log(0.6)
C = A @ A.T + 0.36 * np.eye(2)  # of q(z)
HEARD = np.array([[1.0, 0.5], [0.0, 2.0]])  # of the decoder: x ~ N(HEARD z, 0.25 I)


def model(heard=HEARD, **settings):
    def encoder(shape):
        def apply(params, inputs, key):
            mean = jnp.asarray(A) @ inputs[0] + OFF
            stats = jnp.stack([mean, jnp.full(2, LOG_SCALE)])
            return jnp.pad(stats, ((0, 0), (0, shape[1] - 2)), constant_values=0.7)

        return vj.Net(lambda *_: (), apply)

    def decoder(shape):
        return vj.Net(lambda *_: (), lambda params, inputs, _: (jnp.asarray(heard) @ inputs[1][:2])[None])

    sizes = {"data_shape": (2,), "latent_size": 2, **settings}
    return vj.vae(encoder, decoder, likelihood=vj.likelihoods.normal(jnp.array(0.5)), **sizes)


def rows_of_unit_covariance(num):
    """Normal rows whose mean and covariance are exactly 0 and I."""
    x = np.random.default_rng(0).normal(size=(num, 2))
    x -= x.mean(0)
    return jnp.asarray(x @ np.linalg.inv(np.linalg.cholesky(x.T @ x / num)).T)


def decomposed(x, weight=None, **settings):
    made, batch = model(**settings), vj.Example(x, weight=weight)
    params = made.init(KEY, vj.Example(jnp.zeros((1, 2))))
    draws = jax.vmap(lambda key, x: made.sample(key, params, vj.Example(x)))(vj.bound.keys_of(KEY, batch), x)
    return jax.jit(lambda: metrics.rate_decomposition(KEY, made, params, batch))(), draws


def test_the_parts_of_the_rate_of_a_known_aggregate_are_found_within_their_errors():
    found, _ = decomposed(rows_of_unit_covariance(1500))
    information = 0.5 * np.log(np.linalg.det(C)) - 2 * LOG_SCALE
    correlation = 0.5 * (np.log(np.diag(C)).sum() - np.log(np.linalg.det(C)))
    rest = 0.5 * np.sum(np.diag(C) + OFF**2 - 1 - np.log(np.diag(C)))
    assert correlation > 0.2
    expected = np.array([information, correlation, rest])
    assert (np.abs(np.array(found[:3]) - expected) < 3 * found.errors + 0.01).all()  # the mixture of 1500 is no normal
    assert found.errors.max() < 0.06
    marginal = 0.5 * (np.trace(C) + OFF @ OFF - 2 - np.log(np.linalg.det(C)))  # KL of two normals
    np.testing.assert_allclose(found.marginal_kl, marginal, atol=0.1)


@pytest.mark.parametrize("num", [7, 16, 33])
def test_every_term_is_that_of_the_mixture_written_out(num):
    x = rows_of_unit_covariance(num)
    found, draws = decomposed(x)
    z = np.asarray(draws.z)
    density = scipy.stats.norm(np.asarray(x) @ A.T + OFF, 0.6).logpdf(z[:, None])  # [code, row, latent]
    joint = scipy.special.logsumexp(density.sum(2), axis=1) - np.log(num)
    product = (scipy.special.logsumexp(density, axis=1) - np.log(num)).sum(1)
    own = density[np.arange(num), np.arange(num)].sum(1)
    terms = np.array([own - joint, joint - product, product - scipy.stats.norm.logpdf(z).sum(1)])
    np.testing.assert_allclose(found[:3], terms.mean(1), rtol=1e-9)
    np.testing.assert_allclose(found.errors, scipy.stats.sem(terms, axis=1), rtol=1e-9)
    np.testing.assert_allclose(found.rate, np.mean(own - scipy.stats.norm.logpdf(z).sum(1)), rtol=1e-9)
    assert found.information < np.log(num)


def test_latents_out_of_use_and_rows_without_weight_add_nothing():
    x = rows_of_unit_covariance(20)
    expected, _ = decomposed(x)
    masked, _ = decomposed(x, max_latent_size=5)
    np.testing.assert_allclose(jnp.stack(masked[:3]), jnp.stack(expected[:3]), rtol=1e-10)
    weight = jnp.concatenate([jnp.ones(20), jnp.zeros(4)])
    filled, _ = decomposed(jnp.concatenate([x, 9 * jnp.ones((4, 2))]), weight)
    np.testing.assert_allclose(jnp.stack(filled[:3]), jnp.stack(expected[:3]), rtol=1e-10)
    np.testing.assert_allclose(filled.errors, expected.errors, rtol=1e-10)


def test_the_information_of_few_examples_that_are_far_apart_is_the_log_of_their_number():
    found, _ = decomposed(1000 * rows_of_unit_covariance(12))
    np.testing.assert_allclose(found.information, np.log(12), rtol=1e-6)


def test_a_posterior_that_does_not_factorise_is_refused_by_its_shape():
    made = vj.vae(vj.nets.mlp(), vj.nets.mlp(), data_shape=(2,), latent_size=2, posterior=vj.posteriors.full_normal())
    params = made.init(KEY, vj.Example(jnp.zeros((1, 2))))
    with pytest.raises(VaejaxError, match=r"one part for each latent of shape \(2,\), got parts of shape \(1,\)"):
        metrics.rate_decomposition(KEY, made, params, vj.Example(jnp.zeros((3, 2))))


# does the decoder use z


@functools.partial(jax.jit, static_argnums=1)
def used(key, heard):
    made, x = model(np.array(heard)), jax.random.normal(jax.random.fold_in(key, 1), (200, 2))
    params = made.init(KEY, vj.Example(jnp.zeros((1, 2))))
    return metrics.decoder_use(key, made, params, vj.Example(x))


def test_what_is_lost_without_z_is_that_of_two_gaussians():
    """E (|x - Hz'|^2 - |x - Hz|^2) / 2s^2: a code of another is independent of x, and tr cov(x, Hz) / s^2 is left."""
    found = jax.vmap(lambda key: used(key, tuple(map(tuple, HEARD))))(jax.random.split(KEY, 100))
    error = found.lost.std(ddof=1) / np.sqrt(100)
    assert abs(found.lost.mean() - np.trace(HEARD @ A) / 0.25) < 4 * error < 0.2 * found.lost.mean()
    assert 1 < found.standard_error.mean() / found.lost.std(ddof=1) < 2  # 1.6 here


def test_a_decoder_that_does_not_hear_z_loses_nothing():
    found = used(KEY, ((0.0, 0.0), (0.0, 0.0)))
    assert found == (0, 0)


def test_no_example_is_given_its_own_code():
    made = model()
    params = made.init(KEY, vj.Example(jnp.zeros((1, 2))))
    batch = vj.Example(jnp.array([[5.0, 0], [-5.0, 0]]))
    lost = jax.jit(jax.vmap(lambda key: metrics.decoder_use(key, made, params, batch).lost))(jax.random.split(KEY, 50))
    assert (lost > 10).all()
    with pytest.raises(VaejaxError, match="two examples or more, got 1"):
        metrics.decoder_use(KEY, made, params, vj.Example(jnp.zeros((1, 2))))


def test_units_are_active_by_their_rate_in_nats():
    rates = jnp.array([[0.0, 1.0, 0.02, 0.0], [0.0, 2.0, 0.0, 0.05]])
    assert int(metrics.active_units_by_rate(rates)) == 2  # the third has 0.01, which is not above it
    assert int(jax.jit(metrics.active_units_by_rate)(rates, 0.005)) == 3
