from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import Number

Features: TypeAlias = Callable[[Array], Array]  # a batch [num, *event] to [num, size]


def pixel_features(x: Float[Array, "num *event"]) -> Float[Array, "num size"]:
    """The entries themselves, in a row: a distance of them sees every pixel alike, and shifts as large changes.

    >>> pixel_features(jnp.zeros((5, 8, 8))).shape
    (5, 64)
    """
    return x.reshape(len(x), -1)


def pca_features(train: Float[Array, "num *event"], num_features: Number = 32) -> Features:
    """`x -> V^T (x - mean)`: the first principal components of the training examples, in units of x, not whitened.

    Distances are those of pixels without the directions in which examples hardly differ. Each component's largest
    weight is positive, so that they do not depend on the machine. Cost: a singular value decomposition of the examples,
    which a few thousand are enough for.
    Raises: VaejaxError where there are more components than examples or entries.

    >>> features = pca_features(jax.random.normal(jax.random.key(0), (20, 4, 4)), 3)
    >>> features(jnp.zeros((5, 4, 4))).shape
    (5, 3)
    """
    flat, num_features = pixel_features(train), require_count("num_features", num_features)
    if num_features > min(flat.shape):
        raise VaejaxError(f"{len(flat)} examples of {flat.shape[1]} entries have no {num_features} components")
    mean = jnp.mean(flat, axis=0, keepdims=True)
    axes = jnp.linalg.svd(flat - mean, full_matrices=False)[2][:num_features]
    largest = jnp.take_along_axis(axes, jnp.argmax(jnp.abs(axes), axis=1, keepdims=True), axis=1)
    axes = axes * jnp.sign(largest)
    return Partial(_projected, mean, axes)  # arrays and a function of them, so that `jax.jit` can give it back


def _projected(mean: Float[Array, "1 size"], axes: Float[Array, "feature size"], x: Array) -> Array:
    return jnp.matmul(pixel_features(x) - mean, axes.T, precision=jax.lax.Precision.HIGHEST)
