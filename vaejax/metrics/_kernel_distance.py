from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import Number, Scalar


class KernelDistance(NamedTuple):
    """value: unbiased, so it may be below 0. standard_error: of it, over blocks."""

    value: Scalar
    standard_error: Scalar


def kernel_distance(
    a: Float[Array, "num_a size"], b: Float[Array, "num_b size"], num_blocks: Number = 10
) -> KernelDistance:
    """The squared maximum mean discrepancy of two sets of features under the kernel (x . y / d + 1)^3, unbiased.

    mean_{i != j} k(a_i, a_j) + mean_{i != j} k(b_i, b_j) - 2 mean_{i, j} k(a_i, b_j), of num_blocks disjoint blocks of
    both sets in their order (so permute sets that are sorted), and the mean over blocks with its standard error. What
    the blocks leave of the longer set is not used. Units: those of k, which change with the scale of the features.
    KID: Binkowski, Sutherland, Arbel and Gretton (2018), arXiv:1801.01401, with Inception's features and 100 blocks of
    1,000 that overlap, whose spread is no standard error; numbers with other features do not compare.
    Unbiased at every N, so sets of different sizes compare. Cost: N^2 d / num_blocks; memory: one block squared.
    Raises: VaejaxError where num_blocks is below 2, a block has fewer than two rows, or the sizes differ.

    >>> a, b = jax.random.normal(jax.random.key(0), (2, 1000, 4))
    >>> same, other = kernel_distance(a, b), kernel_distance(a, b + 1)
    >>> bool(abs(same.value) < 4 * same.standard_error), bool(other.value > 10 * other.standard_error)
    (True, True)
    """
    num_blocks = require_count("num_blocks", num_blocks, least=2)
    size = min(len(a), len(b)) // num_blocks
    if size < 2 or a.shape[1] != b.shape[1]:
        raise VaejaxError(
            f"expected two sets of features of one size, at least 2 for each of {num_blocks} blocks, got {a.shape} and "
            f"{b.shape}"
        )
    blocks = [features[: num_blocks * size].reshape(num_blocks, size, -1) for features in (a, b)]
    found = jax.lax.map(lambda block: _discrepancy(*block), tuple(blocks))
    return KernelDistance(jnp.mean(found), jnp.std(found, ddof=1) / jnp.sqrt(float(num_blocks)))


def _discrepancy(a: Float[Array, "num size"], b: Float[Array, "num size"]) -> Scalar:
    num = len(a)
    within = [(jnp.sum(k) - jnp.trace(k)) / (num * (num - 1)) for k in (_kernel(a, a), _kernel(b, b))]
    return within[0] + within[1] - 2 * jnp.mean(_kernel(a, b))


def _kernel(a: Array, b: Array) -> Array:
    return (jnp.matmul(a, b.T, precision=jax.lax.Precision.HIGHEST) / a.shape[1] + 1) ** 3
