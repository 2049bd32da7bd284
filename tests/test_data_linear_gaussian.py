"""Data whose log-likelihood is known: scipy's density, the moments that were said, the bits of a seed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vaejax import data
from vaejax.errors import VaejaxError


@pytest.mark.parametrize(("rank", "num_dims", "noise"), [(1, 1, 0.5), (3, 8, 0.1), (8, 8, 1e-3), (2, 40, 2.0)])
def test_the_log_likelihood_is_scipy_s(rank, num_dims, noise):
    x, truth = data.linear_gaussian(rank, num_dims, noise, 200, seed=3)
    covariance = truth.W @ truth.W.T + noise**2 * np.eye(num_dims)
    expected = stats.multivariate_normal(truth.mean, covariance).logpdf(x.test)
    found = truth.log_likelihood(x.test)
    assert found.dtype == np.float64
    assert np.allclose(found, expected, rtol=1e-7, atol=1e-7)
    assert truth.log_likelihood(x.test[0]) == pytest.approx(found[0], abs=1e-9)


def test_examples_have_the_moments_that_were_said():
    x, truth = data.linear_gaussian(rank=2, num_dims=5, noise=0.3, num_examples=100_000)
    every_one = np.concatenate(list(x.splits.values())).astype(float)
    covariance = truth.W @ truth.W.T + 0.09 * np.eye(5)
    assert np.abs(every_one.mean(0) - truth.mean).max() < 0.03
    assert np.abs(np.cov(every_one.T) - covariance).max() < 0.02 * np.abs(covariance).max()
    entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance)[1]
    assert truth.log_likelihood(every_one).mean() == pytest.approx(-entropy, abs=4 * np.sqrt(2.5 / 100_000))
    spectrum = np.linalg.eigvalsh(np.cov(every_one.T))
    assert np.sum(spectrum > 2 * 0.09) == truth.rank == 2


def test_given_z_the_likelihood_of_the_data_is_that_of_the_truth():
    x, truth = data.linear_gaussian(rank=2, num_dims=3, noise=0.5, num_examples=20)
    z = jax.random.normal(jax.random.key(0), (200_000, 2))
    means = z @ jnp.asarray(truth.W, float).T + jnp.asarray(truth.mean, float)[None]
    one = jnp.asarray(x.test[0])
    log_p = jax.vmap(lambda mean: x.likelihood.log_prob((), mean[None], one).sum())(means)
    found = jax.nn.logsumexp(log_p) - np.log(len(z))
    assert found == pytest.approx(truth.log_likelihood(x.test[0]), abs=0.1)


def test_a_seed_is_its_data_and_other_seeds_are_others():
    one, again, other = (data.linear_gaussian(2, 5, 0.1, 50, seed) for seed in (1, 1, 2))
    assert data.digest(one[0]) == data.digest(again[0]) != data.digest(other[0])
    random = np.random.RandomState(1)
    assert np.array_equal(one[1].W, random.standard_normal((5, 2)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rank": 6, "num_dims": 5}, "rank must be at most num_dims, 5, got 6"),
        ({"noise": 0.0}, "noise must be a number above 0"),
        ({"rank": 0}, "rank must be at least 1"),
    ],
)
def test_what_is_out_of_range_is_refused(change, words):
    with pytest.raises(VaejaxError, match=words):
        data.linear_gaussian(**change)
