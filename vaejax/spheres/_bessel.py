"""E exp(kappa z_1) over the unit sphere and its derivatives: Bessel functions of order v = size/2 - 1, in logarithms.

Small and large kappa have functions of their own, both accurate at kappa = size: of kappa^2, from 0 up and analytic
there; and of kappa, with the kappa that cancels in densities taken away by hand. Each goes ORDERS orders up, by
recurrences whose terms are all positive, to where Debye's expansion is exact in float64.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.spheres._debye import secant, slope
from vaejax.types import Scalar

ORDERS = 12


def log_area(size: Scalar) -> Scalar:
    """log 2 pi^(size/2) / Gamma(size/2), of the unit sphere.

    >>> jnp.exp(log_area(jnp.array(3.0))).item().__round__(4)  # 4 pi
    12.5664
    """
    return math.log(2) + 0.5 * size * math.log(math.pi) - jax.lax.lgamma(0.5 * size)


def ratio(squared: Scalar, size: Scalar) -> Scalar:
    """A(kappa) / kappa, of squared = kappa^2 up to size^2; A is the length of the mean.

    >>> ratio(jnp.array(0.0), jnp.array(4.0)).item()
    0.25
    """
    return _ratios(squared, size)[0]


@jax.custom_jvp
def log_normaliser(squared: Scalar, size: Scalar) -> Scalar:
    """log E exp(kappa z_1) over the sphere, of squared = kappa^2 up to size^2: relative accuracy, also close to 0.

    >>> log_normaliser(jnp.array(1.0), jnp.array(3.0)).item().__round__(4)  # log sinh 1
    0.1614
    """
    order = _highest(size)
    squared_x = squared / order**2
    s = jnp.sqrt(1 + squared_x)
    grown = squared_x / (1 + s)  # s - 1
    found = order * (grown - jnp.log1p(grown / 2)) - 0.5 * jnp.log1p(grown) - grown / s * secant(1 / s, order)
    return found + jnp.sum(jnp.log1p(squared * _ratios(squared, size)[1:] / _sizes(size)))


@log_normaliser.defjvp
def _(primals: tuple[Scalar, Scalar], tangents: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
    return log_normaliser(*primals), 0.5 * ratio(*primals) * tangents[0]  # a size has no derivative


def shortfall(kappa: Scalar, size: Scalar) -> Scalar:
    """kappa (1 - A(kappa)), for kappa from size up: close to (size - 1) / 2.

    >>> shortfall(jnp.array(9.0), jnp.array(3.0)).item().__round__(4)  # 9 - 9 coth 9 + 1
    1.0
    """
    return _shortfalls(kappa, size)[0]


@jax.custom_jvp
def log_normaliser_below(kappa: Scalar, size: Scalar) -> Scalar:
    """kappa - log E exp(kappa z_1) over the sphere, for kappa from size up.

    >>> log_normaliser_below(jnp.array(9.0), jnp.array(3.0)).item().__round__(4)  # log 18
    2.8904
    """
    order = _highest(size)
    x = kappa / order
    s = jnp.sqrt(1 + jnp.square(x))
    grown = x * (x / (1 + s))
    found = order * (1 - 1 / (s + x) + jnp.log1p(grown / 2)) + 0.5 * jnp.log(s) + grown / s * secant(1 / s, order)
    return found - jnp.sum(jnp.log1p((kappa - _shortfalls(kappa, size)[1:]) / _sizes(size)))


@log_normaliser_below.defjvp
def _(primals: tuple[Scalar, Scalar], tangents: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
    return log_normaliser_below(*primals), shortfall(*primals) / primals[0] * tangents[0]


def rate(squared: Scalar, size: Scalar) -> Scalar:
    """The KL to the uniform law, kappa A - log E exp(kappa z_1), of squared = kappa^2.

    >>> rate(jnp.array(0.0), jnp.array(3.0)).item()
    0.0
    """
    few, kappa = small(squared, size)
    near = few * ratio(few, size) - log_normaliser(few, size)
    far = log_normaliser_below(kappa, size) - shortfall(kappa, size)
    return jnp.where(squared <= size**2, near, far)


def small(squared: Scalar, size: Scalar) -> tuple[Scalar, Scalar]:
    """kappa^2 where kappa is at most size, and kappa where it is not; elsewhere harmless numbers, for both branches."""
    near = squared <= size**2
    return jnp.where(near, squared, 0.0), jnp.sqrt(jnp.where(near, size**2, squared))


def _highest(size: Scalar) -> Scalar:
    return 0.5 * size + (ORDERS - 1)


def _sizes(size: Scalar) -> Float[Array, "orders"]:
    return size + 2 * jnp.arange(ORDERS, dtype=size.dtype)


def _down(step: Callable[[Scalar, Scalar], Scalar], highest: Scalar, size: Scalar) -> Float[Array, "orders_and_one"]:
    """From the highest order to that of `size`, in whose order they are returned."""

    def carried(above: Scalar, size: Scalar) -> tuple[Scalar, Scalar]:
        here = step(above, size)
        return here, here

    found = jax.lax.scan(carried, highest, _sizes(size), reverse=True)[1]
    return jnp.append(found, highest)


def _ratios(squared: Scalar, size: Scalar) -> Float[Array, "orders_and_one"]:
    """A / kappa of sizes `size`, size + 2, ...: rho_v = 1 / (2 (v + 1) + kappa^2 rho_(v+1))."""
    order = _highest(size)
    s = jnp.sqrt(1 + squared / order**2)
    highest = (order / (1 + s) - (0.5 + slope(1 / s, order) / s) / s**2) / order**2
    return _down(lambda above, size: 1 / (size + squared * above), highest, size)


def _shortfalls(kappa: Scalar, size: Scalar) -> Float[Array, "orders_and_one"]:
    """kappa (1 - A) of sizes `size`, size + 2, ..., by the same recurrence."""
    order = _highest(size)
    x = kappa / order
    s = jnp.sqrt(1 + jnp.square(x))
    highest = kappa * (1 + 1 / (s + x)) / (1 + s) + (0.5 + slope(1 / s, order) / s) * jnp.square(x / s)
    return _down(lambda above, size: kappa * ((size - above) / (kappa + size - above)), highest, size)
