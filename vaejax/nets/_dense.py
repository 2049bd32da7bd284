"""A stack of dense layers in linen. Its initial weights do not depend on how many of its units are out of use."""

import math
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
            h = self.activation(Dense(shape, in_use, jnp.ones(shape), name=f"hidden_{index}")(h))
            h = h if drop is None else drop(index, h)
            in_use = jnp.ones(h.shape, bool)
        if self.out_shape is None:
            return h
        used = jnp.ones(self.out_shape) if outputs is None else outputs
        return Dense(self.out_shape, in_use, used, name="output")(h)


def _floats(leaf: Array) -> Array:
    """Flat; floats stay what they are, bfloat16 included."""
    flat = jnp.ravel(leaf)
    return flat if jnp.issubdtype(flat.dtype, jnp.floating) else flat.astype(float)


class Dense(nn.Module):
    """An affine map from a vector to an array of any shape, whose axes the kernel `[input, *shape]` has too."""

    shape: Shape
    in_use: Array
    outputs: Array

    @nn.compact
    def __call__(self, h: Array) -> Array:
        """As one flat product: the gradient of a product with more axes comes in another order, slow to read."""
        dtype = jnp.zeros(()).dtype
        kernel = self.param("kernel", self._first, (len(h), *self.shape), dtype)
        bias = self.param("bias", nn.initializers.zeros, self.shape, dtype)
        return (h @ kernel.reshape(len(h), math.prod(self.shape))).reshape(self.shape) + bias

    def _first(self, key: Key, shape: Shape, dtype: Any) -> Array:
        fan_in = jnp.maximum(jnp.sum(self.in_use), 1)
        in_use = self.in_use.reshape(-1, *[1] * len(self.shape))
        rows = jnp.where(in_use, _draws(key, len(self.in_use), self.shape, dtype), 0.0)
        return (rows * self.outputs[None] / jnp.sqrt(fan_in)).astype(dtype)


def _draws(key: Key, num_inputs: int, shape: Shape, dtype: Any) -> Array:
    """N(0, 1) for [input, *shape]. More inputs, or more entries on the second axis of a [num_stats, latent] output,
    do not change the draws that were there: a key for each input, and the latent axis first within its row."""
    event_first = (*shape[1:], shape[0])
    rows = jax.vmap(lambda row_key: jax.random.normal(row_key, event_first, dtype))(jax.random.split(key, num_inputs))
    return jnp.moveaxis(rows, -1, 1)
