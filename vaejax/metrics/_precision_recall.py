from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Number, Scalar

from ._balls import balls_with, centred, require_sets, squared_radii


class PrecisionRecall(NamedTuple):
    """precision: how much of what is generated looks real. recall: how much of what is real could be generated."""

    precision: Scalar
    recall: Scalar


def precision_recall(
    real: Float[Array, "num size"], generated: Float[Array, "other size"], k: Number = 3
) -> PrecisionRecall:
    """The part of `generated` in the balls round `real` that reach to the k-th nearest of the others, and vice versa.

    Kynkaanniemi, Karras, Laine, Lehtinen and Aila (2019), arXiv:1904.06991: k = 3, 50,000 of both, features of VGG-16.
    Parts in [0, 1]; numbers with other features, k or N do not compare. One outlier has a large ball and lets in what
    is near it (`density_coverage` less so); sets of one distribution need not reach 1, least of all in many dimensions
    with few examples. Edges belong to balls (some codes leave them out, which matters for copies alone). Squared
    distances are known to about 1e-6 of the squared features in float32.
    Cost: 3 N^2 distances; memory: 2^20 at once. Raises: VaejaxError where a set has no more than k rows.

    >>> import jax
    >>> a = jax.random.normal(jax.random.key(0), (50, 2))
    >>> [float(found) for found in precision_recall(a, a)], [float(found) for found in precision_recall(a, a + 100)]
    ([1.0, 1.0], [0.0, 0.0])
    """
    k = require_sets(real, generated, k, both=True)
    real, generated = centred(real, generated)
    precision = jnp.mean(balls_with(generated, real, squared_radii(real, k)) > 0)
    recall = jnp.mean(balls_with(real, generated, squared_radii(generated, k)) > 0)
    return PrecisionRecall(precision, recall)
