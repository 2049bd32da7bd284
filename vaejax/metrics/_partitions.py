import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.metrics._counting import entropy, information, num_values_of, tables
from vaejax.types import Scalar


def normalized_mutual_information(
    labels: Int[Array, " num"], others: Int[Array, " num"], num_values: int | None = None
) -> Scalar:
    """2 I(a; b) / (H(a) + H(b)): how far two partitions agree, from 0 to 1 whatever the names of their parts.

    Divided by the arithmetic mean, as scikit-learn does; other packages take the geometric mean, the larger or the
    smaller. Bias: upwards with the number of parts, so that many small clusters score well by chance:
    `adjusted_rand_index` does not. 1 where both have a single part, 0 where one has.
    num_values: a common bound on the labels, which must be said inside `jit`.

    >>> normalized_mutual_information(jnp.array([0, 0, 1, 1]), jnp.array([1, 1, 0, 0])).item()
    1.0
    """
    table = _table(labels, others, num_values)
    total = entropy(jnp.sum(table, axis=1)) + entropy(jnp.sum(table, axis=0))
    return jnp.where(total > 0, 2 * information(table) / jnp.where(total > 0, total, 1.0), 1.0)


def adjusted_rand_index(
    labels: Int[Array, " num"], others: Int[Array, " num"], num_values: int | None = None
) -> Scalar:
    """(pairs that agree - those expected of shuffled labels) / (the most there could be - those expected).

    1 for equal partitions whatever the names of their parts, 0 on average by chance, below 0 for less than that.
    Hubert and Arabie (1985), "Comparing partitions". Unbiased for partitions of given sizes. Exact in float32 to about
    1e-6. 1 where both have a single part, or every example its own.
    num_values: a common bound on the labels, which must be said inside `jit`.

    >>> adjusted_rand_index(jnp.array([0, 0, 1, 1]), jnp.array([0, 1, 0, 1])).round(3).item()
    -0.5
    """
    table = _table(labels, others, num_values)
    together, mine, theirs = (_pairs(counts) for counts in (table, jnp.sum(table, axis=1), jnp.sum(table, axis=0)))
    expected = mine * theirs / _pairs(jnp.sum(table))
    most = (mine + theirs) / 2
    alike = most == expected
    return jnp.where(alike, 1.0, (together - expected) / jnp.where(alike, 1.0, most - expected))


def _table(labels: Int[Array, " num"], others: Int[Array, " num"], num_values: int | None) -> Float[Array, "a b"]:
    sizes = (num_values_of("labels", each, num_values) for each in (labels, others))
    return tables(labels[:, None], others[:, None], *sizes)[0, 0]


def _pairs(counts: Float[Array, "..."]) -> Scalar:
    return jnp.sum(counts * (counts - 1) / 2)
