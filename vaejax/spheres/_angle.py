"""The angle between a draw and the mode: exp(kappa cos t) sin(t)^(size - 2), by quadrature around its mode.

The window reaches REACH deviations to both sides, outside which less than 1e-15 of the mass lies, in PANELS panels of
at most a deviation, where 8 nodes of Gauss and Legendre integrate to float64. Mass is counted from the end that is
nearer, so that tails keep their relative accuracy; what cancels at large kappa or size is taken away by hand.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient
from jaxtyping import Array, Float

from vaejax.types import Scalar

REACH, PANELS, STEPS = 16.0, 32, 10
NODES, WEIGHTS = (0.5 * (a + shift) for a, shift in zip(np.polynomial.legendre.leggauss(8), (1, 0), strict=True))


class Law(NamedTuple):
    """The window, cut in panels. `kappa` alone has a gradient.

    cotangent: of the mode. low, high: ends of the window, from the mode. mass: of each panel, over the density at the
    mode.
    """

    kappa: Scalar
    size: Scalar
    mode: Scalar
    cotangent: Scalar
    low: Scalar
    high: Scalar
    mass: Float[Array, " panels"]


def moved_angle(angle: Scalar, kappa: Scalar, size: Scalar) -> Scalar:
    """The angle below which von Mises and Fisher's law has the mass that the uniform law has below `angle`.

    Increasing, and differentiable by both, implicitly.

    >>> moved_angle(jnp.array(1.0), jnp.array(0.0), jnp.array(3.0)).item().__round__(4)
    1.0
    """
    size = stop_gradient(size)
    upper = angle > 0.5 * jnp.pi
    fraction = _fraction(_law(jnp.zeros_like(kappa), size), jnp.where(upper, jnp.pi - angle, angle))
    return _solved(_law(kappa, size), fraction, upper)


def _law(kappa: Scalar, size: Scalar) -> Law:
    held, tiny = stop_gradient(kappa), jnp.finfo(kappa.dtype).tiny
    half = jnp.maximum(0.5 * ((size - 2) + jnp.sqrt(jnp.square(size - 2) + jnp.square(2 * held))), tiny)
    cosine, sine = held / half, jnp.sqrt((size - 2) / half)
    mode = jnp.arctan2(sine, cosine)
    reach = REACH / jnp.sqrt(jnp.maximum(held * cosine + half, 1.0))
    low, high = -jnp.minimum(reach, mode), jnp.minimum(reach, jnp.pi - mode)
    law = Law(kappa, size, mode, cosine / jnp.where(size > 2, sine, 1.0), low, high, jnp.zeros(PANELS, kappa.dtype))
    step = (high - low) / PANELS
    starts = low + step * jnp.arange(PANELS)
    return law._replace(mass=jax.vmap(lambda start: _mass(law, start, step))(starts))


def _density(law: Law, away: Scalar) -> Scalar:
    """So far from the mode, over that at the mode."""
    half = jnp.sin(away / 2)
    along = -2 * law.kappa * (jnp.sin(law.mode + away / 2) * half)
    sines = law.cotangent * jnp.sin(away) - 2 * jnp.square(half)  # the ratio of both sines, less 1
    sines = jnp.maximum(sines, jnp.finfo(sines.dtype).eps - 1)
    return jnp.exp(along + (law.size - 2) * jnp.log1p(sines))


def _mass(law: Law, start: Scalar, width: Scalar) -> Scalar:
    nodes, weights = (jnp.asarray(a, width.dtype) for a in (NODES, WEIGHTS))
    return width * (weights @ jax.vmap(lambda node: _density(law, start + width * node))(nodes))


def _fraction(law: Law, angle: Scalar) -> Scalar:
    """The mass below an angle."""
    held, step = stop_gradient(angle), (law.high - law.low) / PANELS
    from_end = jnp.maximum(held - law.mode - law.low, 0.0)
    index = jnp.minimum(jnp.floor(from_end / step), PANELS - 1)
    before = jnp.sum(jnp.where(jnp.arange(PANELS) < index, law.mass, 0.0))
    here = law.low + index * step
    below = before + _mass(law, here, from_end - index * step)
    return (below + _density(law, law.low + from_end) * (angle - held)) / jnp.sum(law.mass)


def _solved(law: Law, fraction: Scalar, upper: Array) -> Scalar:
    """The angle below which there is a fraction of the mass; above which, where it is counted from the upper end."""
    mass = jnp.where(upper, law.mass[::-1], law.mass)
    end, sign = jnp.where(upper, law.high, law.low), jnp.where(upper, -1.0, 1.0).astype(law.low.dtype)
    step = (law.high - law.low) / PANELS
    starts = jnp.concatenate([jnp.zeros(1, mass.dtype), jnp.cumsum(mass)])
    target = fraction * starts[-1]
    index = jnp.clip(jnp.sum(starts[1:] <= target), 0, PANELS - 1)
    start = index * step
    wanted = stop_gradient(target - starts[index])
    share = jnp.clip(wanted / mass[index], 0.0, 1.0)  # of the panel; in the first, sin(t)^(size - 2) is a power
    guess = step * jnp.where(index == 0, share ** (1 / (law.size - 1)), share)
    width = _width_of(stop_gradient(law), end, sign, start, step, wanted, stop_gradient(guess))
    here = stop_gradient(end + sign * (start + width))
    excess = starts[index] + sign * _mass(law, end + sign * start, sign * width) - target
    density = jnp.maximum(stop_gradient(_density(law, here)), jnp.finfo(width.dtype).tiny)
    return law.mode + here - sign * (excess - stop_gradient(excess)) / density


def _width_of(
    law: Law, end: Scalar, sign: Scalar, start: Scalar, step: Scalar, wanted: Scalar, guess: Scalar
) -> Scalar:
    """How far into its panel the mass is reached: Newton's method, kept between bounds that close in."""

    def closer(_: Any, bounds: tuple[Scalar, Scalar, Scalar]) -> tuple[Scalar, Scalar, Scalar]:
        low, high, width = bounds
        excess = sign * _mass(law, end + sign * start, sign * width) - wanted
        low, high = jnp.where(excess < 0, width, low), jnp.where(excess < 0, high, width)
        density = jnp.maximum(_density(law, end + sign * (start + width)), jnp.finfo(width.dtype).tiny)
        newton = width - excess / density
        return low, high, jnp.where((newton >= low) & (newton <= high), newton, 0.5 * (low + high))

    return jax.lax.fori_loop(0, STEPS, closer, (jnp.zeros_like(step), step, guess))[2]
