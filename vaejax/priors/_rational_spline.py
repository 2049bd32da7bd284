"""Monotone splines of rational quadratics on [-bound, bound], and the identity beyond: one number, one spline."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from vaejax.types import Number, Scalar

LEAST = 1e-3  # of all widths together, and of all heights, shared out alike; and of the slope at a knot
AT_REST = math.log(math.expm1(1 - LEAST))  # so that zeros are the identity


class Bin(NamedTuple):
    """Where a number lies: the lower knot of its bin, its size, and the slopes at both ends."""

    x: Scalar
    y: Scalar
    width: Scalar
    height: Scalar
    low: Scalar
    high: Scalar


def forward(x: Scalar, raw: Float[Array, " numbers"], bound: Number) -> tuple[Scalar, Scalar]:
    """y and log dy/dx, of 3 K - 1 numbers for K bins: widths, heights, and the slopes between.

    >>> forward(jnp.array(0.7), jnp.zeros(11), 3.0)[0].item().__round__(6)
    0.7
    """
    inside = jnp.abs(x) < bound
    held = jnp.where(inside, x, 0.0)
    at = _bin(held, raw, bound, by_height=False)
    part = jnp.clip((held - at.x) / at.width, 0.0, 1.0)
    slope, under = _parts(at, part)
    y = at.y + at.height * (slope * part**2 + at.low * part * (1 - part)) / under
    return _or_itself(inside, y, x, _log_slope(at, part, slope, under))


def backward(y: Scalar, raw: Float[Array, " numbers"], bound: Number) -> tuple[Scalar, Scalar]:
    """x and log dy/dx there.

    >>> backward(jnp.array(0.7), jnp.zeros(11), 3.0)[0].item().__round__(6)
    0.7
    """
    inside = jnp.abs(y) < bound
    held = jnp.where(inside, y, 0.0)
    at = _bin(held, raw, bound, by_height=True)
    slope = at.height / at.width
    risen = jnp.clip((held - at.y) / at.height, 0.0, 1.0)
    both = at.low + at.high - 2 * slope
    a, b, c = slope - at.low + risen * both, at.low - risen * both, slope * risen  # a t^2 + b t = c
    part = jnp.clip(2 * c / (b + jnp.sqrt(jnp.maximum(b**2 + 4 * a * c, 0.0))), 0.0, 1.0)
    slope, under = _parts(at, part)
    return _or_itself(inside, at.x + at.width * part, y, _log_slope(at, part, slope, under))


def _bin(number: Scalar, raw: Float[Array, " numbers"], bound: Number, *, by_height: bool) -> Bin:
    num = (len(raw) + 1) // 3
    widths, heights = (2 * bound * _shares(part) for part in (raw[:num], raw[num : 2 * num]))
    slopes = jnp.pad(LEAST + jax.nn.softplus(raw[2 * num :] + AT_REST), 1, constant_values=1.0)
    knots_x, knots_y = _knots(widths, bound), _knots(heights, bound)
    index = jnp.sum((knots_y if by_height else knots_x)[1:] <= number)
    return Bin(knots_x[index], knots_y[index], widths[index], heights[index], slopes[index], slopes[index + 1])


def _shares(raw: Float[Array, " bins"]) -> Float[Array, " bins"]:
    return LEAST / len(raw) + (1 - LEAST) * jax.nn.softmax(raw)


def _knots(sizes: Float[Array, " bins"], bound: Number) -> Float[Array, " bins"]:
    """The lower end of every bin."""
    return jnp.concatenate([jnp.zeros(1, sizes.dtype), jnp.cumsum(sizes)[:-1]]) - bound


def _parts(at: Bin, part: Scalar) -> tuple[Scalar, Scalar]:
    slope = at.height / at.width
    return slope, slope + (at.low + at.high - 2 * slope) * part * (1 - part)


def _log_slope(at: Bin, part: Scalar, slope: Scalar, under: Scalar) -> Scalar:
    above = at.high * part**2 + 2 * slope * part * (1 - part) + at.low * (1 - part) ** 2
    return 2 * jnp.log(slope) + jnp.log(above) - 2 * jnp.log(under)


def _or_itself(inside: Bool[Array, ""], moved: Scalar, itself: Scalar, log_slope: Scalar) -> tuple[Scalar, Scalar]:
    return jnp.where(inside, moved, itself), jnp.where(inside, log_slope, 0.0)
