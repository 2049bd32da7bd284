"""A convolution and its two gradients on a CPU: rows picked by a table, and one matrix product.

Arrays are `[group, batch, height, width, channels]` and kernels `[group, kernel_h, kernel_w, channels, features]`: the
members of a grid have kernels of their own and are a batch of matrix products; their examples are rows of one.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vaejax.types import Shape

Images = Float[Array, "group batch height width channels"]
Features = Float[Array, "group batch out_height out_width features"]
Kernel = Float[Array, "group kernel_height kernel_width channels features"]


class Window(NamedTuple):
    """How a kernel moves: output o sees pixel `stride * o + dilation * tap - low` at each tap; one pair per entry."""

    size: Shape
    kernel: Shape
    stride: Shape
    low: Shape
    dilation: Shape
    out: Shape


def convolved(x: Images, kernel: Kernel, window: Window) -> Features:
    """y[o] = sum over taps of x[stride o + dilation tap - low] kernel[tap]: the patches times the kernel."""
    rows = jnp.matmul(_patches(x, window), _flat(kernel))
    return rows.reshape(*x.shape[:2], *window.out, kernel.shape[-1])


def spread(y: Features, kernel: Kernel, window: Window) -> Images:
    """The transpose of `convolved` in x: what each output gives to each tap, summed at the pixel the tap saw."""
    rows = jnp.matmul(_rows(y), _flat(kernel).mT)
    num_given = math.prod(window.out) * math.prod(window.kernel)
    given = rows.reshape(*y.shape[:2], num_given, kernel.shape[-2])
    terms = [_picked(given, column) for column in _givers(window).T]
    return functools.reduce(jnp.add, terms).reshape(*y.shape[:2], *window.size, kernel.shape[-2])


def correlated(x: Images, y: Features, window: Window) -> Kernel:
    """The transpose of `convolved` in the kernel: patches times y, summed over the examples and pixels of a group."""
    rows, patches = _rows(y), _patches(x, window)
    # The CPU copies the first factor to transpose it, so that is the narrow one; left to itself the compiler swaps.
    narrow_first = rows.shape[-1] <= patches.shape[-1]
    first, second = (rows, patches) if narrow_first else (patches, rows)
    product = jax.lax.dot_general(first, second, (((1,), (1,)), ((0,), (0,))))
    kernel = jax.lax.optimization_barrier(product).mT if narrow_first else product
    return kernel.reshape(x.shape[0], *window.kernel, x.shape[-1], y.shape[-1])


def _patches(x: Images, window: Window) -> Float[Array, "group rows entries"]:
    """For each output the pixels that it sees, in the order of the kernel's entries; outside the image is zero."""
    group, batch, *size, channels = x.shape
    taken = _picked(x.reshape(group, batch, math.prod(size), channels), _seen(window))
    return taken.reshape(group, batch * math.prod(window.out), math.prod(window.kernel) * channels)


def _rows(y: Features) -> Float[Array, "group rows features"]:
    group, batch, *size, features = y.shape
    return y.reshape(group, batch * math.prod(size), features)


def _flat(kernel: Kernel) -> Float[Array, "group entries features"]:
    group, *entries, features = kernel.shape
    return kernel.reshape(group, math.prod(entries), features)


@jax.named_scope("patches")
def _picked(x: Float[Array, "group batch rows channels"], index: Int[np.ndarray, " picks"]) -> Array:
    """Rows of every example by one table; one past the last is a row of zeros.

    On a CPU this takes a fraction of the time that joining slices takes. The table is a small constant, so that the
    compiler sees when a gradient needs the patches that the value has made already.
    """
    outside = index == x.shape[2]
    taken = x.at[:, :, np.where(outside, 0, index)].get(mode="promise_in_bounds")
    return jnp.where(outside[:, None], 0.0, taken) if outside.any() else taken


@functools.cache
def _seen(window: Window) -> np.ndarray:
    """[output and tap] -> the pixel it sees, or the number of pixels where that is outside."""
    (h, w), at = window.size, [_positions(window, axis) for axis in (0, 1)]
    y, x = at[0][:, None, :, None], at[1][None, :, None, :]
    inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
    return np.where(inside, y * w + x, h * w).ravel()


@functools.cache
def _givers(window: Window) -> np.ndarray:
    """[pixel, giver] -> an output and tap that sees it; where there are fewer, the number of all of them."""
    seen = _seen(window)
    order = np.argsort(seen, kind="stable")
    counts = np.bincount(seen, minlength=window.size[0] * window.size[1] + 1)[:-1]
    givers = np.full((len(counts), max(counts.max(), 1)), len(seen))
    pixel = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(pixel)) - np.repeat(np.cumsum(counts) - counts, counts)
    givers[pixel, within] = order[: len(pixel)]
    return givers


def _positions(window: Window, axis: int) -> Int[np.ndarray, "out kernel"]:
    outputs, taps = np.arange(window.out[axis]), np.arange(window.kernel[axis])
    return window.stride[axis] * outputs[:, None] + window.dilation[axis] * taps - window.low[axis]
