"""Intrinsic dimensions that are known, of flat and of bent sets, and what must not change them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial

from vaejax import metrics
from vaejax.errors import VaejaxError

RNG = np.random.default_rng(0)
ESTIMATES = {
    "two_nn": jax.jit(metrics.two_nn),
    "likelihood": jax.jit(lambda points: metrics.maximum_likelihood_dimension(points, 10)),
    "pca": jax.jit(lambda points: metrics.local_pca_dimension(points, 40)),
}
ISOMETRY = np.linalg.qr(RNG.normal(size=(12, 12)))[0]


def drawn(kind, dimension, num=500):
    rng = np.random.default_rng(dimension)
    if kind == "cube":
        return rng.uniform(size=(num, dimension))
    if kind == "normal":
        return rng.normal(size=(num, dimension))
    flat = rng.uniform(size=(num, dimension))  # bent: each coordinate goes round a quarter of a circle
    return np.concatenate([np.sin(np.pi / 2 * flat), np.cos(np.pi / 2 * flat)], axis=1)


def estimate(name, points):
    return ESTIMATES[name](jnp.asarray(points, jnp.float32))


@pytest.mark.parametrize("kind", ["cube", "normal", "bent"])
@pytest.mark.parametrize("dimension", [1, 2, 5, 10])
def test_a_known_dimension_is_found_within_the_bias_that_is_stated(kind, dimension):
    points = drawn(kind, dimension)
    points = np.pad(points, ((0, 0), (0, max(0, 12 - points.shape[1]))))
    points = points @ np.linalg.qr(np.random.default_rng(1).normal(size=2 * points.shape[1:]))[0]
    lowest = {1: 0.93, 2: 0.93, 5: 0.84, 10: 0.74}[dimension] * dimension
    for name in ("two_nn", "likelihood"):
        found = estimate(name, points)
        assert lowest - 2 * found.standard_error < found.dimension < 1.05 * dimension + 2 * found.standard_error
    if kind != "bent" or dimension < 10:
        np.testing.assert_allclose(estimate("pca", points).dimension, dimension, rtol=0.02)


def test_estimates_are_those_written_out():
    points = drawn("normal", 3)
    distances = scipy.spatial.distance.cdist(points, points)
    distances.sort(axis=1)
    logs = np.sort(np.log(distances[:, 2] / distances[:, 1]))
    found = estimate("two_nn", points)
    expected = 449 / (logs[:450].sum() + 50 * logs[449])
    np.testing.assert_allclose([found.dimension, found.standard_error], [expected, expected / 448**0.5], rtol=1e-3)
    whole = jax.jit(lambda p: metrics.two_nn(p, 0.0))(jnp.asarray(points, jnp.float32))
    np.testing.assert_allclose(whole.dimension, 499 / logs.sum(), rtol=1e-3)
    sums = np.log(distances[:, 10:11] / distances[:, 1:10]).sum(1)
    found = estimate("likelihood", points)
    np.testing.assert_allclose(found.dimension, 9 / sums.mean(), rtol=1e-3)
    np.testing.assert_allclose(found.levina_bickel, np.mean(8 / sums), rtol=1e-3)
    np.testing.assert_allclose(found.standard_error, 1.5 * 9 / sums.mean() ** 2 * sums.std() / 499**0.5, rtol=1e-3)


def test_local_pca_counts_variances_above_a_share_of_the_largest():
    points = drawn("normal", 4) * [1, 0.8, 0.4, 0.1]
    neighbours = np.argsort(scipy.spatial.distance.cdist(points, points), axis=1)[:, 1:31]
    values = np.stack([np.linalg.svd(p - p.mean(0), compute_uv=False) ** 2 for p in points[neighbours]])
    each = (values > 0.2 * values[:, :1]).sum(1)
    found = jax.jit(lambda p: metrics.local_pca_dimension(p, 30, 0.2))(jnp.asarray(points, jnp.float32))
    assert 1.5 < each.mean() < 3.5
    np.testing.assert_allclose(found.dimension, each.mean(), rtol=1e-3)
    np.testing.assert_allclose(found.standard_error, each.std() * np.sqrt(30 / 500), rtol=1e-2)
    wide = jax.jit(lambda p: metrics.local_pca_dimension(p, 30, 0.2))(
        jnp.asarray(np.pad(points, ((0, 0), (0, 60))), jnp.float32)
    )
    np.testing.assert_allclose(wide.dimension, found.dimension, rtol=1e-3)


@pytest.mark.parametrize("name", ESTIMATES)
def test_isometries_units_copies_and_order_change_nothing(name):
    points = np.pad(drawn("normal", 3), ((0, 0), (0, 9)))
    expected = estimate(name, points)
    moved = points @ ISOMETRY
    for same in (moved, 1e-25 * moved, 1e15 * moved, moved[::-1] + 3, np.concatenate([moved, moved[:137], moved[:9]])):
        np.testing.assert_allclose(jnp.stack(estimate(name, same)), jnp.stack(expected), rtol=3e-3, atol=2e-3)


@pytest.mark.parametrize("name", ESTIMATES)
def test_a_single_point_has_no_dimension(name):
    np.testing.assert_array_equal(jnp.stack(estimate(name, np.full((60, 3), 0.1))), 0.0)


@pytest.mark.parametrize("name", ["two_nn", "likelihood"])
def test_the_standard_error_is_about_the_scatter(name):
    found = jax.jit(lambda x: jax.lax.map(ESTIMATES[name], x))(jnp.asarray(RNG.normal(size=(20, 300, 2)), jnp.float32))
    assert 0.5 < np.std(found.dimension, ddof=1) / np.mean(found.standard_error) < 2


def test_too_few_points_are_refused():
    with pytest.raises(VaejaxError, match=r"more than 10 points .* got 10"):
        metrics.maximum_likelihood_dimension(jnp.zeros((10, 2)), 10)
    with pytest.raises(VaejaxError, match=r"discard must be a number of at least 0 and at most 0\.9"):
        metrics.two_nn(jnp.zeros((10, 2)), 1.0)
