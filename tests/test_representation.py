"""What codes are good for beside labels, against scikit-learn."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import sklearn.cluster
import sklearn.datasets
import sklearn.decomposition
import sklearn.linear_model
import sklearn.metrics
import sklearn.neighbors

from vaejax import metrics
from vaejax.errors import VaejaxError

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(0)
IMAGES, DIGITS = sklearn.datasets.load_digits(return_X_y=True)
CODES = sklearn.decomposition.PCA(10, random_state=0).fit_transform(IMAGES)
TRAIN, TEST = slice(0, 400), slice(1200, 1700)
SPLIT = CODES[TRAIN], DIGITS[TRAIN], CODES[TEST], DIGITS[TEST]


def arrays():
    return tuple(map(jnp.asarray, SPLIT))


probe = jax.jit(functools.partial(metrics.linear_probe, num_classes=10))


@pytest.mark.parametrize("l2", [0.1, 100.0])
def test_a_linear_probe_is_the_logistic_regression_of_scikit_learn(l2):
    found = probe(*arrays(), l2=l2)
    expected = sklearn.linear_model.LogisticRegression(C=1 / l2, solver="newton-cg", tol=1e-9, max_iter=1000).fit(
        *SPLIT[:2]
    )
    np.testing.assert_allclose(found.weights, expected.coef_.T, atol=1e-5)
    np.testing.assert_allclose(
        found.bias - found.bias.mean(), expected.intercept_ - expected.intercept_.mean(), atol=1e-4
    )
    assert found.accuracy == expected.score(*SPLIT[2:])
    log_prob = scipy.special.log_softmax(expected.decision_function(SPLIT[2]), axis=1)  # theirs clip at 36 nats
    np.testing.assert_allclose(found.log_loss, -log_prob[np.arange(500), SPLIT[3]].mean(), rtol=1e-5)
    assert found.gradient < 1e-8  # where rounding stops it, 1e-10 with one version of jax and 1e-13 with another


def test_a_linear_probe_in_float32_is_as_accurate():
    expected = probe(*arrays())
    with jax.enable_x64(False):
        narrow = [jnp.asarray(a, jnp.float32 if a.dtype.kind == "f" else jnp.int32) for a in SPLIT]
        found = jax.jit(functools.partial(metrics.linear_probe, num_classes=10))(*narrow)
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-3)
    assert abs(found.accuracy - expected.accuracy) < 0.005
    assert found.gradient < 1e-4


def test_a_probe_does_not_see_latents_out_of_use():
    padded = [jnp.pad(a, ((0, 0), (0, 3))) if a.ndim == 2 else a for a in arrays()]
    found, expected = probe(*padded), probe(*arrays())
    np.testing.assert_allclose(found.weights, np.pad(expected.weights, ((0, 3), (0, 0))), atol=1e-8)
    np.testing.assert_allclose(found.log_loss, expected.log_loss, rtol=1e-8)


@pytest.mark.parametrize("k", [1, 4, 7])
def test_nearest_neighbours_are_those_of_scikit_learn(k):
    rounded = [np.round(a / 8) * 8 if a.dtype.kind == "f" else a for a in SPLIT]
    for split in (SPLIT, rounded):
        found = jax.jit(lambda *a: metrics.k_nearest_accuracy(*a, num_neighbours=k, num_classes=10))
        expected = sklearn.neighbors.KNeighborsClassifier(k, algorithm="brute").fit(*split[:2]).score(*split[2:])
        assert found(*map(jnp.asarray, split)) == pytest.approx(expected, abs=1e-12 if split is SPLIT else 0.01)


def test_a_tie_goes_to_the_smaller_label():
    codes, labels = jnp.array([[0.0], [1.0]]), jnp.array([1, 0])
    assert metrics.k_nearest_accuracy(codes, labels, jnp.array([[0.1]]), jnp.array([0]), 2, 2) == 1


def test_few_labels_are_so_many_of_each_class():
    made = jax.jit(
        functools.partial(metrics.few_label_accuracy, repeats=8, num_classes=10), static_argnames="labels_per_class"
    )
    few, more = (made(KEY, *arrays(), labels_per_class=num) for num in (1, 15))
    assert 0.3 < few.accuracy < more.accuracy - 3 * few.standard_error
    assert more.accuracy < probe(*arrays()).accuracy + 0.02
    np.testing.assert_allclose(few.accuracy, few.each.mean(), rtol=1e-12)
    np.testing.assert_allclose(few.standard_error, few.each.std(ddof=1) / np.sqrt(8), rtol=1e-12)
    assert len(np.unique(few.each)) > 1
    every = made(KEY, *arrays(), labels_per_class=60)  # more than there are of any class: all of them, each once
    np.testing.assert_allclose(every.each, probe(*arrays()).accuracy, rtol=1e-12)


# clusters


def test_k_means_descends_as_low_as_scikit_learn_does():
    found = jax.jit(lambda key, z: metrics.k_means(key, z, 10))(KEY, arrays()[0])
    expected = sklearn.cluster.KMeans(10, n_init=10, tol=0, random_state=0).fit(SPLIT[0])
    assert found.inertia < 1.01 * expected.inertia_
    distances = np.square(SPLIT[0][:, None] - np.asarray(found.centres)).sum(2)
    np.testing.assert_array_equal(found.labels, distances.argmin(1))
    np.testing.assert_allclose(found.inertia, distances.min(1).sum(), rtol=1e-10)
    means = [SPLIT[0][np.asarray(found.labels) == label].mean(0) for label in range(10)]
    np.testing.assert_allclose(found.centres, means, rtol=1e-8, atol=1e-8)  # no step is left


def test_more_clusters_than_distinct_codes_are_no_harm():
    found = metrics.k_means(KEY, jnp.array([[1.0], [1.0], [2.0]]), 3, 2)
    assert found.inertia == 0
    assert np.isfinite(found.centres).all()


PAIRS = {
    "random": (np.random.default_rng(0).integers(0, 5, 300), np.random.default_rng(1).integers(0, 3, 300)),
    "near": (DIGITS[:300], np.where(np.arange(300) % 4 == 0, 0, DIGITS[:300])),
    "same": (DIGITS[:300], (DIGITS[:300] + 3) % 10),
    "one part": (np.zeros(300, int), DIGITS[:300]),
    "both one": (np.zeros(300, int), np.zeros(300, int)),
    "each its own": (np.arange(300), np.arange(300)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_agreement_of_partitions_is_that_of_scikit_learn(name):
    pair = PAIRS[name]
    labels = tuple(map(jnp.asarray, pair))
    for ours, theirs in (
        (metrics.normalized_mutual_information, sklearn.metrics.normalized_mutual_info_score),
        (metrics.adjusted_rand_index, sklearn.metrics.adjusted_rand_score),
    ):
        found = jax.jit(functools.partial(ours, num_values=300))(*labels)
        np.testing.assert_allclose(found, theirs(*pair), atol=1e-10)
        np.testing.assert_allclose(ours(*labels), found, atol=1e-12)


def test_labels_out_of_range_are_refused():
    with pytest.raises(VaejaxError, match=r"labels must be integers from 0 to 2 \(num_classes - 1\), got 0 to 9"):
        metrics.linear_probe(*arrays(), num_classes=3)
