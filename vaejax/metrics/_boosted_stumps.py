"""Gradient boosting with trees of a single split: which inputs it uses, and how well it says a label."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.types import Number, Scalar

AS_GOOD = 1e-3  # by this share of the best gain two inputs may differ and be equally good: it is rounding
LEAST_CURVATURE = 1e-3  # added to that of each side: a side of nothing moves nothing


class Boosted(NamedTuple):
    """gain: by how much full steps on each input would lower the loss, nats per example, summed over rounds."""

    gain: Float[Array, " latent"]
    accuracy: Scalar
    train_accuracy: Scalar


class _Splits(NamedTuple):
    """One for each class: go left where `bin[latent] <= cut`, and what a row on either side is moved by."""

    latent: Int[Array, " class"]
    cut: Int[Array, " class"]
    left: Float[Array, " class"]
    right: Float[Array, " class"]


def boosted_stumps(
    bins: Int[Array, "num latent"],
    labels: Int[Array, " num"],
    test_bins: Int[Array, "test latent"],
    test_labels: Int[Array, " test"],
    num_classes: int,
    num_bins: int,
    num_rounds: int,
    rate: Number,
) -> Boosted:
    """F_c(x) = F_c + rate x (the best step function of one input), for each class c and `num_rounds` times.

    The multinomial log loss to second order (Friedman 2001; Newton steps as in Chen and Guestrin 2016,
    arXiv:1603.02754). The sum over inputs of a function of each: no interactions. Inputs that are
    equally good share the gain; the first is split.
    """
    size, target = len(labels), jax.nn.one_hot(labels, num_classes)
    hot = jax.nn.one_hot(bins, num_bins).reshape(size, -1)  # [num, latent * bin]
    start = jnp.log((jnp.sum(target, axis=0) + 0.5) / (size + 0.5 * num_classes))

    def grow(_: Any, carry: tuple) -> tuple:
        scores, test_scores, gain = carry
        p = jax.nn.softmax(scores)
        slopes = jnp.concatenate([target - p, p * (1 - p)], axis=1)
        below = jnp.cumsum((hot.T @ slopes).reshape(-1, num_bins, 2, num_classes), axis=1)  # of bin <= cut
        splits, gains = _best(below, rate)
        gain = gain + jnp.sum(_credit(gains), axis=1) / size
        return scores + _moves(splits, bins), test_scores + _moves(splits, test_bins), gain

    first = tuple(jnp.tile(start, (len(rows), 1)) for rows in (bins, test_bins))
    scores, test_scores, gain = jax.lax.fori_loop(0, num_rounds, grow, (*first, jnp.zeros(bins.shape[1])))
    return Boosted(gain, _accuracy(test_scores, test_labels), _accuracy(scores, labels))


def _best(below: Float[Array, "latent bin two class"], rate: Number) -> tuple[_Splits, Float[Array, "latent class"]]:
    """The split of each class that lowers the loss most, and by how much the best split on each input would."""
    above = below[:, -1:] - below
    sides = [(side[:, :, 0], jnp.maximum(side[:, :, 1], 0.0) + LEAST_CURVATURE) for side in (below, above)]
    whole = below[:1, -1:, 0] ** 2 / (below[:1, -1:, 1] + LEAST_CURVATURE)
    gains = sum(slope**2 / curvature for slope, curvature in sides) - whole  # [latent, bin, class]
    _, num_bins, num_classes = gains.shape
    place = jnp.argmax(gains.reshape(-1, num_classes), axis=0)
    latent, cut = place // num_bins, place % num_bins
    at = (latent, cut, jnp.arange(num_classes))
    left, right = (rate * slope[at] / curvature[at] for slope, curvature in sides)
    return _Splits(latent, cut, left, right), 0.5 * jnp.maximum(jnp.max(gains, axis=1), 0.0)


def _credit(gains: Float[Array, "latent class"]) -> Float[Array, "latent class"]:
    """The gain of the best input, in equal shares to all that are as good: which of them was used is chance."""
    most = jnp.max(gains, axis=0, keepdims=True)
    good = (gains >= (1 - AS_GOOD) * most) & (gains > 0)
    return good * most / jnp.maximum(jnp.sum(good, axis=0, keepdims=True), 1)


def _moves(splits: _Splits, bins: Int[Array, "num latent"]) -> Float[Array, "num class"]:
    return jnp.where(bins[:, splits.latent] <= splits.cut[None], splits.left[None], splits.right[None])


def _accuracy(scores: Float[Array, "num class"], labels: Int[Array, " num"]) -> Scalar:
    return jnp.mean((jnp.argmax(scores, axis=1) == labels).astype(scores.dtype))
