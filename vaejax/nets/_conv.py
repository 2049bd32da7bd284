from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from vaejax.errors import VaejaxError
from vaejax.nets._conv_layers import Each, first_weights, layers_of, sizes_through, with_channels
from vaejax.nets._dropout import dropout as dropping
from vaejax.nets._dropout import require_rate
from vaejax.nets._mlp import features_of
from vaejax.types import Key, Net, NetBuilder, Number, Params, Shape

Activation = Callable[[Array], Array]


def conv(
    *channels: int,
    kernel: Each = 4,
    stride: Each = 2,
    padding: str = "SAME",
    activation: Activation = jax.nn.gelu,
    hidden: Sequence[int] = (),
    dropout: Number = 0.0,
) -> NetBuilder:
    """Convolutions with these channels (32 and 64 where none are named), dense layers of widths `hidden`, a linear one.

    Sees `(x, context)`: an image `[height, width]` or `[height, width, channels]` of any size, and any context, which
    the first dense layer sees. kernel, stride: a number, or a list with a number or a pair `(height, width)` for each
    layer. Weights start as draws of N(0, 1/fan-in), those of dense layers as in `mlp`; biases at zero.
    dropout: after each layer but the last, as in `mlp`.

    Raises: NetworkError, in `init`, where x is no image or is too small for so many layers.

    >>> net = conv(4, 8)((2, 3))
    >>> params = net.init(jax.random.key(0), (jnp.ones((7, 9)), None), jnp.ones((2, 3)))
    >>> params["conv_1"]["kernel"].shape, params["output"]["kernel"].shape
    ((4, 4, 4, 8), (48, 2, 3))
    """
    layers, widths = layers_of(channels or (32, 64), kernel, stride), features_of(hidden, activation)
    require_rate(dropout)
    if padding not in ("SAME", "VALID"):
        raise VaejaxError(f'padding must be "SAME" or "VALID", got {padding!r}')

    def build(out_shape: Shape) -> Net:
        from vaejax.nets import _conv2d
        from vaejax.nets._dense import DenseStack  # flax, when a network is first built

        head = DenseStack(widths, out_shape, activation)

        def init(key: Key, inputs: PyTree, outputs: Array) -> Params:
            x, context = inputs
            *size, num_in = with_channels(x.shape, "what a convolutional encoder sees")
            keys = jax.random.split(key, len(layers) + 1)
            ins = [num_in, *(layer.channels for layer in layers)]
            params = {
                f"conv_{index}": first_weights(keys[index], layer.kernel, ins[index], layer.channels)
                for index, layer in enumerate(layers)
            }
            seen = jnp.ones((*sizes_through(tuple(size), layers, padding)[-1], ins[-1]))
            return {**params, **head.init(keys[-1], (seen, context), outputs)["params"]}

        def apply(params: Params, inputs: PyTree, key: Key | None) -> Array:
            x, context = inputs
            h = x.reshape(with_channels(x.shape, "what a convolutional encoder sees"))
            h = h if jnp.issubdtype(h.dtype, jnp.floating) else h.astype(float)
            drop = dropping(dropout, key)
            for index, layer in enumerate(layers):
                kernel, bias = params[f"conv_{index}"]["kernel"], params[f"conv_{index}"]["bias"]
                h = activation(_conv2d.conv2d(h, kernel, stride=layer.stride, padding=padding) + bias[None, None])
                h = drop(len(widths) + index, h)
            return jnp.asarray(head.apply({"params": params}, (h, context), drop=drop))

        return Net(init, apply)

    return build


def deconv(
    *channels: int,
    kernel: Each = 4,
    stride: Each = 2,
    activation: Activation = jax.nn.gelu,
    hidden: Sequence[int] = (),
    dropout: Number = 0.0,
) -> NetBuilder:
    """Dense layers of widths `hidden` and one to a small image, then transposed convolutions up to `[height, width]`.

    channels: those that each transposed convolution sees, 64 and 32 where none are named; the first are those of the
    small image. The last layer is linear. Images of any size: what a layer makes beyond the size it should is cut off
    on the right and at the bottom. Other settings and initial weights are as in `conv`; inputs are flattened and
    joined, and those of the dense layers that are zero count for no fan-in.

    Raises: NetworkError where the output is no image or is too small for so many layers.

    >>> net = deconv(8, 4)((2, 7, 9, 3))
    >>> params = net.init(jax.random.key(0), (None, jnp.ones(5)), jnp.ones((2, 7, 9, 3)))
    >>> params["hidden_0"]["kernel"].shape, net.apply(params, (None, jnp.ones(5)), None).shape
    ((5, 2, 3, 8), (2, 7, 9, 3))
    """
    layers, widths = layers_of(channels or (64, 32), kernel, stride), features_of(hidden, activation)
    require_rate(dropout)

    def build(out_shape: Shape) -> Net:
        from vaejax.nets import _conv2d
        from vaejax.nets._dense import DenseStack  # flax, when a network is first built

        num_stats, *shape = out_shape
        *size, num_out = with_channels(tuple(shape), "what a convolutional decoder makes")
        smallest, *sizes = reversed(sizes_through(tuple(size), layers[::-1]))
        names = [*(f"deconv_{index}" for index in range(len(layers) - 1)), "output"]
        outs = [*(layer.channels for layer in layers[1:]), num_stats * num_out]
        stem = DenseStack((*widths, (*smallest, layers[0].channels)), None, activation)

        def init(key: Key, inputs: PyTree, outputs: Array) -> Params:
            keys = jax.random.split(key, len(layers) + 1)
            params = {
                name: first_weights(key, layer.kernel, layer.channels, out, layer.stride)
                for name, key, layer, out in zip(names, keys[1:], layers, outs, strict=True)
            }
            return {**params, **stem.init(keys[0], inputs)["params"]}

        def apply(params: Params, inputs: PyTree, key: Key | None) -> Array:
            drop = dropping(dropout, key)
            h = jnp.asarray(stem.apply({"params": params}, inputs, drop=drop))
            num_dense = len(widths) + 1
            for index, (name, layer, (height, width)) in enumerate(zip(names, layers, sizes, strict=True), num_dense):
                h = _conv2d.conv2d_transpose(h, params[name]["kernel"], stride=layer.stride)[:height, :width]
                h = h + params[name]["bias"][None, None]
                h = h if name == "output" else drop(index, activation(h))
            return jnp.moveaxis(h.reshape(*size, num_stats, num_out), 2, 0).reshape(out_shape)

        return Net(init, apply)

    return build
