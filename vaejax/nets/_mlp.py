from collections.abc import Callable, Sequence
from typing import Any

import jax
from jaxtyping import Array, PyTree

from vaejax.errors import VaejaxError
from vaejax.nets._dropout import dropout as dropping
from vaejax.nets._dropout import require_rate
from vaejax.numerics import require_count
from vaejax.types import Key, Net, NetBuilder, Number, Params, Shape


def mlp(*widths: Number, activation: Callable[[Array], Array] = jax.nn.gelu, dropout: Number = 0.0) -> NetBuilder:
    """Dense layers of these widths, then a linear one. Inputs are flattened and joined; `None` is absent.

    Weights start as draws of N(0, 1/fan-in) per pair of units, the fan-in counting the inputs in use; biases at zero.
    So a net on 2 of 5 latents starts as the net on 2 latents.

    dropout: the part of every hidden layer that is zero in training, the rest scaled up to the same mean; it may be
    traced. Examples in training have a key, those in evaluation have none. Srivastava et al. (2014), JMLR 15.

    >>> import jax.numpy as jnp
    >>> net = mlp(16)((2, 3))
    >>> params = net.init(jax.random.key(0), jnp.ones(5), jnp.ones((2, 3)))
    >>> net.apply(params, jnp.ones(5), None).shape
    (2, 3)
    """
    return _stack(features_of(widths, activation), activation, dropout)


def gated_mlp(*widths: Number, dropout: Number = 0.0) -> NetBuilder:
    """Gated dense layers, (Wh + b) * sigmoid(Vh + c), of these widths, then a linear one; otherwise as `mlp`.

    Dauphin et al. (2017), arXiv:1612.08083; the network behind many published likelihoods of VAEs.

    >>> import jax.numpy as jnp
    >>> params = gated_mlp(16)((2, 3)).init(jax.random.key(0), jnp.ones(5), jnp.ones((2, 3)))
    >>> params["hidden_0"]["kernel"].shape
    (5, 2, 16)
    """
    return _stack(features_of(widths, _gate, (2,)), _gate, dropout)


def features_of(widths: Sequence[Number], activation: Any, copies: Shape = ()) -> tuple[Shape, ...]:
    """The shape of each dense layer, so many copies of its units; refused where a width or the activation is none."""
    if not callable(activation):
        raise VaejaxError(f"activation must be a function like jax.nn.gelu, got {activation!r}")
    return tuple((*copies, require_count("the width of a layer", width)) for width in widths)


def _gate(h: Array) -> Array:
    return h[0] * jax.nn.sigmoid(h[1])


def _stack(features: tuple[Shape, ...], activation: Callable[[Array], Array], dropout: Number) -> NetBuilder:
    require_rate(dropout)

    def build(out_shape: Shape) -> Net:
        from vaejax.nets._dense import DenseStack  # flax, when a network is first built

        module = DenseStack(features, out_shape, activation)

        def init(key: Key, inputs: PyTree, outputs: Array) -> Params:
            return module.init(key, inputs, outputs)["params"]

        def apply(params: Params, inputs: PyTree, key: Key | None) -> Array:
            output: Any = module.apply({"params": params}, inputs, drop=dropping(dropout, key))
            return output

        return Net(init, apply)

    return build
