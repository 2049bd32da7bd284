"""Convolutions of one image: functions to differentiate, map and export as any other, and fast on a CPU too."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.nets._conv_primitives import convolve_p, spread_p
from vaejax.nets._matmul import Window

Pair = int | tuple[int, int]
Padding = str | Sequence[tuple[int, int]]


def conv2d(
    x: Float[Array, "height width channels"],
    kernel: Float[Array, "kernel_height kernel_width channels features"],
    *,
    stride: Pair = 1,
    padding: Padding = "SAME",
    dilation: Pair = 1,
) -> Float[Array, "out_height out_width features"]:
    """y[o] = sum over taps of x[stride o + dilation tap - low] kernel[tap], as `jax.lax.conv_general_dilated`.

    padding: "SAME" (ceil(size / stride) outputs), "VALID", or a pair `(low, high)` for each of the two axes.

    On a CPU, memory for kernel_height * kernel_width * channels numbers per output is used.

    >>> conv2d(jnp.ones((5, 5, 1)), jnp.ones((3, 3, 1, 2)), stride=2)[..., 0].tolist()
    [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """
    x, kernel = _promoted(x, kernel)
    size, taps, strides, dilations = x.shape[:2], kernel.shape[:2], _pair(stride), _pair(dilation)
    spans = _spans(taps, dilations)
    pads = padding if not isinstance(padding, str) else jax.lax.padtype_to_pads(size, spans, strides, padding)
    out = tuple(int(n + sum(pad) - k) // s + 1 for n, pad, k, s in zip(size, pads, spans, strides, strict=True))
    window = Window(size, taps, strides, tuple(int(low) for low, _ in pads), dilations, out)
    _require_outputs(out, size, taps)
    return convolve_p.bind(x[None, None], kernel[None], window=window)[0, 0]


def conv2d_transpose(
    x: Float[Array, "height width channels"],
    kernel: Float[Array, "kernel_height kernel_width channels features"],
    *,
    stride: Pair = 1,
    padding: Padding = "SAME",
    dilation: Pair = 1,
) -> Float[Array, "out_height out_width features"]:
    """`conv2d` of x with stride - 1 zeros between its pixels, as `jax.lax.conv_transpose` and flax's ConvTranspose.

    padding: "SAME" (size * stride outputs), "VALID" (size * stride + max(span - stride, 0) outputs, for a kernel that
        spans `dilation * (taps - 1) + 1` pixels), or a pair of zeros to add at either end of each axis.

    >>> conv2d_transpose(jnp.ones((2, 2, 1)), jnp.ones((2, 2, 1, 3)), stride=2).shape
    (4, 4, 3)
    """
    x, kernel = _promoted(x, kernel)
    size, taps, strides, dilations = x.shape[:2], kernel.shape[:2], _pair(stride), _pair(dilation)
    spans = _spans(taps, dilations)
    pads = [_transpose_padding(k, s, padding) for k, s in zip(spans, strides, strict=True)]
    pads = pads if isinstance(padding, str) else padding
    out = tuple((n - 1) * s + 1 + sum(p) - k + 1 for n, s, p, k in zip(size, strides, pads, spans, strict=True))
    _require_outputs(out, size, taps)
    low = tuple(k - 1 - pad[0] for k, pad in zip(spans, pads, strict=True))
    window = Window(out, taps, strides, low, dilations, size)
    turned = jnp.swapaxes(kernel[::-1, ::-1], 2, 3)
    return spread_p.bind(x[None, None], turned[None], window=window)[0, 0]


def _promoted(x: Array, kernel: Array) -> tuple[Array, Array]:
    if x.ndim != 3 or kernel.ndim != 4 or x.shape[2] != kernel.shape[2]:
        raise VaejaxError(
            "expected one image [height, width, channels] and a kernel [height, width, channels, features], got arrays"
            f" of shapes {x.shape} and {kernel.shape}; map over a batch with jax.vmap"
        )
    dtype = jnp.result_type(x, kernel)
    return x.astype(dtype), kernel.astype(dtype)


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _spans(taps: tuple[int, ...], dilations: tuple[int, int]) -> tuple[int, ...]:
    return tuple(d * (k - 1) + 1 for k, d in zip(taps, dilations, strict=True))


def _transpose_padding(span: int, stride: int, padding: Padding) -> tuple[int, int]:
    """The zeros at either end after which SAME has size * stride outputs and VALID all that a pixel reaches."""
    if padding == "SAME":
        total = span + stride - 2
        low = span - 1 if stride > span - 1 else -(-total // 2)
        return low, total - low
    return span - 1, max(stride, span) - 1


def _require_outputs(out: tuple[int, ...], size: tuple[int, ...], taps: tuple[int, ...]) -> None:
    if min(out) < 1:
        raise VaejaxError(f"a kernel of {taps} with this padding leaves nothing of an image of {size}: got {out}")
