"""Whether an estimate of log p(x) is to be trusted: effective draws, the tail of the weights, bits."""

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
pareto_k = jax.jit(metrics.pareto_k)


def by_loops(log_weights):
    """k by Zhang and Stephens, written out: weights by ratios of likelihoods, one grid point at a time."""
    weights = np.sort(np.exp(log_weights - log_weights.max()))
    size = int(np.ceil(min(0.2 * len(weights), 3 * np.sqrt(len(weights)))))
    x = weights[-size:] - weights[-size - 1]
    m = 30 + int(np.sqrt(size))
    theta, profile = [], []
    for j in range(1, m + 1):
        t = 1 / x[-1] + (1 - np.sqrt(m / (j - 0.5))) / (3 * x[int(size / 4 + 0.5) - 1])
        k = np.mean([np.log(1 - t * value) for value in x])
        sigma = -k / t
        theta.append(t)
        profile.append(scipy.stats.genpareto(k, scale=sigma).logpdf(x).sum())  # at the best k for this theta
    weight = np.array([1 / sum(np.exp(other - mine) for other in profile) for mine in profile])
    k = np.log1p(-(weight @ theta) * x).mean()
    return (size * k + 5) / (size + 10)


@pytest.mark.parametrize("num", [25, 200, 3000])
@pytest.mark.parametrize("index", [-0.5, 0.1, 0.7, 1.5])
def test_k_is_that_of_a_fit_written_out(num, index):
    log_weights = np.log(scipy.stats.genpareto(index).rvs(num, random_state=3)) + 5
    np.testing.assert_allclose(pareto_k(jnp.asarray(log_weights)), by_loops(log_weights), rtol=1e-8)


@pytest.mark.parametrize("index", [0.3, 0.7, 1.2])
def test_k_is_the_index_of_the_tail_it_was_drawn_from(index):
    """The whole tail is Pareto, so all that is left is the pull towards 1/2 and the noise of 95 to 600 weights."""
    weights = scipy.stats.pareto(1 / index).rvs((20, 40_000), random_state=0)
    found = np.asarray(jax.jit(jax.vmap(metrics.pareto_k))(jnp.log(weights)))
    expected = (600 * index + 5) / 610
    assert abs(found.mean() - expected) < 4 * found.std(ddof=1) / np.sqrt(20)
    assert found.std() < 1.5 * (1 + index) / np.sqrt(600)


def test_k_does_not_see_the_scale_of_the_weights_nor_their_order_nor_the_small_ones():
    log_weights = np.random.default_rng(0).normal(size=500) * 2
    found = pareto_k(jnp.asarray(log_weights))
    small = np.where(log_weights < np.median(log_weights), -np.inf, log_weights)
    for same in (log_weights + 700, log_weights - 700, log_weights[::-1], small):
        np.testing.assert_allclose(pareto_k(jnp.asarray(same)), found, rtol=1e-9)


def test_weights_without_a_tail_have_a_k_all_the_same():
    assert pareto_k(jnp.zeros(100)) == 0  # equal
    assert pareto_k(jnp.full(100, -jnp.inf)) == np.inf  # nothing was ever hit
    assert pareto_k(jnp.arange(20.0)) == np.inf  # too few
    assert pareto_k(jnp.where(jnp.arange(100) == 3, 0.0, -jnp.inf)) > 0.7  # one weight carries all
    two = jnp.where(jnp.arange(100) < 8, 0.0, -1.0)  # two atoms: bounded
    assert pareto_k(two) < 0.7


def test_k_is_finite_where_float32_cannot_hold_the_weights_beside_each_other():
    with jax.enable_x64(False):
        found = jax.jit(metrics.pareto_k)(-jnp.arange(1000.0, dtype=jnp.float32))
        assert np.isfinite(found)
        assert found > 0.7
        weights = scipy.stats.pareto(2).rvs(2000, random_state=0)
        expected = by_loops(np.log(weights))
        np.testing.assert_allclose(metrics.pareto_k(jnp.log(jnp.asarray(weights, jnp.float32))), expected, atol=1e-3)


def test_effective_draws_are_counted():
    ess = jax.jit(metrics.effective_sample_size)
    np.testing.assert_allclose(ess(jnp.full(7, -300.0)), 7.0, rtol=1e-12)
    np.testing.assert_allclose(ess(jnp.array([0.0, -np.inf, -np.inf])), 1.0, rtol=1e-12)
    log_weights = np.random.default_rng(0).normal(size=50)
    weights = np.exp(log_weights)
    np.testing.assert_allclose(ess(jnp.asarray(log_weights + 900)), weights.sum() ** 2 / (weights**2).sum(), rtol=1e-10)
    assert ess(jnp.full(3, -jnp.inf)) == 0


def test_bits_of_levels_and_of_a_density_on_them_agree():
    """A uniform density on 256 greys of width 1/256 is the uniform mass function: 8 bits, whatever the units of x."""
    masses = metrics.bits_per_dimension(jnp.array([-10 * np.log(256.0), 0.0]), 10)
    np.testing.assert_allclose(masses, [8, 0], rtol=1e-12)
    for width in (1 / 256, 1.0, 3.0):
        density = 10 * np.log(1 / (256 * width))
        np.testing.assert_allclose(metrics.bits_per_dimension(jnp.array(density), 10, width), 8, rtol=1e-12)
    with pytest.raises(VaejaxError, match="num_dims must be a number above 0"):
        metrics.bits_per_dimension(jnp.array(0.0), 0)


# of a model


def narrow_posterior(factor):
    """x = z + noise of variance 1: the posterior is N(x/2, 1/2), and q is `factor` times as wide.

    Weights fall as exp(-z^2 (1/v - 1/(f^2 v)) / 2) under q: for f < 1 they are Pareto in the limit, of index
    1 - f^2; for f >= 1 they are bounded.
    """

    def encoder(shape):
        log_scale = 0.5 * jnp.log(0.5) + jnp.log(factor)
        return vj.Net(lambda *_: (), lambda params, inputs, key: jnp.stack([inputs[0] / 2, jnp.full(1, log_scale)]))

    def decoder(shape):
        return vj.Net(lambda *_: (), lambda params, inputs, key: inputs[1][None])

    normal = vj.likelihoods.normal(jnp.ones(()))
    return vj.vae(encoder, decoder, data_shape=(1,), latent_size=1, likelihood=normal)


@functools.partial(jax.jit, static_argnums=1)
def reliable(factor, num, key=KEY):
    model = narrow_posterior(factor)
    x = vj.Example(jnp.array([1.3]))
    params = model.init(KEY, vj.Example(jnp.zeros((1, 1))))
    measured = metrics.importance(key, model, params, x, num)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(num))
    log_weights = jax.vmap(lambda key: vj.terms(key, model, params, x).log_weight)(keys)
    return metrics.reliability(key, model, params, x, num), measured, log_weights


@pytest.mark.parametrize("num", [30, 208, 1000])
def test_reliability_in_blocks_is_that_of_all_weights_at_once(num):
    found, measured, log_weights = reliable(0.6, num)
    np.testing.assert_allclose(found.log_likelihood, measured.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(found.ess, metrics.effective_sample_size(log_weights), rtol=1e-10)
    np.testing.assert_allclose(found.pareto_k, pareto_k(log_weights), rtol=1e-10)


def test_an_estimate_is_trusted_where_q_is_wide_enough_and_not_where_it_is_narrow():
    keys = jax.random.split(KEY, 20)
    wide, narrow = (jax.vmap(lambda key, f=f: reliable(f, 2000, key)[0])(keys) for f in (1.3, 0.2))
    truth = scipy.stats.norm(0, np.sqrt(2)).logpdf(1.3)
    assert wide.trusted.all()
    assert (np.abs(wide.log_likelihood - truth) < 4 * wide.standard_error).all()
    assert wide.standard_error.max() < 0.02
    assert narrow.trusted.mean() < 0.3  # the index is 0.96
    too_low = narrow.log_likelihood < truth - 2 * narrow.standard_error
    assert too_low.mean() > 0.5  # its standard error does not know


def test_the_exact_posterior_is_trusted_and_a_point_is_not():
    exact = reliable(1.0, 400)[0]
    assert exact.trusted
    np.testing.assert_allclose(exact.ess, 400, rtol=1e-6)
    assert exact.standard_error < 1e-3
    assert not metrics.Reliability(*jnp.array([0.0, 1.0, jnp.nan, 0.0, 0.7])).trusted


def test_the_standard_error_is_the_scatter_of_the_estimate():
    found = jax.vmap(lambda key: reliable(1.5, 500, key)[0])(jax.random.split(KEY, 200))
    np.testing.assert_allclose(found.standard_error.mean(), found.log_likelihood.std(ddof=1), rtol=0.2)
