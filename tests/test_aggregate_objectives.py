"""Objectives that look at q(z) over a batch, against Gaussian aggregates whose every term is known."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vaejax as vj
from vaejax.errors import VaejaxError
from vaejax.objectives import inverse_multiquadratic, minibatch_stratified, minibatch_weighted, rbf

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(0)
A = np.array([[1.0, 0.0], [1.0, 0.4]])  # the mean of q(z|x) is A x + OFF, x ~ N(0, I)
OFF, LOG_SCALE = np.array([0.3, -0.2]), np.log(0.6)
C = A @ A.T + 0.36 * np.eye(2)  # of q(z)


def model(a=A, off=OFF, log_scale=LOG_SCALE, posterior=None):
    def encoder(shape):
        def apply(params, inputs, key):
            return jnp.stack([jnp.asarray(a) @ inputs[0] + off, jnp.full(2, log_scale)])

        return vj.Net(lambda *_: (), apply)

    decoder = vj.nets.mlp()
    likelihood = vj.likelihoods.normal()
    return vj.vae(encoder, decoder, data_shape=(2,), latent_size=2, likelihood=likelihood, posterior=posterior)


def params():
    return model().init(KEY, vj.Example(jnp.zeros((1, 2))))


def rows_of_unit_covariance(num):
    """Normal rows whose mean and covariance are exactly 0 and I."""
    x = np.random.default_rng(0).normal(size=(num, 2))
    x -= x.mean(0)
    return jnp.asarray(x @ np.linalg.inv(np.linalg.cholesky(x.T @ x / num)).T)


# the terms of beta-TC


@functools.partial(jax.jit, static_argnames="stratified")
def terms_of_the_rate(x, stratified):
    """Mutual information, total correlation and the rest: what the value loses where their weight is one more."""
    aggregate = minibatch_stratified() if stratified else minibatch_weighted()

    def value(weights):
        beta, alpha, gamma = weights
        objective = vj.objectives.beta_tc(beta, alpha, gamma, aggregate)
        return objective.evaluate(KEY, model(), params(), vj.Example(x)).value

    at = jax.vmap(value)(jnp.array([[1.0, 1, 1], [1, 2, 1], [2, 1, 1], [1, 1, 2]]))
    return at[0] - at[1:], at[0]


@pytest.mark.parametrize("stratified", [False, True])
def test_the_parts_of_the_rate_of_a_known_aggregate_are_found(stratified):
    found = terms_of_the_rate(rows_of_unit_covariance(1500), stratified)[0]
    information = 0.5 * np.log(np.linalg.det(C)) - 2 * LOG_SCALE
    correlation = 0.5 * (np.log(np.diag(C)).sum() - np.log(np.linalg.det(C)))
    rest = 0.5 * np.sum(np.diag(C) + OFF**2 - 1 - np.log(np.diag(C)))
    assert correlation > 0.2
    np.testing.assert_allclose(found, [information, correlation, rest], atol=0.05)


def test_weighed_alike_they_are_the_sampled_bound_whatever_the_estimate():
    x = rows_of_unit_covariance(6)
    sampled = vj.objectives.stl().evaluate(KEY, model(), params(), vj.Example(x)).value
    for stratified in (False, True):
        np.testing.assert_allclose(terms_of_the_rate(x, stratified)[1], sampled, rtol=1e-10)


def test_stratified_weights_are_unbiased_for_the_aggregate_of_the_data_set():
    """Over all batches of 3 that hold an example, of 6: E sum_j w_ij q(z|x_j) = 1/6 sum_n q(z|x_n)."""
    density = np.random.default_rng(0).uniform(size=6)  # q(z_0|x_n)
    weights = np.asarray(minibatch_stratified(6)(jnp.ones(3)))
    found = [weights[0] @ density[[0, *others]] for others in itertools.combinations(range(1, 6), 2)]
    np.testing.assert_allclose(np.mean(found), density.mean(), rtol=1e-12)
    weighted = np.asarray(minibatch_weighted()(jnp.ones(3)))
    assert (
        abs(np.mean([weighted[0] @ density[[0, *o]] for o in itertools.combinations(range(1, 6), 2)]) - density.mean())
        > 1e-2
    )


@pytest.mark.parametrize("made", [minibatch_weighted(), minibatch_stratified(), minibatch_stratified(10)])
def test_weights_sum_to_one_also_where_one_row_counts(made):
    for weight in ([1.0, 1, 1], [2.0, 0, 1], [1.0, 0, 0]):
        found = np.asarray(made(jnp.array(weight)))
        counted = np.array(weight) > 0
        np.testing.assert_allclose(found[counted].sum(1), 1.0, rtol=1e-12)
        np.testing.assert_array_equal(found[counted][:, ~counted], 0.0)


def joint_normal():
    """The normal posterior, its log density in one part."""
    one = vj.posteriors.normal()

    def log_prob(params, stats, z):
        return jnp.sum(one.log_prob(params, stats, z))[None]

    def sample(key, params, stats):
        z, log_q = one.sample(key, params, stats)
        return z, jnp.sum(log_q)[None]

    return one._replace(name="joint", sample=sample, log_prob=log_prob)


def test_a_posterior_that_does_not_factorise_is_refused_by_its_shape():
    batch, made = vj.Example(jnp.zeros((3, 2))), model(posterior=joint_normal())
    for objective in (vj.objectives.beta_tc(), vj.objectives.free_bits()):
        with pytest.raises(VaejaxError, match=r"one part for each latent of shape \(2,\), got parts of shape \(1,\)"):
            jax.eval_shape(lambda o=objective: o.evaluate(KEY, made, params(), batch))


# DIP


def test_dip_penalises_the_covariance_of_means_or_of_draws():
    x = rows_of_unit_covariance(4000)

    @jax.jit
    def penalties(weights):
        def penalty(objective):
            bound = objective.evaluate(KEY, model(), params(), vj.Example(x))
            return -(bound.distortion + bound.rate) - bound.value

        factories = (vj.objectives.dip_i, vj.objectives.dip_ii)
        return [jax.vmap(lambda pair, made=made: penalty(made(*pair)))(weights) for made in factories]

    found = penalties(jnp.array([[1.0, 0.0], [0.0, 1.0]]))
    for at, c, tolerance in zip(found, (A @ A.T, C), ({"rtol": 1e-9}, {"rtol": 0.1}), strict=True):
        expected = [2 * c[0, 1] ** 2, np.sum((np.diag(c) - 1) ** 2)]
        np.testing.assert_allclose(at, expected, **tolerance)
    assert np.abs(np.subtract(*found)).max() > 0.1  # the two are told apart


# MMD


@functools.partial(jax.jit, static_argnames=("equal", "kernel"))
def gaps(keys, x, equal, kernel):
    """MMD^2 at each key; `equal`: q(z|x) is the prior, whatever x."""
    made = model(np.zeros((2, 2)), np.zeros(2), 0.0) if equal else model()
    width = jnp.asarray(1.3)
    objective = vj.objectives.info_vae(0.4, 7.0, kernel(width))
    bound = jax.vmap(lambda key: objective.evaluate(key, made, params(), vj.Example(x)))(keys)
    return (-bound.distortion - 0.6 * bound.rate - bound.value) / 7.0


@pytest.mark.parametrize("kernel", [rbf, inverse_multiquadratic])
def test_the_mmd_of_equal_laws_is_zero_on_average(kernel):
    found = gaps(jax.random.split(KEY, 3000), jnp.zeros((5, 2)), True, kernel)
    assert abs(found.mean()) < 4 * np.std(found) / np.sqrt(len(found))
    assert found.min() < -0.01  # unbiased, so on either side


def test_the_mmd_of_a_normal_and_the_prior_is_its_closed_form():
    """Of rbf: E k(a, b) = sqrt(det(w^2 I) / det(w^2 I + V)) exp(-m'(w^2 I + V)^-1 m / 2), V the variance of a - b."""

    def expected(variance, mean):
        v = 1.3**2 * np.eye(2) + variance
        return 1.3**2 / np.sqrt(np.linalg.det(v)) * np.exp(-0.5 * mean @ np.linalg.solve(v, mean))

    truth = expected(2 * C, 0 * OFF) + expected(2 * np.eye(2), 0 * OFF) - 2 * expected(C + np.eye(2), OFF)
    x = jax.random.normal(jax.random.key(5), (20, 60, 2))
    found = np.array(
        [gaps(jax.random.split(jax.random.key(i), 10), rows, False, rbf).mean() for i, rows in enumerate(x)]
    )
    assert abs(found.mean() - truth) < 4 * found.std(ddof=1) / np.sqrt(len(found))
    assert truth > 3 * found.std(ddof=1) / np.sqrt(len(found))


def test_a_wasserstein_autoencoder_pays_no_rate():
    """It is InfoVAE at alpha 1 with the other kernel."""
    batch = vj.Example(rows_of_unit_covariance(5))
    pair = vj.objectives.wae(3.0), vj.objectives.info_vae(1.0, 3.0, inverse_multiquadratic())
    one, other = jax.jit(lambda: [o.evaluate(KEY, model(), params(), batch) for o in pair])()
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_one_row_has_no_mmd():
    batch = vj.Example(jnp.ones((2, 2)), weight=jnp.array([1.0, 0.0]))
    bound = jax.jit(lambda: vj.objectives.wae(3.0).evaluate(KEY, model(), params(), batch))()
    np.testing.assert_allclose(bound.value, -bound.distortion, rtol=1e-12)
