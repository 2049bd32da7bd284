from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import REALS, UNIT_INTERVAL, levels_of
from vaejax.types import Key, Support

from ._types import Data


class View(NamedTuple):
    """How `x` is made of one raw example, where it then lies, and both in words: three that must not drift apart."""

    view: Callable[[Key, Array], Array]
    support: Support
    preparation: str


def seen_through(data: Data, view: View) -> Data:
    """The data seen through another view."""
    return data._replace(view=view.view, support=view.support, preparation=view.preparation)


@cache
def scaled(levels: int) -> View:
    """x = v / (levels - 1), for a mass function on as many levels. Uses no randomness.

    >>> scaled(17).view(jax.random.key(0), jnp.array([0, 4, 16], jnp.uint8)).tolist()
    [0.0, 0.25, 1.0]
    """

    def view(key: Key, raw: Array) -> Array:
        return _unit(raw, levels)

    return View(view, levels_of(levels), _word(levels))


@cache
def dequantised(levels: int) -> View:
    """x = (v + u) / levels, u uniform on [0, 1), drawn anew for each key: for a density on [0, 1].

    E log p(x) - log(levels) per entry is a lower bound of the log mass that the density gives to the level, so a
    density is bounded on it, as it is not on a few points.
    Uria, Murray and Larochelle (2013), arXiv:1306.0186; Theis, van den Oord and Bethge (2015), arXiv:1511.01844.

    >>> x = dequantised(17).view(jax.random.key(0), jnp.full(1000, 3, jnp.uint8))
    >>> bool((x >= 3 / 17).all() & (x <= 4 / 17).all())
    True
    """

    def view(key: Key, raw: Array) -> Array:
        v = jnp.asarray(raw).astype(float)
        return (v + jax.random.uniform(key, v.shape, v.dtype)) / levels

    return View(view, UNIT_INTERVAL, f"(v + u)/{levels}, u uniform on [0, 1) and drawn anew")


@cache
def binarised(levels: int | None) -> View:
    """x ~ Bernoulli(v / (levels - 1)), drawn anew for each key; of floats in [0, 1], `levels=None`, Bernoulli(v).

    >>> binarised(17).view(jax.random.key(0), jnp.array([0, 16], jnp.uint8)).tolist()
    [0.0, 1.0]
    """

    def view(key: Key, raw: Array) -> Array:
        p = _unit(raw, levels)
        return jax.random.bernoulli(key, p).astype(p.dtype)

    return View(view, levels_of(2), f"Bernoulli({_word(levels)}), drawn anew")


@cache
def as_floats(support: Support = REALS) -> View:
    """x = v, in jax's default float type; `support` is where the values are known to lie.

    >>> as_floats().view(jax.random.key(0), jnp.array([0.5, 1.0])).tolist()
    [0.5, 1.0]
    """

    def view(key: Key, raw: Array) -> Array:
        return _unit(raw, None)

    return View(view, support, "v")


def _unit(raw: Array, levels: int | None) -> Array:
    """What a raw value stands for: v / (levels - 1), or v itself."""
    v = jnp.asarray(raw).astype(float)
    return v if levels is None else v / (levels - 1)


def _word(levels: int | None) -> str:
    return "v" if levels in (None, 2) else f"v/{levels - 1}"
