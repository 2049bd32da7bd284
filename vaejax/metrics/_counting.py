"""Integers counted in tables of a known size, and the information in such tables, in nats."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vaejax.errors import VaejaxError
from vaejax.numerics import concrete, require_count
from vaejax.types import Number, Scalar


def num_values_of(name: str, values: Int[Array, "..."], num_values: Number | None, argument: str = "num_values") -> int:
    """How many values 0, 1, ... there are room for: what was said in an argument, else one more than the largest.

    Raises: VaejaxError where values are known and out of range, or neither they nor their number are.
    """
    known = concrete(values)
    if known is None and num_values is None:
        raise VaejaxError(f"inside jit the number of values of {name} is not known: say {argument}")
    size = int(known.max(initial=0)) + 1 if num_values is None else require_count(argument, num_values)
    if known is not None and known.size and (known.min() < 0 or known.max() >= size):
        raise VaejaxError(
            f"{name} must be integers from 0 to {size - 1} ({argument} - 1), got {known.min()} to {known.max()}"
        )
    return size


def tables(
    rows: Int[Array, "num row"], columns: Int[Array, "num column"], num_row_values: int, num_column_values: int
) -> Float[Array, "row column row_value column_value"]:
    """How often each value of each of `rows` came with each value of each of `columns`: exact to 2^24 in float32."""
    num_columns = columns.shape[1]
    first = jnp.arange(num_columns) * num_row_values * num_column_values  # of each table

    def of_row(row: Int[Array, " num"]) -> Float[Array, "column row_value column_value"]:
        places = first[None] + row[:, None] * num_column_values + columns
        counts = jnp.zeros(num_columns * num_row_values * num_column_values).at[places.reshape(-1)].add(1.0)
        return counts.reshape(num_columns, num_row_values, num_column_values)

    return jax.lax.map(of_row, rows.T)


def entropy(counts: Float[Array, " value"]) -> Scalar:
    """-sum p log p, of the shares of the counts."""
    p = counts / jnp.sum(counts)
    return -jnp.sum(p * jnp.log(jnp.where(p > 0, p, 1.0)))


def information(table: Float[Array, "value other_value"]) -> Scalar:
    """sum p(a, b) log p(a, b) / (p(a) p(b)); 0 where one side has a single value."""
    p = table / jnp.sum(table)
    apart = jnp.sum(p, axis=1, keepdims=True) * jnp.sum(p, axis=0, keepdims=True)
    ratio = jnp.where(p > 0, p / jnp.where(apart > 0, apart, 1.0), 1.0)
    return jnp.maximum(jnp.sum(p * jnp.log(ratio)), 0.0)


def varies(columns: Float[Array, "num column"] | Int[Array, "num column"]) -> Bool[Array, " column"]:
    """Whether a column has more than one value; one that has not counts in no measure, as a latent out of use."""
    return jnp.max(columns, axis=0) > jnp.min(columns, axis=0)


def mean_where(values: Float[Array, " number"], counted: Bool[Array, " number"]) -> Scalar:
    """The mean over those that count; 0 where none does."""
    return jnp.sum(jnp.where(counted, values, 0.0)) / jnp.maximum(jnp.sum(counted), 1)
