from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from vaejax.nets._mlp import mlp
from vaejax.types import Key, Net, NetBuilder, Params, Shape


def in_bfloat16(builder: NetBuilder | None = None) -> NetBuilder:
    """The network computed in bfloat16, 8 bits of precision: its weights and inputs are rounded, its output is a float.

    Parameters, gradients, the optimizer's state and every density stay float32; initial weights are the same.
    Error: after 1,000 steps on the digits the test bound of five seeds was -0.27 to +0.20 nats per image from that of
    float32, -103.51, with a mean of -0.09 (experiments/precision.py). A network that makes float32 of its inputs
    gains nothing. builder: `mlp()`.

    >>> net = in_bfloat16(mlp(16))((2, 3))
    >>> params = net.init(jax.random.key(0), jnp.ones(5), jnp.ones((2, 3)))
    >>> params["output"]["kernel"].dtype, net.apply(params, jnp.ones(5), None).dtype
    (dtype('float32'), dtype('float32'))
    """
    builder = builder or mlp()

    def build(shape: Shape) -> Net:
        net = builder(shape)

        def apply(params: Params, inputs: PyTree, key: Key | None) -> Array:
            return net.apply(_rounded(params), _rounded(inputs), key).astype(float)

        return net._replace(apply=apply)

    return build


def rematerialised(builder: NetBuilder | None = None) -> NetBuilder:
    """The network without memory: its inner values are computed again for the gradient instead of being kept.

    Error: none; after 1,000 steps on the digits the test bounds of five seeds did not differ at all
    (experiments/precision.py). Cost: the network's forward pass once more.
    What a loop keeps for its gradient (`jax.lax.map` over draws of z) shrinks to the inputs on every device: 20 draws
    of 6 examples through two nets of 6 layers of 32 took 44 kB on the CPU instead of 603. Outside of a loop XLA for
    the CPU undoes it, and memory stays as it was; micro-batches (`vj.trainer`) save there too. builder: `mlp()`.

    >>> net = rematerialised(mlp(16))((2, 3))
    >>> params = net.init(jax.random.key(0), jnp.ones(5), jnp.ones((2, 3)))
    >>> net.apply(params, jnp.ones(5), None).shape
    (2, 3)
    """
    builder = builder or mlp()

    def build(shape: Shape) -> Net:
        net = builder(shape)
        return net._replace(apply=jax.checkpoint(net.apply))

    return build


def _rounded(tree: Any) -> Any:
    """Floats become bfloat16; counts and flags stay."""
    return jax.tree.map(
        lambda leaf: leaf.astype(jnp.bfloat16) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating) else leaf, tree
    )
