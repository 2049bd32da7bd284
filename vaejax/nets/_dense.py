"""A stack of dense layers in linen. Its initial weights do not depend on how many of its units are out of use."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, PyTree

from vaejax.types import Key, Shape


class DenseStack(nn.Module):
    """`features`: the shape of each hidden layer before its activation. `out_shape`: of a linear layer at the end."""

    features: tuple[Shape, ...]
    out_shape: Shape | None
    activation: Callable[[Array], Array]

    @nn.compact
    def __call__(
        self, inputs: PyTree, outputs: Array | None = None, drop: Callable[[int, Array], Array] | None = None
    ) -> Array:
        """`outputs` is looked at in `init` only: zero where an output is not in use. `drop` is of (layer, h)."""
        h = jnp.concatenate([_floats(leaf) for leaf in jax.tree.leaves(inputs)])
        in_use = h != 0
        for index, shape in enumerate(self.features):
            h = self.activation(_dense(f"hidden_{index}", shape, in_use, jnp.ones(shape))(h))
            h = h if drop is None else drop(index, h)
            in_use = jnp.ones(h.shape, bool)
        if self.out_shape is None:
            return h
        return _dense("output", self.out_shape, in_use, jnp.ones(self.out_shape) if outputs is None else outputs)(h)


def _floats(leaf: Array) -> Array:
    """Flat; floats stay what they are, bfloat16 included."""
    flat = jnp.ravel(leaf)
    return flat if jnp.issubdtype(flat.dtype, jnp.floating) else flat.astype(float)


def _dense(name: str, shape: Shape, in_use: Array, outputs: Array) -> nn.DenseGeneral:
    def kernel(key: Key, flat_shape: Shape, dtype: Any) -> Array:
        fan_in = jnp.maximum(jnp.sum(in_use), 1)
        rows = jnp.where(in_use.reshape(-1, *[1] * len(shape)), _draws(key, len(in_use), shape, dtype), 0.0)
        return (rows * outputs[None] / jnp.sqrt(fan_in)).reshape(flat_shape).astype(dtype)

    return nn.DenseGeneral(shape, kernel_init=kernel, param_dtype=jnp.zeros(()).dtype, name=name)


def _draws(key: Key, num_inputs: int, shape: Shape, dtype: Any) -> Array:
    """N(0, 1) for [input, *shape]. More inputs, or more entries on the second axis of a [num_stats, latent] output,
    do not change the draws that were there: a key for each input, and the latent axis first within its row."""
    event_first = (*shape[1:], shape[0])
    rows = jax.vmap(lambda row_key: jax.random.normal(row_key, event_first, dtype))(jax.random.split(key, num_inputs))
    return jnp.moveaxis(rows, -1, 1)
