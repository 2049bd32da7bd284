import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.metrics._counting import num_values_of
from vaejax.metrics._neighbours import nearest
from vaejax.numerics import require_count
from vaejax.types import Scalar


def k_nearest_accuracy(
    codes: Float[Array, "num latent"],
    labels: Int[Array, " num"],
    test_codes: Float[Array, "test latent"],
    test_labels: Int[Array, " test"],
    num_neighbours: int = 5,
    num_classes: int | None = None,
) -> Scalar:
    """The share of test codes whose label most of the k nearest codes have, by Euclidean distance.

    Ties as in scikit-learn's `KNeighborsClassifier`: between classes the smaller label wins, between codes at one
    distance the earlier. Latents are used as they are: the wide ones decide. The test codes must be others than the
    codes, or each finds itself. Cost: N x test distances; memory: 64 N.
    Raises: VaejaxError where a label is known and out of range, and inside `jit` without `num_classes`.

    >>> codes = jnp.array([[0.0], [1.0], [5.0], [6.0]])
    >>> k_nearest_accuracy(codes, jnp.array([0, 0, 1, 1]), codes + 0.4, jnp.array([0, 0, 1, 0]), 1).item()
    0.75
    """
    size = num_values_of("labels", labels, num_classes, "num_classes")
    found = nearest(test_codes, codes, require_count("num_neighbours", num_neighbours))
    votes = jnp.sum(jax.nn.one_hot(labels[found.index], size), axis=1)
    return jnp.mean((jnp.argmax(votes, axis=1) == test_labels).astype(codes.dtype))
