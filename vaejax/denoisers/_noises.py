from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln, xlogy
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.numerics import normal_log_prob, require_number
from vaejax.types import Event, Key, Number
from vaejax.variants import Corrupt, gaussian_noise
from vaejax.variants import zeroed as zeroing

SAME = 1e-4  # values that differ by less are one: less than a step between 256 levels


class Noise(NamedTuple):
    """p(noisy | x) of each entry by itself.

    corrupt: a draw, `(key, x)`; what `variants.denoising` takes.
    log_prob: `(noisy, x)`, entry by entry, of two arrays that broadcast; `None` where entries depend on each other.
    """

    name: str
    corrupt: Corrupt
    log_prob: Callable[[Array, Array], Array] | None


def gaussian(scale: Number = 0.1) -> Noise:
    """x + scale * e, e ~ N(0, 1) for each entry. It is not cut off where x ends.

    >>> gaussian(0.0).corrupt(jax.random.key(0), jnp.ones(2)).tolist()
    [1.0, 1.0]
    """
    log_scale = jnp.log(jnp.asarray(scale, float))
    return Noise("gaussian", gaussian_noise(scale), lambda noisy, x: normal_log_prob(noisy, x, log_scale))


def zeroed(rate: Number = 0.2) -> Noise:
    """Each entry is 0 with this probability, and nobody says which: if it is known, `Example.observed` says so.

    Its log probability is that of a mass, for an x of levels: of an x with a density every 0 is noise.

    >>> zeroed(1.0).corrupt(jax.random.key(0), jnp.ones(2)).tolist()
    [0.0, 0.0]
    """
    return Noise("zeroed", zeroing(rate), _replaced(rate, (0.0,)))


def salt_and_pepper(rate: Number = 0.2, low: float = 0.0, high: float = 1.0) -> Noise:
    """Each entry is `low` or `high`, with probability rate / 2 each, else it is kept.

    Its log probability is that of a mass, as of `zeroed`.

    >>> sorted(set(salt_and_pepper(1.0).corrupt(jax.random.key(0), jnp.full(50, 0.5)).tolist()))
    [0.0, 1.0]
    """
    require_number("rate", rate, least=0.0, most=1.0)

    def corrupt(key: Key, x: Event) -> Event:
        u = jax.random.uniform(key, x.shape, x.dtype)
        return jnp.where(u < 0.5 * rate, low, jnp.where(u < rate, high, x)).astype(x.dtype)

    return Noise("salt and pepper", corrupt, _replaced(rate, (low, high)))


def poisson(peak: Number = 30.0) -> Noise:
    """Poisson(peak * x) / peak: counts of light, `peak` of them where x is 1. x must not be below 0.

    The scale of what is added is sqrt(x / peak). Its log probability is the mass of the count that is nearest.

    >>> poisson(1e6).corrupt(jax.random.key(0), jnp.array([0.0, 1.0])).round(2).tolist()
    [0.0, 1.0]
    """
    require_number("peak", peak, above=0.0)

    def corrupt(key: Key, x: Event) -> Event:
        return (jax.random.poisson(key, peak * x) / peak).astype(x.dtype)

    def log_prob(noisy: Array, x: Array) -> Array:
        count, mean = jnp.round(peak * noisy), peak * x
        return jnp.where(mean < 0, -jnp.inf, xlogy(count, jnp.maximum(mean, 0.0)) - mean - gammaln(count + 1))

    return Noise("poisson", corrupt, log_prob)


def blocks(size: Number = 8) -> Noise:
    """A square of `size` pixels, somewhere in the image `[height, width, ...]`, is 0. Its density is not known here.

    Raises: VaejaxError where x is no image, or the square is known not to fit.

    >>> blocks(2).corrupt(jax.random.key(0), jnp.ones((4, 4))).sum().item()
    12.0
    """
    require_number("size", size, least=0.0)

    def corrupt(key: Key, x: Event) -> Event:
        if x.ndim < 2:
            raise VaejaxError(f"blocks are of images, [height, width, ...], and x has shape {x.shape}")
        require_number("size", size, least=0.0, most=float(min(x.shape[:2])))
        first = jax.random.uniform(key, (2,)) * (jnp.array(x.shape[:2]) - size + 1)
        hit = [_between(jnp.arange(x.shape[axis]), jnp.floor(first[axis]), size) for axis in (0, 1)]
        square = hit[0][:, None] & hit[1][None]
        return jnp.where(square.reshape(*square.shape, *[1] * (x.ndim - 2)), 0.0, x)

    return Noise("blocks", corrupt, None)


def any_of(*noises: Noise) -> Corrupt:
    """One of these noises for each x, each as often: what a denoiser is trained with that is not told the noise.

    Raises: VaejaxError where there is none.

    >>> bool(any_of(gaussian(0.1), zeroed(0.5))(jax.random.key(0), jnp.ones(8)).std() > 0)
    True
    """
    if not noises:
        raise VaejaxError("expected at least one noise, got none")

    def corrupt(key: Key, x: Event) -> Event:
        which, draw = jax.random.split(key)
        branches = [noise.corrupt for noise in noises]
        return jax.lax.switch(jax.random.randint(which, (), 0, len(noises)), branches, draw, x)

    return corrupt


def _replaced(rate: Number, by: tuple[float, ...]) -> Callable[[Array, Array], Array]:
    """log[(1 - rate) [noisy = x] + rate * mean over `by` of [noisy = value]]."""

    def log_prob(noisy: Array, x: Array) -> Float[Array, "..."]:
        hits = sum(jnp.where(jnp.abs(noisy - value) < SAME, 1.0, 0.0) for value in by) / len(by)
        return jnp.log((1 - rate) * jnp.where(jnp.abs(noisy - x) < SAME, 1.0, 0.0) + rate * hits)

    return log_prob


def _between(places: Array, first: Array, size: Number) -> Array:
    return (places >= first) & (places < first + size)
