"""What convolutional layers are: their settings, their sizes and their first weights."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaejax.errors import NetworkError, VaejaxError
from vaejax.numerics import require_count
from vaejax.types import Key, Params, Shape

Each = int | Sequence[int | tuple[int, int]]  # for every layer, or one for each; a pair is for the two axes


class Layer(NamedTuple):
    """channels: on the side of the latents; on the side of the image there are those of the layer beyond it."""

    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]


def layers_of(channels: Sequence[int], kernel: Each, stride: Each) -> list[Layer]:
    """The settings of every layer, from those given once or one by one."""
    counts = [require_count("the number of channels of a layer", number) for number in channels]
    each = zip(_one_each("kernel", kernel, len(counts)), _one_each("stride", stride, len(counts)), strict=True)
    return [Layer(count, *settings) for count, settings in zip(counts, each, strict=True)]


def first_weights(key: Key, taps: Shape, num_in: int, num_out: int, stride: Shape = (1, 1)) -> Params:
    """Draws of N(0, 1/fan-in) and biases of zero; with stride - 1 zeros between pixels fewer of them meet in one."""
    fan_in = num_in * math.prod(max(k / s, 1) for k, s in zip(taps, stride, strict=True))
    draws = jax.random.normal(key, (*taps, num_in, num_out), float)
    return {"kernel": draws / math.sqrt(fan_in), "bias": jnp.zeros(num_out)}


def sizes_through(size: Shape, layers: Sequence[Layer], padding: str = "SAME") -> list[Shape]:
    """Sizes of an image before the first layer, between layers, and after the last.

    Raises: NetworkError where there is nothing left for a layer to do.
    """
    sizes = [size]
    for index, layer in enumerate(layers):
        size = sizes[-1]
        same = padding == "SAME"
        if any(n == 1 < s or (not same and n < k) for n, k, s in zip(size, layer.kernel, layer.stride, strict=True)):
            raise NetworkError(
                f"layer {index + 1} of {len(layers)}, with a kernel of {layer.kernel} and a stride of {layer.stride}, "
                f"would see {size} of the image's {sizes[0]} pixels: use fewer layers or smaller strides"
            )
        spare = (0, 0) if same else tuple(k - 1 for k in layer.kernel)
        sizes.append(tuple(-(-(n - k) // s) for n, k, s in zip(size, spare, layer.stride, strict=True)))
    return sizes


def with_channels(shape: Shape, what: str) -> tuple[int, int, int]:
    """[height, width, channels] of an image that may lack its last axis.

    Raises: NetworkError.
    """
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise NetworkError(
            f"{what} must be an image [height, width] or [height, width, channels], got the shape {shape}: "
            "for other data use vj.nets.mlp"
        )
    height, width, channels = (*shape, 1)[:3]
    return height, width, channels


def _one_each(name: str, value: Any, num: int) -> list[tuple[int, int]]:
    values = list(value) if isinstance(value, Sequence) else [value] * num
    if len(values) != num:
        raise VaejaxError(f"{name} must be one number, or one for each of the {num} layers, got {value!r}")
    return [_pair(name, entry) for entry in values]


def _pair(name: str, value: Any) -> tuple[int, int]:
    height, width = value if isinstance(value, Sequence) and len(value) == 2 else (value, value)
    return require_count(f"a {name}", height), require_count(f"a {name}", width)
