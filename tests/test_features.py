"""Features without a download: pixels, principal components, a small classifier with its held-out accuracy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.decomposition import PCA

import vaejax as vj
from vaejax import metrics
from vaejax.errors import VaejaxError

DIGITS = vj.data.digits()


def split(name):
    return jnp.asarray(DIGITS.splits[name] / 16.0, float), jnp.asarray(DIGITS.labels[name])


def test_pixels_are_the_entries():
    x = jnp.arange(24.0).reshape(2, 3, 4)
    assert metrics.pixel_features(x).tolist() == np.arange(24.0).reshape(2, 12).tolist()


def test_components_are_scikit_learn_s(float64):
    x, test = split("train")[0], split("test")[0]
    theirs = PCA(5, svd_solver="full").fit(np.asarray(x).reshape(len(x), -1))
    found = metrics.pca_features(x, 5)(test)
    expected = theirs.transform(np.asarray(test).reshape(len(test), -1))
    signs = np.sign(np.sum(np.asarray(found) * expected, axis=0))
    assert np.allclose(found, expected * signs[None], atol=1e-8)


def test_the_signs_of_components_are_settled():
    """Turning every example round the mean changes no component, and no sign of a component."""
    x = jax.random.normal(jax.random.key(0), (30, 6)) * jnp.arange(1.0, 7.0)[None]
    mean = jnp.mean(x, axis=0, keepdims=True)
    same, turned = metrics.pca_features(x, 3), metrics.pca_features(2 * mean - x, 3)
    assert jnp.allclose(same(x), turned(x), atol=1e-4)


def classifier(key=0, **how):
    how = {"num_features": 16, "batch_size": 32} | how
    return metrics.classifier_features(
        jax.random.key(key), optax.adam(3e-3), split("train"), split("validation"), vj.nets.mlp(32), **how
    )


@pytest.fixture(scope="module")
def trained():
    return classifier(num_steps=500)


def test_a_classifier_s_accuracy_is_that_of_its_features(trained):
    found = trained
    assert found.accuracy > 0.9
    assert found.standard_error == pytest.approx(float(np.sqrt(found.accuracy * (1 - found.accuracy) / 300)), rel=1e-5)
    codes, labels = found.features(split("test")[0]), split("test")[1]
    assert codes.shape == (300, 16)
    means = jnp.stack([jnp.mean(codes[labels == k], axis=0) for k in range(10)])
    nearest = jnp.argmin(jnp.sum((codes[:, None] - means[None]) ** 2, axis=-1), axis=1)
    assert jnp.mean(nearest == labels) > 0.9  # classes lie apart in them


def test_labels_that_mean_nothing_give_chance():
    train, held_out = split("train"), split("validation")
    shuffled = jax.random.permutation(jax.random.key(0), held_out[1])
    found = metrics.classifier_features(
        jax.random.key(1), optax.adam(3e-3), train, (held_out[0], shuffled), num_steps=100, batch_size=32
    )
    assert abs(found.accuracy - 0.1) < 4 * 0.1 * np.sqrt(0.9 / 0.1 / 300)


def test_a_key_is_a_classifier():
    x = split("test")[0][:5]
    one, again, other = (classifier(key, num_steps=3).features(x) for key in (0, 0, 1))
    assert jnp.array_equal(one, again)
    assert not jnp.allclose(one, other)


def test_digits_are_nearer_to_digits_than_to_blurred_ones_in_every_feature(trained):
    train, test = split("train")[0], split("test")[0]
    blurred = (test + jnp.roll(test, 1, axis=1) + jnp.roll(test, 1, axis=2)) / 3
    for features in (metrics.pixel_features, metrics.pca_features(train, 16), trained.features):
        real, same, worse = features(train[:300]), features(test), features(blurred)
        assert metrics.frechet_distance(real, same) < 0.5 * metrics.frechet_distance(real, worse)
        assert metrics.kernel_distance(real, same).value < 0.5 * metrics.kernel_distance(real, worse).value
        assert metrics.density_coverage(real, same).coverage > metrics.density_coverage(real, worse).coverage


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.pca_features(jnp.zeros((5, 4)), 5), "5 examples of 4 entries have no 5 components"),
        (
            lambda: metrics.classifier_features(
                jax.random.key(0), optax.sgd(0.1), (jnp.zeros((5, 8, 8)), jnp.full(5, -1)), split("test")
            ),
            r"a class from 0 for each of 5 examples",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(call, words):
    with pytest.raises(VaejaxError, match=words):
        call()
