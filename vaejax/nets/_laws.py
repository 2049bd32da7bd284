"""How weights start, as a function of the fans. The names are those of `jax.nn.initializers`."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.types import Key, Number, Shape

CUT_AT_TWO = 0.8796256610342398  # standard deviation of N(0, 1) given that it lies in [-2, 2]


class Law(NamedTuple):
    """Independent weights `std(fan_in, fan_out) * draw(key, shape, dtype)`.

    draw: of variance one. std: of traced fans, which count the inputs and outputs in use.
    """

    draw: Callable[[Key, Shape, Any], Array]
    std: Callable[[Number, Number], Number]


def lecun_normal() -> Law:
    """Variance 1 / fan_in, a normal cut at two standard deviations: dense layers of linen and NNX.

    LeCun et al. (1998), Efficient BackProp.

    >>> float(lecun_normal().std(4.0, 9.0))
    0.5
    """
    return Law(_cut_normal, _over_fan_in(1.0))


def lecun_uniform() -> Law:
    """Variance 1 / fan_in, uniform. LeCun et al. (1998), Efficient BackProp.

    >>> float(lecun_uniform().std(4.0, 9.0))
    0.5
    """
    return Law(_uniform, _over_fan_in(1.0))


def he_normal() -> Law:
    """Variance 2 / fan_in, a normal cut at two standard deviations. He et al. (2015), arXiv:1502.01852.

    >>> float(he_normal().std(8.0, 9.0))
    0.5
    """
    return Law(_cut_normal, _over_fan_in(2.0))


def he_uniform() -> Law:
    """Variance 2 / fan_in, uniform. He et al. (2015), arXiv:1502.01852.

    >>> float(he_uniform().std(8.0, 9.0))
    0.5
    """
    return Law(_uniform, _over_fan_in(2.0))


def glorot_normal() -> Law:
    """Variance 2 / (fan_in + fan_out), a normal cut at two standard deviations.

    Glorot and Bengio (2010), AISTATS.

    >>> float(glorot_normal().std(3.0, 5.0))
    0.5
    """
    return Law(_cut_normal, _over_both_fans)


def glorot_uniform() -> Law:
    """Variance 2 / (fan_in + fan_out), uniform. Glorot and Bengio (2010), AISTATS.

    >>> float(glorot_uniform().std(3.0, 5.0))
    0.5
    """
    return Law(_uniform, _over_both_fans)


def fan_in_uniform() -> Law:
    """U(-1, 1) / sqrt(fan_in): linear layers of Equinox and PyTorch, their biases included.

    >>> round(float(fan_in_uniform().std(4.0, 9.0)) * math.sqrt(3), 4)  # the largest weight
    0.5
    """
    return Law(_uniform, _over_fan_in(1 / 3))


def _over_fan_in(scale: float) -> Callable[[Number, Number], Number]:
    return lambda fan_in, fan_out: jnp.sqrt(scale / fan_in)


def _over_both_fans(fan_in: Number, fan_out: Number) -> Number:
    return jnp.sqrt(2.0 / (fan_in + fan_out))


def _cut_normal(key: Key, shape: Shape, dtype: Any) -> Array:
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype) / CUT_AT_TWO


def _uniform(key: Key, shape: Shape, dtype: Any) -> Array:
    return jax.random.uniform(key, shape, dtype, -math.sqrt(3), math.sqrt(3))
