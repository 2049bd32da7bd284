from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, PyTree

from vaejax.nets._mlp import mlp
from vaejax.types import Key, Net, NetBuilder, Params, Shape


def log_counts(x: Array, context: PyTree) -> tuple[Array, PyTree]:
    """What an encoder of counts sees: log(1 + x), and the context."""
    return jnp.log1p(x), context


def viewed(builder: NetBuilder | None = None, see: Callable[..., Any] = log_counts) -> NetBuilder:
    """A network that sees `see(*inputs)`: what the likelihood explains and what the encoder reads may be scaled apart.

    An encoder's inputs are `(x, context)`, a decoder's `(context, z)`. By default an encoder of counts, on a log scale;
    `viewed(net, lambda x, context: (jnp.log1p(x), None))` hides the context too. What is zero must stay zero where
    latents may be out of use. builder: `mlp()`.

    >>> import jax
    >>> net = viewed(mlp(8))((2, 3))
    >>> inputs = (jnp.full(5, 1e9), None)
    >>> bool(jnp.abs(net.apply(net.init(jax.random.key(0), inputs, jnp.ones((2, 3))), inputs, None)).max() < 100)
    True
    """
    builder = builder or mlp()

    def build(shape: Shape) -> Net:
        net = builder(shape)

        def init(key: Key, inputs: PyTree, outputs: Array) -> Params:
            return net.init(key, see(*inputs), outputs)

        def apply(params: Params, inputs: PyTree, key: Key | None) -> Array:
            return net.apply(params, see(*inputs), key)

        return net._replace(init=init, apply=apply)

    return build
