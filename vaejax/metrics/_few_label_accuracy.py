from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.metrics._counting import num_values_of
from vaejax.metrics._linear_probe import fit_logistic
from vaejax.numerics import require_count, require_number
from vaejax.types import Key, Number, Scalar


class FewLabels(NamedTuple):
    """accuracy: the mean over choices of the labelled examples. standard_error: of it. each: of every choice."""

    accuracy: Scalar
    standard_error: Scalar
    each: Float[Array, " repeat"]


def few_label_accuracy(
    key: Key,
    codes: Float[Array, "num latent"],
    labels: Int[Array, " num"],
    test_codes: Float[Array, "test latent"],
    test_labels: Int[Array, " test"],
    labels_per_class: int = 10,
    repeats: int = 10,
    num_classes: int | None = None,
    l2: Number = 1.0,
) -> FewLabels:
    """The accuracy of `linear_probe` where only `labels_per_class` examples of each class are labelled, at random.

    The standard error is over the choices, on the same test codes: it says nothing of another test set. A class with
    fewer examples gives all it has. It is no semi-supervised learning: the codes knew of no label, and the probe of no
    other code. NaN from one repeat.
    Raises: VaejaxError where a label or a number is known and out of range, and inside `jit` without `num_classes`.

    >>> codes, labels = jnp.array([[0.0], [0.1], [5.0], [5.1]]), jnp.array([0, 0, 1, 1])
    >>> few_label_accuracy(jax.random.key(0), codes, labels, codes, labels, 1, 3).accuracy.item()
    1.0
    """
    size = num_values_of("labels", labels, num_classes, "num_classes")
    per_class, repeats = require_count("labels_per_class", labels_per_class), require_count("repeats", repeats)
    require_number("l2", l2, least=0.0)
    counts = jnp.bincount(labels, length=size)
    first = jnp.cumsum(counts) - counts
    place = jnp.arange(per_class)

    def once(key: Key) -> Scalar:
        order = jnp.lexsort((jax.random.uniform(key, labels.shape), labels))  # by class, at random within
        chosen = order[jnp.minimum(first[:, None] + place[None], len(labels) - 1).reshape(-1)]
        there = (place[None] < counts[:, None]).reshape(-1)
        fitted, _ = fit_logistic(codes[chosen], labels[chosen], there.astype(codes.dtype), size, l2)
        found = jnp.argmax(test_codes @ fitted.weights + fitted.bias[None], axis=1)
        return jnp.mean((found == test_labels).astype(codes.dtype))

    each = jax.lax.map(once, jax.random.split(key, repeats))
    error = jnp.std(each, ddof=1) / jnp.sqrt(repeats) if repeats > 1 else jnp.array(jnp.nan)
    return FewLabels(jnp.mean(each), error, each)
