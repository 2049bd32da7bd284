"""Convolution as three jax primitives, each linear in either operand and each the transpose of the others.

So every derivative, forward or reverse and of any order, is again one of them, and so is every `vmap`. On a CPU they
are matrix products (`_matmul`), on other platforms the platform's own convolutions.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array

from vaejax.nets._matmul import Features, Images, Kernel, Window, convolved, correlated, spread

Sizes = tuple[Any, ...]  # a batch of unknown length has a symbol here
Map = Callable[[Array, Array, Window], Array]


def _native(x: Images, kernel: Kernel, window: Window) -> Features:
    """`convolved` by the convolution of the platform."""
    spans = [d * (k - 1) + 1 for k, d in zip(window.kernel, window.dilation, strict=True)]
    ends = [(o - 1) * s + span for o, s, span in zip(window.out, window.stride, spans, strict=True)]
    pads = [(low, end - low - n) for low, end, n in zip(window.low, ends, window.size, strict=True)]

    def one(x: Array, kernel: Array) -> Array:
        return jax.lax.conv_general_dilated(
            x, kernel, window.stride, pads, rhs_dilation=window.dilation, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    return one(x[0], kernel[0])[None] if x.shape[0] == 1 else jax.vmap(one)(x, kernel)


def _native_spread(y: Features, kernel: Kernel, window: Window) -> Images:
    x = jax.ShapeDtypeStruct(_spread_shape(y.shape, kernel.shape, window), y.dtype)
    return jax.linear_transpose(lambda x: _native(x, kernel, window), x)(y)[0]


def _native_correlated(x: Images, y: Features, window: Window) -> Kernel:
    kernel = jax.ShapeDtypeStruct(_correlated_shape(x.shape, y.shape, window), y.dtype)
    return jax.linear_transpose(lambda kernel: _native(x, kernel, window), kernel)(y)[0]


def _convolved_shape(x: Sizes, kernel: Sizes, window: Window) -> Sizes:
    return (*x[:2], *window.out, kernel[-1])


def _spread_shape(y: Sizes, kernel: Sizes, window: Window) -> Sizes:
    return (*y[:2], *window.size, kernel[-2])


def _correlated_shape(x: Sizes, y: Sizes, window: Window) -> Sizes:
    return (x[0], *window.kernel, x[-1], y[-1])


def _primitive(name: str, on_cpu: Map, elsewhere: Map, shape: Callable[[Sizes, Sizes, Window], Sizes]) -> Primitive:
    """A function of two arrays and a window that stays whole until it is compiled, for one platform or for several."""

    def now(a: Array, b: Array, *, window: Window) -> Array:
        return (on_cpu if jax.default_backend() == "cpu" else elsewhere)(a, b, window)

    def lowering(function: Map) -> Any:
        return mlir.lower_fun(lambda a, b, *, window: function(a, b, window), multiple_results=False)

    primitive = Primitive(name)
    primitive.def_impl(now)
    primitive.def_abstract_eval(lambda a, b, *, window: ShapedArray(shape(a.shape, b.shape, window), a.dtype))
    mlir.register_lowering(primitive, lowering(elsewhere))
    mlir.register_lowering(primitive, lowering(on_cpu), platform="cpu")
    batching.primitive_batchers[primitive] = functools.partial(_mapped, primitive)
    return primitive


def _mapped(primitive: Primitive, operands: Any, axes: Any, *, window: Window) -> tuple[Array, int]:
    """Examples that share a kernel are a longer batch of it; where kernels differ, in or out, there are more groups."""
    num = next(a.shape[axis] for a, axis in zip(operands, axes, strict=True) if axis is not None)
    if axes[1] is None and primitive is not correlate_p:
        examples, kernel = jnp.moveaxis(operands[0], axes[0], 1), operands[1]
        group, _, batch, *rest = examples.shape
        found = primitive.bind(examples.reshape(group, num * batch, *rest), kernel, window=window)
        return found.reshape(group, num, batch, *found.shape[2:]), 1
    a, b = (_grouped(array, axis, num) for array, axis in zip(operands, axes, strict=True))
    found = primitive.bind(a, b, window=window)
    return found.reshape(num, found.shape[0] // num, *found.shape[1:]), 0


def _grouped(array: Array, axis: int | None, num: Any) -> Array:
    """[num * group, ...], the same for all where it was not mapped."""
    mapped = jnp.broadcast_to(array, (num, *array.shape)) if axis is None else jnp.moveaxis(array, axis, 0)
    return mapped.reshape(num * mapped.shape[1], *mapped.shape[2:])


convolve_p = _primitive("convolve", convolved, _native, _convolved_shape)
spread_p = _primitive("spread", spread, _native_spread, _spread_shape)
correlate_p = _primitive("correlate", correlated, _native_correlated, _correlated_shape)

# of each, its transpose in the first operand and in the second
ad.defbilinear(
    convolve_p,
    lambda ct, _, kernel, *, window: spread_p.bind(ct, kernel, window=window),
    lambda ct, x, _, *, window: correlate_p.bind(x, ct, window=window),
)
ad.defbilinear(
    spread_p,
    lambda ct, _, kernel, *, window: convolve_p.bind(ct, kernel, window=window),
    lambda ct, y, _, *, window: correlate_p.bind(ct, y, window=window),
)
ad.defbilinear(
    correlate_p,
    lambda ct, _, y, *, window: spread_p.bind(y, ct, window=window),
    lambda ct, x, _, *, window: convolve_p.bind(x, ct, window=window),
)
