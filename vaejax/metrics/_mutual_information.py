import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.metrics._counting import information, num_values_of, tables
from vaejax.numerics import require_count


def mutual_information_matrix(
    codes: Float[Array, "num latent"],
    factors: Int[Array, "num factor"],
    num_values: int | None = None,
    num_bins: int = 20,
) -> Float[Array, "latent factor"]:
    """I(z_l; f) = sum p(b, f) log p(b, f) / (p(b) p(f)) of each binned latent with each factor, in nats.

    A latent is cut into `num_bins` bins of equal width from its smallest to its largest value, as in the study of
    Locatello et al. (2019), arXiv:1811.12359, so that numbers compare; the result does depend on their number, and one
    code far out empties most of them. Bias: upwards by about (num_bins - 1)(values - 1) / 2N nats, so that noise has
    information too. A constant latent has none.

    factors: integers 0, 1, ..., `num_values` of them at most; it must be said inside `jit`. Raises: VaejaxError
    where a factor is known and out of range.

    >>> factors = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> mutual_information_matrix(factors.astype(float), factors).round(2).tolist()
    [[0.6899999976158142, 0.0], [0.0, 0.6899999976158142]]
    """
    return information_of(joint_counts(codes, factors, num_values, num_bins))


def joint_counts(
    codes: Float[Array, "num latent"], factors: Int[Array, "num factor"], num_values: int | None, num_bins: int
) -> Float[Array, "latent factor bin value"]:
    """How often each bin of a latent came with each value of a factor."""
    size = num_values_of("factors", factors, num_values)
    num_bins = require_count("num_bins", num_bins)
    return tables(binned(codes, num_bins), factors, num_bins, size)


def information_of(counts: Float[Array, "latent factor bin value"]) -> Float[Array, "latent factor"]:
    """Of each latent with each factor, nats."""
    return jax.vmap(jax.vmap(information))(counts)


def binned(codes: Float[Array, "num latent"], num_bins: int) -> Int[Array, "num latent"]:
    """The bin of each code; the largest code is in the last one, and what lies on an edge in the upper."""
    low, high = jnp.min(codes, axis=0, keepdims=True), jnp.max(codes, axis=0, keepdims=True)
    edges = low + jnp.arange(1, num_bins)[:, None] * ((high - low) / num_bins)
    return jax.vmap(lambda e, c: jnp.searchsorted(e, c, side="right", method="compare_all"), 1, 1)(edges, codes)
