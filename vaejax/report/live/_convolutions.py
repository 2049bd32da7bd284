"""Convolutions, forward and transposed, of one image with a known kernel: all of them are one operation.

Output o is the sum over taps of pixel `(stride o + dilation tap - low) / spread` times the kernel at that tap, where
that is a pixel: `spread` - 1 zeros lie between the pixels of a transposed convolution.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vaejax.report.live._moves import rearranged
from vaejax.report.live._tape import Made, NotLive, Tape, Value, written
from vaejax.types import Shape


def seen(how: dict[str, Any]) -> np.ndarray:
    """`[output, tap]` -> the pixel that it sees, or -1."""
    rows, columns = (_seen_along(how, axis) for axis in (0, 1))
    rows, columns = rows[:, None, :, None], columns[None, :, None, :]
    pixels = np.where((rows < 0) | (columns < 0), -1, rows * how["size"][1] + columns)
    return pixels.reshape(math.prod(how["out"]), math.prod(how["taps"]))


def _seen_along(how: dict[str, Any], axis: int) -> np.ndarray:
    output, tap = np.arange(how["out"][axis])[:, None], np.arange(how["taps"][axis])
    place = how["stride"][axis] * output + how["dilation"][axis] * tap - how["low"][axis]
    pixel, rest = np.divmod(place, how["spread"][axis])
    return np.where((rest == 0) & (pixel >= 0) & (pixel < how["size"][axis]), pixel, -1)


def _convolve(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    """Of `vaejax.nets`: images `[1, 1, height, width, channels]`."""
    image, kernel = inputs
    window = equation.params["window"]
    how = {"size": window.size, "out": window.out, "stride": window.stride, "spread": (1, 1), "low": window.low}
    return _ours(tape, image, kernel, {**how, "taps": window.kernel, "dilation": window.dilation}, window.out)


def _spread(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    """The transpose of the one above: the kernel turned around, with the pixels apart by its stride."""
    image, kernel = inputs
    window = equation.params["window"]
    low = [d * (k - 1) - at for d, k, at in zip(window.dilation, window.kernel, window.low, strict=True)]
    how = {"size": window.out, "out": window.size, "stride": (1, 1), "spread": window.stride, "low": low}
    turned = kernel if isinstance(kernel, Made) else np.swapaxes(np.asarray(kernel)[:, ::-1, ::-1], 3, 4)
    return _ours(tape, image, turned, {**how, "taps": window.kernel, "dilation": window.dilation}, window.size)


def _ours(tape: Tape, image: Value, kernel: Value, how: dict[str, Any], out: Shape) -> Value:
    if isinstance(kernel, Made) or kernel.shape[0] != 1 or image.shape[:2] != (1, 1):
        raise NotLive("a convolution with a kernel that depends on the latents, or of several images")
    made = _written(tape, image, np.asarray(kernel)[0], how)
    return Made(made.index, (1, 1, *out, kernel.shape[-1]))


def _general(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    """jax's own, on one or two axes, whatever the order of axes."""
    image, kernel = inputs
    params = equation.params
    x_axes, kernel_axes, out_axes = params["dimension_numbers"]
    num, out_shape = len(x_axes) - 2, equation.outvars[0].aval.shape
    if isinstance(kernel, Made) or image.shape[x_axes[0]] != 1 or num not in (1, 2):
        raise NotLive("a convolution with a kernel that depends on the latents, of several images, or of volumes")
    if params["feature_group_count"] != 1 or params["batch_group_count"] != 1:
        raise NotLive("a convolution in groups")
    flat = (1,) * (2 - num)  # a signal is an image of one row
    how = {
        "size": (*flat, *(image.shape[axis] for axis in x_axes[2:])),
        "out": (*flat, *(out_shape[axis] for axis in out_axes[2:])),
        "taps": (*flat, *(kernel.shape[axis] for axis in kernel_axes[2:])),
        "stride": (*flat, *params["window_strides"]),
        "spread": (*flat, *params["lhs_dilation"]),
        "dilation": (*flat, *params["rhs_dilation"]),
        "low": ((0,) * len(flat) + tuple(low for low, _ in params["padding"])),
    }
    order = (x_axes[0], *x_axes[2:], x_axes[1])
    last = rearranged(tape, image, order, (*how["size"], image.shape[x_axes[1]]))
    weights = np.transpose(np.asarray(kernel), (*kernel_axes[2:], kernel_axes[1], kernel_axes[0]))
    made = _written(tape, last, weights.reshape(*how["taps"], *weights.shape[-2:]), how)
    channels_last = (1, *(out_shape[axis] for axis in (*out_axes[2:], out_axes[1])))
    back = np.argsort([out_axes[0], *out_axes[2:], out_axes[1]]).tolist()
    return rearranged(tape, Made(made.index, channels_last), back, out_shape)


def _written(tape: Tape, image: Value, kernel: np.ndarray, how: dict[str, Any]) -> Made:
    channels, features = kernel.shape[-2:]
    numbers = {name: [int(number) for number in numbers] for name, numbers in how.items()}
    shape = (*how["out"], features)
    return written(tape, "conv", [image, kernel], shape, **numbers, channels=channels, features=features)


CONVOLUTIONS = {"convolve": _convolve, "spread": _spread, "conv_general_dilated": _general}
