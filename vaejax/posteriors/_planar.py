import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient
from jaxtyping import Array

from vaejax.families import REALS, both, in_use, no_params, on_vectors
from vaejax.numerics import normal_log_prob, require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Scalar, Stats

HALVINGS = 60  # of an interval, to float64
NODES, WEIGHTS = (
    a / scale for a, scale in zip(np.polynomial.hermite_e.hermegauss(64), (1, math.sqrt(2 * math.pi)), strict=True)
)
FIRST = 1 - 1 / math.e  # the slope of `_above_minus_one` at 0


def planar(num_layers: Number = 2) -> Family:
    """z <- z + v tanh(w.z + b) in each layer, on a diagonal normal; the encoder tells v, w and b of every example.

    log q = log N(z_0) - sum over layers of log(1 + (1 - tanh^2) w.v). Stats: mean, log_scale, and for each layer rows
    u, w and one whose sum over latents is b. A layer is invertible where w.v > -1, for which v = u m(w.u) / (w.u) with
    m(x) = log(1 + (e - 1) e^x) - 1: the length of u is changed, where the paper moves u along w, so that v is a smooth
    function of both where w is 0 too. Zero stats are N(0, I). At a free z every layer is inverted: an equation of one
    number, by halving, with the derivative of the implicit function.
    `mean` is exact for one layer and for one latent, for w of ordinary size, by 64 nodes of Gauss and Hermite; of more,
    each layer sees those before it along one line, that of its own w. One part; narrowed by a mask it is the smaller
    flow. Rezende and Mohamed (2015), arXiv:1505.05770.

    >>> z, log_q = planar().sample(jax.random.key(0), (), jnp.ones((8, 3)))
    >>> z.shape, log_q.shape
    ((3,), (1,))
    """
    return _planar(require_count("num_layers", num_layers), None)


Layer = tuple[Array, Array, Scalar, Scalar]  # v, w, b and w.v


def _planar(num_layers: int, active: Array | None) -> Family:
    used = in_use(active)

    def layers(stats: Stats) -> list[Layer]:
        rows = [[used(row) for row in stats[start : start + 3]] for start in range(2, 2 + 3 * num_layers, 3)]
        return [_layer(u, w, jnp.sum(offsets)) for u, w, offsets in rows]

    def sample(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
        noise = jax.random.normal(key, stats.shape[1:], stats.dtype)
        z = used(stats[0] + jnp.exp(stats[1]) * noise)
        log_q = jnp.sum(used(normal_log_prob(noise, 0.0, 0.0) - stats[1]))
        for layer in layers(stats):
            log_q = log_q - _log_det(layer, layer[1] @ z)
            z = _through(layer, z)
        return z, log_q[None]

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        z, log_det = used(z), jnp.zeros((), z.dtype)
        for layer in layers(stats)[::-1]:
            v, w, b, _ = layer
            before = _undone(layer, w @ z)
            z, log_det = z - v * jnp.tanh(before + b), log_det + _log_det(layer, before)
        return (jnp.sum(used(normal_log_prob(z, stats[0], stats[1]))) - log_det)[None]

    def mean(params: Params, stats: Stats) -> Event:
        scale, found, before = jnp.exp(stats[1]), used(stats[0]), []
        for layer in layers(stats):
            found = found + layer[0] * _mean_of_tanh(before, layer, used(stats[0]), scale)
            before = [*before, layer]
        return found

    def masked(more: Array) -> Family:
        return _planar(num_layers, both(active, more))

    return on_vectors(Family("planar", 2 + 3 * num_layers, no_params, sample, log_prob, mean, REALS, masked))


def _layer(u: Array, w: Array, b: Scalar) -> Layer:
    v = u * _share(w @ u)
    return v, w, b, w @ v


def _share(x: Scalar) -> Scalar:
    """m(x) / x of m(x) = log(1 + (e - 1) e^x) - 1, which is above -1; by its series near 0."""
    near = jnp.abs(x) < jnp.finfo(x.dtype).eps ** 0.25
    far = jnp.where(near, 1.0, x)
    p, q = FIRST, FIRST * (1 - FIRST)
    series = p + x * (q / 2 + x * (q * (1 - 2 * p) / 6 + x * (q * (1 - 6 * q) / 24)))
    return jnp.where(near, series, (jax.nn.softplus(far + math.log(math.e - 1)) - 1) / far)


def _through(layer: Layer, z: Array) -> Array:
    v, w, b, _ = layer
    return z + v * jnp.tanh(w @ z + b)


def _slope(layer: Layer, along: Scalar) -> Scalar:
    """Of w.z behind the layer by w.z before it: its determinant too."""
    _, _, b, steep = layer
    return 1 + steep * (1 - jnp.square(jnp.tanh(along + b)))


def _log_det(layer: Layer, along: Scalar) -> Scalar:
    return jnp.log(jnp.maximum(_slope(layer, along), jnp.finfo(along.dtype).tiny))


def _undone(layer: Layer, behind: Scalar) -> Scalar:
    """w.z before the layer, a, from that behind it, a + w.v tanh(a + b): it increases, and a is within |w.v| of it."""
    _, _, b, steep = layer

    def excess(along: Scalar) -> Scalar:
        return along + steep * jnp.tanh(along + b) - behind

    def halved(_: Any, ends: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
        middle = 0.5 * (ends[0] + ends[1])
        below = stop_gradient(excess(middle)) < 0
        return jnp.where(below, middle, ends[0]), jnp.where(below, ends[1], middle)

    reach, start = stop_gradient((jnp.abs(steep), behind))
    low, high = jax.lax.fori_loop(0, HALVINGS, halved, (start - reach, start + reach))
    along = 0.5 * (low + high)
    off = excess(along)
    return along - (off - stop_gradient(off)) / stop_gradient(_slope(layer, along))


def _mean_of_tanh(before: list[Layer], layer: Layer, mean: Array, scale: Array) -> Scalar:
    """E tanh(w.z + b) where z has gone through the layers before, with noise along the line that w sees alone."""
    _, w, b, _ = layer
    seen = scale * w
    line = scale * seen / jnp.sqrt(seen @ seen + jnp.finfo(w.dtype).tiny)

    def at(node: Scalar) -> Scalar:
        z = mean + node * line
        for one in before:
            z = _through(one, z)
        return jnp.tanh(w @ z + b)

    nodes, weights = (jnp.asarray(a, w.dtype) for a in (NODES, WEIGHTS))
    return weights @ jax.vmap(at)(nodes)
