from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Number, Scalar

from ._balls import balls_hit, balls_with, centred, require_sets, squared_radii


class DensityCoverage(NamedTuple):
    """density: how close to what is real the generated lie, 1 where alike. coverage: how much of the real is met."""

    density: Scalar
    coverage: Scalar


def density_coverage(
    real: Float[Array, "num size"], generated: Float[Array, "other size"], k: Number = 5
) -> DensityCoverage:
    """Of the balls round `real` that reach to the k-th nearest other: in how many a generated one lies, over k; how
    many have one.

    Naeem, Oh, Uh, Choi and Yoo (2020), arXiv:2002.09797: k = 5, 10,000 of both. Density may exceed 1. Of two sets of
    one distribution density is 1 on average, at every N, and coverage 1 - prod_{i < k} (N - 1 - i) / (N + M - 1 - i) of
    N real and M generated, 1 - 2^-k for many of both: 0.969 at k = 5, whatever the dimension. So hold coverage beside
    that number, at equal sizes. Edges belong to balls (the authors' code leaves them out, which matters for copies: an
    exact copy has density (k + 1)/k here and 1 there).
    Cost: 3 N^2 distances; memory: 2^20 at once. Raises: VaejaxError where there are no more than k real ones.

    >>> import jax
    >>> a = jax.random.normal(jax.random.key(0), (50, 2))
    >>> [float(found) for found in density_coverage(a, a[:1] + 100)], float(density_coverage(a, a).coverage)
    ([0.0, 0.0], 1.0)
    """
    k = require_sets(real, generated, k, both=False)
    real, generated = centred(real, generated)
    radii = squared_radii(real, k)
    density = jnp.mean(balls_with(generated, real, radii).astype(float)) / k
    return DensityCoverage(density, jnp.mean(balls_hit(generated, real, radii)))
